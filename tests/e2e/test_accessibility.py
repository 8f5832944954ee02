"""Every screen, both themes: no serious violation of the accessibility rules that axe-core checks (UI-A11Y)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.support.server import Server, running_server

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
ROOT = Path(__file__).resolve().parents[2]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SERIOUS = """async () => {
  const found = await axe.run(document, {
    resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    rules: {"target-size": {enabled: true}},
  });
  // What a graph draws is as large as it is zoomed; its list has the same in rows.
  for (const one of found.violations.filter((v) => v.id === "target-size"))
    one.nodes = one.nodes.filter((n) => !document.querySelector(n.target[0])?.closest(".react-flow__viewport"));
  return found.violations
    .filter((one) => one.nodes.length && ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.help}\\n` + one.nodes.slice(0, 4).map(
      (n) => `    ${n.html.slice(0, 220)}\\n      ${[...n.any, ...n.all, ...n.none][0]?.message || ""}`,
    ).join("\\n"));
}"""
PLACES = {
    "dashboard": "/dashboards?range=PT1H",
    "flows": "/flows",
    "new flow": "/flows/new",
    "flow": "/flows/edit/company.data/orders_ingest/overview",
    "flow editor": "/flows/edit/company.data/orders_ingest/edit",
    "flow topology": "/flows/edit/company.data/orders_ingest/topology",
    "flow revisions": "/flows/edit/company.data/orders_ingest/revisions",
    "flow triggers": "/flows/edit/company.data/orders_ingest/triggers",
    "executions": "/executions",
    "what waits": "/waiting",
    "execution overview": "{execution}/overview",
    "execution gantt": "{execution}/gantt",
    "execution logs": "{execution}/logs",
    "execution outputs": "{execution}/outputs",
    "execution topology": "{execution}/topology",
    "logs": "/logs",
    "namespaces": "/namespaces",
    "namespace": "/namespaces/edit/company.data/overview",
    "files": "/namespaces/edit/company.data/files?file=/scripts/clean.py",
    "namespace keys": "/namespaces/edit/company.data/kv",
    "keys": "/kv",
    "new key": "/kv?new=1",
    "secrets": "/secrets",
    "new secret": "/secrets?new=1",
    "variables": "/namespaces/edit/company.data/variables",
    "blueprints": "/blueprints",
    "blueprint": "/blueprints/flow/community/python-script",
    "plugins": "/plugins?q=log",
    "plugin": "/plugins/io.kestra.plugin.core.log.Log",
    "dashboard editor": "/dashboards/new?blueprintId=dashboard-executions",
    "all triggers": "/admin/triggers",
    "week of triggers": "/admin/triggers?view=week",
    "statistics": "/admin/stats",
    "services": "/admin/instance",
    "documentation": "/docs/howto/make-a-dashboard",
    "settings": "/settings",
    "welcome": "/welcome",
    "flow executions": "/flows/edit/company.data/orders_ingest/executions",
    "flow logs": "/flows/edit/company.data/orders_ingest/logs",
    "flow metrics": "/flows/edit/company.data/orders_ingest/metrics",
    "flow dependencies": "/flows/edit/company.data/orders_ingest/dependencies",
    "flow concurrency": "/flows/edit/company.data/orders_ingest/concurrency",
    "execution metrics": "{execution}/metrics",
    "execution dependencies": "{execution}/dependencies",
    "execution source": "{execution}/source",
    "namespace flows": "/namespaces/edit/company.data/flows",
    "namespace executions": "/namespaces/edit/company.data/executions",
    "namespace logs": "/namespaces/edit/company.data/logs",
    "namespace dependencies": "/namespaces/edit/company.data/dependencies",
    "namespace secrets": "/namespaces/edit/company.data/secrets",
    "namespace defaults": "/namespaces/edit/company.data/plugin-defaults",
    "namespace settings": "/namespaces/edit/company.data/edit",
    "search of sources": "/flows/search?q=orders",
    "comparison": "/executions/compare?a={id}&b={id}",
    "concurrency limits": "/admin/concurrency-limits",
    "profile": "/profile",
    "blueprints of dashboards": "/blueprints/dashboard/community",
    "all documentation": "/docs",
    "plugin that branches": "/plugins/io.kestra.plugin.core.flow.If",
    "plugin with deep properties": "/plugins/io.kestra.plugin.core.http.Request",
    "plugin that triggers": "/plugins/io.kestra.plugin.core.trigger.Schedule",
    "plugin that runs others": "/plugins/io.kestra.plugin.core.runner.Process",
    "plugin that nobody has": "/plugins/io.nowhere.Nothing",
    "nothing matches": "/executions?filters[q][EQUALS]=nothing-has-this-name",
}


@pytest.fixture(scope="module")
def server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, filled by the seed script: the tests of the shared one begin with an empty one."""
    address = os.environ.get("FLOWDECK_TEST_URL")
    if address:
        made = Server(tmp_path_factory.mktemp("home"), port=urlsplit(address).port or 80, management_port=0)
        yield made
        return
    with running_server(tmp_path_factory.mktemp("home")) as started:
        command = [sys.executable, str(ROOT / "scripts" / "seed.py"), "--url", started.url, "--executions", "40"]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
        yield started


@pytest.fixture(scope="module")
def execution(server: Server) -> str:
    """Place of a finished execution with a loop, logs and outputs, without its tab."""
    identity = server.execute("company.data", "orders_ingest")["id"]
    server.finished(identity)
    return f"/executions/company.data/orders_ingest/{identity}"


def _violations(page: Page) -> list[str]:
    page.wait_for_timeout(900)  # charts and editors draw after the first paint
    page.evaluate(AXE)
    return page.evaluate(SERIOUS)


LOOKED_AT = [(n, name) for n, name in enumerate(PLACES) if EVERYTHING or not n % 3]
"""All screens under `FLOWDECK_TEST_LEVEL=all`; else every third."""


@pytest.mark.parametrize(("number", "screen"), LOOKED_AT, ids=[name for _, name in LOOKED_AT])
def test_a_screen_has_no_serious_violation_in_either_theme(number: int, screen: str, execution: str, open_page) -> None:
    """Both themes under `FLOWDECK_TEST_LEVEL=all`; else every second screen is dark."""
    page = open_page(PLACES[screen].format(execution=execution, id=execution.rsplit("/", 1)[1]))
    found = _violations(page) if EVERYTHING or number % 2 else []
    if EVERYTHING or not number % 2:
        page.evaluate("document.documentElement.classList.replace('dark', 'light')")
        found += _violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_layers_have_no_serious_violation(theme: str, server: Server, open_page) -> None:
    page = open_page("/kv", theme=theme)
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill("orders")
    found = _violations(page)
    page.keyboard.press("Escape")
    page.locator("[data-check]").nth(1).click()
    page.get_by_test_id("kv-delete-selected").click()
    found += _violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_login_has_no_serious_violation(theme: str, server: Server, stranger: Page) -> None:
    stranger.add_init_script(f"localStorage.setItem('theme', {theme!r})")
    stranger.goto(f"{server.url}/ui/main/login")
    stranger.wait_for_selector("[data-testid=login-username]")
    found = _violations(stranger)
    assert not found, "\n".join(found)
