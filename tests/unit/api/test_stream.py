"""Rooms of the stream: encoded once, resumed from the ring, merged, bounded (spec: extensions §3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowdeck.model.errors import TooMany
from flowdeck.model.states import State
from flowdeck.services import rooms as module
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.hub import Hub
from flowdeck.services.listeners import QUEUED, Listener
from flowdeck.services.rooms import Rooms
from flowdeck.services.topics import matching_topics

CALLER = Caller("ada@example.com")


def add_execution(database: Any, *, runs: int = 2, state: State = State.RUNNING, seq: int = 1) -> str:
    execution = f"e{seq}"
    writer = database.writer()
    try:
        with writer.transaction(now=1000) as tx:
            tx.insert(
                "execution",
                seq=seq,
                id=execution,
                tenant="main",
                namespace="a.b",
                flow_id="f",
                flow_key=1,
                flow_rev=1,
                state=int(state),
                created=1000,
                started=1001,
                original_id=execution,
                attempt_number=1,
                labels="[]",
                open_count=0 if state.terminal else runs,
                task_count=runs,
                version=1,
            )
            tx.insert(
                "task_run",
                seq=seq * 100_000,
                id=f"{execution}-0",
                execution_seq=seq,
                ord=0,
                task_key=0,
                task_id="loop",
                parent_seq=0,
                iteration=-1,
                state=int(State.RUNNING),
                fence=0,
                attempts=0,
                created=1000,
                outputs_size=0,
                after_execution=False,
                version=1,
            )
            for n in range(1, runs):
                tx.insert(
                    "task_run",
                    seq=seq * 100_000 + n,
                    id=f"{execution}-{n}",
                    execution_seq=seq,
                    ord=n,
                    task_key=1,
                    task_id="t",
                    parent_seq=seq * 100_000,
                    iteration=n - 1,
                    state=int(State.RUNNING),
                    fence=0,
                    attempts=1,
                    created=1000,
                    outputs_size=0,
                    after_execution=False,
                    version=1,
                )
    finally:
        writer.close()
    return execution


@pytest.fixture
async def rooms(backend: Backend) -> AsyncIterator[Rooms]:
    hub = Hub(backend.core)
    made = Rooms(backend, hub)
    yield made
    made.stop()
    await hub.stop()


async def events(listener: Listener, until: str, seconds: float = 3.0) -> list[tuple[str, Any, str]]:
    found: list[tuple[str, Any, str]] = []

    async def read() -> None:
        while True:
            while listener.frames:
                lines = dict(line.split(": ", 1) for line in listener.frames.popleft().decode().strip().split("\n"))
                found.append((lines["event"], json.loads(lines["data"]), lines.get("id", "")))
            if any(kind == until for kind, _, _ in found):
                return
            listener.wake.clear()
            await listener.wake.wait()

    await asyncio.wait_for(read(), seconds)
    return found


def row(execution: str, n: int, state: str, parent: bool = True) -> dict[str, Any]:
    return {
        "id": f"{execution}-{n}",
        "taskId": "t",
        "state": state,
        "attempts": 1,
        "created": "x",
        **({"parent": f"{execution}-0"} if parent else {}),
    }


async def feed(backend: Backend, *events: dict[str, Any]) -> None:
    await backend.core.queue.put(list(events))  # type: ignore[attr-defined]


async def test_two_followers_get_the_same_bytes_and_a_resume_only_what_it_missed(
    backend: Backend, rooms: Rooms
) -> None:
    execution = add_execution(backend.database)
    one = await rooms.open(CALLER, execution, None, frozenset(), [], None)
    two = await rooms.open(CALLER, execution, None, frozenset(), [], None)
    snapshot = (await events(one, "snapshot"))[0]
    await events(two, "snapshot")
    assert snapshot[1]["counts"] == {"": {"RUNNING": 2}} and len(snapshot[1]["taskRuns"]) == 2
    await feed(backend, {"kind": "taskrun", "seq": 7, "execution": execution, "rows": [row(execution, 1, "SUCCESS")]})
    await events(one, "taskrun")
    held = list(two.frames) or [(await events(two, "taskrun"), b"")[1]]
    assert held
    await feed(backend, {"kind": "taskrun", "seq": 9, "execution": execution, "rows": [row(execution, 1, "FAILED")]})
    last = (await events(one, "taskrun"))[-1]
    assert last[2].startswith("9-")
    back = await rooms.open(CALLER, execution, None, frozenset(), [], "7-0")
    resumed = await events(back, "taskrun")
    assert [kind for kind, _, _ in resumed] == ["taskrun"] and resumed[0][1]["rows"][0]["state"] == "FAILED"
    lost = await rooms.open(CALLER, execution, None, frozenset(), [], "0-0")
    assert [kind for kind, _, _ in await events(lost, "snapshot")] == ["resync", "snapshot"]


def log_line(seq: int) -> dict[str, Any]:
    return {"no": seq, "seq": seq, "at": "x", "level": "INFO", "text": f"line {seq}"}


async def numbers(listener: Listener, last: int) -> list[int]:
    """Line numbers that a follower gets, up to the last one."""
    found: list[int] = []
    while not found or found[-1] < last:
        got = await events(listener, "log")
        found += [line["no"] for kind, data, _ in got if kind == "log" for line in data["lines"]]
    return found


async def test_a_later_follower_takes_no_line_from_an_earlier_one(
    backend: Backend, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = add_execution(backend.database)
    places = iter([(10, 10, 10), (12, 12, 12)])
    monkeypatch.setattr(module.Room, "_log_place", lambda self: next(places))
    early = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    late = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    lines = [log_line(n) for n in (11, 12, 13)]
    await feed(backend, {"kind": "log", "execution": execution, "lines": lines, "total": 13})
    assert await numbers(early, 13) == [11, 12, 13]
    assert await numbers(late, 13) == [13]


async def test_what_is_published_while_a_follower_joins_reaches_it_once(
    backend: Backend, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = add_execution(backend.database)
    places = iter([(0, 0, 0), (2, 2, 2)])
    monkeypatch.setattr(module.Room, "_log_place", lambda self: next(places))
    first = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    real = module.Room.snapshot

    async def meanwhile(self: Any, **how: Any) -> Any:
        self.log_seq = 3
        self.publish("log", {"lines": [log_line(n) for n in (1, 2, 3)], "total": 3})
        return await real(self, **how)

    monkeypatch.setattr(module.Room, "snapshot", meanwhile)
    second = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    assert await numbers(first, 3) == [1, 2, 3]
    joined = await events(second, "log")
    assert [kind for kind, _, _ in joined] == ["snapshot", "log"]
    assert joined[0][1]["logTotal"] == 2 and [line["no"] for line in joined[1][1]["lines"]] == [3]


async def test_a_cursor_never_names_a_change_that_is_still_held(
    backend: Backend, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line goes out at once while rows are held: who is cut off in between gets the row when it comes back."""
    monkeypatch.setattr(module, "ROW_SECONDS", 0.6)
    execution = add_execution(backend.database)
    first = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    await feed(backend, {"kind": "taskrun", "seq": 5, "execution": execution, "rows": [row(execution, 1, "PAUSED")]})
    await events(first, "taskrun")
    await feed(backend, {"kind": "taskrun", "seq": 6, "execution": execution, "rows": [row(execution, 1, "SUCCESS")]})
    await feed(backend, {"kind": "log", "execution": execution, "lines": [log_line(1)], "total": 1})
    seen = await events(first, "log")
    assert [kind for kind, _, _ in seen] == ["log"], "the row is held, the line is not"
    await events(first, "taskrun")
    back = await rooms.open(CALLER, execution, "INFO", frozenset(), [], seen[0][2])
    again = await events(back, "taskrun")
    assert [(kind, data["rows"][0]["state"]) for kind, data, _ in again] == [("taskrun", "SUCCESS")]


