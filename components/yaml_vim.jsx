// Vim keys in the code editor (UI-ED-10): the engine of codemirror-vim, which drives an editor by the interface of
// CodeMirror 5, over Monaco. Loaded when the reader's setting is on, not before.
import { initVim } from "@replit/codemirror-vim-core";
import { monaco } from "$/public/external/components/monaco/monaco.jsx";
import { Marks, Pos, StringStream, bracketFrom, searchFrom } from "./yaml_vim_text.jsx";

const { Range, Selection } = monaco;
const toPos = (place) => new Pos(place.lineNumber - 1, place.column - 1);
const toPlace = (pos) => ({ lineNumber: pos.line + 1, column: pos.ch + 1 });
const MOST_HITS = 2000;

class Editor {
  constructor(view, line, save) {
    Object.assign(this, { view, line, save, state: { keyMap: "vim" }, options: {}, curOp: null, virtualSelection: null, $mid: 0, handlers: {}, lastEnd: 0 });
    this.model = view.getModel();
    this.marks_ = new Marks(this);
    this.marks = this.marks_.all;
    this.hits = view.createDecorationsCollection();
  }

  // ---- events
  on(type, f) { (this.handlers[type] ||= []).push(f); }
  off(type, f) { this.handlers[type] = (this.handlers[type] || []).filter((one) => one !== f); }
  signal(type, ...args) { for (const f of [...(this.handlers[type] || [])]) f(this, ...args); }
  changed(event) {
    const list = event.changes.map((one) => ({ text: one.text.split("\n"), origin: "+input" }));
    list.forEach((one, i) => { one.next = list[i + 1]; });
    for (const one of event.changes) this.marks_.moved(one);
    const first = event.changes[0];
    if (first) this.lastEnd = first.rangeOffset + first.text.length;
    if (list[0]) this.signal("change", list[0]);
  }
  moved() {
    if (this.curOp) this.curOp.cursorActivity = true;
    else this.signal("cursorActivity");
  }
  // One command is one step of undo and tells of the cursor once, at its end.
  operation(work) {
    if (this.curOp) return work();
    this.curOp = {};
    if (!this.state.vim?.insertMode) this.view.pushUndoStop();
    try {
      return work();
    } finally {
      if (this.curOp.cursorActivity) { this.signal("cursorActivity"); this.view.revealPosition(this.view.getPosition()); }
      this.curOp = null;
      if (!this.state.vim?.insertMode) this.view.pushUndoStop();
    }
  }

  // ---- places
  firstLine() { return 0; }
  lastLine() { return this.model.getLineCount() - 1; }
  lineCount() { return this.model.getLineCount(); }
  getLine(row) { return row < 0 || row > this.lastLine() ? "" : this.model.getLineContent(row + 1); }
  indexFromPos(pos) { return this.model.getOffsetAt(toPlace(pos)); }
  posFromIndex(offset) { return toPos(this.model.getPositionAt(offset)); }
  clipPos(pos) { return toPos(this.model.validatePosition(toPlace(pos))); }
  setBookmark(pos, { insertLeft = false } = {}) { return this.marks_.set(pos, insertLeft); }
  getLineHandle(row) { return this.setBookmark(new Pos(row, 0), { insertLeft: true }); }
  getLineNumber(mark) { return mark.find()?.line ?? null; }
  releaseLineHandles() { /* a mark costs nothing */ }
  getLastEditEnd() { return this.posFromIndex(this.lastEnd); }

