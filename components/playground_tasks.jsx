// Tasks of the playground as a tree: what ran in this play, what was kept from earlier ones, what is pinned; and the pins.
import { useCallback, useEffect, useMemo, useState } from "react";
import { request, useRequest } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution } from "$/public/external/components/stream/stream.jsx";
import { Icon, StateIcon, clock, count, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog, MenuItem, Popover } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import { RunPanel } from "$/public/external/components/run_panel/run_panel.jsx";

const WORST = ["FAILED", "KILLED", "RUNNING", "RETRYING", "PAUSED", "BREAKPOINT", "SUBMITTED", "CREATED", "WARNING", "SUCCESS", "SKIPPED"];
const PIN_STATES = ["SUCCESS", "WARNING", "FAILED", "SKIPPED"];

// -> [pins, keep]: the reader's own, on the server.
export function usePins(api, namespace, flow) {
  const [pins, setPins] = useState({});
  const url = namespace && flow ? `${api}/console/flows/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}/pins` : "";
  useEffect(() => {
    if (!url) return undefined;
    const stop = new AbortController();
    request(url, { signal: stop.signal }).then((found) => setPins(found.tasks || {}), () => {});
    return () => stop.abort();
  }, [url]);
  const keep = useCallback((next) => request(url, { method: "PUT", json: { tasks: next } }).then(
    (found) => setPins(found.tasks || {}),
    (error) => toast({ level: "error", title: "Not pinned", text: error.message, requestId: error.requestId }),
  ), [url]);
  return [pins, keep];
}

export function TaskRows({ api, execution, tasks, kept, pins, selected, busy, onSelect, onPlay, onPin, onUnpin }) {
  const store = useExecution(execution);
  const [now, setNow] = useState(() => Date.now());
  const running = Boolean(execution) && !TERMINAL.has(store.execution.state || "");
  useEffect(() => { if (!running) return undefined; const t = setInterval(() => setNow(Date.now()), 1000); return () => clearInterval(t); }, [running]);
  const byTask = useMemo(() => {
    const out = new Map();
    for (const row of store.rows.values()) out.set(row.taskId, [...(out.get(row.taskId) || []), row]);
    return out;
  }, [store.version, execution]);
  const origins = useMemo(() => new Map((kept?.kept || []).map((one) => [`${one.task}/${one.value ?? ""}`, one])), [kept]);
  const left = new Set(kept?.leftOut || []);
  const real = [...store.rows.values()].find((row) => row.id === selected);
  const origin = real && origins.get(`${real.taskId}/${real.value ?? ""}`);
  const siblings = real ? byTask.get(real.taskId) || [] : [];
  return (
    <>
      <ul className="pg-rows">
        {tasks.slice(0, 500).map((task, place) => {
          const inside = [];
          for (let i = place + 1; i < tasks.length && tasks[i].depth > task.depth; i += 1) if (!(tasks[i + 1]?.depth > tasks[i].depth)) inside.push(tasks[i].id);
          const leaves = inside.filter((id) => byTask.has(id));
          const played = !leaves.length || leaves.some((id) => !left.has(id)); // a block whose tasks were all left out was not played
          const partly = played && leaves.some((id) => left.has(id));
          const mine = played ? (byTask.get(task.id) || []).filter((row) => row.state !== "SKIPPED" || !left.has(row.taskId)) : [];
          const state = WORST.find((one) => mine.some((row) => row.state === one)) || "CREATED";
          const row = mine.find((one) => one.state === state);
          const before = mine.length > 0 && mine.every((one) => origins.has(`${one.taskId}/${one.value ?? ""}`));
          const pinned = Boolean(pins[task.id]);
          const open = Boolean(real) && real.taskId === task.id;
          const starts = mine.filter((one) => one.started).map((one) => Date.parse(one.started));
          const ends = mine.map((one) => (one.ended ? Date.parse(one.ended) : now));
          return (
            <li key={task.id} className={open ? "on" : ""} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !busy) { e.preventDefault(); onPlay(task.id); } }}>
              <button type="button" className="pg-row" style={{ paddingLeft: 12 + Math.min(task.depth, 8) * 14 }} disabled={!row} aria-expanded={row ? open : undefined} onClick={() => onSelect(open ? "" : row.id)}>
                <StateIcon state={state} /><span className={`mono ell${row ? "" : " faint"}`}>{task.id}</span>
                {mine.length > 1 ? <span className="faint sm">× {count(mine.length)}</span> : null}
                {pinned ? <span className="pg-tag" title="A pinned result stands for this task"><Icon name="pin" size={12} />pinned</span> : before ? <span className="pg-tag" title="From an earlier run of the playground">kept</span> : partly ? <span className="pg-tag" title="Not all tasks inside have been played">partly</span> : null}
                <span className="grow" />
                <span className="num sm mut">{before || !row ? "" : starts.length ? span(Math.max(...ends) - Math.min(...starts)) : stateWord(row.state)}</span>
              </button>
              <button type="button" className="ib" disabled={busy} aria-label={`Run ${task.id}`} title="Run this task" onClick={() => onPlay(task.id)}><Icon name="play" /></button>
              <Popover label={`More about ${task.id}`} menu width={220} align="end">
                <button type="button" className="ib" aria-label={`More about ${task.id}`} data-testid={`play-menu-${task.id}`}><Icon name="ellipsis" /></button>
                <MenuItem onSelect={() => onPlay(task.id)}><Icon name="play" />Run this task</MenuItem>
                <MenuItem onSelect={() => onPlay(`up:${task.id}`)} testid="play-here"><Icon name="arrow-down" />Run up to here</MenuItem>
                <MenuItem onSelect={() => onPlay(`down:${task.id}`)} testid="play-down"><Icon name="skip-forward" />Run it and all that follow</MenuItem>
                <MenuItem onSelect={() => onPin(task.id)} testid="play-pin"><Icon name="pin" />{pinned ? "Edit the pinned output" : "Pin its output"}</MenuItem>
                {pinned ? <MenuItem onSelect={() => onUnpin(task.id)} testid="play-unpin"><Icon name="x" />Unpin</MenuItem> : null}
              </Popover>
            </li>
          );
        })}
        {tasks.length ? null : <li><p className="mut sm pg-pad">The flow has no tasks yet.</p></li>}
      </ul>
      {real ? (
        <div className="pg-open">
          {siblings.length > 1 ? <div className="pg-of"><label className="sm row g6">Iteration <select className="btn s" value={selected} onChange={(e) => onSelect(e.target.value)}>{siblings.slice(0, 200).map((row) => <option key={row.id} value={row.id}>{String(row.value ?? row.id)}, {stateWord(row.state).toLowerCase()}</option>)}</select></label></div> : null}
          <RunPanel execution={origin?.execution || execution} api={api} selected={origin?.taskRun || selected} onClose={() => onSelect("")} />
        </div>
      ) : null}
    </>
  );
}

