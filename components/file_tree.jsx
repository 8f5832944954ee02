// The files of a namespace as a tree: folders are read when they open; upload by choice or drop, move by drag.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { copyText, isAbort, request, upload, useDebounced } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import { MenuItem, Popover } from "$/public/external/components/client/overlay.jsx";
import "./file_tree.css";

const parentOf = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);
const join = (folder, name) => `${folder === "/" ? "" : folder}/${name}`;
const KINDS = { py: "code", js: "code", ts: "code", sql: "database", sh: "terminal", json: "braces", yaml: "braces", yml: "braces", csv: "table-2", parquet: "table-2", md: "file-text", txt: "file-text", pdf: "file-text", html: "globe", zip: "box", png: "image", jpg: "image", jpeg: "image", gif: "image", webp: "image", svg: "image" };
export const iconOf = (name) => KINDS[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] || "file";
export const MARK = "application/x-flowdeck-path";

// Files of a drop, folders walked through: [{file, path below the target}].
async function dropped(items) {
  const found = [];
  const walk = async (entry, base) => {
    if (entry.isFile) found.push({ file: await new Promise((ok, no) => entry.file(ok, no)), path: base + entry.name });
    else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((ok, no) => reader.readEntries(ok, no));
        if (!some.length) break;
        for (const one of some) await walk(one, `${base}${entry.name}/`);
      }
    }
  };
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
  return found;
}

// Without the entries that lie in a folder which is among them.
const topmost = (paths) => paths.filter((one) => !paths.some((other) => one.startsWith(`${other}/`)));

