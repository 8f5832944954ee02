// A flow being written. Its text comes from the API and goes back to it from here: the page's state knows where it lies,
// with which revision it began and what became of a save, never the text (UI-RX-02).
import { useEffect, useReducer, useRef, useState } from "react";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { forget, heldText, hold } from "$/public/external/components/held_texts/held_texts.jsx";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { documentOf } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { YamlEditor } from "$/public/external/components/yaml_editor/yaml_editor.jsx";
import { exampleOf, namesOf, renamed, sample } from "./flow_starters.mjs";

const PATIENCE = 15000;
const SLOWEST = 50; // characters in a millisecond: what a large text may take on its way

// What a text begins with: {kind, url}, of a new flow also {name, namespace, origin, cls, example}; a stored one in the
// revision that the page names.
async function begun({ kind, url, ...about }, revision, signal) {
  if (kind === "sample") return sample(about.name, about.namespace);
  if (kind === "plugin") return exampleOf(await request(url, { signal }), about);
  const text = await request(kind === "stored" ? `${url}?revision=${revision}` : url, { signal, as: "text", headers: { Accept: "*/*" } });
  if (kind === "copy") return renamed(text, { id: `${about.origin}_copy` });
  return text || kind === "stored" ? text : sample(about.name, about.namespace);
}

