"""Actions on many executions at once (spec: REST contract §6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from flowdeck.model.errors import BulkRefused, DomainError, IllegalArgument
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import matching, state_named, sweep
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.where import Filter

REQUIRES: dict[str, tuple[Any, str]] = {
    "delete": (lambda s: s >= State.SUCCESS, "execution not found"),
    "kill": (lambda s: s < State.SUCCESS, "execution already finished"),
    "pause": (lambda s: s == State.RUNNING, "execution not in state RUNNING"),
    "resume": (lambda s: s == State.PAUSED, "execution not in state PAUSED"),
    "restart": (lambda s: s == State.FAILED, "execution not in state FAILED"),
    "replay": (lambda s: True, ""),
    "force-run": (lambda s: s < State.SUCCESS, "execution in a terminated state"),
    "unqueue": (lambda s: s == State.QUEUED, "execution not in state QUEUED"),
    "change-status": (lambda s: s >= State.SUCCESS, "execution not in a terminated state"),
    "labels": (lambda s: s >= State.SUCCESS, "execution is not terminated"),
}
"""Bulk verb → which states it takes, and what is said of the others (spec §6)."""


AT_ONCE = 64
"""Executions that a bulk action changes at a time."""
MOST_TOLD = 1000
"""Failures that one answer names."""


async def usable(
    backend: Backend, caller: Caller, verb: str, ids: Sequence[Any], *, any_state: bool = False
) -> list[Any]:
    """Rows of all ids, or `BulkRefused` naming every unusable one."""
    wanted = list(dict.fromkeys(str(i) for i in ids))
    rows = await backend.read(queries.by_ids, caller.tenant, wanted)
    allowed, wrong = REQUIRES[verb]
    invalids = []
    for one in wanted:
        row = rows.get(one)
        if row is None:
            invalids.append({"message": "execution not found", "invalidValue": one})
        elif not any_state and not allowed(row["state"]):
            invalids.append({"message": wrong, "invalidValue": one})
    if invalids:
        raise BulkRefused(f"invalid bulk {verb}", invalids=invalids)
    return [rows[one] for one in wanted]


async def usable_matches(
    backend: Backend, caller: Caller, verb: str, filters: Sequence[Filter], *, any_state: bool = False
) -> list[Any]:
    """Rows of all matches whose state the verb takes."""
    allowed, _ = REQUIRES[verb]
    return [r for r in await matching(backend, caller, filters) if any_state or allowed(r["state"])]


async def bulk(backend: Backend, caller: Caller, verb: str, rows: Sequence[Any], **args: Any) -> dict[str, Any]:
    """Carry a verb out on each row: `{count}`, and `failures` with id and reason of those that refused meanwhile."""
    name = verb.replace("-", "_")
    command = {"labels": "set_labels"}.get(name, name)
    if verb == "change-status" and not state_named(args["state"]).terminal:
        raise IllegalArgument("You can only change the status of an execution to a terminal state.")

    failures: list[dict[str, str]] = []

    async def one(row: Any) -> int:
        own = dict(args)
        if verb == "kill":
            own["cascade"] = False
        if verb == "replay" and own.pop("latest", False):
            head = await backend.read(
                lambda r, row=row: r.value("select revision from flow where flow_key = :k", k=row["flow_key"])
            )
            own["revision"] = head
        else:
            own.pop("latest", None)
        try:
            await backend.send(caller, f"execution.{command}", id=row["id"], **own)
        except DomainError as error:
            if error.status >= 500:
                raise
            failures.append({"id": row["id"], "message": ": ".join(filter(None, (error.reason, error.message)))})
            return 0
        if verb == "delete":
            await sweep(backend, row, logs=args.get("logs", True), storage=args.get("storage", True))
        return 1

    count = 0
    for start in range(0, len(rows), AT_ONCE):  # commands that arrive together are committed together
        count += sum(await asyncio.gather(*map(one, rows[start : start + AT_ONCE])))
    return {"count": count, **({"failures": failures[:MOST_TOLD]} if failures else {})}
