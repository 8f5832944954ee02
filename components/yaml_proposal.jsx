// A proposed text as difference, in the place of the text that it would change (UI-ED-54).
import { useState } from "react";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { DiffEditor } from "$/public/external/components/diff_editor/diff_editor.jsx";
import { documentOf, useDocument } from "$/public/external/components/yaml_document/yaml_document.jsx";

export function Proposal({ docUri, given, theme }) {
  const doc = useDocument(docUri);
  const [stats, setStats] = useState(null);
  const then = (what) => () => { what(); documentOf(docUri).editor?.view.focus(); };
  return (
    <section className="fd-proposal" aria-label="Proposed change" data-testid="copilot-diff">
      <DiffEditor original={doc.text} modified={given.text} language="yaml" sideBySide={false} theme={theme} onStats={setStats} />
      <div className="fd-proposal-bar" role="group" aria-label="What to do with the proposal">
        <span className="xs mut num grow" role="status">{stats ? `+${stats.added} −${stats.removed}` : ""}</span>
        <button type="button" className="btn s pri" disabled={doc.readOnly} onClick={then(given.accept)} data-testid="proposal-accept"><Icon name="check" />Accept</button>
        <button type="button" className="btn s" onClick={then(given.refuse)} data-testid="proposal-refuse"><Icon name="x" />Reject</button>
        <button type="button" className="btn s gho" onClick={then(given.retry)} data-testid="proposal-retry"><Icon name="refresh-cw" />Retry</button>
      </div>
    </section>
  );
}
