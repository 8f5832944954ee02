"""Rows of a Parquet file, for previews: bounded in bytes, values and depth (ui.md UI-XP-52)."""

from __future__ import annotations

import decimal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flowdeck.services import parquet_pages as pages
from flowdeck.services.avro_files import shown
from flowdeck.services.parquet_pages import Cursor

MAGIC = b"PAR1"
SEALED = b"PARE"
MOST_COLUMNS = 2_000
MOST_ENTRIES = 100_000
"""Entries of a page with lists that are looked at until the wanted rows are whole."""
MAX_UNPACKED = 200 * 1024 * 1024
"""Bytes that the pages of a file have in all when they are unpacked: a small file may hold very many."""
REQUIRED, OPTIONAL, REPEATED = range(3)
DATA, DICTIONARY_PAGE, DATA_2 = 0, 2, 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JULIAN_EPOCH = 2_440_588
"""The day 1970-01-01 in the count that old instants use."""


@dataclass(slots=True)
class _Node:
    """A column or a group of columns; `repeats` and `defined` are its levels."""

    name: str
    facts: dict[int, Any]
    repetition: int = REQUIRED
    repeats: int = 0
    defined: int = 0
    children: list[_Node] = field(default_factory=list)
    shape: str = ""
    """`list`, `map`, or nothing of the kind."""
    spoken: Callable[[Any], Any] = lambda value: value


def _tree(elements: list[dict[int, Any]]) -> _Node:
    """The schema, from its flat form."""
    rest = iter(elements)

    def next_node(above: _Node | None, depth: int) -> _Node:
        facts = next(rest, None)
        if not isinstance(facts, dict) or depth > pages.MAX_DEPTH:
            raise ValueError("the Parquet file has no readable schema")
        node = _Node(bytes(facts.get(4) or b"").decode("utf-8", "replace"), facts)
        if above is not None:
            node.repetition = int(facts.get(3) or 0)
            node.repeats = above.repeats + (node.repetition == REPEATED)
            node.defined = above.defined + (node.repetition != REQUIRED)
        for _ in range(int(facts.get(5) or 0)):
            node.children.append(next_node(node, depth + 1))
        logical = facts.get(10) or {}
        if node.children and len(node.children) == 1 and node.children[0].repetition == REPEATED:
            if facts.get(6) == 3 or 3 in logical:
                node.shape = "list"
            elif (facts.get(6) in (1, 2) or 2 in logical) and len(node.children[0].children) in (1, 2):
                node.shape = "map"
        node.spoken = _spoken(facts)
        return node

    if len(elements) > MOST_COLUMNS:
        raise ValueError(f"the Parquet file has more than {MOST_COLUMNS:,} columns")
    return next_node(None, 0)


