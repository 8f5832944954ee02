"""Triggers whose source is a file that a test writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from flowdeck.sdk import Expr, PollingTrigger, RealtimeTrigger, RunContext, TaskError, field


class Content(PollingTrigger, type="test.Content"):
    """Start an execution when a file has content; `fail…` fails, `slow` takes a while, `file` makes a file."""

    path: Expr[str] = field(doc="The file.")

    async def evaluate(self, ctx: RunContext) -> dict[str, Any] | None:
        """Look once, and note that."""
        path = Path(await ctx.render(self.path))
        with path.with_suffix(".looks").open("a") as looks:
            looks.write(f"{time.time()}\n")
        ctx.log.info(f"looking at {path.name}")
        text = path.read_text().strip() if path.exists() else ""
        if text.startswith("fail"):
            raise TaskError(f"the file says {text}")
        if text == "slow":
            await asyncio.sleep(30)
        if text == "file":
            return {"uri": ctx.storage.put("found.txt", b"content")}
        return {"text": text} if text else None


class Blocking(PollingTrigger, type="test.Blocking", process=True):
    """As `Content`, in a thread."""

    path: Expr[str] = field(doc="The file.")

    def evaluate(self, ctx: RunContext) -> dict[str, Any] | None:
        """Look once."""
        text = Path(ctx.render_sync(self.path)).read_text().strip()
        return {"text": text} if text else None


def _keep(path: Path, place: int) -> None:
    """Store how far a file is read; whole or not at all, for the process may be killed at any time."""
    new = path.with_suffix(".new")
    new.write_text(str(place))
    new.rename(path.with_suffix(".stored"))


class Lines(RealtimeTrigger, type="test.Lines"):
    """Start an execution for each line of a file; how far it came stands in a file beside it."""

    path: Expr[str] = field(doc="The file.")

    async def listen(self, ctx: RunContext) -> AsyncIterator[dict[str, Any]]:
        """Follow the file from where the last stored line ends."""
        path = Path(await ctx.render(self.path))
        mark = path.with_suffix(".stored")
        with path.with_suffix(".listeners").open("a") as listeners:
            listeners.write(f"{time.time()}\n")
        ctx.log.info("listening")
        place = int(mark.read_text()) if mark.exists() else 0
        while True:
            with path.open("rb") as file:
                file.seek(place)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    place += len(line)
                    text = line.decode().strip()
                    if text == "fail":
                        _keep(path, place)
                        raise TaskError("the line says fail")
                    yield {"line": text, "place": place, "path": str(path)}
            await asyncio.sleep(0.02)

    async def stored(self, event: Any) -> None:
        """The line's execution is stored."""
        _keep(Path(event["path"]), event["place"])


class Many(RealtimeTrigger, type="test.Many"):
    """So many events of a size, once, as fast as they are taken (benchmark B4)."""

    count: int = field(doc="How many.")
    size: int = field(default=1600, doc="Bytes of each.")
    path: str = field(doc="File that appears when the events shall begin.")

    async def listen(self, ctx: RunContext) -> AsyncIterator[dict[str, Any]]:
        """Wait for the file, send, rest."""
        while not Path(self.path).exists():
            await asyncio.sleep(0.01)
        text = "x" * self.size
        for number in range(self.count):
            yield {"number": number, "sent": time.time(), "text": text}
            if number % 50 == 49:
                await asyncio.sleep(0)
        await asyncio.Event().wait()
