"""Secrets never leave an attempt in readable form: logs, outputs, errors (quality §3.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "******"
SHORTEST_LINE = 6
"""Lines of a secret of several lines that are shorter than this are not masked by themselves."""


class Masker:
    """Replaces every secret it was told, and the forms that JSON and line splitting give it."""

    __slots__ = ("_pattern", "_secrets")

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Mask this text from now on; blank ones are ignored."""
        if secret in self._secrets or not secret.strip():
            return
        forms = {secret, secret.strip(), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        if "\n" in secret:
            forms |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_LINE}
        self._secrets |= forms
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
