// States by task for the graph: of the tab's stream, of subflows that are shown inside, of one iteration of a loop.
// What the stream does not hold is asked by task, so ten thousand rounds cost one answer.
import { useEffect, useMemo, useRef, useState } from "react";
import { isAbort, request, withQuery } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution } from "$/public/external/components/stream/stream.jsx";

const WORST = ["FAILED", "KILLING", "KILLED", "RUNNING", "RETRYING", "RESTARTED", "PAUSED", "BREAKPOINT", "QUEUED", "SUBMITTED", "CREATED", "WARNING", "CANCELLED", "SUCCESS", "SKIPPED", "RETRIED", "RESUBMITTED"];
const AGAIN = 2000; // ms between two looks at what still runs
const at = (instant) => (instant ? Date.parse(instant) : NaN);

function ofRows(rows, now) {
  const state = WORST.find((s) => rows.some((row) => row.state === s));
  const counts = {};
  for (const row of rows) counts[row.state] = (counts[row.state] || 0) + 1;
  const starts = rows.map((row) => at(row.started)).filter(Boolean);
  const ends = rows.map((row) => at(row.ended)).filter(Boolean);
  const open = rows.some((row) => row.started && !TERMINAL.has(row.state));
  const ms = starts.length ? (open ? now : ends.length ? Math.max(...ends) : Math.min(...starts)) - Math.min(...starts) : undefined;
  const one = rows[rows.length - 1];
  const kids = one?.children?.total ? Object.fromEntries(Object.entries(one.children).filter(([k]) => k !== "total")) : null;
  return { state, counts: rows.length > 1 ? counts : null, kids, ms, runs: rows.length, attempts: Math.max(...rows.map((row) => row.attempts || 1)), value: rows.length === 1 ? one.value : undefined, id: (rows.find((row) => row.state === state) || one).id, run: one.id, child: one.childExecution };
}

function ofTask(task, now) {
  const state = WORST.find((s) => task.counts[s]);
  const runs = Object.values(task.counts).reduce((n, c) => n + c, 0);
  const start = at(task.started);
  const ms = Number.isNaN(start) ? undefined : (task.going ? now : Number.isNaN(at(task.ended)) ? start : at(task.ended)) - start;
  return { state, counts: runs > 1 ? task.counts : null, kids: null, ms, runs, attempts: task.attempts || 1, value: runs === 1 ? task.value : undefined, id: task.ids[state], run: task.run, child: task.child, rounds: task.rounds };
}

// wanted: [{key, execution, loop, iteration}] -> Map key -> answer; those that run are asked again.
function useTopologies(api, wanted) {
  const [answers, setAnswers] = useState(() => new Map());
  const mark = JSON.stringify(wanted);
  const held = useRef(answers);
  held.current = answers;
  useEffect(() => {
    if (!wanted.length) { if (held.current.size) setAnswers(new Map()); return undefined; }
    const stop = new AbortController();
    let timer = 0;
    let gone = false;
    const ask = async () => {
      const list = await Promise.all(wanted.map((one) => {
        const old = held.current.get(one.key);
        if (old && old.asked === JSON.stringify(one) && TERMINAL.has(old.execution.state)) return [one.key, old];
        return request(withQuery(`${api}/console/executions/${one.execution}/topology`, { loop: one.loop, iteration: one.iteration }), { signal: stop.signal }).then(
          (found) => [one.key, { ...found, asked: JSON.stringify(one) }],
          (error) => (isAbort(error) ? null : [one.key, { execution: { id: one.execution, state: "FAILED" }, tasks: {}, asked: JSON.stringify(one), error }]),
        );
      }));
      if (gone) return;
      const next = new Map(list.filter(Boolean));
      setAnswers(next);
      if ([...next.values()].some((one) => !TERMINAL.has(one.execution.state))) timer = setTimeout(ask, AGAIN);
    };
    ask();
    return () => { gone = true; clearTimeout(timer); stop.abort(); };
  }, [api, mark]);
  return answers;
}

const pathOf = (id) => id.replace(/^folded:/, "").replace(/^cluster_/, "");

// The opened subflow that a node or cluster lies in; "" outside of all.
export function scopeOf(id, opened) {
  const path = pathOf(id);
  let found = "";
  for (const uid of opened) if (path.startsWith(`${uid}.`) && uid.length > found.length) found = uid;
  return found;
}

