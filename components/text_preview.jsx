// A file of text as a page or a table: Markdown, CSV. Nothing of the file is ever run.
import { useMemo } from "react";
import { useRequest } from "$/public/external/components/net/net.jsx";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { Words } from "$/public/external/components/client/words.jsx";
import { Table } from "$/public/external/components/file_preview/file_preview.jsx";

const MOST = 5000;

// Fields with quotes, doubled quotes and line breaks within; the separator is the commonest of the first line.
export function rowsOf(text) {
  const first = text.split("\n", 1)[0];
  const mark = [",", ";", "\t", "|"].sort((a, b) => first.split(b).length - first.split(a).length)[0];
  const lines = [];
  let row = [], cell = "", quoted = false;
  for (let i = 0; i < text.length && lines.length <= MOST; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { cell += '"'; i += 1; } else if (c === '"') quoted = false; else cell += c;
    } else if (c === '"' && !cell) quoted = true;
    else if (c === mark) { row.push(cell); cell = ""; }
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i += 1;
      row.push(cell); cell = "";
      if (row.length > 1 || row[0]) lines.push(row);
      row = [];
    } else cell += c;
  }
  if (cell || row.length) lines.push([...row, cell]);
  const head = (lines.shift() || []).map((name, i) => name || `column ${i + 1}`);
  return lines.map((line) => Object.fromEntries(head.map((name, i) => [name, line[i] ?? ""])));
}

// A text that is here already, as `kind` says: a page or a table.
export function Drawn({ text, kind }) {
  const rows = useMemo(() => (kind === "table" ? rowsOf(text) : []), [text, kind]);
  return (
    <div className="scroll pad16 padt" tabIndex={0} role="region" aria-label="Preview" data-testid="text-preview">
      {kind === "table" ? <Table rows={rows} /> : <Words text={text} className="prose dgm" />}
    </div>
  );
}

export function TextPreview({ url, kind }) {
  const { data, error, loading, reload } = useRequest(url, { as: "text", retries: 1 });
  if (error) return <div className="pad16 padt"><Problem error={error} what="The file could not be read." retry={reload} /></div>;
  if (typeof data !== "string") return <p className="faint pad16 padt" aria-busy={loading}>Reading …</p>;
  return <Drawn text={data} kind={kind} />;
}
