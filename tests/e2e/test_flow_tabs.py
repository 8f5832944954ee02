"""Tabs of a flow beside its editor: metrics, concurrency (UI-FP) in a real browser against a real server."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import visit
from tests.support.server import Server, eventually

MEASURED = """id: measured
namespace: e2e.tabs
tasks:
  - id: rows
    type: io.kestra.plugin.core.metric.Publish
    metrics:
      - {type: counter, name: a_rows, value: 40}
      - {type: counter, name: b_bytes, value: 2048}
"""
ONE_PLACE = """id: one_place
namespace: e2e.tabs
tasks:
  - id: hold
    type: io.kestra.plugin.core.flow.Pause
"""
KEPT = """id: kept
namespace: e2e.tabs
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: kept
"""


def test_a_metric_is_chosen_and_summed_up(server: Server, open_page) -> None:
    """UI-FP-40: metric, aggregation and time in the URL; chart and table."""
    server.save_flow(MEASURED)
    for _ in range(2):
        server.finished(server.execute("e2e.tabs", "measured")["id"])
    page = open_page("/flows/edit/e2e.tabs/measured/metrics")
    expect(page.get_by_test_id("metrics-facts")).to_contain_text("80")
    expect(page.get_by_test_id("metrics-chart").locator(".plot .bars path").first).to_be_attached()
    page.get_by_test_id("filter-chip").filter(has_text="aggregation").locator("button").first.click()
    page.get_by_role("option", name="avg").click()
    expect(page.get_by_test_id("metrics-table").locator("tbody tr")).to_contain_text("40")
    expect(page).to_have_url(re.compile(r"filters\[aggregation\]\[EQUALS\]=avg"))
    page.get_by_test_id("filter-chip").filter(has_text="metric").locator("button").first.click()
    page.get_by_role("option", name="b_bytes").click()
    expect(page.get_by_test_id("metrics-table").locator("tbody tr")).to_contain_text("2,048")


def test_a_limit_is_set_and_one_that_waits_runs_anyway(server: Server, open_page) -> None:
    """UI-FP-42: without a limit a sample; with one the gauge, the queue and a way past it."""
    server.save_flow(ONE_PLACE)
    page = open_page("/flows/edit/e2e.tabs/one_place/concurrency")
    page.get_by_test_id("concurrency-set").click()
    page.get_by_test_id("concurrency-value").fill("1")
    page.get_by_test_id("concurrency-save").click()
    expect(page.get_by_test_id("concurrency-gauge")).to_contain_text("0 / 1")
    assert server.call("GET", "/api/v1/main/flows/e2e.tabs/one_place").json["concurrency"]["limit"] == 1
    _, second = (server.execute("e2e.tabs", "one_place")["id"] for _ in range(2))
    expect(page.get_by_test_id("concurrency-gauge")).to_contain_text("1 / 1")
    expect(page.get_by_test_id("concurrency-queue")).to_contain_text(second[:8])
    page.get_by_test_id("concurrency-run").click()
    page.get_by_test_id("concurrency-leave").click()
    expect(page.get_by_test_id("concurrency-queue").get_by_test_id("concurrency-run")).to_have_count(0)
    eventually(lambda: server.execution(second)["state"]["current"] == "PAUSED", what="the one let past the limit")


@pytest.mark.parametrize("place", ["limits", "tab"])
def test_a_limit_that_somebody_changed_meanwhile_is_not_overwritten_unasked(
    server: Server, open_page, place: str
) -> None:
    """UI-AD-02, UI-FP-42: the form says what the other one wrote; other changes of the flow are no conflict."""
    source = ONE_PLACE.replace("one_place", f"met_{place}").rstrip() + "\nconcurrency:\n  limit: 3\n"
    server.save_flow(source)
    if place == "limits":
        page = open_page("/admin/concurrency-limits")
        row = page.get_by_test_id("limits-table").locator(f"tr[data-id='e2e.tabs/met_{place}']")
        row.get_by_test_id("limit-edit").click()
        test = "limit"
    else:
        page = open_page(f"/flows/edit/e2e.tabs/met_{place}/concurrency")
        page.get_by_test_id("concurrency-edit").click()
        test = "concurrency"
    page.get_by_test_id(f"{test}-value").fill("5")
    server.save_flow(source.replace("limit: 3", "limit: 9").replace("tasks:", "description: theirs\ntasks:"))
    page.get_by_test_id(f"{test}-save").click()
    expect(page.get_by_test_id(f"{test}-editor")).to_contain_text("Somebody changed the limit meanwhile, to: 9")
    where = f"/api/v1/main/flows/e2e.tabs/met_{place}"
    assert server.call("GET", where).json["concurrency"]["limit"] == 9
    page.get_by_test_id(f"{test}-save").click()
    expect(page.get_by_test_id(f"{test}-editor")).to_be_hidden()
    flow = server.call("GET", where).json
    assert (flow["concurrency"]["limit"], flow["description"]) == (5, "theirs")


def _pair(server: Server) -> None:
    server.save_flow(
        "id: called\nnamespace: e2e.tabs.below\ntasks:\n  - {id: say, type: io.kestra.plugin.core.log.Log, message: hi}\n"
    )
    server.save_flow(
        """id: calls
namespace: e2e.tabs
tasks:
  - id: other
    type: io.kestra.plugin.core.flow.Subflow
    namespace: e2e.tabs.below
    flowId: called
