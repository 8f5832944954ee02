"""The bytes of Parquet: compact Thrift, codecs and encodings, each bounded in what it makes (ui.md UI-XP-52)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import cramjam

MAX_PAGE = 20 * 1024 * 1024
"""Bytes of one page when it is unpacked."""
MAX_VALUES = 500_000
"""Values that are read in all: runs of one value take no bytes."""
MAX_DEPTH = 60

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTES, FIXED = range(8)
PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED, DELTA, DELTA_LENGTHS, DELTA_BYTES, DICTIONARY, SPLIT = (
    0,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)


class Cursor:
    """Bytes, read from the front."""

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> bytes:
        """The next bytes; `ValueError` when there are fewer."""
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("the Parquet file ends too early")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return bytes(piece)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data) - self.at)

    def varint(self) -> int:
        """A number of seven bits a byte, lowest first."""
        shift = value = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("the Parquet file holds a number that is too long")

    def zigzag(self) -> int:
        """A signed number."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)


# -- compact Thrift ----------------------------------------------------------------------------------------------


def struct_of(cursor: Cursor, depth: int = 0) -> dict[int, Any]:
    """The next structure: number of the field → value."""
    found: dict[int, Any] = {}
    field = 0
    while True:
        head = cursor.take(1)[0]
        if head == 0:
            return found
        field = field + (head >> 4) if head >> 4 else cursor.zigzag()
        kind = head & 0x0F
        found[field] = kind == 1 if kind in (1, 2) else _value(cursor, kind, depth)


