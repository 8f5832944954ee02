"""Rows of components on both databases (spec: enterprise and operations F53)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.engine.liveness import LivenessConfig, Services
from flowdeck.store.driver import Database, open_database
from tests.contracts.test_metadata_commands import Run, rows, run  # noqa: F401 - a fixture

PATIENCE = {"timeout": 45_000, "initial_delay": 45_000, "grace": 10_000, "retention": 5_000}


def state_of(database: Database, id: str) -> str | None:
    found = rows(database, "select state from service where id = :id", id=id)
    return found[0]["state"] if found else None


def beat(run: Run, at: int, id: str = "w", state: str = "RUNNING", **more: Any) -> Any:  # noqa: F811
    return run("service.heartbeat", at=at, id=id, kind="WORKER", state=state, detail={"pid": 1}, **more)


def test_silence_ends_a_component_for_good(run: Run, database: Database) -> None:  # noqa: F811
    def check(at: int) -> Any:
        return run("service.check", at=at, **PATIENCE)

    assert beat(run, 1_000) == "RUNNING"
    assert check(46_000) == [] and state_of(database, "w") == "RUNNING"
    assert check(46_001) == ["w"] and state_of(database, "w") == "DISCONNECTED"
    # It hears so, and its row stays as silent as it was.
    assert beat(run, 47_000) == "DISCONNECTED"
    assert rows(database, "select heartbeat from service") == [{"heartbeat": 1_000}]
    assert check(56_001) == []
    assert check(56_002) == ["w"] and state_of(database, "w") == "NOT_RUNNING"
    assert beat(run, 57_000) == "NOT_RUNNING"
    assert check(60_000) == ["w"] and state_of(database, "w") == "INACTIVE"
    assert check(65_000) == [] and state_of(database, "w") == "INACTIVE"
    detail = json.loads(rows(database, "select detail from service")[0]["detail"])
    assert [state for _, state in detail["events"]] == ["RUNNING", "DISCONNECTED", "NOT_RUNNING", "INACTIVE"]
    assert check(65_001) == [] and state_of(database, "w") is None


def test_who_speaks_is_left_alone_and_who_connects_anew_lives(run: Run, database: Database) -> None:  # noqa: F811
    for at in range(1_000, 200_000, 20_000):
        beat(run, at)
        assert run("service.check", at=at + 19_000, **PATIENCE) == []
    assert run("service.state", id="w", state="DISCONNECTED") is True
    assert beat(run, 200_000) == "DISCONNECTED"
    assert beat(run, 201_000, connected=True) == "RUNNING" and state_of(database, "w") == "RUNNING"


def test_a_state_follows_only_from_those_before(run: Run, database: Database) -> None:  # noqa: F811
    beat(run, 1_000)
    assert run("service.state", id="w", state="TERMINATED_GRACEFULLY") is False
    assert run("service.state", id="w", state="TERMINATING") is True
    assert run("service.state", id="w", state="RUNNING") is False and beat(run, 2_000) == "TERMINATING"
    assert run("service.state", id="w", state="TERMINATED_FORCED") is True
    assert run("service.state", id="nobody", state="RUNNING") is False
    assert run("service.check", at=3_000, **PATIENCE) == ["w"] and state_of(database, "w") == "NOT_RUNNING"


def test_those_with_a_lease_are_judged_by_it(run: Run, database: Database) -> None:  # noqa: F811
    beat(run, 1_000, id="executor")
    writer = database.writer()
    with writer.transaction(1_000) as tx:
        tx.sql("update service set lease_until = 99")
    writer.close()
    assert run("service.check", at=10_000_000, **PATIENCE) == [] and state_of(database, "executor") == "RUNNING"


def test_a_process_that_ends_by_a_fault_says_so(run: Run, database: Database) -> None:  # noqa: F811
    """F53: RUNNING, ERROR, TERMINATING, NOT_RUNNING, INACTIVE; what can't be written any more is left."""
    unused: Any = None
    config = LivenessConfig()
    services = Services(unused, unused, config, ("EXECUTOR", "SCHEDULER"), lambda: True)
    (one, other) = services._own
    for id in services._own:
        beat(run, 1_000, id)
    run("service.state", id=other, state="TERMINATING")
    services.broke(database)
    assert (state_of(database, one), state_of(database, other)) == ("ERROR", "TERMINATING")
    assert beat(run, 2_000, one) == "ERROR"
    found: list[str | None] = []
    for at in (46_001, 300_000, 3_000_000, 3_010_000):
        run("service.check", at=at, **{**PATIENCE, "grace": 200_000})
        found.append(state_of(database, one))
    assert found == ["TERMINATING", "NOT_RUNNING", "INACTIVE", None]
    database.close()
    services.broke(open_database("postgresql://nobody@/none?host=/nonexistent&connect_timeout=1"))
