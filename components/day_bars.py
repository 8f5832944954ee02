"""Executions of a flow by day as bars (UI-FL-01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS

_JS = rx.asset("day_bars.jsx", shared=True)
__all__ = ["GLYPHS", "DayBars", "day_bars"]


class DayBars(rx.NoSSRComponent):
    """Own SVG. ``days`` is ``[{day, total, durationMs, states}, …]`` as ``flows/days`` answers, without empty days.

    Height is the number of executions on the flow's own scale, stacked by state. ``on_pick`` gives a day.
    """

    library = _JS.importable_path
    tag = "DayBars"
    lib_dependencies: list[str] = [ICONS]
    days: rx.Var[list[dict[str, Any]]]
    length: rx.Var[int]
    height: rx.Var[int]
    label: rx.Var[str]
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(str)]


day_bars = DayBars.create
