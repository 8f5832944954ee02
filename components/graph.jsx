// The graph of a flow: boxes placed once by shape, states painted over them as they change.
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { Background, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow, useStore } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { TERMINAL, useExecution } from "$/public/external/components/stream/stream.jsx";
import { Icon, Problem, STATE_ORDER, isDark, onTheme, StateIcon, count, familyOf, plural, reducedMotion, shortType, span, stateWord, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";
import { fold, layout, shapeOf, startsFolded } from "./graph_layout.jsx";
import "./graph.css";

const Ports = ({ direction }) => (
  <>
    <Handle type="target" position={direction === "LR" ? Position.Left : Position.Top} isConnectable={false} />
    <Handle type="source" position={direction === "LR" ? Position.Right : Position.Bottom} isConnectable={false} />
  </>
);

const TaskNode = memo(function TaskNode({ data }) {
  const { node, live, on, dim, direction, unfold, tracked } = data;
  const family = live?.state ? familyOf(live.state) : tracked && !node.error ? "idle" : "none";
  const parts = live?.counts && Object.values(live.counts).reduce((n, c) => n + c, 0) > 1 ? STATE_ORDER.filter((s) => live.counts[s]) : [];
  const stacked = node.stack || parts.length > 0;
  return (
    <div className={`tnd ${family}${on ? " on" : ""}${node.error ? " err" : ""}${dim || node.disabled ? " dim" : ""}${stacked ? " stack" : ""}`} title={node.description || node.type}>
      <Ports direction={direction} />
      <span className={`tst${family === "live" ? " stripe" : ""}`} />
      <span className="tic"><Icon name={node.kind === "flow" ? "workflow" : typeIcon(node.type)} size={16} /></span>
      <div className="grow">
        <div className="ndn">{node.task}</div>
        <div className="ndt">{node.kind === "flow" ? node.type : shortType(node.type)}{live?.runs > 1 ? ` × ${count(live.runs)}` : ""}</div>
      </div>
      <div className="tr_">
        {live?.state || tracked ? <StateIcon state={live?.state || "CREATED"} /> : null}
        {live?.ms !== undefined ? <span>{span(live.ms)}</span> : node.retry && !tracked ? <Icon name="refresh-cw" size={12} /> : null}
        {stacked && unfold ? <button type="button" className="ib" style={{ width: 18, height: 18 }} aria-label="Unfold" onClick={(e) => { e.stopPropagation(); unfold(); }}><Icon name="plus" size={12} /></button> : null}
      </div>
      {live?.attempts > 1 ? <span className="bdg">{live.attempts} attempts</span> : node.disabled ? <span className="bdg">disabled</span> : null}
      {live?.value !== undefined && live.runs === 1 ? <span className="itg">{String(live.value)}</span> : node.runIf ? <span className="itg">if</span> : null}
      {parts.length ? <span className="gbar">{parts.map((s) => <i key={s} className={`${familyOf(s)}${familyOf(s) === "live" ? " stripe" : ""}`} style={{ flex: live.counts[s] }} title={`${count(live.counts[s])} ${stateWord(s)}`} />)}</span> : null}
    </div>
  );
});

const TriggerNode = memo(function TriggerNode({ data }) {
  return <div className={`trg${data.on ? " on" : ""}`} title={data.node.type}><Ports direction={data.direction} /><Icon name={/webhook/i.test(data.node.type) ? "webhook" : "clock"} />{data.node.task}</div>;
});

const JointNode = memo(function JointNode({ data }) {
  return <div className="joint"><Ports direction={data.direction} /></div>;
});

const ClusterNode = memo(function ClusterNode({ data }) {
  const { cluster, live, values, iteration, onIteration, onFold, onPick, on } = data;
  return (
    <div className={`clu${cluster.error ? " err" : ""}${on ? " on" : ""}`}>
      <Ports direction={data.direction} />
      <div className="clh">
        {live?.state ? <StateIcon state={live.state} /> : <Icon name={typeIcon(cluster.type)} />}
        <b onClick={onPick}>{cluster.task}</b>
        <span className="faint">{(cluster.type || "").split(".").pop()}{live?.ms !== undefined ? `, ${span(live.ms)}` : ""}</span>
        <span className="grow" />
        {values?.length > 1 ? (
          <select aria-label="Iteration" value={iteration ?? ""} onChange={(e) => onIteration(e.target.value)} className="nodrag nopan">
            <option value="">all {count(values.length)}</option>
            {values.slice(0, 200).map((v) => <option key={v} value={v}>{v}</option>)}
          </select>
        ) : null}
        <button type="button" className="ib" aria-label={`Fold ${cluster.task}`} onClick={onFold}><Icon name="minus" /></button>
      </div>
    </div>
  );
});

const NODE_TYPES = { task: TaskNode, trigger: TriggerNode, joint: JointNode, cluster: ClusterNode, flow: TaskNode };

// ---- states by task from the rows of the execution --------------------------------------------------------------
const WORST = ["FAILED", "KILLING", "KILLED", "RUNNING", "RETRYING", "RESTARTED", "PAUSED", "BREAKPOINT", "QUEUED", "SUBMITTED", "CREATED", "WARNING", "CANCELLED", "SUCCESS", "SKIPPED", "RETRIED", "RESUBMITTED"];
function liveOf(rows, now) {
  const state = WORST.find((s) => rows.some((row) => row.state === s));
  const counts = {};
  for (const row of rows) counts[row.state] = (counts[row.state] || 0) + 1;
  const starts = rows.map((row) => row.started && Date.parse(row.started)).filter(Boolean);
  const ends = rows.map((row) => row.ended && Date.parse(row.ended)).filter(Boolean);
  const open = rows.some((row) => row.started && !TERMINAL.has(row.state));
  const ms = starts.length ? (open ? now : ends.length ? Math.max(...ends) : Math.min(...starts)) - Math.min(...starts) : undefined;
  const one = rows[rows.length - 1];
  const kids = one?.children?.total ? Object.fromEntries(Object.entries(one.children).filter(([k]) => k !== "total")) : null;
  return { state, counts: rows.length > 1 ? counts : null, kids, ms, runs: rows.length, attempts: Math.max(...rows.map((row) => row.attempts || 1)), value: rows.length === 1 ? one.value : undefined, id: (rows.find((row) => row.state === state) || one).id };
}

const ROOMY = 900; // pixels from which a graph of some tasks fits from left to right

function Canvas({ graphUrl, graph, source: givenSource, documentUri, execution, direction: given = "LR", selected, toolbar = true, onSelect, onOpen, onDirection }) {
  const store = useExecution(execution || "");
  const flow = useReactFlow();
  const zoom = useStore((s) => s.transform[2]);
  const held = useRef({});
  held.current = { onSelect, onOpen, onDirection };
  const [document_, setDocument] = useState(graph);
  const [followed, setFollowed] = useState(null); // the text of the editor with this document, as one types
  const source = followed ?? givenSource;
  useEffect(() => {
    setFollowed(null);
    if (!documentUri) return undefined;
    const take = (event) => {
      if (event.detail.uri !== documentUri) return;
      if (event.detail.valid) { setFollowed(event.detail.text); setProblem(null); }
      else setProblem({ message: "The text has errors." });
    };
    window.addEventListener("flowdeck:document", take);
    window.dispatchEvent(new CustomEvent("flowdeck:document?", { detail: { uri: documentUri } }));
    return () => window.removeEventListener("flowdeck:document", take);
  }, [documentUri]);
  const [problem, setProblem] = useState(null);
  const [direction, setDirection] = useState(given);
  const [folded, setFolded] = useState(null);
  const [hide, setHide] = useState(false);
  const [find, setFind] = useState("");
  const [iteration, setIteration] = useState({});
  const [now, setNow] = useState(() => Date.now());
  const host = useRef(null);
  const [dark, setDark] = useState(isDark);
  useEffect(() => onTheme(setDark), []);
  // Left to right needs width: where there is none, the graph starts downwards.
  useEffect(() => setDirection(given === "LR" && host.current?.clientWidth < ROOMY ? "TB" : given), [given]);
  useEffect(() => { if (graph?.nodes) setDocument(graph); }, [graph]);
  useEffect(() => {
    if (!graphUrl || (documentUri && !source)) return undefined;
    const abort = new AbortController();
    const run = () =>
      request(graphUrl, source === undefined || source === null || source === "" ? { signal: abort.signal } : { method: "POST", body: source, headers: { "Content-Type": "application/x-yaml" }, signal: abort.signal }).then(
        (answer) => { setDocument(answer); setProblem(null); },
        (error) => isAbort(error) || setProblem(error), // the last good graph stays, in grey
      );
    const timer = setTimeout(run, source ? 400 : 0);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [graphUrl, source]);

  const tracked = Boolean(execution) && store.rows.size > 0;
  const running = store.execution.state && !TERMINAL.has(store.execution.state);
  useEffect(() => {
    if (!tracked || !running) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [tracked, running]);

  const shape = useMemo(() => shapeOf(document_), [document_]);
  const key = useMemo(() => JSON.stringify([shape.nodes.map((n) => [n.id, n.cluster, n.task, n.type]), shape.edges.map((e) => [e.id, e.label])]), [shape]);
  useEffect(() => setFolded(startsFolded(shape)), [key]);
  const shown = useMemo(() => fold(shape, folded || startsFolded(shape)), [key, folded, shape]);
  const boxes = useMemo(() => layout(shown, direction), [key, folded, direction]);

  // ---- states
  const states = useMemo(() => {
    const byTask = new Map();
    if (!tracked) return byTask;
    const rows = [...store.rows.values()];
    const loops = Object.entries(iteration).filter(([, v]) => v);
    for (const row of rows) {
      if (loops.length && row.value !== undefined && loops.every(([, v]) => String(row.value) !== v)) continue;
      if (!byTask.has(row.taskId)) byTask.set(row.taskId, []);
      byTask.get(row.taskId).push(row);
    }
    return new Map([...byTask].map(([task, list]) => [task, liveOf(list, now)]));
  }, [tracked, store.version, now, iteration]);
  const values = useMemo(() => {
    const out = new Map();
    if (!tracked) return out;
    for (const row of store.rows.values()) {
      if (row.value === undefined || row.value === null || !row.parent) continue;
      const parent = store.rows.get(row.parent)?.taskId;
      if (!parent) continue;
      if (!out.has(parent)) out.set(parent, new Set());
      out.get(parent).add(String(row.value));
    }
    return out;
  }, [tracked, store.version]);

  const needle = find.trim().toLowerCase();
  const nodes = useMemo(() => {
    const out = [];
    for (const cluster of shown.clusters) {
      const box = boxes.get(cluster.id);
      if (!box) continue;
      out.push({
        id: cluster.id, type: "cluster", position: { x: box.x, y: box.y }, width: box.width, height: box.height, zIndex: -1, selectable: false, focusable: false,
        data: { cluster, direction, live: states.get(cluster.task), values: [...(values.get(cluster.task) || [])], iteration: iteration[cluster.task], on: selected === cluster.task, onPick: () => held.current.onSelect?.(cluster.task), onIteration: (v) => setIteration((old) => ({ ...old, [cluster.task]: v })), onFold: () => setFolded((old) => new Set(old).add(cluster.id)) },
      });
    }
    for (const node of shown.nodes) {
      const box = boxes.get(node.id);
      if (!box) continue;
      let live = states.get(node.task);
      if (live && node.stack && live.kids) live = { ...live, counts: live.kids, runs: Object.values(live.kids).reduce((n, c) => n + c, 0) };
      else if (live?.kids && !live.counts) live = { ...live, counts: live.kids, runs: Object.values(live.kids).reduce((n, c) => n + c, 0) };
      const skipped = tracked && !running && !live;
      if (hide && (skipped || live?.state === "SKIPPED")) continue;
      out.push({
        id: node.id, type: NODE_TYPES[node.kind] ? node.kind : "task", position: { x: box.x, y: box.y }, width: box.width, height: box.height, ariaLabel: `${node.task} ${live?.state ? stateWord(live.state) : ""}`,
        data: { node, live, direction, tracked: tracked && node.kind === "task", on: (selected && (selected === node.task || selected === live?.id)) || (needle && node.task.toLowerCase().includes(needle)), dim: (skipped && !node.error) || (needle && !node.task.toLowerCase().includes(needle)), unfold: node.stack ? () => setFolded((old) => { const next = new Set(old); next.delete(node.folded); return next; }) : null },
      });
    }
    return out;
  }, [shown, boxes, states, values, selected, needle, hide, direction, tracked, running, iteration]);

  const edges = useMemo(() => {
    const ids = new Set(nodes.map((n) => n.id));
    const byId = new Map(shown.nodes.map((n) => [n.id, n]));
    return shown.edges.filter((e) => ids.has(e.source) && ids.has(e.target)).map((edge) => {
      const to = states.get(byId.get(edge.target)?.task)?.state;
      const family = to && familyOf(to);
      const from = states.get(byId.get(edge.source)?.task)?.state;
      const passed = from || byId.get(edge.source)?.kind !== "task";
      const look = edge.error ? "err" : !tracked ? (edge.dynamic ? "plain" : "plain") : !to || !passed ? "" : family === "live" || family === "queued" ? "live" : family === "hold" ? "hold" : family === "idle" ? "" : family === "bad" && edge.error ? "err" : "done";
      return { id: edge.id, source: edge.source, target: edge.target, type: "smoothstep", className: look, label: edge.label || undefined, labelShowBg: true, labelBgPadding: [6, 2], labelBgBorderRadius: 4, pathOptions: { borderRadius: 8, stepPosition: byId.get(edge.source)?.cluster !== byId.get(edge.target)?.cluster && byId.get(edge.target)?.cluster ? 0.2 : 0.5 }, focusable: false, ...(tracked ? {} : { markerEnd: { type: "arrowclosed", width: 14, height: 14, color: "var(--fd-ctl-line)" } }) };
    });
  }, [shown, nodes.length, states, tracked]);

  // Beside the editor and on a phone a graph stays legible: a long one shows its beginning instead of all of it too
  // small to read; below the tool bar.
  const LEGIBLE = 0.55;
  const placed = useRef(boxes);
  placed.current = boxes;
  const fit = () => {
    const motion = { duration: reducedMotion() ? 0 : 140 };
    const box = host.current?.getBoundingClientRect();
    const places = [...placed.current.values()];
    const all = { x: Math.min(...places.map((b) => b.x)), y: Math.min(...places.map((b) => b.y)) };
    all.width = Math.max(...places.map((b) => b.x + b.width)) - all.x;
    all.height = Math.max(...places.map((b) => b.y + b.height)) - all.y;
    const needed = box && places.length ? Math.min((box.width - 32) / all.width, (box.height - 32) / all.height) : 1;
    if ((toolbar && box?.width >= ROOMY) || needed >= LEGIBLE) return flow.fitView({ padding: 0.12, maxZoom: 1, ...motion });
    const middle = (size, from, length) => (length * LEGIBLE < size - 32 ? (size - length * LEGIBLE) / 2 : 16) - from * LEGIBLE;
    return flow.setViewport({ x: middle(box.width, all.x, all.width), y: middle(box.height, all.y, all.height) + (toolbar && all.height * LEGIBLE >= box.height - 120 ? 72 : 0), zoom: LEGIBLE }, motion);
  };
  useEffect(() => {
    const timer = setTimeout(fit, 30);
    return () => clearTimeout(timer);
  }, [key, direction, folded?.size]);
  // A host that had no size at first (hidden tab, splitter) is fitted when it gets one.
  useEffect(() => {
    let was = 0;
    const observer = new ResizeObserver(([entry]) => {
      const { width } = entry.contentRect;
      if (width && (!was || Math.abs(width - was) > 80)) setTimeout(fit, 30);
      was = width;
    });
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!needle) return;
    const hit = shown.nodes.find((n) => n.task.toLowerCase().includes(needle));
    const box = hit && boxes.get(hit.id);
    if (box) flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: Math.max(flow.getZoom(), 0.8), duration: reducedMotion() ? 0 : 140 });
  }, [needle]);

  const counts = useMemo(() => {
    return store.leafCounts();
  }, [store.version]);

  const turn = () => {
    const next = direction === "LR" ? "TB" : "LR";
    setDirection(next);
    held.current.onDirection?.(next);
  };
  const save = () => download(host.current, boxes, nodes, edges);
  const waiting = !document_ && !problem;
  const empty = document_ && !shape.nodes.length;

  return (
    <div className={`fd-graph${problem && document_ ? " stale_" : ""}`} ref={host} data-testid="flow-graph" data-nodes={shape.nodes.length}>
      {toolbar ? (
        <div className="tbar">
          <label className="inp"><Icon name="search" /><input type="search" placeholder="Find task" aria-label="Find task" value={find} onChange={(e) => setFind(e.target.value)} data-testid="graph-find" /></label>
          <button type="button" className="btn" onClick={turn} data-testid="graph-direction"><Icon name={direction === "LR" ? "arrow-right" : "arrow-down"} />{direction === "LR" ? "Left to right" : "Top to bottom"}</button>
          {tracked ? <label className="hs"><input type="checkbox" checked={hide} onChange={() => setHide(!hide)} />Hide skipped</label> : null}
        </div>
      ) : null}
      {tracked && toolbar ? (
        <div className="tlg">{["SUCCESS", "RUNNING", "PAUSED", "QUEUED", "WARNING", "FAILED", "CREATED"].filter((s) => counts[s]).map((s) => <span key={s} className="c"><StateIcon state={s} />{count(counts[s])} {s === "CREATED" ? "to come" : stateWord(s).toLowerCase()}</span>)}</div>
      ) : null}
      {problem && !document_ ? <Problem error={problem} what="The graph could not be made." /> : null}
      {problem && document_ ? <div className="al warn stale" role="status"><Icon name="triangle-alert" size={16} /><span>The last good graph. {problem.message}</span></div> : null}
      {waiting ? <div className="none_" aria-busy="true" /> : null}
      {empty ? <div className="none_">Nothing to draw yet.</div> : null}
      <ReactFlow colorMode={dark ? "dark" : "light"} nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} nodesDraggable={false} nodesConnectable={false} elementsSelectable={false} edgesFocusable={false} nodesFocusable minZoom={0.05} maxZoom={2} onlyRenderVisibleElements={nodes.length > 150} proOptions={{ hideAttribution: true }} disableKeyboardA11y
        onNodeClick={(_, node) => node.data.node && held.current.onSelect?.(node.data.node.task)}
        onNodeDoubleClick={(_, node) => node.data.node && held.current.onOpen?.(node.data.live?.id || node.data.node.task)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          const id = event.target.closest?.(".react-flow__node")?.dataset.id;
          const hit = shown.nodes.find((n) => n.id === id);
          if (hit) { event.preventDefault(); held.current.onSelect?.(hit.task); }
        }}>
        <Background gap={16} size={1} color="var(--fd-line-2)" />
        {shape.nodes.length > 3 && toolbar ? <MiniMap position="bottom-left" style={{ width: 144, height: 84 }} pannable zoomable nodeColor={(n) => (n.type === "cluster" ? "transparent" : `var(--fd-${n.data.live?.state ? familyOf(n.data.live.state) : "idle"}-solid)`)} nodeStrokeColor={(n) => (n.type === "cluster" ? "var(--fd-ctl-line)" : "transparent")} ariaLabel="Overview" /> : null}
      </ReactFlow>
      <div className="zm">
        <button type="button" className="ib" aria-label="Zoom in" onClick={() => flow.zoomIn()}><Icon name="plus" /></button>
        <span className="n">{Math.round(zoom * 100)}</span>
        <button type="button" className="ib" aria-label="Zoom out" onClick={() => flow.zoomOut()}><Icon name="minus" /></button>
        <button type="button" className="ib" aria-label="Fit" onClick={fit}><Icon name="maximize" /></button>
        <button type="button" className="ib" aria-label="Save as SVG" title="Save as SVG" onClick={save}><Icon name="download" /></button>
      </div>
      <ul className="sr" aria-label={plural(shape.nodes.length, "task")} style={{ position: "absolute", width: 1, height: 1, overflow: "hidden", clipPath: "inset(50%)" }}>
        {shown.nodes.slice(0, 300).map((n) => <li key={n.id}>{n.task} {states.get(n.task)?.state ? stateWord(states.get(n.task).state) : ""}</li>)}
      </ul>
    </div>
  );
}

