"""Bulk actions: what refuses meanwhile is named, the others are done (spec: REST contract §6)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.errors import IllegalState, Unavailable
from flowdeck.services import bulk
from flowdeck.services.caller import Caller


class Sender:
    """Stands for a backend whose executions change between the look and the action."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.sent: list[str] = []

    async def send(self, caller: Any, name: str, **args: Any) -> None:
        """Refuse every third."""
        self.sent.append(args["id"])
        if int(args["id"]) % 3 == 0:
            raise self.error


async def test_each_failure_is_named_and_the_others_are_done() -> None:
    """§6: id and reason; the count is of what was done."""
    backend: Any = Sender(IllegalState("is over"))
    told = await bulk.bulk(backend, Caller("a"), "kill", [{"id": str(n)} for n in range(200)])
    assert told["count"] == 133 and len(told["failures"]) == 67 and len(backend.sent) == 200
    assert told["failures"][0] == {"id": "0", "message": "Illegal state: is over"}


async def test_nothing_refused_is_a_bare_count() -> None:
    """§6: `{"count": n}`, as the reference."""
    assert await bulk.bulk(Sender(IllegalState("")), Caller("a"), "kill", [{"id": "1"}]) == {"count": 1}  # type: ignore[arg-type]


async def test_a_core_that_is_away_is_no_failure_of_one() -> None:
    """§3: 503, for the caller to try again."""
    with pytest.raises(Unavailable):
        await bulk.bulk(Sender(Unavailable("away")), Caller("a"), "kill", [{"id": "3"}])  # type: ignore[arg-type]
