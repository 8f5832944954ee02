"""A worker of several executors: shared credits, reports to the owner of the shard, claims (engine notes §2.3, §2.9)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.executors import Address, Doors, Relay, addresses, advertise, sockets
from flowdeck.engine.messages import Done, Evaluate, Poll, Run
from flowdeck.engine.worker import Worker, WorkerOptions
from flowdeck.engine.worker_link import CoreLink
from flowdeck.model.states import State
from flowdeck.storage.local import LocalStorage
from tests.unit.worker.conftest import Core

SLEEP = """
- id: sleep
  type: io.kestra.plugin.core.flow.Sleep
  duration: {}
"""
SHELL = SLEEP.format("PT0.2S")


async def until(probe: object, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not probe():  # type: ignore[operator]
            await asyncio.sleep(0.005)


class Executor(Core):
    """A stand-in that owns shards and forgets what it hands over."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder)
        self.name = name
        self.shards: set[int] = set()
        self.claims: list[tuple[int, list[tuple[int, int]]]] = []

    async def listen(self, **more: Any) -> None:
        await self.open(
            owns=lambda shard: shard in self.shards,
            on_claim=lambda worker, no, keys: self.claims.append((no, keys)),
            **more,
        )

    def own(self, *shards: int) -> int:
        gone = self.shards - set(shards)
        self.shards = set(shards)
        self.gateway.release(gone)
        return self.gateway.announce(self.shards)

    def address(self) -> Address:
        return Address(self.name, str(self.folder / "worker.sock"), None)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Executor, Executor]]:
    both = tuple(Executor(tmp_path / name, name) for name in "ab")
    both[1].flows = both[0].flows
    for one in both:
        one.folder.mkdir()
        await one.listen()
    try:
        yield both  # type: ignore[misc]
    finally:
        for one in both:
            for worker in one.workers:
                await worker.close()
            await one.gateway.close()


async def worker_of(*executors: Executor, **more: Any) -> Worker:
    worker = await executors[0].worker(socket=lambda: [one.address() for one in executors], **more)
    await until(lambda: all(one.hellos for one in executors))
    return worker


def job(executor: Executor, text: str, shard: int, seq: int) -> Run:
    run = executor.job(text, shard=shard)
    executor.flows[seq] = executor.flows[run.flow_key]
    run.seq, run.flow_key = seq, seq
    return run


async def test_a_run_whose_shard_moves_is_claimed_and_reported_once(two: tuple[Executor, Executor]) -> None:
    a, b = two
    a.own(1, 2)
    await worker_of(a, b)
    run = job(a, SLEEP.format("PT0.5S"), 1, 100)
    a.gateway.dispatch(run, process=False)
    await until(lambda: a.started)
    a.own(2)
    no = b.own(1)
    await until(lambda: (no, [(100, 1)]) in b.claims)
    assert not a.gateway._holder and (100, 1) in b.gateway._holder
    assert (await b.wait(run)).state == State.SUCCESS
    assert not a.reports


async def test_a_result_waits_for_the_next_owner(two: tuple[Executor, Executor]) -> None:
    a, b = two
    a.own(1)
    worker = await worker_of(a, b)
    run = job(a, SLEEP.format("PT0.2S"), 1, 100)
    a.gateway.dispatch(run, process=False)
    await until(lambda: a.started)
    a.own()
    await until(lambda: len(worker.link.kept) == 1)
    await asyncio.sleep(0.05)
    assert not a.reports and not b.reports
    b.own(1)
    assert (await b.wait(run)).state == State.SUCCESS
    await until(lambda: len(worker.link.kept) == 0)


async def test_credits_are_shared_and_what_is_too_much_waits(two: tuple[Executor, Executor]) -> None:
    a, b = two
    a.own(1)
    b.own(2)
    worker = await worker_of(a, b, process_credits=1)
    most = 0
    jobs = [(a, job(a, SHELL, 1, 100)), (b, job(b, SHELL, 2, 200)), (b, job(b, SHELL, 2, 201))]
    for executor, run in jobs:
        executor.gateway.dispatch(run, process=True)
    while not all((run.seq, 1) in executor.done for executor, run in jobs):
        most = max(most, len(worker.attempts.running()[0]))
        await asyncio.sleep(0.005)
    assert most == 1
    assert all(executor.done[run.seq, 1].state == State.SUCCESS for executor, run in jobs)


async def test_a_job_that_waits_for_a_credit_can_be_killed(two: tuple[Executor, Executor]) -> None:
    a, b = two
    a.own(1)
    b.own(2)
    await worker_of(a, b, process_credits=1)
    first, second = job(a, SHELL, 1, 100), job(b, SHELL, 2, 200)
    a.gateway.dispatch(first, process=True)
    await until(lambda: a.started)
    b.gateway.dispatch(second, process=True)
    await until(lambda: (200, 1) in b.gateway._holder)
    b.gateway.kill(200, 1)
    assert (await b.wait(second)).state == State.KILLED
    assert (await a.wait(first)).state == State.SUCCESS


async def test_reports_of_foreign_shards_are_passed_over(two: tuple[Executor, Executor]) -> None:
    a, _ = two
    a.own(1)
    worker = await worker_of(a)
    connection = worker.link.connections["a"]
    connection.send(Done(7, 1, int(State.SUCCESS), 0, 0, shard=9))
    connection.send(Done(8, 1, int(State.SUCCESS), 0, 0, shard=1))
    await until(lambda: a.reports)
    assert [report.seq for report in a.reports] == [8]


