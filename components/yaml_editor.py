"""YAML editor with schema, server validation and drafts (``spec/ui.md`` §5.2, §5.3, §5.7, picture 03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.diff_editor import DiffEditor
from components.glyphs import GLYPHS, ICONS
from components.monaco import MONACO, PACKAGES
from components.net import NET
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("yaml_editor.jsx", shared=True)
_PATHS = rx.asset("yaml_paths.jsx", shared=True)
_HELP = rx.asset("yaml_help.jsx", shared=True)
_AID = rx.asset("yaml_aid.jsx", shared=True)
_DRAFTS = rx.asset("drafts.jsx", shared=True)
_EMBEDDED = rx.asset("yaml_embedded.jsx", shared=True)
_VIM = rx.asset("yaml_vim.jsx", shared=True)
_VIM_TEXT = rx.asset("yaml_vim_text.jsx", shared=True)
VIM = "@replit/codemirror-vim-core@0.1.0"
"""The engine of Vim keys; in a piece of its own that the browser loads when the setting is on."""
_PROPOSAL = rx.asset("yaml_proposal.jsx", shared=True)
__all__ = ["DOCUMENT", "GLYPHS", "MONACO", "NET", "DiffEditor", "YamlEditor", "yaml_editor"]


class YamlEditor(rx.NoSSRComponent):
    """Monaco for one YAML document.

    ``value`` is applied when it differs from what the editor itself reported; the text is reported by ``on_save``
    (Ctrl S) and, if bound, 300 ms after the last key by ``on_change``. While typing only ``on_dirty``,
    ``on_markers`` (``{line, column, endLine, endColumn, message, severity, source, rule}``) and ``on_cursor``
    (``{line, column, path, type}``) speak. ``draft_key`` keeps unsaved text in localStorage and, with
    ``draft_url``, on the server (``base_revision`` is what it began with); a kept text is offered by
    ``on_draft({text, saved, revision, elsewhere})``, ``on_kept`` tells when one was kept ("": none). ``fixed``
    (``namespace/id``) marks the names that stay; ``on_moved`` gives others that stand there. ``command`` ({seq, kind,
    …}; kinds ``reveal``, ``insert``, ``replace``, ``forget`` (the draft), ``keep`` (a text as draft), ``hand`` (the
    text by ``on_save``), ``names`` (put the fixed ones back), ``undo``, ``find``, ``format``, ``outline``, ``save``)
    acts on the editor. ``vim`` gives it Vim keys; ``:w`` saves.

    ``api`` (``/api/v1/{tenant}``) lets completion and hover know the instance and the last run. A press beside a task
    marks a breakpoint (``on_breakpoints`` gives all ids) or, where ``playable``, runs it (``on_run``). Other panels
    find the document by ``doc_uri`` (``yaml_document.jsx``); what one of them proposes for it is shown as a difference
    in the place of the text.
    """

    library = _JS.importable_path
    tag = "YamlEditor"
    lib_dependencies: list[str] = [*PACKAGES, PACKAGE, ICONS, VIM]
    doc_uri: rx.Var[str]
    value: rx.Var[str]
    schema_url: rx.Var[str]
    validate_url: rx.Var[str]
    read_only: rx.Var[bool]
    theme: rx.Var[str]
    markers: rx.Var[list[dict[str, Any]]]
    breakpoints: rx.Var[list[str]]
    playable: rx.Var[bool]
    api: rx.Var[str]
    draft_key: rx.Var[str]
    draft_url: rx.Var[str]
    base_revision: rx.Var[int]
    fixed: rx.Var[str]
    command: rx.Var[dict[str, Any]]
    wrap: rx.Var[bool]
    minimap: rx.Var[bool]
    vim: rx.Var[bool]
    on_dirty: rx.EventHandler[rx.event.passthrough_event_spec(bool)]
    on_save: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_markers: rx.EventHandler[rx.event.passthrough_event_spec(list[dict[str, Any]])]
    on_cursor: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_change: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_breakpoints: rx.EventHandler[rx.event.passthrough_event_spec(list[str])]
    on_run: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_kept: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_moved: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_draft: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


yaml_editor = YamlEditor.create
