"""The server's own log: readable lines on the terminal, JSON lines in `FLOWDECK_HOME/log`, rotated."""

from __future__ import annotations

import contextvars
import json
import logging
import logging.handlers
import re
import sys
import time
from typing import Any

from flowdeck.config import Settings

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
"""Id of the request that the current task works for; stands in each of its lines."""

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
        entry |= {k: v for k, v in vars(record).items() if k not in _PLAIN and not k.startswith("_")}
        return json.dumps(entry, default=str, ensure_ascii=False)


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


def set_up_logging(settings: Settings, process: str) -> None:
    """Send the records of this process to the terminal and to `log/<process>.jsonl`.

    Levels come from `flowdeck.log.level` and `logger.levels`. A log folder that can't be written leaves the terminal.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    with_request = WithRequest()
    terminal = logging.StreamHandler(sys.stderr)
    json_wanted = settings.get("flowdeck.log.format") == "json"
    terminal.setFormatter(JsonLines(process) if json_wanted else Readable(process))
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
    root.setLevel(_level(settings.get("flowdeck.log.level")))
    for name in ("httpx", "httpcore", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, level in _flat(settings.get("logger.levels") or {}):
        logging.getLogger(name).setLevel(_level(level))


def _flat(levels: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, level in levels.items():
        full = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(level, dict):
            found += _flat(level, full)
        else:
            found.append((full, level))
    return found


def _level(name: Any) -> int:
    text = str(name).upper()
    if text == "OFF" or name is False:
        return logging.CRITICAL + 1
    known = {"TRACE": 5, "WARN": logging.WARNING}
    return known.get(text) or logging.getLevelNamesMapping().get(text, logging.INFO)
