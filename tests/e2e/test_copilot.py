"""The assistant of the editor against a local provider (UI-ED-54)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import EVERYTHING, visit
from tests.support.browser import Watch, context
from tests.support.server import Server, running_server

pytestmark = pytest.mark.skipif(not EVERYTHING, reason="a server of its own: FLOWDECK_TEST_LEVEL=all")

FLOW = """# kept
id: asked
namespace: e2e.copilot
tasks:
  - id: hello   # why
    type: io.kestra.plugin.core.log.Log
    message: hi
"""
WRONG = "id: asked\nnamespace: e2e.copilot\ntasks:\n- {id: hello, type: io.kestra.plugin.core.log.Nothing}\n"
RIGHT = (
    "```yaml\nid: asked\nnamespace: e2e.copilot\ndescription: Says hello\ntasks:\n- id: hello\n"
    "  type: io.kestra.plugin.core.log.Log\n  message: hi\n```"
)

BOARD = """id: over_view
title: "Executions" # kept
timeWindow:
  default: P7D
  max: P366D
charts:
  - id: note
    type: io.kestra.plugin.core.dashboard.chart.Markdown
    content: by the assistant
"""


class Model(BaseHTTPRequestHandler):
    """Answers wrong first, then right."""

    asked: list[Any] = []

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        said = json.dumps(self.asked[-1])
        text = BOARD if "You write dashboards" in said else WRONG if len(self.asked) == 1 else RIGHT
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def assisted(built: None, tmp_path: Path) -> Iterator[Server]:
    Model.asked = []
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    configuration = {"model-name": "m", "api-key": "hush-hush", "base-url": f"http://127.0.0.1:{provider.server_port}"}
    one = {"id": "local", "display-name": "Local", "type": "openai", "configuration": configuration}
    with running_server(tmp_path, KESTRA_CONFIGURATION=json.dumps({"kestra": {"ai": {"providers": [one]}}})) as server:
        yield server
    provider.shutdown()
    provider.server_close()


@pytest.fixture
def reader(assisted: Server, browser: Browser) -> Iterator[Page]:
    """A logged-in page; fails on console errors afterwards."""
    made = context(browser)
    login = {"username": assisted.username, "password": assisted.password, "remember": True}
    made.request.post(f"{assisted.url}/login", data=login, headers={"Origin": assisted.url})
    page = made.new_page()
    watch = Watch()
    watch.attach(page)
    yield page
    made.close()
    watch.check()


def _ask(page: Page, server: Server) -> None:
    visit(page, server, "/flows/edit/e2e.copilot/asked/edit")
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", state="attached")
    page.get_by_test_id("editor-panel-copilot").click()
    page.get_by_test_id("copilot-prompt").fill("Describe the flow")
    page.get_by_test_id("copilot-send").click()


def test_a_proposal_is_repaired_shown_as_difference_and_accepted(assisted: Server, reader: Page) -> None:
    assisted.save_flow(FLOW)
    secret = {"key": "TOKEN", "value": "never-sent"}
    assert assisted.call("PUT", "/api/v1/main/namespaces/e2e.copilot/secrets", json_body=secret).status == 200
    _ask(reader, assisted)
    code = reader.locator("[data-panel=code]")
    expect(code.get_by_test_id("copilot-diff")).to_contain_text("description")
    reader.get_by_test_id("copilot-accept").click()
    expect(reader.get_by_test_id("copilot")).to_contain_text("Accepted")
    expect(reader.get_by_test_id("copilot-diff")).to_have_count(0)
    expect(code.get_by_test_id("yaml-editor")).to_contain_text("Says hello")
    reader.get_by_test_id("editor-save").click()
    expect(reader.get_by_test_id("editor-save")).to_be_disabled()
    text = assisted.call("GET", "/api/v1/main/flows/e2e.copilot/asked?source=true").json["source"]
    assert (
        text.startswith("# kept\nid: asked\n") and "description: Says hello" in text and "- id: hello   # why" in text
    )
    sent = json.dumps(Model.asked)
    assert len(Model.asked) == 2 and "TOKEN" in sent and "never-sent" not in sent and "not valid" in sent


def test_a_proposal_is_answered_beside_the_text_also_on_a_phone(assisted: Server, reader: Page) -> None:
    """UI-ED-54: the difference comes to the front; reject leaves the text, retry asks again."""
    assisted.save_flow(FLOW)
    reader.set_viewport_size({"width": 390, "height": 844})
    _ask(reader, assisted)
    shown = reader.get_by_test_id("copilot-diff")
    expect(shown).to_contain_text("description")
    expect(reader.get_by_test_id("proposal-accept")).to_be_in_viewport()
    reader.get_by_test_id("proposal-retry").click()
    expect(shown).to_have_count(0)
    expect(shown).to_contain_text("description")
    assert len(Model.asked) == 3
    reader.get_by_test_id("proposal-refuse").click()
    expect(shown).to_have_count(0)
    expect(reader.get_by_test_id("yaml-editor")).not_to_contain_text("Says hello")
    expect(reader.get_by_test_id("editor-save")).to_be_disabled()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_failure_leads_to_a_proposed_repair(assisted: Server, reader: Page, width: int) -> None:
    """UI-XP-11: the assistant is asked with what failed; the arrangement of the reader's panels is not kept so."""
    reader.set_viewport_size({"width": width, "height": 900})
    assisted.save_flow(FLOW.replace("core.log.Log\n    message: hi", "core.execution.Fail\n    errorMessage: no paper"))
    run = assisted.finished(assisted.execute("e2e.copilot", "asked")["id"])
    visit(reader, assisted, f"/executions/e2e.copilot/asked/{run['id']}/overview")
    reader.get_by_test_id("error-repair").click()
    reader.wait_for_url("**/flows/edit/e2e.copilot/asked/edit**")
    expect(reader.get_by_test_id("copilot-diff")).to_contain_text("description")
    asked = Model.asked[0]["messages"][-1]["content"]
    assert "Task hello of this flow failed" in asked and "no paper" in asked
    reader.get_by_test_id("proposal-refuse").click()
    reader.reload()
    reader.wait_for_selector("[data-testid=yaml-editor][data-ready]", state="attached")
    expect(reader.get_by_test_id("copilot")).to_have_count(0)
    assert len(Model.asked) == 2, "a reload asks nothing"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_proposal_for_a_dashboard_is_shown_in_its_code(assisted: Server, reader: Page, width: int) -> None:
    """UI-ED-54: the same assistant beside the code of a dashboard; no data of it is sent, accepted text is saved."""
    reader.set_viewport_size({"width": width, "height": 900})
    source = BOARD[: BOARD.index("charts:")] + "charts: []\n"
    made = assisted.call("POST", "/api/v1/main/dashboards", body=source, content_type="application/x-yaml")
    assert made.status == 200, made.text
    visit(reader, assisted, "/dashboards/over_view/edit")
    reader.wait_for_selector("[data-testid=yaml-editor][data-ready]", state="attached")
    reader.get_by_test_id("aside-copilot").click()
    reader.get_by_test_id("copilot-prompt").fill("Add a note")
    reader.get_by_test_id("copilot-send").click()
    shown = reader.get_by_test_id("copilot-diff")
    expect(shown).to_contain_text("by the assistant")
    reader.get_by_test_id("proposal-retry").click()
    expect(shown).to_have_count(0)
    expect(shown).to_contain_text("by the assistant")
    expect(reader.get_by_test_id("proposal-accept")).to_be_in_viewport()
    reader.get_by_test_id("proposal-accept").click()
    expect(reader.get_by_test_id("yaml-editor")).to_contain_text("by the assistant")
    reader.get_by_test_id("dashboard-save").click()
    expect(reader.get_by_test_id("dashboard-save")).to_be_disabled()
    text = assisted.call("GET", "/api/v1/main/dashboards/over_view").json["sourceCode"]
    assert 'title: "Executions" # kept' in text and "by the assistant" in text
    asked = Model.asked[0]["messages"]
    assert "dashboard.chart.KPI" in json.dumps(asked) and "charts: []" in asked[-1]["content"]
