"""What a namespace offers and blueprints, beside the editor (``spec/ui.md`` UI-ED-51, UI-ED-53, §12 embedded)."""

from __future__ import annotations

import reflex as rx

from components.client import BRIDGE
from components.flow_source import STARTERS
from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("context_panel.jsx", shared=True)
_CSS = rx.asset("context_panel.css", shared=True)
__all__ = ["BRIDGE", "DOCUMENT", "GLYPHS", "NET", "STARTERS", "blueprint_panel", "namespace_context"]


class _Panel(rx.NoSSRComponent):
    library = _JS.importable_path
    lib_dependencies: list[str] = [PACKAGE, ICONS]
    api: rx.Var[str]
    doc_uri: rx.Var[str]


class NamespaceContext(_Panel):
    """Variables, KV pairs, names of secrets and plugin defaults, each to copy as expression; a box renders one."""

    tag = "NamespaceContext"
    namespace: rx.Var[str]
    flow: rx.Var[str]


class BlueprintPanel(_Panel):
    """Search, read, copy, insert the tasks, or replace the text (asks while ``dirty``).

    The names of a stored flow, ``fixed`` (``namespace/id``), stay.
    """

    tag = "BlueprintPanel"
    dirty: rx.Var[bool]
    fixed: rx.Var[str]


namespace_context = NamespaceContext.create
blueprint_panel = BlueprintPanel.create
