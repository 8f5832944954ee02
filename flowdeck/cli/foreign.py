"""Commands of other editions: scripts that call them get a clear answer instead of a usage error."""

from __future__ import annotations

import argparse
import sys

NOT_NEEDED = ("sys-ee",)
ANSWERS = {
    "template": "templates were removed; use subflows (io.kestra.plugin.core.flow.Subflow)",
    "auths": "this edition has one account: kestra.server.basic-auth.username and .password",
    "tenants": "this edition has one tenant, 'main'",
    "backups": "stop the server and copy its folder and database; see 'flowdeck dump' for facts about the instance",
    "sys-ee": "not applicable: there is no message queue beside the database",
}


def register(group: argparse.ArgumentParser) -> None:
    """Take any words; the command says why it does nothing."""
    name = group.prog.split()[-1]
    group.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    group.set_defaults(run=run, name=name)


def run(options: argparse.Namespace) -> int:
    """Say what to use instead; 0 where nothing needs to be done."""
    print(f"flowdeck {options.name}: {ANSWERS[options.name]}", file=sys.stderr)
    return 0 if options.name in NOT_NEEDED else 1
