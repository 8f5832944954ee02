"""Core, log writer and a real worker in one process, over real sockets and files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands import registry
from flowdeck.config.home import Home
from flowdeck.config.settings import Settings, load_settings
from flowdeck.engine.bus import CoreClient
from flowdeck.engine.core import Core, prepare
from flowdeck.engine.worker import Worker, WorkerOptions
from flowdeck.model.states import State
from flowdeck.sdk.index import load_catalog
from flowdeck.store.log_views import LogStore

registry.load_commands()


class Instance:
    """One home folder with its processes as tasks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = CoreClient(settings.home.socket("core"))
        self.core: Core | None = None
        self._run: asyncio.Task[None] | None = None
        self._worker: tuple[Worker, asyncio.Task[None]] | None = None

    async def start_core(self) -> None:
        database, self.lock = prepare(self.settings)
        self.core = Core(self.settings, database, load_catalog())
        await self.core.start()
        self._run = asyncio.create_task(self.core.run())

    async def stop_core(self, *, crash: bool = False) -> None:
        assert self.core is not None and self._run is not None
        if crash:
            self._run.cancel()
        else:
            self.core.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await self._run
        await self.core.close()
        assert self.lock is not None
        self.lock.release()

    async def start_worker(self) -> None:
        worker = Worker(WorkerOptions.of(self.settings))
        self._worker = (worker, asyncio.create_task(worker.run()))

    async def close(self) -> None:
        if self._worker is not None:
            worker, task = self._worker
            worker.stop()
            worker.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.client.close()
        await self.stop_core()

    async def save(self, source: str) -> None:
        await self.client.send("flow.save", {"tenant": "main", "namespace": "a.b", "source": source})

    async def start(self, flow: str, **args: Any) -> dict[str, Any]:
        return await self.client.send(
            "execution.create", {"tenant": "main", "namespace": "a.b", "flow_id": flow, **args}
        )

    async def end(self, execution: str, seconds: float = 15) -> str:
        assert self.core is not None
        state = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self.core.database.reader() as reader:
                state = reader.value("select state from execution where id = ?", execution)
            if state >= 20:
                return State(state).name
            await asyncio.sleep(0.02)
        raise AssertionError(f"execution is {State(state).name}")


@pytest.fixture
async def instance(tmp_path: Path) -> AsyncIterator[Instance]:
    settings = load_settings(environment={"FLOWDECK_HOME": str(tmp_path / "home")})
    made = Instance(settings)
    await made.start_core()
    await made.start_worker()
    yield made
    await made.close()


HELLO = """
id: hello
namespace: a.b
inputs:
  - {id: who, type: STRING, defaults: world}
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ inputs.who }}"}
  - {id: log, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.say.value }}!"}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3]
    concurrencyLimit: 0
    tasks:
      - {id: r, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
outputs:
  - {id: text, type: STRING, value: "{{ outputs.say.value }} {{ outputs.r['2'].value }}"}
"""


async def test_a_flow_runs_from_command_to_log_line(instance: Instance) -> None:
    await instance.save(HELLO)
    answer = await instance.start("hello", inputs={"who": "you"})
    assert answer["state"] == "CREATED"
    assert await instance.end(answer["id"]) == "SUCCESS"
    assert instance.core is not None
    with instance.core.database.reader() as reader:
        row = reader.one("select outputs, seq from execution where id = ?", answer["id"])
    assert row is not None and json.loads(row["outputs"]) == {"text": "Hello you 2"}
    store = LogStore(instance.settings.home.logs)
    until = time.monotonic() + 3
    texts: list[str] = []
    while time.monotonic() < until and "Hello you!" not in texts:
        await asyncio.sleep(0.05)
        texts = [line["text"] for line in store.range(row["seq"], 1, 100)[0]]
    assert "Hello you!" in texts
    assert "Flow started" in texts


async def test_a_script_goes_on_while_core_is_away(instance: Instance) -> None:
    await instance.save("""
id: slow
namespace: a.b
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.4S}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: x}
""")
    answer = await instance.start("slow")
    await asyncio.sleep(0.1)
    await instance.stop_core(crash=True)
    await instance.start_core()
    assert await instance.end(answer["id"]) == "SUCCESS"
    assert instance.core is not None
    with instance.core.database.reader() as reader:
        assert reader.value("select max(attempts) from task_run") == 1


async def test_io_expressions_are_rendered_by_the_worker(instance: Instance) -> None:
    await instance.client.send(
        "kv.put",
        {
            "tenant": "main",
            "namespace": "a.b",
            "key": "n",
            "type": "NUMBER",
            "value": 5,
        },
    )
    await instance.save("""
id: io
namespace: a.b
tasks:
  - id: which
    type: io.kestra.plugin.core.flow.If
    condition: "{{ kv('n') > 4 }}"
    then: [{id: yes, type: io.kestra.plugin.core.debug.Return, format: "{{ kv('n') }}"}]
    else: [{id: no, type: io.kestra.plugin.core.debug.Return, format: x}]
outputs:
  - {id: n, type: INT, value: "{{ kv('n') }}"}
""")
    answer = await instance.start("io")
    assert await instance.end(answer["id"]) == "SUCCESS"
    assert instance.core is not None
    with instance.core.database.reader() as reader:
        assert reader.value("select outputs from execution") == '{"n":5}'
        assert [r[0] for r in reader.all("select task_id from task_run order by ord")] == ["which", "yes"]
    value = await instance.client.send(
        "evaluate",
        {
            "value": "{{ kv('n') + 1 }}",
            "context": {"flow": {"namespace": "a.b"}},
            "tenant": "main",
            "namespace": "a.b",
            "flow_id": "io",
        },
    )
    assert value["value"] in (6, "6")


async def test_kill_ends_a_running_task(instance: Instance) -> None:
    await instance.save("""
id: nap
namespace: a.b
tasks: [{id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT1M}]
""")
    answer = await instance.start("nap")
    await asyncio.sleep(0.1)
    await instance.client.send("execution.kill", {"tenant": "main", "id": answer["id"]})
    assert await instance.end(answer["id"], 5) == "KILLED"


def test_home_is_used(tmp_path: Path) -> None:
    assert Home(tmp_path).socket("core").name == "core.sock"