export function FlowSource(props) {
  const { docUri, begin, load, command } = props;
  const held = useRef(props);
  held.current = props;
  const [shown, setShown] = useState(null); // {text, turn}: what counts as saved, and the wish that it answers
  const [failed, setFailed] = useState(null);
  const [again, setAgain] = useState(0);
  const [order, setOrder] = useState({});
  const saved = useRef(null);
  const base = useRef(0); // the revision that the text began with
  const dirty = useRef(false);
  const words = useRef(""); // said of the revision that the next save makes
  const ended = useRef(false); // the session ended before a save
  const now = () => documentOf(docUri).text;
  const outcome = (more) => ({ document: docUri, ...more });

  const settle = (text, revision) => {
    saved.current = text;
    base.current = revision;
    hold(docUri, "saved", text);
  };
  useEffect(() => {
    hold(docUri, "now", now);
    return () => forget(docUri);
  }, [docUri]);

  // -- the text comes ---------------------------------------------------------------------------------------------
  useEffect(() => {
    const stop = new AbortController();
    const revision = held.current.baseRevision || 0;
    const came = (text) => {
      if (stop.signal.aborted) return;
      // Typed or saved while it was on its way: that text stays, and what it began with.
      const typed = !load.force && dirty.current && text !== saved.current;
      if (saved.current !== null && (typed || revision < base.current)) {
        held.current.onBase?.(base.current);
        if (dirty.current) held.current.onDirty?.(true);
      } else {
        // The same text under another number: what was typed goes all the same.
        if (load.force && dirty.current && text === saved.current) setOrder({ seq: `again:${load.turn}`, kind: "replace", text });
        settle(text, revision);
      }
      setFailed(null);
      setShown({ text: saved.current, turn: load.turn });
    };
    begun(begin, revision, stop.signal).then(came, (error) => {
      if (isAbort(error) || stop.signal.aborted) return;
      if (begin.kind === "stored") { setFailed(error); return; }
      held.current.onUnread?.({ kind: begin.kind, ...error.toJSON() });
      came(sample(begin.name, begin.namespace));
    });
    return () => stop.abort();
  }, [docUri, load.turn, again]);

  // -- the text goes ----------------------------------------------------------------------------------------------
  // One after the other: a save begins with the revision that the one before made.
  const line = useRef(Promise.resolve());
  const queue = (step) => { line.current = line.current.then(step); };
  const write = (method, url, text, message, revision) => request(url, {
    method, body: text, query: { message }, patience: PATIENCE + text.length / SLOWEST,
    headers: { "Content-Type": "application/x-yaml", ...(revision === undefined ? {} : { "If-Match": String(revision) }) },
  });
  const refused = (text, error, more) => {
    hold(docUri, "mine", text);
    ended.current = error.status === 401;
    if (ended.current) words.current = more.said || "";
    held.current.onRefused?.(outcome({ ...namesOf(text), ...(error.toJSON?.() || { status: 0, message: String(error) }), ...more }));
  };
  const store = (text, message = "", over = "") => queue(async () => {
    const { creating, fixed, flowsUrl, flowUrl } = held.current;
    if (!creating && !over && text === saved.current) { held.current.onSaved?.(outcome({ same: true })); return; }
    const { namespace, id } = namesOf(text);
    if (!creating && namespace && id && fixed && `${namespace}/${id}` !== fixed) {
      hold(docUri, "mine", text);
      held.current.onRefused?.(outcome({ moved: true, said: message }));
      return;
    }
    held.current.onSaving?.(docUri);
    try {
      const named = `${flowsUrl}/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
      const flow = await (over === "created" ? write("PUT", named, text, message)
        : creating || over === "deleted" ? write("POST", flowsUrl, text, message)
        : write("PUT", flowUrl, text, message, over ? undefined : base.current));
      settle(text, flow.revision || 1);
      ended.current = false;
      setShown((old) => ({ ...old, text }));
      held.current.onSaved?.(outcome({ namespace: flow.namespace, id: flow.id, revision: flow.revision || 1, dirty: now() !== text, said: message, over }));
    } catch (error) {
      refused(text, error, { said: message });
    }
  });
  const copy = (text) => queue(async () => {
    try {
      const flow = await write("POST", held.current.flowsUrl, text);
      setOrder({ seq: `copied:${flow.id}`, kind: "forget" });
      held.current.onCopied?.(outcome({ namespace: flow.namespace, id: flow.id }));
    } catch (error) {
      refused(text, error, { copy: true });
    }
  });

  // -- orders of the page: they wait for the text that they are about ----------------------------------------------
  const obey = (one) => {
    const mine = heldText(docUri, "mine");
    if (one.kind === "store") store(mine, one.message, one.over);
    else if (one.kind === "copy") copy(renamed(one.of ? heldText(docUri, one.of) : now(), { id: one.name }));
    else if (one.kind === "keep") {
      if (!mine || mine === saved.current) return;
      if (!one.put) offer({ text: mine, saved: "now", revision: base.current, elsewhere: false });
      setOrder({ seq: one.seq, kind: "keep", text: mine, put: one.put ? saved.current : undefined });
    } else {
      if (one.kind === "save") words.current = one.message || "";
      setOrder(one.of ? { ...one, text: heldText(docUri, one.of) } : one);
    }
  };
  const offer = ({ text, ...about }) => {
    hold(docUri, "draft", text);
    held.current.onDraft?.(about);
  };
  // What was ordered before this editor stood was for another one; only a line to show belongs to the visit.
  const seen = useRef(command?.kind === "reveal" ? 0 : command?.seq);
  const waiting = useRef([]);
  const here = shown !== null && shown.turn === load.turn;
  const [, look] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    if (command?.seq && command.seq !== seen.current) waiting.current.push(command);
    seen.current = command?.seq;
    if (!here || !waiting.current.length) return;
    obey(waiting.current.shift());
    if (waiting.current.length) look();
  });
  useEffect(() => {
    const retry = () => { if (ended.current) { ended.current = false; setOrder({ seq: `login:${Date.now()}`, kind: "save" }); } };
    window.addEventListener("flowdeck:session", retry);
    return () => window.removeEventListener("flowdeck:session", retry);
  }, []);

  return (
    <>
      {failed ? <Problem error={failed} what="A text could not be loaded." retry={() => setAgain((n) => n + 1)} /> : null}
      {shown ? (
        <YamlEditor {...props} value={shown.text} baseRevision={base.current} command={order} onDraft={offer}
          onDirty={(is) => { dirty.current = is; held.current.onDirty?.(is); }}
          onSave={(text) => { const said = words.current; words.current = ""; store(text, said); }} />
      ) : <div className="fd-code-host" aria-busy="true" />}
    </>
  );
}
