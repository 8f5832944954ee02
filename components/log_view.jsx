// Log lines of one execution: a virtual list over ranges by position, with search, levels, follow and groups.
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Link, useLocation } from "react-router";
import { GroupedVirtuoso, Virtuoso } from "react-virtuoso";
import { copyText, isAbort, request, useDebounced, withQuery } from "$/public/external/components/net/net.jsx";
import { TERMINAL, paced, useConnection, useExecution } from "$/public/external/components/stream/stream.jsx";
import { Icon, Problem, StateIcon, clock, count, plural, span } from "$/public/external/components/glyphs/glyphs.jsx";
import { LEVELS, LogSource } from "./log_source.jsx";
import "./log_view.css";

// ---- one line's text: ANSI, links, search marks, JSON ----------------------------------------------------------
const ANSI = /\u001b\[([0-9;]*)([A-Za-z])/g;
const LINK = /\b(?:https?:\/\/|(?:kestra|nsfile):\/\/\/)[^\s<>"'`]+[^\s<>"'`.,;:)\]}]/g;
const MARKDOWN = /\[([^\]\n]{1,200})\]\((https?:\/\/[^\s()<>"]{1,2000})\)/g; // no other address becomes a link
const STARTED = /\[\[link execution="([0-9A-Za-z]{10,40})" flowId="([\w.-]+)" namespace="([\w.-]+)"\]\]/g; // what the engine says of subflows
const JSON_TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function plain(text) {
  if (!text.includes("\u001b")) return { text, runs: [] };
  const runs = [];
  let out = "";
  let from = 0;
  let style = new Set();
  for (const match of text.matchAll(ANSI)) {
    const piece = text.slice(from, match.index);
    if (piece && style.size) runs.push([out.length, out.length + piece.length, [...style].join(" ")]);
    out += piece;
    from = match.index + match[0].length;
    if (match[2] !== "m") continue;
    const next = new Set(style);
    for (const code of (match[1] || "0").split(";").map(Number)) {
      if (code === 0) next.clear();
      else if (code === 1) next.add("ansi-b");
      else if (code === 3) next.add("ansi-i");
      else if (code === 4) next.add("ansi-u");
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
        for (const old of next) if (/ansi-\d/.test(old)) next.delete(old);
        next.add(`ansi-${code}`);
      } else if (code === 39) for (const old of [...next]) if (/ansi-\d/.test(old)) next.delete(old);
    }
    style = next;
  }
  const piece = text.slice(from);
  if (piece && style.size) runs.push([out.length, out.length + piece.length, [...style].join(" ")]);
  return { text: out + piece, runs };
}

// Other control characters are shown, never passed on.
const visible = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (c) => (c === "\r" ? "" : String.fromCharCode(0x2400 + (c.charCodeAt(0) & 0x1f))));

function asJson(text) {
  const trimmed = text.trim();
  if (trimmed.length > 20000 || !/^[{[].*[}\]]$/s.test(trimmed)) return undefined;
  try {
    return JSON.parse(trimmed);
  } catch {
    return undefined;
  }
}

function decorate(text, base, { pattern, current, fileUrl, json }) {
  const runs = [...base];
  const links = [];
  const marks = [];
  if (json) for (const m of text.matchAll(JSON_TOKEN)) runs.push([m.index, m.index + (m[1] || m[0]).length, m[2] ? "ck" : m[1] ? "cs" : "cn"]);
  // A link of Markdown shows its words and, fainter, its address: where it leads is never hidden.
  for (const m of text.matchAll(MARKDOWN)) {
    const words = m.index + 1;
    const address = words + m[1].length + 2;
    links.push([words, words + m[1].length, m[2]], [address, address + m[2].length, m[2]]);
    runs.push([m.index, words, "gone"], [words + m[1].length, address, "gone"], [address, address + m[2].length, "addr"], [address + m[2].length, address + m[2].length + 1, "gone"]);
  }
  for (const m of text.matchAll(STARTED)) links.push([m.index, m.index + m[0].length, { execution: m[1], flow: m[2], namespace: m[3] }]);
  const taken = [...links];
  for (const m of text.matchAll(LINK)) if (!taken.some(([a, b]) => a <= m.index && m.index < b)) links.push([m.index, m.index + m[0].length, m[0]]);
  if (pattern) {
    let n = 0;
    for (const m of text.matchAll(pattern)) {
      if (m[0]) marks.push([m.index, m.index + m[0].length]);
      if ((n += 1) > 200) break;
    }
  }
  if (!runs.length && !links.length && !marks.length) return text;
  const edges = new Set([0, text.length]);
  for (const list of [runs, links, marks]) for (const [a, b] of list) edges.add(a).add(b);
  const cuts = [...edges].sort((a, b) => a - b);
  const over = (list, a) => list.find(([from, to]) => from <= a && a < to);
  return cuts.slice(0, -1).map((a, i) => {
    const piece = text.slice(a, cuts[i + 1]);
    const run = over(runs, a);
    const link = over(links, a);
    const mark = over(marks, a);
    if (run?.[2] === "gone") return null;
    if (link?.[2].execution) return a === link[0] ? <Started key={a} {...link[2]} /> : null;
    let node = run ? <span className={run[2]}>{piece}</span> : piece;
    if (mark) node = <mark className={current ? "now" : ""}>{node}</mark>;
    if (link) {
      const inner = link[2].startsWith("http") ? link[2] : fileUrl ? withQuery(fileUrl, { path: link[2] }) : "";
      node = inner ? <a className="link" href={inner} target="_blank" rel="noreferrer noopener">{node}</a> : node;
    }
    return <span key={a}>{node}</span>;
  });
}

// The execution that a task started, as a link.
function Started({ execution, flow, namespace }) {
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  return <Link className="link" to={`/${tenant}/executions/${namespace}/${flow}/${execution}/gantt`} title={`${namespace}/${flow} ${execution}`} data-testid="log-execution">{flow} {execution.slice(0, 8)}</Link>;
}

const Line = memo(function Line({ line, target, raw, compact, showTask, pattern, current, fileUrl, zone, onPick, onCopy }) {
  const [unfolded, setUnfolded] = useState(false);
  const parts = useMemo(() => (line ? plain(line.text) : null), [line]);
  const json = useMemo(() => (parts && !raw ? asJson(parts.text) : undefined), [parts, raw]);
  if (!line) {
    return <div className={`lg${raw ? " raw" : ""}`} aria-hidden="true">{raw ? null : <><span /><span />{compact ? null : <span />}</>}<span className="sk" /></div>;
  }
  const body = visible(unfolded ? JSON.stringify(json, null, 2) : parts.text);
  const runs = unfolded ? [] : parts.runs;
  if (raw) return <div className="lg raw"><span className="m">{decorate(body, [], { pattern, current, fileUrl })}</span></div>;
  return (
    <div className={`lg${line.level === "ERROR" ? " lv-bad" : ""}${target ? " tgt" : ""}`} data-no={line.no} data-testid="log-line">
      {compact ? null : <a className="n" role="link" tabIndex={-1} title="Link to this line" onClick={() => onPick(line)}>{line.no}</a>}
      <time dateTime={line.at} title={line.at}>{clock(line.at, { zone, millis: true })}</time>
      <span className={`lvl lv-${line.level[0]}`}>{line.level}</span>
      <span className="m">
        {showTask && line.taskId ? <span className="tk">{line.taskId}</span> : null}
        {decorate(body, runs, { pattern, current, fileUrl, json: json !== undefined })}
        {json !== undefined ? <> <button type="button" className="link xs" onClick={() => setUnfolded(!unfolded)}>{unfolded ? "fold" : "unfold"}</button></> : null}
        {line.cut ? <span className="faint"> … cut, the whole line is in the download</span> : null}
      </span>
      {compact ? null : (
        <span className="la">
          <button type="button" className="ib" tabIndex={-1} aria-label="Copy link to line" title="Copy link" onClick={() => onCopy(line, true)}><Icon name="link" /></button>
          <button type="button" className="ib" tabIndex={-1} aria-label="Copy line" title="Copy line" onClick={() => onCopy(line, false)}><Icon name="copy" /></button>
        </span>
      )}
    </div>
  );
});

// ---- search over all lines, on the server ----------------------------------------------------------------------
function useSearch(url, view, { q, regex, exact }) {
  const [found, setFound] = useState({ hits: [], total: 0, busy: false, error: null });
  const abort = useRef(null);
  const run = useDebounced(async (wanted) => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setFound((old) => ({ ...old, busy: true, error: null }));
    try {
      let hits = [];
      let cursor;
      let total = 0;
      do {
        const answer = await request(url, { query: { ...wanted, limit: 1000, cursor }, signal: mine.signal, retries: 1 });
        hits = hits.concat(answer.hits);
        total = Math.max(answer.total ?? 0, hits.length);
        cursor = answer.next;
        setFound({ hits, total, busy: Boolean(cursor), error: null });
      } while (cursor && hits.length < 1000);
      setFound({ hits, total, busy: false, error: null });
    } catch (error) {
      if (!isAbort(error)) setFound({ hits: [], total: 0, busy: false, error });
    }
  }, 150);
  const key = JSON.stringify([url, view, q, regex, exact]);
  useEffect(() => {
    if (!q || !url) {
      run.cancel();
      abort.current?.abort();
      setFound({ hits: [], total: 0, busy: false, error: null });
    } else run({ ...view, q, regex: regex || undefined, case: exact || undefined });
  }, [key]);
  useEffect(() => () => abort.current?.abort(), []);
  return found;
}

function patternOf(q, regex, exact) {
  if (!q) return null;
  try {
    return new RegExp(regex ? q : q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), exact ? "g" : "gi");
  } catch {
    return null;
  }
}

