// A Plotly figure in the look of the console: colours from the theme, own tooltip, brush, table form.
import { useEffect, useMemo, useRef, useState } from "react";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, onTheme, seriesWord, span, token } from "$/public/external/components/glyphs/glyphs.jsx";
import { isInstant, readerZone, timeAxis, told } from "./chart_time.jsx";
import "./chart.css";
import { numberLocale } from "$/public/external/components/language/language.jsx";

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

// Decimal mark and grouping as Plotly takes them.
const separators = () => { const parts = new Intl.NumberFormat(numberLocale()).formatToParts(1234567.8), sign = (type) => parts.find((p) => p.type === type)?.value || ""; return sign("decimal") + sign("group"); };

const MOST_NAMES = 14, NAME_LENGTH = 28;
function dressed(figure, brush, width, shownLegend) {
  const { data = [], layout = {} } = figure || {};
  const axis = { color: token("fg-3"), gridcolor: token("line"), linecolor: token("line"), zeroline: false, showline: false, ticks: "outside", ticklen: 4, tickcolor: "rgba(0,0,0,0)", tickfont: { size: 10.5 }, automargin: true, fixedrange: true };
  let other = 0;
  const traces = data.map((trace) => {
    const out = coloured(structuredClone(trace));
    if (out.name) out.name = seriesWord(out.name);
    if (!out.marker?.color && !out.line?.color && !out.marker?.colors && trace.type !== "pie") out.marker = { ...out.marker, color: CATEGORIES[other++ % CATEGORIES.length] };
    if (trace.type === "pie") { out.textposition ||= "inside"; out.textinfo ||= "percent"; out.insidetextorientation ||= "horizontal"; }
    if (trace.type === "bar") out.marker = { ...out.marker, line: { width: 0 } };
    return { ...out, hoverinfo: trace.type === "pie" ? "label+value+percent" : "none" };
  });
  const dress = coloured(structuredClone(layout));
  const axes = Object.fromEntries(Object.entries(dress).filter(([k]) => /^[xy]axis\d*$/.test(k)).map(([k, v]) => [k, { ...axis, ...(k.startsWith("x") ? { showgrid: false } : { nticks: 4, rangemode: "tozero", tickmode: "auto", showgrid: !/\d/.test(k) }), ...v }]));
  // Names beside horizontal bars: their ends say more than their beginnings; no more than can be read.
  const named = [...new Set(traces.filter((t) => t.orientation === "h").flatMap((t) => t.y || []))].map(String);
  if (named.length) {
    const step = Math.ceil(named.length / MOST_NAMES), shown = named.filter((_, i) => i % step === 0);
    axes.yaxis = { ...axis, ...axes.yaxis, tickmode: "array", tickvals: shown, ticktext: shown.map((one) => (one.length > NAME_LENGTH ? `…${one.slice(1 - NAME_LENGTH)}` : one)) };
  }
  return {
    data: traces,
    layout: {
      xaxis: { ...axis, showgrid: false, ...timeAxis(traces, readerZone(), width) }, yaxis: { ...axis, nticks: 4, rangemode: "tozero" },
      barmode: "stack", showlegend: false, legend: { orientation: "h", x: 1, xanchor: "right", y: 1, yanchor: "bottom", font: { size: 10.5 }, itemwidth: 30, traceorder: "normal" }, ...dress, ...axes,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "Inter, sans-serif", size: 11, color: token("fg-3"), ...dress.font },
      margin: { l: 32, r: Object.keys(dress).some((k) => /^yaxis\d/.test(k)) ? 40 : 8, t: dress.showlegend && shownLegend ? 22 : 6, b: 18, ...dress.margin }, bargap: dress.bargap ?? 0.28, hovermode: traces.some((t) => t.orientation === "h") ? "y" : "x", dragmode: brush ? "select" : false, selectdirection: "h",
      newselection: { line: { color: token("accent-fg"), width: 1 }, mode: "immediate" }, activeselection: { fillcolor: token("accent"), opacity: 0.12 }, autosize: true, separators: separators(), uirevision: "kept", uniformtext: { minsize: 10, mode: "hide" },
    },
  };
}

export function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

