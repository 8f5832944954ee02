"""The list of executions (UI-EX) in a real browser against a real server."""

from __future__ import annotations

import re
import secrets
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.server import Server, eventually

QUICK = """id: quick
namespace: {space}
labels:
  team: {team}
tasks:
  - {{id: hello, type: io.kestra.plugin.core.log.Log, message: hello}}
"""
SLOW = """id: slow
namespace: {space}
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT5M}}
"""
FAILING = """id: failing
namespace: {space}
tasks:
  - {{id: stop, type: io.kestra.plugin.core.execution.Fail, errorMessage: "out of stock"}}
"""


def _space() -> str:
    """A namespace of its own: tests don't see each other's rows."""
    return f"e2e.runs.n{secrets.token_hex(4)}"


def _runs(server: Server, space: str, source: str, count: int = 1, *, wait: bool = True, **parts: str) -> list[str]:
    server.save_flow(source.format(space=space, **parts))
    name = source.split("id: ", 1)[1].split("\n", 1)[0]
    ids = [server.execute(space, name)["id"] for _ in range(count)]
    if wait:
        for one in ids:
            server.finished(one)
    return ids


def _list(space: str, more: str = "") -> str:
    return f"/executions?filters[namespace][PREFIX]={space}{more}"


def _row(page: Page, identity: str) -> Any:
    return page.locator(f"tr[data-id='{identity}']")


def _tick(page: Page, identity: str) -> None:
    box = page.locator(f"[data-check='{identity}']")
    box.click()
    expect(box).to_have_attribute("aria-checked", "true")


def test_a_row_tells_state_duration_labels_and_why(server: Server, open_page) -> None:
    space = _space()
    (good,) = _runs(server, space, QUICK, team="data")
    (bad,) = _runs(server, space, FAILING)
    page = open_page(_list(space))
    expect(_row(page, good)).to_contain_text("Success")
    expect(_row(page, good)).to_contain_text("team:data")
    expect(_row(page, bad)).to_contain_text("stop: out of stock")
    _row(page, bad).locator("a").first.click()
    expect(page.locator("[data-testid=execution-id]")).to_have_text(bad)
    below = page.locator("[data-testid=execution-later]")
    expect(below).to_have_attribute("title", "Execution below in the list")  # UI-XP-01
    below.click()
    expect(page.locator("[data-testid=execution-id]")).to_have_text(good)


def test_conditions_stand_in_the_url_and_survive_a_reload(server: Server, open_page) -> None:
    space = _space()
    (good,) = _runs(server, space, QUICK, team="data")
    (bad,) = _runs(server, space, FAILING)
    page = open_page(_list(space, "&filters[state][IN]=FAILED"))
    expect(_row(page, bad)).to_be_visible()
    expect(_row(page, good)).to_have_count(0)
    page.reload()
    expect(_row(page, bad)).to_be_visible()
    expect(_row(page, good)).to_have_count(0)
    page.locator("[data-testid=filters] input").fill("quick")
    expect(page.locator("[data-testid=empty]")).to_contain_text("quick")
    expect(page).to_have_url(re.compile("quick"))


def test_a_pressed_label_becomes_a_condition_and_goes_again(server: Server, open_page) -> None:
    space = _space()
    (mine,) = _runs(server, space, QUICK, team="mine")
    (other,) = _runs(server, space, FAILING)
    page = open_page(_list(space))
    _row(page, mine).locator(".lab").click()
    expect(_row(page, other)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"labels\]\[EQUALS\]\[team\]=mine"))
    _row(page, mine).locator(".lab").click()
    expect(_row(page, other)).to_be_visible()


def test_new_executions_appear_by_themselves(server: Server, open_page) -> None:
    space = _space()
    (first,) = _runs(server, space, QUICK, team="data")
    page = open_page(_list(space))
    expect(_row(page, first)).to_be_visible()
    (second,) = _runs(server, space, QUICK, team="data")
    expect(_row(page, second)).to_contain_text("Success", timeout=15_000)


def test_tabs_share_a_stream_and_a_lost_one_is_told(server: Server, open_page) -> None:
    """UI-LV-05: a second tab closes its own connection, and opens one when the first is gone; UI-LV-03: the banner."""
    space = _space()
    (first,) = _runs(server, space, QUICK, team="data")
    page = open_page(_list(space), allowed=("net::ERR_FAILED",))
    expect(_row(page, first)).to_be_visible()
    other = page.context.new_page()
    opened: list[str] = []
    closed: list[str] = []
    other.on("request", lambda sent: "/console/stream" in sent.url and opened.append(sent.url))
    other.on("requestfailed", lambda sent: "/console/stream" in sent.url and closed.append(sent.url))
    other.goto(page.url)
    expect(_row(other, first)).to_be_visible()
    (second,) = _runs(server, space, QUICK, team="data")
    for one in (page, other):
        expect(_row(one, second)).to_contain_text("Success")
    (third,) = _runs(server, space, QUICK, team="data")
    expect(_row(other, third)).to_contain_text("Success")
    assert len(opened) == len(closed) == 1
    other.route("**/console/stream?*", lambda route: route.abort())
    page.close()
    expect(other.get_by_test_id("stream-lost")).to_contain_text("Reconnecting")
    other.unroute("**/console/stream?*")
    expect(other.get_by_test_id("stream-lost")).to_have_count(0)
    (fourth,) = _runs(server, space, QUICK, team="data")
    expect(_row(other, fourth)).to_be_visible()


