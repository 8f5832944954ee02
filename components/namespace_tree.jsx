// The namespaces as a tree that folds; the counts of a folded one are those of all below it too.
import { useMemo, useState } from "react";
import { useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { AppLink } from "$/public/external/components/client/shell.jsx";
import "./namespace_tree.css";
import { numberLocale } from "$/public/external/components/language/language.jsx";

const MANY = 60; // from here on only the first level is open at the beginning
const MOST = 400; // rows in the page
const COUNTS = ["flows", "runs", "running", "failed"];
const KEPT = "fd-namespaces";
const kept = () => { try { return JSON.parse(sessionStorage.getItem(KEPT) || "null"); } catch { return null; } };
const keep = (names) => { try { sessionStorage.setItem(KEPT, JSON.stringify(names.slice(0, 2000))); } catch { /* private window */ } };

// Rows in the order of the tree, the system namespace first; each knows its level and whether something is below.
function treeOf(rows, system) {
  const by = new Map(rows.map((row) => [row.id, { ...row, below: [], all: Object.fromEntries(COUNTS.map((c) => [c, row[c] || 0])) }]));
  const roots = [];
  for (const node of by.values()) {
    const parent = by.get(node.id.slice(0, Math.max(0, node.id.lastIndexOf("."))));
    (parent ? parent.below : roots).push(node);
  }
  const order = (a, b) => (b.id === system) - (a.id === system) || a.id.localeCompare(b.id);
  const walk = (nodes, level) => nodes.sort(order).flatMap((node) => {
    const below = walk(node.below, level + 1);
    for (const child of node.below) for (const c of COUNTS) node.all[c] += child.all[c];
    return [{ ...node, level, parent: node.below.length > 0 }, ...below];
  });
  return walk(roots, 0);
}

const number = (value) => (value ? value.toLocaleString(numberLocale()) : "");
const listOf = (place, id, below, more = "") => `${place}?filters[namespace][${below ? "PREFIX" : "EQUALS"}]=${id}${more}`;

export function NamespaceTree({ url, query = "", reload, system = "system" }) {
  const found = useRequest(url, { query: { turn: reload || undefined } });
  const [folded, setFolded] = useState(kept);
  const rows = useMemo(() => treeOf(found.data?.results || [], system), [found.data, system]);
  const closed = useMemo(() => new Set(folded || (rows.length > MANY ? rows.filter((r) => r.parent).map((r) => r.id) : [])), [folded, rows]);
  const words = query.trim().toLowerCase();
  const shown = useMemo(() => {
    if (words) {
      const hits = rows.filter((r) => r.id.toLowerCase().includes(words) || (r.description || "").toLowerCase().includes(words));
      const wanted = new Set(hits.flatMap((r) => r.id.split(".").map((_, i, parts) => parts.slice(0, i + 1).join("."))));
      return rows.filter((r) => wanted.has(r.id));
    }
    let hidden = "";
    return rows.filter((r) => {
      if (hidden && r.id.startsWith(hidden)) return false;
      hidden = closed.has(r.id) ? r.id + "." : "";
      return true;
    });
  }, [rows, closed, words]);
  const fold = (names) => { setFolded([...names]); keep([...names]); };
  const toggle = (id) => { const next = new Set(closed); if (!next.delete(id)) next.add(id); fold(next); };
  const onKey = (row) => (event) => {
    if (!row.parent || words) return;
    if (event.key === "ArrowLeft" && !closed.has(row.id)) toggle(row.id);
    if (event.key === "ArrowRight" && closed.has(row.id)) toggle(row.id);
  };
  const parents = rows.filter((r) => r.parent).map((r) => r.id);
  if (found.error && !found.data) return <div className="pad16 padt"><Problem error={found.error} what="The namespaces could not be loaded." retry={found.reload} /></div>;
  if (!found.data) return <div className="pad16 padt" aria-busy="true" role="status" aria-label="Loading">{[70, 54, 62, 48, 66, 40].map((w, i) => <i key={i} className="sk nstsk" style={{ width: `${w}%` }} />)}</div>;
  return (
    <div className="nst scroll" data-testid="namespace-tree">
      <table aria-label="Namespaces" className="cpt2">
        <thead><tr>
          <th scope="col"><span className="row g6">Namespace{parents.length && !words ? <button type="button" className="link sm" onClick={() => fold(closed.size ? [] : parents)} data-testid="namespaces-fold">{closed.size ? "Unfold all" : "Fold all"}</button> : null}</span></th>
          <th scope="col" className="hide-m">Description</th>
          <th scope="col" className="num">Flows</th>
          <th scope="col" className="num hide-m">Ran today</th>
          <th scope="col" className="num hide-s">Running</th>
          <th scope="col" className="num">Failed today</th>
          <th scope="col" className="hide-m"><span className="vh">Parts</span></th>
        </tr></thead>
        <tbody>{shown.slice(0, MOST).map((row) => {
          const shut = row.parent && !words && closed.has(row.id), n = shut ? row.all : row;
          const cut = row.id.lastIndexOf(".") + 1;
          return (
            <tr key={row.id} data-id={row.id} onKeyDown={onKey(row)} data-testid="namespace-row">
              <td className="nstn"><span className="row g6" style={{ paddingLeft: row.level * 18 }}>
                {row.parent && !words ? <button type="button" className="ib" aria-expanded={!shut} aria-label={`${shut ? "Unfold" : "Fold"} ${row.id}`} onClick={() => toggle(row.id)} data-testid={`fold-${row.id}`}><Icon name={shut ? "chevron-right" : "chevron-down"} size={12} /></button> : <i className="nstg" />}
                <AppLink to={`/namespaces/edit/${row.id}`} className="ell"><span className="ns">{row.id.slice(0, cut)}</span><span className="id">{row.id.slice(cut)}</span></AppLink>
                {row.id === system ? <span className="cnt">system</span> : null}
              </span></td>
              <td className="hide-m mut nstd"><span className="ell" title={row.description || ""}>{row.description || ""}</span></td>
              <td className="num">{n.flows ? <AppLink to={listOf("/flows", row.id, shut)}>{number(n.flows)}</AppLink> : null}</td>
              <td className="num hide-m">{n.runs ? <AppLink to={listOf("/executions", row.id, shut, "&filters[timeRange][EQUALS]=PT24H")}>{number(n.runs)}</AppLink> : null}</td>
              <td className="num hide-s">{n.running ? <AppLink to={listOf("/executions", row.id, shut, "&filters[state][IN]=RUNNING,RETRYING,RESTARTED,KILLING")}>{number(n.running)}</AppLink> : null}</td>
              <td className="num">{n.failed ? <AppLink to={listOf("/executions", row.id, shut, "&filters[state][IN]=FAILED&filters[timeRange][EQUALS]=PT24H")} className="fgs bad">{number(n.failed)}</AppLink> : null}</td>
              <td className="hide-m"><span className="row g12"><AppLink to={`/namespaces/edit/${row.id}/files`} className="link sm">Files</AppLink><AppLink to={`/namespaces/edit/${row.id}/kv`} className="link sm">Keys</AppLink></span></td>
            </tr>
          );
        })}</tbody>
      </table>
      {shown.length > MOST ? <p className="mut sm pad16 padt">{number(shown.length - MOST)} more. Fold some, or search for them.</p> : null}
      {words && !shown.length ? <p className="mut pad16 padt" data-testid="namespaces-none">No namespace matches “{query}”. One exists as soon as a flow, a key or a file lies in it.</p> : null}
    </div>
  );
}
