"""Laws between worker and core: credits, order, fences, acknowledgement, reconnection, leases, logs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Done, Hello, Lines, LinesStored, Run
from flowdeck.engine.worker_link import Kept
from flowdeck.model.states import State
from tests.unit.worker.conftest import Core, ok

SLEEP = "- id: s\n  type: io.kestra.plugin.core.flow.Sleep\n  duration: {}"
LOG = "- id: l\n  type: io.kestra.plugin.core.log.Log\n  message: hi"


async def until(condition: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.005)


async def test_credits_bound_what_runs_and_come_back_on_acknowledgement(bare: Core) -> None:
    bare.auto_ack = False
    await bare.open()
    await bare.worker(process_credits=2)
    jobs = [bare.job(LOG) for _ in range(5)]
    for job in jobs:
        bare.gateway.dispatch(job, process=True)
    await until(lambda: len(bare.done) == 2)
    await asyncio.sleep(0.03)
    assert len(bare.done) == 2 and bare.gateway.queued() == 3
    bare.gateway.ack(jobs[0].seq, 1)
    await until(lambda: len(bare.done) == 3)


async def test_asynchronous_tasks_take_no_process_credit(bare: Core) -> None:
    await bare.open()
    await bare.worker(process_credits=1)
    long = [bare.job(SLEEP.format("PT10S")) for _ in range(20)]
    for job in long:
        bare.gateway.dispatch(job, process=False)
    assert ok(await bare.run(LOG, process=True)) == {}
    assert len(bare.workers[0].attempts.running()[1]) == 20


async def test_executions_take_turns(bare: Core) -> None:
    await bare.open()
    order: list[int] = []
    wide = [bare.job(LOG, execution_seq=1) for _ in range(6)]
    narrow = bare.job(LOG, execution_seq=2)
    for job in [*wide, narrow]:
        bare.gateway.dispatch(job, process=True)
    await bare.worker(process_credits=1)
    await until(lambda: len(bare.reports) == 7)
    order = [done.seq for done in bare.reports]
    assert order.index(narrow.seq) == 1


async def test_a_kill_before_dispatch_reports_killed(bare: Core) -> None:
    await bare.open()
    job = bare.job(LOG)
    bare.gateway.dispatch(job, process=True)
    bare.gateway.kill(job.seq, 1)
    assert (await bare.wait(job)).state == State.KILLED
    await bare.worker()
    await asyncio.sleep(0.02)
    assert len(bare.reports) == 1


async def test_results_are_kept_until_acknowledged_and_sent_again(bare: Core) -> None:
    bare.auto_ack = False
    await bare.open()
    worker = await bare.worker()
    job = bare.job(LOG)
    bare.gateway.dispatch(job, process=True)
    await bare.wait(job)
    worker.link.cut()
    await until(lambda: len(bare.hellos) == 2 and len(bare.reports) == 2)
    assert bare.hellos[1].in_flight == [(job.seq, 1)] and bare.reports[0] == bare.reports[1]
    bare.gateway.ack(job.seq, 1)
    await until(lambda: len(worker.link.kept) == 0)
    worker.link.cut()
    await until(lambda: len(bare.hellos) == 3)
    assert bare.hellos[2].in_flight == []


async def test_attempts_survive_a_lost_connection(bare: Core) -> None:
    await bare.open()
    worker = await bare.worker()
    job = bare.job(SLEEP.format("PT0.3S"))
    bare.gateway.dispatch(job, process=False)
    await until(lambda: bare.started)
    worker.link.cut()
    done = await bare.wait(job)
    assert done.state == State.SUCCESS and not bare.lost and bare.hellos[1].light == [(job.seq, 1)]


async def test_a_new_core_learns_of_running_attempts(bare: Core) -> None:
    await bare.open()
    await bare.worker()
    job = bare.job(SLEEP.format("PT0.4S"))
    bare.gateway.dispatch(job, process=False)
    await until(lambda: bare.started)
    await bare.gateway.close()
    await bare.open()
    await until(lambda: len(bare.hellos) == 2)
    assert bare.hellos[1].in_flight == [(job.seq, 1)]
    assert (await bare.wait(job)).state == State.SUCCESS


async def test_a_worker_that_does_not_come_back_is_lost(bare: Core) -> None:
    await bare.open(grace=0.05)
    worker = await bare.worker()
    job = bare.job(SLEEP.format("PT10S"))
    bare.gateway.dispatch(job, process=False)
    await until(lambda: bare.started)
    await worker.close()
    await until(lambda: bare.lost)
    assert bare.lost == [(worker.link.worker, [(job.seq, 1)])]


async def test_a_silent_worker_is_lost_at_the_end_of_its_lease(bare: Core) -> None:
    await bare.open(lease=0.2)
    reader, writer = await asyncio.open_unix_connection(bare.folder / "worker.sock")
    from flowdeck.engine.messages import encode

    writer.write(encode([Hello("w1", "", 1, 1)]))
    await until(lambda: bare.lost)
    assert bare.lost == [("w1", [])] and await reader.read() == b""


async def test_a_worker_whose_lease_ended_stops_its_attempts(bare: Core) -> None:
    await bare.open()
    worker = await bare.worker(lease=0.3)
    job = bare.job(SLEEP.format("PT10S"))
    bare.gateway.dispatch(job, process=False)
    await until(lambda: bare.started)
    name = worker.link.worker
    await bare.gateway.close()
    await until(lambda: worker.link.worker != name)
    assert worker.attempts.running() == ([], [])


async def test_nothing_is_said_before_hello(bare: Core) -> None:
    await bare.open()
    reader, writer = await asyncio.open_unix_connection(bare.folder / "worker.sock")
    from flowdeck.engine.messages import encode

    writer.write(encode([Done(1, 1, int(State.SUCCESS), 0, 0)]))
    assert await reader.read() == b"" and not bare.reports
    reader, writer = await asyncio.open_unix_connection(bare.folder / "worker.sock")
    writer.write(b"\x00\x00\x00\x04nope")
    assert await reader.read() == b""


async def test_drain_takes_nothing_new_and_finishes(bare: Core) -> None:
    await bare.open()
    worker = await bare.worker()
    job = bare.job(SLEEP.format("PT0.2S"))
    bare.gateway.dispatch(job, process=False)
    await until(lambda: bare.started)
    worker.stop()
    await asyncio.sleep(0.02)
    later = bare.job(LOG)
    bare.gateway.dispatch(later, process=False)
    assert (await bare.wait(job)).state == State.SUCCESS
    await asyncio.sleep(0.03)
    assert bare.gateway.queued() == 1


async def test_lines_wait_for_the_log_writer_and_come_once(bare: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdeck.engine.worker_logs.RIDING", 0)  # else so few would come with the result
    received: list[Lines] = []
    links: list[FrameProtocol] = []
    answer = False

    def on_messages(link: FrameProtocol, messages: list[Any]) -> None:
        received.extend(messages)
        if answer:
            for message in messages:
                link.send(LinesStored(message.batch))

    loop = asyncio.get_running_loop()
    path = str(bare.folder / "logs.sock")
    await bare.open()
    worker = await bare.worker(logs_socket=path)
    await bare.run(LOG)
    server = await loop.create_unix_server(lambda: FrameProtocol(on_messages, lambda _: None, links.append), path)
    await until(lambda: received)
    assert [line[0] for line in received[0].lines] == [1] and received[0].task_id == "l"
    links[0].abort()
    answer = True
    await until(lambda: len(received) == 2)
    assert received[1] == received[0]
    await until(lambda: not worker.logs._unacked)
    assert worker.logs._pending == 0
    server.close()


async def test_a_full_log_brakes_the_child(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdeck.engine.worker_logs.FULL", 200_000)
    client = core.workers[0].logs
    monkeypatch.setattr(client, "path", "nowhere")  # nothing is acknowledged
    job = core.job("- id: s\n  type: io.kestra.plugin.scripts.shell.Commands\n  commands: ['seq 1 400000']")
    core.gateway.dispatch(job, process=True)
    await until(client.full)
    await asyncio.sleep(0.1)
    held = client._pending
    await asyncio.sleep(0.1)
    assert client._pending == held < 40_000_000 and not core.done
    core.gateway.kill(job.seq, 1)
    assert (await core.wait(job, 5)).state == State.KILLED
    client._unacked.clear()


def test_results_beyond_the_memory_limit_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdeck.engine.worker_results.SPOOL_ABOVE", 1000)
    kept = Kept(tmp_path)
    sent = [Done(n, 1, int(State.SUCCESS), 1, 2, outputs={"v": "x" * 200}, outputs_size=208) for n in range(10)]
    for done in sent:
        kept.add(done, light=False)
    assert [kept.get((n, 1)) for n in range(10)] == sent
    for n in range(10):
        kept.drop((n, 1))
    assert len(kept) == 0 and kept.get((3, 1)) is None


CHILD = """
import asyncio, sys
from pathlib import Path
from flowdeck.sdk.process import Guard, run_child
async def main():
    guard = Guard(); guard.start()
    await run_child(["/bin/sh", "-c", "sleep 50 & echo $$ $!; wait"], "/", {"PATH": "/usr/bin:/bin"},
                    lambda s, lines: print(lines[0], flush=True), guard=guard)
asyncio.run(main())
"""


def test_no_orphans_after_a_killed_worker() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        os.kill(process.pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_a_repeated_dispatch_runs_once(core: Core) -> None:
    job = core.job(SLEEP.format("PT0.1S"))
    attempts = core.workers[0].attempts
    core.gateway.dispatch(job, process=False)
    await until(lambda: attempts.running()[1])
    attempts.run(Run(**{f: getattr(job, f) for f in job.__struct_fields__}))
    await core.wait(job)
    await asyncio.sleep(0.02)
    assert len(core.reports) == 1


async def test_folders_of_killed_workers_are_swept(bare: Core) -> None:
    await bare.open()
    first = await bare.worker()
    left = bare.folder / "flowdeck-worker-1-dead"
    left.mkdir()
    (left / ".lock").touch()
    await bare.worker()
    assert not left.exists() and first.temp.exists()