  // ---- cursor and selections
  getCursor(side) {
    const one = this.view.getSelection();
    if (side === "anchor") return new Pos(one.selectionStartLineNumber - 1, one.selectionStartColumn - 1);
    if (side === "start") return toPos(one.getStartPosition());
    if (side === "end") return toPos(one.getEndPosition());
    return toPos(one.getPosition());
  }
  setCursor(line, ch) {
    const pos = typeof line === "object" ? line : new Pos(line, ch ?? 0);
    this.view.setPosition(this.model.validatePosition(toPlace(pos)), "vim");
  }
  listSelections() { return this.view.getSelections().map((one) => ({ anchor: new Pos(one.selectionStartLineNumber - 1, one.selectionStartColumn - 1), head: toPos(one.getPosition()) })); }
  setSelections(list, first = 0) {
    const made = list.map(({ anchor, head }) => { const [a, h] = [this.model.validatePosition(toPlace(anchor)), this.model.validatePosition(toPlace(head))]; return new Selection(a.lineNumber, a.column, h.lineNumber, h.column); });
    this.view.setSelections([...made.slice(first), ...made.slice(0, first)], "vim");
  }
  setSelection(anchor, head) { this.setSelections([{ anchor, head: head || anchor }]); }
  somethingSelected() { return this.view.getSelections().some((one) => !one.isEmpty()); }
  isInMultiSelectMode() { return this.view.getSelections().length > 1; }
  virtualSelectionMode() { return Boolean(this.virtualSelection); }
  forEachSelection(work) {
    const marked = this.listSelections().map(({ anchor, head }) => [this.setBookmark(anchor, { insertLeft: true }), this.setBookmark(head, { insertLeft: true })]);
    const after = marked.map(([anchor, head]) => {
      this.virtualSelection = true;
      this.setSelection(anchor.find(), head.find());
      work();
      const [found] = this.listSelections();
      return [this.setBookmark(found.anchor, { insertLeft: true }), this.setBookmark(found.head, { insertLeft: true })];
    });
    this.virtualSelection = null;
    this.setSelections(after.map(([anchor, head]) => ({ anchor: anchor.find(), head: head.find() })));
    [...marked, ...after].flat().forEach((one) => one.clear());
  }

  // ---- text
  getValue() { return this.model.getValue(); }
  setValue(text) { this.edit([{ range: this.model.getFullModelRange(), text }]); }
  getRange(from, to) { return this.model.getValueInRange(Range.fromPositions(toPlace(from), toPlace(to))); }
  getSelections() { return this.view.getSelections().map((one) => this.model.getValueInRange(one)); }
  getSelection() { return this.getSelections().join("\n"); }
  edit(edits) { this.view.executeEdits("vim", edits.map((one) => ({ ...one, forceMoveMarkers: true }))); }
  replaceRange(text, from, to) { this.edit([{ range: this.model.validateRange(Range.fromPositions(toPlace(from), toPlace(to || from))), text }]); }
  replaceSelections(texts) { this.edit(this.view.getSelections().map((range, i) => ({ range, text: texts[i] ?? "" }))); }
  replaceSelection(text) { this.replaceSelections(this.view.getSelections().map(() => text)); }
  overWriteSelection(text) {
    const width = (one) => Math.min(one.startColumn + 1, this.model.getLineMaxColumn(one.startLineNumber));
    this.edit(this.view.getSelections().map((one) => ({ range: one.isEmpty() ? new Range(one.startLineNumber, one.startColumn, one.startLineNumber, width(one)) : one, text })));
  }
  indentLine(row, more = true) {
    const unit = this.getOption("tabSize"), lead = /^\s*/.exec(this.getLine(row))[0].length;
    if (more) this.replaceRange(" ".repeat(unit), new Pos(row, 0));
    else this.replaceRange("", new Pos(row, 0), new Pos(row, Math.min(unit, lead)));
  }
  indentMore() { this.run("editor.action.indentLines"); }
  indentLess() { this.run("editor.action.outdentLines"); }
  run(action) { this.view.trigger("vim", action, null); }
  execCommand(name) { commands[name]?.(this); }
  toggleOverwrite(on) { this.state.overwrite = on; }
  findMatchingBracket(pos) {
    const ch = this.getLine(pos.line).charAt(pos.ch);
    const found = "([{".includes(ch) && ch ? bracketFrom(this, new Pos(pos.line, pos.ch + 1), 1) : ")]}".includes(ch) && ch ? bracketFrom(this, pos, -1) : null;
    return { to: found ? found.pos : undefined };
  }
  scanForBracket(pos, dir, _style, config) { return bracketFrom(this, pos, dir, config?.bracketRegex); }
  getTokenTypeAt() { return ""; }
  getMode() { return { name: "yaml" }; }

