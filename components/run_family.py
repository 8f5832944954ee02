"""Executions that started each other: those with one correlation id (UI-XP-61)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("run_family.jsx", shared=True)
_CSS = rx.asset("run_family.css", shared=True)
__all__ = ["GLYPHS", "NET", "RunFamily", "run_family"]


class RunFamily(rx.NoSSRComponent):
    """A graph from the first execution to the last ones; live while one of them runs.

    ``api`` is ``/api/v1/{tenant}``; ``correlation`` the label's value. ``on_count`` tells how many others there are.
    """

    library = _JS.importable_path
    tag = "RunFamily"
    lib_dependencies: list[str] = [ICONS]
    api: rx.Var[str]
    execution: rx.Var[str]
    correlation: rx.Var[str]


run_family = RunFamily.create