def _value(cursor: Cursor, kind: int, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError("the description of the Parquet file is nested too deep")
    match kind:
        case 1 | 2:  # in a list a truth is a byte
            return cursor.take(1) == b"\x01"
        case 3:
            return cursor.take(1)[0]
        case 4 | 5 | 6:
            return cursor.zigzag()
        case 7:
            return struct.unpack("<d", cursor.take(8))[0]
        case 8:
            return cursor.take(cursor.varint())
        case 9 | 10:
            head = cursor.take(1)[0]
            count = head >> 4 if head >> 4 < 15 else cursor.varint()
            if count > len(cursor.data):
                raise ValueError("the Parquet file ends too early")
            return [_value(cursor, head & 0x0F, depth + 1) for _ in range(count)]
        case 11:
            count = cursor.varint()
            if not count:
                return {}
            kinds = cursor.take(1)[0]
            if count > len(cursor.data):
                raise ValueError("the Parquet file ends too early")
            pairs = (
                (_value(cursor, kinds >> 4, depth + 1), _value(cursor, kinds & 15, depth + 1)) for _ in range(count)
            )
            return [list(pair) for pair in pairs]
        case 12:
            return struct_of(cursor, depth + 1)
    raise ValueError("the description of the Parquet file can't be read")


# -- codecs --------------------------------------------------------------------------------------------------------


def _lz4(data: bytes, out: bytearray) -> int:
    """One block of LZ4."""
    return cramjam.lz4.decompress_block_into(data, out, output_len=len(out))


def _lz4_framed(data: bytes, out: bytearray) -> int:
    """Hadoop's form: blocks with both sizes before them; some writers leave them out."""
    cursor, done = Cursor(data), 0
    try:
        while cursor.at < len(data):
            made, packed = struct.unpack(">II", cursor.take(8))
            if made > len(out) - done:
                raise ValueError("another form")
            piece = bytearray(made)
            if _lz4(cursor.take(packed), piece) != made:
                raise ValueError("another form")
            out[done : done + made] = piece
            done += made
    except (ValueError, cramjam.DecompressionError):
        return _lz4(data, out)
    return done


_TOO_LARGE = f"a page of the Parquet file holds more than {MAX_PAGE:,} bytes"
_CODECS: dict[int, Callable[[bytes, bytearray], int]] = {
    1: cramjam.snappy.decompress_raw_into,
    2: cramjam.gzip.decompress_into,
    4: cramjam.brotli.decompress_into,
    5: _lz4_framed,
    6: cramjam.zstd.decompress_into,
    7: _lz4,
}
"""Each unpacks into a buffer of the size that the page says, and answers how many bytes that were."""


def unpacked(codec: int, data: bytes, size: int) -> bytes:
    """The content of a page.

    Args:
        codec: number of the codec in the description of the column; 0 packs nothing.
        size: bytes that the page says it has when it is unpacked.

    Raises:
        ValueError: damaged, too large, or packed by what can't be read here.
    """
    if not 0 <= size <= MAX_PAGE:
        raise ValueError(_TOO_LARGE)
    if codec and codec not in _CODECS:
        name = "lzo" if codec == 3 else "an unknown codec"
        raise ValueError(f"the Parquet file is packed by {name}, which can't be read here")
    out = bytearray(data) if not codec else bytearray(size)
    try:
        made = _CODECS[codec](data, out) if codec and size else len(out)
    except cramjam.DecompressionError as error:
        raise ValueError(f"the Parquet file can't be unpacked: {error}") from None
    if made != size:
        raise ValueError("the Parquet file can't be unpacked: a page has another size than it says")
    return bytes(out)


# -- encodings -----------------------------------------------------------------------------------------------------


def runs(cursor: Cursor, width: int, count: int) -> list[int]:
    """Numbers of `width` bits, as runs of one value and packed groups of eight."""
    if not 0 <= width <= 32:
        raise ValueError("the Parquet file has numbers of an impossible width")
    found: list[int] = []
    while len(found) < count:
        head = cursor.varint()
        if not head & 1:
            value = int.from_bytes(cursor.take((width + 7) // 8), "little")
            found += [value] * min(head >> 1, count - len(found))
            if not head >> 1:
                raise ValueError("the Parquet file holds an empty run")
            continue
        for _ in range(head >> 1):
            found += _packed(cursor.take(width), width)
            if len(found) >= count:
                break
        if not head >> 1:
            raise ValueError("the Parquet file holds an empty run")
    return found[:count]


def _packed(data: bytes, width: int) -> list[int]:
    """As many numbers of `width` bits as the bytes hold in groups of eight, lowest bits first."""
    if not width:
        return [0] * 8
    bits, mask = int.from_bytes(data, "little"), (1 << width) - 1
    return [bits >> place & mask for place in range(0, len(data) * 8 // width * width, width)]


def deltas(cursor: Cursor, count: int) -> list[int]:
    """Numbers as differences (DELTA_BINARY_PACKED), at most `count`; the cursor stands behind all of them."""
    block, minis, total, first = cursor.varint(), cursor.varint(), cursor.varint(), cursor.zigzag()
    if not minis or minis > 1024 or block > 1 << 20 or block % minis or block // minis % 8:
        raise ValueError("the Parquet file has differences in an impossible form")
    if total > MAX_VALUES:
        raise ValueError("the Parquet file holds too many values")
    found = [first] if total else []
    size = block // minis
    while len(found) < total:
        least = cursor.zigzag()
        for width in cursor.take(minis):
            if len(found) >= total:
                break  # the widths of unused parts mean nothing
            if width > 64:
                raise ValueError("the Parquet file has numbers of an impossible width")
            for _ in range(size // 8):
                for one in _packed(cursor.take(width), width):
                    found.append(found[-1] + least + one)
    return found[: min(total, count)]


def _signed(values: list[int], bits: int) -> list[int]:
    """Sums of differences run over in their own width."""
    half, whole = 1 << bits - 1, 1 << bits
    return [(value + half) % whole - half for value in values]


def _lengths(cursor: Cursor) -> list[bytes]:
    return [cursor.take(size) for size in deltas(cursor, MAX_VALUES)]


def _front_coded(cursor: Cursor, count: int) -> list[bytes]:
    """Texts that say how much they share with the one before."""
    shared = deltas(cursor, MAX_VALUES)
    found: list[bytes] = []
    made, last = 0, b""
    for keep, end in zip(shared, _lengths(cursor), strict=False):
        if not 0 <= keep <= len(last):
            raise ValueError("the Parquet file shares more of a text than there is")
        last = last[:keep] + end
        made += len(last)
        if made > MAX_PAGE:
            raise ValueError(_TOO_LARGE)
        found.append(last)
        if len(found) == count:
            break
    return found


_NUMBERS = {INT32: ("i", 4), INT64: ("q", 8), FLOAT: ("f", 4), DOUBLE: ("d", 8)}


def _plain(cursor: Cursor, kind: int, size: int, count: int) -> list[Any]:
    if kind in _NUMBERS:
        letter, wide = _NUMBERS[kind]
        return list(struct.unpack(f"<{count}{letter}", cursor.take(count * wide)))
    if kind == BOOLEAN:
        return [one == 1 for one in _packed(cursor.take((count + 7) // 8), 1)[:count]]
    if kind == BYTES:
        return [cursor.take(int.from_bytes(cursor.take(4), "little")) for _ in range(count)]
    if kind not in (INT96, FIXED):
        raise ValueError("the Parquet file has a column of an unknown type")
    return [cursor.take(12 if kind == INT96 else size) for _ in range(count)]


def values(data: bytes, encoding: int, kind: int, size: int, count: int, known: list[Any]) -> list[Any]:
    """The first values of a page.

    Args:
        data: the page without its levels.
        encoding: how they are written.
        kind: the physical type; `size` is the number of bytes of a fixed one.
        count: how many are wanted.
        known: values of the column's dictionary.

    Raises:
        ValueError: damaged, or written as can't be read here.
    """
    cursor = Cursor(data)
    if not count:
        return []
    if encoding == PLAIN:
        return _plain(cursor, kind, size, count)
    if encoding in (PLAIN_DICTIONARY, DICTIONARY):
        places = runs(cursor, cursor.take(1)[0], count)
        if max(places) >= len(known):
            raise ValueError("the Parquet file names a value that its dictionary lacks")
        return [known[place] for place in places]
    if encoding == RLE and kind == BOOLEAN:
        cursor.take(4)  # bytes of the runs
        return [one == 1 for one in runs(cursor, 1, count)]
    if encoding == DELTA and kind in (INT32, INT64):
        return _signed(deltas(cursor, count), 32 if kind == INT32 else 64)
    if encoding == DELTA_LENGTHS and kind == BYTES:
        return _lengths(cursor)[:count]
    if encoding == DELTA_BYTES and kind in (BYTES, FIXED):
        return _front_coded(cursor, count)
    if encoding == SPLIT:
        wide = _NUMBERS[kind][1] if kind in _NUMBERS else size
        whole = len(data) // wide if wide else 0
        if not wide or whole < count:
            raise ValueError("the Parquet file ends too early")
        columns = [data[place * whole : place * whole + count] for place in range(wide)]
        return _plain(Cursor(b"".join(bytes(one) for one in zip(*columns, strict=True))), kind, size, count)
    raise ValueError(f"the Parquet file writes values in a way ({encoding}) that can't be read here")


def bit_packed(cursor: Cursor, width: int, count: int) -> list[int]:
    """Levels of old files: highest bits first, without runs."""
    data = cursor.take((count * width + 7) // 8)
    bits, whole = int.from_bytes(data, "big"), len(data) * 8
    ends = accumulate([width] * count)
    return [bits >> whole - end & (1 << width) - 1 for end in ends]
