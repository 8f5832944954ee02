"""One connection, whatever the database: its verbs and what can go wrong (engine notes §2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Engine

Dialect = Literal["sqlite", "postgresql"]


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


class Unending:
    """A driver's connection that ends no transaction on its own: a SQLModel session must not end the group's."""

    def commit(self) -> None:
        """Do nothing."""

    def rollback(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Link:
    """One connection with the same four verbs on both databases."""

    dialect: Dialect

    def run(self, text: str, params: Any) -> int:
        """Carry out a statement; the number of rows it changed."""
        raise NotImplementedError

    def rows(self, text: str, params: Any) -> list[Any]:
        """All rows of a query."""
        raise NotImplementedError

    def one(self, text: str, params: Any) -> Any:
        """The first row of a query, or None."""
        raise NotImplementedError

    def many(self, text: str, rows: Sequence[Any]) -> int:
        """Carry out a statement once a row; the number of rows changed."""
        raise NotImplementedError

    def send(self, text: str, rows: Sequence[Any], refusal: Exception | None = None) -> None:
        """Carry out a statement once a row without asking what came of it.

        A database behind a network gets it together with the next question or the commit, so that both wait once.

        Args:
            refusal: raised, at the latest by `settle`, unless each row of parameters touched one row.
        """
        if self.many(text, rows) != len(rows) and refusal is not None:
            raise refusal

    def settle(self) -> None:
        """Wait until all that was sent is carried out; raise what came of it."""

    def together(self, questions: Sequence[tuple[str, Any]]) -> list[list[Any]]:
        """All rows of several queries, none of which needs the answer of another."""
        return [self.rows(text, params) for text, params in questions]

    def insert(self, table: str, values: dict[str, Any]) -> int:
        """Insert a row; its generated key, 0 without one."""
        raise NotImplementedError

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows the fastest way; PostgreSQL only."""
        raise NotImplementedError

    def engine(self) -> Engine:
        """SQLAlchemy over this connection."""
        raise NotImplementedError

    def stale(self) -> bool:
        """Whether the other end has closed the connection while nobody used it."""
        return False

    def begin(self) -> None:
        """Open a transaction that writes."""
        raise NotImplementedError

    def begin_snapshot(self) -> None:
        """Open a transaction that reads one state."""
        raise NotImplementedError

    def commit(self, durable: bool) -> None:
        """End the transaction; `durable`: what it wrote survives the loss of power as far as that is done here."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError
