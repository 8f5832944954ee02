"""API documents built from rows: flows, executions, task runs, triggers (spec: workflow components §19, models.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.states import State
from flowdeck.services.wire import compact, instant, instant_or_none, span

NAMES = {int(state): state.name for state in State}
TASK_LISTS = ("tasks", "errors", "finally", "afterExecution", "then", "else", "defaults")


def as_text(value: Any) -> Any:
    """A dynamic property on the wire: numbers, booleans and lists go out as text."""
    if value is None or isinstance(value, str | dict):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def declared_input(value: Any) -> Any:
    """An input on the wire, those within a form included: their defaults are texts, as of every property."""
    if not isinstance(value, Mapping):
        return value
    out = {k: as_text(v) if k in ("defaults", "prefill") else v for k, v in value.items() if v is not None}
    if isinstance(out.get("inputs"), list):
        out["inputs"] = [declared_input(one) for one in out["inputs"]]
    return out


def label_list(value: Any) -> list[dict[str, str]]:
    """Labels as a list, whether written as map or list."""
    if isinstance(value, Mapping):
        return [{"key": str(k), "value": as_text(v)} for k, v in value.items()]
    if isinstance(value, list):
        return [
            {"key": str(v["key"]), "value": as_text(v.get("value"))}
            for v in value
            if isinstance(v, Mapping) and "key" in v
        ]
    return []


def _task(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    out = {k: v for k, v in value.items() if v is not None}
    if "timeout" in out:
        out["timeout"] = as_text(out["timeout"])
    for key in TASK_LISTS:
        if isinstance(out.get(key), list):
            out[key] = [_task(v) for v in out[key]]
    if isinstance(out.get("cases"), Mapping):
        out["cases"] = {k: [_task(t) for t in v] if isinstance(v, list) else v for k, v in out["cases"].items()}
    return out


def flow(row: Any, *, source: bool = False, revision: Any = None) -> dict[str, Any]:
    """`Flow` or, with its source, `FlowWithSource`; `revision` is another row of `flow_revision`."""
    text = (revision or row)["document"]
    document: dict[str, Any] = json.loads(text) if text else {}
    out = {k: v for k, v in document.items() if v is not None}
    out["id"], out["namespace"], out["tenantId"] = row["id"], row["namespace"], row["tenant"]
    out["revision"] = revision["revision"] if revision else row["revision"]
    out["disabled"] = bool(revision["disabled"] if revision else row["disabled"])
    out["deleted"] = bool(revision["deleted"] if revision else row["deleted"])
    out["updated"] = instant(revision["created"] if revision else row["updated"])
    out["labels"] = label_list(document.get("labels"))
    for key in ("tasks", "errors", "finally", "afterExecution"):
        if isinstance(out.get(key), list):
            out[key] = [_task(t) for t in out[key]]
    out.setdefault("tasks", [])
    if isinstance(out.get("inputs"), list):
        out["inputs"] = [declared_input(i) for i in out["inputs"]]
    if isinstance(out.get("outputs"), list):
        out["outputs"] = [
            {k: as_text(v) if k == "value" else v for k, v in o.items()} if isinstance(o, Mapping) else o
            for o in out["outputs"]
        ]
    if isinstance(out.get("concurrency"), Mapping):
        out["concurrency"] = {"behavior": "QUEUE", **out["concurrency"]}
    if out["description"] is None if "description" in out else False:
        del out["description"]
    exception = (revision or row)["exception"]
    if exception:
        out["exception"] = exception
    if source:
        out["source"] = (revision or row)["source"]
    return out


def _task_for_execution(value: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"id": value.get("id"), "type": value.get("type")}
    nested = [t for key in TASK_LISTS for t in (value.get(key) or []) if isinstance(t, Mapping)]
    cases = value.get("cases")
    if isinstance(cases, Mapping):
        nested += [t for v in cases.values() if isinstance(v, list) for t in v if isinstance(t, Mapping)]
    if isinstance(value.get("task"), Mapping):
        nested.append(value["task"])
    if nested:
        out["tasks"] = [_task_for_execution(t) for t in nested]
    if value.get("onResume"):
        out["inputs"] = [declared_input(i) for i in value["onResume"]]
    if "flowId" in value and "namespace" in value:
        out["subflowId"] = compact({k: value.get(k) for k in ("namespace", "flowId", "revision")})
    return out


def flow_for_execution(row: Any, revision: Any = None) -> dict[str, Any]:
    """`FlowForExecution`: no property values."""
    whole = flow(row, revision=revision)
    out = {
        k: whole[k]
        for k in (
            "id",
            "namespace",
            "tenantId",
            "revision",
            "description",
            "inputs",
            "outputs",
            "disabled",
            "deleted",
            "labels",
            "updated",
        )
        if k in whole
    }
    for key in ("tasks", "errors", "finally", "afterExecution"):
        if isinstance(whole.get(key), list):
            out[key] = [_task_for_execution(t) for t in whole[key] if isinstance(t, Mapping)]
    if whole.get("triggers"):
        out["triggers"] = [{"id": t.get("id"), "type": t.get("type")} for t in whole["triggers"]]
    return out


def state(
    current: int, histories: Sequence[tuple[int, int]], created: int, ended: int | None, now: int
) -> dict[str, Any]:
    """`State`; `histories` = (state, ms) in order; instants in ms."""
    begun = histories[0][1] if histories else created
    out: dict[str, Any] = {
        "current": NAMES[current],
        "histories": [{"state": NAMES[s], "date": instant(at)} for s, at in histories],
        "startDate": instant(begun),
    }
    if current >= State.SUCCESS:
        now = ended if ended is not None else histories[-1][1] if histories else created
        out["endDate"] = instant(now)
    out["duration"] = span(now - begun)
    return out


def _fallback(row: Any) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = [(int(State.CREATED), row["created"])]
    if row["started"] is not None:
        out.append((int(State.RUNNING), row["started"]))
    if row["state"] not in (State.CREATED, State.RUNNING):
        out.append((row["state"], row["ended"] or row["started"] or row["created"]))
    return out


def _round(detail: str | None) -> int | None:
    """The zero-based round of a LoopUntil; None for all other task runs."""
    found = json.loads(detail).get("round") if detail and '"round"' in detail else None
    return found if isinstance(found, int) else None


def is_dynamic(row: Any) -> bool:
    """Whether a task run was reported by a task and belongs to no task of the flow (§7.1)."""
    return '"dynamic":true' in (row["detail"] or "")


def task_run(
    row: Any,
    execution: Any,
    parent: str | None,
    histories: list[tuple[int, int]],
    attempts: Sequence[Any],
    now: int,
    outputs: Any = None,
) -> dict[str, Any]:
    """`TaskRun`."""
    value = row["outputs"] if outputs is None else None
    tries = []
    for one in attempts:
        begun = one["started"] if one["started"] is not None else row["created"]
        past = [(int(State.CREATED), begun), (int(State.RUNNING), begun)]
        if one["state"] not in (State.CREATED, State.RUNNING):
            past.append((one["state"], one["ended"] or begun))
        told = json.loads(one["exit_info"]) if one["exit_info"] else {}
        shown = {"state": state(one["state"], past, begun, one["ended"], now), "workerId": one["worker"]}
        tries.append(compact({**shown, "logFile": told.get("logFile")}))
    return compact(
        {
            "id": row["id"],
            "tenantId": execution["tenant"],
            "executionId": execution["id"],
            "namespace": execution["namespace"],
            "flowId": execution["flow_id"],
            "taskId": row["task_id"],
            "parentTaskRunId": parent,
            "value": row["value"],
            "iteration": row["iteration"] if row["iteration"] >= 0 and not is_dynamic(row) else _round(row["detail"]),
            "dynamic": True if is_dynamic(row) else None,
            "forceExecution": True if row["after_execution"] else None,
            "attempts": tries,
            "outputs": outputs if outputs is not None else json.loads(value) if value else {},
            "state": state(row["state"], histories or _fallback(row), row["created"], row["ended"], now),
            "childExecutionId": row["child_execution"],
        }
    )


def _trigger(text: str | None) -> dict[str, Any] | None:
    """What started the execution; the chain of callers is the executor's own."""
    if not text:
        return None
    return {k: v for k, v in json.loads(text).items() if k not in ("callers", "outputs", "try")}


