// A namespace file that is no text, and the kept versions of one that is (UI-ED-52).
import { useState } from "react";
import { Icon, Problem, plural, size } from "$/public/external/components/glyphs/glyphs.jsx";
import { request, upload, useRequest, withQuery } from "$/public/external/components/net/net.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";
import { PdfView } from "$/public/external/components/pdf_view/pdf_view.jsx";
import { DiffEditor } from "$/public/external/components/diff_editor/diff_editor.jsx";

const PICTURES = new Set(["avif", "bmp", "gif", "ico", "jpeg", "jpg", "png", "webp"]);
const BINARY = new Set([...PICTURES, ..."7z avro bin bz2 class doc docx duckdb exe feather gz jar mp3 mp4 orc parquet pdf pickle pkl pptx pyc so sqlite tar tgz tiff wasm whl xls xlsx xz zip zst".split(" ")]);
const LARGE = 5_000_000;
const endOf = (path) => path.split(".").pop().toLowerCase();

// Whether a file may be opened as text: by its name, and by its size where the tree told it.
export const isPlain = (path) => !BINARY.has(endOf(path));

// What stands in the place of the editor for pictures, PDF, archives and very large files.
export function FilePlace({ base, path, children }) {
  const { data, error, reload } = useRequest(withQuery(`${base}/stats`, { path }), { retries: 1 });
  const url = withQuery(base, { path });
  if (error) return <Problem error={error} what="The file could not be read." retry={reload} />;
  if (!data) return <p className="mut sm fp-pad" aria-busy="true">Reading …</p>;
  if (isPlain(path) && data.size <= LARGE) return children;
  if (endOf(path) === "pdf") return <div className="fp-pdf"><PdfView url={url} name={path.split("/").pop()} /></div>;
  return (
    <div className="fp-other" data-testid="file-other">
      {PICTURES.has(endOf(path)) && data.size <= LARGE ? <img src={url} alt={path.split("/").pop()} /> : <p className="mut sm">{isPlain(path) ? "It is too large to be edited here." : "It is no text."}</p>}
      <p className="row sm mut"><span className="num">{size(data.size)}</span><a className="btn s" href={url} download={path.split("/").pop()}><Icon name="download" />Download</a></p>
    </div>
  );
}

// The versions of a file, newest first: each beside the stored text, each can come back.
export function FileVersions({ base, path, canWrite, turn, onRestored, onClose }) {
  const { data, error, reload } = useRequest(withQuery(`${base}/revisions`, { path, turn }), { retries: 1 });
  const [pair, setPair] = useState(null); // {number, old, now}
  const numbers = [...new Set((data || []).map((one) => Number(one.revision)))].sort((a, b) => b - a).slice(0, 50);
  const compare = async (number) => {
    try {
      const read = (query) => request(withQuery(base, { path, ...query }), { as: "text", headers: { Accept: "*/*" } });
      const [old, now] = await Promise.all([read({ revision: number }), read({})]);
      setPair({ number, old, now });
    } catch (problem) {
      toast({ level: "error", title: "The version could not be read", text: problem.message, requestId: problem.requestId });
    }
  };
  const restore = async () => {
    try {
      const form = new FormData();
      form.append("fileContent", new File([pair.old], path.split("/").pop()));
      await upload(withQuery(base, { path }), form);
      toast({ level: "success", title: "Version restored", text: `${path}, as of version ${pair.number}` });
      setPair(null);
      onRestored();
    } catch (problem) {
      toast({ level: "error", title: "Not restored", text: problem.message, requestId: problem.requestId });
    }
  };
  return (
    <aside className="fp-vers" aria-label="Versions" data-testid="file-versions">
      <header className="row"><b className="med grow">Versions</b><button type="button" className="ib" aria-label="Close the versions" onClick={onClose}><Icon name="x" size={12} /></button></header>
      {error ? <Problem error={error} what="The versions could not be listed." retry={reload} /> : !data ? <p className="mut sm" aria-busy="true">Reading …</p> : (
        <ul>{numbers.map((number, i) => <li key={number} className="row sm"><span className="num">Version {number}</span><span className="grow" />{i ? <button type="button" className="link" onClick={() => compare(number)} data-testid="file-version-diff">Diff</button> : <span className="faint">current</span>}</li>)}</ul>
      )}
      {data && numbers.length < 2 ? <p className="mut sm">Each save keeps the one before. So far there is {plural(numbers.length, "version")}.</p> : null}
      <Dialog open={Boolean(pair)} title={pair ? `Version ${pair.number} and the stored text` : ""} width={1120} onClose={() => setPair(null)} testid="file-version-dialog">
        {pair ? <div className="diffbox"><DiffEditor original={pair.old} modified={pair.now} language={path.split("/").pop()} sideBySide /></div> : null}
        <div className="df"><span className="grow" /><button type="button" className="btn" onClick={() => setPair(null)}>Close</button>{canWrite ? <button type="button" className="btn pri" data-primary="true" onClick={restore} data-testid="file-version-restore">Restore this version</button> : null}</div>
      </Dialog>
    </aside>
  );
}
