"""Charts by the basic bundle of Plotly, loaded after the first paint (``ui-mock/README.md`` §7, picture 01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("chart.jsx", shared=True)
_CSS = rx.asset("chart.css", shared=True)
_TIME = rx.asset("chart_time.jsx", shared=True)
__all__ = ["GLYPHS", "NET", "Chart", "chart"]


class Chart(rx.NoSSRComponent):
    """A Plotly figure, given or read from ``figure_url`` (POST of ``body`` when there is one, else GET).

    Instants (ISO, UTC) are written in the reader's zone; events give them in UTC. Colours in the figure are token
    names (``ok-solid``, ``fg``), resolved for the theme. ``on_range`` gives ``{from, to}`` of a brush over the x axis
    (``""`` both when it is cleared), ``on_point`` ``{x, y, name}`` of a click. ``label`` is the name of the chart for
    readers; the table form holds the same numbers. ``reload`` is any number; a change reads the figure again.
    """

    library = _JS.importable_path
    tag = "Chart"
    lib_dependencies: list[str] = ["plotly.js-basic-dist-min@4.1.1", ICONS]
    figure: rx.Var[dict[str, Any]]
    figure_url: rx.Var[str]
    body: rx.Var[dict[str, Any]]
    height: rx.Var[int]
    label: rx.Var[str]
    table: rx.Var[bool]
    legend: rx.Var[bool]
    reload: rx.Var[int]
    range_from: rx.Var[str]
    range_to: rx.Var[str]
    on_range: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_point: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


chart = Chart.create
