// A PDF, one page at a time: drawn on a canvas, its text over it for the pointer and for readers. Scripts in it never run.
import { useEffect, useRef, useState } from "react";
import workerUrl from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";
import { isAbort, request, uiPath } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, size } from "$/public/external/components/glyphs/glyphs.jsx";
import "./pdf_view.css";

const MOST = 100_000_000; // bytes: the whole file lies in the memory of the tab
const MOST_PIXELS = 16_000_000; // of a canvas; some browsers draw nothing above
const WIDEST = 1000; // px of a page that fits
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

let library; // one download for all PDF files, when the first is opened
const load = () => (library ||= import("pdfjs-dist/legacy/build/pdf.mjs").catch((error) => { library = undefined; throw error; }));

const FAULTS = {
  InvalidPDFException: "The PDF is damaged: it cannot be shown.",
  PasswordException: "The PDF asks for a password: download it to read it.",
};

// Opens a file; `signal` also ends its worker.
async function opened(url, signal) {
  const response = await request(url, { as: "response", signal, headers: { Accept: "*/*" } });
  const length = Number(response.headers.get("content-length"));
  if (length > MOST) {
    response.body?.cancel().catch(() => {});
    throw new Error(`The PDF has ${size(length)}, too much to be shown here: download it to read it.`);
  }
  const [pdfjs, data] = await Promise.all([load(), response.arrayBuffer()]);
  signal.throwIfAborted();
  const port = new Worker(workerUrl, { type: "module" });
  const worker = new pdfjs.PDFWorker({ port });
  const files = new URL(uiPath("/pdfjs/"), window.location.href).href;
  const task = pdfjs.getDocument({
    data, worker, useWasm: false, useSystemFonts: false, disableWorkerRendering: true, verbosity: pdfjs.VerbosityLevel.ERRORS,
    cMapUrl: `${files}cmaps/`, standardFontDataUrl: `${files}standard_fonts/`, wasmUrl: `${files}wasm/`, useWorkerFetch: true,
  });
  const close = () => { task.destroy().catch(() => {}).finally(() => { worker.destroy(); port.terminate(); }); };
  signal.addEventListener("abort", close, { once: true });
  const broken = new Promise((_, reject) => { port.onerror = () => reject(new Error("The viewer could not be started.")); });
  try {
    return { pdfjs, document: await Promise.race([task.promise, broken]) };
  } catch (error) {
    close();
    throw FAULTS[error?.name] ? new Error(FAULTS[error.name]) : error;
  }
}

