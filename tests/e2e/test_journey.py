"""A newcomer's first hour, through the real console only: from the first account to a backfill (ui.md §20, 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.server import PASSWORD, USERNAME, Server, eventually

SOURCE = """id: greeting
namespace: journey.first
inputs:
  - id: who
    type: STRING
  - id: times
    type: INT
    min: 1
    max: 5
  - id: tone
    type: SELECT
    values: [warm, formal]
  - id: letter
    type: FILE
tasks:
  - id: open
    type: io.kestra.plugin.core.log.Log
    message: "{{ inputs.tone }} greetings to {{ inputs.who }}"
  - id: read_letter
    type: io.kestra.plugin.core.debug.Return
    format: "{{ read(inputs.letter) }}"
  - id: rounds
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, inputs.times) }}"
    tasks:
      - id: think
        type: io.kestra.plugin.core.flow.Sleep
        duration: PT0.7S
      - id: say
        type: io.kestra.plugin.core.log.Log
        message: "round {{ taskrun.value }}"
"""
SCHEDULE = """triggers:
  - id: daily
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 6 * * *"
    inputs:
      who: the clock
      times: 1
      tone: formal
"""
WAIT = 15_000


@pytest.fixture
def fresh(built: None, tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has set up yet."""
    made = Server(tmp_path / "home")
    try:
        yield made.start(setup=False)
    finally:
        made.discard()


def _editor(page: Page) -> Locator:
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=20_000)
    return page.locator(".monaco-editor").first


def _write(page: Page, text: str) -> None:
    """Replace the editor's text by a paste: typing would indent by itself."""
    editor = _editor(page)
    editor.click(position={"x": 300, "y": 60})
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")
    expect(editor.locator(".view-line", has_text=text.strip().splitlines()[-1].strip()).first).to_be_visible()


def _state(page: Page, word: str) -> None:
    expect(page.get_by_test_id("execution-state")).to_contain_text(word, timeout=WAIT)


def set_up_and_first_flow(page: Page, url: str) -> None:
    """The first account, then one click to a running flow."""
    page.goto(url)
    page.wait_for_url("**/setup", timeout=WAIT)
    page.get_by_test_id("setup-username").fill(USERNAME)
    page.get_by_test_id("setup-password").fill(PASSWORD)
    page.get_by_test_id("setup-submit").click()
    page.wait_for_url("**/welcome", timeout=WAIT)
    page.get_by_test_id("welcome-start").click()
    page.wait_for_url("**/executions/**/gantt", timeout=WAIT)
    expect(page.get_by_test_id("gantt-row").first).to_be_visible(timeout=WAIT)
    _state(page, "Success")


def write_the_flow(page: Page, url: str) -> None:
    """Completion offers types, the server's error stands at its line and in the list, saving makes revision 1."""
    page.goto(f"{url}/ui/main/flows")
    page.get_by_test_id("flows-create").click()
    page.wait_for_url("**/flows/new**")
    head = SOURCE.split("    type: io.kestra.plugin.core.debug.Return\n", 1)[0]
    _write(page, head)
    page.keyboard.type("    type: core.debug.Ret", delay=15)
    offered = page.locator(".suggest-widget .monaco-list-row", has_text="Return")
    expect(offered.first).to_be_visible(timeout=WAIT)
    page.keyboard.press("Enter")
    expect(_editor(page)).to_contain_text("io.kestra.plugin.core.debug.Return")
    _write(page, SOURCE.replace("- id: read_letter", "- id: open"))
    problem = page.get_by_test_id("problem-row").filter(has_text=re.compile("open.*server", re.IGNORECASE))
    expect(problem.first).to_be_visible(timeout=WAIT)
    expect(page.locator(".squiggly-error").first).to_be_visible()
    expect(page.get_by_test_id("editor-status")).to_contain_text("error")
    _write(page, SOURCE)
    expect(page.get_by_test_id("editor-status")).to_contain_text("Valid", timeout=WAIT)
    page.keyboard.press("Control+s")
    page.wait_for_url("**/flows/edit/journey.first/greeting/edit", timeout=WAIT)
    expect(page.locator(".sbar")).to_contain_text("rev 1")


