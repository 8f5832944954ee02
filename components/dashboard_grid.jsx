// The charts of a dashboard on twelve columns. Each asks for itself when it comes near the view, four at a time.
import { useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { request, isAbort } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, StateIcon, seriesWord, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { AppLink, useTenant } from "$/public/external/components/client/shell.jsx";
import { readerZone, told } from "$/public/external/components/chart/chart_time.jsx";
import { Words } from "$/public/external/components/client/words.jsx";
import { Chart, save } from "$/public/external/components/chart/chart.jsx";
import "./dashboard_grid.css";
import { numberLocale } from "$/public/external/components/language/language.jsx";

const MOST = 4;
let running = 0;
const waiting = [];
// A place among the four; whoever leaves the page before its turn gives it up.
function turn(signal) {
  return new Promise((resolve, reject) => {
    const begin = () => { running += 1; resolve(); };
    if (running < MOST) return begin();
    waiting.push(begin);
    signal.addEventListener("abort", () => {
      const at = waiting.indexOf(begin);
      if (at >= 0) { waiting.splice(at, 1); reject(new DOMException("Aborted", "AbortError")); }
    });
  });
}
function done() { running -= 1; waiting.shift()?.(); }

const WIRE = { NAMESPACE: "namespace", FLOW_ID: "flowId", STATE: "state", LEVEL: "minLevel", TRIGGER_ID: "triggerId", TASK_ID: "taskId" };
const STATES = /^(CREATED|SUBMITTED|RUNNING|PAUSED|RESTARTED|KILLING|SUCCESS|WARNING|FAILED|KILLED|CANCELLED|QUEUED|RETRYING|RETRIED|SKIPPED|BREAKPOINT|RESUBMITTED)$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

// Where a click on a bar, slice or point leads: the list with the filters of the page and the bucket of the click.
function place(drill, point, answer, filters, range) {
  if (!drill?.page) return "";
  let pairs = filters.map((f) => (f.field === "labels" ? [`filters[labels][${f.operator}][${f.value.split(":")[0]}]`, f.value.split(":").slice(1).join(":")] : [`filters[${f.field}][${f.operator}]`, f.value]));
  const add = (field, value) => {
    const wire = WIRE[field];
    if (!wire || !value) return;
    pairs = pairs.filter(([key]) => !key.startsWith(`filters[${wire}]`)); // the bucket is narrower than the page
    pairs.push([`filters[${wire}][${wire === "state" || String(value).includes(",") ? "IN" : "EQUALS"}]`, value]);
  };
  if (drill.time && point.x) {
    const xs = [...new Set((answer?.figure?.data || []).flatMap((t) => t.x || []))].map((x) => Date.parse(x)).filter(Boolean).sort((a, b) => a - b);
    const steps = xs.slice(1).map((x, i) => x - xs[i]), from = Date.parse(/Z$|[+-]\d\d:\d\d$/.test(point.x) ? point.x : point.x.replace(" ", "T") + "Z");
    const width = answer?.bucketMs || (steps.length ? Math.min(...steps) : 86400000);
    pairs.push(["filters[startDate][GREATER_THAN_OR_EQUAL_TO]", new Date(from).toISOString()], ["filters[startDate][LESS_THAN_OR_EQUAL_TO]", new Date(from + width).toISOString()]);
  } else if (typeof range === "string" && range) pairs.push(["filters[timeRange][EQUALS]", range]);
  else if (range?.start) pairs.push(["filters[startDate][GREATER_THAN_OR_EQUAL_TO]", range.start], ["filters[startDate][LESS_THAN_OR_EQUAL_TO]", range.end]);
  for (const rule of drill.where || []) add(rule.field, rule.values.join(","));
  if (!drill.time) add(drill.x, point.x);
  add(drill.series, point.name);
  return `/${drill.page}?${new URLSearchParams(pairs)}`;
}

function cellOf(value, field, row, fields, page) {
  if (value === null || value === undefined || value === "") return <span className="faint">–</span>;
  const text = String(value);
  if (field === "STATE" && STATES.test(text)) return <span className="row g6"><StateIcon state={text} />{stateWord(text)}</span>;
  if (field === "DURATION") return <span className="num">{span(Number(value) * 1000)}</span>;
  if (INSTANT.test(text)) return <time className="num">{told(text, readerZone())}</time>;
  const at = (name) => row[fields.indexOf(name)];
  if (field === "MESSAGE" && at("EXECUTION_ID")) return <AppLink to={`/executions/${at("NAMESPACE")}/${at("FLOW_ID")}/${at("EXECUTION_ID")}/logs`} className="mono sm msg" title={text}>{text}</AppLink>;
  if ((field === "ID" || field === "EXECUTION_ID") && at("NAMESPACE") && at("FLOW_ID") && page) return <AppLink to={`/executions/${at("NAMESPACE")}/${at("FLOW_ID")}/${text}`} className="mono link">{text.slice(0, 8)}</AppLink>;
  if (field === "FLOW_ID" && at("NAMESPACE")) return <AppLink to={`/flows/edit/${at("NAMESPACE")}/${text}`} className="id">{text}</AppLink>;
  if (field === "NAMESPACE") return <AppLink to={`/namespaces/edit/${text}`} className="ns">{text}</AppLink>;
  if (typeof value === "number") return <span className="num">{value.toLocaleString(numberLocale(), { maximumFractionDigits: 2 })}</span>;
  return text;
}

function Rows({ answer, label, page, onPage }) {
  const [sort, setSort] = useState(null);
  const rows = useMemo(() => {
    if (!sort) return answer.rows;
    return [...answer.rows].sort((a, b) => { const x = a[sort.at], y = b[sort.at]; return (x > y ? 1 : x < y ? -1 : 0) * sort.by; });
  }, [answer, sort]);
  const pages = answer.paged ? Math.max(1, Math.ceil((answer.total || 0) / 10)) : 1;
  return (
    <div className="dgt">
      <div className="dgw"><table aria-label={label} className="cpt">
        {answer.header === false ? null : <thead><tr>{answer.columns.map((c, i) => (
          <th key={i} scope="col" className={answer.right?.[i] ? "num" : ""} aria-sort={sort?.at === i ? (sort.by > 0 ? "ascending" : "descending") : "none"}>
            <button type="button" className="thb" onClick={() => setSort(sort?.at === i ? (sort.by > 0 ? { at: i, by: -1 } : null) : { at: i, by: 1 })}>{c}{sort?.at === i ? (sort.by > 0 ? " ↑" : " ↓") : ""}</button>
          </th>))}</tr></thead>}
        <tbody>{rows.map((row, i) => <tr key={i}>{row.map((cell, k) => <td key={k} className={answer.right?.[k] ? "num" : ""}>{cellOf(cell, answer.fields?.[k], row, answer.fields || [], answer.drill?.page)}</td>)}</tr>)}</tbody>
      </table></div>
      {rows.length ? null : <p className="none mut sm">No rows in this range.</p>}
      {pages > 1 ? <div className="dgp sm mut"><span className="num">{(page - 1) * 10 + 1} to {Math.min(page * 10, answer.total)} of {answer.total.toLocaleString(numberLocale())}</span><span className="grow" />
        <button type="button" className="btn s ic" disabled={page <= 1} onClick={() => onPage(page - 1)} aria-label="Previous page"><Icon name="chevron-left" size={12} /></button>
        <button type="button" className="btn s ic" disabled={page >= pages} onClick={() => onPage(page + 1)} aria-label="Next page"><Icon name="chevron-right" size={12} /></button></div> : null}
    </div>
  );
}

function Cell({ card, body, url, reload, filters, range, editable, first, last, onEdit, onWiden, onRange }) {
  const [near, setNear] = useState(false), [answer, setAnswer] = useState(null), [problem, setProblem] = useState(null), [again, setAgain] = useState(0), [page, setPage] = useState(1);
  const host = useRef(null), navigate = useNavigate(), tenant = useTenant();
  const key = JSON.stringify(body);
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && setNear(true), { rootMargin: "200px" });
    if (host.current) watch.observe(host.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (!near || !url || card.broken) return undefined;
    const abort = new AbortController();
    let held = false;
    (async () => {
      try {
        await turn(abort.signal);
        held = true;
        const got = await request(url, { method: "POST", json: { ...body, page }, signal: abort.signal, retries: 1 });
        setAnswer(got); setProblem(null);
      } catch (error) { if (!isAbort(error)) { setProblem(error); setAnswer(null); } } finally { if (held) done(); }
    })();
    return () => abort.abort();
  }, [near, key, url, reload, again, page, card.broken]);
  const csv = async () => {
    const answerText = await fetch(url, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, format: "csv" }) });
    if (!answerText.ok) return;
    const link = URL.createObjectURL(await answerText.blob());
    save(link, `${card.id}.csv`);
    setTimeout(() => URL.revokeObjectURL(link), 5000);
  };
  const open = (point) => { const to = place(answer?.drill, point, answer, filters, range); if (to) navigate(`/${tenant}${to}`); };
  const drag = (event) => {
    event.preventDefault();
    const box = host.current.parentElement.getBoundingClientRect(), left = host.current.getBoundingClientRect().left;
    const move = (e) => { host.current.style.setProperty("--w", Math.max(2, Math.min(12, Math.round(((e.clientX - left) / box.width) * 12)))); };
    const end = () => {
      window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", end);
      const width = Number(host.current.style.getPropertyValue("--w"));
      if (width !== card.width) onEdit?.({ kind: "width", id: card.id, width });
    };
    window.addEventListener("pointermove", move); window.addEventListener("pointerup", end);
  };
  const number = (value) => (value === null || value === undefined ? "–" : answer.percentage ? `${(Number(value) * (Math.abs(Number(value)) <= 1 ? 100 : 1)).toLocaleString(numberLocale(), { maximumFractionDigits: 1 })} %` : Number(value).toLocaleString(numberLocale(), { maximumFractionDigits: 2 }));
  // Held by its grip and let go over another chart, a chart takes that one's place.
  const carry = (event) => {
    event.preventDefault();
    const over = (e) => document.elementFromPoint(e.clientX, e.clientY)?.closest("[data-card]");
    const grid = host.current.parentElement;
    host.current.classList.add("gone");
    const move = (e) => { for (const one of grid.children) one.classList.toggle("drop", one === over(e) && one !== host.current); };
    const end = (e) => {
      window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", end); window.removeEventListener("pointercancel", end);
      for (const one of grid.children) one.classList.remove("drop", "gone");
      const before = e.type === "pointerup" && over(e);
      if (before && before !== host.current && grid.contains(before)) onEdit?.({ kind: "place", id: card.id, before: before.dataset.card });
    };
    window.addEventListener("pointermove", move); window.addEventListener("pointerup", end); window.addEventListener("pointercancel", end);
  };
  const bare = answer && !editable && onWiden && (answer.kind === "figure" ? !(answer.figure.data || []).some((t) => (t.x || t.values || t.y || []).length) : answer.kind === "table" && !answer.rows.length && page === 1);
  const small = card.type === "KPI";
  const tall = small ? 40 : card.type === "Markdown" ? 60 : card.height || 232;
  return (
    <section ref={host} className={`dgc${small ? " kpi_" : ""}${card.up ? " up" : ""}${editable ? " ed_" : ""}`} data-card={card.id} style={{ "--w": card.width }} aria-label={card.title} data-testid={`chart-${card.id}`}>
      <header className="dgh">{editable ? <span className="grip" onPointerDown={carry} title="Drag to another place" aria-hidden="true" data-testid={`chart-grip-${card.id}`}><Icon name="grip-vertical" size={14} /></span> : null}<h2 className="ell" title={card.title}>{card.title}</h2>{card.description ? <span className="mut sm ell" title={card.description}>{card.description}</span> : null}<span className="grow" />
        {editable ? <span className="row g4 dgtools">
          <button type="button" className="ib" disabled={first} onClick={() => onEdit({ kind: "move", id: card.id, by: -1 })} aria-label={`Move ${card.title} forward`} title="Forward"><Icon name="chevron-left" size={12} /></button>
          <button type="button" className="ib" disabled={last} onClick={() => onEdit({ kind: "move", id: card.id, by: 1 })} aria-label={`Move ${card.title} backward`} title="Backward"><Icon name="chevron-right" size={12} /></button>
          <button type="button" className="ib" onClick={() => onEdit({ kind: "edit", id: card.id })} aria-label={`Edit ${card.title}`} title="Edit" data-testid={`chart-edit-${card.id}`}><Icon name="pencil" size={12} /></button>
          <button type="button" className="ib" onClick={() => onEdit({ kind: "duplicate", id: card.id })} aria-label={`Duplicate ${card.title}`} title="Duplicate"><Icon name="copy" size={12} /></button>
          <button type="button" className="ib" onClick={() => onEdit({ kind: "delete", id: card.id })} aria-label={`Delete ${card.title}`} title="Delete"><Icon name="trash-2" size={12} /></button>
        </span> : card.to ? <AppLink to={card.to} className="mut sm">{card.all || "All"}</AppLink> : null}
        {!editable && answer?.kind === "table" ? <button type="button" className="ib dgx" onClick={csv} aria-label={`${card.title} as CSV`} title="CSV" data-testid="chart-csv"><Icon name="download" size={12} /></button> : null}
      </header>
      <div style={{ minHeight: tall }}>
        {card.broken ? <p className="al warn sm">This chart is not drawn: its source has an error.</p>
          : problem ? <Problem error={problem} what="The chart could not be loaded." retry={() => setAgain(again + 1)} />
          : !answer && !near ? null
          : !answer ? <div className="skb" aria-busy="true" aria-label="Loading" role="status"><i className="sk" style={{ display: "block", height: tall - 16, margin: "8px 0" }} /></div>
          : bare ? <div className="dgw_"><p className="mut sm">Nothing in this range.</p><div className="row">{[["P7D", "Last 7 days"], ["P30D", "Last 30 days"], ["P365D", "Last 365 days"]].map(([value, words]) => <button key={value} type="button" className="btn s" onClick={() => onWiden(value)} data-testid={`chart-wider-${value}`}>{words}</button>)}</div></div>
          : answer.kind === "kpi" ? <button type="button" className="dgk" disabled={!answer.drill?.page} onClick={() => open({})}><b className="num">{number(answer.value)}</b></button>
          : answer.kind === "markdown" ? <Words text={answer.text} className="prose dgm" />
          : answer.kind === "table" ? <Rows answer={answer} label={card.title} page={page} onPage={setPage} />
          : <Drawn answer={answer} card={card} editable={editable} csv={csv} open={open} range={range} onRange={onRange} />}
      </div>
      {editable ? <i className="dgr" onPointerDown={drag} title="Drag to change the width" aria-hidden="true" /> : null}
    </section>
  );
}

