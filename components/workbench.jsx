// Panels of the editor: columns of cells, a cell holds tabs. All open panels stay mounted as siblings that are placed by
// rectangles, so moving one never loses its content. Below 1024 px the panels are tabs of one column.
import { Children, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useDebounced } from "$/public/external/components/net/net.jsx";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import "./workbench.css";

const NARROW = 1024;
const BAR = 5;
const HEAD = 32;

export const PRESETS = {
  Code: [{ w: 1, cells: [{ h: 1, tabs: ["code"], on: "code" }] }],
  "Code + docs": [{ w: 64, cells: [{ h: 1, tabs: ["code"], on: "code" }] }, { w: 36, cells: [{ h: 1, tabs: ["docs"], on: "docs" }] }],
  Visual: [{ w: 58, cells: [{ h: 1, tabs: ["nocode"], on: "nocode" }] }, { w: 42, cells: [{ h: 1, tabs: ["topology"], on: "topology" }] }],
  Build: [{ w: 54, cells: [{ h: 1, tabs: ["code"], on: "code" }] }, { w: 46, cells: [{ h: 50, tabs: ["topology", "docs"], on: "topology" }, { h: 50, tabs: ["lastrun"], on: "lastrun" }] }],
};

// ---- one layout a page, shared by the tool bar and the panels ---------------------------------------------------
let columns = [];
let report = null;
const listeners = new Set();
const watch = (listen) => { listeners.add(listen); return () => listeners.delete(listen); };
let front = ""; // the panel that is seen where there is room for one alone
const useFront = () => useSyncExternalStore(watch, () => front, () => "");
function bring(panel) { front = panel; listeners.forEach((listen) => listen()); }
const useColumns = () => useSyncExternalStore(watch, () => columns, () => columns);
const opened = (list) => list.flatMap((column) => column.cells.flatMap((cell) => cell.tabs));

function put(next, quiet = false) {
  columns = next.map((column) => ({ ...column, cells: column.cells.filter((cell) => cell.tabs.length).map((cell) => ({ ...cell, on: cell.tabs.includes(cell.on) ? cell.on : cell.tabs[0] })) })).filter((column) => column.cells.length);
  listeners.forEach((listen) => listen());
  if (!quiet) report?.(columns);
}

function without(list, panel) {
  return list.map((column) => ({ ...column, cells: column.cells.map((cell) => ({ ...cell, tabs: cell.tabs.filter((one) => one !== panel) })) }));
}

const LEFT = new Set(["files", "code", "nocode"]);
export function openPanel(panel) {
  if (opened(columns).includes(panel)) return put(columns.map((column) => ({ ...column, cells: column.cells.map((cell) => (cell.tabs.includes(panel) ? { ...cell, on: panel } : cell)) })));
  const cell = { h: 50, tabs: [panel], on: panel };
  const total = columns.reduce((n, c) => n + c.w, 0) || 1;
  if (panel === "files") return put([{ w: total * 0.22, cells: [cell] }, ...columns]);
  if (LEFT.has(panel)) return put([{ w: columns.length ? total * 0.9 : 1, cells: [cell] }, ...columns]);
  const last = columns[columns.length - 1];
  if (!last || columns.length < 2) return put([...columns, { w: total * 0.6, cells: [cell] }]);
  if (last.cells.length < 2) return put([...columns.slice(0, -1), { ...last, cells: [...last.cells, { ...cell, h: last.cells[0].h }] }]);
  const lower = last.cells[last.cells.length - 1];
  return put([...columns.slice(0, -1), { ...last, cells: [...last.cells.slice(0, -1), { ...lower, tabs: [...lower.tabs, panel], on: panel }] }]);
}
// Opens a panel and brings it to the front where there is room for one alone.
export function showPanel(panel) { openPanel(panel); bring(panel); }
export const closePanel = (panel) => put(without(columns, panel));
const isNarrow = () => window.matchMedia(`(max-width:${NARROW - 1}px)`).matches;
function useNarrow() {
  const [on, setOn] = useState(false);
  useEffect(() => {
    const query = window.matchMedia(`(max-width:${NARROW - 1}px)`);
    const take = () => setOn(query.matches);
    take();
    query.addEventListener("change", take);
    return () => query.removeEventListener("change", take);
  }, []);
  return on;
}
const toggle = (panel) => {
  if (isNarrow()) return showPanel(panel);
  const shown = columns.some((column) => column.cells.some((cell) => cell.on === panel));
  if (!shown) return openPanel(panel);
  return closePanel(panel);
};

