"""Executions of a list as bars on a time axis (UI-EX-07)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("run_timeline.jsx", shared=True)
_CSS = rx.asset("run_views.css", shared=True)
__all__ = ["GLYPHS", "NET", "RunTimeline", "run_timeline"]


class RunTimeline(rx.NoSSRComponent):
    """Own drawing; reads ``url`` (the search with its filters) page by page, at most 1,000 executions.

    A change of ``reload`` reads again. Rows are flows, namespaces or values of a label, chosen in the tool bar.
    """

    library = _JS.importable_path
    tag = "RunTimeline"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    reload: rx.Var[int]


run_timeline = RunTimeline.create
