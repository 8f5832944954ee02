// Lines of one view (minimum level, task run, attempt) by position, fetched in pages, appended by the stream.
import { isAbort, request } from "$/public/external/components/net/net.jsx";

export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
const PAGE = 200;
const CAP = 100000;

export class LogSource {
  constructor(url, view, onChange) {
    this.url = url;
    this.view = view; // {minLevel, taskRun, attempt}
    this.onChange = onChange;
    this.lines = new Map(); // position from 1 -> line
    this.total = undefined;
    this.last = 0; // number of the newest line known
    this.pages = new Set();
    this.appended = -Infinity;
    this.missed = 0; // number of the newest line that came before the first answer
    this.asking = Promise.resolve();
    this.error = null;
    this.abort = new AbortController();
  }

  close() {
    this.abort.abort();
  }

  async range(from, to) {
    if (this.view.own) return this.ownLines();
    const query = { ...this.view, from, to };
    const answer = await request(this.url, { query, signal: this.abort.signal });
    // Unfiltered positions are the line numbers, with gaps where lines were deleted.
    const plain = !this.view.minLevel && !this.view.taskRun && !this.view.attempt;
    answer.lines.forEach((line, i) => this.lines.set(plain ? line.no : answer.from + i, line));
    // What the stream appended a moment ago may not be in the answer yet.
    this.total = performance.now() - this.appended < 2000 ? Math.max(answer.total, this.total ?? 0) : answer.total;
    const newest = answer.lines[answer.lines.length - 1];
    if (newest && answer.from + answer.lines.length - 1 >= this.total) this.last = Math.max(this.last, newest.no);
    return answer;
  }

  // Lines of the execution itself, of no task run: few, and the server has no view of them. The first 2,000 are looked at.
  async ownLines() {
    const { own, ...query } = this.view;
    const answer = await request(this.url, { query: { ...query, from: 1, to: 2000 }, signal: this.abort.signal });
    const lines = answer.lines.filter((line) => !line.taskRun);
    lines.forEach((line, i) => this.lines.set(i + 1, line));
    this.total = lines.length;
    this.last = Math.max(this.last, lines[lines.length - 1]?.no || 0);
    return { ...answer, lines, from: 1, total: lines.length };
  }

  // Total, the last page and (unless only the end is wanted) the first one.
  start() {
    this.asking = this.read();
    return this.asking;
  }

  async read() {
    try {
      let tail = await this.range(-PAGE, undefined);
      if (this.missed > this.last) tail = await this.range(-PAGE, undefined);
      this.missed = 0;
      if (tail.from > 1) await this.page(0);
      this.error = null;
    } catch (error) {
      if (isAbort(error)) return;
      this.error = error;
    }
    this.onChange();
  }

  async page(n) {
    if (this.pages.has(n)) return;
    this.pages.add(n);
    try {
      await this.range(n * PAGE + 1, (n + 1) * PAGE);
      this.error = null;
    } catch (error) {
      this.pages.delete(n);
      if (isAbort(error)) return;
      this.error = error;
    }
    this.onChange();
  }

  // Fetches what is missing between two positions.
  ensure(from, to) {
    if (this.total === undefined) return;
    if (this.lines.size > CAP) this.drop(from, to);
    const end = Math.min(to, this.total);
    for (let n = Math.floor((Math.max(1, from) - 1) / PAGE); n <= Math.floor((end - 1) / PAGE); n += 1) {
      const low = Math.max(n * PAGE + 1, from);
      const high = Math.min((n + 1) * PAGE, end);
      for (let position = low; position <= high; position += 1)
        if (!this.lines.has(position)) {
          this.page(n);
          break;
        }
    }
  }

  drop(from, to) {
    for (const position of this.lines.keys()) if (position < from - 20000 || position > to + 20000) this.lines.delete(position);
    this.pages.clear();
  }

  accepts(line) {
    const { minLevel, taskRun, attempt, own } = this.view;
    return (
      (!own || !line.taskRun) &&
      (!minLevel || LEVELS.indexOf(line.level) >= LEVELS.indexOf(minLevel)) &&
      (!taskRun || line.taskRun === taskRun) &&
      (attempt === undefined || attempt === null || line.attempt === attempt)
    );
  }

  append(lines) {
    if (this.total === undefined) {
      for (const line of lines) if (this.accepts(line)) this.missed = Math.max(this.missed, line.no);
      return 0;
    }
    let added = 0;
    for (const line of lines) {
      if (line.no <= this.last || !this.accepts(line)) continue;
      const plain = !this.view.minLevel && !this.view.taskRun && !this.view.attempt && !this.view.own;
      this.total = plain ? Math.max(line.no, this.total) : this.total + 1;
      this.appended = performance.now();
      this.last = line.no;
      this.lines.set(this.total, line);
      added += 1;
    }
    return added;
  }

  async positionOf(no) {
    for (const [position, line] of this.lines) if (line.no === no) return position;
    if (this.view.own) {
      await this.ownLines();
      return [...this.lines].find(([, line]) => line.no === no)?.[0] || 1;
    }
    const answer = await request(`${this.url}/at`, { query: { ...this.view, no }, signal: this.abort.signal });
    return answer.position;
  }
}
