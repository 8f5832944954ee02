// Flows below their namespaces: a tree by keyboard; what is below a namespace is read when it opens.
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { isAbort, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, plural } from "$/public/external/components/glyphs/glyphs.jsx";

const SIZE = 100;

export function FlowTree({ api, search = "", onExecute }) {
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  const navigate = useNavigate();
  const { data: names, error, reload } = useRequest(`${api}/flows/distinct-namespaces`, { retries: 1 });
  const [open, setOpen] = useState(() => new Set());
  const [flows, setFlows] = useState(() => new Map());
  const [cursor, setCursor] = useState(0);
  const pending = useRef(new Set());
  const list = useRef(null);
  const narrowed = [...new URLSearchParams(search)].length > 0;
  const [allowed, setAllowed] = useState(null);
  // With conditions only the namespaces that have matching flows are shown.
  useEffect(() => {
    setFlows(new Map());
    pending.current.clear();
    if (!narrowed) { setAllowed(null); return undefined; }
    const abort = new AbortController();
    request(`${api}/flows/search?${search}`, { query: { size: 1000, sort: "namespace:asc" }, signal: abort.signal, retries: 1 }).then((answer) => {
      const by = new Map();
      for (const f of answer.results) by.set(f.namespace, [...(by.get(f.namespace) || []), f]);
      setFlows(new Map([...by].map(([n, rows]) => [n, { rows, total: rows.length }])));
      setAllowed(new Set(by.keys()));
      setOpen(new Set([...by.keys()].flatMap((n) => n.split(".").map((_, i, parts) => parts.slice(0, i + 1).join(".")))));
    }, (problem) => isAbort(problem) || setAllowed(new Set()));
    return () => abort.abort();
  }, [api, search, narrowed]);
  const known = useMemo(() => (names || []).filter((n) => !allowed || allowed.has(n)), [names, allowed]);
  const all = useMemo(() => new Set(known.flatMap((n) => n.split(".").map((_, i, parts) => parts.slice(0, i + 1).join(".")))), [known]);
  useEffect(() => { if (!narrowed && names && !open.size) setOpen(new Set([...all].filter((n) => !n.includes(".")))); }, [names, narrowed]);
  const read = async (namespace, page = 1) => {
    const key = `${namespace} ${page}`;
    if (pending.current.has(key) || narrowed) return;
    pending.current.add(key);
    try {
      const answer = await request(`${api}/flows/search`, { query: { page, size: SIZE, sort: "id:asc", "filters[namespace][EQUALS]": namespace }, retries: 1 });
      setFlows((old) => new Map(old).set(namespace, { rows: [...(page > 1 ? old.get(namespace)?.rows || [] : []), ...answer.results], total: answer.total, page }));
    } catch (problem) {
      pending.current.delete(key);
      if (!isAbort(problem)) setFlows((old) => new Map(old).set(namespace, { rows: [], total: 0, problem }));
    }
  };
  const rows = useMemo(() => {
    const out = [];
    const walk = (name, depth) => {
      const below = [...all].filter((n) => n.startsWith(`${name}.`) && !n.slice(name.length + 1).includes(".")).sort();
      const has = known.includes(name);
      const isOpen = open.has(name);
      out.push({ kind: "ns", id: name, word: depth ? name.split(".").pop() : name, depth, open: isOpen, has, below: below.length });
      if (!isOpen) return;
      below.forEach((n) => walk(n, depth + 1));
      if (!has) return;
      const held = flows.get(name);
      if (!held) out.push({ kind: "wait", id: `${name} wait`, depth: depth + 1, ns: name });
      else if (held.problem) out.push({ kind: "bad", id: `${name} bad`, depth: depth + 1, ns: name, text: held.problem.message });
      else {
        held.rows.forEach((f) => out.push({ kind: "flow", id: `${name}/${f.id}`, flow: f, depth: depth + 1 }));
        if (held.rows.length < held.total) out.push({ kind: "more", id: `${name} more`, depth: depth + 1, ns: name, rest: held.total - held.rows.length, page: held.page });
      }
    };
    [...all].filter((n) => !n.includes(".")).sort().forEach((n) => walk(n, 0));
    return out;
  }, [all, known, open, flows]);
  useEffect(() => { for (const row of rows) if (row.kind === "wait") read(row.ns); });
  const toggle = (name) => setOpen((old) => { const next = new Set(old); if (!next.delete(name)) next.add(name); return next; });
  const place = (f) => `/${tenant}/flows/edit/${f.namespace}/${f.id}/overview`;
  const keys = (event) => {
    const row = rows[cursor];
    const go = (i) => { const next = Math.max(0, Math.min(rows.length - 1, i)); setCursor(next); list.current?.children[next]?.scrollIntoView({ block: "nearest" }); };
    const acts = { ArrowDown: () => go(cursor + 1), ArrowUp: () => go(cursor - 1), Home: () => go(0), End: () => go(rows.length - 1), ArrowRight: () => (row?.kind === "ns" && !row.open ? toggle(row.id) : go(cursor + 1)), ArrowLeft: () => { if (row?.kind === "ns" && row.open) toggle(row.id); else for (let i = cursor - 1; i >= 0; i -= 1) if (rows[i].depth < row.depth) return go(i); return undefined; }, Enter: () => row && (row.kind === "ns" ? toggle(row.id) : row.kind === "flow" ? navigate(place(row.flow)) : row.kind === "more" && read(row.ns, row.page + 1)) };
    if (!acts[event.key] || event.target.closest("button,a")) return;
    event.preventDefault();
    acts[event.key]();
  };
  if (error) return <div className="pad"><Problem error={error} what="The namespaces could not be loaded." retry={reload} /></div>;
  if (!names || (narrowed && !allowed)) return <div className="skb" aria-busy="true">{[0, 1, 2, 3].map((n) => <div key={n} className="skr"><i className="sk" style={{ width: 160 }} /></div>)}</div>;
  if (!rows.length) return <div className="empty" data-testid="empty"><h2>{narrowed ? "Nothing matches" : "No flows yet"}</h2></div>;
  return (
    <ul className="ftree scroll" role="tree" tabIndex={0} aria-label="Flows by namespace" ref={list} onKeyDown={keys} aria-activedescendant={`ft-${cursor}`} data-testid="flow-tree">
      {rows.map((row, i) => {
        const common = { key: row.id, id: `ft-${i}`, role: "treeitem", "aria-level": row.depth + 1, "aria-selected": i === cursor, className: `ftr${i === cursor ? " cur" : ""}`, style: { paddingLeft: 12 + row.depth * 20 } };
        if (row.kind === "ns") return <li {...common} key={row.id} aria-expanded={row.open} onClick={() => { setCursor(i); toggle(row.id); }} data-testid="tree-namespace"><Icon name={row.open ? "chevron-down" : "chevron-right"} size={12} /><Icon name="folder" /><span className="med">{row.word}</span>{flows.get(row.id)?.total ? <i className="cnt">{flows.get(row.id).total}</i> : null}</li>;
        if (row.kind === "flow") return <li {...common} key={row.id} onClick={() => setCursor(i)} data-testid="tree-flow"><span style={{ width: 12 }} /><Icon name="workflow" /><Link className={row.flow.disabled ? "id dis" : "id"} to={place(row.flow)}>{row.flow.id}</Link>{row.flow.disabled ? <i className="cnt">disabled</i> : null}<span className="mut sm ell grow">{(row.flow.description || "").split("\n")[0].slice(0, 160)}</span><button type="button" className="ib" aria-label={`Execute ${row.flow.id}`} title="Execute" onClick={(e) => { e.stopPropagation(); onExecute?.({ namespace: row.flow.namespace, id: row.flow.id }); }}><Icon name="play" /></button></li>;
        if (row.kind === "more") return <li {...common} key={row.id}><button type="button" className="link sm" onClick={() => read(row.ns, row.page + 1)}>{plural(row.rest, "more flow")}</button></li>;
        if (row.kind === "bad") return <li {...common} key={row.id}><span className="fgs bad sm">{row.text}</span></li>;
        return <li {...common} key={row.id} aria-busy="true"><i className="sk" style={{ width: 140 }} /></li>;
      })}
    </ul>
  );
}
