// One YAML document in Monaco: schema, server validation, draft, cursor path, expressions coloured.
import { useEffect, useRef } from "react";
import { isAbort, request, useDebounced } from "$/public/external/components/net/net.jsx";
import { conf as yamlConf } from "monaco-editor/esm/vs/basic-languages/yaml/yaml.js";
import { applyTheme, dropSchemaFor, echoes, monaco, onSaveKey, options, readAtCursor, useSchemaFor } from "$/public/external/components/monaco/monaco.jsx";
import { attach, documentOf, setBreakpoints, sourceOf, tellCursor, tellMarkers, tellText, useProposal } from "$/public/external/components/yaml_document/yaml_document.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { drafts } from "./drafts.jsx";
import { installAid, setAid } from "./yaml_aid.jsx";
import { Proposal } from "./yaml_proposal.jsx";
import { embedded } from "./yaml_embedded.jsx";
import { typesOf } from "./yaml_help.jsx";
import { pathText, placeOf, typeAt, yamlPaths } from "./yaml_paths.jsx";

// Enter after `- id: x` goes on below `id`, not below the dash. The language reads its configuration when the first
// document is opened, hence it is changed here.
const { IndentAction } = monaco.languages;
yamlConf.onEnterRules = [
  { beforeText: /^\s*-\s+[^#]*:\s*$/, action: { indentAction: IndentAction.Indent, appendText: "  " } },
  { beforeText: /^\s*-\s+[\w$.-]+:\s+[^|>\s].*$/, action: { indentAction: IndentAction.None, appendText: "  " } },
  { beforeText: /:\s*([|>][+-]?\d*)?\s*$/, action: { indentAction: IndentAction.Indent } },
];

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

// The lines that say which flow this is: of a stored one they stay (UI-ED-22).
const NAME = /^(id|namespace)\s*:\s*["']?([^\s"'#]*)/;

export function YamlEditor(props) {
  const { docUri, value = "", schemaUrl, validateUrl, readOnly = false, theme, markers, breakpoints, playable = false, draftKey, command, wrap = false, minimap = false, vim = false, fixed = "" } = props;
  const held = useRef({});
  held.current = props;
  const host = useRef(null);
  const editor = useRef(null);
  const saved = useRef(value); // the text that counts as saved
  const sent = useRef(null);
  const dirty = useRef(false);
  const abort = useRef(null);

  const textNow = () => editor.current.getModel().getValue();
  const report = useDebounced(() => {
    const text = textNow();
    sent.current.add(text);
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
  const begun = useRef(true);
  const kept = useRef(null);
  kept.current ??= drafts(() => ({ key: held.current.draftKey, url: held.current.draftUrl || "", revision: held.current.baseRevision || 0 }), (at) => held.current.onKept?.(at ? new Date(at).toISOString() : ""));
  const keep = useDebounced(() => {
    if (!held.current.draftKey) return;
    const text = textNow();
    if (text === saved.current) kept.current.forget();
    else kept.current.keep(text);
  }, 1000);
  const check = useDebounced(async () => {
    const { validateUrl: url } = held.current;
    const model = editor.current?.getModel();
    if (!url || !model) return;
    const text = model.getValue();
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

  // Before the editor's own effect, so that it ends before the editor goes.
  const line = useRef(null);
  useEffect(() => {
    if (!vim) return undefined;
    let stop = null;
    let gone = false;
    import("./yaml_vim.jsx").then(({ vimKeys }) => { if (!gone && editor.current) stop = vimKeys(editor.current, line.current, () => editor.current?.fdSave()); });
    return () => { gone = true; stop?.(); };
  }, [vim, docUri]);

  useEffect(() => {
    installAid();
    const uri = monaco.Uri.parse(`inmemory://flowdeck/${(docUri || "flow.yaml").replace(/^\/+/, "")}`);
    monaco.editor.getModel(uri)?.dispose();
    const model = monaco.editor.createModel(held.current.value ?? "", "yaml", uri);
    saved.current = held.current.value ?? "";
    begun.current = true;
    sent.current = echoes(saved.current);
    dirty.current = false;
    const view = monaco.editor.create(host.current, {
      ...options(), model, readOnly, glyphMargin: true,
      wordWrap: wrap ? "on" : "off", minimap: { enabled: minimap }, quickSuggestions: { other: true, strings: true, comments: false },
      suggest: { showWords: false, preview: false, localityBonus: false }, wordBasedSuggestions: "off", ariaLabel: "YAML source",
    });
    editor.current = view;
    host.current.dataset.ready = "true";
    const place = ({ line, column = 1, focus = true }) => {
      if (!line) return;
      view.revealLineInCenterIfOutsideViewport(line);
      view.setPosition({ lineNumber: line, column });
      if (focus) view.focus();
    };
    const detach = attach(docUri, {
      readOnly: () => Boolean(held.current.readOnly),
      edit: (edits) => {
        view.pushUndoStop();
        model.pushEditOperations(view.getSelections(), edits.map((e) => ({ range: monaco.Range.fromPositions(model.getPositionAt(e.from), model.getPositionAt(e.to)), text: e.text, forceMoveMarkers: true })), () => null);
        view.pushUndoStop();
      },
      undo: () => view.trigger("panel", "undo", null),
      reveal: place,
      save: () => save(),
      view, model,
    });
    tellText(docUri, () => model.getValue());
    // Breakpoints and Play beside the first line of each task (UI-ED-71, UI-ED-80).
    const gutter = view.createDecorationsCollection();
    const drawGutter = () => {
      const source = sourceOf(docUri);
      if (model.isDisposed() || source.error) return;
      const set = new Set(documentOf(docUri).breakpoints);
      const list = [];
      for (const task of Y.tasksOf(Y.valueOf(source))) {
        const line = Y.lineOf(source, task.path);
        if (!task.value.id || !line) continue;
        const on = set.has(String(task.value.id));
        const at = new monaco.Range(line, 1, line, 1);
        list.push({ range: at, options: { glyphMargin: { position: monaco.editor.GlyphMarginLane.Left }, glyphMarginClassName: `fd-break${on ? "" : " fd-break-off"}`, glyphMarginHoverMessage: { value: on ? "Remove the breakpoint" : "Stop before this task" } } });
        if (held.current.playable) list.push({ range: at, options: { glyphMargin: { position: monaco.editor.GlyphMarginLane.Right }, glyphMarginClassName: "fd-play", glyphMarginHoverMessage: { value: `Run ${task.value.id}` } } });
      }
      gutter.set(list);
    };
    let gutterTimer = 0;
    const gutterSoon = () => { clearTimeout(gutterTimer); gutterTimer = setTimeout(drawGutter, 250); };
    gutterSoon();
    editor.current.fdGutter = gutterSoon;
    const drawn = view.createDecorationsCollection();
    const inline = view.createDecorationsCollection();
    const disposables = [readAtCursor(view)];

    let typing = false;
    const colour = () => {
      const list = [];
      for (const { startLineNumber, endLineNumber } of view.getVisibleRanges()) list.push(...embedded(model, startLineNumber, endLineNumber, typing));
      for (const { startLineNumber, endLineNumber } of view.getVisibleRanges()) {
        const text = model.getValueInRange(new monaco.Range(startLineNumber, 1, endLineNumber, model.getLineMaxColumn(endLineNumber)));
        const base = model.getOffsetAt({ lineNumber: startLineNumber, column: 1 });
        const mark = (from, to, name) => list.push({ range: monaco.Range.fromPositions(model.getPositionAt(base + from), model.getPositionAt(base + to)), options: { inlineClassName: name } });
        for (const m of text.matchAll(/\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}/gs)) mark(m.index, m.index + m[0].length, "fd-expr");
        for (const m of text.matchAll(/^(\s*(?:- +)*type\s*:\s*)([\w]+(?:\.[\w]+)+)/gm)) mark(m.index + m[1].length, m.index + m[0].length, "fd-type");
      }
      drawn.set(list);
    };
    // A lock beside id and namespace of a stored flow; whoever changes them is told at once.
    const locks = view.createDecorationsCollection();
    let moved = "";
    const lock = () => {
      const names = {};
      const list = [];
      for (let n = 1; held.current.fixed && n <= Math.min(model.getLineCount(), 200); n += 1) {
        const [, key, word] = NAME.exec(model.getLineContent(n)) || [];
        if (!key || names[key] !== undefined) continue;
        names[key] = word;
        const at = model.getLineMaxColumn(n);
        list.push({ range: new monaco.Range(n, 1, n, at), options: { afterContentClassName: "fd-lock", hoverMessage: { value: `The ${key} of a stored flow stays. A copy may have another.` } } });
      }
      locks.set(list);
      const [namespace, id] = String(held.current.fixed || "").split("/");
      const now = id && names.id && names.namespace && (names.id !== id || names.namespace !== namespace) ? `${names.namespace}/${names.id}` : "";
      if (now !== moved) { moved = now; held.current.onMoved?.(now); }
    };
    lock();
    editor.current.fdLock = lock;
    let lockTimer = 0;
    disposables.push({ dispose: () => clearTimeout(lockTimer) });
    let frame = 0;
    const colourSoon = () => (frame ||= requestAnimationFrame(() => ((frame = 0), model.isDisposed() || colour())));
    colourSoon();
    disposables.push(view.onDidScrollChange(colourSoon), view.onDidLayoutChange(colourSoon));

    disposables.push(view.onMouseDown((event) => {
      if (event.target.type !== monaco.editor.MouseTargetType.GUTTER_GLYPH_MARGIN || held.current.readOnly) return;
      const source = sourceOf(docUri);
      const line = event.target.position.lineNumber;
      const task = Y.tasksOf(Y.valueOf(source)).find((one) => Y.lineOf(source, one.path) === line);
      const id = task?.value.id && String(task.value.id);
      if (!id) return;
      if (held.current.playable && event.target.detail?.glyphMarginLane === monaco.editor.GlyphMarginLane.Right) { held.current.onRun?.(id); return; }
      const old = documentOf(docUri).breakpoints;
      const next = old.includes(id) ? old.filter((one) => one !== id) : [...old, id];
      setBreakpoints(docUri, next);
      drawGutter();
      held.current.onBreakpoints?.(next);
    }));

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
      cursorTimer = setTimeout(() => {
        const at = view.getPosition();
        if (at) tellCursor(docUri, { line: at.lineNumber, column: at.column, focus: view.hasTextFocus() });
        cursor();
      }, 120);
    }));

    // A key does no work that grows with the document; what reads the whole text waits until one stops typing.
    let restTimer = 0;
    disposables.push({ dispose: () => clearTimeout(restTimer) });
    disposables.push(model.onDidChangeContent(() => {
      tellText(docUri, () => model.getValue());
      gutterSoon();
      typing = true;
      colourSoon();
      clearTimeout(restTimer);
      restTimer = setTimeout(() => { typing = false; colourSoon(); }, 250);
      const now = model.getValueLength() !== saved.current.length || model.getValue() !== saved.current;
      if (now !== dirty.current) {
        dirty.current = now;
        held.current.onDirty?.(now);
      }
      if (held.current.onChange) report();
      keep();
      check();
      clearTimeout(lockTimer);
      lockTimer = setTimeout(() => model.isDisposed() || lock(), 400);
    }));

    let markerTimer = 0;
    let last = "";
    const said = () => {
      const found = monaco.editor.getModelMarkers({ resource: uri });
      // The server's word counts: what the schema says of the same line is not said twice.
      const byServer = new Set(found.filter((m) => m.owner === "server").map((m) => m.startLineNumber));
      const list = found.filter((m) => m.owner === "server" || !byServer.has(m.startLineNumber)).map((m) => ({ line: m.startLineNumber, column: m.startColumn, endLine: m.endLineNumber, endColumn: m.endColumn, message: m.message.length > 400 ? `${m.message.slice(0, 400)}…` : m.message, severity: WORD[m.severity] || "info", source: m.owner === "server" ? "server" : "schema", rule: typeof m.code === "string" ? m.code : "" }));
      list.sort((a, b) => a.line - b.line || a.column - b.column);
      const paths = list.length ? yamlPaths(model.getValue()) : [];
      tellMarkers(docUri, list.map((m) => ({ ...m, path: pathText(paths[m.line - 1]?.path || []) })));
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
      sent.current.add(text);
      held.current.onSave?.(text);
    };
    onSaveKey(view, save);
    editor.current.fdSave = save;
    // Fold all multi-line strings (F10), format (Ctrl Alt F).
    const foldTexts = () => {
      const lines = [];
      for (let n = 1; n <= model.getLineCount(); n += 1) if (/[:-]\s+[|>][-+0-9]*\s*(#.*)?$/.test(model.getLineContent(n))) lines.push(n - 1);
      if (lines.length) view.trigger("keyboard", "editor.fold", { selectionLines: lines, levels: 1 });
    };
    try { if (JSON.parse(localStorage.getItem("fd-preferences") || "{}")?.editorFold === true) setTimeout(() => !model.isDisposed() && foldTexts(), 300); } catch { /* private window */ }
    view.onKeyDown((event) => {
      if (event.keyCode === monaco.KeyCode.F10) {
        event.preventDefault();
        foldTexts();
      } else if ((event.ctrlKey || event.metaKey) && event.altKey && event.keyCode === monaco.KeyCode.KeyF) {
        event.preventDefault();
        event.stopPropagation();
        view.getAction("editor.action.formatDocument")?.run();
      }
    });

    if (held.current.draftKey) {
      kept.current.find(saved.current).then((draft) => {
        if (draft && editor.current === view && draft.text !== model.getValue()) held.current.onDraft?.({ text: draft.text, saved: new Date(draft.at).toISOString(), revision: draft.revision || 0, elsewhere: Boolean(draft.elsewhere) });
      });
    }
    check();
    if (!held.current.validateUrl) publish(model.getValue(), true);
    cursor();
    return () => {
      report.flush();
      keep.flush();
      kept.current.stop();
      check.cancel();
      abort.current?.abort();
      clearTimeout(cursorTimer);
      clearTimeout(markerTimer);
      clearTimeout(gutterTimer);
      detach();
      cancelAnimationFrame(frame);
      disposables.forEach((d) => d.dispose());
      editor.current = null;
      view.dispose();
      setAid(uri.toString(), null);
      dropSchemaFor(uri.toString());
      model.dispose();
    };
  }, [docUri]);

  useEffect(() => {
    const uri = editor.current?.getModel().uri.toString();
    if (!schemaUrl || !uri) return;
    const ready = useSchemaFor(schemaUrl, uri).then((schema) => setAid(uri, { docUri, api: held.current.api, types: typesOf(schema), definitions: schema.definitions || {}, schema, onGo: (place) => held.current.onGo?.(place) }), () => {});
    setAid(uri, { docUri, api: held.current.api, types: new Map(), definitions: {}, ready, onGo: (place) => held.current.onGo?.(place) });
  }, [schemaUrl, docUri]);

  // A new value from outside: what was saved, or another document. An echo of our own report changes nothing.
  useEffect(() => {
    const view = editor.current;
    if (!view) return;
    const model = view.getModel();
    const untouched = model.getValue() === saved.current;
    const outside = !sent.current.came(value);
    saved.current = value;
    if (outside && value !== model.getValue()) {
      // By an edit, not setValue: the undo history and the cursor stay.
      view.pushUndoStop();
      model.pushEditOperations([], [{ range: model.getFullModelRange(), text: value }], () => null);
      view.pushUndoStop();
    }
    const now = model.getValue() !== value;
    if (now !== dirty.current) {
      dirty.current = now;
      held.current.onDirty?.(now);
    }
    // The text that an editor begins with was not saved here just now, nor one that took the place of a text in which
    // nothing was typed: what is kept of an earlier visit stays.
    if (!now && draftKey && (begun.current || (outside && untouched))) held.current.onKept?.("");
    else if (!now && draftKey) {
      keep.cancel();
      kept.current.forget();
    }
    begun.current = false;
  }, [value, docUri]);

  useEffect(() => editor.current?.updateOptions({ readOnly, wordWrap: wrap ? "on" : "off", minimap: { enabled: minimap } }), [readOnly, wrap, minimap]);
  useEffect(() => { if (theme) requestAnimationFrame(applyTheme); }, [theme]);
  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) monaco.editor.setModelMarkers(model, "given", (markers || []).map((f) => toMarker(model, { ...f, source: "given" })));
  }, [JSON.stringify(markers || [])]);
  useEffect(() => {
    if (!breakpoints) return;
    setBreakpoints(docUri, breakpoints);
    editor.current?.fdGutter();
  }, [(breakpoints || []).join(), docUri]);
  useEffect(() => editor.current?.fdGutter(), [playable]);
  useEffect(() => editor.current?.fdLock(), [fixed]);

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
    else if (command.kind === "insert-tasks") {
      const source = Y.parse(model.getValue());
      const given = Y.valueOf(Y.parse(command.text));
      const list = ["tasks", "triggers"].find((name) => Array.isArray(given[name]));
      if (!source.error && list) {
        const path = Y.pathAtLine(source, view.getPosition().lineNumber);
        const at = path[0] === list && typeof path[1] === "number" ? path[1] + 1 : 9999;
        const flow = Y.valueOf(source);
        given[list].reverse().forEach((item) => {
          const now = Y.parse(model.getValue());
          const many = Y.valueAt(now, [list]) || [];
          const made = { ...item, id: Y.freeId(flow, String(item.id || "task")) };
          documentOf(docUri).editor.edit(Y.insert(now, [list], Math.min(at, many.length), made));
        });
      }
    } else if (command.kind === "replace") view.executeEdits("command", [{ range: model.getFullModelRange(), text: command.text }]);
    else if (command.kind === "save") view.fdSave();
    else if (command.kind === "report") held.current.onDirty?.(model.getValue() !== saved.current);
    else if (command.kind === "format") view.getAction("editor.action.formatDocument")?.run();
    else if (command.kind === "outline") { view.focus(); view.getAction("editor.action.quickOutline")?.run(); }
    else if (command.kind === "find") view.getAction("actions.find")?.run();
    else if (command.kind === "forget") { keep.cancel(); if (held.current.draftKey) kept.current.forget(); }
    else if (command.kind === "keep") {
      if (command.put !== undefined) model.pushEditOperations([], [{ range: model.getFullModelRange(), text: command.put }], () => null);
      keep.cancel();
      if (held.current.draftKey) kept.current.keep(command.text);
    }
    else if (command.kind === "hand") held.current.onSave?.(model.getValue());
    else if (command.kind === "names") putNames(view, model, held.current.fixed);
    else if (command.kind === "undo") view.trigger("command", "undo", null);
    else if (command.kind === "focus") view.focus();
  }, [command?.seq]);

  const proposal = useProposal(docUri);
  return (
    <>
      <div className={vim ? "fd-code-host with-line" : "fd-code-host"} ref={host} inert={Boolean(proposal)} data-testid="yaml-editor" />
      {vim ? <div className="fd-vim mono" ref={line} id={`vim-${docUri}`} role="group" aria-label="Vim command line" data-testid="editor-vim-line" /> : null}
      {proposal ? <Proposal docUri={docUri} given={proposal} theme={theme} /> : null}
    </>
  );
}

// Put id and namespace of a stored flow back.
function putNames(view, model, fixed) {
  const [namespace, id] = String(fixed || "").split("/");
  const seen = new Set();
  const edits = [];
  for (let n = 1; n <= model.getLineCount(); n += 1) {
    const key = NAME.exec(model.getLineContent(n))?.[1];
    if (!key || seen.has(key)) continue;
    seen.add(key);
    edits.push({ range: new monaco.Range(n, 1, n, model.getLineMaxColumn(n)), text: `${key}: ${key === "id" ? id : namespace}` });
  }
  view.executeEdits("command", edits);
}

function findId(model, id) {
  const index = yamlPaths(model.getValue()).findIndex((p) => p.key === "id" && p.path.length > 2 && p.value.replace(/["']/g, "") === id);
  return index < 0 ? null : { line: index + 1, column: 1 };
}
