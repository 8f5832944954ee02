// Controls of the no-code form for points in time, cron expressions, and the inputs of the flow that a subflow task starts.
import { useEffect, useRef, useState } from "react";
import { Icon, clock } from "$/public/external/components/glyphs/glyphs.jsx";
import { request, useDebounced } from "$/public/external/components/net/net.jsx";
import { inputsOf } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { instantOf, localOf } from "$/public/external/components/execute_form/input_fields.jsx";

const KIND = { "date-time": "datetime-local", date: "date", time: "time" };

// A date, a time or both; what the browser's control cannot show stays a text.
export function InstantField({ id, value, format = "date-time", onChange, error, disabled, label }) {
  const shown = value === undefined || value === null ? "" : format === "date-time" ? localOf(value) : String(value);
  const strange = value !== undefined && value !== null && value !== "" && (!shown || (format === "date" && !/^\d{4}-\d{2}-\d{2}$/.test(shown)) || (format === "time" && !/^\d{2}:\d{2}/.test(shown)));
  const [text, setText] = useState(shown);
  useEffect(() => setText(strange ? String(value) : shown), [value]);
  const [typed, setTyped] = useState(false);
  const plain = strange || typed;
  const tell = (next) => { setText(next); if (!next) onChange(""); else onChange(plain || format !== "date-time" ? next : instantOf(next)); };
  return (
    <div className={`inp${plain ? " mono" : ""}${error ? " err" : ""}`}>
      <input id={id} type={plain ? "text" : KIND[format]} step={plain || format === "date" ? undefined : 1} aria-label={label} value={text} disabled={disabled} placeholder={plain ? "2026-11-20T06:00:00Z" : undefined} onChange={(e) => (plain ? setText(e.target.value) : tell(e.target.value))} onBlur={(e) => plain && tell(e.target.value)} data-testid={`nc-instant-${label}`} />
      <span className="end" title={value ? String(value) : undefined}><button type="button" className="ib" aria-label={plain ? "Choose from a calendar" : "Write it as text"} title={plain ? "Choose from a calendar" : "Write it as text"} disabled={disabled || strange} onClick={() => setTyped(!typed)}><Icon name={plain ? "calendar" : "type"} size={12} /></button></span>
    </div>
  );
}

const CRONS = [["*/15 * * * *", "Every 15 minutes"], ["0 * * * *", "Every hour"], ["0 6 * * *", "Every day at 06:00"], ["0 6 * * 1-5", "On working days at 06:00"], ["0 6 * * 1", "On Mondays at 06:00"], ["0 6 1 * *", "On the first of the month at 06:00"]];

// A cron expression with its words, its next dates, and often used ones to begin with.
export function CronField({ id, value, onChange, about, timezone, withSeconds, error, disabled, label }) {
  const [text, setText] = useState(value ?? "");
  const [told, setTold] = useState(null);
  const [problem, setProblem] = useState("");
  const focused = useRef(false);
  useEffect(() => { if (!focused.current) setText(value ?? ""); }, [value]);
  const tell = useDebounced((next) => onChange(next), 220);
  useEffect(() => {
    if (!text || /\{\{/.test(text)) { setTold(null); setProblem(""); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(() => request(`${about().api}/console/schedules/preview`, { method: "POST", json: { cron: text, count: 3, ...(timezone ? { timezone } : {}), withSeconds: Boolean(withSeconds) }, signal: stop.signal }).then(
      (found) => { setTold(found); setProblem(""); },
      (e) => { if (e.name !== "AbortError" && !stop.signal.aborted) { setTold(null); setProblem(e.message); } },
    ), 300);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text, timezone, withSeconds]);
  const put = (next) => { setText(next); tell(next); };
  return (
    <>
      <div className={`inp mono${error || problem ? " err" : ""}`}>
        <input id={id} aria-label={label} value={text} placeholder="0 6 * * *" disabled={disabled} onFocus={() => { focused.current = true; }} onBlur={() => { focused.current = false; tell.flush(); }} onChange={(e) => put(e.target.value)} data-testid="nc-cron" />
        <span className="end"><select className="nc-mini" aria-label="Often used" value="" disabled={disabled} onChange={(e) => { if (!e.target.value) return; setText(e.target.value); onChange(e.target.value); }}><option value="">often used</option>{CRONS.map(([cron, words]) => <option key={cron} value={cron}>{words}</option>)}</select></span>
      </div>
      {problem ? <span className="er" role="alert">{problem}</span> : told ? <span className="hint" data-testid="nc-cron-words">{told.words}.{(told.dates || []).length ? <span className="faint"> Next: {told.dates.map((date) => clock(date, { date: true, zone: timezone })).join(", ")}</span> : null}</span> : null}
    </>
  );
}

// A default that is written as a text still is a number or a switch.
function defaultOf({ type, defaults }) {
  if (["BOOLEAN", "BOOL"].includes(type) && /^(true|false)$/i.test(String(defaults))) return String(defaults).toLowerCase() === "true";
  if (["INT", "FLOAT"].includes(type) && String(defaults).trim() && Number.isFinite(Number(defaults))) return Number(defaults);
  return defaults;
}

// What an input of a flow asks for, as the schema of a property.
export function schemaOf(input) {
  const about = { $dynamic: true, description: [input.displayName, input.description].filter(Boolean).join(". ") || undefined, ...(input.defaults !== undefined && input.defaults !== null ? { default: defaultOf(input) } : {}) };
  switch (input.type) {
    case "INT": return { type: "integer", minimum: input.min, maximum: input.max, ...about };
    case "FLOAT": return { type: "number", minimum: input.min, maximum: input.max, ...about };
    case "BOOLEAN": case "BOOL": return { type: "boolean", ...about };
    case "SELECT": case "ENUM": return (input.values || []).length ? { enum: input.values, ...about } : { type: "string", ...about };
    case "MULTISELECT": return { type: "array", items: (input.values || []).length ? { enum: input.values } : { type: "string" }, ...about };
    case "ARRAY": return { type: "array", items: {}, ...about };
    case "DATETIME": return { type: "string", format: "date-time", ...about };
    case "DATE": return { type: "string", format: "date", ...about };
    case "TIME": return { type: "string", format: "time", ...about };
    case "DURATION": return { type: "string", format: "duration", ...about };
    case "JSON": case "YAML": return about;
    case "SECRET": return { type: "string", $secret: true, ...about };
    default: return { type: "string", ...about };
  }
}

// Inputs of the flow that a task names; none while an expression names it.
export function useSubflowInputs(about, { namespace, flowId }) {
  const [inputs, setInputs] = useState([]);
  useEffect(() => {
    let on = true;
    setInputs([]);
    if (namespace && flowId && !/[{}]/.test(`${namespace}${flowId}`)) inputsOf(about().api, namespace, flowId).then((found) => on && setInputs(found), () => {});
    return () => { on = false; };
  }, [namespace, flowId]);
  return inputs;
}
