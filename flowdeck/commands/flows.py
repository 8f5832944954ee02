"""Flows: revisions, labels, trigger states, in one transaction (workflow components §1.2–1.4)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.commands.triggers import delete_states, write_states
from flowdeck.model.catalog import Catalog
from flowdeck.model.errors import Conflict, IllegalArgument, InvalidEntity, NotFound
from flowdeck.model.flow import Flow
from flowdeck.model.source import Parsed, parse_flow, peek, without_revision
from flowdeck.store.driver import Row, Tx
from flowdeck.store.queries import namespaces

_DISABLED = re.compile(r"^disabled[ \t]*:[^\n]*(?=\n|$)", re.MULTILINE)


def _catalog() -> Catalog:
    from flowdeck.sdk.index import load_catalog

    return load_catalog()


def summary_of(flow: Flow) -> dict[str, Any]:
    """What lists show of a flow: ids and types of tasks, triggers and inputs."""
    return {
        "tasks": [{"id": task.id, "type": task.type} for task in flow.tasks],
        "triggers": [
            {"id": trigger.id, "type": trigger.type, "kind": trigger.kind, "disabled": trigger.disabled}
            for trigger in flow.triggers
        ],
        "inputs": [{"id": item.id, "type": item.type} for item in flow.inputs],
    }


def with_disabled(source: str, disabled: bool) -> str:
    """The source with its top-level `disabled:` line set, or one appended."""
    line = f"disabled: {'true' if disabled else 'false'}"
    if _DISABLED.search(source):
        return _DISABLED.sub(line, source, count=1)
    return f"{source}{'' if source.endswith(chr(10)) or not source else chr(10)}{line}\n"


def _head(tx: Tx, tenant: str, namespace: str, flow_id: str) -> Row | None:
    return tx.one(
        "select * from flow where tenant = :tenant and namespace = :namespace and id = :id",
        tenant=tenant,
        namespace=namespace,
        id=flow_id,
    )


def _live(tx: Tx, args: dict[str, Any]) -> Row:
    row = _head(tx, args["tenant"], args["namespace"], args["id"])
    if row is None or row["deleted"]:
        raise NotFound(f"Flow '{args['namespace']}.{args['id']}' not found")
    return row


def _refuse(path: str, message: str) -> InvalidEntity:
    return InvalidEntity(f"{path}: {message}", violations=[{"path": path, "message": message}])


INSTANCE_DEFAULTS: list[dict[str, Any]] = []
"""Plugin defaults of the configuration; core puts them here at start."""


def _parse(tx: Tx, source: str, tenant: str, revision: int) -> Parsed:
    above = namespaces.chain(tx, tenant, peek(source)[0])
    defaults = namespaces.defaults_of(above, INSTANCE_DEFAULTS)
    parsed = parse_flow(source, _catalog(), tenant=tenant, revision=revision, defaults=defaults)
    if parsed.flow is None:
        violations = [
            {"path": f.path, "message": f.message, "line": f.line, "column": f.column, "rule": f.rule}
            for f in parsed.errors
        ]
        raise InvalidEntity("; ".join(f"{v['path']}: {v['message']}" for v in violations), violations=violations)
    return parsed


@command("flow.save")
def save(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Save a source as the newest revision of its flow.

    Args (in `args`): tenant, `source`; `namespace` and `id` when the caller expects certain ones; `expect` create,
    update or any (default); `base_revision`, the revision that the editor began with; `message`, what the author
            says of the revision.
    Returns: namespace, id, revision, flow_key, and `changed` (false: the same source is stored already).
    Raises:
        InvalidEntity: the source has errors, moves another flow, or exists while a new one is expected.
        NotFound: an update of an unknown flow.
        Conflict: the stored revision is not `base_revision`; carries `revision`.
    """
    tenant, source = args["tenant"], without_revision(args["source"])
    parsed = _parse(tx, source, tenant, 1)
    flow = parsed.flow
    assert flow is not None
    for name, actual in (("id", flow.id), ("namespace", flow.namespace)):
        if args.get(name) is not None and args[name] != actual:
            raise _refuse(f"flow.{name}", f"Illegal {'flow id' if name == 'id' else name} update")
    head = _head(tx, tenant, flow.namespace, flow.id)
    exists = head is not None and not head["deleted"]
    expect = args.get("expect", "any")
    if expect == "create" and exists:
        raise _refuse("flow.id", "Flow id already exists")
    if expect == "update" and not exists:
        raise NotFound(f"Flow '{flow.namespace}.{flow.id}' not found")
    base = args.get("base_revision")
    if base is not None and (head["revision"] if exists and head is not None else 0) != int(base):
        raise Conflict(
            "the flow was changed meanwhile", revision=head["revision"] if exists and head is not None else 0
        )
    return store_revision(tx, parsed, source, head, args.get("message"))


