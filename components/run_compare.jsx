// Two executions side by side: where they part, durations in pairs, values, and the log of the task run chosen.
import { useEffect, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, StateIcon, clock, count, familyOf, plural, size, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import "./run_compare.css";

const tail = (path) => path.replaceAll("/", " / ");
const show = (value) => (value === undefined ? "absent" : value === null ? "null" : typeof value === "object" ? (value.hash && value.size !== undefined ? `${size(value.size)}, hash ${value.hash}` : JSON.stringify(value)) : String(value));

// The parts of b that are not in a: common head and tail stay plain.
function Marked({ a, b, kind }) {
  if (a === b) return b;
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let end = 0;
  while (end < a.length - head && end < b.length - head && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  if (b.length < 13 || head + end < b.length * 0.3) return <mark className={kind}>{b}</mark>;
  return <>{b.slice(0, head)}<mark className={kind}>{b.slice(head, b.length - end)}</mark>{b.slice(b.length - end)}</>;
}

function Head({ letter, run, tenant, searchUrl, onPick }) {
  const place = `/${tenant}/executions/${run.namespace}/${run.flowId}/${run.id}/overview`;
  const family = familyOf(run.state);
  return (
    <div className="rch" data-testid={`compare-${letter.toLowerCase()}`}>
      <span className="rcl" aria-hidden="true">{letter}</span>
      <div className="col grow" style={{ minWidth: 0 }}>
        <div className="row"><span className={`st ${family}`}><StateIcon state={run.state} size={12} />{stateWord(run.state)}</span><b className="mono rcid" title={run.id}>{run.id.slice(0, 8)}</b><span className="num mut nw">{run.started ? clock(run.started, { date: true }) : ""}</span></div>
        <div className="row g12 sm mut rcf"><span className="ell">{run.namespace}/{run.flowId}</span>{run.started ? <span className="num nw">{run.ended ? `ran ${span(Date.parse(run.ended) - Date.parse(run.started))}` : "runs"}</span> : null}
          <span className="nw">rev <Link className="link" to={`/${tenant}/flows/edit/${run.namespace}/${run.flowId}/revisions`}>{run.revision}</Link></span>{run.trigger ? <span className="ell">by {run.trigger}</span> : null}</div>
      </div>
      <Other run={run} searchUrl={searchUrl} onPick={onPick} letter={letter} />
      <Link className="btn" to={place}><Icon name="external-link" />Open</Link>
    </div>
  );
}

// Another execution of the same flow in this place.
function Other({ run, searchUrl, onPick, letter }) {
  const [open, setOpen] = useState(false);
  const { data } = useRequest(open ? withQuery(searchUrl, { size: 25, sort: "state.startDate:desc", "filters[namespace][EQUALS]": run.namespace, "filters[flowId][EQUALS]": run.flowId }) : "", { retries: 1 });
  return (
    <select className="btn sel rco" value={run.id} aria-label={`Another execution as ${letter}`} onFocus={() => setOpen(true)} onMouseDown={() => setOpen(true)} onChange={(e) => onPick(e.target.value)} data-testid={`compare-other-${letter.toLowerCase()}`}>
      <option value={run.id}>Another</option>
      {(data?.results || []).filter((x) => x.id !== run.id).map((x) => <option key={x.id} value={x.id}>{`${x.id.slice(0, 8)}  ${stateWord(x.state.current)}  ${clock(x.state.startDate, { date: true })}`}</option>)}
    </select>
  );
}

function Log({ url, a, b, task, onClose }) {
  const { data, error, reload } = useRequest(withQuery(`${url}/logs`, { a, b, task }), { retries: 1 });
  const [all, setAll] = useState(false);
  if (error) return <Problem error={error} what="The logs could not be compared." retry={reload} />;
  const lines = data?.lines || [];
  // Long stretches that are the same fold to one row.
  const shown = [];
  lines.forEach((line, i) => {
    const near = lines.slice(Math.max(0, i - 2), i + 3).some((x) => x.op !== "same");
    if (all || near || lines.length < 30) shown.push(line);
    else if (shown[shown.length - 1]?.skip) shown[shown.length - 1].skip += 1;
    else shown.push({ skip: 1 });
  });
  return (
    <section className="rcs_">
      <div className="row"><h2 className="ell">{task ? <>Log of <span className="mono">{tail(task)}</span></> : "Log"}</h2><span className="grow" /><span className="xs mut nw">times and ids ignored</span>{task ? <button type="button" className="link xs" onClick={onClose}>Whole log</button> : null}</div>
      {!data ? <div className="rclog" aria-busy="true"><i className="sk" style={{ width: "60%", margin: 8, display: "block" }} /></div> : !lines.length ? <p className="faint">Neither wrote a line{task ? " here" : ""}.</p> : (
        <div className="rclog" role="table" aria-label="Lines that differ" tabIndex={0} data-testid="compare-log">
          {shown.map((line, i) => line.skip ? <button key={i} type="button" className="rcskip" onClick={() => setAll(true)}>{plural(line.skip, "line")} the same</button> : (
            <div key={i} role="row" className={`rcline ${line.op}`}><span role="cell">{line.op === "a" ? "−" : line.op === "b" ? "+" : ""}</span><span role="cell" className={`lvl lv-${line.level[0]}`}>{line.level}</span><span role="cell" className="brk">{line.text.slice(0, 2000)}</span></div>
          ))}
          {data.truncated ? <p className="xs mut" style={{ padding: 8 }}>Only the first 5,000 lines of each are compared.</p> : null}
        </div>
      )}
    </section>
  );
}

function words(first, a, b) {
  const told = (side, run) => (run.error ? `${side}: ${run.error}` : "");
  const parts = [told("A", a), told("B", b)].filter(Boolean);
  return parts.length ? parts.join(". ") : first.reason === "only in one" ? "only one of them ran it" : first.reason.toLowerCase();
}

export function RunCompare({ url, searchUrl, a, b, onPick }) {
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  const [differing, setDiffering] = useState(true);
  const [allRuns, setAllRuns] = useState(false);
  const [task, setTask] = useState(null);
  const [more, setMore] = useState([]);
  const [after, setAfter] = useState("");
  const { data, error, reload } = useRequest(a && b ? withQuery(url, { a, b, show: "all" }) : "", { retries: 1 });
  useEffect(() => {
    setMore([]);
    setAfter(data?.after || "");
    // The task run that failed lies below the group where they part.
    const below = (data?.taskRuns || []).filter((r) => r.path === data.first?.path || r.path.startsWith(`${data.first?.path}/`));
    setTask((below.filter((r) => r.b?.state === "FAILED" || r.a?.state === "FAILED").pop() || below[0])?.path ?? "");
  }, [data]);
  if (!a || !b) return <div className="empty"><h2>Two executions side by side</h2><p className="mut">Select two rows of the executions and press Compare.</p><Link className="btn pri" to={`/${tenant}/executions`}>Executions</Link></div>;
  if (error) return <div className="pad"><Problem error={error} what="The executions could not be compared." retry={reload} /></div>;
  if (!data) return <div className="rcx" aria-busy="true"><div className="skb">{[0, 1, 2, 3, 4].map((n) => <div key={n} className="skr"><i className="sk" style={{ width: 160 }} /><i className="sk" style={{ flex: 1 }} /></div>)}</div></div>;
  const runs = [...data.taskRuns, ...more];
  const top = Math.max(1, ...runs.flatMap((r) => [r.a?.durationMs || 0, r.b?.durationMs || 0]));
  const rows = allRuns || runs.length <= 12 ? runs : [...runs].map((r, i) => ({ r, i, w: r.path === data.first?.path ? Infinity : !r.a || !r.b || r.a.state !== r.b.state ? 1e12 : Math.abs(r.deltaMs || 0) })).sort((x, y) => y.w - x.w).slice(0, 12).sort((x, y) => x.i - y.i).map((x) => x.r);
  const values = [{ path: "revision", a: data.a.revision, b: data.b.revision, same: data.a.revision === data.b.revision }, ...(data.a.flowId !== data.b.flowId ? [{ path: "flow", a: data.a.flowId, b: data.b.flowId, same: false }] : []), ...data.values];
  const shownValues = differing ? values.filter((v) => !v.same) : values;
  const sameFlow = data.a.namespace === data.b.namespace && data.a.flowId === data.b.flowId;
  const next = async () => {
    try {
      const answer = await request(withQuery(url, { a, b, show: "all", after }));
      setMore([...more, ...answer.taskRuns]);
      setAfter(answer.after || "");
    } catch (problem) {
      if (!isAbort(problem)) setAfter("");
    }
  };
  const delta = (r) => {
    if (r.path === data.first?.path) return <span className="fgs bad">first difference</span>;
    if (!r.a) return <span className="fgs bad">only in B</span>;
    if (!r.b) return <span className="mut">not run</span>;
    if (r.a.state !== r.b.state) return <span className={`fgs ${familyOf(r.b.state)}`}>{stateWord(r.b.state).toLowerCase()}</span>;
    const big = Math.abs(r.deltaMs) > 100 && Math.abs(r.deltaMs) > 0.05 * Math.max(r.a.durationMs, 1);
    if (!big) return <span className="mut">same</span>;
    return <span className={r.deltaMs > Math.max(1000, r.a.durationMs * 0.25) ? "fgs warn" : "mut"}>{r.deltaMs > 0 ? "+" : "−"}{span(Math.abs(r.deltaMs))}</span>;
  };
  return (
    <div className="rcx" data-testid="compare">
      <div className="rchs"><Head letter="A" run={data.a} tenant={tenant} searchUrl={searchUrl} onPick={(id) => onPick?.({ a: id, b })} /><Head letter="B" run={data.b} tenant={tenant} searchUrl={searchUrl} onPick={(id) => onPick?.({ a, b: id })} /><div className="rcsw"><button type="button" className="btn" onClick={() => onPick?.({ a: b, b: a })} data-testid="compare-swap"><Icon name="repeat" />Swap</button></div></div>
      <div className="rcsum" role="status" data-testid="compare-first"><Icon name="git-branch" />
        {data.first ? <span className="brk">They part at <b className="mono med">{tail(data.first.path)}</b>: {words(data.first, data.a, data.b)}</span> : <span>Every task run ended in the same state in both.</span>}
        <span className="grow" />{sameFlow && data.a.revision !== data.b.revision ? <Link className="link nw" to={`/${tenant}/flows/edit/${data.a.namespace}/${data.a.flowId}/revisions?revisionLeft=${Math.min(data.a.revision, data.b.revision)}&revisionRight=${Math.max(data.a.revision, data.b.revision)}`}>Diff of revisions {data.a.revision} and {data.b.revision}</Link> : null}</div>
      <div className="rcg">
        <section className="rcd">
          <div className="row"><h2>Task durations</h2><span className="grow" /><span className="xs mut row g4"><i className="rckey a" />A above</span><span className="xs mut row g4"><i className="rckey" />B below</span></div>
          <table><thead><tr><th scope="col">Task run</th><th scope="col"><span className="vh">Bars</span></th><th scope="col" className="num">A</th><th scope="col" className="num">B</th><th scope="col" className="num">B to A</th></tr></thead>
            <tbody>{rows.map((r) => (
              <tr key={r.path} className={`${r.path === data.first?.path ? "first" : ""}${task === r.path ? " sel" : ""}`} data-testid="compare-row">
                <td className="mono"><button type="button" className="rcp ell" title={r.path} onClick={() => setTask(r.path)}>{tail(r.path)}</button></td>
                <td className="rcbars"><i className={`a ${familyOf(r.a?.state)}`} style={{ width: r.a ? `${Math.max(1, (r.a.durationMs / top) * 100)}%` : 0 }} /><i className={familyOf(r.b?.state)} style={{ width: r.b ? `${Math.max(1, (r.b.durationMs / top) * 100)}%` : 0 }} /></td>
                <td className="num mut">{r.a ? span(r.a.durationMs) : ""}</td><td className="num">{r.b ? span(r.b.durationMs) : ""}</td><td className="num">{delta(r)}</td>
              </tr>))}</tbody></table>
          <div className="row sm mut rcmore"><span>{rows.length < runs.length ? `${count(rows.length)} of ${count(runs.length)}${after ? "+" : ""} task runs, those that differ most` : plural(runs.length, "task run")}</span><span className="grow" />{rows.length < runs.length ? <button type="button" className="link" onClick={() => setAllRuns(true)}>Show all</button> : after ? <button type="button" className="link" onClick={next}>More</button> : allRuns && runs.length > 12 ? <button type="button" className="link" onClick={() => setAllRuns(false)}>Those that differ most</button> : null}</div>
        </section>
        <div className="rcv">
          <section className="rcs_"><div className="row"><h2>Values</h2><span className="grow" /><label className="row g6 sm mut pick"><input type="checkbox" checked={differing} onChange={(e) => setDiffering(e.target.checked)} data-testid="compare-differing" />Only differences</label></div>
            {shownValues.length ? <table className="cpt rcvt"><thead><tr><th scope="col">Path</th><th scope="col">A</th><th scope="col">B</th></tr></thead><tbody>{shownValues.map((v) => { const [x, y] = [show(v.a), show(v.b)]; return <tr key={v.path} className={v.same ? "" : "diff"}><td className="mono mut">{v.path}</td><td className="mono brk">{v.a === undefined ? <mark className="gone">absent</mark> : x.slice(0, 600)}</td><td className="mono brk">{v.same ? y.slice(0, 600) : v.b === undefined ? <mark className="gone">absent</mark> : <Marked a={v.a === undefined ? "" : x.slice(0, 600)} b={y.slice(0, 600)} kind="new" />}</td></tr>; })}</tbody></table> : <p className="faint">Inputs, labels, variables and outputs are the same.</p>}</section>
          {task !== null ? <Log key={task} url={url} a={a} b={b} task={task} onClose={() => setTask("")} /> : null}
        </div>
      </div>
    </div>
  );
}
