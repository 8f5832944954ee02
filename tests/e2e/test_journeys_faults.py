"""Journey 13 (ui.md §20): processes are killed and the server restarted while one follows the lines of a run."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

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
