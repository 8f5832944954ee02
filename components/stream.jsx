// The tab's one EventSource and the store it feeds. Module-level: all components of a tab see the same store.
import { useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { EventLoopContext } from "$/utils/context";
import { askForLogin, request, withQuery } from "$/public/external/components/net/net.jsx";
import { Share } from "./stream_share.jsx";

export const TERMINAL = new Set(["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED"]);
const TAIL = 5000; // streamed lines kept; older ones come by range
const BURST = 250; // ms between two drawings of an execution that changes all the time

// What changes after a pause is drawn in the next frame, a burst at most every `ms` (UI-LV-02).
export function paced(run, ms) {
  let last = -Infinity;
  let waiting = false;
  const go = () => {
    waiting = false;
    last = performance.now();
    run();
  };
  return () => {
    if (waiting) return;
    waiting = true;
    const rest = last + ms - performance.now();
    // A hidden tab gets no animation frames; it has no stream either, but REST answers may still arrive.
    if (rest > 0) setTimeout(go, rest);
    else if (document.hidden) setTimeout(go, 50);
    else requestAnimationFrame(go);
  };
}

// ---- one execution ---------------------------------------------------------------------------------------------
class ExecutionStore {
  constructor(id) {
    this.id = id;
    this.version = 0;
    this.execution = { id };
    this.rows = new Map();
    this.children = new Map([["", []]]); // parent id -> ids in order
    this.counts = new Map(); // parent id -> {STATE: n}; "" = the whole execution
    this.complete = new Set(); // parents whose children are all here
    this.after = new Map(); // parent -> page cursor
    this.totals = new Map();
    this.logTotal = 0;
    this.snapshots = 0; // how many came: each begins the stream's lines anew
    this.lines = [];
    this.ended = null;
    this.listeners = new Set();
    this.lineListeners = new Set();
    this.changed = paced(() => {
      this.version += 1;
      for (const listener of this.listeners) listener();
    }, BURST);
  }

  subscribe = (listener) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      forget(this);
    };
  };

  onLines(listener) {
    this.lineListeners.add(listener);
    return () => this.lineListeners.delete(listener);
  }

  put(rows) {
    const touched = new Set();
    for (const row of rows || []) {
      const parent = row.parent || "";
      const old = this.rows.get(row.id);
      const next = { ...old, ...row };
      if (!row.waiting) delete next.waiting;
      for (const name of ["created", "started", "ended"]) if (typeof next[name] === "number") next[name] = new Date(next[name]).toISOString();
      this.rows.set(row.id, next);
      if (old && (old.parent || "") === parent) {
        if (old.created !== next.created) touched.add(parent);
        continue;
      }
      if (!this.children.has(parent)) this.children.set(parent, []);
      this.children.get(parent).push(row.id);
      touched.add(parent);
    }
    for (const parent of touched) this.order(parent);
    this.changed();
  }

  // Start order; ids grow with time, so they settle rows of the same instant. A new row usually belongs at the end.
  order(parent) {
    const ids = this.children.get(parent);
    const key = (id) => {
      const row = this.rows.get(id);
      return [row.iteration ?? -1, row.created || row.started || "~", id];
    };
    const less = (a, b) => (a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : a[2] < b[2] ? -1 : 1));
    for (let i = ids.length - 1; i > 0; i -= 1) {
      if (less(key(ids[i - 1]), key(ids[i])) > 0) {
        const keyed = ids.map((id) => [key(id), id]).sort((a, b) => less(a[0], b[0]));
        this.children.set(parent, keyed.map((pair) => pair[1]));
        return;
      }
    }
  }

  // Counts by state of what really ran: leaves that are here, and the children of groups that are not.
  leafCounts() {
    const out = {};
    for (const row of this.rows.values()) {
      if (!row.children?.total) out[row.state] = (out[row.state] || 0) + 1;
      else if (!this.children.get(row.id)?.length) {
        for (const [state, n] of Object.entries(this.childCounts(row))) if (state !== "total") out[state] = (out[state] || 0) + n;
      }
    }
    return out;
  }

  // The newest counts of a group: those of the stream, else those of its row.
  childCounts(row) {
    const counts = this.counts.get(row.id);
    if (!counts || !Object.keys(counts).length) return row.children || {};
    const sum = Object.entries(counts).reduce((n, [state, value]) => n + (state === "total" ? 0 : value), 0);
    return { ...counts, total: Math.max(sum, row.children?.total || 0) };
  }

  apply(kind, data) {
    if (kind === "snapshot") {
      this.execution = { ...this.execution, ...data.execution };
      this.ended = null;
      for (const [parent, counts] of Object.entries(data.counts || {})) this.counts.set(parent, counts);
      this.logTotal = data.logTotal ?? this.logTotal;
      this.snapshots += 1;
      this.put(data.taskRuns);
    } else if (kind === "execution") {
      this.execution = { ...this.execution, ...data };
      if (!data.waiting && data.state) delete this.execution.waiting;
      this.changed();
    } else if (kind === "taskrun") {
      this.put(data.rows);
    } else if (kind === "counts") {
      for (const [parent, counts] of Object.entries(data.parents || {})) this.counts.set(parent, counts);
      this.changed();
    } else if (kind === "log") {
      this.lines = this.lines.concat(data.lines);
      if (this.lines.length > TAIL) this.lines = this.lines.slice(-TAIL);
      this.logTotal = Math.max(this.logTotal, data.total || 0);
      for (const listener of this.lineListeners) listener(data.lines, data.total);
      this.changed();
    } else if (kind === "end") {
      this.ended = data;
      if (data.state) this.execution = { ...this.execution, state: data.state };
      this.changed();
    }
  }
}

