// A conflict: their text, the one that both began with, mine; and what both changes together would be (UI-ED-61).
import { useMemo, useState } from "react";
import { Icon, Problem, plural } from "$/public/external/components/glyphs/glyphs.jsx";
import { hold, useText } from "$/public/external/components/held_texts/held_texts.jsx";
import { merged, pieces } from "./three_way.mjs";
import "./three_way.css";

const EDGE = 2; // equal lines that are seen around a change
const MOST = 300; // lines of a piece that are drawn

function Lines({ list, at, kind, mark = "" }) {
  return (
    <pre className={kind ? `tw-l ${kind}` : "tw-l"}>
      {list.slice(0, MOST).map((line, i) => <span key={i}><i aria-hidden="true">{at ? at + i : ""}</i><b aria-hidden="true">{mark}</b>{line || " "}{"\n"}</span>)}
      {list.length > MOST ? <span className="faint">{plural(list.length - MOST, "more line")}{"\n"}</span> : null}
    </pre>
  );
}

// The texts are named, not given: the browser reads them, and keeps what both changes make as the document's `merged`.
export function ThreeWay({ docUri, baseUrl, theirsUrl, mineUrl, onMerge, ...names }) {
  const sides = [useText(baseUrl), useText(theirsUrl), useText(mineUrl)];
  const failed = sides.find((one) => one.error);
  if (failed) return <Problem error={failed.error} what="A text could not be loaded." retry={failed.reload} />;
  const [base, theirs, mine] = sides.map((one) => one.data);
  if ([base, theirs, mine].includes(undefined)) return <section className="tw" aria-busy="true" />;
  return <Texts {...names} base={base} theirs={theirs} mine={mine} onMerge={onMerge && ((text) => { hold(docUri, "merged", text); onMerge(); })} />;
}

function Texts({ base, theirs, mine, theirName = "Theirs", baseName = "Before", mineName = "Yours", onMerge }) {
  const list = useMemo(() => pieces(base, theirs, mine), [base, theirs, mine]);
  const [picks, setPicks] = useState({});
  const [open, setOpen] = useState({});
  const conflicts = list.filter((one) => one.kind === "conflict").length;
  const changed = list.filter((one) => one.kind !== "equal").length;
  const starts = { theirs: 1, mine: 1 };
  const rows = list.map((one, i) => {
    const at = { theirs: starts.theirs, mine: starts.mine };
    starts.theirs += one.theirs.length;
    starts.mine += one.mine.length;
    if (one.kind === "equal") {
      const [top, bottom] = [i ? EDGE : 0, i < list.length - 1 ? EDGE : 0];
      const hidden = one.base.length - top - bottom;
      const part = (from, to) => (to > from ? <div key={`${i}-${from}`} className="tw-r"><Lines list={one.theirs.slice(from, to)} at={at.theirs + from} /><Lines list={one.base.slice(from, to)} at={one.at + from} /><Lines list={one.mine.slice(from, to)} at={at.mine + from} /></div> : null);
      if (hidden < 2 || open[i]) return part(0, one.base.length);
      return [part(0, top), <button key={i} type="button" className="tw-f" onClick={() => setOpen({ ...open, [i]: true })}><Icon name="rows-3" size={12} />{plural(hidden, "equal line")}</button>, part(one.base.length - bottom, one.base.length)];
    }
    const pick = picks[i] || "mine";
    const side = (name) => ({ theirs: { theirs: "add", base: "del", mine: "" }, mine: { theirs: "", base: "del", mine: "add" }, both: { theirs: "add", base: "del", mine: "add" }, conflict: { theirs: pick === "theirs" ? "clash on" : "clash", base: "del", mine: pick === "mine" ? "clash on" : "clash" } })[one.kind][name];
    return (
      <div key={i} className={`tw-r ${one.kind}`} data-testid={`three-way-${one.kind}`}>
        {one.kind === "conflict" && onMerge ? (
          <div className="tw-c" role="group" aria-label="Both changed these lines">
            <Icon name="triangle-alert" size={12} /><span className="grow">Both changed these lines</span>
            <div className="seg">
              {[["theirs", "Theirs"], ["mine", "Yours"]].map(([which, word]) => <button key={which} type="button" className={pick === which ? "on" : ""} aria-pressed={pick === which} onClick={() => setPicks({ ...picks, [i]: which })} data-testid={`three-way-pick-${which}`}>{word}</button>)}
            </div>
          </div>
        ) : null}
        <Lines list={one.theirs} at={at.theirs} kind={side("theirs")} mark={side("theirs") ? "+" : ""} />
        <Lines list={one.base} at={one.at} kind={side("base")} mark="−" />
        <Lines list={one.mine} at={at.mine} kind={side("mine")} mark={side("mine") ? "+" : ""} />
      </div>
    );
  });
  return (
    <section className="tw" aria-label="Three texts beside each other" data-testid="three-way">
      <div className="tw-h"><span className="ell" title={theirName}>{theirName}</span><span className="ell" title={baseName}>{baseName}</span><span className="ell" title={mineName}>{mineName}</span></div>
      <div className="tw-b" tabIndex={0} role="group" aria-label="Lines">{changed ? rows : <p className="mut sm" style={{ padding: 16 }}>Both texts are the same.</p>}</div>
      {onMerge && changed ? (
        <div className="tw-m">
          <span className="sm mut grow">{conflicts ? plural(conflicts, "place", "places") + " changed by both" : "The changes do not touch each other"}</span>
          <button type="button" className="btn s" onClick={() => onMerge(merged(list, picks))} data-testid="conflict-merge"><Icon name="check" />Keep both changes</button>
        </div>
      ) : null}
    </section>
  );
}
