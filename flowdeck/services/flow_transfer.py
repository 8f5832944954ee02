"""Flows as files: archives out, archives and many documents in (spec: REST contract §7)."""

from __future__ import annotations

import difflib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowdeck.model.errors import DomainError, IllegalArgument, InvalidEntity
from flowdeck.model.yaml_tree import MAX_SOURCE
from flowdeck.services import documents
from flowdeck.services.archives import Archive
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.flows import matching, parse, refuse, save, split_documents
from flowdeck.store.queries import flows as queries
from flowdeck.store.queries.where import Filter

FLOWS = 20_000
UNPACKED = 500 * 1024**2
"""What an archive of flows may hold."""
JUDGED = 2_000
"""Flows of one file that are judged before an import."""
DIFF_LINES = 30


def archive(rows: Sequence[Any], pattern: str) -> bytes:
    """A zip of sources; `pattern` makes the entry name of namespace and id."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for row in rows:
            archive_file.writestr(pattern.format(ns=row["namespace"], id=row["id"]), row["source"])
    return out.getvalue()


def unpack(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """(label, source) of an import file, one at a time; `IllegalArgument` for another kind of file, `TooLarge`."""
    lower = name.lower()
    if lower.endswith(".zip"):
        archive = Archive(io.BytesIO(content), most=FLOWS, unpacked=UNPACKED, largest=MAX_SOURCE, wanted=_is_source)
        return ((info.filename, _text(info.filename, archive.content(info))) for info in archive.entries)
    if lower.endswith((".yml", ".yaml")):
        sources = split_documents(content.decode("utf-8-sig", errors="replace"))
        return ((str(i), part) for i, part in enumerate(sources))
    raise IllegalArgument("Cannot import file with this extension, only .zip, .yml and .yaml are known")


def _is_source(name: str) -> bool:
    return name.lower().endswith((".yml", ".yaml"))


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IllegalArgument(f"{name[:200]}: not UTF-8 (byte {error.start})") from None


async def import_all(backend: Backend, caller: Caller, name: str, content: bytes, *, fail: bool) -> list[str]:
    """Create or update every flow of a file; names of those that could not be imported."""
    return [label for label, _ in (await import_told(backend, caller, name, content, fail=fail))[1]]


async def import_told(
    backend: Backend, caller: Caller, name: str, content: bytes, *, fail: bool
) -> tuple[int, list[tuple[str, str]]]:
    """Create or update every flow of a file: how many came in, and (label, reason) of the others.

    Raises:
        InvalidEntity: with all reasons, when one was refused and `fail` is set; the good ones are in all the same.
    """
    done = 0
    refused: list[tuple[str, str]] = []
    found = await backend.thread(lambda: unpack(name, content))
    while (one := await backend.thread(lambda: next(found, None))) is not None:
        label, source = one
        try:
            await save(backend, caller, source)
            done += 1
        except DomainError as error:
            refused.append((label, error.message))
    if refused and fail:
        raise InvalidEntity("could not import " + "; ".join(f"{label}: {why}" for label, why in refused))
    return done, refused


async def judge(backend: Backend, caller: Caller, name: str, content: bytes) -> list[dict[str, Any]]:
    """What an import of a file would do, flow by flow, and nothing of it done (UI-FL-06).

    Each answer has `name` (the entry, or the number of the document), `fate` (`new`, `update`, `unchanged`, `invalid`)
    and, as far as they can be read, `namespace` and `flow`; an invalid one has `reason`, an update `revision` (the new
    one) and the first `DIFF_LINES` lines that go and come. A flow that stands twice in the file is new or updated once
    and updates itself afterwards.

    Raises:
        IllegalArgument: another kind of file, or more than `JUDGED` flows.
    """
    found = await backend.thread(lambda: unpack(name, content))
    texts: dict[tuple[str, str], tuple[int, str]] = {}
    answers: list[dict[str, Any]] = []
    while (one := await backend.thread(lambda: next(found, None))) is not None:
        if len(answers) >= JUDGED:
            raise IllegalArgument(f"more than {JUDGED} flows in one file")
        label, source = one
        result = await backend.thread(lambda source=source: parse(backend, source, caller.tenant))
        document = result.document if isinstance(result.document, Mapping) else {}
        key = (str(document.get("namespace") or ""), str(document.get("id") or ""))
        answer: dict[str, Any] = {"name": label, "namespace": key[0], "flow": key[1]}
        answers.append(answer)
        try:
            refuse(result.findings)
        except DomainError as error:
            answers[-1] |= {"fate": "invalid", "reason": error.message}
            continue
        if key not in texts:
            row = await backend.read(queries.head, caller.tenant, *key)
            if row is not None and not row["deleted"]:
                texts[key] = (int(row["revision"]), str(row["source"]))
        answer |= await backend.thread(lambda key=key, source=source: _fate(texts.get(key), source))
        texts[key] = (int(answer.get("revision") or texts.get(key, (1, ""))[0]), source)
    return answers


def _fate(stored: tuple[int, str] | None, source: str) -> dict[str, Any]:
    """What becomes of a valid source beside the stored one."""
    if stored is None:
        return {"fate": "new"}
    revision, old = stored
    if old.strip() == source.strip():
        return {"fate": "unchanged"}
    lines = list(difflib.ndiff(old.strip().splitlines(), source.strip().splitlines())) if len(old) < 200_000 else []
    gone, come = ([one[2:] for one in lines if one.startswith(sign)] for sign in ("- ", "+ "))
    return {
        "fate": "update",
        "revision": revision + 1,
        "gone": len(gone),
        "come": len(come),
        "goneLines": [one[:400] for one in gone[:DIFF_LINES]],
        "comeLines": [one[:400] for one in come[:DIFF_LINES]],
    }


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
