"""The one door to a database: SQLite by the standard library, PostgreSQL by psycopg (engine notes §1, §2.1).

No module but `sqlite` and `postgres` beside this one imports a driver: two SQLite libraries in one process drop each
other's locks.

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
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flowdeck.store import sqlite
from flowdeck.store.checkpoints import Checkpoints, Turns
from flowdeck.store.link import Dialect, DuplicateRow, Link, Row, StoreConflict, StoreError, StoreUnavailable
from flowdeck.store.postgres import PgLink
from flowdeck.store.sqlite import SqliteLink, is_busy
from flowdeck.store.statements import params_of

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

__all__ = [
    "Database",
    "Dialect",
    "DuplicateRow",
    "Durability",
    "Reader",
    "Row",
    "StoreConflict",
    "StoreError",
    "StoreUnavailable",
    "Tx",
    "Writer",
    "create_schema",
    "open_database",
]

Durability = Literal["full", "barrier", "normal"]

PAGE_BYTES = 2048
"""Page size of SQLite files: a step writes each page that it touches, a few rows in many indexes, as a whole. Half the
usual size takes a fifth of the executor's CPU off a chain of tasks and changes nothing for large batches."""


class Reader:
    """Read access; parameters are named (`all(text, tenant="main")`) or positional (`all(text, 1, 2)`)."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
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

    def together(self, *questions: tuple[str, Any]) -> list[list[Row]]:
        """All rows of several queries `(text, parameters)`, none of which needs the answer of another."""
        return self._link.together(questions)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let several statements see one state; keep it short, the write-ahead log grows meanwhile."""
        self._link.begin_snapshot()
        try:
            yield
        except BaseException:
            with contextlib.suppress(StoreError):
                self._link.run("rollback", ())
            raise
        else:
            self._link.run("commit", ())  # nothing was written; after it prepared statements stay


class Tx(Reader):
    """An open write transaction as commands see it.

    `now` is the loop's clock in ms since the epoch; `events` collects what `notify` was told and is
    published after the commit; `principal` is the user in whose name the present command runs,
    `tenant` the tenant of its arguments.
    """

    __slots__ = ("_depth", "_session", "_writer", "events", "now", "principal", "tenant")

    def __init__(self, writer: Writer, link: Link, now: int) -> None:
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

    def send(self, text: str, rows: Iterable[Any], refusal: Exception | None = None) -> None:
        """`many` that answers nothing: PostgreSQL gets it together with what is asked next, or with the commit.

        Args:
            refusal: raised, at the latest by `settle` or before the commit, unless each row of parameters touched one
                row.
        """
        batch = rows if isinstance(rows, (list, tuple)) else list(rows)
        if not batch:
            return
        self._link.send(text, batch, refusal)
        if self._session is not None:
            self._link.settle()

    def settle(self) -> None:
        """Wait until all that was sent is carried out; raise what came of it."""
        self._link.settle()

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
            self._link.settle()
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

    def __init__(self, database: Database, link: Link) -> None:
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
        self._link.settle()
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
            if not self._database.turns.begin(wait):
                raise StoreUnavailable("database is locked: another transaction of this process is open")
            try:
                self._lock(deadline)
            except BaseException:
                self._database.turns.end()
                raise
        else:
            self._link.begin()
        self._tx = Tx(self, self._link, int(time.time() * 1000) if now is None else now)
        return self._tx

    def _lock(self, deadline: float) -> None:
        while True:
            try:
                return self._link.begin()
            except StoreUnavailable as error:
                if not is_busy(error.__cause__) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.0001, 0.0005))

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
            self._link.commit(durable)
        except BaseException:
            self.rollback()
            raise
        self._tx = None
        if self._link.dialect == "sqlite":
            self._database.turns.end()
            if durable:
                self._flush_wal()
            self._database.written.set()

    def rollback(self) -> None:
        """Undo the open transaction; without one it does nothing."""
        tx, self._tx = self._tx, None
        if tx is not None:
            with contextlib.suppress(Exception):
                tx._forget_session()
            try:
                with contextlib.suppress(StoreError):
                    self._link.run("rollback", ())
            finally:
                if self._link.dialect == "sqlite":
                    self._database.turns.end()

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
        self.turns = Turns()
        self._idle: list[Link] = []
        self._lock = threading.Lock()
        self._most = readers
        self._places = threading.BoundedSemaphore(readers)
        self._checkpoints: Checkpoints | None = None
        self._stopping = threading.Event()

    def _link(self, *, readonly: bool) -> Link:
        if self.path is not None:
            return SqliteLink(str(self.path), readonly=readonly)
        return PgLink(self.url, readonly=readonly)

    def writer(self) -> Writer:
        """Open the writable connection (SQLite: write-ahead log, no busy handler, checkpoints by hand)."""
        link = self._link(readonly=False)
        if isinstance(link, SqliteLink):
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
                while link is not None and link.stale():
                    link.close()
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

    def pool(self) -> tuple[int, int, int]:
        """Connections for reading: idle, borrowed, most; may be asked by any thread."""
        return len(self._idle), self._most - self._places._value, self._most

    def about(self) -> dict[str, str]:
        """`{name, database, version}`: the address without its login, the product and its version."""
        if self.path is not None:
            return {"name": f"jdbc:sqlite:{self.path.name}", "database": "SQLite", "version": sqlite.LIBRARY_VERSION}
        place = self.url.partition("://")[2].rpartition("@")[2].partition("?")[0]
        with self.reader() as reader:
            version = str(reader.value("show server_version"))
        return {"name": f"jdbc:postgresql://{place}", "database": "PostgreSQL", "version": version}

    def _give_back(self, link: Link) -> None:
        with self._lock:
            if not self._stopping.is_set():
                self._idle.append(link)
                return
        link.close()

    def start_checkpoints(self) -> None:
        """Move the write-ahead log into the file from a thread of its own, so that no commit pays for it."""
        if self.path is not None and self._checkpoints is None:
            self._checkpoints = Checkpoints(self.path, self.written, self.turns)
            self._checkpoints.start()

    def close(self) -> None:
        """Stop the checkpoint thread and close idle readers; the writer closes itself."""
        self._stopping.set()
        if self._checkpoints is not None:
            self._checkpoints.stop()
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
