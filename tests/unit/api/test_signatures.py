"""A signature is that of the bytes, of now, and of the secret (quality §3.2, check 12)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from flowdeck.model.errors import Forbidden
from flowdeck.services.signatures import Sent, check

SECRET, BODY, NOW = "it's a secret", b'{"a":  1}\n', 1_790_000_000
GITHUB = {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secret": "…"}
SLACK = {
    "header": "X-Slack-Signature",
    "prefix": "v0=",
    "content": "v0:{timestamp}:{body}",
    "timestampHeader": "X-Slack-Request-Timestamp",
}


def sign(text: bytes, algorithm: Any = hashlib.sha256) -> str:
    return hmac.new(SECRET.encode(), text, algorithm).hexdigest()


def sent(body: bytes = BODY, **headers: str) -> Sent:
    return Sent(body, {name.replace("_", "-"): [value] for name, value in headers.items()}, {})


def test_what_known_senders_send() -> None:
    check(GITHUB, SECRET, sent(X_Hub_Signature_256="sha256=" + sign(BODY)), NOW * 1000)
    check(GITHUB, SECRET, sent(x_hub_signature_256="sha256=" + sign(BODY)), NOW * 1000)
    stamp = str(NOW - 60)
    signature = "v0=" + sign(f"v0:{stamp}:".encode() + BODY)
    check(SLACK, SECRET, sent(X_Slack_Signature=signature, X_Slack_Request_Timestamp=stamp), NOW * 1000)
    plain = {"header": "X", "algorithm": "SHA512", "encoding": "BASE64"}
    digest = hmac.digest(SECRET.encode(), BODY, "sha512")
    check(plain, SECRET, sent(X=base64.b64encode(digest).decode()), NOW * 1000)
    check({"header": "X", "algorithm": "SHA1"}, SECRET, sent(X=sign(BODY, hashlib.sha1).upper()), NOW * 1000)


@pytest.mark.parametrize(
    ("body", "signature", "secret"),
    [
        (BODY + b" ", "sha256=" + sign(BODY), SECRET),
        (b'{"a": 1}', "sha256=" + sign(BODY), SECRET),
        (BODY, sign(BODY), SECRET),
        (BODY, "sha256=" + sign(BODY, hashlib.sha1), SECRET),
        (BODY, "sha256=" + sign(BODY), "another"),
        (BODY, "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(), ""),
        (BODY, "", SECRET),
        (BODY, "sha256=", SECRET),
        (BODY, "sha256=é", SECRET),
    ],
)
def test_anything_else_is_refused(body: bytes, signature: str, secret: str) -> None:
    with pytest.raises(Forbidden):
        check(GITHUB, secret, sent(body, X_Hub_Signature_256=signature), NOW * 1000)
    with pytest.raises(Forbidden):
        check(GITHUB, SECRET, sent(body), NOW * 1000)


def test_two_signatures_are_none() -> None:
    right = "sha256=" + sign(BODY)
    for headers in (
        {"X-Hub-Signature-256": [right, right]},
        {"X-Hub-Signature-256": [right], "x-hub-signature-256": [right]},
    ):
        with pytest.raises(Forbidden):
            check(GITHUB, SECRET, Sent(BODY, headers, {}), NOW * 1000)


@pytest.mark.parametrize("stamp", [str(NOW - 301), str(NOW + 301), "", "x", "-1", "1e9", "9" * 40, f" {NOW} x"])
def test_an_old_call_is_refused(stamp: str) -> None:
    """The replay window."""
    signature = "v0=" + sign(f"v0:{stamp}:".encode() + BODY)
    with pytest.raises(Forbidden):
        check(SLACK, SECRET, sent(X_Slack_Signature=signature, X_Slack_Request_Timestamp=stamp), NOW * 1000)


def test_a_body_that_names_the_places_is_a_body() -> None:
    """What stands in the body is signed as it is, never filled in."""
    body = b"{timestamp}{body}"
    stamp = str(NOW)
    signature = "v0=" + sign(f"v0:{stamp}:".encode() + body)
    check(SLACK, SECRET, sent(body, X_Slack_Signature=signature, X_Slack_Request_Timestamp=stamp), NOW * 1000)