async def test_executors_are_found_by_their_files_and_over_tcp_with_a_token(tmp_path: Path) -> None:
    one = Executor(tmp_path / "one", "one")
    one.folder.mkdir()
    path = advertise(tmp_path, "0123456789")
    door, logs = sockets(tmp_path, "0123456789")
    assert [(found.worker, found.logs) for found in addresses(tmp_path)()] == [(str(door), str(logs))]
    path.unlink()
    assert addresses(tmp_path)() == []

    await one.listen()
    one.own(1)
    relay = Relay("127.0.0.1:9461", "the token", {"worker": one.folder / "worker.sock"})
    await relay.start()
    try:
        look = addresses(tmp_path, ["127.0.0.1:9461"])
        stranger = Worker(_options(one, socket=look, doors=Doors("another token")))
        stranger.start()
        await asyncio.sleep(0.2)
        assert not one.hellos
        await stranger.close()
        await one.worker(socket=look, doors=Doors("the token"))
        run = job(one, SLEEP.format("PT0.01S"), 1, 100)
        one.gateway.dispatch(run, process=False)
        assert (await one.wait(run)).state == State.SUCCESS
    finally:
        for worker in one.workers:
            await worker.close()
        await relay.stop()
        await one.gateway.close()


def _options(one: Executor, **more: Any) -> WorkerOptions:
    return WorkerOptions(logs_socket=None, storage=LocalStorage(one.folder), temp=one.folder, **more)


class Listening:
    """Jobs that go on until they are told to end."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[int, int], object] = {}
        self.forsaken: list[tuple[int, int]] = []

    def run(self, job: Any) -> None:
        self.jobs[job.seq, job.fence] = job

    def kill(self, key: tuple[int, int]) -> None:
        self.jobs.pop(key, None)

    def running(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return [], list(self.jobs)

    def lease_ended(self, keys: Iterable[tuple[int, int]] | None = None) -> None:
        for key in list(self.jobs if keys is None else keys):
            if self.jobs.pop(key, None) is not None:
                self.forsaken.append(key)

    def drain(self) -> None:
        return None


async def test_a_listener_goes_on_under_the_next_owner_an_evaluation_ends_with_who_asked(
    two: tuple[Executor, Executor],
) -> None:
    """§15.8: the trigger's shard moves, nobody begins anew; what only the dead executor wanted is dropped."""
    a, b = two
    a.own(70)
    there = [a.address(), b.address()]
    jobs = Listening()
    link = CoreLink(lambda: list(there), jobs, group="", process_credits=2, async_credits=10)
    link.start()
    try:
        await until(lambda: a.hellos and b.hellos)
        place: dict[str, Any] = {"tenant": "main", "namespace": "a.b", "flow_id": "f"}
        listener = Poll(-5, 1, **place, flow_key=1, revision=1, trigger_id="t", execution="e", context={}, shard=70)
        question = Evaluate(-6, -1, **place, value="{{ 1 }}", context={})
        for one in (listener, question):
            a.gateway.dispatch(one, process=False)
        await until(lambda: len(jobs.jobs) == 2)

        event = asyncio.create_task(link.call("trigger.event", {}, seq=-5, fence=1, no=1))
        b.calls["trigger.event"] = lambda args: "stored"
        a.calls.clear()  # the first owner never answers: it dies
        a.gateway.on_call = lambda call, worker, reply: None
        await asyncio.sleep(0.05)
        await a.gateway.close()
        there.pop(0)
        await until(lambda: jobs.forsaken == [(-6, -1)])
        no = b.own(70)
        await until(lambda: (no, [(-5, 1)]) in b.claims)
        assert await event == "stored"
        assert list(jobs.jobs) == [(-5, 1)]
        b.gateway.kill(-5, 1)
        await until(lambda: not jobs.jobs)
    finally:
        await link.stop()


async def test_what_no_executor_wants_for_a_lease_is_ended_but_results_stay(two: tuple[Executor, Executor]) -> None:
    a, _ = two
    a.own(1)
    there = [a.address()]
    jobs = Listening()
    link = CoreLink(lambda: list(there), jobs, group="", process_credits=2, async_credits=10, lease=0.5)
    link.start()
    try:
        await until(lambda: a.hellos)
        for seq in (100, 101):
            a.gateway.dispatch(job(a, SLEEP, 1, seq), process=True)
        await until(lambda: len(jobs.jobs) == 2)
        jobs.jobs.pop((101, 1))
        a.auto_ack = False
        link.done(Done(101, 1, int(State.SUCCESS), 0, 0), light=False)
        await a.gateway.close()
        there.clear()
        await until(lambda: jobs.forsaken == [(100, 1)])
        assert link.kept.keys() == [(101, 1)]
    finally:
        await link.stop()


async def test_the_worker_looks_at_its_lease_when_it_ends(two: tuple[Executor, Executor]) -> None:
    """quality.md §2.3 fault 17: from then on the executor may give the attempts to others; heartbeats are too rare."""
    a, _ = two
    link = CoreLink(lambda: [a.address()], Listening(), group="", process_credits=1, async_credits=1, lease=40)
    link.start()
    try:
        await until(lambda: a.hellos)
        (connection,) = link.connections.values()
        connection.heard = time.monotonic() - link.lease + 0.05
        assert link._beat is not None
        link._beat.cancel()
        link._heartbeat()
        assert link._beat.when() - asyncio.get_running_loop().time() < 0.06
        connection.heard = time.monotonic()
        link._beat.cancel()
        link._heartbeat()
        assert 2 < link._beat.when() - asyncio.get_running_loop().time() < 4
    finally:
        await link.stop()
