// Languages of the console, at build time: literals that people read become look-ups in the reader's catalogue.
//
// A module of the console keeps its words as plain literals. This plugin for vite parses each module with the bundler's
// own parser and rewrites
//   "Save"                                       to  $t("Save")
//   `${done} of ${all} flows`                    to  $p("{done} of {all} flows", { done, all })
//   `${n} flow${n === 1 ? "" : "s"}`             to  $n(n, "{n} flow", "{n} flows", { n })
// Only literals are ever looked up, so data of users is never translated. A constant of a module that holds words
// becomes a variable which is made anew when the language changes.
//
// Where a literal stands tells whether people read it: as a child of an element or as one of the properties in SHOWN it
// always is; as a property in HIDDEN, compared, imported or as a key it never is; anywhere else it is when it reads like
// words and is compared nowhere in its module. `rules.json` lists the exceptions by their text.
import fs from "node:fs";
import path from "node:path";

const SHOWN = new Set(["children", "title", "aria-label", "placeholder", "alt", "label", "hint", "aria-description", "aria-roledescription", "aria-valuetext", "words", "word", "caption", "summary", "reason", "what", "none", "empty"]);
const HIDDEN = new Set(["className", "class_name", "class", "style", "key", "id", "type", "role", "href", "to", "src", "d", "fill", "stroke", "viewBox", "points", "transform", "method", "mode", "kind", "icon", "testid", "event", "displayName", "headers", "htmlFor", "list", "accept", "autocomplete", "autoComplete", "query", "url", "path", "font", "fontFamily", "language", "languageId", "rel", "target", "download", "value", "list_name", "listName", "field", "color", "colour", "cursor", "accept", "anchor", "library", "tag", "lang", "locale", "weekday", "month", "test", "regex", "match", "token", "snippet", "insertText", "as", "Accept", "Content-Type", "timeZone", "message_id", "shape", "zone", "d3", "dash", "command", "go", "form", "state", "columns_key", "sort", "slot"]);
const JSX = new Set(["jsx", "jsxs", "_jsx", "_jsxs", "jsxDEV", "_jsxDEV", "createElement"]);
// Calls whose arguments are keys and technical names.
const TECHNICAL = new Set(["ReflexEvent", "useContext", "addEventListener", "removeEventListener", "getItem", "setItem", "removeItem", "includes", "startsWith", "endsWith", "indexOf", "lastIndexOf", "has", "get", "set", "delete", "split", "join", "replace", "replaceAll", "match", "test", "fetch", "request", "upload", "querySelector", "querySelectorAll", "closest", "matches", "getElementById", "setAttribute", "getAttribute", "removeAttribute", "toggleAttribute", "dispatchEvent", "postMessage", "matchMedia", "stringify", "parse", "getPropertyValue", "setProperty", "RegExp", "CustomEvent", "Event", "KeyboardEvent", "URL", "URLSearchParams", "Blob", "DOMException", "Worker", "DateTimeFormat", "NumberFormat", "supportedValuesOf", "toLocaleString", "toLocaleDateString", "toLocaleTimeString", "Symbol", "createElementNS", "getContext", "createModel", "registerCommand", "trigger", "within", "uiPath", "withQuery", "append", "localeCompare", "concat_class", "fillText"]);
const COMPARED_BY = new Set(["includes", "startsWith", "endsWith", "indexOf", "has", "get", "delete", "getItem", "setItem"]);
const COMPARISONS = new Set(["===", "!==", "==", "!=", "<", ">", "<=", ">=", "in", "instanceof"]);

