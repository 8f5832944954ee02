"""Many consoles and long ones: 200 open tabs on one server, and the memory of a tab that follows a run for a long time.

    python -m benchmarks.consoles [--consoles 200] [--minutes 20] [--no-write]

Budgets of ui.md §18.5: the API's p95 rises by less than 20 % with the consoles open, and the page's heap by less than
50 MB over the soak, at 24 times the usual rate of events (stands for eight hours). The consoles replay what a real
tab sent when it opened the list of executions, each with a token of its own, and refresh every ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from playwright.sync_api import BrowserContext, Page, WebSocket
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import SHELL
from tests.support.browser import chromium, context
from tests.support.server import Server, running_server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance-consoles.md"
SPACE = "bench.consoles"
REFRESH_SECONDS = 10.0
SPAN_SECONDS = 2 * REFRESH_SECONDS
"""Each measure of the API lasts as long: consoles that opened together refresh together, and rest in between."""
EVERY_SECONDS = 0.01
RISE = 0.20
"""Of the API's p95 with the consoles open."""
SLOPE = 50.0
"""MB that the heap of a page may grow over the soak."""
LINES_A_SECOND = 24
LIST = "/api/v1/main/executions/search?size=25&sort=state.startDate:desc"
QUICK = f"""id: quick
namespace: {SPACE}
tasks:
  - {{id: hello, type: io.kestra.plugin.core.log.Log, message: hello}}
"""


def talker(seconds: int) -> str:
    """Source of a flow that prints many lines a second and ends a task of a loop every second."""
    count, pause = seconds * LINES_A_SECOND, 1 / LINES_A_SECOND
    print_lines = f'for i in $(seq {count}); do echo "line $i: nothing happened here"; sleep {pause:.3f}; done'
    return (
        f"id: talker\nnamespace: {SPACE}\ntasks:\n  - id: both\n    type: io.kestra.plugin.core.flow.Parallel\n"
        f"    tasks:\n      - {{id: talk, {SHELL}, commands: ['{print_lines}']}}\n"
        "      - id: each\n        type: io.kestra.plugin.core.flow.ForEach\n"
        f'        values: "{{{{ range(1, {seconds}) }}}}"\n        concurrencyLimit: 1\n        tasks:\n'
        "          - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT1S}\n"
    )


# ── the page that is followed ─────────────────────────────────────────────────────────────────────


def opened(server: Server, page: Page, place: str) -> None:
    """Go to a place and wait until it can be used."""
    page.goto(f"{server.url}/ui/main{place}")
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=60_000)


def log_in(server: Server, made: BrowserContext) -> None:
    """Give a browser's profile a session."""
    account = {"username": server.username, "password": server.password, "remember": True}
    answer = made.request.post(f"{server.url}/login", data=account, headers={"Origin": server.url})
    assert answer.ok, answer.text()


def heap_mb(page: Page) -> float:
    """Return the page's heap after a collection, in MB."""
    devtools = page.context.new_cdp_session(page)
    try:
        devtools.send("HeapProfiler.collectGarbage")
        found = devtools.send("Runtime.getHeapUsage")
        return float(found["usedSize"]) / 1e6
    finally:
        devtools.detach()


@dataclass
class Soak:
    """Minutes since the begin and the heap in MB, of the page of a running execution."""

    points: list[tuple[float, float]] = field(default_factory=list)
    nodes: int = 0

    def growth(self) -> float:
        """Return the MB that the line through the points rises from the first to the last one."""
        if len(self.points) < 2:
            return 0.0
        slope, _ = statistics.linear_regression([at for at, _ in self.points], [mb for _, mb in self.points])
        return slope * (self.points[-1][0] - self.points[0][0])


def soak(server: Server, minutes: float) -> Soak:
    """Follow the logs of a run; the first minute is not counted: the page fills its windows."""
    server.save_flow(talker(int(minutes * 60) + 90))
    identity = server.execute(SPACE, "talker")["id"]
    found = Soak()
    with chromium() as browser:
        made = context(browser, theme="light")
        log_in(server, made)
        page = made.new_page()
        opened(server, page, f"/executions/{SPACE}/talker/{identity}/logs")
        page.wait_for_selector("[data-testid=log-line]", timeout=60_000)
        begin = time.monotonic()
        every = max(10.0, minutes * 60 / 40)
        while time.monotonic() - begin < minutes * 60:
            page.wait_for_timeout(every * 1000)
            at = (time.monotonic() - begin) / 60
            if at >= min(1.0, minutes / 5):
                found.points.append((at, heap_mb(page)))
                print(f"{at:5.1f} min  {found.points[-1][1]:.1f} MB", file=sys.stderr, flush=True)
        found.nodes = page.evaluate("document.getElementsByTagName('*').length")
        made.close()
    server.call("DELETE", f"/api/v1/main/executions/{identity}/kill")
    return found


# ── many of them ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class Recording:
    """What one real tab sent over its socket, and with which token and cookie."""

    url: str = ""
    frames: list[str] = field(default_factory=list)
    cookie: str = ""

    @property
    def token(self) -> str:
        """The tab's token."""
        found = re.search(r"token=([0-9a-f-]{36})", self.url)
        return found.group(1) if found else ""


def record(server: Server) -> Recording:
    """Open the list of executions once and keep what the tab sent."""
    made = Recording()

    with chromium() as browser:
        profile = context(browser, theme="light")
        log_in(server, profile)
        page = profile.new_page()

        def socket(opened_socket: WebSocket) -> None:
            if "/_event" in opened_socket.url and not made.url:
                made.url = opened_socket.url
                opened_socket.on("framesent", lambda frame: made.frames.append(str(frame)))

        page.on("websocket", socket)
        opened(server, page, "/executions")
        page.wait_for_timeout(2000)
        made.cookie = "; ".join(f"{one.get('name')}={one.get('value')}" for one in profile.cookies())
        profile.close()
    assert made.token and made.frames, "the tab opened no socket"
    return made


