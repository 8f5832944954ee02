// Flows that start one another: the graph with last states and a colour a namespace, and beside it a list to search.
import { useEffect, useMemo, useState } from "react";
import { Link, useLocation } from "react-router";
import { request, useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, StateIcon, plural, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { FlowGraph } from "$/public/external/components/graph/graph.jsx";
import "./flow_links.css";

const GROUPS = 6; // colours; further namespaces take them again
const RELATIONS = { FLOW_TASK: "Subflow", FLOW_TRIGGER: "Flow trigger" };

export function FlowLinks({ api, namespace, flow, onOpen, onCount }) {
  const [all, setAll] = useState(false);
  const { data, error, reload } = useRequest(`${api}/flows/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}/dependencies`, { query: all ? { expandAll: true } : {}, retries: 1 });
  const [latest, setLatest] = useState(() => new Map());
  const [chosen, setChosen] = useState("");
  const [find, setFind] = useState("");
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  const key = (one) => `${one.namespace}/${one.id || one.flowId}`;
  const nodes = data?.nodes || [];
  const own = nodes.find((n) => n.namespace === namespace && n.id === flow)?.uid || "";
  const picked = nodes.some((n) => n.uid === chosen) ? chosen : own;

  useEffect(() => { if (data) onCount?.(Math.max(0, nodes.length - 1)); }, [data]);
  useEffect(() => {
    if (!nodes.length) return undefined;
    const abort = new AbortController();
    request(`${api}/executions/latest`, { method: "POST", json: nodes.map((n) => ({ namespace: n.namespace, id: n.id })), signal: abort.signal }).then(
      (found) => setLatest(new Map((found || []).map((run) => [key({ namespace: run.namespace, id: run.flowId }), run]))),
      () => {}, // the graph is worth more than its colours
    );
    return () => abort.abort();
  }, [data]);

  const groups = useMemo(() => [...new Set(nodes.map((n) => n.namespace))].sort(), [data]);
  const groupOf = (name) => `nsg nsg${groups.indexOf(name) % GROUPS}`;
  const graph = useMemo(() => data && { ...data, nodes: nodes.map((n) => ({ ...n, state: latest.get(key(n))?.status, group: groupOf(n.namespace), ref: `${n.namespace}/${n.id}` })) }, [data, latest]);
  const byUid = useMemo(() => new Map(nodes.map((n) => [n.uid, n])), [data]);
  const rows = useMemo(() => {
    const list = [];
    for (const edge of data?.edges || []) {
      const way = edge.target === picked ? "up" : edge.source === picked ? "down" : "";
      const other = way && byUid.get(way === "up" ? edge.source : edge.target);
      if (other && !list.some((r) => r.uid === other.uid && r.way === way)) list.push({ ...other, way, relation: edge.relation });
    }
    if (!find.trim()) return list;
    const needle = find.trim().toLowerCase();
    const near = new Set(list.map((r) => r.uid));
    return [...list, ...nodes.filter((n) => !near.has(n.uid) && n.uid !== picked).map((n) => ({ ...n, way: "far" }))].filter((r) => key(r).toLowerCase().includes(needle));
  }, [data, picked, find]);

  if (error && !data) return <div className="pad"><Problem error={error} what="The dependencies could not be read." retry={reload} /></div>;
  if (!data) return <div className="fd-links" aria-busy="true"><div className="graph_" /><aside /></div>;
  if (nodes.length < 2) {
    return (
      <div className="empty" data-testid="links-none"><span className="emi"><Icon name="workflow" size={24} /></span><h2>No dependencies</h2><p className="mut">This flow starts no other as a subflow, no other starts it, and no Flow trigger joins it to another.</p></div>
    );
  }
  const middle = byUid.get(picked);
  const part = (way, title) => {
    const shown = rows.filter((r) => r.way === way);
    return shown.length ? (
      <section key={way}>
        <h3>{title}<i className="cnt num">{shown.length}</i></h3>
        <ul>{shown.slice(0, 300).map((r) => <Neighbour key={r.uid + way} one={r} run={latest.get(key(r))} group={groupOf(r.namespace)} tenant={tenant} onPick={() => setChosen(r.uid)} />)}</ul>
        {shown.length > 300 ? <p className="faint xs pad">The first 300; search for others.</p> : null}
      </section>
    ) : null;
  };
  const listed = [part("up", "Starts it"), part("down", "Started by it"), part("far", "Elsewhere in the graph")].filter(Boolean);
  return (
    <div className="fd-links" data-testid="flow-dependencies">
      <div className="graph_"><FlowGraph graph={graph} direction="LR" selected={picked} toolbar onSelect={(name) => setChosen(nodes.find((n) => [`${n.namespace}/${n.id}`, n.id].includes(name))?.uid || "")} onOpen={onOpen} /></div>
      <aside aria-label="Neighbours">
        <header>
          <b className="num" data-testid="links-count">{plural(nodes.length - 1, "other flow")}</b>
          <span className="grow" />
          <label className="row g6 pick sm"><input type="checkbox" checked={all} onChange={() => setAll(!all)} data-testid="links-all" />Expand all</label>
        </header>
        <div className="groups" aria-label="Colours of namespaces">{groups.slice(0, 12).map((name) => <span key={name} className={groupOf(name)}><i />{name}</span>)}{groups.length > 12 ? <span className="faint">+{groups.length - 12}</span> : null}</div>
        <div className="mid">
          {latest.get(key(middle)) ? <StateIcon state={latest.get(key(middle)).status} /> : null}
          <div className="grow"><b className="mono">{middle.id}</b><span className="xs mut">{middle.namespace}</span></div>
          {picked === own ? <span className="xs faint">this flow</span> : <Link className="link sm" to={`/${tenant}/flows/edit/${middle.namespace}/${middle.id}/dependencies`} data-testid="links-open">Open</Link>}
          {picked === own ? null : <button type="button" className="ib" aria-label="Back to this flow" title="Back to this flow" onClick={() => setChosen("")}><Icon name="x" /></button>}
        </div>
        <label className="inp srch"><Icon name="search" size={14} /><input type="search" value={find} placeholder="Find a flow" aria-label="Find a flow" onChange={(e) => setFind(e.target.value)} data-testid="links-find" /></label>
        <div className="list" data-testid="links-list">{listed.length ? listed : <p className="mut sm pad">{find ? "No flow of that name." : "No neighbours."}</p>}</div>
      </aside>
    </div>
  );
}

function Neighbour({ one, run, group, tenant, onPick }) {
  return (
    <li className={group} data-testid="links-row">
      <i />
      {run ? <StateIcon state={run.status} /> : <span className="si" title="Never ran" />}
      <button type="button" onClick={onPick} title={run ? `${stateWord(run.status)}, ${one.namespace}.${one.id}` : `${one.namespace}.${one.id}`}><b className="mono">{one.id}</b><span className="xs mut">{one.namespace}{one.relation ? `, ${RELATIONS[one.relation] || one.relation}` : ""}</span></button>
      <Link className="ib" to={`/${tenant}/flows/edit/${one.namespace}/${one.id}/dependencies`} aria-label={`Open ${one.id}`} title="Open"><Icon name="arrow-right" /></Link>
    </li>
  );
}
