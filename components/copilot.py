"""The assistant beside the code of an editor (``spec/ui.md`` §5.6, UI-ED-54)."""

from __future__ import annotations

import reflex as rx

from components.diff_editor import DiffEditor
from components.glyphs import GLYPHS, ICONS
from components.monaco import PACKAGES
from components.net import NET
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("copilot.jsx", shared=True)
_CSS = rx.asset("copilot.css", shared=True)
__all__ = ["DOCUMENT", "GLYPHS", "NET", "Copilot", "DiffEditor", "copilot"]


class Copilot(rx.NoSSRComponent):
    """Questions about the text of ``doc_uri``; proposals as differences that are accepted into the editor or refused.

    ``api`` is ``/api/v1/{tenant}``; ``kind`` is ``flow`` or ``dashboard``. Without a provider it says how to name one.
    """

    library = _JS.importable_path
    tag = "Copilot"
    lib_dependencies: list[str] = [*PACKAGES, PACKAGE, ICONS]
    api: rx.Var[str]
    doc_uri: rx.Var[str]
    namespace: rx.Var[str]
    kind: rx.Var[str]


copilot = Copilot.create
