"""UI-XP-52: rows of Parquet files, whatever way they are written and packed, and what happens to damaged ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdeck.services import file_previews, parquet_files, parquet_pages
from flowdeck.services.parquet_pages import (
    BYTES,
    DELTA,
    DELTA_BYTES,
    DELTA_LENGTHS,
    DICTIONARY,
    DOUBLE,
    FIXED,
    INT32,
    INT64,
    INT96,
    PLAIN,
    RLE,
    SPLIT,
    Cursor,
)  # fmt: skip

REQUIRED, OPTIONAL, REPEATED = range(3)

# -- a writer of its own: what it writes is what the format's description says, not what the reader expects ---------


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def zigzag(value: int) -> bytes:
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def thrift(fields: dict[int, Any]) -> bytes:
    """A structure: numbers, truths, bytes, lists of one kind, structures."""
    out, last = b"", 0
    for number, value in fields.items():
        kind = 2 - value if isinstance(value, bool) else _kind(value)
        out += bytes([number - last << 4 | kind])
        out += b"" if isinstance(value, bool) else _value(value)
        last = number
    return out + b"\0"


def _kind(value: Any) -> int:
    return {int: 6, bytes: 8, list: 9, dict: 12}[type(value)]


def _value(value: Any) -> bytes:
    if isinstance(value, int):
        return zigzag(value)
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, dict):
        return thrift(value)
    head = bytes([len(value) << 4 | _kind(value[0])]) if len(value) < 15 else bytes([0xF0 | _kind(value[0])])
    return head + (varint(len(value)) if len(value) >= 15 else b"") + b"".join(_value(one) for one in value)


def levels(numbers: list[int]) -> bytes:
    """Runs of one value each, of one byte."""
    return b"".join(varint(2) + bytes([one]) for one in numbers)


def sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def texts(*values: str | bytes) -> bytes:
    return b"".join(sized(one.encode() if isinstance(one, str) else one) for one in values)


def snappy(data: bytes) -> bytes:
    """Literals only, but for the last four bytes when they repeat the four before."""
    out = varint(len(data))
    if data[-4:] == data[-8:-4]:
        return out + _literal(data[:-4]) + bytes([1 | 0 << 2 | 0 << 5, 4])
    return out + _literal(data)


def snappy_parts(data: bytes) -> bytes:
    """Many literals."""
    return varint(len(data)) + b"".join(_literal(data[at : at + 1000]) for at in range(0, len(data), 1000))


def _literal(data: bytes) -> bytes:
    size = len(data) - 1
    return (bytes([size << 2]) if size < 60 else bytes([61 << 2]) + struct.pack("<H", size)) + data


def lz4(data: bytes) -> bytes:
    size = len(data)
    head = bytes([min(size, 15) << 4])
    if size >= 15:
        head += b"\xff" * ((size - 15) // 255) + bytes([(size - 15) % 255])
    return head + data


def zstd(data: bytes) -> bytes:
    """A frame that packs nothing."""
    head = (0xFD2FB528).to_bytes(4, "little") + bytes([0x20, len(data)])
    return head + (len(data) << 3 | 1).to_bytes(3, "little") + data


def gzip(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=31)
    return machine.compress(data) + machine.flush()


PACK = {
    0: lambda data: data,
    1: snappy,
    2: gzip,
    4: lambda data: bytes(cramjam.brotli.compress(data)),
    5: lambda data: struct.pack(">II", len(data), len(lz4(data))) + lz4(data),
    6: zstd,
    7: lz4,
}


def page(data: bytes, count: int, encoding: int, *, codec: int = 0) -> bytes:
    packed = PACK[codec](data)
    head = {1: 0, 2: len(data), 3: len(packed), 5: {1: count, 2: encoding, 3: RLE, 4: RLE}}
    return thrift(head) + packed


def page_2(
    data: bytes, count: int, encoding: int, *, repeats: bytes = b"", defined: bytes = b"", codec: int = 0
) -> bytes:
    packed = PACK[codec](data)
    facts = {1: count, 2: 0, 3: count, 4: encoding, 5: len(defined), 6: len(repeats), 7: codec != 0}
    size = len(repeats) + len(defined)
    return thrift({1: 3, 2: len(data) + size, 3: len(packed) + size, 8: facts}) + repeats + defined + packed


def dictionary(data: bytes, count: int, *, codec: int = 0) -> bytes:
    packed = PACK[codec](data)
    return thrift({1: 2, 2: len(data), 3: len(packed), 7: {1: count, 2: PLAIN}}) + packed


def parquet(
    schema: list[dict[int, Any]], columns: list[tuple[int, int, list[bytes]]], rows: int, codec: int = 0
) -> bytes:
    """A file of one row group.

    Args:
        schema: the elements below the root.
        columns: physical type, number of values, and pages of each.
    """
    top = sum(1 for _ in _tops(schema))
    out, chunks = b"PAR1", []
    for kind, count, pages in columns:
        start, data = len(out), b"".join(pages)
        chunks.append({2: start, 3: {1: kind, 2: [PLAIN], 3: [b"x"], 4: codec, 5: count, 6: 0, 7: len(data), 9: start}})
        out += data
    group = {1: chunks, 2: len(out), 3: rows}
    described = thrift({1: 1, 2: [{4: b"schema", 5: top}, *schema], 3: rows, 4: [group]})
    return out + described + struct.pack("<I", len(described)) + b"PAR1"


def _tops(schema: list[dict[int, Any]]) -> Any:
    skip = 0
    for one in schema:
        if not skip:
            yield one
        else:
            skip -= 1
        skip += one.get(5, 0)


def leaf(name: str, kind: int, repetition: int = REQUIRED, **more: Any) -> dict[int, Any]:
    found: dict[int, Any] = {1: kind}
    if size := more.get("size"):
        found[2] = size
    found |= {3: repetition, 4: name.encode()}
    if converted := more.get("converted"):
        found[6] = converted
    if "scale" in more:
        found[7] = more["scale"]
    if logical := more.get("logical"):
        found[10] = logical
    return found


def one_column(element: dict[int, Any], data: bytes, count: int, encoding: int = PLAIN, **more: Any) -> bytes:
    if more.get("chunked"):
        packed = snappy_parts(data)
        head = {1: 0, 2: len(data), 3: len(packed), 5: {1: count, 2: encoding, 3: RLE, 4: RLE}}
        return parquet([element], [(element[1], count, [thrift(head) + packed])], count, 1)
    pages = [*more.get("before", []), page(data, count, encoding, codec=more.get("codec", 0))]
    return parquet([element], [(element[1], count, pages)], count, more.get("codec", 0))


def read(data: bytes, rows: int = 100) -> list[Any]:
    return [row["x"] for row in parquet_files.rows_of(data, rows)[0]]


# -- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [0, 1, 2, 4, 5, 6, 7])
def test_numbers_texts_and_absent_values(codec: int) -> None:
    schema = [leaf("id", INT64), leaf("name", BYTES, OPTIONAL, converted=0), leaf("price", DOUBLE)]
    columns = [
        (INT64, 3, [page(struct.pack("<3q", 1, -2, 7), 3, PLAIN, codec=codec)]),
        (BYTES, 3, [page(sized(levels([1, 0, 1])) + texts("Ada", "Łukasz"), 3, PLAIN, codec=codec)]),
        (DOUBLE, 3, [page(struct.pack("<3d", 0.5, 2.0, float("nan")), 3, PLAIN, codec=codec)]),
    ]
    rows, more = parquet_files.rows_of(parquet(schema, columns, 3, codec), 10)
    assert not more
    assert rows == [
        {"id": 1, "name": "Ada", "price": 0.5},
        {"id": -2, "name": None, "price": 2.0},
        {"id": 7, "name": "Łukasz", "price": "nan"},
    ]
    rows, more = parquet_files.rows_of(parquet(schema, columns, 3, codec), 2)
    assert more and [row["id"] for row in rows] == [1, -2]


def test_values_of_a_dictionary_in_runs_and_in_packed_groups() -> None:
    words = dictionary(texts("red", "green", "blue"), 3)
    places = (
        bytes([2]) + varint(4 << 1) + b"\2" + varint(1 << 1 | 1) + (0b00_01_10_00_01_10_00_01).to_bytes(2, "little")
    )
    found = read(one_column(leaf("x", BYTES, converted=0), places, 12, DICTIONARY, before=[words]))
    assert found == ["blue"] * 4 + ["green", "red", "blue", "green", "red", "blue", "green", "red"]


def _deltas(first: int, blocks: list[tuple[int, int, list[int]]], total: int) -> bytes:
    """Blocks of 128 in 4 parts of 32, all the values in the first part: least difference, width, what is above it."""
    out = varint(128) + varint(4) + varint(total) + zigzag(first)
    for least, width, above in blocks:
        bits = sum(one << place * width for place, one in enumerate(above))
        out += zigzag(least) + bytes([width, 0, 0, 0]) + bits.to_bytes(width * 4, "little")
    return out


def test_numbers_as_differences() -> None:
    data = _deltas(7, [(-2, 3, [4, 0, 5])], 4)  # +2, -2, +3
    assert read(one_column(leaf("x", INT32), data, 4, DELTA)) == [7, 9, 7, 10]
    largest = _deltas(2**31 - 1, [(1, 0, [0])], 2)
    assert read(one_column(leaf("x", INT32), largest, 2, DELTA)) == [2**31 - 1, -(2**31)]


def test_texts_by_lengths_and_by_what_they_share() -> None:
    lengths = _deltas(5, [(-1, 2, [0, 2])], 3) + b"axial" + b"axle" + b"basis"
    assert read(one_column(leaf("x", BYTES), lengths, 3, DELTA_LENGTHS)) == ["axial", "axle", "basis"]
    shared = _deltas(0, [(-2, 3, [4, 0])], 3) + _deltas(5, [(-3, 3, [0, 6])], 3) + b"axial" + b"le" + b"basis"
    assert read(one_column(leaf("x", BYTES), shared, 3, DELTA_BYTES)) == ["axial", "axle", "basis"]


def test_bytes_of_numbers_beside_each_other_and_truths() -> None:
    packed = struct.pack("<2d", 1.5, -4.25)
    split = bytes(packed[row * 8 + place] for place in range(8) for row in range(2))
    assert read(one_column(leaf("x", DOUBLE), split, 2, SPLIT)) == [1.5, -4.25]
    assert read(one_column(leaf("x", 0), b"\x05", 3)) == [True, False, True]
    assert read(one_column(leaf("x", 0), sized(varint(3 << 1) + b"\1"), 3, RLE)) == [True] * 3


@pytest.mark.parametrize(
    ("element", "data", "told"),
    [
        (leaf("x", INT32, converted=6), struct.pack("<i", 20_000), "2024-10-04"),
        (leaf("x", INT64, converted=9), struct.pack("<q", 1_700_000_000_123), "2023-11-14T22:13:20.123000+00:00"),
        (leaf("x", INT64, logical={8: {1: False, 2: {3: {}}}}), struct.pack("<q", 10**18), "2001-09-09T01:46:40"),
        (leaf("x", INT96), struct.pack("<qI", 3_600 * 10**9, 2_440_589), "1970-01-02T01:00:00"),
        (leaf("x", INT32, converted=7), struct.pack("<i", 3_723_000), "01:02:03"),
        (leaf("x", INT32, converted=5, scale=2), struct.pack("<i", -1234), "-12.34"),
        (leaf("x", FIXED, size=3, logical={5: {1: 1, 2: 5}}), (12345).to_bytes(3, "big"), "1234.5"),
        (leaf("x", INT32, converted=13), struct.pack("<i", -1), 4_294_967_295),
        (leaf("x", FIXED, size=16, logical={14: {}}), bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (leaf("x", FIXED, size=2, logical={15: {}}), struct.pack("<e", 1.5), 1.5),
        (leaf("x", BYTES), texts(b"\xff\x00"), "ff00"),
        (leaf("x", INT64, converted=9), struct.pack("<q", 2**62), 2**62),
    ],
)
def test_values_are_shown_as_people_write_them(element: dict[int, Any], data: bytes, told: Any) -> None:
    assert read(one_column(element, data, 1)) == [told]


def test_lists_maps_and_groups() -> None:
    """Two forms of pages; rows [1, 2], nothing, []; {a: 1}; an inner group that is absent once."""
    schema = [
        {3: OPTIONAL, 4: b"list", 5: 1, 6: 3}, {3: REPEATED, 4: b"list", 5: 1}, leaf("element", INT32, OPTIONAL),
        {3: OPTIONAL, 4: b"map", 5: 1, 10: {2: {}}}, {3: REPEATED, 4: b"key_value", 5: 2}, leaf("key", BYTES), leaf("value", INT32),
        {3: OPTIONAL, 4: b"group", 5: 1}, leaf("deep", INT32),
        leaf("bare", INT32, REPEATED),
    ]  # fmt: skip
    columns = [
        (INT32, 4, [page_2(struct.pack("<2i", 1, 2), 4, PLAIN, repeats=levels([0, 1, 0, 0]), defined=levels([3, 3, 0, 1]))]),
        (BYTES, 3, [page(sized(levels([0, 0, 0])) + sized(levels([2, 0, 1])) + texts("a"), 3, PLAIN)]),
        (INT32, 3, [page(sized(levels([0, 0, 0])) + sized(levels([2, 0, 1])) + struct.pack("<i", 1), 3, PLAIN)]),
        (INT32, 3, [page(sized(levels([1, 0, 1])) + struct.pack("<2i", 5, 6), 3, PLAIN)]),
        (INT32, 4, [page(sized(levels([0, 1, 0, 0])) + sized(levels([1, 1, 0, 1])) + struct.pack("<3i", 7, 8, 9), 4, PLAIN)]),
    ]  # fmt: skip
    rows, more = parquet_files.rows_of(parquet(schema, columns, 3), 10)
    assert rows == [
        {"list": [1, 2], "map": {"a": 1}, "group": {"deep": 5}, "bare": [7, 8]},
        {"list": None, "map": None, "group": None, "bare": []},
        {"list": [], "map": {}, "group": {"deep": 6}, "bare": [9]},
    ]
    assert parquet_files.rows_of(parquet(schema, columns, 3), 1) == (rows[:1], True)
    assert not more


GOOD = one_column(leaf("x", INT64), struct.pack("<3q", 1, 2, 3), 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no Parquet file"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "ends too early"),
        (GOOD[:-4] + b"PARE", "encrypted"),
        (one_column(leaf("x", INT64), b"123", 3), "ends too early"),
        (parquet([leaf("x", INT64)], [(INT64, 3, [page(b"", 3, PLAIN)])], 3, codec=3), "lzo"),
        (parquet([leaf("x", INT64)], [(INT64, 3, [page(b"x", 3, PLAIN)])], 3, codec=6), "unpacked"),
        (one_column(leaf("x", INT64), b"", 3, DICTIONARY), "ends too early"),
        (one_column(leaf("x", INT64), b"\1" + varint(6) + b"\1", 3, DICTIONARY), "dictionary lacks"),
        (one_column(leaf("x", INT64), b"", 3, 77), "can't be read here"),
        (one_column(leaf("x", INT64), varint(128) + varint(4) + varint(1 << 40) + b"\0", 3, DELTA), "too many"),
        (parquet([leaf("x", INT64), leaf("y", INT64)], [(INT64, 0, [])], 0), "another number of columns"),
    ],
)
def test_what_is_no_parquet_file_says_so(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parquet_files.rows_of(data, 10)


def test_few_bytes_do_not_become_many_values() -> None:
    many = varint(1 << 30) + b"\0"
    one_list = varint(2) + b"\0" + varint(1 << 30) + b"\1"
    with pytest.raises(ValueError, match="too many"):
        parquet_files.rows_of(one_column(leaf("x", INT32, REPEATED), sized(one_list) + sized(many), 1 << 29), 10)
    flat = one_column(leaf("x", INT32, OPTIONAL), sized(many), 1 << 29)
    assert read(flat, 10) == [None] * 10, "of a flat column only what is shown is made"
    with pytest.raises(ValueError, match="more than"):
        parquet_pages.unpacked(1, varint(1 << 40) + b"\0", 1 << 40)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_damaged_bytes_are_read_or_refused(first: int, one: int, second: int, other: int) -> None:
    data = bytearray(GOOD)
    data[first], data[second] = one, other
    try:
        rows, _ = parquet_files.rows_of(bytes(data), 10)
    except ValueError:
        return
    assert len(rows) <= 10


def test_a_file_of_very_many_pages_is_refused() -> None:
    reader = parquet_files._Reader(b"", 3)
    reader.unpacked = parquet_files.MAX_UNPACKED - 10
    with pytest.raises(ValueError, match="too large"):
        reader._unpacked(6, zstd(b"x" * 20), 20)


class Stored:
    """A storage of one file."""

    def open_read(self, uri: str) -> io.BytesIO:
        return io.BytesIO(GOOD)


def test_a_preview_has_the_rows() -> None:
    storage: Any = Stored()
    answer = file_previews.preview(storage, "kestra:///a/b.parquet", 2, "utf-8")
    assert (answer["type"], answer["content"], answer["truncated"]) == ("LIST", [{"x": 1}, {"x": 2}], True)


def test_levels_of_old_files_are_packed_from_the_top() -> None:
    assert parquet_pages.bit_packed(Cursor(bytes([0b10110000])), 1, 4) == [1, 0, 1, 1]
