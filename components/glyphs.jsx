// Icons (one module an icon, no barrel), state marks, and the formats of numbers, spans and times.
import Pencil from "lucide-react/dist/esm/icons/pencil.mjs";
import Trash2 from "lucide-react/dist/esm/icons/trash-2.mjs";
import Search from "lucide-react/dist/esm/icons/search.mjs";
import ChevronUp from "lucide-react/dist/esm/icons/chevron-up.mjs";
import ChevronDown from "lucide-react/dist/esm/icons/chevron-down.mjs";
import ChevronRight from "lucide-react/dist/esm/icons/chevron-right.mjs";
import ChevronLeft from "lucide-react/dist/esm/icons/chevron-left.mjs";
import Route from "lucide-react/dist/esm/icons/route.mjs";
import Signpost from "lucide-react/dist/esm/icons/signpost.mjs";
import ZoomIn from "lucide-react/dist/esm/icons/zoom-in.mjs";
import ZoomOut from "lucide-react/dist/esm/icons/zoom-out.mjs";
import Maximize from "lucide-react/dist/esm/icons/maximize.mjs";
import WrapText from "lucide-react/dist/esm/icons/wrap-text.mjs";
import Clock from "lucide-react/dist/esm/icons/clock.mjs";
import Download from "lucide-react/dist/esm/icons/download.mjs";
import Ellipsis from "lucide-react/dist/esm/icons/ellipsis.mjs";
import Link from "lucide-react/dist/esm/icons/link.mjs";
import Copy from "lucide-react/dist/esm/icons/copy.mjs";
import ArrowDown from "lucide-react/dist/esm/icons/arrow-down.mjs";
import ArrowRight from "lucide-react/dist/esm/icons/arrow-right.mjs";
import X from "lucide-react/dist/esm/icons/x.mjs";
import Plus from "lucide-react/dist/esm/icons/plus.mjs";
import Minus from "lucide-react/dist/esm/icons/minus.mjs";
import Database from "lucide-react/dist/esm/icons/database.mjs";
import Globe from "lucide-react/dist/esm/icons/globe.mjs";
import GitBranch from "lucide-react/dist/esm/icons/git-branch.mjs";
import Repeat from "lucide-react/dist/esm/icons/repeat.mjs";
import ListChecks from "lucide-react/dist/esm/icons/list-checks.mjs";
import Send from "lucide-react/dist/esm/icons/send.mjs";
import Flag from "lucide-react/dist/esm/icons/flag.mjs";
import MessageSquare from "lucide-react/dist/esm/icons/message-square.mjs";
import Terminal from "lucide-react/dist/esm/icons/terminal.mjs";
import FileText from "lucide-react/dist/esm/icons/file-text.mjs";
import File from "lucide-react/dist/esm/icons/file.mjs";
import Folder from "lucide-react/dist/esm/icons/folder.mjs";
import KeyRound from "lucide-react/dist/esm/icons/key-round.mjs";
import Table2 from "lucide-react/dist/esm/icons/table-2.mjs";
import Play from "lucide-react/dist/esm/icons/play.mjs";
import CircleAlert from "lucide-react/dist/esm/icons/circle-alert.mjs";
import Info from "lucide-react/dist/esm/icons/info.mjs";
import Layers from "lucide-react/dist/esm/icons/layers.mjs";
import Workflow from "lucide-react/dist/esm/icons/workflow.mjs";
import Braces from "lucide-react/dist/esm/icons/braces.mjs";
import Hash from "lucide-react/dist/esm/icons/hash.mjs";
import ToggleLeft from "lucide-react/dist/esm/icons/toggle-left.mjs";
import Type from "lucide-react/dist/esm/icons/type.mjs";
import List from "lucide-react/dist/esm/icons/list.mjs";
import Calendar from "lucide-react/dist/esm/icons/calendar.mjs";
import Eye from "lucide-react/dist/esm/icons/eye.mjs";
import EyeOff from "lucide-react/dist/esm/icons/eye-off.mjs";
import Upload from "lucide-react/dist/esm/icons/upload.mjs";
import Check from "lucide-react/dist/esm/icons/check.mjs";
import ExternalLink from "lucide-react/dist/esm/icons/external-link.mjs";
import Mail from "lucide-react/dist/esm/icons/mail.mjs";
import Cloud from "lucide-react/dist/esm/icons/cloud.mjs";
import Box from "lucide-react/dist/esm/icons/box.mjs";
import CircleUser from "lucide-react/dist/esm/icons/circle-user.mjs";
import Webhook from "lucide-react/dist/esm/icons/webhook.mjs";
import Code from "lucide-react/dist/esm/icons/code.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import Mic from "lucide-react/dist/esm/icons/mic.mjs";
import Pin from "lucide-react/dist/esm/icons/pin.mjs";
import Timer from "lucide-react/dist/esm/icons/timer.mjs";
import Archive from "lucide-react/dist/esm/icons/archive.mjs";
import Server from "lucide-react/dist/esm/icons/server.mjs";
import Rows3 from "lucide-react/dist/esm/icons/rows-3.mjs";
import CircleDashed from "lucide-react/dist/esm/icons/circle-dashed.mjs";
import CircleDotDashed from "lucide-react/dist/esm/icons/circle-dot-dashed.mjs";
import Hourglass from "lucide-react/dist/esm/icons/hourglass.mjs";
import CirclePlay from "lucide-react/dist/esm/icons/circle-play.mjs";
import RefreshCw from "lucide-react/dist/esm/icons/refresh-cw.mjs";
import Rewind from "lucide-react/dist/esm/icons/rewind.mjs";
import CirclePause from "lucide-react/dist/esm/icons/circle-pause.mjs";
import Bug from "lucide-react/dist/esm/icons/bug.mjs";
import CircleCheck from "lucide-react/dist/esm/icons/circle-check.mjs";
import TriangleAlert from "lucide-react/dist/esm/icons/triangle-alert.mjs";
import OctagonX from "lucide-react/dist/esm/icons/octagon-x.mjs";
import Square from "lucide-react/dist/esm/icons/square.mjs";
import SquareX from "lucide-react/dist/esm/icons/square-x.mjs";
import Ban from "lucide-react/dist/esm/icons/ban.mjs";
import SkipForward from "lucide-react/dist/esm/icons/skip-forward.mjs";
import RefreshCwOff from "lucide-react/dist/esm/icons/refresh-cw-off.mjs";
import CopyPlus from "lucide-react/dist/esm/icons/copy-plus.mjs";
import Columns2 from "lucide-react/dist/esm/icons/columns-2.mjs";
import Rows2 from "lucide-react/dist/esm/icons/rows-2.mjs";
import Save from "lucide-react/dist/esm/icons/save.mjs";
import SearchCode from "lucide-react/dist/esm/icons/search-code.mjs";
import History from "lucide-react/dist/esm/icons/history.mjs";
import Image from "lucide-react/dist/esm/icons/image.mjs";
import { $count, dateLocale, numberLocale } from "$/public/external/components/language/language.jsx";

