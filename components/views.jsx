// Saved views and earlier searches of a list: kept on the server for the reader, read and written by the browser itself.
import { useEffect, useState, useSyncExternalStore } from "react";
import { jsx } from "@emotion/react";
import { Link, useLocation } from "react-router";
import { request } from "../net/net.jsx";
import { Dialog, Popover, PopoverClose } from "./overlay.jsx";
import { inWords } from "./filter_words.jsx";
import { toast } from "./bridge.jsx";
import { useMay, useTenant } from "./shell.jsx";

const base = (tenant) => `/api/v1/${encodeURIComponent(tenant)}/console`;
const glyph = (size, ...paths) => jsx("svg", { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, paths.map((d) => jsx("path", { key: d, d })));
const X = "M18 6 6 18M6 6l12 12";
const PEN = "M12 20h9M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4Z";
const STAR = "m12 2 3.1 6.3 6.9 1-5 4.9 1.2 6.8-6.2-3.2L5.8 21 7 14.2l-5-4.9 6.9-1Z";
const MARK = "m19 21-7-4-7 4V5a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2Z";

// ---- one store per list, shared by tabs, menu and dialog -------------------------------------------------------
const stores = new Map();
function storeOf(tenant, list) {
  const key = `${tenant}/${list}`;
  if (!stores.has(key)) stores.set(key, { views: [], read: false, listeners: new Set(), snapshot: { views: [], problem: "" } });
  return stores.get(key);
}
function tell(store, more) {
  store.snapshot = { ...store.snapshot, ...more };
  store.listeners.forEach((f) => f());
}
async function load(tenant, list) {
  const store = storeOf(tenant, list);
  try {
    const found = await request(`${base(tenant)}/views`, { query: { list, counts: true }, retries: 1 });
    tell(store, { views: [...found].sort((a, b) => a.name.localeCompare(b.name)), problem: "" });
  } catch (error) {
    tell(store, { problem: error.message });
  }
}
const NONE = { views: [], problem: "" };
function useViews(tenant, list) {
  const store = storeOf(tenant, list);
  useEffect(() => {
    if (list) load(tenant, list);
  }, [tenant, list]);
  return useSyncExternalStore((f) => { store.listeners.add(f); return () => store.listeners.delete(f); }, () => store.snapshot, () => NONE);
}
async function put(tenant, list, view) {
  const { id, name, query, shared = false, isDefault = false, sort, version, columns, chart } = view;
  const body = { list, name, query, shared, isDefault, ...(sort ? { sort } : {}), ...(columns ? { columns } : {}), ...(chart ? { chart } : {}) };
  await request(`${base(tenant)}/views/${encodeURIComponent(id)}`, { method: "PUT", json: body, headers: version ? { "If-Match": `"${version}"` } : {} });
  await load(tenant, list);
}

// ---- saving under a name ---------------------------------------------------------------------------------------
function SaveDialog({ open, tenant, list, keys, query, views, onClose, onDefault }) {
  const [name, setName] = useState(""), [shared, setShared] = useState(false), [mine, setMine] = useState(false), [fault, setFault] = useState(""), [sure, setSure] = useState("");
  useEffect(() => { if (open) { setName(""); setShared(false); setMine(false); setFault(""); setSure(""); } }, [open]);
  const old = views.find((v) => v.name === name.trim()), may = useMay();
  const save = async () => {
    const wanted = name.trim();
    if (!wanted) return setFault("Give it a name.");
    if (old && sure !== wanted) return setSure(wanted);
    try {
      await put(tenant, list, { id: old?.id || `${list}-${Date.now().toString(36)}`, name: wanted, query, shared, isDefault: mine });
      if (mine) onDefault?.(query);
      onClose();
    } catch (error) { setFault(error.status === 403 ? "You may not share views: it needs the right to change dashboards." : error.message); }
    return undefined;
  };
  return jsx(Dialog, { open, title: "Save view", width: 480, onClose, testid: "view-dialog" },
    jsx("div", { className: "dbody" },
      jsx("div", { className: "fld" }, jsx("label", { htmlFor: "view-name" }, "Name"), jsx("div", { className: "inp" + (fault ? " err" : "") }, jsx("input", { id: "view-name", value: name, autoComplete: "off", placeholder: "Night window", maxLength: 80, "data-testid": "view-name", onChange: (e) => { setName(e.target.value); setFault(""); setSure(""); } })),
        fault ? jsx("span", { className: "er", role: "alert" }, fault) : jsx("span", { className: "hint" }, inWords(keys, query))),
      jsx("label", { className: "row g6 pick" }, jsx("input", { type: "checkbox", checked: mine, onChange: (e) => setMine(e.target.checked), "data-testid": "view-default" }), "Open the list with it"),
      may("DASHBOARD:UPDATE") ? jsx("label", { className: "row g6 pick" }, jsx("input", { type: "checkbox", checked: shared, onChange: (e) => setShared(e.target.checked), "data-testid": "view-shared" }), "Everybody in this tenant sees it") : null,
      sure ? jsx("div", { className: "al warn", role: "alert" }, jsx("div", null, jsx("b", null, `A view named ${sure} exists.`), " Save once more to replace its conditions.")) : null),
    jsx("div", { className: "df" }, jsx("span", { className: "grow" }), jsx("button", { type: "button", className: "btn", onClick: onClose }, "Cancel"), jsx("button", { type: "button", className: "btn pri", "data-primary": "true", onClick: save, "data-testid": "view-save" }, sure ? "Replace" : "Save view")));
}

function useActions(tenant, list, defaultView, onDefault) {
  const guard = async (what, words) => { try { await what(); } catch (error) { toast({ level: "error", title: words, text: error.message, requestId: error.requestId }); } };
  return {
    rename: (view, name) => guard(() => put(tenant, list, { ...view, name }), "The view was not renamed"),
    drop: (view) => guard(async () => { await request(`${base(tenant)}/views/${encodeURIComponent(view.id)}`, { method: "DELETE" }); if (defaultView === view.query) onDefault?.(""); await load(tenant, list); }, "The view was not deleted"),
    share: (view) => guard(() => put(tenant, list, { ...view, shared: !view.shared }), "The view was not shared"),
    star: (view) => onDefault?.(defaultView === view.query ? "" : view.query),
  };
}

function Row({ view, on, starred, keys, onOpen, actions }) {
  const [naming, setNaming] = useState(false);
  if (naming) return jsx("div", { className: "vrow" }, jsx("input", { className: "inp grow", defaultValue: view.name, autoFocus: true, "aria-label": "Name of the view", "data-testid": "view-rename-name", onKeyDown: (e) => { e.stopPropagation(); if (e.key === "Enter") { e.preventDefault(); if (e.target.value.trim()) actions.rename(view, e.target.value.trim()); setNaming(false); } if (e.key === "Escape") setNaming(false); }, onBlur: () => setNaming(false) }));
  const tool = (label, path, act, test, lit) => jsx("button", { type: "button", className: "ib" + (lit ? " on" : ""), title: label, "aria-label": `${label}: ${view.name}`, "aria-pressed": lit === undefined ? undefined : lit, "data-testid": test, onClick: act }, glyph(12, path));
  return jsx("div", { className: "vrow" + (on ? " on" : "") },
    jsx(PopoverClose, null, jsx("button", { type: "button", className: "mi grow", title: inWords(keys, view.query), onClick: () => onOpen(view.query), "data-testid": "view-open" }, jsx("span", { className: "ell" }, view.name), view.shared ? jsx("i", { className: "cnt" }, "shared") : null, view.count !== undefined && view.count !== null ? jsx("span", { className: "xs faint num" }, Number(view.count).toLocaleString("en")) : null)),
    tool("Open the list with it", STAR, () => actions.star(view), "view-star", starred), tool("Rename", PEN, () => setNaming(true), "view-rename"), tool("Delete", X, () => actions.drop(view), "view-delete"));
}

// The menu in the filter bar: saved views, saving, the text form.
export function Views({ tenant, list, keys, query, defaultView, onOpen, onDefault, onText }) {
  const { views, problem } = useViews(tenant, list);
  const [saving, setSaving] = useState(false);
  const actions = useActions(tenant, list, defaultView, onDefault);
  const now = new URLSearchParams(query).toString();
  return jsx("span", { className: "hide-s row g4" },
    jsx(Popover, { label: "Saved views", width: 288, align: "end", testid: list + "-views" }, jsx("button", { type: "button", className: "ib", title: "Saved views", "aria-label": "Saved views" }, glyph(14, MARK)),
      jsx("div", { className: "vpop" }, problem ? jsx("p", { className: "fgs bad sm vnone" }, problem) : null,
        views.length ? views.map((v) => jsx(Row, { key: v.id, view: v, on: new URLSearchParams(v.query).toString() === now, starred: Boolean(defaultView) && v.query === defaultView, keys, onOpen, actions })) : jsx("p", { className: "sm mut vnone" }, "No view is saved yet. A view keeps conditions, search and order under a name."),
        jsx("hr"), jsx(PopoverClose, null, jsx("button", { type: "button", className: "mi", onClick: () => setSaving(true), "data-testid": "view-new" }, "Save this view")), jsx(PopoverClose, null, jsx("button", { type: "button", className: "mi", onClick: onText, "data-testid": "filters-as-text" }, "Edit the conditions as text")))),
    jsx(SaveDialog, { open: saving, tenant, list, keys, query, views, onClose: () => setSaving(false), onDefault }));
}

// Views as tabs above the filter bar: the list's own ones, then the saved ones (picture 07).
export function ViewTabs({ listName: list, keys = [], own = [], query = "", children, path, onOpen, onDefault, defaultView = "" }) {
  const tenant = useTenant(), { search } = useLocation();
  const { views } = useViews(tenant, list);
  const [saving, setSaving] = useState(false);
  const actions = useActions(tenant, list, defaultView, onDefault);
  const norm = (q) => new URLSearchParams(q).toString();
  const mode = new URLSearchParams(search).get("view");
  const to = (q) => `/${tenant}${path}?${q}${mode ? `&view=${mode}` : ""}`;
  const same = (q) => norm(q) === norm(query);
  const saved = views.some((v) => same(v.query)) || own.some((v) => same(v.match ?? v.query));
  return jsx("div", { className: "xl-top" }, jsx("nav", { className: "tabs xl-views", "aria-label": "Views" },
    own.map((v, i) => jsx(Link, { key: v.name, to: to(v.query), className: "tab" + (same(v.match ?? v.query) ? " on" : ""), "aria-current": same(v.match ?? v.query) ? "page" : undefined, "data-testid": `view-${i}` }, v.name)),
    views.map((v) => jsx("span", { key: v.id, className: "row g4 xl-view" }, jsx(Link, { to: to(v.query), className: "tab" + (same(v.query) ? " on" : ""), title: inWords(keys, v.query), "aria-current": same(v.query) ? "page" : undefined, "data-testid": "view-saved" }, v.name, v.count !== undefined && v.count !== null ? jsx("i", { className: "cnt" }, v.count >= 10000 ? "10,000+" : Number(v.count).toLocaleString("en")) : null),
      jsx("button", { type: "button", className: "ib xl-x", title: "Forget this view", "aria-label": `Forget the view ${v.name}`, onClick: () => actions.drop(v) }, glyph(12, X)))),
    jsx("button", { type: "button", className: "tab", onClick: () => setSaving(true), "data-testid": `${list}-save-view` }, glyph(14, "M5 12h14M12 5v14"), saved ? "Save as" : "Save view")),
    jsx("span", { className: "xl-modes" }, children),
    jsx(SaveDialog, { open: saving, tenant, list, keys, query, views, onClose: () => setSaving(false), onDefault }));
}

// ---- earlier searches (UI-FI-06) -------------------------------------------------------------------------------
const KEPT = 10;
const recent = new Map(); // tenant/list → queries, newest first; undefined until it was read
const heard = new Set();
let writing = 0;
async function read(tenant, list) {
  const key = `${tenant}/${list}`;
  if (recent.has(key)) return;
  recent.set(key, []);
  try {
    const settings = await request(`${base(tenant)}/settings`, { retries: 1 });
    const kept = settings?.recentSearches?.[list];
    recent.set(key, [...new Set([...recent.get(key), ...(Array.isArray(kept) ? kept : [])])].slice(0, KEPT));
  } catch { /* without them the list works as well */ }
  heard.forEach((f) => f());
}
function write(tenant, list) {
  clearTimeout(writing);
  writing = setTimeout(() => request(`${base(tenant)}/settings`, { method: "PATCH", json: { recentSearches: { [list]: recent.get(`${tenant}/${list}`) } } }).catch(() => {}), 1500);
}
const first = new Map();
export async function remember(tenant, list, query) {
  const key = `${tenant}/${list}`;
  if (!first.has(key)) first.set(key, query); // what the list opens with is no search
  if (!query || query === first.get(key)) return;
  await read(tenant, list);
  const views = storeOf(tenant, list).snapshot.views;
  if (views.some((v) => new URLSearchParams(v.query).toString() === new URLSearchParams(query).toString())) return;
  const old = recent.get(key);
  if (old[0] === query) return;
  recent.set(key, [query, ...old.filter((q) => q !== query)].slice(0, KEPT));
  heard.forEach((f) => f());
  write(tenant, list);
}
export function Searches({ tenant, list, keys, onOpen }) {
  const [, bump] = useState(0);
  useEffect(() => { const f = () => bump((n) => n + 1); heard.add(f); return () => heard.delete(f); }, []);
  const key = `${tenant}/${list}`, found = recent.get(key) || [];
  const forget = (q) => { recent.set(key, found.filter((x) => x !== q)); write(tenant, list); bump((n) => n + 1); };
  return jsx("span", { className: "hide-s recents" }, jsx(Popover, { label: "Earlier searches", width: 320, testid: list + "-recent" }, jsx("button", { type: "button", className: "ib", title: "Earlier searches", "aria-label": "Earlier searches", onClick: () => read(tenant, list) }, glyph(14, "M3 12a9 9 0 1 0 3-6.7L3 8", "M3 3v5h5M12 7v5l3 2")),
    jsx("div", { className: "vpop" }, found.length ? found.map((q) => jsx("div", { key: q, className: "vrow" }, jsx(PopoverClose, null, jsx("button", { type: "button", className: "mi grow", onClick: () => onOpen(q), "data-testid": "recent-open" }, jsx("span", { className: "ell" }, inWords(keys, q)))), jsx("button", { type: "button", className: "ib", title: "Forget", "aria-label": "Forget this search", onClick: () => forget(q) }, glyph(12, X)))) : jsx("p", { className: "sm mut vnone" }, "What you filter by appears here."))));
}
