// The graph as a list: the same tasks by name, in their order and with their actions, for keyboard and screen reader.
import { Suspense } from "react";
import { Icon, StateIcon, count, shortType, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { NodeMenu, isFlowable, marksOf } from "./graph_nodes.jsx";

const MOST = 500;

// [{one, depth, block}]: blocks before what they hold, in the order in which they are drawn.
export function rowsOf(shape, boxes, direction) {
  const inside = new Map();
  const known = new Set(shape.clusters.map((c) => c.id));
  const put = (parent, one, block) => { const key = known.has(parent) ? parent : ""; inside.set(key, [...(inside.get(key) || []), { one, block }]); };
  for (const cluster of shape.clusters) put(cluster.parent, cluster, true);
  for (const node of shape.nodes) if (node.kind !== "joint") put(node.cluster, node, false);
  const across = direction === "LR";
  const place = ({ one }) => { const box = boxes.get(one.id) || { x: 0, y: 0 }; return across ? [box.x, box.y] : [box.y, box.x]; };
  const out = [];
  const walk = (parent, depth) => {
    const list = (inside.get(parent) || []).map((entry) => ({ ...entry, at: place(entry) })).sort((a, b) => Number(Boolean(a.one.error)) - Number(Boolean(b.one.error)) || a.at[0] - b.at[0] || a.at[1] - b.at[1]);
    for (const { one, block } of list) {
      out.push({ one, depth, block });
      if (block && depth < 30) walk(one.id, depth + 1);
    }
  };
  walk("", 0);
  return out;
}

export function GraphList({ shape, boxes, direction, liveOf, selected, playable, onOrder, onPick, onOpen, onClose, inner }) {
  const rows = rowsOf(shape, boxes, direction);
  return (
    <section className="glist" aria-label="Tasks as a list" data-testid="graph-list">
      <div className="glh"><b>{count(shape.nodes.filter((n) => n.kind === "task").length)} tasks</b><span className="grow" /><button type="button" className="ib" aria-label="Close the list" onClick={onClose}><Icon name="x" /></button></div>
      <ul>
        {rows.slice(0, MOST).map(({ one, depth, block }) => {
          const live = liveOf(one);
          const marks = marksOf(one).map(([, words]) => words).join(", ");
          const own = !inner(one) && !["trigger", "inputs"].includes(one.kind) && Boolean(one.type);
          return (
            <li key={one.id} className={selected === one.task ? "on" : ""}>
              <button type="button" className="glr" style={{ paddingLeft: 10 + depth * 14 }} onClick={() => onPick(one)} onDoubleClick={() => onOpen?.(one)} title={marks || undefined}>
                {live?.state ? <StateIcon state={live.state} /> : <Icon name={one.kind === "trigger" ? "clock" : one.kind === "inputs" ? "braces" : block ? "layers" : "box"} size={14} />}
                <span className="mono ell">{one.task}</span><span className="faint sm ell">{one.kind === "inputs" ? "inputs" : shortType(one.type || "")}</span><span className="grow" />
                {live?.state ? <span className="sr">{stateWord(live.state)}</span> : null}{live?.ms !== undefined ? <span className="num sm mut">{span(live.ms)}</span> : null}
              </button>
              {onOrder && own ? <Suspense fallback={null}><NodeMenu task={one.task} flowable={isFlowable(one.type)} error={one.error} playable={playable} onOrder={onOrder} place="list" /></Suspense> : null}
            </li>
          );
        })}
        {rows.length > MOST ? <li className="mut sm">The first {count(MOST)} are listed.</li> : null}
      </ul>
    </section>
  );
}
