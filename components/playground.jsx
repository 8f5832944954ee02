// Runs beside the editor: the flow's last execution, and the playground, where single tasks run on what earlier ones gave
// (UI-ED-01 Last run, UI-ED-70, UI-ED-80 to UI-ED-83). Rows and lines come by the tab's stream. What a play leaves out and
// what stands for it is decided by the server.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { request, withQuery } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution, useTopic } from "$/public/external/components/stream/stream.jsx";
import { Icon, Problem, StateIcon, clock, plural, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog, MenuItem, Popover } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import { RunPanel } from "$/public/external/components/run_panel/run_panel.jsx";
import { ExecuteForm } from "$/public/external/components/execute_form/execute_form.jsx";
import { Gantt } from "$/public/external/components/gantt/gantt.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { PinDialog, TaskRows, usePins } from "./playground_tasks.jsx";
import "./playground.css";

const KEPT = 10;
const RESETS = ["inputs", "variables", "pluginDefaults", "outputs"];
const stateOf = (run) => run?.state?.current || run?.state || "CREATED";

function useRuns(api, namespace, flow, kind, size) {
  const [runs, setRuns] = useState(null);
  const [error, setError] = useState(null);
  const load = useCallback(() => {
    if (!namespace || !flow) return Promise.resolve([]);
    const query = { size, sort: "state.startDate:desc", "filters[namespace][EQUALS]": namespace, "filters[flowId][EQUALS]": flow, ...(kind ? { "filters[kind][EQUALS]": kind } : {}) };
    return request(`${api}/executions/search`, { query }).then((found) => {
      // Ids are ordered by time; a replay carries the start of its original.
      const list = (found.results || []).sort((a, b) => (a.id < b.id ? 1 : -1));
      setRuns(list);
      setError(null);
      return list;
    }, (e) => { setError(e); return []; });
  }, [api, namespace, flow, kind, size]);
  useEffect(() => { load(); }, [load]);
  return { runs, error, load };
}

// Tasks of one execution with state and time; one of them opened.
function Rows({ execution, api, selected, onSelect }) {
  const store = useExecution(execution);
  const [now, setNow] = useState(() => Date.now());
  const running = !TERMINAL.has(store.execution.state || "");
  useEffect(() => { if (!running) return undefined; const t = setInterval(() => setNow(Date.now()), 1000); return () => clearInterval(t); }, [running]);
  const rows = [...store.rows.values()].sort((a, b) => (Date.parse(a.created) || 0) - (Date.parse(b.created) || 0)).slice(0, 300);
  const open = rows.find((row) => row.id === selected);
  return (
    <>
      <ul className="pg-rows">
        {rows.map((row) => (
          <li key={row.id} className={selected === row.id ? "on" : ""}>
            <button type="button" className="pg-row" aria-expanded={selected === row.id} onClick={() => onSelect(selected === row.id ? "" : row.id)}>
              <StateIcon state={row.state} /><span className="mono ell">{row.taskId}</span>{row.value !== undefined && row.value !== null ? <span className="faint sm ell">{String(row.value)}</span> : null}<span className="grow" />
              <span className="num sm mut">{row.started ? span((row.ended ? Date.parse(row.ended) : now) - Date.parse(row.started)) : stateWord(row.state)}</span>
            </button>
          </li>
        ))}
      </ul>
      {open ? <div className="pg-open"><RunPanel execution={execution} api={api} selected={selected} onClose={() => onSelect("")} /></div> : null}
    </>
  );
}

export function LastRun({ api, namespace, flow, onFollow, onOpen }) {
  const { runs, error, load } = useRuns(api, namespace, flow, "", KEPT);
  const [chosen, setChosen] = useState("");
  const [selected, setSelected] = useState("");
  const held = useRef({});
  held.current = { onFollow };
  const id = chosen || runs?.[0]?.id || "";
  const store = useExecution(id);
  useEffect(() => { if (id) held.current.onFollow?.(id); }, [id]);
  useEffect(() => setSelected(""), [id]);
  const topic = useTopic(`flow:${namespace}/${flow}`);
  const mark = JSON.stringify(topic ?? null);
  useEffect(() => { if (topic) load(); }, [mark]);
  useEffect(() => { const t = setInterval(() => document.hidden || load(), 15000); return () => clearInterval(t); }, [load]);
  // The failed task is what one looks for.
  const failed = [...store.rows.values()].find((row) => row.state === "FAILED" && !row.children?.total)?.id;
  useEffect(() => { if (failed) setSelected((old) => old || failed); }, [failed]);
  if (error && !runs) return <div className="pg"><Problem error={error} what="The last run could not be loaded." retry={load} /></div>;
  if (!runs) return <div className="pg pg-pad" aria-busy="true"><div className="sk" style={{ width: "50%" }} /></div>;
  if (!runs.length) return <div className="pg pg-pad mut sm" data-testid="last-run"><p>This flow has not run yet. Its outputs and logs will stand here.</p></div>;
  const run = runs.find((one) => one.id === id);
  const state = store.execution.state || stateOf(run);
  return (
    <section className="pg" aria-label="Last run" data-testid="last-run">
      <div className="pg-bar">
        <StateIcon state={state} />
        <select className="btn s" aria-label="Execution" value={id} onChange={(e) => setChosen(e.target.value)}>{runs.map((one, i) => <option key={one.id} value={one.id}>{i ? "" : "Newest: "}{clock(one.state?.startDate, { date: true })}, {stateWord(stateOf(one)).toLowerCase()}</option>)}</select>
        <span className="grow" />
        <button type="button" className="btn s" onClick={() => onOpen?.(id)} data-testid="last-run-open"><Icon name="external-link" />Open</button>
      </div>
      <Rows execution={id} api={api} selected={selected} onSelect={setSelected} />
    </section>
  );
}

