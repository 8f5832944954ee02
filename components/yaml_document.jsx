// The texts of the page's editors, shared in the browser: panels read them as one types, edit them through the editor
// (so that its undo knows every edit), and follow its cursor.
import { useEffect, useMemo, useReducer, useRef, useSyncExternalStore } from "react";
import { apply, parse } from "./yaml_edit.mjs";

const documents = new Map();

function entry(uri) {
  if (!documents.has(uri)) documents.set(uri, { kept: "", read: null, get text() { if (this.read) { this.kept = this.read(); this.read = null; } return this.kept; }, valid: true, ready: false, version: 0, cursor: { line: 1, column: 1, focus: false }, markers: [], breakpoints: [], proposal: null, editor: null, listeners: new Set(), parsed: null, parsedFor: null });
  return documents.get(uri);
}
const settle = (one) => one.text; // the editor goes, its text stays readable
const notify = (one, what) => one.listeners.forEach((listen) => listen(what));

// The editor's side.
export function attach(uri, editor) {
  entry(uri).editor = editor;
  return () => { const one = documents.get(uri); if (one?.editor === editor) { one.editor = null; settle(one); one.ready = false; notify(one, "text"); } };
}
// `read` gives the text to the first who wants it: a key costs nothing as long as nobody does.
export function tellText(uri, read) {
  const one = entry(uri);
  one.read = read;
  one.ready = true;
  one.version += 1;
  notify(one, "text");
}
export function tellCursor(uri, cursor) { const one = entry(uri); one.cursor = cursor; notify(one, "cursor"); }
export function tellMarkers(uri, markers) { const one = entry(uri); one.markers = markers; notify(one, "markers"); }
export function setBreakpoints(uri, ids) { const one = entry(uri); one.breakpoints = ids; notify(one, "breakpoints"); }

// A text that is proposed for the document: {text, accept, refuse, retry}, or null. The editor shows it as a difference.
export function propose(uri, proposal) { const one = entry(uri); if (one.proposal !== proposal) { one.proposal = proposal; notify(one, "proposal"); } }
export function useProposal(uri) {
  return useSyncExternalStore((listen) => subscribe(uri, (what) => what === "proposal" && listen()), () => entry(uri).proposal, () => null);
}

// The panels' side.
export const documentOf = entry;
export function sourceOf(uri) {
  const one = entry(uri);
  if (one.parsedFor !== one.text || !one.parsed) { one.parsed = parse(one.text); one.parsedFor = one.text; }
  return one.parsed;
}

// Ranges of the present text -> the editor; false where nothing could be changed.
export function edit(uri, edits, place) {
  const one = entry(uri);
  if (!edits?.length || !one.editor || one.editor.readOnly()) return false;
  const after = apply(one.text, edits);
  if (after === one.text) return true;
  one.editor.edit(edits);
  if (place) setTimeout(() => reveal(uri, place), 0);
  return true;
}
export const reveal = (uri, place) => entry(uri).editor?.reveal(place);
export const undo = (uri) => entry(uri).editor?.undo();

export function subscribe(uri, listen) {
  const one = entry(uri);
  one.listeners.add(listen);
  return () => one.listeners.delete(listen);
}

// {text, source, error, ready, cursor, markers}; the source is that of the last text that could be read.
export function useDocument(uri, { delay = 120, cursor = false } = {}) {
  const [turn, again] = useReducer((n) => n + 1, 0);
  const good = useRef(null);
  useEffect(() => {
    let timer = 0;
    const stop = subscribe(uri, (what) => {
      if (what === "cursor" && !cursor) return;
      clearTimeout(timer);
      timer = setTimeout(again, what === "text" ? delay : 30);
    });
    again();
    return () => { stop(); clearTimeout(timer); };
  }, [uri, delay, cursor]);
  const one = entry(uri);
  return useMemo(() => {
    const source = one.ready ? sourceOf(uri) : null;
    if (source && !source.error) good.current = source;
    return { uri, ready: one.ready, text: one.text, source: good.current, error: source?.error || null, cursor: one.cursor, markers: one.markers, breakpoints: one.breakpoints, readOnly: one.editor ? one.editor.readOnly() : true };
  }, [turn, uri]);
}