@dataclass
class Console:
    """One replayed tab."""

    recording: Recording
    origin: str
    answers: int = 0

    async def live(self, ready: asyncio.Semaphore) -> None:
        """Open the socket, send what the tab sent, answer pings, refresh every ten seconds."""
        token = str(uuid.uuid4())
        url = self.recording.url.replace(self.recording.token, token)
        headers = {"Cookie": self.recording.cookie, "Origin": self.origin}
        async with ready:
            socket = await connect(url, additional_headers=headers, max_size=None, ping_interval=None)
            events = await self._open(socket, token)
        refresh = asyncio.create_task(self._refresh(socket, events[-1:]))
        try:
            await self._read(socket)
        finally:
            refresh.cancel()
            await socket.close()

    async def _open(self, socket: ClientConnection, token: str) -> list[str]:
        frames = [one.replace(self.recording.token, token) for one in self.recording.frames if one not in ("2", "3")]
        await socket.recv()  # the server's own opening
        for frame in frames:
            await socket.send(frame)
            await asyncio.sleep(0.02)
        return [one for one in frames if one.startswith("42")]

    async def _refresh(self, socket: ClientConnection, frames: list[str]) -> None:
        while frames:
            await asyncio.sleep(REFRESH_SECONDS)
            await socket.send(frames[0])

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            if message == "2":
                await socket.send("3")
            else:
                self.answers += 1


def p95(server: Server) -> float:
    """Return the p95 of a list call over whole rounds of refreshes, in ms."""
    took: list[float] = []
    end = time.perf_counter() + SPAN_SECONDS
    while (began := time.perf_counter()) < end:
        assert server.call("GET", LIST).status == 200
        spent = time.perf_counter() - began
        took.append(spent * 1000)
        time.sleep(max(0.0, EVERY_SECONDS - spent))
    return statistics.quantiles(took, n=20)[-1]


@dataclass
class Many:
    """p95 of the API in ms without and with the consoles, their number, memory of the web process in MB."""

    before: float
    after: float
    consoles: int
    answered: int
    memory: float

    @property
    def rise(self) -> float:
        """Part by which the p95 rose."""
        return self.after / self.before - 1


async def _crowd(server: Server, recording: Recording, size: int) -> tuple[float, int]:
    ready = asyncio.Semaphore(10)
    consoles = [Console(recording, server.url) for _ in range(size)]
    tasks = [asyncio.create_task(one.live(ready)) for one in consoles]
    for _ in range(240):
        if all(one.answers for one in consoles):
            break
        await asyncio.sleep(0.5)
    after = await asyncio.to_thread(p95, server)
    answered = sum(one.answers > 0 for one in consoles)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return after, answered


def many(server: Server, size: int) -> Many:
    """Measure the API beside many consoles."""
    server.save_flow(QUICK)
    for _ in range(50):
        server.execute(SPACE, "quick")
    recording = record(server)
    p95(server)  # warm
    before = p95(server)
    after, answered = asyncio.run(_crowd(server, recording, size))
    memory = psutil.Process(server.pids("web")[0]).memory_info().rss / 1e6
    return Many(before, after, size, answered, memory)


def report(crowd: Many, kept: Soak | None, minutes: float) -> str:
    """Return both measures as Markdown."""
    rise = f"{crowd.rise:+.0%}" if crowd.rise < RISE else f"**{crowd.rise:+.0%}, missed**"
    open_ones = f"{crowd.answered} of {crowd.consoles} consoles"
    lines = [
        "| measure | value | budget |",
        "|---|---:|---:|",
        f"| API p95 alone, `executions/search` | {crowd.before:.1f} ms | |",
        f"| the same with {open_ones} open | {crowd.after:.1f} ms, {rise} | < +20 % |",
        f"| memory of the web process with them | {crowd.memory:.0f} MB | |",
    ]
    if kept is not None and kept.points:
        growth = kept.growth()
        told = f"{growth:+.1f} MB" if growth < SLOPE else f"**{growth:+.1f} MB, missed**"
        first, last = kept.points[0][1], kept.points[-1][1]
        lines += [
            f"| heap of a followed page over {minutes:g} min, {LINES_A_SECOND} lines/s | {told} | < 50 MB |",
            f"| the same, first and last | {first:.1f} and {last:.1f} MB | |",
            f"| elements in the page at the end | {kept.nodes:,} | |",
        ]
    return "\n".join(lines)


def main() -> int:
    """Command line; the status is 1 when a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--consoles", type=int, default=200)
    options.add_argument("--minutes", type=float, default=20.0, help="length of the soak; 0 leaves it out")
    options.add_argument("--no-write", action="store_true")
    chosen = options.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as home, running_server(Path(home)) as server:
        crowd = many(server, chosen.consoles)
        print(json.dumps(crowd.__dict__), file=sys.stderr, flush=True)
        kept = soak(server, chosen.minutes) if chosen.minutes else None
    text = report(crowd, kept, chosen.minutes)
    print(text)
    if not chosen.no_write:
        PAGE.write_text(
            f"# Many consoles and long ones\n\n`python -m benchmarks.consoles`, {datetime.now(UTC):%Y-%m-%d}, "
            f"{os.cpu_count()} processors, load at the start {load:.1f}; browser, consoles and server on one machine."
            f"\n\n{text}\n"
        )
    return 1 if crowd.rise >= RISE or (kept is not None and kept.growth() >= SLOPE) else 0


if __name__ == "__main__":
    sys.exit(main())
