"""Languages of the console: journey 18, and what the build makes of literals (UI-A11-05, UI-ST-01)."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from flowdeck.main.console import is_current
from tests.e2e.components import harness
from tests.e2e.conftest import visit
from tests.support.browser import Watch
from tests.support.server import Server, eventually

PLUGIN = Path(harness.ROOT) / "app" / "locales" / "words_plugin.mjs"

DRIVER = """
import { parseAst } from "vite";
import { rewrite } from "./words_plugin.mjs";
let text = "";
for await (const part of process.stdin) text += part;
const out = JSON.parse(text).map((code) => { const made = rewrite(code, (source) => parseAst(source)); return made && { code: made.code.split("\\n").slice(1).join("\\n"), words: [...made.words] }; });
console.log(JSON.stringify(out));
"""

CASES: list[tuple[str, str, list[str], str]] = [
    ("a child is words", 'jsx("b", null, "Save")', ["Save"], '$t("Save")'),
    ("the blanks around stay", 'jsx("b", null, " of ")', ["of"], '(" " + $t("of") + " ")'),
    ("a branch is words", 'jsx("b", null, open ? "Close" : name)', ["Close"], '$t("Close") : name'),
    ("a property that is read", 'jsx("i", { title: "Copy the id", className: "btn pri" })', ["Copy the id"], "btn pri"),
    ("data is never looked up", 'jsx("b", null, flow.id)', [], ""),
    ("a compared text is a key", 'const a = ["Table"]; if (mode === "Table") go(a);', [], ""),
    ("slots have names", "jsx('b', null, `${done} of ${rows.length} flows`)", ["{done} of {rows} flows"], "rows: rows.length"),
    (
        "a counted phrase has both forms",
        'jsx("b", null, `${n} flow${n === 1 ? "" : "s"}`)',
        ["{n} flow", "{n} flows"],
        '$n(n, "{n} flow", "{n} flows"',
    ),
    (
        "each branch is a phrase of its own",
        'jsx("b", null, `Locked${until ? ` until ${until}` : ""}.`)',
        ["Locked until {until}.", "Locked."],
        "until ?",
    ),
    ("a chain is a phrase", 'jsx("b", null, "Delete " + count + " keys")', ["Delete {count} keys"], "$p("),
    ("plural() says its noun", 'jsx("b", null, plural(n, "run"))', ["{n} run", "{n} runs"], "$count(n)"),
    ("a constant follows the language", 'const WORDS = { FAILED: "Failed" };', ["Failed"], "let WORDS; $words(() =>"),
    ("keys, paths and classes stay", 'call("a.b.c", "GET", "/api/v1", "btn s", "M0 0 L2 2")', [], ""),
]  # fmt: skip


def test_literals_become_look_ups_and_data_does_not(built: None, tmp_path: Path) -> None:
    """UI-A11-05: what people read comes from catalogues; the build finds it by where it stands."""
    packages = harness.node_modules()
    if packages is None:
        pytest.skip("the console was not built yet")
    shutil.copy(PLUGIN, tmp_path)
    (tmp_path / "driver.mjs").write_text(DRIVER)
    (tmp_path / "node_modules").symlink_to(packages)
    done = subprocess.run(
        [shutil.which("node") or "node", "driver.mjs"],
        cwd=tmp_path,
        input=json.dumps([code for _, code, _, _ in CASES]),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for (what, _, words, part), made in zip(CASES, json.loads(done.stdout), strict=True):
        assert (made["words"] if made else []) == words, what
        assert made is None or part in made["code"], (what, made["code"])


def test_the_list_holds_what_the_build_met(built: None) -> None:
    """UI-A11-05: a stale list fails; `python scripts/console_words.py` renews it."""
    root = Path(harness.ROOT)
    met = root / ".web" / "words.json"
    if not met.is_file() or not is_current(root, root / ".web" / "build" / "client"):
        pytest.skip("the console was built elsewhere")
    listed = json.loads((PLUGIN.parent / "words.json").read_text(encoding="utf-8"))["browser"]
    assert sorted(json.loads(met.read_text(encoding="utf-8"))) == listed


SPY = """
window.__english = [];
new MutationObserver(() => { if (document.querySelector("[data-testid=nav-executions]")?.textContent.includes("Executions")) window.__english.push(1); })
  .observe(document, { childList: true, subtree: true, characterData: true });
