"""The log of an attempt."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Level(IntEnum):
    """Levels of log lines; the number is the stored form."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4

    @classmethod
    def of(cls, name: str, default: Level | None = None) -> Level:
        """The level of a name in any case (`WARNING` too); `ValueError` for another text without default."""
        text = name.strip().upper()
        text = "WARN" if text == "WARNING" else text
        if text in cls.__members__:
            return cls[text]
        if default is None:
            raise ValueError(f"'{name}' is not one of {', '.join(cls.__members__)}")
        return default


class LineSink(Protocol):
    """Takes lines; safe from any thread."""

    def write(self, level: int, text: str) -> None:
        """Keep one line."""
        ...

    def write_many(self, level: int, texts: list[str]) -> None:
        """Keep several lines of one level."""
        ...

    def full(self) -> bool:
        """Whether producers should pause because the log can't follow."""
        ...


class TaskLog:
    """Writes lines of an attempt; secrets that rendering met are masked on the way."""

    __slots__ = ("minimum", "sink")

    def __init__(self, sink: LineSink, minimum: Level = Level.TRACE) -> None:
        self.sink = sink
        self.minimum = minimum

    def line(self, level: Level, text: str) -> None:
        """Write at a level."""
        if level >= self.minimum:
            self.sink.write(level, text)

    def lines(self, level: Level, texts: list[str]) -> None:
        """Write several lines at a level."""
        if level >= self.minimum:
            self.sink.write_many(level, texts)

    def trace(self, text: str) -> None:
        """Write at TRACE."""
        self.line(Level.TRACE, text)

    def debug(self, text: str) -> None:
        """Write at DEBUG."""
        self.line(Level.DEBUG, text)

    def info(self, text: str) -> None:
        """Write at INFO."""
        self.line(Level.INFO, text)

    def warn(self, text: str) -> None:
        """Write at WARN."""
        self.line(Level.WARN, text)

    def error(self, text: str) -> None:
        """Write at ERROR."""
        self.line(Level.ERROR, text)

    def full(self) -> bool:
        """Whether producers should pause."""
        return self.sink.full()
