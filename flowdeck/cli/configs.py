"""`flowdeck configs …`: what the server would run with."""

from __future__ import annotations

import argparse
import json
from typing import Any

from flowdeck.cli.options import settings_of


def register(groups: Any) -> None:
    """Add the commands to their group."""
    commands = groups.add_subparsers(dest="command", metavar="COMMAND", required=True)
    properties = commands.add_parser("properties", help="keys with their values and sources, secrets masked")
    properties.add_argument("prefix", nargs="?", default="", help="only keys that begin so")
    properties.add_argument("-a", "--all", action="store_true", help="keys that have their default too")
    properties.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="form of the answer"
    )
    properties.set_defaults(run=run_properties)


def run_properties(options: argparse.Namespace) -> int:
    """Print keys, values, sources; then the warnings."""
    settings = settings_of(options)
    rows = [
        (name, value, source)
        for name, value, source in settings.properties(defaults=options.all)
        if name.startswith(options.prefix)
    ]
    if options.output == "text":
        for name, value, source in rows:
            print(f"{name} = {_text(value)}  ({source})")
        for warning in settings.warnings:
            print(f"warning: {warning}")
        return 0
    answer = {
        "properties": {name: {"value": value, "source": source} for name, value, source in rows},
        "warnings": list(settings.warnings),
    }
    if options.output == "json":
        print(json.dumps(answer, indent=2, ensure_ascii=False, default=str))
    else:
        import yaml

        print(yaml.safe_dump(json.loads(json.dumps(answer, default=str)), sort_keys=False, allow_unicode=True), end="")
    return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