// Outputs that stand for a task from now on: typed, or those of an execution (UI-ED-83).
export function PinDialog({ task, api, namespace, flow, execution, pin, onClose, onKeep }) {
  const [text, setText] = useState("{}");
  const [state, setState] = useState("SUCCESS");
  const [from, setFrom] = useState("");
  const [problem, setProblem] = useState("");
  const search = { query: { size: 20, sort: "state.startDate:desc", "filters[namespace][EQUALS]": namespace, "filters[flowId][EQUALS]": flow } };
  const { data } = useRequest(task ? `${api}/executions/search` : "", search);
  const past = [...new Map([...(data?.results || [])].map((one) => [one.id, one])).values()];
  const take = (id) => {
    setFrom(id);
    if (!id) return;
    request(`${api}/executions/${id}`).then((whole) => {
      const runs = (whole.taskRunList || []).filter((one) => one.taskId === task);
      const outputs = runs.at(-1)?.outputs;
      setProblem(outputs ? "" : `${task} has no outputs in this execution.`);
      if (outputs) setText(JSON.stringify(outputs, null, 2));
    }, (error) => setProblem(error.message));
  };
  useEffect(() => {
    if (!task) return;
    setProblem("");
    setFrom("");
    setState(pin?.state || "SUCCESS");
    setText(JSON.stringify(pin?.outputs || {}, null, 2));
    if (!pin && execution) take(execution);
  }, [task]);
  const save = () => {
    try {
      const outputs = JSON.parse(text || "{}");
      if (!outputs || typeof outputs !== "object" || Array.isArray(outputs)) throw new Error("The outputs are a JSON object: { \"name\": value }.");
      onKeep({ outputs, state, ...(from ? { from } : {}) });
    } catch (error) {
      setProblem(error.message);
    }
  };
  return (
    <Dialog open={Boolean(task)} title={`Pinned output of ${task || ""}`} width={620} onClose={onClose} testid="pin-dialog">
      <div className="dbody col g12">
        <p className="mut sm">The task does not run while it is pinned: tasks after it get these outputs. Only you see your pins.</p>
        <div className="row g12 wrap">
          <label className="fld"><span className="sm med">Ends as</span><select className="btn" value={state} onChange={(e) => setState(e.target.value)} data-testid="pin-state">{PIN_STATES.map((one) => <option key={one} value={one}>{stateWord(one)}</option>)}</select></label>
          <label className="fld grow"><span className="sm med">Outputs of an execution</span><select className="btn" value={from} onChange={(e) => take(e.target.value)} data-testid="pin-from"><option value="">Choose …</option>{from && !past.some((one) => one.id === from) ? <option value={from}>This run</option> : null}{past.map((one) => <option key={one.id} value={one.id}>{clock(one.state?.startDate, { date: true })}, {stateWord(one.state?.current).toLowerCase()}</option>)}</select></label>
        </div>
        <label className="fld"><span className="sm med">Outputs</span><textarea className="inp mono" rows={10} spellCheck={false} value={text} onChange={(e) => { setText(e.target.value); setProblem(""); }} data-testid="pin-text" /></label>
        {problem ? <p className="fgs bad sm" role="alert">{problem}</p> : null}
      </div>
      <div className="df"><span className="grow" /><button type="button" className="btn" onClick={onClose}>Cancel</button><button type="button" className="btn pri" onClick={save} data-primary="true" data-testid="pin-save">Pin</button></div>
    </Dialog>
  );
}
