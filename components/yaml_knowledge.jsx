// What an editor of flows knows beyond the text: the schema of each object, facts of the instance (keys, names, files)
// and of the last run, and from both what may stand at a place of an expression. Used by the code and by the forms.
import { request, withQuery } from "$/public/external/components/net/net.jsx";
import { tasksOf } from "./yaml_edit.mjs";

// ---- schema ----------------------------------------------------------------------------------------------------
const loaded = new Map();
export function loadSchema(url) {
  if (!loaded.has(url)) {
    loaded.set(url, request(url));
    loaded.get(url).catch(() => loaded.delete(url));
  }
  return loaded.get(url);
}

const KIND = /^#\/definitions\/(.+)$/;
export const kindOf = (schema) => KIND.exec(schema?.$ref || "")?.[1] || "";

// A reference with the properties that the object's `type` adds: {kind, properties, required, own, unknown}.
export function resolve(schema, definitions, value) {
  const kind = kindOf(schema);
  if (!kind) return schema || {};
  const base = definitions[kind] || {};
  const type = value && typeof value === "object" ? value.type : undefined;
  const own = type ? definitions[`${kind}:${type}`] : undefined;
  const properties = { ...base.properties, ...own?.properties };
  return { ...base, ...(own ? { title: own.title, about: own.description } : {}), description: schema.description || base.description, kind, properties, required: [...new Set([...(base.required || []), ...(own?.required || [])])], own: new Set(Object.keys(own?.properties || {})), unknown: Boolean(type) && !own };
}

export function typesOfKind(definitions, kind) {
  return Object.entries(definitions || {}).filter(([name]) => name.startsWith(`${kind}:`)).map(([name, node]) => ({ type: name.slice(kind.length + 1), title: (node.description || node.title || "").split("\n")[0], deprecated: Boolean(node.deprecated || node.$deprecated), required: (node.required || []).filter((p) => p !== "id" && p !== "type"), properties: node.properties || {} }));
}

