"""`flowdeck migrate …`: what older versions of the reference need once and flowdeck never did."""

from __future__ import annotations

import argparse

from flowdeck.cli.parsing import add_output, commands, show


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    below = commands(group, "command")
    tenant = below.add_parser("default-tenant", help="rows without tenant: there are none here")
    tenant.add_argument("--tenant-id", metavar="ID", default="main")
    tenant.add_argument("--tenant-name", metavar="NAME")
    tenant.add_argument("--dry-run", action="store_true")
    add_output(tenant)
    tenant.set_defaults(run=run, told="every row has its tenant already")
    metadata = commands(below.add_parser("metadata", help="lists of pairs, secrets and files"), "kind", "KIND")
    for kind in ("kv", "secrets", "nsfiles"):
        one = metadata.add_parser(kind, help="the list is in the database already")
        one.add_argument("--dry-run", action="store_true")
        add_output(one)
        one.set_defaults(run=run, told=f"the list of {kind} is in the database already")


def run(options: argparse.Namespace) -> int:
    """Say that there is nothing to do."""
    show(options, {"migrated": 0}, f"nothing to do: {options.told}")
    return 0
