// Where a line of block YAML stands: its path and the `type` of the object around it. By indentation, in one pass;
// enough for a cursor and for markers of a text that may not parse.
const KEY = /^(\s*)((?:- +)*)(?:("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#'"&*!|>%@`{}[\],][^#]*?)\s*:(?:\s|$)(.*))?/;

export function yamlPaths(text) {
  const lines = text.split("\n");
  const out = [];
  let stack = []; // {indent, key} or {indent, index}
  let block = -1; // indentation of the key that owns a block scalar
  for (let n = 0; n < lines.length; n += 1) {
    const line = lines[n];
    const indent = line.length - line.trimStart().length;
    if (!line.trim() || /^\s*#/.test(line)) {
      out.push({ path: stack.map((s) => s.key ?? s.index), blank: true });
      continue;
    }
    if (block >= 0 && indent > block) {
      out.push({ path: stack.map((s) => s.key ?? s.index), scalar: true });
      continue;
    }
    block = -1;
    const match = KEY.exec(line);
    let column = indent;
    const dashes = match?.[2] || (/^\s*-\s*$/.test(line) ? "-" : "");
    for (const dash of dashes.match(/- */g) || []) {
      const top = [...stack].reverse().find((s) => s.indent <= column);
      if (top && top.index !== undefined && top.indent === column) {
        stack = stack.slice(0, stack.indexOf(top) + 1);
        top.index += 1;
        stack[stack.length - 1] = { indent: column, index: top.index };
      } else {
        while (stack.length && (stack[stack.length - 1].indent > column || (stack[stack.length - 1].indent === column && stack[stack.length - 1].index !== undefined))) stack.pop();
        stack.push({ indent: column, index: 0 });
      }
      column += dash.length;
    }
    if (match?.[3] !== undefined) {
      while (stack.length && (stack[stack.length - 1].indent > column || (stack[stack.length - 1].indent === column && stack[stack.length - 1].key !== undefined))) stack.pop();
      while (!dashes && stack.length && stack[stack.length - 1].indent === column && stack[stack.length - 1].index !== undefined) stack.pop();
      stack.push({ indent: column, key: match[3].replace(/^["']|["']$/g, "") });
      if (/^[|>][-+0-9]*\s*(#.*)?$/.test(match[4] || "")) block = column;
    }
    out.push({ path: stack.map((s) => s.key ?? s.index), column, key: stack[stack.length - 1]?.key, value: (match?.[4] || "").replace(/\s+#.*$/, "").trim() });
  }
  return out;
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

// The `type` of the nearest object around a line, and the path of that object.
export function typeAt(paths, index) {
  const { path } = paths[Math.min(index, paths.length - 1)] || { path: [] };
  for (let depth = path.length; depth >= 1; depth -= 1) {
    const owner = path.slice(0, depth);
    const wanted = [...owner, "type"];
    const hit = paths.find((p) => p.key === "type" && !p.scalar && !p.blank && same(p.path, wanted));
    if (hit?.value) return { type: hit.value.replace(/^["']|["']$/g, ""), owner };
  }
  return { type: "", owner: [] };
}

export const pathText = (path) => path.reduce((out, part) => (typeof part === "number" ? `${out}[${part}]` : out ? `${out}.${part}` : String(part)), "");

// tasks[0].retry.maxAttempts -> line and column from 1; the deepest part that exists wins.
export function placeOf(paths, text) {
  const wanted = [...String(text).matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map((m) => (m[2] !== undefined ? Number(m[2]) : m[1]));
  for (let depth = wanted.length; depth > 0; depth -= 1) {
    const part = wanted.slice(0, depth);
    const index = paths.findIndex((p) => !p.blank && !p.scalar && p.path.length >= depth && same(p.path.slice(0, depth), part));
    if (index >= 0) return { line: index + 1, column: (paths[index].column ?? 0) + 1, exact: depth === wanted.length };
  }
  return null;
}
