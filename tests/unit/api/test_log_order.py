"""Lines of several writers come out in order of time."""

from __future__ import annotations

from typing import Any

from flowdeck.services.logs import by_time


def lines(*instants: int) -> list[dict[str, Any]]:
    return [{"at": at, "seq": seq} for seq, at in enumerate(instants)]


def test_lines_come_in_order_of_time_and_equal_instants_as_stored() -> None:
    assert [(x["at"], x["seq"]) for x in by_time(lines(3, 1, 2, 2, 5, 4))] == [
        (1, 1),
        (2, 2),
        (2, 3),
        (3, 0),
        (4, 5),
        (5, 4),
    ]


def test_few_lines_are_kept_back_and_none_is_lost() -> None:
    instants = [i ^ 1 for i in range(1000)]
    assert [x["at"] for x in by_time(lines(*instants), held=2)] == list(range(1000))
    given = iter(lines(*range(10)))
    assert next(by_time(given, held=3))["at"] == 0 and next(given)["at"] == 4
