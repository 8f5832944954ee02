"""`${name}` and `${name:default}` in values (spec: enterprise and operations §0, placeholders)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Lookup = Callable[[str], Any]
"""Answers the raw value of a configuration key; None when nothing is told and it has no default."""


class Unresolved(ValueError):
    """A placeholder that leads nowhere; the message says which."""


def fill(value: Any, lookup: Lookup, environment: Mapping[str, str], *, strict: bool = True) -> Any:
    """A value with its placeholders replaced: by the configuration first, then by the environment, recursively.

    Args:
        value: text, or maps and lists of texts.
        lookup: the configuration.
        strict: whether a placeholder that leads nowhere is an error; else it stays as it is written.
    Raises:
        Unresolved: nothing is behind a placeholder without default, or it leads to itself.
    """
    return _Filler(lookup, environment, strict).value(value, ())


def _end(text: str, start: int) -> int:
    """Index of the brace that closes the one before `start`; -1 without one."""
    depth = 1
    index = start
    while index < len(text):
        if text.startswith("${", index):
            depth += 1
            index += 2
            continue
        if text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        index += 1
    return -1


class _Filler:
    def __init__(self, lookup: Lookup, environment: Mapping[str, str], strict: bool) -> None:
        self._lookup = lookup
        self._environment = environment
        self._strict = strict

    def value(self, value: Any, seen: tuple[str, ...]) -> Any:
        if isinstance(value, str):
            return self._text(value, seen) if "${" in value else value
        if isinstance(value, Mapping):
            return {name: self.value(item, seen) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, seen) for item in value]
        return value

    def _text(self, text: str, seen: tuple[str, ...]) -> Any:
        found: list[Any] = []
        index = 0
        while (begin := text.find("${", index)) >= 0:
            end = _end(text, begin + 2)
            if end < 0:
                break
            if begin > index:
                found.append(text[index:begin])
            found.append(self._one(text[begin + 2 : end], text[begin : end + 1], seen))
            index = end + 1
        if index < len(text):
            found.append(text[index:])
        if len(found) == 1:
            return found[0]  # a placeholder alone keeps the type of what it stands for
        return "".join("" if part is None else str(part) for part in found)

    def _one(self, inner: str, written: str, seen: tuple[str, ...]) -> Any:
        name, colon, default = inner.partition(":")
        name = name.strip()
        if name in seen:
            if not self._strict:
                return written
            raise Unresolved(f"${{{name}}} leads to itself: {' → '.join((*seen, name))}")
        told = self._lookup(name)
        if told is None:
            told = self._environment.get(name)
        if told is not None:
            return self.value(told, (*seen, name))
        if colon:
            return self.value(default, seen)
        if not self._strict:
            return written
        raise Unresolved(f"${{{name}}} is neither a key that is told nor an environment variable")