# -- values as people write them ---------------------------------------------------------------------------------


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _instant(scale: int, zoned: bool) -> Callable[[Any], Any]:
    def spoken(value: int) -> str:
        when = _EPOCH + timedelta(microseconds=value * 1_000_000 // scale)
        return (when if zoned else when.replace(tzinfo=None)).isoformat()

    return spoken


def _hour(scale: int) -> Callable[[Any], Any]:
    def spoken(value: int) -> str:
        return (
            (datetime.combine(date.min, time()) + timedelta(microseconds=value * 1_000_000 // scale)).time().isoformat()
        )

    return spoken


def _number(scale: int) -> Callable[[Any], Any]:
    def spoken(value: Any) -> str:
        whole = int.from_bytes(value, "big", signed=True) if isinstance(value, bytes) else value
        return format(decimal.Decimal(whole).scaleb(-scale), "f")

    return spoken


def _old_instant(value: bytes) -> str:
    nanos, day = struct.unpack("<qI", value)
    return (_EPOCH + timedelta(days=day - _JULIAN_EPOCH, microseconds=nanos // 1000)).replace(tzinfo=None).isoformat()


def _uuid(value: bytes) -> str:
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _spoken(facts: dict[int, Any]) -> Callable[[Any], Any]:
    """How values of a column are shown, by its logical type or the older converted one."""
    kind, converted, logical = facts.get(1), facts.get(6), facts.get(10) or {}
    units = {1: 1_000, 2: 1_000_000, 3: 1_000_000_000}
    if kind == pages.INT96:
        return _old_instant
    if 8 in logical or converted in (9, 10):
        told = logical.get(8) or {}
        scale = units.get(next(iter(told.get(2) or {}), 0)) or (1_000 if converted == 9 else 1_000_000)
        return _instant(scale, bool(told.get(1, True)))
    if 7 in logical or converted in (7, 8):
        told = logical.get(7) or {}
        return _hour(units.get(next(iter(told.get(2) or {}), 0)) or (1_000 if converted == 7 else 1_000_000))
    if 6 in logical or converted == 6:
        return lambda value: (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    if 5 in logical or converted == 5:
        return _number(int((logical.get(5) or {}).get(1) or facts.get(7) or 0))
    if 14 in logical:
        return _uuid
    if 15 in logical:
        return lambda value: struct.unpack("<e", value)[0]
    if converted in (11, 12, 13, 14) or (10 in logical and logical[10].get(2) is False):
        return lambda value: value % (1 << (64 if kind == pages.INT64 else 32))
    if kind == pages.BYTES:
        return _text
    return lambda value: value


# -- columns -----------------------------------------------------------------------------------------------------


class _Reader:
    """Reads the first rows, column by column, and puts them together."""

    def __init__(self, data: bytes, rows: int) -> None:
        self.data, self.rows = data, rows
        self.left, self.unpacked = pages.MAX_VALUES, 0

    def column(self, chunk: dict[int, Any], leaf: _Node, wanted: int) -> list[tuple[int, int, Any]]:
        """Levels and value of each entry of the first `wanted` rows of a row group."""
        meta = chunk.get(3)
        if not isinstance(meta, dict) or chunk.get(1):
            raise ValueError("the Parquet file keeps its columns sealed or in other files, which can't be read here")
        starts = [place for place in (meta.get(9), meta.get(11)) if isinstance(place, int) and place > 0]
        if not starts:
            raise ValueError("the Parquet file does not say where its columns are")
        cursor = Cursor(memoryview(self.data), min(starts))
        known: list[Any] = []
        found: list[tuple[int, int, Any]] = []
        begun = seen = 0
        while seen < int(meta.get(5) or 0):
            head = pages.struct_of(cursor)
            body = cursor.take(int(head.get(3) or 0))
            if head.get(1) == DICTIONARY_PAGE:
                known = self._dictionary(head, body, meta, leaf)
            elif head.get(1) in (DATA, DATA_2):
                entries, count = self._page(head, body, meta, leaf, known, wanted - begun)
                seen += count
                for entry in entries:
                    begun += entry[0] == 0
                    if begun > wanted:
                        return found
                    found.append(entry)
                if not leaf.repeats and begun >= wanted:
                    return found
        return found

    def _dictionary(self, head: dict[int, Any], body: bytes, meta: dict[int, Any], leaf: _Node) -> list[Any]:
        count = int((head.get(7) or {}).get(1) or 0)
        if not 0 <= count <= pages.MAX_VALUES:
            raise ValueError("the Parquet file holds too many values")
        data = self._unpacked(int(meta.get(4) or 0), body, int(head.get(2) or 0))
        return pages.values(data, pages.PLAIN, int(meta.get(1) or 0), int(leaf.facts.get(2) or 0), count, [])

    def _unpacked(self, codec: int, data: bytes, size: int) -> bytes:
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise ValueError("the columns of the Parquet file are too large for a preview")
        return pages.unpacked(codec, data, size)

    def _page(
        self, head: dict[int, Any], body: bytes, meta: dict[int, Any], leaf: _Node, known: list[Any], rows: int
    ) -> tuple[list[tuple[int, int, Any]], int]:
        codec, size = int(meta.get(4) or 0), int(head.get(2) or 0)
        second = head.get(1) == DATA_2
        facts = head.get(8 if second else 5)
        if not isinstance(facts, dict):
            raise ValueError("the Parquet file has a page without description")
        count = int(facts.get(1) or 0)
        if count < 0:
            raise ValueError("the Parquet file is damaged")
        wanted = min(count, MOST_ENTRIES if leaf.repeats else rows)
        if second:
            repeat_size, define_size = int(facts.get(6) or 0), int(facts.get(5) or 0)
            both = Cursor(body)
            repeats = self._first(self._levels(Cursor(both.take(repeat_size)), leaf.repeats, wanted), rows, count)
            defined = self._levels(Cursor(both.take(define_size)), leaf.defined, len(repeats))
            packed = facts.get(7, True)
            rest = self._unpacked(codec if packed else 0, both.rest(), size - repeat_size - define_size)
            encoding = int(facts.get(4) or 0)
        else:
            cursor = Cursor(self._unpacked(codec, body, size))
            repeats = self._first(self._old_levels(cursor, leaf.repeats, count, wanted, facts.get(4)), rows, count)
            defined = self._old_levels(cursor, leaf.defined, count, len(repeats), facts.get(3))
            rest, encoding = cursor.rest(), int(facts.get(2) or 0)
        present = sum(level == leaf.defined for level in defined)
        kind, fixed = int(meta.get(1) or 0), int(leaf.facts.get(2) or 0)
        values = iter(pages.values(rest, encoding, kind, fixed, present, known))
        missing = object()
        entries: list[tuple[int, int, Any]] = []
        for repeat, level in zip(repeats, defined, strict=True):
            value = next(values, missing) if level == leaf.defined else None
            if value is missing:
                raise ValueError("the Parquet file ends too early")
            entries.append((repeat, level, self._shown(leaf, value)))
        return entries, count

    def _first(self, repeats: list[int], rows: int, count: int) -> list[int]:
        """The levels of the first rows, and of the entry that shows that the last of them is whole."""
        begun = 0
        for place, level in enumerate(repeats):
            begun += level == 0
            if begun > rows:
                repeats = repeats[: place + 1]
                break
        else:
            if begun != rows and len(repeats) < count:
                raise ValueError("the Parquet file holds too many values")
        self.left -= max(len(repeats), 1)
        if self.left < 0:
            raise ValueError("the Parquet file holds too many values")
        return repeats

    @staticmethod
    def _shown(leaf: _Node, value: Any) -> Any:
        try:
            return None if value is None else shown(leaf.spoken(value))
        except (OverflowError, TypeError, ValueError, struct.error, decimal.DecimalException):
            return shown(value)

    @staticmethod
    def _levels(cursor: Cursor, most: int, count: int) -> list[int]:
        return pages.runs(cursor, most.bit_length(), count) if most else [0] * count

    @classmethod
    def _old_levels(cls, cursor: Cursor, most: int, count: int, wanted: int, encoding: Any) -> list[int]:
        """Levels of the first form of pages: their size stands before them."""
        if not most:
            return [0] * wanted
        if encoding == pages.BIT_PACKED:
            if count > pages.MAX_VALUES:
                raise ValueError("the Parquet file holds too many values")
            return pages.bit_packed(cursor, most.bit_length(), count)[:wanted]
        return cls._levels(Cursor(cursor.take(int.from_bytes(cursor.take(4), "little"))), most, wanted)


def _put(row: dict[str, Any], path: list[_Node], places: dict[int, int], entry: tuple[int, int, Any]) -> None:
    """Put an entry of a column where it belongs in a row; `places` are the column's in the lists on its way."""
    repeat, level, value = entry
    at: Any = row
    for node in path:
        last = node is path[-1]
        if node.repetition != REPEATED:
            if level < node.defined:
                at.setdefault(node.name, None)
                return
            if last:
                at[node.name] = value
                return
            if at.get(node.name) is None:
                at[node.name] = {}
            at = at[node.name]
            continue
        held = at.get(node.name)
        if held is None:
            held = at[node.name] = []
        if level < node.defined:
            return
        if repeat <= node.repeats:
            places[node.repeats] = places.get(node.repeats, -1) + 1 if repeat == node.repeats else 0
        place = places.get(node.repeats, 0)
        while len(held) <= place:
            held.append(None if last else {})
        if last:
            held[place] = value
            return
        at = held[place]


def _plain(node: _Node, value: Any) -> Any:
    """Lists and maps without the groups that stand for them in a file."""
    if value is None or not node.children:
        return value
    if isinstance(value, list):
        return [_group(node, one) for one in value]
    return _group(node, value)


def _group(node: _Node, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if node.shape:
        inner = node.children[0]
        held = value.get(inner.name) or []
        if node.shape == "map":
            names = [one.name for one in inner.children]
            rows = [_group(inner, one) for one in held]
            return {str(one.get(names[0])): one.get(names[1]) if len(names) > 1 else None for one in rows}
        if len(inner.children) == 1 and inner.name not in ("array", f"{node.name}_tuple"):
            return [_plain(inner.children[0], one.get(inner.children[0].name)) for one in held]
        return [_group(inner, one) for one in held]
    return {child.name: _plain(child, value.get(child.name)) for child in node.children}


def _leaves(node: _Node, above: list[_Node]) -> list[list[_Node]]:
    if not node.children:
        return [[*above, node]]
    return [path for child in node.children for path in _leaves(child, [*above, node])]


def _described(data: bytes) -> dict[int, Any]:
    """The description at the end of a file."""
    if len(data) < 12 or data[-4:] not in (MAGIC, SEALED) or data[:4] not in (MAGIC, SEALED):
        raise ValueError("this is no Parquet file")
    if data[-4:] == SEALED:
        raise ValueError("the Parquet file is encrypted")
    size = int.from_bytes(data[-8:-4], "little")
    if size > len(data) - 12:
        raise ValueError("the Parquet file ends too early")
    return pages.struct_of(Cursor(data[-8 - size : -8]))


def rows_of(data: bytes, rows: int) -> tuple[list[Any], bool]:
    """The first rows of a file and whether there are more. `ValueError` for what is none, or can't be read here."""
    try:
        return _rows(data, rows)
    except (AttributeError, IndexError, KeyError, TypeError, RecursionError, struct.error):
        raise ValueError("the Parquet file is damaged") from None


def _rows(data: bytes, rows: int) -> tuple[list[Any], bool]:
    described = _described(data)
    root = _tree(described.get(2) or [])
    paths = [path[1:] for path in _leaves(root, []) if len(path) > 1]
    reader, found = _Reader(data, rows), []
    for group in described.get(4) or []:
        if len(found) >= rows:
            break
        chunks = group.get(1) or []
        if len(chunks) != len(paths):
            raise ValueError("the Parquet file has another number of columns than its schema")
        wanted = min(rows - len(found), int(group.get(3) or 0))
        part: list[dict[str, Any]] = [{} for _ in range(wanted)]
        for chunk, path in zip(chunks, paths, strict=True):
            number, places = -1, {}
            for entry in reader.column(chunk, path[-1], wanted):
                number += entry[0] == 0
                if number < 0:
                    raise ValueError("the Parquet file is damaged: a row without beginning")
                _put(part[number], path, places, entry)
        found += [_group(root, row) for row in part]
    return found, int(described.get(3) or 0) > len(found)
