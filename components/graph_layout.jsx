// From a FlowGraph document to boxes and edges: pseudo nodes contracted, clusters as boxes, dagre for the places.
import dagre from "@dagrejs/dagre";

const PSEUDO = /GraphCluster(Root|End|Finally|AfterExecution|Errors?)?$|GraphClusterRoot|GraphClusterEnd|GraphClusterFinally|GraphClusterAfterExecution/;
const INPUTS = "root._inputs";
const HIDE = 50; // a cluster with more children starts folded

const relationValue = (edge) => String(edge.relation?.value ?? "");
const kindOf = (node) => (node.type || "").split(".").pop();

const badges = (task = {}) => ({ disabled: Boolean(task.disabled), retry: task.retry ? task.retry.type || "constant" : "", timeout: task.timeout || "", cache: Boolean(task.taskCache), workerGroup: task.workerGroup?.key || "", allowFailure: Boolean(task.allowFailure), runIf: task.runIf, description: task.description });
// The flow that a task starts; null where an expression says it.
const calledBy = (task) => (task?.flowId && task.namespace && !/\{\{/.test(task.flowId + task.namespace) ? { namespace: task.namespace, id: task.flowId } : null);

// -> {nodes: [{id, task, type, kind, cluster, error}], edges: [{source, target, label, error, dynamic}], clusters}
export function shapeOf(graph) {
  if (!graph?.nodes) return { nodes: [], edges: [], clusters: [] };
  if (graph.nodes.length && graph.nodes[0].namespace && !graph.nodes[0].type?.includes("Graph")) return dependenciesOf(graph);
  const owner = new Map(); // node uid -> innermost cluster
  const types = new Map(graph.nodes.map((n) => [n.uid, n.task?.type || ""]));
  // A choice is a node with labelled edges; the triggers need no frame: their clusters are dissolved.
  const choices = new Set((graph.edges || []).filter((e) => e.relation?.relationType === "CHOICE").map((e) => e.source));
  const clusters = new Map();
  for (const entry of graph.clusters || []) {
    const uid = entry.cluster?.uid || entry.start;
    const head = entry.cluster?.taskNode || {};
    if (choices.has(head.uid) || /_triggers$/.test(uid)) continue;
    const inside = /SubflowGraphCluster$/.test(entry.cluster?.type || "");
    clusters.set(uid, { id: uid, ...badges(head.task), subflow: inside, flow: inside ? calledBy(head.task) : null, task: head.task?.id || head.plugin?.id || uid.replace(/^cluster_/, "").split(".").pop().replace(/^_/, ""), type: head.task?.type || head.plugin?.type || "", head: head.uid, parent: (entry.parents || []).at(-1), nodes: new Set(entry.nodes || []), error: entry.cluster?.branchType === "ERROR" || /_errors$/.test(uid) });
  }
  for (const cluster of clusters.values()) for (const uid of cluster.nodes) {
    const current = owner.get(uid);
    if (!current || clusters.get(current).nodes.size > cluster.nodes.size) owner.set(uid, cluster.id);
  }
  for (const cluster of clusters.values()) {
    let best = "";
    for (const other of clusters.values()) {
      if (other === cluster || other.nodes.size <= cluster.nodes.size || ![...cluster.nodes].every((n) => other.nodes.has(n))) continue;
      if (!best || clusters.get(best).nodes.size > other.nodes.size) best = other.id;
    }
    cluster.parent = best;
  }
  const heads = new Set([...clusters.values()].map((c) => c.head).filter(Boolean));
  const nodes = new Map();
  const pseudo = new Set();
  for (const node of graph.nodes) {
    const kind = kindOf(node);
    if (PSEUDO.test(kind)) {
      pseudo.add(node.uid);
      continue;
    }
    // The flowable's own node is said by the head of its cluster.
    if (heads.has(node.uid) && owner.get(node.uid) && clusters.get(owner.get(node.uid)).head === node.uid) {
      pseudo.add(node.uid);
      continue;
    }
    const plugin = node.task || node.trigger || node.triggerDeclaration || node.plugin || {};
    nodes.set(node.uid, { id: node.uid, task: plugin.id || node.uid.split(".").pop(), type: plugin.type || "", kind: /Trigger/.test(kind) ? "trigger" : "task", cluster: owner.get(node.uid) || "", error: node.branchType === "ERROR", flow: calledBy(plugin), ...badges(plugin) });
  }
  // Contract pseudo nodes: predecessors meet successors; labels on the way are kept.
  const outs = new Map();
  const ins = new Map();
  const put = (edge) => {
    if (edge.source === edge.target) return;
    for (const [map, key] of [[outs, edge.source], [ins, edge.target]]) {
      if (!map.has(key)) map.set(key, new Map());
      map.get(key).set(`${edge.source}\u0000${edge.target}`, edge);
    }
  };
  const drop = (edge) => {
    outs.get(edge.source)?.delete(`${edge.source}\u0000${edge.target}`);
    ins.get(edge.target)?.delete(`${edge.source}\u0000${edge.target}`);
  };
  const raw = [...(graph.edges || [])];
  // Inputs feed the start as triggers do.
  if (graph.inputs?.length && pseudo.has("root._start")) {
    nodes.set(INPUTS, { id: INPUTS, task: graph.inputs.length > 3 ? `${graph.inputs.slice(0, 2).join(", ")} + ${graph.inputs.length - 2}` : graph.inputs.join(", "), type: graph.inputs.join(", "), kind: "inputs", cluster: "" });
    raw.push({ source: INPUTS, target: "root._start", relation: {} });
  }
  const typeOf = (edge) => edge.relation?.relationType || "";
  for (const edge of raw) {
    const type = typeOf(edge);
    let { source } = edge;
    // Handlers hang on the begin of what they handle. The errors are drawn from its first task, what comes last from its end.
    if (pseudo.has(source) && /_start$/.test(source)) {
      if (type === "ERROR" && pseudo.has(edge.target)) source = raw.find((e) => e.source === edge.source && !["ERROR", "FINALLY", "AFTER_EXECUTION"].includes(typeOf(e)))?.target || source;
      if (/FINALLY|AFTER/.test(type) && pseudo.has(edge.target)) source = source.replace(/_start$/, "_end");
    }
    if (/_(finally|afterExecution|after_execution)\._end$/.test(edge.source)) continue;
    let label = type === "CHOICE" ? relationValue(edge) : "";
    if (label && /\.If$/.test(types.get(edge.source) || "")) label = { true: "then", false: "else" }[label] || label;
    put({ source, target: edge.target, label, error: type === "ERROR", dynamic: type === "DYNAMIC" });
  }
  for (const uid of pseudo) {
    const before = [...(ins.get(uid)?.values() || [])];
    const after = [...(outs.get(uid)?.values() || [])];
    if (before.length * after.length > 36) {
      nodes.set(uid, { id: uid, kind: "joint", cluster: owner.get(uid) || "", task: "", type: "" });
      continue;
    }
    before.concat(after).forEach(drop);
    for (const a of before) for (const b of after) put({ source: a.source, target: b.target, label: b.label || a.label, error: a.error || b.error, dynamic: a.dynamic && b.dynamic });
  }
  const edges = [];
  for (const [source, map] of outs) for (const edge of map.values()) if (nodes.has(source) && nodes.has(edge.target)) edges.push({ ...edge, id: `${edge.source}->${edge.target}` });
  return { nodes: [...nodes.values()], edges, clusters: [...clusters.values()].filter((c) => [...c.nodes].some((n) => nodes.has(n))) };
}

function dependenciesOf(graph) {
  return {
    nodes: graph.nodes.map((n) => ({ id: n.uid, task: n.id, type: n.namespace || n.type || "", kind: "flow", cluster: "", state: n.state, group: n.group, ref: n.ref })),
    edges: (graph.edges || []).map((e) => ({ id: `${e.source}->${e.target}`, source: e.source, target: e.target, label: "", dynamic: e.relation === "FLOW_TRIGGER" })),
    clusters: [],
  };
}

export const NODE = { width: 204, height: 52 };
const sizeOf = (node) => (node.kind === "trigger" || node.kind === "inputs" ? { width: Math.min(220, 52 + node.task.length * 7.3), height: 26 } : node.kind === "joint" ? { width: 8, height: 8 } : { width: Math.max(NODE.width, Math.min(300, 92 + Math.max(node.task.length * 7.3, (node.type.split(".").slice(-2).join(".").length * 6)))), height: NODE.height });

export function startsFolded(shape) {
  const folded = new Set();
  for (const cluster of shape.clusters) if (shape.nodes.filter((n) => n.cluster === cluster.id).length > HIDE) folded.add(cluster.id);
  return folded;
}

// Folded clusters become one stacked node.
export function fold(shape, folded) {
  if (!folded.size) return shape;
  const parents = new Map(shape.clusters.map((c) => [c.id, c.parent]));
  const into = (cluster) => {
    let hit = "";
    for (let c = cluster; c; c = parents.get(c)) if (folded.has(c)) hit = c;
    return hit;
  };
  const moved = new Map();
  const nodes = [];
  const made = new Set();
  for (const node of shape.nodes) {
    const to = into(node.cluster);
    if (!to) {
      nodes.push(node);
      continue;
    }
    moved.set(node.id, `folded:${to}`);
    if (made.has(to)) continue;
    made.add(to);
    const cluster = shape.clusters.find((c) => c.id === to);
    nodes.push({ id: `folded:${to}`, task: cluster.task, type: cluster.type, kind: "task", folded: to, cluster: cluster.parent || "", stack: true });
  }
  const seen = new Map();
  for (const edge of shape.edges) {
    const source = moved.get(edge.source) || edge.source;
    const target = moved.get(edge.target) || edge.target;
    if (source !== target) seen.set(`${source}->${target}`, { ...edge, source, target, id: `${source}->${target}` });
  }
  return { nodes, edges: [...seen.values()], clusters: shape.clusters.filter((c) => !into(c.id)) };
}

// A large graph with clusters: each cluster is laid out by itself and stands as one box in what holds it. All at once
// dagre needs a minute for a thousand tasks in a hundred clusters.
const LARGE = 100;
function layoutByCluster(shape, direction) {
  const across = direction === "LR";
  const clusters = new Map(shape.clusters.map((c) => [c.id, c]));
  const parentOf = (id) => (clusters.has(clusters.get(id)?.parent) ? clusters.get(id).parent : "");
  const items = new Map([["", []], ...shape.clusters.map((c) => [c.id, []])]);
  const owners = new Map();
  for (const node of shape.nodes) {
    owners.set(node.id, clusters.has(node.cluster) ? node.cluster : "");
    items.get(owners.get(node.id)).push(node);
  }
  for (const cluster of shape.clusters) items.get(parentOf(cluster.id)).push(cluster);
  // An edge belongs to the innermost cluster that holds both ends; there it joins what they lie in.
  const chain = (id) => { const out = [[owners.get(id), id]]; for (let c = owners.get(id); c; c = parentOf(c)) out.push([parentOf(c), c]); return out; };
  const edges = new Map([...items.keys()].map((id) => [id, []]));
  for (const edge of shape.edges) {
    const from = new Map(chain(edge.source));
    const met = chain(edge.target).find(([holder]) => from.has(holder));
    if (met && from.get(met[0]) !== met[1]) edges.get(met[0]).push({ ...edge, source: from.get(met[0]), target: met[1] });
  }
  const boxes = new Map();
  const place = (holder) => {
    const inner = items.get(holder);
    if (!inner.length) return { width: 210, height: 68 };
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: direction, nodesep: across ? 32 : 40, ranksep: across ? 56 : 44, ranker: inner.length > 300 ? "longest-path" : "network-simplex" });
    for (const item of inner) graph.setNode(item.id, clusters.has(item.id) ? place(item.id) : sizeOf(item));
    for (const edge of edges.get(holder)) graph.setEdge(edge.source, edge.target, { width: edge.label ? 40 : 1, height: edge.label ? 20 : 1, labelpos: "c", weight: edge.error ? 0 : 2 });
    dagre.layout(graph);
    const [left, top, more] = holder ? [20, 48, 20] : [16, 16, 16]; // room of a frame and its head
    for (const item of inner) {
      const at = graph.node(item.id);
      boxes.set(item.id, { x: left + at.x - at.width / 2, y: top + at.y - at.height / 2, width: at.width, height: at.height });
    }
    const { width, height } = graph.graph();
    return { width: Math.max(left + (width || 0) + more, 210), height: top + (height || 0) + more };
  };
  place("");
  // Places within a cluster become places in the whole, outer clusters first.
  const settle = (holder, x, y) => {
    for (const item of items.get(holder)) {
      const box = boxes.get(item.id);
      box.x += x;
      box.y += y;
      if (clusters.has(item.id)) settle(item.id, box.x, box.y);
    }
  };
  settle("", 0, 0);
  for (const cluster of shape.clusters) if (!items.get(cluster.id).length) boxes.delete(cluster.id);
  return boxes;
}

