"""`flowdeck flow …`: sources on this machine; the commands that need a server are in modules of their own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from flowdeck.cli.includes import expand, flow_files, text_of
from flowdeck.cli.parsing import commands, show
from flowdeck.cli.remote import add_flags, server_named

BATCH = 50
"""Files of one request to a server."""


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    from flowdeck.cli import flow_remote, flow_run

    below = commands(group, "command")
    validate = below.add_parser(
        "validate",
        help="check files, or all *.yml and *.yaml of folders",
        description="Check flows here, with the plugins that are installed here; with --server by that server's.",
    )
    validate.add_argument("paths", nargs="+", metavar="FILE", help="file or folder; - = standard input")
    validate.add_argument("--local", action="store_true", help="never ask a server")
    add_flags(validate)
    validate.set_defaults(run=run_validate, server=server_named())
    expanded = below.add_parser("expand", help="the source with the files that it includes")
    expanded.add_argument("file", metavar="FILE")
    expanded.set_defaults(run=run_expand)
    dot = below.add_parser("dot", help="the flow's graph as Graphviz text")
    dot.add_argument("file", metavar="FILE")
    dot.set_defaults(run=run_dot)
    flow_run.register(below)
    flow_remote.register(below)


def sources(paths: list[str]) -> list[tuple[str, str]]:
    """Names and texts of all documents' files; `ValueError` names a file that can't be read."""
    found: list[tuple[str, str]] = []
    for name in paths:
        if name == "-":
            found.append(("<stdin>", sys.stdin.read()))
            continue
        path = Path(name)
        files = flow_files(path) if path.is_dir() else [path]
        if not files:
            raise ValueError(f"{path} has no *.yml and no *.yaml")
        for file in files:
            text = text_of(file)
            found.append((str(file), expand(text, file.parent) if "[[>" in text else text))
    return found


def source(file: str) -> str:
    """A flow's source with its includes; `ValueError` names what can't be read."""
    return sources([file])[0][1]


def run_validate(options: argparse.Namespace) -> int:
    """Print findings as `file:line:column: severity: message`; status 1 when one is an error."""
    found = sources(options.paths)
    checked = _checked_there(options, found) if options.server and not options.local else _checked_here(found)
    failed = False
    told: list[str] = []
    for one in checked:
        failed = failed or not one["valid"]
        told += [_sentence(one["file"], finding) for finding in one["findings"]]
        if one["valid"]:
            told.append(f"{one['file']}: ok ({one['flow']})" if one.get("flow") else f"{one['file']}: ok")
    show(options, checked, "\n".join(told))
    return 1 if failed else 0


def findings_here(directory: str) -> list[str]:
    """What the rules of this machine find wrong in the flows of a folder, with file and line."""
    checked = _checked_here(sources([directory]))
    return [_sentence(one["file"], f) for one in checked for f in one["findings"] if f["severity"] == "error"]


def _sentence(file: str, finding: dict[str, Any]) -> str:
    place = f"{file}:{finding['line']}:{finding['column']}" if finding.get("line") else file
    path = f"{finding['path']}: " if finding.get("path") else ""
    return f"{place}: {finding['severity']}: {path}{finding['message']}"


def _checked_here(found: list[tuple[str, str]]) -> list[dict[str, Any]]:
    from flowdeck.model.source import parse_flow
    from flowdeck.sdk.index import load_catalog

    catalog = load_catalog()
    checked: list[dict[str, Any]] = []
    for name, text in found:
        parsed = parse_flow(text, catalog)
        findings = [
            {
                "severity": str(f.severity),
                "message": f.message,
                "path": f.path,
                "line": f.line,
                "column": f.column,
                "rule": f.rule,
            }
            for f in parsed.findings
        ]
        valid = parsed.flow is not None
        flow = {"flow": f"{parsed.namespace}.{parsed.id}"} if valid else {}
        checked.append({"file": name, "valid": valid, **flow, "findings": findings})
    return checked


def _checked_there(options: argparse.Namespace, found: list[tuple[str, str]]) -> list[dict[str, Any]]:
    from flowdeck.cli.flow_remote import YAML
    from flowdeck.cli.remote import Remote

    checked: list[dict[str, Any]] = []
    with Remote(options) as remote:
        for start in range(0, len(found), BATCH):
            part = found[start : start + BATCH]
            answers = _answers(remote, "\n---\n".join(text.rstrip() for _, text in part), YAML)
            if len(answers) != len(part):  # a file of several documents: each by itself
                each = [_answers(remote, text, YAML) for _, text in part]
            else:
                each = [[answer] for answer in answers]
            checked += [_told(name, answer) for (name, _), answer in zip(part, each, strict=True)]
    return checked


def _answers(remote: Any, text: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    return remote.call("POST", "flows", "validate", content=text.encode(), headers=headers).json()


def _told(name: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    findings: list[dict[str, Any]] = []
    for one in answers:
        if one.get("constraints"):
            findings += [{"severity": "error", "message": line} for line in one["constraints"].splitlines() if line]
        findings += [{"severity": "warning", "message": text} for text in one.get("warnings") or ()]
        findings += [
            {"severity": "warning", "message": f"{path} is deprecated"} for path in one.get("deprecationPaths") or ()
        ]
        findings += [{"severity": "info", "message": text} for text in one.get("infos") or ()]
    names = ", ".join(f"{one.get('namespace')}.{one.get('flow')}" for one in answers if one.get("flow"))
    valid = not any(one.get("constraints") for one in answers)
    return {"file": name, "valid": valid, **({"flow": names} if names else {}), "findings": findings}


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
        told = [f"{options.file}:{one.line}:{one.column}: {one.message}" for one in parsed.findings]
        raise ValueError("\n".join(told) or "the flow can't be drawn")
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
