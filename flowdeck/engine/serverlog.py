"""The server's own log: readable lines on the terminal, JSON lines in `FLOWDECK_HOME/log`, rotated."""

from __future__ import annotations

import contextvars
import json
import logging
import logging.handlers
import os
import re
import sys
import time
from typing import Any

from flowdeck.config import Settings
from flowdeck.engine.levels import configure, flat, level_number

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
"""Id of the request that the current task works for; stands in each of its lines."""

INTERNAL_LOG = "FLOWDECK_INTERNAL_LOG"
"""Set by the flag `--internal-log`: libraries log at the chosen level too (operations notes G3)."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id"}


class WithRequest(logging.Filter):
    """Adds the request's id to a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops."""
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def plain(text: str) -> str:
    """Text that can't steer a terminal nor pass for a line of its own: further lines are indented."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}", text).replace("\n", "\n    ")


def _instant(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, process, logger, text, request, error, and what `extra` held."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        return json.dumps(self.entry(record), default=str, ensure_ascii=False)

    def entry(self, record: logging.LogRecord) -> dict[str, Any]:
        """The record's members."""
        entry: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname,
            "process": self.process,
            "logger": record.name,
            "text": record.getMessage(),
        }
        if getattr(record, "request_id", None):
            entry["request"] = record.request_id  # type: ignore[attr-defined]
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return entry | {k: v for k, v in vars(record).items() if k not in _PLAIN and not k.startswith("_")}


class GoogleLines(JsonLines):
    """One JSON object a line, as Google Cloud's log collector reads it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        entry = self.entry(record)
        severity = {"WARN": "WARNING", "TRACE": "DEBUG"}.get(record.levelname, record.levelname)
        error = entry.pop("error", None)
        told = {
            "severity": severity,
            "time": entry.pop("at"),
            "message": entry.pop("text") + (f"\n{error}" if error else ""),
            "logging.googleapis.com/labels": {"process": entry.pop("process"), "logger": entry.pop("logger")},
        }
        entry.pop("level")
        return json.dumps({**told, **entry}, default=str, ensure_ascii=False)


class ElasticLines(JsonLines):
    """One JSON object a line, in the Elastic Common Schema."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        entry = self.entry(record)
        told = {
            "@timestamp": entry.pop("at"),
            "ecs.version": "1.2.0",
            "log.level": entry.pop("level"),
            "message": entry.pop("text"),
            "log.logger": entry.pop("logger"),
            "process.name": entry.pop("process"),
            "process.pid": record.process,
            "process.thread.name": record.threadName,
            "service.name": "flowdeck",
        }
        if "request" in entry:
            told["http.request.id"] = entry.pop("request")
        if "error" in entry:
            told["error.stack_trace"] = entry.pop("error")
            told["error.type"] = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        return json.dumps({**told, **entry}, default=str, ensure_ascii=False)


class Readable(logging.Formatter):
    """`12:34:56.789 INFO  web    text`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, the traceback below it."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        said = plain(record.getMessage())
        text = f"{clock}.{int(record.msecs):03d} {record.levelname:<7} {self.process:<10} {said}"
        return f"{text}\n{plain(self.formatException(record.exc_info))}" if record.exc_info else text


FORMS: dict[str, type[JsonLines | Readable]] = {
    "text": Readable,
    "json": JsonLines,
    "gcp": GoogleLines,
    "ecs": ElasticLines,
}
"""Forms of lines on the terminal (`flowdeck.log.format`, F61)."""


def set_up_logging(settings: Settings, process: str) -> None:
    """Send the records of this process to the terminal and to `log/<process>.jsonl`.

    Levels come from `flowdeck.log.level` and `logger.levels`. A log folder that can't be written leaves the terminal.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    with_request = WithRequest()
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(FORMS[settings.get("flowdeck.log.format")](process))
    terminal.addFilter(with_request)
    root.addHandler(terminal)
    try:
        settings.home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.home.log.mkdir(mode=0o700, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(
            settings.home.log / f"{process}.jsonl",
            maxBytes=settings.get("flowdeck.log.max-size"),
            backupCount=settings.get("flowdeck.log.max-files"),
            encoding="utf-8",
            delay=True,
        )
    except OSError as error:
        root.warning("no log file: %s", error)
    else:
        file.setFormatter(JsonLines(process))
        file.addFilter(with_request)
        root.addHandler(file)
    logging.raiseExceptions = False  # a full disk must not print a traceback for each line
    root.setLevel(level_number(settings.get("flowdeck.log.level")))
    if not os.environ.get(INTERNAL_LOG):
        for name in ("httpx", "httpcore", "uvicorn.access", "asyncio", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
    configure(flat(settings.get("logger.levels") or {}))
