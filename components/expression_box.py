"""The expression box of an execution: what a template would give there (UI-XP-51)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("expression_box.jsx", shared=True)
_CSS = rx.asset("expression_box.css", shared=True)
__all__ = ["GLYPHS", "NET", "ExpressionBox", "expression_box"]


class ExpressionBox(rx.NoSSRComponent):
    """Text, completion from the execution's own values, result, the last 20 expressions.

    ``api`` is ``/api/v1/{tenant}``. With ``task_run`` the expression is rendered in that task run's scope, named
    ``scope``. A change of ``insert`` (an expression in braces) puts it into the box.
    """

    library = _JS.importable_path
    tag = "ExpressionBox"
    lib_dependencies: list[str] = [ICONS]
    api: rx.Var[str]
    execution: rx.Var[str]
    task_run: rx.Var[str]
    scope: rx.Var[str]
    insert: rx.Var[str]


expression_box = ExpressionBox.create
