"""Executions by day and hour, with the scheduled ones to come (UI-EX-07)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("run_calendar.jsx", shared=True)
_CSS = rx.asset("run_views.css", shared=True)
__all__ = ["GLYPHS", "NET", "RunCalendar", "run_calendar"]


class RunCalendar(rx.NoSSRComponent):
    """A heat map in the reader's zone over ``url`` (``console/executions/calendar``); a cell leads to its executions.

    A change of ``reload`` reads again.
    """

    library = _JS.importable_path
    tag = "RunCalendar"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    reload: rx.Var[int]


run_calendar = RunCalendar.create
