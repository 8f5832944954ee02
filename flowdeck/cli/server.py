"""`flowdeck server …`: run the server or one of its components."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from flowdeck.cli.options import repeated, settings_of
from flowdeck.cli.parsing import Usage, commands

COMPONENTS = {
    "standalone": "everything on this machine",
    "local": "everything, SQLite and local folders",
    "webserver": "API and console",
    "executor": "the engine",
    "scheduler": "the engine's triggers (PostgreSQL; else the executor does this work)",
    "worker": "a worker",
    "indexer": "accepted; nothing needs it",
    "core": "the engine alone, without supervisor",
    "web": argparse.SUPPRESS,
}
WHOLE = ("standalone", "local")
EXECUTING = (*WHOLE, "executor", "core")
WORKING = (*WHOLE, "worker")
SERVING = (*WHOLE, "webserver", "web")
LOCAL = {"KESTRA_REPOSITORY_TYPE": "h2", "KESTRA_QUEUE_TYPE": "h2", "KESTRA_STORAGE_TYPE": "local"}
"""What `server local` says, whatever a configuration file says: SQLite and folders."""
IGNORED = ("executions", "flows", "namespaces", "tenants")
IGNORE = "FLOWDECK_INTERNAL_IGNORE"
"""What core finds in its environment: what its executor leaves alone, as JSON."""


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    components = commands(group, "component", "COMPONENT")
    for name, text in COMPONENTS.items():
        one = components.add_parser(name, **({} if text == argparse.SUPPRESS else {"help": text}))
        one.add_argument("--port", type=int, metavar="N", help="port of API and console (8080)")
        one.add_argument("--host", metavar="ADDRESS", help="listening address (127.0.0.1)")
        one.add_argument("--management-port", type=int, metavar="N", help="of health, metrics (8081, -1 = the API's)")
        one.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
        threads = "process tasks at a time" + ("; 0 = no worker" if name in WHOLE else "")
        one.add_argument(
            "-t",
            "--thread",
            "--worker-thread",
            dest="worker_thread",
            type=int,
            metavar="N",
            help=threads if name in WORKING else argparse.SUPPRESS,
        )
        one.add_argument(
            "-g", "--worker-group", metavar="KEY", help="whose tasks it takes" if name in WORKING else argparse.SUPPRESS
        )
        one.add_argument(
            "-f",
            "--flow-path",
            metavar="FOLDER",
            help="save the flows of this folder at start" if name in WHOLE else argparse.SUPPRESS,
        )
        serving = name in SERVING
        one.add_argument(
            "--no-tutorials", action="store_true", help="no example flows" if serving else argparse.SUPPRESS
        )
        one.add_argument("--no-indexer", action="store_true", help="accepted" if serving else argparse.SUPPRESS)
        executing = name in EXECUTING
        for kind in IGNORED:
            one.add_argument(
                f"--ignore-{kind}",
                f"--skip-{kind}",
                dest=f"ignore_{kind}",
                action="extend",
                type=_words,
                default=[],
                metavar="NAME,NAME",
                help=_ignore_help(kind) if executing else argparse.SUPPRESS,
            )
        for flag in ("--start-executors", "--not-start-executors"):
            one.add_argument(
                flag,
                action="extend",
                type=_words,
                default=[],
                metavar="NAME,NAME",
                help="accepted" if executing else argparse.SUPPRESS,
            )
        one.set_defaults(run=run)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _ignore_help(kind: str) -> str:
    form = {"executions": "ids", "flows": "tenant|namespace|id", "namespaces": "tenant|namespace", "tenants": "ids"}
    return f"leave executions as they are: {form[kind]}"


def ignored(options: argparse.Namespace) -> dict[str, list[str]]:
    """What the executor leaves alone; names without tenant are of `main`.

    Raises:
        Usage: a name has too few or too many parts.
    """
    found: dict[str, list[str]] = {}
    for kind, parts in (("executions", 1), ("flows", 3), ("namespaces", 2), ("tenants", 1)):
        for name in getattr(options, f"ignore_{kind}"):
            words = name.split("|")
            if len(words) == parts - 1:
                words = ["main", *words]
            if len(words) != parts or not all(words):
                form = {3: "tenant|namespace|flow", 2: "tenant|namespace", 1: "an id"}[parts]
                raise Usage(f"--ignore-{kind} {name}: {form} is expected")
            found.setdefault(kind, []).append("|".join(words))
    return found


def run(options: argparse.Namespace) -> int:
    """Run a component until it is told to stop."""
    name = options.component
    if name == "local":
        os.environ.update(LOCAL)
    if options.flow_path:
        folder = Path(options.flow_path)
        if not folder.is_dir():
            raise Usage(f"--flow-path {folder}: a folder is expected")
    left_alone = ignored(options)
    if left_alone:
        os.environ[IGNORE] = json.dumps(left_alone)
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
    if options.flow_path:
        from flowdeck.cli.flow_folder import save_later

        save_later(settings, Path(options.flow_path))
    return standalone.run(settings, name, arguments=repeated(options), worker=options.worker_thread != 0)
