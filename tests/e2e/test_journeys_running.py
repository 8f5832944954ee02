"""Journeys over executions (ui.md §20): 5 failure, 6 pause and kill, 7 many lines, 8 many iterations."""

from __future__ import annotations

import os
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.console import WAIT, Look, space, state
from tests.support.server import Server, eventually

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
ROUNDS = 1000 if EVERYTHING else 120
LINES = 100_000 if EVERYTHING else 10_000

FAILS = """id: fails
namespace: {space}
inputs:
  - {{id: amount, type: INT, defaults: 9}}
tasks:
  - {{id: prepare, type: io.kestra.plugin.core.debug.Return, format: prepared}}
  - id: check
    type: io.kestra.plugin.core.execution.Fail
    condition: "{{{{ inputs.amount > {limit} }}}}"
    errorMessage: the amount is too large
  - {{id: after, type: io.kestra.plugin.core.log.Log, message: "{{{{ inputs.amount }}}} accepted"}}
"""
ASKS = """id: asks
namespace: {space}
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {{id: seats, type: INT, min: 1, max: 5}}
      - {{id: reason, type: STRING}}
  - id: told
    type: io.kestra.plugin.core.log.Log
    message: "{{{{ outputs.approve.onResume.seats }}}} because {{{{ outputs.approve.onResume.reason }}}}"
"""
CHILD = """id: child
namespace: {space}
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT5M}}
"""
PARENT = """id: parent
namespace: {space}
tasks:
  - {{id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: "{space}", flowId: child, wait: true}}
"""
MANY_LINES = """id: lines
namespace: {space}
tasks:
  - id: count
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ['seq -f "line %.0f: nothing happened here" {lines}']
  - {{id: loud, type: io.kestra.plugin.core.log.Log, level: ERROR, message: "the one that matters"}}
"""
SPEAKS = """id: speaks
namespace: {space}
tasks:
  - id: slowly
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ['for i in $(seq 60); do echo "word $i"; sleep 0.1; done']
"""
LOOP = """id: loop
namespace: {space}
tasks:
  - id: rounds
    type: io.kestra.plugin.core.flow.ForEach
    concurrencyLimit: 0
    values: "{{{{ range(1, {rounds}) }}}}"
    tasks:
      - id: judge
        type: io.kestra.plugin.core.execution.Fail
        allowFailure: true
        condition: "{{{{ taskrun.value == '7' }}}}"
        errorMessage: seven is not allowed
      - id: call
        type: io.kestra.plugin.core.flow.Subflow
        runIf: "{{{{ taskrun.value == '3' }}}}"
        namespace: "{space}"
        flowId: leaf
"""
LEAF = """id: leaf
namespace: {space}
tasks:
  - {{id: said, type: io.kestra.plugin.core.log.Log, message: from the leaf}}
"""


def _place(execution: dict[str, Any], tab: str, query: str = "") -> str:
    return f"/executions/{execution['namespace']}/{execution['flowId']}/{execution['id']}/{tab}{query}"


def _reached(server: Server, identity: str, name: str) -> None:
    eventually(lambda: server.execution(identity)["state"]["current"] == name, seconds=30, what=name)


def _fields(page: Page, name: str) -> Any:
    return page.locator(f"[data-testid=execute-input-{name}] :is(input, textarea)").first


