"""Everything one execution left behind as one ZIP: document, inputs, outputs and log lines (UI-XP-01)."""

from __future__ import annotations

import json
import tempfile
import zipfile
from typing import IO, Any

from flowdeck.services import executions, logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller

IN_MEMORY = 8 * 1024 * 1024
"""Bytes of a bundle that are held in memory; larger ones are written to a temporary file."""
TEXTS = ("inputs", "outputs", "variables", "labels", "trigger")


async def bundle(backend: Backend, caller: Caller, execution_id: str) -> IO[bytes]:
    """A ZIP, read from its begin; the caller closes it. `NotFound`. Secrets are masked as in every answer."""
    document = await executions.get(backend, caller, execution_id)
    row = await executions.row_of(backend, caller, execution_id)

    def work() -> IO[bytes]:
        made: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("execution.json", _text(document))
            for name in TEXTS:
                if document.get(name):
                    archive.writestr(f"{name}.json", _text(document[name]))
            tasks = {one["id"]: one.get("outputs") for one in document.get("taskRunList") or [] if one.get("outputs")}
            if tasks:
                archive.writestr("task-outputs.json", _text(tasks))
            with archive.open("logs.txt", "w", force_zip64=True) as file:
                for line in logs.by_time(logs.stream(backend, row["seq"], {})):
                    task = f" [{line['task_id']}]" if line["task_id"] else ""
                    text = f"{logs.instant(line['at'])} {logs.LEVELS[line['level']]}{task} {line['text']}\n"
                    file.write(text.encode())
        made.seek(0)
        return made

    return await backend.thread(work)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