def execute_with_inputs(page: Page) -> None:
    """The dialog asks for four kinds of inputs; log lines and bars appear while the execution runs."""
    page.get_by_test_id("editor-execute").click()
    dialog = page.get_by_test_id("execute-dialog")
    expect(dialog.get_by_test_id("execute-input-who")).to_be_visible(timeout=WAIT)
    dialog.locator("#in-who").fill("Ana")
    dialog.locator("#in-times").fill("9")
    dialog.locator("#in-who").click()
    expect(dialog.get_by_test_id("execute-input-times")).to_contain_text("At most 5")
    dialog.locator("#in-times").fill("4")
    tone = dialog.get_by_test_id("execute-input-tone")
    if tone.locator("select").count():
        tone.locator("select").select_option("warm")
    else:
        tone.get_by_text("warm", exact=True).click()
    letter = {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"dear reader"}
    dialog.locator("input[type=file]").set_input_files([letter])
    dialog.get_by_test_id("execute-submit").click()
    page.wait_for_url("**/executions/journey.first/greeting/*/gantt", timeout=WAIT)
    rows = page.get_by_test_id("gantt-row")
    expect(rows.filter(has_text="open")).to_be_visible(timeout=WAIT)
    _state(page, "Running")
    expect(rows.filter(has_text="think")).to_have_count(1, timeout=WAIT)
    page.get_by_test_id("tab-logs").click()
    lines = page.get_by_test_id("log-line")
    expect(lines.filter(has_text="warm greetings to Ana")).to_be_visible(timeout=WAIT)
    expect(lines.filter(has_text="round 4")).to_have_count(0)
    expect(lines.filter(has_text="round 4")).to_be_visible(timeout=WAIT)
    _state(page, "Success")
    page.get_by_test_id("tab-gantt").click()
    expect(rows.filter(has_text="think")).to_have_count(4, timeout=WAIT)
    rows.filter(has_text="read_letter").click()
    panel = page.get_by_test_id("run-panel")
    panel.get_by_test_id("run-tab-outputs").click()
    expect(panel).to_contain_text("dear reader", timeout=WAIT)


