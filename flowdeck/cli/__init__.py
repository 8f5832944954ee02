"""The command line: one module a command group; exit 0 = done, 1 = failed, 2 = wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from flowdeck import __version__

__all__ = ["main"]


def parser() -> argparse.ArgumentParser:
    """All commands with their flags."""
    from flowdeck.cli import configs, flow, namespace, plugins, server, system

    top = argparse.ArgumentParser(prog="flowdeck", description="Workflow engine with REST API and web console.")
    top.add_argument("-V", "--version", action="version", version=f"flowdeck {__version__}")
    top.add_argument("--home", help="folder of the instance (default: FLOWDECK_HOME or ~/.flowdeck)")
    top.add_argument("-c", "--config", action="append", default=[], metavar="FILE", help="configuration file")
    top.add_argument("-l", "--log-level", metavar="LEVEL", help="TRACE, DEBUG, INFO, WARN or ERROR")
    top.add_argument("-v", "--verbose", action="count", default=0, help="log more")
    groups = top.add_subparsers(dest="group", metavar="COMMAND", required=True)
    for module in (server, flow, namespace, plugins, configs, system):
        module.register(groups)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answers the exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except ValueError as error:
        print(f"flowdeck: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
