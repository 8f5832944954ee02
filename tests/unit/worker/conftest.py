"""A worker and a gateway in one process, over a real socket; a small core that answers calls and acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.gateway import Gateway, Reply
from flowdeck.engine.messages import Call, Done, Evaluate, Hello, Run, Started
from flowdeck.engine.worker import Worker, WorkerOptions
from flowdeck.model.states import State
from flowdeck.storage.encryption import Cipher, new_key
from flowdeck.storage.local import LocalStorage

KEY = new_key()


class Core:
    """Stands in for the executor: keeps reports, acknowledges them, answers calls from dictionaries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flows: dict[int, str] = {}
        self.kv: dict[str, tuple[str, Any]] = {}
        self.secrets: dict[str, str] = {}
        self.files: list[dict[str, Any]] = []
        self.writes: list[tuple[int, int, int]] = []
        self.started: list[Started] = []
        self.hellos: list[Hello] = []
        self.lost: list[tuple[str, list[tuple[int, int]]]] = []
        self.done: dict[tuple[int, int], Done] = {}
        self.reports: list[Done] = []
        self.auto_ack = True
        self.gateway: Gateway
        self.workers: list[Worker] = []
        self._events: dict[tuple[int, int], asyncio.Event] = {}
        self._seq = itertools.count(1)
        self.calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "flow": lambda a: {"source": self.flows[a["flow_key"]]},
            "kv.get": self._kv,
            "kv.find": self._kv,
            "kv.put": self._put,
            "kv.delete": lambda a: self.kv.pop(a["key"], None) is not None,
            "kv.keys": lambda a: sorted(k for k in self.kv if k.startswith(a["prefix"])),
            "secret": lambda a: Cipher(KEY).encrypt(self.secrets[a["key"]]) if a["key"] in self.secrets else None,
            "files.list": lambda a: self.files,
            "files.get": lambda a: next((f for f in self.files if f["path"] == a["path"]), None),
            "errorLogs": lambda a: [{"message": "boom"}],
            "executions.count": lambda a: [],
            "executions.purgeable": lambda a: {"executions": [], "logs": 0, "cursor": None},
            "logs.fetch": lambda a: {"lines": [], "next": None},
            "logs.purge": lambda a: {"count": 0, "cursor": None},
            "kv.purgeable": lambda a: {"pairs": [], "cursor": None},
            "flows.purgeable": lambda a: {"flows": [], "cursor": None},
            "files.namespaces": lambda a: [],
        }

    def _kv(self, args: dict[str, Any]) -> Any:
        found = self.kv.get(args["key"])
        return None if found is None else {"type": found[0], "value": found[1], "expired": False}

    def _put(self, args: dict[str, Any]) -> Any:
        self.kv[args["key"]] = (args["type"], args["value"])
        return {"version": 1}

    async def open(self, **more: Any) -> None:
        self.gateway = Gateway(
            on_started=self.started.append,
            on_done=self._done,
            on_hello=self.hellos.append,
            on_lost=lambda w, keys: self.lost.append((w, keys)),
            on_call=self._call,
            **more,
        )
        await self.gateway.start(self.folder / "worker.sock")

    async def worker(self, **more: Any) -> Worker:
        options: dict[str, Any] = {
            "socket": str(self.folder / "worker.sock"),
            "logs_socket": None,
            "storage": LocalStorage(self.folder / "storage"),
            "temp": self.folder,
            "key": KEY,
            "kill_grace": 0.3,
        }
        worker = Worker(WorkerOptions(**{**options, **more}))
        worker.start()
        self.workers.append(worker)
        count = len(self.hellos)
        while len(self.hellos) == count:
            await asyncio.sleep(0.005)
        return worker

    def _call(self, call: Call, worker: str, reply: Reply) -> None:
        if call.seq and call.name in ("kv.put", "kv.delete"):
            self.writes.append((call.seq, call.fence, call.no))
        try:
            reply(self.calls[call.name](call.args), None)
        except KeyError as error:
            reply(None, ("NotFound", f"unknown {error}", {}))

    def _done(self, done: Done, worker: str) -> None:
        key = (done.seq, done.fence)
        self.reports.append(done)
        self.done[key] = done
        self._events.setdefault(key, asyncio.Event()).set()
        if self.auto_ack:
            self.gateway.ack(*key)

    def job(self, tasks: str, context: dict[str, Any] | None = None, index: int = 0, **more: Any) -> Run:
        """A run of the first task of a flow with these tasks (YAML of a list)."""
        seq = next(self._seq)
        self.flows[seq] = "id: flow_1\nnamespace: company.team\ntasks:\n" + "\n".join(
            f"  {line}" for line in tasks.strip("\n").split("\n")
        )
        fields: dict[str, Any] = {
            "seq": seq,
            "fence": 1,
            "attempt": 1,
            "task_run": f"run{seq}",
            "execution": "exec1",
            "execution_seq": 1,
            "tenant": "main",
            "namespace": "company.team",
            "flow_id": "flow_1",
            "flow_key": seq,
            "revision": 1,
            "task_key": index,
            "context": {
                "flow": {"id": "flow_1", "namespace": "company.team", "revision": 1, "tenantId": "main"},
                "execution": {"id": "exec1"},
                "taskrun": {"id": f"run{seq}"},
                **(context or {}),
            },
        }
        return Run(**{**fields, **more})

    async def wait(self, job: Run | Evaluate, seconds: float = 20) -> Done:
        event = self._events.setdefault((job.seq, job.fence), asyncio.Event())
        async with asyncio.timeout(seconds):
            await event.wait()
        return self.done[(job.seq, job.fence)]

    async def run(
        self, tasks: str, context: dict[str, Any] | None = None, *, process: bool = True, **more: Any
    ) -> Done:
        job = self.job(tasks, context, **more)
        self.gateway.dispatch(job, process=process)
        return await self.wait(job)

    async def evaluate(self, value: Any, context: dict[str, Any] | None = None, **more: Any) -> Done:
        job = Evaluate(
            seq=next(self._seq),
            fence=1,
            tenant="main",
            namespace="company.team",
            flow_id="flow_1",
            value=value,
            context=context or {},
            **more,
        )
        self.gateway.dispatch(job, process=False)
        return await self.wait(job)

    def log(self, worker: Worker | None = None) -> list[tuple[str, str]]:
        """All lines as (level, text), in order of their numbers per attempt."""
        client = (worker or self.workers[0]).logs
        client.flush()
        names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
        return [(names[line[2]], line[4]) for batch in client.kept for line in batch.lines]

    def texts(self) -> list[str]:
        return [text for _, text in self.log()]

    async def close(self) -> None:
        for worker in self.workers:
            await worker.close()
        await self.gateway.close()


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Core]:
    """A core without worker or open gateway."""
    core = Core(tmp_path)
    yield core
    with contextlib.suppress(AttributeError):
        await core.close()


@pytest.fixture
async def core(bare: Core) -> Core:
    """A core with one worker."""
    await bare.open()
    await bare.worker()
    return bare


def ok(done: Done) -> dict[str, Any]:
    """The outputs of a success."""
    assert done.state == State.SUCCESS, done.error
    return done.outputs or {}
