"""The command line: one module a command group; exit 0 = done, 1 = failed, 2 = wrong usage (operations notes G3).

Only the module of the command that was asked for is imported: `flowdeck --help` costs little more than Python itself.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from flowdeck import __version__
from flowdeck.cli.parsing import GLOBALS_WITH_VALUE, Command, Usage, add_globals, leaves, plain_switches, settle

__all__ = ["GROUPS", "main", "parser"]

GROUPS: dict[str, tuple[str, str]] = {
    "server": ("server", "run the server or one of its components"),
    "flow": ("flow", "check, run, save and export flows"),
    "execution": ("execution", "start, list, follow and stop executions"),
    "namespace": ("namespace", "files and KV pairs of namespaces"),
    "plugins": ("plugins", "installed task and trigger types"),
    "configs": ("configs", "the merged configuration"),
    "sys": ("system", "work on the instance itself"),
    "migrate": ("migrate", "bring data of older versions over"),
    "dump": ("dump", "a file of facts about the instance, for a report of a fault"),
    "completion": ("completion", "completion of commands for a shell"),
    "template": ("foreign", "removed: templates"),
    "auths": ("foreign", "accounts of the enterprise edition"),
    "tenants": ("foreign", "tenants of the enterprise edition"),
    "backups": ("foreign", "backups of the enterprise edition"),
    "sys-ee": ("foreign", "upkeep of message queues that flowdeck does not have"),
}
"""Command → module of this package, and what it is about."""


def parser(wanted: Iterable[str] | None = None) -> argparse.ArgumentParser:
    """Commands with their flags.

    Args:
        wanted: groups whose commands are needed; the others are names only. None: all.
    """
    chosen = set(GROUPS if wanted is None else wanted)
    top = Command(prog="flowdeck", description="Workflow engine with REST API and web console.")
    top.add_argument("-V", "--version", action="version", version=f"flowdeck {__version__}")
    add_globals(top, top=True)
    groups = top.add_subparsers(dest="group", metavar="COMMAND", required=True)
    for name, (module, told) in GROUPS.items():
        shown: dict[str, Any] = {} if module == "foreign" else {"help": told}  # without help a command is not listed
        group = groups.add_parser(name, **shown, description=f"{told[0].upper()}{told[1:]}.")
        if name in chosen:
            importlib.import_module(f"flowdeck.cli.{module}").register(group)
    for _, leaf in leaves(top):
        if leaf is not top and leaf.get_default("run") is not None:
            leaf.add_argument(
                "-V", "--version", action="version", version=f"flowdeck {__version__}", help=argparse.SUPPRESS
            )
            add_globals(leaf, top=False)
    return top


def group_of(words: Sequence[str]) -> str | None:
    """The first word that is neither a global flag nor a flag's value."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in GLOBALS_WITH_VALUE:
            skip = True
        elif not word.startswith("-"):
            return word
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answers the exit status."""
    words = plain_switches(sys.argv[1:] if arguments is None else arguments)
    asked = group_of(words)
    options = settle(parser([asked] if asked in GROUPS else []).parse_args(words))
    if options.internal_log:
        os.environ["FLOWDECK_INTERNAL_LOG"] = "1"
    try:
        use_plugins(options)
        return options.run(options)
    except ValueError as error:
        print(f"flowdeck: {error}", file=sys.stderr)
        return 2 if isinstance(error, Usage) else 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Who read our output has gone: nothing more may be written, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        place = f"{error.filename}: " if error.filename else ""
        print(f"flowdeck: {place}{error.strerror or error}", file=sys.stderr)
        return 1


def use_plugins(options: argparse.Namespace) -> None:
    """Put the plugin folder on the path, here and, by the environment, in child processes."""
    from flowdeck.cli.plugin_folder import put_on_path

    put_on_path(options.plugins, options.home)
