"""Signatures of webhook calls: an HMAC over the bytes that were sent, before anything reads them (quality §3.2, 12)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowdeck.model.coerce import to_duration
from flowdeck.model.errors import Forbidden

ALGORITHMS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
TOLERANCE = "PT5M"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a webhook was called with; names of headers as they were sent."""

    body: bytes
    headers: Mapping[str, list[str]]
    parameters: Mapping[str, list[str]]

    def header(self, name: str) -> str:
        """The one value of a header; empty when it is absent, or there several times."""
        found = [values for key, values in self.headers.items() if key.lower() == name.lower()]
        return found[0][0].strip() if len(found) == 1 and len(found[0]) == 1 else ""


def signed_text(rule: Mapping[str, Any], sent: Sent) -> bytes:
    """The bytes that the sender signed: the body, or what `content` makes of it."""
    content = str(rule.get("content") or "{body}").encode()
    stamp = sent.header(str(rule["timestampHeader"])).encode() if rule.get("timestampHeader") else b""
    parts = re.split(rb"(\{body\}|\{timestamp\})", content)
    return b"".join({b"{body}": sent.body, b"{timestamp}": stamp}.get(part, part) for part in parts)


def check(rule: Mapping[str, Any], secret: str, sent: Sent, now: int) -> None:
    """Refuse a call whose signature is not that of its bytes, or that is too old: `Forbidden`.

    Args:
        rule: `signature` of the trigger.
        secret: what both sides know; an empty one signs nothing.
        now: ms since the epoch.
    """
    refused = Forbidden("the signature of the webhook does not fit")
    hashed = ALGORITHMS.get(str(rule.get("algorithm") or "SHA256").upper())
    if not secret or hashed is None:
        raise refused
    if rule.get("timestampHeader"):
        stamp = sent.header(str(rule["timestampHeader"]))
        allowed = to_duration(rule.get("tolerance") or TOLERANCE).total_seconds() * 1000
        if not re.fullmatch("[0-9]{1,12}", stamp) or abs(now - int(stamp) * 1000) > allowed:
            raise refused
    digest = hmac.digest(secret.encode(), signed_text(rule, sent), hashed)
    base64_wanted = str(rule.get("encoding") or "HEX").upper() == "BASE64"
    wanted = str(rule.get("prefix") or "") + (base64.b64encode(digest).decode() if base64_wanted else digest.hex())
    given = sent.header(str(rule["header"]))
    if not base64_wanted:
        given = given.lower() if not rule.get("prefix") else given
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise refused
