"""Each tick of a schedule is exactly one execution: core killed across ticks, clocks that jump, daylight saving
(quality §2.3, faults 3 and 18; workflow components §15.4, §15.5).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.server import Server, eventually
from tests.unit.engine.test_scheduler import Scheduled, daily, flow, ms

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900 if os.environ.get("FLOWDECK_TEST_LEVEL") == "all" else 180)]

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
KILLS = 30 if LONG else 4
NAMESPACE = "fault.schedules"
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


# ---- fault 3: kill -9 across ticks


def ticking(recover: str) -> str:
    """A flow that is due every second."""
    return (
        f"id: {recover.lower()}\nnamespace: {NAMESPACE}\n"
        "tasks: [{id: one, type: io.kestra.plugin.core.debug.Return, format: x}]\n"
        "triggers:\n  - id: tick\n    type: io.kestra.plugin.core.trigger.Schedule\n    cron: '* * * * * *'\n"
        f"    withSeconds: true\n    allowConcurrent: true\n    recoverMissedSchedules: {recover}\n"
    )


def ticks(server: Server, name: str) -> list[tuple[int, int]]:
    """(date, creation) of all executions, in order of creation, in ms."""
    found: dict[str, Any] = {}
    page = 1
    while True:
        query = f"namespace={NAMESPACE}&flowId={name}&size=100&page={page}"
        answer = server.call("GET", f"/api/v1/main/executions?{query}")
        assert answer.status == 200, answer.text
        found |= {e["id"]: e for e in answer.json["results"]}
        if len(answer.json["results"]) < 100:
            break
        page += 1
    ordered = [found[id] for id in sorted(found)]
    return [(ms(e["trigger"]["variables"]["date"]), ms(e["state"]["histories"][0]["date"])) for e in ordered]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home", environment={"FLOWDECK_CONSOLE_ENABLED": "false"})
    try:
        yield one.start(seconds=90)
    finally:
        one.discard()


def test_core_is_killed_across_ticks(server: Server) -> None:
    for recover in ("ALL", "LAST", "NONE"):
        server.save_flow(ticking(recover))
    eventually(lambda: all(ticks(server, name) for name in ("all", "last", "none")), what="the first ticks")
    chance = random.Random(3)
    downs: list[tuple[int, int]] = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.7, 2.2))
        killed = int(time.time() * 1000)
        for pid in server.pids("core"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        fresh = eventually(lambda: server.pids("core"), seconds=30, what="another core")
        downs.append((killed, int(time.time() * 1000)))
        assert fresh
        eventually(
            lambda: any(created > downs[-1][1] for _, created in ticks(server, "none")), seconds=60, what="ticks again"
        )
    until = int(time.time()) * 1000
    eventually(lambda: ticks(server, "all")[-1][0] >= until, seconds=60, what="having caught up")
    for name in ("all", "last", "none"):  # pages shift while something is created
        off = {"namespace": NAMESPACE, "flowId": name, "triggerId": "tick", "disabled": True}
        assert server.call("PUT", "/api/v1/main/triggers", json_body=off).status == 200
    seen = {name: [date for date, _ in ticks(server, name)] for name in ("all", "last", "none")}
    for name, dates in seen.items():
        assert len(dates) == len(set(dates)), f"{name}: a tick fired twice"
        assert dates == sorted(dates), f"{name}: out of order"
        assert all(date % SECOND == 0 for date in dates)
    # ALL: no second is missing.
    assert seen["all"] == list(range(seen["all"][0], seen["all"][-1] + 1, SECOND))
    for killed, alive in downs:
        missed = range(killed // SECOND * SECOND + SECOND, alive - 10, SECOND)
        assert not set(missed) & set(seen["none"]), "NONE made up for a tick"
        assert len(set(missed) & set(seen["last"])) <= 1, "LAST made up for more than one tick"


# ---- fault 18: clocks


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Scheduled]:
    one = Scheduled(tmp_path / "engine.db")
    try:
        yield one
    finally:
        one.close()


EVERY_MINUTE = "type: io.kestra.plugin.core.trigger.Schedule\ncron: '* * * * *'"


def run(engine: Scheduled, until: int, step: int = 30 * SECOND) -> None:
    """Let the clock go on."""
    while engine.now < until:
        engine.now = min(engine.now + step, until)
        engine.until_rest()


def no_negative_time(engine: Scheduled) -> None:
    rows = engine.all("select created, started, ended from execution")
    assert all(c <= s <= e for c, s, e in rows if s is not None and e is not None)
    assert all(s <= e for s, e in engine.all("select started, ended from task_run") if e is not None)


@pytest.mark.parametrize("jump", [HOUR, -HOUR, -5 * MINUTE])
@pytest.mark.parametrize("restart", [False, True])
def test_the_clock_jumps(engine: Scheduled, jump: int, restart: bool) -> None:
    """Forward: the minutes jumped over are made up for, as ALL says. Backward: nothing fires a second time."""
    engine.put(flow(EVERY_MINUTE))
    start = engine.now
    run(engine, start + 10 * MINUTE)
    engine.now += jump
    if restart:
        engine.crash()
        engine.scheduler.load()
    engine.until_rest()
    before = len(engine.dates())
    if jump < 0:
        run(engine, engine.now - jump)
        assert len(engine.dates()) == before
    run(engine, max(engine.now, start + 10 * MINUTE) + 5 * MINUTE)
    dates = [ms(d) for d in engine.dates()]
    assert dates == list(range(dates[0], dates[-1] + 1, MINUTE))
    assert dates[-1] <= engine.now < dates[-1] + MINUTE
    no_negative_time(engine)


@pytest.mark.parametrize(("recover", "made_up"), [("ALL", 60), ("LAST", 1), ("NONE", 0)])
def test_an_hour_is_missing_when_core_starts(engine: Scheduled, recover: str, made_up: int) -> None:
    engine.put(flow(f"{EVERY_MINUTE}\nrecoverMissedSchedules: {recover}"))
    run(engine, engine.now + 3 * MINUTE)
    before = len(engine.dates())
    engine.now += HOUR
    engine.crash()
    engine.until_rest()
    assert len(engine.dates()) - before == made_up
    run(engine, engine.now + 2 * MINUTE)
    dates = [ms(d) for d in engine.dates()]
    assert len(dates) == before + made_up + 2 == len(set(dates))


CHANGES = [
    ("Europe/Berlin", "2024-03-31"),
    ("Europe/Berlin", "2024-10-27"),
    ("America/New_York", "2024-03-10"),
    ("America/New_York", "2024-11-03"),
    ("Australia/Lord_Howe", "2024-10-06"),
    ("Australia/Lord_Howe", "2024-04-07"),
    ("America/Santiago", "2024-09-08"),
    ("America/Santiago", "2024-04-07"),
    ("Africa/Cairo", "2024-04-26"),
    ("Africa/Cairo", "2024-10-31"),
]


def instants(zone: ZoneInfo, day: datetime, minutes: list[int]) -> list[int]:
    """What is due on the days around a change: each local time once, at its first instant; a skipped one at the
    end of the gap.
    """
    found: set[int] = set()
    for offset in (-1, 0, 1):
        for minute in minutes:
            local = day + timedelta(days=offset, minutes=minute)
            at = local.replace(tzinfo=zone)
            real = at.astimezone(UTC).astimezone(zone)
            if real.replace(tzinfo=None) != local:  # skipped: the first instant after the gap
                probe = at.replace(fold=1).astimezone(UTC)
                while (probe + timedelta(minutes=1)).astimezone(zone).utcoffset() == probe.astimezone(zone).utcoffset():
                    probe += timedelta(minutes=1)
                real = probe + timedelta(minutes=1)
            found.add(int(real.timestamp() * 1000))
    return sorted(found)


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("cron", ["0 * * * *", "30 2 * * *", "15 0 * * *"])
def test_daylight_saving_changes(zone: str, day: str, cron: str) -> None:
    minute, hour = cron.split()[:2]
    minutes = [h * 60 + int(minute) for h in range(24)] if hour == "*" else [int(hour) * 60 + int(minute)]
    middle = datetime.fromisoformat(day)
    expected = instants(ZoneInfo(zone), middle, minutes)
    with tempfile.TemporaryDirectory() as folder:
        engine = Scheduled(Path(folder) / "engine.db")
        try:
            begin = int((middle - timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) - 1
            engine.now = begin
            engine.executor.world.now = begin
            engine.put(flow(daily(f"timezone: {zone}").replace("0 0 * * *", cron)))
            end = int((middle + timedelta(days=2)).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) - 1
            run(engine, end, 10 * MINUTE)
            assert [ms(d) for d in engine.dates()] == expected
        finally:
            engine.close()