def store_revision(tx: Tx, parsed: Parsed, source: str, head: Row | None, message: str | None = None) -> dict[str, Any]:
    """Write a parsed source as the newest revision, with labels and trigger states, unless it is stored already."""
    flow = parsed.flow
    assert flow is not None
    checksum = hashlib.sha256(source.encode()).hexdigest()
    answer = {"namespace": flow.namespace, "id": flow.id}
    if head is not None and not head["deleted"]:
        stored = tx.value(
            "select checksum from flow_revision where flow_key = :key and revision = :revision",
            key=head["flow_key"],
            revision=head["revision"],
        )
        if stored == checksum:
            return {**answer, "revision": head["revision"], "flow_key": head["flow_key"], "changed": False}
    revision = head["revision"] + 1 if head is not None else 1
    labels = json.dumps([{"key": key, "value": value} for key, value in flow.labels], separators=(",", ":"))
    values = {
        "revision": revision,
        "disabled": flow.disabled,
        "deleted": False,
        "labels": labels,
        "description": flow.description,
        "summary": json.dumps(summary_of(flow), separators=(",", ":")),
        "updated": tx.now,
    }
    if head is None:
        key = tx.insert("flow", tenant=flow.tenant, namespace=flow.namespace, id=flow.id, **values)
    else:
        key = head["flow_key"]
        sets = ", ".join(f"{name} = :{name}" for name in values)
        tx.sql(f"update flow set {sets} where flow_key = :key", {**values, "key": key})
    tx.insert(
        "flow_revision",
        flow_key=key,
        revision=revision,
        source=source,
        document=json.dumps(parsed.document, separators=(",", ":"), default=str),
        checksum=checksum,
        deleted=False,
        disabled=flow.disabled,
        author=tx.principal,
        message=message,
        created=tx.now,
    )
    tx.sql("delete from flow_label where flow_key = :key", key=key)
    tx.many(
        "insert into flow_label (flow_key, key, tenant, value) values (?, ?, ?, ?)",
        [(key, name, flow.tenant, value) for name, value in dict(flow.labels).items()],
    )
    write_states(tx, flow, disabled=flow.disabled)
    created = head is None or bool(head["deleted"])
    tx.notify(f"flow:{flow.namespace}/{flow.id}", "created" if created else "changed", flow.id, revision=revision)
    return {**answer, "revision": revision, "flow_key": key, "changed": True}


@command("flow.set_disabled")
def set_disabled(tx: Tx, args: dict[str, Any]) -> bool:
    """Switch a flow off or on by a new revision of its source; whether that changed anything. `NotFound`."""
    head = _live(tx, args)
    if bool(head["disabled"]) == bool(args["disabled"]):
        return False
    source = tx.value(
        "select source from flow_revision where flow_key = :key and revision = :revision",
        key=head["flow_key"],
        revision=head["revision"],
    )
    source = with_disabled(source, bool(args["disabled"]))
    said = "Disabled" if args["disabled"] else "Enabled"
    store_revision(tx, _parse(tx, source, args["tenant"], 1), source, head, said)
    return True


