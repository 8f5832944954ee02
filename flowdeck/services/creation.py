"""New executions: by a person, by a webhook, checked without running (spec: REST contract §8; design detail 17)."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from flowdeck.model.errors import IllegalState, InvalidEntity, NotFound
from flowdeck.model.inputs import Pending, static_defaults
from flowdeck.model.labels import nested
from flowdeck.services import documents, flows, inputs, signatures
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.evaluation import Evaluator
from flowdeck.services.executions import check_labels
from flowdeck.services.signatures import Sent
from flowdeck.storage.paths import execution_folder


def new_id(backend: Backend) -> str:
    """A public id: 22 characters, ordered by time."""
    from flowdeck.model.ids import make_id

    return make_id(backend.now(), secrets.randbits(80))


class Creation:
    """One execution on its way: flow and revision are found first, then the form is read, then it is sent."""

    def __init__(self, backend: Backend, caller: Caller, row: Any, flow: Any) -> None:
        self.backend = backend
        self.caller = caller
        self.row = row
        self.flow = flow
        self.id = new_id(backend)
        self.files = 0

    @classmethod
    async def begin(
        cls, backend: Backend, caller: Caller, namespace: str, flow_id: str, revision: int | None, *, runs: bool = True
    ) -> Creation:
        """Find the flow (404), the revision (404), refuse a disabled (409) or invalid one (409)."""
        row, old = await flows.at_revision(backend, caller, namespace, flow_id, revision)
        if runs and (row["disabled"] or (old is not None and old["disabled"])):
            raise IllegalState("Cannot execute a disabled flow")
        return cls(backend, caller, row, await flows.parsed(backend, row, old))

    def folder(self) -> str:
        """Where the uploads lie."""
        return execution_folder(self.row["namespace"], self.row["id"], self.id)

    async def discard(self) -> None:
        """Remove the uploads of a refused creation."""
        if self.files:
            await self.backend.thread(lambda: self.backend.storage.delete_prefix(self.folder()))

    async def send(
        self,
        sent: Mapping[str, Any],
        *,
        labels: Sequence[Mapping[str, str]] = (),
        trigger: dict[str, Any] | None = None,
        schedule_date: int | None = None,
        kind: str | None = None,
        breakpoints: list[dict[str, str]] | None = None,
        trigger_labels: Sequence[Mapping[str, str]] = (),
        key: str | None = None,
        secrets: Iterable[str] = (),
        fixtures: list[dict[str, Any]] | None = None,
        resolved: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Validate labels and inputs and send the command; the answer is the document in state CREATED.

        What shows one of the `secrets`, which were read for `sent`, is stored sealed. `resolved` are the stored inputs
        of an earlier execution, taken as they are; `fixtures` are results that stand for tasks (§17).

        With an idempotency `key` of the caller's a repeated creation answers the execution that the first one made.
        """
        from flowdeck.services.executions import get, url

        backend, row = self.backend, self.row
        check_labels(labels, any_key=True)
        merged = {k: v for k, v in self.flow.labels if not k.startswith("system.")}
        merged |= {str(one["key"]): str(one["value"]) for one in [*trigger_labels, *labels]}
        merged.setdefault("system.correlationId", self.id)
        if self.caller.username and trigger is None:
            merged["system.username"] = self.caller.username
        if kind == "TEST":
            merged["system.test"] = "true"
        failures: list[str] | None = None
        if resolved is not None:
            values = dict(resolved)
        else:
            resolution, verdict = await inputs.resolve_and_judge(
                backend,
                self.caller,
                self.flow.inputs,
                sent,
                row=row,
                revision=self.flow.revision,
                execution_id=self.id,
                checks=self.flow.checks,
                labels=merged.items(),
                trigger=trigger.get("variables") or {} if trigger else None,
                secrets=secrets,
            )
            inputs.refuse(resolution)
            inputs.refuse_blocked(verdict)
            values, failures = dict(resolution.values), verdict.failures or None
        label_list = [{"key": k, "value": v} for k, v in merged.items()]
        kind = None if kind in (None, "", "NORMAL") else kind
        now = backend.now()
        made = await backend.send(
            self.caller,
            "execution.create",
            once=f"create:{self.caller.tenant}:{self.caller.username}:{key}" if key else f"create:{self.id}",
            id=self.id,
            namespace=row["namespace"],
            flow_id=row["id"],
            revision=self.flow.revision,
            inputs=values,
            labels=label_list,
            trigger=trigger,
            schedule_date=schedule_date,
            kind=kind,
            breakpoints=breakpoints,
            failed=failures,
            fixtures=fixtures or None,
            **({"trigger_id": trigger["id"]} if trigger else {}),
        )
        if made["id"] != self.id:
            await self.discard()
            place = {"tenant": row["tenant"], "namespace": row["namespace"], "flow_id": row["id"], "id": made["id"]}
            self.id = made["id"]
            return await get(backend, self.caller, self.id) | {"url": url(backend, place)}
        # The answer is the snapshot at creation, whatever the same transaction did next (workflow components §18).
        document = {
            "id": self.id,
            "tenantId": row["tenant"],
            "namespace": row["namespace"],
            "flowId": row["id"],
            "flow_id": row["id"],
            "flowRevision": self.flow.revision,
            "inputs": documents_masked(values) or None,
            "labels": label_list,
            "variables": dict(self.flow.variables) or None,
            "state": documents.state(1, [(1, now)], now, None, now),
            "originalId": self.id,
            "deleted": False,
            "metadata": {"attemptNumber": 1, "originalCreatedDate": documents.instant(now)},
            "trigger": trigger,
            "kind": kind,
            "breakpoints": breakpoints or None,
            "scheduleDate": documents.instant_or_none(schedule_date),
            "url": url(
                backend, {"tenant": row["tenant"], "namespace": row["namespace"], "flow_id": row["id"], "id": self.id}
            ),
        }
        document.pop("flow_id")
        return documents.compact(document)


