// Executions as bars by start and duration, in rows by flow, namespace or a label's value; zoom by drag and wheel.
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request, useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, clock, count, familyOf, plural, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import "./run_views.css";
import { dateLocale } from "$/public/external/components/language/language.jsx";

const MOST = 1000;
const LANE = 16;
const STEPS = [1000, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000, 10800000, 21600000, 43200000, 86400000, 604800000, 2592000000];
const dayOf = (t) => new Date(t).toLocaleDateString(dateLocale(), { day: "numeric", month: "short" });
const tickOf = (t, step) => (step >= 86400000 ? dayOf(t) : new Date(t).getHours() === 0 && new Date(t).getMinutes() === 0 ? dayOf(t) : clock(t).slice(0, step < 60000 ? 8 : 5));

function groupOf(run, by) {
  if (by === "namespace") return run.namespace;
  if (by.startsWith("label:")) return (run.labels || []).find((l) => l.key === by.slice(6))?.value || "without";
  return `${run.namespace}/${run.flowId}`;
}

// Runs that overlap stand below each other.
function lanes(runs, now) {
  const ends = [];
  return runs.map((run) => {
    const end = run.end ?? now;
    let lane = ends.findIndex((e) => e <= run.start);
    if (lane < 0) lane = ends.length < 5 ? ends.push(0) - 1 : 4;
    ends[lane] = end;
    return { ...run, lane };
  });
}

