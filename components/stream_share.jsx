// Tabs that follow the same thing share one connection: one of them holds it, the others get its frames (UI-LV-05).
//
// A tab begins with a connection of its own. When it has seen the same frame as the leader it closes its own, so
// nothing is missed and nothing comes twice; when the leader goes, the next one opens at the last cursor. Frames of
// lists say only that something changed, and each connection merges them for itself: there any sign of the leader will
// do. Where the browser has no locks (plain http on another host) every tab keeps its own.
const able = () => typeof BroadcastChannel === "function" && Boolean(navigator.locks?.request);
const SEEN = 50; // frames of the own connection that are remembered for the hand-over

export class Share {
  // lead(): the connection is this tab's matter from now on; follow(): the own one can be closed; frame(kind, data, id);
  // status(word): how the leader's connection is. lists: the frames are those of lists alone.
  constructor(url, { lead, follow, frame, status, lists = false }) {
    this.lists = lists;
    this.handlers = { lead, follow, frame, status };
    this.role = able() ? "own" : "alone";
    this.seen = [];
    this.last = null;
    if (this.role === "alone") return;
    this.channel = new BroadcastChannel(`flowdeck ${url}`);
    this.channel.onmessage = (event) => this.told(event.data);
    this.abort = new AbortController();
    navigator.locks
      .request(`flowdeck ${url}`, { signal: this.abort.signal }, () => {
        if (this.gone) return undefined;
        const was = this.role;
        this.role = "leader";
        if (was === "follower") this.handlers.lead();
        return new Promise((release) => { this.release = release; });
      })
      .catch(() => {}); // given up before it was granted
    this.channel.postMessage({ hello: true });
  }

  // A frame of this tab's own connection.
  arrived(kind, data, id) {
    if (this.role === "alone" || this.gone) return;
    this.last = { kind, data, id };
    if (this.role === "leader") this.channel.postMessage({ kind, data, id });
    else {
      this.seen.push(id);
      if (this.seen.length > SEEN) this.seen.shift();
      if (this.mark && this.mark === id) this.join();
    }
  }

  // How this tab's own connection is.
  tell(status) {
    if (this.role === "leader" && !this.gone) this.channel.postMessage({ status });
  }

  told(message) {
    if (this.gone) return;
    if (message.hello) {
      if (this.role === "leader" && (this.last?.id || this.lists)) this.channel.postMessage({ mark: this.last?.id || "lists" });
      return;
    }
    if (this.role === "own") {
      const id = message.mark || message.id;
      this.mark = id;
      if (id && (this.lists || this.seen.includes(id))) this.join();
      if (!this.lists || this.role === "own") return;
    }
    if (this.role !== "follower") return;
    if (message.status) this.handlers.status(message.status);
    else if (message.kind) this.handlers.frame(message.kind, message.data, message.id);
  }

  join() {
    this.role = "follower";
    this.seen = [];
    this.handlers.follow();
  }

  // Whether this tab keeps a connection open.
  get connects() {
    return this.role !== "follower";
  }

  leave() {
    this.gone = true;
    this.abort?.abort();
    this.release?.();
    this.channel?.close();
  }
}
