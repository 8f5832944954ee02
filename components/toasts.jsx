// Toasts: what happened, for how long it stays, what can be done about it, and work that goes on behind the page.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { jsx } from "@emotion/react";
import { Link, useLocation } from "react-router";
import { tenantOf } from "./shell.jsx";

// The toasts outlive a page, hence they stand at module level.
let toasts = [], nextKey = 1, root = (path) => path;
const listeners = new Set();
const emit = () => listeners.forEach((f) => f());
const STAYS = { success: 3000, info: 5000, warning: 0, error: 0, work: 0 };
const WITH_ACTION = 10000; // an Undo needs a moment to be seen
const SHOWN = 4, KEPT = 60;
const FAMILY = { success: "ok", info: "live", warning: "warn", error: "bad", work: "live" };
const SHAPE = {
  success: "M21.8 10A10 10 0 1 1 17 3.34M9 11l3 3L22 4", info: "M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20ZM12 16v-4M12 8h.01",
  warning: "m21.73 18-8-14a2 2 0 0 0-3.46 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3M12 9v4M12 17h.01", error: "M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9ZM15 9l-6 6M9 9l6 6",
  work: "M12 2v4M16.2 7.8l2.9-2.9M18 12h4M16.2 16.2l2.9 2.9M12 18v4M4.9 19.1l2.9-2.9M2 12h4M4.9 4.9l2.9 2.9",
};
const glyph = (size, d) => jsx("svg", { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d }));
const CROSS = "M18 6 6 18M6 6l12 12";

// What a refused request tells, in the fields of a toast.
function facts(error) {
  if (!error) return {};
  return { text: error.message, status: error.status, path: error.path || "", requestId: error.requestId || "", details: (error.errors || []).map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)) };
}

// Show a toast; returns its key.
//   level: success (3 s), info (5 s), warning and error (until closed), work (until it is told that it ended)
//   title, text: what happened and why; error: the RequestError of net.jsx, which fills text, status, path, request id and rules
//   action: {label, path} leads below the tenant, {label, onSelect} calls, {label, key} is told to the tab's state
//   id: a later toast of the same id takes this one's place; done, total: how far work is (total 0: nobody knows)
export function toast(given) {
  const t = { ...given, ...facts(given.error), ...(given.text && given.error ? { text: given.text } : {}), level: given.level || "info" };
  delete t.error;
  const held = t.id && toasts.find((o) => o.id === t.id);
  if (held && held.level === t.level) { toasts = toasts.map((o) => (o === held ? { ...o, ...t } : o)); emit(); return held.key; }
  if (held) { clearTimeout(held.timer); toasts = toasts.filter((o) => o !== held); }
  const same = t.level === "work" ? undefined : toasts.find((o) => o.title === t.title && o.text === t.text && o.level === t.level && Date.now() - o.at < 5000);
  if (same) { toasts = toasts.map((o) => (o === same ? { ...o, count: o.count + 1, at: Date.now() } : o)); emit(); return same.key; }
  const key = nextKey++;
  const stays = STAYS[t.level] && t.action ? WITH_ACTION : STAYS[t.level] || 0;
  const made = { ...t, key, count: 1, at: Date.now(), stays };
  // Work that ends at once needs no word about its beginning.
  if (t.level === "work" && !held) made.hidden = true;
  toasts = [...toasts, made].slice(-KEPT);
  if (made.hidden) setTimeout(() => { toasts = toasts.map((o) => (o.key === key ? { ...o, hidden: false } : o)); emit(); }, 300);
  emit();
  return key;
}
export function dismiss(key) { toasts = toasts.filter((t) => t.key !== key); emit(); }
const closeAll = () => { toasts = toasts.filter((t) => t.level === "work"); emit(); };

const report = (t) => [t.title, t.text, t.status ? `Status ${t.status}` : "", t.path, t.requestId ? `Request ${t.requestId}` : "", ...(t.details || [])].filter(Boolean).join("\n");

function Progress({ done = 0, total = 0 }) {
  const known = total > 0;
  return jsx("div", { className: "tprog" + (known ? "" : " any"), role: "progressbar", "aria-valuemin": 0, "aria-valuemax": known ? total : undefined, "aria-valuenow": known ? done : undefined, "aria-label": "Progress" },
    jsx("i", { style: known ? { width: `${Math.min(100, (done / total) * 100)}%` } : undefined }));
}

