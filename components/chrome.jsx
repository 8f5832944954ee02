// What surrounds every page: a thin bar while it loads, tooltips of its own, actions that fold into a menu, banners.
import { useContext, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { useLocation } from "react-router";
import { pending, request, uiPath } from "../net/net.jsx";
import { store, tenantOf, useBarred } from "../client/shell.jsx";

const THRESHOLD = 150;

// Runs while the page or a request of it is under way, longer than a moment; it lies over the page and moves nothing.
export function Progress({ loading = false }) {
  const asked = useSyncExternalStore(pending.follow, pending.count, () => 0);
  const busy = loading || asked > 0;
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!busy) { setLate(false); return undefined; }
    const wait = setTimeout(() => setLate(true), THRESHOLD);
    return () => clearTimeout(wait);
  }, [busy]);
  return <div className={"topbar" + (late ? " on" : "")} role="progressbar" aria-label="Loading" aria-hidden={!late} data-testid="progress" />;
}

// The words of `title` as a layer that the keyboard opens too, that stays under the pointer and that Escape closes.
export function Tooltips() {
  const [tip, setTip] = useState(null);
  const box = useRef(null), held = useRef({ element: null, words: "", timer: 0 });
  useEffect(() => {
    const h = held.current;
    const give = () => {
      clearTimeout(h.timer);
      const el = h.element;
      if (el?.isConnected && h.shown) {
        if (!el.hasAttribute("title")) el.setAttribute("title", h.words);
        if (el.getAttribute("aria-describedby") === "fd-tip") el.removeAttribute("aria-describedby");
      }
      h.element = null; h.shown = false;
      setTip(null);
    };
    const take = (el, wait) => {
      if (el === h.element) { clearTimeout(h.timer); if (h.shown) return; } else give();
      const words = el.getAttribute("title");
      if (!words || words === el.textContent.trim() && el.scrollWidth <= el.clientWidth) return;
      h.element = el; h.words = words;
      h.timer = setTimeout(() => {
        if (!el.isConnected) return;
        h.shown = true;
        el.removeAttribute("title"); // the browser's own must not come too
        if (!el.hasAttribute("aria-describedby") && el.getAttribute("aria-label") !== words) el.setAttribute("aria-describedby", "fd-tip");
        setTip({ words, rect: el.getBoundingClientRect(), host: el.closest("dialog[open]") || document.body });
      }, wait);
    };
    const over = (e) => {
      if (e.pointerType === "touch") return;
      if (box.current?.contains(e.target)) { clearTimeout(h.timer); return; }
      const el = e.target.closest?.("[title]:not(iframe):not(svg *)");
      if (el) take(el, 450);
      else if (h.element && !h.element.contains(e.target)) { clearTimeout(h.timer); h.timer = setTimeout(give, 120); }
    };
    const focus = (e) => { const el = e.target.closest?.("[title]"); if (el && e.target.matches(":focus-visible") && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) take(el, 0); else if (h.element) give(); };
    const key = (e) => { if (e.key === "Escape" || e.key === "Enter" || e.key === " ") give(); };
    const out = () => give();
    document.addEventListener("pointerover", over);
    document.addEventListener("focusin", focus);
    document.addEventListener("focusout", out);
    document.addEventListener("pointerdown", out, true);
    document.addEventListener("keydown", key, true);
    window.addEventListener("scroll", out, true);
    return () => {
      give();
      document.removeEventListener("pointerover", over); document.removeEventListener("focusin", focus); document.removeEventListener("focusout", out);
      document.removeEventListener("pointerdown", out, true); document.removeEventListener("keydown", key, true); window.removeEventListener("scroll", out, true);
    };
  }, []);
  useLayoutEffect(() => {
    const el = box.current;
    if (!el || !tip) return;
    const { rect } = tip, w = el.offsetWidth, h = el.offsetHeight;
    const left = Math.max(8, Math.min(rect.left + rect.width / 2 - w / 2, window.innerWidth - w - 8));
    const below = rect.bottom + 6 + h < window.innerHeight;
    el.style.left = `${left}px`; el.style.top = `${below ? rect.bottom + 6 : Math.max(4, rect.top - h - 6)}px`; el.style.visibility = "visible";
  }, [tip]);
  return tip ? createPortal(<div ref={box} className="tip" role="tooltip" id="fd-tip" data-testid="tooltip" style={{ visibility: "hidden" }}>{tip.words}</div>, tip.host) : null;
}

