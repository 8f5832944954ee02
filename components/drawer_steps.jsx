// What a drawer shows stands in the address as `open`: a reload and a sent link show it again (UI-DG-03).
// Opened on the page it is a step of its own in the history: Back closes it and leaves the list where it was. Closed
// by its button the step stays behind and looks like the page below it, so Back passes over it.
import { useEffect } from "react";
import { useLocation, useNavigationType } from "react-router";

const OPEN = "open", SHUT = "shut";
export const opened = () => new URLSearchParams(location.search).get("open") || "";

// What the history keeps of the entry that is shown.
let here = typeof window === "undefined" ? null : history.state;
const arrive = () => { here = history.state; };
// The frame of every page tells where the router went: that is no event of the browser. It tells late, at times when
// the reader has gone back already.
export function useSteps() {
  const place = useLocation(), by = useNavigationType();
  useEffect(() => { if (by !== "POP" && history.state?.key === place.key) arrive(); }, [place]);
}

function passOver(event) {
  const from = here, to = event.state;
  arrive();
  if (from?.drawer !== SHUT || typeof to?.idx !== "number" || to.idx !== from.idx - 1) return;
  event.stopImmediatePropagation(); // the router hears of the entry below alone
  history.back();
}
// Before the router, which listens on the window too.
if (typeof window !== "undefined") window.addEventListener("popstate", passOver, true);

// Put what a drawer shows into the address, or take it away (an empty `at`).
// step: the drawer was opened on the page; a step that a closed drawer left behind is taken again.
export function address(at, step = false) {
  if (opened() === at) return;
  const url = new URL(location.href), state = history.state;
  if (at) url.searchParams.set("open", at); else url.searchParams.delete("open");
  const place = url.pathname + url.search + url.hash;
  if (!at) history.replaceState(state?.drawer ? { ...state, drawer: SHUT } : state, "", place);
  else if (!step) history.replaceState(state, "", place);
  else if (state?.drawer === SHUT) history.replaceState({ ...state, drawer: OPEN }, "", place);
  else history.pushState({ ...state, idx: (state?.idx ?? 0) + 1, drawer: OPEN }, "", place);
  arrive();
}
