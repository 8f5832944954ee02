"""Triggers of a flow and backfills (UI-FP-30 to UI-FP-34) in a real browser against a real server."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.server import Server, eventually

FLOW = """id: {id}
namespace: e2e.triggers
inputs:
  - id: size
    type: INT
    defaults: 5
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello {{{{ inputs.size }}}}
triggers:
  - id: hourly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 * * * *"
  - id: push
    type: io.kestra.plugin.core.trigger.Webhook
    key: notguessedbyanyone
"""
PLACE = "/flows/edit/e2e.triggers/{}/triggers"


def _state(server: Server, flow: str) -> dict:
    return server.call("GET", f"/api/v1/main/triggers/e2e.triggers/{flow}").json["results"][0]


def test_triggers_are_shown_with_words_and_next_dates(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="shown"))
    page = open_page(PLACE.format("shown"))
    expect(page.get_by_test_id("trigger-row")).to_have_count(2)
    expect(page.get_by_test_id("trigger-row").first).to_contain_text("very hour")
    expect(page.get_by_test_id("trigger-detail").locator(".nxt")).to_have_count(10)


def test_a_trigger_is_switched_off_and_on(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="switched"))
    page = open_page(PLACE.format("switched"))
    switch = page.get_by_test_id("trigger-switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert _state(server, "switched")["disabled"] is True
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert _state(server, "switched")["disabled"] is False


def test_a_backfill_says_its_number_and_makes_the_executions(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="filled"))
    page = open_page(PLACE.format("filled"))
    page.get_by_test_id("backfill-open").click()
    expect(page.get_by_test_id("backfill-count")).to_contain_text("24")
    page.get_by_test_id("backfill-input").fill("8")
    page.get_by_test_id("backfill-labels").fill("why: test")
    page.wait_for_timeout(400)
    page.get_by_test_id("backfill-create").click()
    expect(page.get_by_test_id("backfill-drawer")).not_to_be_visible()

    def made() -> list:
        query = "filters[namespace][EQUALS]=e2e.triggers&filters[flowId][EQUALS]=filled&size=100"
        rows = server.call("GET", f"/api/v1/main/executions/search?{query}").json["results"]
        return rows if len(rows) >= 24 else []

    rows = eventually(made, seconds=30, what="24 executions")
    assert {row["inputs"]["size"] for row in rows} == {8}
    assert all({"key": "why", "value": "test"} in row["labels"] for row in rows)


def test_a_backfill_is_paused_continued_and_deleted(server: Server, open_page) -> None:
    source = FLOW.format(id="held").replace('"0 * * * *"', '"* * * * *"')
    server.save_flow(
        source.replace("core.log.Log\n    message: Hello {{ inputs.size }}", "core.flow.Sleep\n    duration: PT2S")
    )
    page = open_page(PLACE.format("held"))
    page.get_by_test_id("backfill-open").click()
    page.get_by_test_id("backfill-preset-P7D").click()
    expect(page.get_by_test_id("backfill-create")).to_contain_text("executions")
    page.get_by_test_id("backfill-create").click()
    expect(page.get_by_test_id("backfill-row")).to_be_visible()
    made = page.get_by_test_id("backfill-executions").get_attribute("href") or ""
    assert "filters[labels][EQUALS][backfill]=hourly-" in made  # UI-FP-33: found by the backfill's own label
    page.get_by_test_id("backfill-pause").click()
    expect(page.get_by_test_id("backfill-continue")).to_be_visible()
    page.get_by_test_id("backfill-continue").click()
    expect(page.get_by_test_id("backfill-pause")).to_be_visible()
    page.get_by_test_id("backfill-delete").click()
    page.get_by_test_id("trigger-ask-confirm").click()
    expect(page.get_by_test_id("backfill-row")).to_have_count(0)
    assert "backfill" not in _state(server, "held")


def test_a_start_after_the_end_is_told_beside_the_dates(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="wrong"))
    page = open_page(PLACE.format("wrong"))
    page.get_by_test_id("backfill-open").click()
    page.get_by_test_id("backfill-to").fill("2020-01-01T00:00")
    expect(page.get_by_test_id("backfill-fault")).to_contain_text("end")
    expect(page.get_by_test_id("backfill-create")).to_be_disabled()


def test_the_state_of_a_trigger_can_be_deleted(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="forgotten"))
    page = open_page(PLACE.format("forgotten"))
    page.get_by_test_id("trigger-more").first.click()
    page.get_by_test_id("trigger-delete").click()
    page.get_by_test_id("trigger-ask-confirm").click()
    expect(page.get_by_text("State deleted")).to_be_visible()


def test_a_flow_without_triggers_says_how_to_add_one(server: Server, open_page) -> None:
    """UI-FP-30, UI-FP-34: the form writes the source; a webhook's key is shown on wish, a trigger's log in its row."""
    server.save_flow(FLOW.format(id="bare").split("triggers:")[0])
    page = open_page(PLACE.format("bare"))
    expect(page.get_by_test_id("empty")).to_contain_text("No triggers")
    page.get_by_test_id("trigger-add").click()
    page.get_by_test_id("trigger-kind").select_option("webhook")
    page.get_by_test_id("trigger-save").click()
    expect(page.get_by_test_id("trigger-form")).to_contain_text("beginning with a letter")
    page.get_by_test_id("trigger-id").fill("called")
    page.get_by_test_id("trigger-key").fill("onlyforyou")
    page.get_by_test_id("trigger-save").click()
    expect(page.get_by_test_id("trigger-row")).to_contain_text("called")
    address = page.get_by_test_id("webhook-address")
    expect(address).to_contain_text("•••")
    page.get_by_test_id("webhook-key").click()
    expect(address).to_contain_text("onlyforyou")
    page.get_by_test_id("trigger-more").click()
    page.get_by_test_id("trigger-logs").click()
    expect(page.get_by_test_id("trigger-log-row")).to_contain_text("Nothing yet")
    (trigger,) = server.call("GET", "/api/v1/main/flows/e2e.triggers/bare").json["triggers"]
    assert (trigger["id"], trigger["key"]) == ("called", "onlyforyou")


POLLING = """id: {id}
namespace: e2e.triggers
tasks: [{{id: hello, type: io.kestra.plugin.core.log.Log, message: hi}}]
triggers:
  - id: ready
    type: io.kestra.plugin.core.http.Trigger
    uri: {url}/api/v1/configs
    disabled: true
    labels: {{came: "{{{{ trigger.code }}}}"}}