@command("flow.delete")
def delete(tx: Tx, args: dict[str, Any]) -> int:
    """Delete a flow: its last revision says so, its executions and revisions stay. Answers that revision."""
    head = _live(tx, args)
    key, revision = head["flow_key"], head["revision"] + 1
    tx.sql(
        "insert into flow_revision (flow_key, revision, source, document, checksum, deleted, disabled, exception,"
        " author, created) select flow_key, :revision, source, document, checksum, :yes, disabled, exception,"
        " :author, :now from flow_revision where flow_key = :key and revision = :last",
        key=key,
        revision=revision,
        last=head["revision"],
        author=tx.principal,
        now=tx.now,
        yes=True,
    )
    tx.sql(
        "update flow set revision = :revision, deleted = :yes, updated = :now where flow_key = :key",
        key=key,
        revision=revision,
        now=tx.now,
        yes=True,
    )
    tx.sql("delete from flow_label where flow_key = :key", key=key)
    delete_states(tx, args["tenant"], args["namespace"], args["id"])
    tx.notify(f"flow:{args['namespace']}/{args['id']}", "deleted", args["id"], revision=revision)
    return revision


@command("flow.delete_revisions")
def delete_revisions(tx: Tx, args: dict[str, Any]) -> int:
    """Delete old revisions (`revisions`); answers how many. `IllegalArgument` for the newest one."""
    head = _live(tx, args)
    numbers = {int(number) for number in args["revisions"]}
    if head["revision"] in numbers:
        raise IllegalArgument("the latest revision cannot be deleted")
    gone = tx.many(
        "delete from flow_revision where flow_key = ? and revision = ?",
        [(head["flow_key"], number) for number in sorted(numbers)],
    )
    tx.notify(f"flow:{args['namespace']}/{args['id']}", "changed", args["id"])
    return gone


@command("flow.mark")
def mark(tx: Tx, args: dict[str, Any]) -> bool:
    """Note why the newest `revision` of `flow_key` can't be read any more (`exception`), or that it can (None)."""
    row = tx.one("select tenant, namespace, id, revision from flow where flow_key = :key", key=args["flow_key"])
    if row is None or row["revision"] != args["revision"]:
        return False  # saved or deleted meanwhile
    tx.sql(
        "update flow_revision set exception = :exception where flow_key = :key and revision = :revision",
        key=args["flow_key"],
        revision=args["revision"],
        exception=args["exception"],
    )
    tx.tenant = row["tenant"]
    tx.notify(f"flow:{row['namespace']}/{row['id']}", "changed", row["id"], revision=row["revision"])
    return True


@command("flow.refresh")
def refresh(tx: Tx, args: dict[str, Any]) -> str | None:
    """Derive everything that is kept of the newest revision of `flow_key` from its source again (§ G3 `sys reindex`).

    Returns: why the source can't be read any more (that is noted with the revision), else None.
    """
    head = tx.one("select * from flow where flow_key = :key", key=args["flow_key"])
    if head is None or head["deleted"]:
        return None
    key, revision = head["flow_key"], head["revision"]
    source = tx.value(
        "select source from flow_revision where flow_key = :key and revision = :revision", key=key, revision=revision
    )
    reason = None
    tx.tenant = head["tenant"]
    try:
        parsed = _parse(tx, source, head["tenant"], revision)
    except InvalidEntity as error:
        reason = error.message
    else:
        flow = parsed.flow
        assert flow is not None
        tx.sql(
            "update flow set labels = :labels, description = :description, summary = :summary where flow_key = :key",
            key=key,
            labels=json.dumps([{"key": k, "value": v} for k, v in flow.labels], separators=(",", ":")),
            description=flow.description,
            summary=json.dumps(summary_of(flow), separators=(",", ":")),
        )
        tx.sql(
            "update flow_revision set document = :document where flow_key = :key and revision = :revision",
            key=key,
            revision=revision,
            document=json.dumps(parsed.document, separators=(",", ":"), default=str),
        )
        tx.sql("delete from flow_label where flow_key = :key", key=key)
        tx.many(
            "insert into flow_label (flow_key, key, tenant, value) values (?, ?, ?, ?)",
            [(key, name, flow.tenant, value) for name, value in dict(flow.labels).items()],
        )
        write_states(tx, flow, disabled=head["disabled"])
    tx.sql(
        "update flow_revision set exception = :exception where flow_key = :key and revision = :revision",
        key=key,
        revision=revision,
        exception=reason,
    )
    tx.notify(f"flow:{head['namespace']}/{head['id']}", "changed", head["id"], revision=revision)
    return reason
