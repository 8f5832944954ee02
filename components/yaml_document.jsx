// The texts of the page's editors, shared in the browser: panels read them as one types, edit them through the editor
// (so that its undo knows every edit), and follow its cursor.
import { useEffect, useMemo, useReducer, useRef } from "react";
import { apply, parse } from "./yaml_edit.mjs";

const documents = new Map();

function entry(uri) {
  if (!documents.has(uri)) documents.set(uri, { text: "", valid: true, ready: false, version: 0, cursor: { line: 1, column: 1, focus: false }, markers: [], breakpoints: [], editor: null, listeners: new Set(), parsed: null, parsedFor: null });
  return documents.get(uri);
}
const notify = (one, what) => one.listeners.forEach((listen) => listen(what));

// The editor's side.
export function attach(uri, editor) {
  entry(uri).editor = editor;
  return () => { const one = documents.get(uri); if (one?.editor === editor) { one.editor = null; one.ready = false; notify(one, "text"); } };
}
export function tellText(uri, text) {
  const one = entry(uri);
  if (one.ready && one.text === text) return;
  one.text = text;
  one.ready = true;
  one.version += 1;
  notify(one, "text");
}
export function tellCursor(uri, cursor) { const one = entry(uri); one.cursor = cursor; notify(one, "cursor"); }
export function tellMarkers(uri, markers) { const one = entry(uri); one.markers = markers; notify(one, "markers"); }
export function setBreakpoints(uri, ids) { const one = entry(uri); one.breakpoints = ids; notify(one, "breakpoints"); }

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
