"""`flowdeck flow …` against a running server: create, update, delete, export, synchronise a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flowdeck.cli.includes import flow_files
from flowdeck.cli.parsing import commands, switch, table
from flowdeck.cli.remote import Remote, add_flags, show

YAML = {"Content-Type": "application/x-yaml"}


def register(below: Any) -> None:
    """Add the commands to `flow`."""

    def command(name: str, told: str, run: Any, *arguments: str, **more: Any) -> argparse.ArgumentParser:
        parser = below.add_parser(name, help=told, **more)
        for argument in arguments:
            parser.add_argument(argument.lower(), metavar=argument)
        add_flags(parser)
        parser.set_defaults(run=run)
        return parser

    listing = command("list", "flows of a server", run_list)
    listing.add_argument("--namespace", help="this one and those below it")
    listing.add_argument("-q", "--query", help="words of the id")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="most rows (100)")
    command("get", "the source of a flow", run_get, "NAMESPACE", "ID").add_argument(
        "--revision", type=int, metavar="N", help="not the newest one"
    )
    command("create", "create a flow from a file", run_create, "FILE")
    command("update", "save a new revision of a flow", run_update, "FILE", "NAMESPACE", "ID")
    command("delete", "delete a flow", run_delete, "NAMESPACE", "ID")
    updates = command("updates", "save all flows of a folder", run_updates, "DIRECTORY")
    switch(updates, "delete", "delete what is not there")
    updates.add_argument("--namespace", help="of the flows that may be deleted")
    export = command("export", "write flows.zip into a folder", run_export, "DIRECTORY")
    export.add_argument("--namespace", help="this one and those below it")
    again = command(
        "sync-from-source", "save the stored sources again, as after an upgrade", run_sync, aliases=["syncFromSource"]
    )
    again.add_argument("--namespace", help="this one and those below it")
    group = commands(below.add_parser("namespace", help="all flows of a namespace"), "part")
    update = group.add_parser("update", aliases=["sync"], help="save all flows of a folder in a namespace")
    update.add_argument("namespace", metavar="NAMESPACE")
    update.add_argument("directory", metavar="DIRECTORY")
    switch(update, "delete", "delete what is not there")
    switch(update, "override-namespaces", "put this namespace in")
    add_flags(update)
    update.set_defaults(run=run_namespace_update)


def sources(directory: str) -> str:
    """All flows below a folder as documents of one text."""
    from flowdeck.cli.flow import source

    folder = Path(directory)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    files = flow_files(folder)
    if not files:
        raise ValueError(f"{folder} has no *.yml and no *.yaml")
    return "\n---\n".join(source(str(file)).rstrip() for file in files) + "\n"


def _name(flow: Any) -> str:
    return f"{flow['namespace']}.{flow['id']}"


def _below(namespace: str | None) -> dict[str, str]:
    return {"filters[namespace][PREFIX]": namespace} if namespace else {}


def run_list(options: argparse.Namespace) -> int:
    """Print flows with their revisions."""
    asked = _below(options.namespace) | ({"filters[q][EQUALS]": options.query} if options.query else {})
    with Remote(options) as remote:
        rows = remote.pages("flows", "search", params=asked, limit=options.limit)
    show(options, rows, table(rows, ("namespace", "id", "revision", "disabled", "description"), "no flows"))
    return 0


def run_get(options: argparse.Namespace) -> int:
    """Print a flow's source, or with `--output json` the flow."""
    asked: dict[str, Any] = {"source": "true"}
    if options.revision is not None:
        asked["revision"] = options.revision
    with Remote(options) as remote:
        flow = remote.call("GET", "flows", options.namespace, options.id, params=asked).json()
    show(options, flow, flow["source"].rstrip("\n"))
    return 0


def run_create(options: argparse.Namespace) -> int:
    """Create the flow of a file."""
    made = _sent(options, "POST", "flows")
    show(options, made, f"created {_name(made)}, revision {made['revision']}")
    return 0


def run_update(options: argparse.Namespace) -> int:
    """Save a revision."""
    made = _sent(options, "PUT", "flows", options.namespace, options.id)
    show(options, made, f"saved {_name(made)}, revision {made['revision']}")
    return 0


def _sent(options: argparse.Namespace, method: str, *place: str) -> Any:
    """The flow that the server made of a file; a refusal names the file."""
    from flowdeck.cli.flow import source
    from flowdeck.cli.remote import Refused

    text = source(options.file)
    with Remote(options) as remote:
        try:
            return remote.call(method, *place, content=text.encode(), headers=YAML).json()
        except Refused as error:
            raise ValueError(f"{options.file}: {error}" if error.status in (409, 422) else str(error)) from None


def run_delete(options: argparse.Namespace) -> int:
    """Delete a flow."""
    with Remote(options) as remote:
        remote.call("DELETE", "flows", options.namespace, options.id)
    show(options, {"deleted": f"{options.namespace}.{options.id}"}, f"deleted {options.namespace}.{options.id}")
    return 0


def _saved(options: argparse.Namespace, flows: Any) -> int:
    show(
        options, flows, "\n".join([f"{len(flows)} flows", *(f"  {_name(f)}, revision {f['revision']}" for f in flows)])
    )
    return 0


def run_updates(options: argparse.Namespace) -> int:
    """Save all flows of a folder."""
    asked = {"delete": str(options.delete).lower()}
    if options.namespace:
        asked["namespace"] = options.namespace
    return _saved(options, _sent_all(options, asked, "flows", "bulk"))


def run_namespace_update(options: argparse.Namespace) -> int:
    """Save all flows of a folder in a namespace."""
    asked = {"delete": str(options.delete).lower(), "override": str(options.override_namespaces).lower()}
    return _saved(options, _sent_all(options, asked, "flows", options.namespace))


def _sent_all(options: argparse.Namespace, asked: dict[str, str], *place: str) -> Any:
    """The flows that the server made of a folder; of a refusal the files and lines are told where they are known."""
    from flowdeck.cli.flow import findings_here
    from flowdeck.cli.remote import Refused

    text = sources(options.directory).encode()
    with Remote(options) as remote:
        try:
            return remote.call("POST", *place, params=asked, content=text, headers=YAML).json()
        except Refused as error:
            told = findings_here(options.directory) if error.status == 422 else []
            raise ValueError("\n".join([str(error), *told])) from None


def run_export(options: argparse.Namespace) -> int:
    """Download all flows."""
    folder = Path(options.directory)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "flows.zip"
    with Remote(options) as remote:
        size = remote.download(path, "flows", "export", "by-query", params=_below(options.namespace))
    show(options, {"file": str(path), "bytes": size}, f"wrote {path}, {size:,} bytes")
    return 0


def run_sync(options: argparse.Namespace) -> int:
    """Save each flow's own source again: what no longer is valid is told, the others stay as they are."""
    from flowdeck.cli.remote import Refused

    refused: list[dict[str, str]] = []
    with Remote(options) as remote:
        rows = remote.pages("flows", "search", params=_below(options.namespace))
        for row in rows:
            place = ("flows", row["namespace"], row["id"])
            text = remote.call("GET", *place, params={"source": "true"}).json()["source"]
            try:
                remote.call("PUT", *place, content=text.encode(), headers=YAML)
            except Refused as error:
                refused.append({"flow": _name(row), "reason": str(error)})
    told = [f"{len(rows) - len(refused)} flows read again", *(f"{one['flow']}: {one['reason']}" for one in refused)]
    show(options, {"read": len(rows) - len(refused), "refused": refused}, "\n".join(told))
    return 1 if refused else 0
