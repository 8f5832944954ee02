"""The head of a file in a form that can be shown: rows, text, images (spec: REST contract §10)."""

from __future__ import annotations

import base64
import csv
import io
import json
import posixpath
from collections.abc import Callable, Iterable
from typing import Any

from flowdeck.expr import ExpressionError, ion
from flowdeck.services import avro_files, parquet_files, spreadsheets

IMAGES = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg", "bmp"})
MAX_BINARY = 20 * 1024 * 1024
MAX_TEXT = 4 * 1024 * 1024
"""Bytes that are read of a file, at most."""


def _objects(text: str, rows: int) -> list[Any]:
    """One JSON value a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()][:rows]


def _ion(text: str, rows: int) -> list[Any]:
    """The first values of an Ion text: mostly one a line, and JSON is Ion."""
    found: list[Any] = []
    try:
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found += ion.load(line)
            if len(found) >= rows:
                return found[:rows]
    except ExpressionError:  # a value over several lines
        return ion.load(text)[:rows]
    return found


def _array(text: str, rows: int) -> list[Any]:
    """A JSON list of objects."""
    value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("no list of objects")
    return value[:rows]


def _table(text: str, rows: int, delimiter: str = ",") -> list[Any]:
    """Rows by the names in the first line."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    head = next(reader, [])
    if not head or len(set(head)) != len(head):
        raise ValueError("no header")
    found: list[Any] = []
    for line in reader:
        if not line:
            continue
        cells: list[Any] = [*line, *[""] * (len(head) - len(line))]
        found.append(dict(zip(head, cells, strict=False)))
        if len(found) == rows:
            break
    return found


LISTS: dict[str, Callable[[str, int], list[Any]]] = {
    "ion": _ion,
    "jsonl": _objects,
    "ndjson": _objects,
    "json": _array,
    "csv": _table,
    "tsv": lambda text, rows: _table(text, rows, "\t"),
}
"""Extension → how its rows are read. What can't be read this way is text."""


WHOLE: dict[str, Callable[[bytes, int], tuple[list[Any], bool]]] = {
    "avro": avro_files.rows_of,
    "parquet": parquet_files.rows_of,
    "xlsx": spreadsheets.rows_of,
    "xlsm": spreadsheets.rows_of,
}
"""Extension → how the rows of a file are read that is understood as a whole only."""


def _lines(lines: Iterable[str], rows: int) -> tuple[str, bool]:
    held = list(lines)
    return "".join(held[:rows]), len(held) > rows


def preview(storage: Any, uri: str, rows: int, encoding: str) -> dict[str, Any]:
    """`{extension, type, content, maxLine, truncated}` of a stored file; at most `rows` rows or lines.

    Raises `FileNotFoundError`, and `ValueError` for what can't be shown.
    """
    name = posixpath.basename(uri)
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    answer: dict[str, Any] = {"extension": extension, "type": "TEXT", "maxLine": rows, "truncated": False}
    with storage.open_read(uri) as file:
        if extension in IMAGES or extension == "pdf":
            data = file.read(MAX_BINARY + 1)
            content = base64.b64encode(data[:MAX_BINARY]).decode()
            kind = "PDF" if extension == "pdf" else "IMAGE"
            return answer | {"type": kind, "truncated": len(data) > MAX_BINARY, "content": content}
        if read := WHOLE.get(extension):
            data = file.read(MAX_BINARY + 1)
            if len(data) > MAX_BINARY:
                raise ValueError(f"a preview of {extension} needs a file of at most {MAX_BINARY:,} bytes")
            listed, more = read(data, rows)
            return answer | {"type": "LIST", "content": listed, "truncated": more}
        data = file.read(MAX_TEXT + 1)
    whole = len(data) <= MAX_TEXT
    text = data[:MAX_TEXT].decode(encoding, errors="replace")
    if not whole:
        text = text[: text.rfind("\n") + 1] or text  # the last line is cut
    if reader := LISTS.get(extension):
        try:
            listed = reader(text, rows + 1)
        except (ValueError, RecursionError, csv.Error, ExpressionError):
            listed = []
        if listed:
            more = len(listed) > rows or not whole
            return answer | {"type": "LIST", "content": listed[:rows], "truncated": more}
    answer["content"], more = _lines(text.splitlines(keepends=True), rows)
    answer["truncated"] = more or not whole
    if extension in ("md", "markdown"):
        answer["type"] = "MARKDOWN"
    return answer
