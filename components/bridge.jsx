// What a handler may ask of the browser: a toast, a copy, a navigation, a query, a download. Nothing is evaluated.
import { useContext, useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { useNavigate } from "react-router";
import { EventLoopContext } from "$/utils/context";
import { Toasts, toast } from "./toasts.jsx";

export { toast };

// As `uiPath` of net.jsx.
const uiPath = (path) => (window.flowdeckBase || "") + "/ui" + path;

// Numbers grow with the server's clock, so they survive its restart; the tab remembers the last one it performed,
// so neither reconnect nor reload repeats a command.
let lastSeen = 0;
const seen = () => { try { return Math.max(lastSeen, Number(sessionStorage.getItem("fd-seen") || 0)); } catch { return lastSeen; } };
const remember = (seq) => { lastSeen = seq; try { sessionStorage.setItem("fd-seen", String(seq)); } catch { /* private window */ } };
// A redirect or a query that its handler decided for one page must not reach another: the reader may have gone on.
const plain = (path) => { try { return decodeURI(path).replace(/\/+$/, ""); } catch { return path.replace(/\/+$/, ""); } };
const isHere = (page) => !page || plain(page) === plain(location.pathname);
export async function copyText(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch {
    const area = document.createElement("textarea");
    area.value = text; area.style.position = "fixed"; area.style.opacity = "0";
    (document.querySelector("dialog[open]") || document.body).appendChild(area); area.select();
    let done = false; try { done = document.execCommand("copy"); } catch { /* refused */ }
    area.remove(); return done;
  }
}

function download(url) {
  if (typeof url !== "string" || !url.startsWith("/api/")) return;
  const a = document.createElement("a");
  a.href = url; a.download = ""; document.body.appendChild(a); a.click(); a.remove();
}

function saveText(name, text) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  a.download = name; a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 5000);
}

export function Bridge({ command, onAct }) {
  const navigate = useNavigate();
  const run = useRef(); run.current = navigate;
  useEffect(() => {
    const list = command || [];
    for (const c of list) {
      if (c.seq <= seen()) continue;
      remember(c.seq);
      if (c.kind === "toast") toast(c);
      else if (c.kind === "login") window.dispatchEvent(new CustomEvent("flowdeck:login", { detail: {} }));
      else if (c.kind === "copy") copyText(c.text || "").then((ok) => toast(ok ? { level: "success", title: "Copied" } : { level: "warning", title: "The browser refused to copy" }));
      else if (c.kind === "navigate") {
        const path = c.path || "/";
        if (!path.startsWith("/") || path.startsWith("//") || !isHere(c.page)) continue;
        if (c.tab) { if (!window.open(uiPath(path), "_blank")) toast({ level: "info", title: "The browser opened no tab", action: { label: "Open here", path: path.replace(/^\/[^/]+/, "") } }); }
        else if (c.reload) location.assign(uiPath(path)); else run.current(path, { replace: !!c.replace });
      } else if (c.kind === "replaceUrl" && isHere(c.page)) history.replaceState(history.state, "", location.pathname + (c.query ? "?" + c.query : ""));
      else if (c.kind === "download") download(c.url);
      else if (c.kind === "file") saveText(String(c.name || "file.txt"), String(c.text || ""));
    }
  }, [command]);
  return jsx(Toasts, { base: uiPath, copy: copyText, onAct });
}

// Confirms in place for two seconds.
async function textAt(url) {
  const answer = await fetch(url).catch(() => null);
  if (answer?.ok) return answer.text();
  toast({ level: "error", title: "Could not copy", text: answer ? `The server answered ${answer.status}.` : "The server cannot be reached." });
  return null;
}

// Copies `text`, or what lies at `url`.
export function CopyButton({ text, url, label = "Copy", className = "ib", children }) {
  const [done, setDone] = useState(false);
  useEffect(() => { if (!done) return; const t = setTimeout(() => setDone(false), 2000); return () => clearTimeout(t); }, [done]);
  return jsx("button", { type: "button", className: className + (done ? " on" : ""), "aria-label": done ? "Copied" : label, title: done ? "Copied" : label,
    onClick: async (e) => { e.stopPropagation(); e.preventDefault(); const found = url ? await textAt(url) : text; if (found !== null && await copyText(found)) setDone(true); } },
    done ? jsx("svg", { width: 14, height: 14, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 2, strokeLinecap: "round", strokeLinejoin: "round" }, jsx("path", { d: "M20 6 9 17l-5-5" })) : children);
}

// A line below the top bar while the websocket is away; what is on the page stays usable.
const WRITES = ".btn.pri, .btn.dan, .btn.dans, .mi.dan, [data-primary], [data-write]", STAYS_ON = ".gate-page, [data-testid=login-dialog]";
export function ConnectionNotice() {
  const [, errors] = useContext(EventLoopContext);
  const [late, setLate] = useState(false);
  const lost = (errors?.length || 0) > 0;
  useEffect(() => { if (!lost) { setLate(false); return; } const t = setTimeout(() => setLate(true), 600); return () => clearTimeout(t); }, [lost]);
  // What would write waits: pressed now it would be carried out later, unseen. Reading and typing go on (§1.9).
  useEffect(() => {
    if (!late) return undefined;
    const stop = (e) => {
      const pressed = e.type === "submit" ? e.submitter || e.target : e.target.closest?.("button");
      if (!pressed?.matches?.(WRITES) || pressed.closest(STAYS_ON)) return;
      e.preventDefault(); e.stopPropagation();
      toast({ level: "info", title: "Not connected", text: "Nothing was sent. What you typed stays; try again when the connection is back." });
    };
    document.documentElement.classList.add("offline");
    document.addEventListener("click", stop, true); document.addEventListener("submit", stop, true);
    return () => { document.documentElement.classList.remove("offline"); document.removeEventListener("click", stop, true); document.removeEventListener("submit", stop, true); };
  }, [late]);
  return late ? jsx("div", { className: "notice warn", role: "status", "data-testid": "connection-lost" }, jsx("b", null, "Connection lost."), " Reconnecting; what you see may be out of date.") : null;
}
