"""The whole console below a path of its own (spec: operations F63, `micronaut.server.context-path`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import pdf
from tests.support.server import Answer, Server

BASE = "/tools/flows"
FLOW = """\
id: below
namespace: company.team
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}
"""

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("FLOWDECK_TEST_URL")), reason="a running instance has the path that it was started with"
)


class Below(Server):
    """A server whose API lies below a path."""

    def call(self, method: str, path: str, **more: Any) -> Answer:
        return super().call(method, path if more.get("port") else BASE + path, **more)


@pytest.fixture(scope="module")
def below(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Below]:
    server = Below(tmp_path_factory.mktemp("home"), environment={"MICRONAUT_SERVER_CONTEXT_PATH": BASE})
    try:
        server.start()
        server.save_flow(FLOW)
        yield server
    finally:
        server.discard()


def test_nothing_leaves_the_path(below: Below, stranger: Page) -> None:
    """Login, lists, editor, socket and calls: every request begins with the path, and no page complains."""
    asked: list[str] = []
    stranger.on("request", lambda request: asked.append(request.url))
    stranger.on("websocket", lambda opened: asked.append(opened.url.replace("ws://", "http://")))
    stranger.goto(f"{below.url}{BASE}")
    stranger.wait_for_url(f"**{BASE}/ui/main/login**")
    stranger.locator("input").first.fill(below.username)
    stranger.locator("input[type=password]").fill(below.password)
    stranger.keyboard.press("Enter")
    stranger.wait_for_url(lambda url: "/login" not in url)
    stranger.goto(f"{below.url}{BASE}/ui/main/flows")
    expect(stranger.get_by_text("below").first).to_be_visible()
    stranger.get_by_role("link", name="below").first.click()
    stranger.wait_for_url(f"**{BASE}/ui/main/flows/edit/company.team/below/**")
    stranger.goto(f"{below.url}{BASE}/ui/main/flows/edit/company.team/below/edit")
    expect(stranger.locator(".monaco-editor").first).to_be_visible()
    put = below.call(
        "POST",
        "/api/v1/main/namespaces/company.team/files?path=/one.pdf",
        body=b'--x\r\nContent-Disposition: form-data; name="fileContent"; filename="f"\r\n\r\n'
        + pdf.of_texts("Below a path")
        + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert put.status == 200, put.text
    stranger.goto(f"{below.url}{BASE}/ui/main/namespaces/edit/company.team/files?file=/one.pdf")
    expect(stranger.locator(".pdv-paper")).to_contain_text("Below a path", timeout=20_000)
    stranger.goto(f"{below.url}{BASE}/ui/main/docs/howto/add-a-page")
    link = stranger.get_by_test_id("docs-page").locator("a[href*='/docs/']").first
    place = str(link.get_attribute("href"))
    assert place.startswith(f"{BASE}/ui/main/docs/")
    link.click()
    stranger.wait_for_url(f"**{place}")
    expect(stranger.get_by_test_id("docs-page")).to_be_visible()
    outside = [url for url in asked if url.startswith("http") and not url.startswith(f"{below.url}{BASE}")]
    assert not outside
    assert any("/_ui/_event" in url for url in asked)
    assert any("/api/v1/" in url for url in asked)
