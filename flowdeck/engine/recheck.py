"""Stored flows against other plugins: what no longer parses is kept as invalid (spec: workflow components §1.2).

Done once after each change of the installed types, in a thread, while the process already works.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from flowdeck import __version__
from flowdeck.model.catalog import Catalog
from flowdeck.model.source import parse_flow
from flowdeck.store.driver import Database
from flowdeck.store.queries import namespaces

log = logging.getLogger("flowdeck.core")

BATCH = 50
SETTING = "engine.plugins"

RunCommand = Callable[[str, dict[str, Any]], Awaitable[Any]]


def fingerprint(catalog: Catalog) -> str:
    """A name for what is installed: other versions and other properties of types have another one."""
    text = json.dumps([spec.to_json() for spec in catalog.types()], sort_keys=True, default=str)
    return hashlib.sha256(f"{__version__} {text}".encode()).hexdigest()[:16]


class Recheck:
    """Looks at the newest revision of every flow.

    Args:
        run: carries a command out in the core loop.
        defaults: plugin defaults of the instance.
    """

    def __init__(
        self, database: Database, catalog: Catalog, run: RunCommand, defaults: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._run = run
        self._defaults = defaults

    async def run(self) -> int:
        """Mark the flows that became invalid, or valid again; how many. With the same plugins nothing is done."""
        wanted = await asyncio.to_thread(fingerprint, self._catalog)
        if await asyncio.to_thread(self._stored) == wanted:
            return 0
        changed = after = 0
        while True:
            found, last = await asyncio.to_thread(self._batch, after)
            for mark in found:
                changed += bool(await self._run("flow.mark", mark))
            if last is None:
                break
            after = last
        await self._run("settings.put", {"key": SETTING, "value": json.dumps(wanted)})
        if changed:
            log.warning("%d stored flows became invalid, or valid again, with the plugins installed now", changed)
        return changed

    def _stored(self) -> str | None:
        with self._database.reader() as reader:
            text = reader.value("select value from setting where key = :key", key=SETTING)
        return json.loads(text) if text else None

    def _batch(self, after: int) -> tuple[list[dict[str, Any]], int | None]:
        """Marks to set for the flows behind a key, and the last key; None at the end."""
        with self._database.reader() as reader:
            rows = reader.all(
                "select f.flow_key, f.tenant, f.namespace, f.revision, r.source, r.exception from flow f"
                " join flow_revision r on r.flow_key = f.flow_key and r.revision = f.revision"
                " where f.flow_key > :after and not f.deleted order by f.flow_key limit :limit",
                after=after,
                limit=BATCH,
            )
            marks = []
            for row in rows:
                near = namespaces.defaults_of(namespaces.chain(reader, row["tenant"], row["namespace"]), self._defaults)
                parsed = parse_flow(row["source"], self._catalog, strict=False, defaults=near)
                reason = None
                if parsed.flow is None:
                    reason = "; ".join(f"{f.path}: {f.message}" if f.path else f.message for f in parsed.errors[:5])
                if reason != row["exception"]:
                    marks.append({"flow_key": row["flow_key"], "revision": row["revision"], "exception": reason})
        return marks, rows[-1]["flow_key"] if len(rows) == BATCH else None
