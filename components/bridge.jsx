// What a handler may ask of the browser: a toast, a copy, a navigation, a query, a download. Nothing is evaluated.
import { useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { jsx } from "@emotion/react";
import { Link, useNavigate } from "react-router";
import { EventLoopContext } from "$/utils/context";
import { tenantOf } from "./shell.jsx";

// Numbers grow with the server's clock, so they survive its restart; the tab remembers the last one it performed,
// so neither reconnect nor reload repeats a command. The toasts outlive a page, hence they stand at module level.
let toasts = [], nextKey = 1, lastSeen = 0;
const seen = () => { try { return Math.max(lastSeen, Number(sessionStorage.getItem("fd-seen") || 0)); } catch { return lastSeen; } };
const remember = (seq) => { lastSeen = seq; try { sessionStorage.setItem("fd-seen", String(seq)); } catch { /* private window */ } };
const listeners = new Set();
const emit = () => listeners.forEach((f) => f());
const STAYS = { success: 3000, info: 5000, warning: 0, error: 0 };
const FAMILY = { success: "ok", info: "live", warning: "warn", error: "bad" };
const SHAPE = {
  success: "M21.8 10A10 10 0 1 1 17 3.34M9 11l3 3L22 4", info: "M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20ZM12 16v-4M12 8h.01",
  warning: "m21.73 18-8-14a2 2 0 0 0-3.46 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3M12 9v4M12 17h.01", error: "M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9ZM15 9l-6 6M9 9l6 6",
};

export function toast(t) {
  const level = t.level || "info";
  const same = toasts.find((o) => o.title === t.title && o.text === t.text && o.level === level && Date.now() - o.at < 5000);
  if (same) { toasts = toasts.map((o) => (o === same ? { ...o, count: o.count + 1, at: Date.now() } : o)); emit(); return; }
  const key = nextKey++;
  toasts = [...toasts, { ...t, level, key, count: 1, at: Date.now() }].slice(-4);
  emit();
  if (STAYS[level]) setTimeout(() => dismiss(key), STAYS[level]);
}
function dismiss(key) { toasts = toasts.filter((t) => t.key !== key); emit(); }

export async function copyText(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch {
    const area = document.createElement("textarea");
    area.value = text; area.style.position = "fixed"; area.style.opacity = "0";
    (document.querySelector("dialog[open]") || document.body).appendChild(area); area.select();
    let done = false; try { done = document.execCommand("copy"); } catch { /* refused */ }
    area.remove(); return done;
  }
}

function download(url) {
  if (typeof url !== "string" || !url.startsWith("/api/")) return;
  const a = document.createElement("a");
  a.href = url; a.download = ""; document.body.appendChild(a); a.click(); a.remove();
}

export function Bridge({ command }) {
  const navigate = useNavigate();
  const run = useRef(); run.current = navigate;
  const snapshot = useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, () => toasts, () => toasts);
  const [host, setHost] = useState(null);
  useEffect(() => { setHost(document.body); }, []);
  useEffect(() => {
    const list = command || [];
    for (const c of list) {
      if (c.seq <= seen()) continue;
      remember(c.seq);
      if (c.kind === "toast") toast(c);
      else if (c.kind === "copy") copyText(c.text || "").then((ok) => toast(ok ? { level: "success", title: "Copied" } : { level: "warning", title: "The browser refused to copy" }));
      else if (c.kind === "navigate") {
        const path = c.path || "/";
        if (!path.startsWith("/") || path.startsWith("//")) continue;
        if (c.reload) location.assign("/ui" + path); else run.current(path, { replace: !!c.replace });
      } else if (c.kind === "replaceUrl") history.replaceState(history.state, "", location.pathname + (c.query ? "?" + c.query : ""));
      else if (c.kind === "download") download(c.url);
    }
  }, [command]);
  if (!host) return null;
  return createPortal(jsx("div", { className: "toasts", role: "region", "aria-label": "Notifications", "data-testid": "toasts" },
    snapshot.map((t) => jsx("div", { key: t.key, className: "toast " + FAMILY[t.level], role: t.level === "error" ? "alert" : "status", "data-level": t.level },
      jsx("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d: SHAPE[t.level] })),
      jsx("div", { className: "grow" },
        jsx("div", { className: "med" }, t.title, t.count > 1 ? jsx("span", { className: "cnt", style: { marginLeft: 6 } }, "×" + t.count) : null),
        t.text ? jsx("div", { className: "sm mut brk" }, t.text) : null,
        t.details?.length ? jsx("details", { className: "sm mut" }, jsx("summary", null, "Details"), jsx("ul", null, t.details.map((d, i) => jsx("li", { key: i, className: "brk" }, d)))) : null,
        t.action || t.requestId ? jsx("div", { className: "row sm link", style: { marginTop: 4, gap: 12 } },
          t.action ? jsx(Link, { to: "/" + tenantOf(location.pathname.replace(/^\/ui/, "")) + t.action.path, onClick: () => dismiss(t.key) }, t.action.label) : null,
          t.requestId ? jsx("button", { type: "button", className: "link", onClick: () => copyText(t.requestId) }, "Copy request id") : null) : null),
      jsx("button", { type: "button", className: "ib", "aria-label": "Dismiss", onClick: () => dismiss(t.key) },
        jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round" }, jsx("path", { d: "M18 6 6 18M6 6l12 12" })))))), host);
}

// Confirms in place for two seconds.
export function CopyButton({ text, label = "Copy", className = "ib", children }) {
  const [done, setDone] = useState(false);
  useEffect(() => { if (!done) return; const t = setTimeout(() => setDone(false), 2000); return () => clearTimeout(t); }, [done]);
  return jsx("button", { type: "button", className: className + (done ? " on" : ""), "aria-label": done ? "Copied" : label, title: done ? "Copied" : label,
    onClick: async (e) => { e.stopPropagation(); e.preventDefault(); if (await copyText(text)) setDone(true); } },
    done ? jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 2, strokeLinecap: "round", strokeLinejoin: "round" }, jsx("path", { d: "M20 6 9 17l-5-5" })) : children);
}

// A line below the top bar while the websocket is away; what is on the page stays usable.
export function ConnectionNotice() {
  const [, errors] = useContext(EventLoopContext);
  const [late, setLate] = useState(false);
  const lost = (errors?.length || 0) > 0;
  useEffect(() => { if (!lost) { setLate(false); return; } const t = setTimeout(() => setLate(true), 600); return () => clearTimeout(t); }, [lost]);
  return late ? jsx("div", { className: "notice warn", role: "status", "data-testid": "connection-lost" }, jsx("b", null, "Connection lost."), " Reconnecting; what you see may be out of date.") : null;
}
