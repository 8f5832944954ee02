// Unsaved text of an editor: in this browser at once, on the server a moment later, so that it outlives both (UI-ED-63).
import { request } from "$/public/external/components/net/net.jsx";

const APART = 3000; // ms between two sendings
const LARGEST = 4_500_000; // characters; the server keeps 5 MB
const name = (key) => `flowdeck:draft:${key}`;
const origin = (() => {
  try {
    const kept = localStorage.getItem("fd-browser") || Math.random().toString(36).slice(2, 12);
    localStorage.setItem("fd-browser", kept);
    return kept;
  } catch {
    return "";
  }
})();

function local(key) {
  try {
    return JSON.parse(localStorage.getItem(name(key)) || "null");
  } catch {
    return null;
  }
}
function store(key, body) {
  try {
    if (body) localStorage.setItem(name(key), JSON.stringify(body));
    else localStorage.removeItem(name(key));
  } catch {
    // A full or forbidden storage must not stop the typing; the server has it too.
  }
}

// `about()` gives {key, url, revision}: the name in this browser, the place on the server ("" for none), what was begun with.
// `onKept(ms)` tells when a text was kept, `null` that none is any more.
export function drafts(about, onKept) {
  let pending; // what the server does not know yet: a body, or null to forget
  let known = 0; // `at` of the one that the server holds, as far as this tab knows
  let busy = false;
  let last = 0;
  let timer = 0;
  const listed = async (url) => {
    const base = url.slice(0, url.indexOf("/drafts/") + 7);
    const [one] = await request(base, { query: { key: decodeURIComponent(url.slice(base.length + 1)) }, quiet: true });
    return one;
  };
  const send = async () => {
    clearTimeout(timer);
    const { url } = about();
    if (busy || pending === undefined || !url) return;
    const wait = last + APART - Date.now();
    if (pending && wait > 0) { timer = setTimeout(send, wait); return; }
    const body = pending;
    pending = undefined;
    if (body === null && !known) return;
    if (body && body.text.length > LARGEST) return;
    busy = true;
    last = Date.now();
    try {
      if (body) await request(url, { method: "PUT", json: { text: body.text, baseRevision: body.revision, at: body.at, origin }, quiet: true });
      // What another tab kept since is not this one's to forget.
      else if ((await listed(url))?.at === known) await request(url, { method: "DELETE", as: "text", quiet: true });
      known = body ? body.at : 0;
    } catch (error) {
      if (pending === undefined && (!error.status || error.status >= 500)) { pending = body; last = Date.now() + 10000; timer = setTimeout(send, 15000); }
    } finally {
      busy = false;
      if (pending !== undefined) send();
    }
  };
  return {
    keep(text) {
      const { key, revision } = about();
      const body = { text, at: Date.now(), revision };
      store(key, body);
      pending = body;
      send();
      onKept?.(body.at);
    },
    forget() {
      store(about().key, null);
      pending = null;
      send();
      onKept?.(null);
    },
    // The newest text that is kept anywhere and is not `saved`: {text, at, revision, elsewhere}, or null.
    async find(saved) {
      const { key, url } = about();
      const mine = local(key);
      let found = mine && mine.text !== saved ? mine : null;
      if (url) {
        try {
          const there = await listed(url);
          known = there?.at || 0;
          if (there && (!found || there.at > found.at)) {
            const other = await request(url, { quiet: true });
            if (other.text !== saved && other.text !== found?.text) found = { text: other.text, at: other.at || Date.parse(other.updated), revision: other.baseRevision, elsewhere: other.origin !== origin };
            else if (other.text === saved && !found) this.forget();
          }
        } catch {
          // What only the server holds is offered another time.
        }
      }
      if (!found && mine) store(key, null);
      return found;
    },
    stop() {
      clearTimeout(timer);
      last = 0;
      send();
    },
  };
}
