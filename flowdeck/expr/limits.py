"""Hard bounds that hold everywhere (expressions §1)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ELEMENTS = 1_000_000
MAX_TEXT = 10_000_000
MAX_LEVELS = 200
"""Lists within lists: what writes a value down recurses."""
MAX_BITS = 13_000
MAX_DERIVED = 64
"""Texts made of secrets that one render tells in any case."""
MAX_SECRETS = 1000
"""Secrets and parts of them that one render follows."""
REGEX_SECONDS = 1.0
"""A sound pattern takes milliseconds; one that backtracks for ever must not hold a worker for long."""
RENDER_STEPS = 20
"""Steps that a template rendered inside another one counts for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one render (expressions §1).

    Args:
        seconds: wall time of one render.
        depth: nesting of templates and macros.
        output_bytes: length of the output in characters.
        steps: loop iterations.
        regex_seconds: time of one regular expression (`kestra.regex.timeout`).
    """

    seconds: float = 10.0
    depth: int = 100
    output_bytes: int = MAX_TEXT
    steps: int = MAX_ELEMENTS
    regex_seconds: float = REGEX_SECONDS
