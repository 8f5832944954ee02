"""The log writer thread: a real socket, real files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.logwriter import LogWriter
from flowdeck.engine.messages import Lines, LinesStored
from flowdeck.store.driver import StoreUnavailable
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import LogFiles


class Sender:
    """A worker's end of the log socket."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.closed = asyncio.Event()
        self.link: FrameProtocol | None = None

    async def connect(self, path: Path) -> Sender:
        loop = asyncio.get_running_loop()
        _, self.link = await loop.create_unix_connection(
            lambda: FrameProtocol(self._received, lambda _: self.closed.set()), str(path)
        )
        return self

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        self.acknowledged += [m.batch for m in messages if isinstance(m, LinesStored)]

    def send(self, batch: int, first: int, count: int, *, execution: int = 1, attempt: int = 1) -> None:
        assert self.link is not None
        lines = [(first + i, 1000 + i, 2, "main", f"line {first + i}") for i in range(count)]
        self.link.send(Lines(batch, execution, f"E{execution}", 7, attempt, "main", "a", "f", "t", "R", lines))

    async def until(self, *batches: int) -> None:
        async with asyncio.timeout(5):
            while not set(batches) <= set(self.acknowledged):
                await asyncio.sleep(0.005)


async def test_lines_are_acknowledged_after_they_are_stored(tmp_path: Path) -> None:
    writer = LogWriter(LogFiles(tmp_path / "logs"), tmp_path / "logs.sock")
    writer.start()
    sender = await Sender().connect(tmp_path / "logs.sock")
    sender.send(1, 1, 10)
    await sender.until(1)
    store = LogStore(tmp_path / "logs")
    assert store.total(1) == 10
    sender.send(2, 6, 10)  # sent again after a lost acknowledgement
    await sender.until(2)
    assert [line["text"] for line in store.range(1, 1, 99)[0]] == [f"line {i}" for i in range(1, 16)]
    writer.stop()
    store.close()


async def test_a_new_writer_goes_on_where_the_old_one_died(tmp_path: Path) -> None:
    for _ in range(2):
        writer = LogWriter(LogFiles(tmp_path / "logs"), tmp_path / "logs.sock")
        writer.start()
        sender = await Sender().connect(tmp_path / "logs.sock")
        sender.send(1, 1, 1500)
        sender.send(2, 1501, 10)
        await sender.until(1, 2)
        writer.stop()
    store = LogStore(tmp_path / "logs")
    assert store.total(1, min_level=1) == 1510
    store.close()


async def test_the_executor_writes_beside_the_workers(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    writer = LogWriter(
        LogFiles(tmp_path / "logs"), tmp_path / "logs.sock", publish=told.extend, followed=lambda: {"E1"}
    )
    writer.start()
    common = {"execution_seq": 1, "execution": "E1", "tenant": "main", "namespace": "a", "flow_id": "f"}
    writer.write(**common, level="INFO", text="started", at=5)
    writer.write(**common, level="ERROR", text="x" * 5000, task_run_seq=7, task_run="R", task_id="t", attempt=1)
    writer.write(
        execution_seq=0,
        execution="",
        tenant="main",
        namespace="a",
        flow_id="f",
        level="WARN",
        text="late",
        trigger_id="every",
    )
    writer.stop()
    store = LogStore(tmp_path / "logs")
    assert [(line["level"], line["text"][:7]) for line in store.range(1, 1, 9)[0]] == [(2, "started"), (4, "x" * 7)]
    assert [line["text"] for line in store.list("main", trigger_id="every")[0]] == ["late"]
    lines = [line for event in told for line in event["lines"]]
    assert lines[0] == {"no": 1, "seq": 1, "at": "1970-01-01T00:00:00.005Z", "level": "INFO", "text": "started"}
    assert (lines[1]["cut"], len(lines[1]["text"]), lines[1]["taskRun"]) == (True, 4096, "R")
    assert told[-1]["total"] == 2
    store.close()


async def test_a_followed_execution_does_not_wait_for_a_batch(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    writer = LogWriter(
        LogFiles(tmp_path / "logs"), tmp_path / "logs.sock", publish=told.extend, followed=lambda: {"E1"}
    )
    writer.start()
    sender = await Sender().connect(tmp_path / "logs.sock")
    for i in range(1, 6):
        sender.send(i, i, 1)
        await sender.until(i)
    assert [line["no"] for event in told for line in event["lines"]] == [1, 2, 3, 4, 5]
    writer.stop()


async def test_lines_wait_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdeck.engine.logwriter.RETRY_PAUSE", 0.02)
    writer = LogWriter(LogFiles(tmp_path / "logs"), tmp_path / "logs.sock")
    writer.start()
    sender = await Sender().connect(tmp_path / "logs.sock")
    real = writer._appender.append

    def full(batches: Any, now: int | None = None) -> Any:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(writer._appender, "append", full)
    sender.send(1, 1, 3)
    async with asyncio.timeout(5):
        while writer.healthy:
            await asyncio.sleep(0.005)
    assert sender.acknowledged == []
    monkeypatch.setattr(writer._appender, "append", real)
    await sender.until(1)
    assert writer.healthy
    writer.stop()
    assert writer.stored == 3


async def test_anything_else_closes_the_connection(tmp_path: Path) -> None:
    writer = LogWriter(LogFiles(tmp_path / "logs"), tmp_path / "logs.sock")
    writer.start()
    sender = await Sender().connect(tmp_path / "logs.sock")
    assert sender.link is not None
    sender.link.send(LinesStored(1))
    await asyncio.wait_for(sender.closed.wait(), 5)
    writer.stop()
