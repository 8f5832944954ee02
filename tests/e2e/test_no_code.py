"""Forms and graph over the text of the editor: journey 4, UI-ED-30 to UI-ED-34, UI-ED-42, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.server import Server

FLOW = """# kept
id: {id}
namespace: e2e.nocode

tasks:
  - id: hello   # why
    type: io.kestra.plugin.core.log.Log
    message: "Hello {{{{ flow.id }}}}"
  - id: later
    type: io.kestra.plugin.core.debug.Return
    format: "{{{{ outputs.hello.value }}}}"
"""
PLACE = "/flows/edit/e2e.nocode/{}/edit"


def _open(page: Page, *panels: str) -> None:
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=20_000, state="attached")
    for panel in panels:
        toggle = page.get_by_test_id(f"editor-panel-{panel}")
        if toggle.get_attribute("aria-pressed") != "true":
            toggle.click()


def _saved(page: Page, server: Server, flow: str) -> str:
    page.get_by_test_id("editor-save").click()
    expect(page.get_by_test_id("editor-save")).to_be_disabled()
    return server.call("GET", f"/api/v1/main/flows/e2e.nocode/{flow}?source=true").json["source"]


def test_a_flow_is_built_by_forms_and_its_text_stays_as_it_was(server: Server, open_page, theme: str) -> None:
    server.save_flow(FLOW.format(id="formed"))
    page = open_page(PLACE.format("formed"), theme=theme)
    _open(page, "nocode")
    page.locator("[data-testid=nc-element][data-id=hello] .nc-tkb").click()
    message = page.get_by_test_id("nc-prop-message").get_by_label("message", exact=True).first
    expect(message).to_have_value("Hello {{ flow.id }}")
    message.fill("Hi: {{ flow.id }}")
    message.blur()
    page.get_by_test_id("nc-add").click()
    page.get_by_test_id("catalogue-search").fill("http req")
    page.locator("[data-testid=catalogue-item][data-type='io.kestra.plugin.core.http.Request']").click()
    uri = page.get_by_test_id("nc-prop-uri").get_by_label("uri", exact=True).first
    uri.fill("https://example.com")
    uri.blur()
    expect(page.get_by_test_id("editor-status")).to_contain_text("Valid")
    page.get_by_test_id("nc-section-concurrency").click()
    page.get_by_test_id("nc-set-concurrency").click()
    expect(page.get_by_test_id("nc-prop-limit")).to_be_visible()
    text = _saved(page, server, "formed")
    assert text == FLOW.format(id="formed").replace("Hello {{", "Hi: {{").replace(
        "\ntasks:", "\nconcurrency:\n  limit: 1\n\ntasks:"
    ) + ("  - id: request\n    type: io.kestra.plugin.core.http.Request\n    uri: https://example.com\n")


def test_a_renamed_task_takes_its_references_along_and_undo_brings_a_deleted_one_back(
    server: Server, open_page, theme: str
) -> None:
    server.save_flow(FLOW.format(id="renamed"))
    page = open_page(PLACE.format("renamed"), theme=theme)
    _open(page, "nocode")
    page.locator("[data-testid=nc-element][data-id=hello] .nc-tkb").click()
    name = page.get_by_test_id("nc-prop-id").get_by_label("id", exact=True).first
    name.fill("greeting")
    name.blur()
    page.locator("[data-testid=nc-element][data-id=greeting]").wait_for()
    page.locator("[data-testid=nc-element][data-id=later]").get_by_test_id("nc-menu").click()
    page.get_by_test_id("nc-delete").click()
    expect(page.locator("[data-testid=nc-element]")).to_have_count(1)
    page.get_by_test_id("nc-section-tasks").focus()
    page.keyboard.press("Control+z")
    expect(page.locator("[data-testid=nc-element]")).to_have_count(2)
    text = _saved(page, server, "renamed")
    assert "- id: greeting   # why" in text
    assert "{{ outputs.greeting.value }}" in text


def test_while_the_text_is_broken_the_form_is_read_only_and_names_the_line(
    server: Server, open_page, theme: str
) -> None:
    server.save_flow(FLOW.format(id="broken"))
    page = open_page(PLACE.format("broken"), theme=theme)
    _open(page, "code", "nocode")
    page.locator("[data-testid=nc-element][data-id=hello] .nc-tkb").click()
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("  - id: 'open\n")
    expect(page.get_by_test_id("nc-broken")).to_be_visible()
    expect(page.get_by_test_id("nc-add")).to_have_count(0)


def test_tasks_are_added_and_swapped_in_the_graph(server: Server, open_page, theme: str) -> None:
    server.save_flow(FLOW.format(id="drawn"))
    page = open_page(PLACE.format("drawn"), theme=theme)
    _open(page, "topology")
    graph = page.get_by_test_id("editor-topology")
    graph.get_by_test_id("graph-menu-hello").click()
    page.get_by_test_id("graph-after").click()
    page.get_by_test_id("catalogue-search").fill("debug return")
    page.keyboard.press("Enter")
    graph.get_by_test_id("graph-menu-hello").click()  # before the graph is drawn again: the menu stays open meanwhile
    expect(graph).to_contain_text("return", timeout=10_000)
    page.get_by_test_id("graph-swap").click()
    graph.locator(".tnd", has_text="later").click()
    page.locator("[data-testid=editor-topology] .ndn").first.filter(has_text="later").wait_for()
    names = "[...document.querySelectorAll('.react-flow__node .ndn')].map(e => e.textContent)"
    ids = page.evaluate(names)
    assert ids.index("later") < ids.index("return") < ids.index("hello")
    graph.locator(".tnd[data-task=hello]").drag_to(graph.locator(".tnd[data-task=later]"))
    page.locator("[data-testid=editor-topology] .ndn").first.filter(has_text="hello").wait_for()
    graph.get_by_test_id("graph-as-list").click()
    listed = page.get_by_test_id("graph-list")
    expect(listed.get_by_role("listitem")).to_have_text([re.compile(x) for x in ("hello", "return", "later")])
    graph.locator("[data-id='root.return']").focus()
    page.keyboard.press("Delete")
    expect(listed.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(listed.get_by_role("listitem")).to_have_count(3)


def test_tasks_are_played_one_by_one_on_what_earlier_ones_gave(server: Server, open_page) -> None:
    """UI-ED-80 to UI-ED-83: each run is of kind PLAYGROUND and in no list; a pinned result stands for a task."""
    server.save_flow(FLOW.format(id="played").replace("core.log.Log", "core.debug.Return").replace("message", "format"))
    page = open_page(PLACE.format("played"))
    _open(page, "playground")
    panel = page.get_by_test_id("playground")
    panel.get_by_role("button", name="Run later").click()
    expect(page.get_by_test_id("play-missing")).to_contain_text("hello")
    page.get_by_test_id("play-missing").get_by_role("button", name="Cancel").click()
    page.get_by_test_id("play-first").click()
    expect(panel.locator(".pg-row", has_text="hello").get_by_role("img", name="Success")).to_be_visible()
    expect(panel.locator(".pg-row", has_text="later").get_by_role("img", name="Success")).to_have_count(0)
    panel.get_by_role("button", name="Run later").click()
    row = panel.locator(".pg-row", has_text="later")
    expect(row.get_by_role("img", name="Success")).to_be_visible()
    row.click()
    page.get_by_test_id("run-tab-outputs").click()
    expect(page.get_by_test_id("run-panel")).to_contain_text("Hello played")
    expect(panel.locator(".pg-row", has_text="hello")).to_contain_text("kept")
    page.get_by_test_id("play-menu-hello").click()
    page.get_by_test_id("play-pin").click()
    expect(page.get_by_test_id("pin-text")).to_have_value(re.compile("Hello played"))
    page.get_by_test_id("pin-text").fill('{"value": "pinned words"}')
    page.get_by_test_id("pin-save").click()
    expect(panel.locator(".pg-row", has_text="hello")).to_contain_text("pinned")
    panel.get_by_role("button", name="Run later").click()
    expect(panel.get_by_label("Run", exact=True).locator("option")).to_have_count(3)
    page.get_by_test_id("run-tab-outputs").click()  # the task stays open over the new run
    expect(page.get_by_test_id("run-panel")).to_contain_text("pinned words")
    page.get_by_test_id("play-gantt").click()
    expect(page.get_by_test_id("play-chart")).to_contain_text("later")
    found = server.call("GET", "/api/v1/main/executions/search?namespace=e2e.nocode&flowId=played").json
    assert found["total"] == 0


CALLED = """id: called
namespace: e2e.nocode
inputs:
  - {id: rows, type: INT, min: 1}
  - {id: at, type: DATETIME}
  - {id: kind, type: SELECT, values: [small, large], required: false}
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: hi}]
"""
CALLING = """id: calling
namespace: e2e.nocode
tasks:
  - id: call
    type: io.kestra.plugin.core.flow.Subflow
    namespace: e2e.nocode
    flowId: called
