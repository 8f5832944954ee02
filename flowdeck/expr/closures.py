"""Small closures that compiled templates are made of."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from flowdeck.expr import runtime
from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.signature import Spec

Value = Callable[[Any, Any], Any]
Step = Callable[[Any, Any, list[str]], None]


class _Undefined:
    """What a soft read answers for a missing name."""


UNDEFINED = _Undefined()

_LOOKUP_ERRORS = (KeyError, TypeError, IndexError)

DATA_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def filtered(spec: Spec, target: Value, arguments: list[Value], position: int) -> Value:
    run, nulls, name = spec.run, spec.nulls, spec.name
    refused = f"The filter `{name}` was given null"
    if spec.needs == "nothing" and not arguments:

        def plain(c: Any, rt: Any) -> Any:
            value = target(c, rt)
            if value is None and nulls != "call":
                if nulls == "pass":
                    return None
                raise ExpressionError(refused, position=position)
            try:
                return run(value)
            except ExpressionError as error:
                raise error.at(position) from None
            except DATA_ERRORS as error:
                raise wrapped("filter", name, error, position) from None

        return plain
    with_runtime = spec.needs == "runtime"

    def apply(c: Any, rt: Any) -> Any:
        value = target(c, rt)
        values = [argument(c, rt) for argument in arguments]
        if value is None and nulls != "call":
            if nulls == "pass":
                return None
            raise ExpressionError(refused, position=position)
        try:
            return run(rt, value, *values) if with_runtime else run(value, *values)
        except ExpressionError as error:
            raise error.at(position) from None
        except DATA_ERRORS as error:
            raise wrapped("filter", name, error, position) from None

    return apply


def applied(spec: Spec, arguments: list[Value], position: int) -> Callable[[Any, Any, Any], Any]:
    """As `filtered`, for a value that is at hand."""
    run, nulls, name = spec.run, spec.nulls, spec.name
    with_runtime = spec.needs == "runtime"

    def apply(c: Any, rt: Any, value: Any) -> Any:
        values = [argument(c, rt) for argument in arguments]
        if value is None and nulls != "call":
            if nulls == "pass":
                return None
            raise ExpressionError(f"The filter `{name}` was given null", position=position)
        try:
            return run(rt, value, *values) if with_runtime else run(value, *values)
        except ExpressionError as error:
            raise error.at(position) from None
        except DATA_ERRORS as error:
            raise wrapped("filter", name, error, position) from None

    return apply


def wrapped(what: str, name: str, error: Exception, position: int) -> ExpressionError:
    """A data error of an implementation as one of the render."""
    return ExpressionError(f"The {what} `{name}` failed: {str(error)[:300] or type(error).__name__}", position=position)


def hard(error: ExpressionError) -> ExpressionError:
    """An error that no `??` around the call may swallow."""
    if isinstance(error, UndefinedError):
        error.hard = True
    return error


def failing(message: str, position: int, hint: str | None = None) -> Value:
    """Unknown names and wrong arguments are errors of the render, not of the syntax (§4)."""

    def run(c: Any, rt: Any) -> Any:
        raise ExpressionError(message, position=position, hint=hint)

    return run


def nearest(name: str, names: Iterable[str]) -> str | None:
    """A hint at the name that was probably meant."""
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean `{near[0]}`?" if near else None


def whole_context(c: Any, rt: Any) -> Any:
    """`_context`: inside a macro the argument of that name."""
    try:
        return c["_context"]
    except KeyError:
        return runtime.flat(c)


def constant(value: Any) -> Value:
    return lambda c, rt: value


def path(root: str, keys: list[str], slow: Value) -> Value:
    """The folded closure of `root.a.b`: direct look-ups, the stepwise reading only when they fail."""
    if len(keys) == 1:
        (a,) = keys

        def one(c: Any, rt: Any) -> Any:
            try:
                return c[root][a]
            except _LOOKUP_ERRORS:
                return slow(c, rt)

        return one
    if len(keys) == 2:
        a, b = keys

        def two(c: Any, rt: Any) -> Any:
            try:
                return c[root][a][b]
            except _LOOKUP_ERRORS:
                return slow(c, rt)

        return two

    def many(c: Any, rt: Any) -> Any:
        try:
            value = c[root]
            for key in keys:
                value = value[key]
            return value
        except _LOOKUP_ERRORS:
            return slow(c, rt)

    return many
