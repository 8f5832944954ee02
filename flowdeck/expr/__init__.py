"""The `{{ }}` language: parsed by our own grammar and compiled to closures over plain data; no I/O of its own."""

from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.limits import Limits
from flowdeck.expr.references import WHOLE_CONTEXT
from flowdeck.expr.runtime import Environment, recurse
from flowdeck.expr.templates import Compiled, compile, references, render, render_value, truthy

__all__ = [
    "WHOLE_CONTEXT",
    "Compiled",
    "Environment",
    "ExpressionError",
    "Limits",
    "UndefinedError",
    "compile",
    "recurse",
    "references",
    "render",
    "render_value",
    "truthy",
]
