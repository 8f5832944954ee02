// The open files of a namespace in panels beside each other: tabs, what each shows, bars between them (UI-NS-07).
// All that is seen stands in one grid, keyed by file: a tab that is carried to another panel keeps its text and its keys.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { CopyButton } from "$/public/external/components/client/bridge.jsx";
import { Allowed } from "$/public/external/components/client/shell.jsx";
import { CodeEditor, CodeTwin, useLiveText } from "$/public/external/components/code_editor/code_editor.jsx";
import { Drawn, TextPreview } from "$/public/external/components/text_preview/text_preview.jsx";
import { PdfView } from "$/public/external/components/pdf_view/pdf_view.jsx";
import { SplitBar } from "$/public/external/components/flow_tools/flow_tools.jsx";
import { MARK } from "$/public/external/components/file_tree/file_tree.jsx";
import { TAB, FileTabs } from "./file_tabs.jsx";
import "./file_panels.css";

const ROOM = 220; // px that a panel needs
const MOST = 3;
const LEAST = 20; // per cent of two neighbours
const kept = (name, count) => {
  try {
    const list = JSON.parse(localStorage.getItem(`fd-split-${name}-${count}`) || "[]");
    if (list.length === count && list.every((one) => one > 0)) return list;
  } catch { /* private window, or not ours */ }
  return Array(count).fill(1);
};

// The panels for which there is room; those without are tabs of the last one.
function merged(panels, front, room) {
  if (panels.length <= room) return panels.map((panel) => ({ ...panel, tabs: panel.paths.map((path) => ({ path, key: panel.key, keys: [panel.key] })) }));
  const alone = merged(panels.slice(0, room - 1), front, room);
  const rest = panels.slice(room - 1);
  const first = rest.find((panel) => panel.key === front) || rest[0];
  const tabs = [];
  for (const panel of rest) for (const path of panel.paths) if (!tabs.some((one) => one.path === path)) tabs.push({ path, key: first.paths.includes(path) ? first.key : panel.key, keys: rest.filter((one) => one.paths.includes(path)).map((one) => one.key) });
  return [...alone, { key: first.key, on: first.on, drawn: rest.flatMap((panel) => panel.drawn), paths: tabs.map((one) => one.path), tabs, holds: rest.map((panel) => panel.key) }];
}

function Preview({ share, file }) {
  const text = useLiveText(share);
  return text === null ? <TextPreview url={file.url} kind={file.drawn} /> : <Drawn text={text} kind={file.drawn} />;
}

function Other({ file }) {
  if (file.picture) return <div className="imgview"><img src={file.url} alt={file.name} /></div>;
  if (file.pdf) return <div className="pdfview"><PdfView url={file.url} name={file.name} /></div>;
  return (
    <div className="empty" data-testid="empty">
      <span className="emi"><Icon name="file" size={24} /></span><h2>{file.name}</h2><p className="mut">{file.why} {file.size}</p>
      <div className="row"><a className="btn pri" href={file.url} download><Icon name="download" />Download</a></div>
    </div>
  );
}

