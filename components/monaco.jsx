// The one Monaco of the console: reduced core, workers from our own origin, theme from tokens.css, few languages.
import * as monaco from "monaco-editor/esm/vs/editor/edcore.main.js";
import "monaco-editor/esm/vs/basic-languages/yaml/yaml.contribution.js";
import "monaco-editor/esm/vs/basic-languages/python/python.contribution.js";
import "monaco-editor/esm/vs/basic-languages/shell/shell.contribution.js";
import "monaco-editor/esm/vs/basic-languages/sql/sql.contribution.js";
import "monaco-editor/esm/vs/basic-languages/markdown/markdown.contribution.js";
import "monaco-editor/esm/vs/basic-languages/javascript/javascript.contribution.js";
import "monaco-editor/esm/vs/basic-languages/dockerfile/dockerfile.contribution.js";
import "monaco-editor/esm/vs/basic-languages/xml/xml.contribution.js";
import "monaco-editor/esm/vs/basic-languages/ini/ini.contribution.js";
import { configureMonacoYaml } from "monaco-yaml";
import { setHoverDelegateFactory } from "monaco-editor/esm/vs/base/browser/ui/hover/hoverDelegateFactory.js";
import { StandaloneServices } from "monaco-editor/esm/vs/editor/standalone/browser/standaloneServices.js";
import { WorkbenchHoverDelegate } from "monaco-editor/esm/vs/platform/hover/browser/hover.js";
import { IInstantiationService } from "monaco-editor/esm/vs/platform/instantiation/common/instantiation.js";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import YamlWorker from "./yaml.worker.js?worker";
import { onTheme, token } from "$/public/external/components/glyphs/glyphs.jsx";
import { request } from "$/public/external/components/net/net.jsx";
import "./monaco.css";

self.MonacoEnvironment = { getWorker: (_id, label) => (label === "yaml" ? new YamlWorker() : new EditorWorker()) };

export { monaco };

// Each new editor lets all editors make their tooltips by its own services. Those of a difference end with it, and the
// next editor, or the search in another one, would fail (microsoft/monaco-editor#4612): the services of all make them.
const keepTooltips = (made) => {
  const services = StandaloneServices.get(IInstantiationService);
  setHoverDelegateFactory((placement, instant) => services.createInstance(WorkbenchHoverDelegate, placement, instant, {}));
  return made;
};
for (const name of ["create", "createDiffEditor"]) {
  const make = monaco.editor[name];
  monaco.editor[name] = (...given) => keepTooltips(make(...given));
}

monaco.languages.register({ id: "json", extensions: [".json", ".ion", ".jsonl"] });
monaco.languages.setMonarchTokensProvider("json", {
  tokenizer: {
    root: [
      [/"(?:[^"\\]|\\.)*"(?=\s*:)/, "type"],
      [/"(?:[^"\\]|\\.)*"/, "string"],
      [/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/, "number"],
      [/\b(?:true|false|null)\b/, "keyword"],
      [/[{}[\],:]/, "delimiter"],
    ],
  },
});
monaco.languages.setLanguageConfiguration("json", { brackets: [["{", "}"], ["[", "]"]], autoClosingPairs: [{ open: "{", close: "}" }, { open: "[", close: "]" }, { open: '"', close: '"' }] });

// ---- theme -----------------------------------------------------------------------------------------------------
const BASE = { fontFamily: "", fontLigatures: false, fontSize: 12.5, lineHeight: 20 };

// Monaco wants #rrggbb; a token may be anything that CSS understands.
const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function hex(name, alpha = "") {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = getComputedStyle(probe).getPropertyValue(`--fd-${name}`).trim() || token(name) || "#808080";
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return `#${[r, g, b].map((n) => n.toString(16).padStart(2, "0")).join("")}${alpha}`;
}

// The reader may want editors lighter or darker than the console: the tokens of that theme are read off an element of its own.
const probe = document.createElement("i");
probe.hidden = true;
function preferred() { try { return JSON.parse(localStorage.getItem("fd-preferences") || "{}") || {}; } catch { return {}; } }

