"""A result is reported once its attempt's lines are stored; a later attempt's lines are never taken for repeats."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine import worker_logs
from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.logwriter import LogWriter
from flowdeck.engine.messages import Lines, LinesStored, LinesWanted
from flowdeck.engine.worker_logs import AttemptLog, LogClient, Owner
from flowdeck.model.masking import Masker
from flowdeck.store.driver import StoreUnavailable
from flowdeck.store.logs import LogFiles

NOW = 1_790_000_000_000
OWNER = Owner(1, "E", 7, 1, "main", "a.b", "f", "t", "R")


async def connected(folder: Path) -> tuple[LogClient, list[Any], list[FrameProtocol]]:
    received: list[Any] = []
    links: list[FrameProtocol] = []
    loop = asyncio.get_running_loop()
    path = str(folder / "logs.sock")
    await loop.create_unix_server(
        lambda: FrameProtocol(lambda _, messages: received.extend(messages), lambda _: None, links.append), path
    )
    client = LogClient(path)
    client.start()
    async with asyncio.timeout(5):
        while not links or client._link is None:
            await asyncio.sleep(0.005)
    return client, received, links


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_result_waits_for_its_lines(tmp_path: Path) -> None:
    client, received, links = await connected(tmp_path)
    log, told = AttemptLog(client, OWNER, Masker()), []
    log.write(2, "hello")
    log.when_stored(lambda: told.append(1))
    await until(lambda: received)
    assert received[0].urgent and not told
    links[0].send(LinesStored(received[0].batch))
    await until(lambda: told)
    await client.stop(0)


async def test_lines_that_left_before_are_asked_for(tmp_path: Path) -> None:
    client, received, links = await connected(tmp_path)
    log, told = AttemptLog(client, OWNER, Masker()), []
    log.write(2, "hello")
    client.flush()
    await until(lambda: received)
    log.when_stored(lambda: told.append(1))
    await until(lambda: len(received) == 2)
    assert isinstance(received[1], LinesWanted) and not told
    links[0].send(LinesStored(received[0].batch))
    await until(lambda: told)
    await client.stop(0)


async def test_without_lines_a_result_leaves_at_once(tmp_path: Path) -> None:
    client, _, _ = await connected(tmp_path)
    told: list[int] = []
    AttemptLog(client, OWNER, Masker()).when_stored(lambda: told.append(1))
    assert told
    await client.stop(0)


async def test_a_log_writer_that_stays_away_holds_no_result_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_logs, "HOLD", 0.03)
    client = LogClient(str(tmp_path / "nobody.sock"))
    log, told = AttemptLog(client, OWNER, Masker()), []
    log.write(2, "hello")
    log.when_stored(lambda: told.append(1))
    assert not told
    await until(lambda: told)
    await client.stop(0)


async def slowly(received: list[Any], links: list[FrameProtocol], count: int, pause: float) -> None:
    """Store the batches that came, one after the other."""
    done = 0
    while done < count:
        await asyncio.sleep(pause)
        batches = [message.batch for message in received if isinstance(message, Lines)]
        if len(batches) > done:
            links[0].send(LinesStored(batches[done]))
            done += 1


async def test_a_result_waits_for_a_log_writer_that_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_logs, "HOLD", 0.1)
    client, received, links = await connected(tmp_path)
    log, told = AttemptLog(client, OWNER, Masker()), []
    log.write_many(2, ["x"] * 10_000)
    log.when_stored(lambda: told.append(len(client._unacked)))
    await slowly(received, links, 10, 0.04)
    await until(lambda: told)
    assert told == [0]
    await client.stop(0)


async def test_a_worker_that_stops_waits_for_a_log_writer_that_is_behind(tmp_path: Path) -> None:
    client, received, links = await connected(tmp_path)
    AttemptLog(client, OWNER, Masker()).write_many(2, ["x"] * 10_000)
    storing = asyncio.create_task(slowly(received, links, 10, 0.04))
    await client.stop(0.1)
    assert not client._unacked
    await storing


async def test_an_attempt_that_is_handed_out_again_numbers_above_the_earlier_one() -> None:
    client = LogClient(None)
    for fence in (1, 2):
        log = AttemptLog(client, OWNER, Masker(), fence)
        log.write_many(2, ["a", "b"])
        client.flush()
    numbers = [line[0] for message in client.kept if isinstance(message, Lines) for line in message.lines]
    assert numbers[:2] == [1, 2] and numbers == sorted(set(numbers))


async def test_few_lines_travel_with_the_result(tmp_path: Path) -> None:
    client, received, _ = await connected(tmp_path)
    log = AttemptLog(client, OWNER, Masker())
    assert log.ride() is None
    log.write(2, "hello")
    message = log.ride()
    assert message is not None and [line[4] for line in message.lines] == ["hello"]
    log.write(2, "x" * (worker_logs.RIDING + 1))
    assert log.ride() is None
    client.flush()
    await until(lambda: received)
    log.write(2, "after one that is not stored")
    assert log.ride() is None
    assert [len(m.lines) for m in received] == [1]
    await client.stop(0)


def _with_result(text: str, no: int = 1) -> Lines:
    return Lines(0, 1, "E", 7, 1, "main", "a.b", "f", "t", "R", [(no, NOW, 2, "main", text)], True)


def _stored(files: LogFiles) -> list[str]:
    found: list[str] = []
    for file in files.files():
        with file.database.reader() as reader:
            found += [row[0] for row in reader.all("select message from log_line order by seq")]
    return found


async def test_lines_that_come_with_a_result_are_stored_first(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs")
    writer = LogWriter(files)
    await asyncio.to_thread(writer.start)
    seen: list[list[str]] = []
    writer.store(_with_result("a"), lambda: seen.append(_stored(files)))
    writer.store(_with_result("a"), lambda: seen.append(_stored(files)))  # sent again after a reconnection
    await until(lambda: len(seen) == 2)
    assert seen == [["a"], ["a"]]
    with writer._appending:  # the thread is busy with something large
        writer.store(_with_result("b", 2), lambda: seen.append(_stored(files)))
        await asyncio.sleep(0.02)
        assert len(seen) == 2
    await until(lambda: len(seen) == 3)
    assert seen[2] == ["a", "b"]
    await asyncio.to_thread(writer.stop)
    files.close()


async def test_a_full_disk_of_logs_holds_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = LogFiles(tmp_path / "logs")
    writer = LogWriter(files)
    await asyncio.to_thread(writer.start)

    def full(*_: Any) -> Any:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(writer._appender, "append", full)
    told: list[int] = []
    writer.store(_with_result("a"), lambda: told.append(1))
    await until(lambda: told)
    writer.store(_with_result("b", 2), lambda: told.append(2))
    await until(lambda: len(told) == 2)
    monkeypatch.undo()
    await until(lambda: _stored(files) == ["a", "b"])
    await asyncio.to_thread(writer.stop)
    files.close()
