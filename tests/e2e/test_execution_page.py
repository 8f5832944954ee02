"""The page of an execution (UI-XP) in a real browser against a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.server import Server, eventually

NAMESPACE = "e2e.execution"
LOADS = """id: loads
namespace: e2e.execution
labels: {team: data}
inputs:
  - {id: size, type: INT, defaults: 5, max: 50}
  - {id: token, type: SECRET, required: false}
tasks:
  - {id: extract, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.size }} rows"}
  - id: regions
    type: io.kestra.plugin.core.flow.ForEach
    values: ["eu", "us"]
    tasks:
      - {id: load, type: io.kestra.plugin.core.log.Log, message: "loaded {{ taskrun.value }}"}
outputs:
  - {id: rows, type: STRING, value: "{{ outputs.extract.value }}"}
"""
ROUNDS = """id: rounds
namespace: e2e.execution
tasks:
  - id: regions
    type: io.kestra.plugin.core.flow.ForEach
    values: ["eu", "us"]
    tasks:
      - {id: load, type: io.kestra.plugin.core.log.Log, message: "loaded {{ taskrun.value }}"}
      - {id: check, type: io.kestra.plugin.core.log.Log, message: "checked {{ taskrun.value }}"}
"""
FAILS = """id: fails
namespace: e2e.execution
tasks:
  - {id: before, type: io.kestra.plugin.core.log.Log, message: "all is well"}
  - {id: stop, type: io.kestra.plugin.core.execution.Fail, errorMessage: "the shop refused the order"}
"""
PAUSES = """id: pauses
namespace: e2e.execution
tasks:
  - id: sign_off
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {id: reason, type: STRING}
  - {id: after, type: io.kestra.plugin.core.log.Log, message: "because {{ outputs.sign_off.onResume.reason }}"}
"""
SLEEPS = """id: sleeps
namespace: e2e.execution
tasks:
  - {id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT5M}
