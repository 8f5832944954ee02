// What a namespace gives to expressions, and blueprints to begin from, beside the editor (UI-ED-51, UI-ED-53).
import { useEffect, useMemo, useState } from "react";
import { copyText, request, useDebounced, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, plural, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";
import { renamed } from "$/public/external/components/flow_source/flow_starters.mjs";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { documentOf, edit, sourceOf, useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { evaluate } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import "./context_panel.css";

function CopyAs({ text }) {
  const [done, setDone] = useState(false);
  return <button type="button" className="ib" aria-label={`Copy ${text}`} title={`Copy ${text}`} onClick={() => copyText(text).then(() => { setDone(true); setTimeout(() => setDone(false), 1500); })}><Icon name={done ? "check" : "copy"} size={12} /></button>;
}

function Group({ title, rows, none, error }) {
  return (
    <section className="cx-g">
      <h3 className="cx-h">{title}<i className="cnt">{rows?.length ?? 0}</i></h3>
      {error ? <p className="sm fgs bad cx-r">{error.message}</p> : rows && !rows.length ? <p className="sm faint cx-r">{none}</p> : null}
      {(rows || []).slice(0, 300).map((row) => <div className="cx-r" key={`${row.name}/${row.from || ""}`}><span className="mono ell cx-n" title={row.name}>{row.name}</span><span className="sm mut ell grow" title={row.value}>{row.value}</span>{row.from ? <span className="xs faint ell" title={`from ${row.from}`}>{row.from}</span> : null}{row.expression ? <CopyAs text={row.expression} /> : null}</div>)}
    </section>
  );
}

const wordOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

export function NamespaceContext({ api, namespace: given, flow, docUri }) {
  const doc = useDocument(docUri);
  const value = useMemo(() => (doc.source ? Y.valueOf(doc.source) : {}), [doc.source]);
  const namespace = given || String(value.namespace || "");
  const base = namespace ? `${api}/namespaces/${encodeURIComponent(namespace)}` : "";
  const own = useRequest(base);
  const inherited = useRequest(base && `${base}/inherited-variables`);
  const kv = useRequest(base && `${base}/kv`);
  const secrets = useRequest(base && withQuery(`${base}/secrets`, { size: 300 }));
  const above = useRequest(base && `${base}/inherited-secrets`);
  const defaults = useRequest(base && `${base}/inherited-plugindefaults`);
  const [expression, setExpression] = useState("");
  const [answer, setAnswer] = useState(null);
  const render = useDebounced(async (text) => setAnswer(text.trim() ? await evaluate(api, namespace, flow || value.id, /\{\{|\{%/.test(text) ? text : `{{ ${text} }}`) : null), 400);
  const variables = [...Object.entries(own.data?.variables || {}).map(([name, v]) => ({ name, value: wordOf(v), expression: `{{ namespace.${name} }}` })), ...Object.entries(inherited.data || {}).filter(([name]) => !(name in (own.data?.variables || {}))).map(([name, v]) => ({ name, value: wordOf(v), from: "inherited", expression: `{{ namespace.${name} }}` }))];
  const keys = kv.data?.map((one) => ({ name: one.key, value: one.preview ?? one.type, expression: `{{ kv('${one.key}') }}` }));
  const names = secrets.data && [...(secrets.data.results || []).map((one) => ({ name: one.key, value: "", expression: `{{ secret('${one.key}') }}` })), ...Object.entries(above.data || {}).flatMap(([from, list]) => (list || []).map((name) => ({ name, from, value: "", expression: `{{ secret('${name}') }}` })))];
  const plugin = [...(own.data?.pluginDefaults || []), ...(Array.isArray(defaults.data) ? defaults.data.map((one) => ({ ...one, from: "inherited" })) : [])].map((one) => ({ name: one.type, value: wordOf(one.values || {}), from: one.from }));
  return (
    <section className="cx" aria-label="Namespace context" data-testid="namespace-context">
      <div className="cx-q">
        <label className="inp mono"><Icon name="braces" /><input value={expression} placeholder="kv('key'), outputs.task.value …" aria-label="Render an expression" onChange={(e) => { setExpression(e.target.value); render(e.target.value); }} data-testid="context-expression" /></label>
        {answer ? <pre className={`cx-a mono${answer.error ? " fgs bad" : ""}`} data-testid="context-answer">{answer.error || wordOf(answer.value)}</pre> : <p className="xs faint">Rendered in the last execution of this flow.</p>}
      </div>
      {!namespace ? <p className="mut sm cx-r">The flow names no namespace yet.</p> : (
        <>
          <Group title={`Variables of ${namespace}`} rows={own.loading ? null : variables} none="It has no variables." />
          <Group title="KV pairs" rows={keys} none="There are none." error={kv.error} />
          <Group title="Secrets" rows={names} none="There are none that you may use." error={secrets.error} />
          <Group title="Plugin defaults" rows={plugin} none="There are none." />
        </>
      )}
    </section>
  );
}

// ---- blueprints ------------------------------------------------------------------------------------------------
export function BlueprintPanel({ api, docUri, dirty = false, fixed = "" }) {
  const [query, setQuery] = useState("");
  const [asked, setAsked] = useState("");
  const [tag, setTag] = useState("");
  const [open, setOpen] = useState("");
  const [sure, setSure] = useState(false);
  const ask = useDebounced(setAsked, 250);
  const base = `${api}/blueprints/community/flow`;
  const found = useRequest(withQuery(base, { q: asked, tags: tag || undefined, size: 100 }));
  const tags = useRequest(`${base}/tags`);
  const [text, setText] = useState("");
  useEffect(() => {
    setText("");
    setSure(false);
    if (open) request(`${base}/${encodeURIComponent(open)}/source`, { as: "text" }).then(setText, (error) => setText(`# ${error.message}`));
  }, [open]);
  const insert = () => {
    const now = sourceOf(docUri);
    const given = Y.valueOf(Y.parse(text));
    if (!now || now.error || !Array.isArray(given.tasks)) { toast({ level: "warning", title: "Not inserted", text: now?.error ? `Line ${now.error.line} is not YAML.` : "It has no tasks." }); return; }
    let source = now;
    const flow = Y.valueOf(now);
    for (const item of given.tasks) {
      const many = Y.valueAt(source, ["tasks"]) || [];
      source = Y.parse(Y.apply(source.text, Y.insert(source, ["tasks"], many.length, { ...item, id: Y.freeId(flow, String(item.id || "task")) })));
    }
    edit(docUri, [{ from: 0, to: now.text.length, text: source.text }]);
    toast({ level: "success", title: `${plural(given.tasks.length, "task")} inserted` });
  };
  const use = () => {
    if (dirty && !sure) { setSure(true); return; }
    // A stored flow keeps its names (UI-ED-22).
    const [namespace, id] = fixed.split("/");
    edit(docUri, [{ from: 0, to: documentOf(docUri).text.length, text: renamed(text, { id, namespace }) }]);
    setOpen("");
  };
  const list = found.data?.results || [];
  const tagList = (Array.isArray(tags.data) ? tags.data : tags.data?.results || []).map((one) => (typeof one === "string" ? { id: one, name: one } : { id: one.id || one.name, name: one.name || one.id }));
  const one = list.find((b) => b.id === open);
  return (
    <section className="cx" aria-label="Blueprints" data-testid="blueprint-panel">
      {open ? (
        <>
          <div className="cx-q row g8"><button type="button" className="ib" aria-label="Back to the blueprints" onClick={() => setOpen("")}><Icon name="chevron-left" /></button><b className="med ell grow">{one?.title || open}</b><CopyAs text={text} /></div>
          <div className="cx-r wrapped"><button type="button" className="btn s" onClick={insert} data-testid="blueprint-insert"><Icon name="plus" />Insert tasks here</button><button type="button" className={`btn s${sure ? " dan" : ""}`} onClick={use} data-testid="blueprint-use">{sure ? "Replace your unsaved text" : "Use"}</button></div>
          <p className="sm mut cx-r">{one?.description}</p>
          <pre className="cx-src mono">{text}</pre>
        </>
      ) : (
        <>
          <div className="cx-q row g6"><label className="inp grow"><Icon name="search" /><input type="search" value={query} placeholder="Search blueprints" aria-label="Search blueprints" onChange={(e) => { setQuery(e.target.value); ask(e.target.value); }} /></label><select className="btn s" aria-label="Tag" value={tag} onChange={(e) => setTag(e.target.value)}><option value="">all tags</option>{tagList.map((t) => <option key={t.id} value={t.id}>{t.name}</option>)}</select></div>
          <Problem error={found.error} what="The blueprints could not be loaded." retry={found.reload} />
          {found.data && !list.length ? <p className="sm mut cx-r">No blueprint matches.</p> : null}
          {list.map((b) => <button type="button" className="cx-b" key={b.id} onClick={() => setOpen(b.id)} data-testid="blueprint-row"><span className="row g6"><b className="med ell grow">{b.title}</b>{(b.includedTasks || []).slice(0, 4).map((t) => <span key={t} title={t} className="faint"><Icon name={typeIcon(t)} /></span>)}</span><span className="sm mut cx-d">{b.description}</span></button>)}
        </>
      )}
    </section>
  );
}
