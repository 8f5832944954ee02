"""A connection to PostgreSQL, by psycopg (engine notes §2.1)."""

from __future__ import annotations

import select
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowdeck.store.link import Dialect, DuplicateRow, Link, StoreConflict, StoreError, StoreUnavailable, Unending
from flowdeck.store.statements import insert_text, translate

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
PREPARED = 500
"""Statements that a connection for writing keeps prepared; about as many as there are."""
FORGETTING = ("rollback", "drop ", "alter ", "discard ", "deallocate ")
"""Statements after which psycopg forgets what it has prepared: within a pipeline it would do so too late."""
ENDED = frozenset({"25P03", "57P05"})
"""SQLSTATEs of sessions that PostgreSQL ended because they said nothing for too long."""


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

    class _PgConnection(Unending, psycopg.Connection[Any]):
        def really_close(self) -> None:
            psycopg.Connection.close(self)

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


class PgLink(Link):
    """One connection to PostgreSQL; statements are written for SQLite and translated once.

    What is sent opens libpq's pipeline: statements travel without waiting for each other, the next question takes them
    along, and one that fails lets all after it fail until the pipeline is left.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, readonly: bool) -> None:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        self._error = psycopg.Error
        self._url = url
        self._pipeline: ExitStack | None = None
        self._expected: list[tuple[Any, int, Exception]] = []
        try:
            told = conninfo_to_dict(url)
            options = f"{told.get('options') or ''} -c default_transaction_read_only={'on' if readonly else 'off'}"
            defaults = {k: v for k, v in PG_DEFAULTS.items() if k not in told}
            if readonly and told.get("target_session_attrs") == "read-write":
                # Our read-only sessions on the server that takes writes: libpq would refuse them there.
                defaults["target_session_attrs"] = "primary"
            self.raw = _pg_connection_class().connect(
                url, autocommit=True, row_factory=_pg_rows, **{**defaults, "options": options.strip()}
            )
        except psycopg.Error as error:
            raise _pg_failure(error) from error
        self.raw.adapters.register_dumper(str, _pg_text())
        if not readonly:
            # psycopg prepares what was used some times. Where that falls into a pipeline that fails before, it keeps
            # the name of a statement that the server does not know; what is prepared at once it checks.
            self.raw.prepare_threshold = 0
            self.raw.prepared_max = PREPARED

    def _failed(self, error: Any) -> StoreError:
        """What an error is called; the pipeline, in which nothing more would be carried out, is left."""
        with suppress(Exception):
            self._leave()
        return _pg_failure(error)

    def run(self, text: str, params: Any) -> int:
        if self._pipeline is not None and text.startswith(FORGETTING):
            if text.startswith("rollback"):
                with suppress(StoreError):
                    self._leave()
            self.settle()
        try:
            cursor = self.raw.execute(translate(text), params)
        except self._error as error:
            raise self._failed(error) from error
        self.settle()
        return cursor.rowcount

    def rows(self, text: str, params: Any) -> list[Any]:
        try:
            return self.raw.execute(translate(text), params).fetchall()
        except self._error as error:
            raise self._failed(error) from error

    def one(self, text: str, params: Any) -> Any:
        try:
            return self.raw.execute(translate(text), params).fetchone()
        except self._error as error:
            raise self._failed(error) from error

    def many(self, text: str, rows: Sequence[Any]) -> int:
        try:
            cursor = self.raw.cursor()
            cursor.executemany(translate(text), rows)
        except self._error as error:
            raise self._failed(error) from error
        self.settle()
        return cursor.rowcount

    def send(self, text: str, rows: Sequence[Any], refusal: Exception | None = None) -> None:
        try:
            self._enter()
            cursor = self.raw.cursor()
            cursor.executemany(translate(text), rows)
        except self._error as error:
            raise self._failed(error) from error
        if refusal is not None:
            self._expected.append((cursor, len(rows), refusal))

    def together(self, questions: Sequence[tuple[str, Any]]) -> list[list[Any]]:
        alone = self._pipeline is None
        try:
            self._enter()
            cursors = [self.raw.execute(translate(text), params) for text, params in questions]
            answers = [cursor.fetchall() for cursor in cursors]
        except self._error as error:
            raise self._failed(error) from error
        if alone:
            self.settle()
        return answers

    def _enter(self) -> None:
        if self._pipeline is None:
            self._pipeline = ExitStack()
            self._pipeline.enter_context(self.raw.pipeline())

    def _leave(self) -> None:
        stack, self._pipeline = self._pipeline, None
        self._expected = []
        if stack is not None:
            try:
                stack.close()
            except self._error as error:
                raise _pg_failure(error) from error

    def settle(self) -> None:
        expected = self._expected
        self._leave()
        for cursor, count, refusal in expected:
            if cursor.rowcount != count:
                raise refusal

    def begin(self) -> None:
        self.send("begin", [()])

    def begin_snapshot(self) -> None:
        self.run("begin isolation level repeatable read", ())

    def commit(self, durable: bool) -> None:
        if self._expected:
            self.settle()
        if not durable:
            self.send("set local synchronous_commit = off", [()])
        self.run("commit", ())

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.settle()  # a copy can't be part of a pipeline
        try:
            with (
                self.raw.cursor() as cursor,
                cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as out,
            ):
                for row in rows:
                    out.write_row(row)
        except self._error as error:
            raise self._failed(error) from error

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

    def stale(self) -> bool:
        # A server says nothing to a connection that asks nothing: what can be read is its end.
        try:
            poll = select.poll()
            poll.register(self.raw.fileno(), select.POLLIN)
            return bool(poll.poll(0))
        except self._error:
            return True

    def close(self) -> None:
        self.raw.really_close()
