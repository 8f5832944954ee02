"""Journey 15 (ui.md §20): what a role may not do is nowhere on a page, its addresses give the 403 page, the API refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.test_accessibility import PLACES
from tests.support.browser import Watch, context
from tests.support.console import editor
from tests.support.server import Server, eventually, running_server

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("FLOWDECK_TEST_URL")), reason="accounts come from the configuration"
)

READER, STARTER, WORD = "vera@example.com", "leo@example.com", "Readers1Only"
ACCOUNTS = [
    {"username": READER, "password": WORD, "role": "viewer"},
    {"username": STARTER, "password": WORD, "role": "LAUNCHER"},
]
HELD = """id: held
namespace: company.data
tasks: [{id: wait, type: io.kestra.plugin.core.flow.Pause}]
"""
OTHERS = {
    "start": "/home",
    "paused execution": "{paused}/overview",
    "editor with all panels": "/flows/edit/company.data/orders_ingest/edit?panels=code~nocode~topology.files.playground",
    "namespace overview": "/namespaces/edit/company/overview",
    "workers": "/admin/instance/workers",
}
SHORT = (
    "flows",
    "flow",
    "editor with all panels",
    "flow revisions",
    "flow triggers",
    "executions",
    "execution overview",
    "execution outputs",
    "paused execution",
    "what waits",
    "files",
    "keys",
    "variables",
    "blueprint",
    "plugin",
    "dashboard",
    "all triggers",
    "welcome",
    "namespaces",
    "namespace flows",
)
"""Screens of `make test`; `make test-all` goes to all of them."""

DENIED = {
    "flows": {"flows-create", "flows-import-open", "flows-execute"},
    "flow": {"flow-execute", "flow-edit", "flow-more", "overview-switch"},
    "editor with all panels": {"editor-save", "editor-execute", "editor-panel-nocode", "editor-panel-playground"},
    "flow revisions": {"revision-restore", "revision-execute"},
    "flow triggers": {"trigger-switch"},
    "executions": {"executions-execute"},
    "execution overview": {"execution-execute", "execution-edit", "overview-debug"},
    "execution outputs": {"expression-input", "expression-run"},
    "paused execution": {"execution-resume", "execution-kill", "waiting-resume"},
    "files": {"files-save", "files-new", "files-upload"},
    "keys": {"kv-create"},
    "namespaces": {"namespaces-create"},
    "namespace flows": {"flows-execute"},
    "blueprint": {"blueprint-use"},
    "plugin": {"plugin-use"},
    "all triggers": {"trigger-switch"},
    "variables": {"variables-save"},
    "what waits": {"waiting-resume", "waiting-answer"},
    "welcome": {"welcome-new", "welcome-import", "welcome-tour-data"},
    "dashboard": {"home-new"},
    "settings": {"settings-everybody"},
}
"""Controls that write, by screen: an administrator finds each of them there, so that their absence says something."""
WRITES = re.compile(
    r"^(create|new|edit|delete|execute|run|replay|restart|kill|pause|resume|go on|import|upload|drop files|enable|disable"
    r"|restore|unlock|evaluate|dry run|backfill|move|rename|add (?!a condition|to starred)|save(?! view| as| name)|set labels"
    r"|change (?!the sides)|replace|use|insert|take out|force run|copy the flow|continue)\b",
    re.I,
)
"""How controls that change something are called; a plain link changes nothing, and settings are the reader's own."""
CONTROLS = """() => [...document.querySelectorAll(
    "button,a[href],input,select,textarea,[role=menuitem],[role=button],[role=switch],[draggable=true]")]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".starred"))
  .map((e) => ({id: e.dataset.testid || "", plain: e.matches("a:not(.btn,.ib,.mi,[role=menuitem])"),
    name: (e.getAttribute("aria-label") || e.innerText || e.placeholder || e.title || "").trim().split("\\n")[0]}))"""
OWN = ("settings", "profile")
"""Screens of the reader's own things, which everybody may change."""
MENUS = "main :is([data-testid$=more], [data-testid$=menu], button[aria-label=More], button[aria-label=Actions])"
QUIET = "() => !document.querySelector('main [aria-busy=true], main .sk')"


