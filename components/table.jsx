// Behaviour of a table: selection with ranges, and the keys j, k, x, Enter; the rows themselves are drawn by the page.
import { useEffect, useRef } from "react";
import { jsx } from "@emotion/react";

export function TableFrame({ selected = [], onSelect, testid, label, children }) {
  const ref = useRef(null), last = useRef(null), cb = useRef({});
  cb.current = { selected, onSelect };
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
  return jsx("div", { ref, className: "tw", onClickCapture: click, onDoubleClick: (e) => { if (!e.target.closest("a,button,input,[data-check]")) open(e.target.closest("tr[data-id]")); }, "data-testid": testid, role: "region", "aria-label": label, tabIndex: 0 }, children);
}

// A select, an input and a text area that keep what is typed in the browser and report it after a pause or on leaving.
export function TextInput({ value = "", type = "text", placeholder, rows = 0, mono = false, error = false, large = false, disabled = false, required = false, label, name, autocomplete, testid, delay = 250, onChange, onEnter, children }) {
  const ref = useRef(null), sent = useRef(value), wait = useRef(0), cb = useRef({});
  cb.current = { onChange, onEnter };
  useEffect(() => { if (ref.current && value !== sent.current) { sent.current = value; ref.current.value = value ?? ""; } }, [value]);
  useEffect(() => () => clearTimeout(wait.current), []);
  const send = () => { clearTimeout(wait.current); const v = ref.current?.value ?? ""; if (v !== sent.current) { sent.current = v; cb.current.onChange?.(v); } };
  const common = { ref, defaultValue: value ?? "", placeholder, disabled, required, name, autoComplete: autocomplete || "off", "aria-label": label, "aria-invalid": error || undefined, "data-testid": testid, spellCheck: false,
    onChange: () => { clearTimeout(wait.current); wait.current = setTimeout(send, delay); }, onBlur: send };
  if (rows) return jsx("textarea", { ...common, rows, className: "inp area" + (mono ? " mono" : "") + (error ? " err" : "") });
  return jsx("label", { className: "inp" + (error ? " err" : "") + (large ? " l" : "") + (disabled ? " off" : "") }, jsx("input", { ...common, type, className: mono ? "mono" : undefined, onKeyDown: (e) => { if (e.key === "Enter") { send(); cb.current.onEnter?.(ref.current.value); } } }), children);
}
