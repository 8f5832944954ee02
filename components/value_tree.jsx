// JSON as a tree: types, sizes, copy of value and of expression, links of files.
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { copyText, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, StateIcon, count, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import "./value_tree.css";

const BATCH = 100; // children shown at once
const LONG = 300; // characters of a text shown at first

const typeOf = (value) => (value === null || value === undefined ? "null" : Array.isArray(value) ? "array" : typeof value);
const isUri = (value) => typeof value === "string" && /^(kestra|nsfile):\/\/\//.test(value);

const isId = (value) => typeof value === "string" && /^0[0-9A-Za-z]{21}$/.test(value);
const ASKED = 20; // ids that are looked up at once

// Texts that look like ids of executions are links where there is such an execution: one look-up for what is on screen.
function useExecutions(rows, tenant) {
  const [known, setKnown] = useState(() => new Map());
  const wanted = [...new Set(rows.filter((row) => !row.nested && isId(row.value)).map((row) => row.value))].filter((id) => !known.has(id)).slice(0, ASKED).join();
  useEffect(() => {
    if (!wanted || !tenant) return undefined;
    const abort = new AbortController();
    request(`/api/v1/${tenant}/executions/search`, { query: { size: ASKED, "filters[executionId][IN]": wanted, "filters[kind][IN]": "NORMAL,TEST,PLAYGROUND" }, signal: abort.signal, retries: 1, quiet: true }).then(
      (page) => setKnown((old) => {
        const next = new Map(old);
        for (const id of wanted.split(",")) next.set(id, null);
        for (const one of page.results || []) next.set(one.id, { place: `/${tenant}/executions/${one.namespace}/${one.flowId}/${one.id}/overview`, state: one.state?.current, flow: one.flowId });
        return next;
      }),
      () => {},
    );
    return () => abort.abort();
  }, [wanted, tenant]);
  return known;
}

// outputs.extract['odd key'][0].uri
export function expressionOf(root, parts) {
  return parts.reduce((out, part) => (typeof part === "number" ? `${out}[${part}]` : /^[A-Za-z_$][\w$]*$/.test(part) ? `${out}.${part}` : `${out}['${String(part).replace(/'/g, "\\'")}']`), root);
}

function sizeWords(value, type) {
  if (type === "array") return plural(value.length, "item");
  if (type === "object") return plural(Object.keys(value).length, "key");
  if (type === "string" && value.length > 60) return `${count(value.length)} characters`;
  return type === "null" ? "" : type;
}

function matches(key, value, needle, depth = 0) {
  if (String(key).toLowerCase().includes(needle)) return true;
  if (value && typeof value === "object") return depth < 12 && Object.entries(value).some(([k, v]) => matches(k, v, needle, depth + 1));
  return value !== null && value !== undefined && String(value).toLowerCase().includes(needle);
}

export function ValueTree({ value, url, pick, path = "outputs", previewUrl, downloadUrl, filter = true, openDepth = 2, none = "No value.", onPath, onPreview }) {
  const { data, error, loading, reload } = useRequest(url || "");
  const [toggled, setToggled] = useState(() => new Map());
  const [more, setMore] = useState(() => new Map());
  const [full, setFull] = useState(() => new Set());
  const [q, setQ] = useState("");
  const [cursor, setCursor] = useState(-1); // nothing is chosen until the reader chooses
  const [copied, setCopied] = useState("");
  const list = useRef(null);
  const root = useMemo(() => {
    if (!url) return value;
    return pick ? pick.split(".").reduce((node, part) => node?.[part], data) : data;
  }, [url, pick, data, value]);
  const needle = q.trim().toLowerCase();

  const rows = useMemo(() => {
    const out = [];
    const walk = (node, parts) => {
      const entries = Array.isArray(node) ? node.map((v, i) => [i, v]) : Object.entries(node);
      const kept = needle ? entries.filter(([k, v]) => matches(k, v, needle)) : entries;
      const id = JSON.stringify(parts);
      const limit = more.get(id) || BATCH;
      for (const [key, child] of kept.slice(0, limit)) {
        const own = [...parts, key];
        const ownId = JSON.stringify(own);
        const type = typeOf(child);
        const nested = (type === "object" || type === "array") && Object.keys(child).length > 0;
        const big = nested && Object.keys(child).length > 50;
        const open = nested && (toggled.has(ownId) ? toggled.get(ownId) : needle ? true : own.length < openDepth && !big);
        out.push({ id: ownId, parts: own, key, value: child, type, nested, open, depth: parts.length });
        if (open) walk(child, own);
      }
      if (kept.length > limit) out.push({ id: `${id}+`, more: id, rest: kept.length - limit, limit, depth: parts.length });
    };
    if (root && typeof root === "object") walk(root, []);
    return out;
  }, [root, toggled, more, needle, openDepth]);

  const executions = useExecutions(rows, useLocation().pathname.split("/").filter(Boolean)[0]);

  const choose = (row, index) => {
    setCursor(index);
    if (row.parts) onPath?.({ path: row.parts.join("."), expression: `{{ ${expressionOf(path, row.parts)} }}`, type: row.type });
  };
  const toggle = (row, open = !row.open) => setToggled((old) => new Map(old).set(row.id, open));
  const copy = (row, kind) => {
    copyText(kind === "expression" ? `{{ ${expressionOf(path, row.parts)} }}` : typeof row.value === "string" ? row.value : JSON.stringify(row.value, null, 2));
    setCopied(`${row.id}${kind}`);
    setTimeout(() => setCopied(""), 1200);
  };
  const onKey = (event) => {
    const row = rows[cursor];
    const go = (i) => {
      const next = Math.max(0, Math.min(rows.length - 1, i));
      choose(rows[next], next);
      list.current?.querySelectorAll(".vr")[next]?.scrollIntoView({ block: "nearest" });
    };
    const keys = {
      ArrowDown: () => go(cursor + 1),
      ArrowUp: () => go(cursor - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row?.nested && !row.open ? toggle(row, true) : go(cursor + 1)),
      ArrowLeft: () => {
        if (row?.open) toggle(row, false);
        else for (let i = cursor - 1; i >= 0; i -= 1) if (rows[i].depth < row.depth) return go(i);
        return undefined;
      },
      Enter: () => row && (row.more ? setMore((old) => new Map(old).set(row.more, row.limit + 500)) : row.nested ? toggle(row) : choose(row, cursor)),
    };
    if (event.target.closest("button, a, input") || !keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  };

  if (error) return <Problem error={error} what="The values could not be loaded." retry={reload} />;
  if (loading && root === undefined) return <div className="fd-tree" aria-busy="true">{[1, 2, 3].map((n) => <div key={n} className="sk" style={{ width: `${70 - n * 14}%`, margin: "8px 16px" }} />)}</div>;
  if (root === undefined || root === null || (typeof root === "object" && !Object.keys(root).length)) return <div className="fd-tree"><p className="none">{none}</p></div>;
  if (typeof root !== "object") return <div className="fd-tree"><span className={`v ${typeOf(root)}`}>{String(root)}</span></div>;
  return (
    <div className="fd-tree" data-testid="value-tree">
      {filter && (rows.length > 8 || q) ? <div className="top"><label className="inp"><Icon name="search" /><input type="search" placeholder="Filter keys and values" aria-label="Filter keys and values" value={q} onChange={(e) => setQ(e.target.value)} /></label></div> : null}
      <ul role="tree" tabIndex={0} aria-label={path} ref={list} onKeyDown={onKey} aria-activedescendant={rows[cursor] ? `fd-vt-${path}-${cursor}` : undefined}>
        {rows.map((row, index) =>
          row.more ? (
            <li key={row.id} role="none" className="vr" style={{ paddingLeft: row.depth * 16 + 22 }}><button type="button" className="more" onClick={() => setMore((old) => new Map(old).set(row.more, row.limit + 500))}>{count(row.rest)} more</button></li>
          ) : (
            <li key={row.id} id={`fd-vt-${path}-${index}`} role="treeitem" aria-level={row.depth + 1} aria-expanded={row.nested ? row.open : undefined} aria-selected={index === cursor} className={`vr${index === cursor ? " cur" : ""}`} style={{ paddingLeft: row.depth * 16 }} onClick={() => choose(row, index)} data-testid="value-row">
              {row.nested ? <button type="button" className="tw" tabIndex={-1} aria-label={row.open ? "Fold" : "Unfold"} onClick={(e) => { e.stopPropagation(); toggle(row); }}><Icon name={row.open ? "chevron-down" : "chevron-right"} size={12} /></button> : <span className="tw" />}
              <span className="k" title={String(row.key)}>{String(row.key)}</span>
              {row.nested ? null : <Leaf row={row} execution={executions.get(row.value)} full={full.has(row.id)} onFull={() => setFull((old) => new Set(old).add(row.id))} previewUrl={previewUrl} downloadUrl={downloadUrl} onPreview={onPreview} />}
              {row.nested || row.type === "string" ? <span className="t">{row.type === "string" && row.value.length <= 60 ? "" : sizeWords(row.value, row.type)}</span> : null}
              <span className="ac">
                <button type="button" className="ib" tabIndex={-1} title="Copy expression" aria-label={`Copy expression of ${row.key}`} onClick={(e) => { e.stopPropagation(); copy(row, "expression"); }} data-testid="value-copy-expression"><Icon name={copied === `${row.id}expression` ? "check" : "braces"} /></button>
                <button type="button" className="ib" tabIndex={-1} title="Copy value" aria-label={`Copy value of ${row.key}`} onClick={(e) => { e.stopPropagation(); copy(row, "value"); }}><Icon name={copied === `${row.id}value` ? "check" : "copy"} /></button>
              </span>
            </li>
          ),
        )}
        {rows.length ? null : <li role="none" className="none">Nothing matches “{q}”.</li>}
      </ul>
    </div>
  );
}

function Leaf({ row, execution, full, onFull, previewUrl, downloadUrl, onPreview }) {
  const { value, type } = row;
  if (isUri(value)) {
    return (
      <span className="v one" title={value}>
        {onPreview || previewUrl ? <a className="link" href={previewUrl ? withQuery(previewUrl, { path: value }) : "#"} target="_blank" rel="noreferrer noopener" onClick={(e) => { if (!onPreview) return; e.preventDefault(); e.stopPropagation(); onPreview(value); }}>{value.split("/").pop()}</a> : value}
        {downloadUrl ? <a className="link" style={{ marginLeft: 8 }} href={withQuery(downloadUrl, { path: value })} download onClick={(e) => e.stopPropagation()}>download</a> : null}
      </span>
    );
  }
  if (execution) return <Link className="v link one" to={execution.place} title={`Execution of ${execution.flow}`} onClick={(e) => e.stopPropagation()} data-testid="value-execution"><StateIcon state={execution.state} size={12} /> {value}</Link>;
  if (type === "object" || type === "array") return <span className="v null">{type === "array" ? "[]" : "{}"}</span>;
  const text = type === "null" ? "null" : String(value);
  if (type === "string" && text.length > LONG && !full) return <span className="v string">{text.slice(0, LONG)}… <button type="button" className="more" onClick={(e) => { e.stopPropagation(); onFull(); }}>show all</button></span>;
  if (type === "string" && /^https?:\/\//.test(text)) return <a className="v link" href={text} target="_blank" rel="noreferrer noopener">{text}</a>;
  return <span className={`v ${type}`}>{text === "" ? '""' : text}</span>;
}