"""


def test_a_dry_run_tells_what_would_start_and_starts_nothing(server: Server, open_page) -> None:
    """UI-FP-31: what is not undone is said before; then what it found, labels, log; no execution."""
    server.save_flow(POLLING.format(id="polled", url=server.url))
    page = open_page(PLACE.format("polled"))
    page.get_by_test_id("trigger-more").click()
    page.get_by_test_id("trigger-try").click()
    trial = page.get_by_test_id("trigger-trial")
    expect(trial).to_contain_text("Not undone: what looking itself does at the source.")
    expect(page.get_by_test_id("try-result")).to_have_count(0)
    page.get_by_test_id("try-run").click()
    expect(page.get_by_test_id("try-found")).to_be_visible()
    expect(trial.locator(".lab")).to_have_text("came:200")
    expect(page.get_by_test_id("try-result")).to_contain_text('"code": 200')
    page.keyboard.press("Escape")
    expect(trial).to_be_hidden()
    query = "filters[namespace][EQUALS]=e2e.triggers&filters[flowId][EQUALS]=polled"
    assert server.call("GET", f"/api/v1/main/executions/search?{query}").json["total"] == 0


def test_a_planned_backfill_stands_in_the_address(server: Server, open_page) -> None:
    """UI-DG-03: reload shows it again, Back closes it."""
    server.save_flow(FLOW.format(id="addressed"))
    page = open_page(PLACE.format("addressed"))
    page.get_by_test_id("backfill-open").click()
    drawer = page.get_by_test_id("backfill-drawer")
    page.wait_for_url("**open=hourly")
    page.reload()
    expect(drawer).to_be_visible()
    # At a full hour both ends of the range count.
    expect(page.get_by_test_id("backfill-count")).to_contain_text(re.compile("Executions to create2[45]"))
    page.get_by_test_id("backfill-drawer").get_by_role("button", name="Cancel").click()
    expect(drawer).to_be_hidden()
    page.wait_for_url("**/triggers")
    page.get_by_test_id("backfill-open").click()
    page.wait_for_url("**open=hourly")
    page.go_back()
    expect(drawer).to_be_hidden()
    page.wait_for_url("**/addressed/triggers")
