"""The concurrency limit of one flow: what holds a place, what waits for one and since when (console: UI-FP-42)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.states import State
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant

SHOWN = 100
"""Executions listed of each kind; the counts are of all."""


async def of_flow(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> dict[str, Any]:
    """Limit and behaviour as the newest revision says them, the executions that hold a place, and the queue.

    Without a limit `limit` and `behavior` are absent; executions of an older revision may still hold places.

    Raises:
        NotFound: there is no such flow.
    """
    row = await flows.head(backend, caller, namespace, flow_id)
    parsed = await flows.parsed(backend, row)
    limit = getattr(parsed, "concurrency", None)
    scope = f"{caller.tenant}/{namespace}/{flow_id}"

    def work(reader: Any) -> tuple[int, list[Any], int, list[Any]]:
        columns = "e.id, e.state, e.created, e.started"
        holders = reader.all(
            f"select {columns} from slot s join execution e on e.seq = s.execution_seq where s.scope = :scope "
            f"order by e.created, e.seq limit {SHOWN}",
            scope=scope,
        )
        waiting = reader.all(
            f"select {columns}, w.queued from waiting w join execution e on e.seq = w.execution_seq "
            f"where w.scope = :scope order by w.seq limit {SHOWN}",
            scope=scope,
        )
        count = "select count(*) from {} where scope = :scope"
        running = reader.value(count.format("slot"), scope=scope)
        return running, holders, reader.value(count.format("waiting"), scope=scope), waiting

    running, holders, queued, waiting = await backend.read(work)
    return compact(
        {
            "namespace": namespace,
            "flowId": flow_id,
            "limit": limit.limit if limit else None,
            "behavior": limit.behavior if limit else None,
            "running": running,
            "queued": queued,
            "holders": [
                compact(
                    {
                        "id": one["id"],
                        "state": State(one["state"]).name,
                        "created": instant(one["created"]),
                        "started": instant(one["started"]) if one["started"] else None,
                    }
                )
                for one in holders
            ],
            "waiting": [
                {"id": one["id"], "position": place, "since": instant(one["queued"])}
                for place, one in enumerate(waiting, 1)
            ],
        }
    )
