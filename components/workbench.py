"""The panels of the editor and their tool bar (``spec/ui.md`` §5.1, UI-ED-01 to UI-ED-03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("workbench.jsx", shared=True)
_CSS = rx.asset("workbench.css", shared=True)
__all__ = ["GLYPHS", "NET", "panel_toggles", "workbench"]


def _arranged(
    layout: rx.Var[list[dict[str, Any]]], turn: rx.Var[int]
) -> tuple[rx.Var[list[dict[str, Any]]], rx.Var[int]]:
    return layout, turn


class PanelToggles(rx.Component):
    """One toggle a panel and the menu of layouts; acts on the page's workbench. ``panels``: ``{id, title, icon}``."""

    library = _JS.importable_path
    tag = "PanelToggles"
    lib_dependencies: list[str] = [ICONS]
    panels: rx.Var[list[dict[str, str]]]


class Workbench(rx.Component):
    """Panels side by side, one child a panel in the order of ``panels``; one workbench a page.

    ``layout`` is a list of columns ``{w, cells: [{h, tabs, on}]}`` and is read once a ``turn``; ``on_layout`` gives the
    one that the user made, and the first one, with the turn in which it was made. ``show`` (``{seq, panel}``) opens a
    panel; ``front`` is seen first where there is room for one alone, and is read once a ``turn``. The child of ``stay``
    is mounted even while its panel is closed.
    """

    library = _JS.importable_path
    tag = "Workbench"
    lib_dependencies: list[str] = [ICONS]
    panels: rx.Var[list[dict[str, str]]]
    layout: rx.Var[list[dict[str, Any]]]
    turn: rx.Var[int]
    stay: rx.Var[str]
    show: rx.Var[dict[str, Any]]
    front: rx.Var[str]
    on_layout: rx.EventHandler[_arranged]


panel_toggles = PanelToggles.create
workbench = Workbench.create
