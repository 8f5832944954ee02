"""Journey 13 (ui.md §20): processes are killed, the server restarted, the day ends while one follows the lines of a run."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import visit
from tests.support.browser import context
from tests.support.console import WAIT
from tests.support.server import Server, eventually, running_server

LINES = 80
SPEAKS = f"""id: speaks
namespace: journeys.faults
tasks:
  - id: slowly
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ['for i in $(seq {LINES}); do echo "word $i."; sleep 0.1; done']
  - {{id: last, type: io.kestra.plugin.core.log.Log, message: "all is said"}}
"""


@pytest.fixture
def own(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: it is hurt."""
    if os.environ.get("FLOWDECK_TEST_URL"):
        pytest.skip("this journey kills the server that it starts itself")
    with running_server(tmp_path_factory.mktemp("home")) as started:
        yield started


def _kill(server: Server, role: str) -> None:
    for pid in server.pids(role):
        os.kill(pid, signal.SIGKILL)


def test_journey_13_no_line_is_lost_or_doubled_over_kills_and_a_restart(own: Server, browser: Browser) -> None:
    """Journey 13, §1.8, §1.9: kill -9 of core, of web, then a restart; the notice comes and goes, lines stay whole."""
    own.save_flow(SPEAKS)
    made = context(browser, theme="light")
    assert made.request.post(
        f"{own.url}/login",
        data={"username": own.username, "password": own.password, "remember": True},
        headers={"Origin": own.url},
    ).ok
    page = made.new_page()
    run = own.execute("journeys.faults", "speaks")["id"]
    visit(page, own, f"/executions/journeys.faults/speaks/{run}/logs")
    lines = page.get_by_test_id("log-line")
    notice = page.get_by_test_id("connection-lost")
    expect(lines.filter(has_text="word 3.")).to_be_visible(timeout=WAIT)

    _kill(own, "core")
    own.wait_ready()
    before = own.pids("web")
    _kill(own, "web")  # back so soon that the notice may not be needed
    eventually(lambda: (now := own.pids("web")) and not set(now) & set(before), seconds=30, what="another web")
    own.wait_ready()
    expect(notice).to_have_count(0, timeout=30_000)
    expect(page.locator("[data-testid=execution-state][data-state=SUCCESS]")).to_be_visible(timeout=90_000)
    expect(lines.filter(has_text="all is said")).to_have_count(1, timeout=WAIT)

    own.stop()
    expect(notice).to_be_visible(timeout=WAIT)
    expect(lines.filter(has_text="all is said")).to_have_count(1)
    own.start(setup=False)
    expect(notice).to_have_count(0, timeout=30_000)

    told = [line["message"] for line in own.logs(run) if str(line["message"]).startswith("word ")]
    attempts = own.execution(run)["taskRunList"][0]["attempts"]
    last = told[-LINES:] if len(attempts) > 1 else told
    assert last == [f"word {n}." for n in range(1, LINES + 1)], told
    stored = len(own.logs(run))
    expect(page.get_by_test_id("log-total")).to_contain_text(re.compile(rf"\b{stored} lines"), timeout=WAIT)
    page.reload()
    expect(page.get_by_test_id("log-total")).to_contain_text(re.compile(rf"\b{stored} lines"), timeout=30_000)
    eventually(lambda: page.get_by_test_id("log-line").count() > 0, what="lines after the reload")
    made.close()


CLOCK = Path(__file__).resolve().parents[1] / "support" / "clock"
NIGHT = """id: night
namespace: journeys.faults
tasks:
  - id: slowly
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ['for i in $(seq {lines}); do echo "word $i."; sleep 0.25; done']
"""


