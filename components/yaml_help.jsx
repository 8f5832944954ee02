// Completion that monaco-yaml does not give: plugin types by any part of their name, and expressions.
import { yamlPaths } from "./yaml_paths.jsx";

const ROOTS = {
  outputs: "outputs of earlier tasks", inputs: "inputs of the execution", vars: "variables of the flow", flow: "id, namespace, revision", execution: "id, startDate, state, originalId",
  trigger: "variables of the trigger", task: "id and type of the task", taskrun: "id, startDate, value, iteration, attemptsCount", labels: "labels of the execution", envs: "environment variables",
  globals: "global variables", parent: "the loop around", parents: "the loops around", error: "the failed task", tasks: "states of the tasks", namespace: "variables of the namespace",
};
const FUNCTIONS = ["secret('${1:NAME}')", "kv('${1:key}')", "read('${1:file}')", "now()", "json(${1:text})", "yaml(${1:text})", "currentEachOutput(${1:outputs.task})", "render(${1:text})", "uuid()", "randomInt(lower=${1:0}, upper=${2:10})", "fileURI('${1:path}')", "errorLogs()", "max(${1:a}, ${2:b})", "min(${1:a}, ${2:b})", "range(${1:0}, ${2:10})"];
const FILTERS = ["abs", "capitalize", "chunk(${1:10})", "date(\"${1:yyyy-MM-dd}\")", "dateAdd(${1:-1}, '${2:DAYS}')", "default('${1:value}')", "distinct", "first", "flatten", "indent(${1:2})", "join(', ')", "jq('${1:.}')", "json", "keys", "last", "length", "lower", "md5", "merge(${1:list})", "number", "replace({'${1:a}': '${2:b}'})", "sha256", "slice(${1:0}, ${2:1})", "slugify", "sort", "split(',')", "startsWith('${1:a}')", "string", "substringAfter('${1:/}')", "substringBefore('${1:/}')", "timestamp", "title", "toIon", "toJson", "trim", "upper", "urldecode", "urlencode", "values", "yaml"];

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

export function helpFor(monaco, getTypes) {
  const kind = monaco.languages.CompletionItemKind;
  const rule = monaco.languages.CompletionItemInsertTextRule;

  const types = (model, position, before) => {
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
    for (const [name, info] of getTypes()) {
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
  };

  const expressions = (model, position, before) => {
    const open = before.lastIndexOf("{{");
    if (open < 0 || before.indexOf("}}", open) >= 0) return null;
    const inside = before.slice(open + 2);
    const word = /[\w]*$/.exec(inside)[0];
    const range = new monaco.Range(position.lineNumber, position.column - word.length, position.lineNumber, position.column);
    const item = (label, more) => ({ label, insertText: label, range, kind: kind.Variable, ...more });
    if (/\|\s*\w*$/.test(inside)) return FILTERS.map((f) => item(f.replace(/[("].*$/s, ""), { kind: kind.Function, insertText: f, insertTextRules: rule.InsertAsSnippet }));
    const text = model.getValue();
    const paths = yamlPaths(text);
    const dotted = /([\w.]+)\.\w*$/.exec(inside)?.[1];
    if (dotted) {
      const parts = dotted.split(".");
      const named = (pattern) => [...new Set(paths.filter((p) => p.key === "id" && pattern(p.path)).map((p) => p.value.replace(/["']/g, "")))];
      if (dotted === "outputs" || dotted === "tasks") return named((p) => p.length > 2 && ["tasks", "errors", "finally", "then", "else", "task"].some((s) => p.includes(s)) && p[0] !== "inputs" && p[0] !== "triggers").map((id) => item(id, { kind: kind.Field, detail: "task" }));
      if (dotted === "inputs") return named((p) => p[0] === "inputs").map((id) => item(id, { kind: kind.Field, detail: "input" }));
      if (dotted === "vars") return [...new Set(paths.filter((p) => p.path.length === 2 && p.path[0] === "variables").map((p) => p.path[1]))].map((id) => item(String(id), { kind: kind.Field, detail: "variable" }));
      if (parts[0] === "outputs" && parts.length === 2) {
        const at = paths.findIndex((p) => p.key === "id" && p.value.replace(/["']/g, "") === parts[1] && p.path[0] !== "inputs");
        const owner = at >= 0 ? paths[at].path.slice(0, -1) : null;
        const type = owner && paths.find((p) => p.key === "type" && p.path.length === owner.length + 1 && owner.every((x, i) => x === p.path[i]))?.value;
        const outputs = getTypes().get(type)?.outputs || {};
        return Object.keys(outputs).map((name) => item(name, { kind: kind.Field, detail: outputs[name]?.type || "" }));
      }
      const fixed = { flow: ["id", "namespace", "revision", "tenantId"], execution: ["id", "startDate", "originalId", "outputs", "state"], taskrun: ["id", "startDate", "attemptsCount", "parentId", "value", "iteration"], task: ["id", "type"], trigger: ["date", "next", "previous", "body", "headers", "parameters"], error: ["message", "taskId"] };
      return (fixed[dotted] || []).map((name) => item(name, { kind: kind.Field }));
    }
    return [
      ...Object.entries(ROOTS).map(([name, detail]) => item(name, { detail })),
      ...FUNCTIONS.map((f) => item(f.replace(/\(.*$/s, ""), { kind: kind.Function, insertText: f, insertTextRules: rule.InsertAsSnippet })),
    ];
  };

  return {
    triggerCharacters: [".", "|", "{", " ", ":"],
    provideCompletionItems(model, position) {
      const before = model.getLineContent(position.lineNumber).slice(0, position.column - 1);
      const found = expressions(model, position, before) || types(model, position, before) || [];
      return { suggestions: found, incomplete: false };
    },
  };
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
