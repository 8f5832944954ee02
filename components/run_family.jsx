// The executions of one correlation id as a graph, left to right; states follow by the stream of dependencies.
import { useEffect, useMemo, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { TERMINAL } from "$/public/external/components/stream/stream.jsx";
import { Problem, StateIcon, clock, familyOf, plural, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import "./run_family.css";

const WIDE = 240;
const GAP = 64;
const HIGH = 52;
const MOST = 300;

export function RunFamily({ api, execution, correlation }) {
  const [runs, setRuns] = useState(null);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState(null);
  const [turn, setTurn] = useState(0);
  const [side, setSide] = useState("all");
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  useEffect(() => {
    const abort = new AbortController();
    (async () => {
      try {
        let found = [];
        for (let page = 1; page <= 3; page += 1) {
          const answer = await request(`${api}/executions/search`, { query: { page, size: 100, sort: "state.startDate:asc", "filters[labels][EQUALS][system.correlationId]": correlation, "filters[kind][IN]": "NORMAL,TEST,PLAYGROUND" }, signal: abort.signal });
          found = found.concat(answer.results);
          setTotal(answer.total);
          if (found.length >= answer.total) break;
        }
        if (!found.some((x) => x.id === execution)) found = found.concat((await request(`${api}/executions/search`, { query: { size: 1, "filters[executionId][EQUALS]": execution, "filters[kind][IN]": "NORMAL,TEST,PLAYGROUND" }, signal: abort.signal })).results);
        setRuns(found.map((x) => ({ id: x.id, namespace: x.namespace, flowId: x.flowId, state: x.state.current, start: x.state.startDate, end: x.state.endDate, parent: x.trigger?.variables?.executionId, by: x.trigger?.id })));
        setError(null);
      } catch (problem) {
        if (!isAbort(problem)) setError(problem);
      }
    })();
    return () => abort.abort();
  }, [api, correlation, execution, turn]);
  // States as they change; a new one is read with the rest.
  const living = runs?.some((r) => !TERMINAL.has(r.state));
  useEffect(() => {
    if (!living) return undefined;
    const stream = new EventSource(`${api}/executions/${execution}/follow-dependencies`);
    const told = (event) => {
      try {
        const one = JSON.parse(event.data);
        const state = one.state?.current || one.state;
        if (!one.executionId || !state) return;
        setRuns((old) => {
          if (!old?.some((r) => r.id === one.executionId)) { setTurn((n) => n + 1); return old; }
          return old.map((r) => (r.id === one.executionId ? { ...r, state, end: TERMINAL.has(state) ? r.end || new Date().toISOString() : undefined } : r));
        });
      } catch { /* not for us */ }
    };
    for (const name of ["progress", "end"]) stream.addEventListener(name, told);
    const timer = setInterval(() => document.hidden || setTurn((n) => n + 1), 10000);
    return () => { stream.close(); clearInterval(timer); };
  }, [api, execution, living]);

  const { nodes, edges, wide, high } = useMemo(() => {
    const by = new Map((runs || []).map((r) => [r.id, r]));
    const below = new Map();
    for (const r of by.values()) if (r.parent && by.has(r.parent)) below.set(r.parent, [...(below.get(r.parent) || []), r.id]);
    let keep = new Set(by.keys());
    const up = new Set();
    for (let r = by.get(execution); r && !up.has(r.id); r = by.get(r.parent)) up.add(r.id);
    const down = new Set();
    const walk = (id) => { if (down.has(id)) return; down.add(id); (below.get(id) || []).forEach(walk); };
    walk(execution);
    if (side === "up") keep = up;
    if (side === "down") keep = down;
    const placed = [];
    let row = 0;
    const done = new Set();
    const put = (id, depth) => {
      if (done.has(id) || !keep.has(id)) return row;
      done.add(id);
      const kids = (below.get(id) || []).filter((k) => keep.has(k));
      const first = row;
      if (!kids.length) row += 1;
      const spots = kids.map((k) => put(k, depth + 1));
      const y = kids.length ? spots.reduce((a, b) => a + b, 0) / spots.length : first;
      placed.push({ ...by.get(id), x: depth, y });
      return y;
    };
    for (const r of by.values()) if (keep.has(r.id) && !(r.parent && keep.has(r.parent))) put(r.id, 0);
    const at = new Map(placed.map((n) => [n.id, n]));
    return { nodes: placed, edges: placed.filter((n) => at.has(n.parent)).map((n) => [at.get(n.parent), n]), wide: (Math.max(0, ...placed.map((n) => n.x)) + 1) * (WIDE + GAP), high: Math.max(1, row) * (HIGH + 16) };
  }, [runs, side, execution]);
  if (error) return <div className="pad"><Problem error={error} what="The executions around this one could not be loaded." retry={() => setTurn(turn + 1)} /></div>;
  if (!runs) return <div className="rf" aria-busy="true"><i className="sk" style={{ width: 240, height: 52, margin: 24, display: "block" }} /></div>;
  const left = (n) => 16 + n.x * (WIDE + GAP);
  const top = (n) => 16 + n.y * (HIGH + 16);
  return (
    <div className="rf" data-testid="run-family">
      <div className="rft">
        <div className="seg" role="group" aria-label="Which executions">{[["up", "Upstream"], ["down", "Downstream"], ["all", "All"]].map(([k, w]) => <button key={k} type="button" className={side === k ? "on" : ""} aria-pressed={side === k} onClick={() => setSide(k)} data-testid={`family-${k}`}>{w}</button>)}</div>
        <span className="sm mut">{plural(nodes.length, "execution")}{total > MOST ? ` of ${total}` : ""}</span><span className="grow" />{living ? <span className="sm mut" role="status">live</span> : null}
      </div>
      <div className="rfs" tabIndex={0} role="region" aria-label="Executions that started each other">
        <div style={{ position: "relative", width: wide + 32, height: high + 32 }}>
          <svg width={wide + 32} height={high + 32} aria-hidden="true">{edges.map(([a, b]) => { const [x1, y1, x2, y2] = [left(a) + WIDE, top(a) + HIGH / 2, left(b), top(b) + HIGH / 2]; return <path key={b.id} d={`M${x1} ${y1}C${x1 + 32} ${y1} ${x2 - 32} ${y2} ${x2} ${y2}`} className={TERMINAL.has(b.state) ? "" : "go"} />; })}</svg>
          <ul>{nodes.map((n) => (
            <li key={n.id} style={{ left: left(n), top: top(n), width: WIDE, height: HIGH }}>
              <Link to={`/${tenant}/executions/${n.namespace}/${n.flowId}/${n.id}/dependencies`} className={`rfn ${familyOf(n.state)}${n.id === execution ? " own" : ""}`} aria-current={n.id === execution ? "true" : undefined} data-testid="family-node" data-id={n.id}>
                <span className="row g6"><StateIcon state={n.state} /><b className="med ell" title={`${n.namespace}.${n.flowId}`}>{n.flowId}</b></span>
                <span className="xs mut row g6"><span className="mono">{n.id.slice(0, 8)}</span><span>{stateWord(n.state)}</span><span className="num">{n.end ? span(Date.parse(n.end) - Date.parse(n.start)) : clock(n.start)}</span></span>
              </Link>
            </li>))}</ul>
        </div>
        {nodes.length < 2 ? <p className="mut" style={{ padding: "0 16px" }}>No other execution started this one, and it started none.</p> : null}
      </div>
    </div>
  );
}
