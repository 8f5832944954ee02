// Edits of a YAML text that touch one node only: `{from, to, text}` ranges, never a text printed anew. All functions
// are pure; a source is `parse(text)`. Whatever lies outside of the ranges keeps comments, order, quoting, blank lines.
import { LineCounter, isAlias, isCollection, isMap, isScalar, isSeq, parseDocument, stringify } from "yaml";

export function parse(text) {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, keepSourceTokens: true, merge: true, logLevel: "silent" });
  const first = doc.errors[0];
  const error = first ? { line: lines.linePos(first.pos[0]).line, message: first.message.split("\n")[0].replace(/ at line \d+, column \d+:?$/, "") } : !isMap(doc.contents) && doc.contents ? { line: 1, message: "A flow is a map of properties" } : null;
  return { text, doc, lines, error };
}

export const apply = (text, edits) => [...edits].sort((a, b) => b.from - a.from || b.to - a.to).reduce((out, e) => out.slice(0, e.from) + e.text + out.slice(e.to), text);

// ---- looking ---------------------------------------------------------------------------------------------------
const keyOf = (pair) => String(isScalar(pair.key) ? pair.key.value : pair.key);
export const pairOf = (map, key) => (isMap(map) ? map.items.find((p) => keyOf(p) === String(key)) : undefined);

export function nodeAt(source, path) {
  let node = source.doc.contents;
  for (const part of path) {
    if (isAlias(node)) return undefined;
    if (isSeq(node)) node = node.items[part];
    else if (isMap(node)) node = pairOf(node, part)?.value;
    else return undefined;
    if (node === undefined) return undefined;
  }
  return node;
}

export function valueAt(source, path) {
  const node = nodeAt(source, path);
  if (node === undefined || node === null) return node === null ? null : undefined;
  try {
    return node.toJS ? node.toJS(source.doc) : node;
  } catch {
    return undefined; // an alias without its anchor
  }
}

export function valueOf(source) {
  try {
    return source.doc.toJS() || {};
  } catch {
    return {};
  }
}

export const lineOf = (source, path) => {
  const node = nodeAt(source, path);
  const at = node?.range?.[0];
  return at === undefined ? 0 : source.lines.linePos(at).line;
};

// The deepest element (task, trigger, input …) of lists whose lines hold this one: a path.
export function pathAtLine(source, line) {
  const found = [];
  const inside = (from, to) => source.lines.linePos(from).line <= line && line <= source.lines.linePos(Math.max(from, to - 1)).line;
  const visit = (node, path) => {
    if (isMap(node)) {
      for (const pair of node.items) if (pair.value?.range && pair.key?.range && inside(pair.key.range[0], contentEnd(pair.value))) { found.push([...path, keyOf(pair)]); visit(pair.value, [...path, keyOf(pair)]); return; }
    } else if (isSeq(node)) {
      node.items.forEach((item, i) => { if (item?.range && inside(item.range[0], contentEnd(item))) { found.push([...path, i]); visit(item, [...path, i]); } });
    }
  };
  visit(source.doc.contents, []);
  return found.length ? found[found.length - 1] : [];
}

// Where the content of a node ends: without trailing comments and blank lines.
export function contentEnd(node) {
  if (!node?.range) return 0;
  if (isCollection(node) && !node.flow && node.items.length) {
    const last = node.items[node.items.length - 1];
    const value = isMap(node) ? last.value : last;
    const end = value?.range ? contentEnd(value) : 0;
    return Math.max(end, isMap(node) ? last.key?.range?.[1] || 0 : 0) || node.range[1];
  }
  return node.range[1];
}

