"""Hard bounds that hold everywhere (expressions §1)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ELEMENTS = 1_000_000
MAX_TEXT = 10_000_000
MAX_BITS = 13_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one render (expressions §1).

    Args:
        seconds: wall time of one render.
        depth: nesting of templates and macros.
        output_bytes: length of the output in characters.
        steps: loop iterations.
        regex_seconds: time of one regular expression.
    """

    seconds: float = 10.0
    depth: int = 100
    output_bytes: int = MAX_TEXT
    steps: int = MAX_ELEMENTS
    regex_seconds: float = 10.0
