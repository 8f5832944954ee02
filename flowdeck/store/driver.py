"""The one door to a database: SQLite by the standard library, PostgreSQL by psycopg (engine notes §1, §2.1).

No other module imports a driver: two SQLite libraries in one process drop each other's locks.

* One `Writer` per SQLite file. It alone issues BEGIN IMMEDIATE and COMMIT; a command works on the `Tx` it
  is given.
* Readers are read-only connections from a small pool; statements see committed rows only.
* Statement texts say `:name` or `?`; for PostgreSQL they are translated once and cached. Booleans are written
  as `where not disabled` or as bound parameters, never as 0 and 1, so that one text serves both.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote

import regex

from flowdeck.store.statements import insert_text, params_of, translate

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

Dialect = Literal["sqlite", "postgresql"]
Durability = Literal["full", "barrier", "normal"]

PAGE_BYTES = 2048
"""Page size of SQLite files: a step writes each page that it touches, a few rows in many indexes, as a whole. Half the
usual size takes a fifth of the executor's CPU off a chain of tasks and changes nothing for large batches."""
REGEX_SECONDS = 0.2
"""What matching one text may take."""
REGEX_BUDGET = 5.0
"""What matching may take in one statement, in seconds."""
CHECKPOINT_PAUSE = 0.1
"""Seconds between checkpoints while something is written."""
TRUNCATE_ABOVE = 64 * 1024 * 1024
"""Size of a write-ahead log, in bytes, above which a quiet second is used to cut it."""


