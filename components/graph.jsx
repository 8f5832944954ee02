// The graph of a flow: boxes placed once by shape, states painted over them as they change.
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { Background, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow, useStore } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { isAbort, request, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, StateIcon, count, familyOf, isDark, onTheme, plural, reducedMotion, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { fold, layout, shapeOf, startsFolded } from "./graph_layout.jsx";
import { EDGE_TYPES, NODE_TYPES } from "./graph_nodes.jsx";
import { scopeOf, useRuns } from "./graph_runs.jsx";
import { GraphList } from "./graph_list.jsx";
import { useDrag } from "./graph_drag.jsx";
import { download } from "./graph_picture.jsx";
import "./graph.css";

const GraphEditing = lazy(() => import("./graph_edit.jsx"));
const DROPS = { swap: "swap", after: "move", before: "ahead", into: "into" };

const ROOMY = 900; // pixels from which a graph of some tasks fits from left to right

function Canvas({ graphUrl, graph, source: givenSource, documentUri, execution, direction: given = "LR", selected: chosen, toolbar = true, editable = false, playable = false, onSelect, onOpen, onDirection, onRun }) {
  const flow = useReactFlow();
  const zoom = useStore((s) => s.transform[2]);
  const held = useRef({});
  held.current = { onSelect, onOpen, onDirection, onRun };
  const [near, setNear] = useState(""); // the task at the cursor of the code
  const selected = chosen || near;
  const host = useRef(null);
  const [order, setOrder] = useState(null);
  const [pending, setPending] = useState(null); // {kind, task}: the next press on a task says the other one
  const give = (kind, task, other) => (["swap", "move"].includes(kind) && !other ? setPending({ kind, task }) : setOrder({ seq: Date.now() + Math.random(), kind, task, other }));
  const giving = useRef(give);
  giving.current = give;
  const onOrder = useMemo(() => (editable ? (kind, task, other) => giving.current(kind, task, other) : null), [editable]);
  useEffect(() => {
    if (!pending) return undefined;
    const esc = (event) => event.key === "Escape" && setPending(null);
    document.addEventListener("keydown", esc);
    return () => document.removeEventListener("keydown", esc);
  }, [pending]);
  const { grab, drag, wasDrag } = useDrag(host, (kind, task, other) => give(DROPS[kind], task, other));
  const onGrab = editable ? grab : null;
  const press = (task) => {
    if (wasDrag()) return;
    if (pending) { const { kind, task: first } = pending; setPending(null); if (task !== first) give(kind, first, task); return; }
    held.current.onSelect?.(task);
  };
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
  const asked = useRef(null); // the text that was asked about last
  const [direction, setDirection] = useState(given);
  const [folded, setFolded] = useState(null);
  const [hide, setHide] = useState(false);
  const [find, setFind] = useState("");
  const [iteration, setIteration] = useState(() => new Map()); // cluster -> number of the round that is shown
  const [opened, setOpened] = useState([]); // nodes whose subflow is shown inside
  const [listed, setListed] = useState(false);
  const [dark, setDark] = useState(isDark);
  useEffect(() => onTheme(setDark), []);
  // Left to right needs width: where there is none, the graph starts downwards.
  useEffect(() => setDirection(given === "LR" && host.current?.clientWidth < ROOMY ? "TB" : given), [given]);
  useEffect(() => { if (graph?.nodes) setDocument(graph); }, [graph]);
  useEffect(() => {
    if (!graphUrl || (documentUri && !source)) return undefined;
    const abort = new AbortController();
    const url = opened.length ? withQuery(graphUrl, { subflows: opened.join(",") }) : graphUrl;
    const run = () =>
      request(url, source === undefined || source === null || source === "" ? { signal: abort.signal } : { method: "POST", body: source, headers: { "Content-Type": "application/x-yaml" }, signal: abort.signal }).then(
        (answer) => { setDocument(answer); setProblem(null); },
        (error) => isAbort(error) || setProblem(error), // the last good graph stays, in grey
      );
    const timer = setTimeout(run, source && asked.current === source ? 0 : source ? 400 : 0);
    asked.current = source;
    return () => { clearTimeout(timer); abort.abort(); };
  }, [graphUrl, source, opened]);
  const shape = useMemo(() => shapeOf(document_), [document_]);
  const key = useMemo(() => JSON.stringify([shape.nodes.map((n) => [n.id, n.cluster, n.task, n.type]), shape.edges.map((e) => [e.id, e.label])]), [shape]);
  useEffect(() => setFolded(startsFolded(shape)), [key]);
  const shown = useMemo(() => fold(shape, folded || startsFolded(shape)), [key, folded, shape]);
  const boxes = useMemo(() => layout(shown, direction), [key, folded, direction]);

  // ---- states
  const api = (graphUrl || "").match(/^.*?\/api\/v1\/[^/]+/)?.[0] || "";
  const { tracked, running, liveOf, total, valueOf, executionOf } = useRuns({ api, execution, shape: shown, opened, iteration });
  const inner = (one) => Boolean(scopeOf(one.id, opened));
  const openInside = (uid) => setOpened((old) => [...old, uid]);
  const closeInside = (uid) => { setOpened((old) => old.filter((one) => one !== uid && !one.startsWith(`${uid}.`))); setIteration((old) => new Map([...old].filter(([id]) => !id.startsWith(`cluster_${uid}`)))); };
  const placeOf = (uid, called) => { const id = tracked && executionOf(uid); return called ? (id ? `/executions/${called.namespace}/${called.id}/${id}/topology` : tracked ? "" : `/flows/edit/${called.namespace}/${called.id}/topology`) : ""; };

  const needle = find.trim().toLowerCase();
  const nodes = useMemo(() => {
    const out = [];
    for (const cluster of shown.clusters) {
      const box = boxes.get(cluster.id);
      if (!box) continue;
      const live = liveOf(cluster);
      const uid = cluster.id.replace(/^cluster_/, "");
      const within = inner(cluster);
      out.push({
        id: cluster.id, type: "cluster", position: { x: box.x, y: box.y }, width: box.width, height: box.height, zIndex: -1, selectable: false, focusable: false,
        data: { cluster, direction, live, rounds: live?.rounds, iteration: iteration.get(cluster.id), value: iteration.has(cluster.id) ? valueOf(cluster.id) : undefined, on: !within && selected === cluster.task, onPick: () => within || press(cluster.task), onOrder: within || !cluster.type ? null : onOrder, onGrab: within || !cluster.type ? null : onGrab, playable, to: cluster.subflow ? placeOf(uid, cluster.flow) : "", onIteration: (n) => setIteration((old) => { const next = new Map(old); if (n === undefined) next.delete(cluster.id); else next.set(cluster.id, n); return next; }), onFold: () => (cluster.subflow ? closeInside(uid) : setFolded((old) => new Set(old).add(cluster.id))) },
      });
    }
    for (const node of shown.nodes) {
      const box = boxes.get(node.id);
      if (!box) continue;
      let live = liveOf(node) || (node.state ? { state: node.state } : undefined); // a flow says its last run's
      if (live?.kids && (node.stack || !live.counts)) live = { ...live, counts: live.kids, runs: Object.values(live.kids).reduce((n, c) => n + c, 0) };
      const skipped = tracked && !running && !live && node.kind === "task";
      if (hide && (skipped || live?.state === "SKIPPED")) continue;
      const own = node.kind === "task" && !node.stack && !inner(node);
      const called = node.flow && graphUrl && node.kind === "task" && !node.stack;
      out.push({
        id: node.id, type: NODE_TYPES[node.kind] ? node.kind : "task", position: { x: box.x, y: box.y }, width: box.width, height: box.height, ariaLabel: `${node.task} ${live?.state ? stateWord(live.state) : ""}`,
        data: { node, live, direction, inner: inner(node) || node.kind === "inputs", onOrder: own ? onOrder : null, onGrab: own ? onGrab : null, playable, tracked: tracked && node.kind === "task", on: (selected && (node.ref ? selected === node.id : live?.id ? selected === live.id || (!inner(node) && selected === node.task) : !inner(node) && selected === node.task)) || (needle && node.task.toLowerCase().includes(needle)), dim: (skipped && !node.error) || (needle && !node.task.toLowerCase().includes(needle)), expand: called ? () => openInside(node.id) : null, unfold: node.stack ? () => setFolded((old) => { const next = new Set(old); next.delete(node.folded); return next; }) : null },
      });
    }
    return out;
  }, [shown, boxes, liveOf, selected, needle, hide, direction, tracked, running, iteration, opened, onOrder, onGrab, playable, pending]);

  const edges = useMemo(() => {
    const ids = new Set(nodes.map((n) => n.id));
    const byId = new Map(shown.nodes.map((n) => [n.id, n]));
    return shown.edges.filter((e) => ids.has(e.source) && ids.has(e.target)).map((edge) => {
      const to = byId.has(edge.target) ? liveOf(byId.get(edge.target))?.state : undefined;
      const family = to && familyOf(to);
      const from = byId.has(edge.source) ? liveOf(byId.get(edge.source))?.state : undefined;
      const passed = from || byId.get(edge.source)?.kind !== "task";
      const look = edge.error ? "err" : !tracked ? (edge.dynamic ? "plain" : "plain") : !to || !passed ? "" : family === "live" || family === "queued" ? "live" : family === "hold" ? "hold" : family === "idle" ? "" : family === "bad" && edge.error ? "err" : "done";
      const [before, after] = [byId.get(edge.source), byId.get(edge.target)];
      const plus = onOrder && nodes.length < 150 && !edge.error && ((before?.kind === "task" && !inner(before)) || (after?.kind === "task" && !inner(after)));
      const first = before?.kind === "task" && !inner(before);
      return { id: edge.id, source: edge.source, target: edge.target, type: plus ? "plus" : "smoothstep", ...(plus ? { data: { step: before?.cluster !== after?.cluster && after?.cluster ? 0.2 : 0.5, kind: first ? "after" : "before", task: first ? before.task : after.task, words: first ? `Add after ${before.task}` : `Add before ${after.task}`, onPlus: () => onOrder(first ? "after" : "before", first ? before.task : after.task) } } : {}), className: look, label: edge.label || undefined, labelShowBg: true, labelBgPadding: [6, 2], labelBgBorderRadius: 4, pathOptions: { borderRadius: 8, stepPosition: byId.get(edge.source)?.cluster !== byId.get(edge.target)?.cluster && byId.get(edge.target)?.cluster ? 0.2 : 0.5 }, focusable: false, ...(tracked ? {} : { markerEnd: { type: "arrowclosed", width: 14, height: 14, color: "var(--fd-ctl-line)" } }) };
    });
  }, [shown, nodes.length, liveOf, tracked, onOrder]);

  // Beside the editor and on a phone a graph stays legible: a long one shows its beginning instead of all of it too
  // small to read; below the tool bar.
  const LEGIBLE = 0.55, SEEN = 0.25;
  const placed = useRef(boxes), facing = useRef(direction); // what waits to fit must not fit what was drawn before
  placed.current = boxes; facing.current = direction;
  const fit = (duration = 140) => {
    const box = host.current?.getBoundingClientRect();
    const places = [...placed.current.values()];
    if (!box?.width || !places.length) return undefined;
    const motion = { duration: reducedMotion() ? 0 : duration };
    const all = { x: Math.min(...places.map((b) => b.x)), y: Math.min(...places.map((b) => b.y)) };
    all.width = Math.max(...places.map((b) => b.x + b.width)) - all.x;
    all.height = Math.max(...places.map((b) => b.y + b.height)) - all.y;
    // All of it stands below the tool bar, in the middle where that leaves it there.
    const bar = toolbar ? (box.width < 420 ? 60 : 28) + 12 : 0;
    const room = box.height - bar;
    const needed = Math.min((box.width - 32) / all.width, (room - 32) / all.height);
    if ((toolbar && box.width >= ROOMY && needed >= SEEN) || needed >= LEGIBLE) {
      const whole = Math.max(0.05, Math.min(1, box.width / (all.width * 1.12), room / (all.height * 1.12)));
      const y = Math.max(box.height / 2 - (all.height / 2) * whole, bar + 12);
      return flow.setViewport({ x: box.width / 2 - (all.x + all.width / 2) * whole, y: y - all.y * whole, zoom: whole }, motion);
    }
    const middle = (size, from, length) => (length * LEGIBLE < size - 32 ? (size - length * LEGIBLE) / 2 : 16) - from * LEGIBLE;
    // Across its direction the middle is shown, where the tasks stand: what starts them spreads to both sides.
    const across = (size, from, length) => (size - length * LEGIBLE) / 2 - from * LEGIBLE;
    const x = (facing.current === "TB" ? across : middle)(box.width, all.x, all.width);
    const y = facing.current === "LR" ? across(box.height, all.y, all.height) : middle(box.height, all.y, all.height) + (toolbar && all.height * LEGIBLE >= box.height - 120 ? 72 : 0);
    return flow.setViewport({ x, y, zoom: LEGIBLE }, motion);
  };
  // What was drawn again stands where it stays, in the same frame: nothing moves away under a pointer that presses.
  useEffect(() => {
    if (flow.viewportInitialized) { fit(0); return undefined; }
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

  const turn = () => {
    const next = direction === "LR" ? "TB" : "LR";
    setDirection(next);
    held.current.onDirection?.(next);
  };
  const save = (kind) => download(host.current, boxes, nodes, kind);
  const [searching, setSearching] = useState(false);
  const wide = () => (document.fullscreenElement ? document.exitFullscreen() : host.current.requestFullscreen?.())?.catch?.(() => {}); // refused by the browser: nothing to do
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
        <div className="tlg">{["SUCCESS", "RUNNING", "PAUSED", "QUEUED", "WARNING", "FAILED", "CREATED"].filter((s) => total[s]).map((s) => <span key={s} className="c"><StateIcon state={s} />{count(total[s])} {s === "CREATED" ? "to come" : stateWord(s).toLowerCase()}</span>)}</div>
      ) : null}
      {problem && !document_ ? <Problem error={problem} what="The graph could not be made." /> : null}
      {problem && document_ ? <div className="al warn stale" role="status"><Icon name="triangle-alert" size={16} /><span>The last good graph. {problem.message}</span></div> : null}
      {waiting ? <div className="none_" aria-busy="true" /> : null}
      {empty ? <div className="none_">Nothing to draw yet.</div> : null}
      <ReactFlow colorMode={dark ? "dark" : "light"} nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} nodesDraggable={false} nodesConnectable={false} elementsSelectable={false} edgesFocusable={false} nodesFocusable minZoom={0.05} maxZoom={2} onlyRenderVisibleElements={nodes.length > 150} proOptions={{ hideAttribution: true }} disableKeyboardA11y
        onNodeClick={(_, node) => node.data.node && press(node.data.node.ref || node.data.node.task)}
        onNodeDoubleClick={(_, node) => node.data.node && held.current.onOpen?.(node.data.live?.id || node.data.node.ref || node.data.node.task)}
        onKeyDown={(event) => {
          const own = event.target.closest?.(".react-flow__node");
          const hit = own === event.target && shown.nodes.find((n) => n.id === own.dataset.id);
          if (onOrder && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) { event.preventDefault(); give("undo"); return; }
          if (!hit || inner(hit) || hit.kind === "inputs") return;
          if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(hit.ref || hit.task); }
          if ((event.key === "Delete" || event.key === "Backspace") && onOrder && hit.kind === "task" && !hit.stack) { event.preventDefault(); give("delete", hit.task); }
        }}>
        <Background gap={16} size={1} color="var(--fd-line-2)" />
        {shape.nodes.length > 3 && toolbar ? <MiniMap position="bottom-left" style={{ width: 144, height: 84 }} pannable zoomable nodeColor={(n) => (n.type === "cluster" ? "transparent" : `var(--fd-${n.data.live?.state ? familyOf(n.data.live.state) : "idle"}-solid)`)} nodeStrokeColor={(n) => (n.type === "cluster" ? "var(--fd-ctl-line)" : "transparent")} ariaLabel="Overview" /> : null}
      </ReactFlow>
      <div className="zm">
        <button type="button" className="ib" aria-label="Zoom in" onClick={() => flow.zoomIn()}><Icon name="plus" /></button>
        <button type="button" className="n" style={{ padding: 0 }} aria-label={`Zoom ${Math.round(zoom * 100)} %, set to 100 %`} title="Zoom to 100 %" onClick={() => flow.zoomTo(1)} data-testid="graph-whole">{Math.round(zoom * 100)}</button>
        <button type="button" className="ib" aria-label="Zoom out" onClick={() => flow.zoomOut()}><Icon name="minus" /></button>
        <button type="button" className="ib" aria-label="Fit" onClick={() => fit()}><Icon name="maximize" /></button>
        {toolbar ? null : <button type="button" className="ib" aria-label={direction === "LR" ? "Top to bottom" : "Left to right"} title={direction === "LR" ? "Top to bottom" : "Left to right"} onClick={turn}><Icon name={direction === "LR" ? "arrow-down" : "arrow-right"} /></button>}
        {toolbar ? null : <button type="button" className="ib" aria-label="Find a task" title="Find a task" aria-expanded={searching} onClick={() => { setSearching(!searching); setFind(""); }} data-testid="graph-search"><Icon name="search" /></button>}
        <button type="button" className="ib" aria-label="Tasks as a list" title="Tasks as a list" aria-pressed={listed} onClick={() => setListed(!listed)} data-testid="graph-as-list"><Icon name="list" /></button>
        <button type="button" className="ib" aria-label="Full screen" title="Full screen" onClick={wide}><Icon name="zoom-in" /></button>
        <button type="button" className="ib" aria-label="Save as SVG" title="Save as SVG" onClick={() => save("svg")} data-testid="graph-svg"><Icon name="download" /></button>
        <button type="button" className="ib" aria-label="Save as PNG" title="Save as PNG" onClick={() => save("png")} data-testid="graph-png"><span className="png">PNG</span></button>
      </div>
      {searching && !toolbar ? <div className="tbar"><label className="inp"><Icon name="search" /><input type="search" autoFocus placeholder="Find task" aria-label="Find task" value={find} onChange={(e) => setFind(e.target.value)} onKeyDown={(e) => e.key === "Escape" && (setSearching(false), setFind(""))} data-testid="graph-find" /></label></div> : null}
      {pending ? <div className="al live stale pend" role="status" data-testid="graph-pending"><Icon name="info" size={16} /><span>{pending.kind === "swap" ? `Press the task that changes places with ${pending.task}.` : `Press the task behind which ${pending.task} goes.`} Esc keeps it.</span><button type="button" className="btn s" onClick={() => setPending(null)}>Cancel</button></div> : null}
      {editable && documentUri ? <Suspense fallback={null}><GraphEditing docUri={documentUri} order={order} onAt={setNear} onRun={(task) => held.current.onRun?.(task)} /></Suspense> : null}
      {listed ? <GraphList shape={shown} boxes={boxes} direction={direction} liveOf={liveOf} selected={selected} playable={playable} onOrder={onOrder} inner={inner} onClose={() => setListed(false)} onOpen={(one) => inner(one) || held.current.onOpen?.(liveOf(one)?.id || one.task)} onPick={(one) => { const box = boxes.get(one.id); if (box) flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: Math.max(flow.getZoom(), 0.7), duration: reducedMotion() ? 0 : 140 }); if (!inner(one) && one.kind !== "inputs") press(one.task); }} /> : null}
      {drag ? <div className="ghost" style={{ left: drag.x + 10, top: drag.y + 8 }}>{drag.task}</div> : null}
    </div>
  );
}

export function FlowGraph(props) {
  return <div className="fd-graph-box"><ReactFlowProvider><Canvas {...props} /></ReactFlowProvider></div>;
}
