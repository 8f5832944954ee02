"""What a reader does with large flows, dashboards and live pages: measures of `benchmarks.console_large`.

Budgets: ui.md §18.5. Each function gets a page with a session and a server, which need not be a large one.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from playwright.sync_api import Page, expect

from benchmarks.console import SPACE, Row, median, until
from benchmarks.watching import WAIT, Seen, p95
from tests.support.server import Server

KEYS = 120
"""Key presses that are measured."""
STEPS = 60
"""Tasks whose ends are watched."""
BEAT = f"""id: beat
namespace: {SPACE}
tasks:
""" + "".join(
    f"  - {{id: step_{n:03}, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.25S}}\n" for n in range(STEPS)
)
# From each key press to the frame that shows what it wrote, in ms.
ECHO = """() => {
  window.benchEcho = [];
  let pressed = 0;
  addEventListener('keydown', (event) => { pressed = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (!pressed) return;
    const began = pressed;
    pressed = 0;
    window.benchEcho.push(performance.now() - began);
  }).observe(document.querySelector('.view-lines'), { childList: true, subtree: true, characterData: true });
}"""
# The instant at which each task's row was first there as done.
DONE = """() => {
  window.benchDone = {};
  const look = () => document.querySelectorAll('[data-testid=gantt-row][data-state=SUCCESS] .nm').forEach((name) => {
    window.benchDone[name.textContent] ??= Date.now();
  });
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  look();
}"""
CHARTS = "section[data-testid^=chart-]"
ALL_DRAWN = f"""() => {{
  const cards = [...document.querySelectorAll('{CHARTS}')];
  return cards.length === 10 && cards.every((card) => card.querySelector('.dgk, .dgt, .dgw_, .main-svg'));
}}"""


def long_flow(lines: int) -> str:
    """A flow of about so many lines."""
    tasks = (
        f"  - id: step_{n:04}\n    type: io.kestra.plugin.core.debug.Return\n    description: Part {n} of many\n"
        f'    format: "{{{{ flow.id }}}} {n}"\n    timeout: PT1M\n'
        for n in range((lines - 3) // 5)
    )
    return f"id: long_{lines}\nnamespace: {SPACE}\ntasks:\n" + "".join(tasks)


def wide_flow(tasks: int) -> str:
    """A flow of so many tasks in groups of ten beside each other, one group after the other."""
    one = "{{id: t{n}, type: io.kestra.plugin.core.debug.Return, format: x}}"
    groups = "".join(
        f"  - id: g{g}\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
        + "".join(f"      - {one.format(n=g * 9 + n)}\n" for n in range(9))
        for g in range(tasks // 10)
    )
    return f"id: graph_{tasks}\nnamespace: {SPACE}\ntasks:\n{groups}"


def ten_charts() -> dict[str, Any]:
    """A dashboard of all kinds of charts over the last 30 days."""
    executions, chart = "io.kestra.plugin.core.dashboard.data.Executions", "io.kestra.plugin.core.dashboard.chart"
    logs = "io.kestra.plugin.core.dashboard.data.Logs"

    def figure(kind: str, column: str, field: str, data: str = executions, by: str = "STATE") -> dict[str, Any]:
        columns = {"x": {"field": field}, "by": {"field": by}, "n": {"displayName": "n", "agg": "COUNT"}}
        if kind == "Pie":
            del columns["x"]
        options = {"displayName": f"{kind} of {column}", "width": 6}
        options |= {"Pie": {"colorByColumn": "by"}, "Bar": {"column": "x"}}.get(kind) or {
            "column": "x",
            "colorByColumn": "by",
        }
        return {"type": f"{chart}.{kind}", "chartOptions": options, "data": {"type": data, "columns": columns}}

    def number(state: str) -> dict[str, Any]:
        where = [{"field": "STATE", "type": "EQUAL_TO", "value": state}]
        data = {"type": f"{executions}KPI", "columns": {"field": "ID", "agg": "COUNT"}, "where": where}
        options = {"displayName": state, "numberType": "FLAT", "width": 3}
        return {"type": f"{chart}.KPI", "chartOptions": options, "data": data}

    table = {"id": {"field": "ID"}, "flow": {"field": "FLOW_ID"}, "started": {"field": "START_DATE"}}
    charts = [
        *(number(state) for state in ("SUCCESS", "FAILED", "WARNING", "RUNNING")),
        figure("TimeSeries", "executions", "START_DATE"),
        figure("TimeSeries", "logs", "DATE", logs, "LEVEL"),
        figure("Bar", "namespaces", "NAMESPACE"),
        figure("Bar", "flows", "FLOW_ID"),
        figure("Pie", "states", "STATE"),
        {
            "type": f"{chart}.Table",
            "chartOptions": {"displayName": "Last ones", "width": 6},
            "data": {"type": executions, "columns": table, "orderBy": [{"column": "started", "order": "DESC"}]},
        },
    ]
    return {
        "id": "bench_ten_charts",
        "title": "Ten charts",
        "timeWindow": {"default": "P30D", "max": "P366D"},
        "charts": [{"id": f"chart{n}", **one} for n, one in enumerate(charts)],
    }


def editing(page: Page, server: Server) -> list[Row]:
    """Typing into a flow of 2,000 lines, and what the server says of a mistake."""
    server.save_flow(long_flow(2_000))
    page.goto(f"{server.url}/ui/main/flows/edit/{SPACE}/long_2000/edit")
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=WAIT)
    wrong = page.locator(".squiggly-error").first
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("description: ")
    page.wait_for_timeout(2000)
    page.evaluate(ECHO)
    for n in range(KEYS):
        page.keyboard.press("abcdefghij "[n % 11])
        page.wait_for_timeout(70)
    echoes = page.evaluate("() => window.benchEcho")
    assert len(echoes) >= KEYS * 0.9, f"only {len(echoes)} echoes"

    def told() -> float:
        page.keyboard.press("Control+End")
        page.keyboard.insert_text("\nnonsense: 1")
        began = time.perf_counter()
        wrong.wait_for(timeout=WAIT)
        took = (time.perf_counter() - began) * 1000
        for _ in range(len("nonsense: 1") + 1):
            page.keyboard.press("Backspace")
        expect(page.locator(".squiggly-error")).to_have_count(0, timeout=WAIT)
        return took

    how = f"{len(echoes)} presses, to the line in the document"
    return [
        Row("Key press in a flow of 2,000 lines, p95", p95(echoes), 16, "ms", how),
        Row("Diagnostics of that flow", median(told, 5), 700, "ms", "a wrong line to its mark, with typing's pause"),
    ]


def topologies(page: Page, server: Server) -> list[Row]:
    """Graphs of many tasks: from the press on the tab to the boxes."""
    rows = []
    for tasks, budget in ((300, 500), (1000, 1000)):
        server.save_flow(wide_flow(tasks))

        def once(tasks: int = tasks) -> float:
            page.goto(f"{server.url}/ui/main/flows/edit/{SPACE}/graph_{tasks}/overview")
            page.get_by_test_id("hydrated").wait_for(state="attached", timeout=WAIT)
            page.wait_for_timeout(800)
            box = page.locator(".react-flow__node .ndn").first
            return until(page, lambda: page.get_by_test_id("tab-topology").click(), box)

        once()
        rows.append(Row(f"Topology of {tasks:,} tasks", median(once, 5), budget, "ms", "press on its tab to its boxes"))
    return rows


def dashboard(page: Page, server: Server) -> list[Row]:
    """Ten charts at once, on a screen that shows them all."""
    source, place = ten_charts(), "/api/v1/main/dashboards"
    server.call("DELETE", f"{place}/{source['id']}")
    made = server.call("POST", place, body=json.dumps(source), content_type="application/x-yaml")
    assert made.status == 200, made.json
    page.set_viewport_size({"width": 1440, "height": 2600})
    seen = Seen(page, hydrated="[data-testid=hydrated]")

    def once() -> float:
        seen.open(f"{server.url}/ui/main/dashboards/{source['id']}")
        page.wait_for_function(ALL_DRAWN, timeout=WAIT)
        return page.evaluate("() => performance.now()")

    try:
        once()
        return [Row("Dashboard: all of ten charts", median(once, 3), 5000, "ms", "last 30 days, files in the cache")]
    finally:
        server.call("DELETE", f"{place}/{source['id']}")


def events(page: Page, server: Server) -> list[Row]:
    """From the end of a task, by the engine's clock, to its row in the Gantt."""
    server.save_flow(BEAT)
    identity = server.execute(SPACE, "beat")["id"]
    page.goto(f"{server.url}/ui/main/executions/{SPACE}/beat/{identity}/gantt")
    page.get_by_test_id("gantt-row").first.wait_for(timeout=WAIT)
    began = time.time() * 1000 + 500  # what ended before the page was there does not count
    page.evaluate(DONE)
    done = server.finished(identity, seconds=120)
    page.wait_for_timeout(1000)
    seen = page.evaluate("() => window.benchDone")
    waits = []
    for run in done["taskRunList"]:
        ended = datetime.fromisoformat(run["state"]["endDate"]).timestamp() * 1000
        if ended >= began and run["taskId"] in seen:
            waits.append(seen[run["taskId"]] - ended)
    assert len(waits) >= STEPS / 3, f"only {len(waits)} ends were seen"
    how = f"{len(waits)} ends of tasks, the engine's clock to the row"
    return [Row("Event to the screen, p95", p95(waits), 500, "ms", how)]
