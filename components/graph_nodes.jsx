// What stands in the graph: tasks with their marks, triggers, clusters with head and chooser of an iteration, edges with "+".
import { Suspense, lazy, memo, useEffect, useState } from "react";
import { BaseEdge, EdgeLabelRenderer, Handle, Position, getSmoothStepPath } from "@xyflow/react";
import { Popover } from "$/public/external/components/client/overlay.jsx";
import { AppLink } from "$/public/external/components/client/shell.jsx";
import { Icon, STATE_ORDER, StateIcon, count, familyOf, shortType, span, stateWord, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";

export const NodeMenu = lazy(() => import("./graph_edit.jsx").then((found) => ({ default: found.NodeMenu })));
const FLOWABLE = /\.flow\.(?:Parallel|Sequential|ForEach|EachSequential|EachParallel|If|Switch|Dag|LoopUntil|AllowFailure|WorkingDirectory)$/;
export const isFlowable = (type) => FLOWABLE.test(type || "");

// An edge with a "+" in its middle, where a task can be put in, by hand or by drag.
function PlusEdge({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, label, markerEnd, data, ...rest }) {
  const [path, x, y] = getSmoothStepPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, borderRadius: 8, stepPosition: data.step });
  return (
    <>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} label={label} labelX={x} labelY={y - (label ? 14 : 0)} labelShowBg labelBgPadding={[6, 2]} labelBgBorderRadius={4} style={rest.style} />
      <EdgeLabelRenderer><button type="button" className="plus nodrag nopan" data-drop={data.kind} data-task={data.task} style={{ transform: `translate(-50%,-50%) translate(${x}px,${y + (label ? 12 : 0)}px)` }} aria-label={data.words} title={data.words} onClick={(e) => { e.stopPropagation(); data.onPlus(); }} data-testid="graph-plus"><Icon name="plus" size={12} /></button></EdgeLabelRenderer>
    </>
  );
}
export const EDGE_TYPES = { plus: PlusEdge };

const Ports = ({ direction }) => (
  <>
    <Handle type="target" position={direction === "LR" ? Position.Left : Position.Top} isConnectable={false} />
    <Handle type="source" position={direction === "LR" ? Position.Right : Position.Bottom} isConnectable={false} />
  </>
);

// [icon, words] of what is set for a task.
export function marksOf(node) {
  return [
    node.retry ? ["refresh-cw", `Retries, ${node.retry}`] : null,
    node.timeout ? ["timer", `Timeout ${node.timeout}`] : null,
    node.cache ? ["archive", "Its outputs are cached"] : null,
    node.workerGroup ? ["server", `Worker group ${node.workerGroup}`] : null,
    node.allowFailure ? ["triangle-alert", "It may fail"] : null,
  ].filter(Boolean);
}

const Marks = ({ node }) => {
  const marks = marksOf(node);
  return marks.length ? <span className="mks">{marks.map(([icon, words]) => <i key={icon} role="img" aria-label={words} title={words}><Icon name={icon} size={12} /></i>)}</span> : null;
};

const Description = ({ node }) => (node.description ? (
  <span className="nodrag nopan gmenu" onClick={(e) => e.stopPropagation()} onDoubleClick={(e) => e.stopPropagation()}>
    <Popover label={`Description of ${node.task}`} width={260}>
      <button type="button" className="ib" aria-label={`Description of ${node.task}`} title="Description"><Icon name="info" size={12} /></button>
      <p className="gdesc">{node.description}</p>
    </Popover>
  </span>
) : null);

const Menu = ({ task, type, error, data }) => (data.onOrder ? <>{data.playable ? <span className="nodrag nopan gmenu"><button type="button" className="ib" aria-label={`Run ${task}`} title="Run this task" onClick={(e) => { e.stopPropagation(); data.onOrder("run", task); }}><Icon name="play" size={12} /></button></span> : null}<Suspense fallback={null}><NodeMenu task={task} flowable={isFlowable(type)} error={error} playable={data.playable} onOrder={data.onOrder} /></Suspense></> : null);

