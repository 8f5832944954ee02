"""`flowdeck flow …`: sources on this machine; the commands that need a server are in modules of their own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from flowdeck.cli.includes import flow_files, text_of


def register(groups: Any) -> None:
    """Add the command group."""
    from flowdeck.cli import flow_remote, flow_run

    group = groups.add_parser("flow", help="check, run, save and export flows")
    commands = group.add_subparsers(dest="command", metavar="COMMAND", required=True)
    validate = commands.add_parser("validate", help="check files, or all *.yml and *.yaml of folders")
    validate.add_argument("paths", nargs="+", metavar="FILE", help="file or folder; - = standard input")
    validate.add_argument("--local", action="store_true", help="accepted: checking is local")
    validate.add_argument("--output", choices=("text", "json"), default="text")
    validate.set_defaults(run=run_validate)
    flow_remote.register(commands)
    flow_run.register(commands)


def sources(paths: list[str]) -> list[tuple[str, str]]:
    """Names and texts of all documents' files; `ValueError` names a file that can't be read."""
    found: list[tuple[str, str]] = []
    for name in paths:
        if name == "-":
            found.append(("<stdin>", sys.stdin.read()))
            continue
        path = Path(name)
        files = [path]
        if path.is_dir():
            files = flow_files(path)
        found += [(str(file), text_of(file)) for file in files]
    return found


def run_validate(options: argparse.Namespace) -> int:
    """Print findings as `file:line:column: severity: message`; status 1 when one is an error."""
    from flowdeck.model.source import parse_flow
    from flowdeck.sdk.index import load_catalog

    catalog = load_catalog()
    failed = False
    shown: list[dict[str, Any]] = []
    for name, text in sources(options.paths):
        parsed = parse_flow(text, catalog)
        errors = parsed.flow is None
        failed = failed or errors
        if options.output == "json":
            shown.append(
                {
                    "file": name,
                    "valid": not errors,
                    "findings": [
                        {
                            "severity": str(f.severity),
                            "message": f.message,
                            "path": f.path,
                            "line": f.line,
                            "column": f.column,
                            "rule": f.rule,
                        }
                        for f in parsed.findings
                    ],
                }
            )
            continue
        for f in parsed.findings:
            print(f"{name}:{f.line}:{f.column}: {f.severity}: {f'{f.path}: ' if f.path else ''}{f.message}")
        if not errors:
            print(f"{name}: ok ({parsed.namespace}.{parsed.id})")
    if options.output == "json":
        print(json.dumps(shown, indent=2))
    return 1 if failed else 0