const stores = new Map();

export function executionStore(id) {
  if (!stores.has(id)) stores.set(id, new ExecutionStore(id));
  return stores.get(id);
}

// A store lives while somebody looks at it and a minute longer, so that changing tabs of a page costs nothing.
function forget(store) {
  setTimeout(() => {
    if (!store.listeners.size && stores.get(store.id) === store && connection.execution !== store.id) stores.delete(store.id);
  }, 60000);
}

// `part(store)`, a text or number, tells what the component draws of it; without it each change draws the component.
export function useExecution(id, part) {
  const store = executionStore(id || "");
  useSyncExternalStore(store.subscribe, () => (part ? part(store) : store.version), () => 0);
  return store;
}

// ---- topics ----------------------------------------------------------------------------------------------------
const topics = new Map(); // topic -> {event, listeners}

function topicEntry(topic) {
  if (!topics.has(topic)) topics.set(topic, { event: null, listeners: new Set() });
  return topics.get(topic);
}

export function useTopic(topic) {
  const entry = topicEntry(topic);
  return useSyncExternalStore(
    (listener) => {
      entry.listeners.add(listener);
      return () => entry.listeners.delete(listener);
    },
    () => entry.event,
    () => null,
  );
}

// ---- the connection --------------------------------------------------------------------------------------------
const KINDS = ["snapshot", "execution", "taskrun", "counts", "log", "topic", "resync", "end"];
const connection = {
  url: "",
  execution: "",
  source: null,
  cursor: "",
  parents: new Set(),
  since: 0,
  attempt: 0,
  timer: 0,
  status: "closed", // closed | opening | open | waiting | ended | refused
  handlers: null,
  listeners: new Set(),
  share: null,
  lossy: false, // whether it broke since the execution was opened
};
const GIVEN_UP = 5; // failures after which the page is asked for every POLL ms; the stream is tried on
const POLL = 5000;

function setStatus(status) {
  if (connection.status === status) return;
  connection.status = status;
  if (["open", "waiting", "polling"].includes(status)) connection.share?.tell(status);
  for (const listener of connection.listeners) listener();
}

export function useConnection() {
  return useSyncExternalStore(
    (listener) => {
      connection.listeners.add(listener);
      return () => connection.listeners.delete(listener);
    },
    () => connection.status,
    () => "closed",
  );
}

function closeSource() {
  clearTimeout(connection.timer);
  connection.source?.close();
  connection.source = null;
}

// Whether the reader is further down in the page's list: rows must not move away under the eyes (UI-EX-05).
const scrolled = () => [...document.querySelectorAll("main .tw, main > .body")].some((list) => list.scrollTop > 8);

function arrived(kind, event) {
  let data;
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }
  receive(kind, data, event.lastEventId);
  connection.share?.arrived(kind, data, event.lastEventId);
}

