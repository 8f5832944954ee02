"""A connection to a SQLite file, by the standard library (engine notes §1)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import regex

from flowdeck.store.link import Dialect, DuplicateRow, Link, StoreError, StoreUnavailable, Unending
from flowdeck.store.statements import insert_text

if TYPE_CHECKING:
    from sqlalchemy import Engine

LIBRARY_VERSION = sqlite3.sqlite_version
REGEX_SECONDS = 0.2
"""What matching one text may take."""
REGEX_BUDGET = 5.0
"""What matching may take in one statement, in seconds."""


class _SqliteConnection(Unending, sqlite3.Connection):
    def really_close(self) -> None:
        sqlite3.Connection.close(self)


def _sqlite_failure(error: sqlite3.Error) -> StoreError:
    if isinstance(error, sqlite3.IntegrityError):
        return DuplicateRow(str(error)) if "UNIQUE" in str(error) else StoreError(str(error))
    text = str(error).lower()
    if isinstance(error, sqlite3.OperationalError) and any(
        word in text for word in ("disk", "readonly", "read-only", "locked", "busy", "unable to open", "full")
    ):
        return StoreUnavailable(str(error))
    return StoreError(str(error))


def is_busy(error: BaseException | None) -> bool:
    """Whether another process holds the lock."""
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


class _Regexp:
    """`text regexp pattern` of statements; the pattern's own errors were found before.

    A statement that spends `REGEX_BUDGET` in matching fails: one slow pattern times many rows must not hold a reader.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._last = 0.0

    def __call__(self, pattern: str, text: Any) -> bool:
        began = time.monotonic()
        if began - self._last > 1.0:  # another statement
            self._spent = 0.0
        if self._spent > REGEX_BUDGET:
            raise TimeoutError("matching takes too long")
        found = text is not None and regex.search(pattern, str(text), timeout=REGEX_SECONDS, concurrent=True)
        self._last = time.monotonic()
        self._spent += self._last - began
        return bool(found)


class SqliteLink(Link):
    """One connection to a SQLite file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str, *, readonly: bool) -> None:
        try:
            self.raw: _SqliteConnection = sqlite3.connect(
                f"file:{quote(path)}?mode={'ro' if readonly else 'rwc'}",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
                factory=_SqliteConnection,
            )
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error
        self.raw.row_factory = sqlite3.Row
        self.raw.create_function("regexp", 2, _Regexp(), deterministic=True)

    def run(self, text: str, params: Any) -> int:
        try:
            return self.raw.execute(text, params).rowcount
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error

    def rows(self, text: str, params: Any) -> list[Any]:
        try:
            return self.raw.execute(text, params).fetchall()
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error

    def one(self, text: str, params: Any) -> Any:
        try:
            cursor = self.raw.execute(text, params)
            row = cursor.fetchone()
            cursor.close()
            return row
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error

    def many(self, text: str, rows: Sequence[Any]) -> int:
        try:
            return self.raw.executemany(text, rows).rowcount
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error

    def insert(self, table: str, values: dict[str, Any]) -> int:
        try:
            return self.raw.execute(insert_text(table, tuple(values), None), values).lastrowid or 0
        except sqlite3.Error as error:
            raise _sqlite_failure(error) from error

    def begin(self) -> None:
        self.run("begin immediate", ())

    def begin_snapshot(self) -> None:
        self.run("begin", ())

    def commit(self, durable: bool) -> None:  # the writer flushes the log itself
        self.run("commit", ())

    def engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        return create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool, pool_reset_on_return=None)

    def close(self) -> None:
        self.raw.really_close()