// -> {tracked, running, liveOf(node or cluster), total, valueOf(cluster id), executionOf(scope)}; iteration: Map cluster id -> number from 0.
export function useRuns({ api, execution, shape, opened, iteration }) {
  const store = useExecution(execution || "");
  const [now, setNow] = useState(() => Date.now());
  const [wanted, setWanted] = useState([]);

  const rowsByTask = useMemo(() => {
    const out = new Map();
    if (execution) for (const row of store.rows.values()) out.set(row.taskId, [...(out.get(row.taskId) || []), row]);
    return out;
  }, [execution, store.version]);
  const whole = useMemo(() => [...store.rows.values()].every((row) => !(row.children?.total > (store.children.get(row.id)?.length || 0))), [store.version]);
  const rounds = useMemo(() => {
    const out = new Map(); // loop's task -> iterations that are here
    for (const row of execution ? store.rows.values() : []) {
      if (!row.parent || !(row.iteration >= 0)) continue;
      const loop = store.rows.get(row.parent)?.taskId;
      if (loop) out.set(loop, Math.max(out.get(loop) || 0, row.iteration + 1));
    }
    return out;
  }, [execution, store.version]);
  const answers = useTopologies(api, wanted);

  const clusters = useMemo(() => new Map(shape.clusters.map((c) => [c.id, c])), [shape]);
  const liveOf = useMemo(() => {
    const known = new Map();
    const baseOf = (scope, task) => {
      const answer = answers.get(scope)?.tasks?.[task];
      if (scope) return answer ? ofTask(answer, now) : undefined;
      const rows = rowsByTask.get(task);
      const counted = answer ? Object.values(answer.counts).reduce((n, c) => n + c, 0) : 0;
      if (rows?.length && rows.length >= counted) return { ...ofRows(rows, now), rounds: answer?.rounds || rounds.get(task) };
      return answer ? ofTask(answer, now) : undefined;
    };
    const find = (one) => {
      const key = `${one.id}`;
      if (known.has(key)) return known.get(key);
      const scope = scopeOf(one.id, opened);
      let above = one.cluster !== undefined ? one.cluster : one.parent;
      let live;
      let hit = false;
      for (; above && clusters.has(above); above = clusters.get(above).parent) {
        if (iteration.get(above) === undefined || scopeOf(above, opened) !== scope) continue;
        const answer = answers.get(`it:${above}`);
        live = answer?.tasks?.[one.task] ? ofTask(answer.tasks[one.task], now) : undefined;
        hit = true;
        break;
      }
      if (!hit) live = baseOf(scope, one.task);
      known.set(key, live);
      return live;
    };
    return find;
  }, [answers, rowsByTask, rounds, now, iteration, opened, clusters, execution]);

  // What has to be asked; ids of subflows and inner loops come with the answers.
  const next = [];
  if (execution && !whole) next.push({ key: "", execution });
  const executions = new Map([["", execution]]);
  for (const uid of execution ? [...opened].sort((a, b) => a.length - b.length) : []) {
    const cluster = clusters.get(`cluster_${uid}`);
    const child = cluster && liveOf(cluster)?.child;
    if (!child) continue;
    executions.set(uid, child);
    next.push({ key: uid, execution: child });
  }
  for (const [id, number] of execution ? iteration : []) {
    const cluster = clusters.get(id);
    const live = cluster && liveOf(cluster);
    const of = cluster && executions.get(scopeOf(id, opened));
    if (live?.run && of) next.push({ key: `it:${id}`, execution: of, loop: live.run, iteration: number });
  }
  const mark = JSON.stringify(next);
  useEffect(() => setWanted(next), [mark]);

  const tracked = Boolean(execution) && store.rows.size > 0;
  const { state } = store.execution;
  const running = Boolean(state) && !TERMINAL.has(state);
  useEffect(() => {
    if (!tracked || !running) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [tracked, running]);

  const total = useMemo(() => {
    if (execution && whole) return store.leafCounts();
    const out = {};
    const blocks = new Set(shape.clusters.map((c) => c.task));
    for (const [task, one] of Object.entries(answers.get("")?.tasks || {})) if (!blocks.has(task)) for (const [s, n] of Object.entries(one.counts)) out[s] = (out[s] || 0) + n;
    return out;
  }, [execution, whole, store.version, answers, shape]);
  return { tracked, running, liveOf, total, valueOf: (id) => Object.values(answers.get(`it:${id}`)?.tasks || {}).find((t) => t.value !== undefined && t.value !== null)?.value, executionOf: (scope) => executions.get(scope) };
}