const TaskNode = memo(function TaskNode({ data }) {
  const { node, live, on, dim, direction, unfold, tracked, expand } = data;
  const family = live?.state ? familyOf(live.state) : tracked && !node.error ? "idle" : "none";
  const parts = live?.counts && Object.values(live.counts).reduce((n, c) => n + c, 0) > 1 ? STATE_ORDER.filter((s) => live.counts[s]) : [];
  const stacked = node.stack || parts.length > 0;
  return (
    <div className={`tnd ${family}${on ? " on" : ""}${node.error ? " err" : ""}${dim || node.disabled ? " dim" : ""}${stacked ? " stack" : ""}${node.group ? ` ${node.group}` : ""}${data.onGrab ? " nopan grab" : ""}`} title={node.type} data-drop={data.onGrab ? "swap" : undefined} data-task={node.task} onPointerDown={data.onGrab ? (e) => data.onGrab(e, node.task) : undefined}>
      <Ports direction={direction} />
      <span className={`tst${family === "live" ? " stripe" : ""}`} />
      <span className="tic"><Icon name={node.kind === "flow" ? "workflow" : typeIcon(node.type)} size={16} /></span>
      <div className="grow">
        <div className="ndn">{node.task}</div>
        <div className="ndt">{node.kind === "flow" ? node.type : shortType(node.type)}{live?.runs > 1 ? ` × ${count(live.runs)}` : ""}</div>
      </div>
      {expand ? <button type="button" className="ib nodrag nopan" style={{ width: 22, height: 22 }} aria-label={`Show the subflow ${node.task} inside`} title="Show the subflow inside" onClick={(e) => { e.stopPropagation(); expand(); }} data-testid={`graph-expand-${node.task}`}><Icon name="maximize" size={12} /></button> : null}
      <Description node={node} />
      <div className="tr_">
        {live?.state || tracked ? <StateIcon state={live?.state || "CREATED"} /> : null}
        {live?.ms !== undefined ? <span>{span(live.ms)}</span> : null}
        {stacked && unfold ? <button type="button" className="ib" style={{ width: 18, height: 18 }} aria-label={`Unfold ${node.task}`} onClick={(e) => { e.stopPropagation(); unfold(); }}><Icon name="plus" size={12} /></button> : null}
      </div>
      <Menu task={node.task} type={node.type} error={node.error} data={data} />
      {live?.attempts > 1 ? <span className="bdg">{live.attempts} attempts</span> : node.disabled ? <span className="bdg">disabled</span> : null}
      {live?.value !== undefined && live?.value !== null && live.runs === 1 ? <span className="itg">{String(live.value)}</span> : node.runIf ? <span className="itg" title={`Runs if ${node.runIf}`}>if</span> : null}
      {parts.length ? <span className="gbar">{parts.map((s) => <i key={s} className={`${familyOf(s)}${familyOf(s) === "live" ? " stripe" : ""}`} style={{ flex: live.counts[s] }} title={`${count(live.counts[s])} ${stateWord(s)}`} />)}</span> : null}
      <Marks node={node} />
    </div>
  );
});

const TriggerNode = memo(function TriggerNode({ data }) {
  return <div className={`trg${data.on ? " on" : ""}`} title={data.node.type}><Ports direction={data.direction} /><Icon name={/webhook/i.test(data.node.type) ? "webhook" : "clock"} />{data.node.task}</div>;
});

const InputsNode = memo(function InputsNode({ data }) {
  return <div className="trg ins" title={data.node.type}><Ports direction={data.direction} /><Icon name="braces" /><span className="ell">{data.node.task}</span></div>;
});

const JointNode = memo(function JointNode({ data }) {
  return <div className="joint"><Ports direction={data.direction} /></div>;
});

