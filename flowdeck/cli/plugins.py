"""`flowdeck plugins …`: what tasks and triggers there are."""

from __future__ import annotations

import argparse
import json
from typing import Any


def register(groups: Any) -> None:
    """Add the command group."""
    group = groups.add_parser("plugins", help="installed task and trigger types")
    commands = group.add_subparsers(dest="command", metavar="COMMAND", required=True)
    index = commands.add_parser("index", help="write the index of built-in plugins anew")
    index.set_defaults(run=run_index)
    listing = commands.add_parser("list", help="names of all types")
    listing.add_argument("--core", action="store_true", help="accepted")
    listing.add_argument("--output", choices=("text", "json"), default="text")
    listing.set_defaults(run=run_list)


def run_index(options: argparse.Namespace) -> int:
    """Regenerate the index file that the package ships."""
    from flowdeck.sdk.index import write_index

    print(f"wrote {write_index()}")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print every type with its title."""
    from flowdeck.sdk.index import load_catalog

    types = load_catalog().types()
    if options.output == "json":
        print(json.dumps([{"type": t.type, "kind": t.kind, "title": t.title} for t in types], indent=2))
    else:
        for t in types:
            print(f"{t.type}  {t.title or ''}".rstrip())
    return 0
