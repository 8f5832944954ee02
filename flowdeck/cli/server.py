"""`flowdeck server …`: run the server or one of its components."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from flowdeck.cli.options import repeated, settings_of


def register(groups: Any) -> None:
    """Add the command group."""
    group = groups.add_parser("server", help="run the server or one of its components")
    components = group.add_subparsers(dest="component", metavar="COMPONENT", required=True)
    helps = {
        "standalone": "everything on this machine",
        "local": "everything, SQLite and local folders",
        "core": "the engine alone, without supervisor",
        "web": argparse.SUPPRESS,
        "executor": "the engine",
        "scheduler": "the engine's triggers (PostgreSQL; else the executor does this work)",
        "indexer": "accepted; nothing needs it",
        "webserver": "API and console",
        "worker": "a worker",
    }
    for name, text in helps.items():
        one = components.add_parser(name, help=text)
        one.add_argument("--port", type=int, help="port of API and console (8080)")
        one.add_argument("--host", help="listening address (127.0.0.1)")
        one.add_argument("--management-port", type=int, help="port of health and metrics (8081, -1 = none)")
        one.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
        one.add_argument(
            "-t",
            "--thread",
            "--worker-thread",
            dest="worker_thread",
            type=int,
            metavar="N",
            help="process tasks at a time; 0 = no worker",
        )
        one.add_argument("-g", "--worker-group", metavar="KEY")
        one.add_argument("-f", "--flow-path", help=argparse.SUPPRESS)
        one.add_argument("--no-tutorials", action="store_true", help="no example flows")
        one.add_argument("--no-indexer", action="store_true", help="accepted")
        one.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run a component until it is told to stop."""
    name = options.component
    if name == "local":
        os.environ.pop("KESTRA_REPOSITORY_TYPE", None)
    if options.flow_path:
        print("flowdeck: --flow-path is not supported, import flows through the API", file=sys.stderr)
        return 2
    if options.no_tutorials:
        os.environ["KESTRA_TUTORIAL_FLOWS_ENABLED"] = "false"
    settings = settings_of(options)
    if name in ("scheduler", "indexer") and not settings.clustered:
        print(f"flowdeck: {name}: nothing to do, the engine does this work", file=sys.stderr)
        return 0
    if name == "core":
        from flowdeck.main import core

        return core.run(settings)
    if name == "web":
        from flowdeck.main import standalone

        return standalone.run_web(settings)
    if name == "worker" and options.child:
        from flowdeck.main import worker

        return worker.run(settings)
    from flowdeck.main import standalone

    # Children read the same sources; what only a flag said reaches them by the environment.
    for flag, variable in (
        ("host", "FLOWDECK_HOST"),
        ("port", "FLOWDECK_PORT"),
        ("management_port", "FLOWDECK_MANAGEMENT_PORT"),
        ("worker_thread", "FLOWDECK_WORKER_THREADS"),
        ("worker_group", "FLOWDECK_WORKER_GROUP"),
    ):
        if getattr(options, flag) is not None:
            os.environ[variable] = str(getattr(options, flag))
    return standalone.run(settings, name, arguments=repeated(options), worker=options.worker_thread != 0)
