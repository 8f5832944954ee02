// The command palette: recent places, menu entries, actions of the page, and the server's hits, fetched while one types.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { useLocation, useNavigate } from "react-router";
import { store, tenantOf, useAbsent } from "./shell.jsx";
import { Dialog } from "./overlay.jsx";

// As `uiPath` of net.jsx.
const uiPath = (path) => (window.flowdeckBase || "") + "/ui" + path;

const KINDS = { flow: "Flows", namespace: "Namespaces", execution: "Executions", dashboard: "Dashboards", kv: "Keys", secret: "Secrets", file: "Files", plugin: "Plugins", blueprint: "Blueprints", docs: "Documentation", label: "Labels" };
const SHAPES = {
  flow: "M4 3h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM7 11v4a2 2 0 0 0 2 2h4M14 13h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z",
  execution: "M22 12h-4l-3 9L9 3l-3 9H2", namespace: "M3 7h5l2 3h11v9H3z", kv: "M3 5c0-1.7 4-3 9-3s9 1.3 9 3-4 3-9 3-9-1.3-9-3v14c0 1.7 4 3 9 3s9-1.3 9-3V5M3 12c0 1.7 4 3 9 3s9-1.3 9-3",
  secret: "M15 7a4 4 0 1 0-3.9 4.9L4 19v2h3l1-1v-2h2v-2h2l1.1-1.1A4 4 0 0 0 15 7Z", file: "M14 2H6a2 2 0 0 0-2 2v16a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8ZM14 2v6h6",
  plugin: "M12 22v-5M9 8V2M15 8V2M18 8v5a4 4 0 0 1-4 4h-4a4 4 0 0 1-4-4V8Z", dashboard: "M3 3h7v9H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 16h7v5H3z", blueprint: "m16 6 4 14M12 6v14M8 8v12M4 4v16",
  recent: "M12 6v6l4 2M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0Z", menu: "M5 12h14M12 5l7 7-7 7", action: "M13 2 3 14h9l-1 8 10-12h-9l1-8Z", execute: "m6 3 14 9-14 9Z", edit: "M12 20h9M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4Z", logs: "M15 12h-5M15 8h-5M19 17V5a2 2 0 0 0-2-2H4M8 21h12a2 2 0 0 0 2-2v-1H10v1a2 2 0 1 1-4 0V5a2 2 0 1 0-4 0v3h4",
};
const Icon = ({ kind }) => jsx("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d: SHAPES[kind] || SHAPES.menu }));

function fuzzy(text, q) { // positions of the characters of q in text, or null
  const hay = text.toLowerCase(), spots = [];
  for (const word of q.toLowerCase().split(/\s+/).filter(Boolean)) {
    const whole = hay.indexOf(word);
    if (whole >= 0) { for (let i = 0; i < word.length; i++) spots.push(whole + i); continue; }
    let at = 0;
    for (const ch of word) { const i = hay.indexOf(ch, at); if (i < 0) return null; spots.push(i); at = i + 1; }
  }
  return spots;
}
// Menu entries and actions are named by whole words; a piece from their middle would push what the server found down.
const begins = (title, q) => q.toLowerCase().split(/\s+/).every((word) => ` ${title.toLowerCase()}`.includes(` ${word}`));
function Marked({ text, q, spans }) {
  const spots = new Set();
  if (spans?.length) spans.forEach(([a, b]) => { for (let i = a; i < b; i++) spots.add(i); }); else (q && fuzzy(text, q) || []).forEach((i) => spots.add(i));
  const out = []; let run = "", marked = false;
  const flush = (k) => { if (run) out.push(marked ? jsx("u", { key: k }, run) : run); run = ""; };
  [...text].forEach((ch, i) => { const m = spots.has(i); if (m !== marked) { flush(i); marked = m; } run += ch; });
  flush("e");
  return out;
}

// Hits of these kinds lead to pages that not every console has; without the page there is nothing to open.
const PAGES = {};

// Where an action of a hit leads: a tab of the flow's page, or the page with a request in its query.
function placeOf(item, action) {
  const flow = /^(.*\/flows\/edit\/[^/]+\/[^/?]+)/.exec(item.path || "");
  if (!flow) return item.path + "?" + action + "=true";
  return flow[1] + (action === "execute" ? "/overview?execute=true" : action === "logs" ? "/logs" : "/edit");
}

export function remember(title, path) {
  const list = store.get("fd-recent", []).filter((r) => r.path !== path);
  store.set("fd-recent", [{ title, path }, ...list].slice(0, 8));
}

// What a page that was not found names, looked for by the palette: the id in the address.
const ID_AT = { executions: 3, flows: 3, namespaces: 2, plugins: 1, dashboards: 1, blueprints: 3 };
export function FindMissing() {
  const parts = useLocation().pathname.split("/").filter(Boolean).slice(1).map((p) => { try { return decodeURIComponent(p); } catch { return p; } });
  const id = parts[ID_AT[parts[0]]] || (parts.length > 1 ? parts[parts.length - 1] : "");
  if (!id) return null;
  return jsx("button", { type: "button", className: "btn", "data-testid": "find-missing", onClick: () => window.dispatchEvent(new CustomEvent("flowdeck:palette", { detail: { text: id.slice(0, 100) } })) }, "Search for ", jsx("span", { className: "mono ell" }, id.slice(0, 32)));
}

export function Palette({ entries: all = [], actions = [], title = "", children }) {
  const absent = useAbsent(), entries = all.filter((entry) => !absent(entry));
  const [open, setOpen] = useState(false), [q, setQ] = useState(""), [at, setAt] = useState(0), [groups, setGroups] = useState([]), [exact, setExact] = useState(null);
  const [took, setTook] = useState(0), [fault, setFault] = useState(""), [expanded, setExpanded] = useState("");
  const navigate = useNavigate(), where = useLocation(), list = useRef(null), pasted = useRef(false);
  const tenant = tenantOf(where.pathname);
  useEffect(() => { if (title) remember(title, where.pathname); }, [title, where.pathname]);
  useEffect(() => {
    const key = (e) => { if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k") { e.preventDefault(); e.stopPropagation(); setOpen((o) => !o); } };
    const ask = (e) => { setOpen(true); if (e.detail?.text) setQ(String(e.detail.text)); };
    window.addEventListener("keydown", key, true); window.addEventListener("flowdeck:palette", ask);
    return () => { window.removeEventListener("keydown", key, true); window.removeEventListener("flowdeck:palette", ask); };
  }, []);
  useEffect(() => { if (!open) { setQ(""); setGroups([]); setExact(null); setAt(0); setExpanded(""); setFault(""); } }, [open]);
  const mode = q[0] === ">" || q[0] === "@" || q[0] === "#" || q[0] === "?" ? q[0] : "";
  const text = mode ? q.slice(1).trim() : q.trim();
  useEffect(() => {
    setExpanded(""); setAt(0);
    if (!open || text.length < 1 || mode === ">") { setGroups([]); setExact(null); return; }
    const abort = new AbortController();
    const wait = setTimeout(async () => {
      const started = performance.now();
      try {
        const kinds = mode === "@" ? "&kinds=namespace" : mode === "#" ? "&kinds=label" : mode === "?" ? "&kinds=docs,plugin,blueprint" : "";
        const r = await fetch(`/api/v1/${tenant}/console/search?q=${encodeURIComponent(text.slice(0, 100))}${kinds}&limit=5`, { signal: abort.signal, credentials: "same-origin", headers: { Accept: "application/json" } });
        if (!r.ok) throw new Error(r.status === 401 ? "You are not logged in any more." : `The search did not answer (${r.status}).`);
        const body = await r.json();
        setGroups(body.groups || []); setExact(body.exact || null);
        if (pasted.current && body.exact) { pasted.current = false; setOpen(false); navigate(body.exact.path.replace(/^\/ui/, "")); return; }
        pasted.current = false; setTook(Math.round(performance.now() - started)); setFault("");
      } catch (e) { if (e.name !== "AbortError") { setGroups([]); setFault(e.message); } }
    }, 90);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [q, open, tenant]);

  const sections = useMemo(() => {
    const out = [];
    const pick = (items) => items.filter((i) => !text || fuzzy(i.title, text)).slice(0, text ? 6 : 20);
    if (exact) out.push({ head: "Exactly this", items: [{ kind: exact.kind || "execution", title: exact.title || exact.id, sub: exact.subtitle, path: exact.path }] });
    if (mode !== "@" && mode !== "#" && mode !== "?") {
      // An action presses a button of the page: what the reader may not do has none.
      const acts = pick(actions.filter((a) => document.querySelector(`[data-testid="${a.event}"]`)).map((a) => ({ ...a, kind: "action" })));
      if (mode === ">" && acts.length) out.push({ head: "Actions", items: acts });
      if (!mode) {
        const recent = pick(store.get("fd-recent", []).filter((r) => r.path !== where.pathname).map((r) => ({ kind: "recent", title: r.title, full: r.path })));
        const known = recent.filter((r) => !text || begins(r.title, text)).slice(0, 5);
        if (known.length) out.push({ head: "Recent", items: known });
        const menu = pick(entries.map((e) => ({ kind: "menu", title: e.label, path: e.to, sub: e.group }))).filter((e) => !text || begins(e.title, text));
        if (menu.length) out.push({ head: "Go to", items: menu });
        const named = acts.filter((a) => !text || begins(a.title, text));
        if (named.length) out.push({ head: "Actions", items: named });
      }
    }
    const shown = (kind) => !PAGES[kind] || entries.some((e) => e.to === PAGES[kind]);
    for (const g of groups) if (g.hits?.length && shown(g.kind)) out.push({ head: KINDS[g.kind] || g.kind, more: g.more, items: g.hits.map((h) => ({ kind: g.kind, title: h.title || h.id, sub: h.subtitle, path: h.path, spans: h.spans, actions: h.actions || [] })) });
    return out;
  }, [groups, exact, text, mode, entries, actions, open]);

  const flat = [];
  for (const s of sections) for (const item of s.items) { flat.push(item); if (expanded === item.kind + item.path) for (const a of item.actions) flat.push({ kind: a, title: { execute: "Execute", edit: "Edit", logs: "Logs" }[a] || a, sub: item.title, path: placeOf(item, a), nested: true }); }
  const cursor = Math.min(at, Math.max(0, flat.length - 1));
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }); }, [cursor, flat.length]);
  const go = useCallback((item, newTab) => {
    if (!item) return;
    if (item.event) { setOpen(false); document.querySelector(`[data-testid="${item.event}"]`)?.click(); return; }
    const raw = item.full || item.path || "", full = item.full || (raw.startsWith(`/${tenant}/`) ? raw : raw.startsWith("/ui/") ? raw.slice(3) : "/" + tenant + raw);
    if (newTab) window.open(uiPath(full), "_blank", "noopener"); else navigate(full);
    setOpen(false);
  }, [tenant, navigate]);
  const keys = (e) => {
    if (e.key === "ArrowDown") { e.preventDefault(); setAt((cursor + 1) % Math.max(1, flat.length)); }
    else if (e.key === "ArrowUp") { e.preventDefault(); setAt((cursor - 1 + flat.length) % Math.max(1, flat.length)); }
    else if (e.key === "Enter") { e.preventDefault(); e.stopPropagation(); go(flat[cursor], e.ctrlKey || e.metaKey); }
    else if (e.key === "Tab" && flat[cursor]?.actions?.length) { e.preventDefault(); const id = flat[cursor].kind + flat[cursor].path; setExpanded(expanded === id ? "" : id); }
  };
  let index = -1;
  const row = (item) => {
    index++;
    const mine = index, on = mine === cursor;
    return jsx("div", { key: mine, id: "pal-" + mine, role: "option", "aria-selected": on, className: "pi_" + (on ? " on" : "") + (item.nested ? " nested" : ""), onMouseMove: () => mine !== cursor && setAt(mine), onClick: (e) => go(item, e.ctrlKey || e.metaKey) },
      jsx("span", { className: "pic" }, jsx(Icon, { kind: item.kind })),
      jsx("span", { className: "ell" }, jsx(Marked, { text: item.title || "", q: text, spans: item.spans })),
      item.sub ? jsx("span", { className: "faint sm ell" }, item.sub) : null, jsx("span", { className: "grow" }),
      on && item.actions?.length ? jsx("span", { className: "row g6 sm mut" }, jsx("span", { className: "kbd" }, "Tab"), "actions") : null,
      on ? jsx("span", { className: "row g6 sm mut" }, jsx("span", { className: "kbd" }, "↵"), "open") : null);
  };
  return [
    jsx("button", { key: "f", type: "button", className: "find", onClick: () => setOpen(true), "data-testid": "palette-open", "aria-label": "Search or jump to" }, children, jsx("span", null, "Search or jump to"), jsx("span", { className: "kbd hide-m" }, "Ctrl K")),
    jsx("dialog", { key: "d", className: "pal-layer", ref: (el) => { if (!el) return; if (open && !el.open) el.showModal(); else if (!open && el.open) el.close(); }, "aria-label": "Command palette", "data-testid": "palette",
      onCancel: (e) => { e.preventDefault(); setOpen(false); }, onMouseDown: (e) => { if (e.target === e.currentTarget) setOpen(false); } },
      open ? jsx("div", { className: "dlg pal" },
        jsx("div", { className: "pin" }, jsx("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round" }, jsx("path", { d: "m21 21-4.3-4.3M19 11a8 8 0 1 1-16 0 8 8 0 0 1 16 0Z" })),
          jsx("input", { autoFocus: true, value: q, onChange: (e) => setQ(e.target.value), onPaste: () => { pasted.current = true; }, onKeyDown: keys, placeholder: "Search or jump to", role: "combobox", "aria-expanded": true, "aria-controls": "pal-list", "aria-activedescendant": flat.length ? "pal-" + cursor : undefined, "aria-label": "Search or jump to", "data-testid": "palette-input", spellCheck: false }),
          jsx("span", { className: "faint sm nw", role: "status" }, text ? `${flat.length} results${groups.length ? ` in ${took} ms` : ""}` : ""), jsx("span", { className: "kbd" }, "Esc")),
        jsx("div", { className: "pal-list", ref: list, id: "pal-list", role: "listbox", "aria-label": "Results" },
          sections.map((s) => [jsx("div", { key: s.head, className: "pg_" }, s.head), s.items.map((item) => {
            const shown = [row(item)];
            if (expanded === item.kind + item.path) shown.push(jsx("div", { key: "sub", className: "sub" }, item.actions.map((a) => row({ kind: a, title: { execute: "Execute", edit: "Edit", logs: "Logs" }[a] || a, path: placeOf(item, a), nested: true }))));
            return shown;
          })]),
          fault ? jsx("div", { className: "pal-none" }, fault) : !flat.length ? jsx("div", { className: "pal-none" }, text ? `Nothing matches “${text}”.` : "Type a name, a namespace or an execution id.") : null),
        jsx("div", { className: "df", style: { padding: "8px 16px", fontSize: 12 } }, jsx("span", { className: "mut row g12" }, jsx("span", null, jsx("span", { className: "kbd" }, ">"), " actions"), jsx("span", null, jsx("span", { className: "kbd" }, "@"), " namespaces"), jsx("span", { className: "hide-s" }, jsx("span", { className: "kbd" }, "#"), " labels"), jsx("span", null, jsx("span", { className: "kbd" }, "?"), " docs")), jsx("span", { className: "grow" }), jsx("span", { className: "mut row g4 hide-s" }, jsx("span", { className: "kbd" }, "Ctrl"), jsx("span", { className: "kbd" }, "↵"), " new tab"))) : null)];
}

// The list of keys, opened by "?": those that hold on this page.
export function KeyList({ groups = [] }) {
  const [open, setOpen] = useState(false), absent = useAbsent(), { pathname } = useLocation();
  useEffect(() => { const f = () => setOpen(true); window.addEventListener("flowdeck:keys", f); return () => window.removeEventListener("flowdeck:keys", f); }, []);
  const below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  const here = open ? groups.filter((g) => !g.at || new RegExp(g.at).test(below)) : [];
  const row = ([k, what, needs]) => (absent({ needs, label: what }) ? null : jsx("div", { key: k, className: "row sp" }, jsx("span", null, what), jsx("span", { className: "row g4" }, k.split(" ").map((one, i) => jsx("span", { key: i, className: "kbd" }, one)))));
  return jsx(Dialog, { open, title: "Keyboard shortcuts", width: 560, onClose: () => setOpen(false), testid: "key-list" },
    jsx("div", { className: "dbody keys" }, here.map((g) => jsx("section", { key: g.title, "aria-label": g.title }, jsx("h3", null, g.title), g.keys.map(row)))));
}
