// The tab's one EventSource and the store it feeds. Module-level: all components of a tab see the same store.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { askForLogin, backoff, withQuery } from "$/public/external/components/net/net.jsx";

export const TERMINAL = new Set(["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED"]);
const TAIL = 5000; // streamed lines kept; older ones come by range

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
    this.lines = [];
    this.ended = null;
    this.listeners = new Set();
    this.lineListeners = new Set();
    this.frame = 0;
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

  changed() {
    if (this.frame) return;
    const run = () => {
      this.frame = 0;
      this.version += 1;
      for (const listener of this.listeners) listener();
    };
    // A hidden tab gets no animation frames; it has no stream either, but REST answers may still arrive.
    this.frame = document.hidden ? setTimeout(run, 50) : requestAnimationFrame(run);
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

export function useExecution(id) {
  const store = executionStore(id || "");
  useSyncExternalStore(store.subscribe, () => store.version, () => 0);
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
  attempt: 0,
  timer: 0,
  status: "closed", // closed | opening | open | waiting | ended | refused
  handlers: null,
  listeners: new Set(),
};

function setStatus(status) {
  if (connection.status === status) return;
  connection.status = status;
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

function receive(kind, event) {
  if (event.lastEventId) connection.cursor = event.lastEventId;
  let data;
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }
  const { handlers } = connection;
  if (kind === "topic") {
    const entry = topicEntry(data.topic);
    entry.event = data;
    for (const listener of entry.listeners) listener();
    handlers?.onTopic?.(data);
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
  if (!connection.url || document.hidden) return;
  const url = withQuery(connection.url, {
    parents: [...connection.parents].slice(0, 50).join(","),
    since: connection.cursor,
  });
  setStatus("opening");
  const source = new EventSource(url, { withCredentials: true });
  connection.source = source;
  source.onopen = () => {
    connection.attempt = 0;
    setStatus("open");
  };
  for (const kind of KINDS) source.addEventListener(kind, (event) => connection.source === source && receive(kind, event));
  source.onerror = async () => {
    if (connection.source !== source) return;
    closeSource(); // the browser's own retry knows neither jitter nor the parameters
    setStatus("waiting");
    if (connection.attempt >= 1) {
      const status = await probe(url);
      if (connection.source || connection.status !== "waiting") return;
      if (status === 401) {
        askForLogin(url);
        setStatus("refused");
        return;
      }
      if (status === 403 || status === 404) {
        setStatus("refused");
        connection.handlers?.onEnd?.({ reason: status === 404 ? "unknown" : "forbidden" });
        return;
      }
    }
    reopenLater();
  };
}

function reopenLater() {
  clearTimeout(connection.timer);
  connection.attempt += 1;
  connection.timer = setTimeout(open, backoff(connection.attempt, 300, 15000));
}

// Large executions: which groups are open, so that the server sends their children.
export function watchParents(ids) {
  const wanted = new Set(ids);
  const same = wanted.size === connection.parents.size && [...wanted].every((id) => connection.parents.has(id));
  if (same) return;
  connection.parents = wanted;
  if (!connection.source) return;
  clearTimeout(connection.timer);
  connection.timer = setTimeout(open, 150);
}

function connect(url, handlers) {
  connection.handlers = handlers;
  if (url === connection.url && connection.source) return;
  const execution = url ? new URL(url, location.href).searchParams.get("execution") || "" : "";
  if (execution !== connection.execution) {
    connection.cursor = "";
    connection.parents = new Set();
  }
  connection.url = url;
  connection.execution = execution;
  connection.attempt = 0;
  open();
}

function disconnect() {
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
  useEffect(() => {
    if (!url) return undefined;
    connect(url, {
      onState: (value) => held.current.onState?.(value),
      onTopic: (value) => held.current.onTopic?.(value),
      onEnd: (value) => held.current.onEnd?.(value),
    });
    const visibility = () => {
      if (document.hidden) {
        closeSource();
        setStatus("closed");
      } else if (connection.status !== "ended") open();
    };
    const again = () => open();
    document.addEventListener("visibilitychange", visibility);
    window.addEventListener("flowdeck:session", again);
    window.addEventListener("online", again);
    return () => {
      document.removeEventListener("visibilitychange", visibility);
      window.removeEventListener("flowdeck:session", again);
      window.removeEventListener("online", again);
      disconnect();
    };
  }, [url]);
  return null;
}
