"""What follows: named continuations, so that the modules of the executor need not know each other in circles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Stage = Callable[[Any, Any, Any, "str | None"], None]
Work = Callable[[Any, Any], None]

STAGES: dict[str, Stage] = {}
"""After an evaluation: name → `(world, task run or execution, result, error)`."""

WORK: dict[str, Work] = {}
"""Work put off within or beyond a step: name → `(world, subject)`."""


def stage(name: str) -> Callable[[Stage], Stage]:
    """Register what follows an evaluation."""

    def register(function: Stage) -> Stage:
        STAGES[name] = function
        return function

    return register


def work(name: str) -> Callable[[Work], Work]:
    """Register a kind of work for `World.later`."""

    def register(function: Work) -> Work:
        WORK[name] = function
        return function

    return register
