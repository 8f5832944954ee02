"""One key of the configuration, and how lists of them are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = {
    "s": "text",
    "b": "true or false",
    "i": "integer",
    "f": "number",
    "d": "duration",
    "z": "size",
    "l": "list",
    "m": "map",
}
"""What the letters of `Key.kind` stand for."""

JAVA = "it belongs to the Java platform"
PUSHED = "work is pushed, no table is polled"
POOL = "connections are flowdeck's own, not those of a Java pool"
STORE = "flowdeck has no such backend"
STORAGE = "the internal storage is a local folder"
ACCOUNTS = "accounts come from flowdeck.security.accounts"
EDITION = "there is one edition with everything in it"
QUIET = "nothing calls out"
TRACES = "traces are not collected"


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Args:
        name: dotted kebab-case name; `<n>` stands for any one segment.
        kind: a letter of `KINDS`.
        default: what holds when nothing is told, as it is written.
        text: what it does.
        secret: its value is never shown.
        without: why it is accepted and does nothing; "" = it acts.
        choices: the words that are allowed; "" in front = more are allowed and mean nothing.
        least: the smallest number.
    """

    name: str
    kind: str = "s"
    default: Any = None
    text: str = ""
    secret: bool = False
    without: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None


def key(
    name: str,
    kind: str = "s",
    default: Any = None,
    text: str = "",
    *,
    secret: bool = False,
    without: str = "",
    choices: str = "",
    least: float | None = None,
) -> Key:
    """A key; `choices` are words with blanks between them."""
    return Key(name, kind, default, text, secret, without, tuple(choices.split()), least)


def below(prefix: str, *keys: Key) -> tuple[Key, ...]:
    """These keys, their names below a prefix."""
    return tuple(
        Key(f"{prefix}.{k.name}", k.kind, k.default, k.text, k.secret, k.without, k.choices, k.least) for k in keys
    )


def ignored(without: str, kind: str, *names: str, secret: bool = False) -> tuple[Key, ...]:
    """Keys that are accepted for one reason and do nothing."""
    return tuple(Key(name, kind, None, "", secret, without) for name in names)