def test_journey_5_a_failure_is_read_mended_restarted_replayed_and_overruled(server: Server, look: Look) -> None:
    """Journey 5, UI-XP-03, UI-XP-12, UI-XP-21: alert, line, restart with the latest revision, replay, state."""
    name = space(look.theme)
    failed = server.run(FAILS.format(space=name, limit=5))
    page = look.open(_place(failed, "overview"))
    expect(page.get_by_test_id("execution-failure")).to_contain_text("the amount is too large")
    page.get_by_test_id("error-logs").click()
    expect(page).to_have_url(re.compile(r"/logs\?log=\d+"))
    expect(page.locator(".fd-log .tgt")).to_contain_text("ERROR")
    expect(page.get_by_test_id("log-line").filter(has_text="the amount is too large")).to_be_visible()

    server.save_flow(FAILS.format(space=name, limit=50))
    look.act(page, "execution-restart")
    expect(page.get_by_test_id("restart")).to_contain_text("the latest is 2", timeout=WAIT)
    page.get_by_test_id("restart").get_by_text("The latest", exact=True).click()
    page.get_by_test_id("restart-confirm").click()
    page.wait_for_url(lambda url: failed["id"] not in url and "/executions/" in url, timeout=WAIT)
    state(page, "SUCCESS")
    restarted = server.execution(page.url.split("/fails/")[1].split("/")[0])
    assert restarted["flowRevision"] == 2
    assert restarted["originalId"] == failed["id"]

    again = server.run(FAILS.format(space=name, limit=5))
    page = look.open(_place(again, "gantt"))
    page.get_by_test_id("gantt-row").filter(has_text="check").click()
    page.get_by_test_id("run-replay").click()
    page.get_by_test_id("replay-edit").click()
    _fields(page, "amount").fill("3")
    page.get_by_test_id("execute-submit").click()
    page.wait_for_url(lambda url: again["id"] not in url and "/executions/" in url, timeout=WAIT)
    state(page, "SUCCESS")
    replayed = page.url.split("/fails/")[1].split("/")[0]
    document = server.execution(replayed)
    assert document["inputs"]["amount"] == 3
    assert document["originalId"] == again["id"]

    page = look.open(_place(again, "gantt"))
    page.get_by_test_id("gantt-row").filter(has_text="check").click()
    page.get_by_test_id("run-state").click()
    page.get_by_test_id("run-state-choice").select_option("SUCCESS")
    page.get_by_test_id("run-state-dialog-confirm").click()
    state(page, "SUCCESS")
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("log-line").filter(has_text="9 accepted")).to_be_visible(timeout=WAIT)


def test_journey_6_a_pause_asks_and_a_kill_reaches_as_far_as_it_is_told(server: Server, look: Look) -> None:
    """Journey 6, UI-XP-70, UI-XP-05: the form of the resume checks; kill without and with the subflows."""
    name = space(look.theme)
    server.save_flow(ASKS.format(space=name))
    paused = server.execute(name, "asks")
    page = look.open(_place(paused, "gantt"))
    state(page, "PAUSED")
    page.get_by_test_id("execution-resume").click()
    _fields(page, "seats").fill("9")
    _fields(page, "reason").fill("it is Friday")
    expect(page.locator("[data-testid=execute-input-seats] .er")).to_be_visible(timeout=WAIT)
    _fields(page, "seats").fill("4")
    expect(page.locator("[data-testid=execute-input-seats] .er")).to_have_count(0)
    page.get_by_test_id("execute-submit").click()
    state(page, "SUCCESS")
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("log-line").filter(has_text="4 because it is Friday")).to_be_visible(timeout=WAIT)

    server.save_flow(CHILD.format(space=name))
    server.save_flow(PARENT.format(space=name))
    for cascade, fate in ((False, "RUNNING"), (True, "KILLED")):
        parent = server.execute(name, "parent")

        def child(of: str = parent["id"]) -> Any:
            runs = server.execution(of).get("taskRunList") or [{}]
            return (runs[0].get("outputs") or {}).get("executionId")

        started = eventually(child, seconds=30, what="the subflow")
        _reached(server, started, "RUNNING")
        page = look.open(_place(parent, "gantt"))
        look.act(page, "execution-kill")
        tick = page.get_by_test_id("kill-cascade")
        if tick.is_checked() != cascade:
            tick.click()
        expect(tick).to_be_checked(checked=cascade)
        page.get_by_test_id("kill-confirm").click()
        state(page, "KILLED")
        _reached(server, started, fate)
        if not cascade:
            server.call("DELETE", f"/api/v1/main/executions/{started}/kill")