export function FileTree({ url, active = "", dirty = [], reload = 0, canWrite = true, sides = false, several = false, onOpen, onAction, onChanged }) {
  const [folders, setFolders] = useState({}); // path -> [{path, name, folder, size}]
  const [open, setOpen] = useState(() => new Set(["/"]));
  const [problem, setProblem] = useState(null);
  const [query, setQuery] = useState("");
  const [hits, setHits] = useState(null);
  const [cursor, setCursor] = useState("");
  const [chosen, setChosen] = useState([]); // paths, where several can be chosen (Ctrl, Shift)
  const [over, setOver] = useState("");
  const [sending, setSending] = useState(null);
  const [asking, setAsking] = useState(null);
  const host = useRef(null);
  const anchor = useRef("");
  const input = useRef(null);
  const target = useRef("/");

  const read = useCallback(async (path) => {
    try {
      const rows = await request(`${url}/directory`, { query: { path } });
      const list = (rows || []).map((row) => ({ path: join(path, row.fileName), name: row.fileName, folder: row.type === "Directory", size: row.size || 0 }));
      list.sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name));
      setFolders((old) => ({ ...old, [path]: list }));
      setProblem(null);
      return list;
    } catch (error) {
      if (isAbort(error)) return [];
      if (path !== "/" && error.status === 404) setFolders((old) => ({ ...old, [path]: [] }));
      else setProblem(error);
      return [];
    }
  }, [url]);
  // From the top: an open folder that is gone is not asked for.
  const readAll = useCallback(async (wanted) => {
    const down = async (path) => Promise.all((await read(path)).filter((row) => row.folder && wanted.has(row.path)).map((row) => down(row.path)));
    await down("/");
  }, [read]);

  // All open folders are read anew after a change; the folders of the active file are opened.
  useEffect(() => {
    if (!url) return;
    const chain = new Set(open);
    for (let up = active ? parentOf(active) : "/"; up !== "/"; up = parentOf(up)) chain.add(up);
    if (chain.size !== open.size) setOpen(chain);
    readAll(chain);
  }, [url, reload, active]);

  const search = useDebounced(async (text) => {
    if (!text.trim()) { setHits(null); return; }
    try {
      setHits(await request(`${url}/search`, { query: { q: text.trim() } }));
    } catch (error) {
      if (!isAbort(error)) setProblem(error);
    }
  }, 200);

  const rows = useMemo(() => {
    if (hits) return hits.map((path) => ({ path, name: path.replace(/^\//, ""), folder: false, level: 0 }));
    const out = [];
    const walk = (folder, level) => (folders[folder] || []).forEach((row) => {
      out.push({ ...row, level });
      if (row.folder && open.has(row.path)) walk(row.path, level + 1);
    });
    walk("/", 0);
    return out;
  }, [folders, open, hits]);

  const toggle = (path, to) => {
    const next = new Set(open);
    if (to ?? !next.has(path)) { next.add(path); read(path); } else next.delete(path);
    setOpen(next);
  };
  const many = canWrite && several;
  const picked = useMemo(() => chosen.filter((path) => rows.some((row) => row.path === path)), [chosen, rows]);
  const flip = (path) => setChosen((old) => (old.includes(path) ? old.filter((one) => one !== path) : [...old, path]));
  // From the entry that was pressed last to another one; the focus, and with it the cursor, moves before a press.
  const reach = (path) => {
    const [from, to] = [anchor.current || path, path].map((one) => rows.findIndex((row) => row.path === one)).sort((a, b) => a - b);
    setChosen((old) => [...new Set([...old, ...rows.slice(Math.max(0, from), to + 1).map((row) => row.path)])]);
  };
  const press = (row, event) => {
    if (many && event && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      if (event.shiftKey) reach(row.path);
      else { if (!picked.length && anchor.current && anchor.current !== row.path) flip(anchor.current); flip(row.path); anchor.current = row.path; }
      setCursor(row.path);
      return;
    }
    setChosen([]);
    setCursor(row.path);
    anchor.current = row.path;
    if (row.folder) toggle(row.path);
    else onOpen?.(row.path);
  };
  const remove = (row) => {
    const paths = picked.includes(row.path) ? topmost(picked) : [];
    if (paths.length > 1) onAction?.({ kind: "delete", path: row.path, folder: false, paths });
    else act("delete", row);
  };
  const act = (kind, row) => onAction?.({ kind, path: row?.path || "/", folder: Boolean(row?.folder ?? true) });
  const folderOf = (row) => (!row ? "/" : row.folder ? row.path : parentOf(row.path));

  // ---- upload and move
  const send = async (list, folder) => {
    let sent = 0;
    const faults = [];
    for (const one of list) {
      const path = join(folder, one.path);
      setSending({ at: sent + 1, of: list.length, name: one.path, share: 0 });
      const form = new FormData();
      form.append("fileContent", one.file, one.file.name);
      try {
        await upload(`${url}?path=${encodeURIComponent(path)}`, form, { onProgress: (got, all) => setSending({ at: sent + 1, of: list.length, name: one.path, share: all ? got / all : 0 }) });
        sent += 1;
      } catch (error) {
        faults.push(`${one.path}: ${error.message}${error.requestId ? ` (request ${error.requestId})` : ""}`);
      }
    }
    setSending(null);
    setOpen((old) => new Set([...old, folder]));
    onChanged?.({ kind: "uploaded", count: sent, faults, folder });
  };
  const offer = async (list, folder) => {
    if (!list.length || !canWrite) return;
    const known = new Set();
    for (const one of new Set(list.map((item) => parentOf(join(folder, item.path))))) {
      try {
        (await request(`${url}/directory`, { query: { path: one } }) || []).forEach((row) => known.add(join(one, row.fileName)));
      } catch { /* the folder is new: nothing can be in the way */ }
    }
    const double = list.filter((one) => known.has(join(folder, one.path)));
    if (double.length) setAsking({ list, double, folder });
    else send(list, folder);
  };
  const drop = async (event, folder) => {
    event.preventDefault();
    event.stopPropagation();
    setOver("");
    const from = event.dataTransfer.getData(MARK);
    if (from) {
      if (parentOf(from) !== folder && from !== folder && !folder.startsWith(`${from}/`)) onChanged?.({ kind: "move", from, to: join(folder, nameOf(from)) });
      return;
    }
    const plain = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
    const deep = event.dataTransfer.items?.length ? await dropped(event.dataTransfer.items).catch(() => []) : [];
    offer(deep.length ? deep : plain, folder);
  };
  const drag = (folder) => (canWrite ? {
    onDragOver: (event) => { event.preventDefault(); event.stopPropagation(); setOver(folder); },
    onDragLeave: (event) => { if (!event.currentTarget.contains(event.relatedTarget)) setOver(""); },
    onDrop: (event) => drop(event, folder),
  } : {});
  const choose = (folder) => { target.current = folder; input.current?.click(); };

  // ---- keys
  const keys = (event) => {
    if (event.target.tagName === "INPUT") return;
    const at = rows.findIndex((row) => row.path === cursor);
    const row = rows[at];
    const go = (to) => { event.preventDefault(); const next = rows[Math.max(0, Math.min(rows.length - 1, to))]; if (next) { setCursor(next.path); host.current?.querySelector(`[data-path="${CSS.escape(next.path)}"]`)?.focus(); } };
    if (many && event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) { const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)]; if (next) reach(next.path); go(at + (event.key === "ArrowDown" ? 1 : -1)); }
    else if (event.key === "ArrowDown") { go(at + 1); anchor.current = rows[Math.min(rows.length - 1, at + 1)]?.path; }
    else if (event.key === "ArrowUp") { go(at - 1); anchor.current = rows[Math.max(0, at - 1)]?.path; }
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(rows.length - 1);
    else if (!row) return;
    else if (many && event.key === " " && (event.ctrlKey || event.metaKey)) { event.preventDefault(); flip(row.path); anchor.current = row.path; }
    else if (event.key === "Escape" && picked.length) { event.stopPropagation(); setChosen([]); }
    else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(row); }
    else if (event.key === "ArrowRight" && row.folder) { event.preventDefault(); if (open.has(row.path)) go(at + 1); else toggle(row.path, true); }
    else if (event.key === "ArrowLeft") { event.preventDefault(); if (row.folder && open.has(row.path)) toggle(row.path, false); else go(rows.findIndex((one) => one.path === parentOf(row.path))); }
    else if (event.key === "F2" && canWrite) { event.preventDefault(); act("rename", row); }
    else if (event.key === "Delete" && canWrite) { event.preventDefault(); remove(row); }
  };

  const none = folders["/"] && !folders["/"].length && !hits;
  return (
    <div className={"ftree" + (over === "/" ? " over" : "")} ref={host} onKeyDown={keys} data-testid="file-tree" {...drag("/")}>
      <div className="fth"><h2 className="med">Files</h2><span className="grow" />
        {canWrite ? <>
          <button type="button" className="ib" title="New file" aria-label="New file" data-testid="files-new" onClick={() => act("new_file", { path: folderOf(rows.find((r) => r.path === cursor)), folder: true })}><Icon name="plus" size={14} /></button>
          <button type="button" className="ib" title="New folder" aria-label="New folder" data-testid="files-new-folder" onClick={() => act("new_folder", { path: folderOf(rows.find((r) => r.path === cursor)), folder: true })}><Icon name="folder" size={14} /></button>
          <button type="button" className="ib" title="Upload files" aria-label="Upload files" data-testid="files-upload" onClick={() => choose(folderOf(rows.find((r) => r.path === cursor)))}><Icon name="upload" size={14} /></button>
        </> : null}
        <a className="ib" title="Download all as ZIP" aria-label="Download all as ZIP" href={`${url}/export`} download data-testid="files-export"><Icon name="download" size={14} /></a>
        <button type="button" className="ib" title="Refresh" aria-label="Refresh" onClick={() => readAll(open)}><Icon name="refresh-cw" size={14} /></button>
      </div>
      <label className="inp ftq"><Icon name="search" size={14} /><input value={query} placeholder="Name" aria-label="Search files by name" data-testid="files-search" spellCheck={false} onChange={(event) => { setQuery(event.target.value); search(event.target.value); }} /></label>
      <input ref={input} type="file" multiple hidden data-testid="files-input" onChange={(event) => { const list = [...event.target.files].map((file) => ({ file, path: file.name })); event.target.value = ""; offer(list, target.current); }} />
      {problem ? <Problem error={problem} what="The files could not be listed." retry={() => readAll(open)} /> : null}
      <div className="fts" role="tree" aria-label="Files" aria-multiselectable={many || undefined}>
        {!folders["/"] && !problem ? [120, 90, 140, 70, 110].map((width, i) => <div key={i} className="fi late"><i className="sk" style={{ width }} /></div>) : null}
        {rows.map((row, i) => (
          <div key={row.path} role="treeitem" aria-level={row.level + 1} aria-expanded={row.folder ? open.has(row.path) : undefined} aria-selected={picked.length ? picked.includes(row.path) : row.path === active} tabIndex={row.path === cursor || (!cursor && i === 0) ? 0 : -1} data-path={row.path}
            className={"fi" + (row.path === active ? " on" : "") + (picked.includes(row.path) ? " cho" : "") + (row.folder && over === row.path ? " over" : "")} style={{ paddingLeft: 8 + row.level * 16 }}
            onClick={(event) => press(row, event)} onFocus={() => setCursor(row.path)} onContextMenu={(event) => { event.preventDefault(); event.currentTarget.querySelector(".pop-at button")?.click(); }}
            draggable={canWrite} onDragStart={(event) => { event.dataTransfer.setData(MARK, row.path); event.dataTransfer.effectAllowed = "move"; }} {...(row.folder ? drag(row.path) : {})}>
            <span className="fic">{row.folder ? <Icon name={open.has(row.path) ? "chevron-down" : "chevron-right"} size={12} /> : null}<Icon name={row.folder ? "folder" : iconOf(row.name)} size={14} /></span>
            <span className="ell grow" title={row.path}>{row.name}</span>
            {dirty.includes(row.path) ? <i className="dirty" title="Not saved" /> : null}
            <span className="fim" onClick={(event) => event.stopPropagation()}>
              <Popover label={`Actions on ${row.name}`} menu align="end">
                <button type="button" className="ib" tabIndex={-1} aria-label={`Actions on ${row.name}`} data-testid={`files-menu-${row.path}`}><Icon name="ellipsis" size={14} /></button>
                {row.folder && canWrite ? <MenuItem onSelect={() => act("new_file", row)}>New file</MenuItem> : null}
                {row.folder && canWrite ? <MenuItem onSelect={() => act("new_folder", row)}>New folder</MenuItem> : null}
                {row.folder && canWrite ? <MenuItem onSelect={() => choose(row.path)}>Upload here</MenuItem> : null}
                {sides && !row.folder ? <MenuItem testid="files-side" onSelect={() => onAction?.({ kind: "side", path: row.path })}>Open to the side</MenuItem> : null}
                {canWrite ? <MenuItem keys="F2" testid="files-rename" onSelect={() => act("rename", row)}>Rename or move</MenuItem> : null}
                <MenuItem onSelect={() => copyText(row.path.slice(1))}>Copy path</MenuItem>
                {row.folder ? null : <MenuItem onSelect={() => copyText(`{{ read('${row.path.slice(1)}') }}`)}>Copy as read('…')</MenuItem>}
                {row.folder ? null : <MenuItem href={`${url}?path=${encodeURIComponent(row.path)}`}>Download</MenuItem>}
                {canWrite ? <MenuItem danger keys="Del" testid="files-delete" onSelect={() => remove(row)}>Delete</MenuItem> : null}
              </Popover>
            </span>
          </div>
        ))}
        {hits && !hits.length ? <p className="mut sm ftn">No file has “{query.trim()}” in its name.</p> : null}
        {none ? <p className="mut sm ftn" data-testid="files-none">No file yet. Create one, upload some, or drop files and folders here. Flows read them with <code>{"{{ read('…') }}"}</code> or <code>namespaceFiles</code>.</p> : null}
      </div>
      {picked.length ? <p className="mut sm ftn row" role="status" data-testid="files-chosen"><span className="num">{picked.length}</span> selected<span className="grow" /><span className="kbd">Del</span></p> : null}
      {asking ? (
        <div className="al warn ftask" role="alert" data-testid="files-conflict"><div className="grow"><b>{plural(asking.double.length, "file")} of these exist already.</b> {asking.double.slice(0, 3).map((one) => one.path).join(", ")}{asking.double.length > 3 ? " …" : ""}
          <div className="row" style={{ marginTop: 6 }}>
            <button type="button" className="btn s" onClick={() => { setAsking(null); send(asking.list, asking.folder); }} data-testid="files-replace">Replace</button>
            <button type="button" className="btn s" onClick={() => { setAsking(null); const rest = asking.list.filter((one) => !asking.double.includes(one)); if (rest.length) send(rest, asking.folder); }}>Skip</button>
            <button type="button" className="btn s gho" onClick={() => setAsking(null)}>Cancel</button>
          </div></div></div>
      ) : null}
      {sending ? <div className="ftup sm mut" role="status">Uploading {sending.at} of {sending.of}, {sending.name}<span className="bar"><i style={{ width: `${Math.round(sending.share * 100)}%` }} /></span></div> : null}
      {canWrite && !sending ? <button type="button" className={"ftdrop" + (over ? " over" : "")} onClick={() => choose("/")}><Icon name="upload" size={14} />Drop files or a folder here</button> : null}
    </div>
  );
}