const ICONS = {
  "pencil": Pencil,
  "trash-2": Trash2,
  "search": Search,
  "chevron-up": ChevronUp,
  "chevron-down": ChevronDown,
  "chevron-right": ChevronRight,
  "chevron-left": ChevronLeft,
  "route": Route,
  "signpost": Signpost,
  "zoom-in": ZoomIn,
  "zoom-out": ZoomOut,
  "maximize": Maximize,
  "wrap-text": WrapText,
  "clock": Clock,
  "download": Download,
  "ellipsis": Ellipsis,
  "link": Link,
  "copy": Copy,
  "arrow-down": ArrowDown,
  "arrow-right": ArrowRight,
  "x": X,
  "plus": Plus,
  "minus": Minus,
  "database": Database,
  "pin": Pin,
  "sparkles": Sparkles,
  "mic": Mic,
  "timer": Timer,
  "archive": Archive,
  "server": Server,
  "globe": Globe,
  "git-branch": GitBranch,
  "repeat": Repeat,
  "list-checks": ListChecks,
  "send": Send,
  "flag": Flag,
  "message-square": MessageSquare,
  "terminal": Terminal,
  "file-text": FileText,
  "file": File,
  "folder": Folder,
  "key-round": KeyRound,
  "table-2": Table2,
  "play": Play,
  "circle-alert": CircleAlert,
  "info": Info,
  "layers": Layers,
  "workflow": Workflow,
  "braces": Braces,
  "hash": Hash,
  "toggle-left": ToggleLeft,
  "type": Type,
  "list": List,
  "calendar": Calendar,
  "eye": Eye,
  "eye-off": EyeOff,
  "upload": Upload,
  "check": Check,
  "external-link": ExternalLink,
  "mail": Mail,
  "cloud": Cloud,
  "box": Box,
  "circle-user": CircleUser,
  "webhook": Webhook,
  "code": Code,
  "rows-3": Rows3,
  "circle-dashed": CircleDashed,
  "circle-dot-dashed": CircleDotDashed,
  "hourglass": Hourglass,
  "circle-play": CirclePlay,
  "refresh-cw": RefreshCw,
  "rewind": Rewind,
  "circle-pause": CirclePause,
  "bug": Bug,
  "circle-check": CircleCheck,
  "triangle-alert": TriangleAlert,
  "octagon-x": OctagonX,
  "square": Square,
  "square-x": SquareX,
  "ban": Ban,
  "skip-forward": SkipForward,
  "refresh-cw-off": RefreshCwOff,
  "copy-plus": CopyPlus,
  "columns-2": Columns2,
  "rows-2": Rows2,
  "save": Save,
  "search-code": SearchCode,
  "history": History,
  "image": Image,
};

