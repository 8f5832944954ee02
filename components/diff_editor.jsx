// The difference of two texts, read-only.
import { useEffect, useRef } from "react";
import { useText } from "$/public/external/components/held_texts/held_texts.jsx";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { applyTheme, languageOf, monaco, options } from "$/public/external/components/monaco/monaco.jsx";

// A side that has an address is read by the browser; a pair is shown once both of its sides are there.
export function DiffEditor({ original = "", modified = "", originalUrl = "", modifiedUrl = "", language = "yaml", sideBySide = true, ignoreSpace = false, fold = true, theme, step, onStats }) {
  const host = useRef(null);
  const editor = useRef(null);
  const held = useRef({});
  held.current = { onStats };
  const left = useText(originalUrl);
  const right = useText(modifiedUrl);
  const before = originalUrl ? left.data : original;
  const after = modifiedUrl ? right.data : modified;
  const ready = before !== undefined && after !== undefined && !left.loading && !right.loading;

  useEffect(() => {
    const view = monaco.editor.createDiffEditor(host.current, {
      ...options(), lineNumbersMinChars: 4, readOnly: true, originalEditable: false, renderSideBySide: sideBySide, useInlineViewWhenSpaceIsLimited: true,
      renderSideBySideInlineBreakpoint: 700, ignoreTrimWhitespace: ignoreSpace, hideUnchangedRegions: { enabled: fold, contextLineCount: 3, minimumLineCount: 4, revealLineCount: 20 },
      renderOverviewRuler: false, renderMarginRevertIcon: false, stickyScroll: { enabled: false }, ariaLabel: "Difference",
    });
    editor.current = view;
    host.current.dataset.ready = "true";
    const told = view.onDidUpdateDiff(() => {
      // Monaco forgets labels given at creation with its next change of options.
      view.getOriginalEditor().updateOptions({ ariaLabel: "Before" });
      view.getModifiedEditor().updateOptions({ ariaLabel: "After" });
      const changes = view.getLineChanges() || [];
      const lines = (from, to) => (to ? to - from + 1 : 0);
      held.current.onStats?.({
        added: changes.reduce((n, c) => n + lines(c.modifiedStartLineNumber, c.modifiedEndLineNumber), 0),
        removed: changes.reduce((n, c) => n + lines(c.originalStartLineNumber, c.originalEndLineNumber), 0),
        changes: changes.length,
      });
    });
    return () => {
      told.dispose();
      editor.current = null;
      const pair = view.getModel();
      view.dispose();
      pair?.original.dispose();
      pair?.modified.dispose();
    };
  }, []);

  useEffect(() => {
    if (!ready) return;
    const view = editor.current;
    const old = view.getModel();
    const id = languageOf(language);
    view.setModel({ original: monaco.editor.createModel(before, id), modified: monaco.editor.createModel(after, id) });
    old?.original.dispose();
    old?.modified.dispose();
  }, [ready, before, after, language]);

  useEffect(() => {
    editor.current?.updateOptions({ renderSideBySide: sideBySide, ignoreTrimWhitespace: ignoreSpace, hideUnchangedRegions: { enabled: fold } });
    // Monaco names the two editors only for its screen reader mode.
    editor.current?.getOriginalEditor().updateOptions({ ariaLabel: "Older text" });
    editor.current?.getModifiedEditor().updateOptions({ ariaLabel: "Newer text" });
  }, [sideBySide, ignoreSpace, fold]);
  useEffect(() => { if (theme) requestAnimationFrame(applyTheme); }, [theme]);
  const seen = useRef(step?.seq);
  useEffect(() => {
    if (!step?.seq || step.seq === seen.current) return;
    seen.current = step.seq;
    editor.current?.goToDiff(step.by < 0 ? "previous" : "next");
  }, [step?.seq]);

  const failed = [left, right].find((one) => one.error);
  return (
    <div style={{ height: "100%", display: "flex", flexDirection: "column", minHeight: 0 }}>
      {failed ? <Problem error={failed.error} what="A text could not be loaded." retry={failed.reload} /> : null}
      <div className="fd-code-host" ref={host} style={{ flex: 1 }} data-testid="diff-editor" />
    </div>
  );
}
