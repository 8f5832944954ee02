"""An execution until it ends: its log lines as they come, then its document."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from flowdeck.cli.includes import text_of
from flowdeck.cli.parsing import LEVELS, Usage, readable, show, words_of
from flowdeck.cli.remote import Refused, Remote
from flowdeck.engine.serverlog import plain

ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"})
GOOD = frozenset({"SUCCESS", "WARNING"})
LAST_LINES = 5.0
"""Seconds that lines may come after the end of their execution."""
COLOURS = {"ERROR": "31", "WARN": "33", "DEBUG": "2", "TRACE": "2"}
QUIET = 0.25
FIRST_LINE = 1.0
"""Seconds without a new line after which no more are expected; until the first one it may take longer."""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The flags that give an execution its inputs and labels."""
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="name=value, or name and value in turn; @FILE = file"
    )
    parser.add_argument(
        "-i", "--input", action="append", default=[], metavar="NAME=VALUE", help="an input; may be repeated"
    )
    parser.add_argument("--inputs-file", metavar="FILE", help="inputs as a YAML or JSON map")
    parser.add_argument("--save", metavar="FOLDER", help="write the files that the outputs name there")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")


def pairs(words: Sequence[str]) -> dict[str, str]:
    """Inputs from `name=value` words, or from names and values in turn; `ValueError` for a value without name."""
    if words and all("=" in word for word in words):
        return dict(word.split("=", 1) for word in words)
    if len(words) % 2:
        raise Usage(f"input '{words[-1]}' has no value")
    return dict(zip(words[::2], words[1::2], strict=True))


def inputs_of(options: argparse.Namespace) -> dict[str, str]:
    """All inputs that the flags give; single ones win over the file's.

    Raises:
        ValueError: a file that can't be read or holds no map, a word without `=`.
    """
    given: dict[str, str] = {}
    if options.inputs_file:
        import yaml

        try:
            body = yaml.safe_load(text_of(Path(options.inputs_file)))
        except yaml.YAMLError as error:
            raise ValueError(f"{options.inputs_file}: {error}") from None
        if not isinstance(body, dict):
            raise ValueError(f"{options.inputs_file}: a map of inputs is expected")
        given = {str(k): v if isinstance(v, str) else json.dumps(v, default=str) for k, v in body.items()}
    return given | pairs(options.inputs) | words_of(options.input, "--input")


def create(remote: Remote, namespace: str, flow: str, inputs: Mapping[str, str], **query: Any) -> dict[str, Any]:
    """Start an execution; an input `@FILE` is uploaded."""
    with contextlib.ExitStack() as open_files:
        parts: dict[str, Any] = {}
        for name, value in inputs.items():
            if value.startswith("@"):
                path = Path(value[1:])
                try:
                    parts[name] = (path.name, open_files.enter_context(path.open("rb")))
                except OSError as error:
                    raise ValueError(f"input '{name}': {path}: {error.strerror or error}") from None
            else:
                parts[name] = (None, value)
        asked = {k: v for k, v in query.items() if v not in (None, [])}
        return remote.call("POST", "executions", namespace, flow, files=parts or None, params=asked).json()


def line_text(line: Mapping[str, Any], *, colours: bool = False) -> str:
    """A log line for people: what tasks wrote can't steer the terminal, nor pass for a line of its own."""
    message = plain(str(line.get("message") or ""))
    level = f"{line['level']:5}"
    if colours and line["level"] in COLOURS:
        level = f"\x1b[{COLOURS[line['level']]}m{level}\x1b[0m"
    return f"{line['timestamp']} {level} {line.get('taskId') or '-'}: {message}"


def coloured(sink: TextIO) -> bool:
    """Whether colours are wanted: on a terminal, unless `NO_COLOR` is set."""
    return sink.isatty() and not os.environ.get("NO_COLOR")


def at_least(level: str) -> dict[str, str]:
    """The query for lines at or above a level."""
    return {"minLevel": level} if level in LEVELS and level != "TRACE" else {}


