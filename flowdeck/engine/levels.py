"""Levels of loggers at run time, under their own names and those of the reference (spec: F58 `/loggers`, F61)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

LEVELS = ("ALL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "OFF", "NOT_SPECIFIED")
TRACE = 5
OFF = logging.CRITICAL + 1
ROOT = "ROOT"

JAVA: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("io.kestra.webserver.access", ()),
    ("io.kestra.webserver", ("flowdeck.web", "flowdeck.api", "flowdeck.hub", "flowdeck.stream", "uvicorn")),
    ("io.kestra.scheduler", ("flowdeck.scheduler", "flowdeck.triggers")),
    ("io.kestra.core.schedulers", ("flowdeck.scheduler", "flowdeck.triggers")),
    ("io.kestra.executor", ("flowdeck.executor", "flowdeck.core")),
    ("io.kestra.worker", ("flowdeck.worker",)),
    ("io.kestra.core.runners", ("flowdeck.executor", "flowdeck.core", "flowdeck.worker", "flowdeck.gateway")),
    ("io.kestra.jdbc", ("flowdeck.store", "sqlalchemy")),
    ("io.kestra.repository", ("flowdeck.store", "sqlalchemy")),
    ("io.kestra.storage", ("flowdeck.storage",)),
    ("io.kestra.plugin", ("flowdeck.plugins", "flowdeck.worker")),
    ("io.kestra", ("flowdeck",)),
    ("io.micronaut.http.client", ("httpx", "httpcore")),
    ("io.micronaut", ("uvicorn",)),
    ("com.zaxxer.hikari", ("flowdeck.store",)),
)
"""Loggers of the reference and what stands for them here; the first name that fits holds."""

STATED = ("execution", "task", "trigger")
"""Loggers of starts and ends: silent unless they are configured (F61: they would be most of the log)."""


loud: set[str] = set()
"""Those of `STATED` that anything below says something of, so that nobody looks for a logger in vain."""


def level_number(name: Any) -> int:
    """The number of a level's name in any case; INFO for a word that is none."""
    return level_of(name) or logging.INFO


def level_of(name: Any) -> int | None:
    """The number of a level's name; None for NOT_SPECIFIED and for words that are none."""
    text = str(name).strip().upper()
    if text == "OFF" or name is False:
        return OFF
    if text == "ALL":
        return 1
    known = {"TRACE": TRACE, "WARN": logging.WARNING, "FATAL": logging.CRITICAL}
    return known.get(text) or logging.getLevelNamesMapping().get(text) or None


def level_name(number: int) -> str:
    """The name that the reference has for a level."""
    if number > logging.CRITICAL:
        return "OFF"
    for least, name in ((logging.ERROR, "ERROR"), (logging.WARNING, "WARN"), (logging.INFO, "INFO"), (10, "DEBUG")):
        if number >= least:
            return name
    return "TRACE" if number > 1 else "ALL"


def ours(name: str) -> tuple[str, ...]:
    """The loggers that a name means: those that stand for one of the reference, and itself."""
    if name.upper() == ROOT or name == "":
        return ("",)
    first = name.split(".")[0]
    if first == "flow":  # older name of `execution` (F61)
        return ("execution" + name[4:], name)
    for java, here in JAVA:
        if name == java or name.startswith(f"{java}."):
            return (*here, name)
    return (name,)


def flat(levels: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Levels by dotted names, whether they were written nested or not."""
    found: list[tuple[str, Any]] = []
    for name, level in levels.items():
        full = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(level, Mapping):
            found += flat(level, full)
        else:
            found.append((full, level))
    return found


def configure(levels: Iterable[tuple[str, Any]]) -> None:
    """Set configured levels, broad names before narrow ones."""
    for name in STATED:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, level in sorted(levels, key=lambda item: item[0].count(".")):
        for own in ours(name):
            logging.getLogger(own).setLevel(level_number(level))
    _listen()


def _listen() -> None:
    for first in STATED:
        names = [name for name in logging.root.manager.loggerDict if name == first or name.startswith(f"{first}.")]
        if any(0 < logging.getLogger(name).level <= logging.INFO for name in names):
            loud.add(first)
        else:
            loud.discard(first)


class LoggerLevels:
    """The loggers of this process."""

    def __init__(self) -> None:
        self._configured: dict[str, int] = {}
        """Levels that were changed, as they had been before."""

    def told(self) -> dict[str, dict[str, str]]:
        """`{name: {configuredLevel, effectiveLevel}}`; the names of the reference stand beside ours."""
        found = {ROOT: _shown(logging.getLogger())}
        for name, logger in sorted(logging.root.manager.loggerDict.items()):
            if isinstance(logger, logging.Logger):
                found[name] = _shown(logger)
        for java, here in JAVA:
            if here and java not in found:
                found[java] = _shown(logging.getLogger(here[0]))
        return found

    def change(self, name: str, level: str | None) -> dict[str, str]:
        """Set the level of a logger; None or NOT_SPECIFIED gives it its configured one back. Answers what holds now."""
        number = level_of(level) if level is not None else None
        for own in ours(name):
            logger = logging.getLogger(own or None)
            before = self._configured.setdefault(own, logger.level)
            logger.setLevel(before if number is None else number)
        _listen()
        return _shown(logging.getLogger(ours(name)[0] or None))


def _shown(logger: logging.Logger) -> dict[str, str]:
    configured = level_name(logger.level) if logger.level else "NOT_SPECIFIED"
    return {"configuredLevel": configured, "effectiveLevel": level_name(logger.getEffectiveLevel())}