// side: "tab" joins the cell, others make a new cell or column beside it.
function drop(panel, target, side) {
  const rest = without(columns, panel);
  const out = [];
  rest.forEach((column, c) => {
    if (c !== target.column) return out.push(column);
    if (side === "left" || side === "right") {
      const fresh = { w: column.w / 2, cells: [{ h: 1, tabs: [panel], on: panel }] };
      const half = { ...column, w: column.w / 2 };
      return side === "left" ? out.push(fresh, half) : out.push(half, fresh);
    }
    const cells = [];
    column.cells.forEach((cell, i) => {
      if (i !== target.cell) return cells.push(cell);
      if (side === "tab") return cells.push({ ...cell, tabs: [...cell.tabs, panel], on: panel });
      const fresh = { h: cell.h / 2, tabs: [panel], on: panel };
      return side === "top" ? cells.push(fresh, { ...cell, h: cell.h / 2 }) : cells.push({ ...cell, h: cell.h / 2 }, fresh);
    });
    return out.push({ ...column, cells });
  });
  put(out);
}

// ---- tool bar --------------------------------------------------------------------------------------------------
export function PanelToggles({ panels = [] }) {
  const list = useColumns();
  const narrow = useNarrow();
  const seen = useFront();
  const shown = new Set(narrow ? [opened(list).includes(seen) ? seen : list[0]?.cells[0]?.on] : list.flatMap((column) => column.cells.map((cell) => cell.on)));
  const [menu, setMenu] = useState(false);
  const host = useRef(null);
  useEffect(() => {
    if (!menu) return undefined;
    const away = (event) => host.current?.contains(event.target) || setMenu(false);
    const esc = (event) => event.key === "Escape" && setMenu(false);
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", esc);
    return () => { document.removeEventListener("pointerdown", away); document.removeEventListener("keydown", esc); };
  }, [menu]);
  return (
    <>
      <div className="seg wb-seg" role="group" aria-label="Panels">
        {panels.map((panel) => (
          <button key={panel.id} type="button" className={shown.has(panel.id) ? "on" : ""} aria-pressed={shown.has(panel.id)} aria-label={panel.title} title={panel.title} onClick={() => toggle(panel.id)} data-testid={`editor-panel-${panel.id}`}>
            <Icon name={panel.icon} /><b>{panel.title}</b>
          </button>
        ))}
      </div>
      <div className="wb-menu" ref={host}>
        <button type="button" className="btn s gho" aria-haspopup="menu" aria-expanded={menu} onClick={() => setMenu(!menu)} data-testid="editor-layout"><Icon name="layers" /><span className="hide-s">Layout</span><Icon name="chevron-down" /></button>
        {menu ? (
          <div className="pop" role="menu">
            {Object.entries(PRESETS).map(([name, preset]) => <button key={name} type="button" role="menuitem" className="mi" onClick={() => { put(preset); setMenu(false); }} data-testid={`layout-${name.split(" ").pop().toLowerCase()}`}>{name}</button>)}
          </div>
        ) : null}
      </div>
    </>
  );
}

