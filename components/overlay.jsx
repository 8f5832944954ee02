// Floating layers: dialogs and drawers on the native <dialog> (focus trap, inert page, Escape), menus and popovers.
import { Children, createContext, useCallback, useContext, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { jsx } from "@emotion/react";
import { Link } from "react-router";
import { address, opened } from "./drawer_steps.jsx";
import { useTenant } from "./shell.jsx";

const DialogContext = createContext({ typed: "", setTyped: () => {} });
const NARROW = 320; // px, as the mock has it
const kept = (name) => { try { return Number(localStorage.getItem("fd-drawer:" + name)) || 0; } catch { return 0; } };
const keep = (name, px) => { try { localStorage.setItem("fd-drawer:" + name, String(px)); } catch { /* private window */ } };

export function Dialog({ open, title, width = 480, kind = "dialog", destructive = false, at = "", onClose, onSubmit, testid, children }) {
  const ref = useRef(null), opener = useRef(null), typed = useRef(false), cb = useRef({}), shown = useRef("");
  const [asking, setAsking] = useState(false), [confirmed, setConfirmed] = useState(""), [px, setPx] = useState(0), [whole, setWhole] = useState(false);
  const drawer = kind === "drawer";
  cb.current = { onClose, onSubmit };
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    if (open && !el.open) {
      opener.current = document.activeElement;
      typed.current = false;
      setAsking(false); setConfirmed(""); setWhole(false); setPx(drawer ? kept(testid || "drawer") : 0);
      el.showModal();
      const first = destructive ? el.querySelector("[data-cancel]") : el.querySelector("[autofocus],[data-autofocus],input:not([type=hidden]):not([disabled]),select,textarea") || el.querySelector("[data-primary]");
      (first || el).focus?.();
    } else if (!open && el.open) {
      el.close();
      opener.current?.focus?.();
    }
  }, [open, destructive]);
  useEffect(() => {
    if (!drawer) return;
    if (open && at) { const step = !shown.current; shown.current = at; address(at, step); } else if (shown.current) { if (opened() === shown.current) address(""); shown.current = ""; }
  }, [open, at, drawer]);
  useEffect(() => {
    if (!drawer || !open || !at) return;
    const back = () => {
      if (!shown.current || opened() === shown.current) return;
      if (typed.current) { address(shown.current, true); setAsking(true); return; }
      shown.current = "";
      cb.current.onClose?.();
    };
    window.addEventListener("popstate", back);
    return () => window.removeEventListener("popstate", back);
  }, [open, at, drawer]);
  useEffect(() => () => ref.current?.open && ref.current.close(), []);
  const close = () => { setAsking(false); cb.current.onClose?.(); };
  // Closing beside the buttons asks when something was typed; the buttons of the layer mean what they say.
  const leave = () => { if (typed.current && !destructive && !asking) setAsking(true); else if (!asking) close(); };
  const submit = () => ref.current?.querySelector("[data-primary]:not([disabled])")?.click();
  const size = (to) => { const w = Math.max(NARROW, Math.min(to, innerWidth - 16)); setWhole(false); setPx(w); keep(testid || "drawer", Math.round(w)); };
  const pull = (e) => {
    if (e.button) return;
    e.preventDefault();
    const grip = e.currentTarget, move = (m) => size(innerWidth - m.clientX), end = () => { grip.removeEventListener("pointermove", move); grip.removeEventListener("pointerup", end); grip.removeEventListener("pointercancel", end); };
    grip.setPointerCapture?.(e.pointerId);
    grip.addEventListener("pointermove", move); grip.addEventListener("pointerup", end); grip.addEventListener("pointercancel", end);
  };
  const step = (e) => {
    const by = { ArrowLeft: 32, ArrowRight: -32 }[e.key];
    if (by) { e.preventDefault(); size((ref.current?.offsetWidth || width) + by); }
  };
  const wide = whole ? "100vw" : `min(${px || width}px, calc(100vw - 16px))`;
  return jsx("dialog", {
    ref, className: (drawer ? "drawer" : "dlg") + " layer", style: { width: wide, ...(whole ? { maxWidth: "100vw" } : {}) }, "aria-label": title, "data-testid": testid,
    onCancel: (e) => { if (e.target !== ref.current) return; e.preventDefault(); leave(); },
    onInput: (e) => { if (!e.target.closest?.("[data-find],[type=search],.floating,.dask")) typed.current = true; },
    onMouseDown: (e) => { if (e.target === ref.current) { const b = ref.current.getBoundingClientRect(); if (e.clientX < b.left || e.clientX > b.right || e.clientY < b.top || e.clientY > b.bottom) leave(); } },
    onKeyDown: (e) => {
      // Taken here, since a browser closes the layer by itself at the second Escape.
      if (e.key === "Escape" && !e.defaultPrevented) { e.preventDefault(); e.stopPropagation(); if (asking) setAsking(false); else leave(); return; }
      if (e.key !== "Enter" || destructive || e.target.closest?.(".dask")) return;
      const tag = e.target.tagName;
      if ((e.ctrlKey || e.metaKey) || (tag === "INPUT" && !e.shiftKey)) { e.preventDefault(); submit(); }
    },
  }, open ? jsx(DialogContext.Provider, { value: { typed: confirmed, setTyped: setConfirmed } },
    drawer ? jsx("div", { className: "dgrip", role: "separator", tabIndex: 0, "aria-orientation": "vertical", "aria-label": "Width of the panel", "aria-valuenow": Math.round(px || width), "aria-valuemin": NARROW, title: "Drag or use the arrow keys", onPointerDown: pull, onKeyDown: step, onDoubleClick: () => { keep(testid || "drawer", 0); setPx(0); setWhole(false); }, "data-testid": testid ? testid + "-grip" : undefined }) : null,
    jsx("div", { className: "dbox" },
      jsx("div", { className: "dh" }, jsx("h2", { className: "ell grow" }, title),
        drawer ? jsx("button", { type: "button", className: "ib hide-s", "aria-label": whole ? "Restore the width" : "Maximise", title: whole ? "Restore the width" : "Maximise", "aria-pressed": whole, onClick: () => setWhole(!whole), "data-testid": testid ? testid + "-maximise" : undefined }, jsx(Corner, { out: !whole })) : null,
        jsx("button", { type: "button", className: "ib", "aria-label": "Close", onClick: leave }, jsx(Cross))), children,
      asking ? jsx("div", { className: "dask", role: "alertdialog", "aria-label": "Close without saving?", "data-testid": "dialog-ask" },
        jsx("span", { className: "grow" }, jsx("b", null, "Close without saving?"), " What you typed is lost."),
        jsx("button", { type: "button", className: "btn s", autoFocus: true, onClick: () => setAsking(false), "data-testid": "dialog-keep" }, "Keep editing"),
        jsx("button", { type: "button", className: "btn s dan", onClick: close, "data-testid": "dialog-discard" }, "Discard")) : null)) : null);
}
const Cross = () => jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", "aria-hidden": true }, jsx("path", { d: "M18 6 6 18M6 6l12 12" }));
const Corner = ({ out }) => jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d: out ? "M15 3h6v6M9 21H3v-6M21 3l-7 7M3 21l7-7" : "M4 14h6v6M20 10h-6V4M14 10l7-7M3 21l7-7" }));

