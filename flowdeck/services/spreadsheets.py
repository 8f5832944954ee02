"""Rows of the first sheet of an Excel workbook (xlsx), for previews: bounded, no formula is run (ui.md UI-XP-52)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any
from xml.etree import ElementTree

MAX_PART = 4 * 1024 * 1024
"""Bytes of a small part of the workbook (its lists of sheets and styles) when it is unpacked."""
MAX_READ = 50 * 1024 * 1024
"""Bytes of the sheet, and of its texts, that are looked at; no more of them than one row is in memory."""
MAX_TEXT = 20_000_000
"""Characters of all texts that cells share."""
MAX_COLUMNS = 200
_DATES = frozenset({*range(14, 23), *range(45, 48)})
"""Number formats that every workbook has for dates and times."""
_FIRST_DAY = datetime(1899, 12, 30)
_PLACE = re.compile(r"([A-Z]{1,3})\d+")


def _part(book: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    try:
        with book.open(name) as file:
            data = file.read(MAX_PART + 1)
    except KeyError:
        return None
    if len(data) > MAX_PART:
        raise ValueError(f"a part of the workbook holds more than {MAX_PART:,} bytes")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("the workbook holds declarations that are not read")
    return ElementTree.fromstring(data)


class _Unpacked:
    """A part that is read piece by piece, up to a number of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, MAX_READ

    def read(self, count: int = -1) -> bytes:
        if self._left <= 0:
            raise ValueError(f"a part of the workbook holds more than {MAX_READ:,} bytes")
        data = self._file.read(min(count, self._left) if count >= 0 else self._left)
        self._left -= len(data)
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise ValueError("the workbook holds declarations that are not read")
        return data


def _streamed(book: zipfile.ZipFile, name: str, wanted: str) -> Iterator[ElementTree.Element]:
    """Elements of a large part, one after another; each is forgotten when the next one is asked for."""
    try:
        file = book.open(name)
    except KeyError:
        return
    above: list[ElementTree.Element] = []
    with file:
        for event, element in ElementTree.iterparse(_Unpacked(file), ("start", "end")):
            if event == "start":
                above.append(element)
                continue
            above.pop()
            if _local(element) == wanted:
                yield element
                if above:
                    del above[-1][:]


def _shared(book: zipfile.ZipFile) -> list[str]:
    words: list[str] = []
    size = 0
    for one in _streamed(book, "xl/sharedStrings.xml", "si"):
        words.append(_text(one))
        size += len(words[-1])
        if size > MAX_TEXT:
            raise ValueError(f"the workbook's cells share more than {MAX_TEXT:,} characters")
    return words


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _named(root: ElementTree.Element | None, name: str) -> Iterator[ElementTree.Element]:
    return (one for one in root.iter() if _local(one) == name) if root is not None else iter(())


def _text(element: ElementTree.Element) -> str:
    return "".join(one.text or "" for one in element.iter() if _local(one) == "t")


def _first_sheet(book: zipfile.ZipFile) -> str:
    """The part of the first sheet as the workbook orders them."""
    sheet = next(_named(_part(book, "xl/workbook.xml"), "sheet"), None)
    wanted = next((v for k, v in (sheet.attrib if sheet is not None else {}).items() if k.endswith("}id")), "")
    for link in _named(_part(book, "xl/_rels/workbook.xml.rels"), "Relationship"):
        if link.get("Id") == wanted:
            target = str(link.get("Target") or "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return "xl/worksheets/sheet1.xml"


def _column(place: str) -> int:
    """`C7` → 2; -1 for what is no place."""
    found = _PLACE.fullmatch(place)
    if not found:
        return -1
    number = 0
    for letter in found.group(1):
        number = number * 26 + ord(letter) - 64
    return number - 1


def _letters(number: int) -> str:
    out = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        out = chr(65 + rest) + out
    return out


def _value(cell: ElementTree.Element, words: list[str], dates: set[int]) -> Any:
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return _text(cell)
    raw = next((one.text or "" for one in cell if _local(one) == "v"), "")
    if raw == "":
        return None
    if kind == "s":
        return words[int(raw)] if raw.isdigit() and int(raw) < len(words) else raw
    if kind == "b":
        return raw == "1"
    if kind != "n":
        return raw  # a text that a formula gave, an error's name, a date as text
    try:
        number = float(raw)
        if int(cell.get("s") or 0) in dates:
            found = _FIRST_DAY + timedelta(days=number)
            return found.date().isoformat() if number == int(number) else found.isoformat(timespec="seconds")
        return int(number) if number == int(number) and abs(number) < 1 << 53 else number
    except (ValueError, OverflowError):
        return raw


def _lines(
    book: zipfile.ZipFile, sheet: str, words: list[str], dates: set[int], rows: int
) -> tuple[list[dict[int, Any]], bool]:
    """The first rows that hold something, one more than asked for, and whether there are more."""
    lines: list[dict[int, Any]] = []
    for row in _streamed(book, sheet, "row"):
        line: dict[int, Any] = {}
        for place, cell in enumerate(one for one in row if _local(one) == "c"):
            column = _column(cell.get("r") or "")
            column = column if column >= 0 else place
            if column < MAX_COLUMNS and (value := _value(cell, words, dates)) is not None:
                line[column] = value
        if line:
            if len(lines) > rows:
                return lines, True
            lines.append(line)
    return lines, False


def rows_of(data: bytes, rows: int) -> tuple[list[dict[str, Any]], bool]:
    """The first rows by the names in the first one, and whether there are more. `ValueError` for what is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            words = _shared(book)
            styles = _part(book, "xl/styles.xml")
            formats = next(_named(styles, "cellXfs"), None)
            dates = {
                place
                for place, one in enumerate(formats if formats is not None else ())
                if int(one.get("numFmtId") or 0) in _DATES
            }
            sheet = _first_sheet(book)
            if sheet not in book.namelist():
                raise ValueError("the workbook has no sheet")
            lines, more = _lines(book, sheet, words, dates, rows)
    except (zipfile.BadZipFile, ElementTree.ParseError, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(f"the workbook can't be read: {error}") from None
    if not lines:
        return [], False
    width = 1 + max(max(line) for line in lines)
    head = [lines[0].get(n) for n in range(width)]
    named = all(isinstance(one, str) and one for one in head) and len(set(head)) == width
    names = [str(one) for one in head] if named else [_letters(n) for n in range(width)]
    body = lines[1:] if named else lines[:rows]
    more = more or (not named and len(lines) > rows)
    return [{name: line.get(place) for place, name in enumerate(names)} for line in body], more
