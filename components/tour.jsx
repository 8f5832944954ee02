// Guided tours: steps beside real controls, which stay usable; each goes on by itself when its deed was done.
import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { useLocation, useNavigate } from "react-router";
import { request } from "../net/net.jsx";
import { store, tenantOf, useMay } from "../client/shell.jsx";

// at: where the step belongs; target: its control, which Next presses where `done` (a place) or `seen` (a control) tells that
// its deed was done; go: where Next leads instead; open: the tab that the step is about; middle: what it tells of stands at
// the foot of the page; ready: what must be there before its control does anything.
const steps = (blueprint, last) => [
  { at: /^\/flows$/, go: "/flows", target: "[data-testid=flows-create],[data-testid=flows-first]", title: "Create a flow", text: "A flow is a list of tasks in YAML. Press the button, or go on and the editor opens with an example.", done: /^\/flows\/new/ },
  { at: /^\/flows\/new/, go: `/flows/new?blueprintId=${blueprint}&blueprintSource=community`, target: ".monaco-editor", title: "Put an example in", text: "Write the flow yourself, or let the example come. Tasks and properties are completed while you type (Ctrl Space), and checked at once.", act: "Insert the example", done: /blueprintId=/ },
  { at: /^\/flows\/new/, target: "[data-testid=editor-save]", ready: "[data-testid=yaml-editor][data-ready]", title: "Save it", text: "Each save is a revision that can be compared and restored. If the flow is there from an earlier tour, give it another id in its first line.", done: /^\/flows\/edit\// },
  { at: /^\/flows\/edit\//, target: "[data-testid=editor-execute],[data-testid=flow-execute]", title: "Execute it", text: "Ctrl E does the same in the editor. A dialog asks for the inputs first.", seen: "[data-testid=execute-submit]" },
  { at: /^\/flows\/edit\//, target: "[data-testid=execute-submit]", title: "Start the execution", text: "Inputs are checked while you type. Values that you use often are kept as presets, and “copy as” gives the same call for a terminal.", done: /^\/executions\/[^/]+\/[^/]+\/[^/]+/ },
  { at: /^\/executions\/[^/]+\//, target: "[data-testid=tab-gantt]", title: "See when each task ran", text: last || "The Gantt follows while tasks run. Choose a bar for its attempts, logs and outputs.", open: true },
  { at: /^\/executions\/[^/]+\//, target: "[data-testid=tab-logs]", title: "Read its logs", text: "Lines arrive while they are written. Search goes through all of them; e leads to the next error.", open: true },
  { at: /^\/executions\/[^/]+\//, target: "[data-testid=tab-outputs]", title: "Look at what it gave", text: "Outputs stand here as a tree, and an expression can be tried on them before it goes into a flow. That was the tour.", open: true, middle: true },
];
export const TOURS = [
  { id: "data", menu: "Tour: data pipelines", title: "Data", text: "Work on a list of values, several at a time, and read what each gave.", steps: steps("loop-over-values") },
  { id: "infrastructure", menu: "Tour: infrastructure", title: "Infrastructure", text: "Run a script, take its figures and its file further.", steps: steps("python-script") },
  { id: "business", menu: "Tour: business processes", title: "Business process", text: "Stop for a person's decision and go on with the answer.", steps: steps("approval", "The execution waits for a person: Resume at the top asks for the decision, and the Gantt goes on with the answer.") },
];

// Its steps save a flow and run it.
export const tourable = (may) => may("FLOW:CREATE") && may("EXECUTION:CREATE");

const KEY = "fd-tour";
// Every page has a frame of its own, so what must outlast a change of page stands here: which step began at another
// place than its end, whether the reader pressed a button of the card, which then takes the focus, whose tab to open,
// which step's page is on its way, which step's deed waits for it, and where the focus was in a card that went with its page.
const began = { current: "" }, moved = { current: false }, wanted = { current: "" }, coming = { current: "" }, waits = { current: "" }, left = { current: "" };
let state = { id: "", step: 0, done: [] };
const listeners = new Set();
const put = (next) => { state = next; store.set(KEY, next); listeners.forEach((f) => f()); };
let read = false;
const snapshot = () => { if (!read && typeof window !== "undefined") { read = true; const kept = store.get(KEY, null); if (kept && typeof kept.id === "string") state = { id: kept.id, step: Number(kept.step) || 0, done: Array.isArray(kept.done) ? kept.done : [] }; } return state; };
export function useTour() { return useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, snapshot, () => state); }
export function startTour(id) { moved.current = true; put({ ...snapshot(), id, step: 0, asked: Date.now() }); }
function end(id, tenant, finished) {
  const done = finished ? [...new Set([...state.done, id])] : state.done;
  put({ id: "", step: 0, done });
  if (finished) request(`/api/v1/${tenant}/console/settings`, { method: "PATCH", json: { tours: done } }).catch(() => {});
}
// What the server keeps of tours that were taken comes to this browser too.
const takeTours = (list) => { if (Array.isArray(list) && list.some((one) => !snapshot().done.includes(one))) put({ ...state, done: [...new Set([...state.done, ...list.map(String)])] }); };
if (typeof window !== "undefined") window.addEventListener("flowdeck:tours", (e) => takeTours(e.detail));

const pageIsHere = () => Boolean(document.querySelector("[data-testid=hydrated]"));
const visible = (el) => { const r = el.getBoundingClientRect(); return r.width > 0 && r.height > 0 ? r : null; };
// An open dialog makes the page below it inert: the card stands in it then.
const hostNow = () => document.querySelector("dialog[open].layer") || document.body;
const find = (selector) => { for (const el of document.querySelectorAll(selector)) if (visible(el)) return el; return null; };

export function Tour() {
  const { id, step } = useTour(), { pathname, search } = useLocation(), navigate = useNavigate();
  const tenant = tenantOf(pathname), below = "/" + pathname.split("/").filter(Boolean).slice(1).join("/");
  const may = useMay(), tour = tourable(may) ? TOURS.find((one) => one.id === id) : undefined, now = tour?.steps[step];
  const [spot, setSpot] = useState(null);
  const card = useRef(null);
  const here = Boolean(now && now.at.test(below));
  const go = (to, byReader = true) => {
    moved.current = byReader;
    if (to < 0) return;
    if (to >= tour.steps.length) { end(id, tenant, true); return; }
    began.current = waits.current = "";
    put({ ...state, step: to });
  };
  // A step is over when its deed is done: the place was another one when the step began.
  useEffect(() => {
    if (!now?.done) return;
    const mark = `${id} ${step}`;
    if (!now.done.test(below + search)) began.current = mark;
    else if (began.current === mark) go(step + 1, false);
  }, [id, step, below, search]);
  const isReady = () => pageIsHere() && (!now.ready || Boolean(find(now.ready)));
  const measure = () => {
    const el = here ? find(now.target) : null, r = el && visible(el);
    setSpot((old) => { const next = { left: r?.left, top: r?.top, width: r?.width, height: r?.height, host: hostNow() }; return old && ["left", "top", "width", "height", "host"].every((k) => old[k] === next[k]) ? old : next; });
    return el;
  };
  // With the page itself, not after it: between the card of one page and that of the next no key is lost.
  useLayoutEffect(() => { if (now) measure(); }, [id, step, here, pathname]);
  useEffect(() => {
    if (!now) return undefined;
    const look = () => {
      if (now.seen && find(now.seen)) { go(step + 1, false); return; }
      const el = measure(), mark = `${id} ${step}`;
      if (here) coming.current = "";
      else if (coming.current !== mark) waits.current = ""; // the reader went elsewhere
      if (here && waits.current === mark && isReady()) { waits.current = ""; card.current?.querySelector("[data-testid=tour-next]")?.click(); return; }
      if (el && wanted.current === mark) { wanted.current = ""; el.click(); }
    };
    look();
    const timer = setInterval(look, 250);
    window.addEventListener("resize", look); window.addEventListener("scroll", look, true);
    return () => { clearInterval(timer); window.removeEventListener("resize", look); window.removeEventListener("scroll", look, true); };
  }, [id, step, here, pathname]);
  // A card that goes with its page hands the focus on to the next one.
  useLayoutEffect(() => () => {
    const at = document.activeElement;
    left.current = card.current?.contains(at) ? at.dataset.testid || "title" : "";
  }, []);
  useLayoutEffect(() => {
    const el = card.current;
    if (!el || !spot) return;
    const w = el.offsetWidth, h = el.offsetHeight, W = window.innerWidth, H = window.innerHeight;
    let x = W - w - 16, y = H - h - (W < 768 ? 68 : 16);
    if (spot.width && !now.open) {
      // A dialog is read whole: beside it if it leaves the room, else beside its button.
      const rooms = (box) => {
        const right = box.left + box.width, bottom = box.top + box.height;
        const mid = Math.max(8, Math.min(spot.left + spot.width / 2 - w / 2, W - w - 8)), level = Math.max(8, Math.min(spot.top, H - h - 8));
        return [[bottom + 12 + h < H - 8, mid, bottom + 12], [box.top - 12 - h > 8, mid, box.top - 12 - h], [right + 12 + w < W - 8, right + 12, level], [box.left - 12 - w > 8, box.left - 12 - w, level]];
      };
      const room = [...(spot.host === document.body ? [] : rooms(spot.host.getBoundingClientRect())), ...rooms(spot)].find(([fits]) => fits);
      if (room) [, x, y] = room;
      else if (spot.top > H / 2) y = 56; // nowhere beside it: the far half of the page
    } else if (now.middle) y = (H - h) / 2;
    el.style.left = `${Math.max(8, x)}px`; el.style.top = `${Math.max(8, y)}px`; el.style.visibility = "visible";
  });
  // After the card was placed: what is hidden takes no focus.
  useLayoutEffect(() => {
    const el = card.current;
    if (!el) return;
    const was = !el.contains(document.activeElement) && left.current && el.querySelector(`[data-testid=${left.current}]`);
    if (moved.current || (left.current && !was)) el.querySelector("h2").focus();
    else if (was) was.focus();
    moved.current = false; left.current = "";
  }, [id, step, Boolean(spot)]);
  if (!now || !spot) return null;
  const lead = now.go || "", last = step === tour.steps.length - 1;
  const press = (selector) => { const el = find(selector); if (el) el.click(); return Boolean(el); };
  const next = () => {
    if (step === 0) { coming.current = `${id} 2`; navigate("/" + tenant + tour.steps[1].go); go(2); return; }
    if (now.act || (lead && !here)) { moved.current = true; navigate("/" + tenant + lead); return; }
    if (now.done || now.seen) {
      const mark = `${id} ${step}`;
      if (here ? !isReady() : coming.current === mark) { waits.current = mark; return; } // a page that still loads closes what opens early
      if (press(now.target)) return;
    }
    const after = tour.steps[step + 1];
    if (after?.open) wanted.current = `${id} ${step + 1}`;
    go(step + 1);
  };
  return createPortal(<>
    {spot.width && now.target !== ".monaco-editor" ? <i className="tourring" aria-hidden="true" style={{ left: spot.left - 4, top: spot.top - 4, width: spot.width + 8, height: spot.height + 8 }} /> : null}
    <section ref={card} className="tourcard" role="dialog" aria-modal="false" aria-labelledby="tour-title" aria-describedby="tour-text" data-testid="tour" data-step={step} style={{ visibility: "hidden" }}
      onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); e.preventDefault(); end(id, tenant, false); } }}>
      <div className="row g8"><span className="xs faint grow num">{tour.title}, step {step + 1} of {tour.steps.length}</span>
        <button type="button" className="ib" aria-label="End the tour" title="End the tour (Esc)" onClick={() => end(id, tenant, false)} data-testid="tour-close"><svg width={14} height={14} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" aria-hidden="true"><path d="M18 6 6 18M6 6l12 12" /></svg></button></div>
      <div aria-live="polite"><h2 id="tour-title" tabIndex={-1}>{now.title}</h2>
        <p id="tour-text" className="mut">{here || lead ? now.text : "This step belongs to another page. Go back to it, or skip the tour."}</p></div>
      <div className="tourdots" aria-hidden="true">{tour.steps.map((_, i) => <i key={i} className={i === step ? "on" : i < step ? "was" : ""} />)}</div>
      <div className="row g6"><button type="button" className="btn s gho" onClick={() => end(id, tenant, false)} data-testid="tour-skip">Skip</button><span className="grow" />
        {step > 0 ? <button type="button" className="btn s" onClick={() => go(step - 1)} data-testid="tour-previous">Previous</button> : null}
        <button type="button" className="btn s pri" onClick={next} data-testid="tour-next">{last ? "Finish" : now.act || "Next"}</button></div>
    </section>
  </>, hostNow());
}

export function TourChoice() {
  const { done } = useTour();
  return <div className="row g12 wrap tours" role="group" aria-label="Product tours">{TOURS.map((tour) => <button key={tour.id} type="button" className="tourpick" onClick={() => startTour(tour.id)} data-testid={`welcome-tour-${tour.id}`}>
    <b className="med">{tour.title}</b><span className="sm mut">{tour.text}</span>{done.includes(tour.id) ? <span className="xs fgs ok">taken</span> : null}</button>)}</div>;
}
