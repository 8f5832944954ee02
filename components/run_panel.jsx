// Details of one task run beside the Gantt or the graph: facts that tick, attempts, logs, outputs, history, metrics.
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { copyText, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution } from "$/public/external/components/stream/stream.jsx";
import { Icon, Problem, STATE_ORDER, StateIcon, batchesPlace, clock, count, shortType, size, span, stateWord, waitsFor } from "$/public/external/components/glyphs/glyphs.jsx";
import { LogView } from "$/public/external/components/log_view/log_view.jsx";
import { ValueTree } from "$/public/external/components/value_tree/value_tree.jsx";
import "./run_panel.css";

const FAILED = new Set(["FAILED", "KILLED", "WARNING"]);
const at = (instant) => (instant ? Date.parse(instant) : NaN);

// Seconds pass only while something runs.
function useTick(on) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [on]);
  return now;
}

// The executions that the task run started, by state: each count leads to them in the list.
function Started({ row, execution }) {
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  const states = STATE_ORDER.filter((s) => row.batches[s]);
  return (
    <span className="bats">
      {states.map((s) => <Link key={s} className="stc" to={batchesPlace(tenant, execution, row.taskId, s)} title={`${stateWord(s)}: show them`} data-testid={`run-batches-${s.toLowerCase()}`}><StateIcon state={s} size={12} />{count(row.batches[s])}</Link>)}
      <Link className="link" to={batchesPlace(tenant, execution, row.taskId)} data-testid="run-batches">of {count(row.batches.total)}</Link>
    </span>
  );
}

