"""What becomes of the attempts of workers that fall silent (spec: enterprise and operations F53)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowdeck.engine.messages import Heartbeat, Hello, encode
from flowdeck.model.liveness import Restart, ServiceState
from flowdeck.model.states import State
from tests.unit.worker.conftest import Core

HELD = [(7, 1), (8, 2), (-9, -1)]
"""Two attempts and an evaluation, whose fence is negative."""


async def until(probe: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not probe():
            await asyncio.sleep(0.005)


async def connected(core: Core, name: str, keys: list[tuple[int, int]], pid: int = 1) -> asyncio.StreamWriter:
    """A worker that says hello and nothing more."""
    _, writer = await asyncio.open_unix_connection(core.folder / "worker.sock")
    writer.write(encode([Hello(name, "", 9, 9, in_flight=keys, pid=pid, host="elsewhere")]))
    await until(lambda: name in core.gateway.workers)
    return writer


@pytest.fixture
def states(bare: Core) -> list[tuple[str, ServiceState]]:
    return []


async def opened(core: Core, states: list[tuple[str, ServiceState]], restart: Restart, patience: float = 60.0) -> None:
    told = lambda worker, state: states.append((worker, state))  # noqa: E731
    await core.open(lease=0.2, restart=restart, patience=patience, on_state=told)


async def test_at_once(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    await opened(bare, states, Restart.IMMEDIATELY)
    await connected(bare, "w1", HELD)
    await until(lambda: bare.lost)
    assert [(worker, set(keys)) for worker, keys in bare.lost] == [("w1", set(HELD))] and states == [
        ("w1", ServiceState.DISCONNECTED)
    ]


async def test_after_the_grace_period(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    await opened(bare, states, Restart.AFTER_TERMINATION_GRACE_PERIOD, patience=0.6)
    await connected(bare, "w1", HELD)
    await until(lambda: bare.lost)
    assert bare.lost == [("w1", [(-9, -1)])]  # an evaluation is asked of another worker
    assert len(bare.gateway.limbo) == 2
    await until(lambda: len(bare.lost) == 2)
    assert set(bare.lost[1][1]) == {(7, 1), (8, 2)}
    assert states == [("w1", ServiceState.DISCONNECTED), ("w1", ServiceState.NOT_RUNNING)]


async def test_when_it_returns_under_another_name(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    await opened(bare, states, Restart.AFTER_TERMINATION_GRACE_PERIOD)
    await connected(bare, "w1", HELD)
    await until(lambda: len(bare.gateway.limbo) == 2)
    await connected(bare, "other", [], pid=2)
    assert len(bare.gateway.limbo) == 2
    await connected(bare, "w2", [(8, 2)])  # a result that it kept
    assert bare.lost[-1] == ("w1", [(7, 1)]) and len(bare.gateway.limbo) == 0
    assert bare.gateway.workers["w2"].in_flight == [(8, 2)]


async def test_never_and_killed(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    await opened(bare, states, Restart.NEVER, patience=0.1)
    await connected(bare, "w1", HELD)
    await until(lambda: len(bare.gateway.limbo) == 2)
    await connected(bare, "w2", [])
    await asyncio.sleep(0.3)
    assert len(bare.gateway.limbo) == 2 and all(keys == [(-9, -1)] or not keys for _, keys in bare.lost)
    bare.gateway.kill(7, 1)
    await until(lambda: bare.reports)
    assert (bare.reports[0].seq, bare.reports[0].state) == (7, State.KILLED)
    assert len(bare.gateway.limbo) == 1


async def test_one_that_says_its_end_is_not_waited_for(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    await opened(bare, states, Restart.AFTER_TERMINATION_GRACE_PERIOD)
    writer = await connected(bare, "w1", HELD)
    writer.write(encode([Heartbeat("w1", -1, "TERMINATING"), Heartbeat("w1", -1, "TERMINATED_FORCED")]))
    writer.write_eof()
    writer.close()
    await until(lambda: bare.lost)
    assert [(worker, set(keys)) for worker, keys in bare.lost] == [("w1", set(HELD))]
    assert states == [("w1", ServiceState.TERMINATING), ("w1", ServiceState.TERMINATED_FORCED)]


async def test_a_worker_that_breaks_says_so_before_it_ends(bare: Core, states: list[tuple[str, ServiceState]]) -> None:
    """F53: ERROR is followed by TERMINATING alone."""
    await bare.open(on_state=lambda worker, state: states.append((worker, state)))
    worker = await bare.worker()
    worker.link.broke()
    worker.link.farewell(forced=True)
    wanted = [ServiceState.ERROR, ServiceState.TERMINATING, ServiceState.TERMINATED_FORCED]
    await until(lambda: [state for _, state in states] == wanted)
