// Controls for the input types of a flow; a value is what the multipart part will hold: text, list, boolean or File.
import { useEffect, useMemo, useRef, useState } from "react";
import { Icon, size } from "$/public/external/components/glyphs/glyphs.jsx";
import { numberLocale } from "$/public/external/components/language/language.jsx";

const pad = (n, width = 2) => String(n).padStart(width, "0");

// ---- texts <-> values ------------------------------------------------------------------------------------------
export const isFile = (value) => typeof File !== "undefined" && value instanceof File;
export const isEmpty = (value) => value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);

// 2026-11-20T05:00:00Z -> the local text that <input type=datetime-local> shows, and back.
export function localOf(instant) {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return "";
  return `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}
export const instantOf = (local) => {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString().replace(".000Z", "Z");
};

const DURATION = /^P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(?:\.\d+)?S)?)?$/i;
// "5m", "1h 30m", "90s", "2d" or ISO text -> ISO text
export function durationOf(text) {
  const given = text.trim();
  if (!given || DURATION.test(given)) return given.toUpperCase();
  const units = [...given.matchAll(/(\d+(?:\.\d+)?)\s*(y|mo|w|d|h|min|m|s)[a-z]*/gi)];
  if (!units.length || given.replace(/(\d+(?:\.\d+)?)\s*(y|mo|w|d|h|min|m|s)[a-z]*/gi, "").trim()) return given;
  let date = "";
  let time = "";
  for (const [, n, raw] of units) {
    const unit = raw.toLowerCase();
    if (unit === "y") date += `${n}Y`;
    else if (unit === "mo") date += `${n}M`;
    else if (unit === "w") date += `${n}W`;
    else if (unit === "d") date += `${n}D`;
    else if (unit === "h") time += `${n}H`;
    else if (unit === "m" || unit === "min") time += `${n}M`;
    else time += `${n}S`;
  }
  return `P${date}${time ? `T${time}` : ""}`;
}
export function durationWords(iso) {
  const m = DURATION.exec(iso || "");
  if (!m) return "";
  const word = (part, one) => (part ? `${parseFloat(part)} ${one}${parseFloat(part) === 1 ? "" : "s"}` : "");
  return [word(m[1], "year"), word(m[2], "month"), word(m[3], "week"), word(m[4], "day"), word(m[6], "hour"), word(m[7], "minute"), word(m[8], "second")].filter(Boolean).join(" ");
}

// What a default of the flow, a prefill or the server's answer means in this form.
export function valueOf(input, raw) {
  if (raw === undefined || raw === null) return undefined;
  switch (input.type) {
    case "MULTISELECT":
      if (Array.isArray(raw)) return raw.map(String);
      try {
        return JSON.parse(raw).map(String);
      } catch {
        return [String(raw)];
      }
    case "BOOLEAN":
    case "BOOL":
      return raw === true || raw === "true" ? true : raw === false || raw === "false" ? false : undefined;
    case "JSON":
    case "ARRAY":
      return typeof raw === "string" ? raw : JSON.stringify(raw, null, 2);
    case "YAML":
      return typeof raw === "string" ? raw : JSON.stringify(raw, null, 2);
    default:
      return typeof raw === "object" ? JSON.stringify(raw) : String(raw);
  }
}

// The part that is sent; undefined = no part.
export function partOf(input, value) {
  if (isEmpty(value)) return undefined;
  if (isFile(value)) return value;
  if (Array.isArray(value)) return JSON.stringify(value);
  return String(value);
}

// What the browser can say at once; the server says the rest.
export function problemOf(input, value) {
  if (isEmpty(value)) return input.required === false ? "" : "Required.";
  const within = (n) => (input.min !== undefined && n < input.min ? `At least ${Number(input.min).toLocaleString(numberLocale())}.` : input.max !== undefined && n > input.max ? `At most ${Number(input.max).toLocaleString(numberLocale())}.` : "");
  switch (input.type) {
    case "INT":
      return /^[-+]?\d+$/.test(String(value).trim()) ? within(Number(value)) : "A whole number.";
    case "FLOAT":
      return Number.isFinite(Number(value)) ? within(Number(value)) : "A number.";
    case "EMAIL":
      return /^[^\s@]+@[^\s@]+$/.test(value) ? "" : "An e-mail address.";
    case "DURATION":
      return DURATION.test(String(value)) ? "" : "A duration such as PT5M or 5m.";
    case "JSON":
    case "ARRAY":
      try {
        const parsed = JSON.parse(value);
        return input.type === "ARRAY" && !Array.isArray(parsed) ? "A JSON list." : "";
      } catch (error) {
        return `Not valid JSON: ${error.message.replace(/^JSON\.parse: |Unexpected/, (x) => (x === "Unexpected" ? "unexpected" : ""))}`;
      }
    case "STRING":
      if (input.validator) {
        try {
          return new RegExp(`^(?:${input.validator})$`).test(value) ? "" : `Must match ${input.validator}`;
        } catch {
          return ""; // a pattern of another dialect: the server decides
        }
      }
      return "";
    default:
      return "";
  }
}

// ---- a little Markdown, as elements ----------------------------------------------------------------------------
export function Words({ text }) {
  const parts = String(text || "").split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\(https?:\/\/[^)\s]+\))/);
  return parts.map((part, i) => {
    if (part.startsWith("`")) return <code key={i}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**")) return <b key={i}>{part.slice(2, -2)}</b>;
    if (part.startsWith("*") && part.length > 2) return <em key={i}>{part.slice(1, -1)}</em>;
    const link = /^\[([^\]]+)\]\((https?:[^)]+)\)$/.exec(part);
    return link ? <a key={i} className="link" href={link[2]} target="_blank" rel="noreferrer noopener">{link[1]}</a> : part;
  });
}

