"""The charts of a custom dashboard (``spec/ui.md`` §3; picture 01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.chart import _CSS as _CHART_CSS
from components.chart import _JS as _CHART
from components.chart import _TIME
from components.client import SHELL, WORDS
from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("dashboard_grid.jsx", shared=True)
_CSS = rx.asset("dashboard_grid.css", shared=True)
__all__ = ["GLYPHS", "NET", "SHELL", "WORDS", "_CHART", "_CHART_CSS", "_TIME", "DashboardGrid", "dashboard_grid"]


class DashboardGrid(rx.NoSSRComponent):
    """Charts on twelve columns; each asks ``url`` (POST) for itself when it comes near the view.

    ``cards`` are ``{id, type, title, description, width, broken}``, on wish ``only`` (fields of conditions that it
    takes), ``up`` (legend beside the title), ``counted`` (numbers in it), ``brush``, ``height``, ``to`` and ``all`` (a
    link and its words); the charts are those of the stored ``dashboard``
    or of a YAML ``source``, without both the named ones of
    the API. ``filters`` are the page's conditions, ``range`` an ISO duration or ``{start, end}``.
    A click on a bar leads to the list behind it. When ``editable``, ``on_edit`` gives ``{kind, id, by?, width?}`` with
    kind ``move``, ``place`` (with ``before``), ``width``, ``edit``, ``duplicate`` or ``delete``. ``on_widen`` gives
    a longer range that a reader of an empty chart chose, ``on_range`` ``{from, to}`` of a brush. ``cycle`` is the place
    to go to after ``seconds``.
    """

    library = _JS.importable_path
    tag = "DashboardGrid"
    lib_dependencies: list[str] = ["plotly.js-basic-dist-min@4.1.1", ICONS]
    cards: rx.Var[list[dict[str, Any]]]
    url: rx.Var[str]
    dashboard: rx.Var[str]
    source: rx.Var[str]
    filters: rx.Var[list[dict[str, str]]]
    range: rx.Var[Any]
    reload: rx.Var[int]
    editable: rx.Var[bool]
    cycle: rx.Var[str]
    seconds: rx.Var[int]
    on_widen: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_range: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_edit: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


dashboard_grid = DashboardGrid.create
