"""Functions that render or show the context (expressions §8)."""

from __future__ import annotations

from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.passes import nested
from flowdeck.expr.runtime import Runtime, flat
from flowdeck.expr.signature import Table

TABLE = Table()


@TABLE.entry("render", "toRender", ("recursive", True), needs="context")
def render(rt: Runtime, context: Any, value: Any, recursive: Any) -> Any:
    """Renders a text, list or map with the current context until it is stable."""
    return nested(value, context, rt, recursive is not False)


@TABLE.entry("renderOnce", "toRender", needs="context")
def render_once(rt: Runtime, context: Any, value: Any) -> Any:
    """Renders in one pass."""
    return nested(value, context, rt, False)


def _visible(context: Any) -> dict[str, Any]:
    return {name: value for name, value in flat(context).items() if name.isprintable()}


@TABLE.entry("printContext", needs="context")
def print_context(rt: Runtime, context: Any) -> Any:
    """The whole context as a map."""
    return _visible(context)


@TABLE.entry("fetchContext", needs="context")
def fetch_context(rt: Runtime, context: Any) -> Any:
    """The whole context as a map."""
    return _visible(context)


@TABLE.entry("block", "name")
def block(name: Any) -> str:
    """Prints a block of this template again."""
    raise ExpressionError("`block` stands in templates only")  # the compiler resolves it


@TABLE.entry("parent")
def parent() -> str:
    """Not available: templates have no parents."""
    raise ExpressionError("`parent` has no use: templates do not extend others")
