// Search in all sources: cards of lines with marks; replace in all or some flows after a look at each.
import { useEffect, useRef, useState } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { isAbort, request, useDebounced, useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, count, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import "./source_search.css";

const SIZE = 25;

function Marked({ text, spans }) {
  const out = [];
  let at = 0;
  const first = Math.max(0, (spans[0]?.[0] ?? 0) - 100);
  if (first) out.push("…");
  at = first;
  spans.forEach(([a, b], i) => { out.push(text.slice(at, a), <mark key={i}>{text.slice(a, b)}</mark>); at = b; });
  out.push(text.slice(at, at + 200));
  return <span className="ell grow">{out}</span>;
}

// Lines that a replacement changes, old and new.
function Changes({ before, after }) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const rows = [];
  for (let i = 0; i < Math.max(a.length, b.length) && rows.length < 60; i += 1) if (a[i] !== b[i]) rows.push([i + 1, a[i] ?? "", b[i] ?? ""]);
  return <div className="sschg" data-testid="replace-preview">{rows.map(([no, x, y]) => <div key={no}><div className="rcline a"><span>{no}</span><span>−</span><span className="brk">{x}</span></div><div className="rcline b"><span /><span>+</span><span className="brk">{y}</span></div></div>)}</div>;
}

export function SourceSearch({ api, mayReplace = true }) {
  const { pathname, search } = useLocation();
  const navigate = useNavigate();
  const tenant = pathname.split("/").filter(Boolean)[0];
  const given = new URLSearchParams(search);
  const [text, setText] = useState(given.get("q") || "");
  const [by, setBy] = useState("");
  const [replacing, setReplacing] = useState(false);
  const [results, setResults] = useState(null);
  const [total, setTotal] = useState(0);
  const [truncated, setTruncated] = useState(false);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [out, setOut] = useState(() => new Set());
  const [views, setViews] = useState(() => new Map());
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState(null);
  const abort = useRef(null);
  const q = given.get("q") || "";
  const namespace = given.get("namespace") || "";
  const regex = given.get("regex") === "true";
  const exact = given.get("case") === "true";
  const { data: namespaces } = useRequest(`${api}/flows/distinct-namespaces`, { retries: 1 });
  const options = { q, regex: regex || undefined, case: exact || undefined, namespace: namespace || undefined };
  const put = (change, replace = true) => {
    const next = new URLSearchParams(search);
    for (const [k, v] of Object.entries(change)) if (v) next.set(k, v); else next.delete(k);
    navigate(`${pathname}?${next}`, { replace });
  };
  const type = useDebounced((v) => put({ q: v.trim() ? v : "" }), 300);
  const read = async (page) => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setBusy(true);
    setError(null);
    try {
      const answer = await request(`${api}/console/flows/lines`, { query: { ...options, page, size: SIZE }, signal: mine.signal, retries: 1 });
      setResults((old) => (page > 1 ? [...(old || []), ...answer.results] : answer.results));
      setTotal(answer.total);
      setTruncated(answer.truncated);
    } catch (problem) {
      if (isAbort(problem)) return;
      setError(problem);
      setResults(null);
    }
    setBusy(false);
  };
  useEffect(() => {
    setViews(new Map());
    setOut(new Set());
    setDone(null);
    if (q) read(1);
    else { abort.current?.abort(); setResults(null); setTotal(0); setError(null); setBusy(false); }
    return () => abort.current?.abort();
  }, [q, regex, exact, namespace]);
  const key = (r) => `${r.namespace}/${r.id}`;
  const chosen = (results || []).filter((r) => !out.has(key(r)));
  const look = async (r) => {
    if (views.has(key(r))) return setViews((old) => { const next = new Map(old); next.delete(key(r)); return next; });
    try {
      const [made, flow] = await Promise.all([request(`${api}/console/flows/${r.namespace}/${r.id}/replaced`, { method: "POST", json: { q, by, regex, case: exact } }), request(`${api}/flows/${r.namespace}/${r.id}`, { query: { source: true } })]);
      setViews((old) => new Map(old).set(key(r), { after: made.source, before: flow.source }));
    } catch (problem) {
      setViews((old) => new Map(old).set(key(r), { problem }));
    }
    return undefined;
  };
  const replace = async () => {
    setAsking(false);
    const told = { saved: [], refused: [], left: chosen.length };
    setDone({ ...told });
    for (const r of chosen) {
      try {
        const made = await request(`${api}/console/flows/${r.namespace}/${r.id}/replaced`, { method: "POST", json: { q, by, regex, case: exact } });
        const flow = await request(`${api}/flows/${r.namespace}/${r.id}`, { method: "PUT", body: made.source, headers: { "Content-Type": "application/x-yaml" } });
        told.saved.push({ ...r, revision: flow.revision });
      } catch (problem) {
        told.refused.push({ ...r, why: [problem.message, ...(problem.errors || []).map((e) => e.message)].filter(Boolean).join(" ").slice(0, 300) });
      }
      told.left -= 1;
      setDone({ ...told });
    }
    setViews(new Map());
    read(1);
  };
  return (
    <div className="ss" data-testid="source-search">
      <div className="ssb">
        <label className="inp ssq"><Icon name="search" /><input type="search" value={text} autoFocus placeholder="Text in the source" aria-label="Text" aria-invalid={error?.status === 422 || undefined} spellCheck={false} data-testid="sources-text" onChange={(e) => { setText(e.target.value); type(e.target.value); }} onKeyDown={(e) => { if (e.key === "Enter") put({ q: text.trim() ? text : "" }, false); }} />
          <button type="button" className="tgl" aria-pressed={exact} title="Match case" aria-label="Match case" onClick={() => put({ case: exact ? "" : "true" })} data-testid="sources-case">Aa</button><button type="button" className="tgl" aria-pressed={regex} title="Regular expression" aria-label="Regular expression" onClick={() => put({ regex: regex ? "" : "true" })} data-testid="sources-regex">.*</button></label>
        <select className="btn sel ssn" value={namespace} aria-label="Namespace" onChange={(e) => put({ namespace: e.target.value }, false)} data-testid="sources-space"><option value="">All namespaces</option>{(namespaces || (namespace ? [namespace] : [])).map((n) => <option key={n} value={n}>{n}</option>)}</select>
        {mayReplace ? <button type="button" className="btn" aria-pressed={replacing} onClick={() => setReplacing(!replacing)} data-testid="sources-replace">Replace</button> : null}
        <span className="sm mut num" role="status">{busy && !results ? "searching…" : results ? `${plural(total, "flow")}${truncated ? ", the search stopped after two seconds" : ""}` : ""}</span>
      </div>
      {replacing ? <div className="ssb ssr"><label className="inp ssq"><Icon name="arrow-right" /><input value={by} placeholder={regex ? "Replacement, \\1 is the first group" : "Replacement"} aria-label="Replacement" spellCheck={false} data-testid="sources-by" onChange={(e) => { setBy(e.target.value); setViews(new Map()); }} /></label>
        <button type="button" className="btn pri" disabled={!chosen.length || !q} onClick={() => setAsking(true)} data-testid="sources-replace-all">Replace in {plural(chosen.length, "flow")}</button><span className="sm mut">Each gets one new revision.{results && results.length < total ? ` Only the ${count(results.length)} flows below.` : ""}</span></div> : null}
      {done ? <div className={`al ${done.refused.length ? "warn" : "ok"} ssd`} role="status" data-testid="replace-done"><div className="grow"><b>{done.left ? `${plural(done.left, "flow")} to go` : `${plural(done.saved.length, "flow")} saved`}</b>{done.refused.length ? <>, {count(done.refused.length)} refused<ul>{done.refused.map((r) => <li key={key(r)}><span className="mono">{key(r)}</span>: {r.why}</li>)}</ul></> : "."}</div><button type="button" className="ib" aria-label="Close" onClick={() => setDone(null)}><Icon name="x" /></button></div> : null}
      <div className="scroll srs" tabIndex={0}>
        {error ? <div className="pad"><Problem error={error} what="The sources could not be searched." retry={() => read(1)} /></div> : null}
        {(results || []).map((r) => { const v = views.get(key(r)); return (
          <section key={key(r)} className="src_" data-testid="source-card">
            <div className="row srh">{replacing ? <input type="checkbox" checked={!out.has(key(r))} aria-label={`Replace in ${key(r)}`} onChange={() => setOut((old) => { const next = new Set(old); if (!next.delete(key(r))) next.add(key(r)); return next; })} /> : null}
              <Link to={`/${tenant}/flows/edit/${r.namespace}/${r.id}/edit`}><span className="ns">{r.namespace}<span className="faint">/</span></span><span className="id">{r.id}</span></Link>{r.disabled ? <i className="cnt">disabled</i> : null}<span className="grow" />{replacing ? <button type="button" className="link sm" onClick={() => look(r)} data-testid="replace-look">{v ? "Hide" : "Preview"}</button> : null}</div>
            {v?.problem ? <Problem error={v.problem} what="The replacement can't be shown." /> : v ? <Changes before={v.before} after={v.after} /> : r.lines.map((line) => <Link key={line.no} className="srl mono" to={`/${tenant}/flows/edit/${r.namespace}/${r.id}/edit?line=${line.no}`}><span className="no">{line.no}</span><Marked {...line} /></Link>)}
            {r.more && !v ? <p className="xs faint srm">{plural(r.more, "more line")}</p> : null}
          </section>); })}
        {results && results.length < total ? <button type="button" className="btn" onClick={() => read(Math.floor(results.length / SIZE) + 1)} data-testid="sources-more">Show more</button> : null}
        {results && !results.length ? <div className="empty"><h2>No source holds it</h2><p className="mut">Another word, or all namespaces.</p></div> : null}
        {!q && !error ? <div className="empty"><h2>Search in all sources</h2><p className="mut">A task type, a table, a host: every flow that names it, with its lines.</p><Link className="btn" to={`/${tenant}/flows`}>Back to the flows</Link></div> : null}
      </div>
      <Dialog open={asking} title={`Replace in ${plural(chosen.length, "flow")}`} width={480} onClose={() => setAsking(false)} testid="replace-ask">
        <div className="dbody"><p className="brk"><code className="mono">{q}</code> becomes {by ? <code className="mono">{by}</code> : "nothing"}. Each flow gets one new revision; older revisions stay and can be restored.</p><ul className="mono sm ssl">{chosen.map((r) => <li key={key(r)}>{key(r)}</li>)}</ul></div>
        <div className="df"><span className="grow" /><button type="button" className="btn" onClick={() => setAsking(false)}>Cancel</button><button type="button" className="btn pri" data-primary="true" onClick={replace} data-testid="replace-confirm">Replace</button></div>
      </Dialog>
    </div>
  );
}
