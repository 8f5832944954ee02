"""Secrets never leave an attempt in readable form: logs, outputs, errors (quality §3.1).

What later tasks need in full is *sealed*: stored encrypted, together with the text that may be shown in its place.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "******"
ENCRYPTED = "io.kestra.datatype:aes_encrypted"
"""Type of the map that stands for an encrypted value; a worker decrypts it."""
SEALED_DEPTH = 3
"""Maps within maps whose members are sealed one by one; deeper or within lists, the whole member is."""
Wrap = Callable[[str], Mapping[str, Any]]
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
        known: the secrets as they were told.
        told: those but for the shortest; what is made of them is secret too.
    """

    __slots__ = ("_compiled", "_lock", "_secrets", "_stale", "known", "told")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._compiled: re.Pattern[str] | None = None
        self._stale = False
        self.known: set[str] = set()
        self.told: set[str] = set()

    def add(self, secret: str) -> None:
        """Mask this text from now on; blank ones are ignored."""
        if secret in self._secrets or not secret.strip():
            return
        with self._lock:
            self.known.add(secret)
            if len(secret) >= SHORTEST_FORM:
                self.told.add(secret)
            self._secrets |= forms(secret)
            self._stale = True

    @property
    def _pattern(self) -> re.Pattern[str] | None:
        """Made when it is needed: renders may tell many secrets in a row."""
        if self._stale:
            with self._lock:
                longest_first = sorted(self._secrets, key=len, reverse=True)
                self._compiled = re.compile("|".join(re.escape(form) for form in longest_first))
                self._stale = False
        return self._compiled

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def text(self, text: str) -> str:
        """The text with secrets replaced."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(MASK, text)

    def seal(self, value: Any, wrap: Wrap | None, depth: int = SEALED_DEPTH) -> Any:
        """Plain JSON in which every text that shows a secret is encrypted by `wrap`; without it, masked.

        A sealed value is `{type, value, shown}`: what it is, with its secrets, and what may be read of it.
        """
        pattern = self._pattern
        if pattern is None:
            return value
        if wrap is None:
            return self.value(value)
        if isinstance(value, str):
            return self._sealed(value, wrap) if pattern.search(value) else value
        if isinstance(value, Mapping) and depth and not any(pattern.search(str(key)) for key in value):
            return {key: self.seal(item, wrap, depth - 1) for key, item in value.items()}
        if isinstance(value, Mapping | list | tuple) and self.value(value) != _plain(value):
            return self._sealed(value, wrap)
        return value

    def _sealed(self, value: Any, wrap: Wrap) -> dict[str, Any]:
        text = json.dumps(value, ensure_ascii=False, default=str)
        within = sorted(one for one in self.known if any(form in text for form in forms(one)))
        whole = json.dumps({"value": value, "secrets": within}, ensure_ascii=False, default=str)
        return {**wrap(whole), "shown": self.value(value)}

    def value(self, value: Any) -> Any:
        """Plain JSON with secrets replaced in texts and keys."""
        pattern = self._pattern
        if pattern is None:
            return value
        if isinstance(value, str):
            return pattern.sub(MASK, value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def _plain(value: Any) -> Any:
    """`value` as `Masker.value` would answer it without secrets."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


class Secrecy:
    """What core does with secrets that a worker read for it: they are sealed before they are stored.

    Args:
        secrets: as the worker was told.
        wrap: makes the encrypted form of a text; None masks.
    """

    __slots__ = ("_masker", "_wrap", "secrets")

    def __init__(self, secrets: Iterable[str], wrap: Wrap | None) -> None:
        self.secrets = frozenset(secrets)
        self._wrap = wrap
        self._masker = Masker()
        for one in self.secrets:
            self._masker.add(one)

    def seal(self, value: Any) -> Any:
        """The value as it may be stored."""
        return self._masker.seal(value, self._wrap)

    def text(self, text: str) -> str:
        """A message without secrets."""
        return self._masker.text(text)

    def value(self, value: Any) -> Any:
        """Plain JSON with secrets replaced by stars."""
        return self._masker.value(value)

    def joined(self, other: Secrecy | None) -> Secrecy:
        """Of the secrets of both."""
        if other is None or other.secrets <= self.secrets:
            return self
        return Secrecy(self.secrets | other.secrets, self._wrap)


def opened(text: str, told: Callable[[str], None]) -> Any:
    """The value of the decrypted text of a sealed one; `told` hears its secrets. ValueError for another text."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or "value" not in whole:
        raise ValueError("no sealed value")
    for secret in whole.get("secrets") or ():
        told(secret)
    return whole["value"]


def readable(value: Any, decrypt: Callable[[str], str] | None, told: Callable[[str], None]) -> Any:
    """Plain JSON in which every sealed value is itself again; what can't be decrypted stays. `told` hears secrets."""
    if isinstance(value, list):
        return [readable(item, decrypt, told) for item in value]
    if not isinstance(value, dict) or decrypt is None:
        return value
    if value.get("type") == ENCRYPTED and "shown" in value and isinstance(value.get("value"), str):
        try:
            return opened(decrypt(value["value"]), told)
        except ValueError:
            return value
    return {key: readable(item, decrypt, told) for key, item in value.items()}


def shown(value: Any) -> Any:
    """What may be read of an encrypted value."""
    return value.get("shown", MASK)
