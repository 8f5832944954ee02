// Lines of all executions as they come; similar messages with counts and trend.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, clock, count, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import "./log_tail.css";

const KEPT = 2000;
const EACH = 1000; // lines a look brings at most; a look is a second
const keyOf = (x) => `${x.timestamp}|${x.executionId || x.triggerId || ""}|${x.no ?? ""}|${x.message}`;

export function LogTail({ url }) {
  const [lines, setLines] = useState([]);
  const [on, setOn] = useState(true);
  const [stuck, setStuck] = useState(true);
  const [share, setShare] = useState(1);
  const [error, setError] = useState(null);
  const [missed, setMissed] = useState(0);
  const list = useRef(null);
  const since = useRef("");
  const seen = useRef(new Set());
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  useEffect(() => {
    since.current = new Date(Date.now() - 60000).toISOString();
    seen.current = new Set();
    setLines([]);
    setMissed(0);
  }, [url]);
  useEffect(() => {
    if (!on) return undefined;
    const abort = new AbortController();
    let stop = false;
    const look = async () => {
      if (document.visibilityState === "hidden") return;
      try {
        const answer = await request(withQuery(url, { size: EACH, sort: "timestamp:desc", "filters[startDate][GREATER_THAN_OR_EQUAL_TO]": since.current }), { signal: abort.signal, retries: 0 });
        const fresh = answer.results.filter((x) => !seen.current.has(keyOf(x))).reverse();
        setError(null);
        setShare(answer.total > EACH && fresh.length >= EACH * 0.9 ? EACH / answer.total : 1);
        if (!fresh.length) return;
        for (const one of fresh) seen.current.add(keyOf(one));
        // Lines of the last seconds may still arrive: the next look begins a little before the newest one.
        since.current = new Date(Date.parse(fresh[fresh.length - 1].timestamp) - 2000).toISOString();
        if (seen.current.size > 20000) seen.current = new Set([...seen.current].slice(-10000));
        setLines((old) => [...old, ...fresh].slice(-KEPT));
        if (!stuckNow.current) setMissed((n) => n + fresh.length);
      } catch (problem) {
        if (!isAbort(problem)) setError(problem);
      }
    };
    (async () => {
      while (!stop) {
        await look();
        await new Promise((done) => { setTimeout(done, 1000); });
      }
    })();
    return () => { stop = true; abort.abort(); };
  }, [url, on]);
  const stuckNow = useRef(true);
  stuckNow.current = stuck;
  useLayoutEffect(() => { if (stuck && list.current) list.current.scrollTop = list.current.scrollHeight; }, [lines, stuck]);
  const scrolled = (e) => { const el = e.currentTarget; const at = el.scrollHeight - el.scrollTop - el.clientHeight < 24; if (at !== stuck) setStuck(at); if (at) setMissed(0); };
  return (
    <div className="lt" data-testid="log-tail">
      <div className="ltb_"><button type="button" className="btn s" aria-pressed={on} onClick={() => setOn(!on)} data-testid="tail-switch"><Icon name={on ? "circle-pause" : "play"} />{on ? "Pause" : "Go on"}</button>
        <span className="sm mut num" role="status">{on ? "Live, " : "Paused, "}{plural(lines.length, "line")}{lines.length >= KEPT ? ", the oldest leave" : ""}</span><span className="grow" />
        {share < 1 ? <span className="al warn ltn" role="status">More than {count(EACH)} lines a second: about 1 of {Math.round(1 / share)} is shown. Narrow the conditions to see all.</span> : null}
        <button type="button" className="link sm" onClick={() => { setLines([]); setMissed(0); }}>Clear</button></div>
      <Problem error={error} what="New lines could not be read." />
      <div className="lts" ref={list} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label="New log lines">
        {lines.length ? lines.map((x) => (
          <div key={keyOf(x)} className={`ltl${x.level === "ERROR" ? " bad" : ""}`}><time className="num">{clock(x.timestamp, { millis: true })}</time><span className={`lvl lv-${x.level[0]}`}>{x.level}</span>
            {x.executionId ? <Link className="ell ltf" to={`/${tenant}/executions/${x.namespace}/${x.flowId}/${x.executionId}/logs${x.no ? `?log=${x.no}` : ""}`} title={`${x.namespace}.${x.flowId} ${x.taskId || ""}`}>{x.flowId}{x.taskId ? <span className="faint"> {x.taskId}</span> : null}</Link> : <Link className="ell ltf" to={`/${tenant}/flows/edit/${x.namespace}/${x.flowId}/triggers`} title={x.triggerId}>{x.flowId} <span className="faint">{x.triggerId}</span></Link>}
            <span className="brk">{x.message}</span></div>
        )) : <p className="mut ltnone">{on ? "Waiting for the next line that matches the conditions above." : "Paused."}</p>}
      </div>
      {!stuck && missed ? <button type="button" className="xl-new ltnew" onClick={() => { setStuck(true); setMissed(0); }}><Icon name="arrow-down" />{plural(missed, "new line")}</button> : null}
    </div>
  );
}

export function LogPatterns({ url, onPick }) {
  const { data, error, reload } = useRequest(url, { retries: 1 });
  if (error) return <div className="pad"><Problem error={error} what="The patterns could not be made." retry={reload} /></div>;
  if (!data) return <div className="lt" aria-busy="true"><div className="skb">{[0, 1, 2, 3].map((n) => <div key={n} className="skr"><i className="sk" style={{ width: 56 }} /><i className="sk" style={{ flex: 1 }} /></div>)}</div></div>;
  if (!data.groups.length) return <div className="empty"><h2>No line matches</h2><p className="mut">No log line of the chosen time fits the level and the conditions above.</p></div>;
  return (
    <div className="lt" data-testid="log-patterns"><div className="ltb_"><span className="sm mut num">{plural(data.groups.length, "pattern")} in {data.truncated ? "the newest " : ""}{plural(data.lines, "line")}; numbers, ids and instants read #</span></div>
      <div className="lts" tabIndex={0}><table className="cpt ltp"><thead><tr><th scope="col" className="num">Lines</th><th scope="col">Trend</th><th scope="col">Level</th><th scope="col">Message</th><th scope="col" className="num">Last</th></tr></thead>
        <tbody>{data.groups.map((g, i) => { const top = Math.max(...g.series, 1); return (
          <tr key={i}><td className="num">{count(g.count)}</td><td><svg width="96" height="18" role="img" aria-label={`${g.count} lines over the time looked at`}>{g.series.map((n, k) => (n ? <rect key={k} x={k * 4} width="3" y={18 - Math.max(2, (n / top) * 16)} height={Math.max(2, (n / top) * 16)} fill={`var(--fd-${g.level === "ERROR" ? "bad" : g.level === "WARN" ? "warn" : "idle"}-solid)`} /> : null))}</svg></td>
            <td><span className={`lvl lv-${g.level[0]}`}>{g.level}</span></td><td className="mono"><button type="button" className="rcp ell ltm" title={g.example.message} onClick={() => onPick?.({ message: g.example.message, pattern: g.pattern, flowId: g.example.flowId })} data-testid="log-pattern">{g.pattern || "(empty)"}</button></td><td className="num">{clock(g.last, { date: true })}</td></tr>); })}</tbody></table></div></div>
  );
}
