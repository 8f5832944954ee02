// The filter bar: a search box and one chip per condition, edited in place in the browser; the page gets the finished list.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Popover, PopoverClose } from "./overlay.jsx";
import { useTenant } from "./shell.jsx";

const WORDS = { EQUALS: "is", NOT_EQUALS: "is not", IN: "in", NOT_IN: "not in", CONTAINS: "contains", STARTS_WITH: "starts with", ENDS_WITH: "ends with", PREFIX: "within", REGEX: "matches", GREATER_THAN: "after", LESS_THAN: "before", GREATER_THAN_OR_EQUAL_TO: "from", LESS_THAN_OR_EQUAL_TO: "until" };
const PERIODS = { PT5M: "last 5 min", PT15M: "last 15 min", PT1H: "last hour", PT12H: "last 12 hours", PT24H: "last 24 hours", PT48H: "last 48 hours", PT168H: "last 7 days", PT720H: "last 30 days", PT8760H: "last 365 days" };
const MANY = new Set(["IN", "NOT_IN"]);
const glyph = (d) => jsx("svg", { width: 12, height: 12, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, jsx("path", { d }));
const say = (spec, f) => (spec?.kind === "period" ? PERIODS[f.value] || f.value : String(f.value ?? "").split(",").join(", "));

function check(spec, operator, value) {
  if (!String(value || "").trim()) return "Enter a value.";
  if (operator === "REGEX") { try { new RegExp(value); } catch (e) { return e.message; } }
  if (spec.kind === "labels" && !/^[^:\s]+:.+$/.test(value)) return "Write it as key:value.";
  if (spec.kind === "date" && Number.isNaN(Date.parse(value))) return "Enter a date and time.";
  return "";
}

function Editor({ spec, filter, onApply }) {
  const [operator, setOperator] = useState(filter?.operator || spec.operators[0]);
  const [value, setValue] = useState(filter?.value ?? "");
  const [options, setOptions] = useState(spec.options || []);
  const [fault, setFault] = useState(""), [typed, setTyped] = useState("");
  const many = MANY.has(operator), tenant = useTenant();
  const source = (spec.optionsUrl || "").replace("{tenant}", encodeURIComponent(tenant));
  const chosen = many ? String(value).split(",").filter(Boolean) : [];
  useEffect(() => {
    if (!source) return;
    const abort = new AbortController();
    fetch(source + (typed ? (source.includes("?") ? "&" : "?") + "q=" + encodeURIComponent(typed) : ""), { signal: abort.signal, credentials: "same-origin" }).then((r) => (r.ok ? r.json() : [])).then((l) => Array.isArray(l) && setOptions(l.map((o) => (typeof o === "string" ? o : o.id)))).catch(() => {});
    return () => abort.abort();
  }, [source, typed]);
  const apply = (v = value) => { const f = check(spec, operator, v); setFault(f); if (!f) onApply({ field: spec.field, operator, value: v }); };
  const pick = (o) => { if (!many) { setValue(o); apply(o); return; } setValue((chosen.includes(o) ? chosen.filter((c) => c !== o) : [...chosen, o]).join(",")); };
  const shown = options.filter((o) => !typed || o.toLowerCase().includes(typed.toLowerCase())).slice(0, 60);
  const free = spec.kind === "text" || spec.kind === "labels" || !["IN", "NOT_IN", "EQUALS", "NOT_EQUALS", "PREFIX"].includes(operator) || (!options.length && spec.kind !== "period");
  return jsx("form", { className: "fedit", onSubmit: (e) => { e.preventDefault(); e.stopPropagation(); apply(); } },
    jsx("div", { className: "row" }, jsx("b", { className: "sm" }, spec.label), jsx("span", { className: "grow" }),
      spec.operators.length > 1 ? jsx("select", { className: "inp s", value: operator, onChange: (e) => setOperator(e.target.value), "aria-label": "Operator" }, spec.operators.map((o) => jsx("option", { key: o, value: o }, WORDS[o] || o))) : jsx("span", { className: "faint sm" }, WORDS[operator] || operator)),
    spec.kind === "period" ? jsx("div", { className: "flist", role: "listbox" }, Object.entries(PERIODS).map(([k, w]) => jsx("button", { key: k, type: "button", className: "mi" + (value === k ? " on" : ""), role: "option", "aria-selected": value === k, onClick: () => { setValue(k); apply(k); } }, w)))
      : spec.kind === "date" ? jsx("input", { type: "datetime-local", className: "inp", "data-autofocus": true, value: String(value).slice(0, 16), onChange: (e) => setValue(e.target.value ? new Date(e.target.value).toISOString() : ""), "aria-label": spec.label })
      : free ? jsx("input", { className: "inp" + (fault ? " err" : ""), "data-autofocus": true, value, placeholder: spec.kind === "labels" ? "team:data" : spec.placeholder || "", onChange: (e) => { setValue(e.target.value); setFault(""); }, "aria-label": "Value", spellCheck: false })
      : [jsx("input", { key: "t", className: "inp", "data-autofocus": true, value: typed, placeholder: "Find", onChange: (e) => setTyped(e.target.value), "aria-label": "Find a value", spellCheck: false,
          onKeyDown: (e) => { if (e.key === "Enter" && typed) { e.preventDefault(); pick(shown[0] ?? typed); } } }),
        jsx("div", { key: "l", className: "flist", role: "listbox", "aria-multiselectable": many }, shown.map((o) => { const on = many ? chosen.includes(o) : value === o; return jsx("button", { key: o, type: "button", className: "mi" + (on ? " on" : ""), role: "option", "aria-selected": on, onClick: () => pick(o) }, many ? jsx("span", { className: "cb" + (on ? " on" : "") }, on ? glyph("M20 6 9 17l-5-5") : null) : null, jsx("span", { className: "ell" }, o)); }), !shown.length ? jsx("div", { className: "faint sm", style: { padding: 8 } }, typed ? "Enter takes what you typed." : "No values yet.") : null)],
    fault ? jsx("span", { className: "fgs bad sm" }, fault) : null,
    spec.kind === "period" || (!many && !free && spec.kind !== "date") ? null : jsx("div", { className: "row" }, jsx("span", { className: "grow" }), jsx("button", { type: "submit", className: "btn s pri" }, "Apply")));
}
function Closing({ children, onApply, ...rest }) { // closes the popover when a value is applied
  const closer = useRef(null);
  return jsx("div", null, jsx(PopoverClose, null, jsx("span", { ref: closer, style: { display: "none" } })), jsx(Editor, { ...rest, onApply: (f) => { closer.current?.click(); onApply(f); } }));
}

export function FilterBar({ keys = [], value = [], query = "", placeholder = "Search", searchable = true, testid = "filters", onChange, onQuery, children }) {
  const [text, setText] = useState(query), [adding, setAdding] = useState(""), [wide, setWide] = useState(false);
  const wait = useRef(0), last = useRef(query), strip = useRef(null);
  useEffect(() => { if (query !== last.current) { last.current = query; setText(query); } }, [query]);
  const search = (v, now) => { setText(v); clearTimeout(wait.current); const send = () => { if (v !== last.current) { last.current = v; onQuery?.(v); } }; if (now) send(); else wait.current = setTimeout(send, 300); };
  const spec = (field) => keys.find((k) => k.field === field);
  const put = (i, f) => onChange?.(i < 0 ? [...value, f] : value.map((o, k) => (k === i ? f : o)));
  const limit = wide ? 99 : 4;
  const chip = (f, i) => {
    const s = spec(f.field);
    const words = [jsx("span", { key: "k", className: "k" }, s?.label || f.field), jsx("span", { key: "o", className: "o" }, WORDS[f.operator] || f.operator), jsx("span", { key: "v", className: "v" }, jsx("span", { className: "ell" }, say(s, f)))];
    return jsx("span", { key: i + f.field, className: "chip" + (s ? "" : " unknown"), title: s ? undefined : "This page does not know the condition; it is not applied." },
      s ? jsx(Popover, { label: "Edit the condition", width: 248 }, jsx("button", { type: "button", className: "chip-in" }, words), jsx(Closing, { spec: s, filter: f, onApply: (n) => put(i, n) })) : jsx("span", { className: "chip-in" }, words),
      s?.fixed ? null : jsx("button", { type: "button", className: "x", "aria-label": `Remove ${s?.label || f.field}`, onClick: () => onChange?.(value.filter((_, k) => k !== i)) }, glyph("M18 6 6 18M6 6l12 12")));
  };
  return jsx("div", { className: "fb", role: "search", "data-testid": testid },
    searchable ? jsx("label", { className: "inp srch" }, glyph("m21 21-4.3-4.3M19 11a8 8 0 1 1-16 0 8 8 0 0 1 16 0Z"), jsx("input", { value: text, placeholder, "aria-label": placeholder, "data-filter-box": true, "data-testid": testid + "-search", spellCheck: false, onChange: (e) => search(e.target.value), onKeyDown: (e) => { if (e.key === "Enter") search(e.target.value, true); if (e.key === "Escape") { search("", true); e.target.blur(); } } }), jsx("span", { className: "kbd hide-s" }, "/")) : null,
    jsx("span", { className: "chips", ref: strip }, value.slice(0, limit).map(chip)),
    value.length > limit ? jsx("button", { type: "button", className: "cnt", onClick: () => setWide(true), "aria-label": "Show all conditions" }, "+" + (value.length - limit)) : null,
    keys.length ? jsx(Popover, { label: "Add a condition", width: 248, testid: testid + "-add" }, jsx("button", { type: "button", className: "chip dash", "aria-label": "Add a condition", onClick: () => setAdding("") }, jsx("span", null, glyph("M5 12h14M12 5v14"), jsx("span", { className: "hide-s" }, "Filter"))),
      adding ? jsx(Closing, { key: adding, spec: spec(adding), onApply: (f) => { put(-1, f); setAdding(""); } }) : jsx("div", { className: "flist" }, keys.filter((k) => !k.fixed).map((k) => jsx("button", { key: k.field, type: "button", className: "mi", onClick: () => setAdding(k.field), "data-testid": testid + "-add-" + k.field }, k.label)))) : null,
    value.some((f) => !spec(f.field)?.fixed) ? jsx("button", { type: "button", className: "link sm hide-m", onClick: () => onChange?.([]), "data-testid": testid + "-reset" }, "Reset") : null,
    jsx("span", { className: "grow" }), children);
}

// Refresh button with the interval of the automatic refresh; rests while the tab is hidden or a dialog is open.
export function Refresh({ seconds = 0, choices = [0, 5, 10, 30, 60, 300], onRefresh, onSeconds, children }) {
  const cb = useRef(); cb.current = onRefresh;
  useEffect(() => {
    if (!seconds) return;
    const t = setInterval(() => { if (document.visibilityState === "visible" && !document.querySelector("dialog[open],.floating") && !String(getSelection())) cb.current?.(); }, seconds * 1000);
    return () => clearInterval(t);
  }, [seconds]);
  return jsx("span", { className: "grp hide-s" }, jsx("button", { type: "button", className: "btn s", onClick: () => onRefresh?.(), "aria-label": "Refresh", "data-testid": "refresh" }, children, seconds ? `${seconds} s` : null),
    jsx("select", { className: "btn s sel", value: seconds, "aria-label": "Automatic refresh", onChange: (e) => onSeconds?.(Number(e.target.value)) }, choices.map((c) => jsx("option", { key: c, value: c }, c ? (c < 60 ? `every ${c} s` : `every ${c / 60} min`) : "off"))));
}