// Depends on the shape and the direction only: a change of state must not move anything.
export function layout(shape, direction) {
  if (shape.clusters.length && shape.nodes.length > LARGE) return layoutByCluster(shape, direction);
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: false });
  const across = direction === "LR";
  // Heads of nested blocks need room that dagre does not know of.
  const parents = new Map(shape.clusters.map((c) => [c.id, c.parent]));
  const nested = Math.min(4, Math.max(0, ...shape.clusters.map((c) => { let n = 0; for (let p = c.parent; p && n < 9; p = parents.get(p)) n += 1; return n; })));
  graph.setGraph({ rankdir: direction, nodesep: (across ? 32 : 40) + (across ? 36 * nested : 0), ranksep: (across ? 56 : shape.clusters.length ? 72 : 44) + (across ? 0 : 30 * nested), marginx: 16, marginy: 16, ranker: shape.nodes.length > 300 ? "longest-path" : "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const cluster of shape.clusters) graph.setNode(cluster.id, { label: cluster.task });
  for (const node of shape.nodes) graph.setNode(node.id, sizeOf(node));
  const known = new Set(shape.clusters.map((c) => c.id));
  for (const cluster of shape.clusters) if (known.has(cluster.parent)) graph.setParent(cluster.id, cluster.parent);
  for (const node of shape.nodes) if (known.has(node.cluster)) graph.setParent(node.id, node.cluster);
  for (const edge of shape.edges) graph.setEdge(edge.source, edge.target, { width: edge.label ? 40 : 1, height: edge.label ? 20 : 1, labelpos: "c", weight: edge.error ? 0 : 2 });
  dagre.layout(graph);
  const boxes = new Map();
  for (const node of shape.nodes) {
    const at = graph.node(node.id);
    boxes.set(node.id, { x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width, height: at.height });
  }
  // Boxes of clusters from their content (dagre leaves no room for a head), inner ones first.
  const depth = (c) => (known.has(c?.parent) ? 1 + depth(shape.clusters.find((x) => x.id === c.parent)) : 0);
  for (const cluster of [...shape.clusters].sort((a, b) => depth(b) - depth(a))) {
    const inner = [...shape.nodes.filter((n) => n.cluster === cluster.id), ...shape.clusters.filter((c) => c.parent === cluster.id)].map((x) => boxes.get(x.id)).filter(Boolean);
    if (!inner.length) continue;
    const left = Math.min(...inner.map((b) => b.x)) - 20;
    const top = Math.min(...inner.map((b) => b.y)) - 48;
    const right = Math.max(...inner.map((b) => b.x + b.width)) + 20;
    const bottom = Math.max(...inner.map((b) => b.y + b.height)) + 20;
    boxes.set(cluster.id, { x: left, y: top, width: Math.max(right - left, 210), height: bottom - top });
  }
  return boxes;
}
