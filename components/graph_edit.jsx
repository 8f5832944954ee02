// Editing in the graph: what a menu or a "+" orders becomes an edit of the editor's text (UI-ED-42). Loaded only where a
// document is edited.
import { useEffect, useRef, useState } from "react";
import Trash2 from "lucide-react/dist/esm/icons/trash-2.mjs";
import ArrowUpDown from "lucide-react/dist/esm/icons/arrow-up-down.mjs";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { MenuItem, Popover } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import { Catalogue } from "$/public/external/components/no_code/no_code_catalogue.jsx";
import { seed } from "$/public/external/components/no_code/no_code_fields.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { documentOf, edit, reveal, sourceOf, undo, useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { loadSchema } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";

const taskOf = (source, id) => Y.tasksOf(Y.valueOf(source)).find((one) => String(one.value.id) === id);

// order: {seq, kind, task, other}; kinds: after before inside error duplicate delete swap move (behind the other one)
// ahead (before it) into (a block) show run undo
export default function GraphEditing({ docUri, schemaUrl = "/api/v1/plugins/schemas/flow", order, onAt, onRun }) {
  const doc = useDocument(docUri, { cursor: true });
  const [definitions, setDefinitions] = useState(null);
  const [adding, setAdding] = useState(null); // {list, index, wrapped}
  const seen = useRef(order?.seq);
  const held = useRef({});
  held.current = { onAt, onRun };
  useEffect(() => { loadSchema(schemaUrl).then((schema) => setDefinitions(schema.definitions || {}), () => {}); }, [schemaUrl]);

  // The cursor in the code highlights its node.
  useEffect(() => {
    if (!doc.source || doc.error || !doc.cursor.focus) return;
    const path = Y.pathAtLine(doc.source, doc.cursor.line);
    const hit = Y.tasksOf(Y.valueOf(doc.source)).filter((t) => t.path.every((x, i) => x === path[i])).sort((a, b) => b.path.length - a.path.length)[0];
    const trigger = path[0] === "triggers" && typeof path[1] === "number" ? Y.valueAt(doc.source, path.slice(0, 2)) : null;
    held.current.onAt?.(String(hit?.value.id || trigger?.id || ""));
  }, [doc.cursor.line, doc.source]);

  const act = (make, done) => {
    const now = sourceOf(docUri);
    if (now.error) { toast({ level: "warning", title: "Not changed", text: `Line ${now.error.line} is not YAML.` }); return; }
    if (documentOf(docUri).editor?.readOnly()) return;
    try {
      const edits = make(now);
      if (!edits.length) return;
      if (!Y.holds(now, edits)) throw new Error("This text is written in a way that the graph cannot edit safely. Change it in the code.");
      edit(docUri, edits);
      done?.();
    } catch (error) {
      toast({ level: "warning", title: "Not changed", text: error.message });
    }
  };

  // The list of a block that new tasks go to.
  const insideOf = (block) => [...block.path, ["tasks", "then"].find((k) => definitions?.[`task:${block.value.type}`]?.properties?.[k]) || "tasks"];

  useEffect(() => {
    if (!order?.kind || order.seq === seen.current) return;
    seen.current = order.seq;
    if (order.kind === "undo") { undo(docUri); return; }
    const now = sourceOf(docUri);
    const hit = taskOf(now, order.task);
    if (!hit) { toast({ level: "info", title: "Not in the text", text: `${order.task} is not a task of this text.` }); return; }
    const index = hit.item[hit.item.length - 1];
    const wrapped = hit.item.length !== hit.path.length;
    if (order.kind === "after" || order.kind === "before") setAdding({ list: hit.list, index: index + (order.kind === "after" ? 1 : 0), wrapped });
    else if (order.kind === "inside") {
      const list = insideOf(hit);
      setAdding({ list, index: (Y.valueAt(now, list) || []).length, wrapped: /\.Dag$/.test(hit.value.type) });
    } else if (order.kind === "error") {
      const flowable = definitions?.[`task:${hit.value.type}`]?.properties?.errors;
      const list = flowable ? [...hit.path, "errors"] : ["errors"];
      setAdding({ list, index: (Y.valueAt(now, list) || []).length });
    } else if (order.kind === "duplicate") act((n) => Y.duplicate(n, hit.list, index));
    else if (order.kind === "delete") act((n) => Y.remove(n, hit.item), () => toast({ level: "info", title: `Deleted ${order.task}`, text: "Ctrl Z brings it back too.", action: { label: "Undo", onSelect: () => undo(docUri) } }));
    else if (["swap", "move", "ahead", "into"].includes(order.kind)) {
      const other = taskOf(now, order.other);
      if (!other) return;
      const place = other.item[other.item.length - 1];
      const inDag = order.kind === "into" ? /\.Dag$/.test(other.value.type) : other.item.length !== other.path.length;
      if (wrapped !== inDag) { toast({ level: "warning", title: "Not changed", text: "A task of a Dag has dependencies: it goes neither out of its Dag nor does another one go in by drag." }); return; }
      if (order.kind === "swap") act((n) => Y.swap(n, hit.item, other.item));
      else if (order.kind === "into") act((n) => { const to = insideOf(other); return Y.move(n, hit.list, index, to, (Y.valueAt(n, to) || []).length); });
      else act((n) => Y.move(n, hit.list, index, other.list, order.kind === "move" ? place + 1 : place));
    } else if (order.kind === "show") reveal(docUri, { line: Y.lineOf(now, hit.path), focus: true });
    else if (order.kind === "run") held.current.onRun?.(order.task);
  }, [order?.seq]);

  const pick = (type) => {
    const { list, index, wrapped } = adding;
    setAdding(null);
    const flow = Y.valueOf(sourceOf(docUri));
    const { type: _, id: __, ...rest } = seed({ $ref: "#/definitions/task" }, definitions, type);
    const id = Y.freeId(flow, type.split(".").pop().replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase());
    const item = { id, type, ...rest };
    act((n) => Y.insert(n, list, index, wrapped ? { task: item } : item));
    setTimeout(() => { const source = sourceOf(docUri); const made = taskOf(source, id); if (made) reveal(docUri, { line: Y.lineOf(source, made.path), focus: false }); }, 50);
  };
  return <Catalogue open={Boolean(adding)} kind="task" definitions={definitions || {}} onPick={pick} onClose={() => setAdding(null)} />;
}