// One iteration of a loop: all of them, or the n-th by number and step.
function Rounds({ task, rounds, chosen, value, onChoose }) {
  const [text, setText] = useState("");
  useEffect(() => setText(chosen === undefined ? "" : String(chosen + 1)), [chosen]);
  const choose = (n) => onChoose(Math.min(rounds, Math.max(1, n)) - 1);
  return (
    <span className="rnd nodrag nopan" role="group" aria-label={`Iteration of ${task}`} onClick={(e) => e.stopPropagation()}>
      {chosen === undefined ? <button type="button" className="link" onClick={() => choose(1)} data-testid={`graph-rounds-${task}`}>all {count(rounds)}</button> : (
        <>
          <button type="button" className="ib" aria-label="Iteration before" disabled={chosen <= 0} onClick={() => choose(chosen)}><Icon name="chevron-left" size={12} /></button>
          <input aria-label="Number of the iteration" inputMode="numeric" value={text} onChange={(e) => setText(e.target.value.replace(/\D/g, ""))} onBlur={() => (text ? choose(Number(text)) : setText(String(chosen + 1)))} onKeyDown={(e) => { e.stopPropagation(); if (e.key === "Enter" && text) choose(Number(text)); if (e.key === "ArrowUp") choose(chosen + 2); if (e.key === "ArrowDown") choose(chosen); }} data-testid={`graph-round-${task}`} />
          <span className="faint">of {count(rounds)}</span>
          <button type="button" className="ib" aria-label="Next iteration" disabled={chosen >= rounds - 1} onClick={() => choose(chosen + 2)}><Icon name="chevron-right" size={12} /></button>
          {value !== undefined ? <code className="ell" title={String(value)}>{String(value)}</code> : null}
          <button type="button" className="link" onClick={() => onChoose(undefined)}>all</button>
        </>
      )}
    </span>
  );
}

const ClusterNode = memo(function ClusterNode({ data }) {
  const { cluster, live, rounds, iteration, value, onIteration, onFold, onPick, on, to } = data;
  return (
    <div className={`clu${cluster.error ? " err" : ""}${on ? " on" : ""}${cluster.subflow ? " sub" : ""}`}>
      <Ports direction={data.direction} />
      <div className={`clh${data.onGrab ? " nopan grab" : ""}`} data-drop={data.onOrder && isFlowable(cluster.type) ? "into" : undefined} data-task={cluster.task} onPointerDown={data.onGrab ? (e) => data.onGrab(e, cluster.task) : undefined}>
        {live?.state ? <StateIcon state={live.state} /> : <Icon name={cluster.subflow ? "workflow" : typeIcon(cluster.type)} />}
        <b onClick={onPick}>{cluster.task}</b>
        <span className="faint">{cluster.subflow && cluster.flow ? `${cluster.flow.namespace}.${cluster.flow.id}` : (cluster.type || "").split(".").pop()}{live?.ms !== undefined ? `, ${span(live.ms)}` : ""}</span>
        <Marks node={cluster} />
        <span className="grow" />
        {rounds > 1 ? <Rounds task={cluster.task} rounds={rounds} chosen={iteration} value={value} onChoose={onIteration} /> : null}
        {to ? <span className="nodrag nopan gmenu"><AppLink to={to} className="ib" label="Open this execution" title="Open this execution"><Icon name="external-link" size={12} /></AppLink></span> : null}
        <Menu task={cluster.task} type={cluster.type} error={cluster.error} data={data} />
        <button type="button" className="ib nodrag nopan" aria-label={cluster.subflow ? `Close ${cluster.task}` : `Fold ${cluster.task}`} onClick={onFold}><Icon name="minus" /></button>
      </div>
    </div>
  );
});

export const NODE_TYPES = { task: TaskNode, trigger: TriggerNode, inputs: InputsNode, joint: JointNode, cluster: ClusterNode, flow: TaskNode };
