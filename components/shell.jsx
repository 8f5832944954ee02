// The frame of every page: links below the tenant, the active menu entry, the collapsible sidebar, the document title.
import { Children, Component, createContext, useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Link, useLocation, useNavigate } from "react-router";
import { request } from "../net/net.jsx";
import { useSteps } from "./drawer_steps.jsx";

const RESERVED = "main";
export const tenantOf = (pathname) => pathname.split("/").filter(Boolean)[0] || RESERVED;
const store = {
  get(key, fallback) { try { const v = localStorage.getItem(key); return v === null ? fallback : JSON.parse(v); } catch { return fallback; } },
  set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* private window */ } },
};

export const useTenant = () => tenantOf(useLocation().pathname);

// A link to a place of this console; `to` begins below the tenant ("/flows").
export function AppLink({ to = "", className, children, label, title, testid, on = false, onClick, style }) {
  const tenant = useTenant();
  return jsx(Link, { to: "/" + tenant + to, className, title, "aria-label": label, "data-testid": testid, style,
    "aria-current": on ? "page" : undefined, onClick }, children);
}

// A plain link that leaves the console's router (downloads, the API description).
export function RawLink({ href, className, children, download = false, newTab = false, testid, title }) {
  return jsx("a", { href, className, title, download: download || undefined, target: newTab ? "_blank" : undefined,
    rel: newTab ? "noreferrer" : undefined, "data-testid": testid }, children);
}

// What the reader may do: rights are `FLOW:READ`, limited ones `FLOW:READ@namespace`. None told: not known yet, all is shown.
export function allows(rights, needs, namespace = "") {
  if (!needs || !rights?.length) return true;
  return needs.split("|").some((need) => rights.some((held) => {
    const [right, limit = ""] = held.split("@");
    return right === need && (!limit || !namespace || namespace === limit || namespace.startsWith(limit + "."));
  }));
}
const ShellContext = createContext({ toggle() {}, openMenu() {}, rights: [], closed: [], barred: null });
export function useMay() { const { rights } = useContext(ShellContext); return (needs, namespace) => allows(rights, needs, namespace); }
// Whether somebody is logged in, as far as the page was told: nobody is without any right.
export function useKnown() { return useContext(ShellContext).rights.length > 0; }
// Shows its children to those who may use them, or (`lacking`) to those who may not: what is not allowed is absent, not
// greyed (UI-PM-01). Until the rights are known the children keep their room and are not to be seen.
export function Allowed({ needs, namespace = "", lacking = false, children }) {
  const { rights } = useContext(ShellContext);
  if (!rights.length) return lacking ? null : jsx("span", { className: "unknown" }, children);
  return allows(rights, needs, namespace) === lacking ? null : children;
}

// The right that the reader lacks for the place in the address, null when it may be opened. `places`: [pattern below the
// tenant, right]; a group named `ns` is the namespace that the right is asked on.
export function barredAt(places, rights, pathname) {
  if (!rights?.length) return null;
  const below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  for (const [pattern, needs] of places || []) {
    const found = new RegExp("^" + pattern.replaceAll("(?P<", "(?<") + "$").exec(below);
    if (!found) continue;
    const namespace = found.groups?.ns || "";
    if (!allows(rights, needs, namespace)) return { needs, namespace };
  }
  return null;
}
export function useBarred() { return useContext(ShellContext).barred; }
// The body of a page, or what stands in its place for a reader who lacks the right to the place (§1.9).
export function Gate({ children }) {
  const barred = useBarred(), tenant = tenantOf(useLocation().pathname);
  if (!barred) return children;
  const names = barred.needs.split("|");
  return jsx("div", { className: "body" }, jsx("div", { className: "empty", role: "alert", "data-testid": "forbidden" },
    jsx("h2", null, "You may not open this page"),
    jsx("p", { className: "mut" }, "You need ", names.map((one, i) => [i ? " or " : "", jsx("code", { key: one, className: "mono", "data-testid": "forbidden-right" }, one)]),
      barred.namespace ? [" on the namespace ", jsx("span", { key: "ns", className: "mono" }, barred.namespace)] : null, "."),
    jsx("p", { className: "mut sm" }, "Whoever runs this server gives roles and their rights."),
    jsx("div", { className: "row", style: { marginTop: 8 } },
      jsx("button", { type: "button", className: "btn", onClick: () => history.back(), "data-testid": "forbidden-back" }, "Back"),
      jsx(Link, { to: `/${tenant}/home`, className: "btn pri", "data-testid": "forbidden-home" }, "Go to the start"))));
}
// What the rights were when this browser tab was last told: they hold until the page is told anew.
const RIGHTS_KEPT = "fd-rights";
export function forgetRights() { try { sessionStorage.removeItem(RIGHTS_KEPT); } catch { /* private window */ } }
let heldNow = [];
// For what stands outside of components: hovers and completions of editors.
export const mayNow = (needs, namespace) => allows(heldNow, needs, namespace);
function useRights(told) {
  const [kept, setKept] = useState([]), text = JSON.stringify(told || []);
  useLayoutEffect(() => {
    try {
      if (told?.length) sessionStorage.setItem(RIGHTS_KEPT, text);
      else setKept(JSON.parse(sessionStorage.getItem(RIGHTS_KEPT) || "[]"));
    } catch { /* private window */ }
  }, [text]);
  heldNow = told?.length ? told : kept;
  return heldNow;
}

