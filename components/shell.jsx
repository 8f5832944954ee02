// The frame of every page: links below the tenant, the active menu entry, the collapsible sidebar, the document title.
import { Component, createContext, useCallback, useContext, useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Link, useLocation, useNavigate } from "react-router";

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

export function NavItem({ to, label, count, prefixes, mark = "nav", children }) {
  const { pathname } = useLocation();
  const below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  const on = [to, ...(prefixes || [])].some((p) => below === p || below.startsWith(p + "/"));
  return jsx(AppLink, { to, className: "ni" + (on ? " on" : ""), on, title: label, testid: mark + "-" + to.slice(1).replaceAll("/", "-") },
    children, jsx("span", { key: "l" }, label), count ? jsx("span", { key: "n", className: "n" }, count) : null);
}

const ShellContext = createContext({ toggle() {}, openMenu() {}, small: false });

export function Shell({ collapsed = false, plain = false, children }) {
  const [min, setMin] = useState(collapsed);
  const [sheet, setSheet] = useState(false);
  const { pathname } = useLocation();
  useEffect(() => { setMin(collapsed || store.get("fd-sidebar-min", window.innerWidth < 1440)); }, [collapsed]);
  useEffect(() => { setSheet(false); store.set("fd-tenant", tenantOf(pathname)); }, [pathname]);
  const toggle = useCallback(() => setMin((m) => { if (!collapsed) store.set("fd-sidebar-min", !m); return !m; }), [collapsed]);
  return jsx(ShellContext.Provider, { value: { toggle, min, openMenu: () => setSheet((s) => !s) } },
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
function setStars(list) { store.set("fd-starred", list); starListeners.forEach((f) => f()); }
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
export function Starred({ children }) {
  const list = useStars();
  const [editing, setEditing] = useState(-1);
  if (!list.length) return null;
  const rename = (i, title) => { setStars(list.map((s, k) => (k === i && title.trim() ? { ...s, title: title.trim() } : s))); setEditing(-1); };
  return jsx("div", { className: "starred" }, jsx("h6", null, "Starred"), list.map((s, i) => editing === i
    ? jsx("input", { key: s.path, className: "inp", defaultValue: s.title, autoFocus: true, "aria-label": "Name of the starred place",
        onKeyDown: (e) => { if (e.key === "Enter") rename(i, e.target.value); if (e.key === "Escape") setEditing(-1); }, onBlur: (e) => rename(i, e.target.value) })
    : jsx(Link, { key: s.path, to: s.path, className: "ni", title: s.title, onDoubleClick: (e) => { e.preventDefault(); setEditing(i); } },
        children, jsx("span", { className: "ell" }, s.title))));
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