"""


def test_the_language_changes_everywhere_without_reload(server: Server, browser: Browser, open_page: Any) -> None:
    """Journey 18, UI-A11-05: words, dates and numbers; data of users and schedules stay; kept by the server."""
    space = f"e2e.l{secrets.token_hex(3)}"
    source = (
        f"id: Flows\nnamespace: {space}\ntasks:\n  - id: t\n    type: io.kestra.plugin.core.log.Log\n    message: hi\n"
        "triggers:\n  - id: night\n    type: io.kestra.plugin.core.trigger.Schedule\n    cron: 0 3 * * *\n"
    )
    server.save_flow(source)
    server.finished(server.execute(space, "Flows")["id"])

    def due() -> str:
        found = server.call("GET", f"/api/v1/main/triggers/search?filters[namespace][EQUALS]={space}").json["results"]
        return found[0]["triggerContext"]["nextExecutionDate"]

    before = due()
    page: Page = open_page("/settings")
    page.evaluate("window.__same = true")
    try:
        choice = page.get_by_test_id("settings-language")
        choice.select_option("de")
        expect(page.get_by_test_id("nav-executions")).to_contain_text("Ausführungen")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page.get_by_role("heading", name="Sprache und Region")).to_be_visible()
        expect(choice).to_have_value("de")
        eventually(
            lambda: server.call("GET", "/api/v1/main/console/settings").json.get("language") == "de",
            what="the language on the server",
        )
        page.get_by_test_id("nav-flows").click()
        row = page.locator(f"tr[data-id='{space}/Flows']")
        expect(row).to_be_visible()
        expect(row.locator(".id").first).to_have_text("Flows")  # a flow called Flows stays so
        expect(row).to_contain_text("vor ")
        row.locator("a", has_text="Flows").first.click()
        expect(page.get_by_test_id("flow-execute")).to_contain_text("Ausführen")
        assert page.evaluate("window.__same") is True
        assert due() == before
        # The next visit begins in the language: nothing of the other one is drawn before.
        page.add_init_script(SPY)
        visit(page, server, "/executions")
        expect(page.get_by_test_id("nav-executions")).to_contain_text("Ausführungen")
        assert page.evaluate("window.__english") == []
        page.set_viewport_size({"width": 390, "height": 844})
        visit(page, server, f"/executions?filters[namespace][EQUALS]={space}")
        small = page.locator(".xl-card").first
        expect(small).to_contain_text("Erfolg")
        expect(small).not_to_contain_text("Success")
        small.locator("a").first.click()
        page.get_by_test_id("top-more").click()
        page.get_by_test_id("execution-replay").click()
        expect(page.get_by_test_id("replay-from")).to_contain_text("t, Erfolg")
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 1440, "height": 900})
        visit(page, server, "/settings")
        page.get_by_test_id("settings-language").select_option("")
        expect(page.get_by_test_id("nav-executions")).to_contain_text("Executions")
    finally:
        server.call("PATCH", "/api/v1/main/console/settings", json_body={"language": None})
    french = browser.new_context(locale="fr-FR")
    watch = Watch()
    try:
        stranger = french.new_page()
        watch.attach(stranger)
        stranger.goto(f"{server.url}/ui/main/login")
        expect(stranger.get_by_test_id("login-submit")).to_have_text("Se connecter")
        expect(stranger.locator("html")).to_have_attribute("lang", "fr")
    finally:
        french.close()
    watch.check()
