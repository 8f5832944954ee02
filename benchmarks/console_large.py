"""The console over an instance of a year's work (`make bench-ui`): 10,000 flows, a million executions, 20 M log lines.

    python -m benchmarks.console_large FOLDER      a folder that `benchmarks.instance` made, or makes now

Real server, real browser, one machine; times by the page's own clock where it has one. The reference page is a bare
HTML table of 25 rows, opened in the same browser and run. Budgets: ui.md §18.5.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from benchmarks.console import LIVE, SPACE, Row, line_to_screen, logged_in, median, until, within_log
from benchmarks.console_work import dashboard, editing, events, topologies
from benchmarks.instance import GIANTS, build, running
from benchmarks.watching import PAINT, WAIT, Seen, p95
from tests.support.browser import chromium
from tests.support.server import Server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance-console.md"
REFERENCE = "data:text/html,<table>" + "<tr><td>row<td>a<td>b<td>c</tr>" * 25 + "</table>"
# Times between frames while the wheel turns, in ms.
FRAMES = """(host) => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const ends = last + 2000;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    host.scrollTop += 120;
    if (now < ends) requestAnimationFrame(step); else done(gaps.slice(2));
  };
  requestAnimationFrame(step);
})"""
ROW = "tbody tr[data-id]"
HYDRATED = "[data-testid=hydrated]"


def reference(browser: Browser) -> Row:
    """The bare table."""
    page = browser.new_page()

    def once() -> float:
        began = time.perf_counter()
        page.goto(REFERENCE)
        page.locator("tr").nth(24).wait_for()
        return (time.perf_counter() - began) * 1000

    once()
    row = Row("Reference page: bare table of 25 rows", median(once, 7), 1e9, "ms", "same browser and run")
    page.close()
    return row


def cold(browser: Browser, server: Server) -> list[Row]:
    """A list in a fresh profile, nothing in the cache."""
    paints, usable, shifts = [], [], []
    for _ in range(3):
        page = logged_in(browser, server)
        found = Seen(page, row=ROW, hydrated=HYDRATED).open(f"{server.url}/ui/main/executions")
        usable.append(max(found["row"], found["hydrated"]))
        page.wait_for_timeout(1000)
        paints.append(page.evaluate(PAINT))  # told some time after the frame
        shifts.append(page.evaluate("() => window.benchShift"))
        page.context.close()
    how = "fresh profile, from the address"
    told = [one for one in paints if one]  # the browser does not always tell it
    first = [Row("First paint, cold", statistics.median(told), 800, "ms", how)] if told else []
    return [
        *first,
        Row("List of 1 M executions usable, cold", statistics.median(usable), 2000, "ms", how),
        Row("Layout shift on that list, × 1,000", statistics.median(shifts) * 1000, 50, "", "first second after"),
    ]


def lists(page: Page, server: Server) -> list[Row]:
    """From list to list by the menu, and a text in the filter."""
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_selector(ROW, timeout=WAIT)
    rows: list[Row] = []
    all_of_them: list[float] = []
    for place, other in (("executions", "flows"), ("flows", "kv"), ("logs", "flows")):
        there = page.locator(".lg_" if place == "logs" else ROW).first

        def once(place: str = place, other: str = other, there: Any = there) -> float:
            page.locator(f".sb a[href='/ui/main/{other}']").click()
            page.wait_for_url(f"**/{other}**")
            page.wait_for_timeout(600)
            return until(page, lambda: page.locator(f".sb a[href='/ui/main/{place}']").click(), there)

        once()
        times = [once() for _ in range(9)]
        all_of_them += times
        how = "press in the menu to the first row"
        rows.append(Row(f"List of {place}, warm", statistics.median(times), 300, "ms", how))
    rows.append(Row("Change to another list, p95", p95(all_of_them), 600, "ms", f"{len(all_of_them)} of these"))
    page.locator(".sb a[href='/ui/main/executions']").click()
    page.wait_for_selector(ROW, timeout=WAIT)
    page.wait_for_timeout(800)
    box = page.locator("[data-filter-box]").first
    wanted = iter(f"load_orders_{8 * n:05}" for n in range(20, 400, 7))

    def filtered() -> float:
        text = next(wanted)
        box.fill("")
        page.wait_for_timeout(700)
        began = time.perf_counter()
        box.fill(text)
        box.press("Enter")
        expect(page.locator(ROW).first).to_contain_text(text, timeout=WAIT)
        return (time.perf_counter() - began) * 1000

    filtered()
    times = [filtered() for _ in range(20)]
    rows.append(Row("Filter of executions by a text, p95", p95(times), 500, "ms", "key *Enter* to the rows"))
    return rows


def execution(page: Page, server: Server, giants: dict[str, str]) -> list[Row]:
    """Ten thousand task runs, a million lines."""
    rows = []
    seen = Seen(page, row="[data-testid=gantt-row]", hydrated=HYDRATED)
    for count, budget in ((1_000, 1000), (10_000, 2500)):
        url = f"{server.url}/ui/main/executions/{GIANTS}/loop_{count}/{giants[f'loop_{count}']}/gantt"
        seen.open(url)

        def once(url: str = url) -> float:
            found = seen.open(url)
            return max(found["row"], found["hydrated"])

        rows.append(Row(f"Gantt of {count:,} task runs usable", median(once, 5), budget, "ms", "files in the cache"))
    for count in (100_000, 1_000_000):
        url = f"{server.url}/ui/main/executions/{GIANTS}/lines_{count}/{giants[f'lines_{count}']}/logs"
        lines = Seen(page.context.new_page(), line="[data-testid=log-line]", hydrated=HYDRATED)
        lines.open(url)

        def first(url: str = url, lines: Seen = lines) -> float:
            found = lines.open(url)
            return max(found["line"], found["hydrated"])

        rows.append(Row(f"{count:,} log lines: first screen", median(first, 5), 1000, "ms", "files in the cache"))
        tab = lines.page
        rows += within_log(tab, count, [str(count - back) for back in (1234, 4321, 2345)])
        tab.get_by_test_id("log-search").fill("")
        tab.keyboard.press("Home")
        gaps = tab.get_by_test_id("log-list").evaluate(FRAMES)
        what = f"{count:,} log lines: frame while scrolling"
        rows += [
            Row(f"{what}, p95", p95(gaps), 17, "ms", "2 s, no GPU"),
            Row(f"{what}, longest", max(gaps), 32, "ms", ""),
        ]
        tab.close()
    return rows


def screens(page: Page, server: Server) -> list[Row]:
    """Dashboard, editor, palette."""
    home = Seen(page, chart=".fd-chart .main-svg", hydrated=HYDRATED)
    home.open(f"{server.url}/ui/main/dashboards")
    found = [home.open(f"{server.url}/ui/main/dashboards") for _ in range(3)]
    rows = [
        Row("Dashboard: first chart", statistics.median(f["chart"] for f in found), 1000, "ms", "files in the cache")
    ]
    tab = page.context.new_page()
    editor = Seen(tab, text=".view-lines .view-line", hydrated=HYDRATED)
    url = f"{server.url}/ui/main/flows/edit/company.team08.area008/load_orders_00008/edit"
    editor.open(url)
    ready = statistics.median(max(f["text"], f["hydrated"]) for f in (editor.open(url) for _ in range(3)))
    rows.append(Row("Editor ready", ready, 1500, "ms", "files in the cache"))
    tab.close()
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_selector(ROW, timeout=WAIT)
    texts = iter(f"load_prices_{8 * n + 5:05}" for n in range(20, 200, 9))

    def palette() -> float:
        page.keyboard.press("Control+k")
        field = page.get_by_test_id("palette-input")
        field.wait_for(timeout=WAIT)
        text = next(texts)
        began = time.perf_counter()
        field.fill(text)
        page.locator("#pal-list [role=option]").filter(has_text=text).first.wait_for(timeout=WAIT)
        took = (time.perf_counter() - began) * 1000
        page.keyboard.press("Escape")
        page.wait_for_timeout(200)
        return took

    palette()
    rows.append(
        Row("Palette: a flow among 10,000", median(palette, 5), 400, "ms", "text to its hit, with typing's pause")
    )
    return rows


def following(page: Page, server: Server) -> Row:
    """What a tab spends while it follows ten lines a second, in % of a core."""
    server.save_flow(LIVE)
    identity = server.execute(SPACE, "live")["id"]
    page.goto(f"{server.url}/ui/main/executions/{SPACE}/live/{identity}/logs")
    page.get_by_test_id("log-line").first.wait_for(timeout=WAIT)
    session = page.context.new_cdp_session(page)
    # Time of the page's thread: that of the clock would count what the server and the database keep it waiting.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    page.wait_for_timeout(1000)
    before = spent()
    page.wait_for_timeout(6000)
    return Row("Following: the page's own work", (spent() - before) / 6 * 100, 10, "% of a core", "10 lines a second")


def main() -> int:
    """Measure, print, write; 1 when a budget is not kept."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="of the instance")
    options.add_argument("--no-write", action="store_true", help="only print")
    chosen = options.parse_args()
    load = os.getloadavg()[0]
    held = build(chosen.folder.resolve(), 10_000, 1_000_000, 20_000_000)
    with running(Server(chosen.folder.resolve())) as server, chromium() as browser:
        rows = [reference(browser), *cold(browser, server)]
        parts = (
            lists,
            lambda page, server: execution(page, server, held["giants"]),
            screens,
            dashboard,
            editing,
            topologies,
            events,
            lambda page, server: [line_to_screen(page, server)],
            lambda page, server: [following(page, server)],
        )
        for part in parts:
            page = logged_in(browser, server)
            try:
                rows += part(page, server)
            except Exception as error:
                print(f"not measured: {error}", file=sys.stderr)
                rows.append(Row(f"Not measured: {str(error).splitlines()[0][:80]}", 1e9, 0, "", ""))
            page.context.close()
            print("\n".join(row.line() for row in rows[-12:]), file=sys.stderr, flush=True)
    head = ["| what | measured | budget | kept | how |", "|---|---:|---:|---|---|"]
    text = "\n".join([*head, *(row.line() for row in rows)])
    print(text)
    if not chosen.no_write:
        PAGE.write_text(
            "# The console over a large instance\n\n"
            f"`python -m benchmarks.console_large`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors for "
            f"browser, server and database, load at the start {load:.1f}; {held['flows']:,} flows, "
            f"{held['executions']:,} executions, {held['lines']:,} log lines. Chromium without a screen and without a "
            f"GPU.\n\n{text}\n"
        )
    return 0 if all(row.value <= row.budget for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
