// Small things of the flow screens that only a browser can do: ask before leaving, upload sources, download a POST's answer.
import { useCallback, useEffect, useRef, useState } from "react";
import { useBlocker } from "react-router";
import { Icon, Problem, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import { request, upload } from "$/public/external/components/net/net.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";

// Unsaved text: the browser asks when the tab closes, the console when the place changes.
export function LeaveGuard({ dirty = false, what = "The flow" }) {
  const held = useRef(dirty);
  held.current = dirty;
  useEffect(() => {
    const ask = (event) => {
      if (!held.current) return;
      event.preventDefault();
      event.returnValue = "";
    };
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  const blocker = useBlocker(useCallback(({ currentLocation, nextLocation }) => held.current && currentLocation.pathname !== nextLocation.pathname, []));
  const blocked = blocker.state === "blocked";
  useEffect(() => { if (blocked && !dirty) blocker.proceed(); }, [blocked, dirty]);
  return (
    <Dialog open={blocked} title="Leave without saving?" width={400} destructive onClose={() => blocker.reset?.()} testid="leave-guard">
      <div className="dbody mut"><p>{what} has changes that are not saved. They stay in this browser as a draft.</p></div>
      <div className="df">
        <span className="grow" />
        <button type="button" className="btn" data-cancel="true" onClick={() => blocker.reset?.()}>Stay</button>
        <button type="button" className="btn dans" data-testid="leave-anyway" onClick={() => blocker.proceed?.()}>Leave</button>
      </div>
    </Dialog>
  );
}

async function save(url, body, name) {
  const blob = await request(url, { method: "POST", json: body, as: "blob" });
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  document.body.appendChild(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

// `items` are `namespace/id`; the answer of POST `url` is kept as a file.
export function ExportButton({ url, items = [], name = "flows.zip", label = "Export", testid }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await save(url, items.map((one) => ({ namespace: one.slice(0, one.indexOf("/")), id: one.slice(one.indexOf("/") + 1) })), name);
    } catch (error) {
      toast({ level: "error", title: "Could not export", text: error.message, requestId: error.requestId });
    } finally {
      setBusy(false);
    }
  };
  return <button type="button" className="btn s" disabled={busy || !items.length} onClick={run} data-testid={testid}><Icon name="download" />{label}</button>;
}

// Files -> what an import would make of each flow in them, archives too -> import -> what came in and what did not.
const ORDER = ["invalid", "update", "new", "unchanged"]; // what needs a look comes first
export function FlowImport({ judgeUrl, importUrl, onDone, onCancel }) {
  const [files, setFiles] = useState([]);
  const [rows, setRows] = useState([]);
  const [judging, setJudging] = useState(false);
  const [fail, setFail] = useState(false);
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState(false);
  const [progress, setProgress] = useState(0);
  const [problem, setProblem] = useState(null);
  const [told, setTold] = useState(null); // of an import that left something out: { imported, refused }
  const input = useRef(null);
  const turn = useRef(0);

  const take = async (list) => {
    const chosen = [...files, ...list].filter((f) => /\.(ya?ml|zip)$/i.test(f.name));
    setProblem(chosen.length ? null : { message: "YAML files (.yaml, .yml) or a .zip of them, please." });
    setFiles(chosen);
    setTold(null);
    const mine = ++turn.current;
    const found = [];
    setJudging(chosen.length > 0);
    for (const file of chosen) {
      const form = new FormData();
      form.append("fileUpload", file, file.name);
      try {
        const answer = await request(judgeUrl, { method: "POST", body: form });
        found.push(...answer.map((row) => ({ ...row, file: chosen.length > 1 ? file.name : "" })));
      } catch (error) {
        if (mine === turn.current) setProblem({ ...error, message: `${file.name}: ${error.message}`, requestId: error.requestId });
      }
      if (mine !== turn.current) return;
      setRows([...found]);
    }
    setJudging(false);
  };
  const listed = ORDER.flatMap((fate) => rows.filter((row) => row.fate === fate));
  const fates = rows.reduce((sum, row) => ({ ...sum, [row.fate]: (sum[row.fate] || 0) + 1 }), {});
  const useful = files.length > 0 && (judging || rows.some((row) => row.fate === "new" || row.fate === "update") || !rows.length);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take([...event.dataTransfer.files]);
  };
  const run = async () => {
    setBusy(true);
    setProblem(null);
    const bad = [];
    let done = 0, imported = 0;
    try {
      for (const file of files) {
        const form = new FormData();
        form.append("fileUpload", file, file.name);
        const answer = await upload(importUrl + (fail ? "?failOnError=true" : ""), form, { onProgress: (sent, total) => setProgress(total ? sent / total : 0) });
        bad.push(...(answer?.refused || []));
        imported += answer?.imported || 0;
        done += 1;
      }
      if (bad.length) setTold({ imported, refused: bad });
      onDone?.({ files: done, refused: bad });
    } catch (error) {
      setProblem(error);
      if (done) onDone?.({ files: done, refused: bad });
    } finally {
      setBusy(false);
      setProgress(0);
    }
  };
  const again = () => { setFiles([]); setRows([]); setTold(null); };
  if (told) return <ImportTold told={told} onAgain={again} onClose={() => onCancel?.()} />;
  return (
    <>
      <div className="dbody">
        <button type="button" className={`dropz${over ? " over" : ""}`} onClick={() => input.current.click()} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop} data-testid="import-drop">
          <Icon name="download" size={20} />
          <span><b className="med">Drop files here</b> or choose them</span>
          <span className="xs faint">YAML with one or several flows, or a ZIP of such files</span>
        </button>
        <input ref={input} type="file" multiple accept=".yaml,.yml,.zip" hidden data-testid="import-file" onChange={(e) => { take([...e.target.files]); e.target.value = ""; }} />
        {rows.length ? (
          <p className="row g12 sm" data-testid="import-sums">{[["new", "new"], ["update", "updated"], ["unchanged", "unchanged"], ["invalid", "refused"]].filter(([fate]) => fates[fate]).map(([fate, word]) => <span key={fate} className={fate === "invalid" ? "fgs bad" : "mut"}><b className="num">{fates[fate]}</b> {word}</span>)}</p>
        ) : null}
        {rows.length ? (
          <div className="imp" role="table" aria-label="Flows in the files">
            {listed.slice(0, 300).map((row, i) => {
              const bad = row.fate === "invalid";
              return (
                <div className="impr" role="row" key={i} title={row.reason || [row.file, row.name].filter(Boolean).join(", ")}>
                  <span className={`fgs ${bad ? "bad" : row.fate === "unchanged" ? "" : "ok"}`}><Icon name={bad ? "octagon-x" : row.fate === "unchanged" ? "minus" : "circle-check"} /></span>
                  <span className="ell grow">{row.flow ? <><span className="ns">{row.namespace || "?"}/</span><span className="id">{row.flow}</span></> : <span className="mono">{row.name}</span>}</span>
                  <span className={`sm ell ${bad ? "fgs bad" : "mut"}`}>{bad ? <span data-testid="import-fate">{(row.reason || "not valid").split("\n")[0]}</span> : row.comeLines ? <details className="impd"><summary data-testid="import-fate">update to revision {row.revision}, +{row.come} −{row.gone}</summary><pre className="xs-result">{row.goneLines.map((x) => `- ${x}`).concat(row.comeLines.map((x) => `+ ${x}`)).join("\n")}</pre></details> : <span data-testid="import-fate">{row.fate}</span>}</span>
                </div>
              );
            })}
          </div>
        ) : null}
        {rows.length > 300 ? <p className="sm mut">The first 300 of {rows.length}.</p> : null}
        {judging ? <p className="sm mut" role="status">Reading the files …</p> : null}
        {problem ? <div className="al bad" role="alert"><div className="grow brk">{problem.message}{problem.requestId ? <span className="mono faint xs"> {problem.requestId}</span> : null}</div></div> : null}
        <label className="row g6 pick"><input type="checkbox" checked={fail} onChange={(e) => setFail(e.target.checked)} />Fail when one of them is not valid</label>
      </div>
      <div className="df">
        <span className="sm mut">{files.length ? plural(files.length, "file") : ""}{busy && progress ? `, ${Math.round(progress * 100)} %` : ""}</span>
        <span className="grow" />
        <button type="button" className="btn" onClick={() => onCancel?.()}>Cancel</button>
        <button type="button" className="btn pri" data-primary="true" disabled={busy || !useful} title={useful ? undefined : "Nothing of it is new"} onClick={run} data-testid="import-run">Import</button>
      </div>
    </>
  );
}

// What an import did: the good ones are in, the others are named with their reasons.
function ImportTold({ told, onAgain, onClose }) {
  const { imported, refused } = told, out = refused.length;
  return (
    <>
      <div className="dbody">
        {imported ? <p className="al ok" role="status">{`${imported} flow${imported === 1 ? "" : "s"} imported`}</p> : null}
        <div className="al bad" role="alert"><div className="grow"><b>{`${out} flow${out === 1 ? "" : "s"} not imported`}</b>
          <ul className="refused" data-testid="import-refused">{refused.slice(0, 50).map((r) => <li key={r.name} className="brk"><b className="mono">{r.name}</b><span>{r.reason}</span></li>)}</ul>
          {refused.length > 50 ? <p className="sm">The first 50 of {refused.length}.</p> : null}</div></div>
      </div>
      <div className="df">
        <button type="button" className="btn" onClick={onAgain} data-testid="import-again">Choose other files</button>
        <span className="grow" />
        <button type="button" className="btn pri" data-primary="true" autoFocus onClick={onClose} data-testid="import-close">Close</button>
      </div>
    </>
  );
}

// The bar between two panes, for pointer and arrow keys. `share` (per cent) is the first one's part of both, `span` tells
// where both lie: {from, size} in px along the axis.
export function SplitBar({ share, span, vertical = false, start = 50, least = 20, onShare, ...rest }) {
  const put = (value) => onShare(Math.min(100 - least, Math.max(least, value)));
  const down = (event) => {
    event.preventDefault();
    const bar = event.currentTarget;
    bar.setPointerCapture(event.pointerId);
    const { from, size } = span();
    const move = (e) => put((((vertical ? e.clientY : e.clientX) - from) / size) * 100);
    const up = () => { bar.removeEventListener("pointermove", move); bar.removeEventListener("pointerup", up); };
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", up);
  };
  const keys = (event) => {
    const by = { ArrowLeft: -3, ArrowUp: -3, ArrowRight: 3, ArrowDown: 3 }[event.key];
    if (!by) return;
    event.preventDefault();
    put(share + by);
  };
  return <div className="bar" {...rest} role="separator" tabIndex={0} aria-orientation={vertical ? "horizontal" : "vertical"} aria-label="Size of the panels" aria-valuenow={Math.round(share)} aria-valuemin={least} aria-valuemax={100 - least} onPointerDown={down} onKeyDown={keys} onDoubleClick={() => put(start)} />;
}

// Two panes with a bar between them; the share is kept in this browser. Arrows on the bar move it too.
export function Split({ name, vertical = false, start = 66, least = 20, one = false, children }) {
  const key = `fd-split-${name}`;
  const host = useRef(null);
  const [share, setShare] = useState(() => {
    try { return Number(localStorage.getItem(key)) || start; } catch { return start; }
  });
  const put = (next) => {
    setShare(next);
    try { localStorage.setItem(key, String(Math.round(next))); } catch { /* private window */ }
  };
  const span = () => {
    const box = host.current.getBoundingClientRect();
    return vertical ? { from: box.top, size: box.height } : { from: box.left, size: box.width };
  };
  const [first, second] = Array.isArray(children) ? children : [children, null];
  return (
    <div ref={host} className={`split${vertical ? " v" : ""}${one ? " one" : ""}`} style={{ "--share": share }}>
      <div className="pane a">{first}</div>
      {one ? null : <SplitBar share={share} span={span} vertical={vertical} start={start} least={least} onShare={put} />}
      {one ? null : <div className="pane b">{second}</div>}
    </div>
  );
}

// An instant (ISO, UTC) as date and time of this browser's zone.
export function InstantInput({ value = "", onChange, label, error = false, testid }) {
  const local = (iso) => {
    const at = iso ? new Date(iso) : null;
    if (!at || Number.isNaN(at.getTime())) return "";
    const pad = (n) => String(n).padStart(2, "0");
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  };
  const [text, setText] = useState(() => local(value));
  useEffect(() => setText(local(value)), [value]);
  const take = (next) => {
    setText(next);
    const at = next ? new Date(next) : null;
    if (!next) onChange?.("");
    else if (at && !Number.isNaN(at.getTime()) && at.getFullYear() > 1969) onChange?.(at.toISOString());
  };
  return <input type="datetime-local" className={`inp${error ? " err" : ""}`} value={text} aria-label={label} aria-invalid={error || undefined} onChange={(e) => take(e.target.value)} data-testid={testid} />;
}