def documents_masked(values: Any) -> Any:
    """Inputs with encrypted ones as stars."""
    from flowdeck.services.executions import masked

    return masked(values)


async def check(creation: Creation, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `/validate`: every input with value, state and errors; always 200."""
    flow = creation.flow
    resolution, verdict = await inputs.resolve_and_judge(
        creation.backend,
        creation.caller,
        flow.inputs,
        sent,
        row=creation.row,
        revision=flow.revision,
        checks=flow.checks,
        labels=[(k, v) for k, v in flow.labels if not k.startswith("system.")],
    )
    return {
        "id": creation.row["id"],
        "namespace": creation.row["namespace"],
        "inputs": input_answers(resolution),
        "checks": verdict.wire,
    }


def input_answers(resolution: Any) -> list[dict[str, Any]]:
    """`ApiInputAndValue` of each input; dynamic properties as text, secrets masked."""
    answers = []
    for detail in resolution.details:
        declared = documents.declared_input(detail["input"])
        answers.append(documents.compact({**detail, "input": declared, "errors": detail.get("errors") or None}))
    return answers


async def webhook(
    backend: Backend,
    namespace: str,
    flow_id: str,
    key: str,
    tenant: str,
    *,
    path: str | None,
    read: Callable[[], Awaitable[Sent]],
) -> tuple[Creation, Any, dict[str, Any] | None]:
    """(creation, trigger definition, document) of a webhook call; document None = conditions false.

    `read` gives what was sent; it is called once the key is known to be right: bodies of strangers
    stay outside. `NotFound` for an unknown flow, key or path (no hint which), `IllegalState` for a disabled flow.
    """
    caller = Caller("webhook", tenant, "anonymous")
    if path:
        raise NotFound("webhook")
    try:
        row = await flows.head(backend, caller, namespace, flow_id)
        flow = await flows.parsed(backend, row)
    except (NotFound, IllegalState):
        raise NotFound("webhook") from None
    evaluator = Evaluator(backend, caller, namespace, flow_id)
    found = None
    context = {
        **await inputs.base_context(
            backend, row, flow.revision, None, ([t.props for t in flow.triggers], flow.variables)
        ),
        "inputs": static_defaults(flow.inputs),
        "vars": dict(flow.variables),
        "labels": nested(flow.labels),
    }
    for trigger in flow.triggers:
        if trigger.kind == "webhook" and not trigger.disabled:
            wanted = await _rendered(evaluator, trigger.props.get("key"), context)
            if wanted is not None and hmac.compare_digest(str(wanted).encode(), key.encode()):
                found = trigger
    if found is None:
        raise NotFound("webhook")
    if row["disabled"]:
        raise IllegalState("Cannot execute a disabled flow")
    sent_call = await read()
    if rule := found.props.get("signature"):
        secret = await _rendered(evaluator, rule.get("secret"), context)
        signatures.check(rule, "" if secret is None else str(secret), sent_call, backend.now())
    variables = {
        "body": body_value(sent_call.body),
        "headers": dict(sent_call.headers),
        "parameters": dict(sent_call.parameters),
    }
    creation = Creation(backend, caller, row, flow)
    context = {
        **context,
        "execution": {"id": creation.id},
        "trigger": {"id": found.id, "type": found.type, **variables},
    }
    if not await _conditions_hold(evaluator, found, context, row):
        return creation, found, None
    sent: dict[str, Any] = {}
    for name, value in (found.props.get("inputs") or {}).items():
        sent[name] = await _rendered(evaluator, value, context, strict=True)
    labels = []
    for one in documents.label_list(found.props.get("labels")):
        value = await _rendered(evaluator, one["value"], context, masked=True)
        if value not in (None, ""):
            labels.append({"key": one["key"], "value": str(value)})
    document = await creation.send(
        sent,
        trigger={"id": found.id, "type": found.type, "variables": variables},
        trigger_labels=labels,
        secrets=evaluator.secrets,
    )
    return creation, found, document


async def _rendered(
    evaluator: Evaluator, value: Any, context: Mapping[str, Any], *, strict: bool = False, masked: bool = False
) -> Any:
    from flowdeck.expr import ExpressionError

    if value is None:
        return None
    for _ in range(2):
        try:
            return await asyncio.to_thread(evaluator, value, context, masked=masked)
        except Pending:
            await evaluator.settle()
        except ExpressionError as error:
            if strict:
                raise InvalidEntity(str(error)) from None
            return None
    return None


async def _conditions_hold(evaluator: Evaluator, trigger: Any, context: dict[str, Any], row: Any) -> bool:
    """Whether all conditions hold; one that can't be evaluated does not. A worker renders what needs I/O."""
    conditions = trigger.props.get("conditions") or ()
    if not conditions:
        return True
    from flowdeck.model.conditions import ConditionError, Facts, all_hold

    facts = Facts(context=context, namespace=row["namespace"], flow_id=row["id"])
    for _ in range(1 + len(conditions)):
        try:
            return await asyncio.to_thread(all_hold, conditions, facts, evaluator)
        except Pending:
            await evaluator.settle()
        except ConditionError:
            return False
    return False


async def response_code(backend: Backend, trigger: Any, document: Mapping[str, Any]) -> int | None:
    """`responseCode` of a webhook, rendered with the ended execution; None without, or for what is no status."""
    given = trigger.props.get("responseCode")
    if given is None:
        return None
    caller = Caller("webhook", document["tenantId"], "anonymous")
    evaluator = Evaluator(backend, caller, document["namespace"], document["flowId"])
    context = {
        "trigger": (document.get("trigger") or {}).get("variables") or {},
        "outputs": document.get("outputs") or {},
        "execution": {"id": document["id"], "state": document["state"]["current"]},
        "flow": {"id": document["flowId"], "namespace": document["namespace"]},
    }
    text = str(await _rendered(evaluator, given, context)).strip()
    return int(text) if text.isdigit() and 100 <= int(text) <= 599 else None


def body_value(data: bytes) -> Any:
    """`trigger.body`: JSON object or list if it parses, else text; base64 of what is no text."""
    if not data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # too deep for a parser is text too
        return text
    return value if isinstance(value, dict | list) else text
