// Keys that the browser handles alone: go-to sequences, "/" for the filter bar, "?" for the list of keys.
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { useAbsent, useBarred, useTenant, store } from "./shell.jsx";

const combo = (e) => [e.ctrlKey || e.metaKey ? "mod" : "", e.altKey ? "alt" : "", e.shiftKey && e.key.length > 1 ? "shift" : "", e.key.toLowerCase()].filter(Boolean).join("+");
const typing = (el) => el?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el?.tagName || "");

// keys: ["mod+e", "n"]; `go`: {"f": {to: "/flows", label, needs}} after the letter g.
export function Hotkeys({ keys = [], go: all = {}, onHotkey }) {
  const absent = useAbsent(), barred = useBarred();
  const go = Object.fromEntries(Object.entries(all).filter(([, entry]) => !absent(entry)).map(([key, entry]) => [key, entry.to]));
  const navigate = useNavigate(), tenant = useTenant();
  const cb = useRef({}); cb.current = { onHotkey, navigate, tenant, go };
  const name = barred ? "" : keys.join(); // what may not be opened has no keys either
  useEffect(() => {
    const list = name ? name.split(",") : [];
    let waiting = 0;
    const f = (e) => {
      if (e.defaultPrevented) return;
      const c = combo(e), free = !typing(e.target) && !document.querySelector("dialog[open]");
      const single = store.get("fd-preferences", {}).singleKeys !== false;
      if (list.includes(c) && (c.startsWith("mod") || (free && single))) { e.preventDefault(); cb.current.onHotkey?.(c); return; }
      if (!free || !single || e.ctrlKey || e.metaKey || e.altKey) return;
      if (Date.now() - waiting < 1200 && cb.current.go[c]) { waiting = 0; e.preventDefault(); cb.current.navigate("/" + cb.current.tenant + cb.current.go[c]); return; }
      waiting = c === "g" ? Date.now() : 0;
      if (c === "/") { const box = document.querySelector("[data-filter-box]"); if (box) { e.preventDefault(); box.focus(); } }
      else if (c === "?") { e.preventDefault(); window.dispatchEvent(new CustomEvent("flowdeck:keys")); }
      else if (c === "[" || c === "]") document.querySelector(c === "[" ? "[data-page=previous]" : "[data-page=next]")?.click();
      else if (/^[1-9]$/.test(c)) document.querySelectorAll("[data-tabs] > a")[Number(c) - 1]?.click();
    };
    window.addEventListener("keydown", f);
    return () => window.removeEventListener("keydown", f);
  }, [name]);
  return null;
}
