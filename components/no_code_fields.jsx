// Controls of the no-code form, chosen by the JSON schema of a property. A control gets a value and says what it becomes;
// what it cannot express it shows as YAML.
import { createContext, useContext, useEffect, useId, useMemo, useRef, useState } from "react";
import { Icon, plural, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";
import { useDebounced } from "$/public/external/components/net/net.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { expressionItems, flowsOf, inputsOf, kindOf, namespacesOf, nearest, openExpression, plainInsert, resolve, secretsOf, typesOfKind } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { CronField, InstantField, schemaOf, useSubflowInputs } from "./no_code_inputs.jsx";
import { durationOf, durationWords } from "$/public/external/components/execute_form/input_fields.jsx";

// {definitions, source, put(path, value, order), raw(path, text), remove(path), insert(path, index, value), move(...), open(path), add(path, index), readOnly, about, markersAt(path)}
export const Form = createContext(null);
const isTree = (value) => value !== null && typeof value === "object";
const hasExpression = (value) => typeof value === "string" && /\{\{|\{%/.test(value);
const pathKey = (path) => path.join("/");
const TASK_KINDS = new Set(["task", "trigger"]);
const LONG = /^(script|message|sql|query|body|description|format|content|condition|stdin|prompt|text|template|html|code)$/i;

// ---- what a schema means ---------------------------------------------------------------------------------------
export function shapeOf(schema = {}) {
  const dynamic = Boolean(schema.$dynamic);
  let inner = schema;
  if (schema.anyOf || schema.oneOf) {
    let variants = schema.anyOf || schema.oneOf;
    const bare = (v) => v.type === "string" && !v.enum && !v.format && !v.pattern;
    const rest = variants.filter((v) => !bare(v));
    if (dynamic && rest.length) variants = rest;
    const choice = variants.find((v) => v.enum);
    if (choice && variants.every((v) => v.enum || bare(v))) return { control: "enum", dynamic, values: choice.enum, custom: variants.some(bare), inner: choice };
    if (variants.length === 1) inner = { ...variants[0], description: schema.description, default: schema.default };
    else if (variants.length) {
      const flat = variants.flatMap((v) => v.anyOf || [v]);
      const real = dynamic ? flat.filter((v) => !bare(v)) : flat;
      if (real.length === 1) inner = { ...real[0], description: schema.description, default: schema.default };
      else return { control: "oneof", dynamic, variants: real };
    }
  }
  const kind = kindOf(inner);
  if (kind) return { control: "typed", kind, dynamic, inner };
  if (inner.enum) return { control: "enum", dynamic, values: inner.enum, inner };
  const type = Array.isArray(inner.type) ? (inner.type.includes("string") ? "string" : inner.type[0]) : inner.type;
  if (type === "boolean") return { control: "boolean", dynamic, inner };
  if (type === "integer" || type === "number") return { control: "number", dynamic, inner };
  if (type === "array") {
    const of = kindOf(inner.items);
    return { control: TASK_KINDS.has(of) ? "tasks" : "array", kind: of, dynamic, inner, items: inner.items || {} };
  }
  if (type === "object") {
    if (inner.properties) return { control: "object", dynamic, inner };
    const items = inner.additionalProperties;
    const tasks = items?.type === "array" && TASK_KINDS.has(kindOf(items.items));
    return { control: tasks ? "cases" : "map", dynamic, inner, items: isTree(items) ? items : {}, kind: tasks ? kindOf(items.items) : "" };
  }
  if (type === "string") return { control: inner.format === "duration" ? "duration" : ["date-time", "date", "time"].includes(inner.format) ? "instant" : "text", dynamic, inner };
  return { control: "any", dynamic, inner };
}

const WORD = { boolean: "boolean", number: "number", enum: "enum", array: "list", tasks: "tasks", map: "map", object: "object", cases: "map", duration: "duration", instant: "date-time", text: "string", oneof: "one of", any: "any" };
export const wordOf = (shape) => (shape.control === "typed" ? shape.kind : shape.control === "number" ? (shape.inner.type === "integer" ? "int" : "number") : WORD[shape.control] || "any");

// Whether a control can show a value without losing a part of it.
function fits(shape, value) {
  if (value === undefined || value === null) return true;
  switch (shape.control) {
    case "boolean": return typeof value === "boolean";
    case "number": return typeof value === "number";
    case "text": case "duration": case "instant": case "enum": return !isTree(value);
    case "array": case "tasks": return Array.isArray(value);
    case "map": case "object": case "cases": case "typed": return isTree(value) && !Array.isArray(value);
    default: return true;
  }
}

// ---- text with expressions -------------------------------------------------------------------------------------
const EXPRESSION = /(\{\{.*?\}\}|\{%.*?%\})/gs;
const painted = (text) => String(text).split(EXPRESSION).map((part, i) => (i % 2 ? <span key={i} className="ce">{part}</span> : part));

// A text that grows, shows expressions coloured and completes them; keeps what one types until it is told.
export function TextField({ id, value, onChange, placeholder, mono, expression, multi, error, disabled, list, label, testid }) {
  const own = value === undefined || value === null ? "" : String(value);
  const [text, setText] = useState(own);
  const [menu, setMenu] = useState(null); // {items, at, word}
  const field = useRef(null);
  const form = useContext(Form);
  const focused = useRef(false);
  const sent = useRef(own);
  const tell = useDebounced((next) => { sent.current = next; onChange(next); }, 220);
  useEffect(() => { if (!focused.current || (own !== sent.current && own !== text)) setText(own); sent.current = own; }, [own]);
  useEffect(() => () => tell.flush(), []);
  const help = async (next, caret) => {
    const inside = openExpression(next.slice(0, caret));
    if (inside === null || !form?.about) return setMenu(null);
    const { word, items } = await expressionItems(inside, form.about());
    const shown = items.filter((item) => !word || item.label.toLowerCase().includes(word.toLowerCase())).sort((a, b) => Number(!a.label.toLowerCase().startsWith(word.toLowerCase())) - Number(!b.label.toLowerCase().startsWith(word.toLowerCase()))).slice(0, 60);
    if (field.current && document.activeElement === field.current) setMenu(shown.length && !(shown.length === 1 && shown[0].label === word) ? { items: shown, at: 0, word } : null);
    return undefined;
  };
  const change = (next, caret) => { setText(next); tell(next); help(next, caret); };
  const choose = (item) => {
    const caret = field.current.selectionStart;
    const made = plainInsert(item);
    const next = text.slice(0, caret - menu.word.length) + made + text.slice(caret);
    setText(next);
    tell(next);
    setMenu(null);
    const to = caret - menu.word.length + made.length;
    requestAnimationFrame(() => { field.current?.setSelectionRange(to, to); field.current?.focus(); });
  };
  const keys = (event) => {
    if (menu) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); setMenu({ ...menu, at: (menu.at + (event.key === "ArrowDown" ? 1 : menu.items.length - 1)) % menu.items.length }); return; }
      if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); choose(menu.items[menu.at]); return; }
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); setMenu(null); return; }
    }
    if (event.key === " " && (event.ctrlKey || event.metaKey)) { event.preventDefault(); help(text, event.currentTarget.selectionStart); return; }
    if (event.key === "Enter" && !multi && !event.shiftKey) { event.preventDefault(); tell.flush(); }
  };
  const listId = useId();
  return (
    <div className={`nc-text${error ? " err" : ""}${mono || expression ? " mono" : ""}${disabled ? " off" : ""}`}>
      <div className={`nc-grow${multi ? " multi" : ""}`}>
        <pre aria-hidden="true">{painted(text)}{"\n"}</pre>
        {list && !multi && !hasExpression(text) ? (
          <input id={id} ref={field} aria-label={label} value={text} disabled={disabled} placeholder={placeholder} list={listId} aria-invalid={error || undefined} data-testid={testid} onFocus={() => { focused.current = true; }} onBlur={() => { focused.current = false; tell.flush(); }} onChange={(e) => change(e.target.value, e.target.selectionStart)} onKeyDown={keys} />
        ) : (
          <textarea id={id} ref={field} aria-label={label} rows={1} spellCheck={!mono && !expression} value={text} disabled={disabled} placeholder={placeholder} aria-invalid={error || undefined} aria-autocomplete="list" aria-expanded={menu ? true : undefined} data-testid={testid}
            onFocus={() => { focused.current = true; }} onBlur={() => { focused.current = false; tell.flush(); setTimeout(() => setMenu(null), 150); }} onChange={(e) => change(e.target.value, e.target.selectionStart)} onKeyDown={keys} />
        )}
        {list ? <datalist id={listId}>{list.map((one) => <option key={one} value={one} />)}</datalist> : null}
      </div>
      {menu ? (
        <div className="pop nc-sug" role="listbox" aria-label="Suggestions">
          {menu.items.map((item, i) => (
            <button key={item.label} type="button" role="option" aria-selected={i === menu.at} tabIndex={-1} className={i === menu.at ? "on" : ""} title={item.doc || ""} ref={(el) => i === menu.at && el?.scrollIntoView({ block: "nearest" })} onMouseDown={(e) => { e.preventDefault(); choose(item); }}>
              <b>{item.label}</b><span>{item.detail}</span>
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

// YAML behind a key, for what no control expresses (UI-ED-34).
export function YamlField({ path, label }) {
  const form = useContext(Form);
  const own = useMemo(() => Y.rawAt(form.source, path), [form.source, pathKey(path)]);
  const [text, setText] = useState(own);
  const [problem, setProblem] = useState("");
  const focused = useRef(false);
  useEffect(() => { if (!focused.current) setText(own); }, [own]);
  const tell = useDebounced((next) => setProblem(form.raw(path, next) || ""), 400);
  return (
    <div className="col g4">
      <div className={`nc-text mono${problem ? " err" : ""}${form.readOnly ? " off" : ""}`}>
        <div className="nc-grow multi">
          <pre aria-hidden="true">{painted(text)}{"\n"}</pre>
          <textarea rows={1} spellCheck={false} aria-label={`${label} as YAML`} value={text} disabled={form.readOnly} onFocus={() => { focused.current = true; }} onBlur={() => { focused.current = false; tell.flush(); }} onChange={(e) => { setText(e.target.value); tell(e.target.value); }} />
        </div>
      </div>
      {problem ? <span className="er" role="alert">{problem}</span> : <span className="hint">Written as YAML.</span>}
    </div>
  );
}

// ---- one property ----------------------------------------------------------------------------------------------
const short = (value) => { const text = typeof value === "string" ? value : JSON.stringify(value); return text.length > 40 ? `${text.slice(0, 40)}…` : text; };

export function Property({ name, schema, path, required, value, order, place }) {
  const form = useContext(Form);
  const shape = useMemo(() => shapeOf(schema), [schema]);
  const id = useId();
  const [wish, setWish] = useState(null); // "value" or "expression", as the user last said
  const asText = shape.control === "text";
  const expression = shape.dynamic && !asText && (wish ? wish === "expression" : hasExpression(value));
  const marks = form.markersAt(path);
  const bad = marks.find((m) => m.severity === "error");
  const put = (next) => form.put(path, next === "" && !required ? undefined : next, order);
  const strange = value !== undefined && !expression && !fits(shape, value);
  const set = value !== undefined;
  const toggles = shape.dynamic && !["any"].includes(shape.control);
  const wide = ["object", "typed", "array", "tasks", "map", "cases", "oneof", "any"].includes(shape.control) || (typeof value === "string" && (value.includes("\n") || value.length > 60)) || LONG.test(name);
  const secret = schema.$secret || (asText && /password|token|secret|apiKey|accessKey/i.test(name));
  return (
    <div className={`fld nc-prop${wide ? " w2" : ""}${bad ? " bad" : ""}`} data-testid={`nc-prop-${name}`}>
      <div className="lb">
        <label htmlFor={id} className="mono med">{name}</label>
        {required ? <span className="req" title="Required">*</span> : null}
        {schema.$deprecated ? <span className="xs fgs warn" title={schema.deprecationMessage}>deprecated</span> : null}
        <span className="ty">{wordOf(shape)}</span>
        {secret && !form.readOnly ? <SecretPick onPick={(key) => put(`{{ secret('${key}') }}`)} /> : null}
        {toggles && !asText ? <span className="vx" role="group" aria-label="Kind of value">{["value", "expression"].map((one) => <button key={one} type="button" disabled={form.readOnly} className={(one === "expression") === expression ? "on" : ""} aria-pressed={(one === "expression") === expression} onClick={() => { setWish(one); if (one === "value" && hasExpression(value)) form.put(path, undefined, order); }}>{one === "value" ? "value" : "{{ }}"}</button>)}</span> : null}
        {asText && shape.dynamic ? <span className="vx"><i className={hasExpression(value) ? "" : "on"}>value</i><i className={hasExpression(value) ? "on" : ""}>{"{{ }}"}</i></span> : null}
        {set && !required && !form.readOnly ? <button type="button" className="ib nc-clear" aria-label={`Clear ${name}`} title="Clear" onClick={() => form.remove(path)}><Icon name="x" size={12} /></button> : null}
      </div>
      {strange ? <YamlField path={path} label={name} />
        : expression ? <TextField id={id} value={isTree(value) ? "" : value} expression onChange={put} placeholder="{{ }}" error={Boolean(bad)} disabled={form.readOnly} label={name} />
          : <Control id={id} name={name} shape={shape} schema={schema} path={path} value={value} put={put} required={required} error={Boolean(bad)} place={place} />}
      {bad ? <span className="er" role="alert"><Icon name="circle-alert" size={12} />{bad.message}</span> : schema.description ? <span className="hint">{schema.description.split("\n")[0]}{schema.default !== undefined && !set ? <span className="faint"> Default {short(schema.default)}.</span> : null}</span> : null}
    </div>
  );
}

function SecretPick({ onPick }) {
  const form = useContext(Form);
  const [keys, setKeys] = useState(null);
  const load = async () => { const { api, namespace } = form.about(); setKeys(await secretsOf(api, namespace)); };
  return (
    <select className="nc-mini" aria-label="Use a secret" value="" onFocus={() => keys || load()} onPointerDown={() => keys || load()} onChange={(e) => e.target.value && onPick(e.target.value)}>
      <option value="">secret</option>
      {(keys || []).map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
    </select>
  );
}

function useNames(load, keys) {
  const [names, setNames] = useState([]);
  useEffect(() => { let on = true; load().then((found) => on && setNames(found.map((one) => one.name || one))); return () => { on = false; }; }, keys);
  return names;
}

function Control({ id, name, shape, schema, path, value, put, required, error, place }) {
  const form = useContext(Form);
  const off = form.readOnly;
  switch (shape.control) {
    case "boolean": {
      const on = value ?? schema.default ?? shape.inner.default ?? false;
      return <label className="swl"><span className={`sw${on ? " on" : ""}${value === undefined ? " unset" : ""}`} /><input id={id} type="checkbox" role="switch" checked={Boolean(on)} disabled={off} onChange={(e) => put(e.target.checked)} />{on ? "Yes" : "No"}{value === undefined ? <span className="faint"> (default)</span> : null}</label>;
    }
    case "number": {
      const { minimum, maximum } = shape.inner;
      return <NumberField id={id} value={value} whole={shape.inner.type === "integer"} min={minimum} max={maximum} placeholder={schema.default !== undefined ? String(schema.default) : "not set"} onChange={put} error={error} disabled={off} />;
    }
    case "enum":
      if (shape.custom) return <TextField id={id} value={value} list={shape.values} onChange={put} placeholder={schema.default ?? "not set"} error={error} disabled={off} label={name} />;
      return <div className={`inp${error ? " err" : ""}`}><select id={id} value={value ?? ""} disabled={off} onChange={(e) => put(e.target.value)}>{required && value !== undefined ? null : <option value="">{schema.default !== undefined ? `${schema.default} (default)` : "not set"}</option>}{shape.values.concat(value !== undefined && !shape.values.includes(value) ? [value] : []).map((one) => <option key={one} value={one}>{one}</option>)}</select><span className="end"><Icon name="chevron-down" /></span></div>;
    case "duration": return <DurationField id={id} value={value} label={name} onChange={put} placeholder={schema.default ?? "PT5M or 5m"} error={error} disabled={off} />;
    case "instant": return <InstantField id={id} value={value} format={shape.inner.format} onChange={put} error={error} disabled={off} label={name} />;
    case "typed": return <TypedField shape={shape} path={path} value={value} name={name} />;
    case "object": return isTree(value) ? <Nested path={path} schema={shape.inner} value={value} name={name} /> : <button type="button" className="btn s" disabled={off} onClick={() => put(seed(shape.inner, form.definitions))}><Icon name="plus" />Set {name}</button>;
    case "array": return <ArrayField path={path} items={shape.items} value={value || []} name={name} />;
    case "tasks": return <TaskListField path={path} kind={shape.kind} value={value || []} />;
    case "cases": return <CasesField path={path} value={value || {}} kind={shape.kind} />;
    case "map": return name === "inputs" && typeof place?.flowId === "string" ? <SubflowInputs value={place} path={path.slice(0, -1)} name={place.flowId} /> : <MapField path={path} items={shape.items} value={value || {}} name={name} />;
    case "oneof": return <OneOf shape={shape} path={path} value={value} name={name} put={put} />;
    case "text": return <PlainText id={id} name={name} shape={shape} schema={schema} value={value} put={put} error={error} place={place} />;
    default: return isTree(value) || (typeof value === "string" && value.includes("\n")) ? <YamlField path={path} label={name} /> : <AnyField id={id} value={value} put={put} error={error} disabled={off} path={path} name={name} />;
  }
}

// A value of any kind that is a scalar: typed as it stands.
function AnyField({ id, value, put, error, disabled, name }) {
  return <TextField id={id} value={value} mono onChange={(text) => put(scalarOf(text, value))} error={error} disabled={disabled} placeholder="not set" label={name} />;
}
const scalarOf = (text, old) => (typeof old === "number" && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : typeof old === "boolean" && /^(true|false)$/.test(text) ? text === "true" : text);

function PlainText({ id, name, shape, schema, value, put, error, place }) {
  const form = useContext(Form);
  const about = form.about();
  const wants = name === "namespace" ? "namespace" : name === "flowId" ? "flow" : "";
  const names = useNames(() => (wants === "namespace" ? namespacesOf(about.api) : wants === "flow" ? flowsOf(about.api, place?.namespace || about.namespace) : Promise.resolve([])), [wants, place?.namespace]);
  const locked = form.locked?.(name, place);
  if (name === "cron" && !hasExpression(value)) return <CronField id={id} value={value} onChange={put} about={form.about} timezone={typeof place?.timezone === "string" && !hasExpression(place.timezone) ? place.timezone : ""} withSeconds={place?.withSeconds === true} error={error} disabled={form.readOnly} label={name} />;
  return (
    <>
      <TextField id={id} value={value} list={names.length ? names : undefined} multi={(typeof value === "string" && value.includes("\n")) || LONG.test(name)} mono={name === "cron" || /script|sql|query|command/i.test(name)} onChange={put} placeholder={schema.default !== undefined ? String(schema.default) : ""} error={error} disabled={form.readOnly || locked} label={name} testid={`nc-input-${name}`} />
      {locked ? <span className="hint row g4"><Icon name="key-round" size={12} />It cannot change in an existing flow.</span> : null}
    </>
  );
}

function NumberField({ id, value, whole, min, max, placeholder, onChange, error, disabled }) {
  const [text, setText] = useState(value ?? "");
  const focused = useRef(false);
  useEffect(() => { if (!focused.current) setText(value ?? ""); }, [value]);
  const tell = useDebounced((next) => { if (next === "") onChange(""); else if (Number.isFinite(Number(next)) && (!whole || Number.isInteger(Number(next)))) onChange(Number(next)); }, 220);
  const n = Number(text);
  const wrong = text !== "" && (!Number.isFinite(n) || (whole && !Number.isInteger(n)) ? "A number." : min !== undefined && n < min ? `At least ${min}.` : max !== undefined && n > max ? `At most ${max}.` : "");
  const range = min !== undefined && max !== undefined ? `${min} to ${max}` : min !== undefined ? `from ${min}` : max !== undefined ? `up to ${max}` : "";
  return (
    <>
      <div className={`inp${error || wrong ? " err" : ""}`}><input id={id} inputMode={whole ? "numeric" : "decimal"} value={text} placeholder={placeholder} disabled={disabled} aria-invalid={Boolean(wrong) || undefined} onFocus={() => { focused.current = true; }} onBlur={() => { focused.current = false; tell.flush(); }} onChange={(e) => { setText(e.target.value); tell(e.target.value.trim()); }} />{range ? <span className="end">{range}</span> : null}</div>
      {wrong ? <span className="er">{wrong}</span> : null}
    </>
  );
}

function DurationField({ id, value, label, onChange, placeholder, error, disabled }) {
  const [text, setText] = useState(value ?? "");
  const focused = useRef(false);
  useEffect(() => { if (!focused.current) setText(value ?? ""); }, [value]);
  const listId = useId();
  const done = () => { focused.current = false; const iso = durationOf(String(text)); setText(iso); if (iso !== (value ?? "")) onChange(iso); };
  return <div className={`inp mono${error ? " err" : ""}`}><input id={id} aria-label={label} list={listId} value={text} placeholder={placeholder} disabled={disabled} onFocus={() => { focused.current = true; }} onBlur={done} onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); done(); } }} onChange={(e) => setText(e.target.value)} /><datalist id={listId}>{["PT30S", "PT1M", "PT5M", "PT15M", "PT1H", "PT12H", "P1D", "P7D"].map((one) => <option key={one} value={one}>{durationWords(one)}</option>)}</datalist><span className="end">{durationWords(durationOf(String(text)))}</span></div>;
}

// What a new object begins with: its required properties, and the type where there is but one.
export function seed(schema, definitions, type) {
  const found = resolve(schema, definitions, type ? { type } : undefined);
  const out = type ? { type } : {};
  for (const key of found.required || []) {
    if (key in out) continue;
    const property = found.properties?.[key] || {};
    const shape = shapeOf(property);
    if (property.default !== undefined) out[key] = property.default;
    else if (shape.control === "enum") [out[key]] = shape.values;
    else if (shape.control === "array" || shape.control === "tasks") out[key] = [];
    else if (["map", "object", "cases"].includes(shape.control)) out[key] = {};
    else if (shape.control === "boolean") out[key] = false;
    else if (shape.control === "number") out[key] = shape.inner.minimum ?? 0;
    else out[key] = "";
  }
  return out;
}

// ---- objects ---------------------------------------------------------------------------------------------------
function TypedField({ shape, path, value, name }) {
  const form = useContext(Form);
  const kinds = useMemo(() => typesOfKind(form.definitions, shape.kind), [form.definitions, shape.kind]);
  if (TASK_KINDS.has(shape.kind)) {
    return isTree(value) ? <ElementRow path={path} value={value} /> : <button type="button" className="btn s" disabled={form.readOnly} onClick={() => form.add(path, null, shape.kind)}><Icon name="plus" />Choose</button>;
  }
  const choose = (type) => (type ? form.put(path, { ...seed({ $ref: `#/definitions/${shape.kind}` }, form.definitions, type), ...(isTree(value) ? Object.fromEntries(Object.entries(value).filter(([k]) => k !== "type" && form.definitions[`${shape.kind}:${type}`]?.properties?.[k])) : {}), type }) : form.remove(path));
  return (
    <div className="nc-obj">
      <div className="inp"><select aria-label={`Type of ${name}`} value={value?.type || ""} disabled={form.readOnly} onChange={(e) => choose(e.target.value)}><option value="">not set</option>{kinds.map((one) => <option key={one.type} value={one.type}>{one.type.split(".").pop()}</option>)}{value?.type && !kinds.some((k) => k.type === value.type) ? <option value={value.type}>{value.type}</option> : null}</select><span className="end"><Icon name="chevron-down" /></span></div>
      {isTree(value) ? <Nested path={path} schema={{ $ref: `#/definitions/${shape.kind}` }} value={value} name={name} hide={["type"]} /> : null}
    </div>
  );
}

export function Nested({ path, schema, value, name, hide = [] }) {
  const form = useContext(Form);
  const found = useMemo(() => resolve(schema, form.definitions, value), [schema, form.definitions, value?.type]);
  return <div className="nc-sub"><Properties path={path} found={found} value={value} hide={hide} name={name} /></div>;
}

// Groups of a form: what is required or set stands open, the rest in folds by group.
export function Properties({ path, found, value, hide = [], name, top = false }) {
  const form = useContext(Form);
  const [open, setOpen] = useState({});
  const properties = Object.entries(found.properties || {}).filter(([key]) => !hide.includes(key));
  const required = new Set(found.required || []);
  const order = Object.keys(found.properties || {});
  const isSet = (key) => value && Object.prototype.hasOwnProperty.call(value, key);
  const own = properties.filter(([key, s]) => !s.$deprecated && (!s.$group || s.$group === "main"));
  const few = own.length <= 5;
  const shown = properties.filter(([key, s]) => required.has(key) || isSet(key) || (key === "inputs" && typeof value?.flowId === "string") || (few && own.some(([k]) => k === key)));
  shown.sort(([a], [b]) => Number(!required.has(a)) - Number(!required.has(b)));
  const rest = properties.filter(([key]) => !shown.some(([k]) => k === key));
  const groups = [["More properties", rest.filter(([, s]) => !s.$deprecated && (!s.$group || s.$group === "main"))], ["Reliability", rest.filter(([, s]) => !s.$deprecated && s.$group === "reliability")], ["Core", rest.filter(([, s]) => !s.$deprecated && s.$group === "core")], ["Advanced", rest.filter(([, s]) => !s.$deprecated && s.$group && !["core", "main", "reliability"].includes(s.$group))], ["Deprecated", rest.filter(([, s]) => s.$deprecated)]].filter(([, list]) => list.length);
  const unknown = value && found.additionalProperties !== true && !found.unknown ? Object.keys(value).filter((key) => !hide.includes(key) && !(key in (found.properties || {}))) : [];
  const one = ([key, s]) => <Property key={key} name={key} schema={s} path={[...path, key]} required={required.has(key)} value={value?.[key]} order={order} place={value} />;
  return (
    <>
      <div className="nc-grid">{shown.map(one)}</div>
      {found.unknown ? Object.keys(value).filter((key) => !hide.includes(key) && !(key in (found.properties || {}))).map((key) => <div className="fld w2" key={key}><div className="lb"><span className="mono med">{key}</span></div><YamlField path={[...path, key]} label={key} /></div>) : null}
      {unknown.map((key) => {
        const near = nearest(key, order.filter((k) => !isSet(k)), 4);
        return (
          <div className="nc-unk" key={key} role="alert">
            <Icon name="circle-alert" /><span>Not a property of {name}:</span><code className="mono ell">{key}: {short(value[key] ?? "")}</code><span className="grow" />
            {near && !form.readOnly ? <button type="button" className="btn s" onClick={() => form.renameKey(path, key, near)}>Move to {near}</button> : null}
            {form.readOnly ? null : <button type="button" className="btn s gho" onClick={() => form.remove([...path, key])}>Remove</button>}
          </div>
        );
      })}
      {groups.map(([title, list]) => (
        <div className={`nc-fold${open[title] ? " open" : ""}`} key={title}>
          <button type="button" className="nc-foldh" aria-expanded={Boolean(open[title])} onClick={() => setOpen({ ...open, [title]: !open[title] })} data-testid={top ? `nc-group-${title.split(" ")[0].toLowerCase()}` : undefined}>
            <Icon name={open[title] ? "chevron-down" : "chevron-right"} /><b className="med">{title}</b><span className="mut sm ell">{list.slice(0, 4).map(([key]) => key).join(", ")}{list.length > 4 ? `, ${list.length - 4} more` : ""}</span>
          </button>
          {open[title] ? <div className="nc-grid in">{list.map(one)}</div> : null}
        </div>
      ))}
    </>
  );
}

function OneOf({ shape, path, value, name, put }) {
  const form = useContext(Form);
  const named = shape.variants.map((variant) => ({ variant, shape: shapeOf(variant) }));
  const fit = named.findIndex((one) => value !== undefined && fits(one.shape, value) && (Array.isArray(value) === ["array", "tasks"].includes(one.shape.control)));
  const [chosen, setChosen] = useState(Math.max(0, fit));
  const at = value !== undefined && fit >= 0 ? fit : chosen;
  const empty = { array: [], tasks: [], map: {}, object: {}, text: "", boolean: false };
  return (
    <div className="col g6">
      <span className="seg nc-one" role="group" aria-label={`Form of ${name}`}>{named.map((one, i) => <button key={i} type="button" disabled={form.readOnly} className={i === at ? "on" : ""} aria-pressed={i === at} onClick={() => { setChosen(i); if (value !== undefined && i !== at) put(empty[one.shape.control] === "" ? undefined : empty[one.shape.control]); }}>{wordOf(one.shape)}</button>)}</span>
      {value !== undefined && fit < 0 ? <YamlField path={path} label={name} /> : <Control name={name} shape={named[at].shape} schema={named[at].variant} path={path} value={value} put={put} />}
    </div>
  );
}

// ---- lists and maps --------------------------------------------------------------------------------------------
function useDrag(onMove) {
  const [drag, setDrag] = useState(null);
  const row = (i) => ({
    onDragOver: (e) => { if (drag === null) return; e.preventDefault(); e.stopPropagation(); const box = e.currentTarget.getBoundingClientRect(); setDrag((old) => (old ? { ...old, to: e.clientY > box.top + box.height / 2 ? i + 1 : i } : old)); },
    onDrop: (e) => { if (drag === null) return; e.preventDefault(); e.stopPropagation(); if (drag.to !== undefined) onMove(drag.from, drag.to); setDrag(null); },
  });
  const handle = (i) => ({ draggable: true, onDragStart: (e) => { e.stopPropagation(); e.dataTransfer.effectAllowed = "move"; e.dataTransfer.setData("text/plain", String(i)); setTimeout(() => setDrag({ from: i }), 0); }, onDragEnd: () => setDrag(null) });
  return { drag, row, handle };
}

export const Grip = (props) => <span className="nc-grip" aria-hidden="true" {...props}><svg width="10" height="14" viewBox="0 0 10 14"><g fill="currentColor">{[2, 7, 12].flatMap((y) => [2.5, 7.5].map((x) => <circle key={`${x}${y}`} cx={x} cy={y} r="1.1" />))}</g></svg></span>;

function ArrayField({ path, items, value, name }) {
  const form = useContext(Form);
  const shape = shapeOf(items);
  const scalar = ["text", "any", "enum", "number", "duration", "instant", "boolean"].includes(shape.control);
  const [open, setOpen] = useState(-1);
  const { drag, row, handle } = useDrag((from, to) => form.move(path, from, path, to));
  const fresh = () => (shape.control === "number" ? 0 : shape.control === "enum" ? shape.values[0] : scalar ? "" : shape.control === "typed" ? seed(items, form.definitions, typesOfKind(form.definitions, shape.kind)[0]?.type) : seed(shape.inner || items, form.definitions));
  const step = (i, by) => (e) => { if (!e.altKey || !["ArrowUp", "ArrowDown"].includes(e.key)) return; e.preventDefault(); const to = i + (e.key === "ArrowDown" ? 2 : -1); if (to >= 0 && to <= value.length) form.move(path, i, path, to); };
  return (
    <div className="nc-rows">
      {value.map((one, i) => (
        <div key={i} className={`nc-item${drag?.to === i ? " before" : drag?.to === i + 1 && i === value.length - 1 ? " after" : ""}`} {...row(i)} onKeyDown={step(i)}>
          {form.readOnly ? null : <Grip {...handle(i)} />}
          {scalar && !isTree(one) ? (
            <div className="grow">{shape.control === "enum" ? <div className="inp"><select aria-label={`${name} ${i + 1}`} value={one} disabled={form.readOnly} onChange={(e) => form.put([...path, i], e.target.value)}>{[...new Set([...shape.values, one])].map((v) => <option key={v}>{v}</option>)}</select></div> : <TextField value={one} mono={shape.control !== "text"} multi={typeof one === "string" && one.includes("\n")} label={`${name} ${i + 1}`} disabled={form.readOnly} onChange={(text) => form.put([...path, i], scalarOf(text, one))} />}</div>
          ) : isTree(one) && !Array.isArray(one) && (shape.control === "object" || shape.control === "typed") ? (
            <div className="grow nc-box">
              <button type="button" className="nc-foldh" aria-expanded={open === i} onClick={() => setOpen(open === i ? -1 : i)}><Icon name={open === i ? "chevron-down" : "chevron-right"} /><span className="ell">{short(one.id || one.key || one.type || one)}</span></button>
              {open === i ? <Nested path={[...path, i]} schema={shape.control === "typed" ? items : shape.inner} value={one} name={name} /> : null}
            </div>
          ) : isTree(one) && shape.control === "map" ? <div className="grow"><MapField path={[...path, i]} items={shape.items} value={one} name={name} /></div>
            : <div className="grow"><YamlField path={[...path, i]} label={`${name} ${i + 1}`} /></div>}
          {form.readOnly ? null : <button type="button" className="ib" aria-label={`Remove ${name} ${i + 1}`} onClick={() => form.remove([...path, i])}><Icon name="x" /></button>}
        </div>
      ))}
      {form.readOnly ? null : <button type="button" className="btn s gho nc-add" onClick={() => { form.insert(path, value.length, fresh()); setOpen(value.length); }} data-testid={`nc-add-${name}`}><Icon name="plus" />Add to {name}</button>}
    </div>
  );
}

export function MapField({ path, items, value, name }) {
  const form = useContext(Form);
  const [draft, setDraft] = useState(null);
  const entries = Object.entries(value);
  return (
    <div className="nc-rows">
      {entries.map(([key, one], i) => (
        <div key={i} className="nc-pair">
          <TextField value={key} mono label={`Key ${i + 1} of ${name}`} disabled={form.readOnly} onChange={(next) => next && next !== key && form.renameKey(path, key, next)} />
          {isTree(one) ? <YamlField path={[...path, key]} label={key} /> : <TextField value={one} multi={typeof one === "string" && one.includes("\n")} label={key} disabled={form.readOnly} onChange={(text) => form.put([...path, key], scalarOf(text, one))} />}
          {form.readOnly ? <span /> : <button type="button" className="ib" aria-label={`Remove ${key}`} onClick={() => form.remove([...path, key])}><Icon name="x" /></button>}
        </div>
      ))}
      {draft !== null ? (
        <div className="nc-pair">
          <div className="inp mono"><input autoFocus aria-label={`New key of ${name}`} value={draft} placeholder="key" onChange={(e) => setDraft(e.target.value)} onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); e.currentTarget.blur(); } if (e.key === "Escape") setDraft(null); }} onBlur={() => { const key = draft.trim(); setDraft(null); if (key && !(key in value)) form.put([...path, key], ""); }} data-testid={`nc-key-${name}`} /></div>
          <span className="hint">Then its value</span><span />
        </div>
      ) : null}
      {form.readOnly ? null : <button type="button" className="btn s gho nc-add" onClick={() => setDraft("")} data-testid={`nc-add-${name}`}><Icon name="plus" />Add to {name}</button>}
    </div>
  );
}