class Lines:
    """Prints the lines of an execution as they come, in a thread of its own."""

    def __init__(self, remote: Remote, execution: str, level: str, sink: TextIO, task: str | None = None) -> None:
        self.remote, self.execution, self.level, self.sink, self.task = remote, execution, level, sink, task
        self.colours = coloured(sink)
        self.printed = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)

    def __enter__(self) -> Lines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            seen = 0
            with contextlib.suppress(ValueError, OSError):
                for _, line in self.remote.events("logs", self.execution, "follow", params=at_least(self.level)):
                    if self._over.is_set():
                        return
                    if line.get("timestamp") and self.task in (None, line.get("taskId")):
                        seen += 1
                        if seen > self.printed:  # a stream that begins again tells all lines again
                            print(line_text(line, colours=self.colours), file=self.sink, flush=True)
                            self.printed += 1
            self._over.wait(0.3)

    def finish(self) -> None:
        """Wait until the lines of an ended execution are stored and printed; what the stream did not bring is read.

        Lines are stored a moment after the state that they tell of: once no more have come for a while, all are there.
        """
        asked = at_least(self.level) | ({"taskId": self.task} if self.task else {})
        until = time.monotonic() + LAST_LINES
        stored: list[Any] = []
        quiet = time.monotonic()
        while time.monotonic() < until:
            found = self.remote.call("GET", "logs", self.execution, params=asked).json()
            if len(found) > len(stored):
                stored, quiet = found, time.monotonic()
            silence = time.monotonic() - quiet
            if self.printed == len(stored) and silence > (QUIET if stored else FIRST_LINE):
                break
            if silence > FIRST_LINE and not self._thread.is_alive():
                break
            time.sleep(0.05)
        self._over.set()
        for line in stored[self.printed :]:
            print(line_text(line, colours=self.colours), file=self.sink, flush=True)


def wait(remote: Remote, execution: str, *, seconds: float | None = None, paused: bool = False) -> dict[str, Any]:
    """The document of an execution that has ended, or with `paused` waits for a person.

    Raises:
        TimeoutError: it did not end in time.
    """
    until = time.monotonic() + seconds if seconds is not None else None
    pause, began = 0.02, time.monotonic()
    while True:
        document = remote.call("GET", "executions", execution).json()
        state = document["state"]["current"]
        if state in ENDED:
            return document
        if paused and state == "PAUSED":
            active = any(r["state"]["current"] in ("RUNNING", "CREATED") for r in document.get("taskRunList") or ())
            if not active and not _waits_by_clock(document):
                return document
        if until is not None and time.monotonic() > until:
            raise TimeoutError(f"the execution did not end within {seconds:g} s, it is {state}")
        time.sleep(pause)
        # Rarer the longer it takes: what ends after an hour may be told a little later.
        pause = min(pause * 1.3, max(0.5, 0.01 * (time.monotonic() - began)), 2.0)


def _waits_by_clock(document: Mapping[str, Any]) -> bool:
    """Whether a pause ends by itself."""
    for run in document.get("taskRunList") or ():
        if run["state"]["current"] == "PAUSED" and (run.get("outputs") or {}).get("resumeDate"):
            return True
    return False


def follow(
    options: argparse.Namespace,
    remote: Remote,
    execution: str,
    *,
    seconds: float | None = None,
    quiet: bool = False,
    level: str = "TRACE",
    paused: bool = False,
    task: str | None = None,
) -> dict[str, Any]:
    """Print lines until the execution ends; its document. With `--output json` the lines go to standard error."""
    if quiet:
        return wait(remote, execution, seconds=seconds, paused=paused)
    sink = sys.stdout if readable(options) else sys.stderr
    with Lines(remote, execution, level, sink, task) as lines:
        document = wait(remote, execution, seconds=seconds, paused=paused)
        with contextlib.suppress(Refused):
            lines.finish()
    return document


def save_files(remote: Remote, document: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Download the files of internal storage that the outputs of an execution and of its tasks name.

    Returns: the file here by its address; two of one name get numbers.
    """
    found: dict[str, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, str) and value.startswith("kestra:///"):
            found[value] = None
        elif isinstance(value, Mapping):
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    look(document.get("outputs"))
    for run in document.get("taskRunList") or ():
        look(run.get("outputs"))
    folder.mkdir(parents=True, exist_ok=True)
    saved: dict[str, str] = {}
    for uri in found:
        name = Path(uri).name
        name = "file" if name in ("", ".", "..") else name
        path, number = folder / name, 1
        while str(path) in saved.values():
            number += 1
            path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        remote.download(path, "executions", str(document["id"]), "file", params={"path": uri})
        saved[uri] = str(path)
    return saved


def finish(options: argparse.Namespace, document: dict[str, Any], saved: Mapping[str, str] | None = None) -> int:
    """Print the state, the outputs and where files were put; the exit status: 0 for SUCCESS and WARNING, else 1."""
    state = document["state"]["current"]
    outputs = document.get("outputs") or {}
    told = [f"{document['namespace']}.{document['flowId']} {state}"]
    told += [f"  {k}: {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in outputs.items()]
    told += [f"  wrote {path}" for path in (saved or {}).values()]
    files = {"files": dict(saved)} if saved is not None else {}
    show(options, {"state": state, "outputs": outputs, **files, "execution": document}, "\n".join(told))
    return 0 if state in GOOD else 1


def span_seconds(text: str | None, flag: str) -> float | None:
    """An ISO duration or a number of seconds; `ValueError` names the flag."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    from flowdeck.config.values import parse_span

    try:
        return parse_span(text).total_seconds()
    except (ValueError, TypeError):
        raise Usage(f"{flag} {text}: seconds, or a duration such as PT5M, are expected") from None
