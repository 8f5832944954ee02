"""What this instance is made of, and the bundle for whoever helps with it: never a secret (console: UI-AD-09)."""

from __future__ import annotations

import io
import json
import platform
import socket
import zipfile
from typing import Any

from flowdeck.model.errors import DomainError
from flowdeck.services import administration
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.maintenance import in_maintenance
from flowdeck.services.origin import origin
from flowdeck.services.wire import compact, instant

README = """What flowdeck tells of this instance for support. No secret, no source of a flow, no log of a task is in it.

about.json          version, commit, machine, database, storage
configuration.json  keys that were set, with their source; secrets are stars
services.json       components with their states, events and numbers, and how far the queues are behind
statistics.json     how much there is and what ran, by state
"""


async def about(backend: Backend, caller: Caller) -> dict[str, Any]:
    """Version, commit, machine, database, storage and secrets of the instance, and its configuration without secrets.

    `{version, commit?, edition, python, system, host, zone, database: {type, version}, storage, secrets, maintenance,
    started?, configuration: [{name, value, source}]}`.
    """

    def work(reader: Any) -> tuple[str, Any]:
        asked = "select version()" if reader.dialect == "postgresql" else "select sqlite_version()"
        return str(reader.value(asked)), reader.value("select min(started) from service where state = 'RUNNING'")

    version, started = await backend.read(work)
    storage = type(backend.storage).__name__.removesuffix("Storage").lower() if backend.storage else "none"
    return compact(
        {
            "version": backend.config.version,
            "commit": (await backend.thread(origin)).commit or None,
            "edition": "OSS",
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "host": socket.gethostname(),
            "zone": backend.config.zone,
            "database": {"type": backend.database.dialect, "version": version.split(" on ")[0]},
            "storage": storage,
            "secrets": "database, SECRET_* variables" if backend.cipher else "SECRET_* variables",
            "maintenance": await in_maintenance(backend),
            "started": instant(started) if started else None,
            "configuration": [
                {"name": name, "value": value, "source": source} for name, value, source in backend.config.configuration
            ],
        }
    )


async def bundle(backend: Backend, caller: Caller) -> bytes:
    """A ZIP of what is known of the instance, without anything secret."""
    parts: dict[str, Any] = {}
    known = await about(backend, caller)
    parts["configuration.json"] = known.pop("configuration", [])
    parts["about.json"] = known
    for name, ask in (("services", administration.services), ("statistics", administration.statistics)):
        try:
            parts[f"{name}.json"] = await ask(backend, caller)
        except DomainError as error:
            parts[f"{name}.json"] = {"error": str(error)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, value in sorted(parts.items()):
            archive.writestr(name, json.dumps(value, indent=2, ensure_ascii=False, default=str))
    return packed.getvalue()
