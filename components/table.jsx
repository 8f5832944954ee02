// Behaviour of a table: selection with ranges, and the keys j, k, x, Enter; the rows themselves are drawn by the page.
import { useEffect, useLayoutEffect, useRef } from "react";
import { jsx } from "@emotion/react";

// Rules that draw the columns as wide as the reader made them; the names come from the page, the numbers are numbers.
const wide = (scope, widths) => Object.entries(widths || {}).filter(([k, v]) => /^[\w:./-]+$/.test(k) && Number(v) >= 40).map(([k, v]) => { const px = Math.round(Number(v)); return `[data-widths="${scope}"] :is(th,td)[data-col="${k}"]{width:${px}px;min-width:${px}px;max-width:${px}px;overflow:hidden;text-overflow:ellipsis}`; }).join("");

export function TableFrame({ selected = [], onSelect, testid, label, widths, onWidths, children }) {
  const ref = useRef(null), last = useRef(null), cb = useRef({}), pull = useRef(null);
  cb.current = { selected, onSelect, onWidths };
  // Coming back to a list finds it where it was left (UI-SH-02).
  useEffect(() => {
    const el = ref.current, key = "fd-scroll:" + location.pathname + location.search;
    let top = 0;
    try { top = Number(sessionStorage.getItem(key) || 0); } catch { /* private window */ }
    if (top) requestAnimationFrame(() => { if (el) el.scrollTop = top; });
    const keep = () => { try { sessionStorage.setItem("fd-scroll:" + location.pathname + location.search, String(el.scrollTop)); } catch { /* private window */ } };
    el?.addEventListener("scrollend", keep);
    return () => el?.removeEventListener("scrollend", keep);
  }, []);
  // What says that there is something new above leads there.
  useEffect(() => {
    const up = (e) => { if (ref.current && e.target.closest?.("[data-to-top]")) for (const el of [ref.current, ref.current.closest("main > .body")]) if (el) el.scrollTop = 0; };
    document.addEventListener("click", up);
    return () => document.removeEventListener("click", up);
  }, []);
  const edge = (e) => { const th = e.target.closest?.("th[data-col]"); if (!th || !onWidths) return null; const r = th.getBoundingClientRect(); return r.right - e.clientX < 7 ? th : null; };
  const down = (e) => { const th = edge(e); if (!th || e.button) return; e.preventDefault(); e.stopPropagation(); pull.current = { th, x: e.clientX, width: th.getBoundingClientRect().width }; ref.current.setPointerCapture?.(e.pointerId); };
  const drag = (e) => {
    if (!pull.current) { ref.current.style.cursor = edge(e) ? "col-resize" : ""; return; }
    const px = Math.max(40, pull.current.width + e.clientX - pull.current.x);
    pull.current.to = px; pull.current.th.style.minWidth = pull.current.th.style.width = px + "px";
  };
  const up = () => { const p = pull.current; pull.current = null; if (!p?.to) return; p.th.style.minWidth = p.th.style.width = ""; cb.current.onWidths?.({ ...(widths || {}), [p.th.dataset.col]: Math.round(p.to) }); };
  const rows = () => [...(ref.current?.querySelectorAll("tbody tr[data-id]") || [])];
  const toggle = (id, range) => {
    const ids = rows().map((r) => r.dataset.id), now = new Set(cb.current.selected);
    const from = ids.indexOf(last.current), to = ids.indexOf(id), on = !now.has(id);
    const part = range && from >= 0 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of part) if (on) now.add(one); else now.delete(one);
    last.current = id;
    cb.current.onSelect?.([...now]);
  };
  const click = (e) => {
    const box = e.target.closest("[data-check]");
    if (!box) return;
    e.preventDefault(); e.stopPropagation();
    if (box.dataset.check === "all") { const ids = rows().map((r) => r.dataset.id); cb.current.onSelect?.(ids.every((i) => cb.current.selected.includes(i)) ? [] : ids); return; }
    toggle(box.dataset.check, e.shiftKey);
  };
  const open = (row) => row?.querySelector("a[data-open], .id a, a")?.click();
  useEffect(() => {
    const key = (e) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open],.floating")) return;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.target.isContentEditable) return;
      const all = rows(), at = all.findIndex((r) => r.classList.contains("kf"));
      const move = (i) => { e.preventDefault(); all.forEach((r) => r.classList.remove("kf")); const r = all[Math.max(0, Math.min(all.length - 1, i))]; r?.classList.add("kf"); r?.scrollIntoView({ block: "nearest" }); };
      if (!all.length) return;
      if (e.key === "j" || (e.key === "ArrowDown" && ref.current.contains(e.target))) move(at + 1);
      else if (e.key === "k" || (e.key === "ArrowUp" && ref.current.contains(e.target))) move(at < 0 ? 0 : at - 1);
      else if (e.key === "x" && at >= 0 && cb.current.onSelect) { e.preventDefault(); toggle(all[at].dataset.id, false); }
      else if (e.key === "Enter" && at >= 0 && !e.target.closest("a,button")) { e.preventDefault(); open(all[at]); }
      else if (e.key === "r" && !e.shiftKey) document.querySelector("[data-testid=refresh]")?.click();
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);
  return jsx("div", { ref, className: "tw", "data-widths": testid, onPointerDownCapture: down, onPointerMove: drag, onPointerUp: up, onPointerCancel: up, onClickCapture: click, onDoubleClick: (e) => { if (!e.target.closest("a,button,input,[data-check]")) open(e.target.closest("tr[data-id]")); }, "data-testid": testid, role: "region", "aria-label": label, tabIndex: 0 }, widths && Object.keys(widths).length ? jsx("style", { key: "w" }, wide(testid, widths)) : null, children);
}

// A select, an input and a text area that keep what is typed in the browser and report it after a pause or on leaving.
export function TextInput({ value = "", type = "text", placeholder, rows = 0, mono = false, error = false, large = false, disabled = false, required = false, label, name, autocomplete, testid, delay = 250, onChange, onEnter, children }) {
  const ref = useRef(null), sent = useRef(value), wait = useRef(0), cb = useRef({}), typed = useRef("");
  cb.current = { onChange, onEnter };
  useEffect(() => { if (ref.current && value !== sent.current) { sent.current = value; ref.current.value = value ?? ""; } }, [value]);
  const tell = (v) => { clearTimeout(wait.current); wait.current = 0; if (v !== sent.current) { sent.current = v; cb.current.onChange?.(v); } };
  const send = () => tell(ref.current?.value ?? "");
  // Another control may take this one's place while one types, as that of a number after a change of type.
  useLayoutEffect(() => { if (wait.current && ref.current) ref.current.value = typed.current; }, [rows > 0]);
  useEffect(() => () => { if (wait.current) tell(typed.current); }, []);
  const common = { ref, defaultValue: value ?? "", placeholder, disabled, required, name, autoComplete: autocomplete || "off", "aria-label": label, "aria-invalid": error || undefined, "data-testid": testid, spellCheck: false,
    onChange: (e) => { typed.current = e.target.value; clearTimeout(wait.current); wait.current = setTimeout(send, delay); }, onBlur: send };
  if (rows) return jsx("textarea", { ...common, rows, className: "inp area" + (mono ? " mono" : "") + (error ? " err" : "") });
  return jsx("label", { className: "inp" + (error ? " err" : "") + (large ? " l" : "") + (disabled ? " off" : "") }, jsx("input", { ...common, type, className: mono ? "mono" : undefined, onKeyDown: (e) => { if (e.key === "Enter") { send(); cb.current.onEnter?.(ref.current.value); } } }), children);
}
