// An icon that tells what a trigger does: read when it is opened, switched on and off in place.
import { useEffect, useState } from "react";
import { Link, useLocation } from "react-router";
import { isAbort, request } from "$/public/external/components/net/net.jsx";
import { useMay } from "$/public/external/components/client/shell.jsx";
import { Popover } from "$/public/external/components/client/overlay.jsx";
import { Time } from "$/public/external/components/client/clock.jsx";
import { toast } from "$/public/external/components/client/bridge.jsx";

const HIDDEN = new Set(["id", "type", "cron", "disabled"]);
const told = (v) => (typeof v === "object" ? JSON.stringify(v) : String(v));

function Body({ api, namespace, flow, trigger, kind }) {
  const [found, setFound] = useState(null);
  const [words, setWords] = useState("");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const tenant = useLocation().pathname.split("/").filter(Boolean)[0];
  useEffect(() => {
    const abort = new AbortController();
    (async () => {
      try {
        const answer = await request(`${api}/triggers/search`, { query: { size: 25, "filters[namespace][EQUALS]": namespace, "filters[flowId][EQUALS]": flow, "filters[triggerId][EQUALS]": trigger }, signal: abort.signal, retries: 1 });
        let one = answer.results.find((x) => (x.abstractTrigger?.id || x.triggerContext?.triggerId) === trigger);
        if (!one) {
          const whole = await request(`${api}/flows/${namespace}/${flow}`, { signal: abort.signal, retries: 1 });
          one = { abstractTrigger: (whole.triggers || []).find((t) => t.id === trigger) };
        }
        setFound(one);
        const cron = one?.abstractTrigger?.cron;
        if (cron) {
          const said = await request(`${api}/console/schedules/preview`, { method: "POST", json: { cron, timezone: one.abstractTrigger.timezone, withSeconds: one.abstractTrigger.withSeconds, count: 3 }, signal: abort.signal });
          setWords(said.words);
          setFound((old) => ({ ...old, dates: said.dates }));
        }
      } catch (error) {
        if (!isAbort(error)) setFault(error.message);
      }
    })();
    return () => abort.abort();
  }, [api, namespace, flow, trigger]);
  const declared = found?.abstractTrigger || {}, may = useMay();
  const state = found?.triggerContext;
  const off = Boolean(state?.disabled || declared.disabled);
  const turn = async () => {
    setBusy(true);
    try {
      const made = await request(`${api}/triggers`, { method: "PUT", json: { ...state, disabled: !off } });
      setFound((old) => ({ ...old, triggerContext: { ...old.triggerContext, ...made, disabled: !off } }));
    } catch (error) {
      toast({ level: "error", title: "The trigger was not changed", text: error.message, requestId: error.requestId });
    }
    setBusy(false);
  };
  const rows = Object.entries(declared).filter(([k, v]) => !HIDDEN.has(k) && v !== null && v !== undefined && told(v) !== "[]" && told(v) !== "{}").slice(0, 8);
  return (
    <div className="tpk" data-testid="trigger-peek">
      <div className="row"><b className="med ell grow">{trigger}</b>{state && may("EXECUTION:UPDATE", namespace) ? <label className="row g6 sm pick">{off ? "off" : "on"}<button type="button" role="switch" aria-checked={!off} aria-label={`${trigger} on`} className={`sw${off ? "" : " on"}`} disabled={busy || Boolean(declared.disabled)} title={declared.disabled ? "Switched off in the flow's source" : undefined} onClick={turn} data-testid="trigger-switch" /></label> : null}</div>
      <div className="mono xs faint brk">{kind}</div>
      {fault ? <p className="fgs bad sm">{fault}</p> : !found ? <i className="sk" style={{ width: "70%", display: "block" }} /> : null}
      {declared.cron ? <p className="sm"><span className="mono">{declared.cron}</span>{words ? <span className="mut">, {words}</span> : null}</p> : null}
      {found ? <dl>{off ? null : state?.nextExecutionDate ? <div><dt>Next</dt><dd><Time value={state.nextExecutionDate} mode="full" /></dd></div> : found.dates?.length ? <div><dt>Next</dt><dd><Time value={found.dates[0]} mode="full" /></dd></div> : null}
        {state?.date ? <div><dt>Last</dt><dd><Time value={state.date} mode="full" /></dd></div> : null}{rows.map(([k, v]) => <div key={k}><dt>{k}</dt><dd className="mono brk">{told(v).slice(0, 160)}</dd></div>)}</dl> : null}
      <Link className="link sm" to={`/${tenant}/flows/edit/${namespace}/${flow}/triggers`}>All triggers of the flow</Link>
    </div>
  );
}

export function TriggerPeek({ api, namespace, flow, trigger, kind, children }) {
  return <Popover label={`Trigger ${trigger}`} width={300}><button type="button" className="trg" title={`${trigger} · ${kind}`} aria-label={`Trigger ${trigger}`} data-testid="flow-trigger">{children}</button><Body api={api} namespace={namespace} flow={flow} trigger={trigger} kind={kind} /></Popover>;
}