// The tabs of an entity: where there is no room for all, the open one is scrolled into view.
export function TabStrip({ label, children }) {
  const host = useRef(null);
  useEffect(() => {
    const show = () => {
      const el = host.current, on = el?.querySelector(".on");
      if (!on) return;
      const from = on.offsetLeft - el.offsetLeft, to = from + on.offsetWidth;
      if (from < el.scrollLeft + 16 || to > el.scrollLeft + el.clientWidth - 16) el.scrollLeft = from - (el.clientWidth - on.offsetWidth) / 2;
    };
    show();
    const watch = new MutationObserver(show);
    watch.observe(host.current, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true });
    return () => watch.disconnect();
  }, []);
  return <nav ref={host} className="tabs" aria-label={label} data-tabs="true">{children}</nav>;
}

// The actions of the top bar. Below 1024 px all but the primary one fold into a layer behind one button.
export function TopActions({ children }) { return useBarred() ? null : <Actions>{children}</Actions>; }
function Actions({ children }) {
  const [open, setOpen] = useState(false), [many, setMany] = useState(false);
  const host = useRef(null), knob = useRef(null);
  useEffect(() => {
    const el = host.current;
    const look = () => setMany([...el.querySelectorAll(".btn,.ib")].some((one) => one !== knob.current && !one.classList.contains("pri")));
    look();
    const watch = new MutationObserver(look);
    watch.observe(el, { childList: true, subtree: true });
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (!open) return undefined;
    const away = (e) => { if (!host.current?.contains(e.target) && !e.target.closest?.(".pop,dialog")) setOpen(false); };
    const key = (e) => { if (e.key === "Escape" && !document.querySelector(".pop,dialog[open]")) { setOpen(false); knob.current?.focus(); } };
    document.addEventListener("pointerdown", away, true); window.addEventListener("keydown", key);
    return () => { document.removeEventListener("pointerdown", away, true); window.removeEventListener("keydown", key); };
  }, [open]);
  const chosen = (e) => { const hit = e.target.closest("button,a"); if (open && hit && hit !== knob.current && !hit.closest(".pop-at")) setOpen(false); };
  return <div ref={host} className={"topacts" + (open ? " open" : "") + (many ? " many" : "")} onClick={chosen}>
    <div className="topall">{children}</div>
    <button ref={knob} type="button" className="ib topmore" aria-expanded={open} aria-label="More actions of this page" title="More actions of this page" onClick={() => setOpen(!open)} data-testid="top-more">
      <svg width={16} height={16} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true"><circle cx="5" cy="12" r="1.6" /><circle cx="12" cy="12" r="1.6" /><circle cx="19" cy="12" r="1.6" /></svg>
    </button>
  </div>;
}

// Banners below the top bar; each is dismissed for the session of this tab, by its key.
const dropped = (id) => { try { return sessionStorage.getItem(`fd-banner-${id}`) === "1"; } catch { return false; } };
export function Banner({ shown = false, name: id = "", level = "info", title, text, children }) {
  const [gone, setGone] = useState(true);
  useEffect(() => setGone(dropped(id)), [id, shown]);
  if (!shown || (gone && level !== "error")) return null;
  return <div className={"notice " + { info: "live", warning: "warn", error: "bad" }[level]} role="status" data-testid={`banner-${id}`}>
    <span className="grow"><b>{title}</b> {text}{children}</span>
    {level === "error" ? null : <button type="button" className="ib" aria-label="Dismiss" title="Dismiss" onClick={() => { try { sessionStorage.setItem(`fd-banner-${id}`, "1"); } catch { /* private window */ } setGone(true); }}>
      <svg width={14} height={14} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" aria-hidden="true"><path d="M18 6 6 18M6 6l12 12" /></svg>
    </button>}
  </div>;
}

