// The run of one script below its text: state, time, lines as they come, and the way to its execution (UI-NS-07).
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { TERMINAL, useExecution } from "$/public/external/components/stream/stream.jsx";
import { Icon, StateIcon, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { LogView } from "$/public/external/components/log_view/log_view.jsx";

export function ScriptRun({ api, execution, name, place, beside = false, onBeside, onStop, onClose }) {
  const store = useExecution(execution);
  const state = store.execution.state || "CREATED";
  const ended = TERMINAL.has(state);
  const run = [...store.rows.values()].find((row) => row.started);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (ended) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ended]);
  const own = `${api}/console/executions/${execution}`;
  return (
    <>
      <header className="row nsrunh">
        <StateIcon state={state} />
        <b className="med" data-testid="script-state" role="status">{stateWord(state)}</b>
        <span className="mono ell sm mut grow">{name}</span>
        {run ? <span className="num sm mut">{span((run.ended ? Date.parse(run.ended) : now) - Date.parse(run.started))}</span> : null}
        {ended ? null : <button type="button" className="btn s" onClick={() => onStop?.()} data-testid="script-stop"><Icon name="square" size={12} />Stop</button>}
        <Link className="btn s" to={place} data-testid="script-open"><Icon name="external-link" size={12} />Execution</Link>
        <button type="button" className={beside ? "ib on" : "ib"} aria-pressed={beside} aria-label="Beside the text" title="Beside the text" onClick={() => onBeside?.(!beside)} data-testid="script-beside"><Icon name="columns-2" /></button>
        <button type="button" className="ib" aria-label="Close the run" title="Close the run" onClick={() => onClose?.()} data-testid="script-close"><Icon name="x" size={12} /></button>
      </header>
      <div className="nsrunb">
        <LogView key={execution} execution={execution} logsUrl={`${own}/logs`} searchUrl={`${own}/logs/search`} fileUrl={`${api}/executions/${execution}/file`} downloadUrl={`${api}/logs/${execution}/download`} level="TRACE" follow={!ended} compact />
      </div>
    </>
  );
}