def test_journey_7_many_lines_are_filtered_searched_linked_downloaded_and_followed(server: Server, look: Look) -> None:
    """Journey 7, UI-XP-31 to UI-XP-35: however many lines, few nodes and few requests."""
    name = space(look.theme)
    server.save_flow(MANY_LINES.format(space=name, lines=LINES))
    done = server.finished(server.execute(name, "lines")["id"], seconds=120)
    asked: list[str] = []
    page = look.open("/logs")
    page.on("request", lambda one: asked.append(one.url) if "/logs" in one.url else None)
    page.goto(f"{server.url}/ui/main{_place(done, 'logs')}")
    total = page.get_by_test_id("log-total")
    expect(total).to_contain_text(re.compile(rf"{LINES // 1000}[, .  ]?\d{{3}}"), timeout=60_000)
    lines = page.get_by_test_id("log-line")
    expect(lines.first).to_be_visible(timeout=WAIT)

    page.get_by_test_id("log-search").fill(f"line {LINES - 3}:")
    expect(lines.filter(has_text=f"line {LINES - 3}:")).to_be_visible(timeout=WAIT)
    page.get_by_test_id("log-search").fill("")
    page.get_by_test_id("log-level").select_option("ERROR")
    loud = lines.filter(has_text="the one that matters")
    expect(loud).to_be_visible(timeout=WAIT)
    expect(lines.filter(has_text="nothing happened")).to_have_count(0)
    if not look.phone:  # the buttons of a line come under the pointer
        loud.hover()
        loud.get_by_label("Copy link to line").click()
        link = page.evaluate("navigator.clipboard.readText()")
        assert re.search(rf"{done['id']}/logs\?.*log=\d+", link), link
        page.goto(link)
        expect(page.locator(".fd-log .tgt")).to_contain_text("the one that matters", timeout=WAIT)
    assert lines.count() < 400
    assert len(asked) < 60, asked
    assert page.evaluate("document.querySelectorAll('*').length") < 6000

    with page.expect_download(timeout=60_000) as got:
        page.get_by_test_id("log-download").click()
    text = got.value.path().read_text()
    assert text.count("nothing happened here") in {0, LINES}  # 0 when the level's filter still stands
    assert "the one that matters" in text

    server.save_flow(SPEAKS.format(space=name))
    page.goto(f"{server.url}/ui/main{_place(server.execute(name, 'speaks'), 'logs')}")
    expect(lines.filter(has_text=re.compile(r"word 5\b"))).to_be_visible(timeout=WAIT)
    expect(lines.filter(has_text=re.compile(r"word 60\b"))).to_be_visible(timeout=WAIT)
    state(page, "SUCCESS")
    expect(total).to_contain_text(re.compile(r"\b6[0-9] lines"))


def test_journey_8_many_rounds_are_folded_found_and_chosen(server: Server, look: Look) -> None:
    """Journey 8, UI-XP-20, UI-XP-22, UI-XP-23, UI-XP-40: fold, failed only, the child's link, the selector."""
    name = space(look.theme)
    server.save_flow(LEAF.format(space=name))
    server.save_flow(LOOP.format(space=name, rounds=ROUNDS))
    done = server.finished(server.execute(name, "loop")["id"], seconds=150)
    assert done["state"]["current"] == "WARNING"
    page = look.open(_place(done, "gantt"))
    rows = page.get_by_test_id("gantt-row")
    loop = rows.filter(has_text="rounds")
    expect(loop).to_contain_text(re.compile(rf"{ROUNDS:,}|{2 * ROUNDS:,}"), timeout=WAIT)  # rounds or their task runs
    assert rows.count() < 120
    page.get_by_test_id("gantt-failed-only").click()
    bad = rows.filter(has_text="judge")
    expect(bad).to_have_count(1, timeout=WAIT)
    bad.click()
    expect(page.get_by_test_id("run-panel")).to_contain_text("judge")
    page.get_by_test_id("run-close").click()
    page.get_by_test_id("gantt-failed-only").click()

    if loop.get_attribute("aria-expanded") == "false":
        loop.get_by_label("Unfold").click()
    expect(rows.nth(1)).to_be_visible(timeout=WAIT)
    if look.phone:  # no filter of the rows there: a link leads to the round that called
        runs = server.execution(done["id"])["taskRunList"]
        called = next(one["id"] for one in runs if (one.get("outputs") or {}).get("executionId"))
        page.goto(f"{server.url}/ui/main{_place(done, 'gantt', f'?taskRun={called}')}")
    else:
        page.get_by_test_id("gantt-filter").fill("call")
        rows.filter(has_text="call").and_(page.locator("[data-state=SUCCESS]")).first.click()
    page.get_by_test_id("run-child").click()
    page.wait_for_url("**/leaf/**", timeout=WAIT)
    state(page, "SUCCESS")

    page.goto(f"{server.url}/ui/main{_place(done, 'topology')}")
    every = page.get_by_test_id("graph-rounds-rounds")
    expect(every).to_have_text(f"all {ROUNDS:,}", timeout=WAIT)
    every.click()
    chosen = page.get_by_role("group", name="Iteration of rounds")
    chosen.get_by_label("Number of the iteration").fill("7")
    chosen.get_by_label("Number of the iteration").press("Enter")
    expect(chosen.locator("code")).to_have_text("7", timeout=WAIT)
    chosen.get_by_label("Next iteration").click()
    expect(chosen.get_by_label("Number of the iteration")).to_have_value("8")
    expect(page.locator(".react-flow__node", has_text="judge").first).to_be_visible()