def test_rows_do_not_move_under_a_reader_who_scrolled(server: Server, open_page) -> None:
    """UI-EX-05: further down in the list, new ones are counted; the pill leads to them, also where the page scrolls."""
    space = _space()
    _runs(server, space, QUICK, 20, team="data")
    page = open_page(_list(space), height=520)
    expect(page.locator("tr[data-id]")).to_have_count(20)
    for height, scroller in ((520, "main .tw"), (400, "main > .body")):
        page.set_viewport_size({"width": 1440, "height": height})
        rows = page.locator(scroller)
        rows.evaluate("list => { list.scrollTop = 200; }")
        assert rows.evaluate("list => list.scrollTop") == 200
        (fresh,) = _runs(server, space, QUICK, team="data")
        page.get_by_test_id("executions-fresh").click()
        expect(_row(page, fresh)).to_be_in_viewport()
        assert rows.evaluate("list => list.scrollTop") == 0


def test_a_selection_is_killed_after_its_confirmation(server: Server, open_page) -> None:
    space = _space()
    ids = _runs(server, space, SLOW, 2, wait=False)
    page = open_page(_list(space))
    for one in ids:
        expect(_row(page, one)).to_contain_text("Running", timeout=15_000)
    for one in ids:
        _tick(page, one)
    expect(page.locator("[data-testid=executions-restart]")).to_be_disabled()
    page.locator("[data-testid=executions-kill]").click()
    expect(page.locator("[data-testid=deed-kill]")).to_contain_text("2 executions")
    page.locator("[data-testid=deed-kill-confirm]").click()
    for one in ids:
        expect(_row(page, one)).to_contain_text("Killed", timeout=20_000)


def test_all_that_match_are_deleted_and_nothing_else(server: Server, open_page) -> None:
    space, beside = _space(), _space()
    gone = _runs(server, space, QUICK, 12, team="data")
    (kept,) = _runs(server, beside, QUICK, team="data")
    page = open_page(_list(space, "&size=10"))
    page.locator("[data-check=all]").click()
    page.locator("[data-testid=select-all]").click()
    page.locator("[data-testid=executions-delete]").click()
    dialog = page.locator("[data-testid=deed-delete]")
    expect(dialog).to_contain_text("12 executions")
    expect(dialog).to_contain_text(space)
    page.locator("[data-testid=deed-delete-confirm]").click()
    expect(page.locator("[data-testid=empty]")).to_be_visible(timeout=15_000)
    for one in (gone[0], gone[-1]):
        path = f"/api/v1/main/executions/{one}"
        eventually(lambda path=path: server.call("GET", path).status == 404, what="deleted")
    assert server.call("GET", f"/api/v1/main/executions/{kept}").status == 200


def test_labels_are_set_on_the_selection_and_wrong_ones_stay_in_the_dialog(server: Server, open_page) -> None:
    space = _space()
    ids = _runs(server, space, QUICK, 2, team="data")
    page = open_page(_list(space))
    for one in ids:
        _tick(page, one)
    page.locator("[data-testid=executions-labels]").click()
    box = page.locator("[data-testid=deed-labels]")
    box.fill("no colon")
    page.locator("[data-testid=deed-confirm]").click()
    expect(page.locator("[data-testid=deed-error]")).to_contain_text("key: value")
    box.fill("region: emea")
    page.locator("[data-testid=deed-confirm]").click()
    expect(page.locator("[data-testid=deed]")).not_to_be_visible()

    def labelled() -> bool:
        labels = server.call("GET", f"/api/v1/main/executions/{ids[0]}").json["labels"]
        return {"key": "region", "value": "emea"} in labels

    eventually(labelled, what="the label")


def test_a_replay_of_the_selection_adds_executions(server: Server, open_page) -> None:
    space = _space()
    ids = _runs(server, space, QUICK, 2, team="data")
    page = open_page(_list(space))
    for one in ids:
        _tick(page, one)
    page.locator("[data-testid=executions-replay]").click()
    page.locator("[data-testid=deed-confirm]").click()
    expect(page.locator("[data-testid=pager-total]")).to_contain_text("of 4", timeout=15_000)


