// Plugin types of the schema, and their completion by any part of the name.
import { yamlPaths } from "./yaml_paths.jsx";

// What a schema says about its plugin types: type -> {title, required, kind}.
export function typesOf(schema) {
  const out = new Map();
  const seen = new Set();
  for (const [key, node] of Object.entries(schema?.definitions || schema?.$defs || {})) {
    const named = /^(?:(\w+):)?(\w+(?:\.\w+){2,})$/.exec(key);
    if (named && node?.properties) out.set(named[2], { kind: named[1], title: node.title || "", markdown: node.markdownDescription || node.description || "", required: (node.required || []).filter((p) => p !== "id" && p !== "type"), properties: node.properties, outputs: node.outputs?.properties || node.$outputs, deprecated: Boolean(node.deprecated || node.$deprecated) });
  }
  const visit = (node) => {
    if (!node || typeof node !== "object" || seen.has(node)) return;
    seen.add(node);
    const type = node.properties?.type;
    const names = type?.const ? [type.const] : Array.isArray(type?.enum) && type.enum.every((n) => /\./.test(n)) ? type.enum : [];
    for (const name of names) {
      if (typeof name !== "string" || !name.includes(".") || out.has(name)) continue;
      out.set(name, { title: node.title || node.description || "", markdown: node.markdownDescription || node.description || "", required: (node.required || []).filter((p) => p !== "id" && p !== "type"), properties: node.properties, deprecated: Boolean(node.deprecated || node.$deprecated) });
    }
    for (const value of Object.values(node)) visit(value);
  };
  visit(schema);
  return out;
}

const TRIGGER = /\.trigger\.|Trigger$|RealtimeTrigger/;

// Types that may stand behind `type:` at a place, matched on any part of their name, with their required properties.
export function typeItems(monaco, model, position, before, types) {
  const kind = monaco.languages.CompletionItemKind;
  const rule = monaco.languages.CompletionItemInsertTextRule;
  const match = /^(\s*)(?:- +)*type\s*:\s*["']?([\w.]*)$/.exec(before);
  if (!match) return null;
  const paths = yamlPaths(model.getValue());
  const { path } = paths[position.lineNumber - 1] || { path: [] };
  const section = path.findLast((p) => typeof p === "string" && p !== "type") || "";
  if (!["tasks", "triggers", "errors", "finally", "afterExecution", "then", "else", "pluginDefaults", "task", "defaults", "taskRunner", "conditions", "localFiles"].includes(section) && !/^(cases)$/.test(String(path[path.length - 3]))) return null;
  const word = match[2];
  const range = new monaco.Range(position.lineNumber, position.column - word.length, position.lineNumber, position.column);
  const wantsTrigger = section === "triggers";
  const wantsPlain = section === "taskRunner" || section === "conditions";
  const dash = before.trimStart().startsWith("-") ? "  " : ""; // Monaco adds the indentation of the line itself
  const indent = " ".repeat(before.length - before.trimStart().length) + dash;
  const lines = model.getValue().split("\n");
  const next = lines[position.lineNumber] || "";
  const alone = !next.trim() || next.length - next.trimStart().length < indent.length || next.trimStart().startsWith("-");
  const out = [];
  for (const [name, info] of types) {
    const what = info.kind || (TRIGGER.test(name) ? "trigger" : /runner/i.test(name) ? "runner" : /condition/i.test(name) ? "condition" : "task");
    if (section === "pluginDefaults" || section === "defaults" ? false : wantsPlain ? !new RegExp(section === "conditions" ? "condition" : "runner", "i").test(what) : wantsTrigger ? what !== "trigger" : !["task", "flowable"].includes(what)) continue;
    const required = alone ? info.required : [];
    out.push({
      label: { label: name.split(".").pop(), description: name.split(".").slice(0, -1).join(".") },
      kind: kind.Class,
      detail: name,
      documentation: { value: info.markdown || info.title },
      // Any part of the name matches: "http.req", "slack".
      filterText: `${word} ${name} ${name.split(".").slice(-2).join(".")}`,
      sortText: `${info.deprecated ? "z" : "a"}${name.split(".").pop()}`,
      insertText: name + required.map((p, i) => `\n${dash}${p}: \${${i + 1}}`).join(""),
      insertTextRules: rule.InsertAsSnippet,
      tags: info.deprecated ? [monaco.languages.CompletionItemTag.Deprecated] : [],
      range,
    });
  }
  return out.filter((item) => !word || item.detail.toLowerCase().includes(word.toLowerCase()) || fuzzy(word, item.detail));
}

function fuzzy(word, name) {
  let at = 0;
  const lower = name.toLowerCase();
  for (const part of word.toLowerCase().split(".")) {
    at = lower.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return true;
}
