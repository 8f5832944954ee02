"""Executions: reading and steering them (spec: REST contract §6, §8; workflow components §18)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from flowdeck.model.errors import DomainError, IllegalArgument, InvalidFormat, NotFound
from flowdeck.model.labels import KEY_PATTERN, is_key
from flowdeck.model.masking import ENCRYPTED, shown
from flowdeck.model.states import State
from flowdeck.services import documents
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.hub import Hub
from flowdeck.services.pieces import PIECE, pieces
from flowdeck.services.wire import instant, parse_instant, parse_span
from flowdeck.storage.encryption import is_encrypted
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.where import Filter, Page

LISTED_TASK_RUNS = 200
"""Task runs of an execution within a list; a larger one carries none there."""
LISTED_HISTORY = 1000
"""Task runs up to which a row of a list without task runs shows its whole history."""
LOADED_OUTPUTS = 1024 * 1024
"""Bytes of one task run's outputs in storage that an answer holds; larger ones are told by URI and size."""
LOADED_TOTAL = 4 * 1024 * 1024
"""Bytes of all of them together."""
BULK = 50_000

WAIT_SECONDS = 3600.0


class BareMessage(DomainError):
    """An error whose body is a bare JSON string (labels on a live execution)."""

    status, reason = 400, ""


def dated(filters: Sequence[Filter], now: int) -> list[Filter]:
    """Filters with dates as ms and `timeRange` as a start date. `IllegalArgument` for both at once."""
    if any(f.field == "timeRange" for f in filters) and any(f.field == "startDate" for f in filters):
        raise IllegalArgument("startDate and timeRange can't be used together")
    out = []
    for one in filters:
        if one.field == "timeRange":
            out.append(Filter("startDate", "GREATER_THAN_OR_EQUAL_TO", now - parse_span(one.text(), "timeRange")))
        elif one.field in ("startDate", "endDate", "updated", "created", "expirationDate"):
            out.append(Filter(one.field, one.op, parse_instant(one.text(), one.field)))
        else:
            out.append(one)
    return out


def masked(value: Any) -> Any:
    """User data with encrypted values as stars."""
    if is_encrypted(value):
        return shown(value)
    if isinstance(value, dict):
        return {k: masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v) for v in value]
    return value


def masked_text(stored: str | None) -> str | None:
    """As `masked`, of JSON text as it is stored; most holds nothing encrypted and stays as it is."""
    if stored is None or ENCRYPTED not in stored:
        return stored
    return json.dumps(masked(json.loads(stored)), ensure_ascii=False, separators=(",", ":"))


def _mask(document: dict[str, Any]) -> dict[str, Any]:
    for key in ("inputs", "outputs", "variables"):
        if key in document:
            document[key] = masked(document[key])
    return document


def url(backend: Backend, row: Any) -> str:
    """Address of an execution's page."""
    base = (backend.config.url or "").rstrip("/")
    return f"{base}/ui/{row['tenant']}/executions/{row['namespace']}/{row['flow_id']}/{row['id']}"


def _build(reader: Any, rows: Sequence[Any], now: int, storage: Any, *, limit: int | None) -> list[dict[str, Any]]:
    with reader.snapshot():
        # Lists look at no more than a page of events; a large execution's history is short there.
        most = LISTED_HISTORY if limit == 0 and len(rows) > 1 else limit
        small = [r["seq"] for r in rows if not most or r["task_count"] <= most]
        past = queries.histories(reader, small, task_runs=limit != 0)
        runs = queries.task_runs(reader, small) if limit != 0 else {}
        tries = queries.attempts(reader, small) if limit != 0 else {}
    answers = []
    for row in rows:
        own = runs.get(row["seq"], [])
        ids = {r["seq"]: r["id"] for r in own}
        listed = []
        budget = LOADED_TOTAL
        for run in own:
            outputs = None
            if run["outputs_uri"] and limit is None:
                outputs = loaded(storage, run, min(budget, LOADED_OUTPUTS))
                budget -= run["outputs_size"] if run["outputs_size"] <= min(budget, LOADED_OUTPUTS) else 0
            document = documents.task_run(
                run,
                row,
                ids.get(run["parent_seq"]),
                past.get((row["seq"], run["seq"]), []),
                tries.get(run["seq"], ()),
                now,
                outputs,
            )
            document["outputs"] = masked(document["outputs"])
            listed.append(document)
        answers.append(_mask(documents.execution(row, past.get((row["seq"], 0), []), now, listed)))
    return answers


def loaded(storage: Any, run: Any, most: int) -> Any:
    """Stored outputs of a task run; of more than `most` bytes their place and size."""
    if run["outputs_size"] > most:
        return {"uri": run["outputs_uri"], "size": run["outputs_size"]}
    try:
        with storage.open_read(run["outputs_uri"]) as file:
            return json.loads(file.read())
    except (OSError, ValueError):
        return {"uri": run["outputs_uri"], "size": run["outputs_size"]}


