// The difference of two texts, read-only.
import { useEffect, useRef } from "react";
import { applyTheme, languageOf, monaco, options } from "$/public/external/components/monaco/monaco.jsx";

export function DiffEditor({ original = "", modified = "", language = "yaml", sideBySide = true, ignoreSpace = false, fold = true, theme, step, onStats }) {
  const host = useRef(null);
  const editor = useRef(null);
  const held = useRef({});
  held.current = { onStats };

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
    const view = editor.current;
    const old = view.getModel();
    const id = languageOf(language);
    view.setModel({ original: monaco.editor.createModel(original, id), modified: monaco.editor.createModel(modified, id) });
    old?.original.dispose();
    old?.modified.dispose();
  }, [original, modified, language]);

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

  return <div className="fd-code-host" ref={host} data-testid="diff-editor" />;
}
