"""States of components (spec: enterprise and operations F53)."""

from __future__ import annotations

import pytest

from flowdeck.model.liveness import TRANSITIONS, Patience, ServiceState, judged, may_become

S = ServiceState
PATIENCE = Patience(timeout=45_000, initial_delay=45_000, grace=300_000, retention=1)
TABLE = {
    "CREATED": "RUNNING ERROR DISCONNECTED MAINTENANCE",
    "RUNNING": "ERROR DISCONNECTED TERMINATING MAINTENANCE",
    "MAINTENANCE": "RUNNING ERROR DISCONNECTED TERMINATING",
    "ERROR": "TERMINATING",
    "DISCONNECTED": "TERMINATING NOT_RUNNING",
    "TERMINATING": "TERMINATED_GRACEFULLY TERMINATED_FORCED NOT_RUNNING",
    "TERMINATED_GRACEFULLY": "NOT_RUNNING",
    "TERMINATED_FORCED": "NOT_RUNNING",
    "NOT_RUNNING": "INACTIVE",
    "INACTIVE": "",
}


@pytest.mark.parametrize("state", list(S))
def test_the_table_of_transitions(state: ServiceState) -> None:
    assert {new.value for new in TRANSITIONS[state]} == set(TABLE[state].split())
    assert may_become(state, state)
    assert all(may_become(state, new) is (new.value in TABLE[state].split()) for new in S if new is not state)


@pytest.mark.parametrize(
    ("state", "age", "silent", "since", "new"),
    [
        (S.RUNNING, 100_000, 45_000, 100_000, None),
        (S.RUNNING, 100_000, 45_001, 100_000, S.DISCONNECTED),
        (S.RUNNING, 45_000, 45_001, 45_000, None),  # younger than the initial delay
        (S.CREATED, 100_000, 50_000, 100_000, S.DISCONNECTED),
        (S.DISCONNECTED, 400_000, 300_001, 300_000, None),
        (S.DISCONNECTED, 400_000, 300_001, 300_001, S.NOT_RUNNING),
        (S.TERMINATING, 900_000, 1_000, 600_000, None),  # it still speaks
        (S.TERMINATING, 900_000, 50_000, 300_001, S.NOT_RUNNING),
        (S.TERMINATED_GRACEFULLY, 1, 1, 1, S.NOT_RUNNING),
        (S.TERMINATED_FORCED, 1, 1, 1, S.NOT_RUNNING),
        (S.NOT_RUNNING, 1, 1, 1, S.INACTIVE),
        (S.INACTIVE, 1 << 40, 1 << 40, 1 << 40, None),
        (S.ERROR, 100_000, 45_000, 100_000, None),
        (S.ERROR, 1 << 40, 45_001, 1, S.TERMINATING),
    ],
)
def test_what_silence_means(state: ServiceState, age: int, silent: int, since: int, new: ServiceState | None) -> None:
    assert judged(state, age, silent, since, PATIENCE) is new
    assert new is None or may_become(state, new)
