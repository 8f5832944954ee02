"""Triggers and their backfills (spec: REST contract §11; workflow components §15.3, §15.6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from flowdeck.model.errors import DomainError, IllegalArgument, NotFound
from flowdeck.services import documents
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import check_labels, dated, masked
from flowdeck.services.pieces import PIECE, pieces
from flowdeck.services.wire import compact, parse_instant
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries import triggers as queries
from flowdeck.store.queries.where import Filter, Page


class BackfillRefused(DomainError):
    """A backfill that can't be made, or is not there."""

    status, reason = 400, "Bad Request"


def definition(row: Any) -> dict[str, Any]:
    """The trigger as the flow declares it."""
    declared = json.loads(row["definition"]) if row["definition"] else {}
    return {**declared, "id": row["trigger_id"], "type": declared.get("type", row["type"])}


async def search(backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page) -> tuple[list[Any], int]:
    """Definition and state of each."""
    rows, total = await backend.read(
        queries.search, caller.tenant, dated(filters, backend.now()), page, backend.config.system_namespace
    )
    return [{"abstractTrigger": definition(r), "triggerContext": documents.trigger_state(r)} for r in rows], total


async def of_flow(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, text: str, page: Page
) -> tuple[list[Any], int]:
    """States of a flow's triggers."""
    filters = [Filter("namespace", "EQUALS", namespace), Filter("flowId", "EQUALS", flow_id)]
    if text:
        filters.append(Filter("q", "EQUALS", text))
    rows, total = await backend.read(queries.search, caller.tenant, filters, page, backend.config.system_namespace)
    return [documents.trigger_state(r) for r in rows], total


async def matching(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> list[Any]:
    """Rows of all matches."""
    return await backend.read(
        queries.matching, caller.tenant, dated(filters, backend.now()), backend.config.system_namespace
    )


def following(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> AsyncIterator[list[Any]]:
    """Rows of all matches, however many, by namespace, flow and id, a piece at a time."""
    chosen, system = dated(filters, backend.now()), backend.config.system_namespace

    def read(after: tuple[str, str, str] | None) -> Any:
        return backend.read(queries.following, caller.tenant, chosen, system, after, limit=PIECE)

    return pieces(read, lambda row: (row["namespace"], row["flow_id"], row["trigger_id"]))


def key_of(sent: Any) -> tuple[str, str, str]:
    """Namespace, flow and trigger of a body. `IllegalArgument`."""
    if not isinstance(sent, Mapping) or not all(sent.get(k) for k in ("namespace", "flowId", "triggerId")):
        raise IllegalArgument("namespace, flowId and triggerId are needed")
    return str(sent["namespace"]), str(sent["flowId"]), str(sent["triggerId"])


async def row_of(backend: Backend, caller: Caller, namespace: str, flow_id: str, trigger_id: str) -> Any:
    """The row of a trigger. `NotFound` names what is missing."""
    row = await backend.read(queries.get, caller.tenant, namespace, flow_id, trigger_id)
    if row is None:
        flow = await backend.read(flow_queries.head, caller.tenant, namespace, flow_id)
        if flow is None or flow["deleted"]:
            raise NotFound(f"Flow of trigger {trigger_id} not found")
        raise NotFound(f"Flow {flow_id} has no trigger {trigger_id}")
    return row


async def named(backend: Backend, caller: Caller, sent: Sequence[Any]) -> list[Any]:
    """Rows of trigger objects; unknown ones are left out."""
    found = []
    for one in sent:
        row = await backend.read(queries.get, caller.tenant, *key_of(one))
        if row is not None:
            found.append(row)
    return found


def _key(row: Any) -> dict[str, str]:
    return {"namespace": row["namespace"], "flow_id": row["flow_id"], "trigger_id": row["trigger_id"]}


async def act(backend: Backend, caller: Caller, row: Any, name: str, **args: Any) -> dict[str, Any]:
    """Send a trigger command; the answer is the state afterwards."""
    await backend.send(caller, f"trigger.{name}", **_key(row), **args)
    after = await backend.read(queries.get, caller.tenant, row["namespace"], row["flow_id"], row["trigger_id"])
    return documents.trigger_state(after if after is not None else row)


TRIAL_SECONDS = 60.0
"""How long the answer of a dry run is waited for."""


async def try_out(backend: Backend, caller: Caller, namespace: str, flow_id: str, trigger_id: str) -> dict[str, Any]:
    """What a polling trigger finds now and would start; nothing is started (ui.md UI-FP-31).

    Returns:
        `{found, conditions, conditionsError?, variables?, starts?: {inputs, labels, warnings, error?}, error?, lines:
        [{at, level, text}], tookMs}`; `variables` are what `trigger` would be, encrypted values shown as stars.
    """
    answer = await backend.send(
        caller,
        "trigger.try",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        timeout=TRIAL_SECONDS,
    )
    variables = answer.pop("value", None)
    return masked(compact({**answer, "variables": variables}))


async def put(backend: Backend, caller: Caller, sent: Any) -> dict[str, Any]:
    """`PUT triggers`: with `backfill` creates it, without sets `disabled`."""
    row = await row_of(backend, caller, *key_of(sent))
    if row["kind"] == "realtime":
        raise IllegalArgument(
            "Realtime triggers can not be disabled through the API, please edit the trigger from the flow."
        )
    backfill = sent.get("backfill")
    if isinstance(backfill, Mapping):
        if row["kind"] != "schedule":
            raise BackfillRefused("only schedules have backfills")
        if not backfill.get("start"):
            raise BackfillRefused("backfill.start must not be null")
        start = parse_instant(str(backfill["start"]), "backfill.start")
        end = parse_instant(str(backfill["end"]), "backfill.end") if backfill.get("end") else backend.now()
        if end < start:
            raise BackfillRefused("backfill.end must not be before backfill.start")
        inputs = backfill.get("inputs")
        if inputs is not None and not isinstance(inputs, Mapping):
            raise IllegalArgument("backfill.inputs: a map of input ids to values is expected")
        labels = documents.label_list(backfill.get("labels"))
        check_labels(labels)
        return await act(backend, caller, row, "backfill_create", start=start, end=end, inputs=inputs, labels=labels)
    return await act(backend, caller, row, "set_disabled", disabled=bool(sent.get("disabled")))


async def backfill_action(backend: Backend, caller: Caller, sent: Any, name: str) -> dict[str, Any]:
    """`backfill_pause`, `backfill_continue` or `backfill_delete`; `BackfillRefused` without one."""
    row = await row_of(backend, caller, *key_of(sent))
    if not row["backfill"]:
        raise BackfillRefused("No backfill found")
    return await act(backend, caller, row, name)


def applies(row: Any, name: str) -> bool:
    """Whether a bulk action has something to do with a trigger."""
    if name.startswith("backfill"):
        return bool(row["backfill"])
    if name == "unlock":
        return row["execution_id"] is not None or row["evaluating_since"] is not None
    return not (name == "set_disabled" and row["kind"] == "realtime")


async def bulk(backend: Backend, caller: Caller, rows: Sequence[Any], name: str, **args: Any) -> int:
    """Carry an action out on those it applies to; how many."""
    count = 0
    for row in rows:
        if applies(row, name):
            await backend.send(caller, f"trigger.{name}", **_key(row), **args)
            count += 1
    return count
