"""The command palette (UI-CP) in a real browser against a real server."""

from __future__ import annotations

import secrets

from playwright.sync_api import expect

from tests.support.server import Server

FLOW = """id: {id}
namespace: e2e.palette
tasks:
  - id: only
    type: io.kestra.plugin.core.log.Log
    message: x
"""


def test_a_flow_is_found_by_part_of_its_name_and_opened_by_keys(server: Server, open_page) -> None:
    name = f"zebra{secrets.token_hex(3)}"
    server.save_flow(FLOW.format(id=name))
    page = open_page("/kv")
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill(name[:9])
    expect(page.get_by_test_id("palette").get_by_role("option").first).to_contain_text(name)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/flows/edit/e2e.palette/{name}**")


def test_an_execution_id_leads_straight_to_the_execution(server: Server, open_page) -> None:
    name = f"okapi{secrets.token_hex(3)}"
    server.save_flow(FLOW.format(id=name))
    identity = server.execute("e2e.palette", name)["id"]
    page = open_page("/kv")
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill(identity)
    expect(page.get_by_test_id("palette")).to_contain_text("Exactly this")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{identity}**")
    expect(page.get_by_test_id("execution-state")).to_be_visible(timeout=15_000)


def test_the_menu_and_the_actions_of_the_page_are_there_at_once(open_page) -> None:
    page = open_page("/kv")
    page.keyboard.press("Control+k")
    palette = page.get_by_test_id("palette")
    expect(palette).to_contain_text("Namespaces")
    page.get_by_test_id("palette-input").fill("> new")
    palette.get_by_role("option", name="New key").click()
    expect(page.get_by_test_id("kv-editor")).to_be_visible()


def test_escape_closes_and_nothing_is_said_in_words(open_page) -> None:
    page = open_page("/kv")
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill("qqqqxxxxzzzz")
    expect(page.get_by_test_id("palette")).to_contain_text("Nothing matches")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("palette-input")).to_have_count(0)
