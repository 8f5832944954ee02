"""A worker in a process of its own, with the real gateway and log writer beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from flowdeck.config import Settings, load_settings
from flowdeck.engine.logwriter import LogWriter
from flowdeck.model.states import State
from flowdeck.store.driver import StoreError
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import LogFiles
from tests.unit.worker.conftest import Core

MAIN = (
    "import asyncio; from flowdeck.config import load_settings; from flowdeck.engine.worker import run_worker\n"
    "asyncio.run(run_worker(load_settings()))"
)


async def until(condition: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


class Instance:
    """Home folder, gateway and log writer; workers are started by the tests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.core = Core(settings.home.run)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.logs = LogWriter(LogFiles(settings.home.logs), settings.home.socket("logs"))

    async def start(self) -> None:
        self.logs.start()
        await self.core.open()

    async def worker(self) -> subprocess.Popen[bytes]:
        env = {**os.environ, "FLOWDECK_HOME": str(self.settings.home.path)}
        self.processes.append(subprocess.Popen([sys.executable, "-c", MAIN], env=env))
        count = len(self.core.hellos)
        await until(lambda: len(self.core.hellos) > count)
        return self.processes[-1]

    def texts(self) -> list[str]:
        store = LogStore(self.settings.home.logs)
        try:
            return [line["text"] for line in store.range(1, 1, 100_000)[0]]
        except StoreError:
            return []  # the day's file is just being made
        finally:
            store.close()


@pytest.fixture
async def instance(tmp_path: Path) -> AsyncIterator[Instance]:
    settings = load_settings(environment={"FLOWDECK_HOME": str(tmp_path)})
    settings.home.prepare()
    found = Instance(settings)
    await found.start()
    yield found
    for process in found.processes:
        if process.poll() is None:
            process.kill()
        process.wait()
    found.logs.stop()
    await found.core.gateway.close()


SCRIPT = "- id: s\n  type: io.kestra.plugin.scripts.shell.Commands\n  commands: ['seq 1 {}', '{}']"


async def test_attempts_run_and_lines_are_stored(instance: Instance) -> None:
    await instance.worker()
    done = await instance.core.run(SCRIPT.format(3000, "true"))
    assert done.state == State.SUCCESS
    await until(lambda: len([t for t in instance.texts() if t.isdigit()]) == 3000)
    assert [t for t in instance.texts() if t.isdigit()] == [str(n) for n in range(1, 3001)]


async def test_sigterm_finishes_what_runs(instance: Instance) -> None:
    process = await instance.worker()
    job = instance.core.job(SCRIPT.format(1, "sleep 0.4"))
    instance.core.gateway.dispatch(job, process=True)
    await until(lambda: instance.core.started)
    process.send_signal(signal.SIGTERM)
    assert (await instance.core.wait(job)).state == State.SUCCESS
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_a_second_signal_ends_it_and_its_children(instance: Instance) -> None:
    process = await instance.worker()
    job = instance.core.job(SCRIPT.format(1, "echo pid $$; sleep 60"))
    instance.core.gateway.dispatch(job, process=True)
    await until(lambda: any(t.startswith("pid") for t in instance.texts()))
    pid = int(next(t for t in instance.texts() if t.startswith("pid")).split()[1])
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None)
    await until(lambda: not Path(f"/proc/{pid}").exists())
    await until(lambda: instance.core.lost, 3)


async def test_a_killed_worker_leaves_no_child_and_is_reported_lost(instance: Instance) -> None:
    process = await instance.worker()
    job = instance.core.job(SCRIPT.format(1, "echo pid $$; sleep 60"))
    instance.core.gateway.dispatch(job, process=True)
    await until(lambda: any(t.startswith("pid") for t in instance.texts()))
    pid = int(next(t for t in instance.texts() if t.startswith("pid")).split()[1])
    process.kill()
    process.wait()
    await until(lambda: instance.core.lost, 3)  # no waiting for a process that has ended
    assert instance.core.lost[0][1] == [(job.seq, job.fence)]
    await until(lambda: not Path(f"/proc/{pid}").exists())
    await instance.worker()
    again = instance.core.job(SCRIPT.format(1, "echo again"))
    instance.core.gateway.dispatch(again, process=True)
    assert (await instance.core.wait(again)).state == State.SUCCESS
