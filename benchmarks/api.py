"""The API over loopback on an instance of a year's work: times, and ratios to the bare framework.

    python -m benchmarks.api FOLDER            a folder that `benchmarks.instance` made, or makes now
    python -m benchmarks.api FOLDER --only logs

One keep-alive connection, one request at a time; the first request of a kind is not counted. The bare framework is a
FastAPI application whose handler answers an empty JSON object, on uvicorn with the same settings, in the same run.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.instance import WORDS, build, namespace, running
from benchmarks.server import chain
from tests.support.server import Server, eventually, free_port

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance-api.md"
BARE = (
    "import sys, uvicorn\nfrom fastapi import FastAPI\napp = FastAPI()\n"
    "@app.get('/')\nasync def empty(): return {}\n"
    "uvicorn.run(app, port=int(sys.argv[1]), log_level='error', access_log=False, loop='asyncio', http='h11')\n"
)
SEARCH, LOGS, DOCUMENT, VALIDATE = 100.0, 100.0, 30.0, 60.0
"""Targets: p95 in ms."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request and its target."""

    name: str
    path: str
    target: float
    method: str = "GET"
    body: bytes | None = None
    kind: str = "application/json"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a case; times in ms."""

    case: Case
    p50: float
    p95: float
    size: int


def iso(ago: timedelta) -> str:
    """An instant as a query value."""
    return quote((datetime.now(UTC) - ago).isoformat(timespec="seconds"))


def cases(giants: dict[str, str]) -> list[Case]:
    """What people and screens ask for."""
    main, space = "/api/v1/main", namespace(7)
    found = f"{main}/executions/search?page=1&size=25&sort=state.startDate:desc"
    lines = f"{main}/logs/search?page=1&size=50"
    day = f"filters[startDate][GREATER_THAN]={iso(timedelta(days=1))}"
    month = f"filters[startDate][GREATER_THAN]={iso(timedelta(days=30))}"
    own = f"{main}/console/executions/{giants['lines_1000000']}/logs"
    return [
        Case("executions: all, newest first", found, SEARCH),
        Case("executions: last 30 days, no children, of users", f"{found}&{month}&filters[scope][EQUALS]=USER", SEARCH),
        Case("executions: FAILED", f"{found}&filters[state][IN]=FAILED", SEARCH),
        Case("executions: a namespace", f"{found}&filters[namespace][EQUALS]={space}", SEARCH),
        Case("executions: a namespace and below", f"{found}&filters[namespace][PREFIX]=company.team07", SEARCH),
        Case("executions: a label", f"{found}&filters[labels][EQUALS][customer]=customer77", SEARCH),
        Case("executions: a text", f"{found}&filters[q][EQUALS]=orders_0001", SEARCH),
        Case("executions: page 400", found.replace("page=1&", "page=400&"), SEARCH),
        Case("executions: longest first", found.replace("state.startDate", "state.duration"), SEARCH),
        Case("flows: 25 of 10,000", f"{main}/flows/search?page=1&size=25&sort=id:asc", SEARCH),
        Case("logs: newest", lines, LOGS),
        Case("logs: last day, WARN and above", f"{lines}&{day}&filters[level][EQUALS]=WARN", LOGS),
        Case("logs: last 30 days, ERROR", f"{lines}&{month}&filters[level][EQUALS]=ERROR", LOGS),
        Case("logs: a namespace, last 30 days", f"{lines}&{month}&filters[namespace][EQUALS]={space}", LOGS),
        Case("logs: a frequent word, last day", f"{lines}&{day}&filters[q][EQUALS]={WORDS[0]}", LOGS),
        Case("1 M lines: first 200", f"{own}?from=1&to=200", LOGS),
        Case("1 M lines: last 200", f"{own}?from=-200", LOGS),
        Case("1 M lines: 200 in the middle", f"{own}?from=500000&to=500199", LOGS),
        Case("execution document, 1,000 task runs", f"{main}/executions/{giants['loop_1000']}", DOCUMENT),
        Case(
            "validation of 200 tasks", f"{main}/flows/validate", VALIDATE, "POST", chain(200).encode(),
            "application/x-yaml",
        ),
    ]  # fmt: skip


class Link:
    """A keep-alive connection."""

    def __init__(self, port: int, login: str = "") -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}

    def once(self, case: Case) -> tuple[float, int]:
        """Milliseconds and bytes of one answer; AssertionError when it is none."""
        began = time.perf_counter()
        self._http.request(case.method, case.path, case.body, self._headers | {"Content-Type": case.kind})
        answer = self._http.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == 200, f"{case.name}: {answer.status} {body[:300]!r}"
        return took, len(body)

    def measure(self, case: Case, runs: int) -> Row:
        """Times of a case; few runs when it is slow."""
        self.once(case)
        times: list[float] = []
        size = 0
        began = time.perf_counter()
        while len(times) < runs and (len(times) < 5 or time.perf_counter() - began < 10):
            took, size = self.once(case)
            times.append(took)
        times.sort()
        return Row(case, statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.95))], size)


def bare(runs: int) -> Row:
    """The framework with an empty handler."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port)])
    case = Case("bare framework, empty handler", "/", 0)

    def there() -> bool:
        try:
            Link(port).once(case)
        except OSError:
            return False
        return True

    try:
        eventually(there, seconds=30, what="bare framework")
        return Link(port).measure(case, runs)
    finally:
        process.terminate()
        process.wait()