// How much is drawn around what is seen, in pixels. At the end nothing comes from below: there the lines above the
// window go twenty at a time, else each new line would draw the list once more for the one that it pushes out.
const READING = { increaseViewportBy: 200, overscan: 0 };
const TAILING = { increaseViewportBy: { top: 200, bottom: 0 }, overscan: { main: 400, reverse: 0 } };
const stateOf = (store) => `${store.execution.state} ${store.snapshots} ${store.ended?.reason}`;

// ---- the component ---------------------------------------------------------------------------------------------
export function LogView({ logsUrl, searchUrl, downloadUrl, exportUrl, fileUrl, execution, taskRun, attempt, level = "INFO", grouping = "time", folding = "", follow = false, line, zone, compact = false, onLine, onView }) {
  const [mode, setMode] = useState(taskRun || compact ? "time" : grouping);
  // Lines draw the view by themselves; beside them only the groups show more of the execution than its state.
  const store = useExecution(execution, mode === "task" ? undefined : stateOf);
  const connection = useConnection();
  const held = useRef({});
  held.current = { onLine, onView };
  const [, bump] = useReducer((n) => n + 1, 0);
  const [low, setLow] = useState(level);
  const [wrapped, setWrapped] = useState(true);
  const [times, setTimes] = useState(true);
  const [task, setTask] = useState(taskRun || "");
  const [following, setFollowing] = useState(follow);
  const [fresh, setFresh] = useState(0);
  const [target, setTarget] = useState(line || 0);
  const [q, setQ] = useState("");
  const [regex, setRegex] = useState(false);
  const [exact, setExact] = useState(false);
  const [hit, setHit] = useState(-1);
  const [groups, setGroups] = useState(null);
  const [totals, setTotals] = useState({});
  const [folded, setFolded] = useState(() => new Map());
  const [attemptOf, setAttemptOf] = useState(() => new Map());
  const range = useRef({ startIndex: 0, endIndex: 40 }); // drawn; the minimap alone shows it
  const onRange = useRef(null);
  const [notable, setNotable] = useState(null);
  const [problem, setProblem] = useState(null);
  const list = useRef(null);
  const scroller = useRef(null);
  const field = useRef(null);
  useEffect(() => setLow(level), [level]);
  useEffect(() => setFollowing(follow), [follow]);
  useEffect(() => setTask(taskRun || ""), [taskRun]);
  useEffect(() => { if (!taskRun && !compact) setMode(grouping); }, [grouping]);

  const running = store.execution.state ? !TERMINAL.has(store.execution.state) : false;
  const minLevel = low === "TRACE" ? undefined : low;
  const view = useMemo(() => ({ minLevel, taskRun: task || undefined, attempt: attempt || undefined }), [minLevel, task, attempt]);
  const key = JSON.stringify([logsUrl, view]);

  // One source for the whole view, one per task run in the grouped one.
  const shown_ = useRef(true);
  const unseen = useRef(0);
  const pacing = useRef(false); // whether `changed` draws just now
  const toBottom = () => { if (stick.current && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight; };
  const drawn = useRef({}); // how many lines are drawn: what else draws the view in a burst shows no more (UI-LV-02)
  const changed = useMemo(() => paced(() => {
    if (!shown_.current) return;
    const added = unseen.current;
    unseen.current = 0;
    if (added && !stick.current) setFresh((n) => n + added);
    drawn.current = { source: drawn.current.source, total: drawn.current.source?.total };
    // Drawn and scrolled in this frame: each frame that a line takes costs as much as the line itself.
    pacing.current = true;
    flushSync(bump);
    pacing.current = false;
    toBottom();
  }, 80), []);
  const source = useMemo(() => (logsUrl ? new LogSource(logsUrl, view, changed) : null), [key]);
  if (drawn.current.source !== source) drawn.current = { source, total: source?.total };
  const parts = useRef(new Map());
  useEffect(() => {
    if (source) {
      source.start();
      setFresh(0);
    }
    return () => {
      source?.close();
      for (const part of parts.current.values()) part.close();
      parts.current = new Map();
    };
  }, [source]);
  useEffect(() => { shown_.current = true; return () => { shown_.current = false; }; }, []);

  const readGroups = useDebounced(async () => {
    try {
      const answer = await request(`${logsUrl}/groups`, { query: { size: 200 }, retries: 1 });
      const rows = answer.groups || answer.results || [];
      const runs = new Map();
      for (const group of rows) {
        if (!runs.has(group.taskRun)) runs.set(group.taskRun, { ...group, attempts: [] });
        runs.get(group.taskRun).attempts.push(group);
      }
      setGroups([...runs.values()]);
      setTotals(answer.levels || {});
    } catch (error) {
      if (!isAbort(error)) setProblem(error);
    }
  }, 100);
  useEffect(() => { if (logsUrl && !compact) readGroups(); }, [logsUrl]);

  const partOf = (group) => {
    const chosen = attemptOf.get(group.taskRun);
    const id = `${group.taskRun}|${chosen ?? ""}|${minLevel ?? ""}`;
    let part = parts.current.get(id);
    if (!part) {
      part = new LogSource(logsUrl, group.taskRun ? { minLevel, taskRun: group.taskRun, attempt: chosen } : { minLevel, own: true }, changed);
      const chosenAttempts = group.attempts.filter((a) => !chosen || a.attempt === chosen);
      // The counts per level tell the length before any line is read.
      part.total = chosenAttempts.reduce((n, a) => n + Object.entries(a.levels || {}).reduce((m, [l, c]) => m + (!minLevel || LEVELS.indexOf(l) >= LEVELS.indexOf(minLevel) ? c : 0), 0), 0);
      part.last = source?.last || 0; // newer lines come by the stream
      parts.current.set(id, part);
    }
    return part;
  };
  const shownGroups = mode === "task" && groups ? groups.filter((g) => !task || g.taskRun === task) : null;
  const known = useRef(new Set());
  known.current = useMemo(() => new Set((groups || []).map((g) => g.taskRun)), [groups]);
  const opens = (group) => !folding || (folding === "failed" && ["FAILED", "WARNING", "KILLED"].includes(store.rows.get(group.taskRun)?.state));
  const isFolded = (group) => folded.get(group.taskRun) ?? !opens(group);
  const sizes = shownGroups?.map((group) => (isFolded(group) ? 0 : partOf(group).total ?? 0));
  const total = drawn.current.total ?? 0;

  // ---- the stream's lines
  useEffect(() => {
    if (!source) return undefined;
    return store.onLines((lines) => {
      unseen.current += source.append(lines);
      for (const part of parts.current.values()) part.append(lines);
      if (lines.some((x) => LEVELS.indexOf(x.level) >= 3)) setNotable(null);
      if (lines.some((x) => x.taskRun && !known.current.has(x.taskRun)) || lines.some((x) => LEVELS.indexOf(x.level) >= 3)) readGroups();
      changed();
    });
  }, [store, source]);
  // Lines that were written after this view was answered and before the stream's snapshot come by neither, also of a
  // run that has ended meanwhile.
  useEffect(() => {
    if (!source || !store.snapshots) return;
    source.asking.then(() => { if (source.last < store.logTotal) source.start().then(() => mode === "task" && readGroups()); });
  }, [source, store.snapshots]);
  // What has ended needs no following.
  useEffect(() => { if (store.ended?.reason === "terminal") setTimeout(() => setFollowing(false), 500); }, [store.ended]);
  const stick = useRef(following);
  stick.current = following;
  // Without a stream (another component's, or refused) a following view asks for the end now and then.
  useEffect(() => {
    if (!following || !source || connection === "open" || connection === "opening" || connection === "ended") return undefined;
    const timer = setInterval(() => document.hidden || source.start(), 3000);
    return () => clearInterval(timer);
  }, [following, source, connection]);
  useEffect(() => {
    const again = (event) => event.detail.execution === execution && source?.start();
    window.addEventListener("flowdeck:resync", again);
    return () => window.removeEventListener("flowdeck:resync", again);
  }, [execution, source]);

  const count_ = sizes ? sizes.reduce((n, m) => n + m, 0) : total;
  useLayoutEffect(() => {
    if (!following || !count_ || pacing.current) return undefined;
    const frame = requestAnimationFrame(() => list.current?.scrollToIndex({ index: count_ - 1, align: "end" }));
    return () => cancelAnimationFrame(frame);
  }, [following, count_]);

  // ---- positions
  const at = (index) => {
    if (!shownGroups) return [source, index + 1];
    let rest = index;
    for (let i = 0; i < shownGroups.length; i += 1) {
      if (rest < sizes[i]) return [partOf(shownGroups[i]), rest + 1];
      rest -= sizes[i];
    }
    return [null, 0];
  };
  const fetchRange = useDebounced(({ startIndex, endIndex }) => {
    if (!shownGroups) {
      source?.ensure(startIndex + 1 - 50, endIndex + 1 + 50);
      return;
    }
    let base = 0;
    shownGroups.forEach((group, i) => {
      const from = Math.max(startIndex - 20, base);
      const to = Math.min(endIndex + 20, base + sizes[i] - 1);
      if (from <= to) partOf(group).ensure(from - base + 1, to - base + 1);
      base += sizes[i];
    });
  }, 30);
  useEffect(() => fetchRange(range.current), [key, mode, count_ > 0, folded, attemptOf]);
  const rangeChanged = useCallback((now) => {
    range.current = now;
    fetchRange(now);
    onRange.current?.(now);
  }, []);

  const stopFollowing = () => {
    if (stick.current) {
      setFollowing(false);
      setFresh(0);
    }
  };
  const show = (index, align = "center") => {
    stopFollowing();
    list.current?.scrollToIndex({ index, align });
  };
  // The list may not be mounted yet, or not know its groups: tries again for a second.
  const goTo = async (no, position) => {
    setTarget(no);
    try {
      if (!shownGroups) {
        const place = position ?? (await source.positionOf(no));
        source.ensure(place - 60, place + 60);
        show(place - 1);
        return;
      }
      let known = [...source.lines.values()].find((x) => x.no === no);
      if (!known) {
        const place = position ?? (await source.positionOf(no));
        known = (await source.range(Math.max(1, place), place)).lines[0];
      }
      const i = shownGroups.findIndex((group) => group.taskRun === known?.taskRun);
      if (i < 0) return;
      const group = shownGroups[i];
      if (isFolded(group)) setFolded((old) => new Map(old).set(group.taskRun, false));
      const part = partOf(group);
      const place = await part.positionOf(no);
      part.ensure(place - 40, place + 40);
      const before = sizes.slice(0, i).reduce((n, m) => n + m, 0);
      setTimeout(() => show(before + place - 1), isFolded(group) ? 60 : 0);
    } catch (error) {
      if (!isAbort(error)) setProblem(error);
    }
  };
  const linked = useRef(0);
  useEffect(() => {
    if (!line || linked.current === line || !source || drawn.current.total === undefined || (mode === "task" && !groups)) return;
    linked.current = line;
    setTimeout(() => goTo(line), 0);
  }, [line, drawn.current.total === undefined, groups === null, mode]);

  // ---- search
  const found = useSearch(searchUrl, view, { q, regex, exact });
  const pattern = useMemo(() => patternOf(q, regex, exact), [q, regex, exact]);
  const step = (by) => {
    if (!found.hits.length) return;
    const next = hit < 0 ? (by > 0 ? 0 : found.hits.length - 1) : (hit + by + found.hits.length) % found.hits.length;
    setHit(next);
    goTo(found.hits[next].no, found.hits[next].position);
  };
  useEffect(() => {
    setHit(-1);
  }, [q, regex, exact, key]);
  const landed = useRef(0);
  useEffect(() => {
    if (!found.busy && found.hits.length && hit < 0 && landed.current !== found.hits) {
      landed.current = found.hits;
      step(1);
    }
  }, [found]);

  // ---- errors and warnings, one after the other
  const visit = async (wanted, by) => {
    let all = notable;
    try {
      if (!all) {
        const answer = await request(logsUrl, { query: { ...view, minLevel: "WARN", from: 1, to: 2000 } });
        all = answer.lines.map(({ no, level: l }) => ({ no, level: l }));
        setNotable(all);
      }
    } catch (error) {
      if (!isAbort(error)) setProblem(error);
      return;
    }
    const ofLevel = all.filter((x) => x.level === wanted);
    if (!ofLevel.length) return;
    const next = by > 0 ? ofLevel.find((x) => x.no > target) || ofLevel[0] : [...ofLevel].reverse().find((x) => x.no < target) || ofLevel[ofLevel.length - 1];
    goTo(next.no);
  };
  useEffect(() => {
    if (compact || !logsUrl || mode !== "time" || notable || !total) return undefined;
    const abort = new AbortController();
    request(logsUrl, { query: { ...view, minLevel: "WARN", from: 1, to: 2000 }, signal: abort.signal, retries: 0 }).then(
      (answer) => setNotable(answer.lines.map(({ no, level: l }) => ({ no, level: l }))),
      () => {},
    );
    return () => abort.abort();
  }, [key, mode, notable === null, total > 0]);
  const ordinal = (wanted) => {
    const index = notable?.filter((x) => x.level === wanted).findIndex((x) => x.no === target) ?? -1;
    return index < 0 ? "" : `${index + 1}/`;
  };

  const pick = useCallback((picked) => {
    setTarget(picked.no);
    held.current.onLine?.(picked.no);
  }, []);
  const copy = useCallback((one, link) => {
    if (link) {
      const address = new URL(location.href);
      address.searchParams.set("log", one.no);
      copyText(address.href);
      setTarget(one.no);
      held.current.onLine?.(one.no);
    } else copyText(`${one.at} ${one.level} ${one.text}`);
  }, []);

  const [seen, setSeen] = useState(false);
  const copyShown = () => {
    const out = [];
    for (let i = range.current.startIndex; i <= Math.min(range.current.endIndex, count_ - 1); i += 1) {
      const [part, position] = at(i);
      const one = part?.lines.get(position);
      if (one) out.push(mode === "raw" ? one.text : `${one.at} ${one.level} ${one.taskId ? `[${one.taskId}] ` : ""}${one.text}`);
    }
    copyText(out.join("\n")).then(() => { setSeen(true); setTimeout(() => setSeen(false), 2000); });
  };

  const set = (change) => {
    if (change.level) setLow(change.level);
    if (change.mode) setMode(change.mode);
    setNotable(null);
    held.current.onView?.({ level: change.level || low, grouping: change.mode || mode });
  };

  const toEnd = () => {
    setFresh(0);
    if (running || !store.execution.state) setFollowing(true);
    list.current?.scrollToIndex({ index: count_ - 1, align: "end" });
  };
  const onKey = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "f") {
      event.preventDefault();
      field.current?.focus();
    } else if (event.target.tagName !== "INPUT" && event.key === "End") toEnd();
    else if (event.target.tagName !== "INPUT" && event.key === "Home") show(0, "start");
    else if ((event.key === "e" || event.key === "E") && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); visit("ERROR", event.shiftKey ? -1 : 1); } // UI §1.10
    else if (["ArrowUp", "PageUp"].includes(event.key)) stopFollowing();
    else if (event.key === "F3") {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  };

  const scrollerRef = useCallback((host) => { scroller.current = host; }, []);
  const current = hit >= 0 ? found.hits[hit]?.no : 0;
  const render = (index) => {
    const [part, position] = at(index);
    const one = part?.lines.get(position);
    return <Line line={one} target={Boolean(one) && one.no === target} raw={mode === "raw"} compact={compact || !times} showTask={mode === "time" && !task && !compact} pattern={pattern} current={Boolean(one) && one.no === current} fileUrl={fileUrl} zone={zone} onPick={pick} onCopy={copy} />;
  };
  const common = {
    ref: list,
    defaultItemHeight: compact ? 20 : 20,
    ...(following ? TAILING : READING),
    rangeChanged,
    scrollerRef,
    totalListHeightChanged: toBottom,
    atBottomThreshold: 24,
    style: { height: "100%" },
    "data-testid": "log-list",
    onWheel: (event) => event.deltaY < 0 && stopFollowing(),
    onTouchMove: stopFollowing,
    onMouseUp: () => String(window.getSelection() || "") && stopFollowing(),
    tabIndex: 0,
    role: "log",
    "aria-live": "off",
    "aria-label": "Log lines",
  };
  const error = problem || source?.error;
  const empty = drawn.current.total === 0 && !error;
  const options = task && !taskRun ? [...(groups || [])] : groups || [];
  const openCount = shownGroups ? shownGroups.filter((g) => !isFolded(g)).length : 0;

  return (
    <section className={`fd-log${wrapped ? " wrap" : ""}${compact ? " compact" : ""}`} aria-label="Logs" onKeyDown={onKey} data-testid="log-view">
      <div className="ltb">
        <div className="inp" role="search">
          <Icon name="search" />
          <input ref={field} type="search" placeholder={compact ? "Find in this task" : "Search all lines"} aria-label="Search all lines" value={q} onChange={(e) => setQ(e.target.value)} data-testid="log-search"
            onKeyDown={(e) => { if (e.key === "Enter") step(e.shiftKey ? -1 : 1); if (e.key === "Escape") setQ(""); }} />
          <span className="end" aria-live="polite">
            {q ? <span data-testid="log-hits" className={found.error ? "fgs bad" : ""}>{found.error ? "not a valid pattern" : found.busy && !found.hits.length ? "searching…" : `${hit >= 0 ? `${count(hit + 1)} of ` : ""}${count(found.total)}${found.busy ? "…" : ""}`}</span> : null}
            {q ? <><button type="button" className="ib" aria-label="Previous hit" onClick={() => step(-1)}><Icon name="chevron-up" /></button><button type="button" className="ib" aria-label="Next hit" onClick={() => step(1)}><Icon name="chevron-down" /></button></> : null}
            <button type="button" className="tgl" aria-pressed={exact} title="Match case" onClick={() => setExact(!exact)}>Aa</button>
            <button type="button" className="tgl" aria-pressed={regex} title="Regular expression" onClick={() => setRegex(!regex)}>.*</button>
          </span>
        </div>
        <select aria-label="Minimum level" value={low} onChange={(e) => set({ level: e.target.value })} data-testid="log-level">
          {LEVELS.map((l) => <option key={l} value={l}>{l === "ERROR" ? "ERROR only" : `${l} and up`}</option>)}
        </select>
        {compact || taskRun ? null : (
          <select aria-label="Task" value={task} onChange={(e) => { setTask(e.target.value); setNotable(null); }} data-testid="log-task">
            <option value="">All tasks</option>
            {options.map((g) => <option key={g.taskRun} value={g.taskRun}>{g.taskId}{valueOf(store, g.taskRun) ? ` [${valueOf(store, g.taskRun)}]` : ""}</option>)}
          </select>
        )}
        {compact ? null : ["ERROR", "WARN"].map((l) => totals[l] ? (
          <span key={l} className="lv"><b className={`lv-${l[0]}`}>{l}</b><span>{ordinal(l)}{count(totals[l])}</span>
            <button type="button" className="ib" aria-label={`Previous ${l}`} onClick={() => visit(l, -1)}><Icon name="chevron-up" size={12} /></button>
            <button type="button" className="ib" aria-label={`Next ${l}`} onClick={() => visit(l, 1)}><Icon name="chevron-down" size={12} /></button>
          </span>
        ) : null)}
        <span className="grow" />
        {compact ? null : (
          <div className="seg" role="group" aria-label="View">
            {[["task", "By task"], ["time", "By time"], ["raw", "Raw"]].map(([m, word]) => <button key={m} type="button" className={mode === m ? "on" : ""} aria-pressed={mode === m} onClick={() => set({ mode: m })} data-testid={`log-view-${m}`}>{word}</button>)}
          </div>
        )}
        <button type="button" className={`ib${wrapped ? " on" : ""}`} aria-pressed={wrapped} aria-label="Wrap long lines" title="Wrap long lines" onClick={() => setWrapped(!wrapped)}><Icon name="wrap-text" /></button>
        {compact ? null : <button type="button" className={`ib${times ? " on" : ""}`} aria-pressed={times} aria-label="Line numbers" title="Line numbers and links" onClick={() => setTimes(!times)}><Icon name="hash" /></button>}
        {compact ? null : <button type="button" className="ib" aria-label="Copy the lines on screen" title={seen ? "Copied" : "Copy the lines on screen"} onClick={copyShown} data-testid="log-copy-shown"><Icon name={seen ? "check" : "copy"} /></button>}
        {downloadUrl ? <a className="ib" href={withQuery(downloadUrl, { minLevel, taskRunId: task || undefined, attempt: attempt || undefined })} download aria-label="Download this view as text" title="Download this view as text" data-testid="log-download"><Icon name="download" /></a> : null}
        {exportUrl && !compact ? <a className="ib" href={withQuery(exportUrl, { minLevel, taskRun: task || undefined, attempt: attempt || undefined })} download aria-label="Download this view as JSON lines" title="Download this view as JSON lines" data-testid="log-jsonl"><Icon name="braces" /></a> : null}
      </div>
      <Problem error={error} what="The log could not be loaded." retry={() => { setProblem(null); source?.start(); readGroups(); }} />
      <div className={`lw${mode === "time" && !compact && total > 200 ? " map" : ""}`}>
        <div className="ls">
          {empty ? <div className="none">{minLevel || task ? `No line at ${low} or above${task ? " of this task" : ""}.` : running ? "No line yet." : "This execution wrote no line."}</div>
            : drawn.current.total === undefined ? <div className="none" aria-busy="true" />
            : shownGroups ? (
              <GroupedVirtuoso key="task" {...common} groupCounts={sizes} itemContent={(index) => render(index)} groupContent={(i) => <GroupHead group={shownGroups[i]} store={store} folded={isFolded(shownGroups[i])} lines={partOf(shownGroups[i]).total} chosen={attemptOf.get(shownGroups[i].taskRun)} downloadUrl={downloadUrl}
                onFold={() => setFolded((old) => new Map(old).set(shownGroups[i].taskRun, !isFolded(shownGroups[i])))} onAttempt={(n) => setAttemptOf((old) => new Map(old).set(shownGroups[i].taskRun, n))} />} />
            ) : mode === "task" ? <div className="none" aria-busy="true" /> : (
              <Virtuoso key={`${mode}${key}`} {...common} totalCount={total} itemContent={render} initialTopMostItemIndex={following ? { index: "LAST", align: "end" } : 0} />
            )}
          {!following && fresh > 0 ? <button type="button" className="newp" onClick={toEnd} data-testid="log-new"><Icon name="arrow-down" />{plural(fresh, "new line")}</button> : null}
        </div>
        {mode === "time" && !compact && total > 200 ? <Minimap total={total} notable={notable} hits={found.hits} range={range} onRange={onRange} last={source?.last || total} onPick={(ratio) => show(Math.floor(ratio * total))} /> : null}
      </div>
      <div className="lft">
        {running || following ? (
          <>
            <label><span className={`sw${following ? " on" : ""}`} aria-hidden="true" /><input type="checkbox" role="switch" checked={following} onChange={() => (following ? stopFollowing() : toEnd())} style={{ position: "absolute", opacity: 0 }} data-testid="log-follow" />{compact && following ? "Following" : "Follow"}</label>
            {following ? null : <span className="hide-s">{compact ? "" : <>Paused while you read. Press <span className="kbd">End</span> to follow.</>}</span>}
          </>
        ) : <span className="hide-s">{compact ? "" : "Complete"}</span>}
        <span className="grow" />
        <span data-testid="log-total">{plural(total, "line")}{shownGroups ? `, ${openCount} of ${plural(shownGroups.length, "group")} open` : ""}</span>
        {running ? <span className="hide-s">{connection === "open" ? "live" : connection === "waiting" || connection === "opening" ? "connecting again" : ""}</span> : null}
      </div>
    </section>
  );
}

