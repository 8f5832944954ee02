"""What surrounds every page: progress, tooltips, folding actions, banners, help, tours (`spec` UI-SH, UI-AC-21)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import OVERLAY, SHELL
from components.net import NET

_CHROME = rx.asset("chrome.jsx", shared=True)
_HELP = rx.asset("help.jsx", shared=True)
_TOUR = rx.asset("tour.jsx", shared=True)
__all__ = ["NET", "OVERLAY", "SHELL"]


class _Chrome(rx.Component):
    library = _CHROME.importable_path


class Progress(_Chrome):
    """The thin bar at the top, after 150 ms of `loading` or of requests under way."""

    tag = "Progress"
    loading: rx.Var[bool]


class Tooltips(_Chrome):
    """Shows `title`s as layers of its own: on focus too, closed by Escape (UI-A11-03)."""

    tag = "Tooltips"


class TopActions(_Chrome):
    """Actions of the top bar; below 1024 px they fold into a menu, all but the primary one (UI-SH-14)."""

    tag = "TopActions"


class TabStrip(_Chrome):
    """The row of an entity's tabs; shows the open one where there is no room for all."""

    tag = "TabStrip"
    label: rx.Var[str]


class Banner(_Chrome):
    """A line below the top bar; can be dismissed for the session unless its level is `error` (UI-SH-19)."""

    tag = "Banner"
    shown: rx.Var[bool]
    name: rx.Var[str]
    level: rx.Var[str]
    title: rx.Var[str]
    text: rx.Var[str]


class Maintenance(_Chrome):
    """The banner of the maintenance mode, which begins and ends while people work."""

    tag = "Maintenance"


class Notices(_Chrome):
    """The browser's notification at the end of what the reader started (UI-ST-01)."""

    tag = "Notices"


class HelpMenu(rx.Component):
    """The help of the context bar; `links` of the installation are `{title, url}` (UI-SH-17)."""

    library = _HELP.importable_path
    tag = "HelpMenu"
    links: rx.Var[list[dict[str, str]]]


class HelpItems(rx.Component):
    """The same entries within another menu."""

    library = _HELP.importable_path
    tag = "HelpItems"
    links: rx.Var[list[dict[str, str]]]


class ReportDialog(rx.Component):
    """Facts for whoever runs the server."""

    library = _HELP.importable_path
    tag = "ReportDialog"
    version: rx.Var[str]


class Tour(rx.Component):
    """The guided tour that is under way, if one is (UI-AC-21)."""

    library = _TOUR.importable_path
    tag = "Tour"


class TourChoice(rx.Component):
    """The tours to choose from."""

    library = _TOUR.importable_path
    tag = "TourChoice"


def allowed(*children: Any, needs: str, namespace: Any = "") -> rx.Component:
    """Show children only to readers with a right (`FLOW:UPDATE`, several with `|`: one is enough) on a namespace."""
    return Allowed.create(*children, needs=needs, namespace=namespace)


def unless_allowed(*children: Any, needs: str, namespace: Any = "") -> rx.Component:
    """Show children only to readers without a right: what stands in the place of a control that they may not use."""
    return Allowed.create(*children, needs=needs, namespace=namespace, lacking=True)


class Allowed(rx.Component):
    """Absent without the right, or with `lacking` when the reader has it: nothing is greyed (UI-PM-01)."""

    library = SHELL.importable_path
    tag = "Allowed"
    needs: rx.Var[str]
    namespace: rx.Var[str]
    lacking: rx.Var[bool]
