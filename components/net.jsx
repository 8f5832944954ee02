// The one way of client components to the REST API: session cookie, login event, retries with jitter, abort.
import { useCallback, useEffect, useRef, useState } from "react";

export class RequestError extends Error {
  constructor(status, message, { requestId, errors, body } = {}) {
    super(message);
    this.name = "RequestError";
    this.status = status;
    this.requestId = requestId || "";
    this.errors = errors || [];
    this.body = body;
  }

  toJSON() {
    return { status: this.status, message: this.message, requestId: this.requestId, errors: this.errors };
  }
}

// Where a page of the console is: `/ui` at the server's root, or below the path that the server was given.
export const uiPath = (path) => (window.flowdeckBase || "") + "/ui" + path;

export const isAbort = (error) => error?.name === "AbortError";

// The shell listens, shows the log-in dialog and sends `flowdeck:session` when there is a session again.
export function askForLogin(url) {
  window.dispatchEvent(new CustomEvent("flowdeck:login", { detail: { url } }));
}

const REASONS = {
  400: "The request was not understood.",
  401: "The session has ended.",
  403: "You lack the right to do this.",
  404: "Not found.",
  409: "The state does not allow this.",
  413: "The data is too large.",
  422: "The data is not valid.",
  429: "Too many requests.",
  503: "The server is busy.",
};

function errorOf(status, text, headers) {
  const requestId = headers?.("x-request-id") || "";
  let body;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch {
    body = undefined;
  }
  const embedded = body?._embedded?.errors || body?.errors || [];
  const errors = (Array.isArray(embedded) ? embedded : []).map((item) =>
    typeof item === "string" ? { path: "", message: item } : { path: item.path || "", message: item.message || "" },
  );
  const message = typeof body === "string" ? body : body?.message || REASONS[status] || `The server answered ${status}.`;
  return new RequestError(status, message, { requestId: requestId || body?.requestId, errors, body });
}

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new DOMException("Aborted", "AbortError"));
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("Aborted", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });

// Full jitter: many tabs must not come back in step.
export const backoff = (attempt, base = 300, cap = 10000) => Math.random() * Math.min(cap, base * 2 ** attempt) + base / 2;

export function withQuery(url, params) {
  const pairs = Object.entries(params || {}).filter(([, v]) => v !== undefined && v !== null && v !== "");
  if (!pairs.length) return url;
  const query = new URLSearchParams();
  for (const [key, value] of pairs) for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one));
  return url + (url.includes("?") ? "&" : "?") + query;
}

const PATIENCE = 15000;
const LATE = "The server did not answer within 15 seconds.";
const LATE_WRITE = "The server did not answer within 15 seconds. What was asked may still happen: look before repeating it.";

// What may take long by itself: content that travels, and whole files.
const isContent = (body) => body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);

// `fetch` that gives up when no answer begins for so long.
async function begun(target, init, ms) {
  if (!ms || !AbortSignal.any) return fetch(target, init);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  try {
    return await fetch(target, { ...init, signal: init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal });
  } catch (error) {
    throw late.signal.aborted && !init.signal?.aborted ? new RequestError(0, init.method === "GET" || init.method === "HEAD" ? LATE : LATE_WRITE) : error;
  } finally {
    clearTimeout(timer);
  }
}

// method, query, json, body, headers, signal, quiet, retries (safe methods only), as: "json" | "text" | "blob" | "response",
// patience: ms until the answer begins, 0 for as long as it takes; quiet: an ended session is nobody's matter.
// Throws RequestError {status, message, requestId, errors}; status 0 = the network failed.
export async function request(url, options = {}) {
  if (options.quiet) return asked(url, options);
  pending.add(1);
  try {
    return await asked(url, options);
  } finally {
    pending.add(-1);
  }
}

// How many requests are under way; the bar at the top of the page follows. Those that nobody waits for are `quiet`.
export const pending = { n: 0, followers: new Set(), count: () => pending.n, follow(f) { pending.followers.add(f); return () => pending.followers.delete(f); }, add(by) { pending.n += by; pending.followers.forEach((f) => f()); } };

