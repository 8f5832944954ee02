// Renders an expression in an execution: completion from its real values, result as text or JSON, earlier expressions.
import { useEffect, useMemo, useRef, useState } from "react";
import { copyText, isAbort, request } from "$/public/external/components/net/net.jsx";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import "./expression_box.css";

const KEPT = 20;
const ROOTS = { execution: ["id", "startDate", "originalId", "state"], flow: ["id", "namespace", "revision", "tenantId"], taskrun: ["id", "startDate", "value", "iteration", "attemptsCount"], inputs: null, outputs: null, vars: null, labels: null, trigger: null };
const FUNCTIONS = ["now()", "read()", "secret()", "kv()", "currentEachOutput()", "uuid()", "range()", "printContext()", "render()", "fromJson()", "errorLogs()"];
const FILTERS = ["date", "default", "first", "join", "json", "jq", "keys", "last", "length", "lower", "number", "replace", "slice", "sort", "split", "string", "toJson", "trim", "upper", "values"];

const pretty = (value) => {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  const text = value.trim();
  if (/^[{[]/.test(text)) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch { /* not JSON */ }
  }
  return value;
};
const typeOf = (v) => (v === null || v === undefined ? "" : Array.isArray(v) ? `${v.length} items` : typeof v === "object" ? `${Object.keys(v).length} keys` : typeof v);

export function ExpressionBox({ api, execution, taskRun = "", scope = "", insert = "" }) {
  const [text, setText] = useState("");
  const [result, setResult] = useState(null);
  const [busy, setBusy] = useState(false);
  const [earlier, setEarlier] = useState([]);
  const [listed, setListed] = useState(false);
  const [copied, setCopied] = useState(false);
  const [context, setContext] = useState(null);
  const [outputs, setOutputs] = useState({});
  const [caret, setCaret] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const writing = useRef(0);

  useEffect(() => { if (insert) { setText(insert); setOpen(false); } }, [insert]);
  useEffect(() => { setContext(null); setOutputs({}); setResult(null); }, [execution]);
  useEffect(() => {
    request(`${api}/console/settings`, { retries: 0 }).then((s) => Array.isArray(s?.expressions) && setEarlier(s.expressions.filter((x) => typeof x === "string")), () => {});
  }, [api]);

  // What the execution holds, read when one begins to type.
  const learn = async () => {
    if (context) return;
    setContext({});
    try {
      const found = await request(`${api}/executions/search`, { query: { size: 1, "filters[executionId][EQUALS]": execution, "filters[kind][IN]": "NORMAL,TEST,PLAYGROUND" }, retries: 1 });
      const doc = found.results[0] || {};
      const labels = Object.fromEntries((doc.labels || []).map((l) => [l.key, l.value]));
      const runs = await request(`${api}/console/executions/${execution}/taskruns`, { query: { limit: 500 }, retries: 1 });
      const tasks = {};
      for (const run of runs.rows) tasks[run.taskId] ||= run.id;
      setContext({ inputs: doc.inputs || {}, vars: doc.variables || {}, labels, trigger: doc.trigger?.variables || {}, tasks });
    } catch (error) {
      if (!isAbort(error)) setContext({});
    }
  };
  const before = text.slice(0, caret);
  const word = /(?:\{\{[^}]*?)([A-Za-z_][\w.]*|\|\s*\w*)$/.exec(before)?.[1] ?? (/\{\{\s*$/.test(before) ? "" : null);
  const path = word !== null && !word.startsWith("|") ? word.split(".") : null;
  const task = path?.[0] === "outputs" && path.length > 2 ? path[1] : "";
  useEffect(() => {
    const id = context?.tasks?.[task];
    if (!id || outputs[task] !== undefined) return;
    setOutputs((old) => ({ ...old, [task]: {} }));
    request(`${api}/console/executions/${execution}/taskruns/${id}`, { retries: 0 }).then((run) => setOutputs((old) => ({ ...old, [task]: run.outputs || {} })), () => {});
  }, [task, context]);
  const options = useMemo(() => {
    if (word === null || !context) return [];
    const fits = (names, begin) => names.filter(([n]) => n.toLowerCase().startsWith(begin.toLowerCase()) && n !== begin).slice(0, 40);
    if (word.startsWith("|")) return fits(FILTERS.map((f) => [f, "filter"]), word.slice(1).trim());
    const last = path[path.length - 1];
    if (path.length === 1) return fits([...Object.keys(ROOTS).map((r) => [r, ""]), ...FUNCTIONS.map((f) => [f, "function"])], last);
    const root = path[0];
    if (ROOTS[root]) return path.length === 2 ? fits(ROOTS[root].map((k) => [k, ""]), last) : [];
    let node = root === "outputs" ? (path.length === 2 ? Object.fromEntries(Object.keys(context.tasks || {}).map((k) => [k, undefined])) : { [path[1]]: outputs[path[1]] }) : { [root]: context[root] };
    for (const part of root === "outputs" && path.length === 2 ? [] : path.slice(root === "outputs" ? 1 : 0, -1)) node = node?.[part];
    if (!node || typeof node !== "object") return [];
    return fits(Object.entries(node).map(([k, v]) => [k, typeOf(v)]), last);
  }, [word, context, outputs]);
  useEffect(() => setChosen(0), [options.length, word]);
  const take = (name) => {
    const begin = word.startsWith("|") ? before.length - word.slice(1).trim().length : before.length - (path[path.length - 1] || "").length;
    const next = text.slice(0, begin) + name + text.slice(caret);
    const at = begin + name.length - (name.endsWith("()") ? 1 : 0);
    setText(next);
    setCaret(at);
    setTimeout(() => { box.current?.focus(); box.current?.setSelectionRange(at, at); }, 0);
  };

  const evaluate = async (wanted = text) => {
    const sent = wanted.trim();
    if (!sent || busy) return;
    setBusy(true);
    setOpen(false);
    try {
      const answer = await request(`${api}/executions/${execution}/eval${taskRun ? `/${taskRun}` : ""}`, { method: "POST", body: sent, headers: { "Content-Type": "text/plain" } });
      setResult(answer.error ? { bad: true, text: answer.error, stack: answer.stackTrace && answer.stackTrace !== answer.error ? answer.stackTrace : "" } : { text: pretty(answer.result) });
      const kept = [sent, ...earlier.filter((x) => x !== sent)].slice(0, KEPT);
      setEarlier(kept);
      clearTimeout(writing.current);
      writing.current = setTimeout(() => request(`${api}/console/settings`, { method: "PATCH", json: { expressions: kept } }).catch(() => {}), 800);
    } catch (error) {
      setResult({ bad: true, text: error.message + (error.requestId ? ` (request ${error.requestId})` : "") });
    }
    setBusy(false);
  };
  const showing = open && options.length > 0;
  const onKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); event.stopPropagation(); evaluate(); return; }
    if (event.ctrlKey && event.key === " ") { event.preventDefault(); learn(); setOpen(true); return; }
    if (showing) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); setChosen((chosen + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length); return; }
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) { event.preventDefault(); take(options[chosen][0]); return; }
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); setOpen(false); return; }
    }
    if (event.key === "Enter" && !event.shiftKey && !text.includes("\n")) { event.preventDefault(); evaluate(); }
  };
  const copy = () => copyText(result.text + (result.stack ? `\n${result.stack}` : "")).then(() => { setCopied(true); setTimeout(() => setCopied(false), 2000); });
  return (
    <section className="xb" aria-label="Debug expression">
      <div className="row"><h2>Debug expression</h2><span className="mut sm ell">{taskRun ? <>in the scope of <span className="mono">{scope}</span></> : "in the scope of the execution"}</span><span className="grow" />
        <span className="xs faint hide-s"><span className="kbd">Ctrl Space</span> values</span>
        {earlier.length ? <button type="button" className={`ib${listed ? " on" : ""}`} aria-expanded={listed} aria-label="Earlier expressions" title="Earlier expressions" onClick={() => setListed(!listed)} data-testid="expression-earlier"><Icon name="clock" /></button> : null}</div>
      {listed ? <ul className="xbl" aria-label="Earlier expressions">{earlier.map((x) => <li key={x}><button type="button" className="mono ell" title={x} onClick={() => { setText(x); setListed(false); box.current?.focus(); }}>{x}</button></li>)}</ul> : null}
      <div className="xbe">
        <div className="xbt">
          <textarea ref={box} className="inp area mono" rows={Math.min(6, Math.max(1, text.split("\n").length))} value={text} placeholder="{{ outputs.task.value }}" aria-label="Expression" spellCheck={false} data-testid="expression-input" role="combobox" aria-expanded={showing} aria-autocomplete="list" aria-controls="xb-options" aria-activedescendant={showing ? `xb-${chosen}` : undefined}
            onChange={(e) => { setText(e.target.value); setCaret(e.target.selectionStart); setOpen(true); }} onFocus={learn} onSelect={(e) => setCaret(e.target.selectionStart)} onKeyDown={onKey} onBlur={() => setTimeout(() => setOpen(false), 150)} />
          {showing ? <ul className="xbo" id="xb-options" role="listbox">{options.map(([name, kind], i) => <li key={name} id={`xb-${i}`} role="option" aria-selected={i === chosen} className={i === chosen ? "on" : ""} onMouseDown={(e) => { e.preventDefault(); take(name); }}><span className="mono">{name}</span><span className="xs faint">{kind}</span></li>)}</ul> : null}
        </div>
        <button type="button" className="btn pri" disabled={busy || !text.trim()} onClick={() => evaluate()} data-testid="expression-run"><Icon name="play" />Evaluate</button>
      </div>
      {result ? (
        <div className="xbr"><pre className={`xs-result${result.bad ? " bad" : ""}`} role="status" data-testid="expression-result">{result.text}{result.stack ? <details><summary>Stack trace</summary>{result.stack}</details> : null}</pre>
          <button type="button" className="ib" aria-label="Copy the result" title="Copy the result" onClick={copy}><Icon name={copied ? "check" : "copy"} /></button></div>
      ) : <p className="faint sm">Choose a value above or type an expression; it is rendered as it would be in this execution. Secrets stay masked.</p>}
    </section>
  );
}
