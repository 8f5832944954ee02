"""Rendering by the engine of what may need a worker: expressions are asked in one pass and known in the next (design
detail 3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowdeck.expr import ExpressionError, references, render_value
from flowdeck.model.inputs import Pending

PASSES = 200
"""Most rounds of questions for one subject."""


class Questions:
    """What was asked about one date or event; `pending` is what a worker shall render next."""

    __slots__ = ("_known", "passes", "pending")

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, str | None]] = {}
        self.pending: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.passes = 0

    def render(self, value: Any, context: Mapping[str, Any]) -> Any:
        """A `model.conditions.Render`; raises `Pending` for what is not known yet."""
        if not references(value)[1]:
            return render_value(value, dict(context))
        key = json.dumps([value, context.get("trigger")], sort_keys=True, default=str)
        known = self._known.get(key)
        if known is None:
            self.passes += 1
            if self.passes > PASSES:
                raise ExpressionError("the expressions ask too often")
            self.pending[key] = (value, dict(context))
            raise Pending
        if known[1] is not None:
            raise ExpressionError(known[1])
        return known[0]

    def answered(self, key: str, value: Any, error: str | None) -> None:
        """A worker has rendered a pending value."""
        self.pending.pop(key, None)
        self._known[key] = (value, error)
