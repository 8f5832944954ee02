"""`flowdeck sys import`: flows, files and pairs of another server, flowdeck's or the reference's, by its API."""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any

from flowdeck.cli.parsing import show
from flowdeck.cli.remote import Refused, Remote, add_flags

YAML = {"Content-Type": "application/x-yaml"}


def register(group: argparse.ArgumentParser) -> None:
    """Add the flags."""
    group.description = "Copy to --server what --from holds. Values of secrets can't be read, so they are not copied."
    group.add_argument("--from", dest="source", required=True, metavar="URL", help="the server to copy from")
    group.add_argument("--from-user", metavar="USER:PASSWORD")
    group.add_argument("--from-api-token", metavar="TOKEN")
    group.add_argument("--from-tenant", default="main")
    group.add_argument("--namespace", help="this one and those below it")
    group.add_argument("--dry-run", action="store_true", help="only say what would be copied")
    add_flags(group)
    group.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Copy; what is refused is told, and the exit status is 1."""
    origin = argparse.Namespace(
        server=options.source,
        user=options.from_user,
        api_token=options.from_api_token,
        tenant=options.from_tenant,
        headers=[],
    )
    copied = {"flows": 0, "files": 0, "pairs": 0}
    refused: list[str] = []
    with Remote(origin) as there, Remote(options) as here:
        wanted = {"filters[namespace][PREFIX]": options.namespace} if options.namespace else {}
        flows = there.pages("flows", "search", params=wanted)
        for flow in flows:
            place = ("flows", flow["namespace"], flow["id"])
            source = there.call("GET", *place, params={"source": "true"}).json()["source"]
            _try(copied, "flows", refused, f"flow {'.'.join(place[1:])}", partial(_flow, here, options, place, source))
        for namespace in _namespaces(there, flows, options.namespace):
            _files(there, here, options, namespace, copied, refused)
            _pairs(there, here, options, namespace, copied, refused)
    told = [", ".join(f"{number} {name}" for name, number in copied.items()) + " copied", *refused]
    show(options, {"copied": copied, "refused": refused}, "\n".join(told))
    return 1 if refused else 0


def _try(copied: dict[str, int], kind: str, refused: list[str], name: str, work: Any) -> None:
    try:
        work()
        copied[kind] += 1
    except Refused as error:
        if error.status in (0, 401, 403):
            raise
        refused.append(f"{name}: {error}")


def _flow(here: Remote, options: argparse.Namespace, place: tuple[str, ...], source: str) -> None:
    if options.dry_run:
        return
    try:
        here.call("PUT", *place, content=source.encode(), headers=YAML)
    except Refused as error:
        if error.status != 404:
            raise
        here.call("POST", "flows", content=source.encode(), headers=YAML)


def _namespaces(there: Remote, flows: list[Any], below: str | None) -> list[str]:
    """Namespaces with flows and those that the server lists."""
    found = {flow["namespace"] for flow in flows}
    found |= {one["id"] for one in there.pages("namespaces", "search")}
    return sorted(one for one in found if not below or one == below or one.startswith(f"{below}."))


def _files(there: Remote, here: Remote, options: Any, namespace: str, copied: Any, refused: list[str]) -> None:
    place = ("namespaces", namespace, "files")
    try:
        paths = there.call("GET", *place, "search", params={"q": ""}).json()
    except Refused as error:
        if error.status != 404:
            refused.append(f"files of {namespace}: {error}")
        return
    for path in paths:

        def copy(path: str = path) -> None:
            if options.dry_run:
                return
            content = there.call("GET", *place, params={"path": path}).content
            here.call("POST", *place, params={"path": path}, files={"fileContent": (path.rsplit("/", 1)[-1], content)})

        _try(copied, "files", refused, f"file {namespace}:{path}", copy)


def _pairs(there: Remote, here: Remote, options: Any, namespace: str, copied: Any, refused: list[str]) -> None:
    place = ("namespaces", namespace, "kv")
    try:
        keys = {one["key"]: one for one in there.call("GET", *place).json()}
    except Refused as error:
        refused.append(f"pairs of {namespace}: {error}")
        return
    for key in keys:

        def copy(key: str = key) -> None:
            if options.dry_run:
                return
            found = there.call("GET", *place, key).json()
            plain = found.get("type") in ("DATETIME", "DATE", "DURATION")
            body = str(found["value"]) if plain else json.dumps(found["value"], ensure_ascii=False)
            headers = {"Content-Type": b"text/plain"}
            if keys[key].get("description"):
                headers["description"] = keys[key]["description"].replace("\n", " ").encode()
            here.call("PUT", *place, key, content=body.encode(), headers=headers)

        _try(copied, "pairs", refused, f"pair {namespace}:{key}", copy)
