"""A preview of any bytes under any name is a document, never a fault (spec: REST contract §10)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowdeck.api.answers import encode
from flowdeck.services.file_previews import LISTS, preview

EXTENSIONS = sorted({*LISTS, "parquet", "png", "svg", "pdf", "md", "txt", "html", "exe", ""})
PIECES = [
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b":",
    b"\n",
    b"\r",
    b"\0",
    b"'",
    b"1e999",
    b"NaN",
    b"9" * 50,
    b"::",
    b"$ion",
]
PIECES += [
    b"\xff",
    b"\xed\xa0\x80",
    "é".encode(),
    b"a,b",
    b"null.",
    b"2024-01-01T",
    b"{{",
    b"}}",
    b"PAR1",
    b"\\u",
    b"-",
    b".",
]
CONTENT = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))


class Storage:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def open_read(self, uri: str) -> io.BytesIO:
        return io.BytesIO(self.data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(CONTENT, st.sampled_from(EXTENSIONS), st.sampled_from(["utf-8", "latin-1", "utf-16", "ascii"]))
@example(b"[" * 100_000, "json", "utf-8")
@example(b"[" * 100_000, "ion", "utf-8")
@example(b'{"a":' * 50_000, "jsonl", "utf-8")
@example(b'"' * 100_000, "csv", "utf-8")
@example(b"a" * 500_000 + b"\n1", "csv", "utf-8")
@example(b"9" * 10_000, "ion", "utf-8")
@example(b"9" * 10_000, "jsonl", "utf-8")
@example(b"PAR1" + b"\xff" * 100 + b"PAR1", "parquet", "utf-8")
def test_any_bytes_are_shown_or_refused(data: bytes, extension: str, encoding: str) -> None:
    storage: Any = Storage(data)
    try:
        answer = preview(storage, f"kestra:///a/b.{extension}", 10, encoding)
    except ValueError:
        assert extension == "parquet"
        return
    assert answer["type"] in ("TEXT", "LIST", "IMAGE", "MARKDOWN", "PDF")
    assert isinstance(encode(answer), bytes)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_large_lines_are_cut(extension: str) -> None:
    if extension in ("parquet", "png", "svg", "pdf"):
        return
    storage: Any = Storage(b"x" * 30_000_000)
    answer = preview(storage, f"kestra:///a/b.{extension}", 10, "utf-8")
    assert len(encode(answer)) < 6_000_000 and answer["truncated"]
