// What the menu of the editor does to the text: add a trigger or an error handler, what the flow says of itself, its address (UI-ED-65).
import { useEffect, useRef, useState } from "react";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { copyText, toast } from "$/public/external/components/client/bridge.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { documentOf, edit, sourceOf } from "$/public/external/components/yaml_document/yaml_document.jsx";
import * as Y from "$/public/external/components/yaml_document/yaml_edit.mjs";
import { loadSchema } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";
import { Catalogue } from "$/public/external/components/no_code/no_code_catalogue.jsx";
import { seed } from "$/public/external/components/no_code/no_code_fields.jsx";

const LISTS = { trigger: "triggers", error: "errors" };
const TITLES = { trigger: "Add a trigger", error: "Add an error handler" };
const KINDS = { trigger: "trigger", error: "task" };
const asRows = (labels) => (Array.isArray(labels) ? labels.map((one) => [String(one?.key ?? ""), String(one?.value ?? "")]) : Object.entries(labels || {}).map(([k, v]) => [k, String(v ?? "")]));

export function FlowActions({ docUri, schemaUrl, command }) {
  const [adding, setAdding] = useState("");
  const [definitions, setDefinitions] = useState(null);
  const [about, setAbout] = useState(null); // {description, labels: [[key, value]], list}
  const seen = useRef(command?.seq);
  const source = () => {
    const now = sourceOf(docUri);
    if (!now || now.error) { toast({ level: "warning", title: "Not changed", text: "The text cannot be read as YAML. Mend it first." }); return null; }
    return now;
  };
  const change = (make, at, wanted) => {
    const now = source();
    if (!now) return false;
    try {
      const edits = make(now);
      if (edits.length && !Y.holds(now, edits, at, wanted)) throw new Error("This text is written in a way that cannot be edited safely. Change it in the code.");
      return edit(docUri, edits, undefined) || !edits.length;
    } catch (error) {
      toast({ level: "warning", title: "Not changed", text: error.message });
      return false;
    }
  };
  useEffect(() => {
    if (!command?.seq || command.seq === seen.current) return;
    seen.current = command.seq;
    if (command.kind === "link") {
      const line = documentOf(docUri).cursor.line;
      const place = `${location.origin}${location.pathname}${line > 1 ? `?line=${line}` : ""}`;
      copyText(place).then((done) => toast(done ? { level: "success", title: "Link copied", text: line > 1 ? `It opens line ${line}.` : "" } : { level: "warning", title: "The browser refused to copy", text: place }));
    } else if (command.kind === "about") {
      const now = source();
      const flow = now && Y.valueOf(now);
      if (flow) setAbout({ description: String(flow.description ?? ""), labels: asRows(flow.labels), list: Array.isArray(flow.labels) });
    } else if (LISTS[command.kind] && source()) {
      loadSchema(schemaUrl).then((schema) => { setDefinitions(schema.definitions || {}); setAdding(command.kind); }, (error) => toast({ level: "error", title: "The types could not be read", text: error.message }));
    }
  }, [command?.seq]);

  const pick = (type) => {
    const kind = adding;
    setAdding("");
    const now = source();
    if (!now) return;
    const list = LISTS[kind];
    const flow = Y.valueOf(now);
    const { type: _, id: __, ...rest } = seed({ $ref: `#/definitions/${KINDS[kind]}` }, definitions, type);
    const wish = type.split(".").pop().replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
    const made = { id: Y.freeId(flow, wish), type, ...rest };
    const index = (Y.valueAt(now, [list]) || []).length;
    if (!change((n) => Y.insert(n, [list], index, made), [list, index], made)) return;
    setTimeout(() => { const line = Y.lineOf(sourceOf(docUri), [list, index]); if (line) documentOf(docUri).editor?.reveal({ line }); }, 0);
  };
  const put = () => {
    const labels = about.labels.filter(([k]) => k.trim());
    const now = source();
    const flow = now && Y.valueOf(now);
    if (!flow) return;
    const text = about.description;
    let done = true;
    if (text !== String(flow.description ?? "")) done = change((n) => (text ? Y.set(n, ["description"], text, Y.TOP) : Y.remove(n, ["description"])), text ? ["description"] : [], text || undefined);
    if (done && JSON.stringify(labels) !== JSON.stringify(asRows(flow.labels))) {
      const value = about.list ? labels.map(([key, v]) => ({ key, value: v })) : Object.fromEntries(labels);
      done = change((n) => (labels.length ? Y.set(n, ["labels"], value, Y.TOP) : Y.remove(n, ["labels"])), labels.length ? ["labels"] : [], labels.length ? value : undefined);
    }
    if (done) setAbout(null);
  };
  const label = (i, part, value) => setAbout({ ...about, labels: about.labels.map((one, n) => (n === i ? (part ? [one[0], value] : [value, one[1]]) : one)) });
  const twice = about ? about.labels.map(([k]) => k.trim()).filter((k, i, all) => k && all.indexOf(k) !== i) : [];
  return (
    <>
      <Catalogue open={Boolean(adding)} kind={KINDS[adding] || "task"} definitions={definitions || {}} title={TITLES[adding]} onPick={pick} onClose={() => setAdding("")} />
      <Dialog open={Boolean(about)} title="What the flow says of itself" width={560} onClose={() => setAbout(null)} testid="about-dialog">
        {about ? (
          <div className="dbody">
            <label className="fld"><span>Description, in Markdown</span><textarea className="inp" rows={6} data-autofocus="true" value={about.description} onChange={(e) => setAbout({ ...about, description: e.target.value })} data-testid="about-description" /></label>
            <div className="fld" role="group" aria-label="Labels">
              <span>Labels</span>
              {about.labels.map(([k, v], i) => (
                <div className="row g6" key={i}>
                  <input className="inp mono grow" value={k} placeholder="key" aria-label="Key of the label" aria-invalid={twice.includes(k.trim()) || undefined} onChange={(e) => label(i, 0, e.target.value)} data-testid="about-label-key" />
                  <input className="inp mono grow" value={v} placeholder="value" aria-label="Value of the label" onChange={(e) => label(i, 1, e.target.value)} data-testid="about-label-value" />
                  <button type="button" className="ib" aria-label={`Remove the label ${k}`} onClick={() => setAbout({ ...about, labels: about.labels.filter((_, n) => n !== i) })}><Icon name="x" /></button>
                </div>
              ))}
              <span><button type="button" className="btn s" onClick={() => setAbout({ ...about, labels: [...about.labels, ["", ""]] })} data-testid="about-label-add"><Icon name="plus" />Add a label</button></span>
              {twice.length ? <p className="fgs bad sm" role="alert">A key stands twice: {twice[0]}</p> : null}
            </div>
          </div>
        ) : null}
        <div className="df"><span className="sm mut">Written into the text; saved with it.</span><span className="grow" /><button type="button" className="btn" onClick={() => setAbout(null)}>Cancel</button><button type="button" className="btn pri" data-primary="true" disabled={twice.length > 0} onClick={put} data-testid="about-apply">Apply</button></div>
      </Dialog>
    </>
  );
}