export function Icon({ name, size = 14, stroke = 1.75, ...rest }) {
  const Shape = ICONS[name] || Box;
  return <Shape size={size} strokeWidth={stroke} aria-hidden="true" {...rest} />;
}

// ---- states (ui-mock/README §6) --------------------------------------------------------------------------------
const STATES = {
  CREATED: ["idle", "circle-dashed"],
  SUBMITTED: ["idle", "circle-dot-dashed"],
  QUEUED: ["queued", "hourglass"],
  RUNNING: ["live", "circle-play"],
  RETRYING: ["live", "refresh-cw"],
  RESTARTED: ["live", "rewind"],
  PAUSED: ["hold", "circle-pause"],
  BREAKPOINT: ["hold", "bug"],
  SUCCESS: ["ok", "circle-check"],
  WARNING: ["warn", "triangle-alert"],
  FAILED: ["bad", "octagon-x"],
  KILLING: ["stop", "square"],
  KILLED: ["stop", "square-x"],
  CANCELLED: ["shut", "ban"],
  SKIPPED: ["shut", "skip-forward"],
  RETRIED: ["shut", "refresh-cw-off"],
  RESUBMITTED: ["shut", "copy-plus"],
};

// From the axis up; also the order of chips and of the bars of collapsed groups.
export const STATE_ORDER = [
  "SUCCESS", "WARNING", "FAILED", "KILLED", "KILLING", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED",
  "PAUSED", "BREAKPOINT", "RUNNING", "RETRYING", "RESTARTED", "QUEUED", "SUBMITTED", "CREATED",
];

export const familyOf = (state) => STATES[state]?.[0] || "idle";
const STATE_WORDS = { CREATED: "Created", SUBMITTED: "Submitted", QUEUED: "Queued", RUNNING: "Running", RETRYING: "Retrying", RESTARTED: "Restarted", PAUSED: "Paused", BREAKPOINT: "Breakpoint", SUCCESS: "Success", WARNING: "Warning", FAILED: "Failed", KILLING: "Killing", KILLED: "Killed", CANCELLED: "Cancelled", SKIPPED: "Skipped", RETRIED: "Retried", RESUBMITTED: "Resubmitted" };
// How a series of a chart reads: states by their words, others as the server named them.
const SERIES = { "Mean duration (s)": "Mean duration (s)" };
export const seriesWord = (name) => SERIES[name] || STATE_WORDS[name] || (/^[A-Z][a-z]+$/.test(name || "") && STATE_WORDS[name.toUpperCase()]) || name;
// Why a task run waits, in the reader's words; the API says it in English.
const WAITS = { retry: "Waits for the next attempt", breakpoint: "Stopped at a breakpoint", killing: "Being killed", slot: "Waits for a free worker" };
export const waitsFor = (reason) => (!reason ? "" : reason.kind === "paused" ? (reason.until ? "Paused until a date" : "Waits for a resume") : WAITS[reason.kind] || reason.text || "");
export const stateWord = (state) => (state ? STATE_WORDS[state] || state[0] + state.slice(1).toLowerCase() : "Not started");

export function StateIcon({ state, size = 14 }) {
  const [family, icon] = STATES[state] || STATES.CREATED;
  return (
    <span className={`si ${family}`} role="img" aria-label={stateWord(state)} title={stateWord(state)}>
      <Icon name={icon} size={size} stroke={2} />
    </span>
  );
}