function receive(kind, data, id) {
  if (id) connection.cursor = id;
  const { handlers } = connection;
  if (kind === "topic") {
    const entry = topicEntry(data.topic);
    entry.event = data;
    for (const listener of entry.listeners) listener();
    handlers?.onTopic?.({ ...data, scrolled: scrolled() });
    if (data.topic === "executions") window.dispatchEvent(new CustomEvent("flowdeck:executions"));
    return;
  }
  if (kind === "resync") {
    // What follows begins with a snapshot; the listeners of ranges read again by REST.
    window.dispatchEvent(new CustomEvent("flowdeck:resync", { detail: { execution: connection.execution, ...data } }));
    return;
  }
  if (kind === "end") {
    closeSource();
    setStatus("ended");
    // What came between a loss and the end is not told again: ranges and rows are read once more.
    if (connection.lossy) window.dispatchEvent(new CustomEvent("flowdeck:resync", { detail: { execution: connection.execution, reason: "gap" } }));
    connection.lossy = false;
    if (data.reason === "session") askForLogin(connection.url);
    if (data.reason === "shutdown") reopenLater();
  }
  if (connection.execution) {
    const store = executionStore(connection.execution);
    const before = store.execution.state;
    store.apply(kind, data);
    const { state } = store.execution;
    if ((kind === "snapshot" || kind === "execution") && state && (state !== before || kind === "execution"))
      handlers?.onState?.({ ...store.execution });
    if (state === "PAUSED" || before === "PAUSED") window.dispatchEvent(new CustomEvent("flowdeck:executions"));
  }
  if (kind === "end" && data.reason !== "shutdown") handlers?.onEnd?.(data);
}

// EventSource tells no status: one plain request finds out whether to log in, to give up or to try again.
async function probe(url) {
  const abort = new AbortController();
  try {
    const answer = await fetch(url, { credentials: "same-origin", signal: abort.signal, headers: { Accept: "text/event-stream" } });
    return answer.status;
  } catch {
    return 0;
  } finally {
    abort.abort();
  }
}

function open() {
  closeSource();
  if (!connection.url || document.hidden || connection.share?.connects === false) return;
  const again = connection.attempt > 0;
  const url = withQuery(connection.url, {
    parents: [...connection.parents].slice(0, 50).join(","),
    since: connection.cursor,
  });
  if (!again) setStatus("opening"); // else what is said of the loss stays until there is something again
  const source = new EventSource(url, { withCredentials: true });
  connection.source = source;
  source.onopen = () => {
    connection.attempt = 0;
    setStatus("open");
    if (!connection.parents.size) shared();
  };
  for (const kind of KINDS) source.addEventListener(kind, (event) => connection.source === source && arrived(kind, event));
  source.onerror = async () => {
    if (connection.source !== source) return;
    connection.lossy = true;
    closeSource(); // the browser's own retry knows neither jitter nor the parameters
    if (connection.status !== "polling") setStatus("waiting");
    if (connection.attempt >= 1) {
      const status = await probe(url);
      if (connection.source || !["waiting", "polling"].includes(connection.status)) return;
      if (status === 401) {
        askForLogin(url);
        setStatus("refused");
        return;
      }
      // One that was just created may not be readable yet.
      if (status === 403 || (status === 404 && Date.now() - connection.since > 5000)) {
        setStatus("refused");
        connection.handlers?.onEnd?.({ reason: status === 404 ? "unknown" : "forbidden" });
        return;
      }
    }
    reopenLater();
  };
}

// 1, 2, 4 … 30 s, with jitter: many tabs must not come back in step.
const delayOf = (attempt) => Math.min(30000, 1000 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);

function reopenLater() {
  clearTimeout(connection.timer);
  connection.attempt += 1;
  if (connection.attempt >= GIVEN_UP) setStatus("polling");
  connection.timer = setTimeout(open, delayOf(connection.attempt));
}

// Other tabs with the same page: one connection for all of them.
function shared() {
  if (connection.share) return;
  const { url } = connection;
  connection.share = new Share(url, {
    lists: !connection.execution,
    follow: () => {
      if (connection.url === url) closeSource();
    },
    lead: () => connection.url === url && open(),
    status: (status) => connection.url === url && setStatus(status),
    frame: (kind, data, id) => connection.url === url && receive(kind, data, id),
  });
}

function unshare() {
  connection.share?.leave();
  connection.share = null;
}