// An entry of the menu is absent without its right, and for everybody when the configuration names it ("Group/Item").
export function useAbsent() {
  const { rights, closed } = useContext(ShellContext);
  return (entry) => !allows(rights, entry.needs) || (closed || []).some((name) => { const [last, group] = name.split("/").reverse(); return last === entry.label && (!group || group === entry.group || group === entry.parent); });
}
function useKept() {
  const [kept, setKept] = useState({});
  useEffect(() => {
    const look = () => setKept(store.get("fd-preferences", {}));
    look();
    window.addEventListener("flowdeck:preferences", look);
    return () => window.removeEventListener("flowdeck:preferences", look);
  }, []);
  return kept;
}
const isBelow = (place, prefix) => place === prefix || place.startsWith(prefix + "/");

export function NavItem({ to, label, count, prefixes, needs = "", group = "", parent = "", but, mark = "nav", children }) {
  const { pathname } = useLocation();
  const below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  const on = [to, ...(prefixes || [])].some((p) => isBelow(below, p)) && !(but || []).some((p) => isBelow(below, p));
  const gone = (useKept().hiddenMenu || []).includes(to); // entries that the reader hides are absent, except where one is
  if (useAbsent()({ label, needs, group, parent }) || (gone && !on)) return null;
  return jsx(AppLink, { to, className: "ni" + (on ? " on" : "") + (parent ? " below" : ""), on, title: label, testid: mark + "-" + to.slice(1).replaceAll("/", "-") },
    children, jsx("span", { key: "l" }, label), count ? jsx("span", { key: "n", className: "n" }, count) : null);
}

// In the reader's order: entries keep to their group, what the order does not name stays where it was.
export function inOrder(places, order) {
  const rank = (place) => { const at = (order || []).indexOf(place.to); return at < 0 ? Infinity : at; };
  const groups = [...new Set(places.map((place) => place.group))];
  return groups.flatMap((group) => {
    const own = places.filter((place) => place.group === group && !place.below);
    const sorted = own.map((place, at) => ({ place, at, rank: rank(place) }));
    const free = sorted.filter((one) => one.rank === Infinity), named = sorted.filter((one) => one.rank !== Infinity).sort((a, b) => a.rank - b.rank);
    for (const one of free) named.splice(Math.min(one.at, named.length), 0, one);
    return named.flatMap(({ place }) => [place, ...places.filter((other) => other.below === place.to)]);
  });
}
// The entries of the sidebar, `places` in the order of the children; further children follow them.
export function NavList({ places = [], children }) {
  const { pathname } = useLocation(), kept = useKept(), absent = useAbsent();
  const below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/"), items = Children.toArray(children);
  const hidden = kept.hiddenMenu || [], out = [];
  let group = "";
  for (const place of inOrder(places, kept.menuOrder)) {
    if (absent(place) || (hidden.includes(place.to) && !isBelow(below, place.to)) || (place.below && !isBelow(below, place.below))) continue;
    if (place.group !== group) { group = place.group; if (group) out.push(jsx("h6", { key: "group " + group }, group)); }
    out.push(jsx("span", { key: place.to, className: "navone" }, items[places.indexOf(place)]));
  }
  return jsx("div", { className: "nav-list" }, out, items.slice(places.length));
}

