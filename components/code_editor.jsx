// One file in Monaco, loaded and saved by the browser itself.
import { useEffect, useRef, useState } from "react";
import { isAbort, request, upload, useDebounced, withQuery } from "$/public/external/components/net/net.jsx";
import { applyTheme, echoes, languageOf, monaco, onSaveKey, options } from "$/public/external/components/monaco/monaco.jsx";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { NewerBar, useNewer } from "./file_newer.jsx";

export function CodeEditor(props) {
  const { value = "", language = "plaintext", readOnly = false, loadUrl, theme, wrap = false, command, statsUrl } = props;
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