  // ---- search
  getSearchCursor(query, pos) { return searchFrom(this, query, pos); }
  addOverlay({ query }) {
    const found = this.model.findMatches(query.source, false, true, !query.ignoreCase, null, false, MOST_HITS);
    this.hits.set(found.map(({ range }) => ({ range, options: { inlineClassName: "fd-vim-hit" } })));
  }
  removeOverlay() { this.hits.clear(); }

  // ---- what is seen; a column counts as its number, lines as pixels
  defaultTextHeight() { return this.view.getOption(monaco.editor.EditorOption.lineHeight); }
  charCoords(pos) { const top = this.view.getTopForLineNumber(pos.line + 1); return { left: pos.ch, top, bottom: top + this.defaultTextHeight() }; }
  coordsChar({ left, top }) {
    let [low, high] = [0, this.lastLine()];
    while (low < high) { const mid = Math.ceil((low + high) / 2); if (this.view.getTopForLineNumber(mid + 1) <= top) low = mid; else high = mid - 1; }
    return this.clipPos(new Pos(low, left));
  }
  findPosV(start, amount, unit, goal) {
    const { height } = this.view.getLayoutInfo();
    const wanted = start.line + amount * (unit === "page" ? Math.max(1, Math.floor(height / this.defaultTextHeight()) - 1) : 1);
    const line = Math.min(Math.max(0, wanted), this.lastLine());
    const ch = Math.min(goal ?? start.ch, this.getLine(line).length);
    return Object.assign(new Pos(line, ch), { hitSide: line !== wanted });
  }
  getScrollInfo() { const { width, height } = this.view.getLayoutInfo(); return { left: this.view.getScrollLeft(), top: this.view.getScrollTop(), width: this.view.getScrollWidth(), height: this.view.getScrollHeight(), clientWidth: width, clientHeight: height }; }
  scrollTo(x, y) { if (typeof x === "number") this.view.setScrollLeft(x); if (typeof y === "number") this.view.setScrollTop(y); }
  scrollIntoView(pos) { const at = pos?.from || pos; if (at?.line >= 0) this.view.revealPositionInCenterIfOutsideViewport(toPlace(at)); }
  getWrapperElement() { return this.view.getDomNode(); }
  getInputField() { return this.view.getDomNode().querySelector("textarea"); }
  focus() { this.view.focus(); }
  blur() { this.getInputField()?.blur(); }
  refresh() { this.view.render(); }
  setOption(name, value) { this.options[name] = value; if (name === "keyMap") this.state.keyMap = value; }
  getOption(name) {
    if (name === "firstLineNumber") return 1;
    if (name === "tabSize") return this.model.getOptions().tabSize;
    if (name === "readOnly") return this.view.getOption(monaco.editor.EditorOption.readOnly);
    return this.options[name];
  }

  // ---- the line below the text
  say(...nodes) { this.line.replaceChildren(...nodes); }
  openNotification(node, { duration } = {}) {
    clearTimeout(this.quiet);
    this.say(node);
    const close = () => { if (node.isConnected) this.mode(); };
    if (duration) this.quiet = setTimeout(close, duration);
    return close;
  }
  openDialog(node, done, options = {}) {
    const box = node.querySelector("input");
    let closed = false;
    const close = (text) => {
      if (typeof text === "string") { if (box) box.value = text; return; }
      if (closed) return;
      closed = true;
      this.state.dialog = null;
      this.mode();
      this.focus();
      options.onClose?.(node);
    };
    this.state.dialog = node;
    this.say(node);
    if (!box) return close;
    box.setAttribute("aria-labelledby", this.line.id);
    box.value = options.value || "";
    box.addEventListener("keyup", (event) => options.onKeyUp?.(event, box.value, close));
    box.addEventListener("keydown", (event) => {
      if (options.onKeyDown?.(event, box.value, close)) return;
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      close();
      // A search puts the view back where it began before it goes to what it found: the end of the step shows the cursor.
      if (event.key === "Enter") this.operation(() => { this.curOp.cursorActivity = true; done?.(box.value); });
    });
    box.addEventListener("blur", () => setTimeout(() => document.activeElement === box || close(), 0));
    box.focus();
    return close;
  }
  mode(told) {
    if (told) this.shown = [told.mode, told.subMode].filter(Boolean).join(" ");
    if (told) this.view.updateOptions({ cursorStyle: told.mode === "insert" ? "line" : told.mode === "replace" ? "underline" : "block" });
    if (!this.state.dialog) this.line.textContent = (this.shown || "").toUpperCase();
  }
}

