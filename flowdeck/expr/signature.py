"""How filters, functions and tests are declared, and how written arguments meet their parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from flowdeck.expr.errors import ExpressionError


class Missing(Enum):
    """The absence of a default or of an argument."""

    REQUIRED = "required"


REQUIRED = Missing.REQUIRED


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter by its name in the language; without default it is required."""

    name: str
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Spec:
    """One entry of the tables.

    Args:
        nulls: for filters: "pass" answers null for null, "fail" refuses it, "call" hands it over.
        needs: what the implementation gets before its arguments: nothing, the runtime, or runtime and context.
        variadic: takes any number of positional arguments.
        io: reaches outside the render, through `Environment.io`.
        secret: its result is a secret.
    """

    name: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    summary: str
    nulls: Literal["pass", "fail", "call"] = "call"
    needs: Literal["nothing", "runtime", "context"] = "nothing"
    variadic: bool = False
    io: bool = False
    secret: bool = False


class Table(dict[str, Spec]):
    """Specs by name, filled by decorated functions."""

    def entry(
        self,
        name: str,
        *parameters: str | tuple[str, Any],
        nulls: Literal["pass", "fail", "call"] = "pass",
        needs: Literal["nothing", "runtime", "context"] = "nothing",
        variadic: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated function; its docstring's first line is the summary."""

        def register(run: Callable[..., Any]) -> Callable[..., Any]:
            self[name] = Spec(
                name, run, declared(parameters), (run.__doc__ or "").split("\n")[0], nulls, needs, variadic
            )
            return run

        return register


def declared(parameters: Sequence[str | tuple[str, Any]]) -> tuple[Parameter, ...]:
    """Parameters from names and (name, default) pairs."""
    return tuple(Parameter(p) if isinstance(p, str) else Parameter(*p) for p in parameters)


def bind(
    parameters: tuple[Parameter, ...], variadic: bool, positional: Sequence[Any], named: dict[str, Any], owner: str
) -> list[Any]:
    """Arguments in the order of the parameters; REQUIRED-marked gaps are filled by Parameter objects.

    Raises ExpressionError with the texts of expressions §4 and §8.
    """
    if variadic:
        for name in named:
            raise ExpressionError(f"The following named argument does not exist: {name}")
        return list(positional)
    if len(positional) > len(parameters):
        raise ExpressionError(
            f"The argument at position {len(parameters) + 1} is not allowed."
            f" Only {len(parameters)} argument(s) are allowed."
        )
    names = [parameter.name for parameter in parameters]
    for name in named:
        if name not in names:
            raise ExpressionError(f"The following named argument does not exist: {name}")
    bound: list[Any] = list(positional)
    for name in names[: len(positional)]:
        if name in named:
            raise ExpressionError(f"The argument `{name}` is given twice")
    for parameter in parameters[len(positional) :]:
        if parameter.name in named:
            bound.append(named[parameter.name])
        elif parameter.default is REQUIRED:
            raise ExpressionError(owner.replace("{}", parameter.name))
        else:
            bound.append(parameter)
    return bound