export function Shell({ collapsed = false, plain = false, rights: toldRights, closed, places, children }) {
  const rights = useRights(toldRights);
  const [min, setMin] = useState(collapsed);
  const [sheet, setSheet] = useState(false);
  const { pathname } = useLocation();
  useSteps();
  useEffect(() => { setMin(collapsed || store.get("fd-sidebar-min", window.innerWidth < 1440)); }, [collapsed]);
  useEffect(() => { setSheet(false); store.set("fd-tenant", tenantOf(pathname)); }, [pathname]);
  const toggle = useCallback(() => setMin((m) => { if (!collapsed) store.set("fd-sidebar-min", !m); return !m; }), [collapsed]);
  const told = useMemo(() => ({ toggle, min, openMenu: () => setSheet((s) => !s), rights, closed: closed || [], barred: barredAt(places, rights, pathname) }), [toggle, min, JSON.stringify(rights), JSON.stringify(closed), pathname]);
  return jsx(ShellContext.Provider, { value: told },
    jsx("div", { className: "app" + (min ? " min" : "") + (sheet ? " menu-open" : "") + (plain ? " plain" : "") },
      jsx("a", { className: "skip", href: "#content", onClick: (e) => { e.preventDefault(); document.getElementById("content")?.focus(); } }, "Skip to content"),
      children));
}

export function SidebarToggle({ children }) {
  const { toggle, min } = useContext(ShellContext);
  return jsx("button", { type: "button", className: "ib side-toggle", onClick: toggle, "aria-label": min ? "Open the sidebar" : "Collapse the sidebar", title: min ? "Open the sidebar" : "Collapse the sidebar" }, children);
}
export function KeysButton({ children }) {
  return jsx("button", { type: "button", className: "ib", onClick: () => window.dispatchEvent(new CustomEvent("flowdeck:keys")), "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)" }, children);
}
export function MoreButton({ children }) {
  const { openMenu } = useContext(ShellContext);
  return jsx("button", { type: "button", className: "bn", onClick: openMenu, "data-testid": "nav-more" }, children);
}

export function Title({ text, environment }) {
  useEffect(() => { document.title = [text, environment, "flowdeck"].filter(Boolean).join(" · "); }, [text, environment]);
  return null;
}

// The root page: go to the tenant that this browser used last.
export function Home() {
  const navigate = useNavigate();
  useEffect(() => { navigate("/" + store.get("fd-tenant", RESERVED) + "/home" + location.search, { replace: true }); }, []);
  return null;
}

