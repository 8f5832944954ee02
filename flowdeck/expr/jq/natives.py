"""The table of jq builtins written in Python, and how they register."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flowdeck.expr.jq import values
from flowdeck.expr.jq.evaluator import Evaluator, Pair, Scope
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import JqError, type_name

Native = Callable[[Evaluator, list[Node], Scope, Pair], Iterator[Pair]]
NATIVE: dict[tuple[str, int], Native] = {}


def function(name: str, arity: int = 0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register `f(input, *arguments)` for every combination of its arguments."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        def native(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
            for combination in product(evaluator, arguments, scope, pair[1]):
                try:
                    yield None, run(pair[1], *combination)
                except (TypeError, ValueError, OverflowError, LookupError, AttributeError) as error:
                    raise JqError(f"{name}: {error}") from None

        NATIVE[(name, arity)] = native
        return run

    return register


def product(evaluator: Evaluator, arguments: list[Node], scope: Scope, value: Any) -> Iterator[list[Any]]:
    """All combinations of the outputs of some arguments, the last argument varying slowest."""
    if not arguments:
        yield []
        return
    for rest in product(evaluator, arguments[1:], scope, value):
        for first in evaluator.values(arguments[0], scope, value):
            yield [first, *rest]


def generator(name: str, arity: int) -> Callable[[Native], Native]:
    """Register a builtin that yields (path, value) pairs itself."""

    def register(run: Native) -> Native:
        NATIVE[(name, arity)] = run
        return run

    return register


def array(value: Any) -> list[Any]:
    """The value, which must be an array. Raises JqError."""
    if not isinstance(value, list):
        raise JqError(f"{type_name(value)} ({values.short(value)}) is not an array")
    return value


@function("tostring")
def tostring(value: Any) -> str:
    """A text as it is, other values as JSON."""
    return value if isinstance(value, str) else values.dumps(value)
