// One YAML document in Monaco: schema, server validation, draft, cursor path, expressions coloured.
import { useEffect, useRef } from "react";
import { isAbort, request, useDebounced } from "$/public/external/components/net/net.jsx";
import { conf as yamlConf } from "monaco-editor/esm/vs/basic-languages/yaml/yaml.js";
import { applyTheme, dropSchemaFor, monaco, options, useSchemaFor } from "$/public/external/components/monaco/monaco.jsx";
import { helpFor, typesOf } from "./yaml_help.jsx";
import { pathText, placeOf, typeAt, yamlPaths } from "./yaml_paths.jsx";

// Enter after `- id: x` goes on below `id`, not below the dash. The language reads its configuration when the first
// document is opened, hence it is changed here.
const { IndentAction } = monaco.languages;
yamlConf.onEnterRules = [
  { beforeText: /^\s*-\s+[^#]*:\s*$/, action: { indentAction: IndentAction.Indent, appendText: "  " } },
  { beforeText: /^\s*-\s+[\w$.-]+:\s+[^|>\s].*$/, action: { indentAction: IndentAction.None, appendText: "  " } },
  { beforeText: /:\s*([|>][+-]?\d*)?\s*$/, action: { indentAction: IndentAction.Indent } },
];

const typesBySchema = new Map(); // uri -> Map of types
let helped = false;
function installHelp() {
  if (helped) return;
  helped = true;
  const of = (model) => typesBySchema.get(model.uri.toString()) || new Map();
  let current = new Map();
  const provider = helpFor(monaco, () => current);
  monaco.languages.registerCompletionItemProvider("yaml", {
    ...provider,
    provideCompletionItems: (model, position, context, cancel) => {
      current = of(model);
      return provider.provideCompletionItems(model, position, context, cancel);
    },
  });
}

const SEVERITY = { error: monaco.MarkerSeverity.Error, warning: monaco.MarkerSeverity.Warning, deprecation: monaco.MarkerSeverity.Warning, info: monaco.MarkerSeverity.Info, hint: monaco.MarkerSeverity.Hint };
const WORD = { 8: "error", 4: "warning", 2: "info", 1: "hint" };

// The answer of `flows/validate` -> findings with places. Older answers know only texts: `path: message`.
function findingsOf(answer, text) {
  const paths = yamlPaths(text);
  const out = [];
  const add = (message, severity, item = {}) => {
    let { line, column, endLine, endColumn } = item;
    endLine ??= item.end_line;
    endColumn ??= item.end_column;
    const said = /\bline:? (\d+)(?:,? column:? (\d+))?/i.exec(message);
    const path = item.path ?? /^\s*([\w$-]+(?:\[\d+\])?(?:\.[\w$-]+(?:\[\d+\])?)*)\s*:/.exec(message)?.[1];
    if (!line && said) [line, column] = [Number(said[1]), Number(said[2] || 1)];
    if (!line && path) ({ line, column } = placeOf(paths, path) || {});
    out.push({ line: line || 1, column: column || 1, endLine, endColumn, message: String(message).trim(), severity, path: path || "", rule: item.rule || "" });
  };
  for (const one of Array.isArray(answer) ? answer : [answer]) {
    const list = one?.findings || one?.markers;
    if (list) for (const item of list) add(item.message, item.severity || "error", item);
    else {
      for (const line of (one?.constraints || "").split("\n")) if (line.trim()) add(line, "error");
      for (const line of one?.warnings || []) add(line, "warning");
      for (const path of one?.deprecationPaths || []) add(`${path}: deprecated`, "deprecation", { path });
      for (const line of one?.infos || []) add(line, "info");
    }
  }
  return out;
}

function toMarker(model, f) {
  const last = model.getLineCount();
  const line = Math.min(Math.max(1, f.line), last);
  const content = model.getLineContent(line);
  const column = Math.min(Math.max(1, f.column), content.length + 1);
  const word = /^[\w.$/-]+/.exec(content.slice(column - 1))?.[0].length || Math.max(1, content.length - column + 1);
  return {
    startLineNumber: line, startColumn: column,
    endLineNumber: f.endLine ? Math.min(f.endLine, last) : line, endColumn: f.endColumn || column + word,
    message: f.message, severity: SEVERITY[f.severity] || SEVERITY.error, source: f.source || "server", code: f.rule || undefined,
  };
}

const draftName = (key) => `flowdeck:draft:${key}`;
export function readDraft(key) {
  try {
    return JSON.parse(localStorage.getItem(draftName(key)) || "null");
  } catch {
    return null;
  }
}
export function writeDraft(key, text, base) {
  try {
    if (text === null) localStorage.removeItem(draftName(key));
    else localStorage.setItem(draftName(key), JSON.stringify({ text, base: base.length, at: Date.now() }));
  } catch {
    // A full or forbidden storage must not stop the typing.
  }
}

export function YamlEditor(props) {
  const { docUri, value = "", schemaUrl, validateUrl, readOnly = false, theme, markers, breakpoints, draftKey, command, wrap = false, minimap = false } = props;
  const held = useRef({});
  held.current = props;
  const host = useRef(null);
  const editor = useRef(null);
  const saved = useRef(value); // the text that counts as saved
  const reported = useRef(value);
  const dirty = useRef(false);
  const abort = useRef(null);

  const report = useDebounced((text) => {
    reported.current = text;
    held.current.onChange?.(text);
  }, 300);
  // Other panels of the page (topology) follow the text without a way over the server.
  // `valid` says whether the server found an error: only a valid text can be drawn.
  const told = useRef(null);
  const publish = (text, valid) => {
    told.current = { uri: held.current.docUri, text, valid };
    window.dispatchEvent(new CustomEvent("flowdeck:document", { detail: told.current }));
  };
  useEffect(() => {
    const tell = (event) => event.detail?.uri === held.current.docUri && told.current && publish(told.current.text, told.current.valid);
    window.addEventListener("flowdeck:document?", tell);
    return () => window.removeEventListener("flowdeck:document?", tell);
  }, []);
  const keep = useDebounced((text) => {
    if (held.current.draftKey) writeDraft(held.current.draftKey, text === saved.current ? null : text, saved.current);
  }, 1000);
  const check = useDebounced(async (text) => {
    const { validateUrl: url } = held.current;
    const model = editor.current?.getModel();
    if (!url || !model) return;
    abort.current?.abort();
    abort.current = new AbortController();
    const version = model.getVersionId();
    try {
      const answer = await request(url, { method: "POST", body: text, headers: { "Content-Type": "application/x-yaml" }, signal: abort.current.signal });
      if (model.isDisposed() || model.getVersionId() !== version) return;
      const found = findingsOf(answer, text);
      monaco.editor.setModelMarkers(model, "server", found.map((f) => toMarker(model, f)));
      publish(text, !found.some((f) => f.severity === "error"));
    } catch (error) {
      // A validation that did not happen is no finding; saving validates again.
      if (!isAbort(error)) monaco.editor.setModelMarkers(model, "server", []);
    }
  }, 300);

  useEffect(() => {
    installHelp();
    const uri = monaco.Uri.parse(`inmemory://flowdeck/${(docUri || "flow.yaml").replace(/^\/+/, "")}`);
    monaco.editor.getModel(uri)?.dispose();
    const model = monaco.editor.createModel(held.current.value ?? "", "yaml", uri);
    saved.current = held.current.value ?? "";
    reported.current = saved.current;
    dirty.current = false;
    const view = monaco.editor.create(host.current, {
      ...options(), model, readOnly, glyphMargin: true,
      wordWrap: wrap ? "on" : "off", minimap: { enabled: minimap }, quickSuggestions: { other: true, strings: true, comments: false },
      suggest: { showWords: false, preview: false, localityBonus: false }, wordBasedSuggestions: "off", ariaLabel: "YAML source",
    });
    editor.current = view;
    host.current.dataset.ready = "true";
    const drawn = view.createDecorationsCollection();
    const inline = view.createDecorationsCollection();
    const disposables = [];

    const colour = () => {
      const list = [];
      for (const { startLineNumber, endLineNumber } of view.getVisibleRanges()) {
        const text = model.getValueInRange(new monaco.Range(startLineNumber, 1, endLineNumber, model.getLineMaxColumn(endLineNumber)));
        const base = model.getOffsetAt({ lineNumber: startLineNumber, column: 1 });
        const mark = (from, to, name) => list.push({ range: monaco.Range.fromPositions(model.getPositionAt(base + from), model.getPositionAt(base + to)), options: { inlineClassName: name } });
        for (const m of text.matchAll(/\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}/gs)) mark(m.index, m.index + m[0].length, "fd-expr");
        for (const m of text.matchAll(/^(\s*(?:- +)*type\s*:\s*)([\w]+(?:\.[\w]+)+)/gm)) mark(m.index + m[1].length, m.index + m[0].length, "fd-type");
      }
      drawn.set(list);
    };
    let frame = 0;
    const colourSoon = () => (frame ||= requestAnimationFrame(() => ((frame = 0), model.isDisposed() || colour())));
    colourSoon();
    disposables.push(view.onDidScrollChange(colourSoon), view.onDidLayoutChange(colourSoon));

    const cursor = () => {
      const position = view.getPosition();
      if (!position || !held.current.onCursor) return;
      const paths = yamlPaths(model.getValue());
      const place = paths[position.lineNumber - 1] || { path: [] };
      held.current.onCursor({ line: position.lineNumber, column: position.column, path: pathText(place.path), type: typeAt(paths, position.lineNumber - 1).type });
    };
    let cursorTimer = 0;
    disposables.push(view.onDidChangeCursorPosition(() => {
      clearTimeout(cursorTimer);
      cursorTimer = setTimeout(cursor, 120);
    }));

    disposables.push(model.onDidChangeContent(() => {
      const text = model.getValue();
      colourSoon();
      const now = text !== saved.current;
      if (now !== dirty.current) {
        dirty.current = now;
        held.current.onDirty?.(now);
      }
      if (held.current.onChange) report(text);
      keep(text);
      check(text);
    }));

    let markerTimer = 0;
    let last = "";
    const said = () => {
      const found = monaco.editor.getModelMarkers({ resource: uri });
      // The server's word counts: what the schema says of the same line is not said twice.
      const byServer = new Set(found.filter((m) => m.owner === "server").map((m) => m.startLineNumber));
      const list = found.filter((m) => m.owner === "server" || !byServer.has(m.startLineNumber)).map((m) => ({ line: m.startLineNumber, column: m.startColumn, endLine: m.endLineNumber, endColumn: m.endColumn, message: m.message.length > 400 ? `${m.message.slice(0, 400)}…` : m.message, severity: WORD[m.severity] || "info", source: m.owner === "server" ? "server" : "schema", rule: typeof m.code === "string" ? m.code : "" }));
      list.sort((a, b) => a.line - b.line || a.column - b.column);
      const lines = new Set();
      inline.set(list.filter((m) => m.severity !== "info" && m.severity !== "hint" && !lines.has(m.line) && lines.add(m.line)).slice(0, 20).map((m) => ({
        range: new monaco.Range(m.line, model.getLineMaxColumn(Math.min(m.line, model.getLineCount())), m.line, model.getLineMaxColumn(Math.min(m.line, model.getLineCount()))),
        options: { showIfCollapsed: true, before: { content: "\u00a0\u00a0\u00a0\u00a0", cursorStops: monaco.editor.InjectedTextCursorStops.None }, after: { content: "\u00a0" + m.message.split("\n")[0].slice(0, 90) + "\u00a0", inlineClassName: m.severity === "error" ? "fd-inline-error" : "fd-inline-warning", cursorStops: monaco.editor.InjectedTextCursorStops.None } },
      })));
      const text = JSON.stringify(list);
      if (text === last) return;
      last = text;
      held.current.onMarkers?.(list);
    };
    disposables.push(monaco.editor.onDidChangeMarkers((uris) => {
      if (!uris.some((u) => u.toString() === uri.toString())) return;
      clearTimeout(markerTimer);
      markerTimer = setTimeout(() => model.isDisposed() || said(), 60);
    }));

    const save = () => {
      if (held.current.readOnly) return;
      const text = model.getValue();
      report.cancel();
      keep.flush();
      reported.current = text;
      held.current.onSave?.(text);
    };
    // Not addCommand: its keybindings are global, the last editor of a page would take them all.
    view.onKeyDown((event) => {
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.keyCode === monaco.KeyCode.KeyS) {
        event.preventDefault();
        event.stopPropagation();
        save();
      }
    });
    editor.current.fdSave = save;

    if (held.current.draftKey) {
      const draft = readDraft(held.current.draftKey);
      if (draft && draft.text !== saved.current) {
        if (held.current.onDraft) held.current.onDraft({ text: draft.text, saved: new Date(draft.at).toISOString() });
      } else if (draft) writeDraft(held.current.draftKey, null, "");
    }
    check(model.getValue());
    if (!held.current.validateUrl) publish(model.getValue(), true);
    cursor();
    return () => {
      report.flush();
      keep.flush();
      check.cancel();
      abort.current?.abort();
      clearTimeout(cursorTimer);
      clearTimeout(markerTimer);
      cancelAnimationFrame(frame);
      disposables.forEach((d) => d.dispose());
      editor.current = null;
      view.dispose();
      typesBySchema.delete(uri.toString());
      dropSchemaFor(uri.toString());
      model.dispose();
    };
  }, [docUri]);

  useEffect(() => {
    const uri = editor.current?.getModel().uri.toString();
    if (!schemaUrl || !uri) return;
    useSchemaFor(schemaUrl, uri).then((schema) => typesBySchema.set(uri, typesOf(schema)), () => {});
  }, [schemaUrl, docUri]);

  // A new value from outside: what was saved, or another document. An echo of our own report changes nothing.
  useEffect(() => {
    const view = editor.current;
    if (!view) return;
    const model = view.getModel();
    saved.current = value;
    if (value !== model.getValue() && value !== reported.current) {
      // By an edit, not setValue: the undo history and the cursor stay.
      view.pushUndoStop();
      model.pushEditOperations([], [{ range: model.getFullModelRange(), text: value }], () => null);
      view.pushUndoStop();
    }
    reported.current = value;
    const now = model.getValue() !== value;
    if (now !== dirty.current) {
      dirty.current = now;
      held.current.onDirty?.(now);
    }
    if (!now && draftKey) {
      keep.cancel();
      writeDraft(draftKey, null, "");
    }
  }, [value]);

  useEffect(() => editor.current?.updateOptions({ readOnly, wordWrap: wrap ? "on" : "off", minimap: { enabled: minimap } }), [readOnly, wrap, minimap]);
  useEffect(() => { if (theme) requestAnimationFrame(applyTheme); }, [theme]);
  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) monaco.editor.setModelMarkers(model, "given", (markers || []).map((f) => toMarker(model, { ...f, source: "given" })));
  }, [JSON.stringify(markers || [])]);
  useEffect(() => {
    const view = editor.current;
    if (!view) return undefined;
    const wanted = new Set(breakpoints || []);
    const paths = yamlPaths(view.getModel().getValue());
    const list = [];
    paths.forEach((p, i) => p.key === "id" && p.path.length > 2 && wanted.has(p.value.replace(/["']/g, "")) && list.push({ range: new monaco.Range(i + 1, 1, i + 1, 1), options: { glyphMarginClassName: "fd-break", glyphMarginHoverMessage: { value: "Breakpoint" } } }));
    const drawn = view.createDecorationsCollection(list);
    return () => drawn.clear();
  }, [(breakpoints || []).join()]);

  const seen = useRef(command?.seq);
  useEffect(() => {
    const view = editor.current;
    if (!view || !command?.kind || command.seq === seen.current) return;
    seen.current = command.seq;
    const model = view.getModel();
    if (command.kind === "reveal") {
      const place = command.line ? command : placeOf(yamlPaths(model.getValue()), command.path || "") || (command.id ? findId(model, command.id) : null);
      if (place) {
        view.revealLineInCenter(place.line);
        view.setPosition({ lineNumber: place.line, column: place.column || 1 });
        view.focus();
      }
    } else if (command.kind === "insert") view.executeEdits("command", [{ range: view.getSelection(), text: command.text, forceMoveMarkers: true }]);
    else if (command.kind === "replace") view.executeEdits("command", [{ range: model.getFullModelRange(), text: command.text }]);
    else if (command.kind === "save") view.fdSave();
    else if (command.kind === "find") view.getAction("actions.find")?.run();
    else if (command.kind === "forget") { keep.cancel(); if (held.current.draftKey) writeDraft(held.current.draftKey, null, ""); }
    else if (command.kind === "undo") view.trigger("command", "undo", null);
    else if (command.kind === "focus") view.focus();
  }, [command?.seq]);

  return <div className="fd-code-host" ref={host} data-testid="yaml-editor" />;
}

function findId(model, id) {
  const index = yamlPaths(model.getValue()).findIndex((p) => p.key === "id" && p.path.length > 2 && p.value.replace(/["']/g, "") === id);
  return index < 0 ? null : { line: index + 1, column: 1 };
}