// ---- panels ----------------------------------------------------------------------------------------------------
export function Workbench({ panels = [], layout, turn = 0, stay = "code", show, front: first = "", onLayout, children }) {
  const list = useColumns();
  const host = useRef(null);
  const held = useRef({});
  held.current = { onLayout, turn };
  const [box, setBox] = useState({ width: 0, height: 0 });
  const [drag, setDrag] = useState(null); // {panel, over: {column, cell}, side}
  const focusTab = useFront();
  const setFocusTab = bring;
  const keep = useDebounced((next) => held.current.onLayout?.(next, held.current.turn), 150);

  useEffect(() => {
    report = (next) => keep(next);
    return () => { keep.flush(); report = null; };
  }, []);
  useEffect(() => {
    keep.cancel(); // what was arranged before is of the turn before
    const known = new Set(panels.map((panel) => panel.id));
    const given = Array.isArray(layout) && layout.length ? layout : PRESETS["Code + docs"];
    put(given.map((column) => ({ w: Number(column.w) || 1, cells: (column.cells || []).map((cell) => ({ h: Number(cell.h) || 1, on: cell.on, tabs: (cell.tabs || []).filter((one) => known.has(one)) })) })), true);
    if (first) bring(first);
    held.current.onLayout?.(columns, turn);
  }, [turn]);
  useEffect(() => {
    const observer = new ResizeObserver(([found]) => setBox({ width: found.contentRect.width, height: found.contentRect.height }));
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);

  const wish = useRef(show?.seq);
  useEffect(() => {
    if (!show?.panel || show.seq === wish.current) return;
    wish.current = show.seq;
    openPanel(show.panel);
    setFocusTab(show.panel);
  }, [show?.seq]);

  const narrow = box.width > 0 && box.width < NARROW - 60; // the sidebar stands beside
  const all = opened(list);
  const single = narrow ? (all.includes(focusTab) ? focusTab : list[0]?.cells[0]?.on) : "";
  const rects = useMemo(() => {
    const out = new Map();
    const bars = [];
    const heads = [];
    if (narrow) {
      heads.push({ column: 0, cell: 0, x: 0, y: 0, w: box.width, h: HEAD, tabs: all, on: single });
      if (single) out.set(single, { x: 0, y: HEAD, w: box.width, h: box.height - HEAD });
      return { out, bars, heads };
    }
    const total = list.reduce((n, column) => n + column.w, 0) || 1;
    const width = box.width - BAR * Math.max(0, list.length - 1);
    let x = 0;
    list.forEach((column, c) => {
      const w = (column.w / total) * width;
      const tall = column.cells.reduce((n, cell) => n + cell.h, 0) || 1;
      const height = box.height - BAR * Math.max(0, column.cells.length - 1);
      let y = 0;
      column.cells.forEach((cell, i) => {
        const h = (cell.h / tall) * height;
        heads.push({ column: c, cell: i, x, y, w, h: HEAD, whole: h, tabs: cell.tabs, on: cell.on });
        out.set(cell.on, { x, y: y + HEAD, w, h: h - HEAD });
        y += h;
        if (i < column.cells.length - 1) { bars.push({ column: c, cell: i, x, y, w, h: BAR, vertical: true }); y += BAR; }
      });
      x += w;
      if (c < list.length - 1) { bars.push({ column: c, x, y: 0, w: BAR, h: box.height }); x += BAR; }
    });
    return { out, bars, heads };
  }, [list, box, narrow, single, all.join()]);

  const resize = (bar, part) => {
    // part: share of the two neighbours that the first one gets
    const share = Math.min(0.88, Math.max(0.12, part));
    put(columns.map((column, c) => {
      if (bar.vertical) {
        if (c !== bar.column) return column;
        const [a, b] = [column.cells[bar.cell], column.cells[bar.cell + 1]];
        const sum = a.h + b.h;
        return { ...column, cells: column.cells.map((cell, i) => (i === bar.cell ? { ...cell, h: sum * share } : i === bar.cell + 1 ? { ...cell, h: sum * (1 - share) } : cell)) };
      }
      const sum = columns[bar.column].w + columns[bar.column + 1].w;
      return c === bar.column ? { ...column, w: sum * share } : c === bar.column + 1 ? { ...column, w: sum * (1 - share) } : column;
    }));
  };
  const shareOf = (bar) => {
    if (bar.vertical) { const [a, b] = [list[bar.column].cells[bar.cell].h, list[bar.column].cells[bar.cell + 1].h]; return a / (a + b); }
    return list[bar.column].w / (list[bar.column].w + list[bar.column + 1].w);
  };
  const pull = (bar) => (event) => {
    event.preventDefault();
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const frame = host.current.getBoundingClientRect();
    const neighbours = bar.vertical
      ? rects.heads.filter((head) => head.column === bar.column && (head.cell === bar.cell || head.cell === bar.cell + 1))
      : [rects.heads.find((head) => head.column === bar.column), rects.heads.find((head) => head.column === bar.column + 1)];
    const from = bar.vertical ? neighbours[0].y : neighbours[0].x;
    const size = bar.vertical ? neighbours[1].y + neighbours[1].whole - from : neighbours[1].x + neighbours[1].w - from;
    const move = (e) => resize(bar, ((bar.vertical ? e.clientY - frame.top : e.clientX - frame.left) - from) / size);
    const up = () => { target.removeEventListener("pointermove", move); target.removeEventListener("pointerup", up); };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
  };
  const keys = (bar) => (event) => {
    const by = { ArrowLeft: -0.03, ArrowUp: -0.03, ArrowRight: 0.03, ArrowDown: 0.03 }[event.key];
    if (!by) return;
    event.preventDefault();
    resize(bar, shareOf(bar) + by);
  };
  const sideOf = (event) => {
    const frame = host.current.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const head = rects.heads.find((one) => x >= one.x && x <= one.x + one.w && y >= one.y && y <= one.y + one.whole);
    if (!head) return null;
    if (y < head.y + HEAD) return { over: head, side: "tab" };
    const [u, v] = [(x - head.x) / head.w, (y - head.y) / head.whole];
    const edge = Math.min(u, 1 - u, v, 1 - v);
    return { over: head, side: edge > 0.28 ? "tab" : edge === u ? "left" : edge === 1 - u ? "right" : edge === v ? "top" : "bottom" };
  };
  const byKey = (panel, head) => (event) => {
    const at = head.tabs.indexOf(panel);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1 }[event.key];
    if (event.key === "Delete" && panel !== stay) { event.preventDefault(); return closePanel(panel); }
    if (to === undefined || !head.tabs[to]) return undefined;
    event.preventDefault();
    event.currentTarget.closest(".wb-head").querySelectorAll(".wb-t")[to]?.focus();
    return narrow ? setFocusTab(head.tabs[to]) : openPanel(head.tabs[to]);
  };

  const names = panels.map((panel) => panel.id);
  const items = Children.toArray(children);
  const title = (id) => panels.find((panel) => panel.id === id);
  const ghost = drag?.over ? { tab: { x: 0, y: 0, w: 1, h: 1 }, left: { x: 0, y: 0, w: 0.5, h: 1 }, right: { x: 0.5, y: 0, w: 0.5, h: 1 }, top: { x: 0, y: 0, w: 1, h: 0.5 }, bottom: { x: 0, y: 0.5, w: 1, h: 0.5 } }[drag.side] : null;
  return (
    <div className={`wb${drag ? " dragging" : ""}`} ref={host} data-testid="workbench" data-panels={all.join(" ")}
      onDragOver={(event) => { if (!drag) return; event.preventDefault(); const found = sideOf(event); setDrag((old) => (old && found ? { ...old, ...found } : old)); }}
      onDrop={(event) => { if (!drag) return; event.preventDefault(); if (drag.over) drop(drag.panel, drag.over, drag.side); setDrag(null); }}>
      {rects.heads.map((head) => (
        <div key={`${head.column}.${head.cell}`} className="wb-head" role="group" aria-label="Panels here" style={{ left: head.x, top: head.y, width: head.w }}>
          {head.tabs.map((id) => (
            <span key={id} className={`wb-tab${head.on === id ? " on" : ""}`}>
              <button type="button" className="wb-t" aria-pressed={head.on === id} draggable={!narrow}
                onDragStart={(event) => { event.dataTransfer.setData("text/plain", id); event.dataTransfer.effectAllowed = "move"; setTimeout(() => setDrag({ panel: id }), 0); }} onDragEnd={() => setDrag(null)}
                onClick={() => (narrow ? setFocusTab(id) : openPanel(id))} onKeyDown={byKey(id, head)} data-testid={`panel-tab-${id}`}><Icon name={title(id)?.icon} />{title(id)?.title}</button>
              {all.length > 1 ? <button type="button" className="ib" aria-label={`Close ${title(id)?.title}`} onClick={() => closePanel(id)}><Icon name="x" size={12} /></button> : null}
            </span>
          ))}
        </div>
      ))}
      {names.map((id, i) => {
        const rect = rects.out.get(id);
        if (!rect && id !== stay) return null;
        return <div key={id} className="wb-panel" role="group" aria-label={title(id)?.title} data-panel={id} style={rect ? { left: rect.x, top: rect.y, width: Math.max(0, rect.w), height: Math.max(0, rect.h) } : { visibility: "hidden", left: 0, top: 0, width: 320, height: 200, zIndex: -1 }}>{items[i]}</div>;
      })}
      {rects.bars.map((bar) => <div key={`${bar.column}.${bar.cell ?? "c"}`} className={`wb-bar${bar.vertical ? " v" : ""}`} role="separator" tabIndex={0} aria-orientation={bar.vertical ? "horizontal" : "vertical"} aria-label="Size of the panels" aria-valuenow={Math.round(shareOf(bar) * 100)} aria-valuemin={12} aria-valuemax={88} style={{ left: bar.x, top: bar.y, width: bar.w, height: bar.h }} onPointerDown={pull(bar)} onKeyDown={keys(bar)} />)}
      {ghost ? <div className="wb-ghost" style={{ left: drag.over.x + ghost.x * drag.over.w, top: drag.over.y + ghost.y * drag.over.whole, width: ghost.w * drag.over.w, height: ghost.h * drag.over.whole }} /> : null}
      {all.length ? null : <p className="mut sm wb-none">All panels are closed. Choose one above.</p>}
    </div>
  );
}
