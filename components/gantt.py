"""Gantt chart of one execution's task runs (``spec/ui.md`` §8.3, picture 05)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.stream import STREAM

_JS = rx.asset("gantt.jsx", shared=True)
_CSS = rx.asset("gantt.css", shared=True)
__all__ = ["GLYPHS", "NET", "STREAM", "Gantt", "gantt"]


class Gantt(rx.NoSSRComponent):
    """Rows by ``GET {C}/executions/{id}/taskruns`` and the tab's stream; a virtual list, a tree by keyboard.

    ``on_select`` gives the id of a task run, ``on_open_logs`` too (Enter or double click). The chart fills the
    height of its parent.
    """

    library = _JS.importable_path
    tag = "Gantt"
    lib_dependencies: list[str] = [ICONS]
    execution: rx.Var[str]
    rows_url: rx.Var[str]
    baselines_url: rx.Var[str]
    critical_path_url: rx.Var[str]
    selected: rx.Var[str]
    expanded: rx.Var[list[str]]
    zone: rx.Var[str]
    toolbar: rx.Var[bool]
    on_select: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_open_logs: rx.EventHandler[rx.event.passthrough_event_spec(str)]


gantt = Gantt.create