PG_DEFAULTS = {
    "application_name": "flowdeck",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What a connection to PostgreSQL says unless its address says otherwise; spans in seconds."""
PG_KEYS = """
    select c.relname, (
        select a.attname from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and pg_get_expr(d.adbin, d.adrelid) like 'nextval(%' limit 1
    ) from pg_class c where c.relkind in ('r', 'p') and pg_table_is_visible(c.oid)
        and c.relnamespace <> 'pg_catalog'::regnamespace"""
"""Each table with the column that numbers itself, if it has one."""
CONFLICTS = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs of `StoreConflict`."""
ENDED = frozenset({"25P03", "57P05"})
"""SQLSTATEs of sessions that PostgreSQL ended because they said nothing for too long."""


class StoreError(Exception):
    """The database refused a statement; the driver's own error is the cause."""


class StoreUnavailable(StoreError):
    """The database can't be written or reached now: disk full, read-only, lost connection, locked."""


class StoreConflict(StoreUnavailable):
    """PostgreSQL ended the transaction for the sake of another one (deadlock, serialization, lock timeout).

    Nothing of it counts; the whole of it may be done again.
    """


class DuplicateRow(StoreError):
    """A unique key exists already."""


class Row(Protocol):
    """A result row: by position, by column name, `dict(row)`, iteration over values."""

    def __getitem__(self, key: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def keys(self) -> Any: ...


# ── connections ───────────────────────────────────────────────────────────────────────────────────


class _SqliteConnection(sqlite3.Connection):
    """Ends no transaction on its own: a SQLModel session over it must not commit or roll back the group."""

    def commit(self) -> None:
        return None

    def rollback(self) -> None:
        return None

    def close(self) -> None:
        return None

    def really_close(self) -> None:
        super().close()


def _sqlite_failure(error: sqlite3.Error) -> StoreError:
    if isinstance(error, sqlite3.IntegrityError):
        return DuplicateRow(str(error)) if "UNIQUE" in str(error) else StoreError(str(error))
    text = str(error).lower()
    if isinstance(error, sqlite3.OperationalError) and any(
        word in text for word in ("disk", "readonly", "read-only", "locked", "busy", "unable to open", "full")
    ):
        return StoreUnavailable(str(error))
    return StoreError(str(error))


def _is_busy(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


class _Link:
    """One connection with the same four verbs on both databases."""

    dialect: Dialect

    def run(self, text: str, params: Any) -> int:
        raise NotImplementedError

    def rows(self, text: str, params: Any) -> list[Any]:
        raise NotImplementedError

    def one(self, text: str, params: Any) -> Any:
        raise NotImplementedError

    def many(self, text: str, rows: Sequence[Any]) -> int:
        raise NotImplementedError

    def insert(self, table: str, values: dict[str, Any]) -> int:
        raise NotImplementedError

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        raise NotImplementedError

    def engine(self) -> Engine:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


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


class _SqliteLink(_Link):
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

    def engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        return create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool, pool_reset_on_return=None)

    def close(self) -> None:
        self.raw.really_close()


class _PgRow(tuple[Any, ...]):
    """A tuple that also answers to column names."""

    __slots__ = ()
    _index: dict[str, int] = {}

    def __getitem__(self, key: Any, /) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return tuple.__getitem__(self, self._index[key] if key.__class__ is str else key)

    def keys(self) -> list[str]:
        return list(self._index)


def _pg_rows(cursor: Any) -> Any:
    columns = cursor.description
    if columns is None:
        return tuple
    return _pg_row_class(tuple(c.name for c in columns))


@lru_cache(maxsize=1024)
def _pg_row_class(names: tuple[str, ...]) -> type[_PgRow]:
    return type("PgRow", (_PgRow,), {"__slots__": (), "_index": {name: i for i, name in enumerate(names)}})


def _pg_connection_class() -> Any:
    import psycopg

    class _PgConnection(psycopg.Connection[Any]):
        """See `_SqliteConnection`."""

        def commit(self) -> None:
            return None

        def rollback(self) -> None:
            return None

        def close(self) -> None:
            return None

        def really_close(self) -> None:
            super().close()

    return _PgConnection


@lru_cache(maxsize=1)
def _pg_text() -> Any:
    from psycopg.adapt import Dumper

    class _Text(Dumper):
        """PostgreSQL's texts hold no NUL: what a task or a caller puts there must not fail the transaction."""

        def dump(self, obj: str) -> bytes:
            return (obj.replace("\0", "\ufffd") if "\0" in obj else obj).encode()

    return _Text


def _pg_failure(error: Any) -> StoreError:
    import psycopg

    if isinstance(error, psycopg.errors.UniqueViolation):
        return DuplicateRow(str(error))
    if error.sqlstate in CONFLICTS:
        return StoreConflict(str(error))
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) or error.sqlstate in ENDED:
        return StoreUnavailable(str(error))
    return StoreError(str(error))


_pg_keys: dict[str, dict[str, str | None]] = {}
"""What `PG_KEYS` answered, by address."""


class _PgLink(_Link):
    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, readonly: bool) -> None:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        self._error = psycopg.Error
        self._url = url
        try:
            told = conninfo_to_dict(url)
            options = f"{told.get('options') or ''} -c default_transaction_read_only={'on' if readonly else 'off'}"
            defaults = {k: v for k, v in PG_DEFAULTS.items() if k not in told}
            self.raw = _pg_connection_class().connect(
                url, autocommit=True, row_factory=_pg_rows, **{**defaults, "options": options.strip()}
            )
        except psycopg.Error as error:
            raise _pg_failure(error) from error
        self.raw.adapters.register_dumper(str, _pg_text())

    def run(self, text: str, params: Any) -> int:
        try:
            return self.raw.execute(translate(text), params).rowcount
        except self._error as error:
            raise _pg_failure(error) from error

    def rows(self, text: str, params: Any) -> list[Any]:
        try:
            return self.raw.execute(translate(text), params).fetchall()
        except self._error as error:
            raise _pg_failure(error) from error

    def one(self, text: str, params: Any) -> Any:
        try:
            return self.raw.execute(translate(text), params).fetchone()
        except self._error as error:
            raise _pg_failure(error) from error

    def many(self, text: str, rows: Sequence[Any]) -> int:
        try:
            with self.raw.cursor() as cursor:
                cursor.executemany(translate(text), rows)
                return cursor.rowcount
        except self._error as error:
            raise _pg_failure(error) from error

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        try:
            with (
                self.raw.cursor() as cursor,
                cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as out,
            ):
                for row in rows:
                    out.write_row(row)
        except self._error as error:
            raise _pg_failure(error) from error

    def insert(self, table: str, values: dict[str, Any]) -> int:
        key = self._key_of(table)
        text = insert_text(table, tuple(values), key)
        if key is None:
            self.run(text, values)
            return 0
        return self.one(text, values)[0]

    def _key_of(self, table: str) -> str | None:
        """A table's generated key. The database is asked once: importing the schema takes seconds."""
        known = _pg_keys.setdefault(self._url, {})
        if table not in known:
            known.update((row[0], row[1]) for row in self.rows(PG_KEYS, ()))
            known.setdefault(table, None)
        return known[table]

    def engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        return create_engine(
            "postgresql+psycopg://", creator=lambda: self.raw, poolclass=StaticPool, pool_reset_on_return=None
        )

    def close(self) -> None:
        self.raw.really_close()