// Maintenance mode is entered and left while people work: asked for on the way from page to page, not more often.
const FRESH = 20000;
export function Maintenance() {
  const { pathname } = useLocation(), [on, setOn] = useState(false), asked = useRef(0);
  useEffect(() => {
    if (Date.now() - asked.current < FRESH) return;
    asked.current = Date.now();
    request("/api/v1/configs", { quiet: true, retries: 0 }).then((body) => setOn(Boolean(body?.inMaintenance)), () => {});
  }, [pathname]);
  return <Banner shown={on} name="maintenance" level="warning" title="Maintenance mode." text="What runs goes on; new executions wait until it ends." />;
}

// The browser's notification when an execution that the reader started here ends; the tab may be hidden by then, when
// no stream is open, so the few that run are asked for.
const EVERY = 10000, MOST = 10, ENDED = /^(SUCCESS|WARNING|FAILED|KILLED|CANCELLED|RETRIED|SKIPPED)$/;
function sound() {
  try {
    const audio = new AudioContext(), tone = audio.createOscillator(), loud = audio.createGain();
    tone.frequency.value = 660; loud.gain.value = 0.08; tone.connect(loud).connect(audio.destination);
    tone.start(); tone.stop(audio.currentTime + 0.18); tone.onended = () => audio.close();
  } catch { /* no sound here */ }
}
export function Notices() {
  useEffect(() => {
    let timer = 0;
    const mine = () => store.get("fd-started", []);
    const look = async () => {
      clearTimeout(timer);
      const p = store.get("fd-preferences", {});
      if (!p.notifyEnd && !p.notifyFail) { if (mine().length) store.set("fd-started", []); return; }
      for (const one of mine()) {
        let state;
        try { state = (await request(`/api/v1/${one.tenant}/executions/${one.id}`, { quiet: true, retries: 0 })).state?.current; } catch (e) { if (e.status !== 404) continue; state = ""; }
        if (state !== "" && !ENDED.test(state)) continue;
        if (!mine().some((other) => other.id === one.id)) continue; // another tab has told it
        store.set("fd-started", mine().filter((other) => other.id !== one.id));
        const failed = state === "FAILED";
        if (!state || !(failed ? p.notifyEnd || p.notifyFail : p.notifyEnd)) continue;
        if (p.notifySound) sound();
        if (typeof Notification === "undefined" || Notification.permission !== "granted") continue;
        const { stateWord } = await import("../glyphs/glyphs.jsx");
        const told = new Notification(`${one.flow}: ${stateWord(state)}`, { body: `${one.namespace}, ${one.id}`, tag: one.id });
        told.onclick = () => { window.focus(); location.assign(uiPath(`/${one.tenant}/executions/${one.namespace}/${one.flow}/${one.id}`)); };
      }
      if (mine().length) timer = setTimeout(look, EVERY);
    };
    const started = (e) => {
      const { id, namespace, flowId: flow } = e.detail || {}, p = store.get("fd-preferences", {});
      if (!id || !(p.notifyEnd || p.notifyFail)) return;
      store.set("fd-started", [...mine(), { id, namespace, flow, tenant: tenantOf(location.pathname.slice(uiPath("").length)) }].slice(-MOST));
      clearTimeout(timer); timer = setTimeout(look, EVERY / 4);
    };
    window.addEventListener("flowdeck:started", started);
    if (mine().length) look();
    return () => { clearTimeout(timer); window.removeEventListener("flowdeck:started", started); };
  }, []);
  return null;
}
