"""Texts of strangers on every screen that shows them: they are read, never run, and load nothing (UI-XP-32, UI-FL-05).

Checks 33 and 34 of quality §3.2; the policy of the pages (check 35) fails the test, as in every test of the console.
"""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import EVERYTHING
from tests.support.server import Server

WORD = "readable"
EVIL = (
    f'{WORD} <img src="http://127.0.0.1:9/pixel" onerror="window.pwned=1"><script>window.pwned=1</script>'
    "<svg onload=window.pwned=1></svg> [link](javascript:window.pwned=1) ![pixel](http://127.0.0.1:9/p.png)"
    " \u001b[31mred\u001b[0m \u001b]8;;http://127.0.0.1:9/\u0007osc\u001b]8;;\u0007 {{7*7}} \u202eright to left"
)
NAMESPACE = "hostile"


@pytest.fixture(scope="module")
def execution(server: Server) -> str:
    """An execution whose every text is hostile; its id."""
    log = "io.kestra.plugin.core.log.Log"
    flow = {
        "id": "texts",
        "namespace": NAMESPACE,
        "description": EVIL.replace("{{7*7}}", ""),
        "labels": {"evil": EVIL[:200].replace("{{7*7}}", "")},
        "inputs": [
            {"id": "text", "type": "STRING", "displayName": EVIL[:100], "description": EVIL.replace("{{7*7}}", "")}
        ],
        "tasks": [
            {"id": "say", "type": log, "message": "{{ inputs.text }}", "description": EVIL.replace("{{7*7}}", "")},
            {"id": "give", "type": "io.kestra.plugin.core.debug.Return", "format": "{{ inputs.text }}"},
            {"id": "no", "type": "io.kestra.plugin.core.execution.Fail", "errorMessage": "{{ inputs.text }}"},
        ],
    }
    server.save_flow(json.dumps(flow))
    made = server.finished(server.execute(NAMESPACE, "texts", {"text": EVIL})["id"])
    place = f"/api/v1/main/namespaces/{NAMESPACE}"
    assert (
        server.call("PUT", f"{place}/kv/evil?ttl=P1D", body=json.dumps(EVIL), content_type="text/plain").status == 200
    )
    for name in ("page.html", "picture.svg", "words.md"):
        head = f'--BB\r\nContent-Disposition: form-data; name="fileContent"; filename="{name}"\r\n\r\n'
        svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'>{EVIL}</svg>"
        body = (head + (svg if name.endswith("svg") else EVIL) + "\r\n--BB--\r\n").encode()
        kind = "multipart/form-data; boundary=BB"
        assert server.call("POST", f"{place}/files?path=/{name}", body=body, content_type=kind).status == 200
    return str(made["id"])


PLACES: dict[str, bool] = {
    f"/executions/{NAMESPACE}/texts/@/logs": True,
    f"/executions/{NAMESPACE}/texts/@/overview": True,
    f"/flows/edit/{NAMESPACE}/texts/overview": True,
    f"/executions/{NAMESPACE}/texts/@/outputs": False,
    f"/flows/edit/{NAMESPACE}/texts/edit": False,
    "/flows": False,
    "/executions": False,
    f"/executions/{NAMESPACE}/texts/@/gantt": False,
    "/logs": True,
    f"/namespaces/edit/{NAMESPACE}/files": False,
    f"/namespaces/edit/{NAMESPACE}/kv": False,
}
"""Places, and whether the text itself stands there at once."""


def test_no_text_runs_or_loads_anything(open_page, server: Server, execution: str) -> None:
    page = open_page("/welcome")
    foreign: list[str] = []
    own = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(own) or foreign.append(request.url))
    page.on("dialog", lambda dialog: foreign.append(f"dialog {dialog.message}"))
    for place, shown in list(PLACES.items())[: None if EVERYTHING else 5]:
        page.goto(f"{server.url}/ui/main{place.replace('@', execution)}")
        expect(page.locator("main").first).to_be_visible()
        if shown:
            expect(page.get_by_text(WORD).first).to_be_visible()
        page.wait_for_timeout(400)
        assert page.evaluate("window.pwned === undefined"), place
        evil = "a[href^='javascript:' i], img[src^='http://127.0.0.1:9'], svg[onload], [onerror]"
        assert page.locator(evil).count() == 0, place
        assert not foreign, (place, foreign)