export function RunTimeline({ url, reload = 0 }) {
  const [runs, setRuns] = useState(null);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState(null);
  const [turn, setTurn] = useState(0);
  const [by, setBy] = useState("flow");
  const [view, setView] = useState(null);
  const [brush, setBrush] = useState(null);
  const [tip, setTip] = useState(null);
  const [now, setNow] = useState(() => Date.now());
  const track = useRef(null);
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];

  useEffect(() => {
    const abort = new AbortController();
    (async () => {
      try {
        let found = [];
        for (let page = 1; page <= MOST / 100; page += 1) {
          const answer = await request(url, { query: { page, size: 100, sort: "state.startDate:desc" }, signal: abort.signal });
          found = found.concat(answer.results.map((x) => ({ id: x.id, namespace: x.namespace, flowId: x.flowId, labels: x.labels, state: x.state.current, start: Date.parse(x.state.startDate), end: x.state.endDate ? Date.parse(x.state.endDate) : undefined })));
          setTotal(answer.total);
          setError(null);
          if (page === 1 || found.length >= answer.total || page === MOST / 100) setRuns(found);
          if (found.length >= answer.total) break;
        }
        setNow(Date.now());
      } catch (problem) {
        if (!isAbort(problem)) setError(problem);
      }
    })();
    return () => abort.abort();
  }, [url, reload, turn]);
  useEffect(() => {
    if (!runs?.some((r) => r.end === undefined)) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 2000);
    return () => clearInterval(timer);
  }, [runs]);

  const configured = useRequest("/api/v1/configs").data?.hiddenLabelsPrefixes, hidden = useMemo(() => configured || ["system."], [configured]);
  const labels = useMemo(() => [...new Set((runs || []).flatMap((r) => (r.labels || []).map((l) => l.key)).filter((k) => !hidden.some((p) => k.startsWith(p))))].sort().slice(0, 12), [runs, hidden]);
  const rows = useMemo(() => {
    const groups = new Map();
    for (const run of [...(runs || [])].sort((a, b) => a.start - b.start)) {
      const key = groupOf(run, by);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(run);
    }
    return [...groups].map(([name, list]) => ({ name, runs: lanes(list, now), last: list[list.length - 1].start })).sort((a, b) => b.last - a.last);
  }, [runs, by, Math.floor(now / 10000)]);
  if (error) return <Problem error={error} what="The executions could not be loaded." retry={() => setTurn(turn + 1)} />;
  if (!runs) return <div className="rt" aria-busy="true"><div className="skb">{[0, 1, 2, 3].map((n) => <div key={n} className="skr"><i className="sk" style={{ width: 160 }} /><i className="sk" style={{ flex: 1 }} /></div>)}</div></div>;
  if (!runs.length) return <div className="empty" data-testid="timeline-none"><h2>Nothing matches</h2><p className="mut">No execution of the chosen time fits the conditions above.</p></div>;

  const first = Math.min(...runs.map((r) => r.start));
  const last = Math.max(...runs.map((r) => r.end ?? now));
  const room = Math.max(1000, last - first) * 0.02;
  const [from, to] = view || [first - room, last + room];
  const x = (t) => ((t - from) / (to - from)) * 100;
  const step = STEPS.find((s) => (to - from) / s <= 9) || STEPS[STEPS.length - 1];
  const shift = new Date(from).getTimezoneOffset() * 60000;
  const ticks = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) ticks.push(t);
  const at = (event) => {
    const box = track.current.getBoundingClientRect();
    return from + Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * (to - from);
  };
  const zoom = (factor, middle = (from + to) / 2) => {
    const a = Math.max(first - room, middle - (middle - from) * factor);
    const b = Math.min(last + room, middle + (to - middle) * factor);
    setView(b - a >= last - first ? null : b - a > 500 ? [a, b] : view);
  };
  return (
    <div className="rt" data-testid="run-timeline">
      <div className="rtt">
        <label className="row g6 sm mut">Rows by
          <select className="btn s sel" value={by} onChange={(e) => setBy(e.target.value)} data-testid="timeline-by" aria-label="Rows by">
            <option value="flow">flow</option>
            <option value="namespace">namespace</option>
            {labels.map((k) => <option key={k} value={`label:${k}`}>{`label ${k}`}</option>)}
          </select>
        </label>
        <span className="sm mut num">{runs.length < total ? `the newest ${count(runs.length)} of ${count(total)}` : plural(total, "execution")}, {plural(rows.length, "row")}</span>
        <span className="grow" />
        <button type="button" className="ib" aria-label="Zoom out" disabled={!view} onClick={() => zoom(1.7)}><Icon name="zoom-out" /></button>
        <button type="button" className="ib" aria-label="Zoom in" onClick={() => zoom(0.6)}><Icon name="zoom-in" /></button>
        <button type="button" className="ib" aria-label="Show all" disabled={!view} onClick={() => setView(null)}><Icon name="maximize" /></button>
      </div>
      <div className="rth">
        <span className="rtn sm mut">{by === "flow" ? "Flow" : by === "namespace" ? "Namespace" : by.slice(6)}</span>
        <div className="rtx" ref={track} onPointerDown={(e) => { if (e.button) return; e.currentTarget.setPointerCapture(e.pointerId); setBrush([at(e), at(e)]); }} onPointerMove={(e) => brush && setBrush([brush[0], at(e)])}
          onPointerUp={() => { if (brush && Math.abs(brush[1] - brush[0]) > (to - from) / 60) setView([Math.min(...brush), Math.max(...brush)]); setBrush(null); }} onDoubleClick={() => setView(null)} title="Draw to zoom">
          {ticks.map((t) => <span key={t} className="num" style={{ left: `${x(t)}%`, ...(x(t) < 4 ? { transform: "none" } : {}) }}>{tickOf(t, step)}</span>)}
          {brush ? <i className="rtsel" style={{ left: `${x(Math.min(...brush))}%`, width: `${Math.abs(x(brush[1]) - x(brush[0]))}%` }} /> : null}
        </div>
      </div>
      <div className="rts" tabIndex={0} role="list" aria-label="Executions by time" onMouseLeave={() => setTip(null)}>
        {rows.map((row) => {
          const depth = Math.max(1, ...row.runs.map((r) => r.lane + 1));
          const height = Math.max(28, depth * LANE + 8);
          const above = (height - depth * LANE + 4) / 2;
          return (
            <div key={row.name} className="rtr" role="listitem" style={{ height }}>
              <span className="rtn" title={row.name}><span className="ell tail"><bdi>{by === "flow" ? <><span className="ns">{row.name.split("/")[0]}/</span><b className="med">{row.name.split("/")[1]}</b></> : row.name}</bdi></span><i className="cnt">{count(row.runs.length)}</i></span>
              <div className="rtx">
                {ticks.map((t) => <u key={t} style={{ left: `${x(t)}%` }} />)}
                {row.runs.map((run) => {
                  const end = run.end ?? now;
                  if (end < from || run.start > to) return null;
                  const family = familyOf(run.state);
                  const look = family === "live" ? "stripe" : family === "queued" ? "hatch" : family === "hold" ? "held" : "solid";
                  return <Link key={run.id} to={`/${tenant}/executions/${run.namespace}/${run.flowId}/${run.id}/gantt`} className={`rtbar ${family} ${look}`} aria-label={`${run.flowId}, ${stateWord(run.state)}, ${clock(run.start)}, ${span(end - run.start)}`} data-testid="timeline-bar"
                    style={{ left: `${Math.max(0, x(run.start))}%`, width: `max(3px, ${Math.min(100, x(end)) - Math.max(0, x(run.start))}%)`, top: above + run.lane * LANE }} onMouseMove={(e) => setTip({ run, x: e.clientX, y: e.clientY })} onMouseLeave={() => setTip(null)} />;
                })}
              </div>
            </div>
          );
        })}
      </div>
      {tip ? (
        <div className="rttip" role="tooltip" style={{ left: Math.min(tip.x + 12, window.innerWidth - 270), top: Math.min(tip.y + 14, window.innerHeight - 120) }}>
          <b>{tip.run.flowId}</b><span className={`fgs ${familyOf(tip.run.state)}`}>{stateWord(tip.run.state)}</span>
          <span className="num">{dayOf(tip.run.start)} {clock(tip.run.start)}, {span((tip.run.end ?? now) - tip.run.start)}</span><span className="mono faint">{tip.run.id.slice(0, 8)}</span>
        </div>
      ) : null}
    </div>
  );
}
