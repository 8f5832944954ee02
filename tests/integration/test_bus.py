"""The command socket and the feed: real sockets, a real database, a loop that commits groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands.registry import COMMANDS, carry_out, command
from flowdeck.engine.bus import Answer, CommandServer, CoreClient
from flowdeck.engine.feed import FeedHub
from flowdeck.engine.messages import Command, Reply
from flowdeck.model.errors import Conflict, NotFound, Unavailable
from flowdeck.store.driver import Tx, create_schema, open_database


@pytest.fixture(autouse=True)
def commands() -> Iterator[None]:
    before = dict(COMMANDS)

    @command("test.put")
    def put(tx: Tx, args: dict[str, Any]) -> Any:
        if args.get("refuse"):
            tx.insert("setting", key="refused", value="x", updated=1)
            raise Conflict("stale", version=3)
        tx.insert("setting", key=args["key"], value=tx.principal or "", updated=tx.now)
        tx.notify("settings", "created", args["key"])
        return {"key": args["key"], "count": tx.value("select count(*) from setting")}

    yield
    COMMANDS.clear()
    COMMANDS.update(before)


class Core:
    """As much of core as the bus needs: takes what is queued, applies, commits once, answers."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(f"sqlite:///{folder}/flowdeck.db")
        if not self.database.path.exists():  # type: ignore[union-attr]
            create_schema(self.database)
        self.writer = self.database.writer()
        self.hub = FeedHub(ring=50)
        self.server = CommandServer(folder / "core.sock", self.submit, self.hub)
        self.queue: list[tuple[Command, Answer]] = []
        self.commits = 0
        self.silent = False

    def submit(self, command: Command, answer: Answer) -> None:
        if not self.queue:
            asyncio.get_running_loop().call_soon(self.step)
        self.queue.append((command, answer))

    def step(self) -> None:
        queue, self.queue = self.queue, []
        tx = self.writer.begin()
        replies = []
        for message, answer in queue:
            result, error = carry_out(tx, message.name, message.args, key=message.key, principal=message.principal)
            replies.append((answer, Reply(id=message.id, result=result, error=error)))
        events = tx.events
        self.writer.commit(full=True)
        self.commits += 1
        if self.silent:
            return
        for answer, reply in replies:
            answer(reply)
        self.hub.publish(events)

    async def stop(self) -> None:
        await self.server.stop()
        self.writer.close()
        self.database.close()


