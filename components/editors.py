"""Who else edits the same flow (``spec/ui.md`` §5.7, UI-ED-62)."""

from __future__ import annotations

import reflex as rx

from components.net import NET

_JS = rx.asset("editors.jsx", shared=True)
_CSS = rx.asset("editors.css", shared=True)
__all__ = ["NET", "Editors", "editors"]


class Editors(rx.Component):
    """Initials of the others who have a flow open; holds the reader's own lease at ``url`` while the tab is seen.

    ``turn`` counts what the stream told about editors: each asks once.
    """

    library = _JS.importable_path
    tag = "Editors"
    url: rx.Var[str]
    dirty: rx.Var[bool]
    turn: rx.Var[int]


editors = Editors.create