const commands = {
  undo: (cm) => cm.run("undo"),
  redo: (cm) => cm.run("redo"),
  newlineAndIndent: (cm) => cm.view.trigger("keyboard", "type", { text: "\n" }),
  indentAuto: (cm) => cm.run("editor.action.reindentselectedlines"),
  toggleLineComment: (cm) => cm.run("editor.action.commentLine"),
  cursorCharLeft: (cm) => cm.run("cursorLeft"),
  delCharBefore: (cm) => cm.run("deleteLeft"),
  delCharAfter: (cm) => cm.run("deleteRight"),
  goLineLeft: (cm) => cm.setCursor(cm.getCursor().line, 0),
  goLineRight: (cm) => cm.setCursor(cm.getCursor().line, cm.getLine(cm.getCursor().line).length),
  save: (cm) => cm.save(),
};
Object.assign(Editor, {
  Pos, StringStream, commands, keys: {},
  isMac: /Mac/.test(navigator.platform),
  isWordChar: (ch) => /[\w\p{L}\p{N}]/u.test(ch),
  addClass: (node, name) => node.classList.add(name),
  rmClass: (node, name) => node.classList.remove(name),
  e_preventDefault: (event) => event.preventDefault(),
  e_stop: (event) => { event.stopPropagation(); event.preventDefault(); },
  keyName: (event) => event.key,
  lookupKey: (key, _map, handle) => { const name = { Backspace: "delCharBefore", Delete: "delCharAfter" }[key]; if (name) handle(name); },
  on: (target, type, f) => (target.addEventListener ? target.addEventListener(type, f) : target.on(type, f)),
  off: (target, type, f) => (target.removeEventListener ? target.removeEventListener(type, f) : target.off(type, f)),
  signal: (target, type, ...args) => target.signal(type, ...args),
  findMatchingTag: () => undefined,
  findEnclosingTag: () => undefined,
});

const Vim = initVim(Editor);

// `line` shows mode, commands and messages; `save` is what `:w` does. Returns how to stop.
export function vimKeys(view, line, save) {
  const cm = new Editor(view, line, save);
  cm.on("vim-mode-change", (_, told) => cm.mode(told));
  const keys = view.onKeyDown((event) => {
    const raw = event.browserEvent;
    // Escape is prevented by Monaco itself, before anybody hears of it.
    if (raw.isComposing || raw.keyCode === 229 || (raw.defaultPrevented && raw.key !== "Escape")) return;
    const key = Vim.vimKeyFromEvent(raw, cm.state.vim);
    if (!key) return;
    let taken = Vim.multiSelectHandleKey(cm, key, "user");
    if (!taken && cm.state.vim.insertMode && cm.state.overwrite && key.length === 1) { cm.overWriteSelection(key); taken = true; }
    if (!taken) return;
    event.preventDefault();
    event.stopPropagation();
  });
  const others = [view.onDidChangeModelContent((event) => cm.changed(event)), view.onDidChangeCursorSelection(() => cm.moved())];
  Vim.enterVimMode(cm);
  line.dataset.ready = "true";
  return () => {
    clearTimeout(cm.quiet);
    [keys, ...others].forEach((one) => one.dispose());
    Vim.leaveVimMode(cm);
    cm.hits.clear();
    line.replaceChildren();
    view.updateOptions({ cursorStyle: "line" });
  };
}
