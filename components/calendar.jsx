// A month to pick days from, by mouse and keyboard: one day, or the days of a range (UI-RX-05). Days are `YYYY-MM-DD`.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { zoneOf } from "./filter_words.jsx";

const two = (n) => String(n).padStart(2, "0");
const DAY = 86400000;
const textOf = (ms) => { const d = new Date(ms); return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`; };
const msOf = (day) => (/^\d{4}-\d\d-\d\d/.test(day || "") ? Date.parse(day.slice(0, 10) + "T00:00:00Z") : NaN);
// Today in the reader's zone.
export function today(now = Date.now()) {
  const p = Object.fromEntries(new Intl.DateTimeFormat("en-US", { timeZone: zoneOf(), year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(now).map((x) => [x.type, x.value]));
  return `${p.year}-${p.month}-${p.day}`;
}
// 0 Sunday, 1 Monday, 6 Saturday; as the settings say, else Monday.
export function firstDay() {
  try {
    const kept = JSON.parse(localStorage.getItem("fd-preferences") || "{}").firstDay;
    return { sunday: 0, saturday: 6, monday: 1, 0: 0, 6: 6 }[String(kept ?? "").toLowerCase()] ?? 1;
  } catch { return 1; }
}
// The six weeks that a month is drawn in.
export function weeksOf(year, month, first = 1) {
  const begin = Date.UTC(year, month, 1), back = (new Date(begin).getUTCDay() - first + 7) % 7;
  return Array.from({ length: 6 }, (_, week) => Array.from({ length: 7 }, (_, day) => textOf(begin + (week * 7 + day - back) * DAY)));
}
const language = () => document.documentElement.lang || "en-GB";
const said = (ms, options) => new Intl.DateTimeFormat(language() === "en" ? "en-GB" : language(), { timeZone: "UTC", ...options }).format(ms);
const arrow = (d) => jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d }));

export function Calendar({ from = "", until = "", at = "", label = "Calendar", onPick, testid = "calendar" }) {
  const now = today();
  const start = Number.isNaN(msOf(at)) ? now : at.slice(0, 10);
  const [focus, setFocus] = useState(start), grid = useRef(null), moved = useRef(false);
  useEffect(() => { if (!Number.isNaN(msOf(at))) setFocus(at.slice(0, 10)); }, [at]);
  useEffect(() => { if (moved.current) { moved.current = false; grid.current?.querySelector("[tabindex='0']")?.focus(); } }, [focus]);
  const shown = new Date(msOf(focus)), year = shown.getUTCFullYear(), month = shown.getUTCMonth();
  const first = firstDay(), weeks = weeksOf(year, month, first);
  const [a, b] = [from.slice(0, 10), until.slice(0, 10)];
  const turn = (by) => { const last = new Date(Date.UTC(year, month + by + 1, 0)).getUTCDate(); setFocus(textOf(Date.UTC(year, month + by, Math.min(shown.getUTCDate(), last)))); };
  const keys = (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[e.key];
    const weekday = (shown.getUTCDay() - first + 7) % 7;
    if (by) setFocus(textOf(msOf(focus) + by * DAY));
    else if (e.key === "Home") setFocus(textOf(msOf(focus) - weekday * DAY));
    else if (e.key === "End") setFocus(textOf(msOf(focus) + (6 - weekday) * DAY));
    else if (e.key === "PageUp") turn(e.shiftKey ? -12 : -1);
    else if (e.key === "PageDown") turn(e.shiftKey ? 12 : 1);
    else return;
    e.preventDefault(); e.stopPropagation(); moved.current = true;
  };
  const day = (text) => {
    const inside = a && b && text >= a && text <= b, edge = text === a || text === b, ms = msOf(text);
    return jsx("button", { key: text, type: "button", role: "gridcell", tabIndex: text === focus ? 0 : -1, "data-day": text, "aria-selected": edge || Boolean(inside), "aria-current": text === now ? "date" : undefined,
      "aria-label": said(ms, { weekday: "long", day: "numeric", month: "long", year: "numeric" }), className: "cday num" + (new Date(ms).getUTCMonth() === month ? "" : " out") + (inside ? " in" : "") + (edge ? " on" : "") + (text === now ? " now" : ""),
      onClick: () => { setFocus(text); onPick?.(text); } }, Number(text.slice(8)));
  };
  return jsx("div", { className: "cal", "data-testid": testid, role: "group", "aria-label": label },
    jsx("div", { className: "row" }, jsx("b", { className: "sm grow", "aria-live": "polite" }, said(msOf(focus), { month: "long", year: "numeric" })),
      jsx("button", { type: "button", className: "ib", "aria-label": "Previous month", onClick: () => turn(-1) }, arrow("m15 18-6-6 6-6")),
      jsx("button", { type: "button", className: "link xs", onClick: () => setFocus(now) }, "Today"),
      jsx("button", { type: "button", className: "ib", "aria-label": "Next month", onClick: () => turn(1) }, arrow("m9 18 6-6-6-6"))),
    jsx("div", { ref: grid, role: "grid", "aria-label": label, onKeyDown: keys },
      jsx("div", { role: "row", className: "cweek" }, weeks[0].map((text) => jsx("span", { key: text, role: "columnheader", className: "xs faint", "aria-label": said(msOf(text), { weekday: "long" }) }, said(msOf(text), { weekday: "narrow" })))),
      weeks.map((week) => jsx("div", { key: week[0], role: "row", className: "cweek" }, week.map(day)))));
}

// A date and a time as text, typed or picked; the calendar opens below. `value` is what stands in the field.
export function InstantField({ value = "", label, placeholder = "2026-11-20 06:00", error = false, clock = "00:00", dateOnly = false, autofocus = false, testid, onChange, onEnter }) {
  const [open, setOpen] = useState(false);
  const text = String(value).replace("T", " ");
  const pick = (day) => { const time = text.match(/\d\d:\d\d(:\d\d)?/)?.[0] || clock; onChange?.(dateOnly ? day : `${day} ${time}`); };
  return jsx("div", { className: "ifield" },
    jsx("div", { className: "inp" + (error ? " err" : "") }, jsx("input", { className: "num grow", value: text, placeholder: dateOnly ? placeholder.slice(0, 10) : placeholder, spellCheck: false, autoComplete: "off", "aria-label": label, "aria-invalid": error || undefined, "data-testid": testid, "data-autofocus": autofocus || undefined, onChange: (e) => onChange?.(e.target.value),
      onKeyDown: (e) => { if (e.key === "Enter" && onEnter) { e.preventDefault(); e.stopPropagation(); onEnter(); } if (e.key === "ArrowDown" && e.altKey) { e.preventDefault(); setOpen(true); } } }),
      jsx("button", { type: "button", className: "ib", "aria-label": open ? "Close the calendar" : "Open the calendar", "aria-expanded": open, onClick: () => setOpen(!open), "data-testid": testid ? testid + "-calendar" : undefined }, arrow("M8 2v4M16 2v4M3 10h18M5 4h14a2 2 0 0 1 2 2v14H3V6a2 2 0 0 1 2-2Z"))),
    open ? jsx(Calendar, { at: text, from: text, until: text, label, onPick: (day) => { pick(day); setOpen(false); }, testid: (testid || "field") + "-days" }) : null);
}
