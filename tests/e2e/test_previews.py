"""Files that are read in the console (UI-XP-52, UI-NS-07, UI-RX-05): PDF by our own worker, under the content policy."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import visit
from tests.e2e.test_accessibility import AXE, SERIOUS
from tests.support import pdf
from tests.support.server import Server

THREE = pdf.of_texts("First of three", "Second of three", "Third of three")
NOTES = """# Notes of the night

All **three** came.

<script>document.title = "run"</script>
"""
REPORT = """id: report
namespace: e2e.pdf
inputs:
  - {id: file, type: FILE}
  - {id: notes, type: STRING, defaults: none}
tasks:
  - id: made
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    inputFiles: {report.pdf: "{{ inputs.file }}", notes.md: "{{ inputs.notes }}"}
    outputFiles: ["*.pdf", "*.md"]
    commands: ["true"]
"""
DARK = """() => {
  const canvas = document.querySelector(".pdv-paper canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) dark += data[at] < 128 ? 1 : 0;
  return dark / (data.length / 4);
}"""
"""Share of the page that is dark."""


def _put(server: Server, data: bytes, name: str = "report.pdf") -> str:
    """A file in a namespace of its own; the place of its page."""
    space = f"e2e.pdf{secrets.token_hex(3)}"
    head = f'--e2e\r\nContent-Disposition: form-data; name="fileContent"; filename="{name}"\r\n\r\n'
    sent = server.call(
        "POST",
        f"/api/v1/main/namespaces/{space}/files?path=/{name}",
        body=head.encode() + data + b"\r\n--e2e--\r\n",
        content_type="multipart/form-data; boundary=e2e",
    )
    assert sent.status == 200, sent.text
    return f"/namespaces/edit/{space}/files?file=/{name}"


def _shown(page: Page, number: int) -> None:
    expect(page.get_by_test_id("pdf-view")).to_have_attribute("data-page", str(number), timeout=20_000)


def test_a_pdf_of_a_namespace_is_read_page_by_page_and_larger(server: Server, open_page) -> None:
    page = open_page(_put(server, THREE))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    _shown(page, 1)
    paper = page.locator(".pdv-paper")
    expect(paper).to_contain_text("First of three")
    assert 0.002 < page.evaluate(DARK) < 0.2, "letters are drawn"
    expect(page.get_by_test_id("pdf-before")).to_be_disabled()
    page.get_by_test_id("pdf-after").click()
    _shown(page, 2)
    expect(paper).to_contain_text("Second of three")
    page.locator(".pdv-frame").focus()
    page.keyboard.press("ArrowRight")
    _shown(page, 3)
    expect(page.get_by_test_id("pdf-after")).to_be_disabled()
    page.get_by_test_id("pdf-page").fill("1")
    page.keyboard.press("Enter")
    _shown(page, 1)
    page.get_by_test_id("pdf-page").fill("17")
    page.keyboard.press("Enter")
    _shown(page, 3)
    expect(page.get_by_test_id("pdf-page")).to_have_value("3")
    wide = paper.bounding_box()
    page.get_by_test_id("pdf-larger").click()
    page.get_by_test_id("pdf-larger").click()
    expect(page.get_by_test_id("pdf-zoom")).to_contain_text("150")
    page.wait_for_function("w => document.querySelector('.pdv-paper').offsetWidth > w * 1.4", arg=wide["width"])
    foreign = [url for url in asked if not url.startswith((server.url, "blob:"))]
    assert not foreign


def test_a_pdf_of_an_execution_opens_in_the_preview(server: Server, open_page) -> None:
    run = server.run(REPORT, {"file": THREE})
    assert run["state"]["current"] == "SUCCESS"
    page = open_page(f"/executions/e2e.pdf/report/{run['id']}/outputs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_test_id("outputs-task").click()
    page.get_by_role("link", name="report.pdf").first.click()
    _shown(page, 1)
    drawer = page.get_by_test_id("file-preview")
    expect(drawer.locator(".pdv-paper")).to_contain_text("First of three")
    expect(drawer.get_by_test_id("pdf-pages")).to_contain_text("3")
    assert not [url for url in asked if "/file/preview" in url], "the file travels once"
    page.get_by_test_id("preview-as-bytes").click()
    expect(page.get_by_test_id("preview-bytes")).to_contain_text("%PDF-1.4")


def test_markdown_of_an_execution_is_a_page_and_runs_nothing(server: Server, open_page) -> None:
    run = server.run(REPORT, {"file": THREE, "notes": NOTES})
    page = open_page(f"/executions/e2e.pdf/report/{run['id']}/outputs")
    page.get_by_test_id("outputs-task").click()
    page.get_by_role("link", name="notes.md").first.click()
    drawer = page.get_by_test_id("file-preview")
    expect(drawer.get_by_role("heading", name="Notes of the night")).to_be_visible(timeout=20_000)
    expect(drawer.locator(".prose").locator("b, strong").filter(has_text="three")).to_be_visible()
    assert page.title() != "run"
    page.get_by_test_id("preview-as-text").click()
    expect(drawer).to_contain_text("All **three** came.")


@pytest.mark.long
def test_the_viewer_comes_when_a_pdf_is_opened_and_not_before(server: Server, open_page) -> None:
    place = _put(server, THREE)
    page = open_page(place.split("?")[0])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator("[data-path='/report.pdf']")).to_be_visible()
    assert not [url for url in asked if "pdf.worker" in url]
    page.locator("[data-path='/report.pdf']").click()
    _shown(page, 1)
    assert [worker for worker in page.workers if "/ui/assets/pdf.worker" in worker.url], "from our own origin"


@pytest.mark.long
def test_a_scanned_page_is_drawn_without_web_assembly_and_says_that_it_has_no_text(server: Server, open_page) -> None:
    page = open_page(_put(server, pdf.of_scan()))
    _shown(page, 1)
    assert page.evaluate(DARK) > 0.9
    expect(page.get_by_test_id("pdf-view")).to_contain_text("holds no text")


@pytest.mark.long
@pytest.mark.parametrize("data", [b"%PDF-1.4\nnothing more", b"no PDF at all", THREE[:200]])
def test_a_broken_pdf_says_so(data: bytes, server: Server, open_page) -> None:
    page = open_page(_put(server, data))
    expect(page.get_by_role("alert")).to_contain_text("The PDF is damaged", timeout=20_000)


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_an_open_pdf_fits_and_has_no_serious_violation(theme: str, width: int, server: Server, open_page) -> None:
    page = open_page(_put(server, THREE), theme=theme, width=width)
    _shown(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator(".pdv-paper").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    page.evaluate(AXE)
    found = page.evaluate(SERIOUS)
    assert not found, "\n".join(found)


@pytest.mark.long
def test_a_pdf_in_the_editor_of_a_flow(server: Server, open_page) -> None:
    """UI-ED-52: the panel of files beside the code."""
    place = _put(server, THREE)
    space = place.split("/")[3]
    server.save_flow(
        f"id: one\nnamespace: {space}\ntasks:\n  - {{id: a, type: io.kestra.plugin.core.log.Log, message: x}}\n"
    )
    page = open_page(f"/flows/edit/{space}/one/edit")
    page.get_by_test_id("editor-panel-files").click()
    page.locator("[data-path='/report.pdf']").click()
    _shown(page, 1)
    visit(page, server, "/flows")
    assert not page.workers or all("pdf" not in worker.url for worker in page.workers), "its worker has ended"
