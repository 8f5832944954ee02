"""What may be shown of a configured value: secrets, and what looks like one, are stars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowdeck.config.keys import find_key, owner_of

STARS = "******"
_TELLING = re.compile(r"passw|secret|token|credential|private|api-?key|access-?key|\bkey\b|authorization|cookie", re.I)
_USER_INFO = re.compile(r"(?<=://)[^/\s]*@")
_PARAMETER = re.compile(r"(?i)([?&;](?:[a-z-]*password|user|token|secret|sig)=)[^&;\s]*")


def masked(name: str, value: Any) -> Any:
    """A key's value as anybody may see it; a key that is not in the catalogue shows nothing."""
    key = find_key(name)
    if key is None:
        owner = owner_of(name)
        key = owner[0] if owner else None
    if value is None:
        return None
    if key is None or key.secret:
        return STARS
    return _plain(value)


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v, name) for v in value]
    if name and _TELLING.search(name) and value not in (None, "", True, False):
        return STARS
    if isinstance(value, str):
        return _PARAMETER.sub(rf"\1{STARS}", _USER_INFO.sub(f"{STARS}@", value))
    return value