function CasesField({ path, value, kind }) {
  const form = useContext(Form);
  const [draft, setDraft] = useState(null);
  return (
    <div className="col g8">
      {Object.entries(value).map(([key, list]) => (
        <div key={key} className="nc-box">
          <div className="nc-foldh"><b className="mono med">{key}</b><span className="grow" />{form.readOnly ? null : <button type="button" className="ib" aria-label={`Remove case ${key}`} onClick={() => form.remove([...path, key])}><Icon name="x" /></button>}</div>
          <TaskListField path={[...path, key]} kind={kind} value={Array.isArray(list) ? list : []} />
        </div>
      ))}
      {draft !== null ? <div className="inp mono"><input autoFocus aria-label="New case" placeholder="case" value={draft} onChange={(e) => setDraft(e.target.value)} onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); const key = draft.trim(); setDraft(null); if (key && !(key in value)) form.add([...path, key], 0, kind); } if (e.key === "Escape") setDraft(null); }} onBlur={() => setDraft(null)} /></div> : null}
      {form.readOnly ? null : <button type="button" className="btn s gho nc-add" onClick={() => setDraft("")}><Icon name="plus" />Add a case</button>}
    </div>
  );
}

export function ElementRow({ path, value }) {
  const form = useContext(Form);
  return <button type="button" className="nc-el" onClick={() => form.open(path)}><Icon name={typeIcon(value.type)} /><span className="mono ell">{value.id || "no id"}</span><span className="faint sm ell">{String(value.type || "").split(".").pop()}</span><span className="grow" /><Icon name="chevron-right" /></button>;
}

