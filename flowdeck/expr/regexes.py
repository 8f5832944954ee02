"""Regular expressions of users, compiled within bounds: repeated repetitions would fill the memory (quality §3.2).

The time of a match is bounded by whoever matches (`timeout=`); this bounds what compiling takes: the engine writes
out `{n}`, so that `(?:a{1000}){1000}` becomes a program of hundreds of megabytes.
"""

from __future__ import annotations

from functools import lru_cache

import regex

LARGEST = 100_000
"""Steps that a pattern may be written out to."""
_REPEAT = regex.compile(r"\{(\d{1,9})\d*(?:,\d*)?\}")


@lru_cache(maxsize=512)
def compiled(pattern: str, flags: int = 0) -> regex.Pattern[str]:
    """The pattern, ready to match. `regex.error` for one that is wrong, or whose repetitions are too many."""
    if _product(pattern) > LARGEST and (_unclear(pattern) or _written_out(pattern) > LARGEST):
        raise regex.error(f"more than {LARGEST:,} repetitions in a regular expression")
    try:
        return regex.compile(pattern, flags)
    except (ValueError, OverflowError, RecursionError, IndexError) as error:
        raise regex.error(str(error)) from None


def _product(pattern: str) -> int:
    """What the repetitions come to if each stood in the next one: never too little."""
    product = 1
    for found in _REPEAT.finditer(pattern):
        product *= max(1, int(found[1]))
        if product > LARGEST * 1000:
            break
    return product


def _unclear(pattern: str) -> bool:
    """Whether brackets may stand where a plain reader takes them for groups: comments, sets within sets."""
    if "#" in pattern or "\\Q" in pattern:
        return True
    return any("[" in found[1:] for found in regex.findall(r"\[\^?\]?(?:\\.|[^\]\\])*", pattern, regex.DOTALL))


def _written_out(pattern: str) -> int:
    """Steps of the pattern with its repetitions written out."""
    groups: list[list[int]] = [[]]
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "\\":
            index += 1
            groups[-1].append(1)
        elif char == "[":
            end = index + (pattern[index : index + 1] == "^")
            end += pattern[end : end + 1] == "]"
            while end < len(pattern) and pattern[end] != "]":
                end += 2 if pattern[end] == "\\" else 1
            index = end + 1
            groups[-1].append(1)
        elif char == "(":
            groups.append([])
        elif char == ")":
            inner = groups.pop() if len(groups) > 1 else groups[0][:]
            groups[-1].append(sum(inner) + 1)
        elif char == "{" and (found := _REPEAT.match(pattern, index - 1)):
            if groups[-1]:
                groups[-1][-1] *= max(1, int(found[1]))
            index = found.end()
        else:
            groups[-1].append(1)
    return sum(map(sum, groups))
