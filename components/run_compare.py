"""Two executions side by side (UI-XP-90, picture 18)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("run_compare.jsx", shared=True)
_CSS = rx.asset("run_compare.css", shared=True)
__all__ = ["GLYPHS", "NET", "RunCompare", "run_compare"]


class RunCompare(rx.NoSSRComponent):
    """Heads, where they part, paired durations, values and the log of one task run.

    Reads ``url`` (``console/executions/compare``) and ``…/logs`` below it; ``search_url`` finds executions to choose.
    ``on_pick`` gives the ids of both, ``{a, b}``, after *Swap* or a choice.
    """

    library = _JS.importable_path
    tag = "RunCompare"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    search_url: rx.Var[str]
    a: rx.Var[str]
    b: rx.Var[str]
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, str])]


run_compare = RunCompare.create
