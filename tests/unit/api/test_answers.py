"""What answers are made of: any data as JSON, CSV without formulas, file names that are no headers (quality §3.2, 34)."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdeck.api.answers import CSV_FORMULA, csv_text, disposition, encode

DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(DATA)
def test_any_data_is_json(value: object) -> None:
    """Numbers beyond 64 bits, halves of surrogate pairs, infinities: a document of the standard, always."""

    def refuse(name: str) -> float:
        raise AssertionError(name)

    json.loads(encode(value), parse_constant=refuse)


def test_what_is_no_number_of_json_is_null() -> None:
    assert json.loads(encode([math.inf, 2**70])) == [None, 2**70]
    assert json.loads(encode({"a": [math.nan, "\ud800"]})) == {"a": [None, "\ud800"]}


@pytest.mark.parametrize("first", CSV_FORMULA)
def test_no_cell_is_a_formula(first: str) -> None:
    rows = [[f"{first}cmd|' /C calc'!A1", f'{first}HYPERLINK("http://x","y")', -5, {"=": 1}, ["=1"]]]
    (_, read) = csv.reader(io.StringIO(csv_text(["a", "b", "c", "d", "e"], rows), newline=""))
    assert all(not cell.startswith(("=", "+", "@", "\t", "\r")) for cell in read)
    assert [cell for cell in read if cell.startswith("-")] == ["-5"]


@given(st.text())
def test_a_cell_stays_one_cell(text: str) -> None:
    if "\0" in text:
        return
    rows = list(csv.reader(io.StringIO(csv_text(["a", "b"], [[text, "end"]]), newline="")))
    assert len(rows) == 2 and rows[1][1] == "end" and rows[1][0] in (text, "'" + text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_file_name_is_one_header(name: str) -> None:
    header = disposition(name)
    assert header.isascii() and header.isprintable() and header.count('"') == 2
