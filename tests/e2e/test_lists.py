"""What all lists share, and the views of executions, logs and flows, in a real browser against a real server."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import EVERYTHING
from tests.support.server import Server

long = pytest.mark.skipif(not EVERYTHING, reason="`make test-all` runs it")
TWO = """id: counted
namespace: {space}
inputs: [{{id: n, type: INT, defaults: 1}}]
labels: {{team: lists}}
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "number {{{{ inputs.n }}}}"}}
  - {{id: judge, type: io.kestra.plugin.core.execution.Fail, condition: "{{{{ inputs.n > 1 }}}}"}}
triggers:
  - {{id: yearly, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 6 1 1 *"}}
"""


class Runs:
    """A namespace with one run that succeeded and one that failed."""

    def __init__(self, server: Server) -> None:
        self.space = f"e2e.lists.n{secrets.token_hex(4)}"
        server.save_flow(TWO.format(space=self.space))
        self.good, self.bad = (server.execute(self.space, "counted", {"n": n})["id"] for n in ("1", "2"))
        for one in (self.good, self.bad):
            server.finished(one)

    def list(self, more: str = "") -> str:
        """Place of the list of these runs."""
        return f"/executions?filters[namespace][EQUALS]={self.space}{more}"

    def place(self, identity: str, tab: str) -> str:
        """Place of a run's tab."""
        return f"/executions/{self.space}/counted/{identity}/{tab}"


@pytest.fixture(scope="module")
def runs(server: Server) -> Runs:
    return Runs(server)


def _by(page: Page, test: str):
    return page.locator(f"[data-testid='{test}']")


def test_columns_are_chosen_ordered_and_kept(runs: Runs, open_page) -> None:
    """UI-LS-02: show, hide, a label's key as column; kept after a reload; reset brings the defaults back."""
    page = open_page(runs.list())
    heads = page.locator("[data-testid=executions-table] th[data-col]")
    expect(heads.first).to_have_text("State")
    _by(page, "columns").locator("button").first.click()
    _by(page, "columns-trigger").click()
    _by(page, "columns-label").fill("team")
    _by(page, "columns-label").press("Enter")
    expect(page.locator("th[data-col='label:team']")).to_be_visible()
    page.reload()
    expect(page.locator(f"tr[data-id='{runs.bad}'] td[data-col='label:team']")).to_have_text("lists")
    expect(page.locator("th[data-col=trigger]")).to_have_count(0)
    _by(page, "columns").locator("button").first.click()
    _by(page, "columns-reset").click()
    expect(page.locator("th[data-col=trigger]")).to_be_visible()
    expect(page.locator("th[data-col='label:team']")).to_have_count(0)


def test_conditions_are_written_as_text_and_faults_are_told(runs: Runs, open_page) -> None:
    """UI-FI-07, UI-FI-08: text and chips are the same; a fault blocks and says why."""
    page = open_page(runs.list())
    _by(page, "executions-views").locator("button").first.click()
    _by(page, "filters-as-text").click()
    box = _by(page, "filters-text")
    expect(box).to_have_value(f"namespace is {runs.space}")
    box.fill("colour is red")
    box.press("Enter")
    expect(_by(page, "filters")).to_contain_text("not something this list can filter by")
    box.fill(f"state in FAILED and namespace within {runs.space} and time today")
    box.press("Enter")
    expect(_by(page, "filters")).to_contain_text("After “time” stands one of: is")
    box.fill(f"state in FAILED and namespace within {runs.space} and time is today")
    box.press("Enter")
    expect(page.locator(f"tr[data-id='{runs.bad}']")).to_be_visible()
    expect(page.locator(f"tr[data-id='{runs.good}']")).to_have_count(0)
    expect(page).to_have_url(re.compile("TODAY@"))


@long
def test_a_condition_that_the_list_does_not_know_is_a_warning(runs: Runs, open_page) -> None:
    """UI-FI-02: a chip with a warning, the rows as without it."""
    page = open_page(runs.list("&filters[colour][EQUALS]=red"))
    expect(_by(page, "filter-unknown")).to_contain_text("colour")
    expect(_by(page, "pager-total")).to_contain_text("of 2")


@long
def test_a_refused_filter_leaves_the_bar_and_tells_why(runs: Runs, open_page) -> None:
    """UI-LS-12: an inline error with Retry; removing the condition mends it."""
    page = open_page(runs.list("&filters[flowId][REGEX]=("), allowed=("400",))
    expect(_by(page, "list-problem")).to_contain_text("regular expression")
    page.get_by_label("Remove flow").click()
    expect(page.locator(f"tr[data-id='{runs.good}']")).to_be_visible()


def test_a_default_view_opens_the_list_and_own_conditions_stay_reachable(runs: Runs, open_page) -> None:
    """UI-FI-05, UI-SH-02: the starred view opens from the menu; *Reset* shows the list's own conditions."""
    page = open_page(runs.list("&filters[state][IN]=FAILED"))
    _by(page, "executions-save-view").click()
    name = f"mine {secrets.token_hex(3)}"
    _by(page, "view-name").fill(name)
    _by(page, "view-default").check()
    _by(page, "view-save").click()
    expect(page.locator(".xl-view", has_text=name)).to_be_visible()
    _by(page, "filters-reset").click()
    expect(page).to_have_url(re.compile("own=1"))
    page.goto(page.url.split("?")[0])
    expect(page.locator(f"tr[data-id='{runs.bad}']")).to_be_visible()
    expect(page.locator(f"tr[data-id='{runs.good}']")).to_have_count(0)
    _by(page, "executions-views").locator("button").first.click()
    row = page.locator(".vrow", has_text=name)
    row.locator("[data-testid=view-star]").click()
    row.locator("[data-testid=view-delete]").click()
    expect(page.locator(".xl-view", has_text=name)).to_have_count(0)


def test_executions_are_drawn_as_timeline_and_calendar(runs: Runs, open_page) -> None:
    """UI-EX-07: bars lead to executions; the hour of a cell is its filter; dates to come are there."""
    page = open_page(runs.list("&view=timeline"))
    expect(_by(page, "timeline-bar")).to_have_count(2)
    page.get_by_text("Heat map").click()
    cell = page.locator(".rcc.on")
    expect(cell.first).to_be_visible()
    cell.last.click()
    expect(_by(page, "filter-dates")).to_be_visible()
    expect(_by(page, "pager-total")).to_contain_text(" of ")


def test_two_executions_are_compared(runs: Runs, open_page) -> None:
    """UI-EX-06, UI-XP-90: from the selection; where they part, values, swap."""
    page = open_page(runs.list())
    expect(_by(page, "executions-compare")).to_have_count(0)
    for one in (runs.good, runs.bad):
        page.locator(f"[data-check='{one}']").click()
        expect(page.locator(f"[data-check='{one}']")).to_have_attribute("aria-checked", "true")
    _by(page, "executions-compare").click()
    expect(_by(page, "compare-first")).to_contain_text("judge")
    expect(_by(page, "compare")).to_contain_text("inputs.n")
    first = _by(page, "compare-a").inner_text()
    _by(page, "compare-swap").click()
    expect(_by(page, "compare-b")).to_contain_text(first.split()[1])


@long
def test_an_expression_is_completed_and_earlier_ones_are_kept(runs: Runs, open_page) -> None:
    """UI-XP-51: completion from the execution's own values, result, history on the server."""
    page = open_page(runs.place(runs.good, "outputs"))
    box = _by(page, "expression-input")
    box.click()
    box.press_sequentially("{{ inp")
    expect(page.locator(".xbo li").first).to_contain_text("inputs")
    box.press("Tab")
    box.press_sequentially(".")
    expect(page.locator(".xbo li").first).to_contain_text("n")
    box.press("Tab")
    box.press_sequentially(" }}")
    box.press("Control+Enter")
    expect(_by(page, "expression-result")).to_have_text("1")
    page.wait_for_timeout(1000)  # the history is written when typing rests
    page.reload()
    _by(page, "expression-earlier").click()
    expect(page.locator(".xbl")).to_contain_text("{{ inputs.n }}")


@long
def test_the_next_execution_is_a_key_away_and_the_icon_tells_the_state(runs: Runs, open_page) -> None:
    """UI-XP-01, UI-SH-04, §1.10: `p` goes to the previous execution, the tab stays; dependencies show its place."""
    page = open_page(runs.place(runs.bad, "dependencies"))
    expect(_by(page, "family-node")).to_have_attribute("data-id", runs.bad)
    assert page.evaluate("document.querySelector('link[rel=icon]').href").startswith("data:image/svg")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(f"{runs.good}/dependencies"))


@long
def test_logs_are_tailed_and_grouped(server: Server, runs: Runs, open_page) -> None:
    """UI-LG-03, UI-LG-04: lines that come, patterns with counts."""
    page = open_page(f"/logs?view=tail&filters[namespace][EQUALS]={runs.space}")
    expect(_by(page, "log-tail")).to_be_visible()
    server.execute(runs.space, "counted", {"n": "1"})
    expect(_by(page, "log-tail")).to_contain_text("number 1", timeout=20_000)
    page.get_by_text("Patterns", exact=True).click()
    expect(_by(page, "log-patterns")).to_contain_text("number #")


@long
def test_flows_stand_in_a_tree_and_triggers_tell_what_they_are(runs: Runs, open_page) -> None:
    """UI-FL-01, UI-FL-07: namespaces open; a trigger's icon tells its cron in words."""
    page = open_page(f"/flows?filters[namespace][EQUALS]={runs.space}")
    _by(page, "flow-trigger").click()
    expect(_by(page, "trigger-peek")).to_contain_text("0 6 1 1 *")
    page.keyboard.press("Escape")
    page.get_by_text("Tree", exact=True).click()
    expect(_by(page, "tree-flow")).to_contain_text("counted")


def test_a_text_is_replaced_in_sources_after_a_look(server: Server, open_page) -> None:
    """UI-FL-08: preview by flow, one new revision each."""
    space = f"e2e.lists.n{secrets.token_hex(4)}"
    server.save_flow(TWO.format(space=space))
    page = open_page(f"/flows/search?q=number&namespace={space}")
    expect(_by(page, "source-card")).to_have_count(1)
    _by(page, "sources-replace").click()
    _by(page, "sources-by").fill("count")
    _by(page, "replace-look").click()
    expect(_by(page, "replace-preview")).to_contain_text("count {{ inputs.n }}")
    _by(page, "sources-replace-all").click()
    _by(page, "replace-confirm").click()
    expect(_by(page, "replace-done")).to_contain_text("1 flow saved")
    flow = server.call("GET", f"/api/v1/main/flows/{space}/counted?source=true").json
    assert flow["revision"] == 2 and "count {{ inputs.n }}" in flow["source"]
