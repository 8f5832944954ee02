"""Flows: saving, reading, validating, moving in and out (spec: REST contract §7)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import yaml

from flowdeck.model.errors import IllegalArgument, InvalidEntity, NotFound
from flowdeck.services import documents
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.pieces import PIECE, pieces
from flowdeck.services.wire import compact, told
from flowdeck.store.queries import flows as queries
from flowdeck.store.queries import namespaces
from flowdeck.store.queries.where import Filter, Page

_SEPARATOR = re.compile(r"^---[ \t]*(?:#.*)?$", re.MULTILINE)
CACHED_FLOWS = 500
LONGEST_MESSAGE = 2000
"""Characters of what an author says of a revision."""


def split_documents(text: str) -> list[str]:
    """The YAML documents of a text, cut at lines `---`; empty ones are dropped."""
    return [part.strip("\n") + "\n" for part in _SEPARATOR.split(text.replace("\r\n", "\n")) if part.strip()]


def parse(backend: Backend, source: str, tenant: str, *, strict: bool = True, revision: int = 1) -> Any:
    """`model.source.Parsed` of a source, with the plugin defaults of its namespaces and of the instance."""
    from flowdeck.model.source import parse_flow, peek

    with backend.database.reader() as reader:
        above = namespaces.chain(reader, tenant, peek(source)[0])
    defaults = namespaces.defaults_of(above, backend.config.plugin_defaults)
    return parse_flow(
        source,
        backend.catalog,
        tenant=tenant,
        revision=revision,
        strict=strict,
        defaults=defaults,
        groups=backend.config.worker_groups,
    )


async def parsed(backend: Backend, row: Any, revision: Any = None) -> Any:
    """The `Flow` of a stored revision, cached; `IllegalState` when it does not parse any more."""
    from flowdeck.model.errors import IllegalState

    stored = revision or row
    key = (row["flow_key"], stored["revision"])
    found = backend.parsed.get(key)
    if found is None:
        source, number, tenant = stored["source"], stored["revision"], row["tenant"]
        result = await backend.thread(lambda: parse(backend, source, tenant, strict=False, revision=number))
        found = result.flow
        if found is None:
            raise IllegalState(
                "Cannot execute an invalid flow: " + "; ".join(f.message for f in result.findings if f.is_error)
            )
        if len(backend.parsed) >= CACHED_FLOWS:
            backend.parsed.pop(next(iter(backend.parsed)))
        backend.parsed[key] = found
    return found


def refuse(findings: Iterable[Any]) -> None:
    """`InvalidEntity` when there are errors among findings."""
    errors = [f for f in findings if f.is_error]
    if not errors:
        return
    text = "; ".join(
        (f"{f.path}: {f.message}" if f.path else f.message) + (f" (line {f.line}, column {f.column})" if f.line else "")
        for f in errors
    )
    raise InvalidEntity(
        text,
        violations=[
            {"path": f.path or "flow", "message": f.message, "line": f.line, "column": f.column} for f in errors
        ],
    )


async def head(backend: Backend, caller: Caller, namespace: str, flow_id: str, *, deleted: bool = False) -> Any:
    """The newest row of a flow. `NotFound`."""
    row = await backend.read(queries.head, caller.tenant, namespace, flow_id)
    if row is None or (row["deleted"] and not deleted):
        raise NotFound(f"flow '{namespace}.{flow_id}'")
    return row


async def at_revision(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, number: int | None
) -> tuple[Any, Any]:
    """Row of the flow and of a revision (None = the newest). `NotFound`."""
    row = await head(backend, caller, namespace, flow_id)
    if number is None or number == row["revision"]:
        return row, None
    revision = await backend.read(queries.revision, row["flow_key"], number)
    if revision is None:
        raise NotFound(f"Unable to find revision {number} on flow {namespace}.{flow_id}")
    return row, revision


async def of_execution(backend: Backend, execution: Any) -> tuple[Any, Any, Any]:
    """Newest row of an execution's flow, deleted or not; row of the revision that ran; that revision's `Flow`.

    Args:
        backend: what services work with.
        execution: the execution's row; whoever read it for a caller has checked that the caller may.

    Raises:
        NotFound: the flow, or the revision that ran, is not stored any more.
        IllegalState: the revision does not parse any more.
    """
    row = await backend.read(queries.head, execution["tenant"], execution["namespace"], execution["flow_id"])
    if row is None:
        raise NotFound(f"flow '{execution['namespace']}.{execution['flow_id']}'")
    if row["revision"] == execution["flow_rev"]:
        return row, row, await parsed(backend, row)
    old = await backend.read(queries.revision, row["flow_key"], execution["flow_rev"])
    if old is None:
        raise NotFound(f"revision {execution['flow_rev']} of the flow")
    return row, old, await parsed(backend, row, old)


async def get(
    backend: Backend,
    caller: Caller,
    namespace: str,
    flow_id: str,
    *,
    revision: int | None = None,
    source: bool = False,
    deleted: bool = False,
) -> dict[str, Any]:
    """`Flow` or `FlowWithSource`. `NotFound`."""
    row = await head(backend, caller, namespace, flow_id, deleted=deleted)
    old = None
    if revision is not None and revision != row["revision"]:
        old = await backend.read(queries.revision, row["flow_key"], revision)
        if old is None:
            raise NotFound(f"revision {revision} of flow '{namespace}.{flow_id}'")
    return documents.flow(row, source=source, revision=old)


async def save(
    backend: Backend,
    caller: Caller,
    source: str,
    *,
    namespace: str | None = None,
    flow_id: str | None = None,
    expect: str = "any",
    base_revision: int | None = None,
    message: str | None = None,
) -> dict[str, Any]:
    """Create or update from a source; the answer is `FlowWithSource`. `InvalidEntity`, `NotFound`, `Conflict`.

    `message` is kept with the revision (UI-ED-60), at most `LONGEST_MESSAGE` characters of it.
    """
    result = await backend.thread(lambda: parse(backend, source, caller.tenant))
    refuse(result.findings)
    document = result.document
    if namespace is not None and flow_id is not None:
        await head(backend, caller, namespace, flow_id)
        for key, wanted, refusal in (
            ("id", flow_id, "Illegal flow id update"),
            ("namespace", namespace, "Illegal namespace update"),
        ):
            if str(document.get(key)) != wanted:
                raise InvalidEntity(f"flow.{key}: {refusal}", violations=[{"path": f"flow.{key}", "message": refusal}])
    args: dict[str, Any] = {
        "namespace": document["namespace"],
        "id": document["id"],
        "source": source,
        "expect": expect,
    }
    if base_revision is not None:
        args["base_revision"] = base_revision
    if message and message.strip():
        args["message"] = message.strip()[:LONGEST_MESSAGE]
    await backend.send(caller, "flow.save", **args)
    return await get(backend, caller, str(document["namespace"]), str(document["id"]), source=True)


async def delete(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> None:
    """Delete a flow; its revisions stay. `NotFound`."""
    await head(backend, caller, namespace, flow_id)
    await backend.send(caller, "flow.delete", namespace=namespace, id=flow_id)


async def search(
    backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page
) -> tuple[list[dict[str, Any]], int]:
    """One page of flows."""
    rows, total = await backend.read(queries.search, caller.tenant, filters, page, backend.config.system_namespace)
    return [documents.flow(row) for row in rows], total


async def matching(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> list[Any]:
    """Rows of all matches."""
    return await backend.read(queries.matching, caller.tenant, filters, backend.config.system_namespace)


def following(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> AsyncIterator[list[Any]]:
    """Rows of all matches, however many, by namespace and id, without sources, a piece at a time."""
    system = backend.config.system_namespace

    def read(after: tuple[str, str] | None) -> Any:
        return backend.read(queries.following, caller.tenant, filters, system, after, limit=PIECE)

    return pieces(read, lambda row: (row["namespace"], row["id"]))


async def named(backend: Backend, caller: Caller, ids: Sequence[Any]) -> list[Any]:
    """Rows of `[{namespace, id}]`. `NotFound` if one is unknown."""
    rows = []
    for one in ids:
        if not isinstance(one, Mapping) or "id" not in one or "namespace" not in one:
            raise IllegalArgument("a list of {namespace, id} is expected")
        rows.append(await head(backend, caller, str(one["namespace"]), str(one["id"])))
    return rows


async def delete_all(backend: Backend, caller: Caller, rows: Sequence[Any]) -> int:
    """Delete many; how many."""
    for row in rows:
        await backend.send(caller, "flow.delete", namespace=row["namespace"], id=row["id"])
    return len(rows)


async def set_disabled(backend: Backend, caller: Caller, rows: Sequence[Any], disabled: bool) -> int:
    """Switch flows off or on; counts those whose state really changed."""
    count = 0
    for row in rows:
        if bool(row["disabled"]) != disabled:
            await backend.send(caller, "flow.set_disabled", namespace=row["namespace"], id=row["id"], disabled=disabled)
            count += 1
    return count


async def revisions(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, *, deleted: bool
) -> list[dict[str, Any]]:
    """All revisions, ascending, with source, author and message."""
    row = await head(backend, caller, namespace, flow_id, deleted=True)
    rows = await backend.read(queries.revisions, row["flow_key"])
    return [
        documents.flow(row, source=True, revision=r) | compact({"author": r["author"], "message": r["message"]})
        for r in rows
        if deleted or not r["deleted"]
    ]


async def delete_revisions(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, numbers: Sequence[int]
) -> None:
    """Remove old revisions; the newest stays (`IllegalArgument`)."""
    row = await head(backend, caller, namespace, flow_id)
    if row["revision"] in numbers:
        raise IllegalArgument("the latest revision cannot be deleted")
    await backend.send(caller, "flow.delete_revisions", namespace=namespace, id=flow_id, revisions=list(numbers))


def _violation(index: int, result: Any, stored: Any, filename: str | None) -> dict[str, Any]:
    from flowdeck.model.source import constraints_text

    document = result.document if isinstance(result.document, Mapping) else {}
    findings = result.findings
    constraints = constraints_text(findings)
    sent = document.get("revision")
    return compact(
        {
            "index": index,
            "filename": filename,
            "flow": str(document["id"]) if document.get("id") is not None else None,
            "namespace": str(document["namespace"]) if document.get("namespace") is not None else None,
            "constraints": constraints,
            "outdated": bool(
                stored is not None
                and isinstance(sent, int | str)
                and str(sent).isdigit()
                and int(sent) != stored["revision"]
            ),
            **told(findings),
        }
    )


async def validate(
    backend: Backend, caller: Caller, text: str, *, filename: str | None = None, first: int = 0
) -> list[dict[str, Any]]:
    """One `ValidateConstraintViolation` per document, with our `findings` (severity, place, rule) beside."""
    answers = []
    for index, source in enumerate(split_documents(text) or [""], first):
        result = await backend.thread(lambda source=source: parse(backend, source, caller.tenant))
        stored = None
        document = result.document if isinstance(result.document, Mapping) else {}
        if document.get("revision") is not None and document.get("id") and document.get("namespace"):
            stored = await backend.read(queries.head, caller.tenant, str(document["namespace"]), str(document["id"]))
        answers.append(_violation(index, result, stored, filename))
    return answers


async def validate_part(backend: Backend, caller: Caller, part: Any, section: str) -> dict[str, Any]:
    """Validation of one task or trigger given as an object."""
    if not isinstance(part, Mapping):
        raise IllegalArgument("an object is expected")
    key = "triggers" if section.upper() == "TRIGGERS" else "tasks"
    flow: dict[str, Any] = {"id": "validation", "namespace": "validation", key: [dict(part)]}
    if key == "triggers":
        flow["tasks"] = [{"id": "none", "type": "io.kestra.plugin.core.log.Log", "message": "none"}]
    source = yaml.safe_dump(flow, sort_keys=False, allow_unicode=True)
    result = await backend.thread(lambda: parse(backend, source, caller.tenant))
    answer = _violation(0, result, None, None)
    for name in ("flow", "namespace"):
        answer.pop(name, None)
    if "constraints" in answer:
        answer["constraints"] = answer["constraints"].replace(f"{key}[0].", "").replace(f"{key}[0]", "")
    answer["findings"] = [
        {k: v for k, v in f.items() if k not in ("line", "column", "endLine", "endColumn")} for f in answer["findings"]
    ]
    return answer


def find_task(document: Any, task_id: str) -> Mapping[str, Any] | None:
    """A task (or trigger-free nested one) by id anywhere below a document."""
    stack: list[Any] = [document]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            if one.get("id") == task_id and isinstance(one.get("type"), str) and "." in one["type"]:
                return one
            stack.extend(
                v for k, v in reversed(list(one.items())) if k not in ("inputs", "outputs", "triggers", "variables")
            )
        elif isinstance(one, list):
            stack.extend(reversed(one))
    return None


def outdated(catalog: Any, document: Any) -> list[dict[str, str]]:
    """Tasks and triggers of a document whose type has another name now, or is deprecated (`TaskDeprecation`)."""
    found: list[dict[str, str]] = []
    stack: list[Any] = [document]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(reversed(one))
        if not isinstance(one, Mapping):
            continue
        written = one.get("type")
        spec = catalog.find(written) if isinstance(written, str) and "." in written else None
        if spec is not None and isinstance(one.get("id"), str) and (spec.deprecated or spec.type != written):
            entry = {"taskId": one["id"], "taskType": str(written)}
            found.append(entry | ({"replacement": spec.type} if spec.type != written else {}))
        stack.extend(v for k, v in reversed(list(one.items())) if k not in ("inputs", "outputs", "variables"))
    return found


async def task(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, task_id: str, revision: int | None
) -> dict[str, Any]:
    """One task of a flow. `NotFound`."""
    whole = await get(backend, caller, namespace, flow_id, revision=revision)
    found = find_task(whole, task_id)
    if found is None:
        raise NotFound(f"task '{task_id}'")
    return dict(found)


async def graph(backend: Backend, caller: Caller, namespace: str, flow_id: str, revision: int | None) -> dict[str, Any]:
    """`FlowGraph` of a stored flow."""
    from flowdeck.model.graph import flow_graph

    row, old = await at_revision(backend, caller, namespace, flow_id, revision)
    return flow_graph(await parsed(backend, row, old))


async def graph_of_source(backend: Backend, caller: Caller, source: str) -> dict[str, Any]:
    """`FlowGraph` of an unsaved source; what can't be drawn is refused."""
    from flowdeck.model.graph import flow_graph

    result = await backend.thread(lambda: parse(backend, source, caller.tenant, strict=False))
    if result.flow is None:
        refuse(result.findings)
        raise InvalidEntity("the flow can't be drawn")
    return flow_graph(result.flow)


async def search_sources(
    backend: Backend, caller: Caller, text: str, namespace: str | None, page: Page
) -> tuple[list[dict[str, Any]], int]:
    """Flows whose source contains a text, with marked fragments."""
    rows = await backend.read(queries.sources_containing, caller.tenant, text, namespace)
    chosen = rows[page.offset : page.offset + page.size]
    pattern = re.compile("|".join(re.escape(w) for w in text.split()) or "(?!)", re.IGNORECASE)
    return [
        {
            "model": documents.flow(row),
            "fragments": [
                pattern.sub(lambda m: f"[mark]{m[0]}[/mark]", line.strip())
                for line in row["source"].splitlines()
                if pattern.search(line)
            ][:10],
        }
        for row in chosen
    ], len(rows)
