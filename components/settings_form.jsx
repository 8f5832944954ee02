// Settings of the reader by groups: each change is applied in this browser at once and kept by the server.
import { useContext, useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { ColorModeContext } from "$/utils/context";
import { inOrder, store, useAbsent } from "./shell.jsx";
import { applyPreferences } from "./session.jsx";
import { chosenForm } from "./clock.jsx";
import { LANGUAGES, nameOf } from "../language/language.jsx";

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zones = () => { try { return Intl.supportedValuesOf("timeZone"); } catch { return []; } };
const offset = (zone) => { try { return new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(Date.now()).find((p) => p.type === "timeZoneName").value.replace("GMT", "UTC"); } catch { return ""; } };
const FORMATS = [["", "As designed (06:02:32, 18 Nov)"], ["iso", "ISO with offset"], ["sortable", "YYYY-MM-DD HH:mm:ss"], ["slashes", "DD/MM/YYYY HH:mm:ss"], ["short", "Short, localised"], ["medium", "Medium, localised"], ["long", "Long, localised"], ["full", "Full, localised"]];
const FONTS = ["", "JetBrains Mono", "Source Code Pro", "Courier", "Times New Roman", "Book Antiqua", "Times New Roman Arabic", "SimSun"];

// key, title, hint, control: choices, number, text, colour or switch
const GROUPS = [
  ["Main", [
    ["defaultNamespace", "Default namespace", "Where a new flow begins.", { text: "company.team", mono: true }],
    ["homePage", "Home page", "Where the console opens.", { choices: [["", "Dashboard"], ["flows", "Flows"], ["executions", "Executions"], ["logs", "Logs"], ["namespaces", "Namespaces"]] }],
    ["editorType", "Editor opens with", "The YAML, or the forms over it.", { choices: [["", "YAML"], ["NO_CODE", "No-code"]] }],
    ["logLevel", "Lowest log level", "In all logs, until a page asks for another.", { choices: [["", "INFO"], ["TRACE", "TRACE"], ["DEBUG", "DEBUG"], ["WARN", "WARN"], ["ERROR", "ERROR"]] }],
    ["executionTab", "An execution opens at", "The tab that lists and “Execute” lead to.", { choices: [["", "Gantt"], ["overview", "Overview"], ["logs", "Logs"], ["topology", "Topology"], ["outputs", "Outputs"], ["metrics", "Metrics"]] }],
    ["flowTab", "A flow opens at", "", { choices: [["", "Overview"], ["topology", "Topology"], ["executions", "Executions"], ["edit", "Edit"], ["revisions", "Revisions"], ["triggers", "Triggers"], ["logs", "Logs"], ["metrics", "Metrics"], ["dependencies", "Dependencies"]] }],
    ["executeIn", "Execute opens", "Where the new execution is shown.", { choices: [["", "In this tab"], ["new", "In a new tab"]] }],
    ["refreshSeconds", "Lists refresh themselves", "Until a list gets an interval of its own.", { choices: [["", "Off"], [5, "Every 5 s"], [10, "Every 10 s"], [30, "Every 30 s"], [60, "Every minute"], [300, "Every 5 minutes"]] }],
    ["playground", "Playground in the editor", "The panel that plays single tasks begins open.", { toggle: true }],
    ["logDisplay", "Log lines by task", "Which groups begin open in the log of an execution.", { choices: [["", "All"], ["failed", "Failed only"], ["none", "None"]] }],
  ]],
  ["Theme", [
    ["theme", "Appearance", "System follows the setting of this computer.", { choices: [["system", "System"], ["light", "Light"], ["dark", "Dark"]] }],
    ["density", "Density of lists", "Compact makes every row 28 px high.", { choices: [["", "As designed"], ["compact", "Compact"]] }],
    ["chartScheme", "Colours of states", "Blue and orange in place of green and red.", { choices: [["", "Green and red"], ["blind", "Colour-blind safe"]] }],
    ["editorTheme", "Theme of editors", "", { choices: [["", "As the console"], ["light", "Light"], ["dark", "Dark"]] }],
    ["editorFold", "Fold long texts", "Texts of several lines begin folded (F10 folds them at any time).", { toggle: true }],
    ["editorFontSize", "Font size of editors", "1 to 50 px.", { number: [1, 50], first: 12.5 }],
    ["editorFontFamily", "Font of editors", "Any font of this computer; one with fixed width reads best.", { choices: FONTS.map((f) => [f, f || "As designed"]), free: true }],
    ["environmentName", "Name of the environment", "Shown beside the logo, for you alone.", { text: "" }],
    ["environmentColour", "Colour of the environment", "The strip across the top.", { colour: true }],
  ]],
  ["Language and region", [
    ["language", "Language", "Of this console; flows and their logs keep theirs.", { languages: true }],
    ["zone", "Time zone", "For display only; schedules keep their own.", { zones: true }],
    ["dateFormat", "Form of dates", "", { choices: FORMATS, sample: true }],
    ["hour12", "12 hours with AM and PM", "", { toggle: true }],
    ["firstDay", "First day of the week", "Where “this week” begins.", { choices: [["", "Monday"], ["5", "Saturday"], ["6", "Sunday"]] }],
    ["absolute", "Dates in place of “2 h ago”", "The other form stands in the tooltip.", { toggle: true }],
  ]],
  ["Notifications", [
    ["notifyEnd", "When an execution that I started ends", "By the browser, while a tab of the console is open.", { toggle: true, browser: true }],
    ["notifyFail", "When it fails", "Also without the switch above.", { toggle: true, browser: true }],
    ["notifySound", "With a sound", "", { toggle: true }],
  ]],
  ["Keyboard", [["singleKeys", "Shortcuts without Ctrl", "Like g then f, or j and k in lists. The key ? lists them all.", { toggle: true, first: true }]]],
];
const KEYS = [...GROUPS.flatMap(([, rows]) => rows.map((row) => row[0])), "hiddenMenu", "menuOrder"];

function Text({ value, onChange, kind, label, testid }) {
  const [text, setText] = useState(value ?? "");
  const typing = useRef(false);
  useEffect(() => { if (!typing.current) setText(value ?? ""); }, [value]);
  const done = () => { typing.current = false; if (String(text) !== String(value ?? "")) onChange(text); };
  return jsx("div", { className: "inp" }, jsx("input", { value: text, className: kind.mono ? "mono" : undefined, placeholder: kind.text || undefined, "aria-label": label, "data-testid": testid, list: kind.free ? `${testid}-list` : undefined, spellCheck: false, maxLength: 200,
    onChange: (e) => { typing.current = true; setText(e.target.value); }, onBlur: done, onKeyDown: (e) => e.key === "Enter" && done() }));
}

// Order and choice of the menu: dragged, or moved by the buttons; a group keeps its entries together.
function MenuOrder({ entries, order, hidden, onOrder, onHidden }) {
  const dragged = useRef(""), [over, setOver] = useState(""), [said, setSaid] = useState("");
  const sorted = inOrder(entries, order);
  const place = (to, at) => {
    const one = entries.find((e) => e.to === to), peers = sorted.filter((e) => e.group === one.group).map((e) => e.to), from = peers.indexOf(to);
    if (at < 0 || at >= peers.length || at === from) return;
    peers.splice(at, 0, ...peers.splice(from, 1));
    onOrder(sorted.map((e) => e.group).filter((g, i, all) => all.indexOf(g) === i).flatMap((g) => (g === one.group ? peers : sorted.filter((e) => e.group === g).map((e) => e.to))));
    setSaid(`${one.label} is at place ${at + 1} of ${peers.length}`);
  };
  let group = null;
  return jsx("div", { className: "menuorder", "data-testid": "settings-menu" }, jsx("span", { className: "vh", role: "status" }, said), sorted.map((e) => {
    const head = e.group !== group ? ((group = e.group), jsx("h3", { key: "g" + e.group }, e.group || "Main menu")) : null;
    const peers = sorted.filter((o) => o.group === e.group), at = peers.findIndex((o) => o.to === e.to), off = hidden.includes(e.to);
    const button = (by, label, d) => jsx("button", { type: "button", className: "ib", disabled: at + by < 0 || at + by >= peers.length, "aria-label": `Move ${e.label} ${label}`, title: `Move ${label}`, onClick: () => place(e.to, at + by), "data-testid": `settings-menu-${label}` }, jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", "aria-hidden": true }, jsx("path", { d })));
    return [head, jsx("div", { key: e.to, className: "mrow" + (over === e.to ? " drop" : ""), draggable: true, onDragStart: () => { dragged.current = e.to; }, onDragEnd: () => setOver(""),
      onDragOver: (x) => { const from = entries.find((o) => o.to === dragged.current); if (from?.group === e.group) { x.preventDefault(); setOver(e.to); } },
      onDrop: () => { setOver(""); if (dragged.current) place(dragged.current, at); dragged.current = ""; } },
      jsx("span", { className: "grab", "aria-hidden": true }, "⋮⋮"),
      jsx("label", { className: "row g6 pick grow" }, jsx("input", { type: "checkbox", checked: !off, onChange: () => onHidden(off ? hidden.filter((x) => x !== e.to) : [...hidden, e.to]), "data-testid": `settings-menu${e.to.replaceAll("/", "-")}` }), e.label),
      button(-1, "up", "m6 15 6-6 6 6"), button(1, "down", "m6 9 6 6 6-6"))];
  }));
}

export function SettingsForm({ settings: mine = {}, defaults = {}, administers = false, tenant = "main", entries: all = [], onChange: onMine, onReset: onMineReset, onDefaults, onDefaultsReset }) {
  const [everybody, setEverybody] = useState(false), absent = useAbsent();
  const entries = all.filter((e) => !absent(e) && !e.below);
  const settings = everybody ? defaults : mine, onChange = everybody ? onDefaults : onMine, onReset = everybody ? onDefaultsReset : onMineReset;
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  const [local, setLocal] = useState({}), [saved, setSaved] = useState(""), [fault, setFault] = useState("");
  const file = useRef(null);
  useEffect(() => setLocal(store.get("fd-preferences", {})), [JSON.stringify(settings)]);
  // The theme lives in the framework's own place; the server's word wins when a reader comes from elsewhere.
  useEffect(() => { if (settings.theme && settings.theme !== rawColorMode) setColorMode(settings.theme); }, [settings.theme]);
  const valueOf = (key, first) => everybody ? settings[key] ?? (key === "theme" ? "" : first) ?? "" : (key === "theme" ? rawColorMode : settings[key] ?? (["zone", "density", "singleKeys"].includes(key) ? local[key] : undefined) ?? first ?? "");
  const put = (changes) => {
    if (everybody) { onChange?.(changes); setSaved(Object.keys(changes).join()); setFault(""); setTimeout(() => setSaved(""), 2000); return; }
    const next = { ...store.get("fd-preferences", {}), ...changes };
    delete next.theme;
    store.set("fd-preferences", next);
    if ("theme" in changes) setColorMode(changes.theme);
    applyPreferences(next);
    onChange?.(changes);
    setSaved(Object.keys(changes).join()); setFault("");
    setTimeout(() => setSaved(""), 2000);
  };
  const reset = (rows) => {
    const keys = rows.map((row) => row[0]);
    if (everybody) { onReset?.(keys); return; }
    const next = { ...store.get("fd-preferences", {}) };
    keys.forEach((key) => delete next[key]);
    store.set("fd-preferences", next);
    if (keys.includes("theme")) setColorMode("system");
    applyPreferences(next);
    onReset?.(keys);
  };
  const exported = () => {
    const body = Object.fromEntries(Object.entries({ ...local, ...settings, theme: rawColorMode }).filter(([key]) => KEYS.includes(key) || ["columns", "bookmarks", "dashboard", "editor", "defaultViews"].includes(key)));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ flowdeck: "settings", settings: body }, null, 2)], { type: "application/json" }));
    link.download = "flowdeck-settings.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 5000);
  };
  const imported = async (event) => {
    const chosen = event.target.files?.[0];
    event.target.value = "";
    if (!chosen) return;
    try {
      const body = JSON.parse(await chosen.text());
      if (body?.flowdeck !== "settings" || typeof body.settings !== "object") throw new Error();
      put(Object.fromEntries(Object.entries(body.settings).filter(([key]) => KEYS.includes(key) || ["columns", "bookmarks", "dashboard", "editor", "defaultViews"].includes(key))));
      setSaved("import");
    } catch { setFault("This file holds no settings of flowdeck."); }
  };
  const control = (key, title, kind) => {
    const value = valueOf(key, kind.first), id = `settings-${key}`;
    if (kind.toggle) return jsx("button", { type: "button", role: "switch", "aria-checked": value === true, "aria-label": title, className: value === true ? "sw on" : "sw", onClick: async () => {
      if (kind.browser && value !== true && !everybody) {
        const answer = typeof Notification === "undefined" ? "denied" : Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission;
        if (answer !== "granted") { setFault("This browser does not let the console notify you."); return; }
      }
      put({ [key]: value !== true });
    }, "data-testid": id });
    if (kind.free) return jsx("span", { className: "row g6" }, jsx(Text, { value, onChange: (v) => put({ [key]: v }), kind, label: title, testid: id }), jsx("datalist", { id: `${id}-list` }, kind.choices.filter(([v]) => v).map(([v]) => jsx("option", { key: v, value: v }))));
    if (kind.choices) return jsx("span", { className: "row g12" }, kind.sample ? jsx("span", { className: "mut sm num", "data-testid": "settings-sample" }, chosenForm(Date.now(), { zone: valueOf("zone"), dateFormat: value, hour12: valueOf("hour12") === true })) : null,
      jsx("select", { className: "inp", value, "aria-label": title, "data-testid": id, onChange: (e) => put({ [key]: typeof kind.choices[1]?.[0] === "number" && e.target.value ? Number(e.target.value) : everybody && e.target.value === "" ? null : e.target.value }) }, (everybody && kind.choices[0][0] !== "" ? [["", "No default"], ...kind.choices] : kind.choices).map(([v, word]) => jsx("option", { key: v, value: v }, word))));
    if (kind.languages) return jsx("select", { className: "inp", value, "aria-label": title, "data-testid": id, onChange: (e) => put({ [key]: e.target.value }) }, jsx("option", { value: "" }, "As the browser"), LANGUAGES.map((code) => jsx("option", { key: code, value: code, lang: code }, nameOf(code))));
    if (kind.zones) return jsx("select", { className: "inp", value, "aria-label": title, "data-testid": "settings-zone", onChange: (e) => put({ [key]: e.target.value }) }, jsx("option", { value: "" }, `Browser (${here}, ${offset(here)})`), zones().map((z) => jsx("option", { key: z, value: z }, `${z} (${offset(z)})`)));
    if (kind.number) return jsx("div", { className: "inp" }, jsx("input", { type: "number", min: kind.number[0], max: kind.number[1], step: 0.5, value, "aria-label": title, "data-testid": id, onChange: (e) => { const n = Number(e.target.value); if (n >= kind.number[0] && n <= kind.number[1]) put({ [key]: n }); } }));
    if (kind.colour) return jsx("span", { className: "row g6" }, jsx("input", { type: "color", className: "swatch", value: value || "#8c7a5e", "aria-label": title, "data-testid": id, onChange: (e) => put({ [key]: e.target.value }) }), value ? jsx("button", { type: "button", className: "btn s gho", onClick: () => reset([[key]]) }, "Server's own") : null);
    return jsx(Text, { value, onChange: (v) => put({ [key]: v.trim() }), kind, label: title, testid: id });
  };
  return jsx("div", { className: "settings-form" },
    administers ? jsx("div", { className: "setscope" }, jsx("div", { className: "seg", role: "radiogroup", "aria-label": "Whose settings" }, [[false, "Mine"], [true, "For everybody"]].map(([k, word]) => jsx("button", { key: word, type: "button", role: "radio", "aria-checked": everybody === k, className: everybody === k ? "on" : "", onClick: () => setEverybody(k), "data-testid": k ? "settings-everybody" : "settings-mine" }, word))),
      jsx("span", { className: "sm mut" }, everybody ? "What holds in this tenant for those who did not choose. Your own choices stay as they are." : "Each change applies at once and follows you to other browsers.")) : null,
    fault ? jsx("div", { className: "al bad", role: "alert" }, jsx("span", null, fault)) : null,
    GROUPS.map(([name, rows]) => jsx("section", { key: name },
      jsx("header", { className: "sec" }, jsx("h2", null, name), jsx("span", { className: "grow" }), jsx("button", { type: "button", className: "btn s gho", onClick: () => reset(rows), "data-testid": `settings-reset-${rows[0][0]}` }, "Reset")),
      rows.map(([key, title, hint, kind]) => jsx("div", { key, className: "set-row" },
        jsx("div", { className: "col" }, jsx("b", { className: "med" }, title), hint ? jsx("span", { className: "sm mut" }, hint) : null),
        jsx("span", { className: "row g12 set-c" }, saved === key ? jsx("span", { className: "sm fgs ok", role: "status", "data-testid": "settings-saved" }, "Saved") : null, control(key, title, kind)))))),
    jsx("section", null, jsx("header", { className: "sec" }, jsx("h2", null, "Menu"), jsx("span", { className: "grow" }), jsx("button", { type: "button", className: "btn s gho", onClick: () => reset([["hiddenMenu"], ["menuOrder"]]), "data-testid": "settings-reset-menu" }, "Reset")),
      jsx("div", { className: "set-row tall" }, jsx("div", { className: "col" }, jsx("b", { className: "med" }, "Entries and their order"), jsx("span", { className: "sm mut" }, "Drag an entry, or move it with its buttons. Hidden ones are still found by the search.")),
        jsx(MenuOrder, { entries, order: valueOf("menuOrder", []) || [], hidden: valueOf("hiddenMenu", []) || [], onOrder: (menuOrder) => put({ menuOrder }), onHidden: (hiddenMenu) => put({ hiddenMenu }) }))),
    everybody ? null : jsx("section", null, jsx("header", { className: "sec" }, jsx("h2", null, "Export")),
      jsx("div", { className: "set-row" }, jsx("div", { className: "col" }, jsx("b", { className: "med" }, "These settings"), jsx("span", { className: "sm mut" }, "As JSON, to take them to another server.")),
        jsx("span", { className: "row g6" }, saved === "import" ? jsx("span", { className: "sm fgs ok", role: "status" }, "Imported") : null,
          jsx("button", { type: "button", className: "btn", onClick: exported, "data-testid": "settings-export" }, "Export"), jsx("button", { type: "button", className: "btn", onClick: () => file.current?.click() }, "Import"),
          jsx("input", { ref: file, type: "file", accept: ".json", hidden: true, onChange: imported, "data-testid": "settings-import", "aria-label": "Import settings" }))),
      jsx("div", { className: "set-row" }, jsx("div", { className: "col" }, jsx("b", { className: "med" }, "All flows"), jsx("span", { className: "sm mut" }, "Their sources as a ZIP.")),
        jsx("a", { className: "btn", href: `/api/v1/${tenant}/flows/export/by-query`, download: true, "data-testid": "settings-flows" }, "Download"))));
}
