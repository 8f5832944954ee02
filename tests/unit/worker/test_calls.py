"""Reads that workers ask of core, on a real database."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, create_engine

from flowdeck.engine.calls import CallReader
from flowdeck.engine.messages import Call
from flowdeck.store import tables
from flowdeck.store.driver import open_database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFiles

assert tables


@pytest.fixture
async def reader(tmp_path: Path):
    path = tmp_path / "x.db"
    SQLModel.metadata.create_all(create_engine(f"sqlite:///{path}"))
    database = open_database(f"sqlite:///{path}")
    writer = database.writer()
    tx = writer.begin(1000)
    soon = int(time.time() * 1000)
    tx.insert(
        "flow",
        flow_key=1,
        tenant="main",
        namespace="a.b",
        id="a",
        revision=2,
        labels="[]",
        summary="{}",
        updated=1,
        disabled=False,
        deleted=False,
    )
    tx.insert(
        "namespace", tenant="main", id="a", plugin_defaults='[{"type": "x", "values": {"y": 1}}]', created=1, updated=1
    )
    tx.insert(
        "flow_revision",
        flow_key=1,
        revision=2,
        source="id: a",
        document="{}",
        checksum="",
        created=1,
        deleted=False,
        disabled=False,
    )
    for namespace, key, value, expires in (
        ("a", "k", '"up"', None),
        ("a.b", "k", '{"x": 1}', None),
        ("a.b", "old", "1", 5),
        ("a", "up", "2", None),
        ("a.b", "later", "3", soon + 60_000),
    ):
        tx.insert(
            "kv",
            tenant="main",
            namespace=namespace,
            key=key,
            type="JSON",
            value=value,
            version=1,
            created=1,
            updated=1,
            expires=expires,
        )
    tx.insert("secret", tenant="main", namespace="a", key="S", value="cipher", updated=1)
    tx.insert("namespace_file", tenant="main", namespace="a", path="/d", version=1, directory=True, size=0, updated=1)
    tx.insert(
        "namespace_file",
        tenant="main",
        namespace="a",
        path="/d/f",
        version=1,
        directory=False,
        size=3,
        uri="kestra:///a/_files/d/f",
        updated=1,
    )
    tx.insert(
        "execution",
        seq=7,
        id="e7",
        tenant="main",
        namespace="a",
        flow_id="f",
        flow_key=1,
        flow_rev=2,
        state=3,
        created=1,
        labels="[]",
        original_id="e7",
        attempt_number=1,
        open_count=0,
        task_count=0,
        version=0,
    )
    writer.commit(False)
    appender = LogAppender(LogFiles(tmp_path / "logs"))
    batch = Batch(7, "e7", 3, 1, "main", "a", "f", "t", "r", [(1, soon, 4, "main", "boom"), (2, soon, 2, "main", "x")])
    appender.append([batch], soon)
    found = CallReader(database, LogStore(tmp_path / "logs"))
    yield found
    found.close()
    database.close()


async def ask(reader: CallReader, name: str, **args: Any) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert reader.handles(name)
    reader.submit(Call(1, name, {"tenant": "main", **args}), lambda result, error: future.set_result((result, error)))
    result, error = await asyncio.wait_for(future, 5)
    return error[0] if error else result


async def test_reads(reader: CallReader) -> None:
    assert await ask(reader, "flow", flow_key=1, revision=2) == {
        "source": "id: a",
        "defaults": [{"type": "x", "values": {"y": 1}, "level": 1}],
    }
    assert await ask(reader, "flow", flow_key=1, revision=3) == "NotFound"
    assert await ask(reader, "kv.get", namespace="a.b", key="k") == {
        "type": "JSON",
        "value": {"x": 1},
        "expired": False,
    }
    assert await ask(reader, "kv.get", namespace="a.b", key="up") is None
    assert (await ask(reader, "kv.find", namespaces=["a.b", "a"], key="up"))["value"] == 2
    assert (await ask(reader, "kv.find", namespaces=["a.b", "a"], key="old"))["expired"]
    assert await ask(reader, "kv.keys", namespace="a.b", prefix="") == ["k", "later"]
    assert await ask(reader, "secret", namespaces=["a.b", "a"], key="S") == "cipher"
    assert await ask(reader, "secret", namespaces=["a.b"], key="S") is None
    assert [f["path"] for f in await ask(reader, "files.list", namespace="a")] == ["/d/f"]
    assert (await ask(reader, "files.get", namespace="a", path="/d/f"))["uri"] == "kestra:///a/_files/d/f"
    assert await ask(reader, "files.get", namespace="a", path="/d") is None
    assert [(e["message"], e["taskId"]) for e in await ask(reader, "errorLogs", execution="e7")] == [("boom", "t")]
    assert await ask(reader, "errorLogs", execution="none") == []
    assert not reader.handles("kv.put")
