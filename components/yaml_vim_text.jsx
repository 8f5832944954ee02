// What the Vim engine asks of a text beside the editor: places, marks, brackets, search, a stream over a command line.
export class Pos {
  constructor(line, ch) { this.line = line; this.ch = ch; }
}

// Places that stay with their text. `insertLeft`: what is written at the place stands before it.
export class Marks {
  constructor(cm) { this.cm = cm; this.all = {}; }
  set(pos, insertLeft) {
    const { cm, all } = this;
    const id = (cm.$mid += 1);
    all[id] = { cm, id, offset: cm.indexFromPos(pos), insertLeft, clear: () => { delete all[id]; }, find: () => (all[id] ? cm.posFromIndex(all[id].offset) : null) };
    return all[id];
  }
  moved({ rangeOffset: from, rangeLength: gone, text }) {
    for (const mark of Object.values(this.all)) {
      const at = mark.offset;
      if (at < from || (at === from && !gone && !mark.insertLeft)) continue;
      mark.offset = at >= from + gone ? at + text.length - gone : from;
    }
  }
}

const PARTNERS = { "(": ")>", ")": "(<", "[": "]>", "]": "[<", "{": "}>", "}": "{<", "<": ">>", ">": "<<" };
const MOST_LINES = 1000;

// The bracket that is open at a place, looking forwards or backwards: {pos, ch}; false at an end of the text.
export function bracketFrom(cm, where, dir, pattern = /[(){}[\]]/) {
  const stack = [];
  const end = dir > 0 ? Math.min(where.line + MOST_LINES, cm.lastLine() + 1) : Math.max(-1, where.line - MOST_LINES);
  let row = where.line;
  for (; row !== end; row += dir) {
    const line = cm.getLine(row);
    const stop = dir > 0 ? line.length : -1;
    let at = row === where.line ? where.ch - (dir < 0 ? 1 : 0) : dir > 0 ? 0 : line.length - 1;
    for (; dir > 0 ? at < stop : at > stop; at += dir) {
      const ch = line.charAt(at);
      if (!ch || !pattern.test(ch)) continue;
      if ((PARTNERS[ch]?.[1] === ">") === (dir > 0)) stack.push(ch);
      else if (!stack.length) return { pos: new Pos(row, at), ch };
      else stack.pop();
    }
  }
  return row - dir === (dir > 0 ? cm.lastLine() : 0) ? false : null;
}

export function searchFrom(cm, query, pos) {
  const pattern = new RegExp(query.source, [...new Set(`${query.flags}gm`)].join(""));
  let [from, to, found] = [cm.indexFromPos(pos), cm.indexFromPos(pos), null];
  const take = (match) => {
    found = match;
    if (match) [from, to] = [match.index, match.index + match[0].length];
    return match;
  };
  const forwards = () => {
    pattern.lastIndex = found && from === to ? to + 1 : to;
    return take(pattern.exec(cm.getValue()));
  };
  const backwards = () => {
    let last = null;
    for (const match of cm.getValue().matchAll(pattern)) { if (match.index + (found ? match[0].length : 0) > from || match.index >= from) break; last = match; }
    return take(last);
  };
  return {
    findNext: forwards,
    findPrevious: backwards,
    find: (back) => (back ? backwards() : forwards()),
    from: () => (found ? cm.posFromIndex(from) : undefined),
    to: () => (found ? cm.posFromIndex(to) : undefined),
    replace: (text) => { if (!found) return; cm.replaceRange(text, cm.posFromIndex(from), cm.posFromIndex(to)); to = from + text.length; },
    get match() { return found; },
  };
}

export class StringStream {
  constructor(string) { this.string = string; this.pos = 0; this.start = 0; }
  eol() { return this.pos >= this.string.length; }
  sol() { return this.pos === 0; }
  peek() { return this.string.charAt(this.pos) || undefined; }
  next() { return this.eol() ? undefined : this.string.charAt((this.pos += 1) - 1); }
  eat(wanted) {
    const ch = this.string.charAt(this.pos);
    const fits = typeof wanted === "string" ? ch === wanted : ch && (wanted.test ? wanted.test(ch) : wanted(ch));
    if (!fits) return undefined;
    this.pos += 1;
    return ch;
  }
  eatWhile(wanted) { const from = this.pos; while (this.eat(wanted) !== undefined) { /* on */ } return this.pos > from; }
  eatSpace() { return this.eatWhile(/\s/); }
  skipToEnd() { this.pos = this.string.length; }
  skipTo(ch) { const at = this.string.indexOf(ch, this.pos); if (at >= 0) this.pos = at; return at >= 0; }
  backUp(n) { this.pos -= n; }
  column() { return this.pos; }
  indentation() { return 0; }
  match(wanted, consume = true, blind = false) {
    if (typeof wanted === "string") {
      const part = this.string.slice(this.pos, this.pos + wanted.length);
      const fits = blind ? part.toLowerCase() === wanted.toLowerCase() : part === wanted;
      if (fits && consume) this.pos += wanted.length;
      return fits;
    }
    const found = this.string.slice(this.pos).match(wanted);
    if (found && found.index > 0) return null;
    if (found && consume) this.pos += found[0].length;
    return found;
  }
  current() { return this.string.slice(this.start, this.pos); }
}