async def row_of(backend: Backend, caller: Caller, execution_id: str) -> Any:
    """The row of an execution. `NotFound`."""
    row = await backend.read(queries.get, caller.tenant, execution_id)
    if row is None:
        raise NotFound(f"execution '{execution_id}'")
    return row


async def get(backend: Backend, caller: Caller, execution_id: str, *, task_runs: bool = True) -> dict[str, Any]:
    """`Execution`, with all its task runs if wanted. `NotFound`."""
    row = await row_of(backend, caller, execution_id)
    return (await backend.read(_build, [row], backend.now(), backend.storage, limit=None if task_runs else 0))[0]


async def listed(backend: Backend, rows: Sequence[Any], *, task_runs: bool = True) -> list[dict[str, Any]]:
    """`Execution` of each row of a list."""
    return await backend.read(_build, rows, backend.now(), backend.storage, limit=LISTED_TASK_RUNS if task_runs else 0)


async def search(
    backend: Backend,
    caller: Caller,
    filters: Sequence[Filter],
    page: Page,
    *,
    date_filter: str | None = None,
    task_runs: bool = True,
) -> tuple[list[dict[str, Any]], int]:
    """One page of executions."""
    now = backend.now()
    rows, total = await backend.read(
        queries.search,
        caller.tenant,
        dated(filters, now),
        page,
        backend.config.system_namespace,
        date_filter=date_filter,
        now=now,
    )
    return await listed(backend, rows, task_runs=task_runs), total


