"""UI-XP-52: rows of Avro files and Excel workbooks, and what happens to files that are none."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest

from flowdeck.services import avro_files, spreadsheets

SCHEMA = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "price", "type": "double"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "also", "type": "Kind"},
    ],
}


def long(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return long(len(data)) + data


def order(number: int) -> bytes:
    name = long(0) if number == 2 else long(1) + text(f"order {number}")
    tags = long(2) + text("new") + text("late") + long(0)
    return long(number) + name + struct.pack("<d", number / 2) + tags + long(number % 2) + long(20_000) + long(0)


def avro(rows: list[bytes], *, codec: str = "null", schema: Any = None) -> bytes:
    meta = {"avro.schema": json.dumps(schema or SCHEMA), "avro.codec": codec}
    head = b"Obj\x01" + long(len(meta)) + b"".join(text(k) + text(v) for k, v in meta.items()) + long(0)
    block = b"".join(rows)
    if codec == "deflate":
        machine = zlib.compressobj(wbits=-15)
        block = machine.compress(block) + machine.flush()
    return head + b"s" * 16 + long(len(rows)) + long(len(block)) + block + b"s" * 16


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_rows_of_an_avro_file(codec: str) -> None:
    found, more = avro_files.rows_of(avro([order(n) for n in (1, 2, 3)], codec=codec), 2)
    assert more and len(found) == 2
    assert found[0] == {
        "id": 1, "name": "order 1", "price": 0.5, "tags": ["new", "late"], "kind": "B", "day": "2024-10-04", "also": "A",
    }  # fmt: skip
    assert found[1]["name"] is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1", "no Avro file"),
        (avro([order(1)])[:-20], "ends too early"),
        (avro([order(1)], codec="snappy"), "snappy"),
        (avro([long(1 << 40)], schema={"type": "array", "items": "null"}), "too many"),
        (avro([b""], schema="Nothing"), "unknown type"),
    ],
)
def test_what_is_no_avro_file_says_why(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        avro_files.rows_of(data, 10)


SHEET = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>day</t></is></c><c r="C1" t="str"><v>sum</v></c></row>
<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>45000</v></c><c r="C2"><f>1+1</f><v>2</v></c></row>
<row r="3"><c r="C3" t="b"><v>1</v></c></row><row r="4"><c r="A4"><v>1.5</v></c></row></sheetData></worksheet>"""


def xlsx(sheet: str = SHEET) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr(
            "xl/sharedStrings.xml", "<sst><si><t>name</t></si><si><r><t>Ada</t></r><r><t> L</t></r></si></sst>"
        )
        book.writestr(
            "xl/styles.xml", '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
        )
        book.writestr("xl/worksheets/sheet1.xml", sheet)
    return out.getvalue()


def test_rows_of_a_workbook() -> None:
    found, more = spreadsheets.rows_of(xlsx(), 2)
    assert (
        found == [{"name": "Ada L", "day": "2023-03-15", "sum": 2}, {"name": None, "day": None, "sum": True}] and more
    )
    assert spreadsheets.rows_of(xlsx(), 10)[0][2] == {"name": 1.5, "day": None, "sum": None}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no zip", "can't be read"),
        (xlsx("<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet>&a;</worksheet>"), "declarations"),
        (xlsx("<worksheet"), "can't be read"),
    ],
)
def test_what_is_no_workbook_says_why(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spreadsheets.rows_of(data, 10)


def test_a_long_sheet_is_read_to_the_wanted_row_and_no_further() -> None:
    """A small archive may unpack to gigabytes: a preview holds a row at a time."""
    row = "<row><c><v>7</v></c><c><v>8</v></c></row>"
    data = xlsx(f"<worksheet><sheetData>{row * 400_000}</sheetData></worksheet>")
    tracemalloc.start()
    try:
        found, more = spreadsheets.rows_of(data, 5)
        assert (found[0], len(found), more) == ({"A": 7, "B": 8}, 5, True)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
