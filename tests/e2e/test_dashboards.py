"""Journey 12: a dashboard by form, preview, save, switch, CSV, drill-down (ui §3, §20)."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import visit
from tests.support.console import Look
from tests.support.server import Server


def test_a_dashboard_by_form_is_saved_switched_to_and_drilled_into(server: Server, look: Look) -> None:
    """Journey 12, UI-DB-01, 03, 05, 20, 23."""
    space = f"e2e.d{secrets.token_hex(3)}"
    server.run(f"id: one\nnamespace: {space}\ntasks: [{{id: t, type: io.kestra.plugin.core.log.Log, message: hi}}]\n")
    page = look.open("/dashboards/new")
    expect(page.locator(".monaco-editor").first).to_contain_text("My dashboard", timeout=20_000)
    for kind, title in (("kpi", "How many"), ("timeseries", "Over time")):
        page.get_by_test_id("chart-add").click()
        page.get_by_test_id(f"chart-add-{kind}").click()
        page.get_by_test_id("chart-form-title").fill(title)
        page.get_by_test_id("chart-form-apply").click()
        expect(page.get_by_test_id("dashboard-preview")).to_contain_text(title)
    expect(page.get_by_test_id("chart-number").locator(".dgk")).to_have_text(re.compile(r"^[1-9]"), timeout=20_000)
    page.get_by_test_id("aside-docs").click()
    expect(page.get_by_test_id("dashboard-aside")).to_contain_text("chartOptions")
    page.get_by_test_id("chart-edit-number").click()
    page.get_by_test_id("rule-add-where").click()
    page.get_by_test_id("rule-type").select_option("NOT_IN")
    page.get_by_test_id("rule-value").fill("FAILED, KILLED")
    page.get_by_test_id("chart-form-apply").click()
    expect(page.get_by_test_id("chart-form")).to_be_hidden()
    page.get_by_test_id("dashboard-save").click()
    page.wait_for_url(lambda url: "/dashboards/" in url and "/new" not in url)
    identity = page.url.split("/dashboards/")[1].split("?")[0]
    stored = server.call("GET", f"/api/v1/main/dashboards/{identity}").json
    assert [one["id"] for one in stored["charts"]] == ["number", "over_time"]
    assert "values: [FAILED, KILLED]" in stored["sourceCode"]

    visit(page, server, "/dashboards?default=1")
    look.act(page, "dashboard-switch")
    page.get_by_test_id("dashboard-choice").filter(has_text="My dashboard").first.click()
    page.wait_for_url(lambda url: "/dashboards/" in url)

    visit(page, server, f"/dashboards/{identity}?filters[namespace][EQUALS]={space}")
    chart = page.get_by_test_id("chart-over_time")
    expect(chart.locator(".plot svg").first).to_be_visible(timeout=20_000)
    chart.hover()
    with page.expect_download() as got:
        chart.get_by_test_id("chart-csv").click()
    assert "SUCCESS" in got.value.path().read_text()
    chart.get_by_test_id("chart-table").click()
    expect(chart.locator("table")).to_contain_text("SUCCESS")
    page.get_by_test_id("chart-number").locator(".dgk").click()
    page.wait_for_url(lambda url: "/executions" in url and space in url)


@pytest.mark.parametrize("width", [800, 390])
def test_the_panel_beside_the_code_leaves_the_preview_free(server: Server, open_page: Any, width: int) -> None:
    """UI-DB-20, §18.4: below 1024 px the panel stands under code and preview; both can be used while it is open."""
    page = open_page("/dashboards/new", width=width)
    expect(page.locator(".monaco-editor").first).to_contain_text("My dashboard", timeout=20_000)
    page.get_by_test_id("chart-add").click()
    page.get_by_test_id("chart-add-kpi").click()
    page.get_by_test_id("chart-form-apply").click()
    expect(page.get_by_test_id("chart-form")).to_be_hidden()
    page.get_by_test_id("aside-docs").click()
    beside, preview = page.get_by_test_id("dashboard-aside"), page.get_by_test_id("dashboard-preview")
    expect(beside).to_contain_text("chartOptions")
    above, below = preview.bounding_box(), beside.bounding_box()
    assert above["y"] + above["height"] <= below["y"] + 1 and above["height"] > 100, (above, below)
    assert below["height"] > 150 and below["y"] + below["height"] <= page.viewport_size["height"] + 1
    page.get_by_test_id("chart-edit-number").click()
    expect(page.get_by_test_id("chart-form")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_test_id("aside-docs").click()
    expect(beside).to_have_count(0)


def test_a_wrong_field_is_told_at_its_line_and_nothing_is_saved(server: Server, open_page: Any) -> None:
    """UI-DB-20, UI-DB-24: the other charts go on; saving is not offered."""
    identity = f"wrong{secrets.token_hex(3)}"
    source = (
        f"id: {identity}\ntitle: Wrong\ncharts:\n  - id: good\n"
        "    type: io.kestra.plugin.core.dashboard.chart.KPI\n    chartOptions: {displayName: Good}\n"
        "    data:\n      type: io.kestra.plugin.core.dashboard.data.ExecutionsKPI\n"
        "      columns: {field: ID, agg: COUNT}\n"
    )
    body = server.call("POST", "/api/v1/main/dashboards", body=source, content_type="application/x-yaml")
    assert body.status == 200, body.text
    page = open_page(f"/dashboards/{identity}/edit")
    expect(page.get_by_test_id("chart-good").locator(".dgk")).to_be_visible(timeout=20_000)
    editor = page.locator(".monaco-editor").first
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(
        "  - {id: bad, type: io.kestra.plugin.core.dashboard.chart.Table, "
        "data: {type: io.kestra.plugin.core.dashboard.data.Executions, columns: {a: {field: LEVEL}}}}"
    )
    problem = page.get_by_test_id("dashboard-problem").first
    expect(problem).to_contain_text("line 10", timeout=15_000)
    expect(page.get_by_test_id("chart-good").locator(".dgk")).to_be_visible()
    expect(page.get_by_test_id("dashboard-save")).to_be_disabled()