// The nearest name by edit distance, for a misspelt property or type.
export function nearest(name, names, limit = 3) {
  let best = null;
  let least = limit + 1;
  for (const one of names) {
    const d = distance(name.toLowerCase(), one.toLowerCase(), least);
    if (d < least) { least = d; best = one; }
  }
  return best;
}
function distance(a, b, limit) {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

// The schema of the value at a path: references are resolved by the types that stand in the flow.
export function schemaAt(schema, definitions, flow, path) {
  let node = schema;
  let value = flow;
  for (const part of path) {
    node = pick(node, definitions, value);
    if (!node) return null;
    if (typeof part === "number") node = node.items;
    else node = node.properties?.[part] ?? (node.additionalProperties && typeof node.additionalProperties === "object" ? node.additionalProperties : null);
    value = value && typeof value === "object" ? value[part] : undefined;
    if (!node) return null;
  }
  return pick(node, definitions, value);
}
function pick(node, definitions, value) {
  if (!node) return null;
  if (node.$ref) return resolve(node, definitions, value);
  const variants = node.anyOf || node.oneOf;
  if (!variants) return node;
  const fit = variants.find((one) => (Array.isArray(value) ? one.type === "array" : value && typeof value === "object" ? one.type === "object" || one.$ref : one.type === typeof value));
  return fit ? pick({ ...fit, description: node.description }, definitions, value) : node;
}

// ---- facts of the instance -------------------------------------------------------------------------------------
const facts = new Map(); // key -> {at, promise}
function fact(key, load, ms = 30000) {
  const held = facts.get(key);
  if (held && Date.now() - held.at < ms) return held.promise;
  const promise = load().catch(() => []); // what cannot be read (no right, no network) is not offered
  facts.set(key, { at: Date.now(), promise });
  return promise;
}
export const forgetFacts = () => facts.clear();

export const namespacesOf = (api) => fact(`${api} ns`, () => request(`${api}/namespaces/autocomplete`, { method: "POST", json: { q: "" } }));
export const flowsOf = (api, namespace) => fact(`${api} flows ${namespace}`, async () => (namespace && !/[{}]/.test(namespace) ? (await request(`${api}/executions/namespaces/${encodeURIComponent(namespace)}/flows`)).map((f) => f.id) : []));
export const inputsOf = (api, namespace, flow) => fact(`${api} inputs ${namespace}/${flow}`, async () => (await request(`${api}/executions/flows/${encodeURIComponent(namespace)}/${encodeURIComponent(flow)}`)).inputs || []);
export const kvOf = (api, namespace) => fact(`${api} kv ${namespace}`, async () => (await request(`${api}/namespaces/${encodeURIComponent(namespace)}/kv`)).map((one) => ({ name: one.key, detail: one.type, doc: [one.preview, one.description].filter(Boolean).join("\n\n") })));
export const secretsOf = (api, namespace) => fact(`${api} secrets ${namespace}`, async () => {
  const [own, inherited] = await Promise.all([request(`${api}/namespaces/${encodeURIComponent(namespace)}/secrets`, { query: { size: 200 } }), request(`${api}/namespaces/${encodeURIComponent(namespace)}/inherited-secrets`).catch(() => ({}))]);
  const out = (own.results || []).map((one) => ({ name: one.key, detail: "secret", doc: one.description || "" }));
  for (const [from, keys] of Object.entries(inherited || {})) for (const key of keys || []) if (!out.some((o) => o.name === key)) out.push({ name: key, detail: `from ${from}`, doc: "" });
  return out;
});
export const filesOf = (api, namespace) => fact(`${api} files ${namespace}`, async () => (await request(`${api}/namespaces/${encodeURIComponent(namespace)}/files/search?q=`)).map((path) => ({ name: path.replace(/^\//, ""), detail: "file", doc: "" })));

// Keys of labels that flows have.
export const labelKeysOf = (api) => fact(`${api} labels`, async () => {
  const found = (await request(`${api}/flows/search`, { query: { size: 200, sort: "updated:desc" } })).results || [];
  const keys = new Map();
  for (const flow of found) for (const one of flow.labels || []) keys.set(one.key, (keys.get(one.key) || new Set()).add(String(one.value)));
  return [...keys].sort().map(([name, values]) => ({ name, values: [...values].slice(0, 20) }));
});

// The newest ended execution: {id, rows}; outputs are read when somebody asks for them.
export const lastRun = (api, namespace, flow) => fact(`${api} last ${namespace}/${flow}`, async () => {
  if (!namespace || !flow) return null;
  const query = { size: 1, sort: "state.startDate:desc", "filters[namespace][EQUALS]": namespace, "filters[flowId][EQUALS]": flow };
  const found = (await request(`${api}/executions/search`, { query })).results?.[0];
  if (!found) return null;
  const rows = (await request(`${api}/console/executions/${found.id}/taskruns`, { query: { limit: 500 } })).rows || [];
  return { id: found.id, state: found.state?.current, started: found.state?.startDate, inputs: found.inputs || {}, rows };
}, 10000);
export async function outputsOf(api, namespace, flow, task) {
  const run = await lastRun(api, namespace, flow);
  let row = run?.rows?.findLast?.((one) => one.taskId === task);
  if (run?.id && !row) {
    const found = await fact(`${api} run ${run.id} ${task}`, async () => (await request(`${api}/console/executions/${run.id}/taskruns`, { query: { q: task, limit: 20 } })).rows || []);
    row = found.findLast?.((one) => one.taskId === task);
  }
  if (!row) return undefined;
  const detail = await fact(`${api} out ${row.id}`, () => request(`${api}/console/executions/${run.id}/taskruns/${row.id}`));
  return detail?.outputs;
}

// The value of an expression in the context of the last run: {value, error, run}.
export async function evaluate(api, namespace, flow, expression, task) {
  const run = await lastRun(api, namespace, flow);
  if (!run?.id) return { error: "This flow has not run yet." };
  const row = task && run.rows.findLast((one) => one.taskId === task);
  try {
    const answer = await request(`${api}/executions/${run.id}/eval${row ? `/${row.id}` : ""}`, { method: "POST", body: expression, headers: { "Content-Type": "text/plain" } });
    return answer?.error ? { error: answer.error, run } : { value: answer?.result ?? "", run };
  } catch (error) {
    return { error: error.message, run };
  }
}

// ---- expressions -----------------------------------------------------------------------------------------------
const ROOTS = {
  outputs: "outputs of earlier tasks", inputs: "inputs of the execution", vars: "variables of the flow", flow: "id, namespace, revision", execution: "id, startDate, state, originalId",
  trigger: "variables of the trigger", task: "id and type of the task", taskrun: "id, startDate, value, iteration, attemptsCount", labels: "labels of the execution", envs: "environment variables",
  globals: "global variables", parent: "the loop around", parents: "the loops around", error: "the failed task", tasks: "states of the tasks", namespace: "variables of the namespace", kestra: "environment and url of the instance",
};
const FUNCTIONS = ["secret('${1:NAME}')", "kv('${1:key}')", "read('${1:file}')", "now()", "json(${1:text})", "yaml(${1:text})", "currentEachOutput(${1:outputs.task})", "render(${1:text})", "uuid()", "randomInt(lower=${1:0}, upper=${2:10})", "fileURI('${1:path}')", "errorLogs()", "max(${1:a}, ${2:b})", "min(${1:a}, ${2:b})", "range(${1:0}, ${2:10})"];
const FILTERS = ["abs", "capitalize", "chunk(${1:10})", "date(\"${1:yyyy-MM-dd}\")", "dateAdd(${1:-1}, '${2:DAYS}')", "default('${1:value}')", "distinct", "first", "flatten", "indent(${1:2})", "join(', ')", "jq('${1:.}')", "json", "keys", "last", "length", "lower", "md5", "merge(${1:list})", "number", "replace({'${1:a}': '${2:b}'})", "sha256", "slice(${1:0}, ${2:1})", "slugify", "sort", "split(',')", "startsWith('${1:a}')", "string", "substringAfter('${1:/}')", "substringBefore('${1:/}')", "timestamp", "title", "toIon", "toJson", "trim", "upper", "urldecode", "urlencode", "values", "yaml"];
const FIXED = { flow: ["id", "namespace", "revision", "tenantId"], execution: ["id", "startDate", "originalId", "outputs", "state"], taskrun: ["id", "startDate", "attemptsCount", "parentId", "value", "iteration"], task: ["id", "type"], error: ["message", "taskId", "stackTrace"], parent: ["taskrun", "outputs"], kestra: ["environment", "url"] };
const TRIGGER_FIXED = ["date", "next", "previous", "executionId", "namespace", "flowId", "flowRevision", "state", "body", "headers", "parameters"];

// The expression that is open at the end of a text: what stands behind the last `{{` or `{%`.
export function openExpression(before) {
  const at = Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%"));
  if (at < 0) return null;
  const inside = before.slice(at + 2);
  return /\}\}|%\}/.test(inside) ? null : inside;
}

const shortValue = (value) => { const text = typeof value === "string" ? value : JSON.stringify(value); return text && text.length > 200 ? `${text.slice(0, 200)}…` : text ?? ""; };
const kindWord = (value) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value === "object" ? "map" : typeof value);

// What may stand at the end of `inside`: {word, items: [{label, insert, snippet, detail, doc, kind}]}.
// `about`: {flow, types, api, namespace, flowId}.
export async function expressionItems(inside, about) {
  const { flow = {}, types = new Map(), api, namespace, flowId } = about;
  const quoted = /\b(kv|secret|read|fileURI|credential)\(\s*(?:key\s*=\s*)?(['"])([^'"]*)$/.exec(inside);
  if (quoted) {
    const [, name, , word] = quoted;
    const load = { kv: kvOf, secret: secretsOf, read: filesOf, fileURI: filesOf }[name];
    const found = load && api && namespace ? await load(api, namespace) : [];
    return { word, items: found.map((one) => ({ label: one.name, insert: one.name, detail: one.detail, doc: one.doc, kind: "value" })) };
  }
  const word = /[\w-]*$/.exec(inside)[0];
  if (/\|\s*\w*$/.test(inside)) return { word, items: FILTERS.map((f) => ({ label: f.replace(/[("].*$/s, ""), insert: f, snippet: true, detail: "filter", kind: "function" })) };
  const dotted = /([A-Za-z_][\w-]*(?:\.[\w-]+|\[(?:'[^']*'|"[^"]*"|\d+)\])*)\.[\w-]*$/.exec(inside)?.[1];
  if (!dotted) {
    return { word: /\w*$/.exec(inside)[0], items: [
      ...Object.entries(ROOTS).map(([label, detail]) => ({ label, insert: label, detail, kind: "variable" })),
      ...FUNCTIONS.map((f) => ({ label: f.replace(/\(.*$/s, ""), insert: f, snippet: true, detail: "function", kind: "function" })),
    ] };
  }
  const parts = [...dotted.matchAll(/\[(?:'([^']*)'|"([^"]*)"|(\d+))\]|([\w-]+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? m[4]);
  const [root, second, ...deeper] = parts;
  const name = (label, detail, doc) => ({ label, insert: label, detail, doc, kind: "field" });
  const fields = (value, declared = {}) => {
    const names = [...new Set([...Object.keys(declared), ...(value && typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [])])];
    return names.map((key) => name(key, declared[key]?.type ? String(declared[key].type) : value ? kindWord(value[key]) : "", [declared[key]?.description, value && key in value ? `Last run: ${shortValue(value[key])}` : ""].filter(Boolean).join("\n\n")));
  };
  const walk = (value, path) => path.reduce((node, part) => (node && typeof node === "object" ? node[part] : undefined), value);
  const tasks = tasksOf(flow);
  if ((root === "outputs" || root === "tasks") && parts.length === 1) return { word, items: tasks.filter((t) => t.value.id).map((t) => name(String(t.value.id), String(t.value.type || "").split(".").pop())) };
  if (root === "outputs") {
    const task = tasks.find((t) => String(t.value.id) === second)?.value;
    const value = api ? await outputsOf(api, namespace, flowId, second).catch(() => undefined) : undefined;
    return { word, items: deeper.length ? fields(walk(value, deeper)) : fields(value, types.get(task?.type)?.outputs || {}) };
  }
  if (root === "inputs") {
    if (parts.length > 1) return { word, items: fields(walk((await lastRun(api, namespace, flowId))?.inputs, parts.slice(1))) };
    return { word, items: (flow.inputs || []).filter((i) => i?.id).map((i) => name(String(i.id), i.type || "", i.description || i.displayName)) };
  }
  if (root === "vars") return { word, items: fields(walk(flow.variables, parts.slice(1))) };
  if (root === "labels" && parts.length === 1) return { word, items: (Array.isArray(flow.labels) ? flow.labels.map((l) => l?.key) : Object.keys(flow.labels || {})).filter(Boolean).map((l) => name(String(l), "label")) };
  if (root === "trigger" && parts.length === 1) {
    const found = new Map(TRIGGER_FIXED.map((key) => [key, name(key, "")]));
    for (const one of flow.triggers || []) for (const [key, node] of Object.entries(types.get(one?.type)?.outputs || {})) found.set(key, name(key, node?.type || "", node?.description));
    return { word, items: [...found.values()] };
  }
  return { word, items: parts.length === 1 ? (FIXED[root] || []).map((key) => name(key, "")) : [] };
}

export const plainInsert = (item) => (item.snippet ? item.insert.replace(/\$\{\d+:?([^}]*)\}/g, "$1") : item.insert);
export { withQuery };
