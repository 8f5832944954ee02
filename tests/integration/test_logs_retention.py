"""The janitor deletes what is too old, and only that."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.config import load_settings
from flowdeck.engine.janitor import Janitor
from flowdeck.store.driver import create_schema, open_database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFiles

DAY = 86_400_000
NOW = 1_790_000_000_000


async def test_retention_takes_what_is_older_than_configured(tmp_path: Path) -> None:
    load_commands()
    database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    create_schema(database)
    files = LogFiles(tmp_path / "logs")
    appender = LogAppender(files)
    for age in (40, 10, 0):
        at = NOW - age * DAY
        appender.append([Batch(age + 1, f"E{age}", 1, 1, "main", "a", "f", "t", "R", [(1, at, 2, "", "x")])], at)
    appender.close()
    writer = database.writer()
    with writer.transaction(NOW) as tx:
        for age, state in ((40, 20), (40, 3), (10, 20)):
            tx.insert(
                "execution",
                id=f"E{age}-{state}",
                tenant="main",
                namespace="a",
                flow_id="f",
                flow_key=1,
                flow_rev=1,
                state=state,
                created=1,
                ended=NOW - age * DAY if state == 20 else None,
                original_id="",
                labels="[]",
                attempt_number=1,
                open_count=0,
                task_count=0,
                version=0,
            )
            tx.insert(
                "metric",
                execution_seq=99,
                task_run_seq=1,
                flow_key=1,
                task_id="t",
                name="m",
                kind="counter",
                value=1.0,
                at=NOW - age * DAY,
            )
        tx.insert("command_answer", key="old", answer="{}", created=NOW - 2 * DAY)
        tx.insert("command_answer", key="new", answer="{}", created=NOW)

    async def run(name: str, args: dict[str, Any]) -> Any:
        with writer.transaction(NOW) as tx:
            return result_or_raise(carry_out(tx, name, args))

    settings = load_settings({"flowdeck.retention.executions": "P30D"}, environment={"FLOWDECK_HOME": str(tmp_path)})
    done = await Janitor(settings, files, run, database).round(NOW)
    assert done == {"executions": 1, "metrics": 2, "log files": 1, "answers": 1}
    with database.reader() as reader:
        assert [row["id"] for row in reader.all("select id from execution order by id")] == ["E10-20", "E40-3"]
        assert reader.value("select count(*) from metric") == 1
    store = LogStore(tmp_path / "logs", files=files)
    assert [store.total(age + 1) for age in (40, 10, 0)] == [0, 1, 1]

    settings = load_settings({"flowdeck.retention.logs": "P0D"}, environment={"FLOWDECK_HOME": str(tmp_path)})
    assert "log files" not in await Janitor(settings, files, run, database).round(NOW + 400 * DAY)
    for key, ttl in (("gone", -1), ("stays", None)):
        await run("kv.put", {"tenant": "main", "namespace": "a", "key": key, "value": 1, "ttl_ms": ttl})
    assert await Janitor(settings, files, run, database).expired_pairs(NOW) == 1
    writer.close()
    files.close()
    database.close()


async def test_expired_pairs_go_by_their_own_times(tmp_path: Path) -> None:
    """Core plugins §13: `kestra.kv.purge-expired` has its own first time, pause and batch, and can be switched off."""
    asked: list[tuple[str, Any]] = []

    async def run(name: str, args: dict[str, Any]) -> Any:
        asked.append((name, args["limit"]))
        return 3 if len(asked) == 1 else 0

    own = {
        "kestra.kv.purge-expired.initial-delay": "PT0.01S",
        "kestra.kv.purge-expired.fixed-delay": "PT0.1S",
        "kestra.kv.purge-expired.batch-size": 3,
    }
    for enabled in (True, False):
        settings = load_settings(
            {**own, "kestra.kv.purge-expired.enabled": enabled}, environment={"FLOWDECK_HOME": str(tmp_path)}
        )
        asked.clear()
        task = asyncio.create_task(Janitor(settings, None, run, None).run())  # type: ignore[arg-type]
        await asyncio.sleep(0.3)
        task.cancel()
        assert (asked[:2] == [("purge.kv", 3), ("purge.kv", 3)] and len(asked) >= 3) if enabled else asked == []
