// The tab's icon carries the state's colour; a notice of the browser tells the end of an execution that one waits for.
import { useEffect, useRef, useState } from "react";
import { familyOf, stateWord, token } from "$/public/external/components/glyphs/glyphs.jsx";

const shape = (colour) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="1" y="2" width="9" height="3" rx="1" fill="${colour}"/><rect x="4" y="6.5" width="11" height="3" rx="1" fill="${colour}" opacity=".75"/><rect x="2" y="11" width="8" height="3" rx="1" fill="${colour}" opacity=".5"/></svg>`)}`;

export function RunWatch({ state, name, terminal }) {
  const [asked, setAsked] = useState(false);
  const before = useRef(state);
  useEffect(() => {
    const icon = document.querySelector("link[rel=icon]");
    if (!icon || !state) return undefined;
    const old = icon.dataset.own || icon.href;
    icon.dataset.own = old;
    icon.href = shape(token(`${familyOf(state)}-solid`) || "gray");
    return () => { icon.href = old; };
  }, [state]);
  useEffect(() => {
    if (asked && terminal && before.current !== state) {
      try {
        new Notification(`${name}: ${stateWord(state)}`, { icon: shape(token(`${familyOf(state)}-solid`)), tag: name });
      } catch { /* the browser refused */ }
      setAsked(false);
    }
    before.current = state;
  }, [state, terminal]);
  if (terminal || typeof Notification === "undefined") return null;
  const ask = async () => {
    if (asked) return setAsked(false);
    const right = Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission;
    setAsked(right === "granted");
    return undefined;
  };
  return <button type="button" className={`btn ic hide-s${asked ? " on" : ""}`} aria-pressed={asked} title={asked ? "The browser tells you when it ends" : "Tell me when it ends"} aria-label="Tell me when it ends" onClick={ask} data-testid="execution-notify"><svg width="14" height="14" viewBox="0 0 24 24" fill={asked ? "currentColor" : "none"} stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true"><path d="M6 8a6 6 0 0 1 12 0c0 7 3 9 3 9H3s3-2 3-9M10.3 21a1.94 1.94 0 0 0 3.4 0" /></svg></button>;
}
