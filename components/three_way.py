"""Three texts beside each other: theirs, the common one, mine (``spec/ui.md`` §5.7, UI-ED-61)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS

_JS = rx.asset("three_way.jsx", shared=True)
_RULES = rx.asset("three_way.mjs", shared=True)
_CSS = rx.asset("three_way.css", shared=True)
__all__ = ["GLYPHS", "ThreeWay", "three_way"]


class ThreeWay(rx.Component):
    """What two authors made of ``base``; lines that both changed let one choose a side.

    ``on_merge`` gives the text that has the changes of both.
    """

    library = _JS.importable_path
    tag = "ThreeWay"
    lib_dependencies: list[str] = [ICONS]
    base: rx.Var[str]
    theirs: rx.Var[str]
    mine: rx.Var[str]
    their_name: rx.Var[str]
    base_name: rx.Var[str]
    mine_name: rx.Var[str]
    on_merge: rx.EventHandler[rx.event.passthrough_event_spec(str)]


three_way = ThreeWay.create
