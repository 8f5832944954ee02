"""Lines of results that are stored while the results are applied (engine notes §2.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from flowdeck.engine import result_lines
from flowdeck.engine.messages import Done, Lines
from flowdeck.engine.result_lines import ResultLines
from flowdeck.model.states import State


class Writer:
    """Stores when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def store(self, message: Lines, then: Callable[[], None]) -> None:
        self.waiting.append(then)

    def work(self) -> None:
        """All that waits is stored."""
        waiting, self.waiting = self.waiting, []
        for then in waiting:
            then()


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def lines(writer: Writer, told: list[tuple[int, int]]) -> ResultLines:
    return ResultLines(cast(Any, writer), lambda seq, fence: told.append((seq, fence)))


def result(seq: int, execution: int, fence: int = 1) -> Done:
    """A result that has brought its lines along."""
    log = Lines(
        batch=0,
        execution_seq=execution,
        execution="x",
        task_run_seq=seq,
        attempt=1,
        tenant="main",
        namespace="n",
        flow_id="f",
        task_id="t",
        task_run="r",
        lines=[(1, 0, 2, "main", "hello")],
    )
    return Done(seq=seq, fence=fence, state=State.SUCCESS, started=0, ended=0, log=log)


def test_a_result_is_acknowledged_once_its_lines_are_stored(
    lines: ResultLines, writer: Writer, told: list[tuple[int, int]]
) -> None:
    lines.take(result(7, 1))
    assert lines.keeps(7, 1), "its step is committed, its lines are not"
    assert not lines.keeps(8, 1), "another result brought none"
    writer.work()
    assert told == [(7, 1)]
    assert not lines.keeps(7, 1)


def test_lines_that_are_stored_before_the_step_acknowledge_nothing(
    lines: ResultLines, writer: Writer, told: list[tuple[int, int]]
) -> None:
    lines.take(result(7, 1))
    writer.work()
    assert told == [], "the result may not be committed"
    assert not lines.keeps(7, 1)


def test_a_result_that_comes_twice_is_acknowledged(
    lines: ResultLines, writer: Writer, told: list[tuple[int, int]]
) -> None:
    lines.take(result(7, 1))
    lines.take(result(7, 1))
    assert lines.keeps(7, 1)
    writer.work()
    assert told == [(7, 1)]
    assert not lines.keeps(7, 1)


async def test_an_end_waits_for_the_lines_of_its_execution(lines: ResultLines, writer: Writer) -> None:
    lines.take(result(7, 1))
    lines.take(result(8, 2))
    await asyncio.wait_for(lines.stored({3}), 1)
    waiting = asyncio.create_task(lines.stored({1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    writer.waiting.pop(0)()
    await asyncio.wait_for(waiting, 1)
    assert lines.keeps(8, 1), "the other's still wait"


async def test_a_task_that_asks_waits_for_what_has_come_and_not_for_what_comes(
    lines: ResultLines, writer: Writer
) -> None:
    lines.take(result(7, 1))
    lines.take(result(8, 2))
    waiting = asyncio.create_task(lines.stored())
    await asyncio.sleep(0)
    first, second = writer.waiting
    lines.take(result(9, 1))
    first()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    second()
    await asyncio.wait_for(waiting, 1)
    assert lines.keeps(9, 1)


async def test_an_end_does_not_wait_for_ever(lines: ResultLines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_lines, "PATIENCE", 0.01)
    lines.take(result(7, 1))
    await asyncio.wait_for(lines.stored({1}), 2)
    assert lines.keeps(7, 1), "it is acknowledged later"