// play: {seq, task} from a Play button elsewhere; the text is saved by then. `task` is an id, or `up:`, `down:`, `all:`.
export function Playground({ api, namespace, flow, docUri, play, onFollow, onPlay }) {
  const doc = useDocument(docUri);
  const { runs, error, load } = useRuns(api, namespace, flow, "PLAYGROUND", KEPT + 5);
  const [chosen, setChosen] = useState("");
  const [selected, setSelected] = useState("");
  const [looked, setLooked] = useState(""); // the task that is looked at: a new run shows it again
  const [asking, setAsking] = useState(null); // the query of a play whose inputs are asked, once
  const [missing, setMissing] = useState(null); // {task, tasks}
  const [pinning, setPinning] = useState("");
  const [anew, setAnew] = useState(false); // earlier results count no more
  const [busy, setBusy] = useState(false);
  const [view, setView] = useState("tasks");
  const held = useRef({});
  held.current = { onFollow };
  const value = useMemo(() => (doc.source ? Y.valueOf(doc.source) : {}), [doc.source]);
  const tasks = useMemo(() => Y.tasksOf(value, ["tasks"]).filter((one) => one.value.id).map((one) => ({ id: String(one.value.id), type: String(one.value.type || ""), depth: one.depth })), [value]);
  const id = anew ? "" : chosen || runs?.[0]?.id || "";
  const store = useExecution(id);
  const [pins, keepPins] = usePins(api, namespace, flow);
  const [kept, setKept] = useState(null); // what did not run in this play
  useEffect(() => { if (id) held.current.onFollow?.(id); }, [id]);
  useEffect(() => {
    setSelected("");
    setKept(null);
    if (!id) return undefined;
    const stop = new AbortController();
    request(`${api}/console/executions/${id}/playground`, { signal: stop.signal }).then(setKept, () => {});
    return () => stop.abort();
  }, [api, id]);
  const select = (row) => { setSelected(row); setLooked(row ? store.rows.get(row)?.taskId || "" : ""); };
  useEffect(() => {
    if (selected || !looked) return;
    const row = [...store.rows.values()].find((one) => one.taskId === looked && one.state !== "SKIPPED");
    if (row) setSelected(row.id);
  }, [store.version, id, selected, looked]);
  const signature = JSON.stringify(RESETS.map((key) => value[key] ?? null));
  const ran = useRef({});
  useEffect(() => {
    if (!ran.current.id || ran.current.signature === signature || !doc.source) return;
    ran.current = {};
    setAnew(true);
    toast({ level: "info", title: "The playground begins anew", text: "Inputs, variables, plugin defaults or outputs of the flow changed." });
  }, [signature]);

  const begun = async (made) => {
    ran.current = { id: made.id, signature };
    setAnew(false);
    setChosen(made.id);
    const list = await load();
    // Older ones go as they can; files that they made may still be results of newer ones.
    for (const old of list.slice(KEPT)) request(withQuery(`${api}/executions/${old.id}`, { deleteStorage: false }), { method: "DELETE" }).catch(() => {});
  };
  const guarded = async (work) => {
    setBusy(true);
    try { await work(); } catch (e) { toast({ level: "error", title: "Not played", text: e.message, requestId: e.requestId }); } finally { setBusy(false); }
  };
  const own = `${api}/console/flows/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}`;
  const base = `${api}/executions/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}`;
  const asked = (value.inputs || []).some((one) => one && one.required !== false && (one.defaults === undefined || one.defaults === null));
  const going = Boolean(id) && !TERMINAL.has(store.execution.state || "") && !["BREAKPOINT", "PAUSED"].includes(store.execution.state || "") && store.rows.size > 0;
  const run = (wanted, force = false) => {
    const [, scope, task] = /^(?:(up|down|all):)?(.*)$/.exec(wanted);
    if (scope !== "all" && !tasks.some((one) => one.id === task)) { toast({ level: "info", title: "Not played", text: `${task} is not in the tasks of the flow.` }); return; }
    if (going) { toast({ level: "info", title: "Not played", text: "The run before it has not ended yet." }); return; }
    const query = { play: scope === "all" ? undefined : task, base: scope === "all" ? undefined : id || undefined, scope: scope === "down" ? "downstream" : undefined, force: force || scope === "up" || undefined };
    guarded(async () => {
      if (!id || scope === "all") {
        const found = await request(withQuery(`${own}/playground`, { ...query, check: true }), { method: "POST" });
        if (found.missing.length) { setMissing({ task, wanted, tasks: found.missing }); return; }
        if (asked) { setAsking(query); return; }
      }
      const made = await request(withQuery(`${own}/playground`, query), { method: "POST" });
      if (made.missing) setMissing({ task, wanted, tasks: made.missing });
      else await begun(made);
    });
  };
  const seen = useRef(play?.seq);
  useEffect(() => {
    if (!play?.task || play.seq === seen.current || !doc.source || !runs) return;
    seen.current = play.seq;
    run(play.task);
  }, [play?.seq, doc.source, runs]);

  const restart = () => { setChosen(""); ran.current = {}; for (const old of runs || []) request(`${api}/executions/${old.id}`, { method: "DELETE" }).catch(() => {}); setAnew(true); setTimeout(load, 400); };
  if (error && !runs) return <div className="pg"><Problem error={error} what="The playground could not be loaded." retry={load} /></div>;
  const first = tasks[0]?.id;
  return (
    <section className="pg" aria-label="Playground" data-testid="playground">
      <div className="pg-bar">
        {id ? <StateIcon state={store.execution.state || "CREATED"} /> : <Icon name="play" />}
        {runs?.length ? <select className="btn s" aria-label="Run" value={id} onChange={(e) => { setAnew(false); setChosen(e.target.value); }}>{anew ? <option value="">A new beginning</option> : null}{runs.slice(0, KEPT).map((one, i) => <option key={one.id} value={one.id}>{i ? "" : "Newest: "}{clock(one.state?.startDate, { date: true })}, {stateWord(stateOf(one)).toLowerCase()}</option>)}</select> : <span className="mut sm">Nothing played yet</span>}
        {id ? <span className="seg" role="group" aria-label="View"><button type="button" className={view === "tasks" ? "on" : ""} aria-pressed={view === "tasks"} onClick={() => setView("tasks")}>Tasks</button><button type="button" className={view === "gantt" ? "on" : ""} aria-pressed={view === "gantt"} onClick={() => setView("gantt")} data-testid="play-gantt">Gantt</button></span> : null}
        <span className="grow" />
        <button type="button" className="btn s pri" disabled={busy || !first} onClick={() => onPlay?.(first)} data-testid="play-first"><Icon name="play" /><span className="ell">Run {first || ""}</span></button>
        <Popover label="More" menu width={210} align="end">
          <button type="button" className="ib" aria-label="More ways to run" data-testid="play-more"><Icon name="ellipsis" /></button>
          <MenuItem onSelect={() => onPlay?.("all:")} testid="play-all"><Icon name="play" />Run all tasks</MenuItem>
          <MenuItem onSelect={restart} testid="play-reset"><Icon name="refresh-cw" />Reset</MenuItem>
        </Popover>
      </div>
      {view === "gantt" && id ? (
        <div className="pg-gantt" data-testid="play-chart"><Gantt key={id} execution={id} rowsUrl={`${api}/console/executions/${id}/taskruns`} selected={selected} toolbar={false} onSelect={(row) => { select(row); setView("tasks"); }} /></div>
      ) : <TaskRows api={api} execution={id} tasks={tasks} kept={kept} pins={pins} selected={selected} busy={busy} onSelect={select} onPlay={(task) => onPlay?.(task)} onPin={setPinning} onUnpin={(task) => { const { [task]: _, ...rest } = pins; keepPins(rest); }} />}
      <PinDialog task={pinning} api={api} namespace={namespace} flow={flow} execution={id} pin={pins[pinning]} onClose={() => setPinning("")} onKeep={(pin) => { keepPins({ ...pins, [pinning]: pin }); setPinning(""); }} />
      <Dialog open={Boolean(missing)} title="What comes before has not run" width={440} onClose={() => setMissing(null)} testid="play-missing">
        <div className="dbody"><p><b className="mono">{missing?.task}</b> needs {plural(missing?.tasks.length || 0, "task")} before it: <span className="mono">{missing?.tasks.join(", ")}</span>.</p></div>
        <div className="df"><span className="grow" /><button type="button" className="btn" onClick={() => setMissing(null)}>Cancel</button><button type="button" className="btn pri" data-primary="true" onClick={() => { const { wanted } = missing; setMissing(null); run(wanted, true); }} data-testid="play-up-to">Run up to here</button></div>
      </Dialog>
      <Dialog open={Boolean(asking)} title="Inputs of the playground" width={720} onClose={() => setAsking(null)} testid="play-inputs">
        {asking ? <ExecuteForm flowUrl={`${api}/flows/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}`} validateUrl={`${base}/validate`} createUrl={withQuery(`${own}/playground`, asking)} submitLabel="Run" onCancel={() => setAsking(null)} onCreated={(made) => { setAsking(null); begun(made); }} /> : null}
      </Dialog>
    </section>
  );
}