def test_an_empty_list_says_which_conditions_exclude_everything(open_page) -> None:
    page = open_page(_list("e2e.nowhere", "&filters[timeRange][EQUALS]=PT5M"))
    empty = page.locator("[data-testid=empty]")
    expect(empty).to_contain_text("namespace within e2e.nowhere")
    expect(empty).to_contain_text("last 5 min")
    expect(page.locator("[data-testid=executions-near]")).to_have_count(0)


def test_a_period_without_rows_offers_the_nearest_one_that_has_some(server: Server, open_page) -> None:
    space = _space()
    (ran,) = _runs(server, space, QUICK, team="data")
    page = open_page(_list(space, "&filters[endDate][LESS_THAN_OR_EQUAL_TO]=2020-01-01T00:00:00Z"))
    page.locator("[data-testid=executions-near]").click()
    expect(_row(page, ran)).to_be_visible()


def test_a_flow_is_chosen_and_executed_from_the_list(server: Server, open_page) -> None:
    space = _space()
    server.save_flow(QUICK.format(space=space, team="data"))
    page = open_page(_list(space))
    page.locator("[data-testid=executions-execute]").click()
    page.locator("[data-testid=pick-namespace]").select_option(space)
    page.locator("[data-testid=execute-submit]").click()
    expect(page.locator("[data-testid=execution-state][data-state=SUCCESS]")).to_be_visible(timeout=15_000)


def test_kept_views_lead_back_to_their_conditions(server: Server, open_page) -> None:
    space, name = _space(), f"view {secrets.token_hex(3)}"
    _runs(server, space, QUICK, team="data")
    page = open_page(_list(space))
    page.locator("[data-testid=executions-save-view]").click()
    page.locator("[data-testid=view-name]").fill(name)
    page.locator("[data-testid=view-save]").click()
    expect(page.locator(".xl-view", has_text=name)).to_be_visible()
    page.locator("[data-testid=view-0]").click()
    page.locator(".xl-view a", has_text=name).click()
    expect(page).to_have_url(re.compile(re.escape(space)))
    expect(page.locator("[data-testid=pager-total]")).to_contain_text("of 1")


def test_phones_show_rows_of_two_lines_and_never_scroll_sideways(server: Server, open_page) -> None:
    space = _space()
    _runs(server, space, QUICK, team="data")
    page = open_page(_list(space), width=390)
    expect(page.locator(".xl-card").first).to_contain_text("quick")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


ASKING = """id: asking
namespace: {space}
inputs: [{{id: amount, type: INT, defaults: 12}}]
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    description: Does it match the order?
    onResume: [{{id: comment, type: STRING}}]
  - {{id: after, type: io.kestra.plugin.core.log.Log, message: "{{{{ outputs.approve.onResume.comment }}}}"}}
"""


def test_what_waits_is_counted_answered_and_rejected_in_place(server: Server, open_page) -> None:
    """UI-XP-80: the menu counts it; the drawer has the form, what it was started with, and both decisions."""
    space = _space()
    first, second = _runs(server, space, ASKING, 2, wait=False)
    for one in (first, second):
        eventually(lambda one=one: server.execution(one)["state"]["current"] == "PAUSED", what="the pause")
    page = open_page(f"/waiting?filters[namespace][PREFIX]={space}")
    expect(page.locator("[data-testid=held-count]").first).to_have_text(re.compile(r"[1-9]"))
    expect(_row(page, first)).to_contain_text("Does it match the order?")
    _row(page, first).locator("[data-testid=waiting-answer]").click()
    drawer = page.locator("[data-testid=waiting-drawer]")
    expect(drawer).to_contain_text("amount")
    drawer.locator("[id='in-comment']").fill("paid at once")
    drawer.locator("[data-testid=execute-submit]").click()
    expect(_row(page, first)).to_have_count(0)
    assert server.finished(first)["state"]["current"] == "SUCCESS"
    _row(page, second).locator("[data-testid=waiting-menu]").click()
    page.locator("[data-testid=waiting-reject]").click()
    page.locator("[data-testid=reject-confirm]").click()
    expect(page.locator("[data-testid=empty]")).to_be_visible()
    assert server.finished(second)["state"]["current"] == "KILLED"


def test_the_id_of_an_execution_is_a_link(server: Server, open_page) -> None:
    """UI-LS-08: pressed, opened in another tab or copied as any other name."""
    space = f"e2e.ids{secrets.token_hex(3)}"
    ran = server.run(
        f"id: one\nnamespace: {space}\ntasks: [{{id: t, type: io.kestra.plugin.core.log.Log, message: hi}}]"
    )
    page = open_page(f"/executions?filters[namespace][EQUALS]={space}")
    link = page.locator(f"tr[data-id='{ran['id']}'] .xl-id a")
    expect(link).to_have_attribute("href", re.compile(f"/ui/main/executions/{space}/one/{ran['id']}"))
    link.click()
    page.wait_for_url(f"**/executions/{space}/one/{ran['id']}/**")
