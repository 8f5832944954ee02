// A Plotly figure in the look of the console: colours from the theme, own tooltip, brush, table form.
import { useEffect, useMemo, useRef, useState } from "react";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, onTheme, token } from "$/public/external/components/glyphs/glyphs.jsx";
import { isInstant, readerZone, timeAxis, told } from "./chart_time.jsx";
import "./chart.css";

let plotly; // one download for all charts, after the first paint
function library() {
  plotly ||= new Promise((resolve) => {
    const idle = window.requestIdleCallback || ((run) => setTimeout(run, 60));
    idle(() => resolve(import("plotly.js-basic-dist-min").then((module) => module.default || module)), { timeout: 300 });
  });
  return plotly;
}

const CATEGORIES = ["#8b8d98", "#3e63dd", "#00a2c7", "#ab4aba", "#ad7f58", "#978365"];
const NAME = /^(?:--fd-)?((?:idle|queued|live|hold|ok|warn|bad|stop|shut)-(?:solid|fg|tint|line)|fg(?:-[23]|-off)?|accent(?:-fg)?|line(?:-2)?|brass|page|panel)$/;

// Token names -> colours of the theme that is on, anywhere in the figure where a colour may stand.
function coloured(node, key) {
  if (Array.isArray(node)) return /color/i.test(key || "") || key === "colorway" ? node.map((x) => coloured(x, "color")) : node.map((x) => (x && typeof x === "object" ? coloured(x) : x));
  if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, coloured(v, k)]));
  if (typeof node === "string" && /color/i.test(key || "")) {
    const hit = NAME.exec(node);
    if (hit) return token(hit[1]);
  }
  return node;
}

function dressed(figure, brush, width, shownLegend) {
  const { data = [], layout = {} } = figure || {};
  const axis = { color: token("fg-3"), gridcolor: token("line"), linecolor: token("line"), zeroline: false, showline: false, ticks: "", tickfont: { size: 10.5 }, automargin: true, fixedrange: true };
  let other = 0;
  const traces = data.map((trace) => {
    const out = coloured(structuredClone(trace));
    if (!out.marker?.color && !out.line?.color && !out.marker?.colors && trace.type !== "pie") out.marker = { ...out.marker, color: CATEGORIES[other++ % CATEGORIES.length] };
    if (trace.type === "bar") out.marker = { ...out.marker, line: { width: 0 } };
    return { ...out, hoverinfo: trace.type === "pie" ? "label+value+percent" : "none" };
  });
  const dress = coloured(structuredClone(layout));
  const axes = Object.fromEntries(Object.entries(dress).filter(([k]) => /^[xy]axis\d*$/.test(k)).map(([k, v]) => [k, { ...axis, ...(k.startsWith("x") ? { showgrid: false } : { nticks: 4, rangemode: "tozero", tickmode: "auto", showgrid: !/\d/.test(k) }), ...v }]));
  return {
    data: traces,
    layout: {
      xaxis: { ...axis, showgrid: false, ...timeAxis(traces, readerZone(), width) }, yaxis: { ...axis, nticks: 4, rangemode: "tozero" },
      barmode: "stack", showlegend: false, legend: { orientation: "h", x: 1, xanchor: "right", y: 1, yanchor: "bottom", font: { size: 10.5 }, itemwidth: 30, traceorder: "normal" }, ...dress, ...axes,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "Inter, sans-serif", size: 11, color: token("fg-3"), ...dress.font },
      margin: { l: 32, r: Object.keys(dress).some((k) => /^yaxis\d/.test(k)) ? 40 : 8, t: dress.showlegend && shownLegend ? 22 : 6, b: 18, ...dress.margin }, bargap: dress.bargap ?? 0.28, hovermode: "x", dragmode: brush ? "select" : false, selectdirection: "h",
      newselection: { line: { color: token("accent-fg"), width: 1 }, mode: "immediate" }, activeselection: { fillcolor: token("accent"), opacity: 0.12 }, autosize: true, separators: ".,", uirevision: "kept",
    },
  };
}

// Names of the answer's columns that are no states, levels or names.
const WORDS = { time: "Time", meanSeconds: "Mean duration (s)", total: "Total", successRatio: "Share of successes", count: "Executions", state: "State", namespace: "Namespace", flow: "Flow" };

const number = (value) => (typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 2 }) : String(value ?? ""));

function rowsOf(figure, columns, rows) {
  if (columns?.length && rows) return { columns: columns.map((c) => (typeof c === "string" ? WORDS[c] || c : c.name || c.label || c.key)), rows: rows.map((r) => (Array.isArray(r) ? r : columns.map((c) => r[c.key || c.name || c]))) };
  const xs = [...new Set((figure?.data || []).flatMap((t) => t.x || t.labels || []))];
  const traces = figure?.data || [];
  return { columns: [xs.some(isInstant) ? "Time" : "", ...traces.map((t, i) => t.name || `series ${i + 1}`)], rows: xs.map((x) => [x, ...traces.map((t) => { const i = (t.x || t.labels || []).indexOf(x); return i < 0 ? "" : (t.y || t.values || [])[i]; })]) };
}

