"""Triggers and backfills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Page, Resource, query_of, text_of


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A trigger with its state."""

    key: str = ""
    namespace: str = ""
    flow: str = ""
    id: str = ""
    type: str = ""
    cron: str = ""
    execution: str = ""
    worker: str = ""
    date: str = ""
    updated: str = ""
    next: str = ""
    locked: str = ""
    disabled: bool = False
    source_disabled: bool = False
    missing_source: bool = False
    backfill_start: str = ""
    backfill_end: str = ""
    backfill_current: str = ""
    backfill_paused: bool = False
    backfill_labels: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> TriggerRow:
        """Read one element: a trigger context alone, or `{triggerContext, abstractTrigger}`."""
        context = body.get("triggerContext") or body
        declared = body.get("abstractTrigger") or {}
        backfill = context.get("backfill") or {}
        namespace, flow, identity = (text_of(context.get(k)) for k in ("namespace", "flowId", "triggerId"))
        return cls(
            key=f"{namespace}/{flow}/{identity}",
            namespace=namespace,
            flow=flow,
            id=identity,
            type=text_of(declared.get("type")),
            cron=text_of(declared.get("cron")),
            execution=text_of(context.get("executionId")),
            worker=text_of(context.get("workerId")),
            date=text_of(context.get("date")),
            updated=text_of(context.get("updatedDate")),
            next=text_of(context.get("nextExecutionDate")),
            locked=text_of(context.get("evaluateRunningDate")),
            disabled=bool(context.get("disabled")),
            source_disabled=bool(declared.get("disabled")),
            missing_source="triggerContext" in body and not declared,
            backfill_start=text_of(backfill.get("start")),
            backfill_end=text_of(backfill.get("end")),
            backfill_current=text_of(backfill.get("currentDate")),
            backfill_paused=bool(backfill.get("paused")),
            backfill_labels=[
                {"key": text_of(one.get("key")), "value": text_of(one.get("value"))}
                for one in backfill.get("labels") or []
                if isinstance(one, dict)
            ],
        )


class TriggersApi(Resource):
    """`{T}/triggers`."""

    async def search(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[TriggerRow]:
        """One page of triggers of the tenant."""
        params = query_of(page=page, size=size, sort=sort, query=query, filters=filters)
        return await self._page(TriggerRow.of, params, "triggers", "search")

    async def of_flow(self, namespace: str, flow: str, *, page: int = 1, size: int = 50) -> Page[TriggerRow]:
        """The triggers of one flow."""
        return await self._page(TriggerRow.of, query_of(page=page, size=size), "triggers", namespace, flow)

    async def update(self, trigger: Mapping[str, Any]) -> dict[str, Any]:
        """Switch on or off (`disabled`), or create a `backfill` (`{start, end?, inputs?, labels?}`)."""
        return await self._c.put(self._c.below("triggers"), dict(trigger))

    async def unlock(self, namespace: str, flow: str, trigger: str) -> None:
        """Forget a lock that a dead evaluation left."""
        await self._c.post(self._c.below("triggers", namespace, flow, trigger, "unlock"))

    async def restart(self, namespace: str, flow: str, trigger: str) -> None:
        """Start a realtime trigger again."""
        await self._c.post(self._c.below("triggers", namespace, flow, trigger, "restart"))

    async def evaluate(self, namespace: str, flow: str, trigger: str) -> None:
        """Evaluate a polling trigger at once."""
        await self._c.post(self._c.below("console", "flows", namespace, flow, "triggers", trigger, "evaluate"))

    async def try_out(self, namespace: str, flow: str, trigger: str) -> dict[str, Any]:
        """What a polling trigger finds now and would start; nothing is started."""
        place = self._c.below("console", "flows", namespace, flow, "triggers", trigger, "try")
        return await self._c.post(place, timeout=75)

    async def delete(self, namespace: str, flow: str, trigger: str) -> None:
        """Forget a trigger's state; the scheduler makes it anew."""
        await self._c.delete(self._c.below("triggers", namespace, flow, trigger))

    async def backfill(self, action: str, trigger: Mapping[str, Any]) -> dict[str, Any]:
        """`pause`, `unpause` or `delete` the backfill of a trigger."""
        path = self._c.below("triggers", "backfill", action)
        return await (self._c.post(path, dict(trigger)) if action == "delete" else self._c.put(path, dict(trigger)))

    async def count_backfill(
        self, namespace: str, flow: str, trigger: str, *, start: str, end: str = "", only_missing: bool = False
    ) -> dict[str, Any]:
        """How many executions a backfill would create (own endpoints §9)."""
        body: dict[str, Any] = {"start": start, "onlyMissing": only_missing}
        if end:
            body["end"] = end
        path = self._c.below("console", "flows", namespace, flow, "triggers", trigger, "backfill", "count")
        return await self._c.post(path, body)

    async def set_disabled(self, triggers: Sequence[Mapping[str, Any]], disabled: bool) -> int:
        """Switch many on or off; the number done."""
        body = {"triggers": [dict(one) for one in triggers], "disabled": disabled}
        answer = await self._c.post(self._c.below("triggers", "set-disabled", "by-triggers"), body)
        return int((answer or {}).get("count") or 0) if isinstance(answer, dict) else len(triggers)

    def csv(self, *, filters: Sequence[Mapping[str, str]] = ()) -> AsyncIterator[bytes]:
        """The triggers that match as CSV, piece by piece."""
        return self._c.bytes_of(self._c.below("triggers", "export", "by-query", "csv"), query_of(filters=filters))

    async def bulk(
        self,
        action: str,
        *,
        triggers: Sequence[Mapping[str, Any]] | None = None,
        filters: Sequence[Mapping[str, str]] = (),
        query: str = "",
    ) -> int:
        """Act on many; the number of those that changed.

        Args:
            action: `enable`, `disable`, `unlock`, `delete`; `pause`, `unpause`, `drop` of backfills.
            triggers: `{namespace, flowId, triggerId}`; None means all that match `filters` and `query`.
        """
        path = {
            "enable": ("set-disabled",),
            "disable": ("set-disabled",),
            "unlock": ("unlock",),
            "delete": ("delete",),
            "pause": ("backfill", "pause"),
            "unpause": ("backfill", "unpause"),
            "drop": ("backfill", "delete"),
        }[action]
        send = self._c.delete if action == "delete" else self._c.post
        turn = {"disabled": action == "disable"} if path == ("set-disabled",) else {}
        if triggers is None:
            pairs = query_of(query=query, filters=filters) + [(k, str(v).lower()) for k, v in turn.items()]
            answer = await send(self._c.below("triggers", *path, "by-query"), {} if action == "delete" else None, pairs)
        else:
            chosen = [dict(one) for one in triggers]
            body: Any = {"triggers": chosen, **turn} if turn else chosen
            answer = await send(self._c.below("triggers", *path, "by-triggers"), body)
        return int((answer or {}).get("count") or 0)