export function PdfView({ url, name }) {
  const [file, setFile] = useState(null); // {pdfjs, document}
  const [error, setError] = useState(null);
  const [turn, setTurn] = useState(0);
  const [page, setPage] = useState(1);
  const [typed, setTyped] = useState("1");
  const [zoom, setZoom] = useState(1);
  const [room, setRoom] = useState(0);
  const [drawn, setDrawn] = useState(null); // {page, text}: what the paper shows
  const frame = useRef(null);
  const paper = useRef(null);
  const pages = file?.document.numPages || 0;

  useEffect(() => {
    const abort = new AbortController();
    setFile(null); setError(null); setDrawn(null); setPage(1); setTyped("1"); setZoom(1);
    opened(url, abort.signal).then(
      (found) => { if (!abort.signal.aborted) setFile(found); },
      (problem) => { if (!isAbort(problem) && !abort.signal.aborted) setError(problem); },
    );
    return () => abort.abort();
  }, [url, turn]);

  useEffect(() => {
    const node = frame.current;
    if (!node) return undefined;
    const watch = new ResizeObserver(() => setRoom(Math.round(node.clientWidth)));
    watch.observe(node);
    return () => watch.disconnect();
  }, [Boolean(file)]);

  useEffect(() => {
    if (!file || room < 50) return undefined;
    let drawing = null, words = null, left = false;
    (async () => {
      try {
        const one = await file.document.getPage(page);
        if (left) return;
        const plain = one.getViewport({ scale: 1 });
        const scale = (Math.min(room - 24, WIDEST) / plain.width) * zoom;
        const view = one.getViewport({ scale });
        const sharp = Math.min(window.devicePixelRatio || 1, Math.sqrt(MOST_PIXELS / (view.width * view.height)));
        const canvas = document.createElement("canvas");
        canvas.width = Math.max(1, Math.floor(view.width * sharp));
        canvas.height = Math.max(1, Math.floor(view.height * sharp));
        canvas.setAttribute("aria-hidden", "true");
        drawing = one.render({ canvas, viewport: view, transform: sharp === 1 ? undefined : [sharp, 0, 0, sharp, 0, 0] });
        const layer = document.createElement("div");
        layer.className = "pdv-text";
        layer.style.setProperty("--total-scale-factor", String(scale));
        const content = await one.getTextContent();
        if (left) return;
        words = new file.pdfjs.TextLayer({ textContentSource: content, container: layer, viewport: view });
        await Promise.all([drawing.promise, words.render()]);
        if (left) return;
        paper.current.style.width = `${Math.floor(view.width)}px`;
        paper.current.style.height = `${Math.floor(view.height)}px`;
        paper.current.replaceChildren(canvas, layer);
        setDrawn((old) => { if (old && old.page !== page) frame.current.scrollTop = 0; return { page, text: content.items.some((item) => item.str?.trim()) }; });
      } catch (problem) {
        if (!left && problem?.name !== "RenderingCancelledException" && !isAbort(problem)) setError(new Error("This page of the PDF is damaged: it cannot be shown."));
      }
    })();
    return () => { left = true; drawing?.cancel(); words?.cancel(); };
  }, [file, page, zoom, room]);

  const go = (to) => { const next = Math.min(Math.max(1, Math.round(to) || page), pages); setError(null); setPage(next); setTyped(String(next)); };
  const nearer = ZOOMS.find((one) => one > zoom);
  const farther = ZOOMS.findLast((one) => one < zoom);
  const keys = (event) => {
    const wide = frame.current.scrollWidth > frame.current.clientWidth; // then the arrows scroll
    if (wide || event.altKey || event.ctrlKey || event.metaKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    go(page + (event.key === "ArrowRight" ? 1 : -1));
  };
  if (!file) return error ? <div className="pdv-told"><Problem error={error} what="The PDF could not be shown." retry={() => setTurn(turn + 1)} /></div> : <p className="faint pdv-told" aria-busy="true">Reading …</p>;
  return (
    <div className="pdv" data-testid="pdf-view" data-page={drawn?.page || ""}>
      <div className="pdv-bar" role="group" aria-label="Pages and zoom">
        <button type="button" className="ib" disabled={page <= 1} onClick={() => go(page - 1)} aria-label="Page before" title="Page before" data-testid="pdf-before"><Icon name="chevron-left" /></button>
        <input className="inp s num pdv-no" inputMode="numeric" aria-label={`Number of the page, 1 to ${pages}`} value={typed} onChange={(e) => setTyped(e.target.value)} onBlur={() => go(Number(typed))} onKeyDown={(e) => { if (e.key === "Enter") go(Number(typed)); }} data-testid="pdf-page" />
        <span className="sm mut num nw" data-testid="pdf-pages">/ {pages}</span>
        <button type="button" className="ib" disabled={page >= pages} onClick={() => go(page + 1)} aria-label="Page after" title="Page after" data-testid="pdf-after"><Icon name="chevron-right" /></button>
        <span className="grow" />
        <button type="button" className="ib" disabled={!farther} onClick={() => setZoom(farther)} aria-label="Smaller" title="Smaller" data-testid="pdf-smaller"><Icon name="zoom-out" /></button>
        <button type="button" className="btn s num pdv-zoom" onClick={() => setZoom(1)} title="As wide as the place" data-testid="pdf-zoom">{Math.round(zoom * 100)} %</button>
        <button type="button" className="ib" disabled={!nearer} onClick={() => setZoom(nearer)} aria-label="Larger" title="Larger" data-testid="pdf-larger"><Icon name="zoom-in" /></button>
      </div>
      {error ? <div className="pdv-told"><Problem error={error} what="The page could not be shown." /></div> : null}
      {drawn && !drawn.text && !error ? <p className="sm mut pdv-note">This page is a picture: it holds no text to search or read aloud.</p> : null}
      <div className="pdv-frame" ref={frame} tabIndex={0} role="region" aria-label={name} onKeyDown={keys} hidden={Boolean(error)}>
        <div className="pdv-paper" ref={paper} />
      </div>
      <span className="vh" role="status">{drawn ? `Page ${drawn.page} of ${pages}` : ""}</span>
    </div>
  );
}
