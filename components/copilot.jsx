// The assistant beside the code: a question, a proposal that the editor shows as difference, taken over or refused
// (UI-ED-54). Nothing is saved by it; what it changes goes through the editor, so that undo knows it.
import { useEffect, useReducer, useRef, useState } from "react";
import { isAbort, request, useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { edit, propose, sourceOf, useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";
import { showPanel } from "$/public/external/components/workbench/workbench.jsx";
import "./copilot.css";

const STARTERS = { flow: ["Add a trigger that starts this flow every working day at 06:00", "Add a retry of three attempts to every task that calls the network", "Add an error handler that logs which task failed", "Explain each task in its description"],
  dashboard: ["Add a chart of failed executions by namespace", "Add a number with the share of executions that succeeded", "Add a table of the longest executions of the last week", "Give every chart a title and a description"] };
const SENT = { flow: "The text of the flow and names of variables, secrets and KV pairs are sent, never their values.", dashboard: "The text of the dashboard is sent, none of the data it shows." };
const NARROW = "(max-width:1023px)"; // below it a panel of a page without a workbench lies over the code
const PATIENCE = 200000; // ms: a provider and two rounds of repair
const SETUP = `kestra:
  ai:
    providers:
      - id: mine
        display-name: My model
        type: openai
        isDefault: true
        configuration:
          model-name: a-model
          api-key: a-key`;

// The talks of this visit, by document: a panel that is closed and opened again goes on with its own.
const talks = new Map();
const talkOf = (uri) => {
  if (!talks.has(uri)) talks.set(uri, { id: `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`, turns: [], watch: new Set() });
  return talks.get(uri);
};

// What of a text has to change: the middle between equal beginnings and ends.
function changeOf(old, next) {
  let from = 0;
  while (from < old.length && from < next.length && old[from] === next[from]) from += 1;
  let back = 0;
  while (back < old.length - from && back < next.length - from && old[old.length - 1 - back] === next[next.length - 1 - back]) back += 1;
  return { from, to: old.length - back, text: next.slice(from, next.length - back) };
}

function useSpeech(onText) {
  const Recognition = typeof window === "undefined" ? null : window.SpeechRecognition || window.webkitSpeechRecognition;
  const [on, setOn] = useState(false);
  const held = useRef(null);
  const stop = () => { held.current?.stop(); setOn(false); };
  useEffect(() => () => held.current?.abort(), []);
  const start = () => {
    const made = new Recognition();
    made.lang = document.documentElement.lang || "en";
    made.onresult = (event) => onText([...event.results].map((one) => one[0].transcript).join(" "));
    made.onend = made.onerror = () => setOn(false);
    held.current = made;
    made.start();
    setOn(true);
  };
  return Recognition ? { on, toggle: () => (on ? stop() : start()) } : null;
}

export function Copilot({ api, docUri, namespace, kind = "flow", wish, onFront }) {
  const { data: providers, error: down, reload } = useRequest(`${api}/ai/providers`);
  const doc = useDocument(docUri);
  const talk = talkOf(docUri);
  // Code and talk side by side; where there is room for one, the one that is wanted comes to the front.
  const front = (panel) => (onFront ? window.matchMedia(NARROW).matches && onFront(panel) : showPanel(panel));
  const [, draw] = useReducer((n) => n + 1, 0);
  useEffect(() => { talk.watch.add(draw); return () => { talk.watch.delete(draw); }; }, [talk]);
  const again = () => talk.watch.forEach((one) => one()); // an answer may come after this panel was closed and opened
  const [text, setText] = useState("");
  const [provider, setProvider] = useState("");
  const [busy, setBusy] = useState(null); // AbortController
  useEffect(() => () => busy?.abort(), [busy]);
  const speech = useSpeech((spoken) => setText(spoken));
  const end = useRef(null);
  useEffect(() => { end.current?.scrollIntoView({ block: "nearest" }); }, [talk.turns.length, busy]);

  const ask = async (prompt) => {
    const words = prompt.trim();
    if (!words || busy) return;
    const stop = new AbortController();
    const turn = { prompt: words, before: sourceOf(docUri)?.text ?? doc.text, state: "asked" };
    talk.turns.push(turn);
    setText("");
    setBusy(stop);
    try {
      const answer = await request(`${api}/ai/generate/${kind}`, { method: "POST", as: "text", patience: PATIENCE, signal: stop.signal, headers: { Accept: "application/yaml, application/json" }, json: { conversationId: talk.id, userPrompt: words, yaml: turn.before, namespace, ...(provider ? { providerId: provider } : {}) } });
      Object.assign(turn, { after: answer, state: answer.trim() === turn.before.trim() ? "same" : "proposed" });
      if (turn.state === "proposed") { offer(); front("code"); }
    } catch (error) {
      Object.assign(turn, { state: isAbort(error) ? "stopped" : "failed", error });
    } finally {
      setBusy(null);
      again();
    }
  };
  // The newest proposal stands in the editor, also while this panel is closed or has no room beside the code.
  const open = talk.turns.findLast((turn) => turn.state === "proposed") || null;
  const offer = () => {
    const turn = talk.turns.findLast((one) => one.state === "proposed");
    propose(docUri, turn ? { text: turn.after, accept: () => accept(turn), refuse: () => refuse(turn), retry: () => retry(turn) } : null);
    again();
  };
  const accept = (turn) => {
    const now = sourceOf(docUri)?.text ?? doc.text;
    if (edit(docUri, [changeOf(now, turn.after)])) turn.state = "accepted";
    offer();
  };
  const refuse = (turn) => { turn.state = "refused"; offer(); };
  const retry = (turn) => { refuse(turn); front("copilot"); ask(turn.prompt); };
  // A question that the page brings along is asked once, as soon as there is a text to ask about.
  useEffect(() => {
    if (!wish?.seq || wish.seq === talk.wished || !doc.ready || !providers?.length || busy) return;
    talk.wished = wish.seq;
    ask(wish.prompt);
  }, [wish?.seq, doc.ready, providers]);
  if (down && !providers) return <section className="cop pad_"><Problem error={down} what="The assistant cannot be asked." retry={reload} /></section>;
  if (!providers) return <section className="cop pad_" aria-busy="true"><div className="sk" style={{ width: "60%" }} /></section>;
  if (!providers.length) {
    return (
      <section className="cop pad_" aria-label="Copilot" data-testid="copilot">
        <h2 className="semi">No provider is configured</h2>
        <p className="mut sm">Copilot asks a language model that you choose. Nothing leaves this server until an administrator names one in the configuration:</p>
        <pre className="sample mono">{SETUP}</pre>
        <p className="mut sm">Known types are openai, deepseek, mistralai, openrouter, ollama, gemini, anthropic, azure-openai, bedrock and googlevertexai. <code className="mono">kestra.ai.enabled: false</code> takes this panel away.</p>
      </section>
    );
  }
  return (
    <section className="cop" aria-label="Copilot" data-testid="copilot">
      <div className="cop-talk" role="log" aria-live="polite">
        {talk.turns.length ? null : (
          <div className="cop-start">
            <p className="mut sm">Say what should change. The answer is shown as a difference in the code; nothing changes before you accept it. {SENT[kind]}</p>
            {STARTERS[kind].map((one) => <button key={one} type="button" className="btn s cop-starter" onClick={() => setText(one)}>{one}</button>)}
          </div>
        )}
        {talk.turns.map((turn, i) => (
          <article key={i} className="cop-turn">
            <p className="cop-ask">{turn.prompt}</p>
            {turn.state === "asked" ? <p className="mut sm row g6" aria-busy="true"><span className="sk" style={{ width: 120 }} />Waiting for the answer …</p> : null}
            {turn.state === "same" ? <p className="mut sm">The answer changes nothing.</p> : null}
            {turn.state === "stopped" ? <p className="mut sm">Stopped.</p> : null}
            {turn.state === "failed" ? <Problem error={turn.error} what="There is no answer." retry={() => ask(turn.prompt)} /> : null}
            {turn.state === "proposed" && turn === open ? <p className="mut sm">The difference stands in the code.</p> : null}
            {turn.state === "proposed" ? (
              <div className="row g6">
                <button type="button" className="btn s pri" disabled={doc.readOnly} onClick={() => accept(turn)} data-testid="copilot-accept"><Icon name="check" />Accept</button>
                <button type="button" className="btn s" onClick={() => refuse(turn)} data-testid="copilot-refuse"><Icon name="x" />Reject</button>
                <button type="button" className="btn s gho" disabled={Boolean(busy)} onClick={() => retry(turn)}><Icon name="refresh-cw" />Retry</button>
              </div>
            ) : null}
            {turn.state === "accepted" ? <p className="fgs ok sm row g4"><Icon name="check" />Accepted. Ctrl Z in the code takes it back.</p> : turn.state === "refused" ? <p className="mut sm">Rejected.</p> : null}
          </article>
        ))}
        <div ref={end} />
      </div>
      <form className="cop-form" onSubmit={(e) => { e.preventDefault(); ask(text); }}>
        <textarea className="inp" rows={3} aria-label="What should change" placeholder="What should change?" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); ask(text); } }} data-testid="copilot-prompt" />
        <div className="row g6">
          {providers.length > 1 ? <select className="btn s" aria-label="Model" value={provider} onChange={(e) => setProvider(e.target.value)} data-testid="copilot-model">{providers.map((one) => <option key={one.id} value={one.isDefault ? "" : one.id}>{one.displayName}</option>)}</select> : <span className="mut sm ell">{providers[0].displayName}</span>}
          <span className="grow" />
          {speech ? <button type="button" className={`ib${speech.on ? " on" : ""}`} aria-pressed={speech.on} aria-label="Speak" title="Speak" onClick={speech.toggle}><Icon name="mic" /></button> : null}
          {busy ? <button type="button" className="btn s" onClick={() => busy.abort()}><Icon name="x" />Stop</button> : <button type="submit" className="btn s pri" disabled={!text.trim()} data-testid="copilot-send"><Icon name="send" />Ask</button>}
        </div>
      </form>
    </section>
  );
}