def second_revision_and_diff(page: Page, url: str) -> None:
    """A changed word makes revision 2; both stand side by side."""
    page.goto(f"{url}/ui/main/flows/edit/journey.first/greeting/edit")
    _write(page, SOURCE.replace("greetings to", "regards to"))
    expect(page.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    page.get_by_test_id("editor-save").click()
    expect(page.locator(".sbar")).to_contain_text("rev 2", timeout=WAIT)
    page.get_by_test_id("tab-revisions").click()
    page.wait_for_url("**/revisions**")
    expect(page.get_by_test_id("revision")).to_have_count(2, timeout=WAIT)
    sides = page.get_by_test_id("revisions-diff")
    expect(sides.locator(".editor.original")).to_contain_text("greetings to", timeout=WAIT)
    expect(sides.locator(".editor.modified")).to_contain_text("regards to", timeout=WAIT)


def replay_from_a_task(page: Page) -> str:
    """From the Gantt, with the first part kept; the id of the new execution."""
    page.get_by_test_id("tab-executions").click()
    page.locator("a:visible[href*='/executions/journey.first/greeting/']").first.click()  # of a row, also of a phone's
    page.wait_for_url("**/executions/journey.first/greeting/**", timeout=WAIT)
    before = page.url.split("/greeting/")[1].split("/")[0]
    page.get_by_test_id("tab-gantt").click()
    page.get_by_test_id("gantt-row").filter(has_text="read_letter").click()
    page.get_by_test_id("run-replay").click()
    page.get_by_test_id("replay-confirm").click()
    page.wait_for_url(lambda place: "/greeting/" in place and before not in place, timeout=WAIT)
    expect(page.locator("h1")).not_to_contain_text(before[:8], timeout=WAIT)
    page.wait_for_selector("[data-testid=gantt-row]", timeout=WAIT)
    _state(page, "Success")
    page.get_by_test_id("tab-overview").click()
    expect(page.get_by_test_id("execution-original")).to_be_visible(timeout=WAIT)
    return before


def schedule_and_backfill(page: Page, url: str) -> None:
    """A schedule by editing; three missed days with a few clicks; three executions in the list."""
    page.goto(f"{url}/ui/main/flows/edit/journey.first/greeting/edit")
    source = SOURCE.replace("  - id: letter\n", "  - id: letter\n    required: false\n")
    source = source.replace("{{ read(inputs.letter) }}", "no letter")
    _write(page, source + SCHEDULE)
    expect(page.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    page.keyboard.press("Control+s")
    expect(page.locator(".sbar")).to_contain_text("rev 3", timeout=WAIT)
    page.get_by_test_id("tab-triggers").click()
    expect(page.get_by_test_id("trigger-row")).to_contain_text("daily", timeout=WAIT)
    page.get_by_test_id("backfill-open").click()
    drawer = page.get_by_test_id("backfill-drawer")
    drawer.get_by_test_id("backfill-from").fill("2026-06-01T00:00")
    drawer.get_by_test_id("backfill-to").fill("2026-06-04T00:00")
    drawer.get_by_test_id("backfill-to").press("Tab")
    create = drawer.get_by_test_id("backfill-create")
    expect(create).to_contain_text("Create 3 executions", timeout=WAIT)
    create.click()
    expect(drawer).not_to_be_visible(timeout=WAIT)
    page.goto(f"{url}/ui/main/executions?filters[triggerId][EQUALS]=daily&filters[flowId][EQUALS]=greeting")
    rows = page.get_by_test_id("executions-table").locator("tbody tr")
    expect(rows.filter(has_text="daily")).to_have_count(3, timeout=30_000)


def test_a_newcomer_goes_from_the_first_account_to_a_backfill(fresh: Server, newcomer: Page) -> None:
    set_up_and_first_flow(newcomer, fresh.url)
    write_the_flow(newcomer, fresh.url)
    execute_with_inputs(newcomer)
    second_revision_and_diff(newcomer, fresh.url)
    replay_from_a_task(newcomer)
    schedule_and_backfill(newcomer, fresh.url)
    assert re.search(r"/executions", newcomer.url)


# ---- the week after: an operator's ways through several screens ---------------------------------------------------

USES = """id: uses_both
namespace: journey.ops
tasks:
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "{{ kv('limit') }} rows with {{ read('queries/count.sql') }}"
"""
FLAKY = """id: flaky
namespace: journey.ops
tasks:
  - id: once
    type: io.kestra.plugin.core.execution.Fail
    condition: "{{ kv('broken', namespace='journey.ops', errorOnMissing=false) == true }}"
    errorMessage: still broken
"""
SLOW = """id: slow
namespace: journey.ops
tasks:
  - {id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT5M}
"""
WAITING = """id: waiting
namespace: journey.ops
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {id: reason, type: STRING}
  - id: told
    type: io.kestra.plugin.core.log.Log
    message: "because {{ outputs.approve.onResume.reason }}"
"""


def _go(page: Page, server: Server, place: str) -> None:
    page.goto(f"{server.url}/ui/main{place}")
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=20_000)


def test_a_pair_and_a_file_made_in_the_console_reach_a_flow(server: Server, open_page) -> None:
    page = open_page("/kv")
    page.get_by_test_id("kv-create").click()
    page.get_by_test_id("kv-namespace").fill("journey.ops")
    page.get_by_test_id("kv-key").fill("limit")
    page.get_by_test_id("kv-type").select_option("NUMBER")
    page.get_by_test_id("kv-value").fill("42")
    page.get_by_test_id("kv-value").press("Tab")
    page.get_by_test_id("kv-save").click()
    expect(page.get_by_test_id("kv-editor")).not_to_be_visible(timeout=WAIT)
    expect(page.get_by_test_id("kv-table").locator("tr[data-id='journey.ops/limit']")).to_be_visible(timeout=WAIT)
    server.save_flow(USES)
    _go(page, server, "/namespaces/edit/journey.ops/files")
    page.get_by_test_id("files-new").click()
    page.get_by_test_id("files-path").fill("/queries/count.sql")
    page.get_by_test_id("files-path").press("Tab")
    page.get_by_test_id("files-confirm").click()
    page.wait_for_selector(".monaco-editor textarea", state="attached", timeout=20_000)
    page.locator(".monaco-editor").first.click()
    page.keyboard.type("select 1")
    page.keyboard.press("Control+s")
    saved = "/api/v1/main/namespaces/journey.ops/files?path=/queries/count.sql"
    eventually(lambda: server.call("GET", saved).body == b"select 1", what="the saved file")
    run = server.execute("journey.ops", "uses_both")["id"]
    server.finished(run)
    _go(page, server, f"/executions/journey.ops/uses_both/{run}/logs")
    expect(page.get_by_test_id("log-line").filter(has_text="42 rows with select 1")).to_be_visible(timeout=WAIT)


def test_failed_runs_are_found_by_conditions_and_restarted_together(server: Server, open_page) -> None:
    pair = "/api/v1/main/namespaces/journey.ops/kv/broken"
    server.call("PUT", pair, body="true", content_type="text/plain")
    server.save_flow(FLAKY)
    runs = [server.execute("journey.ops", "flaky")["id"] for _ in range(3)]
    assert {server.finished(one)["state"]["current"] for one in runs} == {"FAILED"}
    server.call("PUT", pair, body="false", content_type="text/plain")
    page = open_page("/executions?filters[flowId][EQUALS]=flaky")
    rows = page.get_by_test_id("executions-table").locator("tbody tr")
    expect(rows).to_have_count(3, timeout=WAIT)
    page.locator("[data-check=all]").first.click()
    page.get_by_test_id("executions-restart").click()
    page.get_by_test_id("deed-confirm").click()
    expect(rows.filter(has_text="Success")).to_have_count(3, timeout=WAIT)
    rows.first.locator("a").first.click()
    page.wait_for_url("**/executions/journey.ops/flaky/**", timeout=WAIT)
    page.go_back()
    expect(page).to_have_url(re.compile("flaky"))
    expect(rows).to_have_count(3, timeout=WAIT)


def test_a_run_is_killed_and_a_paused_one_goes_on_with_an_answer(server: Server, open_page) -> None:
    server.save_flow(SLOW)
    server.save_flow(WAITING)
    slow = server.execute("journey.ops", "slow")["id"]
    page = open_page(f"/executions/journey.ops/slow/{slow}/gantt")
    _state(page, "Running")
    page.get_by_test_id("execution-kill").click()
    page.get_by_test_id("kill-confirm").click()
    _state(page, "Killed")
    waiting = server.execute("journey.ops", "waiting")["id"]
    _go(page, server, f"/executions/journey.ops/waiting/{waiting}/gantt")
    _state(page, "Paused")
    page.get_by_test_id("execution-resume").click()
    dialog = page.get_by_test_id("resume")
    dialog.locator("#in-reason").fill("it is Friday")
    dialog.get_by_test_id("execute-submit").click()
    _state(page, "Success")
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("log-line").filter(has_text="because it is Friday")).to_be_visible(timeout=WAIT)