"""


def _run(server: Server, source: str, until: str = "", **inputs: str) -> dict[str, Any]:
    """Start a flow and wait for its end, or for a state."""
    server.save_flow(source)
    name = source.split("id: ", 1)[1].split("\n", 1)[0]
    made = server.execute(NAMESPACE, name, inputs or None)
    if not until:
        return server.finished(made["id"])

    def reached() -> Any:
        now = server.call("GET", f"/api/v1/main/executions/{made['id']}").json
        return now if now["state"]["current"] == until else None

    return eventually(reached, what=until)


def _place(execution: dict[str, Any], tab: str = "gantt", query: str = "") -> str:
    return f"/executions/{execution['namespace']}/{execution['flowId']}/{execution['id']}/{tab}{query}"


def _state(page: Page, name: str, seconds: int = 15) -> None:
    expect(page.locator(f"[data-testid=execution-state][data-state={name}]")).to_be_visible(timeout=seconds * 1000)


def test_a_chosen_row_shows_its_details_and_stands_in_the_url(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    page = open_page(_place(done))
    _state(page, "SUCCESS")
    page.get_by_text("extract", exact=True).first.click()
    panel = page.locator("[data-testid=run-panel]")
    expect(panel).to_contain_text("debug.Return")
    expect(page).to_have_url(re.compile(r"taskRun=\w+"))
    panel.locator("[data-testid=run-tab-outputs]").click()
    expect(panel).to_contain_text("5 rows")
    panel.locator("[data-testid=run-tab-source]").click()
    expect(panel).to_contain_text("id: extract")
    expect(panel.locator("[data-testid=run-property]").first).to_contain_text("5 rows")
    page.reload()
    expect(page.locator("[data-testid=run-panel]")).to_contain_text("extract")
    page.locator("[data-testid=run-close]").click()
    expect(page.locator("[data-testid=run-panel]")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("taskRun="))


def test_a_folded_iteration_keeps_its_bar_and_the_tooltip_can_be_read(server: Server, open_page) -> None:
    page = open_page(_place(_run(server, ROUNDS)))
    rows = page.get_by_test_id("gantt-row")
    fold = rows.filter(has_text="eu").first
    fold.get_by_role("button", name="Fold").click()
    expect(fold.locator(".sumbar i")).to_have_count(1)
    expect(fold.locator(".late")).to_have_text("2")
    rows.filter(has_text="check").first.locator(".gb").hover()
    tip = page.locator(".fd-gantt .tip")
    expect(tip).to_contain_text("Success")
    ink, ground = (
        [int(part) for part in re.findall(r"\d+", tip.evaluate(f"el => getComputedStyle(el).{name}"))[:3]]
        for name in ("color", "backgroundColor")
    )
    assert abs(sum(ink) - sum(ground)) > 300, f"{ink} on {ground}"


def test_the_overview_tells_facts_inputs_and_outputs_and_hides_secrets(server: Server, open_page) -> None:
    done = _run(server, LOADS, size="7", token="geheim")
    page = open_page(_place(done, "overview"))
    body = page.locator("#content")
    expect(body).to_contain_text("7 rows")
    expect(body).to_contain_text("******")
    expect(body).not_to_contain_text("geheim")
    expect(page.locator(".xs-side")).to_contain_text(done["id"])


def test_a_failure_leads_to_its_line_and_replays_from_its_task(server: Server, open_page) -> None:
    failed = _run(server, FAILS)
    page = open_page(_place(failed, "overview"))
    alert = page.locator("[data-testid=execution-failure]")
    expect(alert).to_contain_text("the shop refused the order")
    page.locator("[data-testid=error-logs]").click()
    expect(page).to_have_url(re.compile(r"/logs\?log=\d+"))
    expect(page.locator(".fd-log .tgt")).to_contain_text("the shop refused the order")
    page.go_back()
    page.locator("[data-testid=error-replay]").click()
    expect(page.locator("[data-testid=replay-from]")).not_to_have_value("")
    page.locator("[data-testid=replay-confirm]").click()
    page.wait_for_url(lambda url: failed["id"] not in url and "/executions/" in url)
    expect(page.locator("[data-testid=execution-id]")).not_to_have_text(failed["id"])
    _state(page, "FAILED")
    page.locator("[data-testid=tab-overview]").click()
    expect(page.locator("[data-testid=execution-original]")).to_have_text(failed["id"][:8])


def test_a_replay_with_changed_inputs_runs_with_them(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    page = open_page(_place(done))
    page.locator("[data-testid=execution-replay]").click()
    page.locator("[data-testid=replay-edit]").click()
    expect(page.locator("[data-testid=replay-edit]")).to_be_checked()
    page.locator("[data-testid=execute-input-size] input").fill("60")
    expect(page.locator("[data-testid=execute-input-size] .er")).to_be_visible()
    page.locator("[data-testid=execute-input-size] input").fill("9")
    page.locator("[data-testid=execute-submit]").click()
    page.wait_for_url(lambda url: done["id"] not in url and "/executions/" in url)
    expect(page.locator("[data-testid=execution-id]")).not_to_have_text(done["id"])
    _state(page, "SUCCESS")
    page.locator("[data-testid=tab-overview]").click()
    expect(page.locator("#content")).to_contain_text("9 rows")


def test_a_paused_execution_says_so_and_goes_on_with_what_is_entered(server: Server, open_page) -> None:
    paused = _run(server, PAUSES, until="PAUSED")
    page = open_page(_place(paused))
    _state(page, "PAUSED")
    expect(page.locator("[data-testid=execution-waiting]")).to_be_visible()
    page.locator("[data-testid=execution-resume]").click()
    page.locator("[data-testid=execute-input-reason] :is(input, textarea)").fill("it is right")
    page.locator("[data-testid=execute-submit]").click()
    _state(page, "SUCCESS")
    page.locator("[data-testid=tab-logs]").click()
    expect(page.locator(".fd-log")).to_contain_text("because it is right")


def test_a_running_execution_is_killed_after_asking(server: Server, open_page) -> None:
    running = _run(server, SLEEPS, until="RUNNING")
    page = open_page(_place(running))
    _state(page, "RUNNING")
    page.locator("[data-testid=execution-kill]").click()
    expect(page.locator("[data-testid=kill]")).to_contain_text("sleeps")
    page.locator("[data-testid=kill-cancel]").click()
    _state(page, "RUNNING")
    page.locator("[data-testid=execution-kill]").click()
    page.locator("[data-testid=kill-confirm]").click()
    _state(page, "KILLED")
    expect(page.locator("[data-testid=execution-kill]")).to_have_count(0)


def test_expressions_are_rendered_in_the_executions_scope_with_secrets_masked(server: Server, open_page) -> None:
    done = _run(server, LOADS, token="geheim")
    page = open_page(_place(done, "outputs"))
    page.locator("[data-testid=outputs-task]").first.click()
    expect(page.locator(".xs-tree")).to_contain_text("5 rows")
    for text, told in (
        ("{{ outputs.extract.value }} for {{ flow.id }}", "5 rows for loads"),
        ("{{ inputs.token }}", "******"),
        ("{{ nothing.here }}", "nothing"),
    ):
        page.locator("[data-testid=expression-input]").fill(text)
        page.locator("[data-testid=expression-run]").click()
        expect(page.locator("[data-testid=expression-result]")).to_contain_text(told)
    expect(page.locator("[data-testid=expression-result].bad")).to_be_visible()


def test_labels_of_an_ended_execution_are_set_and_wrong_ones_refused(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    page = open_page(_place(done, "overview"))
    page.locator("[data-testid=overview-labels]").click()
    page.locator("[data-testid=label-key]").last.fill("not a key")
    page.locator("[data-testid=labels-confirm]").click()
    expect(page.locator("[data-testid=dialog-error]")).to_be_visible()
    rows = page.locator("[data-testid=label-key]:not([disabled])")
    rows.first.fill("region")
    page.locator("[data-testid=label-value]").nth(1).fill("emea")
    page.locator("[data-testid=labels-confirm]").click()
    expect(page.locator(".xs-side")).to_contain_text("region:emea")


def test_the_topology_opens_the_details_of_a_tasks_run(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    page = open_page(_place(done, "topology"))
    page.locator(".react-flow__node", has_text="extract").first.click()
    expect(page.locator("[data-testid=run-panel]")).to_contain_text("extract")


CALLS = """id: calls
namespace: e2e.execution
tasks:
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: e2e.execution, flowId: called, wait: true}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [one, two]
    tasks:
      - {id: said, type: io.kestra.plugin.core.debug.Return, format: x, runIf: "{{ taskrun.value == 'one' }}"}