@pytest.fixture(scope="module")
def server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A filled server with a viewer and a launcher beside its first account."""
    home = tmp_path_factory.mktemp("home")
    with running_server(home, FLOWDECK_SECURITY_ACCOUNTS=json.dumps(ACCOUNTS)) as started:
        command = [sys.executable, str(ROOT / "scripts" / "seed.py"), "--url", started.url, "--executions", "20"]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
        started.save_flow(HELD)
        yield started


@pytest.fixture(scope="module")
def places(server: Server) -> dict[str, str]:
    """Every screen with its address."""
    done = server.execute("company.data", "orders_ingest")["id"]
    paused = server.execute("company.data", "held")["id"]
    server.finished(done)
    eventually(lambda: server.execution(paused)["state"]["current"] == "PAUSED", what="the pause")
    named = {
        "execution": f"/executions/company.data/orders_ingest/{done}",
        "paused": f"/executions/company.data/held/{paused}",
        "id": done,
    }
    return {name: place.format(**named) for name, place in {**PLACES, **OTHERS}.items()}


class Reader:
    """Somebody at a browser."""

    def __init__(
        self, browser: Browser, server: Server, username: str, password: str, *, theme: str, forbidden: bool
    ) -> None:
        self.server = server
        self.made: BrowserContext = context(browser, theme=theme)
        self.page: Page = self.made.new_page()
        self.watch = Watch(allowed=("the server responded with a status of 403",) if forbidden else ())
        self.watch.attach(self.page)
        self.page.goto(f"{server.url}/ui/main/login")
        self.page.get_by_test_id("login-username").fill(username)
        self.page.get_by_test_id("login-password").fill(password)
        self.page.get_by_test_id("login-submit").click()
        self.page.wait_for_url(re.compile("/ui/main/(home|welcome)?$"))

    def go(self, place: str) -> None:
        """Begin to load a screen, as if its address had been typed."""
        self.page.goto(f"{self.server.url}/ui/main{place}", wait_until="commit")

    def turn(self, place: str) -> None:
        """Go to a screen without loading the console anew."""
        self.page.evaluate(
            "(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate', {state: null})); }",
            f"/ui/main{place}",
        )

    def controls(self) -> list[dict[str, Any]]:
        """What can be pressed or typed into once the screen stands, with the entries of its first menus."""
        page = self.page
        page.wait_for_timeout(150)  # the page before is left
        page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=20_000)
        page.wait_for_function(QUIET)
        page.wait_for_timeout(250)  # charts, editors and graphs draw after the rows
        found = page.evaluate(CONTROLS)
        seen: set[str] = set()
        for knob in page.query_selector_all(MENUS):
            name = knob.get_attribute("data-testid") or knob.get_attribute("aria-label") or ""
            if name not in seen and len(seen) < 3 and knob.is_visible():
                seen.add(name)
                knob.click()
                found += page.evaluate(CONTROLS)
                page.keyboard.press("Escape")
        return found

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and message of a call that the page itself makes, with the session's cookie."""
        return self.page.evaluate(
            """async ([method, path, body]) => {
              const answer = await fetch(path, {method, body: body === null ? undefined : JSON.stringify(body),
                headers: body === null ? {} : {"Content-Type": "application/json"}});
              const told = await answer.json().catch(() => ({}));
              return [answer.status, told.message || ""];
            }""",
            [method, path, body],
        )


@pytest.fixture
def enter(browser: Browser, server: Server, theme: str) -> Iterator[Any]:
    """`enter(username, password)`: a reader; the test fails when its pages say something to the browser's console."""
    readers: list[Reader] = []

    def entered(username: str, password: str, *, forbidden: bool = False) -> Reader:
        readers.append(Reader(browser, server, username, password, theme=theme, forbidden=forbidden))
        return readers[-1]

    yield entered
    for one in readers:
        one.made.close()
    for one in readers:
        one.watch.check()


def writing(controls: list[dict[str, Any]]) -> set[str]:
    """Names of controls that say that they change something."""
    return {one["name"] for one in controls if WRITES.search(one["name"]) and not one["plain"]}


def _look_around(enter: Any, server: Server, places: dict[str, str], names: list[str]) -> None:
    viewer, admin = enter(READER, WORD), enter(server.username, server.password)
    problems: list[str] = []
    for name in names:
        viewer.turn(places[name])
        if name in DENIED:
            admin.turn(places[name])
        mine = viewer.controls()
        if (found := writing(mine)) and name not in OWN:
            problems.append(f"{name}: a viewer finds {sorted(found)}")
        if name in DENIED:
            denied, whole = DENIED[name], admin.controls()
            if missed := denied - {one["id"] for one in whole}:
                problems.append(f"{name}: an administrator does not find {sorted(missed)}")
            if shown := denied & {one["id"] for one in mine}:
                problems.append(f"{name}: a viewer finds {sorted(shown)}")
    assert not problems, "\n".join(problems)


