// The documentation beside the page: the part that belongs to the screen, with search, back and forward (UI-SH-17).
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { useLocation } from "react-router";
import { request } from "../net/net.jsx";
import { AppLink, store, tenantOf } from "./shell.jsx";
import { Words } from "./words.jsx";

const PAGES = [["/flows/edit", "reference/flows"], ["/flows/new", "reference/flows"], ["/flows", "explanation/flows"], ["/executions", "explanation/executions"], ["/logs", "explanation/executions"], ["/dashboards", "howto/make-a-dashboard"], ["/kv", "explanation/flows"], ["/secrets", "explanation/secrets"], ["/plugins", "howto/write-a-plugin"], ["/admin/triggers", "explanation/triggers"], ["/admin/instance", "explanation/liveness"], ["/namespaces", "explanation/flows"]];
const svg = (size, ...paths) => jsx("svg", { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, paths.map((d) => jsx("path", { key: d, d })));
const BOOK = ["M12 7v14", "M3 18a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h5a4 4 0 0 1 4 4 4 4 0 0 1 4-4h5a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1h-6a3 3 0 0 0-3 3 3 3 0 0 0-3-3z"];

function resolved(from, target) {
  const parts = from.split("/").slice(0, -1);
  for (const part of target.split("#")[0].split("/")) { if (part === "..") parts.pop(); else if (part && part !== ".") parts.push(part); }
  return parts.join("/").replace(/\.md$/, "");
}

export function ContextBar() {
  const { pathname } = useLocation(), tenant = tenantOf(pathname), below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  const [open, setOpen] = useState(false), [trail, setTrail] = useState([]), [at, setAt] = useState(-1), [page, setPage] = useState(null), [q, setQ] = useState(""), [hits, setHits] = useState([]), [width, setWidth] = useState(400);
  const panel = useRef(null), knob = useRef(null);
  useEffect(() => setWidth(store.get("fd-context-width", 400)), []);
  const go = (path) => { const next = [...trail.slice(0, at + 1), path]; setTrail(next); setAt(next.length - 1); setQ(""); setHits([]); };
  const mine = (PAGES.find(([prefix]) => below.startsWith(prefix)) || [])[1] || "explanation/flows";
  useEffect(() => { if (open && trail[at] !== mine) go(mine); }, [open, mine]);
  const path = trail[at];
  useEffect(() => {
    if (!open || !path) return undefined;
    const abort = new AbortController();
    request(`/api/v1/${tenant}/console/docs/${path}`, { signal: abort.signal }).then(setPage, (e) => e.name !== "AbortError" && setPage({ title: "Not found", text: "This installation came without the page." }));
    panel.current?.querySelector(".ctxbody")?.scrollTo(0, 0);
    return () => abort.abort();
  }, [open, path, tenant]);
  useEffect(() => {
    if (!open || !q.trim()) { setHits([]); return undefined; }
    const abort = new AbortController();
    const wait = setTimeout(() => request(`/api/v1/${tenant}/console/docs?q=${encodeURIComponent(q.slice(0, 200))}`, { signal: abort.signal }).then((found) => setHits(found || []), () => {}), 150);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [q, open, tenant]);
  const close = () => { setOpen(false); knob.current?.focus(); };
  // Also when the pressed button has gone dead and took the focus with it.
  useEffect(() => {
    if (!open) return undefined;
    const key = (e) => { const on = document.activeElement; if (e.key === "Escape" && (on === document.body || panel.current?.contains(on))) close(); };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, [open]);
  const drag = (event) => {
    event.preventDefault();
    let last = width;
    const move = (e) => { last = Math.max(320, Math.min(960, window.innerWidth - 40 - e.clientX)); setWidth(last); };
    const end = () => { window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", end); store.set("fd-context-width", last); };
    window.addEventListener("pointermove", move); window.addEventListener("pointerup", end);
  };
  return [
    jsx("button", { key: "b", ref: knob, type: "button", className: "ib" + (open ? " on" : ""), "aria-expanded": open, "aria-label": "Documentation", title: "Documentation", onClick: () => setOpen(!open), "data-testid": "context-docs" }, svg(16, ...BOOK)),
    open ? jsx("section", { key: "p", ref: panel, className: "ctx", style: { width }, "aria-label": "Documentation", "data-testid": "context-panel" },
      jsx("i", { className: "ctxgrip", onPointerDown: drag, "aria-hidden": true }),
      jsx("header", { className: "ctxhead" },
        jsx("button", { type: "button", className: "ib", disabled: at <= 0, onClick: () => setAt(at - 1), "aria-label": "Back", title: "Back" }, svg(14, "m15 18-6-6 6-6")),
        jsx("button", { type: "button", className: "ib", disabled: at >= trail.length - 1, onClick: () => setAt(at + 1), "aria-label": "Forward", title: "Forward" }, svg(14, "m9 18 6-6-6-6")),
        jsx("div", { className: "inp s grow" }, jsx("input", { value: q, onChange: (e) => setQ(e.target.value), placeholder: "Search the documentation", "aria-label": "Search the documentation", "data-testid": "context-search", autoFocus: true, spellCheck: false })),
        jsx(AppLink, { to: `/docs/${path || mine}`, className: "ib", title: "Open as a page", label: "Open as a page" }, svg(14, "M15 3h6v6", "M10 14 21 3", "M18 13v6a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h6")),
        jsx("button", { type: "button", className: "ib", onClick: close, "aria-label": "Close", title: "Close (Esc)" }, svg(14, "M18 6 6 18M6 6l12 12"))),
      jsx("div", { className: "ctxbody", tabIndex: 0 }, q.trim()
        ? (hits.length ? hits.map((h) => jsx("button", { key: h.path, type: "button", className: "dochit col", onClick: () => go(h.path) }, jsx("b", { className: "med" }, h.title), jsx("span", { className: "mut sm ell" }, h.excerpt))) : jsx("p", { className: "mut sm" }, "No page has these words."))
        : page ? jsx(Words, { text: page.text, follow: (target) => go(resolved(path, target)) }) : jsx("p", { className: "mut sm" }, "Loading"))) : null];
}
