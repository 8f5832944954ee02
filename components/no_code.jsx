// The no-code panel: forms over the YAML of the editor. Each change is one small edit of the text (UI-ED-30 to UI-ED-34).
import { useEffect, useMemo, useRef, useState } from "react";
import Trash2 from "lucide-react/dist/esm/icons/trash-2.mjs";
import ListTree from "lucide-react/dist/esm/icons/list-tree.mjs";
import LogIn from "lucide-react/dist/esm/icons/log-in.mjs";
import LogOut from "lucide-react/dist/esm/icons/log-out.mjs";
import Timer from "lucide-react/dist/esm/icons/timer.mjs";
import Variable from "lucide-react/dist/esm/icons/variable.mjs";
import Tag from "lucide-react/dist/esm/icons/tag.mjs";
import Gauge from "lucide-react/dist/esm/icons/gauge.mjs";
import Sliders from "lucide-react/dist/esm/icons/sliders-horizontal.mjs";
import ShieldCheck from "lucide-react/dist/esm/icons/shield-check.mjs";
import Server from "lucide-react/dist/esm/icons/server.mjs";
import { Icon, plural, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";
import { Popover, MenuItem } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { documentOf, edit, reveal, sourceOf, undo, useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { loadSchema, resolve } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { typesOf } from "$/public/external/components/yaml_editor/yaml_help.jsx";
import { Form, Grip, MapField, Nested, Properties, YamlField, seed, shapeOf } from "./no_code_fields.jsx";
import { Catalogue } from "./no_code_catalogue.jsx";
import "./no_code.css";

const BASICS = ["id", "namespace", "description", "disabled"];
const TREES = new Set(["tasks", "errors", "finally", "afterExecution"]);
const SECTIONS = [
  ["basics", "Basics", "info"], ["inputs", "Inputs", LogIn], ["tasks", "Tasks", ListTree], ["triggers", "Triggers", Timer], ["errors", "Errors", "triangle-alert"], ["finally", "Finally", "flag"], ["afterExecution", "After execution", "check"],
  ["outputs", "Outputs", LogOut], ["variables", "Variables", Variable], ["labels", "Labels", Tag], ["concurrency", "Concurrency", Gauge], ["pluginDefaults", "Plugin defaults", Sliders], ["retry", "Retry", "refresh-cw"], ["sla", "SLA", "clock"], ["checks", "Checks", ShieldCheck], ["workerGroup", "Worker group", Server],
];
const KINDS = { inputs: "input", tasks: "task", errors: "task", finally: "task", afterExecution: "task", triggers: "trigger" };
const ONE = { inputs: "input", tasks: "task", errors: "task", finally: "task", afterExecution: "task", triggers: "trigger", outputs: "output", pluginDefaults: "plugin default", sla: "SLA", checks: "check" };
const ADD = { inputs: "Add input", tasks: "Add task", errors: "Add task", finally: "Add task", afterExecution: "Add task", triggers: "Add trigger", outputs: "Add output", pluginDefaults: "Add plugin default", sla: "Add SLA", checks: "Add check" };
const Glyph = ({ icon: Shape }) => (typeof Shape === "string" ? <Icon name={Shape} /> : <Shape size={14} strokeWidth={1.75} aria-hidden="true" />);
const isTree = (value) => value !== null && typeof value === "object";
const key = (path) => path.join("/");
const startsWith = (path, part) => part.length <= path.length && part.every((x, i) => x === path[i]);

// The path of the element (task, trigger, input …) that a path lies in.
function elementOf(path, flow) {
  const tasks = new Set(Y.tasksOf(flow).map((t) => key(t.path)));
  for (let n = path.length; n > 0; n -= 1) {
    const part = path.slice(0, n);
    if (tasks.has(key(part))) return part;
    if (n === 2 && typeof part[1] === "number" && part[0] in ONE) return part;
  }
  return null;
}

const markPath = (path) => String(path || "").replace(/\[(\d+)\]/g, ".$1").split(".").filter(Boolean).map((p) => (/^\d+$/.test(p) ? Number(p) : p));

export function NoCode({ docUri, schemaUrl, api, existing = false, playground = false, onType, onRun }) {
  const doc = useDocument(docUri, { cursor: true });
  const [definitions, setDefinitions] = useState(null);
  const [schema, setSchema] = useState(null);
  const [failed, setFailed] = useState(null);
  const [section, setSection] = useState("tasks");
  const [path, setPath] = useState(null); // the open element
  const [adding, setAdding] = useState(null); // {path, index, kind}
  const [find, setFind] = useState("");
  const [width, setWidth] = useState(1000);
  const host = useRef(null);
  const held = useRef({});
  held.current = { onType, onRun };
  const types = useMemo(() => (schema ? typesOf(schema) : new Map()), [schema]);
  useEffect(() => { loadSchema(schemaUrl).then((found) => { setSchema(found); setDefinitions(found.definitions || {}); }, setFailed); }, [schemaUrl]);
  useEffect(() => { const o = new ResizeObserver(([e]) => setWidth(e.contentRect.width)); o.observe(host.current); return () => o.disconnect(); }, []);

  const { source } = doc;
  const flow = useMemo(() => (source ? Y.valueOf(source) : {}), [source]);
  const readOnly = doc.readOnly || Boolean(doc.error);

  // The cursor of the code chooses the element, while one works there.
  const line = doc.cursor.focus ? doc.cursor.line : 0;
  useEffect(() => {
    if (!line || !source || doc.error) return;
    const at = Y.pathAtLine(source, line);
    const element = elementOf(at, flow);
    if (element) { setPath(element); setSection(element[0]); }
    else if (at.length) { setPath(null); setSection(SECTIONS.some(([s]) => s === at[0]) ? at[0] : "basics"); }
  }, [line]);
  const value = path && source ? Y.valueAt(source, path) : undefined;
  useEffect(() => { if (path && source && !isTree(value)) setPath(null); }, [source]);
  useEffect(() => { if (isTree(value) && value.type && String(value.type).includes(".")) held.current.onType?.(String(value.type)); }, [value?.type]);

  // ---- edits: against the newest text, proven before they reach it ----
  const act = (make, { path: at, wanted, place } = {}) => {
    const now = sourceOf(docUri);
    if (now.error || documentOf(docUri).editor?.readOnly()) return;
    try {
      const edits = make(now);
      if (!edits.length) return;
      if (!Y.holds(now, edits, at || [], wanted)) throw new Error("This text is written in a way that the form cannot edit safely. Change it in the code.");
      edit(docUri, edits, place);
    } catch (error) {
      toast({ level: "warning", title: "Not changed", text: error.message });
    }
  };
  const form = {
    definitions: definitions || {}, source, readOnly,
    about: () => ({ flow, types, api, namespace: String(flow.namespace || ""), flowId: String(flow.id || "") }),
    locked: (name, place) => existing && place === flow && (name === "id" || name === "namespace"),
    markersAt: (at) => doc.markers.filter((m) => { const p = markPath(m.path); return m.path ? key(p) === key(at) : false; }),
    put: (at, next, order) => {
      const name = at[at.length - 1];
      if (name === "id" && at.length > 1 && elementOf(at.slice(0, -1), flow)) {
        const root = at[0] === "inputs" ? ["inputs"] : undefined;
        return act((now) => Y.rename(now, at.slice(0, -1), next ?? "", root), { path: at, wanted: next ?? "" });
      }
      return act((now) => (next === undefined ? Y.remove(now, at) : Y.set(now, at, next, at.length === 1 ? Y.TOP : order)), next === undefined ? {} : { path: at, wanted: next });
    },
    raw: (at, text) => { let problem = ""; try { const now = sourceOf(docUri); const edits = text.trim() ? Y.setRaw(now, at, text) : Y.set(now, at, null); if (!Y.holds(now, edits)) throw new Error("The flow would no longer be YAML."); edit(docUri, edits); } catch (error) { problem = error.message; } return problem; },
    remove: (at) => act((now) => Y.remove(now, at)),
    renameKey: (at, from, to) => act((now) => Y.renameKey(now, at, from, to)),
    insert: (at, index, item) => act((now) => Y.insert(now, at, index, item)),
    move: (fromPath, from, toPath, to) => act((now) => Y.move(now, fromPath, from, toPath, to)),
    open: (at) => { setPath(at); setSection(at[0]); },
    add: (at, index, kind) => setAdding({ path: at, index, kind }),
  };

  const pick = (type) => {
    const { path: at, index, kind } = adding;
    setAdding(null);
    const base = seed({ $ref: `#/definitions/${kind}` }, definitions, type);
    const short = type.split(".").pop().replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
    const id = Y.freeId(flow, kind === "input" ? "input" : short);
    const { type: _, id: __, ...rest } = base;
    const item = kind === "condition" || kind === "runner" ? base : { id, type, ...rest };
    const now = sourceOf(docUri);
    const wrapped = at[at.length - 1] === "tasks" && Y.valueAt(now, at.slice(0, -1))?.type?.endsWith?.(".Dag");
    if (index === null) { act((n) => Y.set(n, at, item)); return; }
    const many = Y.valueAt(now, at);
    const to = Array.isArray(many) ? Math.min(index, many.length) : 0;
    act((n) => Y.insert(n, at, to, wrapped ? { task: item } : item));
    const made = wrapped ? [...at, to, "task"] : [...at, to];
    setTimeout(() => { setPath(made); setSection(made[0]); requestAnimationFrame(() => host.current?.querySelector(".nc-form input,.nc-form textarea")?.focus()); }, 160);
  };
  const addTo = (name, index) => (KINDS[name] ? setAdding({ path: [name], index, kind: KINDS[name] }) : addPlain(name, index));
  const addPlain = (name, index) => {
    const items = schema.properties[name]?.items || {};
    const base = seed(items, definitions);
    if ("id" in base) base.id = Y.freeId(flow, ONE[name].replace(/\W/g, "_"));
    if (name === "outputs") Object.assign(base, { id: base.id || Y.freeId(flow, "output"), type: base.type || "STRING", value: base.value ?? "" });
    if (name === "pluginDefaults") Object.assign(base, { type: base.type || "io.kestra", values: {} });
    act((now) => Y.insert(now, [name], index, base));
    setTimeout(() => setPath([name, index]), 160);
  };
  const deleteAt = (at) => {
    const item = at[at.length - 1] === "task" ? at.slice(0, -1) : at;
    const name = Y.valueAt(source, at)?.id || "it";
    act((now) => Y.remove(now, item));
    setPath(null);
    toast({ level: "info", title: `Deleted ${name}`, text: "Undo in the editor (Ctrl Z) brings it back." });
  };
  const duplicateAt = (at) => {
    const item = at[at.length - 1] === "task" ? at.slice(0, -1) : at;
    act((now) => Y.duplicate(now, item.slice(0, -1), item[item.length - 1]));
  };
  const menuOf = (at, inside) => {
    const item = at[at.length - 1] === "task" ? at.slice(0, -1) : at;
    const list = item.slice(0, -1);
    const index = item[item.length - 1];
    const many = Y.valueAt(source, list) || [];
    const kind = list.length > 1 ? "task" : KINDS[list[0]];
    return (
      <Popover label={`Actions on ${Y.valueAt(source, at)?.id || "this element"}`} menu width={190}>
        <button type="button" className="ib" aria-label={`Actions on ${Y.valueAt(source, at)?.id || "this element"}`} data-testid="nc-menu"><Icon name="ellipsis" /></button>
        {kind ? <MenuItem onSelect={() => setAdding({ path: list, index: index + 1, kind })}><Icon name="plus" />Add after</MenuItem> : null}
        {inside ? <MenuItem onSelect={() => setAdding({ path: [...at, inside], index: 9999, kind: "task" })}><Icon name="plus" />Add inside</MenuItem> : null}
        <MenuItem onSelect={() => duplicateAt(at)} testid="nc-duplicate"><Icon name="copy-plus" />Duplicate</MenuItem>
        {index > 0 ? <MenuItem onSelect={() => form.move(list, index, list, index - 1)} testid="nc-up"><Icon name="chevron-up" />Move up</MenuItem> : null}
        {index < many.length - 1 ? <MenuItem onSelect={() => form.move(list, index, list, index + 2)} testid="nc-down"><Icon name="chevron-down" />Move down</MenuItem> : null}
        <MenuItem onSelect={() => reveal(docUri, { line: Y.lineOf(source, at), focus: true })}><Icon name="code" />Show in the code</MenuItem>
        <MenuItem danger onSelect={() => deleteAt(at)} testid="nc-delete"><Trash2 size={14} strokeWidth={1.75} />Delete</MenuItem>
      </Popover>
    );
  };

  if (failed) return <div className="nc"><p className="mut sm nc-pad" role="alert">The schema could not be loaded: {failed.message}</p></div>;
  const narrow = width < 560;
  const counts = (name) => (Array.isArray(flow[name]) ? (TREES.has(name) ? Y.tasksOf(flow, [name]).length : flow[name].length) : isTree(flow[name]) ? (name === "variables" || name === "labels" ? Object.keys(flow[name]).length : "") : "");
  const list = section in ONE;
  const open = path && isTree(value) && path[0] === section;
  return (
    <div className={`nc${narrow ? " narrow" : width < 900 ? " medium" : ""}${readOnly ? " ro" : ""}`} ref={host} data-testid="no-code" onKeyDown={(e) => { if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z" && !/INPUT|TEXTAREA/.test(e.target.tagName)) { e.preventDefault(); undo(docUri); } }}>
      {doc.error ? <div className="ebar warn nc-bar" role="status" data-testid="nc-broken"><Icon name="triangle-alert" /><span className="grow">Line {doc.error.line} is not YAML: {doc.error.message}. The form shows the last text that could be read.</span><button type="button" className="btn s" onClick={() => reveal(docUri, { line: doc.error.line, focus: true })}>Show the line</button></div> : null}
      {!source || !definitions ? <div className="nc-pad" aria-busy="true"><div className="sk" style={{ width: "40%" }} /><div className="sk" style={{ width: "60%" }} /></div> : (
        <Form.Provider value={form}>
          <div className="nc-b">
            {narrow ? (
              <div className="nc-sel"><div className="inp"><select aria-label="Part of the flow" value={section} onChange={(e) => { setSection(e.target.value); setPath(null); }}>{SECTIONS.map(([name, word]) => <option key={name} value={name}>{word}{counts(name) ? ` (${counts(name)})` : ""}</option>)}</select><span className="end"><Icon name="chevron-down" /></span></div></div>
            ) : (
              <nav className="nc-nav" aria-label="Parts of the flow">
                {SECTIONS.map(([name, word, icon]) => (
                  <button key={name} type="button" className={section === name ? "on" : ""} aria-current={section === name ? "true" : undefined} onClick={() => { setSection(name); setPath(null); }} title={word} aria-label={word} data-testid={`nc-section-${name}`}><Glyph icon={icon} /><span className="grow ell">{word}</span><span className="num faint xs">{counts(name)}</span></button>
                ))}
              </nav>
            )}
            {list && !(narrow && open) ? <Elements section={section} flow={flow} source={source} open={path} find={find} setFind={setFind} form={form} menuOf={menuOf} addTo={addTo} playground={playground} onRun={(id) => held.current.onRun?.(id)} onOpen={form.open} definitions={definitions} markers={doc.markers} /> : null}
            {!list || open || !narrow ? (
              <section className="nc-form" aria-label="Form" key={path ? key(path) : section}>
                {!list ? <SectionForm section={section} schema={schema} flow={flow} form={form} />
                  : open ? <ElementForm path={path} value={value} flow={flow} source={source} schema={schema} definitions={definitions} form={form} menuOf={menuOf} playground={playground} onRun={(id) => held.current.onRun?.(id)} onBack={() => setPath(null)} narrow={narrow} />
                    : <div className="nc-pad mut sm"><p>{counts(section) ? `Choose ${/^[aeiou]/i.test(ONE[section]) ? "an" : "a"} ${ONE[section]} to edit it.` : schema.properties[section]?.description}</p></div>}
              </section>
            ) : null}
          </div>
        </Form.Provider>
      )}
      <Catalogue open={Boolean(adding)} kind={adding?.kind} definitions={definitions} onPick={pick} onClose={() => setAdding(null)} />
    </div>
  );
}

// ---- the list of a section -------------------------------------------------------------------------------------
function Elements({ section, flow, source, open, find, setFind, form, menuOf, addTo, playground, onRun, onOpen, definitions, markers }) {
  const [drag, setDrag] = useState(null); // {path, over: {list, index}}
  const [folded, setFolded] = useState(new Set());
  const rows = TREES.has(section) ? Y.tasksOf(flow, [section]) : (Array.isArray(flow[section]) ? flow[section] : []).map((value, i) => ({ path: [section, i], item: [section, i], value: isTree(value) ? value : { id: String(value) }, depth: 0, list: [section] }));
  const needle = find.trim().toLowerCase();
  const hidden = (row) => rows.some((other) => folded.has(key(other.path)) && other !== row && startsWith(row.path, other.path));
  const shown = rows.filter((row) => (needle ? `${row.value.id} ${row.value.type}`.toLowerCase().includes(needle) : !hidden(row)));
  const parentKey = (value) => ["tasks", "then"].find((k) => Array.isArray(value[k])) || (definitions[`task:${value.type}`]?.properties?.tasks ? "tasks" : definitions[`task:${value.type}`]?.properties?.then ? "then" : "");
  const wrongAt = (path) => markers.some((m) => m.severity === "error" && m.path && startsWith(markPath(m.path), path));
  const over = (row) => (e) => {
    if (!drag) return;
    e.preventDefault();
    const box = e.currentTarget.getBoundingClientRect();
    const part = (e.clientY - box.top) / box.height;
    const inside = parentKey(row.value);
    const index = row.item[row.item.length - 1];
    const target = inside && part > 0.3 && part < 0.7 && !startsWith(row.path, drag.path) ? { into: row.path, list: [...row.path, inside], index: (row.value[inside] || []).length } : { at: key(row.path), after: part >= 0.5, list: row.list, index: part >= 0.5 ? index + 1 : index };
    setDrag((old) => (old && JSON.stringify(old.over) !== JSON.stringify(target) ? { ...old, over: target } : old));
  };
  const drop = (e) => {
    e.preventDefault();
    if (drag?.over) {
      const item = drag.item;
      form.move(item.slice(0, -1), item[item.length - 1], drag.over.list, drag.over.index);
    }
    setDrag(null);
  };
  return (
    <div className="nc-list">
      <div className="pnh bb"><span>{SECTIONS.find(([name]) => name === section)[1]}</span><span className="grow" />{rows.length > 6 ? <div className="inp nc-find"><Icon name="search" /><input type="search" aria-label="Find" placeholder="Find" value={find} onChange={(e) => setFind(e.target.value)} /></div> : null}</div>
      <div className="nc-els" onDrop={drop} onDragOver={(e) => drag && e.preventDefault()}>
        {shown.map((row) => {
          const k = key(row.path);
          const nested = rows.some((other) => other !== row && startsWith(other.path, row.path));
          return (
            <div key={k} className={`nc-tk${open && key(open) === k ? " on" : ""}${drag?.over?.at === k ? (drag.over.after ? " after" : " before") : ""}${drag?.over?.into && key(drag.over.into) === k ? " into" : ""}`} style={{ marginLeft: Math.min(row.depth, 6) * 16 }} onDragOver={over(row)} data-testid="nc-element" data-id={row.value.id}>
              {form.readOnly ? null : <Grip draggable onDragStart={(e) => { e.dataTransfer.effectAllowed = "move"; e.dataTransfer.setData("text/plain", String(row.value.id)); setTimeout(() => setDrag({ path: row.path, item: row.item }), 0); }} onDragEnd={() => setDrag(null)} />}
              {nested ? <button type="button" className="ib nc-tw" aria-label={`${folded.has(k) ? "Unfold" : "Fold"} ${row.value.id}`} aria-expanded={!folded.has(k)} onClick={() => setFolded((old) => { const next = new Set(old); if (!next.delete(k)) next.add(k); return next; })}><Icon name={folded.has(k) ? "chevron-right" : "chevron-down"} size={12} /></button> : null}
              <button type="button" className="nc-tkb" onClick={() => onOpen(row.path)}>
                <Icon name={section === "inputs" ? "type" : typeIcon(row.value.type)} />
                <span className="mono ell">{row.value.id || row.value.type || row.value.message || "no id"}</span>
                <span className="faint sm ell">{row.value.id ? String(row.value.type || "").split(".").pop() : ""}</span>
                {row.value.disabled === true ? <i className="cnt">off</i> : null}
              </button>
              {wrongAt(row.path) ? <span className="fgs bad" title="It has an error"><Icon name="circle-alert" /></span> : null}
              {playground && TREES.has(section) && row.value.id ? <button type="button" className="ib" aria-label={`Run ${row.value.id}`} title="Run this task" onClick={() => onRun(String(row.value.id))}><Icon name="play" /></button> : null}
              {form.readOnly ? null : menuOf(row.path, TREES.has(section) ? parentKey(row.value) : "")}
            </div>
          );
        })}
        {drag?.over?.into ? <div className="nc-drop">Drop to add to {Y.valueAt(source, drag.over.into)?.id}</div> : null}
        {needle && !shown.length ? <p className="mut sm nc-pad">Nothing matches “{find}”.</p> : null}
        {form.readOnly ? null : <button type="button" className="btn gho nc-add" onClick={() => addTo(section, (flow[section] || []).length || 0)} data-testid="nc-add"><Icon name="plus" />{ADD[section]}</button>}
      </div>
    </div>
  );
}

// ---- the form of one element -----------------------------------------------------------------------------------
function ElementForm({ path, value, flow, source, schema, definitions, form, menuOf, playground, onRun, onBack, narrow }) {
  const root = path[0];
  const isTask = Y.tasksOf(flow).some((t) => key(t.path) === key(path));
  const kind = isTask ? "task" : KINDS[root];
  const node = kind ? { $ref: `#/definitions/${kind}` } : schema.properties[root]?.items || {};
  const found = useMemo(() => resolve(node, definitions, value), [node.$ref || root, definitions, value?.type]);
  const crumbs = path.map((_, i) => path.slice(0, i + 1)).filter((part) => part.length > 1 && part.length < path.length && elementOf(part, flow) && key(elementOf(part, flow)) === key(part));
  const uses = value.id ? Y.referencesOf(source, String(value.id), root === "inputs" ? ["inputs"] : undefined).length : 0;
  const about = (found.about || found.description || "").split("\n")[0];
  const changeType = (type) => type && form.put([...path, "type"], type);
  return (
    <>
      <div className="nc-head">
        {narrow ? <button type="button" className="ib" aria-label="Back to the list" onClick={onBack}><Icon name="chevron-left" /></button> : <span className="nc-ic"><Icon name={typeIcon(value.type)} size={16} /></span>}
        <div className="col grow nc-ttl">
          <span className="row g4 ell nc-crumbs"><button type="button" className="link mut" onClick={onBack}>{SECTIONS.find(([name]) => name === root)?.[1]}</button>{crumbs.map((part) => <span key={key(part)} className="row g4"><Icon name="chevron-right" size={12} /><button type="button" className="link mut" onClick={() => form.open(part)}>{Y.valueAt(source, part)?.id || "no id"}</button></span>)}<Icon name="chevron-right" size={12} /><b className="med ell">{value.id || value.type || ONE[root]}</b></span>
          {value.type ? <span className="mono xs faint ell" title={value.type}>{value.type}</span> : null}
        </div>
        {playground && isTask && value.id ? <button type="button" className="btn s" onClick={() => onRun(String(value.id))} data-testid="nc-run"><Icon name="play" />Run this task</button> : null}
        {form.readOnly ? null : menuOf(path, "")}
      </div>
      <div className="nc-body">
        {about ? <p className="mut sm nc-about">{about}</p> : null}
        {found.unknown ? <div className="al warn" role="status"><Icon name="triangle-alert" size={16} /><div className="grow">No installed plugin is called <code className="mono">{value.type}</code>; its properties are shown as YAML.</div></div> : null}
        {kind === "input" ? <div className="fld"><div className="lb"><label className="mono med" htmlFor="nc-type">type</label><span className="req">*</span><span className="ty">enum</span></div><div className="inp"><select id="nc-type" value={value.type || ""} disabled={form.readOnly} onChange={(e) => changeType(e.target.value)}>{typesOfInputs(definitions).map((one) => <option key={one}>{one}</option>)}</select><span className="end"><Icon name="chevron-down" /></span></div></div> : null}
        {uses ? <p className="hint nc-uses">{value.id} is used in {plural(uses, "place")}; they follow a rename.</p> : null}
        <Properties path={path} found={found} value={value} hide={kind ? ["type"] : []} name={value.id || ONE[root]} top />
      </div>
    </>
  );
}
const typesOfInputs = (definitions) => Object.keys(definitions).filter((name) => name.startsWith("input:")).map((name) => name.slice(6));

// ---- sections without a list -----------------------------------------------------------------------------------
function SectionForm({ section, schema, flow, form }) {
  const title = SECTIONS.find(([name]) => name === section)[1];
  if (section === "basics") {
    const found = { ...schema, properties: Object.fromEntries(BASICS.map((name) => [name, schema.properties[name]])), required: ["id", "namespace"], additionalProperties: true };
    return <><div className="nc-head"><b className="med">{title}</b></div><div className="nc-body"><Properties path={[]} found={found} value={flow} name="the flow" /></div></>;
  }
  const property = schema.properties[section] || {};
  const shape = shapeOf(property);
  const value = flow[section];
  return (
    <>
      <div className="nc-head"><b className="med grow">{title}</b>{value !== undefined && !form.readOnly ? <button type="button" className="ib" aria-label={`Remove ${title.toLowerCase()}`} title="Remove" onClick={() => form.remove([section])}><Trash2 size={14} strokeWidth={1.75} /></button> : null}</div>
      <div className="nc-body">
        <p className="mut sm nc-about">{property.description}</p>
        {section === "variables" || section === "labels" ? (Array.isArray(value) ? <YamlField path={[section]} label={title} /> : <MapField path={[section]} items={{}} value={isTree(value) ? value : {}} name={section} />)
          : shape.control === "typed" ? <RetryLike section={section} shape={shape} value={value} form={form} />
            : isTree(value) ? <Nested path={[section]} schema={shape.inner || property} value={value} name={section} />
              : <button type="button" className="btn s nc-add" disabled={form.readOnly} onClick={() => form.put([section], seed(shape.inner || property, form.definitions))} data-testid={`nc-set-${section}`}><Icon name="plus" />Set {title.toLowerCase()}</button>}
      </div>
    </>
  );
}

function RetryLike({ section, shape, value, form }) {
  const kinds = Object.keys(form.definitions).filter((name) => name.startsWith(`${shape.kind}:`)).map((name) => name.slice(shape.kind.length + 1));
  return (
    <div className="col g8">
      <div className="inp nc-third"><select aria-label={`Kind of ${section}`} value={value?.type || ""} disabled={form.readOnly} onChange={(e) => (e.target.value ? form.put([section], seed({ $ref: `#/definitions/${shape.kind}` }, form.definitions, e.target.value)) : form.remove([section]))}><option value="">not set</option>{kinds.map((one) => <option key={one}>{one}</option>)}</select><span className="end"><Icon name="chevron-down" /></span></div>
      {isTree(value) ? <Nested path={[section]} schema={{ $ref: `#/definitions/${shape.kind}` }} value={value} name={section} hide={["type"]} /> : null}
    </div>
  );
}
