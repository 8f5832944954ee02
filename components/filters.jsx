// The filter bar: a search box and one chip per condition, edited in place in the browser; the page gets the finished list.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Popover, PopoverClose } from "./overlay.jsx";
import { Calendar, InstantField } from "./calendar.jsx";
import { useTenant } from "./shell.jsx";
import { CALENDAR, DATES, MANY, PERIODS, WORDS, check, fromText, instantOf, instantWords, localValue, queryOf, say, toText, zoneOf } from "./filter_words.jsx";
import { Searches, Views, remember } from "./views.jsx";

const glyph = (...paths) => jsx("svg", { width: 12, height: 12, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, paths.map((d) => jsx("path", { key: d, d })));
const CLOCK = ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", "M12 7v5l3 2"];
const WARN = ["m21.73 18-8-14a2 2 0 0 0-3.46 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3", "M12 9v4M12 17h.01"];

function Presets({ value, onPick }) {
  return jsx("div", { className: "flist", role: "listbox", "aria-label": "Period" },
    Object.entries(PERIODS).map(([k, w]) => jsx("button", { key: k, type: "button", className: "mi" + (value === k ? " on" : ""), role: "option", "aria-selected": value === k, "data-testid": "period-" + k, onClick: () => onPick(k) }, w)),
    Object.entries(CALENDAR).map(([k, w]) => { const on = String(value).startsWith(k); return jsx("button", { key: k, type: "button", className: "mi" + (on ? " on" : ""), role: "option", "aria-selected": on, "data-testid": "period-" + k, onClick: () => onPick(`${k}@${zoneOf()}`) }, w); }));
}

// From and until in the reader's zone: typed, or two days of the calendar; ISO text with its own zone is taken as well.
function Between({ from, to, onApply }) {
  const spaced = (iso) => localValue(iso).replace("T", " ");
  const [a, setA] = useState(spaced(from)), [b, setB] = useState(spaced(to)), [fault, setFault] = useState(""), [second, setSecond] = useState(false);
  const apply = () => {
    const [x, y] = [instantOf(a), instantOf(b)];
    if (!x && !y) return setFault("Enter a start or an end.");
    if ((a && !x) || (b && !y)) return setFault("Write it like 2026-11-20 06:00 or 2026-11-20T06:00:00Z.");
    if (x && y && Date.parse(x) >= Date.parse(y)) return setFault("The end is before the start.");
    setFault(""); onApply(x, y);
  };
  const clock = (text, otherwise) => text.match(/\d\d:\d\d(:\d\d)?/)?.[0] || otherwise;
  // The first day begins the range, the second ends it; an earlier one begins anew.
  const pick = (day) => {
    setFault("");
    if (second && a && day >= a.slice(0, 10)) { setB(`${day} ${clock(b, "23:59")}`); setSecond(false); } else { setA(`${day} ${clock(a, "00:00")}`); setB(""); setSecond(true); }
  };
  const field = (label, v, put, id, last) => jsx("label", { className: "fld" }, jsx("span", { className: "sm mut" }, label),
    jsx("input", { className: "inp num" + (fault ? " err" : ""), value: v, placeholder: "2026-11-20 06:00", spellCheck: false, autoComplete: "off", "data-testid": id, "aria-label": label, onFocus: () => setSecond(last), onChange: (e) => { put(e.target.value); setFault(""); }, onKeyDown: (e) => { if (e.key === "Enter") { e.preventDefault(); e.stopPropagation(); apply(); } } }));
  return jsx("div", { className: "fbetween" }, jsx("div", { className: "fends" }, field("From", a, setA, "range-from", false), field("Until", b, setB, "range-until", true)),
    jsx(Calendar, { from: a, until: b, at: second ? b || a : a, label: "Days of the range", onPick: pick, testid: "range-calendar" }),
    fault ? jsx("span", { className: "fgs bad sm", role: "alert" }, fault) : null,
    jsx("div", { className: "row" }, jsx("span", { className: "xs faint grow ell" }, zoneOf()), jsx("button", { type: "button", className: "btn s pri", onClick: apply, "data-testid": "range-apply" }, "Apply")));
}

function Editor({ spec, filter, others = [], onApply, onBetween, onAll }) {
  const [operator, setOperator] = useState(filter?.operator && spec.operators.includes(filter.operator) ? filter.operator : filter?.operator || spec.operators[0]);
  const [value, setValue] = useState(spec.kind === "date" ? localValue(filter?.value) : filter?.value ?? "");
  const [options, setOptions] = useState(spec.options || []);
  const [fault, setFault] = useState(""), [typed, setTyped] = useState("");
  const many = MANY.has(operator), tenant = useTenant();
  const source = (spec.optionsUrl || "").replace("{tenant}", encodeURIComponent(tenant));
  const chosen = many ? String(value).split(",").filter(Boolean) : [];
  useEffect(() => {
    if (!source) return;
    const abort = new AbortController();
    const wait = setTimeout(() => fetch(source + (typed ? (source.includes("?") ? "&" : "?") + "q=" + encodeURIComponent(typed) : ""), { signal: abort.signal, credentials: "same-origin" }).then((r) => (r.ok ? r.json() : [])).then((l) => { const found = Array.isArray(l) ? l : l?.results; if (Array.isArray(found)) setOptions(found.map((o) => (typeof o === "string" ? o : o.id)).filter(Boolean)); }).catch(() => {}), typed ? 150 : 0);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [source, typed]);
  const apply = (v = value) => { const f = check(spec, operator, v, others); setFault(f); if (!f) onApply({ field: spec.field, operator, value: spec.kind === "date" ? instantOf(v) : String(v).trim() }); };
  const pick = (o) => { if (!many) { setValue(o); apply(o); return; } setValue((chosen.includes(o) ? chosen.filter((c) => c !== o) : [...chosen, o]).join(",")); };
  const shown = [...new Set([...chosen, ...options])].filter((o) => !typed || o.toLowerCase().includes(typed.toLowerCase())).slice(0, 60);
  const free = spec.kind === "text" || spec.kind === "number" || spec.kind === "labels" || !["IN", "NOT_IN", "EQUALS", "NOT_EQUALS", "PREFIX"].includes(operator) || (!options.length && !source && spec.kind !== "period");
  const operators = spec.operators.includes(operator) ? spec.operators : [operator, ...spec.operators];
  const period = spec.kind === "period";
  return jsx("form", { className: "fedit", onSubmit: (e) => { e.preventDefault(); e.stopPropagation(); apply(); } },
    jsx("div", { className: "row" }, jsx("b", { className: "sm" }, spec.label), jsx("span", { className: "grow" }),
      operators.length > 1 ? jsx("select", { className: "inp s", value: operator, onChange: (e) => setOperator(e.target.value), "aria-label": "Operator", "data-testid": "filter-operator" }, operators.map((o) => jsx("option", { key: o, value: o }, WORDS[o] || o))) : jsx("span", { className: "faint sm" }, period ? zoneOf() : WORDS[operator] || operator)),
    period ? jsx("div", { key: "p", className: "fperiod" }, jsx("div", { className: "fpre" }, jsx(Presets, { value, onPick: (k) => { setValue(k); apply(k); } }), onAll ? jsx("button", { type: "button", className: "mi", onClick: onAll, "data-testid": "period-all" }, "all time") : null),
        onBetween ? jsx(Between, { from: others.find((o) => o.field === "startDate" && o.operator.startsWith("GREATER"))?.value, to: others.find((o) => DATES.has(o.field) && o.operator.startsWith("LESS"))?.value, onApply: onBetween }) : null)
      : spec.kind === "date" ? jsx(InstantField, { key: "d", value, label: spec.label, error: Boolean(fault), autofocus: true, testid: "filter-instant", onChange: (v) => { setValue(v); setFault(""); }, onEnter: () => apply() })
      : free ? jsx("input", { className: "inp" + (fault ? " err" : ""), "data-autofocus": true, value, placeholder: spec.kind === "labels" ? "team:data" : spec.placeholder || "", onChange: (e) => { setValue(e.target.value); setFault(check(spec, operator, e.target.value, others) && operator === "REGEX" && e.target.value ? check(spec, operator, e.target.value, others) : ""); }, "aria-label": "Value", "data-testid": "filter-value", spellCheck: false })
      : [jsx("input", { key: "t", className: "inp", "data-autofocus": true, value: typed, placeholder: "Find", onChange: (e) => setTyped(e.target.value), "aria-label": "Find a value", "data-testid": "filter-find", spellCheck: false,
          onKeyDown: (e) => { if (e.key === "Enter" && typed) { e.preventDefault(); pick(shown[0] ?? typed); setTyped(""); } } }),
        jsx("div", { key: "l", className: "flist", role: "listbox", "aria-label": spec.label, "aria-multiselectable": many }, shown.map((o) => { const on = many ? chosen.includes(o) : value === o; return jsx("button", { key: o, type: "button", className: "mi" + (on ? " on" : ""), role: "option", "aria-selected": on, onClick: () => pick(o) }, many ? jsx("span", { className: "cb" + (on ? " on" : "") }, on ? glyph("M20 6 9 17l-5-5") : null) : null, jsx("span", { className: "ell" }, o)); }), !shown.length ? jsx("div", { className: "faint sm", style: { padding: 8 } }, typed ? "Enter takes what you typed." : "No values yet.") : null)],
    fault ? jsx("span", { className: "fgs bad sm", role: "alert" }, fault) : null,
    period || (!many && !free && spec.kind !== "date") ? null : jsx("div", { className: "row" }, jsx("span", { className: "grow" }), jsx("button", { type: "submit", className: "btn s pri", "data-testid": "filter-apply" }, "Apply")));
}
// Closes the popover when a value is applied.
function Closing({ onApply, onBetween, onAll, ...rest }) {
  const closer = useRef(null);
  const then = (f) => f && ((...a) => { closer.current?.click(); f(...a); });
  return jsx("div", null, jsx(PopoverClose, null, jsx("span", { ref: closer, style: { display: "none" } })), jsx(Editor, { ...rest, onApply: then(onApply), onBetween: then(onBetween), onAll: then(onAll) }));
}

// Chips turned into text and back (UI-FI-07).
function TextForm({ keys, value, query, onQueryText, onClose }) {
  const [text, setText] = useState(toText(keys, value, query)), [fault, setFault] = useState("");
  const apply = () => { try { const made = fromText(keys, text); setFault(""); onQueryText(queryOf(made.filters, made.query)); onClose(); } catch (e) { setFault(e.message); } };
  return jsx("form", { className: "ftext", onSubmit: (e) => { e.preventDefault(); apply(); } },
    jsx("input", { className: "inp mono" + (fault ? " err" : ""), value: text, autoFocus: true, spellCheck: false, "aria-label": "Conditions as text", "aria-invalid": Boolean(fault) || undefined, placeholder: "state in FAILED, WARNING and namespace within company", "data-testid": "filters-text", onChange: (e) => { setText(e.target.value); setFault(""); }, onKeyDown: (e) => { if (e.key === "Escape") onClose(); } }),
    fault ? jsx("span", { className: "fgs bad sm ftext-why", role: "alert" }, fault) : null,
    jsx("button", { type: "submit", className: "btn s pri", "data-testid": "filters-text-apply" }, "Apply"), jsx("button", { type: "button", className: "btn s gho", onClick: onClose }, "Chips"));
}

export function FilterBar({ keys = [], value = [], query = "", placeholder = "Search", searchable = true, testid = "filters", listName: list = "", listQuery = "", defaultView = "", onChange, onQuery, onReset, onOpen, onDefault, children }) {
  const [text, setText] = useState(query), [adding, setAdding] = useState(""), [wide, setWide] = useState(false), [asText, setAsText] = useState(false);
  const wait = useRef(0), last = useRef(query), tenant = useTenant();
  useEffect(() => { if (query !== last.current) { last.current = query; setText(query); } }, [query]);
  useEffect(() => { if (list) remember(tenant, list, listQuery, defaultView); }, [list, listQuery]);
  const search = (v, now) => { setText(v); clearTimeout(wait.current); const send = () => { if (v !== last.current) { last.current = v; onQuery?.(v); } }; if (now) send(); else wait.current = setTimeout(send, 300); };
  const spec = (field) => keys.find((k) => k.field === field);
  const put = (i, f) => onChange?.(i < 0 ? [...value, f] : value.map((o, k) => (k === i ? f : o)));
  const period = keys.find((k) => k.kind === "period");
  // Two dates of a list with a time range read as one chip: `time 00:30 to 06:08`.
  const dates = period ? value.filter((f) => DATES.has(f.field)) : [];
  const pair = dates.length === 2 && dates.some((f) => f.operator.startsWith("GREATER")) && dates.some((f) => f.operator.startsWith("LESS"));
  const rest = (drop) => value.filter((f) => f.field !== "timeRange" && !(drop && DATES.has(f.field)));
  const between = (from, to) => onChange?.([...rest(true), ...(from ? [{ field: "startDate", operator: "GREATER_THAN_OR_EQUAL_TO", value: from }] : []), ...(to ? [{ field: "startDate", operator: "LESS_THAN_OR_EQUAL_TO", value: to }] : [])]);
  const all = () => onChange?.(rest(true));
  const shown = pair ? value.filter((f) => !dates.includes(f)) : value;
  const limit = wide ? 99 : pair ? 3 : 4;
  const chip = (f) => {
    const i = value.indexOf(f), s = spec(f.field) || (period && DATES.has(f.field) ? { field: f.field, label: f.field === "endDate" ? "ended" : "started", kind: "date", operators: ["GREATER_THAN_OR_EQUAL_TO", "LESS_THAN_OR_EQUAL_TO"] } : null);
    const bad = !s || !WORDS[f.operator];
    const words = [bad ? jsx("span", { key: "w" }, glyph(...WARN)) : null, jsx("span", { key: "k", className: "k" }, s?.label || f.field), s?.kind === "period" ? null : jsx("span", { key: "o", className: "o" }, WORDS[f.operator] || f.operator), jsx("span", { key: "v", className: "v" }, jsx("span", { className: "ell" }, say(s, f)))];
    return jsx("span", { key: i + f.field, className: "chip" + (bad ? " unknown" : ""), "data-testid": bad ? "filter-unknown" : "filter-chip", title: bad ? "This list does not know the condition; it is not applied." : undefined, role: bad ? "status" : undefined },
      bad ? jsx("span", { className: "chip-in" }, words) : jsx(Popover, { label: "Edit the condition", width: 264 }, jsx("button", { type: "button", className: "chip-in" }, words), jsx(Closing, { spec: s, filter: f, others: value.filter((o) => o !== f), onApply: (n) => put(i, n), onBetween: s.kind === "period" ? between : undefined, onAll: s.kind === "period" && !s.fixed ? all : undefined })),
      s?.fixed ? null : jsx("button", { type: "button", className: "x", "aria-label": `Remove ${s?.label || f.field}`, onClick: () => onChange?.(value.filter((_, k) => k !== i)) }, glyph("M18 6 6 18M6 6l12 12")));
  };
  const start = dates.find((f) => f.operator.startsWith("GREATER")), stop = dates.find((f) => f.operator.startsWith("LESS"));
  const pairChip = pair ? jsx("span", { key: "pair", className: "chip", "data-testid": "filter-dates" },
    jsx(Popover, { label: "Edit the time", width: 264 }, jsx("button", { type: "button", className: "chip-in" }, jsx("span", { key: "i" }, glyph(...CLOCK)), jsx("span", { key: "v", className: "v num" }, `${instantWords(start.value)} to ${instantWords(stop.value)}`)), jsx(Closing, { spec: period, others: value, onApply: (n) => onChange?.([...rest(true), n]), onBetween: between, onAll: all })),
    jsx("button", { type: "button", className: "x", "aria-label": "Remove the time", onClick: all }, glyph("M18 6 6 18M6 6l12 12"))) : null;
  if (asText) return jsx("div", { className: "fb", role: "search", "data-testid": testid }, jsx(TextForm, { keys, value, query, onQueryText: (q) => onOpen?.(q), onClose: () => setAsText(false) }));
  return jsx("div", { className: "fb", role: "search", "data-testid": testid },
    searchable ? jsx("label", { className: "inp srch" }, glyph("m21 21-4.3-4.3M19 11a8 8 0 1 1-16 0 8 8 0 0 1 16 0Z"), jsx("input", { value: text, placeholder, "aria-label": placeholder, "data-filter-box": true, "data-testid": testid + "-search", spellCheck: false, onChange: (e) => search(e.target.value), onKeyDown: (e) => { if (e.key === "Enter") search(e.target.value, true); if (e.key === "Escape") { search("", true); e.target.blur(); } } }), jsx("span", { className: "kbd hide-s" }, "/")) : null,
    list ? jsx(Searches, { tenant, list, keys, onOpen }) : null,
    jsx("span", { className: "chips" }, pairChip, shown.slice(0, limit).map(chip)),
    shown.length > limit ? jsx("button", { type: "button", className: "cnt", onClick: () => setWide(true), "aria-label": "Show all conditions" }, "+" + (shown.length - limit)) : wide && shown.length > 4 ? jsx("button", { type: "button", className: "cnt", onClick: () => setWide(false) }, "less") : null,
    keys.length ? jsx(Popover, { label: "Add a condition", width: 264, testid: testid + "-add" }, jsx("button", { type: "button", className: "chip dash", "aria-label": "Add a condition", onClick: () => setAdding("") }, jsx("span", null, glyph("M5 12h14M12 5v14"), jsx("span", { className: "hide-s" }, "Filter"))),
      adding ? jsx(Closing, { key: adding, spec: spec(adding), others: value, onApply: (f) => { if (spec(adding).kind === "period") onChange?.([...rest(true), f]); else put(-1, f); setAdding(""); }, onBetween: spec(adding).kind === "period" ? (a, b) => { between(a, b); setAdding(""); } : undefined }) : jsx("div", { className: "flist" }, keys.filter((k) => !k.fixed).map((k) => jsx("button", { key: k.field, type: "button", className: "mi", onClick: () => setAdding(k.field), "data-testid": testid + "-add-" + k.field }, k.label)))) : null,
    value.some((f) => !spec(f.field)?.fixed) || query ? jsx("button", { type: "button", className: "link sm hide-m", onClick: () => { last.current = ""; setText(""); if (onReset) onReset(); else onChange?.([]); }, "data-testid": testid + "-reset" }, "Reset") : null,
    jsx("span", { className: "grow" }),
    list && onOpen ? jsx(Views, { tenant, list, keys, query: listQuery, defaultView, onOpen, onDefault, onText: () => setAsText(true) }) : null,
    children);
}

// Refresh button with the interval of the automatic refresh and a ring that counts down. It rests while the tab is
// hidden, a layer is open, text is selected or the pointer is on a row's menu; the next begins after the last has ended.
export function Refresh({ seconds = 0, choices = [0, 5, 10, 30, 60, 300], busy = false, onRefresh, onSeconds, children }) {
  const cb = useRef(), working = useRef(busy), left = useRef(seconds), pointed = useRef(false);
  const [share, setShare] = useState(0);
  cb.current = onRefresh; working.current = busy;
  useEffect(() => {
    left.current = seconds; setShare(0);
    if (!seconds) return;
    const over = (e) => { pointed.current = Boolean(e.target.closest?.(".acts,.floating")); };
    const t = setInterval(() => {
      const rests = document.visibilityState !== "visible" || document.querySelector("dialog[open],.floating") || String(getSelection()) || pointed.current || working.current;
      if (rests) return;
      left.current -= 1;
      if (left.current <= 0) { left.current = seconds; cb.current?.(); }
      setShare(1 - left.current / seconds);
    }, 1000);
    document.addEventListener("pointerover", over, true);
    return () => { clearInterval(t); document.removeEventListener("pointerover", over, true); };
  }, [seconds]);
  const again = () => { left.current = seconds; setShare(0); onRefresh?.(); };
  const word = (c) => (c ? (c < 60 ? `${c} s` : `${c / 60} min`) : "off");
  return jsx("span", { className: "grp hide-s" }, jsx("button", { type: "button", className: "btn s", onClick: again, "aria-label": "Refresh", title: seconds ? `Refreshes every ${word(seconds)}` : "Refresh (r)", "data-testid": "refresh" },
    seconds ? jsx("svg", { width: 14, height: 14, viewBox: "0 0 14 14", className: "ring", "aria-hidden": true }, jsx("circle", { cx: 7, cy: 7, r: 5.5, pathLength: 100 }), jsx("circle", { cx: 7, cy: 7, r: 5.5, pathLength: 100, className: "go", strokeDasharray: `${Math.round(share * 100)} 100` })) : children),
    jsx("select", { className: "btn s sel", value: seconds, "aria-label": "Automatic refresh", "data-testid": "refresh-every", onChange: (e) => onSeconds?.(Number(e.target.value)) }, choices.map((c) => jsx("option", { key: c, value: c }, word(c)))));
}
