// Who else has the flow open for editing: a word every half minute while one looks, the others as initials (UI-ED-62).
import { useEffect, useRef, useState } from "react";
import { request } from "$/public/external/components/net/net.jsx";
import "./editors.css";

const EVERY = 30000;
const client = (() => {
  try {
    const kept = sessionStorage.getItem("fd-editor") || Math.random().toString(36).slice(2, 14);
    sessionStorage.setItem("fd-editor", kept);
    return kept;
  } catch {
    return Math.random().toString(36).slice(2, 14);
  }
})();
const initials = (user) => {
  const parts = user.split("@")[0].split(/[._\s-]+/).filter(Boolean);
  return ((parts.length > 1 ? parts[0][0] + parts[1][0] : parts[0]?.slice(0, 2)) || "?").toUpperCase();
};
const words = (one) => (one.own ? (one.dirty ? "You, in another tab, with unsaved text" : "You, in another tab") : one.dirty ? `${one.user}, with unsaved text` : `${one.user} has it open`);

export function Editors({ url, dirty = false, turn = 0 }) {
  const [others, setOthers] = useState([]);
  const held = useRef({});
  held.current = { dirty };
  const speak = useRef(() => {});
  useEffect(() => {
    if (!url) return undefined;
    let ended = false;
    let timer = 0;
    const place = `${url}/${client}`;
    const say = async () => {
      clearTimeout(timer);
      if (ended || document.hidden) return;
      try {
        const list = await request(place, { method: "PUT", json: { dirty: held.current.dirty }, quiet: true });
        if (!ended) setOthers(list || []);
      } catch {
        // Who else is here is no matter to stop anybody for.
      }
      if (!ended) timer = setTimeout(say, EVERY);
    };
    const leave = () => { fetch(place, { method: "DELETE", keepalive: true, credentials: "same-origin" }).catch(() => {}); };
    const seen = () => { if (!document.hidden) say(); };
    speak.current = say;
    say();
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("pagehide", leave);
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("pagehide", leave);
      leave();
      setOthers([]);
    };
  }, [url]);
  const first = useRef(true);
  useEffect(() => { if (first.current) first.current = false; else speak.current(); }, [dirty]);
  useEffect(() => {
    if (!turn || !url || document.hidden) return undefined;
    const abort = new AbortController();
    request(url, { query: { client }, signal: abort.signal, quiet: true }).then((list) => setOthers(list || []), () => {});
    return () => abort.abort();
  }, [turn, url]);
  if (!others.length) return null;
  return (
    <span className="eds" role="status" aria-label={`Also here: ${others.map(words).join("; ")}`} data-testid="editors">
      {others.slice(0, 3).map((one) => <span key={one.client} className={one.dirty ? "av live" : "av"} title={words(one)} aria-hidden="true">{initials(one.user)}</span>)}
      {others.length > 3 ? <span className="av" title={others.slice(3).map(words).join("\n")} aria-hidden="true">+{others.length - 3}</span> : null}
    </span>
  );
}