function Toast({ t, copy, onAct }) {
  const [copied, setCopied] = useState(false), hold = useRef(false), left = useRef(t.stays);
  // A toast that is read (pointer on it, focus in it, page hidden) does not go.
  useEffect(() => {
    left.current = t.stays;
    if (!t.stays) return undefined;
    const tick = setInterval(() => { if (hold.current || document.visibilityState === "hidden") return; left.current -= 250; if (left.current <= 0) dismiss(t.key); }, 250);
    return () => clearInterval(tick);
  }, [t.key, t.stays, t.count]);
  const act = () => { if (t.level !== "work") dismiss(t.key); if (t.action.onSelect) t.action.onSelect(); else if (t.action.key) onAct?.(t.action.key); };
  const folded = t.details?.length || t.path || t.status;
  const failed = t.level === "error" || t.level === "warning";
  return jsx("div", { className: "toast " + FAMILY[t.level], role: t.level === "error" ? "alert" : "status", "data-level": t.level, "data-testid": t.id || undefined,
    onPointerEnter: () => { hold.current = true; }, onPointerLeave: () => { hold.current = false; }, onFocus: () => { hold.current = true; }, onBlur: () => { hold.current = false; } },
    glyph(16, SHAPE[t.level]),
    jsx("div", { className: "grow", style: { minWidth: 0 } },
      jsx("div", { className: "med brk" }, t.title, t.count > 1 ? jsx("span", { className: "cnt", style: { marginLeft: 6 } }, "×" + t.count) : null),
      t.text ? jsx("div", { className: "sm mut brk" }, t.text) : null,
      t.level === "work" ? jsx(Progress, { done: t.done, total: t.total }) : null,
      folded && failed ? jsx("details", { className: "sm mut" }, jsx("summary", null, "Details"), jsx("ul", null,
        t.status ? jsx("li", { key: "s" }, "Status ", t.status) : null, t.path ? jsx("li", { key: "p", className: "mono xs brk" }, t.path) : null, t.requestId ? jsx("li", { key: "r", className: "mono xs brk" }, "Request ", t.requestId) : null,
        (t.details || []).map((d, i) => jsx("li", { key: i, className: "brk" }, d)))) : null,
      t.action || (t.level === "error" && (t.text || folded)) ? jsx("div", { className: "row sm link tact" },
        t.action ? (t.action.path ? jsx(Link, { to: "/" + tenantOf(location.pathname.slice(root("").length)) + t.action.path, onClick: () => dismiss(t.key), "data-testid": "toast-action" }, t.action.label)
          : jsx("button", { type: "button", className: "link", onClick: act, "data-testid": "toast-action" }, t.action.label)) : null,
        t.level === "error" ? jsx("button", { type: "button", className: "link", "data-testid": "toast-copy", onClick: async () => { if (await copy(report(t))) { setCopied(true); setTimeout(() => setCopied(false), 2000); } } }, copied ? "Copied" : "Copy") : null) : null),
    t.level === "work" ? null : jsx("button", { type: "button", className: "ib", "aria-label": "Dismiss", onClick: () => dismiss(t.key) }, glyph(14, CROSS)));
}

// At most four stand; older ones wait below a line that opens them all.
export function Toasts({ base, copy, onAct }) {
  root = base;
  const all = useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, () => toasts, () => toasts).filter((t) => !t.hidden);
  const [place, setPlace] = useState(null), [open, setOpen] = useState(false), where = useLocation().pathname;
  useEffect(() => { if (all.length <= SHOWN) setOpen(false); }, [all.length]);
  // What is beside an open modal layer is inert: the toasts go into it, to be read and closed there, and come back with its end.
  useEffect(() => {
    const settle = () => setPlace([...document.querySelectorAll("dialog[open]")].pop() || document.body);
    settle();
    const watch = new MutationObserver(settle);
    watch.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["open"] });
    return () => watch.disconnect();
  }, [where]);
  if (!place) return null;
  const shown = open ? all : all.slice(-SHOWN), more = all.length - shown.length;
  return createPortal(jsx("div", { className: "toasts" + (open ? " open" : ""), role: "region", "aria-label": "Notifications", "data-testid": "toasts" },
    all.length > SHOWN ? jsx("div", { key: "more", className: "toast more sm" },
      jsx("button", { type: "button", className: "link", "aria-expanded": open, "data-testid": "toasts-more", onClick: () => setOpen(!open) }, open ? "Show fewer" : `${more} more`), jsx("span", { className: "grow" }),
      jsx("button", { type: "button", className: "link", "data-testid": "toasts-close", onClick: closeAll }, "Close all")) : null,
    shown.map((t) => jsx(Toast, { key: t.key, t, copy, onAct }))), place);
}
