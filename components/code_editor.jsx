// One file in Monaco, loaded and saved by the browser itself.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { isAbort, request, upload, useDebounced, withQuery } from "$/public/external/components/net/net.jsx";
import { applyTheme, echoes, languageOf, monaco, onSaveKey, options } from "$/public/external/components/monaco/monaco.jsx";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { NewerBar, useNewer } from "./file_newer.jsx";

// ---- a text that several places of the page show: one model, one dirty dot, one save ----------------------------
const texts = new Map(); // share -> what the editor of the text offers to the others, a new object at each change
const watchers = new Map(); // share -> listeners
function publish(share, entry) {
  if (entry) texts.set(share, entry); else texts.delete(share);
  watchers.get(share)?.forEach((listen) => listen());
}
const useText = (share) => useSyncExternalStore(
  useCallback((listen) => {
    const list = watchers.get(share) || new Set();
    watchers.set(share, list.add(listen));
    return () => { list.delete(listen); if (!list.size) watchers.delete(share); };
  }, [share]),
  () => texts.get(share) || null,
  () => null,
);

// What stands in the text of a share just now, a moment after each key; null before it has come.
export function useLiveText(share) {
  const model = useText(share)?.model;
  const [text, setText] = useState(null);
  const take = useDebounced(setText, 250);
  useEffect(() => {
    if (!model) { setText(null); return undefined; }
    setText(model.getValue());
    const told = model.onDidChangeContent(() => take(model.getValue()));
    return () => { take.cancel(); told.dispose(); };
  }, [model]);
  return text;
}

// The text of an editor once more, at another place: typed here or there is the same. `bar` tells a newer version here too.
export function CodeTwin({ share, place, readOnly = false, language = "file", bar = false }) {
  const entry = useText(share);
  const host = useRef(null);
  const model = entry?.model;
  useEffect(() => {
    if (!model) return undefined;
    const view = monaco.editor.create(host.current, { ...options(), model, readOnly, wordBasedSuggestions: "off", ariaLabel: "File content" });
    view.restoreViewState(entry.places.get(place) || entry.view.saveViewState());
    onSaveKey(view, () => texts.get(share)?.save());
    return () => { entry.places.set(place, view.saveViewState()); view.dispose(); };
  }, [model]);
  return (
    <div style={{ height: "100%", display: "flex", flexDirection: "column", minHeight: 0 }}>
      {bar && entry ? <NewerBar newer={entry.newer} name={language.split("/").pop()} mine={() => model.getValue()} onTake={entry.take} onKeep={entry.keep} /> : null}
      {bar && entry?.problem ? <Problem error={entry.problem.error} what={entry.problem.what} /> : null}
      <div className="fd-code-host" ref={host} style={{ flex: 1 }} data-testid="code-twin" />
    </div>
  );
}

