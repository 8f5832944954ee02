"""Three texts beside each other: theirs, the common one, mine (``spec/ui.md`` §5.7, UI-ED-61)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.held_texts import HELD

_JS = rx.asset("three_way.jsx", shared=True)
_RULES = rx.asset("three_way.mjs", shared=True)
_CSS = rx.asset("three_way.css", shared=True)
__all__ = ["GLYPHS", "HELD", "ThreeWay", "three_way"]


class ThreeWay(rx.Component):
    """What two authors made of one text; lines that both changed let one choose a side.

    The three are named by their addresses, paths of the API or ``held(…)``. ``on_merge`` tells that the text with the
    changes of both is held as ``merged`` of ``doc_uri``.
    """

    library = _JS.importable_path
    tag = "ThreeWay"
    lib_dependencies: list[str] = [ICONS]
    doc_uri: rx.Var[str]
    base_url: rx.Var[str]
    theirs_url: rx.Var[str]
    mine_url: rx.Var[str]
    their_name: rx.Var[str]
    base_name: rx.Var[str]
    mine_name: rx.Var[str]
    on_merge: rx.EventHandler[rx.event.no_args_event_spec]


three_way = ThreeWay.create
