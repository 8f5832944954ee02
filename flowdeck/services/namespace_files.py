"""Namespace files: rows in the store, content in internal storage (spec: REST contract §13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import ZipInfo

from flowdeck.model.errors import IllegalArgument, NotFound, TooLarge
from flowdeck.model.yaml_tree import MAX_SOURCE
from flowdeck.services import flows
from flowdeck.services.archives import Archive, packed
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant
from flowdeck.storage.paths import path_of, revision_of, revision_place
from flowdeck.store.queries.where import Page, Where, page_of

FLOWS = "/_flows"
_ROW = "select * from namespace_file where tenant = :tenant and namespace = :ns and path = :path"
_AUTHORS = (
    "select version, author from namespace_file_author where tenant = :tenant and namespace = :ns and path = :path"
)
LONGEST_NAME = 230
"""Bytes of a part: file systems take 255, and the revision stands behind the name."""
LONGEST_PATH = 1024


def clean(path: str | None) -> str:
    """An absolute path without climbing parts. `IllegalArgument`."""
    text = path or "/"
    for scheme in ("nsfile://", "file://"):
        text = text.removeprefix(scheme)
    parts = [p for p in text.split("/") if p and p != "."]
    if any(p == ".." or "\\" in p or "\0" in p for p in parts):
        raise IllegalArgument(f"Invalid path: {text[:200]}")
    if any(len(p.encode("utf-8", "replace")) > LONGEST_NAME for p in parts):
        raise IllegalArgument(f"a part of the path is longer than {LONGEST_NAME} bytes")
    if len(text) > LONGEST_PATH:
        raise IllegalArgument(f"the path is longer than {LONGEST_PATH} characters")
    return "/" + "/".join(parts)


def attributes(row: Any) -> dict[str, Any]:
    """`FileAttributes`; instants in ms; `version` (ours) of a file tells a newer one apart."""
    return {
        "type": "Directory" if row["directory"] else "File",
        "size": 0 if row["directory"] else row["size"],
        "fileName": row["path"].rpartition("/")[2],
        "lastModifiedTime": row["updated"],
        "creationTime": row["updated"],
        **({} if row["directory"] else {"version": row["version"]}),
    }


async def row_of(backend: Backend, caller: Caller, namespace: str, path: str) -> Any:
    """The row of a path. `NotFound`."""
    row = await backend.read(lambda r: r.one(_ROW, tenant=caller.tenant, ns=namespace, path=path))
    if row is None:
        raise NotFound(f"file '{path}' of namespace '{namespace}'")
    return row


async def below(backend: Backend, caller: Caller, namespace: str, path: str) -> list[Any]:
    """Direct children of a directory; `NotFound` for an unknown one but the root."""
    prefix = "/" if path == "/" else path + "/"
    if path != "/":
        row = await row_of(backend, caller, namespace, path)
        if not row["directory"]:
            raise NotFound(f"directory '{path}'")
    rows = await backend.read(
        lambda r: r.all(
            "select * from namespace_file where tenant = :tenant and namespace = :ns and "
            "substr(path, 1, length(:prefix)) = :prefix order by path",
            tenant=caller.tenant,
            ns=namespace,
            prefix=prefix,
        )
    )
    return [r for r in rows if "/" not in r["path"][len(prefix) :] and r["path"] != prefix]


MOST_BELOW = 1000
"""Files of the namespaces below one that are listed."""


async def of_children(backend: Backend, caller: Caller, namespace: str) -> dict[str, Any]:
    """Files of the namespaces below one: `{total, files: [{namespace, path, size, updated}]}` (ui.md UI-NS-02)."""

    def work(reader: Any) -> tuple[list[Any], int]:
        where = Where(reader.dialect, tenant=caller.tenant, own=namespace).add("tenant = :tenant")
        where.add(where.match("namespace", "PREFIX", [namespace])).add("namespace <> :own").add("not directory")
        total = reader.value(f"select count(*) from namespace_file where {where.sql}", where.params)
        return (
            page_of(
                reader,
                "namespace, path, size, updated",
                "from namespace_file",
                where,
                "namespace, path",
                Page(1, MOST_BELOW),
            ),
            total,
        )

    rows, total = await backend.read(work)
    files = [
        {"namespace": r["namespace"], "path": r["path"], "size": r["size"], "updated": instant(r["updated"])}
        for r in rows
    ]
    return {"total": total, "files": files}


async def everything(backend: Backend, caller: Caller, namespace: str) -> list[Any]:
    """All rows of a namespace, by path."""
    return await backend.read(
        lambda r: r.all(
            "select * from namespace_file where tenant = :tenant and namespace = :ns order by path",
            tenant=caller.tenant,
            ns=namespace,
        )
    )


async def place_for(backend: Backend, caller: Caller, namespace: str, path: str) -> str:
    """Where the next revision's content goes: never a place that was used before."""
    row = await backend.read(lambda r: r.one(_ROW, tenant=caller.tenant, ns=namespace, path=path))
    if row is None:
        return revision_place(namespace, path, 1)
    return revision_place(namespace, path, row["version"] + 1, row["uri"])