// Series by name and colour: a click hides one, a double click shows it alone.
function Drawn({ answer, card, editable, csv, open, range, onRange }) {
  const { search } = useLocation(), key = `hide.${card.id}`;
  const [hidden, setHidden] = useState(() => (new URLSearchParams(search).get(key) || "").split(",").filter(Boolean));
  // The choice stands in the URL, also after the page went to other conditions.
  useEffect(() => {
    const now = new URLSearchParams(window.location.search), told_ = hidden.join(",");
    if ((now.get(key) || "") === told_ || editable) return;
    if (told_) now.set(key, told_); else now.delete(key);
    const query = now.toString().replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",").replace(/%3A/g, ":");
    window.history.replaceState(window.history.state, "", window.location.pathname + (query ? `?${query}` : ""));
  }, [hidden.join(","), search]);
  const figure = answer.figure, pie = figure.data[0]?.type === "pie" ? figure.data[0] : null;
  const names = pie ? pie.labels : figure.data.map((t) => t.name);
  const colour = (i) => { const t = figure.data[i]; return pie ? pie.marker?.colors?.[i] : t?.line?.color || t?.marker?.color; };
  const shown = useMemo(() => {
    if (!hidden.length) return figure;
    if (pie) { const kept = pie.labels.map((n, i) => [n, i]).filter(([n]) => !hidden.includes(n)); return { ...figure, data: [{ ...pie, labels: kept.map(([n]) => n), values: kept.map(([, i]) => pie.values[i]), marker: pie.marker && { colors: kept.map(([, i]) => pie.marker.colors[i]) } }] }; }
    return { ...figure, data: figure.data.filter((t) => !hidden.includes(t.name)) };
  }, [figure, hidden]);
  const toggle = (name) => setHidden(hidden.includes(name) ? hidden.filter((n) => n !== name) : hidden.length === names.length - 1 ? [] : [...hidden, name]);
  const count = (i) => { const many = pie ? pie.values[i] : figure.data[i].type === "scatter" ? null : (figure.data[i].orientation === "h" ? figure.data[i].x : figure.data[i].y || []).reduce((n, v) => n + (Number(v) || 0), 0); return many === null ? "" : many.toLocaleString(numberLocale(), { maximumFractionDigits: 1 }); };
  const legend = figure.layout?.showlegend !== false && names.length > 1;
  return (
    <div className="dgd">
      {legend ? <div className="dgl" role="group" aria-label="Series">{names.slice(0, 24).map((name, i) => (
        <button key={name} type="button" aria-pressed={!hidden.includes(name)} className={hidden.includes(name) ? "off" : ""} onClick={() => toggle(name)} onDoubleClick={() => setHidden(names.filter((n) => n !== name))} title="Click hides, double click shows it alone"><i style={{ background: tokenColour(colour(i), i) }} />{seriesWord(name).replace(/ \(s\)$/, "")} {card.counted ? <span>{count(i)}</span> : null}</button>
      ))}</div> : null}
      <Chart figure={shown} told={answer} legend={false} height={(card.height || 232) - (legend && !card.up ? 28 : 0)} label={card.title} name={card.id} onCsv={editable ? undefined : csv} onPoint={answer.drill?.page ? open : undefined} rangeFrom={card.brush ? range?.start : undefined} rangeTo={card.brush ? range?.end : undefined} onRange={card.brush ? onRange : undefined} />
    </div>
  );
}
const OTHER = ["#8b8d98", "#3e63dd", "#00a2c7", "#ab4aba", "#ad7f58", "#978365"];
const tokenColour = (name, i) => (!name ? OTHER[i % OTHER.length] : /^[a-z]/.test(name) ? `var(--fd-${name})` : name);