async def test_what_is_published_while_a_follower_resumes_reaches_it(
    backend: Backend, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = add_execution(backend.database)
    monkeypatch.setattr(module.Room, "_log_place", lambda self: (0, 0, 0))
    first = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    await feed(backend, {"kind": "log", "execution": execution, "lines": [log_line(1)], "total": 1})
    cursor = (await events(first, "log"))[-1][2]
    real = module.row_of
    room = next(iter(rooms._rooms.values()))

    asked: list[Any] = []

    async def meanwhile(*given: Any) -> Any:
        asked.append(given)
        if len(asked) == 2:  # the first question is whether the execution exists, the second comes after the replay
            room.log_seq = 2
            room.publish("log", {"lines": [log_line(2)], "total": 2})
        return await real(*given)

    monkeypatch.setattr(module, "row_of", meanwhile)
    back = await rooms.open(CALLER, execution, "INFO", frozenset(), [], cursor)
    assert await numbers(back, 2) == [2]


async def test_a_large_execution_sends_counts_and_only_rows_on_screen(backend: Backend, rooms: Rooms) -> None:
    execution = add_execution(backend.database, runs=700)
    listener = await rooms.open(CALLER, execution, None, frozenset(), [], None)
    snapshot = (await events(listener, "snapshot"))[0][1]
    assert [r["id"] for r in snapshot["taskRuns"]] == [f"{execution}-0"]
    assert snapshot["counts"][f"{execution}-0"] == {"RUNNING": 699}
    await feed(
        backend,
        {
            "kind": "taskrun",
            "seq": 5,
            "execution": execution,
            "rows": [row(execution, n, "SUCCESS") for n in range(1, 101)],
        },
    )
    found = await events(listener, "counts")
    assert all(kind != "taskrun" for kind, _, _ in found)
    assert found[-1][1]["parents"] == {f"{execution}-0": {"RUNNING": 599, "SUCCESS": 100}}
    opened = await rooms.open(CALLER, execution, None, frozenset({f"{execution}-0"}), [], None)
    assert len((await events(opened, "snapshot"))[0][1]["taskRuns"]) == 501


async def test_a_slow_reader_is_told_to_resync(backend: Backend, rooms: Rooms) -> None:
    listener = Listener(CALLER)
    for n in range(QUEUED + 10):
        listener.put(b"%d" % n)
    assert listener.slow and len(listener.frames) == 10


async def test_a_finished_execution_answers_snapshot_and_end(backend: Backend, rooms: Rooms) -> None:
    execution = add_execution(backend.database, state=State.SUCCESS)
    listener = await rooms.open(CALLER, execution, "INFO", frozenset(), [], None)
    assert [kind for kind, _, _ in await events(listener, "end")] == ["snapshot", "end"] and listener.ended


async def test_topics_are_merged_and_children_of_a_namespace_count(backend: Backend, rooms: Rooms) -> None:
    listener = await rooms.open(CALLER, None, None, frozenset(), ["kv:a", "executions:a"], None)
    change = {"kind": "topic", "topic": "kv:a.b", "change": "created", "id": "k", "by": "bob"}
    await feed(backend, change, change, change, {"kind": "topic", "topic": "kv:ab", "change": "created", "id": "no"})
    first = (await events(listener, "topic"))[0][1]
    assert first == {"topic": "kv:a", "kind": "created", "id": "k", "by": "bob", "n": 3}
    assert matching_topics(
        {"kind": "execution", "namespace": "a.x", "flowId": "f"},
        ["executions", "executions:a", "flow:a.x/f", "executions:ab"],
    ) == ["executions", "executions:a", "flow:a.x/f"]


async def test_a_user_has_twenty_streams(backend: Backend, rooms: Rooms) -> None:
    held = [await rooms.open(CALLER, None, None, frozenset(), ["kv:a"], None) for _ in range(module.PER_USER)]
    with pytest.raises(TooMany):
        await rooms.open(CALLER, None, None, frozenset(), ["kv:a"], None)
    rooms.leave(held[0])
    await rooms.open(CALLER, None, None, frozenset(), ["kv:a"], None)


async def test_the_end_of_a_session_ends_its_streams(backend: Backend, rooms: Rooms) -> None:
    listener = await rooms.open(
        Caller("ada@example.com", via="session", session="s1"), None, None, frozenset(), ["kv:a"], None
    )
    rooms.session_ended("s1")
    assert listener.ended and b'"reason":"session"' in listener.frames[-1]
