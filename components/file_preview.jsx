// The head of a file: as table, tree, picture, page, text or bytes. Nothing of the file is ever run.
import { useEffect, useMemo, useState } from "react";
import { isAbort, request, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, count, plural, size } from "$/public/external/components/glyphs/glyphs.jsx";
import { Words } from "$/public/external/components/client/words.jsx";
import { ValueTree } from "$/public/external/components/value_tree/value_tree.jsx";
import { PdfView } from "$/public/external/components/pdf_view/pdf_view.jsx";
import "./file_preview.css";

const ROWS = [10, 25, 50, 100, 500, 1000, 5000];
const ENCODINGS = ["UTF-8", "ISO-8859-1", "Windows-1252", "UTF-16", "Cp500", "Shift_JIS", "Big5"];
const PICTURES = { svg: "image/svg+xml", jpg: "image/jpeg" };
const SHOWN = 300;
const cellText = (v) => (v === null || v === undefined ? "" : typeof v === "object" ? JSON.stringify(v) : String(v));

function typeOfColumn(values) {
  const kinds = new Set(values.filter((v) => v !== null && v !== undefined && v !== "").map((v) => (Array.isArray(v) ? "list" : typeof v === "object" ? "map" : typeof v === "number" || (typeof v === "string" && /^-?\d+(\.\d+)?$/.test(v)) ? "number" : typeof v === "boolean" || v === "true" || v === "false" ? "boolean" : /^\d{4}-\d\d-\d\d/.test(v) ? "date" : "text")));
  return kinds.size === 1 ? [...kinds][0] : kinds.size ? "text" : "";
}

export function Table({ rows }) {
  const [q, setQ] = useState("");
  const [sort, setSort] = useState(null);
  const [shown, setShown] = useState(SHOWN);
  const columns = useMemo(() => [...new Set(rows.flatMap((r) => Object.keys(r)))].slice(0, 200), [rows]);
  const types = useMemo(() => Object.fromEntries(columns.map((c) => [c, typeOfColumn(rows.slice(0, 200).map((r) => r[c]))])), [rows]);
  const found = useMemo(() => {
    const needle = q.trim().toLowerCase();
    const list = needle ? rows.filter((r) => columns.some((c) => cellText(r[c]).toLowerCase().includes(needle))) : rows;
    if (!sort) return list;
    const numeric = types[sort.column] === "number";
    return [...list].sort((a, b) => { const [x, y] = [a[sort.column], b[sort.column]]; const n = numeric ? Number(x ?? -Infinity) - Number(y ?? -Infinity) : cellText(x).localeCompare(cellText(y)); return sort.down ? -n : n; });
  }, [rows, q, sort]);
  const turn = (column) => setSort((old) => (old?.column !== column ? { column, down: false } : old.down ? null : { column, down: true }));
  return (
    <>
      <div className="row"><label className="inp s fps"><Icon name="search" /><input type="search" value={q} placeholder="Search these rows" aria-label="Search these rows" onChange={(e) => setQ(e.target.value)} data-testid="preview-search" /></label><span className="sm mut num">{q ? `${count(found.length)} of ${count(rows.length)}` : plural(rows.length, "row")}, {plural(columns.length, "column")}</span></div>
      <div className="fpt" tabIndex={0} role="region" aria-label="Rows"><table className="cpt"><thead><tr><th scope="col" className="num faint">#</th>{columns.map((c) => <th key={c} scope="col" className={types[c] === "number" ? "num" : ""} aria-sort={sort?.column === c ? (sort.down ? "descending" : "ascending") : "none"}><button type="button" className="thb" onClick={() => turn(c)}>{c}{sort?.column === c ? <Icon name={sort.down ? "chevron-down" : "chevron-up"} size={12} /> : null}</button><div className="xs faint">{types[c]}</div></th>)}</tr></thead>
        <tbody>{found.slice(0, shown).map((r, i) => <tr key={i}><td className="num faint">{i + 1}</td>{columns.map((c) => { const t = cellText(r[c]); return <td key={c} className={`mono${types[c] === "number" ? " num" : ""}`} title={t.length > 60 ? t.slice(0, 2000) : undefined}>{r[c] === null ? <span className="faint">null</span> : t.slice(0, 120)}</td>; })}</tr>)}</tbody></table>
        {found.length > shown ? <button type="button" className="btn s" style={{ margin: 8 }} onClick={() => setShown(shown + 1000)}>{count(found.length - shown)} more</button> : null}</div>
    </>
  );
}

