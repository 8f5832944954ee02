// Scripts and queries inside block scalars in the colours of their own language (UI-ED-10).
import { monaco } from "$/public/external/components/monaco/monaco.jsx";

const HEAD = /^(\s*)((?:- +)*)(?:(["']?)([\w.-]+)\3\s*:)?\s*[|>][-+0-9]*\s*(?:#.*)?$/;
const MOST = 400; // lines of one block that are coloured
const TYPES = [[/python/i, "python"], [/\.(node|javascript|nodejs|bun|deno)\b/i, "javascript"], [/shell|bash|\.dbt\.|terraform|ansible|\.cli\./i, "shell"], [/jdbc|\.sql\.|Query|Trino|duckdb/i, "sql"]];
const KEYS = { sql: "sql", query: "sql", queries: "sql", commands: "shell", command: "shell", beforeCommands: "shell", interpreter: "shell" };
const FILES = { py: "python", sh: "shell", sql: "sql", js: "javascript", mjs: "javascript", json: "json" };

// The language of a block: by the file's name that is its key, by its property, by the type of the task around it.
export function languageOfBlock(key, type, text) {
  const file = /\.(\w+)$/.exec(key || "")?.[1];
  if (file) return FILES[file.toLowerCase()] || "";
  if (KEYS[key] === "sql") return "sql";
  const own = TYPES.find(([pattern]) => pattern.test(type || ""))?.[1] || "";
  if (key === "script") return own && own !== "sql" ? own : "shell";
  if (KEYS[key] && !/http|slack|mail/i.test(type || "")) return KEYS[key];
  return /^\s*[[{]/.test(text) && /[\]}]\s*$/.test(text) ? "json" : "";
}

// All block scalars: [{key, at (line of the key, from 0), indent, start, end (from 1, included)}].
export function blocksOf(lines) {
  const out = [];
  for (let n = 0; n < lines.length; n += 1) {
    if (!lines[n].includes("|") && !lines[n].includes(">")) continue; // most lines, and the expression is dear
    const head = HEAD.exec(lines[n]);
    if (!head) continue;
    const own = head[1].length;
    let end = n;
    let indent = -1;
    for (let m = n + 1; m < lines.length; m += 1) {
      if (!lines[m].trim()) continue;
      const lead = /^\s*/.exec(lines[m])[0].length;
      if (indent < 0) indent = lead;
      if (lead < indent || indent <= own) break;
      end = m;
    }
    if (end === n || indent <= own) continue;
    let [key, at] = [head[4] || "", n];
    for (let m = n - 1; !key && m >= 0; m -= 1) {
      const above = /^(\s*)(?:- +)*([\w.-]+)\s*:\s*$/.exec(lines[m]);
      if (above && above[1].length <= own) [key, at] = [above[2], m];
    }
    out.push({ key, at, indent, start: n + 2, end: end + 1 });
    n = end;
  }
  return out;
}

// The type of the task that a line belongs to: at the depth of its key, or above where the key is within a map of files.
export function typeAround(lines, at) {
  const depthOf = (line) => /^\s*(?:- +)*/.exec(line)[0].length;
  const typeOf = (line) => /^\s*(?:- +)*type\s*:\s*["']?([\w.]+\.[\w.]+)/.exec(line)?.[1];
  let depth = depthOf(lines[at]);
  const down = (from, limit) => {
    for (let n = from; n < lines.length; n += 1) {
      if (!lines[n].trim()) continue;
      const lead = depthOf(lines[n]);
      if (lead < limit || (lead === limit && /^\s*- /.test(lines[n]))) return "";
      if (lead === limit && typeOf(lines[n])) return typeOf(lines[n]);
    }
    return "";
  };
  for (let n = at, below = at + 1; n >= 0; n -= 1) {
    const line = lines[n];
    if (!line.trim()) continue;
    const lead = depthOf(line);
    if (lead > depth) continue;
    if (lead < depth) { depth = lead; below = n + 1; }
    if (typeOf(line)) return typeOf(line);
    if (/^\s*- /.test(line)) { const found = down(below, depth); if (found) return found; depth = /^\s*/.exec(line)[0].length; below = n + 1; }
  }
  return down(at + 1, depth);
}

const NAMES = [[/comment/, "com"], [/string/, "str"], [/number/, "num"], [/keyword|operator\.sql|predefined|annotation|^tag/, "kw"], [/^type|attribute|identifier\.function/, "key"]];
const classOf = (type) => NAMES.find(([pattern]) => pattern.test(type))?.[1];

const scanned = new WeakMap(); // model -> {version, lines, blocks}: a key or a scroll must not read all lines again

// Decorations for the blocks among the lines that are seen, from 1.
// While one types within a line the blocks of the last scan count; whoever stops typing asks again, `typing` false.
export function embedded(model, from, to, typing = false) {
  let seen = scanned.get(model);
  if (!seen || (seen.version !== model.getVersionId() && !(typing && seen.lines.length === model.getLineCount()))) {
    const lines = model.getLinesContent();
    seen = { version: model.getVersionId(), lines, blocks: blocksOf(lines) };
    scanned.set(model, seen);
  }
  const { lines } = seen;
  const out = [];
  for (const block of seen.blocks) {
    if (block.end < from || block.start > to) continue;
    block.language ??= languageOfBlock(block.key, typeAround(lines, block.at), lines.slice(block.start - 1, block.end).join("\n").slice(0, 20000));
    if (!block.language) continue;
    const first = Math.max(block.start, from - MOST / 2);
    const last = Math.min(block.end, to, first + MOST);
    const text = [];
    for (let n = first; n <= last; n += 1) text.push(model.getLineContent(n).slice(block.indent));
    monaco.editor.tokenize(text.join("\n"), block.language).forEach((tokens, i) => tokens.forEach((token, j) => {
      const name = classOf(token.type);
      const end = tokens[j + 1]?.offset ?? text[i].length;
      if (name && end > token.offset) out.push({ range: new monaco.Range(first + i, token.offset + 1 + block.indent, first + i, end + 1 + block.indent), options: { inlineClassName: `fd-in-${name}` } });
    }));
  }
  return out;
}
