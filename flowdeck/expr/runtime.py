"""What a render runs in: the environment, its budget and the scopes of names."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.limits import MAX_DERIVED, MAX_SECRETS, Limits


class Randomness(Protocol):
    """What the generating functions need of `random.Random`."""

    def randrange(self, start: int, stop: int) -> int: ...

    def getrandbits(self, k: int, /) -> int: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Environment:
    """Everything impure a template may use; all of it is injected.

    Args:
        now: the clock, aware datetimes.
        random: source of the generating functions; secure by default.
        io: functions that reach outside by their name in the language; a missing one fails the render.
        limits: the budget of one render.
        zone: time zone of the server.
        secrets: texts that are secret from the start; what filters make of them is told too.
        on_secret: told every text that came out of `secret()` or `credential()` and texts derived by filters.
        recursive: render results again until they are stable (`kestra.variables.recursive-rendering`).
    """

    now: Callable[[], datetime] = _now
    random: Randomness = field(default_factory=random.SystemRandom)
    io: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC
    secrets: Set[str] = frozenset()
    on_secret: Callable[[str], None] | None = None
    recursive: bool = field(default_factory=lambda: _Process.recursive)


class _Process:
    recursive = False


DEFAULT_ENVIRONMENT = Environment()


def recurse(on: bool) -> None:
    """Whether every render of this process is recursive unless its environment says otherwise; set once at start."""
    _Process.recursive = DEFAULT_ENVIRONMENT.recursive = on


def recursing() -> bool:
    """Whether results are rendered again, so that a template may refer to whatever stands in its values."""
    return _Process.recursive


class Runtime:
    """State of one outermost render: the budget that is left and the secrets that were seen."""

    __slots__ = ("compile", "deadline", "depth", "derived", "env", "limits", "raws", "secrets", "size", "steps")

    def __init__(self, env: Environment, compile: Callable[..., Any]) -> None:
        self.env = env
        self.compile = compile
        self.limits = env.limits
        self.deadline = time.monotonic() + env.limits.seconds
        self.steps = 0
        self.size = 0
        self.depth = 0
        self.derived = 0
        self.secrets: set[str] = set(env.secrets)
        self.raws: list[str] | None = None

    def tick(self, steps: int = 1) -> None:
        """Count one step of a loop, or several. Raises ExpressionError when steps or time are used up."""
        self.steps += steps
        if self.steps > self.limits.steps:
            raise ExpressionError(f"The limit of {self.limits.steps} loop steps was reached")
        if time.monotonic() > self.deadline:
            raise ExpressionError(f"The limit of {self.limits.seconds:g} seconds for one render was reached")

    def left(self) -> float:
        """Seconds that are left, a moment at least."""
        return max(0.001, self.deadline - time.monotonic())

    def grow(self, length: int) -> None:
        """Count `length` characters of output. Raises ExpressionError above the limit."""
        self.size += length
        if self.size > self.limits.output_bytes:
            raise ExpressionError(f"The limit of {self.limits.output_bytes} bytes of output was reached")

    def enter(self) -> None:
        """Go one template or macro deeper. Raises ExpressionError above the limit."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise ExpressionError(f"The limit of {self.limits.depth} nested templates was reached")

    def leave(self) -> None:
        """Leave a nested template or macro."""
        self.depth -= 1

    def tell(self, value: Any, derived: bool = False) -> None:
        """Report every text in `value` as secret; derived texts under 4 characters would mask everything."""
        tell = self.env.on_secret
        if tell is None:
            return
        if isinstance(value, str):
            if value and value not in self.secrets and not (derived and (len(value) < 4 or self._too_much(value))):
                self.secrets.add(value)
                tell(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                self.tell(item, derived)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.tell(item, derived)

    def _too_much(self, value: str) -> bool:
        """Whether a derived text is left out: beyond the first ones only parts of secrets are told.

        A text of many lines with a secret in it, split, would otherwise make every line a secret.
        """
        self.derived += 1
        if self.derived <= MAX_DERIVED:
            return False
        return len(self.secrets) > MAX_SECRETS or not any(value in secret for secret in self.secrets)

    def holds_secret(self, value: Any) -> bool:
        """Whether `value` is or contains a text that was told as secret."""
        if isinstance(value, str):
            return any(secret in value for secret in self.secrets)
        if isinstance(value, Mapping):
            return any(self.holds_secret(item) for item in value.values())
        if isinstance(value, (list, tuple)):
            return any(self.holds_secret(item) for item in value)
        return False


class Scope(dict[str, Any]):
    """Names of a `for`, a macro or the template, in front of an outer mapping."""

    __slots__ = ("outer",)

    def __init__(self, outer: Mapping[str, Any]) -> None:
        super().__init__()
        self.outer = outer

    def __missing__(self, name: str) -> Any:
        return self.outer[name]

    def assign(self, name: str, value: Any) -> None:
        """`set`: overwrite the nearest scope that has the name, else create it here."""
        scope: Scope = self
        while name not in scope.keys():  # noqa: SIM118 - `in scope` reads as if it asked the outer ones
            if not isinstance(scope.outer, Scope):
                if name in scope.outer:
                    break
                scope = self
                break
            scope = scope.outer
        scope[name] = value


def flat(context: Mapping[str, Any]) -> dict[str, Any]:
    """All visible names of a context as one plain map."""
    if isinstance(context, Scope):
        return flat(context.outer) | context
    return dict(context)