async def count(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> int:
    """How many match, however many there are."""
    now = backend.now()
    return await backend.read(
        queries.count, caller.tenant, dated(filters, now), backend.config.system_namespace, now=now
    )


async def matching(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> list[Any]:
    """Rows of all matches, at most `BULK`."""
    now = backend.now()
    return await backend.read(
        queries.matching, caller.tenant, dated(filters, now), backend.config.system_namespace, limit=BULK, now=now
    )


def following(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> AsyncIterator[list[Any]]:
    """Rows of all matches, however many, oldest first, a piece at a time."""
    now = backend.now()
    chosen, system = dated(filters, now), backend.config.system_namespace

    def read(after: tuple[int, int] | None) -> Any:
        return backend.read(queries.following, caller.tenant, chosen, system, after, limit=PIECE, now=now)

    return pieces(read, lambda row: (row["created"], row["seq"]))


async def latest(backend: Backend, caller: Caller, flows: Sequence[Any]) -> list[dict[str, Any]]:
    """The newest execution of each flow that ran."""
    pairs = [(str(f.get("namespace")), str(f.get("id"))) for f in flows if isinstance(f, Mapping)]

    def work(reader: Any) -> list[Any]:
        return [queries.latest(reader, caller.tenant, ns, flow_id) for ns, flow_id in pairs[:1000]]

    return [
        {
            "id": row["id"],
            "flowId": row["flow_id"],
            "namespace": row["namespace"],
            "startDate": instant(row["created"]),
            "status": State(row["state"]).name,
        }
        for row in await backend.read(work)
        if row is not None
    ]


async def wait_for_end(
    backend: Backend, hub: Hub, caller: Caller, execution_id: str, *, seconds: float = WAIT_SECONDS
) -> Any:
    """The row once the execution and all its task runs are terminal, or as it is after `seconds`."""
    deadline = time.monotonic() + seconds
    with hub.watch([execution_id]) as watch:
        while True:
            row = await row_of(backend, caller, execution_id)
            if row["state"] >= State.SUCCESS and row["open_count"] <= 0:
                return row
            left = deadline - time.monotonic()
            if left <= 0:
                return row
            # The feed wakes us; the slow look is a safety net for a lost connection.
            await watch.wait(min(left, 5.0))
            watch.take()


async def _act(backend: Backend, caller: Caller, execution_id: str, name: str, **args: Any) -> Any:
    await row_of(backend, caller, execution_id)
    return await backend.send(caller, f"execution.{name}", id=execution_id, **args)


async def kill(backend: Backend, caller: Caller, execution_id: str, *, cascade: bool) -> None:
    """Begin to kill. `IllegalState` for a finished one unless cascading."""
    await _act(backend, caller, execution_id, "kill", cascade=cascade)


async def pause(backend: Backend, caller: Caller, execution_id: str) -> None:
    """Pause a running one."""
    await _act(backend, caller, execution_id, "pause")


async def resume(backend: Backend, caller: Caller, execution_id: str, inputs: dict[str, Any] | None) -> None:
    """Resume a paused one."""
    await _act(backend, caller, execution_id, "resume", inputs=inputs)


async def _changed(backend: Backend, caller: Caller, execution_id: str, name: str, **args: Any) -> dict[str, Any]:
    result = await _act(backend, caller, execution_id, name, **args)
    new = result.get("id") if isinstance(result, Mapping) else result if isinstance(result, str) else None
    return await get(backend, caller, new or execution_id)


async def restart(backend: Backend, caller: Caller, execution_id: str, revision: int | None) -> dict[str, Any]:
    """Run failed and paused task runs again."""
    return await _changed(backend, caller, execution_id, "restart", revision=revision)


async def replay(
    backend: Backend,
    caller: Caller,
    execution_id: str,
    *,
    task_run_id: str | None,
    revision: int | None,
    inputs: dict[str, Any] | None = None,
    breakpoints: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A new execution from the same inputs, or from others."""
    return await _changed(
        backend,
        caller,
        execution_id,
        "replay",
        task_run=task_run_id,
        revision=revision,
        inputs=inputs,
        breakpoints=breakpoints,
    )


def state_named(name: str) -> State:
    """A state by its wire name. `IllegalArgument`."""
    try:
        return State[name.strip().upper()]
    except KeyError:
        raise InvalidFormat(f"state: '{name[:32]}' is unknown") from None


async def change_status(backend: Backend, caller: Caller, execution_id: str, name: str) -> dict[str, Any]:
    """Give a terminated execution another terminal state."""
    state = state_named(name)
    row = await row_of(backend, caller, execution_id)
    if row["state"] < State.SUCCESS:
        raise IllegalArgument("You can only change the status of a terminated execution.")
    if not state.terminal:
        raise IllegalArgument("You can only change the status of an execution to a terminal state.")
    return await _changed(backend, caller, execution_id, "change_status", state=state.name)


async def change_task_state(
    backend: Backend, caller: Caller, execution_id: str, task_run_id: str, name: str
) -> dict[str, Any]:
    """Mark one task run and go on."""
    return await _changed(
        backend, caller, execution_id, "change_task_state", task_run=task_run_id, state=state_named(name).name
    )


def labels_of(sent: Any) -> list[dict[str, str]]:
    """Labels of a body: a list of `{key, value}`. `IllegalArgument`."""
    if not isinstance(sent, list):
        raise InvalidFormat("labels: a list of {key, value} is expected")
    found = []
    for one in sent:
        if not isinstance(one, Mapping) or not str(one.get("key") or "") or one.get("value") in (None, ""):
            raise IllegalArgument("labels: key and value must not be empty")
        found.append({"key": str(one["key"]), "value": documents.as_text(one["value"])})
    return found


def check_labels(
    labels: Sequence[Mapping[str, str]], existing: Sequence[Mapping[str, str]] = (), *, any_key: bool = False
) -> None:
    """Keys have a form, and system labels may not be set by clients, but for the correlation id; unchanged ones may.

    `any_key`: labels of the query at creation, which the reference takes as they are. `IllegalArgument`.
    """
    old = {one["key"]: one["value"] for one in existing}
    for one in labels:
        key = one["key"]
        if "\0" in key or "\0" in one["value"]:
            raise IllegalArgument("labels hold no NUL character")
        if not any_key and key not in old and not is_key(key):
            raise IllegalArgument(f"labels: the key '{key[:64]}' must match {KEY_PATTERN}")
        if key.startswith("system.") and key != "system.correlationId" and old.get(key) != one["value"]:
            raise IllegalArgument(
                f"System labels can only be set by Kestra itself, offending label: {key}={one['value']}"
            )


async def set_labels(
    backend: Backend, caller: Caller, execution_id: str, labels: list[dict[str, str]]
) -> dict[str, Any]:
    """Add or update labels of a terminated execution."""
    row = await row_of(backend, caller, execution_id)
    if row["state"] < State.SUCCESS:
        raise BareMessage("The execution is not terminated")
    check_labels(labels, json.loads(row["labels"]))
    return await _changed(backend, caller, execution_id, "set_labels", labels=labels)


async def unqueue(backend: Backend, caller: Caller, execution_id: str, name: str) -> dict[str, Any]:
    """Take from the queue."""
    return await _changed(backend, caller, execution_id, "unqueue", state=state_named(name or "RUNNING").name)


async def force_run(backend: Backend, caller: Caller, execution_id: str) -> dict[str, Any]:
    """Get a waiting execution going."""
    row = await row_of(backend, caller, execution_id)
    if row["state"] >= State.SUCCESS:
        raise IllegalArgument("Only non terminated executions can be forced run.")
    return await _changed(backend, caller, execution_id, "force_run")


async def delete(
    backend: Backend, caller: Caller, execution_id: str, *, logs: bool, metrics: bool, storage: bool
) -> None:
    """Delete an execution and what belongs to it."""
    row = await row_of(backend, caller, execution_id)
    await backend.send(caller, "execution.delete", id=execution_id, logs=logs, metrics=metrics, storage=storage)
    await sweep(backend, row, logs=logs, storage=storage)


async def sweep(backend: Backend, row: Any, *, logs: bool, storage: bool) -> None:
    """Delete lines and files of a deleted execution; the engine does it too, later."""
    from flowdeck.storage.paths import execution_folder

    def work() -> None:
        if logs and backend.logs is not None:
            backend.logs.delete([row["seq"]])
        if storage:
            backend.storage.delete_prefix(execution_folder(row["namespace"], row["flow_id"], row["id"]))

    try:
        await backend.thread(work)
    except OSError:
        import logging

        logging.getLogger("flowdeck.executions").warning(
            "files of deleted execution %s stay behind", row["id"], exc_info=True
        )
