"""The instance's maintenance (spec: enterprise and operations F46): a flag that all components read."""

from __future__ import annotations

from typing import Any

from flowdeck.model.liveness import MAINTENANCE
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller


async def set_maintenance(backend: Backend, caller: Caller, *, on: bool) -> dict[str, Any]:
    """Begin or end it; components follow within a look at each other (`kestra.server.liveness.interval`)."""
    await backend.send(caller, "settings.put", key=MAINTENANCE, value=True if on else None)
    return {"inMaintenance": on}


async def in_maintenance(backend: Backend) -> bool:
    """Whether it is on."""

    def work(reader: Any) -> Any:
        return reader.value("select value from setting where key = ?", MAINTENANCE)

    return await backend.read(work) == "true"
