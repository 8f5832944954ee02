"""The code panel knows the instance and the last run (UI-ED-12 to UI-ED-16); presets of inputs (UI-FP-14)."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.server import Server, multipart

FLOW = """id: {id}
namespace: e2e.known
labels: {{known_team: data}}
inputs:
  - id: who
    type: STRING
    defaults: world
tasks:
  - id: first
    type: io.kestra.plugin.core.output.OutputValues
    values:
      answer: 42
  - id: second
    type: io.kestra.plugin.core.debug.Return
    format: "{{{{ outputs.first.values.answer }}}}"
"""
PLACE = "/flows/edit/e2e.known/{}/edit"


def _open(page: Page) -> None:
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=20_000)
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+End")


def test_expressions_are_completed_from_the_last_run_and_from_the_instance(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="completed"))
    server.finished(server.call("POST", "/api/v1/main/executions/e2e.known/completed").json["id"])
    server.call("PUT", "/api/v1/main/namespaces/e2e.known/kv/rate_limit", body=b"17")
    page = open_page(PLACE.format("completed"))
    _open(page)
    page.keyboard.type("  - id: third\n", delay=5)
    page.keyboard.type('type: io.kestra.plugin.core.debug.Return\nformat: "{{ outputs.first.values.', delay=5)
    page.keyboard.press("Control+Space")
    expect(page.locator(".suggest-widget")).to_contain_text("answer")
    page.keyboard.press("Escape")
    for _ in range(len("outputs.first.values.")):
        page.keyboard.press("Backspace")
    page.keyboard.type("kv('", delay=20)
    expect(page.locator(".suggest-widget")).to_contain_text("rate_limit")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")  # keys and values of labels that other flows have
    page.keyboard.insert_text("id: completed\nnamespace: e2e.known\nlabels:\n  ")
    page.keyboard.type("known_t", delay=20)
    expect(page.locator(".suggest-widget")).to_contain_text("known_team")


def test_namespace_files_are_completed_linked_and_have_versions(server: Server, open_page) -> None:
    """UI-ED-12, UI-ED-15, UI-ED-52."""
    place = "/api/v1/main/namespaces/e2e.known/files?path=/sql/load.sql"
    for words in ("select 1", "select 2"):
        body, kind = multipart({"fileContent": words.encode()})
        assert server.call("POST", place, body=body, content_type=kind).status == 200
    source = FLOW.format(id="filed").replace("{{ outputs.first.values.answer }}", "{{ read('sql/load.sql') }}")
    shell = "  - id: shell\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [ls]\n"
    server.save_flow(source + shell + "    namespaceFiles:\n      include:\n        - sql/load.sql\n")
    page = open_page(PLACE.format("filed"))
    _open(page)
    expect(page.locator(".monaco-editor .detected-link")).to_have_count(2)
    page.keyboard.insert_text("        - ")
    page.keyboard.type("sql", delay=20)
    expect(page.locator(".suggest-widget")).to_contain_text("sql/load.sql")
    page.keyboard.press("Escape")
    page.get_by_test_id("editor-panel-files").click()
    files = page.get_by_test_id("editor-files")
    files.get_by_text("sql", exact=True).click()
    files.get_by_text("load.sql", exact=True).click()
    expect(files.locator(".monaco-editor")).to_contain_text("select 2")
    page.get_by_test_id("file-versions-toggle").click()
    page.get_by_test_id("file-version-diff").click()
    expect(page.get_by_test_id("file-version-dialog")).to_contain_text("select 1")
    page.get_by_test_id("file-version-restore").click()
    expect(files.get_by_test_id("code-editor").locator(".monaco-editor")).to_contain_text("select 1")
    assert server.call("GET", place).text == "select 1"


def test_hover_shows_the_value_of_the_last_run(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="hovered"))
    server.finished(server.call("POST", "/api/v1/main/executions/e2e.known/hovered").json["id"])
    page = open_page(PLACE.format("hovered"))
    _open(page)
    page.locator(".monaco-editor .fd-expr").last.hover()
    expect(page.locator(".monaco-hover:not(.hidden)")).to_contain_text("42")


def test_a_value_is_prefilled_from_a_preset(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="preset"))
    page = open_page("/flows/edit/e2e.known/preset/overview")
    page.get_by_test_id("flow-execute").click()
    field = page.get_by_test_id("execute-input-who").locator("textarea")
    field.fill("moon")
    page.get_by_test_id("preset-new").click()
    page.get_by_test_id("preset-name").fill("night")
    page.get_by_test_id("preset-save").click()
    expect(page.get_by_test_id("preset-name")).to_have_count(0)
    field.fill("sun")
    page.get_by_test_id("execute-prefill-from").select_option("p/night")
    expect(field).to_have_value("moon")
    page.get_by_test_id("execute-submit").click()
    page.wait_for_url("**/executions/e2e.known/preset/*/gantt")
    found = server.call("GET", f"/api/v1/main/executions/{page.url.rstrip('/').split('/')[-2]}").json
    assert found["inputs"] == {"who": "moon"}


def test_the_text_is_compared_with_any_revision(server: Server, open_page) -> None:
    for words in ("one", "two", "three"):
        server.save_flow(FLOW.format(id="compared") + f"description: {words}\n")
    page = open_page(PLACE.format("compared"))
    _open(page)
    page.keyboard.insert_text("disabled: false\n")
    page.get_by_test_id("editor-diff").click()
    dialog = page.get_by_test_id("compare-dialog")
    expect(dialog).to_contain_text("description: three")
    page.get_by_test_id("compare-revision").select_option("1")
    expect(dialog).to_contain_text("description: one")
    server.save_flow(FLOW.format(id="compared_other") + "description: another flow\n")  # UI-ED-66
    page.get_by_test_id("compare-by-flow").click()
    page.get_by_test_id("compare-place").select_option("e2e.known/compared_other")
    expect(dialog).to_contain_text("description: another flow")
