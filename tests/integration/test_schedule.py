"""Schedules and backfills on the real server: real processes, real clock, killed and started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.support.server import Server, eventually, free_port

pytestmark = pytest.mark.timeout(120)

NAMESPACE = "it.schedule"
KEY = "/api/v1/main/triggers"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("home"), port=free_port(), management_port=free_port())
    try:
        yield one.start(seconds=60)
    finally:
        one.discard()


def flow(name: str, schedule: str, tail: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in schedule.strip().splitlines())
    return (
        f"id: {name}\nnamespace: {NAMESPACE}\n{tail}\ntasks:\n  - id: one\n"
        "    type: io.kestra.plugin.core.debug.Return\n    format: \"{{ trigger.date ?? 'none' }}\"\n"
        f"triggers:\n  - id: cron\n    type: io.kestra.plugin.core.trigger.Schedule\n{lines}\n"
    )


def executions(server: Server, name: str) -> list[Any]:
    """All executions of a flow, oldest first."""
    found: list[Any] = []
    page = 1
    while True:
        answer = server.call("GET", f"/api/v1/main/executions?namespace={NAMESPACE}&flowId={name}&size=100&page={page}")
        assert answer.status == 200, answer.text
        found += answer.json["results"]
        if len(found) >= answer.json["total"]:
            return sorted(found, key=lambda e: e["id"])
        page += 1


def dates(server: Server, name: str) -> list[str]:
    return [e["trigger"]["variables"]["date"] for e in executions(server, name)]


def trigger(server: Server, name: str) -> Any:
    answer = server.call("GET", f"{KEY}/{NAMESPACE}/{name}")
    assert answer.status == 200, answer.text
    return answer.json["results"][0]


def key(name: str, **more: Any) -> dict[str, Any]:
    return {"namespace": NAMESPACE, "flowId": name, "triggerId": "cron", **more}


def day(back: int) -> str:
    """Midnight UTC some days ago."""
    return (datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)).isoformat()[
        :10
    ]


def test_a_schedule_of_every_second_fires_each_second_once_and_with_little_lag(server: Server) -> None:
    server.save_flow(flow("seconds", 'cron: "* * * * * *"\nwithSeconds: true'))
    eventually(lambda: len(executions(server, "seconds")) >= 4, seconds=20, what="four seconds")
    server.call("PUT", KEY, json_body=key("seconds", disabled=True))
    found = executions(server, "seconds")
    seen = [datetime.fromisoformat(e["trigger"]["variables"]["date"]) for e in found]
    assert seen == [seen[0] + timedelta(seconds=n) for n in range(len(seen))]
    lag = sorted(datetime.fromisoformat(e["state"]["startDate"]) - at for e, at in zip(found, seen, strict=True))[
        len(seen) // 2
    ]
    assert timedelta(0) <= lag < timedelta(seconds=1), lag
    time.sleep(1.2)
    assert len(executions(server, "seconds")) == len(found)


def test_a_backfill_of_three_days_runs_them_in_order_with_the_right_dates(server: Server) -> None:
    server.save_flow(flow("days", 'cron: "0 0 * * *"\ntimezone: UTC'))
    before = trigger(server, "days")["nextExecutionDate"]
    answer = server.call(
        "PUT",
        KEY,
        json_body=key(
            "days",
            backfill={
                "start": f"{day(3)}T00:00:00Z",
                "end": f"{day(1)}T12:00:00Z",
                "labels": [{"key": "why", "value": "again"}],
            },
        ),
    )
    assert answer.status == 200, answer.text
    eventually(lambda: "backfill" not in trigger(server, "days"), what="the backfill's end")
    assert dates(server, "days") == [f"{day(n)}T00:00:00Z" for n in (3, 2, 1)]
    ended = eventually(
        lambda: all(e["state"]["current"] == "SUCCESS" for e in executions(server, "days")), what="their success"
    )
    assert ended and trigger(server, "days")["nextExecutionDate"] == before
    one = executions(server, "days")[0]
    assert {"key": "why", "value": "again"} in one["labels"] and one["scheduleDate"].startswith(day(3))


def test_a_backfill_pauses_goes_on_and_is_deleted(server: Server) -> None:
    server.save_flow(
        flow("slow", 'cron: "0 * * * *"').replace(
            "type: io.kestra.plugin.core.debug.Return\n    format: \"{{ trigger.date ?? 'none' }}\"",
            "type: io.kestra.plugin.core.flow.Sleep\n    duration: PT0.3S",
        )
    )
    body = {"start": f"{day(3)}T00:00:00Z", "end": f"{day(1)}T12:00:00Z"}
    assert server.call("PUT", KEY, json_body=key("slow", backfill=body)).status == 200
    eventually(lambda: len(executions(server, "slow")) >= 2, what="two executions")
    paused = server.call("PUT", f"{KEY}/backfill/pause", json_body=key("slow"))
    assert paused.status == 200 and paused.json["backfill"]["paused"] is True, paused.text
    eventually(lambda: "executionId" not in trigger(server, "slow"), what="the running one's end")
    count = len(executions(server, "slow"))
    time.sleep(0.7)
    assert len(executions(server, "slow")) == count
    assert server.call("PUT", f"{KEY}/backfill/unpause", json_body=key("slow")).status == 200
    eventually(lambda: len(executions(server, "slow")) > count, what="going on")
    deleted = server.call("POST", f"{KEY}/backfill/delete", json_body=key("slow"))
    assert deleted.status == 200 and "backfill" not in deleted.json, deleted.text
    eventually(lambda: "executionId" not in trigger(server, "slow"), what="the last one's end")
    found = dates(server, "slow")
    start = datetime.fromisoformat(f"{day(3)}T00:00:00+00:00")
    assert [datetime.fromisoformat(d) for d in found] == [start + timedelta(hours=n) for n in range(len(found))]
    again = server.call("POST", f"{KEY}/backfill/delete", json_body=key("slow"))
    assert again.status == 400 and "No backfill found" in again.text


def test_an_unlock_of_a_free_trigger_is_refused(server: Server) -> None:
    server.save_flow(flow("free", 'cron: "0 0 1 1 *"'))
    answer = server.call("POST", f"{KEY}/{NAMESPACE}/free/cron/unlock")
    assert answer.status == 409 and "Trigger is not locked" in answer.text
    assert server.call("POST", f"{KEY}/{NAMESPACE}/free/none/unlock").status == 404


def test_killing_core_while_backfilling_loses_no_date_and_starts_none_twice(server: Server) -> None:
    server.save_flow(flow("killed", 'cron: "0 0 * * *"\ntimezone: UTC'))
    body = {"start": f"{day(60)}T00:00:00Z", "end": f"{day(1)}T12:00:00Z"}
    assert server.call("PUT", KEY, json_body=key("killed", backfill=body)).status == 200
    for count in (5, 20):
        eventually(lambda n=count: len(executions(server, "killed")) >= n, what=f"{count} executions")
        for pid in server.pids("core"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
    eventually(lambda: "backfill" not in trigger(server, "killed"), seconds=60, what="the backfill's end")
    eventually(
        lambda: all(e["state"]["current"] == "SUCCESS" for e in executions(server, "killed")), what="their success"
    )
    assert dates(server, "killed") == [f"{day(n)}T00:00:00Z" for n in range(60, 0, -1)]


def test_dates_that_pass_while_the_server_is_down_are_made_up_as_told(server: Server) -> None:
    policies = ("ALL", "LAST", "NONE")
    for policy in policies:
        server.save_flow(
            flow(policy.lower(), f'cron: "*/2 * * * * *"\nwithSeconds: true\nrecoverMissedSchedules: {policy}')
        )
    for policy in policies:
        eventually(lambda p=policy: executions(server, p.lower()), what=f"a first execution of {policy}")
    server.stop()
    time.sleep(5)
    up = datetime.now(UTC)
    server.start(seconds=60)
    for policy in policies:
        eventually(
            lambda p=policy: any(
                datetime.fromisoformat(d) > up + timedelta(seconds=4) for d in dates(server, p.lower())
            ),
            what=f"dates of now for {policy}",
        )
        server.call("PUT", KEY, json_body=key(policy.lower(), disabled=True))
    for policy in policies:
        seen = [datetime.fromisoformat(d) for d in dates(server, policy.lower())]
        steps = [(b - a).total_seconds() for a, b in pairwise(seen)]
        assert all(step > 0 for step in steps), (policy, seen)
        assert len([step for step in steps if step > 2]) == (0 if policy == "ALL" else 1), (policy, seen)


def test_a_flow_switches_a_trigger_off_and_on(server: Server) -> None:
    server.save_flow(flow("toggled", 'cron: "0 0 1 1 *"'))
    for enabled in (False, True):
        ended = server.run(
            f"id: toggle-{str(enabled).lower()}\nnamespace: {NAMESPACE}\ntasks:\n  - id: switch\n"
            "    type: io.kestra.plugin.core.trigger.Toggle\n"
            f"    namespace: {NAMESPACE}\n    flowId: toggled\n    trigger: cron\n    enabled: {str(enabled).lower()}\n"
        )
        assert ended["state"]["current"] == "SUCCESS", server.logs(ended["id"])
        state = trigger(server, "toggled")
        assert state["disabled"] is not enabled and ("nextExecutionDate" in state) is enabled