"""
CALLED = """id: called
namespace: e2e.execution
tasks:
  - {id: within, type: io.kestra.plugin.core.debug.Return, format: x, timeout: PT1M}
"""


def test_the_topology_shows_a_subflow_inside_and_one_iteration(server: Server, open_page) -> None:
    """UI-XP-40, UI-ED-40: states of the subflow's own execution; a loop is chosen from, not drawn side by side."""
    server.save_flow(CALLED)
    page = open_page(_place(_run(server, CALLS), "topology"))
    page.get_by_test_id("graph-expand-call").click()
    within = page.locator(".react-flow__node", has_text="within")
    expect(within.get_by_role("img", name="Success")).to_be_visible()
    expect(within.get_by_role("img", name="Timeout PT1M")).to_be_visible()
    page.get_by_test_id("graph-rounds-each").click()
    said = page.locator(".react-flow__node-task", has_text="said")
    expect(said.get_by_role("img", name="Success")).to_be_visible()
    page.get_by_role("button", name="Next iteration").click()
    expect(said.get_by_role("img", name="Skipped")).to_be_visible()


def test_an_unknown_execution_is_told(open_page) -> None:
    page = open_page("/executions/e2e.execution/loads/0000000000000000000000/gantt")
    expect(page.locator("[data-testid=problem]")).to_contain_text("0000000000000000000000")