"""
    )


def test_the_graph_is_painted_by_the_last_run_and_neighbours_are_listed(server: Server, open_page) -> None:
    """UI-FP-02, UI-FP-41: states of the last run over the tasks; the flows around with their last states."""
    _pair(server)
    server.finished(server.execute("e2e.tabs", "calls")["id"])
    page = open_page("/flows/edit/e2e.tabs/calls/topology")
    expect(page.get_by_test_id("flow-graph").locator(".tnd.ok")).to_have_count(1)
    page.get_by_test_id("topology-paint").click()
    expect(page.get_by_test_id("flow-graph").locator(".tnd.ok")).to_have_count(0)
    page.get_by_test_id("topology-paint").click()
    page.get_by_test_id("tab-dependencies").click()
    expect(page.get_by_test_id("links-count")).to_have_text("1 other flow")
    expect(page.get_by_test_id("links-row")).to_contain_text("e2e.tabs.below, Subflow")
    expect(page.get_by_test_id("flow-graph").locator(".tnd.ok.nsg")).to_have_count(2)
    page.get_by_test_id("links-find").fill("nobody")
    expect(page.get_by_test_id("links-row")).to_have_count(0)
    page.get_by_test_id("links-find").fill("call")
    page.get_by_test_id("links-row").get_by_role("button").click()
    page.get_by_test_id("links-open").click()
    page.wait_for_url("**/flows/edit/e2e.tabs.below/called/dependencies*")


def test_executions_of_a_flow_are_chosen_and_its_lines_deleted(server: Server, open_page) -> None:
    """UI-FP-03, UI-FP-04: own columns, selection with actions; the task filter and the deletion of lines."""
    _pair(server)
    name = "called"
    runs = [server.finished(server.execute("e2e.tabs.below", name)["id"])["id"] for _ in range(2)]
    page = open_page(f"/flows/edit/e2e.tabs.below/{name}/executions")
    table = page.get_by_test_id("flow-executions")
    row = table.locator(f"tr[data-id='{runs[0]}']")
    expect(row).to_be_visible()
    expect(table.get_by_role("columnheader", name="Namespace")).to_have_count(0)
    row.get_by_role("checkbox").click()
    page.get_by_test_id("executions-labels").click()
    page.get_by_test_id("deed-labels").fill("tried: twice")
    page.get_by_test_id("deed-confirm").click()
    expect(row).to_contain_text("twice")
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("flow-logs")).to_contain_text("hi")
    page.get_by_test_id("flow-logs-delete").click()
    page.get_by_test_id("flow-logs-ask-confirm").click()
    expect(page.get_by_test_id("flow-logs")).to_have_count(0)


def test_stored_sources_reach_the_page_without_its_socket(server: Server, open_page) -> None:
    """UI-RX-02: revisions, the source that ran and what a text is compared with are read by the browser itself."""
    for words in ("first", "second"):
        server.save_flow(KEPT + f"# only the {words} source says this\n")
    ran = server.execute("e2e.tabs", "kept")["id"]
    server.finished(ran)
    page = open_page("/flows")
    frames: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda data: frames.append(data if isinstance(data, str) else data.decode("utf-8", "replace")),
        ),
    )
    visit(page, server, "/flows/edit/e2e.tabs/kept/revisions?revisionLeft=1&revisionRight=2")
    diff = page.get_by_test_id("revisions-diff")
    expect(diff).to_contain_text("only the first source says this")
    expect(diff).to_contain_text("only the second source says this")
    page.get_by_test_id("revisions-more").click()
    page.get_by_test_id("revision-source-left").click()
    expect(page.get_by_test_id("revision-source")).to_contain_text("only the first source says this")
    server.save_flow(KEPT + "# only the third source says this\n")
    visit(page, server, f"/executions/e2e.tabs/kept/{ran}/source")
    shown = page.get_by_test_id("execution-source")
    expect(shown).to_contain_text("only the second source says this")
    page.get_by_test_id("source-diff").click()
    expect(shown).to_contain_text("only the second source says this")
    expect(shown).to_contain_text("only the third source says this")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the source").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "only the second source" in page.evaluate("() => navigator.clipboard.readText()")
    assert len(frames) > 4 and not [one for one in frames if "source says this" in one]


def test_the_graph_of_a_thousand_tasks_is_drawn_and_its_groups_lie_beside_each_other(server: Server, open_page) -> None:
    """UI-FP-02: laid out cluster by cluster; as a whole it kept the page busy for minutes."""
    groups = "".join(
        f"  - id: g{g}\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
        + "".join(f"      - {{id: t{g}_{n}, type: io.kestra.plugin.core.debug.Return, format: x}}\n" for n in range(9))
        for g in range(100)
    )
    server.save_flow(f"id: thousand\nnamespace: e2e.tabs\ntasks:\n{groups}")
    page = open_page("/flows/edit/e2e.tabs/thousand/topology")
    graph = page.get_by_test_id("flow-graph")
    expect(graph.locator(".react-flow__node .ndn").first).to_be_visible(timeout=20_000)
    expect(graph).to_have_attribute("data-nodes", re.compile(r"^(9\d\d|1\d\d\d)$"))
    frames = graph.locator(".react-flow__node-cluster")
    expect(frames.nth(1)).to_be_attached()
    boxes = sorted((box for box in (one.bounding_box() for one in frames.all()) if box), key=lambda box: box["x"])
    assert len(boxes) > 1
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] <= right["x"] + 1
