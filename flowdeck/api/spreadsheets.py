"""Lists as CSV: the columns that a reader chose and what identifies a row, under a name of their own (UI-LS-13)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from flowdeck.api.answers import csv_lines, disposition

Row = Any
Column = Callable[[Row], Any]
LABEL = "label:"
MOST_COLUMNS = 60


def chosen(request: Request, known: Iterable[str], ids: Sequence[str], own: Sequence[str]) -> list[str]:
    """Return the names of the columns that `columns=…` asks for, ids first; the list's own without the parameter.

    A name that the list does not know is left out; `label:<key>` is a column of its own for each key.
    """
    asked = [one.strip() for text in request.query_params.getlist("columns") for one in text.split(",")]
    names = set(known)
    wanted = [one for one in dict.fromkeys(asked) if one in names or one.startswith(LABEL)]
    return [*ids, *(one for one in wanted if one not in ids)][:MOST_COLUMNS] if wanted else list(own)


def label(row: Row, key: str) -> str:
    """Return the value of a label of a row, empty when it has none."""
    try:
        held = json.loads(row["labels"] or "[]")
    except ValueError:
        return ""
    pairs = held if isinstance(held, list) else []
    return next((str(one.get("value", "")) for one in pairs if isinstance(one, Mapping) and one.get("key") == key), "")


async def spreadsheet(
    request: Request,
    name: str,
    tenant: str,
    known: Mapping[str, Column],
    pages: AsyncIterator[Sequence[Row]],
    *,
    columns: Sequence[str],
) -> Response:
    """Answer rows as CSV named `<list>-<tenant>-<timestamp>.csv`, however many: sent as they are read.

    The first rows are read before the answer begins, so that what is wrong with the filters is still refused.

    Args:
        known: how each column is read from a row; the names are those of the console's columns.
        pages: the rows, a piece at a time.
        columns: names of the columns, as `chosen` gives them.
    """
    first: Sequence[Row] = await anext(pages, None) or []  # CPython before 3.13 breaks over a tuple as default

    def cell(row: Row, column: str) -> Any:
        return label(row, column[len(LABEL) :]) if column.startswith(LABEL) else known[column](row)

    def lines(rows: Sequence[Row]) -> bytes:
        return csv_lines([cell(row, column) for column in columns] for row in rows).encode()

    async def body() -> AsyncIterator[bytes]:
        yield csv_lines([columns]).encode() + lines(first)
        async for rows in pages:
            yield lines(rows)

    head = {"Content-Disposition": disposition(file_name(request, name, tenant))}
    return StreamingResponse(body(), media_type="text/csv", headers=head)


def file_name(request: Request, name: str, tenant: str, kind: str = "csv") -> str:
    """Return `<list>-<tenant>-<timestamp>.csv`, the instant in UTC as `20261120T060000Z`."""
    at = datetime.fromtimestamp(request.app.state.backend.now() / 1000, UTC)
    return f"{name}-{tenant}-{at:%Y%m%dT%H%M%SZ}.{kind}"


__all__ = ["chosen", "file_name", "label", "spreadsheet"]
