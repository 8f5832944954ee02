// Floating layers: dialogs and drawers on the native <dialog> (focus trap, inert page, Escape), menus and popovers.
import { Children, createContext, useCallback, useContext, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { jsx } from "@emotion/react";
import { Link } from "react-router";
import { useTenant } from "./shell.jsx";

export function Dialog({ open, title, width = 480, kind = "dialog", destructive = false, onClose, onSubmit, testid, children }) {
  const ref = useRef(null), opener = useRef(null), typed = useRef(false), cb = useRef({});
  cb.current = { onClose, onSubmit };
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    if (open && !el.open) {
      opener.current = document.activeElement;
      typed.current = false;
      el.showModal();
      const first = destructive ? el.querySelector("[data-cancel]") : el.querySelector("[autofocus],[data-autofocus],input:not([type=hidden]):not([disabled]),select,textarea") || el.querySelector("[data-primary]");
      (first || el).focus?.();
    } else if (!open && el.open) {
      el.close();
      opener.current?.focus?.();
    }
  }, [open, destructive]);
  useEffect(() => () => ref.current?.open && ref.current.close(), []);
  const close = () => cb.current.onClose?.();
  const submit = () => ref.current?.querySelector("[data-primary]")?.click();
  return jsx("dialog", {
    ref, className: (kind === "drawer" ? "drawer" : "dlg") + " layer", style: { width: `min(${width}px, calc(100vw - 16px))` }, "aria-label": title, "data-testid": testid,
    onCancel: (e) => { e.preventDefault(); close(); },
    onInput: () => { typed.current = true; },
    onMouseDown: (e) => { if (e.target === ref.current && !typed.current) { const b = ref.current.getBoundingClientRect(); if (e.clientX < b.left || e.clientX > b.right || e.clientY < b.top || e.clientY > b.bottom) close(); } },
    onKeyDown: (e) => {
      if (e.key !== "Enter" || destructive) return;
      const tag = e.target.tagName;
      if ((e.ctrlKey || e.metaKey) || (tag === "INPUT" && !e.shiftKey)) { e.preventDefault(); submit(); }
    },
  }, open ? jsx("div", { className: "dbox" },
    jsx("div", { className: "dh" }, jsx("h2", { className: "ell grow" }, title),
      jsx("button", { type: "button", className: "ib", "aria-label": "Close", onClick: close }, jsx(Cross))), children) : null);
}
const Cross = () => jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", "aria-hidden": true }, jsx("path", { d: "M18 6 6 18M6 6l12 12" }));

const MenuContext = createContext(() => {});

// First child opens, the others are the content.
export function Popover({ label, menu = false, align = "start", width = 208, className = "", testid, children }) {
  const [first, ...rest] = Children.toArray(children);
  const [box, setBox] = useState(null);
  const trigger = useRef(null), pop = useRef(null);
  const close = useCallback((focus = true) => { setBox(null); if (focus) trigger.current?.querySelector("button,a,[tabindex]")?.focus(); }, []);
  const toggle = (e) => {
    if (box) return close(false);
    if (e.target.closest?.("[disabled]")) return;
    const r = trigger.current.firstElementChild?.getBoundingClientRect() || trigger.current.getBoundingClientRect();
    setBox({ left: r.left, right: r.right, top: r.top, bottom: r.bottom, host: trigger.current.closest("dialog") || document.body });
  };
  useLayoutEffect(() => {
    if (!box || !pop.current) return;
    const el = pop.current, w = el.offsetWidth, h = el.offsetHeight, frame = box.host === document.body ? { left: 0, top: 0 } : { left: 0, top: 0 };
    let x = align === "end" ? box.right - w : box.left;
    x = Math.max(8, Math.min(x, innerWidth - w - 8));
    let y = box.bottom + 4;
    if (y + h > innerHeight - 8) y = Math.max(8, box.top - h - 4);
    el.style.left = x - frame.left + "px"; el.style.top = y - frame.top + "px"; el.style.visibility = "visible";
    const target = menu ? el.querySelector("[role=menuitem]:not([aria-disabled=true])") : el.querySelector("[data-autofocus],input,select,textarea,button");
    target?.focus();
  }, [box, align, menu]);
  useEffect(() => {
    if (!box) return;
    const away = (e) => { if (!pop.current?.contains(e.target) && !trigger.current?.contains(e.target)) close(false); };
    const gone = (e) => { if (!pop.current?.contains(e.target)) close(false); };
    document.addEventListener("pointerdown", away, true);
    window.addEventListener("resize", gone); window.addEventListener("scroll", gone, true);
    return () => { document.removeEventListener("pointerdown", away, true); window.removeEventListener("resize", gone); window.removeEventListener("scroll", gone, true); };
  }, [box, close]);
  const keys = (e) => {
    if (e.key === "Escape") { e.stopPropagation(); e.preventDefault(); close(); return; }
    if (!menu) return;
    if (e.key === "Tab") { close(); return; }
    const items = [...pop.current.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    const go = (i) => { e.preventDefault(); items[(i + items.length) % items.length]?.focus(); };
    if (e.key === "ArrowDown") go(at + 1); else if (e.key === "ArrowUp") go(at - 1); else if (e.key === "Home") go(0); else if (e.key === "End") go(items.length - 1);
    else if (e.key.length === 1 && !e.ctrlKey && !e.metaKey) { const hit = items.findIndex((it, i) => i > at && it.textContent.trim().toLowerCase().startsWith(e.key.toLowerCase())); if (hit >= 0) go(hit); }
  };
  return jsx("span", { ref: trigger, className: "pop-at " + className, "data-testid": testid, onClick: toggle, "data-open": box ? "" : undefined,
    onKeyDown: (e) => { if (menu && !box && e.key === "ArrowDown") { e.preventDefault(); toggle(e); } } }, first,
    box ? createPortal(jsx("div", { ref: pop, className: "pop floating" + (menu ? " menu" : ""), role: menu ? "menu" : "dialog", "aria-label": label, style: { minWidth: width, visibility: "hidden" },
      onKeyDown: keys, onClick: (e) => e.stopPropagation(), onPointerDown: (e) => e.stopPropagation() },
      jsx(MenuContext.Provider, { value: close }, rest)), box.host) : null);
}

export function MenuItem({ to, href, danger = false, disabled = false, reason, keys, checked, onSelect, testid, children }) {
  const close = useContext(MenuContext), tenant = useTenant();
  const props = { role: "menuitem", tabIndex: -1, className: "mi" + (danger ? " fgs bad" : "") + (disabled ? " off" : ""), "aria-disabled": disabled || undefined, title: disabled ? reason : undefined, "data-testid": testid };
  const inner = [children, jsx("span", { key: "g", className: "grow" }), disabled && reason ? jsx("span", { key: "r", className: "xs faint" }, reason) : null,
    keys ? jsx("span", { key: "k", className: "kbd" }, keys) : null, checked ? jsx("span", { key: "c", className: "link" }, "✓") : null];
  const act = (e) => { e.stopPropagation(); if (disabled) { e.preventDefault(); return; } close(); onSelect?.(); };
  if (to !== undefined && to !== null && !disabled) return jsx(Link, { ...props, to: "/" + tenant + to, onClick: act }, inner);
  if (href && !disabled) return jsx("a", { ...props, href, onClick: act }, inner);
  return jsx("button", { ...props, type: "button", onClick: act }, inner);
}

export function PopoverClose({ children }) {
  const close = useContext(MenuContext);
  return jsx("span", { onClick: () => close() }, children);
}
export { MenuContext };