export function FilePanels({ files = [], panels = [], front = 0, namespace = "", writes = true, starting = false, finding = false, onAct, onDirty, onSaved, onRefused, onRun, onFind }) {
  const host = useRef(null);
  const [width, setWidth] = useState(0);
  const [said, setSaid] = useState("");
  const [drag, setDrag] = useState(null); // {path, panel} of a tab; panel 0 for a file of the tree
  const [over, setOver] = useState(null); // {panel, side}
  useLayoutEffect(() => {
    const take = () => setWidth(host.current.clientWidth);
    take();
    const observer = new ResizeObserver(take);
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);
  const room = Math.max(1, Math.min(MOST, Math.floor(width / ROOM)));
  const seen = useMemo(() => merged(panels, front, room), [panels, front, room]);
  const [shares, setShares] = useState([1]);
  useEffect(() => setShares(kept("files", seen.length)), [seen.length]);
  const parts = shares.length === seen.length ? shares : Array(seen.length).fill(1);
  const byPath = useMemo(() => new Map(files.map((one) => [one.path, one])), [files]);
  const dirty = files.filter((one) => one.dirty).map((one) => one.path);
  // What was just pressed counts at once, before the page has heard of it.
  const [touched, setTouched] = useState(0);
  useEffect(() => setTouched(0), [front]);
  const near = touched || front;
  const ahead = seen.find((panel) => panel.key === near || panel.holds?.includes(near)) || seen[0];
  const held = useRef({});
  held.current = { onAct, ahead, room, seen };
  const act = (kind, more) => held.current.onAct?.({ kind, panel: held.current.ahead?.key || 0, path: held.current.ahead?.on || "", most: held.current.room, ...more });

  // ---- the first panel that has a text holds its editor for as long as it does; the others show it too
  const owners = useRef(new Map());
  const owner = (file) => {
    const old = owners.current.get(file.key);
    const stays = seen.find((panel) => panel.key === old && panel.paths.includes(file.path));
    const now = stays || seen.find((panel) => panel.paths.includes(file.path));
    owners.current.set(file.key, now?.key);
    return now?.key;
  };

  // ---- what was asked for, until it stands: told, and the keys go there
  const wish = useRef(null); // {path, keys of the panels before} or {back: true}
  const side = (path, panel) => {
    if (held.current.room < 2) return;
    wish.current = { path, keys: held.current.seen.map((one) => one.key), from: panel };
    act("side", { path, panel });
  };
  useEffect(() => {
    const wanted = wish.current;
    if (!wanted) return;
    if (wanted.path) {
      const made = seen.find((panel) => panel.key === front && panel.on === wanted.path && (!wanted.keys.includes(panel.key) || panel.key !== wanted.from));
      if (!made) return;
      wish.current = null;
      const name = wanted.path.split("/").pop();
      setSaid(`Opened to the side: ${name}`);
      const text = host.current.querySelector(`.edone.on[data-panel="${made.key}"] textarea`);
      (text || host.current.querySelector(`[role=tab][aria-selected=true][data-panel="${made.key}"]`))?.focus();
      return;
    }
    wish.current = null;
    if (!document.activeElement || document.activeElement === document.body) host.current.querySelector(`[role=tab][aria-selected=true][data-panel="${ahead?.key}"]`)?.focus();
  }, [seen, front]);
  const close = (tabs) => {
    wish.current = { back: true };
    act("close", { tabs: tabs.flatMap((tab) => tab.keys.map((key) => [key, tab.path])) });
  };
  const entered = (event) => {
    if (event.target.closest(".etabs,.edbar")) return; // what stands there names its panel itself
    const key = Number(event.target.closest("[data-panel]")?.dataset.panel || 0);
    const panel = seen.find((one) => one.key === key);
    if (!panel || key === ahead?.key) return;
    setTouched(key);
    act("front", { panel: key, path: panel.on });
  };
  useEffect(() => {
    const keys = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || (event.key !== "\\" && event.code !== "Backslash")) return;
      if (!held.current.ahead || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      event.stopPropagation();
      side(held.current.ahead.on, held.current.ahead.key);
    };
    window.addEventListener("keydown", keys, true);
    return () => window.removeEventListener("keydown", keys, true);
  }, []);

  // ---- tabs are carried, also files of the tree
  const sideOf = (event) => {
    const key = Number(event.target.closest("[data-panel]")?.dataset.panel || 0);
    const box = host.current.querySelector(`.etabs[data-panel="${key}"]`)?.getBoundingClientRect();
    if (!box) return null;
    const part = (event.clientX - box.left) / box.width;
    if (event.clientY < box.bottom || room < 2) return { panel: key, side: "in" };
    const edge = seen.length === 1 ? 0.5 : 0.3;
    return { panel: key, side: part > 1 - edge ? "right" : part < edge ? "left" : "in" };
  };
  const carried = (event) => [...event.dataTransfer.types].some((one) => one === TAB || one === MARK);
  const drags = {
    onDragOverCapture: (event) => {
      if (!carried(event)) return;
      event.preventDefault();
      event.stopPropagation();
      const next = sideOf(event);
      if (next?.panel !== over?.panel || next?.side !== over?.side) setOver(next);
    },
    onDragLeave: (event) => { if (!event.currentTarget.contains(event.relatedTarget)) setOver(null); },
    onDropCapture: (event) => {
      if (!carried(event)) return;
      event.preventDefault();
      event.stopPropagation();
      const place = sideOf(event);
      const path = drag?.path || event.dataTransfer.getData(TAB) || event.dataTransfer.getData(MARK);
      setOver(null);
      setDrag(null);
      if (!place || !path) return;
      if (place.side !== "in") wish.current = { path, keys: seen.map((one) => one.key), from: 0 };
      act("drop", { path, from: drag?.panel || 0, panel: place.panel, side: place.side });
    },
  };

  // ---- widths
  const pair = (at) => () => {
    const [a, b] = [seen[at], seen[at + 1]].map((panel) => host.current.querySelector(`.etabs[data-panel="${panel.key}"]`).getBoundingClientRect());
    return { from: a.left, size: b.right - a.left };
  };
  const widen = (at) => (share) => {
    const sum = parts[at] + parts[at + 1];
    const next = parts.map((one, i) => (i === at ? (sum * share) / 100 : i === at + 1 ? sum * (1 - share / 100) : one));
    setShares(next);
    try { localStorage.setItem(`fd-split-files-${next.length}`, JSON.stringify(next.map((one) => Math.round(one * 1000) / 1000))); } catch { /* private window */ }
  };
  const left = (at) => `minmax(0,${parts[at]}fr)`;
  const columns = seen.map((_, at) => left(at)).join(" 5px ");
  const ghost = over && (() => {
    const frame = host.current.getBoundingClientRect();
    const box = host.current.querySelector(`.etabs[data-panel="${over.panel}"]`).getBoundingClientRect();
    const half = over.side === "in" ? 1 : 0.5;
    return { left: box.left - frame.left + (over.side === "right" ? box.width / 2 : 0), width: box.width * half };
  })();

  const tools = (panel, last) => (
    <span className="etools">
      {room > 1 && seen.length < room ? <button type="button" className="ib" title="Split (Ctrl \)" aria-label="Open to the side" aria-keyshortcuts="Control+\" data-testid="files-split" onClick={() => side(panel.on, panel.key)}><Icon name="columns-2" /></button> : null}
      {last ? <button type="button" className={finding ? "ib on" : "ib"} title="Find in all files" aria-label="Find in all files" aria-pressed={finding} data-testid="files-find" onClick={() => onFind?.()}><Icon name="search-code" /></button> : null}
      {last && writes && files.length ? <>
        {dirty.length > 1 || (dirty.length && !dirty.includes(ahead?.on)) ? <button type="button" className="btn s" title="Save all" aria-label={`Save all (${dirty.length})`} data-testid="files-save-all" onClick={() => act("save_all")}><Icon name="save" /><span className="wide">Save all</span><span className="num">{dirty.length}</span></button> : null}
        <button type="button" className="btn s pri" disabled={!dirty.includes(ahead?.on)} title={dirty.includes(ahead?.on) ? ahead.on : "Nothing to save"} aria-label="Save" data-testid="files-save" onClick={() => act("save")}><Icon name="save" /><span className="wide">Save</span></button>
      </> : null}
    </span>
  );
  const bar = (panel, file) => (
    <>
      <button type="button" className="btn s only-s" onClick={() => act("leave")}><Icon name="chevron-left" />Files</button>
      <span className="mono ell grow crumb" title={panel.on}>{panel.on}</span>
      {writes && file?.script ? <Allowed needs="EXECUTION:CREATE" namespace={namespace}><button type="button" className="btn s" disabled={starting} title={starting ? "It is being started" : undefined} data-testid="files-run" onClick={() => onRun?.(file.path, file.dirty)}><Icon name="play" />{file.dirty ? "Save and run" : "Run this script"}</button></Allowed> : null}
      <CopyButton text={`{{ read('${panel.on.slice(1)}') }}`} label="Copy as read('…')"><Icon name="copy" /></CopyButton>
      {file?.drawn ? <button type="button" className={panel.drawn.includes(panel.on) ? "ib on" : "ib"} title="Preview" aria-label="Preview" aria-pressed={panel.drawn.includes(panel.on)} data-testid="files-preview" onClick={() => act("preview", { panel: panel.key, path: panel.on })}><Icon name="eye" /></button> : null}
      <button type="button" className="ib" title="Versions" aria-label="Versions" data-testid="files-versions" onClick={() => act("versions", { panel: panel.key, path: panel.on })}><Icon name="history" /></button>
      {file ? <a className="ib" href={file.url} download title="Download" aria-label="Download" data-testid="files-download"><Icon name="download" /></a> : null}
    </>
  );
  const text = (file, panel, mine, on, drawn) => (mine
    ? <CodeEditor loadUrl={file.url} saveUrl={file.url} saveMethod="POST" statsUrl={file.stats} language={file.name} readOnly={!writes} command={{ seq: file.order, kind: "save" }} share={file.key} place={panel.key}
      onDirty={(now) => onDirty?.(file.path, now)} onSaved={(result) => onSaved?.(file.path, result)} onError={() => onRefused?.(file.path)} />
    : on && !drawn ? <CodeTwin share={file.key} place={panel.key} language={file.name} readOnly={!writes} bar={seen.find((one) => one.key === owner(file))?.on !== file.path} /> : null);

  const cells = [];
  seen.forEach((panel, at) => {
    const column = 2 * at + 1;
    const last = at === seen.length - 1;
    const file = byPath.get(panel.on);
    const name = seen.length > 1 ? `Open files, panel ${at + 1}` : "Open files";
    cells.push(
      <div key={`h${panel.key}`} className={`etabs${seen.length > 1 && panel === ahead ? " ahead" : ""}`} data-panel={panel.key} style={{ gridColumn: column, gridRow: 1 }}>
        <FileTabs label={name} id={panel.key} tabs={panel.tabs} on={panel.on} files={byPath} split={room > 1}
          onShow={(tab) => act("show", { panel: tab.key, path: tab.path })} onSide={(tab) => side(tab.path, tab.key)} onClose={close}
          onDrag={(tab) => setDrag(tab ? { path: tab.path, panel: tab.key } : null)} />
        {tools(panel, last)}
      </div>,
      <div key={`b${panel.key}`} className="edbar" data-panel={panel.key} style={{ gridColumn: column, gridRow: 2 }}>{bar(panel, file)}</div>,
    );
    panel.paths.forEach((path) => {
      const one = byPath.get(path);
      if (!one) return;
      const mine = owner(one) === panel.key;
      const on = path === panel.on;
      const drawn = Boolean(one.drawn) && panel.drawn.includes(path);
      if (!mine && !on) return;
      cells.push(
        <div key={mine ? one.key : `${one.key}@${panel.key}`} className={on ? "edone on" : "edone"} role="tabpanel" aria-label={one.name} data-panel={panel.key} data-path-shown={on ? path : undefined} style={{ gridColumn: column, gridRow: 3 }}>
          {one.plain ? text(one, panel, mine, on, drawn) : <Other file={one} />}
          {drawn && on ? <div className="fprev"><Preview share={one.key} file={one} /></div> : null}
        </div>,
      );
    });
    if (!last) {
      const share = (parts[at] / (parts[at] + parts[at + 1])) * 100;
      cells.push(<SplitBar key={`d${panel.key}`} className="epbar" share={share} span={pair(at)} least={LEAST} onShare={widen(at)} style={{ gridColumn: column + 1, gridRow: "1 / 4" }} data-testid="files-divider" />);
    }
  });
  return (
    <div ref={host} className={`epanels${drag || over ? " dragging" : ""}`} style={{ gridTemplateColumns: columns || "minmax(0,1fr)" }} onFocusCapture={entered} onPointerDownCapture={entered} data-testid="files-panels" data-count={seen.length} {...drags}>
      {cells}
      {ghost ? <div className="epghost" style={ghost} /> : null}
      <span className="vh" role="status" data-testid="files-told">{said}</span>
    </div>
  );
}
