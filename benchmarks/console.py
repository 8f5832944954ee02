"""The console's budgets in Chromium (`make bench-ui`): what a reader waits for, against ui.md §18.5.

A real server, a real browser, one machine; times from the press or the address to what can be used on the screen.
Prints a Markdown table and writes it between the markers of `docs/reference/performance.md`.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import chromium, context
from tests.support.server import Server, running_server

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "reference" / "performance.md"
BEGIN, END = "<!-- console:begin -->", "<!-- console:end -->"
SPACE = "bench.console"
WAIT = 60_000

WIDE = f"""id: wide
namespace: {SPACE}
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{{{ range(1, 1000) }}}}"
    concurrencyLimit: 0
    tasks:
      - {{id: answer, type: io.kestra.plugin.core.debug.Return, format: "{{{{ taskrun.value }}}}"}}
"""
CHATTY = f"""id: chatty
namespace: {SPACE}
tasks:
  - id: talk
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands:
      - 'seq -f "line %.0f: nothing happened here" 100000'
"""
QUICK = f"""id: quick
namespace: {SPACE}
tasks:
  - {{id: hello, type: io.kestra.plugin.core.log.Log, message: hello}}
"""
LIVE = f"""id: live
namespace: {SPACE}
tasks:
  - id: talk
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands:
      - 'for i in $(seq 120); do echo "sent=$(date +%s%3N)"; sleep 0.1; done'
"""
# Milliseconds from the start of the navigation to the frame after something appeared, by the page's own clock.
FIRST = """() => {
  const wanted = { row: '[data-testid=gantt-row]', line: '[data-testid=log-line]', hydrated: '[data-testid=hydrated]' };
  window.benchFirst = {};
  const look = () => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (name in window.benchFirst || !document.querySelector(selector)) continue;
      window.benchFirst[name] = null;
      requestAnimationFrame(() => setTimeout(() => { window.benchFirst[name] = performance.now(); }));
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}"""
# Remembers when each line that carries its time of birth reached the screen.
OBSERVER = """() => {
  const seen = new Map();
  const look = () => document.querySelectorAll('[data-testid=log-line]').forEach((line) => {
    const found = /sent=(\\d{13})/.exec(line.textContent);
    if (found && !seen.has(found[1])) seen.set(found[1], Date.now() - Number(found[1]));
  });
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
  window.benchSeen = seen;
}"""


@dataclass(frozen=True)
class Row:
    """One line of the table; `unit` stands behind both numbers."""

    what: str
    value: float
    budget: float
    unit: str
    how: str

    def line(self) -> str:
        """As Markdown."""
        kept = "yes" if self.value <= self.budget else "**no**"
        return f"| {self.what} | {self.value:,.0f} {self.unit} | {self.budget:,.0f} {self.unit} | {kept} | {self.how} |"


def logged_in(browser: Browser, server: Server) -> Page:
    """A page of a fresh profile with a session."""
    made = context(browser)
    answer = made.request.post(
        f"{server.url}/login",
        data={"username": server.username, "password": server.password, "remember": True},
        headers={"Origin": server.url},
    )
    assert answer.ok, answer.text()
    page = made.new_page()
    page.add_init_script(f"({FIRST})()")
    return page


def median(measure: Callable[[], float], times: int) -> float:
    """Middle of `times` measurements in milliseconds."""
    return statistics.median(measure() for _ in range(times))


def until(page: Page, go: Callable[[], Any], *there: Any) -> float:
    """Milliseconds from an action until every locator of `there` is on the screen."""
    began = time.perf_counter()
    go()
    for one in there:
        one.wait_for(state="visible", timeout=WAIT)
    return (time.perf_counter() - began) * 1000


def opened(page: Page, url: str, *names: str) -> float:
    """Milliseconds from the navigation to the last of the things that `FIRST` watches for."""
    page.goto("about:blank")
    page.goto(url, wait_until="commit")
    began = time.monotonic()
    while True:
        seen = page.evaluate("() => window.benchFirst || {}")
        if all(seen.get(name) for name in names):
            return max(seen[name] for name in names)
        assert time.monotonic() - began < WAIT / 1000, f"never on the screen: {names}"
        page.wait_for_timeout(100)


def gantt(page: Page, server: Server, identity: str) -> list[Row]:
    """A thousand task runs: from the address to rows that can be pressed, and unfolding them all."""
    url = f"{server.url}/ui/main/executions/{SPACE}/wide/{identity}/gantt"
    row = page.get_by_test_id("gantt-row")
    unfold = row.first.get_by_role("button", name="Unfold")

    def once() -> float:
        return opened(page, url, "row", "hydrated")

    def unfolded() -> float:
        once()
        unfold.wait_for(timeout=WAIT)
        return until(page, unfold.click, row.nth(10))

    once()
    how = "from the address, files in the cache"
    return [
        Row("Gantt of 1,000 task runs usable", median(once, 5), 1000, "ms", how),
        Row("Gantt of 1,000 task runs: unfold a loop", median(unfolded, 5), 1000, "ms", "press to rows"),
    ]


def logs(page: Page, server: Server, identity: str) -> list[Row]:
    """A hundred thousand lines: first screen, jump to the end, search."""
    url = f"{server.url}/ui/main/executions/{SPACE}/chatty/{identity}/logs"

    def first() -> float:
        return opened(page, url, "line", "hydrated")

    first()
    rows = [
        Row("100,000 log lines: first screen", median(first, 5), 1000, "ms", "from the address, files in the cache")
    ]
    return [*rows, *within_log(page, 100_000, ("77777", "88888", "55555", "66666", "44444"))]


def within_log(page: Page, count: int, texts: Sequence[str]) -> list[Row]:
    """On the log's page of an execution whose lines are `line 1: …` to `line {count}: …`: the jump to the end, and
    searches for `texts`, each of which stands in one line."""
    line, host = page.get_by_test_id("log-line"), page.get_by_test_id("log-list")
    field, hits = page.get_by_test_id("log-search"), page.get_by_test_id("log-hits")
    wanted = iter(texts)

    def end() -> float:
        host.focus()
        page.keyboard.press("Home")
        line.filter(has_text=re.compile("line 1: ")).first.wait_for(timeout=WAIT)
        return until(page, lambda: page.keyboard.press("End"), line.filter(has_text=f"line {count}:"))

    def search() -> float:
        field.fill("")
        text = next(wanted)
        began = time.perf_counter()
        field.fill(text)
        expect(hits).to_have_text(re.compile(r"^(1 of )?1$"), timeout=WAIT)
        return (time.perf_counter() - began) * 1000

    page.get_by_test_id("log-view-time").click()
    line.filter(has_text="line 1:").first.wait_for(timeout=WAIT)
    return [
        Row(f"{count:,} log lines: jump to the end", median(end, 5), 1000, "ms", "key *End* to the last line"),
        Row(f"{count:,} log lines: search", median(search, len(texts)), 1000, "ms", "one hit, counted to the end"),
    ]


def lists(page: Page, server: Server) -> list[Row]:
    """From one list to another by the menu, everything loaded before."""
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_selector("[data-testid=flows-table] tbody tr[data-id]", timeout=WAIT)
    rows = []
    for word, place, table, other in (
        ("executions", "executions", "executions-table", "flows"),
        ("flows", "flows", "flows-table", "kv"),
    ):
        row = page.get_by_test_id(table).locator("tbody tr[data-id]").first

        def once(place: str = place, other: str = other, row: Any = row) -> float:
            page.locator(f".sb a[href='/ui/main/{other}']").click()
            page.wait_for_url(f"**/{other}**")
            page.wait_for_timeout(400)
            return until(page, lambda: page.locator(f".sb a[href='/ui/main/{place}']").click(), row)

        once()
        rows.append(
            Row(f"List of {word} usable, warm", median(once, 7), 300, "ms", "press in the menu to the first row")
        )
    return rows


def scripts(browser: Browser, server: Server) -> Row:
    """Compressed bytes of scripts until a list is usable, empty cache."""
    page = logged_in(browser, server)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session.on("Network.responseReceived", lambda e: kinds.__setitem__(e["requestId"], e["type"]))
    session.on("Network.loadingFinished", lambda e: sizes.__setitem__(e["requestId"], e["encodedDataLength"]))
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_selector("[data-testid=flows-table] tbody tr[data-id]", timeout=WAIT)
    total = sum(size for key, size in sizes.items() if kinds.get(key) == "Script")
    page.context.close()
    return Row("Scripts until a list is usable", total / 1000, 450, "kB", "compressed, empty cache")


def line_to_screen(page: Page, server: Server) -> Row:
    """Milliseconds from the script's own clock to the line in the document, while following."""
    identity = server.execute(SPACE, "live")["id"]
    page.goto(f"{server.url}/ui/main/executions/{SPACE}/live/{identity}/logs")
    page.get_by_test_id("log-line").first.wait_for(timeout=WAIT)
    began = str(int(time.time() * 1000) + 500)  # lines from before the page was there don't count
    page.evaluate(OBSERVER)
    server.finished(identity, seconds=60)
    page.wait_for_timeout(300)
    seen = page.evaluate("() => [...window.benchSeen]")
    waits = [wait for sent, wait in seen if sent >= began]
    assert len(waits) >= 40, f"only {len(waits)} lines were seen"
    return Row(
        "Log line to the screen, p50",
        statistics.median(waits),
        100,
        "ms",
        f"{len(waits)} lines of a script, 10 a second",
    )


