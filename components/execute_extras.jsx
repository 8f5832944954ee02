// Around the form of an execution: values from runs and presets (UI-FP-14), the request in other words (UI-FP-13).
import { useState } from "react";
import { request } from "$/public/external/components/net/net.jsx";
import { Icon, clock, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";

const shell = (text) => `'${String(text).replace(/'/g, "'\\''")}'`;
const flowOf = (url) => { const parts = new URL(url).pathname.split("/").map(decodeURIComponent); return { namespace: parts[parts.length - 2], flow: parts[parts.length - 1] }; };
const yaml = (text) => (/^[\w./@-]+$/.test(text) && !/^(?:true|false|yes|no|on|off|null|[\d.]+)$/i.test(text) ? text : JSON.stringify(text));

// Each takes the address and the parts `{id, type, value, file}`; a SECRET is `***` already.
export const COPIES = {
  cURL: (url, parts) => [`curl -X POST ${shell(url)}`, "-u 'USER:PASSWORD'", ...parts.map((p) => `-F ${shell(`${p.id}=${p.file ? `@${p.file}` : p.value}`)}`)].join(" \\\n  "),
  Python: (url, parts) => [
    "import httpx", "", "answer = httpx.post(", `    ${JSON.stringify(url)},`, '    auth=("USER", "PASSWORD"),',
    ...(parts.length ? ["    files={", ...parts.map((p) => `        ${JSON.stringify(p.id)}: ${p.file ? `open(${JSON.stringify(p.file)}, "rb")` : `(None, ${JSON.stringify(String(p.value))})`},`), "    },"] : []),
    ")", "answer.raise_for_status()", 'print(answer.json()["id"])', "",
  ].join("\n"),
  JavaScript: (url, parts) => [
    "const form = new FormData();", ...parts.map((p) => `form.append(${JSON.stringify(p.id)}, ${p.file ? `file /* ${p.file} */` : JSON.stringify(String(p.value))});`),
    `const answer = await fetch(${JSON.stringify(url)}, {`, '  method: "POST",', "  headers: { Authorization: `Basic ${btoa(\"USER:PASSWORD\")}` },", parts.length ? "  body: form," : "", "});", "console.log((await answer.json()).id);", "",
  ].join("\n"),
  // Its `executions run` has no way to take inputs, labels, a revision or a date (its published source): with any of them it is not offered.
  kestractl: (url, parts) => { const { namespace, flow } = flowOf(url); return parts.length || new URL(url).search ? null : ["kestractl", "executions", "run", shell(namespace), shell(flow), "--wait"].join(" ") + "\n"; },
  "Subflow task": (url, parts) => {
    const { namespace, flow } = flowOf(url);
    return [`- id: ${flow}`, "  type: io.kestra.plugin.core.flow.Subflow", `  namespace: ${namespace}`, `  flowId: ${flow}`, ...(parts.length ? ["  inputs:", ...parts.map((p) => `    ${p.id}: ${p.type === "SECRET" ? "\"{{ secret('NAME') }}\"" : yaml(String(p.file || p.value))}`)] : []), ""].join("\n");
  },
  "Webhook address": (url) => { const { namespace, flow } = flowOf(url); const at = new URL(url); return `${at.origin}${at.pathname.split("/").slice(0, 4).join("/")}/executions/webhook/${namespace}/${flow}/KEY`; },
};

// `inputsOf()` gives what a preset keeps; `onPick(values, words)` fills the form.
export function Prefill({ presetsUrl, runsUrl, onPick, inputsOf, words }) {
  const [presets, setPresets] = useState(null);
  const [runs, setRuns] = useState(null);
  const [name, setName] = useState(null);
  const [shared, setShared] = useState(false);
  const [problem, setProblem] = useState("");
  const [chosen, setChosen] = useState("");
  const load = () => {
    request(presetsUrl).then((found) => setPresets(Array.isArray(found) ? found : found?.results || []), (error) => setProblem(error.message));
    if (runsUrl) request(runsUrl).then((found) => setRuns(found.results || []), () => setRuns([]));
  };
  const pick = (value) => {
    setChosen(value);
    const [kind, id] = [value.slice(0, 1), value.slice(2)];
    if (kind === "r") { const run = runs.find((one) => one.id === id); onPick(run?.inputs || {}, `Values of the run of ${clock(run?.state?.startDate, { date: true })}.`); }
    if (kind === "p") { const preset = presets.find((one) => one.name === id); onPick(preset?.inputs || preset?.body?.inputs || {}, `Values of ${id}.`); }
  };
  const save = async () => {
    try {
      await request(`${presetsUrl}/${encodeURIComponent(name.trim())}`, { method: "PUT", json: { inputs: inputsOf(), shared } });
      setName(null);
      setProblem("");
      load();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const drop = async (id) => { try { await request(`${presetsUrl}/${encodeURIComponent(id)}`, { method: "DELETE" }); setChosen(""); load(); } catch (error) { setProblem(error.message); } };
  return (
    <div className="pfl" data-testid="execute-prefills">
      <Icon name="rewind" />
      <select className="btn s" aria-label="Prefill from" value={chosen} onFocus={() => presets || load()} onPointerDown={() => presets || load()} onChange={(e) => pick(e.target.value)} data-testid="execute-prefill-from">
        <option value="">Prefill from …</option>
        {runs?.length ? <optgroup label="Runs">{runs.map((run, i) => <option key={run.id} value={`r/${run.id}`}>{i ? "" : "Last: "}{clock(run.state?.startDate, { date: true })}, {stateWord(run.state?.current).toLowerCase()}</option>)}</optgroup> : null}
        {presets?.length ? <optgroup label="Presets">{presets.map((one) => <option key={one.name} value={`p/${one.name}`}>{one.name}{one.shared ? " (shared)" : ""}</option>)}</optgroup> : null}
        {presets && !presets.length && !runs?.length ? <option disabled>Nothing to take from yet</option> : null}
      </select>
      {chosen.startsWith("p/") ? <button type="button" className="ib" aria-label={`Delete the preset ${chosen.slice(2)}`} title="Delete the preset" onClick={() => drop(chosen.slice(2))}><Icon name="x" /></button> : null}
      {words ? <span className="sm mut ell">{words}</span> : null}
      <span className="grow" />
      {name === null ? <button type="button" className="btn s gho" onClick={() => setName("")} data-testid="preset-new"><Icon name="plus" />Save as preset</button> : (
        <>
          <span className="inp"><input autoFocus value={name} placeholder="Name" aria-label="Name of the preset" onChange={(e) => setName(e.target.value)} onKeyDown={(e) => { if (e.key === "Enter" && name.trim()) { e.preventDefault(); e.stopPropagation(); save(); } if (e.key === "Escape") { e.stopPropagation(); e.preventDefault(); setName(null); } }} data-testid="preset-name" /></span>
          <label className="sm mut row g4"><input type="checkbox" checked={shared} onChange={(e) => setShared(e.target.checked)} />shared</label>
          <button type="button" className="btn s" disabled={!name.trim()} onClick={save} data-testid="preset-save">Save</button>
        </>
      )}
      {problem ? <span className="sm fgs bad" role="alert">{problem}</span> : null}
    </div>
  );
}
