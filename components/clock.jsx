// Times and durations: drawn in the reader's zone, ticking in the browser, never in the server's state.
import { Fragment, useSyncExternalStore } from "react";
import { jsx } from "@emotion/react";
import { store } from "./shell.jsx";
import { dateLocale, languageNow, $count } from "$/public/external/components/language/language.jsx";

let now = 0, timer = 0;
const watchers = new Set();
function subscribe(f) {
  watchers.add(f);
  timer ||= setInterval(() => { if (document.visibilityState === "hidden") return; now = Date.now(); watchers.forEach((w) => w()); }, 1000);
  return () => { watchers.delete(f); if (!watchers.size) { clearInterval(timer); timer = 0; } };
}
const still = () => () => {};
const useNow = (ticking) => useSyncExternalStore(ticking ? subscribe : still, () => (now ||= Date.now()), () => 0);

export function preferences() { return store.get("fd-preferences", {}); }
// Preferences act at once: whoever changes them says so, here and in the reader's other tabs.
let kept = "{}", held = {};
function preferred() {
  let text = "{}";
  try { text = localStorage.getItem("fd-preferences") || "{}"; } catch { /* private window */ }
  if (text !== kept) { kept = text; try { held = JSON.parse(text) || {}; } catch { held = {}; } }
  return held;
}
// The zone of the server, as the frame was told it.
const serverZone = () => (typeof window === "undefined" ? "" : window.flowdeckServerZone || "");
const NONE = {};
function follow(f) {
  window.addEventListener("flowdeck:preferences", f); window.addEventListener("storage", f);
  return () => { window.removeEventListener("flowdeck:preferences", f); window.removeEventListener("storage", f); };
}
export function usePreferences() { return useSyncExternalStore(follow, preferred, () => NONE); }
// An instant in the form that the reader chose; nothing while none is chosen.
export function chosenForm(ms, { zone, dateFormat, hour12 } = {}, dateOnly = false) {
  if (!dateFormat) return "";
  const p = Object.fromEntries(formatter(zone, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).formatToParts(ms).map((x) => [x.type, x.value]));
  const hour = hour12 ? String(Number(p.hour) % 12 || 12).padStart(2, "0") : p.hour, half = hour12 ? (Number(p.hour) < 12 ? " AM" : " PM") : "";
  const clock = `${hour}:${p.minute}:${p.second}${half}`;
  if (dateFormat === "iso") {
    if (dateOnly) return `${p.year}-${p.month}-${p.day}`;
    const shift = Math.round((Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(ms / 1000) * 1000) / 60000), two = (n) => String(n).padStart(2, "0");
    return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}${shift ? `${shift < 0 ? "-" : "+"}${two(Math.floor(Math.abs(shift) / 60))}:${two(Math.abs(shift) % 60)}` : "Z"}`;
  }
  if (dateFormat === "sortable") return `${p.year}-${p.month}-${p.day}${dateOnly ? "" : ` ${clock}`}`;
  if (dateFormat === "slashes") return `${p.day}/${p.month}/${p.year}${dateOnly ? "" : ` ${clock}`}`;
  try {
    return new Intl.DateTimeFormat(languageNow() === "en" ? undefined : dateLocale(), { dateStyle: dateFormat, ...(dateOnly ? {} : { timeStyle: "medium" }), timeZone: zone || undefined, hour12: Boolean(hour12) }).format(ms);
  } catch { return ""; }
}
const formats = new Map();
function formatter(zone, options) {
  const key = dateLocale() + (zone || "") + JSON.stringify(options);
  let f = formats.get(key);
  if (!f) { try { f = new Intl.DateTimeFormat(dateLocale(), { ...options, timeZone: zone || undefined, hour12: false }); } catch { f = new Intl.DateTimeFormat(dateLocale(), { ...options, hour12: false }); } formats.set(key, f); }
  return f;
}
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY = { day: "numeric", month: "short" };
const YEAR = { day: "numeric", month: "short", year: "numeric" };

const spoken = new Map();
function relatives(locale) {
  if (!spoken.has(locale)) spoken.set(locale, new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" }));
  return spoken.get(locale);
}
export function relative(ms, at) {
  const past = ms <= at, s = Math.abs(at - ms) / 1000;
  if (languageNow() !== "en") {
    const [n, unit] = s < 5 ? [0, "second"] : s < 60 ? [s, "second"] : s < 3600 ? [s / 60, "minute"] : s < 86400 ? [s / 3600, "hour"] : s < 86400 * 2 ? [1, "day"] : [s / 86400, "day"];
    return relatives(dateLocale()).format((past ? -1 : 1) * Math.round(n), unit);
  }
  const say = (n, unit) => (past ? `${n} ${unit} ago` : `in ${n} ${unit}`);
  if (s < 5) return "now";
  if (s < 60) return say(Math.round(s), "s");
  if (s < 3600) return say(Math.round(s / 60), "min");
  if (s < 86400) return say(Math.round(s / 3600), "h");
  if (s < 86400 * 2) return past ? "yesterday" : "tomorrow";
  return say(Math.round(s / 86400), "days");
}
export function moment(ms, zone, at) {
  const day = formatter(zone, YEAR);
  if (day.format(ms) === day.format(at)) return formatter(zone, CLOCK).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(at).getFullYear();
  return formatter(zone, sameYear ? DAY : YEAR).format(ms) + " " + formatter(zone, { hour: "2-digit", minute: "2-digit" }).format(ms);
}
export function humanise(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = Math.floor(ms / 1000), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60), two = (n) => String(n).padStart(2, "0");
  if (h >= 24) return `${Math.floor(h / 24)}d ${two(h % 24)}h`;
  if (h) return `${h}h ${two(m)}m ${two(s % 60)}s`;
  if (m) return `${m}m ${two(s % 60)}s`;
  return ms < 10000 ? `${(ms / 1000).toFixed(1)}s` : `${s}s`;
}
function iso(ms) { const s = ms / 1000, h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60); return "PT" + (h ? h + "H" : "") + (m ? m + "M" : "") + +(s % 60).toFixed(3) + "S"; }

export function Time({ value, mode = "auto", warnWithin = 0, empty = "" }) {
  const ms = typeof value === "number" ? value : Date.parse(value || "");
  const chosen = usePreferences(), zone = chosen.zone || "";
  const at = useNow(!Number.isNaN(ms));
  if (Number.isNaN(ms)) return jsx("span", { className: "faint" }, empty);
  const full = formatter(zone, { ...YEAR, ...CLOCK, timeZoneName: "short" }).format(ms);
  const rel = relative(ms, at || ms), server = serverZone();
  const there = server && server !== (zone || Intl.DateTimeFormat().resolvedOptions().timeZone) ? `\n${formatter(server, { ...YEAR, ...CLOCK, timeZoneName: "short" }).format(ms)} (server, ${server})` : "";
  const own = mode === "clock" || mode === "relative" ? "" : chosenForm(ms, chosen, mode === "date");
  const text = own || (mode === "relative" ? (chosen.absolute ? chosenForm(ms, chosen) || moment(ms, zone, at || ms) : rel) : mode === "clock" ? formatter(zone, CLOCK).format(ms) : mode === "full" ? formatter(zone, { ...YEAR, ...CLOCK }).format(ms)
    : mode === "date" ? formatter(zone, YEAR).format(ms) : moment(ms, zone, at || ms));
  const soon = warnWithin && ms - at < warnWithin && ms > at;
  return jsx("time", { dateTime: new Date(ms).toISOString(), className: "num" + (soon ? " fgs warn" : ""), title: `${full}\n${new Date(ms).toISOString()}${there}\n${rel}`, suppressHydrationWarning: true }, text);
}

export function Duration({ ms, start, end, live = false, empty = "" }) {
  const from = start ? Date.parse(start) : NaN, to = end ? Date.parse(end) : NaN;
  const known = typeof ms === "number" && ms >= 0 && !live;
  const ticking = !known && !Number.isNaN(from) && Number.isNaN(to);
  const at = useNow(ticking);
  const span = known ? ms : !Number.isNaN(from) ? (Number.isNaN(to) ? Math.max(0, (at || from) - from) : to - from) : NaN;
  if (Number.isNaN(span)) return jsx("span", { className: "faint" }, empty);
  return jsx("span", { className: "num dur", title: iso(span), suppressHydrationWarning: true }, ticking && span >= 1000 ? humanise(Math.floor(span / 1000) * 1000 + (span < 10000 ? 0 : 0)) : humanise(span));
}

// A number with the separators of the reader's language: 3,191.
export function Amount({ value }) {
  return jsx(Fragment, null, $count(value));
}
