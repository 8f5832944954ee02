"""`flowdeck execution …`: executions of a running server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from flowdeck.cli.following import (
    add_inputs,
    at_least,
    create,
    finish,
    follow,
    inputs_of,
    line_text,
    save_files,
    span_seconds,
    wait,
)
from flowdeck.cli.parsing import LEVELS, commands, readable, show, table, words_of
from flowdeck.cli.remote import Refused, Remote, add_flags


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    below = commands(group, "command")

    def command(name: str, told: str, run: Any) -> argparse.ArgumentParser:
        parser = below.add_parser(name, help=told)
        parser.set_defaults(run=run)
        return parser

    start = command("run", "start a flow", run_run)
    start.add_argument("namespace", metavar="NAMESPACE")
    start.add_argument("flow", metavar="FLOW")
    add_inputs(start)
    start.add_argument("-w", "--wait", action="store_true", help="until it ends; the exit status is its state")
    start.add_argument("--follow", action="store_true", help="print its log lines, and wait")
    start.add_argument("--timeout", metavar="SPAN", help="seconds, or PT5M: wait no longer")
    start.add_argument("--revision", type=int, metavar="N")
    start.add_argument("--schedule-date", metavar="INSTANT", help="not before this instant")
    add_flags(start)
    listing = command("list", "the latest executions", run_list)
    listing.add_argument("--namespace", help="this one and those below it")
    listing.add_argument("--flow", metavar="ID")
    listing.add_argument("--state", action="append", default=[], type=str.upper, help="may be repeated")
    listing.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    listing.add_argument("--limit", type=int, default=25, metavar="N", help="most rows (25)")
    add_flags(listing)
    get = command("get", "state, inputs and outputs of an execution", run_get)
    get.add_argument("execution", metavar="ID")
    add_flags(get)
    logs = command("logs", "log lines of an execution", run_logs)
    logs.add_argument("execution", metavar="ID")
    logs.add_argument("-f", "--follow", action="store_true", help="as they come, until it ends")
    logs.add_argument("--min-level", type=str.upper, choices=LEVELS, default="TRACE")
    logs.add_argument("--task", metavar="ID", help="lines of one task")
    add_flags(logs)
    for name, told in (
        ("kill", "stop executions"),
        ("pause", "pause running executions"),
        ("resume", "go on with paused executions"),
        ("restart", "go on with failed executions where they failed"),
        ("replay", "execute again as new executions"),
        ("delete", "delete ended executions with their logs and files"),
    ):
        one = command(name, told, run_action)
        one.add_argument("executions", metavar="ID", nargs="+")
        add_flags(one)


def run_run(options: argparse.Namespace) -> int:
    """Start a flow; with `--wait` or `--follow` the exit status is its state."""
    given, seconds = inputs_of(options), span_seconds(options.timeout, "--timeout")
    labels = [f"{key}:{value}" for key, value in words_of(options.label, "--label").items()]
    with Remote(options) as remote:
        made = create(
            remote,
            options.namespace,
            options.flow,
            given,
            labels=labels,
            revision=options.revision,
            scheduleDate=options.schedule_date,
        )
        if not options.wait and not options.follow and not options.save:
            show(options, made, f"started {made['id']}")
            return 0
        if readable(options):
            print(f"started {made['id']}", flush=True)
        try:
            if options.follow:
                document = follow(options, remote, made["id"], seconds=seconds)
            else:
                document = wait(remote, made["id"], seconds=seconds)
        except TimeoutError as error:
            raise ValueError(str(error)) from None
        except KeyboardInterrupt:
            print(f"the execution goes on; to stop it: flowdeck execution kill {made['id']}", file=sys.stderr)
            raise
        saved = save_files(remote, document, Path(options.save)) if options.save else None
    return finish(options, document, saved)


def _row(body: dict[str, Any]) -> dict[str, Any]:
    state = body.get("state") or {}
    return {
        "id": body.get("id"),
        "namespace": body.get("namespace"),
        "flow": body.get("flowId"),
        "state": state.get("current"),
        "started": state.get("startDate"),
        "duration": state.get("duration"),
    }


def run_list(options: argparse.Namespace) -> int:
    """Print executions, the latest first."""
    asked: dict[str, Any] = {"sort": "state.startDate:desc"}
    if options.namespace:
        asked["filters[namespace][PREFIX]"] = options.namespace
    if options.flow:
        asked["filters[flowId][EQUALS]"] = options.flow
    if options.state:
        asked["filters[state][IN]"] = ",".join(options.state)
    for key, value in words_of(options.label, "--label").items():
        asked[f"filters[labels][EQUALS][{key}]"] = value
    with Remote(options) as remote:
        rows = remote.pages("executions", "search", params=asked, limit=options.limit)
    columns = ("id", "namespace", "flow", "state", "started", "duration")
    show(options, rows, table([_row(one) for one in rows], columns, "no executions"))
    return 0


def run_get(options: argparse.Namespace) -> int:
    """Print an execution; with `--output json` its whole document."""
    with Remote(options) as remote:
        found = remote.call("GET", "executions", options.execution).json()
    told = [f"{name}: {value}" for name, value in _row(found).items() if value is not None]
    for part in ("inputs", "outputs"):
        told += [f"{part}.{name}: {value}" for name, value in (found.get(part) or {}).items()]
    runs = [{"task": run["taskId"], "value": run.get("value"), **_row(run)} for run in found.get("taskRunList") or ()]
    if runs:
        told += ["", table(runs, ("task", "value", "state", "started", "duration"))]
    show(options, found, "\n".join(told))
    return 0


def run_logs(options: argparse.Namespace) -> int:
    """Print log lines; with `--follow` until the execution ends, the exit status being its state."""
    with Remote(options) as remote:
        if options.follow:
            return finish(options, _followed(options, remote))
        asked = at_least(options.min_level) | ({"taskId": options.task} if options.task else {})
        lines = remote.call("GET", "logs", options.execution, params=asked).json()
    show(options, lines, "\n".join(line_text(line) for line in lines))
    return 0


def _followed(options: argparse.Namespace, remote: Remote) -> dict[str, Any]:
    return follow(options, remote, options.execution, level=options.min_level, task=options.task)


PLACES = {"kill": ("DELETE", "kill"), "delete": ("DELETE", "")}


def run_action(options: argparse.Namespace) -> int:
    """Do one thing to each execution; what is refused is told, and the exit status is 1."""
    method, place = PLACES.get(options.command, ("POST", options.command))
    done: list[dict[str, Any]] = []
    with Remote(options) as remote:
        for identity in options.executions:
            try:
                answer = remote.call(method, *[one for one in ("executions", identity, place) if one])
            except Refused as error:
                if error.status in (0, 401, 403):
                    raise
                done.append({"id": identity, "done": False, "reason": str(error)})
            else:
                body = answer.json() if answer.content else None
                made = body["id"] if isinstance(body, dict) and body.get("id") else identity
                done.append({"id": identity, "done": True, **({"execution": made} if made != identity else {})})
    told = [
        f"{one['id']}: {options.command} {one.get('execution', 'done')}"
        if one["done"]
        else f"{one['id']}: {one['reason']}"
        for one in done
    ]
    show(options, done, "\n".join(told))
    return 0 if all(one["done"] for one in done) else 1
