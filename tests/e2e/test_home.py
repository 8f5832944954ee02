"""The home dashboard (UI-DB) in a real browser against a real server."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.support.server import Server

FLOW = """id: {id}
namespace: {ns}
tasks:
  - id: only
    type: io.kestra.plugin.core.{task}
"""
NAP = "flow.Sleep\n    duration: PT5M"
FAIL = 'execution.Fail\n    errorMessage: "row 7 has no price"'
LOG = "log.Log\n    message: done"
DAILY = """triggers:
  - id: every_minute
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * *"
"""


def _flow(server: Server, namespace: str, name: str, task: str, more: str = "") -> None:
    server.save_flow(FLOW.format(id=name, ns=namespace, task=task) + more)


def _space() -> str:
    return f"e2e.home{secrets.token_hex(3)}"


def test_the_numbers_count_what_ran_and_lead_to_the_lists(server: Server, open_page) -> None:
    space = _space()
    _flow(server, space, "good", LOG)
    _flow(server, space, "bad", FAIL)
    for name in ("good", "good", "good", "bad"):
        server.finished(server.execute(space, name)["id"])
    page = open_page(f"/dashboards?range=PT1H&filters[namespace][EQUALS]={space}")
    expect(page.get_by_test_id("home-ratio")).to_contain_text("75.0 %")
    expect(page.get_by_test_id("home-failed")).to_contain_text("1")
    expect(page.get_by_test_id("home-namespaces")).to_contain_text(space)
    over_time = page.get_by_test_id("chart-executions-over-time")
    over_time.get_by_role("button", name="Failed 1").click()
    page.wait_for_url(re.compile(r"hide\.executions-over-time=FAILED"))
    errors = page.get_by_test_id("chart-error-logs")
    errors.scroll_into_view_if_needed()
    expect(errors).to_contain_text("row 7 has no price")
    expect(page.get_by_test_id("chart-executions-by-state")).to_contain_text("Success 3")
    failures = page.get_by_test_id("home-failures")
    expect(failures).to_contain_text("row 7 has no price")
    failures.get_by_text("row 7 has no price").click()
    page.wait_for_url(f"**/executions/{space}/bad/*/logs")
    page.go_back()
    page.get_by_test_id("home-failed").click()
    page.wait_for_url(re.compile(r"/executions\?.*FAILED"))
    assert space in page.url


@pytest.mark.long
def test_what_runs_now_is_listed_until_it_ends(server: Server, open_page) -> None:
    space = _space()
    _flow(server, space, "nap", NAP)
    identity = server.execute(space, "nap")["id"]
    page = open_page(f"/dashboards?filters[namespace][EQUALS]={space}")
    running = page.get_by_test_id("home-running")
    expect(running).to_contain_text("nap")
    assert server.call("DELETE", f"/api/v1/main/executions/{identity}/kill").status < 300
    server.finished(identity)
    page.get_by_test_id("refresh").click()
    expect(running).to_contain_text("Nothing runs now")


@pytest.mark.long
def test_a_trigger_is_switched_off_from_the_next_runs(server: Server, open_page) -> None:
    space = _space()
    _flow(server, space, "ticks", LOG, DAILY)
    page = open_page(f"/dashboards?filters[namespace][EQUALS]={space}")
    row = page.get_by_test_id("home-next").locator(".nx")
    expect(row).to_contain_text("every_minute")
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    trigger = server.call("GET", f"/api/v1/main/triggers/{space}/ticks").json["results"][0]
    assert trigger["disabled"] is True


def test_the_range_stands_in_the_url(server: Server, open_page) -> None:
    _flow(server, "e2e.home", "any", LOG)
    page = open_page("/dashboards")
    page.get_by_test_id("home-range-P7D").click()
    page.wait_for_url("**range=P7D**")
    page.reload()
    expect(page.get_by_test_id("home-range-P7D")).to_have_attribute("aria-checked", "true")


def test_a_brushed_range_is_a_chip_that_can_be_removed(server: Server, open_page) -> None:
    _flow(server, "e2e.home", "any", LOG)
    page = open_page("/dashboards?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
    expect(page.get_by_test_id("home-brush")).to_be_visible()
    expect(page.get_by_test_id("home-nothing")).to_be_visible()
    page.get_by_test_id("home-brush-clear").click()
    expect(page.get_by_test_id("home-brush")).to_have_count(0)


def test_the_root_leads_to_the_dashboard(server: Server, open_page) -> None:
    _flow(server, "e2e.home", "any", LOG)
    page = open_page("")
    page.wait_for_url("**/ui/main/dashboards")
