"""The assistant beside the code of an editor (``spec/ui.md`` §5.6, UI-ED-54)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.workbench import Workbench
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("copilot.jsx", shared=True)
_CSS = rx.asset("copilot.css", shared=True)
__all__ = ["DOCUMENT", "GLYPHS", "NET", "Copilot", "Workbench", "copilot"]


class Copilot(rx.NoSSRComponent):
    """Questions about the text of ``doc_uri``; its editor shows a proposal as difference to accept or refuse.

    ``api`` is ``/api/v1/{tenant}``; ``kind`` is ``flow`` or ``dashboard``. ``wish`` (``{seq, prompt}``) is asked
    at once. Without a provider it says how to name one. A page without a workbench binds ``on_front`` and, where there
    is room for one alone, brings the panel that it names to the front: ``code`` or ``copilot``.
    """

    library = _JS.importable_path
    tag = "Copilot"
    lib_dependencies: list[str] = [PACKAGE, ICONS]
    api: rx.Var[str]
    doc_uri: rx.Var[str]
    namespace: rx.Var[str]
    kind: rx.Var[str]
    wish: rx.Var[dict[str, Any]]
    on_front: rx.EventHandler[rx.event.passthrough_event_spec(str)]


copilot = Copilot.create
