"""A result is reported once its attempt's lines are stored; a later attempt's lines are never taken for repeats."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine import worker_logs
from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.masking import Masker
from flowdeck.engine.messages import Lines, LinesStored, LinesWanted
from flowdeck.engine.worker_logs import AttemptLog, LogClient, Owner

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


async def test_an_attempt_that_is_handed_out_again_numbers_above_the_earlier_one() -> None:
    client = LogClient(None)
    for fence in (1, 2):
        log = AttemptLog(client, OWNER, Masker(), fence)
        log.write_many(2, ["a", "b"])
        client.flush()
    numbers = [line[0] for message in client.kept if isinstance(message, Lines) for line in message.lines]
    assert numbers[:2] == [1, 2] and numbers == sorted(set(numbers))