triggers:
  - id: daily
    type: io.kestra.plugin.core.trigger.Schedule
    cron: 0 6 * * *
"""


def test_a_subflows_inputs_and_a_cron_have_controls_of_their_own(server: Server, open_page) -> None:
    """UI-ED-32: each input by its type; a cron with its words; a point in time by a calendar."""
    server.save_flow(CALLED)
    server.save_flow(CALLING)
    page = open_page(PLACE.format("calling"))
    _open(page, "nocode")
    page.locator("[data-testid=nc-element][data-id=call] .nc-tkb").click()
    inputs = page.get_by_test_id("nc-subflow-inputs")
    number = inputs.get_by_test_id("nc-prop-rows").get_by_role("textbox")
    number.fill("0")
    expect(inputs).to_contain_text("At least 1.")
    number.fill("5")
    inputs.get_by_test_id("nc-instant-at").fill("2026-11-20T06:00:00")
    inputs.get_by_test_id("nc-prop-kind").get_by_role("combobox").select_option("large")
    page.get_by_test_id("nc-section-triggers").click()
    page.locator("[data-testid=nc-element][data-id=daily] .nc-tkb").click()
    expect(page.get_by_test_id("nc-cron-words")).to_contain_text("06:00")
    page.get_by_label("Often used").select_option("0 * * * *")
    expect(page.get_by_test_id("editor-status")).to_contain_text("Valid")
    text = _saved(page, server, "calling")
    assert "    inputs:\n      rows: 5\n      at: " in text and "      kind: large\n" in text
    assert "    cron: 0 * * * *\n" in text
