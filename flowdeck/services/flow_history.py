"""The revisions of a flow as a list: who, when, why, how much, and what ran from each (UI-FP-20 to UI-FP-22)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.errors import IllegalState
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries import revisions as queries

LISTED = 500
"""Revisions in a list, the newest ones."""


def line_counts(before: str, after: str) -> tuple[int, int]:
    """How many lines came and went between two sources, by their texts: cheap and good enough for a list."""
    old, new = before.splitlines(), after.splitlines()
    known, now = set(old), set(new)
    return sum(1 for one in new if one not in known), sum(1 for one in old if one not in now)


def lines_of(rows: list[Any], runs: dict[int, tuple[int, int, int]]) -> list[dict[str, Any]]:
    """The rows of revisions, newest first, as the list tells them; the oldest has no counts of lines."""
    found = []
    for row, older in zip(rows, [*rows[1:], None], strict=True):
        total, ended, good = runs.get(row["revision"], (0, 0, 0))
        counts = line_counts(older["source"], row["source"]) if older is not None else None
        found.append(
            compact(
                {
                    "revision": row["revision"],
                    "updated": instant(row["created"]),
                    "author": row["author"],
                    "message": row["message"],
                    "deleted": bool(row["deleted"]) or None,
                    "exception": row["exception"],
                    "added": counts[0] if counts else None,
                    "removed": counts[1] if counts else None,
                    "executions": total,
                    "successRatio": good / ended if ended else None,
                }
            )
        )
    return found


async def history(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> dict[str, Any]:
    """`{revision, results}`, the newest `LISTED` revisions first, those of a deleted flow too. `NotFound`.

    Executions are counted among the flow's newest `queries.COUNTED_RUNS`; `successRatio` is that of ended ones.
    """
    head = await flows.head(backend, caller, namespace, flow_id, deleted=True)

    def work(reader: Any) -> list[dict[str, Any]]:
        rows = queries.heads(reader, head["flow_key"], LISTED + 1)
        return lines_of(rows, queries.runs(reader, caller.tenant, namespace, flow_id))[:LISTED]

    found = await backend.read(work)
    return {"revision": head["revision"], "results": found}


async def restore(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> dict[str, Any]:
    """Bring a deleted flow back: its last source as a new revision (UI-DG-05). `NotFound`, `IllegalState`."""
    head = await flows.head(backend, caller, namespace, flow_id, deleted=True)
    if not head["deleted"]:
        raise IllegalState(f"flow '{namespace}.{flow_id}' is not deleted")
    return await flows.save(backend, caller, str(head["source"]), expect="create", message="Restored")
