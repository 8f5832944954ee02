"""Flows as files: archives out, archives and many documents in (spec: REST contract §7)."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import DomainError, IllegalArgument, InvalidEntity
from flowdeck.services import documents
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.flows import matching, parse, refuse, save, split_documents
from flowdeck.store.queries import flows as queries
from flowdeck.store.queries.where import Filter


def archive(rows: Sequence[Any], pattern: str) -> bytes:
    """A zip of sources; `pattern` makes the entry name of namespace and id."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for row in rows:
            archive_file.writestr(pattern.format(ns=row["namespace"], id=row["id"]), row["source"])
    return out.getvalue()


def unpack(name: str, content: bytes) -> list[tuple[str, str]]:
    """(label, source) of an import file; `IllegalArgument` for another kind of file."""
    lower = name.lower()
    if lower.endswith(".zip"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive_file:
                infos = [
                    i
                    for i in archive_file.infolist()
                    if not i.is_dir() and i.filename.lower().endswith((".yml", ".yaml"))
                ]
                if sum(i.file_size for i in infos) > 500 * 1024 * 1024 or len(infos) > 20_000:
                    raise IllegalArgument("the archive is too large")
                return [(i.filename, archive_file.read(i).decode("utf-8-sig")) for i in infos]
        except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, RuntimeError, EOFError) as error:
            raise IllegalArgument(f"{name}: {error}") from None
    if lower.endswith((".yml", ".yaml")):
        return [(str(i), part) for i, part in enumerate(split_documents(content.decode("utf-8-sig", errors="replace")))]
    raise IllegalArgument("Cannot import file with this extension, only .zip, .yml and .yaml are known")


async def import_all(backend: Backend, caller: Caller, name: str, content: bytes, *, fail: bool) -> list[str]:
    """Create or update every flow of a file; names of those that could not be imported."""
    refused: list[str] = []
    reasons: list[str] = []
    for label, source in await backend.thread(lambda: unpack(name, content)):
        try:
            await save(backend, caller, source)
        except DomainError as error:
            refused.append(label)
            reasons.append(f"{label}: {error.message}")
    if refused and fail:
        raise InvalidEntity("could not import " + "; ".join(reasons))
    return refused


async def replace_all(
    backend: Backend,
    caller: Caller,
    text: str,
    *,
    namespace: str | None,
    delete_others: bool,
    children: bool = False,
    override: bool = False,
) -> list[dict[str, Any]]:
    """Write all documents of a text; the others of the namespace (or tenant) go when `delete_others`."""
    wanted: dict[tuple[str, str], str] = {}
    for source in split_documents(text):
        result = await backend.thread(lambda source=source: parse(backend, source, caller.tenant))
        document = result.document if isinstance(result.document, Mapping) else {}
        if override and namespace is not None:
            source = re.sub(r"^namespace:.*$", f"namespace: {namespace}", source, count=1, flags=re.MULTILINE)
            result = await backend.thread(lambda source=source: parse(backend, source, caller.tenant))
            document = result.document
        refuse(result.findings)
        key = (str(document["namespace"]), str(document["id"]))
        if namespace is not None and key[0] != namespace and not (children and key[0].startswith(namespace + ".")):
            raise InvalidEntity(
                f"flow.namespace: the flow '{key[1]}' has namespace '{key[0]}' instead of '{namespace}'"
            )
        if key in wanted:
            raise InvalidEntity(f"flow.id: Duplicate flow id '{key[1]}'")
        wanted[key] = source
    answer: list[dict[str, Any]] = []
    if delete_others:
        if namespace is None:
            rows = await matching(backend, caller, [])
        elif children:
            rows = await matching(backend, caller, [Filter("namespace", "PREFIX", namespace)])
        else:
            rows = await backend.read(queries.in_namespace, caller.tenant, namespace)
        for row in rows:
            if (row["namespace"], row["id"]) not in wanted:
                await backend.send(caller, "flow.delete", namespace=row["namespace"], id=row["id"])
                answer.append(documents.flow(row) | {"deleted": True})
    return answer + [await save(backend, caller, source) for source in wanted.values()]