export function DashboardGrid({ cards = [], url, dashboard = "", source = "", filters = [], range, reload, editable = false, cycle = "", seconds = 30, onEdit, onWiden, onRange }) {
  const navigate = useNavigate(), tenant = useTenant();
  useEffect(() => {
    if (!cycle) return undefined;
    const wait = setTimeout(() => navigate(`/${tenant}${cycle}`), Math.max(5, seconds) * 1000);
    return () => clearTimeout(wait);
  }, [cycle, seconds, tenant]);
  const wire = (given) => given.map((f) => ({ field: f.field, operation: f.operator, value: f.field === "labels" ? { [f.value.split(":")[0]]: f.value.split(":").slice(1).join(":") } : /^(NOT_)?IN$/.test(f.operator) ? f.value.split(",").filter(Boolean) : f.value }));
  return (
    <div className="dgg" data-testid="dashboard-grid">
      {cards.map((card, n) => {
        const own = card.only ? filters.filter((f) => card.only.includes(f.field)) : filters;
        return <Cell key={card.id} card={card} url={url} reload={reload} filters={own} range={range} editable={editable} first={n === 0} last={n === cards.length - 1} onEdit={onEdit} onWiden={onWiden} onRange={onRange}
          body={{ ...(source ? { source } : dashboard ? { dashboard } : {}), chart: card.id, filters: wire(own), ...(range && (typeof range === "string" || range.start) ? { timeRange: range } : {}) }} />;
      })}
    </div>
  );
}