// A star keeps the current place in the browser under "Starred".
const starListeners = new Set();
const stars = () => store.get("fd-starred", []);
function setStars(list) {
  store.set("fd-starred", list); starListeners.forEach((f) => f());
  // The server keeps them for the reader's other browsers; without it they stay here.
  request(`/api/v1/${tenantOf(location.pathname.replace(/^\/ui/, ""))}/console/settings`, { method: "PATCH", json: { bookmarks: list.slice(0, 100) } }).catch(() => {});
}
let starsTaken = false;
// What the server keeps comes first, once a page load; later changes are this tab's own.
export function takeStars(list) {
  if (starsTaken || !Array.isArray(list)) return;
  starsTaken = true;
  const known = list.filter((s) => s && typeof s.path === "string" && s.path.startsWith("/") && typeof s.title === "string");
  if (JSON.stringify(known) !== JSON.stringify(stars())) { store.set("fd-starred", known); starListeners.forEach((f) => f()); }
}
function useStars() {
  const [list, setList] = useState([]);
  useEffect(() => { const f = () => setList(stars()); f(); starListeners.add(f); return () => starListeners.delete(f); }, []);
  return list;
}
export function Star({ title, children }) {
  const { pathname, search } = useLocation();
  const list = useStars();
  const path = pathname + search;
  const on = list.some((s) => s.path === path);
  return jsx("button", { type: "button", className: "ib star" + (on ? " lit" : ""), "aria-pressed": on, "data-testid": "star",
    "aria-label": on ? "Remove from starred" : "Add to starred", title: on ? "Remove from starred" : "Add to starred",
    onClick: () => setStars(on ? list.filter((s) => s.path !== path) : [...list, { path, title: title || path }]) }, children);
}
const mark = (...paths) => jsx("svg", { width: 12, height: 12, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 2, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, paths.map((d) => jsx("path", { key: d, d })));
const MARKS = { rename: ["M12 20h9", "M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4Z"], remove: ["M3 6h18", "M19 6v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6", "M8 6V4a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2"] };
export function Starred({ children }) {
  const list = useStars();
  const [editing, setEditing] = useState(-1), [asking, setAsking] = useState(-1);
  const dragged = useRef(-1);
  const rename = (i, title) => { setStars(list.map((s, k) => (k === i && title.trim() ? { ...s, title: title.trim() } : s))); setEditing(-1); };
  const drop = (to) => { const from = dragged.current; dragged.current = -1; if (from < 0 || from === to) return; const next = [...list]; next.splice(to, 0, ...next.splice(from, 1)); setStars(next); };
  // What the pointer drags, Alt with an arrow moves; the focus goes along.
  const move = (e, from) => {
    const to = from + (e.key === "ArrowDown" ? 1 : -1);
    if (!e.altKey || !["ArrowUp", "ArrowDown"].includes(e.key)) return;
    e.preventDefault();
    if (to < 0 || to >= list.length) return;
    const next = [...list]; next.splice(to, 0, ...next.splice(from, 1)); setStars(next);
    setTimeout(() => document.querySelectorAll(".starrow a")[to]?.focus(), 0);
  };
  return jsx("div", { className: "starred" }, jsx("h6", null, "Starred"),
    list.length ? null : jsx("p", { className: "xs faint starhelp" }, "The star beside a page's title keeps it here."),
    list.map((s, i) => editing === i
    ? jsx("input", { key: s.path, className: "inp", defaultValue: s.title, autoFocus: true, "aria-label": "Name of the starred place", "data-testid": "starred-name",
        onKeyDown: (e) => { if (e.key === "Enter") rename(i, e.target.value); if (e.key === "Escape") setEditing(-1); }, onBlur: () => setEditing(-1) })
    : asking === i ? jsx("span", { key: s.path, className: "ni row g4 starask" }, jsx("span", { className: "grow ell" }, "Remove?"),
        jsx("button", { type: "button", className: "btn s dan", autoFocus: true, onClick: () => { setAsking(-1); setStars(list.filter((_, k) => k !== i)); }, "data-testid": "starred-yes" }, "Remove"),
        jsx("button", { type: "button", className: "btn s", onClick: () => setAsking(-1) }, "Keep"))
    : jsx("span", { key: s.path, className: "starrow", draggable: true, onDragStart: () => { dragged.current = i; }, onDragOver: (e) => e.preventDefault(), onDrop: () => drop(i) },
        jsx(Link, { to: s.path, className: "ni", title: s.title, "aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown", onKeyDown: (e) => move(e, i) }, children, jsx("span", { className: "ell" }, s.title)),
        jsx("button", { type: "button", className: "ib", "aria-label": `Rename ${s.title}`, title: "Rename", onClick: () => setEditing(i), "data-testid": "starred-rename" }, mark(...MARKS.rename)),
        jsx("button", { type: "button", className: "ib", "aria-label": `Remove ${s.title}`, title: "Remove", onClick: () => setAsking(i), "data-testid": "starred-remove" }, mark(...MARKS.remove)))));
}

// One failing panel does not take the page with it.
export class Guarded extends Component {
  constructor(props) { super(props); this.state = { fault: null }; }
  static getDerivedStateFromError(fault) { return { fault }; }
  render() {
    if (!this.state.fault) return this.props.children;
    const report = String(this.state.fault?.stack || this.state.fault);
    return jsx("div", { className: "al bad", role: "alert", style: { margin: 16 } },
      jsx("div", { className: "grow" }, jsx("b", null, "This panel failed."), " The rest of the page still works.",
        jsx("div", { className: "row", style: { marginTop: 8 } },
          jsx("button", { type: "button", className: "btn s", onClick: () => this.setState({ fault: null }) }, "Reload panel"),
          jsx("button", { type: "button", className: "btn s", onClick: () => navigator.clipboard?.writeText(report) }, "Copy report"))));
  }
}

export { store };
