"""Forms over the YAML of an editor (``spec/ui.md`` §5.4, UI-ED-30 to UI-ED-34, picture 20)."""

from __future__ import annotations

import reflex as rx

from components.client import BRIDGE, OVERLAY
from components.execute_form import ExecuteForm
from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.yaml_document import DOCUMENT, PACKAGE
from components.yaml_editor import YamlEditor

_JS = rx.asset("no_code.jsx", shared=True)
_FIELDS = rx.asset("no_code_fields.jsx", shared=True)
_INPUTS = rx.asset("no_code_inputs.jsx", shared=True)
_CATALOGUE = rx.asset("no_code_catalogue.jsx", shared=True)
_CSS = rx.asset("no_code.css", shared=True)
__all__ = ["BRIDGE", "DOCUMENT", "GLYPHS", "NET", "OVERLAY", "ExecuteForm", "NoCode", "YamlEditor", "no_code"]


class NoCode(rx.NoSSRComponent):
    """Blocks, lists and forms of the flow in the ``yaml_editor`` with the same ``doc_uri``, which must be mounted.

    Each change is an edit of the touched node alone, in the editor's own undo history. ``existing`` locks id and
    namespace; ``playground`` shows Play beside tasks. ``on_type`` gives the type of the open element (for the
    documentation), ``on_run`` the id of a task to play.
    """

    library = _JS.importable_path
    tag = "NoCode"
    lib_dependencies: list[str] = [ICONS, PACKAGE]
    doc_uri: rx.Var[str]
    schema_url: rx.Var[str]
    api: rx.Var[str]
    existing: rx.Var[bool]
    playground: rx.Var[bool]
    on_type: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_run: rx.EventHandler[rx.event.passthrough_event_spec(str)]


no_code = NoCode.create