// Without a stream the page reads anew now and then: rows of the execution here, all else by its own handlers.
async function poll() {
  if (document.hidden || connection.status !== "polling") return;
  const { execution, handlers, url } = connection;
  if (!execution) {
    const topics = (new URL(url, location.href).searchParams.get("topics") || "").split(",").filter(Boolean);
    for (const topic of topics) handlers?.onTopic?.({ topic, kind: "changed", n: 1 });
    return;
  }
  try {
    const page = await request(`${url.split("/stream")[0]}/executions/${execution}/taskruns`, { query: { limit: 500 }, retries: 0 });
    executionStore(execution).put(page.rows);
    handlers?.onState?.({ id: execution, state: "" }); // whatever it is: the page reads it
    if (connection.status === "polling") open(); // the server answers: no reason to wait
  } catch {
    /* the banner says it already */
  }
}

// Large executions: which groups are open, so that the server sends their children.
export function watchParents(ids) {
  const wanted = new Set(ids);
  const same = wanted.size === connection.parents.size && [...wanted].every((id) => connection.parents.has(id));
  if (same) return;
  connection.parents = wanted;
  if (wanted.size) unshare(); // what is open here is this tab's own matter
  if (!connection.source) return open();
  clearTimeout(connection.timer);
  connection.timer = setTimeout(open, 150);
}

function connect(url, handlers) {
  connection.handlers = handlers;
  if (url === connection.url && connection.source) return;
  unshare();
  const execution = url ? new URL(url, location.href).searchParams.get("execution") || "" : "";
  if (execution !== connection.execution) {
    connection.cursor = "";
    connection.parents = new Set();
  }
  connection.url = url;
  if (execution !== connection.execution) connection.lossy = false;
  connection.execution = execution;
  connection.attempt = 0;
  connection.since = Date.now();
  open();
}

function disconnect() {
  unshare();
  closeSource();
  connection.url = "";
  connection.execution = "";
  connection.cursor = "";
  connection.handlers = null;
  setStatus("closed");
}

export function StreamHost({ url, onState, onTopic, onEnd }) {
  const held = useRef({});
  held.current = { onState, onTopic, onEnd };
  // The page's own connection came back: the server is there again.
  const [, errors] = useContext(EventLoopContext);
  const away = (errors?.length || 0) > 0;
  useEffect(() => {
    if (away || !["waiting", "polling"].includes(connection.status)) return;
    connection.attempt = 0;
    open();
  }, [away]);
  useEffect(() => {
    if (!url) return undefined;
    connect(url, {
      onState: (value) => held.current.onState?.(value),
      onTopic: (value) => held.current.onTopic?.(value),
      onEnd: (value) => held.current.onEnd?.(value),
    });
    const visibility = () => {
      if (document.hidden) {
        unshare();
        closeSource();
        setStatus("closed");
      } else if (connection.status !== "ended") open();
    };
    const again = () => { connection.attempt = 0; open(); };
    document.addEventListener("visibilitychange", visibility);
    window.addEventListener("flowdeck:session", again);
    window.addEventListener("online", again);
    const polling = setInterval(poll, POLL);
    return () => {
      clearInterval(polling);
      document.removeEventListener("visibilitychange", visibility);
      window.removeEventListener("flowdeck:session", again);
      window.removeEventListener("online", again);
      disconnect();
    };
  }, [url]);
  return <LostNotice />;
}

// Said where the page says that its own connection is lost; one of the two is enough.
function LostNotice() {
  const status = useConnection();
  const [slot, setSlot] = useState(null);
  const [late, setLate] = useState(false);
  const lost = status === "waiting" || status === "polling";
  useEffect(() => {
    if (!lost) return setLate(false);
    const timer = setTimeout(() => setLate(true), 800); // a short stumble is nobody's matter
    return () => clearTimeout(timer);
  }, [lost]);
  useEffect(() => {
    const bar = late && document.querySelector("main > .tb");
    if (!bar) return undefined;
    const made = document.createElement("div");
    made.className = "notice-slot";
    bar.after(made);
    setSlot(made);
    return () => { setSlot(null); made.remove(); };
  }, [late]);
  if (!late || !slot) return null;
  return createPortal(
    <div className="notice warn" role="status" data-testid="stream-lost">
      {status === "polling" ? <><b>No live updates.</b> The page is read anew every 5 seconds; the connection is tried on.</> : <><b>Reconnecting…</b> What you see may be out of date.</>}
    </div>,
    slot,
  );
}