async def test_a_command_is_answered_with_its_result(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    assert await client.send("test.put", {"key": "a"}, principal="ann") == {"key": "a", "count": 1}
    with core.database.reader() as reader:
        assert reader.value("select value from setting where key = 'a'") == "ann"
    with pytest.raises(Conflict) as caught:
        await client.send("test.put", {"refuse": True})
    assert (caught.value.message, caught.value.detail) == ("stale", {"version": 3})
    with core.database.reader() as reader:
        assert reader.value("select count(*) from setting where key = 'refused'") == 0
    await client.close()
    await core.stop()


async def test_commands_that_arrive_together_share_a_commit(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    await client.send("test.put", {"key": "first"})
    before = core.commits
    await asyncio.gather(*(client.send("test.put", {"key": f"k{i}"}) for i in range(100)))
    assert core.commits - before < 10
    await client.close()
    await core.stop()


async def test_a_key_is_answered_once_and_for_all(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    first = await client.send("test.put", {"key": "a"}, key="K")
    assert await client.send("test.put", {"key": "a"}, key="K") == first
    with pytest.raises(Conflict):
        await client.send("test.put", {"refuse": True}, key="R")
    with pytest.raises(Conflict):
        await client.send("test.put", {"key": "z"}, key="R")
    await client.close()
    await core.stop()


async def test_an_unanswered_command_takes_effect_once_across_a_restart(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    await client.send("test.put", {"key": "a"})
    core.silent = True  # commits, then dies before it answers
    pending = asyncio.create_task(client.send("test.put", {"key": "b"}))
    while core.commits < 2:
        await asyncio.sleep(0.005)
    await core.stop()
    core = Core(tmp_path)
    await core.server.start()
    assert (await pending)["count"] == 2
    with core.database.reader() as reader:
        assert reader.value("select count(*) from setting") == 2
    await client.close()
    await core.stop()


async def test_without_core_a_command_waits_then_is_refused(tmp_path: Path) -> None:
    client = CoreClient(tmp_path / "core.sock")
    with pytest.raises(Unavailable) as caught:
        await client.send("test.put", {"key": "a"}, timeout=0.05)
    assert caught.value.detail["retry_after"] == 5
    waiting = asyncio.create_task(client.send("test.put", {"key": "a"}, timeout=5))
    await asyncio.sleep(0.02)
    core = Core(tmp_path)
    await core.server.start()
    assert (await waiting)["count"] == 1
    await client.close()
    await core.stop()


async def test_the_feed_resumes_where_it_broke_off(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    feed = client.feed()
    assert await anext(feed) == [{"kind": "reset"}], "what was read before core knew of the subscriber may be old"
    first = asyncio.ensure_future(anext(feed))
    await client.send("test.put", {"key": "a"}, principal="ann")
    assert await first == [{"kind": "topic", "topic": "settings", "change": "created", "id": "a", "by": "ann"}]
    for link in list(core.hub._subscribers):
        core.hub.remove(link)
        link.abort()
    await client.send("test.put", {"key": "b"})
    assert [event["id"] for event in await anext(feed)] == ["b"]
    await core.stop()
    core = Core(tmp_path)
    await core.server.start()
    assert await asyncio.wait_for(anext(feed), 5) == [{"kind": "reset"}]
    await client.send("test.put", {"key": "c"})
    assert [event["id"] for event in await anext(feed)] == ["c"]
    await feed.aclose()  # type: ignore[attr-defined]
    await client.close()
    await core.stop()


async def test_a_subscriber_that_missed_more_than_the_ring_holds_is_told(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    feed = client.feed()
    assert await anext(feed) == [{"kind": "reset"}], "what was read before core knew of the subscriber may be old"
    first = asyncio.ensure_future(anext(feed))
    core.hub.publish([{"kind": "topic", "id": "0"}])
    await first
    for link in list(core.hub._subscribers):
        core.hub.remove(link)
        link.abort()
    core.hub.publish([{"kind": "topic", "id": str(i)} for i in range(60)])
    assert await asyncio.wait_for(anext(feed), 5) == [{"kind": "reset"}]
    await client.close()
    await core.stop()


async def test_lines_reach_only_those_who_follow(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    one, other = CoreClient(tmp_path / "core.sock"), CoreClient(tmp_path / "core.sock")
    feeds = [one.feed(), other.feed()]
    assert [await anext(feed) for feed in feeds] == [[{"kind": "reset"}]] * 2
    got = [asyncio.ensure_future(anext(feed)) for feed in feeds]
    one.follow(["E1"])
    while len(core.hub._subscribers) < 2 or "E1" not in core.hub.followed:
        await asyncio.sleep(0.005)
    core.hub.publish([{"kind": "log", "execution": "E1", "lines": [], "total": 1}, {"kind": "topic", "id": "t"}])
    assert (await got[0])[0]["kind"] == "log"
    assert (await got[1])[0]["kind"] == "topic"
    one.follow([])
    while core.hub.followed:
        await asyncio.sleep(0.005)
    await one.close()
    await other.close()
    await core.stop()


async def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    with pytest.raises(Exception, match="unknown command"):
        await client.send("nothing", {})
    assert NotFound.status == 404
    await client.close()
    await core.stop()


async def test_a_core_that_does_not_come_back_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdeck.engine.bus.LOST_WAIT", 0.05)
    core = Core(tmp_path)
    await core.server.start()
    client = CoreClient(tmp_path / "core.sock")
    await client.send("test.put", {"key": "a"})
    core.silent = True
    pending = asyncio.create_task(client.send("test.put", {"key": "b"}))
    while core.commits < 2:
        await asyncio.sleep(0.005)
    await core.stop()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(pending, 2)
    await client.close()