// ---- controls --------------------------------------------------------------------------------------------------
const JSON_TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\],:]/g;
const YAML_TOKENS = /(#.*$)|^(\s*(?:- )*)([\w.$-]+)(:)(?=\s|$)|("(?:\\.|[^"\\])*"|'[^']*')|\b(true|false|null|-?\d+(?:\.\d+)?)\b/gm;
function coloured(text, language) {
  const out = [];
  let from = 0;
  const put = (a, b, name) => {
    if (a > from) out.push(text.slice(from, a));
    out.push(<span key={a} className={name}>{text.slice(a, b)}</span>);
    from = b;
  };
  if (language === "yaml") {
    for (const m of text.matchAll(YAML_TOKENS)) {
      if (m[1]) put(m.index, m.index + m[0].length, "cc");
      else if (m[3]) put(m.index + m[2].length, m.index + m[2].length + m[3].length, "ck");
      else put(m.index, m.index + m[0].length, m[5] ? "cs" : "cn");
    }
  } else {
    for (const m of text.matchAll(JSON_TOKENS)) {
      if (m[1]) put(m.index, m.index + m[1].length, m[2] ? "ck" : "cs");
      else put(m.index, m.index + m[0].length, /[{}[\],:]/.test(m[0]) ? "cp" : "cn");
    }
  }
  out.push(text.slice(from));
  return out;
}

function CodeArea({ id, value, onChange, language, error, describedBy }) {
  const text = value ?? "";
  const lines = useMemo(() => text.split("\n").map((_, i) => i + 1).join("\n"), [text]);
  return (
    <div className={`jed${error ? " err" : ""}`}>
      <div className="no" aria-hidden="true">{lines}</div>
      <pre aria-hidden="true">{coloured(text, language)}{"\n"}</pre>
      <textarea id={id} spellCheck={false} value={text} aria-invalid={Boolean(error)} aria-describedby={describedBy} onChange={(e) => onChange(e.target.value)}
        onKeyDown={(e) => {
          if (e.key !== "Tab" || e.shiftKey || e.ctrlKey || e.altKey || !e.currentTarget.value) return; // an empty field lets Tab pass
          const { selectionStart: a, selectionEnd: b } = e.currentTarget;
          if (a === 0 && b === 0) return;
          e.preventDefault();
          e.currentTarget.setRangeText("  ", a, b, "end");
          onChange(e.currentTarget.value);
        }} />
    </div>
  );
}

function MultiSelect({ id, input, value, onChange, error }) {
  const [open, setOpen] = useState(false);
  const [q, setQ] = useState("");
  const host = useRef(null);
  const chosen = value || [];
  const options = [...new Set([...(input.values || []).map(String), ...chosen])];
  useEffect(() => {
    if (!open) return undefined;
    const away = (e) => host.current?.contains(e.target) || setOpen(false);
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const flip = (option) => onChange(chosen.includes(option) ? chosen.filter((x) => x !== option) : options.filter((x) => x === option || chosen.includes(x)));
  const shown = options.filter((o) => o.toLowerCase().includes(q.toLowerCase()));
  return (
    <div ref={host} className={`inp ms${error ? " err" : ""}`} onKeyDown={(e) => { if (e.key === "Escape" && open) { e.stopPropagation(); setOpen(false); } }}>
      {chosen.map((x) => <span key={x} className="tok">{x}<button type="button" aria-label={`Remove ${x}`} onClick={() => flip(x)}><Icon name="x" size={10} /></button></span>)}
      <button id={id} type="button" aria-haspopup="listbox" aria-expanded={open} style={{ flex: 1, minWidth: 40, height: 20, textAlign: "left" }} onClick={() => setOpen(!open)}>{chosen.length ? "" : <span className="faint">Choose</span>}</button>
      <span className="end" onClick={() => setOpen(!open)}><Icon name="chevron-down" /></span>
      {open ? (
        <div className="menu">
          {options.length > 8 || input.allowCustomValue ? (
            <div className="q"><input autoFocus placeholder={input.allowCustomValue ? "Search or add" : "Search"} aria-label="Search values" value={q} onChange={(e) => setQ(e.target.value)}
              onKeyDown={(e) => { if (e.key === "Enter" && q) { e.preventDefault(); if (options.includes(q)) flip(q); else if (input.allowCustomValue) { onChange([...chosen, q]); setQ(""); } } }} /></div>
          ) : null}
          {options.length > 1 ? <label><input type="checkbox" checked={chosen.length === options.length} onChange={(e) => onChange(e.target.checked ? options : [])} />All</label> : null}
          {shown.map((o) => <label key={o}><input type="checkbox" checked={chosen.includes(o)} onChange={() => flip(o)} />{o}</label>)}
          {shown.length ? null : <span className="faint sm" style={{ padding: 8, display: "block" }}>No such value.</span>}
        </div>
      ) : null}
    </div>
  );
}

function FilePick({ id, input, value, onChange, error, progress }) {
  const field = useRef(null);
  const [over, setOver] = useState(false);
  const named = isFile(value) ? value.name : value ? String(value).split("/").pop() : "";
  const accept = input.accept || (input.extension ? (Array.isArray(input.extension) ? input.extension.join(",") : input.extension) : undefined) || (Array.isArray(input.allowedFileExtensions) ? input.allowedFileExtensions.join(",") : undefined);
  return (
    <div className={`drop${over ? " over" : ""}${error ? " err" : ""}`} onClick={(e) => e.target.closest("button.x") || field.current.click()}
      onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(e) => { e.preventDefault(); setOver(false); if (e.dataTransfer.files[0]) onChange(e.dataTransfer.files[0]); }}>
      <span className="faint"><Icon name={value ? "file-text" : "upload"} size={16} /></span>
      <div className="g">
        {value ? (
          <>
            <div className="row sp"><span className="med ell">{named}</span><span className="mut sm">{isFile(value) ? size(value.size) : "kept from before"}{progress ? `, ${Math.round(progress * 100)} %` : ""}</span></div>
            {progress ? <div className="pg" role="progressbar" aria-valuenow={Math.round(progress * 100)}><i style={{ width: `${progress * 100}%` }} /></div> : null}
          </>
        ) : <span className="mut">Drop a file here or <span className="link">choose one</span>{accept ? <span className="faint"> ({accept})</span> : null}</span>}
      </div>
      {value ? <button type="button" className="ib x" aria-label="Remove the file" onClick={() => { field.current.value = ""; onChange(undefined); }}><Icon name="x" /></button> : null}
      <input id={id} ref={field} type="file" accept={accept} style={{ position: "absolute", width: 1, opacity: 0, pointerEvents: "none" }} onChange={(e) => e.target.files[0] && onChange(e.target.files[0])} />
    </div>
  );
}

// A list of plain values; undefined where it has others and is written as JSON.
function plainList(text) {
  if (!String(text).trim()) return [];
  try {
    const list = JSON.parse(text);
    return Array.isArray(list) && list.every((one) => one === null || typeof one !== "object") ? list : undefined;
  } catch {
    return undefined;
  }
}

function ArrayRows({ id, input, list, onChange }) {
  const [json, setJson] = useState(false);
  const [text, setText] = useState("");
  const number = ["INT", "FLOAT"].includes(input.itemType);
  const put = (next) => onChange(next.length ? JSON.stringify(next) : undefined);
  const of = (raw) => (number && raw.trim() !== "" && Number.isFinite(Number(raw)) ? Number(raw) : ["BOOL", "BOOLEAN"].includes(input.itemType) && /^(true|false)$/.test(raw) ? raw === "true" : raw);
  const add = () => { if (!text.trim()) return; put([...list, of(text)]); setText(""); };
  if (json) return <><CodeArea id={id} value={JSON.stringify(list, null, 2)} onChange={onChange} language="json" /><button type="button" className="link sm" onClick={() => setJson(false)}>As a list</button></>;
  return (
    <div className="rows">
      {list.map((one, i) => <div key={i}><span className="inp"><input aria-label={`Value ${i + 1} of ${input.id}`} value={one ?? ""} inputMode={number ? "decimal" : undefined} onChange={(e) => put(list.map((x, n) => (n === i ? of(e.target.value) : x)))} /></span><button type="button" className="ib" aria-label={`Remove value ${i + 1}`} onClick={() => put(list.filter((_, n) => n !== i))}><Icon name="x" /></button></div>)}
      <div><span className="inp"><input id={id} value={text} placeholder={`Add a value${input.itemType ? ` (${input.itemType})` : ""}`} inputMode={number ? "decimal" : undefined} onChange={(e) => setText(e.target.value)} onBlur={add} onKeyDown={(e) => { if (e.key === "Enter" && !e.ctrlKey && !e.metaKey) { e.preventDefault(); e.stopPropagation(); add(); } }} /></span><button type="button" className="link sm" onClick={() => setJson(true)}>JSON</button></div>
    </div>
  );
}

const PARTS = [["Y", "years"], ["M", "months"], ["D", "days"], ["TH", "hours"], ["TM", "min"], ["TS", "s"]];
function DurationControl({ common, value, onChange, box }) {
  const [open, setOpen] = useState(false);
  const m = DURATION.exec(value || "") || [];
  const now = { Y: m[1], M: m[2], W: m[3], D: m[4], TH: m[6], TM: m[7], TS: m[8] };
  const put = (part, text) => {
    const next = { ...Object.fromEntries(Object.entries(now).map(([k, v]) => [k, parseFloat(v) || 0])), [part]: Math.max(0, Number(text) || 0) };
    const date = `${next.Y ? `${next.Y}Y` : ""}${next.M ? `${next.M}M` : ""}${next.W ? `${next.W}W` : ""}${next.D ? `${next.D}D` : ""}`;
    const time = `${next.TH ? `${next.TH}H` : ""}${next.TM ? `${next.TM}M` : ""}${next.TS ? `${next.TS}S` : ""}`;
    onChange(date || time ? `P${date}${time ? `T${time}` : ""}` : undefined);
  };
  return (
    <>
      {box(<input {...common} value={value} placeholder="PT5M or 5m" onChange={(e) => onChange(e.target.value)} onBlur={(e) => onChange(durationOf(e.target.value))} />, <><span>{durationWords(value)}</span><button type="button" className="ib" aria-label="Years to seconds" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="clock" /></button></>, " mono")}
      {open ? <div className="dur">{PARTS.map(([part, word]) => <label key={part}>{word}<span className="inp"><input type="number" min="0" value={parseFloat(now[part]) || ""} onChange={(e) => put(part, e.target.value)} /></span></label>)}</div> : null}
    </>
  );
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const WIDE = new Set(["FILE", "JSON", "YAML"]);

export function Control({ id, input, value, onChange, error, progress, describedBy }) {
  const [revealed, setRevealed] = useState(false);
  const common = { id, "aria-invalid": Boolean(error), "aria-describedby": describedBy, "aria-required": input.required !== false };
  const text = value ?? "";
  const type = input.type;
  const box = (inner, end, extra = "") => <div className={`inp${error ? " err" : ""}${extra}`}>{inner}{end ? <span className="end">{end}</span> : null}</div>;
  if (type === "INT" || type === "FLOAT") {
    const n = (x) => Number(x).toLocaleString(numberLocale());
    const range = input.min !== undefined && input.max !== undefined ? `${n(input.min)} to ${n(input.max)}` : input.min !== undefined ? `from ${n(input.min)}` : input.max !== undefined ? `up to ${n(input.max)}` : "";
    return box(<input {...common} inputMode={type === "INT" ? "numeric" : "decimal"} value={text} onChange={(e) => onChange(e.target.value)}
      onKeyDown={(e) => { if (["ArrowUp", "ArrowDown"].includes(e.key) && Number.isFinite(Number(text))) { e.preventDefault(); onChange(String(Number(text || 0) + (e.key === "ArrowUp" ? 1 : -1))); } }} />, range);
  }
  if (type === "BOOLEAN" || type === "BOOL") {
    if (input.required === false && (input.defaults === undefined || input.defaults === null)) {
      return <div className="radios" role="radiogroup" aria-labelledby={`${id}-label`}>{[["true", true], ["false", false], ["undefined", undefined]].map(([word, v]) => <label key={word}><input type="radio" name={id} checked={value === v} onChange={() => onChange(v)} />{word}</label>)}</div>;
    }
    return <label className="swl"><span className={`sw${value ? " on" : ""}`} /><input {...common} type="checkbox" role="switch" checked={Boolean(value)} onChange={(e) => onChange(e.target.checked)} />{value ? "Yes" : "No"}</label>;
  }
  if (type === "SELECT" || type === "ENUM") {
    const options = (input.values || []).map(String);
    if (input.isRadio) return <div className="radios" role="radiogroup" aria-labelledby={`${id}-label`}>{options.map((o) => <label key={o}><input type="radio" name={id} checked={text === o} onChange={() => onChange(o)} />{o}</label>)}</div>;
    if (input.allowCustomValue || options.length > 15) {
      return box(<><input {...common} list={`${id}-list`} value={text} onChange={(e) => onChange(e.target.value)} /><datalist id={`${id}-list`}>{options.map((o) => <option key={o} value={o} />)}</datalist></>);
    }
    return box(<select {...common} value={text} onChange={(e) => onChange(e.target.value || undefined)}>{text && input.required !== false ? null : <option value="">{input.required === false ? "none" : "Choose"}</option>}{options.concat(text && !options.includes(text) ? [text] : []).map((o) => <option key={o} value={o}>{o}</option>)}</select>, <Icon name="chevron-down" />);
  }
  if (type === "MULTISELECT") return <MultiSelect id={id} input={input} value={value} onChange={onChange} error={error} />;
  if (type === "FILE") return <FilePick id={id} input={input} value={value} onChange={onChange} error={error} progress={progress} />;
  if (type === "ARRAY" && !input.asText) { const list = plainList(text); if (list) return <ArrayRows id={id} input={input} list={list} onChange={onChange} />; }
  if (type === "JSON" || type === "ARRAY" || type === "YAML") return <CodeArea id={id} value={value} onChange={onChange} language={type === "YAML" ? "yaml" : "json"} error={error} describedBy={describedBy} />;
  if (type === "SECRET") return box(<input {...common} type={revealed ? "text" : "password"} autoComplete="off" value={text} onChange={(e) => onChange(e.target.value)} />, text ? <button type="button" className="ib" aria-label={revealed ? "Hide" : "Show what was typed"} onClick={() => setRevealed(!revealed)}><Icon name={revealed ? "eye-off" : "eye"} /></button> : null, " mono");
  if (type === "DATETIME") {
    const local = text && !Number.isNaN(Date.parse(text)) ? localOf(text) : "";
    if (text && !local) return box(<input {...common} value={text} onChange={(e) => onChange(e.target.value)} />, "ISO 8601");
    return box(<input {...common} type="datetime-local" step="1" value={local} onChange={(e) => onChange(e.target.value ? instantOf(e.target.value) : undefined)} />, ZONE);
  }
  if (type === "DATE") return box(<input {...common} type="date" value={text} onChange={(e) => onChange(e.target.value)} />);
  if (type === "TIME") return box(<input {...common} type="time" step="1" value={text} onChange={(e) => onChange(e.target.value)} />);
  if (type === "DURATION") return <DurationControl common={common} value={text} onChange={onChange} box={box} />;
  return <div className={`inp area${error ? " err" : ""}`}><textarea {...common} rows={1} value={text} inputMode={type === "EMAIL" ? "email" : type === "URI" ? "url" : undefined} onChange={(e) => onChange(e.target.value)} /></div>;
}
