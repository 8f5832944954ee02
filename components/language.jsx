// The language of the reader: catalogues, phrases with slots and plurals, and the locale of dates and numbers.
//
// Modules do not import the `$` functions themselves: the build puts them around the literals that people read
// (`app/locales/words_plugin.mjs`). English is the text itself, so it loads nothing and an unknown word falls back to it.
import { useEffect, useState } from "react";
import { Fragment, jsx } from "react/jsx-runtime";
import catalogues from "virtual:catalogues";

export const LANGUAGES = ["en", ...Object.keys(catalogues)];
const inBrowser = typeof window !== "undefined";
let language = "en", words = {}, rules = null;
const makers = [];

// A text that is counted elsewhere may be asked for without its number: then the form for most numbers.
export const $t = (text) => { const said = words[text]; return typeof said === "string" ? said : (typeof said === "object" && said && (said.many || said.other)) || text; };
const fill = (text, slots) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in slots ? String(slots[name]) : whole));
export const $p = (text, slots) => fill($t(text), slots);

// A counted phrase: the catalogue gives one text, or one for each plural category of its language.
export function $n(count, one, other, slots) {
  const said = words[other], n = Number(count);
  if (said && typeof said === "object") return fill(said[rules.select(Number.isNaN(n) ? 2 : n)] || said.other || other, slots);
  if (language === "en") return fill(n === 1 ? one : other, slots);
  return fill($t(rules.select(Number.isNaN(n) ? 2 : n) === "one" ? one : other), slots);
}

// Constants of modules that hold words are made again when the language changes.
export function $words(make) { makers.push(make); make(); }

// The locale of dates and numbers; English dates read as the design has them (18 Nov, 24 hours).
export const dateLocale = () => (language === "en" || language === "xx" ? "en-GB" : language);
export const numberLocale = () => (language === "en" || language === "xx" ? "en-US" : language);
export const languageNow = () => language;
export const $count = (n) => (n ?? 0).toLocaleString(numberLocale());

export function nameOf(code) {
  try { const name = new Intl.DisplayNames([code], { type: "language" }).of(code); return name.charAt(0).toLocaleUpperCase(code) + name.slice(1); } catch { return code; }
}

const known = (tag) => LANGUAGES.find((one) => one.toLowerCase() === tag.toLowerCase()) || LANGUAGES.find((one) => one.split("-")[0] === tag.split("-")[0].toLowerCase());

// What the reader chose, else the first language of the browser that the console speaks.
export function wanted() {
  let chosen = "";
  try { chosen = JSON.parse(localStorage.getItem("fd-preferences") || "{}").language || ""; } catch { /* a private window */ }
  for (const tag of [chosen, ...(navigator.languages || [navigator.language])]) { const found = tag && known(String(tag)); if (found) return found; }
  return "en";
}

async function learn(next) {
  const loaded = next === "en" ? {} : (await catalogues[next]()).default;
  language = next; words = loaded; rules = new Intl.PluralRules(next === "xx" ? "en" : next);
  document.documentElement.lang = next === "xx" ? "en" : next;
  makers.forEach((make) => make());
}

// Before the first paint; without its file the console speaks English.
if (inBrowser) {
  const first = wanted();
  if (first !== "en") { try { await learn(first); } catch { /* English it is */ } }
}

let asked = 0;
async function change(next, done) {
  const turn = (asked += 1);
  try { await learn(next); if (turn === asked) done(next); } catch (error) { console.warn("the words of this language could not be loaded", next, error); }
}

// Around all pages: what it holds is drawn anew in a new language, the page and its state on the server stay.
export function Language({ children }) {
  const [shown, show] = useState(language);
  useEffect(() => {
    document.documentElement.lang = language === "xx" ? "en" : language;
    const look = () => {
      const next = wanted();
      if (next === language) return;
      const held = document.activeElement?.getAttribute?.("data-testid");
      change(next, (now) => { show(now); if (held) requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(`[data-testid="${CSS.escape(held)}"]`)?.focus())); });
    };
    look();
    window.addEventListener("flowdeck:preferences", look);
    return () => window.removeEventListener("flowdeck:preferences", look);
  }, []);
  return jsx(Fragment, { children }, shown);
}