# ── what commands and queries get ─────────────────────────────────────────────────────────────────


class Reader:
    """Read access; parameters are named (`all(text, tenant="main")`) or positional (`all(text, 1, 2)`)."""

    __slots__ = ("_link",)

    def __init__(self, link: _Link) -> None:
        self._link = link

    @property
    def dialect(self) -> Dialect:
        """`sqlite` or `postgresql`."""
        return self._link.dialect

    def all(self, text: str, *args: Any, **named: Any) -> list[Row]:
        """All rows."""
        return self._link.rows(text, params_of(args, named))

    def one(self, text: str, *args: Any, **named: Any) -> Row | None:
        """The first row, or None."""
        return self._link.one(text, params_of(args, named))

    def value(self, text: str, *args: Any, **named: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._link.one(text, params_of(args, named))
        return None if row is None else row[0]

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let several statements see one state; keep it short, the write-ahead log grows meanwhile."""
        self._link.run("begin" if self.dialect == "sqlite" else "begin isolation level repeatable read", ())
        try:
            yield
        finally:
            self._link.run("rollback", ())


class Tx(Reader):
    """An open write transaction as commands see it.

    `now` is the loop's clock in ms since the epoch; `events` collects what `notify` was told and is
    published after the commit; `principal` is the user in whose name the present command runs,
    `tenant` the tenant of its arguments.
    """

    __slots__ = ("_depth", "_session", "_writer", "events", "now", "principal", "tenant")

    def __init__(self, writer: Writer, link: _Link, now: int) -> None:
        super().__init__(link)
        self._writer = writer
        self._session: Session | None = None
        self._depth = 0
        self.now = now
        self.principal: str | None = None
        self.tenant: str | None = None
        self.events: list[dict[str, Any]] = []

    def sql(self, text: str, *args: Any, **named: Any) -> int:
        """Execute a statement; answers the number of rows it touched."""
        return self._link.run(text, params_of(args, named))

    def many(self, text: str, rows: Iterable[Any]) -> int:
        """Execute a statement per row (tuples or dicts); answers the total of touched rows."""
        batch = rows if isinstance(rows, (list, tuple)) else list(rows)
        return self._link.many(text, batch) if batch else 0

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add many rows by PostgreSQL's COPY, the quickest way; no parameter takes part, nothing is escaped by hand."""
        self._link.copy(table, columns, rows)

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row; answers its generated key (0 when the table has none)."""
        return self._link.insert(table, values)

    def new_id(self) -> str:
        """A fresh public id: 22 characters, ordered by time."""
        from flowdeck.model.ids import make_id

        return make_id(self.now, random.SystemRandom().getrandbits(80))

    def notify(self, topic: str, change: str, id: str, by: str | None = None, **more: Any) -> None:
        """Announce a change (`created`, `changed`, `deleted`) to the feed, if the transaction commits."""
        event: dict[str, Any] = {"kind": "topic", "topic": topic, "change": change, "id": id, **more}
        if self.tenant is not None:
            event.setdefault("tenant", self.tenant)
        if by or self.principal:
            event["by"] = by or self.principal
        self.events.append(event)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block did when it raises; the transaction around it goes on."""
        if self._session is not None:
            self._session.flush()
        self._depth += 1
        name = f"s{self._depth}"
        told = len(self.events)
        self._link.run(f"savepoint {name}", ())
        try:
            yield
            if self._session is not None:
                self._session.flush()
        except BaseException:
            self._forget_session()
            del self.events[told:]
            self._link.run(f"rollback to savepoint {name}", ())
            self._link.run(f"release savepoint {name}", ())
            raise
        else:
            self._link.run(f"release savepoint {name}", ())
        finally:
            self._depth -= 1

    @property
    def session(self) -> Session:
        """A SQLModel session over this transaction; its commit, rollback and close end nothing."""
        if self._session is None:
            from sqlmodel import Session

            self._session = Session(self._writer.engine(), expire_on_commit=False)
        return self._session

    def _forget_session(self) -> None:
        if self._session is not None:
            self._session.expunge_all()
            self._session.close()
            self._session = None

    def finish(self) -> None:
        """Write out what the session holds; called by the writer before the commit."""
        if self._session is not None:
            self._session.flush()
            self._forget_session()


class Writer:
    """The writable connection; a SQLite file has one in all its processes (engine notes §1.3).

    Used by one thread at a time; which thread may change.
    """

    def __init__(self, database: Database, link: _Link) -> None:
        self._database = database
        self._link = link
        self._engine: Engine | None = None
        self._tx: Tx | None = None
        self._wal: int | None = None

    @property
    def dialect(self) -> Dialect:
        """`sqlite` or `postgresql`."""
        return self._link.dialect

    def engine(self) -> Engine:
        """SQLAlchemy over the same connection, for `Tx.session` and migrations."""
        if self._engine is None:
            self._engine = self._link.engine()
        return self._engine

    def begin(self, now: int | None = None, *, wait: float = 5.0) -> Tx:
        """Open a transaction with the write lock held; `now` in ms (default: wall clock).

        Another process may hold the lock for a moment (a migration, the command line): retried with a random
        pause up to `wait` seconds, then `StoreUnavailable`.
        """
        if self._tx is not None:
            raise StoreError("a transaction is open already")
        if self._link.dialect == "sqlite":
            deadline = time.monotonic() + wait
            while True:
                try:
                    self._link.run("begin immediate", ())
                    break
                except StoreUnavailable as error:
                    if not _is_busy(error.__cause__) or time.monotonic() > deadline:
                        raise
                    time.sleep(random.uniform(0.0001, 0.0005))
        else:
            self._link.run("begin", ())
        self._tx = Tx(self, self._link, int(time.time() * 1000) if now is None else now)
        return self._tx

    def commit(self, full: bool = False) -> None:
        """Commit; `full` makes this and all earlier commits survive a power loss before it returns.

        Durability `full` does so always, `normal` never. A failure leaves no transaction open.
        """
        tx = self._tx
        if tx is None:
            raise StoreError("no transaction is open")
        durable = self._database.durability == "full" or (full and self._database.durability == "barrier")
        try:
            tx.finish()
            if self._link.dialect == "postgresql" and not durable:
                self._link.run("set local synchronous_commit = off", ())
            self._link.run("commit", ())
        except BaseException:
            self.rollback()
            raise
        self._tx = None
        if self._link.dialect == "sqlite":
            if durable:
                self._flush_wal()
            self._database.written.set()

    def rollback(self) -> None:
        """Undo the open transaction; without one it does nothing."""
        tx, self._tx = self._tx, None
        if tx is not None:
            with contextlib.suppress(Exception):
                tx._forget_session()
            with contextlib.suppress(StoreError):
                self._link.run("rollback", ())

    @contextlib.contextmanager
    def transaction(self, now: int | None = None, *, full: bool = False) -> Iterator[Tx]:
        """`begin`, then `commit` or, when the block raises, `rollback`."""
        tx = self.begin(now)
        try:
            yield tx
        except BaseException:
            self.rollback()
            raise
        self.commit(full)

    def copy_to(self, path: Path) -> None:
        """Copy a SQLite file, consistent and compact; `StoreUnavailable` when there is no room."""
        if self._link.dialect == "sqlite":
            self._link.run("vacuum into ?", (str(path),))

    def _flush_wal(self) -> None:
        # What synchronous=FULL does at a commit; the pragma can't be changed while a transaction is open, and
        # whether a batch needs the barrier is known only at its end. The log carries no POSIX locks.
        try:
            if self._wal is None:
                self._wal = os.open(f"{self._database.path}-wal", os.O_RDWR)
            os.fdatasync(self._wal)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreUnavailable(f"the write-ahead log can't be flushed: {error}") from error

    def close(self) -> None:
        """Undo what is open and close."""
        self.rollback()
        if self._wal is not None:
            os.close(self._wal)
            self._wal = None
        self._link.close()


class Database:
    """A database and its connections; made by `open_database`."""

    def __init__(
        self, url: str, *, durability: Durability = "barrier", readers: int = 8, page_bytes: int = PAGE_BYTES
    ) -> None:
        self.url = url
        self.page_bytes = page_bytes
        self.durability: Durability = durability
        self.dialect: Dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self.path = Path(url.removeprefix("sqlite:///")) if self.dialect == "sqlite" else None
        self.written = threading.Event()
        self._idle: list[_Link] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(readers)
        self._checkpoints: threading.Thread | None = None
        self._stopping = threading.Event()

    def _link(self, *, readonly: bool) -> _Link:
        if self.path is not None:
            return _SqliteLink(str(self.path), readonly=readonly)
        return _PgLink(self.url, readonly=readonly)

    def writer(self) -> Writer:
        """Open the writable connection (SQLite: write-ahead log, no busy handler, checkpoints by hand)."""
        link = self._link(readonly=False)
        if isinstance(link, _SqliteLink):
            deadline = time.monotonic() + 5
            while True:
                try:
                    link.run(f"pragma page_size={int(self.page_bytes)}", ())
                    link.run("pragma auto_vacuum=incremental", ())  # of a new file; see `purge.pages`
                    link.run("pragma journal_mode=wal", ())
                    break
                except StoreUnavailable:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(random.uniform(0.0005, 0.002))
            link.run("pragma synchronous=normal", ())
            link.run("pragma wal_autocheckpoint=0", ())
            link.run("pragma foreign_keys=off", ())
            link.run("pragma cache_size=-65536", ())
            link.run("pragma temp_store=memory", ())
        return Writer(self, link)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        """Borrow a read-only connection; a fifth of a second of work, not more."""
        self._places.acquire()
        try:
            with self._lock:
                link = self._idle.pop() if self._idle else None
            if link is None:
                link = self._link(readonly=True)
            try:
                yield Reader(link)
            except StoreUnavailable:
                with contextlib.suppress(Exception):
                    link.close()
                raise
            except BaseException:
                self._give_back(link)
                raise
            else:
                self._give_back(link)
        finally:
            self._places.release()

    def _give_back(self, link: _Link) -> None:
        with self._lock:
            if not self._stopping.is_set():
                self._idle.append(link)
                return
        link.close()

    def start_checkpoints(self) -> None:
        """Move the write-ahead log into the file from a thread of its own, so that no commit pays for it."""
        if self.path is None or self._checkpoints is not None:
            return
        self._checkpoints = threading.Thread(target=self._checkpoint_loop, name="checkpoint", daemon=True)
        self._checkpoints.start()

    def _checkpoint_loop(self) -> None:
        link = _SqliteLink(str(self.path), readonly=False)
        wal = Path(f"{self.path}-wal")
        try:
            while not self._stopping.is_set():
                self.written.wait()
                if self._stopping.wait(CHECKPOINT_PAUSE):
                    break
                self.written.clear()
                with contextlib.suppress(StoreError):
                    link.one("pragma wal_checkpoint(passive)", ())
                if wal.exists() and wal.stat().st_size > TRUNCATE_ABOVE and not self.written.wait(1.0):
                    with contextlib.suppress(StoreError):
                        link.one("pragma wal_checkpoint(truncate)", ())
        finally:
            link.close()

    def close(self) -> None:
        """Stop the checkpoint thread and close idle readers; the writer closes itself."""
        self._stopping.set()
        self.written.set()
        if self._checkpoints is not None:
            self._checkpoints.join(2.0)
        with self._lock:
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()


def open_database(
    url: str, *, durability: Durability = "barrier", readers: int = 8, page_bytes: int = PAGE_BYTES
) -> Database:
    """Describe a database by URL: `sqlite:///path` or `postgresql://…`.

    Args:
        durability: `full` flushes every commit, `barrier` those acknowledged to the outside, `normal` none.
        readers: most read-only connections at a time.
        page_bytes: page size of a SQLite file that is made now; a file that exists keeps its own.
    Raises:
        ValueError: the URL has another scheme.
    """
    if url.startswith("jdbc:"):
        url = url.removeprefix("jdbc:")
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError(f"unknown database URL {url.split('@')[-1]!r}: use sqlite:///path or postgresql://…")
    return Database(url, durability=durability, readers=readers, page_bytes=page_bytes)


def create_schema(database: Database) -> None:
    """Create all tables as the metadata says, without migrations: for tests and benchmarks."""
    from sqlmodel import SQLModel

    from flowdeck.store import tables

    assert tables
    writer = database.writer()
    try:
        with writer.transaction():
            SQLModel.metadata.create_all(writer.engine())
    finally:
        writer.close()
