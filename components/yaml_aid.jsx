// What the code panel knows beyond the schema's service: completion of expressions and of the instance's names, hover with
// values, dates and spans, go to, rename, outline, quick fixes, formatting (UI-ED-12 to UI-ED-16). One registration a page.
import { Document, parseDocument } from "yaml";
import { monaco } from "$/public/external/components/monaco/monaco.jsx";
import { mayNow } from "$/public/external/components/client/shell.jsx";
import { request, uiPath } from "$/public/external/components/net/net.jsx";
import { clock } from "$/public/external/components/glyphs/glyphs.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { sourceOf } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { evaluate, expressionItems, filesOf, flowsOf, inputsOf, labelKeysOf, namespacesOf, nearest, openExpression, schemaAt } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { typeItems } from "./yaml_help.jsx";
import { yamlPaths } from "./yaml_paths.jsx";

const aids = new Map(); // model uri -> {docUri, api, types, definitions, schema}
export const setAid = (uri, aid) => (aid ? aids.set(uri, aid) : aids.delete(uri));
const aidOf = (model) => aids.get(model.uri.toString());
const { Range } = monaco;
const { CompletionItemKind: KIND, CompletionItemInsertTextRule: RULE } = monaco.languages;
const KINDS = { function: KIND.Function, variable: KIND.Variable, field: KIND.Field, value: KIND.Value };
const rangeOf = (model, from, to) => Range.fromPositions(model.getPositionAt(from), model.getPositionAt(to));
const flowOf = (aid, model) => { const source = sourceOf(aid.docUri); return source && !source.error ? Y.valueOf(source) : looseFlow(model.getValue()); };

