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

// method, query, json, body, headers, signal, retries (safe methods only), as: "json" | "text" | "blob" | "response".
// Throws RequestError {status, message, requestId, errors}; status 0 = the network failed.
export async function request(url, options = {}) {
  const { method = "GET", query, json, body, headers = {}, signal, as = "json" } = options;
  const safe = method === "GET" || method === "HEAD";
  const retries = options.retries ?? (safe ? 3 : 0);
  const target = withQuery(url, query);
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
      response = await fetch(target, init);
    } catch (error) {
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
    if (response.status === 401) askForLogin(target);
    throw errorOf(response.status, await response.text().catch(() => ""), (name) => response.headers.get(name));
  }
}

// Sends a FormData by XMLHttpRequest, which alone reports the progress of an upload: onProgress(sentBytes, totalBytes).
export function upload(url, form, { method = "POST", onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.setRequestHeader("Accept", "application/json");
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
