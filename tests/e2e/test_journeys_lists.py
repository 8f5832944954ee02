"""Journeys over lists (ui.md §20): 9 find, keep, kill and count many executions, 10 a backfill, 17 a ZIP of flows."""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import expect

from tests.support.console import WAIT, Look, space
from tests.support.server import Server, eventually

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
RUNS = 500 if EVERYTHING else 40
"""More than one page of a list."""

SLEEPS = """id: sleeps
namespace: {space}
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT10M}}
"""
HOURLY = """id: hourly
namespace: {space}
tasks:
  - {{id: only, type: io.kestra.plugin.core.log.Log, message: "of {{{{ trigger.date }}}}"}}
triggers:
  - {{id: clock, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 * * * *"}}
"""
GOOD = """id: flow_{n:02}
namespace: {space}
tasks:
  - {{id: only, type: io.kestra.plugin.core.log.Log, message: "number {n}"}}
"""


def test_journey_9_many_executions_are_filtered_kept_killed_and_counted(server: Server, look: Look) -> None:
    """Journey 9, UI-FI-01, UI-FI-05, UI-LS-08, UI-EX-04: view, reload, back and forward, by query, CSV."""
    name, view = space(look.theme), f"asleep {secrets.token_hex(3)}"
    server.save_flow(SLEEPS.format(space=name))
    for _ in range(RUNS):
        server.execute(name, "sleeps")
    total = re.compile(rf"of {RUNS}\b")
    page = look.open(f"/executions?filters[namespace][EQUALS]={name}")
    count = page.get_by_test_id("pager-total")
    expect(count).to_contain_text(total, timeout=WAIT)
    if not look.phone:  # views are kept where there is room for their bar
        page.get_by_test_id("executions-save-view").click()
        page.get_by_test_id("view-name").fill(view)
        page.get_by_test_id("view-save").click()
        expect(page.locator(".xl-view", has_text=view)).to_be_visible(timeout=WAIT)
    page.reload()
    expect(count).to_contain_text(total, timeout=WAIT)
    page.goto(f"{server.url}/ui/main/flows?filters[namespace][EQUALS]={name}")
    expect(page.get_by_test_id("flows-table")).to_contain_text("sleeps", timeout=WAIT)
    page.go_back()
    expect(count).to_contain_text(total, timeout=WAIT)
    page.go_forward()
    expect(page.get_by_test_id("flows-table")).to_contain_text("sleeps", timeout=WAIT)
    page.go_back()
    expect(count).to_contain_text(total, timeout=WAIT)
    if not look.phone:
        page.goto(f"{server.url}/ui/main/executions")
        page.locator(".xl-view a", has_text=view).click()
        expect(page).to_have_url(re.compile(re.escape(name)), timeout=WAIT)
        expect(count).to_contain_text(total, timeout=WAIT)

        page.locator("[data-check=all]").click()
        page.get_by_test_id("select-all").click()
        page.get_by_test_id("executions-kill").click()
        dialog = page.get_by_test_id("deed-kill")
        expect(dialog).to_contain_text(f"{RUNS} executions")
        if dialog.get_by_test_id("deed-typed").count():
            dialog.get_by_test_id("deed-typed").fill(str(RUNS))
        page.get_by_test_id("deed-kill-confirm").click()
        path = f"/api/v1/main/executions/search?filters[namespace][EQUALS]={name}&filters[state][EQUALS]=KILLED&size=1"
        eventually(lambda: server.call("GET", path).json["total"] == RUNS, seconds=60, what="all killed")

    url = f"/api/v1/main/executions/export/by-query/csv?filters[namespace][EQUALS]={name}"
    if not look.phone:
        with page.expect_download(timeout=60_000) as got:
            page.get_by_test_id("list-csv").click()
        text = got.value.path().read_text()
    else:
        text = server.call("GET", url).text
    assert len(list(csv.DictReader(io.StringIO(text)))) == RUNS
    server.call("DELETE", f"/api/v1/main/executions/kill/by-query?filters[namespace][EQUALS]={name}")


def test_journey_10_two_days_are_filled_counted_and_labelled(server: Server, look: Look) -> None:
    """Journey 10, UI-FP-32 to UI-FP-34: 48 hours, its number, labels on the runs.

    48 dates are done before one can press; `test_triggers` holds, continues and deletes a longer one.
    """
    name = space(look.theme)
    server.save_flow(HOURLY.format(space=name))
    page = look.open(f"/flows/edit/{name}/hourly/triggers")
    end = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=2)
    page.get_by_test_id("backfill-open").click()
    page.get_by_test_id("backfill-from").fill((end - timedelta(hours=48)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_test_id("backfill-to").fill(end.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_test_id("backfill-labels").fill("why: journey")
    page.get_by_test_id("backfill-labels").press("Tab")
    expect(page.get_by_test_id("backfill-create")).to_contain_text("Create 48 executions", timeout=WAIT)
    page.get_by_test_id("backfill-create").click()
    expect(page.get_by_test_id("backfill-drawer")).not_to_be_visible(timeout=WAIT)
    path = f"/api/v1/main/executions/search?filters[namespace][EQUALS]={name}&size=100"
    rows = eventually(
        lambda: (found := server.call("GET", path).json["results"]) and len(found) >= 48 and found,
        seconds=60,
        what="48 executions",
    )
    assert len(rows) == 48
    assert all({"key": "why", "value": "journey"} in row["labels"] for row in rows)
    page.goto(f"{server.url}/ui/main/executions?filters[labels][EQUALS][why]=journey&filters[namespace][EQUALS]={name}")
    expect(page.get_by_test_id("pager-total")).to_contain_text("of 48", timeout=WAIT)
    server.call("DELETE", f"/api/v1/main/executions/kill/by-query?filters[namespace][EQUALS]={name}")


def test_journey_17_a_zip_with_two_bad_flows_leaves_the_good_ones(server: Server, look: Look, tmp_path: Path) -> None:
    """Journey 17, UI-FL-06: 48 of 50 come in, two are listed with their reasons."""
    name = space(look.theme)
    kept = tmp_path / "flows.zip"
    with zipfile.ZipFile(kept, "w") as archive:
        for n in range(48):
            archive.writestr(f"{name}.flow_{n:02}.yaml", GOOD.format(n=n, space=name))
        archive.writestr("no_tasks.yaml", f"id: no_tasks\nnamespace: {name}\ntasks: []\n")
        unknown = GOOD.format(n=99, space=name).replace("log.Log", "log.NoSuchTask")
        archive.writestr("unknown_type.yaml", unknown.replace("flow_99", "unknown_type"))
    page = look.open(f"/flows?filters[namespace][EQUALS]={name}", allowed=("422", "400"))
    look.act(page, "flows-import-open")
    page.get_by_test_id("import-file").set_input_files(kept)
    page.get_by_test_id("import-run").click()
    dialog = page.get_by_test_id("flows-import")
    expect(dialog).to_contain_text("2 flows not imported", timeout=60_000)
    expect(dialog).to_contain_text("48 flows imported")
    for bad, why in (("no_tasks.yaml", "tasks:"), ("unknown_type.yaml", "NoSuchTask")):
        row = dialog.get_by_test_id("import-refused").locator("li", has_text=bad)
        expect(row).to_have_count(1)
        expect(row).to_contain_text(why)
    found = server.call("GET", f"/api/v1/main/flows/search?filters[namespace][EQUALS]={name}&size=100").json
    assert found["total"] == 48
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_test_id("pager-total")).to_contain_text("of 48", timeout=WAIT)