// A name or number that has to be typed before the button beside it acts (UI-DG-02); nothing without `expected`.
export function TypeToConfirm({ expected = "", testid }) {
  const { typed, setTyped } = useContext(DialogContext);
  if (!expected) return null;
  const text = "\u0001"; // stands for what is bold, wherever a language puts it
  const [before, after] = `Type ${text} to confirm`.split(text);
  return jsx("label", { className: "fld" }, jsx("span", { className: "sm" }, before, jsx("b", { className: "mono" }, expected), after),
    jsx("input", { className: "inp", value: typed, autoComplete: "off", spellCheck: false, "data-testid": testid, onChange: (e) => setTyped(e.target.value) }));
}
export function ConfirmButton({ expected = "", disabled = false, testid, onClick, children }) {
  const { typed } = useContext(DialogContext);
  const plain = (text) => String(text).trim().replace(/(?<=\d)[,.\s](?=\d{3})/g, "");
  const blocked = disabled || Boolean(expected && plain(typed) !== plain(expected));
  return jsx("button", { type: "button", className: "btn dans", disabled: blocked, onClick, "data-testid": testid }, children);
}

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
    const el = pop.current;
    const place = () => {
      const w = el.offsetWidth, h = el.offsetHeight;
      const x = Math.max(8, Math.min(align === "end" ? box.right - w : box.left, innerWidth - w - 8));
      let y = box.bottom + 4;
      if (y + h > innerHeight - 8) y = box.top - h - 4 > 8 ? box.top - h - 4 : Math.max(8, innerHeight - h - 8);
      el.style.left = x + "px"; el.style.top = y + "px"; el.style.visibility = "visible";
    };
    place();
    const grows = new ResizeObserver(place); // what is chosen inside may need more room
    grows.observe(el);
    const target = menu ? el.querySelector("[role=menuitem]:not([aria-disabled=true])") : el.querySelector("[data-autofocus]") || el.querySelector("input,select,textarea,button");
    target?.focus();
    return () => grows.disconnect();
  }, [box, align, menu]);
  useEffect(() => {
    if (!box) return;
    const away = (e) => { if (!pop.current?.contains(e.target) && !trigger.current?.contains(e.target)) close(false); };
    // A list that scrolls elsewhere (a log that follows, a page of documentation) moves nothing that this stands on.
    const gone = (e) => { if (e.type === "resize" || (e.target !== trigger.current && e.target.contains?.(trigger.current))) close(false); };
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
