// Instants of a chart in the reader's zone. The figure's own values stay in UTC: only what is written is in the zone.

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/;
const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 56 * DAY, 112 * DAY, 364 * DAY];

export const isInstant = (value) => typeof value === "string" && INSTANT.test(value);

// The zone of the reader's preferences; undefined = the browser's.
export function readerZone() {
  try {
    const zone = JSON.parse(localStorage.getItem("fd-preferences") || "{}").zone || undefined;
    if (zone) new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}

const formats = new Map();
function parts(ms, zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }));
  return Object.fromEntries(formats.get(zone).formatToParts(ms).map((part) => [part.type, Number(part.value)]));
}

// What the clock on the wall shows, as if it were UTC, in whole seconds.
function wall(ms, zone) {
  const p = parts(ms, zone);
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second);
}

// The instant at which the wall clock shows `shown`.
function instantOf(shown, zone) {
  let at = shown - (wall(shown, zone) - shown);
  at = shown - (wall(at, zone) - at);
  return at;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (number) => String(number).padStart(2, "0");

// Places and words of an axis from `first` to `last` (ms): whole minutes, hours or days of the zone, at most `most`.
export function ticks(first, last, zone, most = 8) {
  const step = STEPS.find((one) => (last - first) / one <= most) || STEPS[STEPS.length - 1];
  const found = { tickvals: [], ticktext: [] };
  for (let shown = Math.ceil(wall(first, zone) / step) * step; ; shown += step) {
    const at = instantOf(shown, zone);
    if (at > last || found.tickvals.length > 4 * most) return found;
    if (at < first) continue;
    const p = parts(at, zone);
    const midnight = !p.hour && !p.minute;
    found.tickvals.push(new Date(at).toISOString());
    found.ticktext.push(step >= DAY || midnight ? `${p.day} ${MONTHS[p.month - 1]}${step >= 56 * DAY ? ` ${p.year}` : ""}` : `${two(p.hour)}:${two(p.minute)}`);
  }
}

// `20 Nov 2026, 14:05` in the zone; what is no instant stays.
export function told(value, zone) {
  if (!isInstant(value)) return String(value ?? "");
  const p = parts(Date.parse(value), zone);
  return `${p.day} ${MONTHS[p.month - 1]} ${p.year}, ${two(p.hour)}:${two(p.minute)}${p.second ? `:${two(p.second)}` : ""}`;
}

// The x axis of a figure over time; {} for another one.
export function timeAxis(traces, zone, width) {
  const xs = traces.flatMap((trace) => (trace.orientation === "h" ? [] : trace.x || [])).filter(isInstant).map((x) => Date.parse(x));
  if (xs.length < 2) return {};
  const first = xs.reduce((a, b) => Math.min(a, b)), last = xs.reduce((a, b) => Math.max(a, b));
  return { tickmode: "array", ...ticks(first, last, zone, Math.max(3, Math.min(10, Math.floor((width || 600) / 84)))) };
}
