"""Rendering for people and forms: pure expressions here, those with I/O by a worker (design detail 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowdeck.commands.due import server_zone
from flowdeck.expr import Environment, ExpressionError, references, render_value
from flowdeck.expr.texts import text_of
from flowdeck.model.errors import DomainError, IllegalArgument
from flowdeck.model.inputs import Pending
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import loaded, masked
from flowdeck.services.wire import instant
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries import namespaces

SECONDS = 10.0
LOADED = 16 * 1024 * 1024
"""Bytes of stored outputs that one expression for a person may refer to; beyond, it sees their place and size."""
PASSES = 8


class Evaluator:
    """Renders values of one flow; what needs I/O is asked of a worker between passes."""

    def __init__(self, backend: Backend, caller: Caller, namespace: str, flow_id: str) -> None:
        self._backend = backend
        self._caller = caller
        self._namespace = namespace
        self._flow_id = flow_id
        self._known: dict[str, tuple[Any, str | None]] = {}
        self.pending: dict[str, tuple[Any, dict[str, Any], bool]] = {}
        self.secrets: set[str] = set()
        """What the values show that workers rendered: none of it may be stored or told as it is."""
        self._environment = Environment(zone=server_zone())

    def __call__(self, value: Any, context: Mapping[str, Any], *, masked: bool = False) -> Any:
        """The native value; `ExpressionError` for what can't be rendered, `Pending` for what a worker must do.

        `masked`: stars stand for secrets, as in labels, which are stored readable.
        """
        _, needs_io = references(value)
        if not needs_io:
            return render_value(value, dict(context), self._environment)
        key = json.dumps([value, context.get("inputs"), masked], sort_keys=True, default=str)
        known = self._known.get(key)
        if known is None:
            self.pending[key] = (value, dict(context), masked)
            raise Pending()
        if known[1] is not None:
            raise ExpressionError(known[1])
        return known[0]

    async def settle(self) -> bool:
        """Ask a worker for all that is pending; False when there was nothing."""
        if not self.pending:
            return False
        pending, self.pending = self.pending, {}
        for key, (value, context, stars) in pending.items():
            self._known[key] = await ask_worker(
                self._backend,
                self._caller,
                self._namespace,
                self._flow_id,
                value,
                context,
                masked=stars,
                told=self.secrets,
            )
        return True


async def ask_worker(
    backend: Backend,
    caller: Caller,
    namespace: str,
    flow_id: str,
    value: Any,
    context: dict[str, Any],
    *,
    secrets: bool = True,
    masked: bool = False,
    execution: str = "",
    told: set[str] | None = None,
) -> tuple[Any, str | None]:
    """(value, None) or (None, error) of an `Evaluate` job; 10 s at most. Without `secrets` it can read none.

    Secrets that the value shows are added to `told`.
    """
    try:
        result = await backend.send(
            caller,
            "evaluate",
            namespace=namespace,
            flow_id=flow_id,
            value=value,
            context=context,
            native=True,
            secrets=secrets,
            masked=masked,
            execution=execution,
            timeout=SECONDS,
        )
    except DomainError as error:
        return None, error.message or error.reason
    if "sealed" in result:
        if backend.cipher is None:
            return None, "the value shows secrets and this server has no encryption key"
        result = json.loads(backend.cipher.decrypt(result["sealed"]["value"]))
        if told is not None:
            told.update(result["secrets"])
    return result["value"], None


def _named(refs: frozenset[tuple[str, ...]], task: str) -> bool:
    """Whether an expression refers to a task's outputs."""
    return any(ref == ("*",) or (ref[0] == "outputs" and ref[1:2] in ((), (task,))) for ref in refs)