const startOfLine = (text, at) => text.lastIndexOf("\n", at - 1) + 1;
const endOfLine = (text, at) => { const end = text.indexOf("\n", at); return end < 0 ? text.length : end; };
// The last line that belongs to content which ends at `end`; a block scalar's end lies behind its newline.
const lastLine = (text, end) => endOfLine(text, end > 0 && text[end - 1] === "\n" ? end - 1 : end);
const column = (text, at) => at - startOfLine(text, at);
const blank = (line) => !line.trim();
const trimmedEnd = (text, end) => { let at = end; while (at > 0 && /\s/.test(text[at - 1])) at -= 1; return at; };
const spaces = (n) => " ".repeat(n);
const colonOf = (text, pair) => text.indexOf(":", pair.key.range[1]);
const pairEnd = (text, pair) => (pair.value?.range ? Math.max(contentEnd(pair.value), colonOf(text, pair) + 1) : colonOf(text, pair) + 1);

function dashOf(source, seq, index) {
  const token = seq.srcToken?.items?.[index]?.start?.find((t) => t.type === "seq-item-ind");
  return token ? token.offset : source.text.lastIndexOf("-", (seq.items[index]?.range?.[0] ?? 0) - 1);
}

// Comment lines directly above belong to what follows.
function withComments(text, at) {
  let start = startOfLine(text, at);
  while (start > 0) {
    const above = startOfLine(text, start - 1);
    if (!/^\s*#/.test(text.slice(above, start))) break;
    start = above;
  }
  return start;
}

// ---- writing ---------------------------------------------------------------------------------------------------
const AMBIGUOUS = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|null|Null|NULL|~|[-+]?[\d.][\d._:,]*(?:[eE][-+]?\d+)?|0[xob][\da-fA-F_]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?.*|=|<<)$/;
const plainIsSafe = (text, flow) => text !== "" && !AMBIGUOUS.test(text) && !/^[-?:,[\]{}#&*!|>'"%@`\s]/.test(text) && !/:(?:\s|$)|\s#|\s$|[\t\r\x00-\x1f\x7f]/.test(text) && !(flow && /[,[\]{}]/.test(text));

function single(text) {
  return `'${text.replace(/'/g, "''")}'`;
}

// One value as it stands behind `key: ` or `- `; `indent` is that of the lines of a block scalar.
export function scalarText(value, { style = "", indent = 2, flow = false } = {}) {
  if (value === null || value === undefined) return "null";
  if (typeof value !== "string") return String(value);
  if (/\n/.test(value) && !flow && !/[\r\x00-\x08\x0b-\x1f]/.test(value) && !/[ \t]\n/.test(value)) {
    const chomp = value.endsWith("\n\n") || value === "\n" ? "+" : value.endsWith("\n") ? "" : "-";
    const hint = /^\s/.test(value) ? "2" : "";
    const fold = style === "BLOCK_FOLDED" && !/^\s|\n\s/.test(value) ? ">" : "|";
    const body = (fold === ">" ? value.replace(/\n(?=[^\n])/g, "\n\n") : value).replace(/\n+$/, (all) => (chomp === "+" ? all.slice(1) : ""));
    return `${fold}${hint}${chomp}\n${body.split("\n").map((line) => (line ? spaces(indent) + line : line)).join("\n")}`;
  }
  if (/[\n\r\x00-\x1f]/.test(value)) return JSON.stringify(value);
  if (style === "QUOTE_DOUBLE") return JSON.stringify(value);
  if (style === "QUOTE_SINGLE") return single(value);
  if (plainIsSafe(value, flow)) return value;
  return /["\\]/.test(value) ? single(value) : `"${value}"`;
}

const isTree = (value) => value !== null && typeof value === "object";

const indentsLists = (source) => {
  for (const pair of isMap(source.doc.contents) ? source.doc.contents.items : []) {
    if (isSeq(pair.value) && !pair.value.flow && pair.value.items.length) return column(source.text, dashOf(source, pair.value, 0)) > column(source.text, pair.key.range[0]);
  }
  return true;
};

function block(value, indent, lists) {
  const text = stringify(value, { lineWidth: 0, indentSeq: lists, version: "1.1", blockQuote: "literal", defaultStringType: "PLAIN", defaultKeyType: "PLAIN" }).replace(/\n$/, "");
  return text.split("\n").map((line) => (line ? spaces(indent) + line : line)).join("\n");
}
const flowText = (value) => (isTree(value) ? JSON.stringify(value) : scalarText(value, { flow: true }));

// What stands behind `key:` whose key begins at `indent`.
function behind(value, indent, lists) {
  if (!isTree(value)) return ` ${scalarText(value, { indent: indent + 2 })}`;
  if (Array.isArray(value)) return value.length ? `\n${block(value, lists ? indent + 2 : indent, lists)}` : " []";
  return Object.keys(value).length ? `\n${block(value, indent + 2, lists)}` : " {}";
}

const inFlow = (source, path) => path.some((_, i) => { const node = nodeAt(source, path.slice(0, i)); return isCollection(node) && node.flow; });

// A value at a path; missing parents are made. `order` ranks the keys of the map that gets a new one.
export function set(source, path, value, order) {
  if (value === undefined) return remove(source, path);
  const { text } = source;
  const node = nodeAt(source, path);
  const flow = inFlow(source, path);
  const name = path[path.length - 1];
  const parent = nodeAt(source, path.slice(0, -1));
  if (isScalar(node) && node.range && !isTree(value) && !(node.range[0] === node.range[1] && node.value === null)) {
    const [from, to] = node.range;
    const key = isMap(parent) ? pairOf(parent, name).key.range[0] : dashOf(source, parent, name);
    const made = scalarText(value, { style: typeof value === "string" && node.value !== "" ? node.type : "", indent: blockIndent(source, node, column(text, key)), flow });
    const multi = text[to - 1] === "\n" && to > from; // a block scalar ends behind its newline
    return [{ from, to, text: multi ? `${made}\n` : made }];
  }
  if (isMap(parent) && pairOf(parent, name)) {
    const pair = pairOf(parent, name);
    const from = colonOf(text, pair) + 1;
    const end = pair.value?.range ? pairEnd(text, pair) : from;
    const to = Math.max(from, text[end - 1] === "\n" ? end - 1 : end);
    const made = parent.flow || flow ? ` ${flowText(value)}` : behind(value, column(text, pair.key.range[0]), indentsLists(source));
    return [{ from, to: Math.max(from, trimmedEnd(text, to)), text: made }];
  }
  if (isSeq(parent) && node !== undefined) {
    const from = node.range[0];
    const to = trimmedEnd(text, contentEnd(node));
    if (parent.flow || flow) return [{ from, to, text: flowText(value) }];
    const indent = column(text, dashOf(source, parent, name)) + 2;
    return [{ from, to, text: isTree(value) ? block(value, indent, indentsLists(source)).trimStart() : scalarText(value, { indent }) }];
  }
  if (isMap(parent) && parent.items.length) return insertPair(source, parent, name, value, order, flow);
  if (isSeq(parent)) return insert(source, path.slice(0, -1), parent.items.length, value);
  if (!path.length || path.length === 1) return [{ from: text.length, to: text.length, text: `${text && !text.endsWith("\n") ? "\n" : ""}${name}:${behind(value, 0, true)}\n` }];
  return set(source, path.slice(0, -1), typeof name === "number" ? [value] : { [name]: value }, path.length === 2 ? TOP : undefined);
}

function blockIndent(source, node, fallback) {
  if (!["BLOCK_LITERAL", "BLOCK_FOLDED"].includes(node.type)) return fallback + 2;
  const body = source.text.slice(endOfLine(source.text, node.range[0]) + 1, node.range[1]).split("\n").find((line) => line.trim());
  return body ? body.length - body.trimStart().length : fallback + 2;
}

export const TOP = ["id", "namespace", "description", "disabled", "labels", "inputs", "variables", "concurrency", "retry", "workerGroup", "checks", "sla", "tasks", "errors", "finally", "afterExecution", "outputs", "triggers", "pluginDefaults"];

function insertPair(source, map, name, value, order, flow) {
  const { text } = source;
  const items = map.items;
  if (map.flow || flow) {
    const last = items[items.length - 1];
    const at = pairEnd(text, last);
    return [{ from: at, to: at, text: `, ${flowText(name)}: ${flowText(value)}` }];
  }
  const rank = (key) => { const n = (order || []).indexOf(key); return n < 0 ? Infinity : n; };
  let index = items.length - 1;
  if (order && rank(name) < Infinity) {
    const before = items.findLastIndex((p) => rank(keyOf(p)) <= rank(name));
    if (before >= 0) index = before;
  }
  const indent = column(text, items[0].key.range[0]);
  const made = `${spaces(indent)}${scalarText(String(name))}:${behind(value, indent, indentsLists(source))}\n`;
  const end = lastLine(text, pairEnd(text, items[index]));
  const at = Math.min(end + 1, text.length);
  const lead = end >= text.length && !text.endsWith("\n") ? "\n" : "";
  const airy = map === source.doc.contents && isTree(value) && /\n[ \t]*\n\S/.test(text);
  return [{ from: at, to: at, text: `${lead}${airy && !blank(text.slice(startOfLine(text, at - 1), at)) ? "\n" : ""}${made}${airy && index < items.length - 1 && !/^[ \t]*\n/.test(text.slice(at)) ? "\n" : ""}` }];
}

// Takes a key or an item away; a list or map that would be empty goes with it.
export function remove(source, path) {
  const { text } = source;
  const parentPath = path.slice(0, -1);
  const parent = nodeAt(source, parentPath);
  const name = path[path.length - 1];
  if (!isCollection(parent)) return [];
  const index = isMap(parent) ? parent.items.indexOf(pairOf(parent, name)) : name;
  if (index < 0 || index >= parent.items.length) return [];
  if (parent.items.length === 1) {
    if (!parentPath.length) return [{ from: parent.range[0], to: parent.range[1], text: "" }];
    if (isMap(parent) && typeof parentPath[parentPath.length - 1] === "number") return [{ from: parent.range[0], to: trimmedEnd(text, contentEnd(parent)), text: "{}" }];
    return remove(source, parentPath);
  }
  const startOf = (i) => (isMap(parent) ? parent.items[i].key.range[0] : parent.flow ? parent.items[i].range[0] : dashOf(source, parent, i));
  const endOf = (i) => (isMap(parent) ? pairEnd(text, parent.items[i]) : contentEnd(parent.items[i]) || startOf(i) + 1);
  const from = startOf(index);
  if (parent.flow) {
    return index < parent.items.length - 1 ? [{ from, to: startOf(index + 1), text: "" }] : [{ from: trimmedEnd(text, endOf(index - 1)), to: trimmedEnd(text, endOf(index)), text: "" }];
  }
  const start = startOfLine(text, from);
  if (!blank(text.slice(start, from))) return [{ from, to: index < parent.items.length - 1 ? startOf(index + 1) : trimmedEnd(text, endOf(index)), text: "" }];
  const to = Math.min(text.length, lastLine(text, Math.max(trimmedEnd(text, endOf(index)), from + 1)) + 1);
  return [{ from: start, to, text: "" }];
}

// The lines of an item without its indentation: what stands behind the dash, and comments above it.
export function itemText(source, seqPath, index) {
  const { text } = source;
  const seq = nodeAt(source, seqPath);
  if (seq.flow) return { body: text.slice(seq.items[index].range[0], seq.items[index].range[1]), comments: [], from: 0, to: 0, flow: true };
  const dash = dashOf(source, seq, index);
  const indent = column(text, dash);
  const node = seq.items[index];
  const to = Math.min(text.length, lastLine(text, Math.max(trimmedEnd(text, contentEnd(node)), dash + 1)) + 1);
  const inner = column(text, node?.range?.[0] ?? dash + 2);
  const lines = text.slice(dash, to).replace(/\n$/, "").split("\n");
  const width = isMap(node) && !node.flow ? inner : indent + 2;
  const body = [lines[0].slice(1).trimStart(), ...lines.slice(1).map((line) => (blank(line.slice(0, width)) ? line.slice(width) : line.trimStart()))].join("\n");
  const from = withComments(text, dash);
  const comments = text.slice(from, startOfLine(text, dash)).split("\n").filter(Boolean).map((line) => line.trim());
  return { body, comments, from, to, flow: false };
}

// Puts an item before the one at `index`: a value, or `{body, comments}` as `itemText` gives it.
export function insert(source, seqPath, index, item) {
  const { text } = source;
  const seq = nodeAt(source, seqPath);
  const raw = item && typeof item === "object" && typeof item.body === "string" && Array.isArray(item.comments) ? item : null;
  if (!isSeq(seq) || !seq.items.length) return set(source, seqPath, [raw ? valueOf(parse(raw.body)) : item], seqPath.length === 1 ? TOP : undefined);
  if (seq.flow || inFlow(source, [...seqPath, 0])) {
    const made = flowText(raw ? valueOf(parse(raw.body)) : item);
    const at = index >= seq.items.length ? trimmedEnd(text, seq.items[seq.items.length - 1].range[1]) : seq.items[index].range[0];
    return [{ from: at, to: at, text: index >= seq.items.length ? `, ${made}` : `${made}, ` }];
  }
  const indent = column(text, dashOf(source, seq, 0));
  const lists = indentsLists(source);
  const lines = (raw ? raw.body : isTree(item) ? block(item, 0, lists) : scalarText(item, { indent: 2 })).split("\n");
  const body = [...(raw?.comments || []).map((c) => spaces(indent) + c), `${spaces(indent)}- ${lines[0]}`, ...lines.slice(1).map((line) => (line ? spaces(indent + 2) + line : line))].join("\n");
  const airy = seq.items.length > 1 && /\n[ \t]*\n/.test(text.slice(contentEnd(seq.items[0]) - 1, withComments(text, dashOf(source, seq, 1))));
  if (index >= seq.items.length) {
    const end = lastLine(text, Math.max(trimmedEnd(text, contentEnd(seq)), dashOf(source, seq, seq.items.length - 1) + 1));
    const at = Math.min(end + 1, text.length);
    return [{ from: at, to: at, text: `${end >= text.length && !text.endsWith("\n") ? "\n" : ""}${airy ? "\n" : ""}${body}\n` }];
  }
  const at = withComments(text, dashOf(source, seq, index));
  return [{ from: at, to: at, text: `${body}\n${airy ? "\n" : ""}` }];
}

const starts = (path, part) => part.length <= path.length && part.every((x, i) => x === path[i]);

// Moves an item before `index` of a list, also of another one. Throws where it would go into itself.
export function move(source, fromPath, from, toPath, index) {
  if (starts(toPath, [...fromPath, from])) throw new Error("A task cannot be moved into itself.");
  const same = fromPath.length === toPath.length && starts(toPath, fromPath);
  if (same && (index === from || index === from + 1)) return [];
  const item = itemText(source, fromPath, from);
  const seq = nodeAt(source, fromPath);
  const out = seq.items.length === 1 || item.flow ? remove(source, [...fromPath, from]) : [{ from: item.from, to: swallow(source.text, item, from === 0), text: "" }];
  const edits = [...out, ...insert(source, toPath, index, item.flow ? valueAt(source, [...fromPath, from]) : item)];
  const [a, b] = edits;
  if (edits.length === 2 && b.from > a.from && b.from < a.to) b.from = b.to = a.to;
  return edits;
}

// Of the blank lines around a removed item one side goes with it.
function swallow(text, item, first) {
  const after = /^(?:[ \t]*\n)+/.exec(text.slice(item.to));
  return after && (first || /\n[ \t]*\n$/.test(text.slice(0, item.from))) ? item.to + after[0].length : item.to;
}

export function swap(source, aPath, bPath) {
  if (starts(aPath, bPath) || starts(bPath, aPath)) throw new Error("A task and one inside of it cannot change places.");
  const [aSeq, a, bSeq, b] = [aPath.slice(0, -1), aPath[aPath.length - 1], bPath.slice(0, -1), bPath[bPath.length - 1]];
  const [one, two] = [itemText(source, aSeq, a), itemText(source, bSeq, b)];
  const put = (path, item, other) => {
    if (other.flow) return { from: nodeAt(source, path).range[0], to: nodeAt(source, path).range[1], text: JSON.stringify(valueOf(parse(item.body))) };
    const indent = column(source.text, dashOf(source, nodeAt(source, path.slice(0, -1)), path[path.length - 1]));
    const lines = item.flow ? [item.body] : item.body.split("\n");
    const body = [...item.comments.map((c) => spaces(indent) + c), `${spaces(indent)}- ${lines[0]}`, ...lines.slice(1).map((line) => (line ? spaces(indent + 2) + line : line))].join("\n");
    return { from: other.from, to: other.to, text: source.text[other.to - 1] === "\n" ? `${body}\n` : body };
  };
  return [put(aPath, two, one), put(bPath, one, two)];
}

// ---- ids -------------------------------------------------------------------------------------------------------
const TASK_LISTS = ["tasks", "errors", "finally", "afterExecution", "then", "else", "defaults"];

// Every task of the flow, depth first: {path, value, depth, list}.
export function tasksOf(flow, from = ["tasks", "errors", "finally", "afterExecution"]) {
  const out = [];
  const visit = (items, path, depth) => {
    (Array.isArray(items) ? items : []).forEach((item, i) => {
      if (!item || typeof item !== "object") return;
      const wrapped = item.task && typeof item.task === "object" && !item.type; // Dag
      const task = wrapped ? item.task : item;
      const at = wrapped ? [...path, i, "task"] : [...path, i];
      out.push({ path: at, item: [...path, i], value: task, depth, list: path });
      for (const key of TASK_LISTS) if (Array.isArray(task[key])) visit(task[key], [...at, key], depth + 1);
      if (task.cases && typeof task.cases === "object") for (const [name, list] of Object.entries(task.cases)) visit(list, [...at, "cases", name], depth + 1);
    });
  };
  for (const key of from) visit(flow?.[key], [key], 0);
  return out;
}

export function freeId(flow, wish) {
  const taken = new Set([...tasksOf(flow).map((t) => t.value.id), ...(flow?.triggers || []).map((t) => t?.id), ...(flow?.inputs || []).map((t) => t?.id)].map(String));
  if (!taken.has(wish)) return wish;
  for (let n = 2; ; n += 1) if (!taken.has(`${wish}_${n}`)) return `${wish}_${n}`;
}

export function duplicate(source, seqPath, index) {
  const item = itemText(source, seqPath, index);
  const flow = valueOf(source);
  const inner = parse(item.body);
  const edits = [];
  const taken = new Set();
  const visit = (node) => {
    if (isMap(node)) {
      const id = pairOf(node, "id")?.value;
      if (isScalar(id) && id.range && (pairOf(node, "type") || node === inner.doc.contents)) {
        let name = freeId(flow, `${id.value}_copy`);
        while (taken.has(name)) name = `${name}_2`;
        taken.add(name);
        edits.push({ from: id.range[0], to: id.range[1], text: name });
      }
      node.items.forEach((p) => visit(p.value));
    } else if (isSeq(node)) node.items.forEach(visit);
  };
  visit(inner.doc.contents);
  return insert(source, seqPath, index + 1, item.flow ? valueOf(parse(apply(item.body, edits))) : { body: apply(item.body, edits), comments: [] });
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Ranges of the places that name a task (or an input) in expressions and in `dependsOn`.
export function referencesOf(source, id, roots = ["outputs", "tasks"]) {
  const out = [];
  const pattern = new RegExp(`\\b(?:${roots.join("|")})(?:\\.(${escaped(id)})(?![\\w-])|\\[\\s*(['"])(${escaped(id)})\\2\\s*\\])|\\bcurrentEachOutput\\(\\s*outputs\\.(${escaped(id)})(?![\\w-])`, "g");
  const visit = (node, key) => {
    if (isMap(node)) node.items.forEach((p) => visit(p.value, keyOf(p)));
    else if (isSeq(node)) node.items.forEach((item) => (key === "dependsOn" && isScalar(item) && item.value === id ? out.push({ from: item.range[0], to: item.range[1] }) : visit(item, key)));
    else if (isScalar(node) && node.range && typeof node.value === "string" && node.value.includes("{")) {
      const text = source.text.slice(node.range[0], node.range[1]);
      for (const m of text.matchAll(pattern)) {
        const name = m[1] || m[3] || m[4];
        const at = node.range[0] + m.index + m[0].lastIndexOf(name);
        out.push({ from: at, to: at + name.length });
      }
    }
  };
  visit(source.doc.contents, "");
  return out.sort((a, b) => a.from - b.from).filter((r, i, all) => !i || r.from !== all[i - 1].from);
}

export const safeId = (text) => /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/.test(text);

export function rename(source, path, id, roots) {
  const old = valueAt(source, [...path, "id"]);
  const edits = set(source, [...path, "id"], id);
  if (typeof old !== "string" || !old || !safeId(id)) return edits;
  return [...edits, ...referencesOf(source, old, roots).map((r) => ({ ...r, text: id }))];
}

// The text behind a key or dash, for what a form cannot express; and back.
export function rawAt(source, path) {
  const node = nodeAt(source, path);
  if (!node?.range) return "";
  const from = node.range[0];
  const indent = column(source.text, from);
  const body = source.text.slice(from, contentEnd(node)).replace(/\s+$/, "");
  if (isScalar(node) && /^BLOCK/.test(node.type || "")) {
    const depth = blockIndent(source, node, 0);
    return body.split("\n").map((line, i) => (i && blank(line.slice(0, depth)) ? `  ${line.slice(depth)}` : line)).join("\n");
  }
  return body.split("\n").map((line, i) => (i && blank(line.slice(0, indent)) ? line.slice(indent) : line)).join("\n");
}

export function setRaw(source, path, raw) {
  const inner = parse(`x:\n${raw.split("\n").map((line) => (line ? `  ${line}` : line)).join("\n")}\n`);
  if (inner.doc.errors.length) throw new Error(inner.error?.message || "This is not YAML.");
  const value = valueOf(inner).x;
  const node = nodeAt(source, path);
  if (!node?.range || node.range[0] === node.range[1] || inFlow(source, path)) return set(source, path, value);
  const indent = column(source.text, node.range[0]);
  const lines = raw.replace(/\s+$/, "").split("\n");
  const parent = nodeAt(source, path.slice(0, -1));
  const onKeyLine = isMap(parent) && startOfLine(source.text, node.range[0]) === startOfLine(source.text, pairOf(parent, path[path.length - 1]).key.range[0]);
  if (onKeyLine && lines.length > 1) return set(source, path, value);
  if (onKeyLine && isTree(value) && !/^[[{]/.test(raw.trim())) return set(source, path, value);
  return [{ from: node.range[0], to: Math.max(node.range[0], trimmedEnd(source.text, contentEnd(node))), text: lines.map((line, i) => (i && line ? spaces(indent) + line : line)).join("\n") }];
}

// Whether the edits make `path` hold `value` and nothing else change: a wrong edit must never reach the text.
export function holds(source, edits, path, value) {
  const after = parse(apply(source.text, edits));
  if (after.error) return false;
  return value === undefined || JSON.stringify(valueAt(after, path)) === JSON.stringify(value);
}

export function renameKey(source, mapPath, key, name) {
  const pair = pairOf(nodeAt(source, mapPath), key);
  return pair?.key?.range && !pairOf(nodeAt(source, mapPath), name) ? [{ from: pair.key.range[0], to: pair.key.range[1], text: scalarText(String(name), { flow: inFlow(source, [...mapPath, key]) }) }] : [];
}