@pytest.mark.long
def test_no_width_scrolls_sideways(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    for width, theme in ((390, "dark"), (800, "light")):
        for tab in ("overview", "gantt", "logs", "outputs"):
            page = open_page(_place(done, tab), width=width, theme=theme)
            _state(page, "SUCCESS")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (tab, width)
            page.close()


QUEUES = """id: queues
namespace: e2e.execution
concurrency: {limit: 1, behavior: QUEUE}
tasks:
  - {id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT5M}
"""
STEPS = """id: steps
namespace: e2e.execution
inputs:
  - {id: first, type: STRING, defaults: PT0.1S}
tasks:
  - {id: first, type: io.kestra.plugin.core.flow.Sleep, duration: "{{ inputs.first }}"}
  - {id: second, type: io.kestra.plugin.core.log.Log, message: "second after {{ inputs.first }}"}
"""


def test_a_pause_by_hand_holds_the_next_task_until_the_resume(server: Server, open_page) -> None:
    running = _run(server, STEPS, until="RUNNING", first="PT8S")
    page = open_page(_place(running))
    page.locator("[data-testid=execution-pause]").click()
    page.locator("[data-testid=pause-confirm]").click()
    _state(page, "PAUSED", seconds=25)
    page.locator("[data-testid=execution-resume]").click()
    page.locator("[data-testid=resume-confirm]").click()
    _state(page, "SUCCESS")


def test_a_queued_execution_tells_its_place_and_leaves_the_queue(server: Server, open_page) -> None:
    first = _run(server, QUEUES, until="RUNNING")
    queued = _run(server, QUEUES, until="QUEUED")
    page = open_page(_place(queued))
    expect(page.locator("[data-testid=execution-waiting]")).to_contain_text("position 1 of 1")
    page.locator("[data-testid=execution-unqueue]").click()
    page.locator("[data-testid=unqueue-CANCELLED]").click()
    page.locator("[data-testid=unqueue-dialog-confirm]").click()
    _state(page, "CANCELLED")
    server.call("DELETE", f"/api/v1/main/executions/{first['id']}/kill")


def test_a_failed_task_run_marked_as_success_lets_the_flow_go_on(server: Server, open_page) -> None:
    failed = _run(server, FAILS)
    page = open_page(_place(failed))
    page.get_by_text("stop", exact=True).first.click()
    page.locator("[data-testid=run-state]").click()
    page.locator("[data-testid=run-state-choice]").select_option("SUCCESS")
    page.locator("[data-testid=run-state-dialog-confirm]").click()
    _state(page, "SUCCESS")


def test_a_restart_keeps_the_id_and_the_state_can_be_changed_afterwards(server: Server, open_page) -> None:
    failed = _run(server, FAILS)
    page = open_page(_place(failed))
    page.locator("[data-testid=execution-restart]").click()
    page.locator("[data-testid=restart-confirm]").click()

    def again() -> bool:
        now = server.call("GET", f"/api/v1/main/executions/{failed['id']}").json
        return now["metadata"]["attemptNumber"] == 2 and now["state"]["current"] == "FAILED"

    eventually(again, what="a second failure")
    _state(page, "FAILED")
    page.locator("[data-testid=execution-menu]").click()
    page.locator("[data-testid=menu-status]").click()
    page.locator("[data-testid=status-choice]").select_option("WARNING")
    page.locator("[data-testid=status-confirm]").click()
    _state(page, "WARNING")


def test_a_restarted_execution_is_followed_again(server: Server, open_page) -> None:
    failed = _run(
        server,
        f"""
id: slow_failure
namespace: {NAMESPACE}
tasks:
  - id: only
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ["sleep 1.5; exit 3"]
""",
    )
    page = open_page(_place(failed))
    _state(page, "FAILED")
    page.locator("[data-testid=execution-restart]").click()
    page.locator("[data-testid=restart-confirm]").click()
    _state(page, "RUNNING")
    _state(page, "FAILED")


def test_a_breakpoint_holds_until_it_is_told_to_go_on(server: Server, open_page) -> None:
    server.save_flow(STEPS)
    made = server.call("POST", f"/api/v1/main/executions/{NAMESPACE}/steps?breakpoints=second").json
    page = open_page(_place(made))
    _state(page, "BREAKPOINT")
    page.get_by_text("second", exact=True).first.click()  # UI-ED-71: what the task would get
    expect(page.locator("[data-testid=run-property]").first).to_contain_text("second after PT0.1S")
    page.locator("[data-testid=execution-go-on]").click()
    page.locator("[data-testid=go-on-confirm]").click()
    _state(page, "SUCCESS")


def test_a_deleted_execution_is_gone_and_the_list_is_shown(server: Server, open_page) -> None:
    done = _run(server, LOADS)
    page = open_page(_place(done))
    _state(page, "SUCCESS")
    page.locator("[data-testid=execution-menu]").click()
    page.locator("[data-testid=menu-delete]").click()
    page.locator("[data-testid=delete-confirm]").click()
    page.wait_for_url(re.compile(r"/ui/main/executions$"))
    assert server.call("GET", f"/api/v1/main/executions/{done['id']}").status == 404


def test_the_flow_is_executed_again_with_the_same_inputs_prefilled(server: Server, open_page) -> None:
    done = _run(server, LOADS, size="13")
    page = open_page(_place(done))
    page.locator("[data-testid=execution-execute]").click()
    expect(page.locator("[data-testid=execute-input-size] input")).to_have_value("13")
    page.locator("[data-testid=execute-submit]").click()
    page.wait_for_url(lambda url: done["id"] not in url and "/executions/" in url)
    expect(page.locator("[data-testid=execution-id]")).not_to_have_text(done["id"])
    _state(page, "SUCCESS")
