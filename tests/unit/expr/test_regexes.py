"""A pattern of a user costs bounded memory before it matches anything (quality §3.2, check 25)."""

from __future__ import annotations

import pytest
import regex

from flowdeck.expr.regexes import compiled


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:a{1000}){1000}",
        "(?:(?:(?:x{99}){99}){99}){99}",
        "(?:[)]a{1000}){1000}",
        "(?:b{1000}[(]a){1000}",
        "(?:b{1000}[[(]]a){1000}",
        "(?x)(?:b{1000}# (\na){1000}",
        "(?:b{1000}(?#()a){1000}",
        "(?V1)(?:b{1000}[[(]--[x]]a){1000}",
        "(?:b{1000}[](]a){1000}",
        "(?:b{1000,}a){1000,9999}",
        "(?:\\(b{1000}a){1000}",
        "a{999999999999}",
        "(" * 5000,
        "[",
    ],
)
def test_what_would_fill_the_memory_is_refused(pattern: str) -> None:
    with pytest.raises(regex.error):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", "2026-11-20T14:00:00"),
        (r"(?:\d{10},){5}\d{10}", ",".join(["0123456789"] * 6)),
        (r"\d{10},\d{10},\d{10},\d{10},\d{10},\d{10}", ",".join(["0123456789"] * 6)),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
        (r".{0,60000}", "x"),
        (r"(a{0,65535}){0,65535}", "aaa"),
        (r"[({[]{2}", "(["),
    ],
)
def test_what_people_write_is_matched(pattern: str, text: str) -> None:
    assert compiled(pattern).fullmatch(text)