def _nested(labels: list[dict[str, str]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for one in labels:
        place = out
        *parents, last = one["key"].split(".")
        for part in parents:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last] = one["value"]
    return out


def _place(root: dict[str, Any], path: list[str], leaf: Any) -> None:
    for part in path[:-1]:
        inner = root.get(part)
        if not isinstance(inner, dict):
            inner = root[part] = {}
        root = inner
    root[path[-1]] = leaf


def context_of(
    reader: Any,
    row: Any,
    task_run_id: str | None,
    storage: Any,
    variables: Mapping[str, Any],
    refs: frozenset[tuple[str, ...]],
) -> dict[str, Any]:
    """The variables an expression of an execution sees (workflow components §20); secrets are masked.

    `variables`: `envs`, `globals` and `kestra` of this installation; `refs`: what the expression refers to.
    """
    runs = queries.task_runs(reader, [row["seq"]]).get(row["seq"], [])
    by_seq = {r["seq"]: r for r in runs}
    outputs: dict[str, Any] = {}
    tasks: dict[str, Any] = {}
    budget = LOADED
    chosen = None
    for run in runs:
        values: list[str] = []
        up: Any = run
        while up is not None:
            if up["value"] is not None:
                values.insert(0, up["value"])
            up = by_seq.get(up["parent_seq"])
        _place(tasks, [run["task_id"], *values], {"state": State(run["state"]).name})
        if run["outputs_uri"]:
            size = run["outputs_size"] if _named(refs, run["task_id"]) else budget + 1
            _place(outputs, [run["task_id"], *values], loaded(storage, run, budget if size <= budget else 0))
            budget -= size if size <= budget else 0
        elif run["outputs"]:
            _place(outputs, [run["task_id"], *values], json.loads(run["outputs"]))
        elif run["state"] >= State.SUCCESS:
            _place(outputs, [run["task_id"], *values], {})
        if run["id"] == task_run_id:
            chosen = run
    trigger = json.loads(row["trigger"]) if row["trigger"] else None
    context: dict[str, Any] = {
        "flow": {
            "id": row["flow_id"],
            "namespace": row["namespace"],
            "revision": row["flow_rev"],
            "tenantId": row["tenant"],
        },
        "execution": {
            "id": row["id"],
            "startDate": instant(row["created"]),
            "state": State(row["state"]).name,
            "originalId": row["original_id"] or row["id"],
        },
        "inputs": json.loads(row["inputs"]) if row["inputs"] else {},
        "outputs": outputs,
        "tasks": tasks,
        "vars": json.loads(row["variables"]) if row["variables"] else {},
        "labels": _nested(json.loads(row["labels"])),
        **{name: variables.get(name) or {} for name in ("envs", "globals", "kestra")},
    }
    if own := namespaces.variables_of(namespaces.chain(reader, row["tenant"], row["namespace"])):
        context["namespace"] = own
    if trigger:
        context["trigger"] = trigger.get("variables") or {}
    if task_run_id is not None:
        if chosen is None:
            raise IllegalArgument(f"task run '{task_run_id}' is not of this execution")
        parent = by_seq.get(chosen["parent_seq"])
        context["task"] = {"id": chosen["task_id"]}
        context["taskrun"] = {
            k: v
            for k, v in {
                "id": chosen["id"],
                "startDate": instant(chosen["started"] or chosen["created"]),
                "attemptsCount": max(0, chosen["attempts"] - 1),
                "parentId": parent["id"] if parent else None,
                "value": chosen["value"],
                "iteration": chosen["iteration"] if chosen["iteration"] >= 0 else None,
            }.items()
            if v is not None
        }
        parents = []
        while parent is not None:
            entry: dict[str, Any] = {}
            if parent["value"] is not None:
                entry["taskrun"] = {"value": parent["value"]}
            if parent["outputs"]:
                entry["outputs"] = json.loads(parent["outputs"])
            if entry:
                parents.append(entry)
            parent = by_seq.get(parent["parent_seq"])
        if parents:
            context["parent"], context["parents"] = parents[0], parents
    return masked(context)


async def evaluate(
    backend: Backend, caller: Caller, row: Any, expression: str, task_run_id: str | None
) -> dict[str, Any]:
    """`EvalResult`: `{result}` or `{error, stackTrace}`; `secret()` is refused."""
    try:
        refs, needs_io = references(expression)
        if _uses_secret(expression):
            return {"error": "secret() can't be evaluated here", "stackTrace": ""}
        context = await backend.read(context_of, row, task_run_id, backend.storage, backend.config.variables, refs)
        if needs_io:
            # What the expression renders in its turn may name secrets too: the worker refuses them.
            value, failure = await ask_worker(
                backend,
                caller,
                row["namespace"],
                row["flow_id"],
                expression,
                context,
                secrets=False,
                execution=row["id"],
            )
            if failure is not None:
                return {"error": failure, "stackTrace": failure}
        else:
            value = await backend.thread(lambda: render_value(expression, context, Environment(zone=server_zone())))
    except ExpressionError as error:
        return {"error": str(error), "stackTrace": str(error)}
    return {"result": text_of(value)}


def _uses_secret(expression: str) -> bool:
    from flowdeck.expr import compile

    return bool(compile(expression).functions & {"secret", "credential"})
