"""Secrets never leave an attempt in readable form: logs, outputs, errors (quality §3.1)."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "******"
SHORTEST_LINE = 6
"""Lines of a secret of several lines that are shorter than this are not masked by themselves."""


SHORTEST_FORM = 4
"""Shorter encodings of a secret, and shorter secrets in other letters, would mask half of every text."""
_SHIFTS = ((0, 0), (1, 2), (2, 3))
"""Base64 works by three bytes: bytes before the secret → characters at the start that hold some of them."""


def _base64_forms(raw: bytes) -> set[str]:
    """The secret within base64 text, wherever in it the secret starts (`user:password` of a Basic header)."""
    found: set[str] = set()
    for before, skip in _SHIFTS:
        length = (before + len(raw)) // 3 * 4  # the last characters hold what follows, too
        text = base64.b64encode(b"\0" * before + raw)[skip:length].decode()
        found |= {text, text.replace("+", "-").replace("/", "_")}
    return found


def forms(secret: str) -> set[str]:
    """A secret as it turns up: as it is, in parts, and in the encodings that programs give it."""
    plain = secret.strip()
    found = {secret, plain}
    if len(plain) < SHORTEST_FORM:
        return found
    raw = plain.encode("utf-8", "replace")
    other = {
        json.dumps(plain)[1:-1],
        json.dumps(plain, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(plain))[3:-3],  # JSON within JSON
        repr(plain)[1:-1],
        plain.upper(),
        plain.lower(),
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        plain.replace("'", "'\"'\"'"),
        plain.replace("'", "'\\''"),
        html.escape(plain),
        raw.hex(),
        *_base64_forms(raw),
        *(line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_LINE),
    }
    return found | {form for form in other if len(form) >= SHORTEST_FORM}


class Masker:
    """Replaces every secret it was told, and the forms that encodings and line splitting give it.

    Attributes:
        told: the secrets as they were told, but for the shortest; what is made of them is secret too.
    """

    __slots__ = ("_pattern", "_secrets", "told")

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.told: set[str] = set()

    def add(self, secret: str) -> None:
        """Mask this text from now on; blank ones are ignored."""
        if secret in self._secrets or not secret.strip():
            return
        if len(secret) >= SHORTEST_FORM:
            self.told.add(secret)
        self._secrets |= forms(secret)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))

    def __bool__(self) -> bool:
        return self._pattern is not None

    def text(self, text: str) -> str:
        """The text with secrets replaced."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """Plain JSON with secrets replaced in texts and keys."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(MASK, value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
