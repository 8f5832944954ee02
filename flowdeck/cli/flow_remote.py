"""`flowdeck flow …` against a running server: create, update, delete, export, synchronise a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flowdeck.cli.includes import expand, flow_files, text_of
from flowdeck.cli.remote import Remote, add_flags, show

YAML = {"Content-Type": "application/x-yaml"}


def register(commands: Any) -> None:
    """Add the commands to `flow`."""

    def command(name: str, told: str, run: Any, *arguments: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=told)
        for argument in arguments:
            parser.add_argument(argument.lower(), metavar=argument)
        add_flags(parser)
        parser.set_defaults(run=run)
        return parser

    command("create", "create a flow from a file", run_create, "FILE")
    command("update", "save a new revision of a flow", run_update, "FILE", "NAMESPACE", "ID")
    command("delete", "delete a flow", run_delete, "NAMESPACE", "ID")
    updates = command("updates", "save all flows of a folder", run_updates, "DIRECTORY")
    updates.add_argument(
        "--delete", action=argparse.BooleanOptionalAction, default=False, help="delete what is not there"
    )
    updates.add_argument("--namespace", help="of the flows that may be deleted")
    export = command("export", "write flows.zip into a folder", run_export, "DIRECTORY")
    export.add_argument("--namespace", help="this one and those below it")
    dot = commands.add_parser("dot", help="the flow's graph as Graphviz text")
    dot.add_argument("file", metavar="FILE")
    dot.set_defaults(run=run_dot)
    expanded = commands.add_parser("expand", help="the source with the files that it includes")
    expanded.add_argument("file", metavar="FILE")
    expanded.set_defaults(run=run_expand)
    group = commands.add_parser("namespace", help="all flows of a namespace").add_subparsers(
        dest="part", metavar="COMMAND", required=True
    )
    update = group.add_parser("update", help="save all flows of a folder in a namespace")
    update.add_argument("namespace", metavar="NAMESPACE")
    update.add_argument("directory", metavar="DIRECTORY")
    update.add_argument(
        "--delete", action=argparse.BooleanOptionalAction, default=False, help="delete what is not there"
    )
    update.add_argument(
        "--override-namespaces",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="put this namespace in",
    )
    add_flags(update)
    update.set_defaults(run=run_namespace_update)


def source(file: str) -> str:
    """A flow's source with its includes; `ValueError` names what can't be read."""
    path = Path(file)
    return expand(text_of(path), path.parent)


def sources(directory: str) -> str:
    """All flows below a folder as documents of one text."""
    folder = Path(directory)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    files = flow_files(folder)
    if not files:
        raise ValueError(f"{folder} has no *.yml and no *.yaml")
    return "\n---\n".join(source(str(file)).rstrip() for file in files) + "\n"


def _name(flow: Any) -> str:
    return f"{flow['namespace']}.{flow['id']}"


def run_create(options: argparse.Namespace) -> int:
    """Create the flow of a file."""
    with Remote(options) as remote:
        made = remote.call("POST", "flows", content=source(options.file), headers=YAML).json()
    show(options, made, f"created {_name(made)}, revision {made['revision']}")
    return 0


def run_update(options: argparse.Namespace) -> int:
    """Save a revision."""
    with Remote(options) as remote:
        made = remote.call(
            "PUT", "flows", options.namespace, options.id, content=source(options.file), headers=YAML
        ).json()
    show(options, made, f"saved {_name(made)}, revision {made['revision']}")
    return 0


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
    with Remote(options) as remote:
        answer = remote.call("POST", "flows", "bulk", params=asked, content=sources(options.directory), headers=YAML)
    return _saved(options, answer.json())


def run_namespace_update(options: argparse.Namespace) -> int:
    """Save all flows of a folder in a namespace."""
    asked = {"delete": str(options.delete).lower(), "override": str(options.override_namespaces).lower()}
    with Remote(options) as remote:
        answer = remote.call(
            "POST", "flows", options.namespace, params=asked, content=sources(options.directory), headers=YAML
        )
    return _saved(options, answer.json())


def run_export(options: argparse.Namespace) -> int:
    """Download all flows."""
    folder = Path(options.directory)
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"filters[namespace][PREFIX]": options.namespace} if options.namespace else {}
    with Remote(options) as remote:
        body = remote.call("GET", "flows", "export", "by-query", params=asked).content
    path = folder / "flows.zip"
    path.write_bytes(body)
    show(options, {"file": str(path), "bytes": len(body)}, f"wrote {path}, {len(body):,} bytes")
    return 0


def run_expand(options: argparse.Namespace) -> int:
    """Print a source with its includes."""
    print(source(options.file), end="")
    return 0


def run_dot(options: argparse.Namespace) -> int:
    """Print the graph of a flow's tasks."""
    from flowdeck.model.graph import flow_graph
    from flowdeck.model.source import parse_flow
    from flowdeck.sdk.index import load_catalog

    parsed = parse_flow(source(options.file), load_catalog(), strict=False)
    if parsed.flow is None:
        raise ValueError("; ".join(one.message for one in parsed.findings) or "the flow can't be drawn")
    graph = flow_graph(parsed.flow)

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    print(f"digraph {quoted(parsed.flow.id)} {{")
    for node in graph["nodes"]:
        label = (node.get("task") or node.get("trigger") or {}).get("id") or ""
        shape = "box" if label else "point"
        print(f"  {quoted(node['uid'])} [label={quoted(label)} shape={shape}];")
    for edge in graph["edges"]:
        value = (edge.get("relation") or {}).get("value")
        told = f" [label={quoted(str(value))}]" if value else ""
        print(f"  {quoted(edge['source'])} -> {quoted(edge['target'])}{told};")
    print("}")
    return 0
