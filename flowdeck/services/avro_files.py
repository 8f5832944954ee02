"""Rows of an Avro object container file, for previews: bounded in bytes, values and depth (ui.md UI-XP-52)."""

from __future__ import annotations

import bz2
import decimal
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

MAGIC = b"Obj\x01"
SYNC = 16
MAX_BLOCK = 20 * 1024 * 1024
"""Bytes of one block when it is unpacked."""
MAX_VALUES = 500_000
"""Values that are read in all: lists of nothing take no bytes."""
MAX_DEPTH = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Cursor:
    """Avro's binary encoding, read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("the Avro file ends too early")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def long(self) -> int:
        shift = value = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise ValueError("the Avro file holds a number that is too long")

    def bytes_(self) -> bytes:
        return self.take(self.long())

    def counts(self) -> Any:
        """Sizes of the blocks of a list or map, until the empty one."""
        while (count := self.long()) != 0:
            if count < 0:
                self.long()  # the block's bytes, of use to those who skip it
            yield abs(count)


def _unpacked(codec: str, data: bytes) -> bytes:
    if codec in ("", "null"):
        return data
    if codec == "deflate":
        machine: Any = zlib.decompressobj(-15)
    elif codec == "bzip2":
        machine = bz2.BZ2Decompressor()
    elif codec == "xz":
        machine = lzma.LZMADecompressor()
    else:
        raise ValueError(f"the Avro file is packed by '{codec[:32]}', which can't be read here")
    try:
        out = machine.decompress(data, MAX_BLOCK + 1)
    except (zlib.error, OSError, lzma.LZMAError) as error:
        raise ValueError(f"the Avro file can't be unpacked: {error}") from None
    if len(out) > MAX_BLOCK:
        raise ValueError(f"a block of the Avro file holds more than {MAX_BLOCK:,} bytes")
    return out


class _Reader:
    """Reads values as their schema says."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.named: dict[str, Any] = {}
        self.left = MAX_VALUES
        self._learn(schema, "", 0)

    def _learn(self, schema: Any, space: str, depth: int) -> None:
        """Named types, so that later ones may refer to them."""
        if depth > MAX_DEPTH:
            raise ValueError("the Avro schema is nested too deep")
        if isinstance(schema, list):
            for one in schema:
                self._learn(one, space, depth + 1)
        elif isinstance(schema, Mapping):
            name = str(schema.get("name") or "")
            space = str(schema.get("namespace") or space)
            if name:
                self.named[name] = self.named[f"{space}.{name}" if space and "." not in name else name] = schema
            for inner in (schema.get("items"), schema.get("values"), schema.get("type")):
                if isinstance(inner, (list, Mapping)):
                    self._learn(inner, space, depth + 1)
            for field in schema.get("fields") or ():
                self._learn(field.get("type"), space, depth + 1)

    def value(self, cursor: _Cursor, schema: Any, depth: int = 0) -> Any:
        """The next value."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise ValueError("the Avro file holds too many or too deeply nested values")
        if isinstance(schema, list):
            return self.value(cursor, self._of(schema, cursor.long()), depth + 1)
        kind = schema.get("type") if isinstance(schema, Mapping) else schema
        if isinstance(kind, (list, Mapping)):
            return self.value(cursor, kind, depth + 1)
        if kind in _PLAIN:
            found = _PLAIN[kind](cursor)
            return _logical(found, schema) if isinstance(schema, Mapping) else found
        if not isinstance(schema, Mapping):
            if str(kind) not in self.named:
                raise ValueError(f"the Avro schema names an unknown type '{str(kind)[:64]}'")
            return self.value(cursor, self.named[str(kind)], depth + 1)
        if kind == "record":
            return {str(one["name"]): self.value(cursor, one["type"], depth + 1) for one in schema.get("fields") or ()}
        if kind == "enum":
            return self._of(schema.get("symbols") or [], cursor.long())
        if kind == "array":
            return [self.value(cursor, schema["items"], depth + 1) for n in cursor.counts() for _ in range(n)]
        if kind == "map":
            return {
                cursor.bytes_().decode("utf-8", "replace"): self.value(cursor, schema["values"], depth + 1)
                for n in cursor.counts()
                for _ in range(n)
            }
        if kind == "fixed":
            return _logical(cursor.take(int(schema.get("size") or 0)), schema)
        raise ValueError(f"the Avro schema has an unknown type '{str(kind)[:64]}'")

    @staticmethod
    def _of(choices: list[Any], place: int) -> Any:
        if not 0 <= place < len(choices):
            raise ValueError("the Avro file chooses a type that its schema lacks")
        return choices[place]


_PLAIN: dict[Any, Callable[[_Cursor], Any]] = {
    "null": lambda cursor: None,
    "boolean": lambda cursor: cursor.take(1) != b"\0",
    "int": _Cursor.long,
    "long": _Cursor.long,
    "float": lambda cursor: struct.unpack("<f", cursor.take(4))[0],
    "double": lambda cursor: struct.unpack("<d", cursor.take(8))[0],
    "bytes": _Cursor.bytes_,
    "string": lambda cursor: cursor.bytes_().decode("utf-8", "replace"),
}


def _logical(value: Any, schema: Mapping[str, Any]) -> Any:
    """Dates, instants and decimals as people write them."""
    try:
        match schema.get("logicalType"):
            case "date":
                return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
            case "timestamp-millis":
                return (_EPOCH + timedelta(milliseconds=value)).isoformat()
            case "timestamp-micros":
                return (_EPOCH + timedelta(microseconds=value)).isoformat()
            case "decimal":
                scaled = decimal.Decimal(int.from_bytes(value, "big", signed=True))
                return str(scaled.scaleb(-int(schema.get("scale") or 0)))
    except (OverflowError, TypeError, ValueError, decimal.DecimalException):
        return shown(value)
    return value


def shown(value: Any) -> Any:
    """A value as JSON can hold it: bytes in hex."""
    if isinstance(value, bytes):
        return value[:256].hex()
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value


def rows_of(data: bytes, rows: int) -> tuple[list[Any], bool]:
    """The first rows of a container file and whether there are more. `ValueError` for what is none."""
    cursor = _Cursor(data)
    if cursor.take(len(MAGIC)) != MAGIC:
        raise ValueError("this is no Avro file")
    meta = {
        cursor.bytes_().decode("utf-8", "replace"): cursor.bytes_() for count in cursor.counts() for _ in range(count)
    }
    try:
        schema = json.loads(meta.get("avro.schema") or b"")
    except (ValueError, RecursionError):
        raise ValueError("the Avro file has no readable schema") from None
    codec = (meta.get("avro.codec") or b"").decode("utf-8", "replace")
    sync, reader, found = cursor.take(SYNC), _Reader(schema), []
    while cursor.at < len(data):
        count, size = cursor.long(), cursor.long()
        block = _Cursor(_unpacked(codec, cursor.take(size)))
        for _ in range(count):
            if len(found) == rows:
                return found, True
            row = shown(reader.value(block, schema))
            found.append(row if isinstance(row, dict) else {"value": row})
        if cursor.take(SYNC) != sync:
            raise ValueError("the Avro file is damaged: a block ends without its mark")
    return found, False
