"""The catalogue of configuration keys (spec: enterprise and operations G1).

A key of the reference that has no meaning here is known, accepted and named once at start; a key that is nowhere here
is named with the nearest known one.
"""

from __future__ import annotations

import difflib

from flowdeck.config.key import Key
from flowdeck.config.keys_access import ACCESS
from flowdeck.config.keys_engine import ENGINE
from flowdeck.config.keys_own import OWN
from flowdeck.config.keys_places import PLACES
from flowdeck.config.keys_server import SERVER

__all__ = ["KEYS", "OWN_PREFIXES", "Key", "find_key", "nearest_key", "owner_of"]

GROUPS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    ("Instance and engine", ENGINE),
    ("Database and storage", PLACES),
    ("Accounts and access", ACCESS),
    ("HTTP server, management port, logs", SERVER),
    ("Keys of flowdeck", OWN),
)
"""All keys by what they are about, for the reference page."""

KEYS: tuple[Key, ...] = tuple(key for _, keys in GROUPS for key in keys)

OWN_PREFIXES = ("kestra", "flowdeck", "micronaut", "endpoints", "datasources", "flyway", "logger", "otel")
"""First segments whose environment variables are read."""

EXACT = {key.name: key for key in KEYS if "<n>" not in key.name}
PATTERNS = sorted(
    ((key.name.split("."), key) for key in KEYS if "<n>" in key.name), key=lambda one: one[0].count("<n>")
)


def find_key(name: str) -> Key | None:
    """The catalogue entry of a dotted name, with any segment for `<n>`."""
    if found := EXACT.get(name):
        return found
    segments = name.split(".")
    for pattern, key in PATTERNS:
        if len(pattern) == len(segments) and all(p in ("<n>", s) for p, s in zip(pattern, segments, strict=True)):
            return key
    return None


def owner_of(name: str) -> tuple[Key, str] | None:
    """The map or list that a name lies in, with the owner's own name."""
    segments = name.split(".")
    for size in range(len(segments) - 1, 0, -1):
        own = ".".join(segments[:size])
        key = find_key(own)
        if key is not None:
            return (key, own) if key.kind in "ml" else None
    return None


def nearest_key(name: str) -> str | None:
    """The known name that looks most like a wrong one; None when none does."""
    segments = name.split(".")
    names = list(EXACT)
    for pattern, _ in PATTERNS:
        if len(pattern) == len(segments):
            names.append(".".join(s if p == "<n>" else p for p, s in zip(pattern, segments, strict=True)))
    found = difflib.get_close_matches(name, [known for known in names if known != name], 1, 0.75)
    return found[0] if found else None