async def put(
    backend: Backend, caller: Caller, namespace: str, path: str, place: str, size: int, *, base: int | None = None
) -> None:
    """Name stored content as the newest revision of a path; `Conflict` when it is not made from `base` any more."""
    if path == "/":
        raise IllegalArgument("a file needs a name")
    from flowdeck.storage.paths import uri_of

    try:
        more: dict[str, Any] = {} if base is None else {"base_version": base}
        await backend.send(caller, "files.put", namespace=namespace, path=path, size=size, uri=uri_of(place), **more)
    except BaseException:
        await backend.thread(lambda: backend.storage.delete(place))
        raise


async def put_bytes(backend: Backend, caller: Caller, namespace: str, path: str, data: bytes) -> None:
    """Write small content; below `/_flows` a flow is imported instead."""
    if path == FLOWS or path.startswith(FLOWS + "/"):
        await flows.save(backend, caller, data.decode("utf-8-sig", errors="replace"))
        return
    place = await place_for(backend, caller, namespace, path)

    def write() -> None:
        with backend.storage.open_write(place) as file:
            file.write(data)

    await backend.thread(write)
    await put(backend, caller, namespace, path, place, len(data))


async def unpack(backend: Backend, caller: Caller, namespace: str, folder: str, uri: str) -> None:
    """Write every file of a stored archive below a folder. `IllegalArgument`, `TooLarge`."""
    file = await backend.thread(lambda: backend.storage.open_read(uri))
    with file:
        archive = await backend.thread(lambda: Archive(file))
        named = [(info, clean(f"{folder}/{info.filename}")) for info in archive.entries]
        # A bad name, or a flow that is none: nothing is written.
        for info, path in named:
            if _is_flow(path) and info.file_size > MAX_SOURCE:
                raise TooLarge(f"{info.filename[:200]} is too large for a flow")
        for info, path in named:
            if _is_flow(path):
                await put_bytes(
                    backend, caller, namespace, path, await backend.thread(lambda info=info: archive.content(info))
                )
            else:
                await _put_entry(backend, caller, namespace, path, archive, info)


def _is_flow(path: str) -> bool:
    return path == FLOWS or path.startswith(FLOWS + "/")


async def _put_entry(
    backend: Backend, caller: Caller, namespace: str, path: str, archive: Archive, info: ZipInfo
) -> None:
    """Write one file of an archive, a piece at a time."""
    place = await place_for(backend, caller, namespace, path)

    def write() -> None:
        with backend.storage.open_write(place) as file:
            for data in archive.pieces(info):
                file.write(data)

    await backend.thread(write)
    await put(backend, caller, namespace, path, place, info.file_size)


def _stored_files(storage: Any, uri: str) -> dict[int, Any]:
    path = path_of(uri)
    own = revision_of(path)
    base = own[0] if own else path
    found: dict[int, Any] = {}
    for one in storage.list(base.rpartition("/")[0], recursive=False):
        told = revision_of(one.path)
        if told and told[0] == base:
            found[told[1]] = one
    return found


def _stored_revisions(storage: Any, uri: str) -> dict[int, str]:
    return {number: one.path for number, one in _stored_files(storage, uri).items()}