export function applyTheme() {
  const own = preferred().editorTheme, dark = own ? own === "dark" : document.documentElement.classList.contains("dark");
  probe.className = dark ? "dark" : "light";
  if (!probe.isConnected) document.body.append(probe);
  const rule = (tokenName, name) => ({ token: tokenName, foreground: hex(name).slice(1) });
  monaco.editor.defineTheme("flowdeck", {
    base: dark ? "vs-dark" : "vs",
    inherit: true,
    rules: [
      { token: "", foreground: hex("fg").slice(1) },
      rule("type", "c-key"), rule("tag", "c-key"), rule("attribute", "c-key"),
      rule("string", "c-str"), rule("string.yaml", "c-str"),
      rule("number", "c-num"), rule("keyword", "c-num"), rule("constant", "c-num"),
      rule("comment", "c-com"), rule("operators", "c-punct"), rule("delimiter", "c-punct"),
      rule("identifier.function", "c-type"), rule("predefined", "c-type"), rule("annotation", "c-expr"), rule("variable", "c-expr"),
      rule("keyword.python", "c-expr"), rule("keyword.sql", "c-expr"), rule("keyword.shell", "c-expr"), rule("keyword.js", "c-expr"),
    ],
    colors: {
      "editor.background": hex("page"), "editor.foreground": hex("fg"), "editorGutter.background": hex("page"),
      "editor.lineHighlightBackground": hex("line-hl"), "editor.lineHighlightBorder": "#00000000",
      "editorLineNumber.foreground": hex("fg-3"), "editorLineNumber.activeForeground": hex("fg"),
      "editor.selectionBackground": hex("accent", "40"), "editor.inactiveSelectionBackground": hex("accent", "26"),
      "editor.selectionHighlightBackground": hex("accent", "26"), "editor.wordHighlightBackground": hex("accent", "1f"),
      "editor.findMatchBackground": hex("mark-now"), "editor.findMatchHighlightBackground": hex("mark"),
      "editorCursor.foreground": hex("accent-fg"), "editorIndentGuide.background1": hex("line"), "editorIndentGuide.activeBackground1": hex("line-2"),
      "editorWidget.background": hex("float"), "editorWidget.border": hex("line-2"), "editorSuggestWidget.background": hex("float"),
      "editorSuggestWidget.border": hex("line-2"), "editorSuggestWidget.selectedBackground": hex("select"), "editorSuggestWidget.selectedForeground": hex("fg"),
      "editorSuggestWidget.highlightForeground": hex("accent-fg"), "editorSuggestWidget.focusHighlightForeground": hex("accent-fg"),
      "editorHoverWidget.background": hex("float"), "editorHoverWidget.border": hex("line-2"), "list.hoverBackground": hex("hover"),
      "editorError.foreground": hex("bad-solid"), "editorWarning.foreground": hex("warn-solid"), "editorInfo.foreground": hex("live-solid"),
      "editorStickyScroll.background": hex("page"), "editorStickyScrollHover.background": hex("hover"), "editorStickyScroll.border": hex("line"), "editorStickyScroll.shadow": "#00000000",
      "scrollbar.shadow": "#00000000", "scrollbarSlider.background": hex("fg-3", "40"), "scrollbarSlider.hoverBackground": hex("fg-3", "66"),
      "widget.shadow": dark ? "#00000080" : "#1c202429", "input.background": hex("inset"), "input.border": hex("line-2"), focusBorder: hex("focus"),
      "diffEditor.insertedLineBackground": hex("add"), "diffEditor.insertedTextBackground": hex("add-2", dark ? "" : "99"), "diffEditor.removedLineBackground": hex("del"), "diffEditor.removedTextBackground": hex("del-2", dark ? "" : "99"),
      "diffEditor.border": hex("line"), "diffEditor.unchangedRegionBackground": hex("raised"), "diffEditor.unchangedRegionForeground": hex("fg-2"),
      "editorBracketMatch.background": hex("accent", "26"), "editorBracketMatch.border": hex("accent-line"), "minimap.background": hex("page"), "editorOverviewRuler.border": "#00000000",
    },
  });
  monaco.editor.setTheme("flowdeck");
}

function fonts() {
  const kept = preferred();
  const own = token("mono") || "monospace", size = Number(kept.editorFontSize) || BASE.fontSize || 12.5;
  return { fontFamily: kept.editorFontFamily ? `"${String(kept.editorFontFamily).replace(/["\\;]/g, "")}", ${own}` : own, fontSize: size, lineHeight: Math.round(size * 1.6) };
}

let themed = false;
export function options() {
  if (!themed) {
    themed = true;
    applyTheme();
    onTheme(() => applyTheme());
    // Font and size are the reader's; a change reaches the editors that stand already.
    let worn = preferred().editorTheme || "";
    window.addEventListener("flowdeck:preferences", () => { const next = preferred().editorTheme || ""; if (next !== worn) { worn = next; applyTheme(); } });
    window.addEventListener("flowdeck:preferences", () => [...monaco.editor.getEditors(), ...monaco.editor.getDiffEditors()].forEach((one) => one.updateOptions(fonts())));
    document.fonts?.load("12.5px 'JetBrains Mono'").then(() => monaco.editor.remeasureFonts(), () => {}); // without the font the fallback is measured already
  }
  return {
    ...BASE,
    ...fonts(),
    theme: "flowdeck",
    automaticLayout: true,
    scrollBeyondLastLine: false,
    minimap: { enabled: false },
    renderLineHighlight: "line",
    smoothScrolling: false,
    fixedOverflowWidgets: true,
    // Without this a paste asks providers first and is dropped when a key or a click comes before their answer.
    pasteAs: { enabled: false },
    padding: { top: 4, bottom: 24 },
    lineNumbersMinChars: 3,
    glyphMargin: false,
    folding: true,
    tabSize: 2,
    insertSpaces: true,
    overviewRulerBorder: false,
    unicodeHighlight: { ambiguousCharacters: false },
    scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10 },
    bracketPairColorization: { enabled: false },
    stickyScroll: { enabled: true, maxLineCount: 3 },
    accessibilitySupport: "auto",
  };
}

