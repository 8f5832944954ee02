"""Every screen opens clean: no message, no policy violation, one heading, no sideways scroll, no lasting skeleton.

`make test` takes one pass (dark at 1440, light at 390); `make test-all` both themes at 1440, 800 and 390.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import EVERYTHING, visit
from tests.support.server import Server, eventually

SPACE = "screens.data"
FLOW = f"""id: everything
namespace: {SPACE}
description: Has **one** of everything that a screen shows.
labels: {{team: screens, tier: gold}}
inputs:
  - {{id: day, type: DATE, defaults: "2026-11-20"}}
  - {{id: regions, type: MULTISELECT, values: [emea, apac], defaults: [emea, apac]}}
tasks:
  - id: open
    type: io.kestra.plugin.core.log.Log
    message: a rather long line of {{{{ inputs.day }}}} that must not push the page aside, {"wide " * 40}
  - id: per_region
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{{{ inputs.regions }}}}"
    tasks:
      - {{id: count, type: io.kestra.plugin.core.debug.Return, format: "{{{{ taskrun.value }}}}"}}
  - id: table
    type: io.kestra.plugin.core.storage.Write
    content: "region,orders"
    extension: .csv
outputs:
  - {{id: table, type: FILE, value: "{{{{ outputs.table.uri }}}}"}}
triggers:
  - {{id: nightly, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 2 * * *"}}
"""
FAILING = f"""id: failing
namespace: {SPACE}
tasks:
  - {{id: stop, type: io.kestra.plugin.core.execution.Fail, errorMessage: "{"out of stock " * 12}"}}
"""
PAUSING = f"""id: pausing
namespace: {SPACE}
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Pause}}
"""


@dataclass(frozen=True)
class Stock:
    """Executions of the seeded flows."""

    good: str
    failed: str
    paused: str


@pytest.fixture(scope="module")
def stock(server: Server) -> Stock:
    """Flows with two revisions, executions in three states, a pair and a file."""
    server.save_flow(FLOW.replace("gold", "silver"))
    server.save_flow(FLOW)
    server.save_flow(FAILING)
    server.save_flow(PAUSING)
    good, failed, paused = (server.execute(SPACE, flow)["id"] for flow in ("everything", "failing", "pausing"))
    server.finished(good)
    server.finished(failed)
    eventually(lambda: server.execution(paused)["state"]["current"] == "PAUSED", what="the pause")
    server.call("PUT", f"/api/v1/main/namespaces/{SPACE}/kv/limit", body="42", content_type="text/plain")
    boundary, path = "b0", "/queries/count.sql"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="fileContent"; filename="count.sql"\r\n\r\nselect 1'
    answer = server.call(
        "POST",
        f"/api/v1/main/namespaces/{SPACE}/files?path={path}",
        body=f"{part}\r\n--{boundary}--\r\n",
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    assert answer.status < 300, answer.text
    return Stock(good, failed, paused)


def screens(stock: Stock) -> list[str]:
    """Places of every screen."""
    flow = f"/flows/edit/{SPACE}/everything"
    runs = f"/executions/{SPACE}"
    return [
        "/dashboards",
        "/flows",
        "/flows?q=nothinghasthisname",
        f"/flows/new?namespace={SPACE}",
        *(f"{flow}/{tab}" for tab in ("overview", "topology", "executions", "edit", "revisions", "triggers", "logs")),
        "/executions",
        "/waiting",
        "/executions?filters[flowId][EQUALS]=nothinghasthisname",
        *(
            f"{runs}/everything/{stock.good}/{tab}"
            for tab in ("overview", "gantt", "logs", "topology", "outputs", "metrics")
        ),
        f"{runs}/failing/{stock.failed}/overview",
        f"{runs}/pausing/{stock.paused}/gantt",
        "/logs",
        "/namespaces",
        *(f"/namespaces/edit/{SPACE}/{tab}" for tab in ("overview", "files", "kv")),
        *(f"/namespaces/edit/{SPACE}/{tab}" for tab in ("executions", "dependencies", "secrets", "variables")),
        *(f"/namespaces/edit/{SPACE}/{tab}" for tab in ("plugin-defaults", "edit")),
        f"/namespaces/edit/{SPACE}/files?file=/queries/count.sql",
        "/kv",
        "/secrets",
        "/blueprints",
        "/blueprints/flow/community/python-script",
        "/plugins",
        "/plugins/io.kestra.plugin.core.log.Log",
        "/dashboards/new?blueprintId=dashboard-executions",
        "/admin/triggers",
        "/admin/triggers?view=week",
        "/admin/concurrency-limits",
        "/admin/stats",
        "/admin/instance",
        "/docs/howto/make-a-dashboard",
        "/welcome",
        "/settings",
        "/login",
    ]


PASSES = (
    [(theme, width) for theme in ("dark", "light") for width in (1440, 800, 390)]
    if EVERYTHING
    else [("light", 390)]  # the accessibility rules are looked at with 1440
)


CUT = """() => {
  const found = [];
  for (const one of document.querySelectorAll("h1")) if (one.scrollWidth > one.clientWidth + 1) found.push(`cuts its heading ${one.innerText}`);
  for (const one of document.querySelectorAll("[data-tabs] .on, .tb .find")) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.left < 0 || box.right > innerWidth)) found.push(`hides ${one.innerText} beside the window`);
    if (one.matches(".find") && box.width && one.scrollHeight > one.clientHeight + 1) found.push("breaks the words of its search");
  }
  return found;
}"""
"""What is never cut, hidden or broken: the name of the page (these have short ones), the open tab, the search."""


@pytest.mark.parametrize(("theme", "width"), PASSES)
def test_every_screen_opens_clean(theme: str, width: int, server: Server, stock: Stock, open_page) -> None:
    page = open_page("/settings", theme=theme, width=width, height=844 if width < 500 else 900)
    wrong: list[str] = []
    for place in screens(stock):
        visit(page, server, place)
        expect(page.locator(".sk:visible")).to_have_count(0, timeout=15_000)
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        headings = page.locator("h1:visible").count()
        if wider > 0:
            wrong.append(f"{place} is {wider} px wider than {width}")
        if headings != 1:
            wrong.append(f"{place} has {headings} headings")
        wrong += [f"{place} {fault}" for fault in page.evaluate(CUT)]
        if page.get_by_test_id("problem").count():
            wrong.append(f"{place} says: {page.get_by_test_id('problem').first.inner_text()[:200]}")
    assert not wrong, "\n".join(wrong)


def test_an_address_that_leads_nowhere_says_so(open_page) -> None:
    page = open_page("/nowhere/at/all", allowed=("404",))
    assert page.locator("h1").count() == 1
    page.get_by_role("link", name="Go to the start").click()
    page.wait_for_url(lambda url: "/nowhere" not in url)