async def _file(backend: Backend, caller: Caller, namespace: str, path: str) -> Any:
    row = await row_of(backend, caller, namespace, path)
    if row["directory"]:
        raise NotFound("file")
    return row


async def revisions(backend: Backend, caller: Caller, namespace: str, path: str) -> list[dict[str, int]]:
    """Stored revisions, ascending."""
    row = await _file(backend, caller, namespace, path)
    found = await backend.thread(lambda: _stored_revisions(backend.storage, row["uri"]))
    return [{"revision": n} for n in sorted(set(found) | {row["version"]}) if n <= row["version"]]


async def versions(backend: Backend, caller: Caller, namespace: str, path: str) -> list[dict[str, Any]]:
    """Stored revisions, newest first: `[{revision, date, size, author}]` (ui.md UI-NS-07); without author by a flow."""
    row = await _file(backend, caller, namespace, path)
    found = await backend.thread(lambda: _stored_files(backend.storage, row["uri"]))
    signed = await backend.read(lambda r: r.all(_AUTHORS, tenant=caller.tenant, ns=namespace, path=path))
    authors = {one["version"]: one["author"] for one in signed}
    told = {n: {"revision": n, "date": instant(one.modified), "size": one.size} for n, one in found.items()}
    told[row["version"]] = {"revision": row["version"], "date": instant(row["updated"]), "size": row["size"]}
    return [told[n] | compact({"author": authors.get(n)}) for n in sorted(told, reverse=True) if n <= row["version"]]


async def delete_revisions(backend: Backend, caller: Caller, namespace: str, path: str, numbers: Sequence[int]) -> None:
    """Remove old revisions of a file for good; the newest stays.

    Raises:
        IllegalArgument: the newest is among them, or none is named.
        NotFound: the file or one of them; then none is removed.
    """
    row = await _file(backend, caller, namespace, path)
    if not numbers:
        raise IllegalArgument("revisions: at least one number is needed")
    if max(numbers) >= row["version"]:
        raise IllegalArgument("the latest revision cannot be deleted")
    found = await backend.thread(lambda: _stored_revisions(backend.storage, row["uri"]))
    absent = [n for n in numbers if n not in found]
    if absent:
        raise NotFound(f"revision {absent[0]} of file '{path}'")
    await backend.thread(lambda: [backend.storage.delete(found[n]) for n in set(numbers)])


async def uri_at(backend: Backend, caller: Caller, namespace: str, path: str, revision: int | None) -> str:
    """Where the content of a revision lies. `NotFound`."""
    if path == FLOWS or path.startswith(FLOWS + "/"):
        raise NotFound("file")
    row = await row_of(backend, caller, namespace, path)
    if row["directory"] or not row["uri"]:
        raise NotFound("file")
    if revision is None or revision == row["version"]:
        return row["uri"]
    found = await backend.thread(lambda: _stored_revisions(backend.storage, row["uri"]))
    if revision not in found:
        raise NotFound(f"revision {revision}")
    return found[revision]


async def delete(backend: Backend, caller: Caller, namespace: str, path: str) -> None:
    """Delete a file or directory with all revisions below. `NotFound`."""
    prefix = "/" if path == "/" else path + "/"
    rows = [
        r for r in await everything(backend, caller, namespace) if r["path"] == path or r["path"].startswith(prefix)
    ]
    if not rows:
        raise NotFound(f"file '{path}' of namespace '{namespace}'")

    def older() -> list[str]:
        return [
            p
            for r in rows
            if r["uri"] and r["version"] > 1
            for n, p in _stored_revisions(backend.storage, r["uri"]).items()
            if n < r["version"]
        ]

    places = await backend.thread(older)
    await backend.send(caller, "files.delete", namespace=namespace, path=path)
    if places:
        await backend.thread(lambda: [backend.storage.delete(p) for p in places])


def archive(storage: Any, rows: Sequence[Any]) -> Iterator[bytes]:
    """A zip of all files, in pieces."""
    return packed(
        (row["path"].lstrip("/"), lambda uri=row["uri"]: storage.open_read(uri))
        for row in rows
        if not row["directory"] and row["uri"]
    )