const TYPE_ICONS = [
  [/\.flow\.(If|Switch)$/, "git-branch"],
  [/\.flow\.(ForEach|ForEachItem|LoopUntil|EachParallel|EachSequential|Loop)$/, "repeat"],
  [/\.flow\.(Parallel|Dag|Sequential|AllowFailure|WorkingDirectory)$/, "layers"],
  [/\.flow\.(Subflow|Flow)$|\.subflow\./, "workflow"],
  [/\.flow\.Pause$|\.flow\.Sleep$|Schedule$/, "clock"],
  [/\.Webhook$/, "webhook"],
  [/jdbc|sql|mongo|redis|elastic|bigquery|snowflake|duckdb|postgres|mysql|database/i, "database"],
  [/\.http\./, "globe"],
  [/slack|teams|discord|telegram|whatsapp|notifications/i, "message-square"],
  [/mail/i, "mail"],
  [/scripts|shell|python|node|bash|powershell|ruby|\.cli\b/i, "terminal"],
  [/\.log\./, "file-text"],
  [/\.kv\.|secret/, "key-round"],
  [/\.execution\./, "flag"],
  [/\.fs\.|storage|\.s3|gcs|ftp|csv|json|parquet|serdes|compress/i, "file"],
  [/aws|gcp|azure|cloud/i, "cloud"],
  [/\.debug\./, "send"],
  [/assert|check|dbt|test/i, "list-checks"],
];

export const typeIcon = (type) => TYPE_ICONS.find(([pattern]) => pattern.test(type || ""))?.[1] || "box";

// io.kestra.plugin.jdbc.postgresql.CopyIn -> postgresql.CopyIn
export const shortType = (type) => (type || "").split(".").slice(-2).join(".");

// ---- formats ---------------------------------------------------------------------------------------------------
const two = (n) => String(n).padStart(2, "0");

// 350 ms, 41s, 1m 32s, 1h 02m 03s, 2d 04h
export function span(ms) {
  if (ms === undefined || ms === null || Number.isNaN(ms)) return "";
  if (ms < 0) return `-${span(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000 && ms % 1000 >= 50) return `${(ms / 1000).toFixed(1)}s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m ${two(s % 60)}s`;
  return `${Math.floor(s / 86400)}d ${two(Math.floor(s / 3600) % 24)}h`;
}

export const count = $count;
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || `${one}s`}`;

export function size(bytes) {
  if (!(bytes >= 0)) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit && value < 100 ? 1 : 0;
  return `${value.toLocaleString(numberLocale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${units[unit]}`;
}

const clocks = new Map();
// 06:05:21.048 in the given zone (browser's zone when empty)
export function clock(instant, { zone, millis = false, date = false } = {}) {
  if (instant === undefined || instant === null || instant === "") return "";
  const key = `${dateLocale()}${zone || ""}${millis}${date}`;
  if (!clocks.has(key)) {
    const options = { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" };
    if (zone) options.timeZone = zone;
    if (millis) options.fractionalSecondDigits = 3;
    if (date) Object.assign(options, { day: "numeric", month: "short" });
    clocks.set(key, new Intl.DateTimeFormat(dateLocale(), options));
  }
  try {
    return clocks.get(key).format(new Date(instant)).replace(/^24:/, "00:");
  } catch {
    return String(instant);
  }
}

export const reducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// A colour of tokens.css as the canvas, Monaco and Plotly need it: #rrggbb.
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--fd-${name}`).trim();
}

// Calls back when the theme changes; Reflex sets class="dark" (and style) on <html>.
export function onTheme(callback) {
  let was = document.documentElement.classList.contains("dark");
  const observer = new MutationObserver(() => {
    const is = document.documentElement.classList.contains("dark");
    if (is === was) return;
    was = is;
    callback(is);
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}

export const isDark = () => document.documentElement.classList.contains("dark");

// A failure beside its cause: what did not happen, why, and how to go on.
export function Problem({ error, what = "This could not be loaded.", retry }) {
  if (!error) return null;
  return (
    <div className="al bad" role="alert" style={{ margin: 12 }}>
      <Icon name="circle-alert" size={16} />
      <div>
        <b className="med">{what}</b> {error.message}
        {error.requestId ? <span className="mono xs faint"> {error.requestId}</span> : null}
        {retry ? (
          <button type="button" className="link" style={{ marginLeft: 8, textDecoration: "underline" }} onClick={retry}>
            Try again
          </button>
        ) : null}
      </div>
    </div>
  );
}

// The executions that a task of an execution started, of one state or all: a place below the console.
export const batchesPlace = (tenant, execution, task, state) => `/${tenant}/executions?filters[triggerExecutionId][EQUALS]=${execution}&filters[triggerId][EQUALS]=${encodeURIComponent(task)}${state ? `&filters[state][IN]=${state}` : ""}`;
