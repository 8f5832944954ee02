"""Regular expressions in the Java dialect on the `regex` package, bounded in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import regex

from flowdeck.expr import regexes
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.limits import MAX_ELEMENTS
from flowdeck.expr.runtime import Runtime

_MAX_PATTERN = 10_000
_MATCHES = 1024
"""Matches between two looks at the clock."""
_MOST_REPEATS = 65_535
_REPEATS = regex.compile(r"\{(\d+)(?:,(\d*))?\}")
# Java's predefined classes are ASCII; inside a character class they stand without brackets.
_CLASSES = {"d": "0-9", "w": "a-zA-Z_0-9", "s": " \\t\\n\\x0b\\f\\r", "h": " \\t\\xa0"}
_NEGATED = {"D": "0-9", "W": "a-zA-Z_0-9", "S": " \\t\\n\\x0b\\f\\r"}
_POSIX = {"Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9", "Upper": "A-Z", "Lower": "a-z",
          "Punct": "!-/:-@\\[-`{-~", "Space": " \\t\\n\\x0b\\f\\r", "XDigit": "0-9a-fA-F", "Blank": " \\t",
          "ASCII": "\\x00-\\x7f", "Cntrl": "\\x00-\\x1f\\x7f"}  # fmt: skip


def _translate(pattern: str) -> str:
    """A Java pattern in the syntax of the `regex` package."""
    out: list[str] = []
    index, depth, length = 0, 0, len(pattern)
    while index < length:
        char = pattern[index]
        if char == "\\" and index + 1 < length:
            code = pattern[index + 1]
            index += 2
            if code == "Q":
                end = pattern.find("\\E", index)
                end = length if end < 0 else end
                out.append(regex.escape(pattern[index:end], special_only=True))
                index = end + 2
            elif code in _CLASSES:
                out.append(_CLASSES[code] if depth else f"[{_CLASSES[code]}]")
            elif code in _NEGATED:
                out.append(f"[^{_NEGATED[code]}]")
            elif code == "z" and not depth:
                out.append("\\Z")
            elif code == "Z" and not depth:
                out.append("(?=\\r?\\n?\\Z)")
            elif code == "R" and not depth:
                out.append("(?:\\r\\n|[\\n\\x0b\\f\\r\\x85])")
            elif code in "pP" and pattern[index : index + 1] == "{":
                end = pattern.find("}", index)
                name = pattern[index + 1 : end] if end > 0 else ""
                if name in _POSIX:
                    negate = "^" if code == "P" else ""
                    out.append(_POSIX[name] if depth and not negate else f"[{negate}{_POSIX[name]}]")
                    index = end + 1
                else:
                    out.append("\\" + code)
            else:
                out.append("\\" + code)
            continue
        if char == "[":
            depth += 1
        elif char == "]" and depth:
            depth -= 1
        out.append(char)
        index += 1
    return "".join(out)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    if len(pattern) > _MAX_PATTERN:
        raise ExpressionError(f"The limit of {_MAX_PATTERN} characters of a regular expression was reached")
    if any(int(count[:9]) > _MOST_REPEATS for found in _REPEATS.findall(pattern) for count in found if count):
        raise ExpressionError(f"The limit of {_MOST_REPEATS} repetitions in a regular expression was reached")
    try:
        return regexes.compiled(_translate(pattern), regex.VERSION1)
    except regex.error as error:
        raise ExpressionError(f"Bad regular expression `{pattern}`: {error}") from None


def _run(rt: Runtime, pattern: str, method: str, *arguments: Any, **options: Any) -> Any:
    compiled = _compiled(pattern)
    # concurrent: without it a slow match holds up every other thread of the process until its time is over.
    options |= {"timeout": min(rt.limits.regex_seconds, rt.left()), "concurrent": True}
    try:
        return getattr(compiled, method)(*arguments, **options)
    except TimeoutError:
        raise _late(rt, pattern) from None


def _late(rt: Runtime, pattern: str) -> ExpressionError:
    return ExpressionError(
        f"The limit of {rt.limits.regex_seconds:g} seconds for the regular expression `{pattern[:200]}` was reached"
    )


def search(rt: Runtime, text: str, pattern: str) -> regex.Match[str] | None:
    """The first match. Raises ExpressionError for a bad pattern or when its time is over."""
    return _run(rt, pattern, "search", text)


def finditer(rt: Runtime, text: str, pattern: str) -> Iterator[regex.Match[str]]:
    """All matches. Raises ExpressionError as `search`."""
    end = time.monotonic() + min(rt.limits.regex_seconds, rt.left())
    try:
        for count, found in enumerate(_run(rt, pattern, "finditer", text)):
            if count % _MATCHES == 0 and time.monotonic() > end:
                raise TimeoutError
            yield found
    except TimeoutError:
        raise _late(rt, pattern) from None


@lru_cache(maxsize=512)
def _replacement(text: str) -> tuple[str | int | tuple[str], ...]:
    """Parts of a Java replacement: texts, group numbers, group names in a tuple."""
    parts: list[str | int | tuple[str]] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            if index + 1 >= len(text):
                raise ExpressionError("The replacement ends with a backslash")
            parts.append(text[index + 1])
            index += 2
        elif char == "$":
            found = regex.match(r"\$(?:(\d)|\{(\w+)\})", text, pos=index)
            if found is None:
                raise ExpressionError("Illegal group reference in the replacement", hint="Write \\$ for a dollar sign.")
            parts.append(int(found[1]) if found[1] else (found[2],))
            index = found.end()
        else:
            end = min((at for at in (text.find("\\", index), text.find("$", index)) if at >= 0), default=len(text))
            parts.append(text[index:end])
            index = end
    return tuple(parts)


def replace_all(rt: Runtime, text: str, pattern: str, replacement: str) -> str:
    """Replace all matches; `$1`, `${name}` and `\\$` in the replacement. Raises ExpressionError."""
    parts = _replacement(replacement)
    size, count = 0, 0
    end = time.monotonic() + min(rt.limits.regex_seconds, rt.left())

    def fill(match: regex.Match[str]) -> str:
        nonlocal size, count
        count += 1
        if count % _MATCHES == 0 and time.monotonic() > end:
            raise TimeoutError
        out: list[str] = []
        for part in parts:
            if isinstance(part, str):
                out.append(part)
                continue
            try:
                out.append(match.group(part if isinstance(part, int) else part[0]) or "")
            except (IndexError, regex.error):
                name = part if isinstance(part, int) else part[0]
                raise ExpressionError(f"No group {name} in `{pattern}`") from None
        result = "".join(out)
        size += len(result)
        if size > rt.limits.output_bytes:
            raise ExpressionError(f"The limit of {rt.limits.output_bytes} bytes of output was reached")
        return result

    return _run(rt, pattern, "sub", fill, text)


def split(rt: Runtime, text: str, pattern: str, limit: int) -> list[str]:
    """`String.split`: limit > 0 at most that many parts, 0 drops trailing empty parts, < 0 keeps them."""
    parts: list[str] = []
    last = 0
    for match in finditer(rt, text, pattern):
        if limit > 0 and len(parts) == limit - 1:
            break
        if match.end() == 0:
            continue
        if match.start() == match.end() and match.start() >= len(text):
            continue
        if len(parts) == MAX_ELEMENTS:
            raise ExpressionError(f"The limit of {MAX_ELEMENTS} elements was reached")
        parts.append(text[last : match.start()])
        last = match.end()
    if not parts and last == 0:
        return [text]
    parts.append(text[last:])
    if limit == 0:
        while parts and parts[-1] == "":
            parts.pop()
    return parts