// A plain SVG of the places and names: good for a document, free of the page's styles.
function download(host, boxes, nodes, edges) {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const all = [...boxes.values()];
  if (!all.length) return;
  const x0 = Math.min(...all.map((b) => b.x)) - 16;
  const y0 = Math.min(...all.map((b) => b.y)) - 16;
  const w = Math.max(...all.map((b) => b.x + b.width)) - x0 + 16;
  const h = Math.max(...all.map((b) => b.y + b.height)) - y0 + 16;
  const text = (s) => String(s).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const parts = [];
  const paths = [...host.querySelectorAll(".react-flow__edge-path")].map((p) => p.getAttribute("d"));
  for (const node of nodes) {
    if (node.type !== "cluster") continue;
    const b = boxes.get(node.id);
    parts.push(`<rect x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" rx="10" fill="${css("--fd-panel")}" stroke="${css("--fd-line-2")}"/><text x="${b.x + 12}" y="${b.y + 22}" font-size="12" fill="${css("--fd-fg")}">${text(node.data.cluster.task)}</text>`);
  }
  for (const d of paths) parts.push(`<path d="${d}" fill="none" stroke="${css("--fd-ctl-line")}"/>`);
  for (const node of nodes) {
    if (node.type === "cluster" || node.type === "joint") continue;
    const b = boxes.get(node.id);
    const state = node.data.live?.state;
    parts.push(`<rect x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" rx="6" fill="${css("--fd-page")}" stroke="${css("--fd-line-2")}"/>`);
    if (state) parts.push(`<rect x="${b.x + 4}" y="${b.y + 6}" width="4" height="${b.height - 12}" rx="2" fill="${css(`--fd-${familyOf(state)}-solid`)}"/>`);
    parts.push(`<text x="${b.x + 16}" y="${b.y + b.height / 2 - 2}" font-size="12" font-weight="500" fill="${css("--fd-fg")}">${text(node.data.node.task)}</text><text x="${b.x + 16}" y="${b.y + b.height / 2 + 14}" font-size="11" fill="${css("--fd-fg-3")}">${text(node.type === "trigger" ? "" : shortType(node.data.node.type))}</text>`);
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x0} ${y0} ${w} ${h}" width="${w}" height="${h}" font-family="Inter, sans-serif"><rect x="${x0}" y="${y0}" width="${w}" height="${h}" fill="${css("--fd-page")}"/>${parts.join("")}</svg>`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  link.download = "topology.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function FlowGraph(props) {
  return <div className="fd-graph-box"><ReactFlowProvider><Canvas {...props} /></ReactFlowProvider></div>;
}
