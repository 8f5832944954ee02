"""Flows of a folder, saved when a server starts (flag `--flow-path`)."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdeck.cli.includes import expand, flow_files, text_of

if TYPE_CHECKING:
    from flowdeck.config import Settings

log = logging.getLogger("flowdeck.flows")

PATIENCE = 60.0
"""Seconds until the engine has to be there."""


def save_later(settings: Settings, folder: Path) -> threading.Thread:
    """Save the flows in a thread, as soon as the engine answers; what is refused is logged with its file."""

    def work() -> None:
        try:
            asyncio.run(save(settings, folder))
        except Exception:  # a server without these flows is still a server
            log.exception("the flows of %s could not be saved", folder)

    thread = threading.Thread(target=work, name="flow-path", daemon=True)
    thread.start()
    return thread


async def save(settings: Settings, folder: Path) -> int:
    """Save every flow of a folder; a source that is stored already makes no revision. How many were new or changed."""
    from flowdeck.model.errors import DomainError

    client: Any
    if settings.clustered:
        from flowdeck.engine.cluster import ClusterClient
        from flowdeck.store.driver import open_database

        client = ClusterClient(open_database(settings.database_url))
    else:
        from flowdeck.engine.bus import CoreClient

        client = CoreClient(settings.home.socket("core"))
    changed = 0
    files = flow_files(folder)
    try:
        for file in files:
            try:
                source = expand(text_of(file), file.parent)
                args = {"tenant": "main", "source": source}
                saved = await client.send("flow.save", args, principal="cli", timeout=PATIENCE)
                changed += bool(saved["changed"])
            except (ValueError, DomainError) as error:
                log.warning("%s: %s", file, error)
    finally:
        await client.close()
    log.info("%d of %d flows of %s were new or changed", changed, len(files), folder)
    return changed