export function CodeEditor(props) {
  const { value = "", language = "plaintext", readOnly = false, loadUrl, theme, wrap = false, command, statsUrl, share, place } = props;
  const held = useRef({});
  held.current = props;
  const host = useRef(null);
  const editor = useRef(null);
  const saved = useRef("");
  const sent = useRef(null);
  const dirty = useRef(false);
  const [problem, setProblem] = useState(null);
  // The text the editor opens with. There is none to type into before the file has come: it would be replaced by it.
  const [first, setFirst] = useState(loadUrl ? null : value);
  const come = first !== null;
  const [turn, setTurn] = useState(0);
  const writing = useRef(false);
  const { base, newer, look, settle } = useNewer({ statsUrl, contentUrl: loadUrl, same: (text) => {
    if (!editor.current || editor.current.getValue() !== text) return false;
    saved.current = text;
    tell();
    return true;
  } });

  const report = useDebounced((text) => {
    sent.current.add(text);
    held.current.onChange?.(text);
  }, 300);
  const tell = () => {
    const now = editor.current.getValue() !== saved.current;
    if (now !== dirty.current) {
      dirty.current = now;
      held.current.onDirty?.(now);
    }
  };

  const save = async (ordered = false) => {
    const { saveUrl: place, saveMethod = "PUT", readOnly: locked, onSave, onSaved, onError } = held.current;
    if (locked || writing.current || !editor.current) return;
    const from = base.current;
    const saveUrl = place && from !== null ? withQuery(place, { baseVersion: from }) : place;
    report.cancel();
    const text = editor.current.getValue();
    onSave?.(text);
    if (!saveUrl) return;
    writing.current = true;
    try {
      if (saveMethod === "POST") {
        const form = new FormData();
        form.append("fileContent", new Blob([text], { type: "application/octet-stream" }), (held.current.language || "file").split("/").pop());
        await upload(saveUrl, form);
      } else await request(saveUrl, { method: saveMethod, body: text, headers: { "Content-Type": "text/plain" }, as: "text" });
      saved.current = text;
      setProblem(null);
      if (from !== null) settle(from + 1);
      if (editor.current) tell();
      onSaved?.({ size: new Blob([text]).size, ordered });
    } catch (error) {
      if (isAbort(error)) return;
      if (error.status === 409 && from !== null) { look(); onError?.({ status: 409, told: true }); return; } // the bar tells it and asks
      setProblem({ error, what: "The file was not saved. Your text is still here." });
      onError?.(error.toJSON ? error.toJSON() : { message: String(error) });
    } finally {
      writing.current = false;
    }
  };
  // As one edit, so that Ctrl Z brings one's own text back.
  const take = () => {
    const view = editor.current;
    view.pushUndoStop();
    view.executeEdits("newer", [{ range: view.getModel().getFullModelRange(), text: newer.text }]);
    view.pushUndoStop();
    saved.current = newer.text;
    settle(newer.version);
    tell();
    view.focus();
  };
  const keep = () => {
    saved.current = newer.gone ? null : newer.text;
    settle(newer.version);
    tell();
    editor.current.focus();
  };

  useEffect(() => {
    if (!come) return undefined;
    const model = monaco.editor.createModel(first, languageOf(language));
    saved.current = first;
    sent.current = echoes(first);
    const view = monaco.editor.create(host.current, { ...options(), model, readOnly, wordWrap: wrap ? "on" : "off", wordBasedSuggestions: "off", ariaLabel: "File content" });
    editor.current = view;
    host.current.dataset.ready = "true";
    onSaveKey(view, () => save());
    const told = model.onDidChangeContent(() => {
      tell();
      if (held.current.onChange) report(model.getValue());
    });
    return () => {
      report.flush();
      told.dispose();
      editor.current = null;
      view.dispose();
      model.dispose();
    };
  }, [come]);

  const put = (text) => {
    saved.current = text;
    if (!sent.current.came(text) && text !== editor.current.getValue()) editor.current.setValue(text);
    tell();
  };
  useEffect(() => { if (editor.current && !loadUrl) put(value); }, [value, loadUrl]);
  // Others may show this text too; what they do with it is done here.
  const places = useRef(new Map());
  useEffect(() => {
    if (share && editor.current) publish(share, { model: editor.current.getModel(), view: editor.current, places: places.current, newer, problem, take, keep, save });
  }, [share, come, newer, problem]);
  useEffect(() => (share ? () => publish(share, null) : undefined), [share]);
  // Moved to where another one showed it: what was seen there is seen again.
  const stood = useRef(place);
  useEffect(() => {
    if (stood.current === place) return;
    places.current.set(stood.current, editor.current?.saveViewState());
    stood.current = place;
    const seen = places.current.get(place);
    if (seen) editor.current?.restoreViewState(seen);
  }, [place]);
  useEffect(() => {
    if (!loadUrl) return undefined;
    const abort = new AbortController();
    const read = async () => {
      const version = statsUrl ? (await request(statsUrl, { signal: abort.signal })).version ?? null : null;
      const url = version === null ? loadUrl : withQuery(loadUrl, { revision: version });
      return [version, await request(url, { as: "text", signal: abort.signal, headers: { Accept: "*/*" } })];
    };
    read().then(
      ([version, text]) => {
        setProblem(null);
        if (!editor.current) setFirst(text);
        else if (dirty.current) { look(); return; } // typed while it was read again: a newer version is told, not put over it
        else { sent.current = echoes(null); put(text); }
        settle(version);
      },
      (error) => isAbort(error) || setProblem({ error, what: "The file could not be loaded." }),
    );
    return () => abort.abort();
  }, [loadUrl, turn]);
  useEffect(() => { if (editor.current) monaco.editor.setModelLanguage(editor.current.getModel(), languageOf(language)); }, [language]);
  useEffect(() => editor.current?.updateOptions({ readOnly, wordWrap: wrap ? "on" : "off" }), [readOnly, wrap]);
  useEffect(() => { if (theme) requestAnimationFrame(applyTheme); }, [theme]);
  const seen = useRef(command?.seq);
  useEffect(() => {
    if (!command?.kind || command.seq === seen.current) return;
    seen.current = command.seq;
    if (command.kind === "save") save(true);
    else if (command.kind === "find") editor.current?.getAction("actions.find")?.run();
    else if (command.kind === "focus") editor.current?.focus();
  }, [command?.seq]);

  return (
    <div style={{ height: "100%", display: "flex", flexDirection: "column", minHeight: 0 }}>
      <NewerBar newer={newer} name={(language || "file").split("/").pop()} mine={() => editor.current?.getValue() ?? ""} onTake={take} onKeep={keep} />
      {problem ? <Problem error={problem.error} what={problem.what} retry={loadUrl ? () => setTurn(turn + 1) : undefined} /> : null}
      {come || problem ? null : <p className="mut sm fd-code-wait" role="status" aria-busy="true">Reading …</p>}
      <div className="fd-code-host" ref={host} style={{ flex: 1 }} data-testid="code-editor" />
    </div>
  );
}