// While a text does not parse its ids and types are still known, line by line.
function looseFlow(text) {
  const out = { tasks: [], inputs: [], triggers: [] };
  const name = (key) => new RegExp(`^${key}:\\s*["']?([\\w.-]+)`, "m").exec(text)?.[1];
  Object.assign(out, { id: name("id"), namespace: name("namespace") });
  const paths = yamlPaths(text);
  for (const p of paths) {
    if (p.key !== "id" || p.path.length < 3) continue;
    const owner = p.path.slice(0, -1);
    const type = paths.find((q) => q.key === "type" && q.path.length === p.path.length && owner.every((x, i) => x === q.path[i]))?.value;
    (out[p.path[0] === "inputs" || p.path[0] === "triggers" ? p.path[0] : "tasks"]).push({ id: p.value.replace(/["']/g, ""), type });
  }
  return out;
}

const aboutOf = (aid, flow) => ({ flow, types: aid.types, api: aid.api, namespace: String(flow.namespace || ""), flowId: String(flow.id || "") });

// ---- completion ------------------------------------------------------------------------------------------------
async function names(aid, model, position, before) {
  const value = /^(\s*)(?:- +)*([\w-]+)\s*:\s*["']?([\w.-]*)$/.exec(before);
  const item = (label, word, more) => ({ label, insertText: label, kind: KIND.Value, range: new Range(position.lineNumber, position.column - word.length, position.lineNumber, position.column), sortText: `0${label}`, ...more });
  const paths = yamlPaths(model.getValue());
  const here = paths[position.lineNumber - 1]?.path || [];
  const flow = flowOf(aid, model);
  const at = (path) => path.reduce((node, part) => (node && typeof node === "object" ? node[part] : undefined), flow);
  if (value?.[2] === "namespace") return (await namespacesOf(aid.api)).map((n) => item(n, value[3], { detail: "namespace" }));
  if (value?.[2] === "flowId") {
    const owner = at(here.slice(0, -1)) || {};
    return (await flowsOf(aid.api, owner.namespace || flow.namespace)).map((f) => item(f, value[3], { detail: "flow" }));
  }
  const list = /^\s*-\s+["']?([\w-]*)$/.exec(before);
  if (list && here.includes("dependsOn")) return Y.tasksOf(flow).map((t) => item(String(t.value.id), list[1], { detail: "task" }));
  // Files of the namespace, as items of `include` and `exclude` or of the short form.
  const path = /^\s*-\s+["']?([\w./*-]*)$/.exec(before);
  if (path && here.includes("namespaceFiles")) return (await filesOf(aid.api, flow.namespace)).map((f) => item(f.name, path[1], { detail: "namespace file", kind: KIND.File }));
  if (here[0] === "labels") {
    const known = await labelKeysOf(aid.api);
    const pair = /^\s*(?:- +)*(?:key\s*:\s*)?["']?([\w./-]*)$/.exec(before);
    const chosen = value && value[2] !== "key" && known.find((one) => one.name === (value[2] === "value" ? at(here.slice(0, -1))?.key : value[2]));
    if (chosen) return chosen.values.map((one) => item(one, value[3], { detail: `value of ${chosen.name}` }));
    if (pair) return known.map((one) => item(one.name, pair[1], { insertText: /key\s*:/.test(before) || Array.isArray(flow.labels) ? one.name : `${one.name}: `, kind: KIND.Property, detail: "label" }));
  }
  const key = /^\s*([\w-]*)$/.exec(before);
  if (key && here.length > 1) {
    const inputs = here.lastIndexOf("inputs");
    const owner = inputs > 0 ? at(here.slice(0, inputs)) : null;
    if (owner?.flowId && /Subflow$|ForEachItem$|trigger\.Flow$/.test(owner.type || "")) {
      return (await inputsOf(aid.api, owner.namespace || flow.namespace, owner.flowId)).filter((i) => !(owner.inputs && i.id in owner.inputs)).map((i) => item(i.id, key[1], { insertText: `${i.id}: `, kind: KIND.Property, detail: i.type, documentation: { value: i.description || "" } }));
    }
  }
  return null;
}

const completion = {
  triggerCharacters: [".", "|", "{", " ", ":", "'", "\"", "("],
  async provideCompletionItems(model, position) {
    // Who types before the schema is there gets its types a moment later, not an empty list that stays.
    await aidOf(model)?.ready;
    const aid = aidOf(model);
    if (!aid) return { suggestions: [] };
    const before = model.getLineContent(position.lineNumber).slice(0, position.column - 1);
    const inside = openExpression(before);
    if (inside !== null) {
      const { word, items } = await expressionItems(inside, aboutOf(aid, flowOf(aid, model)));
      const range = new Range(position.lineNumber, position.column - word.length, position.lineNumber, position.column);
      // Incomplete: the list is asked for again after each key, so that it survives a backspace (UI-ED-13).
      return { incomplete: true, suggestions: items.map((one) => ({ label: one.label, insertText: one.insert, insertTextRules: one.snippet ? RULE.InsertAsSnippet : undefined, detail: one.detail, documentation: one.doc ? { value: one.doc } : undefined, kind: KINDS[one.kind] ?? KIND.Variable, range })) };
    }
    const found = typeItems(monaco, model, position, before, aid.types) || (aid.api ? await names(aid, model, position, before) : null) || [];
    return { suggestions: found };
  },
};

// ---- hover -----------------------------------------------------------------------------------------------------
const spanWords = (iso) => {
  const m = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(iso);
  if (!m) return "";
  return ["year", "month", "week", "day", "hour", "minute", "second"].map((word, i) => (m[i + 1] ? `${Number(m[i + 1])} ${word}${Number(m[i + 1]) === 1 ? "" : "s"}` : "")).filter(Boolean).join(" ");
};
const fence = (text) => `\`\`\`\n${String(text).slice(0, 2000).replace(/```/g, "ʼʼʼ")}\n\`\`\``;

function expressionAt(line, column) {
  for (const m of line.matchAll(/\{\{(.*?)\}\}/g)) if (column > m.index && column <= m.index + m[0].length) return { text: m[0], from: m.index + 1, to: m.index + m[0].length + 1 };
  return null;
}

function taskAt(aid, line) {
  const source = sourceOf(aid.docUri);
  if (!source || source.error) return "";
  const flow = Y.valueOf(source);
  const path = Y.pathAtLine(source, line);
  const hit = Y.tasksOf(flow).filter((t) => t.path.every((x, i) => x === path[i])).sort((a, b) => b.path.length - a.path.length)[0];
  return hit?.value.id ? String(hit.value.id) : "";
}

const hover = {
  async provideHover(model, position, _token) {
    const aid = aidOf(model);
    if (!aid?.api) return null;
    const line = model.getLineContent(position.lineNumber);
    const found = expressionAt(line, position.column);
    if (found) {
      const flow = flowOf(aid, model);
      if (!mayNow("FLOW:UPDATE", String(flow.namespace || ""))) return null; // an expression is run to know its value
      const range = new Range(position.lineNumber, found.from, position.lineNumber, found.to);
      if (/\bsecret\s*\(/.test(found.text)) return { range, contents: [{ value: "A secret is never shown." }] };
      const answer = await evaluate(aid.api, String(flow.namespace || ""), String(flow.id || ""), found.text, taskAt(aid, position.lineNumber));
      const when = answer.run?.started ? ` of ${clock(answer.run.started)}` : "";
      return { range, contents: [{ value: answer.error ? `Last run${when}: ${answer.error}` : `Last run${when}` }, ...(answer.error ? [] : [{ value: fence(typeof answer.value === "string" ? answer.value || "(empty)" : JSON.stringify(answer.value, null, 2)) }])] };
    }
    const pair = /^\s*(?:- +)*([\w-]+)\s*:\s*(["']?)(.+?)\2\s*(?:#.*)?$/.exec(line);
    if (!pair) return null;
    const [, key, , value] = pair;
    const from = line.indexOf(value) + 1;
    const range = new Range(position.lineNumber, from, position.lineNumber, from + value.length);
    if (key === "cron") {
      const source = sourceOf(aid.docUri);
      const owner = source && !source.error ? Y.valueAt(source, Y.pathAtLine(source, position.lineNumber).slice(0, -1)) : {};
      try {
        const told = await request(`${aid.api}/console/schedules/preview`, { method: "POST", json: { cron: value, count: 5, ...(owner?.timezone ? { timezone: owner.timezone } : {}), ...(owner?.withSeconds ? { withSeconds: true } : {}) } });
        return { range, contents: [{ value: `**${told.words || value}**` }, { value: (told.dates || []).map((d) => `- ${new Date(d.at || d).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}`).join("\n") }, ...(told.notes || []).slice(0, 2).map((n) => ({ value: n.text }))] };
      } catch (error) {
        return { range, contents: [{ value: error.message }] };
      }
    }
    const words = spanWords(value);
    return words ? { range, contents: [{ value: words }] } : null;
  },
};

// ---- go to, rename, outline ------------------------------------------------------------------------------------
// The id that is named at a place: {id, root, range}, in an expression or at its own `id:`.
function nameAt(aid, model, position) {
  const source = sourceOf(aid.docUri);
  if (!source || source.error) return null;
  const offset = model.getOffsetAt(position);
  const flow = Y.valueOf(source);
  const entries = [...Y.tasksOf(flow).map((t) => ({ path: t.path, id: t.value.id, roots: ["outputs", "tasks"] })), ...(flow.inputs || []).map((v, i) => ({ path: ["inputs", i], id: v?.id, roots: ["inputs"] }))].filter((e) => e.id !== undefined && e.id !== null);
  for (const entry of entries) {
    const node = Y.nodeAt(source, [...entry.path, "id"]);
    if (node?.range && offset >= node.range[0] && offset <= node.range[1]) return { ...entry, id: String(entry.id), source, range: rangeOf(model, node.range[0], node.range[1]) };
    const use = Y.referencesOf(source, String(entry.id), entry.roots).find((r) => offset >= r.from && offset <= r.to);
    if (use) return { ...entry, id: String(entry.id), source, range: rangeOf(model, use.from, use.to) };
  }
  return null;
}
const placeOfId = (model, hit) => { const node = Y.nodeAt(hit.source, [...hit.path, "id"]); return { uri: model.uri, range: rangeOf(model, node.range[0], node.range[1]) }; };

const definition = { provideDefinition(model, position) { const aid = aidOf(model); const hit = aid && nameAt(aid, model, position); return hit ? placeOfId(model, hit) : null; } };
const references = { provideReferences(model, position) { const aid = aidOf(model); const hit = aid && nameAt(aid, model, position); return hit ? [placeOfId(model, hit), ...Y.referencesOf(hit.source, hit.id, hit.roots).map((r) => ({ uri: model.uri, range: rangeOf(model, r.from, r.to) }))] : []; } };
const rename = {
  resolveRenameLocation(model, position) { const aid = aidOf(model); const hit = aid && nameAt(aid, model, position); return hit ? { range: hit.range, text: hit.id } : { range: new Range(position.lineNumber, 1, position.lineNumber, 1), text: "", rejectReason: "Only ids of tasks and inputs can be renamed." }; },
  provideRenameEdits(model, position, name) {
    const aid = aidOf(model);
    const hit = aid && nameAt(aid, model, position);
    if (!hit) return { edits: [] };
    if (!Y.safeId(name)) return { edits: [], rejectReason: "Letters, digits, - and _ only." };
    return { edits: Y.rename(hit.source, hit.path, name, hit.roots).map((e) => ({ resource: model.uri, versionId: undefined, textEdit: { range: rangeOf(model, e.from, e.to), text: e.text } })) };
  },
};
const symbols = {
  provideDocumentSymbols(model) {
    const aid = aidOf(model);
    const source = aid && sourceOf(aid.docUri);
    if (!source || source.error) return [];
    const flow = Y.valueOf(source);
    const one = (path, value, kind) => { const node = Y.nodeAt(source, path); if (!node?.range) return null; const range = rangeOf(model, node.range[0], Y.contentEnd(node)); return { name: String(value?.id || value?.type || "?"), detail: String(value?.type || "").split(".").pop(), kind, range, selectionRange: new Range(range.startLineNumber, range.startColumn, range.startLineNumber, range.startColumn), tags: [] }; };
    const kinds = monaco.languages.SymbolKind;
    return [...(flow.inputs || []).map((v, i) => one(["inputs", i], v, kinds.Variable)), ...Y.tasksOf(flow).map((t) => one(t.path, t.value, kinds.Function)), ...(flow.triggers || []).map((v, i) => one(["triggers", i], v, kinds.Event))].filter(Boolean);
  },
};

// Subflows and namespace files open in a tab of their own.
const links = {
  provideLinks(model) {
    const aid = aidOf(model);
    const source = aid?.api && sourceOf(aid.docUri);
    if (!source || source.error) return { links: [] };
    const flow = Y.valueOf(source);
    const tenant = aid.api.split("/").pop();
    const out = [];
    for (const task of [...Y.tasksOf(flow), ...(flow.triggers || []).map((value, i) => ({ value, path: ["triggers", i] }))]) {
      const { namespace, flowId } = task.value || {};
      const node = typeof flowId === "string" && !/[{}]/.test(flowId) && Y.nodeAt(source, [...task.path, "flowId"]);
      if (node?.range) out.push({ range: rangeOf(model, node.range[0], node.range[1]), url: location.origin + uiPath(`/${tenant}/flows/edit/${encodeURIComponent(namespace || flow.namespace)}/${encodeURIComponent(flowId)}/edit`), tooltip: `Open ${flowId}` });
    }
    // Files that expressions read, and those that tasks get.
    const place = (file) => location.origin + uiPath(`/${tenant}/namespaces/edit/${encodeURIComponent(flow.namespace)}/files?file=${encodeURIComponent(file.replace(/^\//, ""))}`);
    const text = model.getValue();
    for (const m of flow.namespace ? text.matchAll(/\b(?:read|fileURI)\(\s*(?:path\s*=\s*)?(['"])([\w./ -]+)\1\s*\)/g) : []) {
      const from = m.index + m[0].indexOf(m[2], m[0].indexOf("("));
      out.push({ range: rangeOf(model, from, from + m[2].length), url: place(m[2]), tooltip: `Open ${m[2]}` });
    }
    for (const task of flow.namespace ? Y.tasksOf(flow) : []) {
      const given = task.value.namespaceFiles;
      for (const at of Array.isArray(given) ? [["namespaceFiles"]] : given ? [["namespaceFiles", "include"]] : []) {
        const list = Y.valueAt(source, [...task.path, ...at]);
        (Array.isArray(list) ? list : []).forEach((file, i) => {
          const node = typeof file === "string" && !/[*?{}]/.test(file) && Y.nodeAt(source, [...task.path, ...at, i]);
          if (node?.range) out.push({ range: rangeOf(model, node.range[0], node.range[1]), url: place(file), tooltip: `Open ${file}` });
        });
      }
    }
    return { links: out };
  },
};

// ---- quick fixes -----------------------------------------------------------------------------------------------
const MISREAD = /^(?:y|n|yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF|\d+:\d\d(?::\d\d)?|0\d+|\d{4}-\d\d-\d\d)$/;
const fixes = {
  provideCodeActions(model, range, context) {
    const aid = aidOf(model);
    const source = aid?.schema && sourceOf(aid.docUri);
    if (!source || source.error) return { actions: [], dispose() {} };
    const flow = Y.valueOf(source);
    const line = range.startLineNumber;
    const path = Y.pathAtLine(source, line);
    const out = [];
    const add = (title, edits, preferred = false) => out.push({ title, kind: "quickfix", isPreferred: preferred, diagnostics: context.markers.filter((m) => m.startLineNumber === line), edit: { edits: edits.map((e) => ({ resource: model.uri, versionId: undefined, textEdit: { range: rangeOf(model, e.from, e.to), text: e.text } })) } });
    const seen = new Set();
    for (let n = path.length; n >= 0; n -= 1) {
      const at = path.slice(0, n);
      const value = Y.valueAt(source, at);
      if (!value || typeof value !== "object" || Array.isArray(value)) continue;
      const found = schemaAt(aid.schema, aid.definitions, flow, at);
      if (!found?.properties) continue;
      const key = path[n];
      const order = Object.keys(found.properties);
      if (key !== undefined && !(key in found.properties) && !found.unknown) {
        const near = nearest(String(key), order.filter((k) => !(k in value)), 4);
        if (near) add(`Rename to ${near}`, Y.renameKey(source, at, key, near), true);
        add(`Remove ${key}`, Y.remove(source, [...at, key]));
      }
      for (const missing of found.required || []) {
        if (missing in value || seen.has(missing)) continue;
        seen.add(missing);
        const property = found.properties[missing] || {};
        add(`Add ${missing}`, Y.set(source, [...at, missing], property.default ?? (property.type === "array" ? [] : property.type === "object" ? {} : property.enum?.[0] ?? ""), order), !out.length);
      }
      if (found.unknown && (key === "type" || key === undefined)) {
        const kind = found.kind;
        const all = Object.keys(aid.definitions).filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1));
        const last = String(value.type).split(".").pop().toLowerCase();
        const near = [nearest(String(value.type), all, 6), ...all.filter((name) => name.split(".").pop().toLowerCase() === last)].filter(Boolean);
        for (const name of [...new Set(near)].slice(0, 3)) add(`Use ${name}`, Y.set(source, [...at, "type"], name), true);
      }
      if (n < path.length - 1) break;
    }
    const node = Y.nodeAt(source, path);
    const raw = node?.range ? source.text.slice(node.range[0], node.range[1]) : "";
    if (raw && node.type === "PLAIN" && MISREAD.test(raw)) add(`Quote "${raw}"`, [{ from: node.range[0], to: node.range[1], text: `"${raw}"` }]);
    const deprecated = path.length ? deprecatedType(aid, source, path) : null;
    if (deprecated) add(`Replace by ${deprecated.name}`, Y.set(source, deprecated.path, deprecated.name), true);
    return { actions: out.slice(0, 8), dispose() {} };
  },
};

function deprecatedType(aid, source, path) {
  for (let n = path.length; n > 0; n -= 1) {
    const at = [...path.slice(0, n), "type"];
    const type = Y.valueAt(source, at);
    const info = typeof type === "string" && aid.types.get(type);
    if (!info?.deprecated) continue;
    const name = /\b(io\.kestra[\w.]+)\b/.exec(info.markdown || "")?.[1];
    return name && name !== type ? { path: at, name } : null;
  }
  return null;
}

// ---- formatting ------------------------------------------------------------------------------------------------
export function formatted(text) {
  const doc = parseDocument(text, { logLevel: "silent" });
  if (doc.errors.length || !(doc instanceof Document)) return text;
  return doc.toString({ lineWidth: 0, indentSeq: true, flowCollectionPadding: false });
}
const formatting = { displayName: "YAML", provideDocumentFormattingEdits(model) { const text = model.getValue(); const made = formatted(text); return made === text ? [] : [{ range: model.getFullModelRange(), text: made }]; } };

let installed = false;
export function installAid() {
  if (installed) return;
  installed = true;
  const { languages } = monaco;
  languages.registerCompletionItemProvider("yaml", completion);
  languages.registerHoverProvider("yaml", hover);
  languages.registerDefinitionProvider("yaml", definition);
  languages.registerReferenceProvider("yaml", references);
  languages.registerRenameProvider("yaml", rename);
  languages.registerDocumentSymbolProvider("yaml", symbols);
  languages.registerLinkProvider("yaml", links);
  languages.registerCodeActionProvider("yaml", fixes, { providedCodeActionKinds: ["quickfix"] });
  languages.registerDocumentFormattingEditProvider("yaml", formatting);
}
