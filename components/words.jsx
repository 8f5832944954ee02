// Markdown as elements: headings, lists, tables, fenced code, emphasis, links. Nothing in it becomes HTML.
import { jsx } from "@emotion/react";

const RULE = /\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s][^*]*)\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/;

function inline(text, follow) {
  const out = [];
  let rest = text, n = 0;
  for (let hit = RULE.exec(rest); hit; hit = RULE.exec(rest)) {
    if (hit.index) out.push(rest.slice(0, hit.index));
    if (hit[1]) out.push(jsx("b", { key: n++ }, inline(hit[1], follow)));
    else if (hit[2]) out.push(jsx("em", { key: n++ }, hit[2]));
    else if (hit[3]) out.push(jsx("code", { key: n++, className: "mono" }, hit[3]));
    else if (/^(https?:|mailto:)/.test(hit[5])) out.push(jsx("a", { key: n++, className: "link", href: hit[5], target: "_blank", rel: "noopener noreferrer" }, hit[4]));
    else if (follow && !hit[5].startsWith("#")) { const to = hit[5]; out.push(jsx("button", { key: n++, type: "button", className: "link", onClick: () => follow(to) }, hit[4])); }
    else out.push(hit[4].replace(/`/g, ""));
    rest = rest.slice(hit.index + hit[0].length);
  }
  return [...out, rest];
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));

// `follow` gets the target of a link to another page; without it such links are plain words.
export function Words({ text = "", follow, className = "prose" }) {
  const lines = String(text).replace(/\r/g, "").split("\n"), blocks = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i], key = blocks.length;
    const fence = /^\s*```/.exec(line), head = /^(#{1,4})\s+(.*)$/.exec(line);
    if (!line.trim()) { i += 1; continue; }
    if (fence) {
      const code = [];
      for (i += 1; i < lines.length && !/^\s*```/.test(lines[i]); i += 1) code.push(lines[i]);
      i += 1;
      blocks.push(jsx("pre", { key, className: "sample mono", tabIndex: 0 }, jsx("code", null, code.join("\n"))));
    } else if (head) { blocks.push(jsx(head[1].length < 3 ? "h3" : "h4", { key }, inline(head[2], follow))); i += 1; }
    else if (/^\s*\|/.test(line) && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[i + 1] || "")) {
      const rows = [];
      const titles = cells(line);
      for (i += 2; i < lines.length && /^\s*\|/.test(lines[i]); i += 1) rows.push(cells(lines[i]));
      blocks.push(jsx("table", { key }, jsx("thead", null, jsx("tr", null, titles.map((t, k) => jsx("th", { key: k, scope: "col" }, inline(t, follow))))), jsx("tbody", null, rows.map((row, r) => jsx("tr", { key: r }, row.map((cell, k) => jsx("td", { key: k }, inline(cell, follow))))))));
    } else if (/^\s*([-*]|\d+\.)\s+/.test(line)) {
      const ordered = /^\s*\d+\./.test(line), items = [];
      for (; i < lines.length && lines[i].trim() && (/^\s*([-*]|\d+\.)\s+/.test(lines[i]) || /^\s+/.test(lines[i])); i += 1) {
        if (/^\s*([-*]|\d+\.)\s+/.test(lines[i])) items.push(lines[i].replace(/^\s*([-*]|\d+\.)\s+/, "")); else items[items.length - 1] += " " + lines[i].trim();
      }
      blocks.push(jsx(ordered ? "ol" : "ul", { key }, items.map((item, k) => jsx("li", { key: k }, inline(item, follow)))));
    } else {
      const part = [];
      for (; i < lines.length && lines[i].trim() && !/^(#{1,4}\s|\s*```|\s*\||\s*([-*]|\d+\.)\s)/.test(lines[i]); i += 1) part.push(lines[i].trim());
      if (!part.length) { part.push(lines[i]); i += 1; }
      blocks.push(jsx("p", { key }, inline(part.join(" "), follow)));
    }
  }
  return jsx("div", { className }, blocks);
}