export function NodeMenu({ task, flowable = false, error = false, playable = false, place = "menu", onOrder }) {
  const item = (kind, icon, words, more) => <MenuItem key={kind} onSelect={() => onOrder(kind, task)} testid={`graph-${kind}`} {...more}>{icon}{words}</MenuItem>;
  return (
    <span className="nodrag nopan gmenu" onClick={(e) => e.stopPropagation()} onDoubleClick={(e) => e.stopPropagation()}>
      <Popover label={`Actions on ${task}`} menu width={200}>
        <button type="button" className="ib" aria-label={`Actions on ${task}`} data-testid={`graph-${place}-${task}`}><Icon name="ellipsis" size={12} /></button>
        {item("show", <Icon name="code" />, "Edit in the code")}
        {playable ? item("run", <Icon name="play" />, "Run this task") : null}
        {item("before", <Icon name="chevron-up" />, "Add before")}
        {item("after", <Icon name="chevron-down" />, "Add after")}
        {flowable ? item("inside", <Icon name="plus" />, "Add inside") : null}
        {error ? null : item("error", <Icon name="triangle-alert" />, "Add error handler")}
        {item("duplicate", <Icon name="copy-plus" />, "Duplicate")}
        {item("swap", <ArrowUpDown size={14} strokeWidth={1.75} />, "Swap with …")}
        {item("move", <Icon name="arrow-right" />, "Move after …")}
        {item("delete", <Trash2 size={14} strokeWidth={1.75} />, "Delete", { danger: true, keys: "Del" })}
      </Popover>
    </span>
  );
}