function Bytes({ url }) {
  const [lines, setLines] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const abort = new AbortController();
    (async () => {
      try {
        const response = await request(url, { as: "response", signal: abort.signal, headers: { Accept: "*/*", Range: "bytes=0-4095" } });
        const reader = response.body.getReader();
        let held = new Uint8Array(0);
        while (held.length < 4096) {
          const { value, done } = await reader.read();
          if (done) break;
          const next = new Uint8Array(held.length + value.length);
          next.set(held);
          next.set(value, held.length);
          held = next;
        }
        reader.cancel().catch(() => {});
        const out = [];
        for (let at = 0; at < Math.min(held.length, 4096); at += 16) {
          const part = [...held.slice(at, at + 16)];
          out.push(`${at.toString(16).padStart(8, "0")}  ${part.map((b) => b.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${part.map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : ".")).join("")}`);
        }
        setLines(out);
      } catch (problem) {
        if (!isAbort(problem)) setError(problem);
      }
    })();
    return () => abort.abort();
  }, [url]);
  if (error) return <Problem error={error} what="The bytes could not be read." />;
  return <pre className="xs-result file" data-testid="preview-bytes">{lines ? lines.join("\n") : "Reading …"}</pre>;
}

export function FilePreview({ previewUrl, fileUrl, uri }) {
  const [rows, setRows] = useState(100);
  const [encoding, setEncoding] = useState("UTF-8");
  const [form, setForm] = useState("");
  const pdf = /\.pdf$/i.test(uri || ""); // read whole by its viewer: of the API's preview nothing is needed
  const { data, error, loading, reload } = useRequest(uri && !pdf ? withQuery(previewUrl, { path: uri, maxRows: rows, encoding }) : "", { retries: 1 });
  const { data: meta } = useRequest(uri ? withQuery(`${fileUrl}/metas`, { path: uri }) : "", { retries: 0 });
  useEffect(() => setForm(""), [uri]);
  const kind = pdf ? "PDF" : data?.type;
  const extension = (data?.extension || "").toLowerCase();
  const content = data?.content;
  const objects = Array.isArray(content) && content.length > 0 && content.every((x) => x && typeof x === "object" && !Array.isArray(x));
  const tree = useMemo(() => {
    if (content && typeof content === "object") return content;
    if (typeof content === "string" && content.length < 5_000_000 && /^\s*[[{]/.test(content)) {
      try {
        return JSON.parse(content);
      } catch { /* no JSON, or cut */ }
    }
    return undefined;
  }, [content]);
  const binary = typeof content === "string" && kind === "TEXT" && /[\u0000-\u0008\ufffd]/.test(content.slice(0, 4000));
  const forms = [kind === "PDF" ? ["pages", "Pages"] : null, objects ? ["table", "Table"] : null, tree !== undefined ? ["tree", "Tree"] : null, extension === "html" || extension === "htm" ? ["page", "Page"] : null, kind === "MARKDOWN" ? ["words", "Page"] : null, kind === "IMAGE" ? ["picture", "Picture"] : null, typeof content === "string" && kind !== "IMAGE" && kind !== "PDF" ? ["text", "Text"] : null, ["bytes", "Bytes"]].filter(Boolean);
  const now = form || (binary ? "bytes" : forms[0][0]);
  const bytes = withQuery(fileUrl, { path: uri });
  return (
    <div className="fp" data-testid="file-preview-body">
      <p className="mono sm brk mut">{uri}{meta?.size !== undefined ? <span className="nw">, {size(meta.size)}</span> : null}</p>
      <div className="row wrap g6">
        {pdf ? null : <><select className="btn s sel" value={rows} aria-label="Rows" onChange={(e) => setRows(Number(e.target.value))} data-testid="preview-rows">{ROWS.map((n) => <option key={n} value={n}>{`${count(n)} rows`}</option>)}</select>
        <select className="btn s sel" value={encoding} aria-label="Encoding" onChange={(e) => setEncoding(e.target.value)} data-testid="preview-encoding">{ENCODINGS.map((n) => <option key={n} value={n}>{n}</option>)}</select></>}
        <span className="grow" />
        {data || pdf ? <div className="seg" role="group" aria-label="Form">{forms.map(([key, word]) => <button key={key} type="button" className={now === key ? "on" : ""} aria-pressed={now === key} onClick={() => setForm(key)} data-testid={`preview-as-${key}`}>{word}</button>)}</div> : null}
      </div>
      {data?.truncated ? <div className="al warn" role="status"><div>Only the beginning is shown: {plural(data.maxLine ?? rows, "row")} of more. The download has all of it.</div></div> : null}
      {error ? <Problem error={error} what="The file could not be shown." retry={reload} /> : loading && !data ? <p className="faint" aria-busy="true">Reading …</p> 
        : now === "pages" ? <PdfView url={bytes} name={uri.split("/").pop()} />
        : !data && !pdf ? null
        : now === "table" ? <Table rows={content} />
        : now === "tree" ? <div className="fpt"><ValueTree value={tree} path="file" none="Nothing is in the file." /></div>
        : now === "picture" ? <img className="fpi" alt={uri.split("/").pop()} src={`data:${PICTURES[extension] || `image/${extension}`};base64,${content}`} />
        : now === "words" ? <div className="fpt fpw" tabIndex={0} role="region" aria-label="Page"><Words text={String(content)} className="prose dgm" /></div>
        : now === "page" ? <iframe className="fpf" title="The page, without scripts" sandbox="" srcDoc={String(content)} />
        : now === "bytes" ? <Bytes url={bytes} />
        : <pre className="xs-result file">{String(content || "").slice(0, 400000) || "The file is empty."}</pre>}
    </div>
  );
}
