// The namespace's files inside the editor: tree, tabs with a dirty dot and a save each (UI-ED-52).
import { useEffect, useRef, useState } from "react";
import { request, upload, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import { FileTree } from "$/public/external/components/file_tree/file_tree.jsx";
import { CodeEditor } from "$/public/external/components/code_editor/code_editor.jsx";
import { FilePlace, FileVersions, isPlain } from "./files_views.jsx";
import "./files_panel.css";

const WORDS = { new_file: "New file", new_folder: "New folder", rename: "Rename", delete: "Delete" };

export function FilesPanel({ api, namespace, canWrite = true, onDirty }) {
  const base = `${api}/namespaces/${encodeURIComponent(namespace)}/files`;
  const [files, setFiles] = useState([]); // [{key, path, dirty, order}]; the key stays when the path changes, and with it what is typed
  const opened = useRef(0);
  const [active, setActive] = useState("");
  const [reload, setReload] = useState(0);
  const [asking, setAsking] = useState(null); // {kind, path, folder, text}
  const [fault, setFault] = useState("");
  const [versions, setVersions] = useState(false);
  const [saves, setSaves] = useState({}); // path -> how often it was saved or restored here
  const saved = (path) => setSaves((old) => ({ ...old, [path]: (old[path] || 0) + 1 }));
  const held = useRef({});
  held.current = { onDirty };
  const dirty = files.filter((one) => one.dirty).map((one) => one.path);
  useEffect(() => { held.current.onDirty?.(dirty.length > 0); }, [dirty.length]);
  useEffect(() => () => held.current.onDirty?.(false), []);
  useEffect(() => { setFiles([]); setActive(""); }, [namespace]);
  const open = (path) => { setFiles((old) => (old.some((one) => one.path === path) ? old : [...old, { key: (opened.current += 1), path, dirty: false, order: 0 }])); setActive(path); };
  const change = (path, more) => setFiles((old) => old.map((one) => (one.path === path ? { ...one, ...more } : one)));
  const close = (path) => { setFiles((old) => old.filter((one) => one.path !== path)); setActive((now) => (now === path ? files.find((one) => one.path !== path)?.path || "" : now)); };
  const contentUrl = (path) => withQuery(base, { path });
  const act = (action) => { setFault(""); setAsking({ ...action, text: action.kind === "rename" ? action.path : action.kind === "delete" ? "" : `${action.folder && action.path !== "/" ? action.path.replace(/\/?$/, "/") : ""}` }); };
  const move = async (from, to) => {
    await request(withQuery(base, { from, to }), { method: "PUT" });
    const after = (path) => (path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path);
    setFiles((old) => old.map((one) => ({ ...one, path: after(one.path) })));
    setActive(after);
  };
  const confirm = async () => {
    const { kind, path, text } = asking;
    try {
      if (kind === "delete") { await request(contentUrl(path), { method: "DELETE" }); setFiles((old) => old.filter((one) => one.path !== path && !one.path.startsWith(`${path}/`))); setActive((now) => (now === path || now.startsWith(`${path}/`) ? "" : now)); }
      else if (kind === "rename") await move(path, text.trim());
      else if (kind === "new_folder") await request(withQuery(`${base}/directory`, { path: text.trim() }), { method: "POST" });
      else {
        const form = new FormData();
        form.append("fileContent", new File([""], text.trim().split("/").pop()));
        await upload(contentUrl(text.trim()), form);
        open(text.trim().replace(/^\//, ""));
      }
      setAsking(null);
      setReload((n) => n + 1);
    } catch (error) {
      setFault(error.message);
    }
  };
  const saveAll = () => setFiles((old) => old.map((one) => (one.dirty ? { ...one, order: one.order + 1 } : one)));
  if (!namespace) return <div className="fp"><p className="mut sm fp-pad">The flow names no namespace yet.</p></div>;
  return (
    <section className={`fp${files.length ? " two" : ""}`} aria-label={`Files of ${namespace}`} data-testid="editor-files">
      <div className="fp-tree"><FileTree url={base} active={active} dirty={dirty} reload={reload} canWrite={canWrite} onOpen={open} onAction={act} onChanged={(told) => (told.kind === "move" ? move(told.from, told.to).then(() => setReload((n) => n + 1), (error) => toast({ level: "error", title: "Not moved", text: error.message })) : setReload((n) => n + 1))} /></div>
      {files.length ? (
        <div className="fp-edit">
          <div className="fp-tabs" role="group" aria-label="Open files">
            {files.map((one) => <span key={one.path} className={one.path === active ? "on" : ""}><button type="button" className="fp-t" aria-pressed={one.path === active} title={one.path} onClick={() => setActive(one.path)}>{one.path.split("/").pop()}{one.dirty ? <i className="dirty" title="Not saved" /> : null}</button><button type="button" className="ib" aria-label={`Close ${one.path}`} onClick={() => (one.dirty ? setAsking({ kind: "close", path: one.path }) : close(one.path))}><Icon name="x" size={12} /></button></span>)}
            <span className="grow" />
            {isPlain(active) ? <button type="button" className={versions ? "ib on" : "ib"} aria-pressed={versions} aria-label="Versions" title="Versions" onClick={() => setVersions(!versions)} data-testid="file-versions-toggle"><Icon name="rewind" size={12} /></button> : null}
            {dirty.length > 1 ? <button type="button" className="btn s" onClick={saveAll}>Save all</button> : null}
            <button type="button" className="btn s" disabled={!dirty.includes(active)} onClick={() => change(active, { order: files.find((one) => one.path === active).order + 1 })} data-testid="file-save">Save</button>
          </div>
          {files.map((one) => <div key={one.key} className="fp-code" hidden={one.path !== active}><FilePlace base={base} path={one.path}><CodeEditor loadUrl={withQuery(base, { path: one.path, turn: one.turn })} saveUrl={contentUrl(one.path)} saveMethod="POST" statsUrl={withQuery(`${base}/stats`, { path: one.path })} language={one.path.split("/").pop()} readOnly={!canWrite} command={{ seq: one.order, kind: "save" }} onDirty={(on) => change(one.path, { dirty: on })} onSaved={() => { change(one.path, { dirty: false }); saved(one.path); toast({ level: "success", title: "Saved", text: one.path }); }} onError={(error) => error.told || toast({ level: "error", title: "Not saved", text: error.message })} /></FilePlace></div>)}
          {versions && isPlain(active) ? <FileVersions base={base} path={active} canWrite={canWrite && !dirty.includes(active)} turn={saves[active]} onRestored={() => { saved(active); change(active, { turn: (files.find((one) => one.path === active)?.turn || 0) + 1 }); }} onClose={() => setVersions(false)} /> : null}
        </div>
      ) : null}
      <Dialog open={Boolean(asking)} title={asking?.kind === "close" ? "Close without saving?" : WORDS[asking?.kind] || ""} width={440} destructive={["delete", "close"].includes(asking?.kind)} onClose={() => setAsking(null)} testid="file-dialog">
        <div className="dbody">
          {asking?.kind === "close" ? <p><b className="mono">{asking.path}</b> has changes that are not saved. They are lost.</p> : asking?.kind === "delete" ? <p><b className="mono brk">{asking.path}</b>{asking.folder ? " and all below it are deleted." : " is deleted."}</p>
            : <label className="fld"><span>Path</span><input className="inp mono" data-autofocus="true" value={asking?.text || ""} onChange={(e) => setAsking({ ...asking, text: e.target.value })} /></label>}
          {fault ? <p className="fgs bad sm" role="alert">{fault}</p> : null}
        </div>
        <div className="df"><span className="grow" /><button type="button" className="btn" data-cancel="true" onClick={() => setAsking(null)}>Cancel</button><button type="button" className={`btn ${["delete", "close"].includes(asking?.kind) ? "dans" : "pri"}`} data-primary="true" disabled={asking && !["delete", "close"].includes(asking.kind) && !asking.text?.trim()} onClick={() => { if (asking.kind === "close") { close(asking.path); setAsking(null); } else confirm(); }}>{asking?.kind === "close" ? "Discard" : WORDS[asking?.kind] || ""}</button></div>
      </Dialog>
    </section>
  );
}
