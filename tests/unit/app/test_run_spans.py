"""How long an execution ran, by one rule for lists and its page (UI-EX-01, UI-XP-01, UI-XP-10)."""

from __future__ import annotations

from typing import Any

import pytest

from app.pages.execution.facts import Facts
from backend_client.executions import ExecutionRow


@pytest.mark.parametrize(
    ("states", "ended", "ms", "counted", "waited"),
    [
        ("0 CREATED,1 QUEUED,61 RUNNING,71 SUCCESS", 71, 10_000, "", 61_000),
        ("0 CREATED,1 RUNNING,4 PAUSED", None, -1, "01", 1_000),
        ("0 CREATED,1 RUNNING,11 QUEUED", None, 10_000, "", 1_000),
        ("0 CREATED", None, 0, "", 0),
        ("0 CREATED,0 RUNNING,5 FAILED,65 RESTARTED,66 RUNNING,70 SUCCESS", 70, 10_000, "", 0),
        ("0 CREATED,0 RUNNING,5 FAILED,45 RESTARTED,46 RUNNING", None, -1, "40", 0),
    ],
)
def test_the_time_that_counts_is_the_same_everywhere(
    states: str, ended: int | None, ms: int, counted: str, waited: int
) -> None:
    """UI-EX-01: neither the queue nor the time between an end and a restart counts; a list, its row, the page's head."""

    def at(second: int | str) -> str:
        return f"2026-11-20T10:{int(second) // 60:02d}:{int(second) % 60:02d}.000Z"

    steps = [one.split() for one in states.split(",")]
    state: dict[str, Any] = {
        "current": steps[-1][1],
        "startDate": at(0),
        "histories": [{"state": name, "date": at(second)} for second, name in steps],
    }
    if ended is not None:
        state |= {"endDate": at(ended), "duration": f"PT{ended}S"}
    row = ExecutionRow.of({"id": "x", "state": state})
    facts = Facts.of({"id": "x", "state": state})
    since = f"2026-11-20T10:00:{counted}+00:00" if counted else ""
    assert (row.duration_ms, row.counted, row.waited_ms) == (ms, since, waited)
    assert (facts.duration_ms, facts.counted) == (ms, since)
    if ended is not None:
        assert facts.ran_ms + facts.held_ms == ms and facts.waited_ms == waited