function Facts({ row, detail, now, zone, execution, onChild }) {
  const started = at(row.started);
  const ended = at(row.ended);
  const took = Number.isNaN(started) ? NaN : (Number.isNaN(ended) ? now : ended) - started;
  const worker = row.worker || detail?.attemptList?.at(-1)?.workerId;
  const waited = row.waitedMs > 50 ? span(row.waitedMs) : "";
  const facts = [ // what is kept stands in the low sheet of narrow windows too
    ["Type", <span className="mono" title={row.type}>{shortType(row.type)}</span>],
    worker ? ["Worker", <span className="mono" title={worker}>{worker.slice(0, 12)}</span>] : null,
    row.waiting ? ["Waits", waitsFor(row.waiting), "keep"] : waited ? ["Waited", waited] : null,
    Number.isNaN(started) ? ["Created", clock(row.created, { zone })] : [TERMINAL.has(row.state) ? "Ran" : stateWord(row.state), <><b className="med">{span(took)}</b>{row.expectedMs ? <span className="mut"> median {span(row.expectedMs)}</span> : null}<span className="faint"> from {clock(row.started, { zone })}</span></>],
    row.children?.total ? ["Below", `${count(row.children.total)} task runs`] : null,
    row.batches?.total ? ["Subflows", <Started row={row} execution={execution} />, "keep"] : null,
    row.childExecution ? ["Subflow", <button type="button" className="link mono" onClick={() => onChild?.(row.childExecution)} data-testid="run-child">{row.childExecution.slice(0, 8)}</button>, "keep"] : null,
  ].filter(Boolean);
  return <dl>{facts.map(([name, value, kind]) => <div key={name} className={kind}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function History({ detail, zone }) {
  const steps = detail?.histories || [];
  return (
    <ol className="hist">
      {steps.map((step, i) => (
        <li key={i}>
          <StateIcon state={step.state} />
          <span className="med">{stateWord(step.state)}</span>
          {step.attempt > 1 ? <span className="faint">attempt {step.attempt}</span> : null}
          <span className="grow" />
          <span className="faint">{i ? `+${span(at(step.date) - at(steps[i - 1].date))}` : ""}</span>
          <time className="mut">{clock(step.date, { zone, millis: true })}</time>
        </li>
      ))}
      {(detail?.attemptList || []).filter((a) => a.exit && Object.keys(a.exit).length).map((a) => (
        <li key={`a${a.no}`} className="exit"><span className="mut">Attempt {a.no} ended with</span><code>{typeof a.exit === "string" ? a.exit : Object.entries(a.exit).map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : v}`).join(", ")}</code></li>
      ))}
    </ol>
  );
}

const WITHOUT = { secret: "reads a secret: not shown", worker: "read by the worker while it ran: not kept" };

// The task as its author wrote it, in the revision that ran, and what its expressions give with what was kept.
export function Source({ url }) {
  const { data, error, loading, reload } = useRequest(url, { retries: 1 });
  const [copied, setCopied] = useState(false);
  if (error) return <div className="pad"><Problem error={error} what="The task's source could not be read." retry={reload} /></div>;
  if (loading && !data) return <div className="pad" aria-busy="true"><div className="sk" style={{ width: "60%" }} /></div>;
  const copy = () => copyText(data.source).then(() => { setCopied(true); setTimeout(() => setCopied(false), 1500); });
  return (
    <div className="src" data-testid="run-source">
      {data.source ? <div className="srch"><span className="faint">Line {count(data.line)} of revision {data.revision}</span><span className="grow" /><button type="button" className="ib" aria-label="Copy the task's source" title="Copy" onClick={copy}><Icon name={copied ? "check" : "copy"} /></button></div> : null}
      {data.source ? <pre className="mono">{data.source}</pre> : <p className="none">The revision's text does not hold this task.</p>}
      {data.source && !data.properties?.length ? <p className="faint xs">No property holds an expression.</p> : null}
      {data.properties?.length ? <h3>Properties as they render</h3> : null}
      {data.properties?.length ? <p className="faint xs">Rendered again with what the execution kept; the time and outside values may differ.</p> : null}
      <dl>
        {(data.properties || []).map((one) => (
          <div key={one.path} data-testid="run-property"><dt className="mono" title={one.expression}>{one.path}</dt>
            <dd>{one.value !== undefined ? <code>{one.value === "" ? '""' : one.value}{one.cut ? " …" : ""}</code> : <span className={one.problem ? "fgs bad" : "faint"}>{one.problem || WITHOUT[one.without]}</span>}</dd></div>
        ))}
      </dl>
      {data.more ? <p className="faint xs">{count(data.more)} more are not shown.</p> : null}
    </div>
  );
}

// Lines of one task run: taken away, or as a file.
function Lines({ api, execution, run, deletable, onDeleted }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState("");
  const url = withQuery(`${api}/logs/${execution}`, { taskRunId: run });
  const drop = async () => {
    try {
      await request(url, { method: "DELETE" });
      setAsking(false);
      setProblem("");
      onDeleted?.();
    } catch (error) {
      setProblem(error.message);
    }
  };
  if (asking) {
    return (
      <span className="row g6" role="group" aria-label="Delete the lines of this task run">
        <span className={problem ? "fgs bad sm" : "sm"} role={problem ? "alert" : undefined}>{problem || "Its lines go for good."}</span>
        <button type="button" className="btn s dan" onClick={drop} data-testid="run-delete-yes">Delete the lines</button>
        <button type="button" className="btn s" autoFocus onClick={() => setAsking(false)}>Keep them</button>
      </span>
    );
  }
  return (
    <span className="row g12">
      <a className="link sm" href={withQuery(`${api}/logs/${execution}/download`, { taskRunId: run })} download data-testid="run-download">Download</a>
      {deletable ? <button type="button" className="link sm" onClick={() => setAsking(true)} data-testid="run-delete">Delete</button> : null}
    </span>
  );
}

function Metrics({ api, execution, run, turn }) {
  const { data, error, loading, reload } = useRequest(withQuery(`${api}/metrics/${execution}`, { taskRunId: run, size: 100, t: turn }));
  if (error) return <div className="pad"><Problem error={error} retry={reload} /></div>;
  if (loading && !data) return <div className="pad"><div className="sk" style={{ width: "50%" }} /></div>;
  if (!data?.results?.length) return <p className="none">This task run measured nothing.</p>;
  return (
    <table className="cpt"><tbody>
      {data.results.map((m, i) => <tr key={i}><td className="mono">{m.name}</td><td className="mut">{Object.entries(m.tags || {}).map(([k, v]) => `${k}: ${v}`).join(", ")}</td><td className="num">{m.type === "timer" ? span(m.value) : count(m.value)}</td></tr>)}
    </tbody></table>
  );
}

export function RunPanel({ execution, api, selected, zone, replayable = false, changeable = false, deletable = false, level = "INFO", onClose, onReplay, onChange, onLogs, onChild, onPreview }) {
  const store = useExecution(execution);
  const own = `${api}/console/executions/${execution}`;
  const live = store.rows.get(selected);
  const { data: detail, error, reload } = useRequest(selected ? `${own}/taskruns/${selected}` : "");
  const [tab, setTab] = useState("logs");
  const [attempt, setAttempt] = useState(0);
  const [dropped, setDropped] = useState(0);
  const [copied, setCopied] = useState(false);
  const seen = useRef("");
  const mine = detail?.id === selected ? detail : undefined;
  const row = { ...mine, ...live };
  const now = useTick(row.state && !TERMINAL.has(row.state));
  const mark = `${selected} ${live?.state} ${live?.attempts}`;
  useEffect(() => {
    if (live && seen.current && seen.current.startsWith(`${selected} `) && seen.current !== mark) reload();
    seen.current = mark;
  }, [mark]);
  useEffect(() => setAttempt(0), [selected]);
  // A task that is held has no lines yet: what it would get is what one wants to see (UI-ED-71).
  const held = row.id === selected && row.state === "BREAKPOINT";
  useEffect(() => { if (held) setTab("source"); }, [selected, held]);
  if (error && !live) return <section className="fd-run"><div className="dth"><span className="grow" /><button type="button" className="ib" aria-label="Close" onClick={() => onClose?.()}><Icon name="x" /></button></div><div className="pad"><Problem error={error} what="The task run could not be loaded." retry={reload} /></div></section>;
  if (!row.id) return <section className="fd-run" aria-busy="true"><div className="dth"><div className="sk" style={{ width: 140 }} /></div><div className="pad"><div className="sk" style={{ width: "70%" }} /></div></section>;
  const attempts = mine?.attemptList || [];
  const outputs = mine?.outputs && Object.keys(mine.outputs).length ? mine.outputs : undefined;
  const name = /^[A-Za-z_]\w*$/.test(row.taskId) ? `outputs.${row.taskId}` : `outputs['${row.taskId}']`;
  const tabs = [["logs", "Logs"], ["outputs", outputs ? `Outputs` : "Outputs", outputs ? Object.keys(outputs).length : 0], ["history", "States", 0], ["metrics", "Metrics", 0], ["source", "Source", 0]];
  const copy = () => copyText(location.href.split("?")[0] + `?taskRun=${selected}`).then(() => { setCopied(true); setTimeout(() => setCopied(false), 1500); });
  return (
    <section className="fd-run" aria-label={`Details of ${row.taskId}`} data-testid="run-panel">
      <div className="dth">
        <StateIcon state={row.state} />
        <b className="nm ell" title={row.taskId}>{row.taskId}</b>
        {row.value !== undefined && row.value !== null ? <span className="val ell" title={String(row.value)}>{String(row.value)}</span> : null}
        <span className="grow" />
        <button type="button" className="ib" aria-label="Copy the id of this task run" title="Copy the id" onClick={() => copyText(selected)} data-testid="run-id"><Icon name="copy" /></button>
        <button type="button" className="ib" aria-label="Copy the link to this task run" title="Copy the link" onClick={copy}><Icon name={copied ? "check" : "link"} /></button>
        <button type="button" className="ib" aria-label="Close" onClick={() => onClose?.()} data-testid="run-close"><Icon name="x" /></button>
      </div>
      <Facts row={row} detail={mine} now={now} zone={zone} execution={execution} onChild={onChild} />
      {mine?.error?.message && FAILED.has(row.state) ? <div className="al bad" role="status"><Icon name="octagon-x" size={16} /><div className="grow brk">{mine.error.message}</div></div> : null}
      <div className="dta">
        {attempts.length > 1 ? (
          <select className="btn s" value={attempt} onChange={(e) => setAttempt(Number(e.target.value))} aria-label="Attempt" data-testid="run-attempt">
            <option value={0}>All {attempts.length} attempts</option>
            {attempts.map((a) => <option key={a.no} value={a.no}>Attempt {a.no}, {stateWord(a.state).toLowerCase()}</option>)}
          </select>
        ) : null}
        {replayable ? <button type="button" className="btn s" onClick={() => onReplay?.(selected)} data-testid="run-replay"><Icon name="rewind" />Replay from here</button> : null}
        {changeable ? <button type="button" className="btn s" onClick={() => onChange?.({ id: selected, task: row.taskId, state: row.state })} data-testid="run-state">Change state</button> : null}
      </div>
      <div className="subt" role="tablist">
        {tabs.map(([key, word, n]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} className={tab === key ? "on" : ""} onClick={() => setTab(key)} data-testid={`run-tab-${key}`}>{word}{n ? <i className="cnt">{n}</i> : null}</button>
        ))}
      </div>
      <div className="rbody" role="tabpanel">
        {tab === "logs" ? (
          <LogView key={`${selected}/${attempt}/${dropped}`} execution={execution} logsUrl={`${own}/logs`} searchUrl={`${own}/logs/search`} fileUrl={`${api}/executions/${execution}/file`} taskRun={selected} attempt={attempt || undefined} level={level} follow={!TERMINAL.has(row.state)} zone={zone} compact />
        ) : tab === "outputs" ? (
          <ValueTree key={selected} value={outputs} path={row.value !== undefined && row.value !== null ? `${name}['${row.value}']` : name} previewUrl={withQuery(`${api}/executions/${execution}/file/preview`, { maxRows: 50 })} downloadUrl={`${api}/executions/${execution}/file`} none={mine?.outputsUri ? `The outputs (${size(mine.outputsSize)}) are kept as a file.` : "This task run has no outputs."} filter={false} onPreview={onPreview} />
        ) : tab === "source" ? <Source key={selected} url={`${own}/taskruns/${selected}/source`} /> : tab === "history" ? <History detail={mine} zone={zone} /> : <Metrics key={selected} api={api} execution={execution} run={selected} turn={`${row.state}${row.attempts}`} />}
      </div>
      <div className="lf">
        {tab === "logs" ? <Lines key={selected} api={api} execution={execution} run={selected} deletable={deletable && TERMINAL.has(row.state)} onDeleted={() => setDropped((n) => n + 1)} /> : null}
        <span className="grow" />
        <button type="button" className="link sm" onClick={() => onLogs?.(selected)} data-testid="run-logs">Open in the log</button>
      </div>
    </section>
  );
}

// Beside the source of an execution: its task runs, and of the chosen one the properties as they render (UI-XP-70).
export function RunSources({ execution, api, onGo }) {
  const own = `${api}/console/executions/${execution}`;
  const [q, setQ] = useState("");
  const [chosen, setChosen] = useState("");
  const asked = useDeferredValue(q.trim());
  const { data, error, loading, reload } = useRequest(withQuery(`${own}/taskruns`, { limit: 200, q: asked || undefined }), { retries: 1 });
  const rows = data?.rows || [];
  const open = rows.some((row) => row.id === chosen) ? chosen : rows[0]?.id || "";
  if (error) return <div className="pad"><Problem error={error} what="The task runs could not be loaded." retry={reload} /></div>;
  if (loading && !data) return <div className="pad" aria-busy="true"><div className="sk" style={{ width: "60%" }} /></div>;
  return (
    <section className="fd-run rsrc" aria-label="Properties of the task runs" data-testid="run-sources">
      <div className="dta">
        <label className="inp s grow"><Icon name="search" /><input type="search" placeholder="Find a task run" aria-label="Find a task run" value={q} onChange={(e) => setQ(e.target.value)} /></label>
        <select className="btn s sel" value={open} aria-label="Task run" onChange={(e) => setChosen(e.target.value)} data-testid="run-sources-pick">
          {rows.map((row) => <option key={row.id} value={row.id}>{row.taskId}{row.value !== undefined && row.value !== null ? ` [${row.value}]` : ""}, {stateWord(row.state).toLowerCase()}</option>)}
        </select>
      </div>
      {data?.total > rows.length ? <p className="faint xs more">{count(rows.length)} of {count(data.total)}; search for the others.</p> : null}
      <div className="rbody">{open ? <Source key={open} url={`${own}/taskruns/${open}/source`} /> : <p className="none">{asked ? "No task run matches." : "No task run yet."}</p>}</div>
      {open ? <div className="lf"><span className="grow" /><button type="button" className="link sm" onClick={() => onGo?.(open)}>Show in the Gantt</button></div> : null}
    </section>
  );
}
