"""jq programs in pure Python (expressions §10): parser, evaluator and builtins."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.jq.evaluator import BreakOut, Evaluator, program_scope
from flowdeck.expr.jq.parser import JqSyntaxError, Node, parse
from flowdeck.expr.jq.values import JqError

MAX_RESULTS = 1_000_000


@lru_cache(maxsize=512)
def _parsed(program: str) -> Node:
    return parse(program)


def run(program: str, data: Any, tick: Callable[..., None]) -> list[Any]:
    """All outputs of `program` for `data`.

    Args:
        program: jq 1.6 source without input, env, modules.
        data: JSON data; never changed.
        tick: called with a number of steps, by default one; raises when the budget is used up.
    Raises ExpressionError for bad programs and for errors the program raises.
    """
    if len(program) > 100_000:
        raise ExpressionError("The jq program is too long")
    try:
        node = _parsed(program)
        results: list[Any] = []
        for _, value in Evaluator(tick).run(node, program_scope(), (None, data)):
            results.append(value)
            if len(results) > MAX_RESULTS:
                raise ExpressionError(f"The limit of {MAX_RESULTS} results of jq was reached")
        return results
    except JqSyntaxError as error:
        raise ExpressionError(f"jq: {error} in `{program[:200]}`") from None
    except JqError as error:
        raise ExpressionError(f"jq: {error.message()}") from None
    except BreakOut:
        raise ExpressionError("jq: break outside of its label") from None
    except RecursionError:
        raise ExpressionError("jq: nested too deeply") from None


__all__ = ["run"]
