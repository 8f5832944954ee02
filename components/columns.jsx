// The column chooser: show, hide and order the columns of a list; by mouse and by keyboard (UI-LS-02, UI-LS-07).
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Popover } from "./overlay.jsx";
import { store } from "./shell.jsx";

const glyph = (size, ...paths) => jsx("svg", { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, paths.map((d) => jsx("path", { key: d, d })));

// all: [{key, title}], value: keys in order; custom: a label's key may become a column (`label:team`).
export function ColumnChooser({ all = [], value: given = [], custom = false, own = [], onChange, testid = "columns" }) {
  // What was pressed counts at once; the page's answer comes a moment later.
  const [value, setValue] = useState(given);
  useEffect(() => setValue(given), [given.join()]);
  const dragged = useRef(""), [over, setOver] = useState(""), [label, setLabel] = useState("");
  const [dense, setDense] = useState(() => (typeof window === "undefined" ? "" : store.get("fd-preferences", {}).density || ""));
  const titles = Object.fromEntries(all.map((c) => [c.key, c.title]));
  const rows = [...value, ...all.map((c) => c.key).filter((k) => !value.includes(k))];
  const put = (list) => { if (!list.length) return; setValue(list); onChange?.(list); };
  const toggle = (k) => put(value.includes(k) ? value.filter((x) => x !== k) : [...value, k]);
  const move = (k, by) => { const at = value.indexOf(k), to = at + by; if (at < 0 || to < 0 || to >= value.length) return; const next = [...value]; next.splice(at, 1); next.splice(to, 0, k); put(next); };
  const drop = (k) => { const from = dragged.current; dragged.current = ""; setOver(""); if (!from || from === k || !value.includes(from)) return; const next = value.filter((x) => x !== from); const at = next.indexOf(k); next.splice(at < 0 ? next.length : at, 0, from); put(next); };
  const add = () => { const key = label.trim(); if (/^[^\s:,]+$/.test(key) && !value.includes(`label:${key}`)) { put([...value, `label:${key}`]); setLabel(""); } };
  const density = (v) => { setDense(v); store.set("fd-preferences", { ...store.get("fd-preferences", {}), density: v }); document.documentElement.dataset.density = v; };
  return jsx(Popover, { label: "Columns", width: 264, align: "end", testid }, jsx("button", { type: "button", className: "ib hide-s", title: "Columns", "aria-label": "Columns" }, glyph(14, "M4 4h16v16H4zM10 4v16M15 4v16")),
    jsx("div", { className: "cpop" }, jsx("div", { className: "row" }, jsx("b", { className: "sm grow" }, "Columns"), jsx("button", { type: "button", className: "link xs", onClick: () => onChange?.([]), "data-testid": testid + "-reset", disabled: value.join() === own.join() }, "Reset columns")),
      jsx("ul", { className: "clist", "aria-label": "Columns" }, rows.map((k) => { const on = value.includes(k), name = titles[k] || k.replace("label:", "label "); return jsx("li", { key: k, className: "crow" + (over === k ? " over" : ""), draggable: on, onDragStart: () => { dragged.current = k; }, onDragOver: (e) => { e.preventDefault(); if (over !== k) setOver(k); }, onDragEnd: () => setOver(""), onDrop: () => drop(k) },
        jsx("button", { type: "button", role: "checkbox", "aria-checked": on, className: "mi grow", onClick: () => toggle(k), "data-testid": `${testid}-${k}`, disabled: on && value.length === 1,
          onKeyDown: (e) => { if (!e.altKey) return; if (e.key === "ArrowUp") { e.preventDefault(); move(k, -1); } if (e.key === "ArrowDown") { e.preventDefault(); move(k, 1); } } }, jsx("span", { className: "cb" + (on ? " on" : "") }, on ? glyph(10, "M20 6 9 17l-5-5") : null), jsx("span", { className: "ell" }, name)),
        on ? jsx("button", { type: "button", className: "ib", "aria-label": `Move ${name} up`, title: "Up (Alt ↑)", onClick: () => move(k, -1) }, glyph(12, "m18 15-6-6-6 6")) : null, on ? jsx("button", { type: "button", className: "ib", "aria-label": `Move ${name} down`, title: "Down (Alt ↓)", onClick: () => move(k, 1) }, glyph(12, "m6 9 6 6 6-6")) : null); })),
      custom ? jsx("form", { className: "row g6", onSubmit: (e) => { e.preventDefault(); add(); } }, jsx("input", { className: "inp s grow", value: label, placeholder: "Key of a label", "aria-label": "Key of a label as column", "data-testid": testid + "-label", spellCheck: false, onChange: (e) => setLabel(e.target.value) }), jsx("button", { type: "submit", className: "btn s" }, "Add")) : null,
      jsx("div", { className: "row" }, jsx("span", { className: "sm mut grow" }, "Rows"), jsx("div", { className: "seg", role: "radiogroup", "aria-label": "Density" }, [["", "As designed"], ["compact", "Compact"]].map(([v, w]) => jsx("button", { key: v, type: "button", role: "radio", "aria-checked": dense === v, className: dense === v ? "on" : "", onClick: () => density(v) }, w))))));
}
