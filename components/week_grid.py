"""The starts of all schedules in the days to come, by hour of the reader's zone, and where many meet (UI-AD-01)."""

from __future__ import annotations

import reflex as rx

from components.chart import _TIME
from components.client import SHELL
from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("week_grid.jsx", shared=True)
__all__ = ["GLYPHS", "NET", "SHELL", "_TIME", "WeekGrid", "week_grid"]


class WeekGrid(rx.Component):
    """A grid of days and hours read from ``url``; a change of ``reload`` reads it again."""

    library = _JS.importable_path
    tag = "WeekGrid"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    reload: rx.Var[int]


week_grid = WeekGrid.create