def test_journey_15_a_viewer_finds_no_control_that_writes(enter: Any, server: Server, places: dict[str, str]) -> None:
    """Journey 15, UI-PM-01, UI-AC-20: the screens with the most controls; an administrator finds them all there."""
    _look_around(enter, server, places, list(SHORT))


@pytest.mark.long
def test_journey_15_on_every_screen(enter: Any, server: Server, places: dict[str, str]) -> None:
    """Journey 15: the same on all others."""
    _look_around(enter, server, places, [name for name in places if name not in SHORT])


def test_journey_15_addresses_give_the_403_page_and_the_api_refuses(
    enter: Any, server: Server, places: dict[str, str]
) -> None:
    """Journey 15, §1.9: the page says which right is missing and leads back; calls of the page itself are refused."""
    viewer = enter(READER, WORD, forbidden=True)
    page = viewer.page
    lacking = {
        "/flows/new": "FLOW:CREATE",
        "/flows/new?blueprintId=hello-world&blueprintSource=community": "FLOW:CREATE",
        "/dashboards/new": "DASHBOARD:CREATE",
        "/secrets?new=1": "SECRET:READ",
        "/namespaces/edit/company.data/edit": "NAMESPACE:UPDATE",
        "/admin/instance": "INSTANCE:READ",
    }
    for place, right in lacking.items():
        viewer.go(place)
        expect(page.get_by_test_id("forbidden")).to_be_visible()
        expect(page.get_by_test_id("forbidden-right").first).to_have_text(right)
        expect(page.locator("header.tb .btn")).to_have_count(0)
    page.get_by_test_id("forbidden-home").click()
    page.wait_for_url("**/ui/main/home")
    expect(page.get_by_test_id("forbidden")).to_have_count(0)
    viewer.go("/kv?new=1")
    expect(page.get_by_test_id("kv-table")).to_be_visible()
    expect(page.get_by_test_id("kv-save")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("> ")
    expect(page.get_by_text("New key", exact=True)).to_have_count(0)
    main = "/api/v1/main"
    paused = places["paused execution"].split("/")[-2]
    for method, path, body, right in (
        ("POST", "/flows", {"id": "a", "namespace": "b"}, "FLOW:CREATE"),
        ("DELETE", "/flows/company.data/held", None, "FLOW:DELETE"),
        ("POST", "/executions/company.data/held", None, "EXECUTION:CREATE"),
        ("DELETE", f"/executions/{paused}/kill", None, "EXECUTION:UPDATE"),
        ("DELETE", "/executions/kill/by-query", None, "EXECUTION:UPDATE"),
        ("PUT", "/namespaces/company.data/kv/mine", "1", "KVSTORE:CREATE"),
        ("GET", "/secrets", None, "SECRET"),
        ("PUT", "/console/drafts/flow/company.data/held", {"text": "x"}, "FLOW:CREATE"),
        ("POST", "/basicAuth", {"username": "x@example.com", "password": WORD}, "INSTANCE:UPDATE"),
    ):
        status, message = viewer.ask(method, main + path, body)
        assert (status, right in message) == (403, True), (method, path, status, message)
    assert server.execution(paused)["state"]["current"] == "PAUSED"
    assert viewer.ask("PATCH", f"{main}/console/settings", {"journey": 15})[0] == 200


def test_journey_15_a_launcher_starts_and_does_not_edit(enter: Any, server: Server, places: dict[str, str]) -> None:
    """F12: EXECUTION without DELETE, FLOW to read; what it starts bears its name."""
    starter = enter(STARTER, WORD)
    page = starter.page
    starter.go("/flows/edit/company.data/held/overview")
    page.get_by_test_id("flow-execute").click()
    page.get_by_test_id("execute-submit").click()
    page.wait_for_url(re.compile("/executions/company.data/held/"))
    expect(page.get_by_test_id("execution-resume")).to_be_visible()
    assert not {"execution-edit", "menu-delete"} & {one["id"] for one in starter.controls()}
    page.get_by_test_id("execution-kill").click()
    page.get_by_role("dialog").get_by_role("button", name="Kill").last.click()
    expect(page.get_by_test_id("execution-kill")).to_have_count(0)
    starter.go("/flows/edit/company.data/held/edit")
    expect(page.get_by_test_id("editor-execute")).to_be_visible()
    expect(page.get_by_test_id("editor-save")).to_have_count(0)
    editor(page).click(position={"x": 200, "y": 40})
    page.keyboard.type("typed")
    expect(editor(page)).not_to_contain_text("typed")
    starter.go("/kv")
    expect(page.get_by_test_id("forbidden-right")).to_have_text("KVSTORE:READ")
    expect(page.get_by_test_id("nav-kv")).to_have_count(0)