const valueOf = (store, id) => store.rows.get(id)?.value;

function GroupHead({ group, store, folded, lines, chosen, downloadUrl, onFold, onAttempt }) {
  const row = store.rows.get(group.taskRun);
  const started = row?.started && Date.parse(row.started);
  const ended = row?.ended && Date.parse(row.ended);
  const sum = (level) => group.attempts.reduce((n, a) => n + (a.levels?.[level] || 0), 0);
  return (
    <div className="gh" data-testid="log-group">
      <button type="button" className="fold" aria-expanded={!folded} aria-label={folded ? "Unfold" : "Fold"} onClick={onFold}><Icon name={folded ? "chevron-right" : "chevron-down"} /></button>
      {row ? <StateIcon state={row.state} /> : null}
      <span className="nm">{group.taskId || (group.taskRun ? group.taskRun : "execution")}</span>
      {row?.value !== undefined && row?.value !== null ? <span className="val">{String(row.value)}</span> : null}
      {group.attempts.length > 1 ? (
        <select aria-label="Attempt" value={chosen ?? ""} onChange={(e) => onAttempt(e.target.value ? Number(e.target.value) : undefined)}>
          <option value="">{group.attempts.length} attempts</option>
          {group.attempts.map((a) => <option key={a.attempt} value={a.attempt}>Attempt {a.attempt} of {group.attempts.length}</option>)}
        </select>
      ) : null}
      {started ? <span className="mut sm">{span((ended || Date.now()) - started)}</span> : null}
      <span className="grow" />
      {sum("ERROR") ? <span className="fgs bad sm med">{plural(sum("ERROR"), "error")}</span> : null}
      {sum("WARN") ? <span className="fgs warn sm med">{plural(sum("WARN"), "warning")}</span> : null}
      <span className="faint sm">{plural(lines, "line")}</span>
      {downloadUrl ? <a className="ib" href={withQuery(downloadUrl, { taskRunId: group.taskRun })} download aria-label="Download these lines"><Icon name="download" /></a> : null}
    </div>
  );
}

function Minimap({ total, notable, hits, range: told, onRange, last, onPick }) {
  const [range, setRange] = useState(told.current);
  useEffect(() => {
    onRange.current = setRange;
    return () => { onRange.current = null; };
  }, []);
  const top = (ratio) => `${Math.max(0, Math.min(99.6, ratio * 100))}%`;
  return (
    <div className="mm" aria-hidden="true" onClick={(e) => { const box = e.currentTarget.getBoundingClientRect(); onPick((e.clientY - box.top) / box.height); }}>
      {(notable || []).slice(0, 400).map((x) => <i key={x.no} style={{ top: top(x.no / Math.max(last, 1)), background: x.level === "ERROR" ? "var(--fd-bad-solid)" : "var(--fd-warn-solid)", opacity: x.level === "ERROR" ? 1 : 0.8 }} />)}
      {hits.slice(0, 400).map((x) => <i key={`h${x.no}`} style={{ top: top(x.position / total), left: "auto", right: 2, width: 6, background: "var(--fd-mark-now)" }} />)}
      <u style={{ top: top(range.startIndex / total), height: `${Math.min(100, ((range.endIndex - range.startIndex) / total) * 100)}%` }} />
    </div>
  );
}
