// Gantt of one execution: a virtual tree of task runs with bars, fed by the tab's stream and by pages of rows.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request, useDebounced, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution, watchParents } from "$/public/external/components/stream/stream.jsx";
import { Icon, Problem, STATE_ORDER, StateIcon, batchesPlace, clock, count, familyOf, plural, span, stateWord, waitsFor } from "$/public/external/components/glyphs/glyphs.jsx";
import "./gantt.css";

const ROW = 32;
const FOLD = 50; // children above which a group starts folded to one bar of counts
const PAGE = 500;
const at = (instant) => (instant ? Date.parse(instant) : undefined);
const live = (state) => state && !TERMINAL.has(state) && state !== "CREATED";

// ---- the tree --------------------------------------------------------------------------------------------------
// Iterations of a loop with several tasks become rows of their own; with one task the value is a tag of its row.
function groupIterations(store, ids) {
  const names = new Set();
  let valued = 0;
  for (const id of ids) {
    const row = store.rows.get(id);
    names.add(row.taskId);
    if (row.value !== undefined && row.value !== null) valued += 1;
  }
  if (valued !== ids.length || names.size < 2) return null;
  const groups = new Map();
  for (const id of ids) {
    const row = store.rows.get(id);
    const key = `${row.iteration ?? ""}\u0000${row.value}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return groups;
}

const RANK = ["FAILED", "KILLING", "KILLED", "PAUSED", "BREAKPOINT", "RUNNING", "RETRYING", "RESTARTED", "QUEUED", "SUBMITTED", "CREATED", "WARNING", "CANCELLED", "SKIPPED", "SUCCESS"];
function iterationRow(parent, key, rows) {
  const state = RANK.find((s) => rows.some((row) => row.state === s)) || rows[0].state;
  const done = rows.every((row) => TERMINAL.has(row.state));
  const times = rows.map((row) => row.started && (row.created || row.started)).filter(Boolean).sort();
  const ends = rows.map((row) => row.ended).filter(Boolean).sort();
  return {
    id: `${parent}\u0000${key}`,
    virtual: true,
    taskId: String(rows[0].value),
    iterationTag: rows[0].iteration,
    parent,
    state,
    created: rows[0].created,
    started: times[0],
    ended: done ? ends[ends.length - 1] : undefined,
    children: { total: rows.length },
  };
}

function isOpen(row, toggled, total) {
  if (toggled.has(row.id)) return toggled.get(row.id);
  return row.virtual ? total <= FOLD : (row.children?.total ?? 0) <= FOLD;
}

// Orders of the rows within their group: as they were made, by start, by duration (longest first).
const took = (row, now) => (row.started ? (at(row.ended) ?? now) - at(row.started) : -1);
const ORDERS = {
  order: null,
  start: (store) => (a, b) => (at(store.rows.get(a).started) ?? Infinity) - (at(store.rows.get(b).started) ?? Infinity),
  duration: (store) => { const now = Date.now(); return (a, b) => took(store.rows.get(b), now) - took(store.rows.get(a), now); },
};

function flatten(store, toggled, keep, order) {
  const compare = ORDERS[order]?.(store);
  const out = [];
  const emit = (row, depth, rest) => out.push({ row, depth, ...rest });
  const walk = (parent, depth) => {
    let ids = store.children.get(parent) || [];
    if (keep) ids = ids.filter((id) => keep.has(id));
    if (compare) ids = [...ids].sort(compare);
    const groups = parent ? groupIterations(store, ids) : null;
    if (groups) {
      for (const [key, rows] of groups) {
        const row = iterationRow(parent, key, rows);
        const open = isOpen(row, toggled, groups.size);
        const kids = rows.reduce((sum, one) => ({ ...sum, [one.state]: (sum[one.state] || 0) + 1 }), { total: rows.length });
        emit(row, depth, { group: true, open, kids });
        if (open) for (const inner of rows) node(inner, depth + 1);
      }
    } else for (const id of ids) node(store.rows.get(id), depth);
    if (!keep && store.after.get(parent)) out.push({ more: parent, depth, row: { id: `more\u0000${parent}` } });
  };
  const node = (row, depth) => {
    const group = Boolean(row.children?.total);
    const open = group && (keep ? true : isOpen(row, toggled));
    emit(row, depth, { group, open, kids: group ? store.childCounts(row) : null, rounds: open ? groupIterations(store, store.children.get(row.id) || [])?.size : 0 });
    if (open) walk(row.id, depth + 1);
  };
  walk("", 0);
  return out;
}

// ---- time axis -------------------------------------------------------------------------------------------------
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000, 3600000, 7200000, 10800000, 21600000, 43200000, 86400000, 172800000, 604800000];
function ticksOf(from, to, origin, slots) {
  const step = STEPS.find((s) => (to - from) / s <= slots) || STEPS[STEPS.length - 1];
  const out = [];
  for (let t = origin + Math.ceil((from - origin) / step) * step; t <= to; t += step) out.push(t);
  return { step, ticks: out };
}
function tickLabel(t, origin, step, mode, zone) {
  if (mode === "clock") return clock(t, { zone, millis: step < 1000 });
  const ms = t - origin;
  if (step >= 3600000) return `${Math.round(ms / 3600000)}h`;
  if (step >= 60000) return ms >= 3600000 ? `${Math.floor(ms / 3600000)}h ${Math.round(ms / 60000) % 60}m` : `${Math.round(ms / 60000)}m`;
  if (step >= 1000) return ms === 0 ? "0s" : span(ms);
  return ms >= 1000 ? `${ms / 1000}s` : `${Math.round(ms)} ms`;
}

// Where a label of the axis begins: at its line, or as far left of it as the label needs to be read to its end.
const labelPlace = (percent, text) => `min(${percent}%, calc(100% + var(--gend) - ${Math.ceil(8 + 6.5 * text.length)}px))`;

// One bar of many: shares by state; where each leads is known for executions that a task started.
function SumBar({ kids, style, end, cr, places }) {
  const total = kids.total || 1;
  const parts = STATE_ORDER.filter((s) => kids[s]);
  const done = parts.filter((s) => TERMINAL.has(s)).reduce((n, s) => n + kids[s], 0);
  const waiting = total - parts.reduce((n, s) => n + kids[s], 0);
  return (
    <>
      <i className={`sg sumbar${cr}`} style={style}>
        {parts.map((s) => {
          const f = familyOf(s);
          const props = { className: f === "live" ? "live stripe" : f === "queued" ? "queued hatch" : f, title: `${count(kids[s])} ${stateWord(s)}`, style: { flex: kids[s], ...(f === "live" ? {} : f === "queued" ? { border: 0 } : { background: "var(--s)" }) } };
          return places ? <Link key={s} {...props} to={places(s)} tabIndex={-1} onClick={(e) => e.stopPropagation()} data-testid={`gantt-batches-${s.toLowerCase()}`} /> : <i key={s} {...props} />;
        })}
        {waiting > 0 && places ? <i className="idle" style={{ flex: waiting }} title={`${count(waiting)} not started`} /> : null}
      </i>
      <i className="late txt" style={{ left: `${end}%` }}>{done < total ? `${count(done)} of ${count(total)}` : count(total)}</i>
    </>
  );
}

// ---- bars of one row -------------------------------------------------------------------------------------------
function Bars({ item, x, now, detail, baseline, critical, showBase, places }) {
  const { row, group, open } = item;
  const created = at(row.created);
  const started = at(row.started);
  const end = at(row.ended) ?? (TERMINAL.has(row.state) ? started : now);
  const family = familyOf(row.state);
  const cr = critical ? " cr" : "";
  const bar = (from, to) => ({ left: `${x(from)}%`, width: `${Math.max(0, x(to) - x(from))}%` });
  const out = [];
  if (started === undefined && !["QUEUED", "PAUSED", "BREAKPOINT", "SUBMITTED"].includes(row.state) && row.state !== "RUNNING") {
    if (TERMINAL.has(row.state)) return created === undefined ? null : <i className={`sg solid ${family}`} style={bar(created, created)} />;
    const from = Math.max(now, created ?? now);
    return <i className="gh" style={bar(from, from + (row.expectedMs || (x.unit * 2)))} title="expected" />;
  }
  const begin = started ?? created ?? now;
  if (row.batches?.total) return <SumBar kids={row.batches} style={bar(begin, end)} end={x(end)} cr={cr} places={places} />;
  if (group && open) return <i className="sg grp_" style={bar(begin, end)} />;
  const waitedFrom = row.waitedMs ? begin - row.waitedMs : created;
  if (group) return <SumBar kids={item.kids || row.children} style={bar(begin, end)} end={x(end)} cr={cr} />;
  const waitText = waitsFor(row.waiting);
  if (waitedFrom !== undefined && begin - waitedFrom > 20 && (row.attempts ?? 1) < 2) {
    const wide = x(begin) - x(waitedFrom) > 12;
    const slot = wide || ["QUEUED", "SUBMITTED"].includes(row.state);
    out.push(
      <i key="w" className={`sg queued hatch${slot ? "" : ` thin${cr}`}`} style={bar(waitedFrom, started === undefined ? now : begin)}>
        {wide ? <span>{`${waitText || "waiting"}, ${span((started ?? now) - waitedFrom)}`}</span> : null}
      </i>,
    );
  } else if (started === undefined) {
    out.push(<i key="q" className="sg queued hatch" style={bar(begin, now)}>{waitText && x(now) - x(begin) > 10 ? <span>{waitText}</span> : null}</i>);
  }
  if (started !== undefined || family === "hold") {
    const attempts = detail?.attempts?.length > 1 ? detail.attempts : null;
    if (attempts) {
      let before = created;
      attempts.forEach((attempt, i) => {
        const from = at(attempt.started) ?? before ?? begin;
        const to = at(attempt.ended) ?? end;
        if (before !== undefined && from - before > 20) out.push(<i key={`r${attempt.no}`} className={`sg queued hatch thin${i ? cr : ""}`} style={bar(before, from)} />);
        const f = familyOf(attempt.state);
        out.push(<i key={`a${attempt.no}`} className={`sg ${f} ${f === "live" ? "stripe" : "solid"}${cr}`} style={bar(from, to)} />);
        out.push(<i key={`n${attempt.no}`} className="at" style={{ left: `${x(from)}%` }}>{attempt.no}</i>);
        before = to;
      });
    } else if (family === "hold") {
      out.push(<i key="h" className={`sg hold pausebar${cr}`} style={bar(begin, end)}>{x(end) - x(begin) > 8 ? <span>{waitText || stateWord(row.state).toLowerCase()}</span> : null}</i>);
    } else {
      out.push(<i key="b" className={`sg ${family} ${family === "live" ? "stripe" : "solid"}${cr}`} style={bar(begin, end)} />);
    }
    if (showBase && baseline?.medianMs && started !== undefined) {
      const median = started + baseline.medianMs;
      if (x(median) >= 0 && x(median) <= 100) out.push(<i key="m" className="bl" style={{ left: `${x(median)}%` }} title={`median ${span(baseline.medianMs)} of ${baseline.n} runs`} />);
      const over = end - started - baseline.medianMs;
      if (over > 5000 && end - started > (baseline.p90Ms ?? baseline.medianMs * 1.2)) out.push(<i key="o" className="late warn" style={{ left: `${x(end)}%` }}>{`+${span(over)}`}</i>);
    }
  }
  return out;
}

// ---- how many ran at once --------------------------------------------------------------------------------------
function atOnce(store, now) {
  const marks = [];
  for (const row of store.rows.values()) {
    if (row.children?.total) continue;
    const from = at(row.started);
    const queued = row.waitedMs && from ? from - row.waitedMs : at(row.created);
    if (queued !== undefined) marks.push([queued, 0, 1], ...(from === undefined && live(row.state) ? [] : [[from ?? queued, 0, -1]]));
    if (from !== undefined) marks.push([from, 1, 0], ...(row.ended || TERMINAL.has(row.state) ? [[at(row.ended) ?? from, -1, 0]] : []));
  }
  marks.sort((a, b) => a[0] - b[0]);
  const steps = [];
  let running = 0;
  let waiting = 0;
  let top = 0;
  for (const [t, r, w] of marks) {
    running += r;
    waiting += w;
    top = Math.max(top, running + waiting);
    const last = steps[steps.length - 1];
    if (last && last[0] === t) steps[steps.length - 1] = [t, running, waiting];
    else steps.push([t, running, waiting]);
  }
  return { steps, top, running, waiting };
}

function stepPath(steps, x, y, end) {
  if (!steps.length) return "";
  let d = `M${x(steps[0][0]) * 10} 64`;
  let last = 64;
  for (const step of steps) {
    const px = (x(step[0]) * 10).toFixed(1);
    d += `H${px}V${(last = y(step)).toFixed(1)}`;
  }
  return `${d}H${(x(Math.max(end, steps[steps.length - 1][0])) * 10).toFixed(1)}V64Z`;
}

function AtOnce({ store, x, now }) {
  const { steps, top, running, waiting } = useMemo(() => atOnce(store, now), [store.version, now]);
  const all = stepPath(steps, x, ([, r, w]) => 64 - ((r + w) / (top || 1)) * 60, now);
  const run = stepPath(steps, x, ([, r]) => 64 - (r / (top || 1)) * 60, now);
  return (
    <div className="gslot hide-n">
      <div className="gl">
        <div>
          <div className="top">Task runs at once</div>
          <div className="sub">{running || waiting ? `${count(running)} running, ${count(waiting)} waiting` : `at most ${count(top)}`}</div>
        </div>
        <div className="sub r"><div>{top}</div><div style={{ marginTop: 28 }}>0</div></div>
      </div>
      <div className="gc">
        <svg viewBox="0 0 1000 64" preserveAspectRatio="none" aria-hidden="true">
          <defs>
            <pattern id="fd-gantt-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <line x1="0" y1="0" x2="0" y2="4" stroke="var(--fd-queued-solid)" strokeWidth="1.6" />
            </pattern>
          </defs>
          <path d={all} fill="url(#fd-gantt-hatch)" />
          <path d={run} fill="var(--fd-page)" />
          <path d={run} fill="var(--fd-live-solid)" fillOpacity=".6" />
        </svg>
      </div>
    </div>
  );
}

// ---- the component ---------------------------------------------------------------------------------------------
export function Gantt({ execution, rowsUrl, baselinesUrl, criticalPathUrl, selected, expanded, zone, toolbar = true, onSelect, onOpenLogs }) {
  const store = useExecution(execution);
  const held = useRef({});
  held.current = { onSelect, onOpenLogs };
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  const [toggled, setToggled] = useState(() => new Map());
  const [text, setText] = useState("");
  const [states, setStates] = useState(() => new Set());
  const [found, setFound] = useState(null);
  const [mode, setMode] = useState("elapsed");
  const [order, setOrder] = useState("order");
  const [showCritical, setShowCritical] = useState(true);
  const [showBase, setShowBase] = useState(true);
  const [view, setView] = useState(null);
  const [cursor, setCursor] = useState("");
  const [problem, setProblem] = useState(null);
  const [details, setDetails] = useState(() => new Map());
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const [now, setNow] = useState(() => Date.now());
  const [brush, setBrush] = useState(null);
  const [tip, setTip] = useState(null);
  const scroller = useRef(null);
  const axis = useRef(null);
  const pending = useRef(new Set());
  const aborts = useRef(new AbortController());

  const state = store.execution.state;
  const running = state ? !TERMINAL.has(state) : [...store.rows.values()].some((row) => live(row.state));
  const baselines = useRequest(baselinesUrl || "", { retries: 1 }).data;
  const critical = useRequest(criticalPathUrl && showCritical ? withQuery(criticalPathUrl, { v: running ? Math.floor(store.rows.size / 4) : state || "" }) : "", { retries: 1 }).data;
  const criticalIds = useMemo(() => new Set(showCritical ? critical?.rows || [] : []), [critical, showCritical]);

  useEffect(() => {
    aborts.current = new AbortController();
    pending.current.clear();
    return () => aborts.current.abort();
  }, [execution, rowsUrl]);

  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);

  const load = useCallback(
    async (parent, more) => {
      const key = `${parent}|${more || ""}`;
      if (!rowsUrl || pending.current.has(key)) return;
      pending.current.add(key);
      try {
        const page = await request(rowsUrl, { query: { parent, after: more, limit: PAGE }, signal: aborts.current.signal });
        if (parent) page.rows.forEach((row) => (row.parent ??= parent));
        if (page.after) store.after.set(parent, page.after);
        else {
          store.after.delete(parent);
          store.complete.add(parent);
        }
        store.totals.set(parent, page.total);
        store.put(page.rows);
        setProblem(null);
      } catch (error) {
        if (!isAbort(error)) setProblem(error);
      } finally {
        pending.current.delete(key);
      }
    },
    [rowsUrl, store],
  );
  useEffect(() => {
    load("");
    const again = (event) => event.detail.execution === execution && (store.complete.clear(), load(""));
    window.addEventListener("flowdeck:resync", again);
    return () => window.removeEventListener("flowdeck:resync", again);
  }, [load, execution, store]);

  useEffect(() => {
    if (!expanded?.length) return;
    setToggled((old) => {
      const next = new Map(old);
      for (const id of expanded) next.set(id, true);
      return next;
    });
  }, [(expanded || []).join()]);

  const arrived = store.complete.has("") || store.after.has("");
  // A deep link to a row below folded groups: open its ancestors.
  useEffect(() => {
    if (!selected || !rowsUrl || !arrived || store.rows.has(selected)) return undefined;
    const abort = new AbortController();
    request(`${rowsUrl}/${encodeURIComponent(selected)}/path`, { signal: abort.signal, retries: 1 }).then(
      (path) => {
        const steps = Array.isArray(path) ? path : path?.rows || path?.path || [];
        const ids = steps.map((step) => step.id || step);
        setToggled((old) => new Map([...old, ...ids.map((id) => [id, true])]));
        for (const id of ids) if (id !== selected) load(id);
      },
      () => {},
    );
    return () => abort.abort();
  }, [selected, rowsUrl, arrived]);

  // ---- filter
  const query = text.trim();
  const filtering = Boolean(query || states.size);
  const whole = store.complete.has("") && [...store.rows.values()].every((row) => !row.children?.total || (store.children.get(row.id)?.length ?? 0) >= row.children.total);
  const ask = useDebounced(async (q, wanted) => {
    if (!q && !wanted.length) return;
    try {
      const lists = await Promise.all((wanted.length ? wanted : [undefined]).map((s) => request(rowsUrl, { query: { q, state: s, limit: PAGE }, signal: aborts.current.signal })));
      const rows = lists.flatMap((page) => page.rows);
      store.put(rows);
      setFound(new Set(rows.map((row) => row.id)));
    } catch (error) {
      if (!isAbort(error)) setProblem(error);
    }
  }, 200);
  useEffect(() => {
    setFound(null);
    if (filtering && !whole) ask(query, [...states]);
  }, [query, states, whole]);

  const items = useMemo(() => {
    let keep = null;
    if (filtering) {
      keep = new Set();
      const needle = query.toLowerCase();
      for (const row of store.rows.values()) {
        const local = (!needle || row.taskId.toLowerCase().includes(needle) || String(row.value ?? "").toLowerCase().includes(needle)) && (!states.size || states.has(row.state));
        if (!local && !found?.has(row.id)) continue;
        for (let up = row; up && !keep.has(up.id); up = store.rows.get(up.parent || "")) keep.add(up.id);
      }
    }
    return flatten(store, toggled, keep, order);
  }, [store, store.version, toggled, query, states, found, order]);

  // ---- loads what is open but not here
  useEffect(() => {
    const open = [];
    for (const item of items) {
      if (!item.group || !item.open || item.row.virtual) continue;
      open.push(item.row.id);
      const have = store.children.get(item.row.id)?.length ?? 0;
      if (!filtering && have < item.row.children.total && !store.complete.has(item.row.id)) load(item.row.id);
    }
    if (!whole) watchParents(open);
  }, [items]);

  // ---- time
  const [t0, t1] = useMemo(() => {
    let low = at(store.execution.started) ?? at(store.execution.created) ?? Infinity;
    let high = -Infinity;
    let expected = 0;
    for (const row of store.rows.values()) {
      low = Math.min(low, at(row.created) ?? at(row.started) ?? low);
      high = Math.max(high, at(row.ended) ?? at(row.started) ?? high);
      if (row.expectedMs && !TERMINAL.has(row.state)) expected = Math.max(expected, row.expectedMs);
    }
    if (running) high = Math.max(high, now) + Math.max(expected, (Math.max(high, now) - low) * 0.08);
    if (!Number.isFinite(low)) low = now;
    return [low, Math.max(high, low + 100)];
  }, [store.version, now, running]);
  const [from, to] = view || [t0, t1];
  const x = useMemo(() => {
    const scale = (t) => Math.round(((t - from) / (to - from)) * 100000) / 1000;
    scale.unit = (to - from) / 100;
    return scale;
  }, [from, to]);
  const width = scroller.current?.clientWidth || 900;
  const beside = width > 800 ? 376 : width > 600 ? 312 : 204; // names and end, as the styles have them
  const { step, ticks } = ticksOf(from, to, mode === "clock" ? 0 : t0, Math.max(2, Math.min(8, Math.round((width - beside) / 90))));
  const end = running ? now : t1;
  const label = (t) => {
    const text = tickLabel(t, t0, step, mode, zone);
    return <span key={t} style={{ left: labelPlace(x(t), text) }}>{text}</span>;
  };

  const zoom = (factor, centre = (from + to) / 2) => {
    const a = centre - (centre - from) * factor;
    const b = centre + (to - centre) * factor;
    if (b - a < 5) return;
    setView(a <= t0 && b >= t1 ? null : [Math.max(a, t0), Math.min(b, t1)]);
  };
  const timeAt = (clientX) => {
    const box = axis.current.getBoundingClientRect();
    return from + ((clientX - box.left) / box.width) * (to - from);
  };
  useEffect(() => {
    const host = scroller.current;
    if (!host) return undefined;
    const wheel = (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.clientX));
      } else if (view && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
        event.preventDefault();
        const by = (((event.deltaX || event.deltaY) / 600) * (to - from)) | 0;
        const a = Math.max(t0, Math.min(from + by, t1 - (to - from)));
        setView([a, a + (to - from)]);
      }
    };
    host.addEventListener("wheel", wheel, { passive: false });
    return () => host.removeEventListener("wheel", wheel);
  });
  const brushStart = (event) => {
    if (event.button) return;
    const a = timeAt(event.clientX);
    event.currentTarget.setPointerCapture(event.pointerId);
    setBrush([a, a]);
  };
  const brushEnd = () => {
    if (brush && Math.abs(brush[1] - brush[0]) > (to - from) / 50) setView([Math.min(...brush), Math.max(...brush)]);
    setBrush(null);
  };

  // ---- window of rows
  useLayoutEffect(() => {
    const host = scroller.current;
    const measure = () => setScroll((old) => (old.height === host.clientHeight ? old : { ...old, height: host.clientHeight }));
    const observer = new ResizeObserver(measure);
    observer.observe(host);
    measure();
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(scroll.top / ROW) - 8);
  const last = Math.min(items.length, Math.ceil((scroll.top + scroll.height) / ROW) + 8);
  const shown = items.slice(first, last);
  useEffect(() => {
    for (const item of shown) if (item.more !== undefined) load(item.more, store.after.get(item.more));
  });

  // Attempts of the rows on screen that had several.
  useEffect(() => {
    for (const { row, group } of shown) {
      if (!row || group || row.virtual || !(row.attempts > 1)) continue;
      const stamp = `${row.attempts}${row.state}`;
      if (details.get(row.id)?.stamp === stamp || pending.current.has(row.id)) continue;
      pending.current.add(row.id);
      request(`${rowsUrl}/${encodeURIComponent(row.id)}`, { signal: aborts.current.signal, retries: 1 })
        .then((answer) => setDetails((old) => new Map(old).set(row.id, { stamp, attempts: Array.isArray(answer.attempts) ? answer.attempts : answer.attemptList })), () => setDetails((old) => new Map(old).set(row.id, { stamp })))
        .finally(() => pending.current.delete(row.id));
    }
  });

  const place = items.findIndex((item) => item.row.id === (cursor || selected));
  const reveal = (index) => {
    const host = scroller.current;
    if (index * ROW < host.scrollTop) host.scrollTop = index * ROW;
    else if ((index + 1) * ROW > host.scrollTop + host.clientHeight) host.scrollTop = (index + 1) * ROW - host.clientHeight;
  };
  const revealed = useRef("");
  useEffect(() => {
    if (!selected || revealed.current === selected) return;
    const index = items.findIndex((item) => item.row.id === selected);
    if (index >= 0) {
      revealed.current = selected;
      reveal(index);
    }
  }, [selected, items]);

  const toggle = (item, open = !item.open) => setToggled((old) => new Map(old).set(item.row.id, open));
  const choose = (item) => {
    setCursor(item.row.id);
    if (item.row.virtual) toggle(item);
    else if (item.more === undefined) {
      revealed.current = item.row.id;
      held.current.onSelect?.(item.row.id);
    }
  };
  const onKey = (event) => {
    const jump = (index) => {
      const next = items[Math.max(0, Math.min(items.length - 1, index))];
      if (!next) return;
      setCursor(next.row.id);
      reveal(items.indexOf(next));
    };
    const item = items[place];
    const page = Math.max(1, Math.floor(scroll.height / ROW) - 1);
    const keys = {
      ArrowDown: () => jump(place + 1),
      ArrowUp: () => jump(Math.max(0, place - 1)),
      PageDown: () => jump(place + page),
      PageUp: () => jump(place - page),
      Home: () => jump(0),
      End: () => jump(items.length - 1),
      ArrowRight: () => item?.group && (item.open ? jump(place + 1) : toggle(item, true)),
      ArrowLeft: () => {
        if (item?.group && item.open) toggle(item, false);
        else for (let i = place - 1; i >= 0; i -= 1) if (items[i].depth < item.depth) return jump(i);
        return undefined;
      },
      Enter: () => item && (choose(item), !item.row.virtual && held.current.onOpenLogs?.(item.row.id)),
      " ": () => item && choose(item),
      "+": () => zoom(0.6),
      "-": () => zoom(1.7),
      0: () => setView(null),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  };

  // ---- counts of states
  // Those of rows that are not here are counted by the server: at first, then while it runs, and at the end.
  const [leaves, setLeaves] = useState(null);
  const beat = whole || !arrived || !rowsUrl ? "" : running ? Math.floor(now / 3000) : state || "done";
  useEffect(() => {
    if (!beat) return undefined;
    const abort = new AbortController();
    request(rowsUrl, { query: { limit: 1, leaves: true }, signal: abort.signal, retries: 1 }).then((page) => setLeaves(page.leaves || null), () => {});
    return () => abort.abort();
  }, [beat, rowsUrl]);
  const counts = useMemo(() => (whole || !leaves ? store.leafCounts() : leaves), [store.version, whole, leaves]);
  const total = Object.entries(counts).reduce((n, [key, value]) => n + (key === "total" ? 0 : value), 0);
  const chips = ["FAILED", "WARNING", "PAUSED", "BREAKPOINT", "RUNNING", "RETRYING", "QUEUED", "KILLED", "SUCCESS"].filter((s) => counts[s]);
  const loading = !items.length && !problem && !store.complete.has("");

  return (
    <div className="fd-gantt-box">
      <section className="fd-gantt" aria-label="Gantt chart of the task runs" data-testid="gantt">
        {toolbar ? (
          <div className="gtb">
            <label className="inp">
              <Icon name="search" />
              <input type="search" placeholder="Filter tasks" aria-label="Filter tasks" value={text} onChange={(e) => setText(e.target.value)} data-testid="gantt-filter" />
            </label>
            <span style={{ display: "flex", gap: 4 }}>
              {chips.map((s) => (
                <button key={s} type="button" className="stc" aria-pressed={states.has(s)} title={`Only ${stateWord(s)}`} data-testid={`gantt-state-${s.toLowerCase()}`}
                  onClick={() => setStates((old) => { const next = new Set(old); if (!next.delete(s)) next.add(s); return next; })}>
                  <StateIcon state={s} size={12} />
                  {count(counts[s])}
                </button>
              ))}
            </span>
            {counts.FAILED || counts.WARNING ? <button type="button" className="btn s tog" aria-pressed={states.has("FAILED") && !states.has("SUCCESS")} onClick={() => setStates(states.has("FAILED") ? new Set() : new Set(["FAILED", "WARNING", "KILLED"]))} data-testid="gantt-failed-only">Failed only</button> : null}
            <span className="grow" />
            <select className="btn s sel hide-n" value={order} aria-label="Order of the rows" onChange={(e) => setOrder(e.target.value)} data-testid="gantt-order"><option value="order">as they ran</option><option value="start">by start</option><option value="duration">longest first</option></select>
            {criticalPathUrl ? <button type="button" className="btn tog hide-n" aria-pressed={showCritical} onClick={() => setShowCritical(!showCritical)}><Icon name="route" />Critical path</button> : null}
            {baselinesUrl ? <button type="button" className="btn tog hide-n" aria-pressed={showBase} onClick={() => setShowBase(!showBase)}><Icon name="signpost" />Baseline</button> : null}
            <div className="seg hide-n" role="group" aria-label="Time axis">
              {["elapsed", "clock"].map((m) => <button key={m} type="button" className={mode === m ? "on" : ""} aria-pressed={mode === m} onClick={() => setMode(m)}>{m === "clock" ? "Clock" : "Elapsed"}</button>)}
            </div>
            <button type="button" className="ib" aria-label="Zoom out" disabled={!view} onClick={() => zoom(1.7)}><Icon name="zoom-out" /></button>
            <button type="button" className="ib" aria-label="Zoom in" onClick={() => zoom(0.6)}><Icon name="zoom-in" /></button>
            <button type="button" className="ib" aria-label="Show all" onClick={() => setView(null)}><Icon name="maximize" /></button>
          </div>
        ) : null}
        <div className="gx">
          <div className="gl hd">Task run<span className="du" style={{ fontWeight: 500 }}>Duration</span></div>
          <div className="gc" onPointerDown={brushStart} onPointerMove={(e) => brush && setBrush([brush[0], timeAt(e.clientX)])} onPointerUp={brushEnd} onPointerCancel={() => setBrush(null)} onDoubleClick={() => setView(null)}>
            <div className="gb hd" ref={axis}>
              {ticks.map((t) => running && Math.abs(x(t) - x(now)) < 5 ? <span key={t} /> : label(t))}
              {running && x(now) <= 100 && x(now) >= 0 ? <b className="nowl" style={{ left: `${x(now)}%` }}>{mode === "clock" ? clock(now, { zone }) : span(now - t0)}</b> : null}
              {brush ? <i className="brush" style={{ left: `${x(Math.min(...brush))}%`, width: `${Math.abs(x(brush[1]) - x(brush[0]))}%` }} /> : null}
            </div>
          </div>
        </div>
        <Problem error={problem} what="The task runs could not be loaded." retry={() => load("")} />
        <div className="gg">
          <div className="ov">
            <div />
            <div className="gc"><div className="gb">
              {ticks.map((t) => (x(t) > 0 ? <i key={t} className="vl" style={{ left: `${x(t)}%` }} /> : null))}
              {running && x(now) <= 100 && x(now) >= 0 ? <i className="now" style={{ left: `${x(now)}%` }} /> : null}
            </div></div>
          </div>
          <div ref={scroller} className="gs" role="treegrid" tabIndex={0} aria-label="Task runs" aria-rowcount={items.length} aria-activedescendant={place >= 0 ? `fd-gr-${place}` : undefined}
            onKeyDown={onKey} onScroll={(e) => { const { scrollTop, clientHeight } = e.currentTarget; setScroll({ top: scrollTop, height: clientHeight }); setTip(null); }}>
            <div style={{ height: items.length * ROW, position: "relative" }} role="presentation">
              {shown.map((item, k) => {
                const index = first + k;
                const { row, depth, group, open } = item;
                if (item.more !== undefined) return <div key={row.id} className="gr" style={{ top: index * ROW }} role="row" id={`fd-gr-${index}`}><div className="gl" role="gridcell" style={{ paddingLeft: 24 + depth * 16 }}><span className="nm mut">loading more</span></div></div>;
                const began = at(row.started);
                const took = began === undefined ? undefined : (at(row.ended) ?? (TERMINAL.has(row.state) ? began : now)) - began;
                return (
                  <div key={row.id} id={`fd-gr-${index}`} className={`gr${selected === row.id ? " sel" : ""}${index === place ? " cur" : ""}`} style={{ top: index * ROW }} role="row" aria-level={depth + 1} aria-rowindex={index + 1}
                    aria-expanded={group ? open : undefined} aria-selected={selected === row.id} data-testid="gantt-row" data-state={row.state}
                    onClick={() => choose(item)} onDoubleClick={() => !row.virtual && held.current.onOpenLogs?.(row.id)}
                    onMouseLeave={() => setTip(null)} onMouseMove={(e) => (e.target.closest(".gb") && !row.virtual ? setTip({ row, x: e.clientX, y: e.clientY }) : tip && setTip(null))}>
                    <div className="gl" role="gridcell" style={{ paddingLeft: 8 + depth * 16 }}>
                      {group ? <button type="button" className="cv_" tabIndex={-1} aria-label={open ? "Fold" : "Unfold"} onClick={(e) => { e.stopPropagation(); toggle(item); }}><Icon name={open ? "chevron-down" : "chevron-right"} size={12} /></button> : <span className="cv_" />}
                      <StateIcon state={row.state} />
                      <span className={`nm${began === undefined ? " mut" : ""}`} title={row.taskId}>{row.taskId}</span>
                      {row.virtual ? <span className="val">{row.iterationTag}</span> : group ? (row.children.total > 1 ? <span className="val">{count(item.rounds || row.children.total)}</span> : null) : row.value !== undefined && row.value !== null && !items[index - 1]?.row.virtual && !groupedBefore(items, index) ? <span className="val" title={String(row.value)}>{String(row.value)}</span> : null}
                      {row.attempts > 1 ? <span className="atn" title={plural(row.attempts, "attempt")}><Icon name="refresh-cw" size={11} />{row.attempts}</span> : null}
                      <span className="du">{span(took)}</span>
                    </div>
                    <div className="gc" role="gridcell"><div className="gb"><Bars item={item} x={x} now={end} detail={details.get(row.id)} baseline={baselines?.tasks?.[row.taskId]} critical={criticalIds.has(row.id)} showBase={showBase && !group} places={row.batches ? (s) => batchesPlace(tenant, execution, row.taskId, s) : undefined} /></div></div>
                  </div>
                );
              })}
            </div>
            {loading ? <div className="none" aria-busy="true">{[0, 1, 2, 3].map((n) => <div key={n} className="sk" style={{ width: `${30 + n * 12}%`, margin: "11px 8px" }} />)}</div> : null}
            {!items.length && !loading ? <div className="none">{filtering ? "No task run matches the filter." : "No task run yet."}</div> : null}
          </div>
        </div>
        {store.rows.size > 1 ? <AtOnce store={store} x={x} now={end} /> : null}
        <div className="glg">
          <span><i className="k queued hatch" />waiting</span>
          <span><i className="k live stripe" />running</span>
          <span><i className="k ok solid" />done</span>
          <span><i className="k hold pausebar" />paused</span>
          <span><i className="k gh_" />expected</span>
          {criticalIds.size ? <span><i className="k crk" />critical path{critical?.totalMs ? `, ${span(critical.totalMs)}` : ""}</span> : null}
          {showBase && baselines?.runs ? <span><i className="blk" />median of {plural(baselines.runs, "run")}</span> : null}
          <span className="grow" />
          <span>{plural(total || store.rows.size, "task run")}, {plural(items.length, "row")}</span>
        </div>
        {tip ? <Tip {...tip} now={end} zone={zone} baseline={baselines?.tasks?.[tip.row.taskId]} /> : null}
      </section>
    </div>
  );
}

// Below a row of an iteration the value is said already.
function groupedBefore(items, index) {
  for (let i = index - 1; i >= 0; i -= 1) {
    if (items[i].depth < items[index].depth) return Boolean(items[i].row.virtual);
  }
  return false;
}

function Tip({ row, x, y, now, zone, baseline }) {
  const started = at(row.started);
  const ended = at(row.ended);
  const lines = [
    ["State", stateWord(row.state)],
    row.created && ["Created", clock(row.created, { zone, millis: true })],
    row.started && ["Started", clock(row.started, { zone, millis: true })],
    row.ended && ["Ended", clock(row.ended, { zone, millis: true })],
    row.waitedMs && ["Waited", span(row.waitedMs)],
    waitsFor(row.waiting) && ["Waits", waitsFor(row.waiting)],
    started !== undefined && ["Took", span((ended ?? now) - started) + (baseline?.medianMs ? `, median ${span(baseline.medianMs)}` : "")],
    row.attempts > 1 && ["Attempts", row.attempts],
    row.worker && ["Worker", row.worker],
  ].filter(Boolean);
  return (
    <div className="tip" role="tooltip" style={{ left: Math.min(x + 12, window.innerWidth - 300), top: Math.min(y + 14, window.innerHeight - 200) }}>
      <b>{row.taskId}{row.value !== undefined && row.value !== null ? ` [${row.value}]` : ""}</b>
      {lines.map(([key, value]) => [<em key={`${key}k`}>{key}</em>, <span key={`${key}v`}>{value}</span>])}
    </div>
  );
}