export function Chart({ figure: given, figureUrl, body, height = 200, label = "Chart", table = false, reload, rangeFrom, rangeTo, legend = true, onRange, onPoint }) {
  const [answer, setAnswer] = useState(null);
  const [problem, setProblem] = useState(null);
  const [asTable, setAsTable] = useState(table);
  const [ready, setReady] = useState(null);
  const [tip, setTip] = useState(null);
  const [turn, setTurn] = useState(0);
  const host = useRef(null);
  const held = useRef({});
  held.current = { onRange, onPoint };
  const figure = given?.data ? given : answer?.figure;

  useEffect(() => {
    if (!figureUrl) return undefined;
    const abort = new AbortController();
    request(figureUrl, body && Object.keys(body).length ? { method: "POST", json: body, signal: abort.signal, retries: 2 } : { signal: abort.signal }).then(
      (got) => { setAnswer(got?.figure ? got : { figure: got }); setProblem(null); },
      (error) => isAbort(error) || setProblem(error),
    );
    return () => abort.abort();
  }, [figureUrl, JSON.stringify(body || {}), reload, turn]);

  useEffect(() => {
    let here = true;
    library().then((module) => here && setReady(() => module), (error) => here && setProblem(error));
    return () => { here = false; };
  }, []);

  const empty = figure && !(figure.data || []).some((t) => (t.x || t.values || t.labels || t.y || []).length);
  useEffect(() => {
    const node = host.current;
    if (!ready || !figure || asTable || empty || !node) return undefined;
    const config = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };
    const draw = () => {
      const { data, layout } = dressed(figure, Boolean(held.current.onRange), node.clientWidth, legend);
      if (!legend) layout.showlegend = false;
      return ready.react(node, data, layout, config);
    };
    let bound = false;
    draw().then(() => {
      if (bound || !node.on) return;
      bound = true;
      node.on("plotly_selected", (event) => {
        const x = event?.range?.x;
        if (x) held.current.onRange?.({ from: String(x[0]), to: String(x[1]) });
      });
      node.on("plotly_deselect", () => held.current.onRange?.({ from: "", to: "" }));
      node.on("plotly_click", (event) => {
        const point = event.points?.[0];
        if (point) held.current.onPoint?.({ x: String(point.x ?? point.label ?? ""), y: point.y ?? point.value ?? 0, name: point.data?.name || "" });
      });
      node.on("plotly_hover", (event) => {
        const box = node.getBoundingClientRect();
        setTip({ left: event.event.clientX - box.left, top: event.event.clientY - box.top, width: box.width, head: event.points[0]?.x ?? event.points[0]?.label, rows: event.points.map((p) => [p.data.name || "", p.y ?? p.value, p.data.line?.color && p.data.type === "scatter" ? p.data.line.color : Array.isArray(p.data.marker?.color) ? p.data.marker.color[p.pointNumber] : p.data.marker?.color || p.color]) });
      });
      node.on("plotly_unhover", () => setTip(null));
    });
    const themed = onTheme(() => requestAnimationFrame(draw));
    return () => {
      themed();
      node.removeAllListeners?.();
    };
  }, [ready, figure, asTable, empty]);
  useEffect(() => () => { if (plotly && host.current) plotly.then((module) => module.purge(host.current), () => {}); }, []);
  // A range that the page's filter holds is shown as the brush.
  useEffect(() => {
    if (!ready || !host.current?.layout || asTable) return;
    const brush = rangeFrom && rangeTo ? [{ type: "rect", xref: "x", yref: "paper", x0: rangeFrom, x1: rangeTo, y0: 0, y1: 1, line: { color: token("accent-fg"), width: 1 }, fillcolor: token("accent"), opacity: 0.12 }] : [];
    ready.relayout(host.current, { shapes: brush });
  }, [ready, rangeFrom, rangeTo, asTable, figure]);

  const content = useMemo(() => (asTable ? rowsOf(figure, answer?.columns, answer?.rows) : null), [asTable, figure, answer]);
  return (
    <figure className="fd-chart" aria-label={label} style={{ margin: 0, height }} data-testid="chart">
      <button type="button" className="asb" aria-pressed={asTable} onClick={() => { setTip(null); setAsTable(!asTable); }} data-testid="chart-table"><Icon name={asTable ? "layers" : "table-2"} size={12} />{asTable ? "View as chart" : "View as table"}</button>
      {problem && !figure ? <Problem error={problem} what="The chart could not be loaded." retry={() => setTurn(turn + 1)} />
        : empty ? <div className="none">No data in this range.</div>
        : asTable ? (
          <div className="tbl">
            <table aria-label={label}>
              <thead><tr>{content.columns.map((c, i) => <th key={i} scope="col" className={i ? "num" : ""}>{c}</th>)}</tr></thead>
              <tbody>{content.rows.slice(0, 500).map((row, i) => <tr key={i}>{row.map((cell, k) => <td key={k} className={typeof cell === "number" ? "num" : ""}>{isInstant(cell) ? told(cell, readerZone()) : number(cell)}</td>)}</tr>)}</tbody>
            </table>
            {content.rows.length > 500 ? <p className="faint sm">Cut to the first 500 rows.</p> : answer?.truncated ? <p className="faint sm">A part of what there is: the rest was too much for this chart.</p> : null}
          </div>
        ) : !figure || !ready ? <div className="skb" aria-busy="true">{[40, 62, 30, 74, 52, 46, 66, 34, 58, 70, 44, 50].map((h, i) => <i key={i} style={{ height: `${h}%` }} />)}</div> : null}
      <div className="plot" ref={host} role="img" aria-label={label} style={{ display: asTable || empty || !figure || !ready ? "none" : "block" }} />
      {tip && !asTable ? (
        <div className="ctip" style={{ top: Math.max(0, tip.top - 12), ...(tip.left > tip.width / 2 ? { right: tip.width - tip.left + 14 } : { left: tip.left + 14 }) }}>
          <b>{told(tip.head, readerZone())}</b>
          {tip.rows.map(([name, value, color], i) => <div key={i}><i style={{ background: color }} /><span>{name}</span><span>{number(value)}</span></div>)}
        </div>
      ) : null}
    </figure>
  );
}
