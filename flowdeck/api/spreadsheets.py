"""Lists as CSV: the columns that a reader chose and what identifies a row, under a name of their own (UI-LS-13)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from flowdeck.api.answers import attachment, csv_text

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


def spreadsheet(
    request: Request,
    name: str,
    tenant: str,
    known: Mapping[str, Column],
    rows: Sequence[Row],
    *,
    ids: Sequence[str],
    own: Sequence[str],
) -> Response:
    """Answer rows as CSV named `<list>-<tenant>-<timestamp>.csv`.

    Args:
        known: how each column is read from a row; the names are those of the console's columns.
        ids: columns that identify a row and are always there.
        own: columns of a request without `columns`.
    """
    columns = chosen(request, known, ids, own)

    def cell(row: Row, column: str) -> Any:
        return label(row, column[len(LABEL) :]) if column.startswith(LABEL) else known[column](row)

    lines = [[cell(row, column) for column in columns] for row in rows]
    return attachment(csv_text(columns, lines), file_name(request, name, tenant), "text/csv")


def file_name(request: Request, name: str, tenant: str, kind: str = "csv") -> str:
    """Return `<list>-<tenant>-<timestamp>.csv`, the instant in UTC as `20261120T060000Z`."""
    at = datetime.fromtimestamp(request.app.state.backend.now() / 1000, UTC)
    return f"{name}-{tenant}-{at:%Y%m%dT%H%M%SZ}.{kind}"


__all__ = ["chosen", "file_name", "label", "spreadsheet"]