// The numbers as CSV; a text that a spreadsheet would take for a formula is marked as text.
function csvOf({ columns, rows }) {
  const cell = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

// The figure as it stands, on the ground of the page, twice as large.
async function picture(module, node, name) {
  const { width, height } = node.getBoundingClientRect();
  const copy = { data: node.data, layout: { ...node.layout, paper_bgcolor: token("page"), width, height } };
  const url = await module.toImage(copy, { format: "png", width, height, scale: 2 });
  save(url, `${name}.png`);
}

// Names of the answer's columns that are no states, levels or names.
const WORDS = { time: "Time", meanSeconds: "Mean duration (s)", total: "Total", successRatio: "Share of successes", count: "Executions", state: "State", namespace: "Namespace", flow: "Flow" };

// What hovers over a bucket: counts, largest first, then lines; durations are written as such.
function tipOf(points, bucketMs) {
  const flat = points[0]?.data.orientation === "h";
  const rows = points.map((p) => {
    const name = p.data.name || "", line = p.data.type === "scatter", value = flat ? p.x : p.y ?? p.value;
    const colour = line && p.data.line?.color ? p.data.line.color : Array.isArray(p.data.marker?.color) ? p.data.marker.color[p.pointNumber] : p.data.marker?.color || p.color;
    return { name: name.replace(/ \(s\)$/, ""), line, value, colour, text: / \(s\)$/.test(name) ? span(value * 1000) : number(value) };
  });
  const bars = rows.filter((r) => !r.line).sort((a, b) => b.value - a.value), head = flat ? points[0]?.y : points[0]?.x ?? points[0]?.label;
  const until = bucketMs && isInstant(String(head).replace(" ", "T")) ? Date.parse(String(head).replace(" ", "T") + (/Z$/.test(head) ? "" : "Z")) + bucketMs : 0;
  return { head, until: until ? new Date(until).toISOString() : "", total: bars.length > 1 ? bars.reduce((n, r) => n + (Number(r.value) || 0), 0) : null, rows: [...bars.filter((r, i) => r.value || i < 2), ...rows.filter((r) => r.line && r.value !== null && r.value !== undefined)] };
}

const number = (value) => (typeof value === "number" ? value.toLocaleString(numberLocale(), { maximumFractionDigits: 2 }) : String(value ?? ""));

function rowsOf(figure, columns, rows) {
  if (columns?.length && rows) return { columns: columns.map((c) => (typeof c === "string" ? WORDS[c] || c : c.name || c.label || c.key)), rows: rows.map((r) => (Array.isArray(r) ? r : columns.map((c) => r[c.key || c.name || c]))) };
  const xs = [...new Set((figure?.data || []).flatMap((t) => t.x || t.labels || []))];
  const traces = figure?.data || [];
  return { columns: [xs.some(isInstant) ? "Time" : "", ...traces.map((t, i) => t.name || `series ${i + 1}`)], rows: xs.map((x) => [x, ...traces.map((t) => { const i = (t.x || t.labels || []).indexOf(x); return i < 0 ? "" : (t.y || t.values || [])[i]; })]) };
}

export function Chart({ figure: given, figureUrl, body, height = 200, label = "Chart", table = false, reload, rangeFrom, rangeTo, legend = true, told: answered, name = "", onCsv, onRange, onPoint }) {
  const [read, setAnswer] = useState(null);
  const answer = answered || read;
  const [problem, setProblem] = useState(null);
  const [asTable, setAsTable] = useState(table);
  const [ready, setReady] = useState(null);
  const [tip, setTip] = useState(null);
  const [turn, setTurn] = useState(0);
  const host = useRef(null);
  const held = useRef({});
  const figure = given?.data ? given : answer?.figure;
  held.current = { onRange, onPoint, bucketMs: answer?.bucketMs };

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
        if (point) held.current.onPoint?.(point.data?.orientation === "h" ? { x: String(point.y), y: point.x, name: point.data.name || "" } : { x: String(point.x ?? point.label ?? ""), y: point.y ?? point.value ?? 0, name: point.data?.name || "" });
      });
      node.on("plotly_hover", (event) => {
        const box = node.getBoundingClientRect();
        setTip({ left: event.event.clientX - box.left, top: event.event.clientY - box.top, width: box.width, ...tipOf(event.points, held.current.bucketMs) });
      });
      node.on("plotly_unhover", () => setTip(null));
    });
    const themed = onTheme(() => requestAnimationFrame(draw));
    // The library hears of windows only; a sidebar that folds and a panel that opens change the room as well.
    let width = node.clientWidth;
    const room = new ResizeObserver(() => {
      if (!node.clientWidth || node.clientWidth === width) return;
      width = node.clientWidth;
      requestAnimationFrame(() => node.isConnected && node.layout && ready.Plots?.resize(node));
    });
    room.observe(node);
    return () => {
      room.disconnect();
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

  const file = name || label.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
  const csv = onCsv || (() => {
    const url = URL.createObjectURL(new Blob([csvOf(rowsOf(figure, answer?.columns, answer?.rows))], { type: "text/csv" }));
    save(url, `${file}.csv`);
    setTimeout(() => URL.revokeObjectURL(url), 5000);
  });
  const content = useMemo(() => (asTable ? rowsOf(figure, answer?.columns, answer?.rows) : null), [asTable, figure, answer]);
  return (
    <figure className="fd-chart" aria-label={label} style={{ margin: 0, height }} data-testid="chart">
      <button type="button" className="asb" aria-pressed={asTable} onClick={() => { setTip(null); setAsTable(!asTable); }} data-testid="chart-table"><Icon name={asTable ? "layers" : "table-2"} size={12} />{asTable ? "View as chart" : "View as table"}</button>
      {figure && !empty ? <button type="button" className="asb csv" onClick={csv} title="Download the numbers" data-testid="chart-csv"><Icon name="download" size={12} />CSV</button> : null}
      {ready && figure && !asTable && !empty ? <button type="button" className="asb png" onClick={() => picture(ready, host.current, file)} title="Download a picture" data-testid="chart-png"><Icon name="download" size={12} />PNG</button> : null}
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
          <b><span>{told(tip.head, readerZone())}{tip.until ? ` to ${told(tip.until, readerZone()).split(" ").pop()}` : ""}</span>{tip.total === null ? null : <span>{number(tip.total)}</span>}</b>
          {tip.rows.map((row, i) => <div key={i} className={row.line ? "ln" : ""}><i style={{ background: row.colour }} /><span>{row.name}</span><span>{row.text}</span></div>)}
        </div>
      ) : null}
    </figure>
  );
}