const LANGUAGES = { py: "python", sh: "shell", bash: "shell", js: "javascript", ts: "javascript", mjs: "javascript", yml: "yaml", yaml: "yaml", json: "json", jsonl: "json", ion: "json", sql: "sql", md: "markdown", dockerfile: "dockerfile", xml: "xml", html: "xml", svg: "xml", toml: "ini", ini: "ini", properties: "ini", env: "ini", plain: "plaintext", text: "plaintext", txt: "plaintext" };
export const languageOf = (name) => LANGUAGES[(name || "").toLowerCase().split(".").pop()] || (name && monaco.languages.getLanguages().some((l) => l.id === name) ? name : "plaintext");

// ---- what editors share ----------------------------------------------------------------------------------------
// Texts that went to the page and come back as its value. An echo is no news, not even a late one: who saved twice and
// typed on has a newer text than both answers.
const KEPT_ECHOES = 8;
export function echoes(first) {
  let list = [first];
  return {
    add(text) { list = [...list.filter((one) => one !== text), text].slice(-KEPT_ECHOES); },
    // Whether a value of the page is an echo. What it answers is over, and so is all that was sent before.
    came(value) {
      const at = list.indexOf(value);
      list = at < 0 ? [value] : list.slice(at);
      return at >= 0;
    },
  };
}

// Ctrl S anywhere in an editor, also in its find box, its list of suggestions and what hangs beside it: heard before
// Monaco sees the key. Not addCommand: its keybindings are global, the last editor of a page would take them all.
export function onSaveKey(view, save) {
  const host = view.getContainerDomNode();
  const listen = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (event.key.toLowerCase() !== "s" && event.code !== "KeyS") return;
    event.preventDefault();
    event.stopPropagation();
    save();
  };
  host.addEventListener("keydown", listen, true);
  view.onDidDispose(() => host.removeEventListener("keydown", listen, true));
}

// Monaco closes a bracket where it knows the line's tokens, and finds those out when it is idle: who pastes and types on
// would get some brackets closed and others not. Hence the cursor's line is read at once, far down in a long text not.
const READ_AT_ONCE = 2_000;
export function readAtCursor(view) {
  return view.onDidChangeCursorPosition(({ position }) => {
    if (position.lineNumber <= READ_AT_ONCE) view.getModel()?.tokenization?.forceTokenization(position.lineNumber);
  });
}

// ---- YAML schemas, one service for all models ------------------------------------------------------------------
let service;
let serial = 0;
const schemas = new Map(); // model uri -> entry
const loaded = new Map(); // url -> promise of the schema

export function loadSchema(url) {
  if (!loaded.has(url)) {
    loaded.set(url, request(url));
    loaded.get(url).catch(() => loaded.delete(url));
  }
  return loaded.get(url);
}

// Plugin types come from yaml_help.jsx, with their required properties; the service's list of them would be a double.
function filtered(language, provider) {
  return monaco.languages.registerCompletionItemProvider(language, {
    ...provider,
    async provideCompletionItems(model, position, ...rest) {
      const answer = await provider.provideCompletionItems(model, position, ...rest);
      if (!answer) return answer;
      const text = (item) => (typeof item.label === "string" ? item.label : item.label.label).replace(/["']/g, "");
      return { ...answer, suggestions: answer.suggestions.filter((item) => !/^[\w]+(\.[\w]+){2,}$/.test(text(item))) };
    },
  });
}

function configure() {
  const all = { enableSchemaRequest: false, hover: true, completion: true, validate: true, format: false, schemas: [...schemas.values()] };
  if (service) service.update(all);
  else service = configureMonacoYaml({ ...monaco, languages: { ...monaco.languages, registerCompletionItemProvider: filtered } }, all);
}

export async function useSchemaFor(url, uri) {
  const schema = await loadSchema(url);
  schemas.set(uri, { uri: `${location.origin}/schema-${(serial += 1)}.json`, fileMatch: [uri], schema });
  configure();
  return schema;
}

export function dropSchemaFor(uri) {
  if (schemas.delete(uri)) configure();
}