def table(rows: list[Row], empty: Row) -> str:
    """As Markdown."""
    head = ["| request | p50 | p95 | target p95 | × bare (p50) | answer |", "|---|---:|---:|---:|---:|---:|"]
    lines = [f"| {empty.case.name} | {empty.p50:.2f} ms | {empty.p95:.2f} ms |  | 1 | {empty.size} B |"]
    for row in rows:
        target = f"{row.case.target:.0f} ms" if row.p95 <= row.case.target else f"**{row.case.target:.0f} ms, missed**"
        times = f"{row.p50:.1f} ms | {row.p95:.1f} ms | {target} | {row.p50 / empty.p50:.0f}"
        lines.append(f"| {row.case.name} | {times} | {row.size / 1000:.1f} kB |")
    return "\n".join([*head, *lines])


def page(text: str, held: dict[str, Any], load: float) -> str:
    """The report."""
    return (
        "# How fast the API answers\n\n"
        f"`python -m benchmarks.api` over loopback, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, load at "
        f"the start {load:.1f}. SQLite, {held['flows']:,} flows, {held['executions']:,} executions of a year, "
        f"{held['lines']:,} log lines of the last 29 days and the giants of `benchmarks.instance`. One connection, one "
        "request after the other; the client runs on the same machine.\n\n" + text + "\n"
    )


def main() -> int:
    """Command line; the status is 1 when a target is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="of the instance")
    options.add_argument("--runs", type=int, default=60)
    options.add_argument("--only", default="", help="cases whose name begins so")
    options.add_argument("--flows", type=int, default=10_000)
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--lines", type=int, default=20_000_000)
    options.add_argument("--no-write", action="store_true")
    chosen = options.parse_args()
    load = os.getloadavg()[0]
    held = build(chosen.folder.resolve(), chosen.flows, chosen.executions, chosen.lines)
    empty = bare(chosen.runs)
    rows: list[Row] = []
    with running(Server(chosen.folder.resolve())) as server:
        link = Link(server.port, f"{server.username}:{server.password}")
        for case in cases(held["giants"]):
            if case.name.startswith(chosen.only):
                rows.append(link.measure(case, chosen.runs))
                print(f"{rows[-1].p50:9.1f} {rows[-1].p95:9.1f} ms  {case.name}", file=sys.stderr, flush=True)
    text = table(rows, empty)
    print(text)
    if not chosen.no_write and not chosen.only:
        PAGE.write_text(page(text, held, load))
    return 1 if any(row.p95 > row.case.target for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
