// Two texts that came from one: what each changed, and where both changed the same lines (UI-ED-61).
const DEEP = 1200; // edits that Myers' search looks for before it gives a whole region up as changed

// Changed ranges between two lists of lines: [{a0, a1, b0, b1}], half open.
export function changes(a, b) {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const [n, m] = [a.length - head - tail, b.length - head - tail];
  if (!n && !m) return [];
  const whole = [{ a0: head, a1: head + n, b0: head, b1: head + m }];
  if (!n || !m) return whole;
  const trail = [];
  let front = new Map([[1, 0]]);
  const most = Math.min(n + m, DEEP);
  let found = -1;
  for (let d = 0; d <= most && found < 0; d += 1) {
    const next = new Map();
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (front.get(k - 1) ?? -1) < (front.get(k + 1) ?? -1));
      let x = down ? front.get(k + 1) ?? 0 : (front.get(k - 1) ?? 0) + 1;
      let y = x - k;
      if (x > n || y > m || y < 0) { next.set(k, Math.min(x, n + 1)); continue; }
      while (x < n && y < m && a[head + x] === b[head + y]) { x += 1; y += 1; }
      next.set(k, x);
      if (x >= n && y >= m) { found = d; break; }
    }
    trail.push(front);
    front = next;
  }
  if (found < 0) return whole;
  const steps = [];
  let [x, y] = [n, m];
  for (let d = found; d > 0; d -= 1) {
    const before = trail[d];
    const k = x - y;
    const down = k === -d || (k !== d && (before.get(k - 1) ?? -1) < (before.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const [px, py] = [before.get(from), before.get(from) - from];
    steps.push(down ? { a0: px, a1: px, b0: py, b1: py + 1 } : { a0: px, a1: px + 1, b0: py, b1: py });
    [x, y] = [px, py];
  }
  const out = [];
  for (const one of steps.reverse()) {
    const last = out[out.length - 1];
    if (last && last.a1 === one.a0 && last.b1 === one.b0) { last.a1 = one.a1; last.b1 = one.b1; } else out.push({ ...one });
  }
  return out.map((one) => ({ a0: one.a0 + head, a1: one.a1 + head, b0: one.b0 + head, b1: one.b1 + head }));
}

export const linesOf = (text) => (text || "").replace(/\r\n/g, "\n").split("\n");

// Pieces of the three texts in order: {kind, base, theirs, mine (lines), at (first line of the base, from 1)}.
// Kinds: equal, theirs, mine, both (the same change), conflict.
export function pieces(baseText, theirsText, mineText) {
  const [base, theirs, mine] = [linesOf(baseText), linesOf(theirsText), linesOf(mineText)];
  const all = [...changes(base, theirs).map((one) => ({ ...one, side: "theirs" })), ...changes(base, mine).map((one) => ({ ...one, side: "mine" }))];
  all.sort((p, q) => p.a0 - q.a0 || p.a1 - q.a1);
  const out = [];
  const shift = { theirs: 0, mine: 0 }; // line of the side minus line of the base, behind what was read
  let at = 0;
  const put = (kind, to, ends) => {
    if (at === to && ends.theirs === at + shift.theirs && ends.mine === at + shift.mine) return;
    out.push({ kind, at: at + 1, base: base.slice(at, to), theirs: theirs.slice(at + shift.theirs, ends.theirs), mine: mine.slice(at + shift.mine, ends.mine) });
  };
  for (let i = 0; i < all.length; ) {
    const group = [all[i]];
    let [from, to] = [all[i].a0, all[i].a1];
    // Ranges that touch belong together: two insertions at one place have no order of their own.
    for (i += 1; i < all.length && all[i].a0 <= to && (all[i].a0 < to || all[i].side !== group[group.length - 1].side || all[i].a0 === from); i += 1) {
      group.push(all[i]);
      to = Math.max(to, all[i].a1);
    }
    put("equal", from, { theirs: from + shift.theirs, mine: from + shift.mine });
    at = from;
    const grown = (side) => shift[side] + group.filter((one) => one.side === side).reduce((n, one) => n + (one.b1 - one.b0) - (one.a1 - one.a0), 0);
    const next = { theirs: grown("theirs"), mine: grown("mine") };
    const ends = { theirs: to + next.theirs, mine: to + next.mine };
    const sides = new Set(group.map((one) => one.side));
    const same = sides.size === 2 && theirs.slice(at + shift.theirs, ends.theirs).join("\n") === mine.slice(at + shift.mine, ends.mine).join("\n");
    put(sides.size === 1 ? [...sides][0] : same ? "both" : "conflict", to, ends);
    Object.assign(shift, next);
    at = to;
  }
  put("equal", base.length, { theirs: theirs.length, mine: mine.length });
  return out;
}

// The text that has both sides' changes; `picks` says which side a conflict takes, by its place among the pieces.
export function merged(list, picks = {}) {
  return list.flatMap((one, i) => (one.kind === "theirs" ? one.theirs : one.kind === "conflict" ? one[picks[i] || "mine"] : one.mine)).join("\n");
}