def execution(
    row: Any,
    histories: list[tuple[int, int]],
    now: int,
    task_runs: list[dict[str, Any]] | None = None,
    url: str | None = None,
) -> dict[str, Any]:
    """`Execution` of a row; `task_runs` are finished documents."""
    kind = row["kind"]
    breakpoints = json.loads(row["breakpoints"]) if row["breakpoints"] else None
    error = json.loads(row["error"]) if row["error"] else None
    return compact(
        {
            "id": row["id"],
            "tenantId": row["tenant"],
            "namespace": row["namespace"],
            "flowId": row["flow_id"],
            "flowRevision": row["flow_rev"],
            "taskRunList": task_runs or None,
            "inputs": (json.loads(row["inputs"]) if row["inputs"] else None) or None,
            "outputs": (json.loads(row["outputs"]) if row["outputs"] else None) or None,
            "labels": label_list(json.loads(row["labels"])),
            "variables": (json.loads(row["variables"]) if row["variables"] else None) or None,
            "state": state(row["state"], histories or _fallback(row), row["created"], row["ended"], now),
            "parentId": row["parent_id"],
            "originalId": row["original_id"] or row["id"],
            "trigger": _trigger(row["trigger"]),
            "deleted": False,
            "metadata": {
                "attemptNumber": row["attempt_number"],
                "originalCreatedDate": instant(row["original_created"] or row["created"]),
            },
            "scheduleDate": instant_or_none(row["schedule_date"]),
            "kind": kind,
            "breakpoints": breakpoints or None,
            "fixtures": json.loads(row["fixtures"]) if row["fixtures"] and kind != "PLAYGROUND" else None,
            "error": error,
            "url": url,
        }
    )


def trigger_state(row: Any) -> dict[str, Any]:
    """`Trigger`: the state of a trigger."""
    stop = json.loads(row["stop_after"]) if row["stop_after"] else None
    return compact(
        {
            "tenantId": row["tenant"],
            "namespace": row["namespace"],
            "flowId": row["flow_id"],
            "triggerId": row["trigger_id"],
            "date": instant(row["last_date"] if row["last_date"] is not None else row["updated"]),
            "nextExecutionDate": instant_or_none(row["next_due"]),
            "backfill": backfill(row["backfill"]),
            "disabled": bool(row["disabled"]),
            "stopAfter": stop or None,
            "executionId": row["execution_id"],
            "updatedDate": instant(row["updated"]),
            "evaluateRunningDate": instant_or_none(row["evaluating_since"]),
            "workerId": row["worker"],
        }
    )


def backfill(text: str | None) -> dict[str, Any] | None:
    """`Backfill` of the stored JSON."""
    if not text:
        return None
    stored = json.loads(text)
    out = dict(stored)
    for key in ("start", "end", "currentDate", "previousNextExecutionDate"):
        if isinstance(out.get(key), int):
            out[key] = instant(out[key])
    out["paused"] = bool(stored.get("paused"))
    if "labels" in out:
        out["labels"] = label_list(out["labels"])
    return compact(out)