const LETTERS = /\p{L}{2,}/u;
const CODE = /^[a-z]+:\/\/|^[#/@.]|^--|^(var|rgb|rgba|calc|translate|url)\(|=>|^\w+\(\)|^[\d.]+(px|em|rem|%|s|ms)$|<\/|[{};]\s*$|\\[dws]/;
const PATH = /^(?=.*\d)[MmLlHhVvCcSsQqTtAaZz\d .,-]+$/;
const DOTTED = /^[\w-]+([._/:][\w-]+)+$/;
const SIZES = /(^| )-?[\d.]+(px|em|%|fr)( |$|,)/;

// Whether a text in a place that people read is words at all.
const readable = (text) => LETTERS.test(text) && !/ · flowdeck$|^\s*[\w-]+:.*\n/.test(text) && !/^[A-Z0-9_]+$/.test(text.trim()) && !CODE.test(text.trim()) && !DOTTED.test(text.trim()) && !PATH.test(text.trim());
// Whether a text in any place reads like words.
function wordy(text) {
  const plain = text.trim();
  if (!readable(plain) || SIZES.test(plain)) return false;
  if (/^\p{Lu}\p{Ll}*(-?\p{Ll}+)+$/u.test(plain)) return true;
  if (!/ /.test(plain)) return false;
  return /^\p{Lu}/u.test(plain) || /\p{L}[.…?]$/u.test(plain);
}

const nameOf = (node) => (!node ? "" : node.type === "Identifier" || node.type === "PrivateIdentifier" ? node.name : node.type === "Literal" ? String(node.value) : node.type === "MemberExpression" ? nameOf(node.property) : node.type === "ChainExpression" ? nameOf(node.expression) : "");
const bare = (node) => { while (node && (node.type === "ParenthesizedExpression" || node.type === "ChainExpression")) node = node.expression; return node; };
const isText = (node) => bare(node)?.type === "Literal" && typeof bare(node).value === "string";
const isFunction = (node) => ["FunctionExpression", "FunctionDeclaration", "ArrowFunctionExpression"].includes(node?.type);

function eachChild(node, visit) {
  for (const key of Object.keys(node)) {
    if (key === "type" || key === "start" || key === "end") continue;
    const value = node[key];
    if (Array.isArray(value)) { for (const one of value) if (one && typeof one.type === "string") visit(one, key); }
    else if (value && typeof value.type === "string") visit(value, key);
  }
}

// Texts that a module compares with something: keys, whatever they look like.
function comparedTexts(root) {
  const found = new Set();
  const add = (node) => { node = bare(node); if (isText(node)) found.add(node.value); else if (node?.type === "ArrayExpression") node.elements.forEach((one) => one && add(one)); };
  (function visit(node) {
    if (node.type === "BinaryExpression" && COMPARISONS.has(node.operator)) { add(node.left); add(node.right); }
    else if (node.type === "SwitchCase" && node.test) add(node.test);
    else if (node.type === "CallExpression" && COMPARED_BY.has(nameOf(node.callee))) { node.arguments.forEach(add); add(bare(node.callee).object); }
    else if (node.type === "MemberExpression" && node.computed) add(node.property);
    else if (node.type === "MemberExpression" && isText(node.object)) add(node.object);
    eachChild(node, visit);
  })(root);
  return found;
}

// The leaves of a chain of `+`, if one of them is a text.
function chain(node) {
  const leaves = [];
  (function visit(one) { const inner = bare(one); if (inner.type === "BinaryExpression" && inner.operator === "+") { visit(inner.left); visit(inner.right); } else leaves.push(inner); })(node);
  return leaves.some((leaf) => isText(leaf) || leaf.type === "TemplateLiteral") ? leaves : null;
}

// A template or chain as pieces: texts and expressions, nested ones flattened.
function pieces(node) {
  node = bare(node);
  const out = [];
  const text = (value) => { if (typeof out.at(-1) === "string") out[out.length - 1] += value; else out.push(value); };
  const add = (one) => {
    one = bare(one);
    if (isText(one)) text(one.value);
    else if (one.type === "TemplateLiteral") one.quasis.forEach((quasi, i) => { text(quasi.value.cooked ?? quasi.value.raw); if (one.expressions[i]) add(one.expressions[i]); });
    else if (one.type === "BinaryExpression" && one.operator === "+" && chain(one)) chain(one).forEach(add);
    else out.push(one);
  };
  add(node);
  return out;
}

const METHODS = new Set(["toLocaleString", "valueOf", "toString", "toFixed", "trim", "toLowerCase", "toUpperCase", "join", "slice", "replace", "replaceAll", "split", "at", "map", "filter", "length", "size"]);
// Reflex asks `x?.valueOf?.()` before it compares.
const plain = (node) => { node = bare(node); return node?.type === "CallExpression" && nameOf(bare(node.callee)) === "valueOf" ? plain(bare(node.callee).object) : node; };
function tail(node) {
  node = plain(node);
  switch (node?.type) {
    case "Identifier": return node.name;
    case "MemberExpression": {
      if (node.computed) return isText(node.property) ? bare(node.property).value : tail(node.object);
      return METHODS.has(nameOf(node.property)) ? tail(node.object) : nameOf(node.property);
    }
    case "CallExpression": return METHODS.has(nameOf(bare(node.callee))) ? tail(bare(node.callee).object) : node.arguments.length ? tail(node.arguments[0]) : tail(node.callee);
    case "ConditionalExpression": return isText(node.consequent) ? tail(node.alternate) : tail(node.consequent);
    case "LogicalExpression": return tail(node.left);
    case "BinaryExpression": return tail(node.left);
    default: return "";
  }
}

// Slots get the name of what stands in them, so that translators know: `${rows.length}` is {rows}.
function slotNames(expressions) {
  const taken = new Map();
  return expressions.map((one) => {
    let name = tail(one).replace(/_rx_state_$/, "").replace(/[^A-Za-z0-9_]/g, "");
    if (!name || name.length > 24) name = "x";
    const seen = (taken.get(name) || 0) + 1;
    taken.set(name, seen);
    return seen > 1 ? name + seen : name;
  });
}

const spelled = (node) => isText(node) || bare(node).type === "TemplateLiteral" || (bare(node).type === "BinaryExpression" && Boolean(chain(node)));

// `until ? ` until ${until}` : ""` inside a phrase: each branch makes a phrase of its own.
function chosen(node) {
  node = bare(node);
  if (node?.type !== "ConditionalExpression" || counted(node)) return null;
  const texts = [node.consequent, node.alternate].filter(spelled);
  if (!texts.some((one) => pieces(one).some((x) => typeof x === "string" && /\p{L}/u.test(x)))) return null;
  return { test: node.test, branches: [node.consequent, node.alternate].map((one) => (spelled(one) ? pieces(one) : [bare(one)])) };
}

// `n === 1 ? "" : "s"` (or `!== 1`, `> 1`) inside a phrase: [what is counted, text for one, text for others].
function counted(node) {
  node = bare(node);
  if (node?.type !== "ConditionalExpression") return null;
  const parts = [node.consequent, node.alternate].map((one) => (spelled(one) ? pieces(one) : null));
  if (parts.includes(null)) return null;
  let test = bare(node.test), turned = false;
  while (test.type === "UnaryExpression" && test.operator === "!") { test = bare(test.argument); turned = !turned; }
  if (test.type !== "BinaryExpression" || plain(test.right)?.type !== "Literal" || plain(test.right).value !== 1) return null;
  if (["!==", "!=", ">"].includes(test.operator)) turned = !turned;
  else if (!["===", "=="].includes(test.operator)) return null;
  return { count: plain(test.left), one: parts[turned ? 1 : 0], other: parts[turned ? 0 : 1] };
}

/**
 * Rewrite one module.
 * @param {string} code its text, JavaScript without JSX syntax
 * @param {(code: string) => object} parse the bundler's parser, answers an ESTree program
 * @param {{also?: Record<string, string[]>, never?: string[]}} rules texts that are words of a file, or never are words,
 *   whatever they look like
 * @param {string} file its name, as in `rules.also`
 * @returns {{code: string, words: Set<string>} | null} null when it holds no words
 */
export function rewrite(code, parse, rules = {}, file = "") {
  const root = parse(code), also = new Set(rules.also?.[file] || []), never = new Set(rules.never || []);
  const compared = comparedTexts(root), words = new Set(), used = new Set();
  const keyOf = (text) => text.trim().replace(/\s+/g, " ");
  // How sure a place is: 2 people read it, 1 perhaps, 0 never.
  const says = (text, sure) => { const key = keyOf(text); return key && !never.has(key) && (sure === 2 ? readable(text) : sure === 1 && (also.has(key) || (wordy(text) && !compared.has(text)))); };
  const around = (text, call) => { const lead = /^\s*/.exec(text)[0], trail = text.trim() ? /\s*$/.exec(text)[0] : ""; return lead || trail ? `(${lead ? JSON.stringify(lead) + " + " : ""}${call}${trail ? " + " + JSON.stringify(trail) : ""})` : call; };
  const literal = (text) => { used.add("$t"); words.add(keyOf(text)); return around(text, `$t(${JSON.stringify(keyOf(text))})`); };

  function phraseOf(parts) { // texts and expressions to {text with slots, [[name, expression]]}
    const slots = parts.filter((one) => typeof one !== "string"), names = slotNames(slots);
    return { text: parts.map((one) => (typeof one === "string" ? one : `{${names[slots.indexOf(one)]}}`)).join(""), slots: slots.map((one, i) => [names[i], one]) };
  }
  const record = (slots, sure) => `{ ${slots.map(([name, one]) => `${name}: ${source(one, sure)}`).join(", ")} }`;
  const merged = (parts) => parts.reduce((out, one) => { if (typeof one === "string" && typeof out.at(-1) === "string") out[out.length - 1] += one; else out.push(one); return out; }, []);

  function phrase(node, sure) {
    const parts = pieces(node), literals = parts.map((one) => (typeof one === "string" ? one : textsIn(one))).join("");
    if (!(sure === 2 ? readable(literals) && !SIZES.test(literals) : phraseLike(parts, literals))) return null;
    return never.has(keyOf(phraseOf(parts).text)) ? null : said(parts, sure, 0);
  }
  const textsIn = (node) => { const found = counted(node) || chosen(node); return found ? ` ${(found.branches ? found.branches.flat() : found.other).filter((one) => typeof one === "string").join(" ")} ` : ""; };
  function said(parts, sure, depth) {
    const put = (at, middle) => merged([...parts.slice(0, at), ...middle, ...parts.slice(at + 1)]);
    const fork = depth < 3 ? parts.findIndex((one) => typeof one !== "string" && chosen(one)) : -1;
    if (fork >= 0) {
      const { test, branches } = chosen(parts[fork]);
      return `(${source(test, 1)} ? ${branches.map((one) => said(put(fork, one), sure, depth + 1)).join(" : ")})`;
    }
    const at = parts.findIndex((one) => typeof one !== "string" && counted(one));
    if (at >= 0) {
      const { count, one, other } = counted(parts[at]), single = phraseOf(put(at, one)), several = phraseOf(put(at, other));
      used.add("$n");
      for (const text of [single.text, several.text]) if (/\p{L}/u.test(text)) words.add(keyOf(text));
      const slots = [...new Map([...several.slots, ...single.slots])];
      return around(several.text, `$n(${source(count, 1)}, ${JSON.stringify(keyOf(single.text))}, ${JSON.stringify(keyOf(several.text))}, ${record(slots, sure)})`);
    }
    const { text, slots } = phraseOf(parts);
    if (!slots.length) return /\p{L}/u.test(text) ? literal(text) : JSON.stringify(text);
    if (!parts.some((one) => typeof one === "string" && /\p{L}/u.test(one))) return `(${parts.map((one) => (typeof one === "string" ? JSON.stringify(one) : `String(${source(one, sure)})`)).join(" + ")})`;
    used.add("$p");
    words.add(keyOf(text));
    return around(text, `$p(${JSON.stringify(keyOf(text))}, ${record(slots, sure)})`);
  }
  function phraseLike(parts, judged) {
    const key = keyOf(phraseOf(parts).text);
    if (also.has(key)) return true;
    if (compared.has(judged) || !readable(judged.replace(/[{}]/g, "")) || SIZES.test(judged) || /[=&;]|\w\(|:\/\/|[\w}]\/[\w{]|\/$|^\//.test(key)) return false;
    return /^\p{Lu}\p{Ll}/u.test(key) || /\} \p{L}{2,}|\p{L}{2,} \{|\p{L}[.…?]$/u.test(key);
  }

  // The text of a node with everything inside rewritten.
  function source(node, sure) { const edits = []; visit(node, sure, edits); return applied(node.start, node.end, edits); }
  function applied(start, end, edits) {
    let out = "", at = start;
    for (const [from, to, text] of edits.sort((a, b) => a[0] - b[0])) { out += code.slice(at, from) + text; at = to; }
    return out + code.slice(at, end);
  }

  const inside = (sure) => (sure === 2 ? 1 : sure); // into calls and the like: no longer certain
  function visit(node, sure, edits) {
    if (!node) return;
    switch (node.type) {
      case "ImportDeclaration": case "ExportAllDeclaration": case "ImportExpression": return;
      case "ExpressionStatement": if (node.directive) return; break;
      case "Literal":
        if (typeof node.value === "string" && says(node.value, sure)) edits.push([node.start, node.end, literal(node.value)]);
        return;
      case "TemplateLiteral": {
        const text = sure ? phrase(node, sure) : null;
        if (text) edits.push([node.start, node.end, text]);
        else node.expressions.forEach((one) => visit(one, inside(sure), edits));
        return;
      }
      case "TaggedTemplateExpression": return;
      case "BinaryExpression":
        if (node.operator === "+" && chain(node)) {
          const text = sure ? phrase(node, sure) : null;
          if (text) edits.push([node.start, node.end, text]);
          else chain(node).forEach((leaf) => visit(leaf, isText(leaf) ? 0 : inside(sure), edits));
          return;
        }
        visit(node.left, COMPARISONS.has(node.operator) && isText(node.left) ? 0 : inside(sure), edits);
        visit(node.right, COMPARISONS.has(node.operator) && isText(node.right) ? 0 : inside(sure), edits);
        return;
      case "ConditionalExpression": visit(node.test, inside(sure) && 1, edits); visit(node.consequent, sure, edits); visit(node.alternate, sure, edits); return;
      case "LogicalExpression": visit(node.left, sure, edits); visit(node.right, sure, edits); return;
      case "ParenthesizedExpression": case "ChainExpression": case "SpreadElement": case "TSAsExpression": visit(node.expression ?? node.argument, sure, edits); return;
      case "SequenceExpression": node.expressions.forEach((one, i) => visit(one, i === node.expressions.length - 1 ? sure : inside(sure), edits)); return;
      case "ArrayExpression": node.elements.forEach((one) => visit(one, sure, edits)); return;
      case "MemberExpression": {
        const held = bare(node.object), keys = isText(held) || (held.type === "ArrayExpression" && COMPARED_BY.has(nameOf(node.property)));
        visit(node.object, keys ? 0 : ["ArrayExpression", "ObjectExpression"].includes(held.type) ? sure : inside(sure), edits);
        if (node.computed) visit(node.property, isText(node.property) ? 0 : inside(sure), edits);
        return;
      }
      case "SwitchCase":
        if (node.test && !isText(node.test)) visit(node.test, 0, edits);
        node.consequent.forEach((one) => visit(one, sure, edits));
        return;
      case "CallExpression": case "NewExpression": {
        const name = nameOf(bare(node.callee)), callee = bare(node.callee);
        if (JSX.has(name)) {
          visit(node.arguments[0], 0, edits);
          if (node.arguments[1]) visit(node.arguments[1], 1, edits);
          const classic = name === "jsx" || name === "createElement"; // `_jsx` has its key as third argument
          node.arguments.slice(2).forEach((one) => visit(one, classic ? 2 : 0, edits));
          return;
        }
        // `plural(n, "run")` of glyphs.jsx says how many there are: 2 runs.
        if (name === "plural" && node.arguments.length > 1 && isText(node.arguments[1]) && (node.arguments.length < 3 || isText(node.arguments[2]))) {
          const one = bare(node.arguments[1]).value, many = node.arguments[2] ? bare(node.arguments[2]).value : `${one}s`, number = source(node.arguments[0], 1);
          used.add("$n"); used.add("$count");
          for (const noun of [one, many]) words.add(keyOf(`{n} ${noun}`));
          edits.push([node.start, node.end, `$n(${number}, ${JSON.stringify(`{n} ${one}`)}, ${JSON.stringify(`{n} ${many}`)}, { n: $count(${number}) })`]);
          return;
        }
        if (isFunction(callee)) visit(callee, sure, edits);
        else visit(callee, inside(sure), edits);
        const hidden = TECHNICAL.has(name) || nameOf(callee.object) === "console";
        node.arguments.forEach((one) => visit(one, isFunction(bare(one)) ? (name === "memo" ? 2 : name === "map" ? sure || 1 : 1) : hidden ? 0 : inside(sure), edits));
        return;
      }
      case "ArrowFunctionExpression":
        node.params.forEach((one) => visit(one, 1, edits));
        visit(node.body, node.body.type === "BlockStatement" ? (sure === 2 ? 2 : 1) : sure || 1, edits);
        return;
      case "FunctionExpression": case "FunctionDeclaration":
        node.params.forEach((one) => visit(one, 1, edits));
        visit(node.body, sure === 2 ? 2 : 1, edits);
        return;
      case "ReturnStatement": visit(node.argument, sure || 1, edits); return;
      case "VariableDeclaration": case "VariableDeclarator": case "AssignmentExpression":
        if (node.type === "AssignmentExpression") {
          const hidden = HIDDEN.has(nameOf(node.left)) || /class|style|font|fill/i.test(nameOf(node.left));
          visit(node.left, 1, edits);
          visit(node.right, hidden ? 0 : SHOWN.has(nameOf(node.left)) || nameOf(node.left) === "textContent" ? 2 : 1, edits);
          return;
        }
        eachChild(node, (one) => visit(one, 1, edits));
        return;
      case "AssignmentPattern": visit(node.left, 1, edits); visit(node.right, HIDDEN.has(nameOf(node.left)) ? 0 : SHOWN.has(nameOf(node.left)) ? 2 : 1, edits); return;
      case "ObjectExpression":
        for (const property of node.properties) {
          if (property.type !== "Property") { visit(property, sure && 1, edits); continue; }
          const name = property.computed ? (isText(property.key) ? bare(property.key).value : "") : nameOf(property.key);
          if (property.computed && !isText(property.key)) visit(property.key, 0, edits);
          if (property.shorthand) continue;
          const hidden = HIDDEN.has(name) || /^data-|^on[A-Z]|class$|Class$|style$|Style$/i.test(name);
          visit(property.value, sure === 0 && !isFunction(property.value) ? 0 : hidden ? (isFunction(property.value) || !carriesText(property.value) ? 1 : 0) : SHOWN.has(name) ? 2 : 1, edits);
        }
        return;
      default:
    }
    eachChild(node, (one) => visit(one, sure === 2 && !["BlockStatement", "IfStatement", "SwitchStatement", "TryStatement"].includes(node.type) ? 1 : sure, edits));
  }
  const carriesText = (node) => { node = bare(node); return ["Literal", "TemplateLiteral", "ConditionalExpression", "LogicalExpression", "BinaryExpression", "ArrayExpression", "ObjectExpression"].includes(node?.type); };

  // Constants of the module that hold words, or are made of such constants, are made again with the language.
  const living = new Set(), out = [];
  const shallow = (node, look) => { if (!node || isFunction(node) || node.type === "ClassExpression") return false; if (look(node)) return true; let hit = false; eachChild(node, (one, key) => { if (!hit && !(node.type === "Property" && key === "key" && !node.computed) && !(node.type === "MemberExpression" && key === "property" && !node.computed)) hit = shallow(one, look); }); return hit; };
  const iife = (node) => { node = bare(node); return node?.type === "CallExpression" && (isFunction(bare(node.callee)) || ["memo", "forwardRef", "createContext", "lazy"].includes(nameOf(node.callee))); };
  for (const statement of root.body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declaration?.type === "VariableDeclaration" && declaration.kind === "const" && declaration.declarations.every((one) => one.id.type === "Identifier" && one.init && !isFunction(bare(one.init)) && !iife(one.init))) {
      const texts = declaration.declarations.map((one) => {
        const edits = [];
        visit(one.init, 1, edits);
        const functions = [];
        (function collect(node) { if (isFunction(node)) functions.push([node.start, node.end]); else eachChild(node, collect); })(one.init);
        const direct = edits.some(([from]) => !functions.some(([a, b]) => from >= a && from < b));
        return { name: one.id.name, text: applied(one.init.start, one.init.end, edits), live: direct || shallow(one.init, (x) => x.type === "Identifier" && living.has(x.name)), changed: edits.length > 0 };
      });
      if (texts.some((one) => one.live)) {
        texts.forEach((one) => living.add(one.name));
        used.add("$words");
        out.push([declaration.start, declaration.end, `let ${texts.map((one) => one.name).join(", ")}; $words(() => { ${texts.map((one) => `${one.name} = ${one.text};`).join(" ")} });`]);
        continue;
      }
      declaration.declarations.forEach((one, i) => texts[i].changed && out.push([one.init.start, one.init.end, texts[i].text]));
      continue;
    }
    visit(statement, 1, out);
  }
  if (!words.size) return null;
  return { code: `import { ${[...used].sort().join(", ")} } from ${JSON.stringify(LANGUAGE)};\n${applied(0, code.length, out)}`, words };
}

const LANGUAGE = "$/public/external/components/language/language.jsx";
const CATALOGUES = "virtual:catalogues";
// The page of components is for those who build the console.
const ENGLISH = /gallery|language\.jsx$/;
const MODULES = /\/(?:app\/routes|app_components|public\/external\/components)\//;

/**
 * The plugin.
 * @param {{folder: string, out: string, pseudo?: boolean}} options folder of the catalogues; file that gets the list of
 *   words the build met; `pseudo` adds the language `xx`, in which each translated word stands in brackets
 */
export default function words({ folder, out, pseudo = false }) {
  const found = new Map();
  const read = (name, fallback) => { try { return JSON.parse(fs.readFileSync(path.join(folder, name), "utf8")); } catch (error) { if (error.code === "ENOENT") return fallback; throw error; } };
  const rules = read("rules.json", {});
  const languages = () => fs.readdirSync(folder).filter((name) => /^[a-z]{2}(-[A-Z]{2})?\.json$/.test(name)).map((name) => name.slice(0, -5)).sort();
  return {
    name: "flowdeck-words",
    resolveId(id) { return id === CATALOGUES || id.startsWith(CATALOGUES + "/") ? "\0" + id : null; },
    load(id) {
      if (id === "\0" + CATALOGUES) return `export default { ${[...languages(), ...(pseudo ? ["xx"] : [])].map((one) => `${JSON.stringify(one)}: () => import(${JSON.stringify(`${CATALOGUES}/${one}`)})`).join(", ")} };`;
      if (!id.startsWith("\0" + CATALOGUES + "/")) return null;
      const language = id.split("/").pop(), listed = read("words.json", { browser: [] }).browser;
      if (language === "xx") return `export default new Proxy({}, { get: (_, text) => typeof text === "string" ? "⟦" + text + "⟧" : undefined });`;
      const all = read(`${language}.json`, {}), shown = listed.length ? new Set(listed) : null;
      return `export default ${JSON.stringify(Object.fromEntries(Object.entries(all).filter(([key]) => !shown || shown.has(key))))};`;
    },
    transform(code, id) {
      const file = id.split("?")[0];
      if (!MODULES.test(file) || !/\.jsx$/.test(file) || ENGLISH.test(file)) return null;
      const made = rewrite(code, (text) => this.parse(text), rules, path.basename(file));
      if (!made) { found.delete(file); return null; }
      found.set(file, made.words);
      return { code: made.code, map: null };
    },
    generateBundle() {
      const files = new Map();
      for (const [file, said] of found) for (const text of said) files.set(text, [...(files.get(text) || []), path.basename(file)]);
      const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      fs.writeFileSync(out, JSON.stringify(Object.fromEntries(sorted.map(([text, where]) => [text, [...new Set(where)].sort()])), null, 1) + "\n");
    },
  };
}
