"""`flowdeck sys …`: work on the instance itself."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from flowdeck.cli.options import settings_of


def register(groups: Any) -> None:
    """Add the command group."""
    group = groups.add_parser("sys", help="work on the instance itself")
    parts = group.add_subparsers(dest="part", metavar="PART", required=True)
    database = parts.add_parser("database", help="the schema")
    commands = database.add_subparsers(dest="command", metavar="COMMAND", required=True)
    migrate = commands.add_parser("migrate", help="bring the schema up to date and end")
    migrate.set_defaults(run=run_migrate)


def run_migrate(options: argparse.Namespace) -> int:
    """Migrate while no server runs."""
    from flowdeck.engine.lock import InstanceLock, Locked
    from flowdeck.store.driver import StoreError, open_database
    from flowdeck.store.schema import SchemaTooNew, migrate

    settings = settings_of(options)
    try:
        settings.home.prepare()
        with InstanceLock(settings.home.database.with_name("flowdeck.db.lock")):
            changed = migrate(open_database(settings.database_url))
    except (Locked, SchemaTooNew, StoreError, OSError) as error:
        print(f"flowdeck: {error}", file=sys.stderr)
        return 1
    print("the schema was brought up to date" if changed else "the schema is up to date")
    return 0
