"""The panels of the editor and their tool bar (``spec/ui.md`` §5.1, UI-ED-01 to UI-ED-03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("workbench.jsx", shared=True)
_CSS = rx.asset("workbench.css", shared=True)
__all__ = ["GLYPHS", "NET", "panel_toggles", "workbench"]


class PanelToggles(rx.Component):
    """One toggle a panel and the menu of layouts; acts on the page's workbench. ``panels``: ``{id, title, icon}``."""

    library = _JS.importable_path
    tag = "PanelToggles"
    lib_dependencies: list[str] = [ICONS]
    panels: rx.Var[list[dict[str, str]]]


class Workbench(rx.Component):
    """Panels side by side, one child a panel in the order of ``panels``; one workbench a page.

    ``layout`` is a list of columns ``{w, cells: [{h, tabs, on}]}`` and is read once; ``on_layout`` gives the one
    that the user made, and the first one. ``show`` (``{seq, panel}``) opens a panel.
    The child of ``stay`` is mounted even while its panel is closed.
    """

    library = _JS.importable_path
    tag = "Workbench"
    lib_dependencies: list[str] = [ICONS]
    panels: rx.Var[list[dict[str, str]]]
    layout: rx.Var[list[dict[str, Any]]]
    stay: rx.Var[str]
    show: rx.Var[dict[str, Any]]
    on_layout: rx.EventHandler[rx.event.passthrough_event_spec(list[dict[str, Any]])]


panel_toggles = PanelToggles.create
workbench = Workbench.create
