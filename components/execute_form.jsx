// The form of an execution: controls by input type, the server's checks while typing, one multipart request.
import { useEffect, useMemo, useRef, useState } from "react";
import { copyText, isAbort, request, upload, useDebounced, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon, Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { Control, WIDE, Words, durationOf, instantOf, isEmpty, isFile, partOf, problemOf, valueOf } from "./input_fields.jsx";
import { COPIES, Prefill } from "./execute_extras.jsx";
import "./execute_form.css";

const CHECK = { SUCCESS: ["ok", "circle-check"], INFO: ["live", "info"], WARNING: ["warn", "triangle-alert"], ERROR: ["bad", "circle-alert"] };
const WORDS = { execute: "Execute", replay: "Replay", resume: "Resume" };

export function ExecuteForm(props) {
  const { flowUrl, inputs: given, validateUrl, createUrl, defaults, labels: givenLabels, revision: givenRevision, revisions, breakpoints: givenBreaks = "", mode = "execute", submitLabel, disabledReason, presetsUrl, runsUrl } = props;
  const held = useRef({});
  held.current = props;
  const [declared, setDeclared] = useState(given?.length ? given : null);
  const [loadProblem, setLoadProblem] = useState(null);
  const [entries, setEntries] = useState(new Map()); // input id -> what the server said
  const [checks, setChecks] = useState([]);
  const [values, setValues] = useState({});
  const [touched, setTouched] = useState(() => new Set());
  const [tried, setTried] = useState(false);
  const [checking, setChecking] = useState(false);
  const [sending, setSending] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const [open, setOpen] = useState(false);
  const [labels, setLabels] = useState(() => (givenLabels || []).map((l) => `${l.key}:${l.value}`));
  const [label, setLabel] = useState("");
  const [date, setDate] = useState("");
  const [breaks, setBreaks] = useState(givenBreaks);
  const [revision, setRevision] = useState(givenRevision || "");
  const [copied, setCopied] = useState(false);
  const [copying, setCopying] = useState(false);
  const [kind, setKind] = useState("");
  const [prefilled, setPrefilled] = useState("");
  const [turn, setTurn] = useState(0);
  const abort = useRef(null);
  const sent = useRef(false); // what was sent is not checked any more: the run has gone on
  const sendAbort = useRef(null);
  const lastSend = useRef({});
  const host = useRef(null);

  useEffect(() => {
    if (given?.length) setDeclared(given);
    else if (!flowUrl) setDeclared([]);
    if (given?.length || !flowUrl) return undefined;
    const stop = new AbortController();
    request(withQuery(flowUrl, { revision: revision || undefined }), { signal: stop.signal }).then(
      (flow) => { setDeclared(flow.inputs || []); setLoadProblem(null); },
      (error) => isAbort(error) || setLoadProblem(error),
    );
    return () => stop.abort();
  }, [flowUrl, JSON.stringify(given || []), revision, turn]);

  // The values at the start: prefilled ones first, then the flow's own defaults.
  useEffect(() => {
    if (!declared) return;
    setValues((old) => {
      const next = {};
      for (const input of declared) {
        const prefill = defaults?.[input.id] ?? input.id.split(".").reduce((node, part) => node?.[part], defaults);
        const raw = touched.has(input.id) ? old[input.id] : prefill !== undefined && prefill !== null ? valueOf(input, prefill) : input.type === "SECRET" ? undefined : simple(input) ? valueOf(input, input.defaults ?? input.prefill) : old[input.id];
        if (raw !== undefined) next[input.id] = raw;
      }
      return next;
    });
    validate.flush();
    validate();
  }, [declared]);

  const inputs = useMemo(() => (declared || []).map((input) => ({ ...input, ...(entries.get(input.id)?.input || {}), id: input.id })), [declared, entries]);
  const shown = inputs.filter((input) => entries.get(input.id)?.enabled !== false);

  const current = useRef({});
  current.current = { values, inputs, touched };
  const formOf = (forCheck) => {
    const form = new FormData();
    for (const input of current.current.inputs) {
      if (entries.get(input.id)?.enabled === false && !forCheck) continue;
      let value = current.current.values[input.id];
      if (input.type === "DURATION" && typeof value === "string") value = durationOf(value);
      if (forCheck && isFile(value)) continue; // the content goes once, at the end
      const part = partOf(input, value);
      if (part === undefined) continue;
      if (isFile(part)) form.append(input.id, part, part.name);
      else form.append(input.id, part);
    }
    return form;
  };
  const hasParts = (form) => !form.keys().next().done;

  const validate = useDebounced(async () => {
    if (!held.current.validateUrl || sent.current) return;
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setChecking(true);
    try {
      const form = formOf(true);
      const answer = await request(withQuery(held.current.validateUrl, { revision: revision || undefined }), { method: "POST", body: hasParts(form) ? form : undefined, signal: mine.signal, retries: 1 });
      const next = new Map((answer?.inputs || []).map((entry) => [entry.input.id, entry]));
      setEntries(next);
      setChecks(answer?.checks || []);
      // Defaults that the server computed fill what nobody has typed.
      setValues((old) => {
        const out = { ...old };
        for (const [id, entry] of next) {
          const { touched: mineTouched } = current.current;
          if (mineTouched.has(id) || held.current.defaults?.[id] !== undefined || entry.input.type === "SECRET") continue;
          if (entry.isDefault && entry.value !== undefined && entry.value !== null) out[id] = valueOf(entry.input, entry.value);
        }
        return out;
      });
    } catch (error) {
      if (!isAbort(error)) setEntries((old) => old); // the final request will say what is wrong
    } finally {
      if (abort.current === mine) setChecking(false);
    }
  }, 300);
  useEffect(() => () => { abort.current?.abort(); sendAbort.current?.abort(); }, []);

  const change = (id, value) => {
    setTouched((old) => new Set(old).add(id));
    setValues((old) => ({ ...old, [id]: value }));
    setRefusal(null);
    validate();
  };

  const errorOf = (input) => {
    const value = values[input.id];
    const refused = refusal?.errors?.find((e) => e.path === input.id || e.path === `inputs.${input.id}` || e.path?.endsWith(`[${input.id}]`))?.message;
    if (refused) return refused;
    if (!touched.has(input.id) && !tried) return "";
    const own = problemOf(input, value);
    if (own) return own;
    if (isFile(value)) return "";
    return (entries.get(input.id)?.errors || []).map((e) => (typeof e === "string" ? e : e.message)).join(" ");
  };
  const wrong = shown.map((input) => [input, errorOf(input)]).filter(([, e]) => e);
  const blocked = checks.some((check) => /BLOCK/.test(check.behavior || "") || (check.style === "ERROR" && check.behavior === "FAIL_EXECUTION"));
  const hidden = tried ? [] : shown.filter((input) => problemOf(input, values[input.id]));

  const query = () => ({
    ...(mode === "execute" ? { labels, scheduleDate: date ? instantOf(date) : undefined } : {}),
    revision: revision || undefined,
    breakpoints: breaks.trim() || undefined,
    ...(mode === "execute" && kind ? { kind } : {}),
  });

  const submit = async () => {
    setTried(true);
    if (sending || blocked || disabledReason) return;
    const missing = shown.find((input) => problemOf(input, values[input.id]));
    const bad = missing || wrong[0]?.[0];
    if (bad) {
      setTimeout(() => host.current?.querySelector(`[id="in-${CSS.escape(bad.id)}"]`)?.focus(), 0);
      return;
    }
    sendAbort.current = new AbortController();
    // Sent again unchanged after a timeout it is the same start: the server answers the execution that it made then.
    const intent = JSON.stringify([createUrl, query(), values], (_, value) => (value instanceof File ? [value.name, value.size, value.lastModified] : value));
    if (lastSend.current.intent !== intent) lastSend.current = { intent, key: [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
    const headers = mode === "execute" ? { "Idempotency-Key": lastSend.current.key } : {};
    sent.current = true;
    abort.current?.abort();
    setSending({ part: 0 });
    setRefusal(null);
    try {
      const form = formOf(false);
      const url = withQuery(createUrl, query());
      const answer = hasParts(form)
        ? await upload(url, form, { headers, signal: sendAbort.current.signal, onProgress: (sent, total) => setSending({ part: total ? sent / total : 0 }) })
        : await request(url, { method: "POST", headers, signal: sendAbort.current.signal });
      lastSend.current = {};
      setTimeout(() => { sent.current = false; }, 1000); // a form that stays, for another run
      const made = answer || {};
      window.dispatchEvent(new CustomEvent("flowdeck:started", { detail: { id: made.id, namespace: made.namespace, flowId: made.flowId } }));
      held.current.onCreated?.({ id: made.id || "", namespace: made.namespace || "", flowId: made.flowId || "", state: made.state?.current || made.state || "", url: made.url || "" });
    } catch (error) {
      sent.current = false;
      if (isAbort(error)) return;
      setRefusal(error);
      held.current.onError?.(error.toJSON ? error.toJSON() : { status: 0, message: String(error) });
    } finally {
      setSending(null);
    }
  };

  // Values from another run or a saved preset: they beat defaults and are not overwritten by the checks that follow.
  const prefill = (given, words) => {
    const next = {};
    for (const input of declared || []) {
      if (input.type === "SECRET") continue;
      const raw = given?.[input.id] ?? input.id.split(".").reduce((node, part) => node?.[part], given);
      if (raw !== undefined && raw !== null) next[input.id] = valueOf(input, raw);
    }
    setValues((old) => ({ ...old, ...next }));
    setTouched((old) => new Set([...old, ...Object.keys(next)]));
    setPrefilled(words);
    setTimeout(() => { validate.flush(); validate(); }, 0);
  };
  const kept = () => {
    const out = {};
    for (const input of shown) {
      const value = values[input.id];
      if (input.type === "SECRET" || isEmpty(value) || isFile(value)) continue;
      out[input.id] = value;
    }
    return out;
  };
  const textAs = (name) => {
    const parts = [];
    for (const input of shown) {
      const part = partOf(input, values[input.id]);
      if (part === undefined) continue;
      parts.push({ id: input.id, type: input.type, file: isFile(part) ? part.name : "", value: input.type === "SECRET" ? "***" : isFile(part) ? "" : part });
    }
    const more = query();
    if (name === "kestractl" && more.revision === revisions?.[0]) delete more.revision; // the newest is what it runs anyway
    return COPIES[name](withQuery(new URL(createUrl, location.href).href, more), parts);
  };
  const copyAs = (name) => {
    setCopying(false);
    copyText(textAs(name)).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  };

  const addLabel = () => {
    const [key, ...rest] = label.split(/[:=]/);
    if (!key.trim() || !rest.join("").trim()) return;
    setLabels((old) => [...old.filter((l) => !l.startsWith(`${key.trim()}:`)), `${key.trim()}:${rest.join(":").trim()}`]);
    setLabel("");
  };

  const onKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation(); // the dialog around it would press the button too
      submit();
    } else if (event.key === "Enter" && event.target.tagName === "INPUT") {
      event.preventDefault(); // a single Enter adds a label or a value; it starts nothing
      event.stopPropagation();
    }
  };

  const word = submitLabel || WORDS[mode] || "Execute";
  const off = blocked || Boolean(disabledReason) || (wrong.length > 0 && !refusal);
  return (
    <form className="fd-exec" ref={host} onSubmit={(e) => { e.preventDefault(); submit(); }} onKeyDown={onKey} noValidate data-testid="execute-form">
      {checks.length || disabledReason ? (
        <div className="chk" role="status">
          {disabledReason ? <span className="fgs warn"><Icon name="triangle-alert" />{disabledReason}</span> : null}
          {checks.map((check, i) => <span key={i} className={`fgs ${(CHECK[check.style] || CHECK.INFO)[0]}`}><Icon name={(CHECK[check.style] || CHECK.INFO)[1]} />{check.message}</span>)}
        </div>
      ) : null}
      {presetsUrl && declared?.length ? <Prefill presetsUrl={presetsUrl} runsUrl={runsUrl} onPick={prefill} inputsOf={kept} words={prefilled} /> : null}
      <div className="fbody">
        <Problem error={loadProblem} what="The inputs could not be loaded." retry={() => setTurn(turn + 1)} />
        {refusal ? <Problem error={refusal} what={`Not ${mode === "resume" ? "resumed" : mode === "replay" ? "replayed" : "started"}, all fields are kept.`} /> : null}
        {!declared && !loadProblem ? <div className="fgrid" aria-busy="true">{[0, 1, 2, 3].map((n) => <div key={n} className="fld"><div className="sk" style={{ width: "40%" }} /><div className="sk" style={{ height: 28 }} /></div>)}</div> : null}
        {declared && !shown.length ? <p className="mut">{mode === "resume" ? "This step asks for nothing." : "This flow has no inputs."}</p> : null}
        <div className="fgrid">
          {shown.map((input) => {
            const id = `in-${input.id}`;
            const error = errorOf(input);
            const wide = WIDE.has(input.type) || input.type === "ARRAY";
            return (
              <div key={input.id} className={`fld${wide ? " w2" : ""}`} data-testid={`execute-input-${input.id}`}>
                <label className="lb" htmlFor={id} id={`${id}-label`}>
                  {input.displayName || input.id}
                  {input.required === false || (input.defaults !== undefined && input.defaults !== null) ? null : <span className="req" aria-hidden="true">*</span>}
                  {checking && input.dependsOn ? <span className="busy xs">checking</span> : null}
                  <span className="ty">{input.type}</span>
                </label>
                <Control id={id} input={input} value={values[input.id]} error={error} describedBy={`${id}-hint`} progress={sending && isFile(values[input.id]) ? sending.part : 0} onChange={(value) => change(input.id, value)} />
                {error ? <span className="er" id={`${id}-hint`} role="alert"><Icon name="circle-alert" size={12} />{error}</span>
                  : input.description || (input.type === "MULTISELECT" && input.values) || input.type === "SECRET" || (input.type === "DATETIME" && values[input.id]) ? (
                    <span className="hint" id={`${id}-hint`}>{input.description ? <Words text={input.description} /> : input.type === "MULTISELECT" ? `${(values[input.id] || []).length} of ${input.values.length}` : input.type === "SECRET" ? "Encrypted in this execution." : ago(values[input.id])}</span>
                  ) : null}
                {!error && ["JSON", "ARRAY"].includes(input.type) && values[input.id] && pretty(values[input.id]) !== values[input.id] ? <button type="button" className="link sm" style={{ alignSelf: "flex-start" }} onClick={() => change(input.id, pretty(values[input.id]))}>Format</button> : null}
              </div>
            );
          })}
        </div>
      </div>
      {mode === "resume" ? null : (
        <div className="adv">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} data-testid="execute-advanced">
            <Icon name={open ? "chevron-down" : "chevron-right"} />
            <span className="med">{mode === "execute" ? "Labels, schedule, breakpoints" : "Revision, breakpoints"}</span>
            <span className="mut sm row g6">{labels.slice(0, 3).map((l) => <span key={l} className="lab"><em>{l.split(":")[0]}:</em>{l.slice(l.indexOf(":") + 1)}</span>)}{mode === "execute" ? (date ? `at ${date.replace("T", " ")}` : "start now") : ""}</span>
          </button>
          {open ? (
            <div className="in">
              {mode === "execute" ? (
                <>
                  <div className="fld"><label className="lb" htmlFor="ex-label">Labels</label>
                    <div className="inp ms">{labels.map((l) => <span key={l} className="tok">{l}<button type="button" aria-label={`Remove ${l}`} onClick={() => setLabels(labels.filter((x) => x !== l))}><Icon name="x" size={10} /></button></span>)}
                      <input id="ex-label" style={{ flex: 1, minWidth: 90, width: "auto" }} placeholder="key:value" value={label} onChange={(e) => setLabel(e.target.value)} onBlur={addLabel} onKeyDown={(e) => { if ((e.key === "Enter" && !e.ctrlKey && !e.metaKey) || e.key === ",") { e.preventDefault(); addLabel(); } }} data-testid="execute-labels" /></div>
                  </div>
                  <div className="fld"><label className="lb" htmlFor="ex-date">Start at</label><div className="inp"><input id="ex-date" type="datetime-local" step="1" value={date} onChange={(e) => setDate(e.target.value)} data-testid="execute-date" /></div><span className="hint">Empty starts it now.</span></div>
                </>
              ) : null}
              {revisions?.length ? <div className="fld"><label className="lb" htmlFor="ex-rev">Revision</label><div className="inp"><select id="ex-rev" value={revision} onChange={(e) => setRevision(Number(e.target.value) || "")}>{revisions.map((r) => <option key={r} value={r}>{r}</option>)}</select><span className="end"><Icon name="chevron-down" /></span></div></div> : null}
              <div className="fld"><label className="lb" htmlFor="ex-break">Breakpoints</label><div className="inp mono"><input id="ex-break" placeholder="task, loop_task.value" value={breaks} onChange={(e) => setBreaks(e.target.value)} /></div><span className="hint">Stops before these tasks.</span></div>
              {mode === "execute" ? <div className="fld"><label className="lb" htmlFor="ex-kind">Kind</label><div className="inp"><select id="ex-kind" value={kind} onChange={(e) => setKind(e.target.value)}><option value="">Normal</option><option value="TEST">Test</option><option value="PLAYGROUND">Playground</option></select><span className="end"><Icon name="chevron-down" /></span></div><span className="hint">Tests and playground runs stand in no list.</span></div> : null}
            </div>
          ) : null}
        </div>
      )}
      <div className="df">
        <span className="cpas" onKeyDown={(e) => { if (e.key === "Escape" && copying) { e.stopPropagation(); e.preventDefault(); setCopying(false); } }} onBlur={(e) => e.currentTarget.contains(e.relatedTarget) || setCopying(false)}>
          <button type="button" className="btn gho" onClick={() => copyAs("cURL")} data-testid="execute-curl"><Icon name={copied ? "check" : "copy"} />{copied ? "Copied" : "Copy as cURL"}</button>
          {mode === "execute" ? <button type="button" className="ib" aria-label="Copy as …" aria-haspopup="menu" aria-expanded={copying} onClick={() => setCopying(!copying)} data-testid="execute-copy-as"><Icon name="chevron-down" /></button> : null}
          {copying ? <span className="pop cpm" role="menu">{Object.keys(COPIES).map((name) => (textAs(name) === null
            ? <button key={name} type="button" role="menuitem" className="mi off" aria-disabled="true" title="How it takes inputs, labels and dates is not published.">{name}<span className="grow" /><span className="xs faint">without inputs only</span></button>
            : <button key={name} type="button" role="menuitem" className="mi" onClick={() => copyAs(name)}>{name}</button>))}</span> : null}
        </span>
        <span className="grow" />
        {wrong.length ? <span className="fgs bad sm row g4" role="status"><Icon name="circle-alert" size={12} />{wrong.length} {wrong.length === 1 ? "field" : "fields"}</span> : sending ? <span className="mut sm">{sending.part ? `sending ${Math.round(sending.part * 100)} %` : "sending"}</span> : null}
        <span className="row g8 ends">{sending ? <button type="button" className="btn" onClick={() => sendAbort.current?.abort()}>Stop</button> : <button type="button" className="btn" onClick={() => held.current.onCancel?.()} data-testid="execute-cancel">Cancel</button>}
        <button type="submit" data-primary="true" className={`btn${off || sending ? " off" : " pri"}`} aria-disabled={off || Boolean(sending)} title={blocked ? "A check of the flow does not allow it." : disabledReason || (hidden.length ? "Required fields are empty." : "Ctrl Enter")} data-testid="execute-submit"><Icon name="play" stroke={2} />{word}</button></span>
      </div>
    </form>
  );
}

// A default that is an expression is computed by the server.
const simple = (input) => !(typeof input.defaults === "string" && input.defaults.includes("{{"));

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function ago(instant) {
  const ms = Date.now() - Date.parse(instant);
  if (Number.isNaN(ms)) return "";
  const words = Math.abs(ms) < 3600e3 ? `${Math.round(Math.abs(ms) / 60e3)} min` : Math.abs(ms) < 172800e3 ? `${Math.round(Math.abs(ms) / 3600e3)} h` : `${Math.round(Math.abs(ms) / 86400e3)} days`;
  return ms >= 0 ? `${words} ago` : `in ${words}`;
}
