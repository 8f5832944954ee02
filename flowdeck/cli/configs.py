"""`flowdeck configs …`: what the server would run with."""

from __future__ import annotations

import argparse
from typing import Any

from flowdeck.cli.options import settings_of


def register(groups: Any) -> None:
    """Add the command group."""
    group = groups.add_parser("configs", help="the merged configuration")
    commands = group.add_subparsers(dest="command", metavar="COMMAND", required=True)
    properties = commands.add_parser("properties", help="all told keys, secrets masked, with their sources")
    properties.set_defaults(run=run_properties)


def run_properties(options: argparse.Namespace) -> int:
    """Print keys, values, sources; then the warnings."""
    settings = settings_of(options)
    for name, value, source in settings.shown():
        print(f"{name} = {value}  ({source})")
    for warning in settings.warnings:
        print(f"warning: {warning}")
    return 0