function TaskListField({ path, kind, value }) {
  const form = useContext(Form);
  const { drag, row, handle } = useDrag((from, to) => form.move(path, from, path, to));
  return (
    <div className="nc-rows">
      {value.map((one, i) => {
        const wrapped = isTree(one) && isTree(one.task) && !one.type;
        return (
          <div key={i} className={`nc-item${drag?.to === i ? " before" : drag?.to === i + 1 && i === value.length - 1 ? " after" : ""}`} {...row(i)}>
            {form.readOnly ? null : <Grip {...handle(i)} />}
            <div className="grow">{isTree(one) ? <ElementRow path={wrapped ? [...path, i, "task"] : [...path, i]} value={wrapped ? one.task : one} /> : <YamlField path={[...path, i]} label={`task ${i + 1}`} />}</div>
            {form.readOnly ? null : <button type="button" className="ib" aria-label={`Delete ${one?.id || "task"}`} onClick={() => form.remove([...path, i])}><Icon name="x" /></button>}
          </div>
        );
      })}
      {form.readOnly ? null : <button type="button" className="btn s gho nc-add" onClick={() => form.add(path, value.length, kind)}><Icon name="plus" />Add {kind === "trigger" ? "a trigger" : "a task"}</button>}
    </div>
  );
}

// The inputs of the flow that a subflow task starts, each with the control of its type (UI-ED-32); what else stands
// there stays a map.
export function SubflowInputs({ value, path, name }) {
  const form = useContext(Form);
  const inputs = useSubflowInputs(form.about, value);
  const given = isTree(value.inputs) && !Array.isArray(value.inputs) ? value.inputs : {};
  const at = [...path, "inputs"];
  const known = new Set(inputs.map((one) => String(one.id)));
  const others = Object.fromEntries(Object.entries(given).filter(([key]) => !known.has(key)));
  const strange = value.inputs !== undefined && !isTree(value.inputs);
  if (strange) return <YamlField path={at} label="inputs" />;
  if (!inputs.length) return <MapField path={at} items={{}} value={given} name="inputs" />;
  return (
    <div className="nc-sub" data-testid="nc-subflow-inputs">
      <p className="mut sm">{name} takes {plural(inputs.length, "input")}.</p>
      <div className="nc-grid">{inputs.map((one) => <Property key={one.id} name={String(one.id)} schema={schemaOf(one)} path={[...at, String(one.id)]} required={one.required !== false && (one.defaults === undefined || one.defaults === null)} value={given[one.id]} order={inputs.map((x) => String(x.id))} />)}</div>
      {Object.keys(others).length ? <MapField path={at} items={{}} value={others} name="inputs" /> : null}
    </div>
  );
}