@pytest.fixture
def evening(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, float, datetime]]:
    """A server for which it is a few seconds to midnight, how far its clock is ahead, and that midnight."""
    if os.environ.get("FLOWDECK_TEST_URL"):
        pytest.skip("this journey needs a server with a clock of its own")
    for before in (16.0, 40.0, 150.0):  # a loaded machine starts it later
        now = datetime.now(UTC)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        ahead = (midnight - now).total_seconds() - before
        path = os.pathsep.join(filter(None, [str(CLOCK), os.environ.get("PYTHONPATH", "")]))
        shifted = {"PYTHONPATH": path, "FLOWDECK_TEST_CLOCK_SHIFT": str(ahead)}
        with running_server(tmp_path_factory.mktemp("home"), **shifted) as started:
            if time.time() + ahead < midnight.timestamp() - 6:
                yield started, ahead, midnight
                return
    raise AssertionError("the server did not start before midnight")


def _day(when: datetime) -> re.Pattern[str]:
    """The day as a reader of English sees it."""
    return re.compile(rf"{when:%b} {when.day}\b|\b{when.day} {when:%b}")


@pytest.mark.long
def test_journey_13_the_day_ends_while_one_follows(evening: tuple[Server, float, datetime], browser: Browser) -> None:
    """Journey 13: no line is lost or doubled over midnight and a restart after it; the dates on screen are right."""
    own, ahead, midnight = evening
    left = midnight.timestamp() - time.time() - ahead
    lines = int((left + 3) / 0.25)
    own.save_flow(NIGHT.format(lines=lines))
    made = context(browser, theme="light", zone="UTC", ahead=ahead)
    assert made.request.post(
        f"{own.url}/login",
        data={"username": own.username, "password": own.password, "remember": True},
        headers={"Origin": own.url},
    ).ok
    page = made.new_page()
    run = own.execute("journeys.faults", "night")["id"]
    begun = datetime.fromisoformat(own.execution(run)["state"]["startDate"])
    assert begun < midnight, "the run begins on the day before"
    visit(page, own, f"/executions/journeys.faults/night/{run}/logs")
    shown = page.get_by_test_id("log-line")
    expect(shown.filter(has_text="word 1.")).to_be_visible(timeout=WAIT)
    started = page.locator(f"time[datetime^='{begun:%Y-%m-%dT%H:%M:%S}']").first
    expect(started).to_have_text(f"{begun:%H:%M:%S}")

    expect(page.locator("[data-testid=execution-state][data-state=SUCCESS]")).to_be_visible(timeout=200_000)
    expect(shown.filter(has_text=f"word {lines}.")).to_have_count(1, timeout=WAIT)
    expect(started).to_have_text(_day(begun), timeout=WAIT)
    last = shown.filter(has_text=f"word {lines}.").locator("time")
    expect(last).to_have_attribute("datetime", re.compile(f"^{midnight:%Y-%m-%d}T00:0"))

    told = [line for line in own.logs(run) if str(line["message"]).startswith("word ")]
    assert [line["message"] for line in told] == [f"word {n}." for n in range(1, lines + 1)]
    days = [line["timestamp"][:10] for line in told]
    assert days == sorted(days)
    assert set(days) == {f"{begun:%Y-%m-%d}", f"{midnight:%Y-%m-%d}"}
    stored = len(own.logs(run))
    total = page.get_by_test_id("log-total")
    expect(total).to_contain_text(re.compile(rf"\b{stored} lines"), timeout=WAIT)

    own.stop()
    own.start(setup=False)
    expect(page.get_by_test_id("connection-lost")).to_have_count(0, timeout=30_000)
    page.reload()
    expect(total).to_contain_text(re.compile(rf"\b{stored} lines"), timeout=30_000)
    again = own.execute("journeys.faults", "night", query="?wait=false")["id"]
    eventually(lambda: own.logs(again), what="lines of the new day")
    visit(page, own, "/executions?filters[timeRange][EQUALS]=PT24H")
    rows = page.locator(f"time[datetime^='{begun:%Y-%m-%dT%H:%M:%S}']")
    expect(rows.first).to_have_text(_day(begun), timeout=WAIT)
    made.close()