async function asked(url, options = {}) {
  const { method = "GET", query, json, body, headers = {}, signal, as = "json" } = options;
  const safe = method === "GET" || method === "HEAD";
  const retries = options.retries ?? (safe ? 3 : 0);
  const target = withQuery(url, query);
  const brief = ["json", "text"].includes(as) && !isContent(body) && !/[?&]wait=true/.test(target);
  const patience = options.patience ?? (brief ? PATIENCE : 0);
  const init = {
    method,
    signal,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...headers },
    body: json === undefined ? body : JSON.stringify(json),
  };
  if (json !== undefined) init.headers["Content-Type"] = "application/json";
  for (let attempt = 0; ; attempt += 1) {
    let response;
    try {
      response = await begun(target, init, patience);
    } catch (error) {
      if (error instanceof RequestError) throw error;
      if (isAbort(error) || attempt >= retries) throw isAbort(error) ? error : new RequestError(0, "The server cannot be reached.");
      await pause(backoff(attempt), signal);
      continue;
    }
    if (response.ok) {
      if (as === "response") return response;
      if (as === "blob") return response.blob();
      const text = await response.text();
      if (as === "text") return text;
      if (!text) return null;
      try {
        return JSON.parse(text);
      } catch {
        throw new RequestError(response.status, "The server's answer is not JSON.", { requestId: response.headers.get("x-request-id") });
      }
    }
    if (attempt < retries && [429, 502, 503, 504].includes(response.status)) {
      const after = Number(response.headers.get("retry-after"));
      await pause(after > 0 ? Math.min(after * 1000, 30000) + Math.random() * 500 : backoff(attempt), signal);
      continue;
    }
    if (response.status === 401 && !options.quiet) askForLogin(target);
    throw errorOf(response.status, await response.text().catch(() => ""), (name) => response.headers.get(name));
  }
}

const hasFiles = (form) => [...form.values()].some((value) => value instanceof Blob);

// Sends a FormData by XMLHttpRequest, which alone reports the progress of an upload: onProgress(sentBytes, totalBytes).
// A form without files ends as any other request does.
export function upload(url, form, { method = "POST", onProgress, signal, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (!hasFiles(form) && !/[?&]wait=true/.test(url)) xhr.timeout = PATIENCE;
    xhr.ontimeout = () => reject(new RequestError(0, LATE_WRITE));
    xhr.upload.onprogress = (event) => onProgress?.(event.loaded, event.lengthComputable ? event.total : 0);
    xhr.onerror = () => reject(new RequestError(0, "The server cannot be reached."));
    xhr.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        try {
          resolve(xhr.responseText ? JSON.parse(xhr.responseText) : null);
        } catch {
          resolve(null);
        }
        return;
      }
      if (xhr.status === 401) askForLogin(url);
      reject(errorOf(xhr.status, xhr.responseText, (name) => xhr.getResponseHeader(name)));
    };
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(form);
  });
}

// One GET bound to a component: {data, error, loading, reload}; the former data stays while the next one loads.
export function useRequest(url, options) {
  const [state, setState] = useState({ data: undefined, error: undefined, loading: Boolean(url) });
  const [turn, setTurn] = useState(0);
  const held = useRef(options);
  held.current = options;
  const key = url ? withQuery(url, options?.query) : "";
  useEffect(() => {
    if (!key) {
      setState({ data: undefined, error: undefined, loading: false });
      return undefined;
    }
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    request(key, { ...held.current, query: undefined, signal: abort.signal }).then(
      (data) => setState({ data, error: undefined, loading: false }),
      (error) => isAbort(error) || setState((old) => ({ data: old.data, error, loading: false })),
    );
    return () => abort.abort();
  }, [key, turn]);
  useEffect(() => {
    const again = () => setTurn((n) => n + 1);
    window.addEventListener("flowdeck:session", again);
    return () => window.removeEventListener("flowdeck:session", again);
  }, []);
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}

// A function that waits until `ms` have passed since its last call; the latest arguments win; flush() and cancel().
export function useDebounced(fn, ms) {
  const held = useRef(fn);
  held.current = fn;
  const timer = useRef(0);
  const args = useRef(null);
  const run = useRef(null);
  if (!run.current) {
    const call = (...given) => {
      args.current = given;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => call.flush(), ms);
    };
    call.flush = () => {
      clearTimeout(timer.current);
      if (!args.current) return;
      const given = args.current;
      args.current = null;
      held.current?.(...given);
    };
    call.cancel = () => {
      clearTimeout(timer.current);
      args.current = null;
    };
    run.current = call;
  }
  useEffect(() => () => clearTimeout(timer.current), []);
  return run.current;
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea"); // without https the clipboard API is missing
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
