"""Rows of namespace files; their content is in storage already when a command arrives (spec: REST contract §13).

Content that no row points at any more is listed in `outbox` (`files.delete`) and deleted after the commit.
"""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.model.errors import Conflict, IllegalArgument, NotFound
from flowdeck.store.driver import Tx

_PLACE = "tenant = :tenant and namespace = :namespace and path = :path"
LONGEST_NAME = 255


def clean_path(path: str) -> str:
    """`/dir/name` without empty parts; `IllegalArgument` for a path that climbs, or with a too long part."""
    parts = [part for part in path.split("/") if part and part != "."]
    if any(part == ".." or "\0" in part or "\\" in part for part in parts):
        raise IllegalArgument(f"Invalid path: {path[:200]!r}")
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise IllegalArgument(f"a part of the path is longer than {LONGEST_NAME} bytes: {path[:200]!r}")
    return "/" + "/".join(parts)


def _upsert(tx: Tx, args: dict[str, Any], path: str, *, directory: bool, size: int = 0, uri: str | None = None) -> int:
    place = {"tenant": args["tenant"], "namespace": args["namespace"], "path": path}
    row = tx.one(f"select version, directory, uri from namespace_file where {_PLACE}", place)
    if row is not None and bool(row["directory"]) != directory:
        raise IllegalArgument(f"{path!r} is a {'directory' if row['directory'] else 'file'}")
    if row is not None and directory:
        return row["version"]
    version = row["version"] + 1 if row is not None else 1
    tx.sql(
        "insert into namespace_file (tenant, namespace, path, version, directory, size, uri, updated)"
        " values (:tenant, :namespace, :path, :version, :directory, :size, :uri, :now)"
        " on conflict (tenant, namespace, path) do update set version = excluded.version, size = excluded.size,"
        " uri = excluded.uri, updated = excluded.updated",
        {**place, "version": version, "directory": directory, "size": size, "uri": uri, "now": tx.now},
    )
    return version


def _parents(tx: Tx, args: dict[str, Any], path: str) -> None:
    parts = path.strip("/").split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        _upsert(tx, args, "/" + "/".join(parts[:depth]), directory=True)


def _sign(tx: Tx, args: dict[str, Any], path: str, version: int) -> None:
    if tx.principal is None:
        return
    tx.sql(
        "insert into namespace_file_author (tenant, namespace, path, version, author)"
        " values (:tenant, :namespace, :path, :version, :author)"
        " on conflict (tenant, namespace, path, version) do update set author = excluded.author",
        {
            "tenant": args["tenant"],
            "namespace": args["namespace"],
            "path": path,
            "version": version,
            "author": tx.principal,
        },
    )


def _drop(tx: Tx, tenant: str, uris: list[str]) -> None:
    if uris:
        payload = json.dumps({"tenant": tenant, "uris": uris})
        tx.insert("outbox", kind="files.delete", payload=payload, due=tx.now)


@command("files.put")
def put(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Add or replace a file: tenant, namespace, `path`, `size` (bytes), `uri`; parents are made.

    The principal, if there is one, is kept as the author of the version.
    With `base_version` the stored version must be this one, 0 for a file that is not there.

    Raises:
        IllegalArgument: the path is unusable, or a directory.
        Conflict: the stored version is another one; carries `version`.
    """
    path = clean_path(args["path"])
    if path == "/":
        raise IllegalArgument("a file needs a name")
    base = args.get("base_version")
    if base is not None:
        place = {"tenant": args["tenant"], "namespace": args["namespace"], "path": path}
        stored = tx.value(f"select version from namespace_file where {_PLACE}", place) or 0
        if stored != int(base):
            raise Conflict("the file was changed meanwhile", version=stored)
    _parents(tx, args, path)
    old = tx.value(
        f"select uri from namespace_file where {_PLACE}", tenant=args["tenant"], namespace=args["namespace"], path=path
    )
    version = _upsert(tx, args, path, directory=False, size=int(args.get("size", 0)), uri=args.get("uri"))
    _sign(tx, args, path, version)
    if old and old != args.get("uri") and args.get("drop_old"):
        _drop(tx, args["tenant"], [old])
    tx.notify(f"files:{args['namespace']}", "created" if version == 1 else "changed", path)
    return {"path": path, "version": version}


@command("files.mkdir")
def mkdir(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Make a directory with its parents; an existing one is fine."""
    path = clean_path(args["path"])
    if path != "/":
        _parents(tx, args, path)
        _upsert(tx, args, path, directory=True)
        tx.notify(f"files:{args['namespace']}", "created", path)
    return {"path": path}


def _subtree(tx: Tx, args: dict[str, Any], path: str) -> list[Any]:
    # Not a range: its ends would depend on the server's collation.
    start = "/" if path == "/" else f"{path}/"
    return tx.all(
        "select path, directory, uri, size, version from namespace_file where tenant = :tenant"
        " and namespace = :namespace and (path = :path or substr(path, 1, :size) = :start) order by path",
        tenant=args["tenant"],
        namespace=args["namespace"],
        path=path,
        start=start,
        size=len(start),
    )


@command("files.delete")
def delete(tx: Tx, args: dict[str, Any]) -> int:
    """Delete a file or a directory with all below; answers the number of rows. 0 = there was none."""
    path = clean_path(args["path"])
    rows = _subtree(tx, args, path)
    places = [{"tenant": args["tenant"], "namespace": args["namespace"], "path": row["path"]} for row in rows]
    for table in ("namespace_file", "namespace_file_author"):
        tx.many(f"delete from {table} where {_PLACE}", places)
    _drop(tx, args["tenant"], [row["uri"] for row in rows if row["uri"]])
    if rows:
        tx.notify(f"files:{args['namespace']}", "deleted", path)
    return len(rows)


@command("files.move")
def move(tx: Tx, args: dict[str, Any]) -> int:
    """Rename a file or directory, `from` → `to`; content stays where it is. Answers the number of rows.

    Raises:
        NotFound: nothing lies at `from`.
        IllegalArgument: `to` exists, or lies within `from`.
    """
    source, target = clean_path(args["from"]), clean_path(args["to"])
    rows = _subtree(tx, args, source)
    if not rows or source == "/":
        raise NotFound(f"file {source!r} of namespace {args['namespace']!r}")
    if target == source:
        return 0
    if target.startswith(f"{source}/"):
        raise IllegalArgument(f"{source!r} can't be moved into itself")
    if _subtree(tx, args, target):
        raise IllegalArgument(f"{target!r} exists already")
    _parents(tx, args, target)
    places = [
        {
            "tenant": args["tenant"],
            "namespace": args["namespace"],
            "path": row["path"],
            "new": target + row["path"][len(source) :],
        }
        for row in rows
    ]
    tx.many(
        f"update namespace_file set path = :new, updated = :now where {_PLACE}",
        [{**place, "now": tx.now} for place in places],
    )
    tx.many(f"update namespace_file_author set path = :new where {_PLACE}", places)
    tx.notify(f"files:{args['namespace']}", "deleted", source)
    tx.notify(f"files:{args['namespace']}", "created", target)
    return len(rows)