def test_the_palette_leads_to_a_flow_and_logging_out_ends_the_session(server: Server, open_page) -> None:
    server.save_flow(SLOW.replace("id: slow", "id: needle_in_a_haystack"))
    page = open_page("/flows", allowed=("401", "WebSocket is already in CLOSING"))
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill("needle_in")
    found = page.get_by_test_id("palette").get_by_role("option").filter(has_text="needle_in_a_haystack")
    expect(found.first).to_be_visible(timeout=WAIT)
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows/edit/journey.ops/needle_in_a_haystack**", timeout=WAIT)
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=20_000)
    page.get_by_test_id("user-menu").click()
    page.get_by_test_id("logout").click()
    page.wait_for_url("**/login**", timeout=WAIT)
    page.goto(f"{server.url}/ui/main/flows?filters[q][EQUALS]=needle")
    page.wait_for_url("**/login?from=**", timeout=WAIT)
    page.get_by_test_id("login-username").fill(USERNAME)
    page.get_by_test_id("login-password").fill("wrong")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("login-error")).to_be_visible(timeout=WAIT)
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    page.wait_for_url(re.compile(r"/ui/main/flows\?.*needle"), timeout=WAIT)
    expect(page.get_by_test_id("flows-table")).to_contain_text("needle_in_a_haystack", timeout=WAIT)
