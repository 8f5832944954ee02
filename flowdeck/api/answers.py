"""Answers: JSON by orjson, paged lists, attachments."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import Response

JSON = "application/json"


def encode(value: Any) -> bytes:
    """JSON bytes of plain data; unknown objects become text rather than an error."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Numbers beyond 64 bits and halves of surrogate pairs, as files of users hold them.
        return json.dumps(_finite(value), default=str, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    """The value with `null` for what JSON has no number for, as the usual way gives it."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Json(Response):
    """A JSON answer; the content is plain data whose absent values are already left out."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        """Bytes of the body."""
        return encode(content)


def paged(results: list[Any], total: int) -> Json:
    """`{"results": […], "total": n}` (spec §4)."""
    return Json({"results": results, "total": total})


def empty(status: int = 204) -> Response:
    """An answer without body."""
    return Response(status_code=status)


def attachment(content: bytes | str, name: str, media_type: str) -> Response:
    """A download of content that is at hand."""
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition(name)})


def disposition(name: str) -> str:
    """The header of a download; any file name, header-safe."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


CSV_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(columns: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """CSV with a header row (see `csv_lines`)."""
    return csv_lines([columns]) + csv_lines(rows)


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Lines of CSV; cells that a spreadsheet would take for a formula get an apostrophe."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        cells = []
        for cell in row:
            text = (
                ""
                if cell is None
                else cell
                if isinstance(cell, str)
                else encode(cell).decode()
                if isinstance(cell, dict | list)
                else str(cell)
            )
            cells.append("'" + text if isinstance(cell, str) and text.startswith(CSV_FORMULA) else text)
        writer.writerow(cells)
    return out.getvalue()
