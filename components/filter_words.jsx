// Conditions in words and back: operators, periods, the text form of the filter bar, the checks of values.
import { dateLocale } from "$/public/external/components/language/language.jsx";
export const WORDS = { EQUALS: "is", NOT_EQUALS: "is not", IN: "in", NOT_IN: "not in", CONTAINS: "contains", STARTS_WITH: "starts with", ENDS_WITH: "ends with", PREFIX: "within", REGEX: "matches", GREATER_THAN: "after", LESS_THAN: "before", GREATER_THAN_OR_EQUAL_TO: "from", LESS_THAN_OR_EQUAL_TO: "until" };
export const PERIODS = { PT5M: "last 5 min", PT15M: "last 15 min", PT1H: "last hour", PT12H: "last 12 hours", PT24H: "last 24 hours", PT48H: "last 48 hours", PT168H: "last 7 days", PT720H: "last 30 days", PT8760H: "last 365 days" };
export const CALENDAR = { TODAY: "today", YESTERDAY: "yesterday", WEEK: "this week" };
export const MANY = new Set(["IN", "NOT_IN"]);
export const DATES = new Set(["startDate", "endDate"]);

export const zoneOf = () => {
  try {
    return JSON.parse(localStorage.getItem("fd-preferences") || "{}").zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
};
export const periodWords = (value) => PERIODS[value] || CALENDAR[String(value).split("@")[0]] || value;

const two = (n) => String(n).padStart(2, "0");
// An instant short enough for a chip: the day only when it is not today.
export function instantWords(value, now = new Date()) {
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return String(value);
  const zone = zoneOf();
  const parts = (when, options) => new Intl.DateTimeFormat(dateLocale(), { timeZone: zone, ...options }).format(when);
  const day = { day: "numeric", month: "short", year: "numeric" };
  const clock = parts(at, { hour: "2-digit", minute: "2-digit", hour12: false });
  if (parts(at, day) === parts(now, day)) return clock;
  return `${parts(at, at.getFullYear() === now.getFullYear() ? { day: "numeric", month: "short" } : day)} ${clock}`;
}

export function say(spec, filter) {
  if (spec?.kind === "period") return periodWords(filter.value);
  if (spec?.kind === "date" || DATES.has(filter.field)) return instantWords(filter.value);
  return String(filter.value ?? "").split(",").join(", ");
}

// What a person or a browser writes for an instant, as ISO in UTC; empty when it is none. Local times are the reader's zone.
export function instantOf(text) {
  const wanted = String(text || "").trim();
  if (!wanted) return "";
  if (/[zZ]$|[+-]\d\d:?\d\d$/.test(wanted)) {
    const at = new Date(wanted);
    return Number.isNaN(at.getTime()) ? "" : at.toISOString();
  }
  const m = wanted.match(/^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/);
  if (!m) return "";
  const [year, month, day, hour, minute, second] = m.slice(1).map((x) => Number(x || 0));
  const guess = Date.UTC(year, month - 1, day, hour, minute, second);
  let at = guess;
  for (let i = 0; i < 2; i += 1) at = guess - offset(at); // twice: the offset may change between the two
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
function offset(ms) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-US", { timeZone: zoneOf(), hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(new Date(ms)).map((p) => [p.type, Number(p.value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - Math.floor(ms / 1000) * 1000;
}
// The value of an input of type datetime-local, in the reader's zone.
export function localValue(iso) {
  const ms = Date.parse(iso || "");
  if (Number.isNaN(ms)) return "";
  const at = new Date(ms + offset(ms));
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}T${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

// Why a value cannot be applied; empty when it can.
export function check(spec, operator, value, others = []) {
  const text = String(value || "").trim();
  if (!text) return "Enter a value.";
  if (operator === "REGEX") {
    try {
      new RegExp(text);
    } catch (error) {
      return error.message;
    }
  }
  if (spec.kind === "labels" && !/^[^:\s]+:.+$/.test(text)) return "Write it as key:value.";
  if (spec.kind === "date") {
    if (!instantOf(text)) return "Enter a date and time, like 2026-11-20T06:00:00Z.";
    const late = operator.startsWith("LESS");
    for (const one of others) {
      if (one.field !== spec.field || one.operator.startsWith("LESS") === late) continue;
      const [from, to] = late ? [one.value, instantOf(text)] : [instantOf(text), one.value];
      if (Date.parse(from) > Date.parse(to)) return "The end is before the start.";
    }
  }
  if (spec.kind === "number" && !/^-?\d+(\.\d+)?$/.test(text)) return "Enter a number.";
  return "";
}

// ---- the text form: `state in FAILED, WARNING and namespace within company` ------------------------------------
const quoted = (text) => (/^[^\s"][^"]*$/.test(text) && !/\sand\s/i.test(text) ? text : `"${text.replace(/(["\\])/g, "\\$1")}"`);
export function toText(keys, filters, query) {
  const parts = filters.map((f) => {
    const spec = keys.find((k) => k.field === f.field);
    const value = spec?.kind === "period" ? periodWords(f.value) : f.value;
    return `${spec?.label || f.field} ${WORDS[f.operator] || f.operator} ${quoted(String(value).split(",").join(", "))}`;
  });
  if (query) parts.unshift(`text ${quoted(query)}`);
  return parts.join(" and ");
}

function split(text) {
  const parts = [];
  let current = "";
  let inside = false;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === "\\" && inside) current += text[i] + (text[(i += 1)] ?? "");
    else if (text[i] === '"') {
      inside = !inside;
      current += '"';
    } else if (!inside && /^\sand\s/i.test(text.slice(i, i + 5))) {
      parts.push(current);
      current = "";
      i += 4;
    } else current += text[i];
  }
  if (inside) throw new Error('A quotation mark " is open.');
  return [...parts, current].map((part) => part.trim()).filter(Boolean);
}
const bare = (text) => {
  const t = text.trim();
  return t.startsWith('"') && t.endsWith('"') && t.length > 1 ? t.slice(1, -1).replace(/\\(["\\])/g, "$1") : t;
};
const OPERATORS = Object.entries({ ...Object.fromEntries(Object.entries(WORDS).map(([k, v]) => [v, k])), "=": "EQUALS", "!=": "NOT_EQUALS", "~": "REGEX", prefix: "PREFIX" }).sort((a, b) => b[0].length - a[0].length);

// {filters, query} of a text; throws with the reason.
export function fromText(keys, text) {
  const filters = [];
  let query = "";
  const names = keys.flatMap((k) => [[k.label.toLowerCase(), k], [k.field.toLowerCase(), k]]).sort((a, b) => b[0].length - a[0].length);
  for (const part of split(text)) {
    const low = part.toLowerCase();
    if (/^text\s/.test(low)) {
      query = bare(part.slice(5));
      continue;
    }
    const hit = names.find(([name]) => low.startsWith(`${name} `));
    if (!hit) {
      if (/^"/.test(part)) {
        query = bare(part);
        continue;
      }
      throw new Error(`“${part.split(" ")[0]}” is not something this list can filter by: ${keys.map((k) => k.label).join(", ")}.`);
    }
    const spec = hit[1];
    const rest = part.slice(hit[0].length + 1).trim();
    const operator = OPERATORS.find(([word]) => rest.toLowerCase().startsWith(`${word} `)) || OPERATORS.find(([, name]) => rest.startsWith(`${name} `));
    if (!operator) throw new Error(`After “${spec.label}” stands one of: ${spec.operators.map((o) => WORDS[o]).join(", ")}.`);
    if (!spec.operators.includes(operator[1]) && operator[1] !== "EQUALS") throw new Error(`“${spec.label}” knows ${spec.operators.map((o) => WORDS[o]).join(", ")}.`);
    const word = rest.toLowerCase().startsWith(operator[0]) ? operator[0] : operator[1];
    let value = bare(rest.slice(word.length));
    if (MANY.has(operator[1]) || spec.kind === "choice") value = value.split(",").map((x) => x.trim()).filter(Boolean).join(",");
    if (spec.kind === "period") {
      const period = Object.entries(PERIODS).find(([k, w]) => w === value.toLowerCase() || k === value);
      const day = Object.entries(CALENDAR).find(([k, w]) => w === value.toLowerCase() || k === value);
      if (!period && !day && !/^P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?$/.test(value)) throw new Error(`“${value}” is no period: ${Object.values(PERIODS).join(", ")}.`);
      value = period ? period[0] : day ? `${day[0]}@${zoneOf()}` : value;
    }
    const fault = check(spec, operator[1], value, filters);
    if (fault) throw new Error(`${spec.label}: ${fault}`);
    filters.push({ field: spec.field, operator: operator[1], value: spec.kind === "date" ? instantOf(value) : value });
  }
  return { filters, query };
}

// The query string of conditions, as the page's URL has it.
export function queryOf(filters, query) {
  const pairs = new URLSearchParams();
  if (query) pairs.append("filters[q][EQUALS]", query);
  for (const f of filters) {
    if (f.field === "labels") {
      const at = f.value.indexOf(":");
      pairs.append(`filters[labels][${f.operator}][${f.value.slice(0, at)}]`, f.value.slice(at + 1));
    } else pairs.append(`filters[${f.field}][${f.operator}]`, f.value);
  }
  return String(pairs);
}
// And back, for words.
export function filtersOf(text) {
  const filters = [];
  let query = "";
  for (const [name, value] of new URLSearchParams(text)) {
    const m = name.match(/^filters\[([^\]]+)\]\[([A-Z_]+)\](?:\[(.+)\])?$/);
    if (!m) continue;
    if (m[1] === "q") query = value;
    else filters.push({ field: m[1], operator: m[2], value: m[3] ? `${m[3]}:${value}` : value });
  }
  return { filters, query };
}
export function inWords(keys, text) {
  const { filters, query } = filtersOf(text);
  const parts = filters.map((f) => {
    const spec = keys.find((k) => k.field === f.field);
    return spec?.kind === "period" ? say(spec, f) : `${spec?.label || f.field} ${WORDS[f.operator] || f.operator} ${say(spec, f)}`;
  });
  return [query ? `“${query}”` : "", ...parts].filter(Boolean).join(", ") || "everything";
}