def measure(server: Server, browser: Browser) -> list[Row]:
    """All rows of the table."""
    for source in (WIDE, CHATTY, QUICK, LIVE):
        server.save_flow(source)
    wide = server.execute(SPACE, "wide")["id"]
    chatty = server.execute(SPACE, "chatty")["id"]
    for identity in (wide, chatty):
        assert server.finished(identity, seconds=120)["state"]["current"] == "SUCCESS"
    for _ in range(60):
        server.execute(SPACE, "quick")
    page = logged_in(browser, server)
    rows = [*gantt(page, server, wide), *logs(page, server, chatty), *lists(page, server)]
    rows += [scripts(browser, server), line_to_screen(page, server)]
    return rows


def table(rows: list[Row]) -> str:
    """The section as Markdown."""
    head = ["| what | measured | budget | kept | how |", "|---|---:|---:|---|---|"]
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    note = (
        f"Chromium without a screen and the server on one machine with {cores} cores, load {load:.1f} at the end; "
        "`make bench-ui` renews the table."
    )
    return "\n".join([*head, *(row.line() for row in rows), "", note])


def write(text: str) -> None:
    """Put the section between the markers; the file and the markers are made when they are missing."""
    page = REPORT.read_text() if REPORT.is_file() else "# Performance\n"
    if BEGIN not in page:
        page = page.rstrip() + f"\n\n## Console\n\n{BEGIN}\n{END}\n"
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> int:
    """Measure, print, write; 1 when a budget is not kept."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--no-write", action="store_true", help="only print")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as home, running_server(Path(home)) as server, chromium() as browser:
        rows = measure(server, browser)
    text = table(rows)
    print(text)
    if not chosen.no_write:
        write(text)
    return 0 if all(row.value <= row.budget for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
