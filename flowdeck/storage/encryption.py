"""AES-GCM encryption of secrets, SECRET inputs and encrypted outputs (design detail 14)."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCRYPTED = "io.kestra.datatype:aes_encrypted"
NONCE = 12


class EncryptionError(ValueError):
    """A key of a wrong size, or a text that this key did not encrypt; carries neither."""


class Cipher:
    """Encrypts short texts under one key: base64 of nonce, ciphertext and tag.

    Args:
        key: base64 of 16, 24 or 32 bytes.
        previous: keys of before, which only decrypt.
    """

    def __init__(self, key: str, previous: Iterable[str] = ()) -> None:
        self._aead = _aead(key)
        self._older = [_aead(one) for one in previous]

    def encrypt(self, text: str) -> str:
        """Encrypt a text; twice the same text gives two results."""
        nonce = os.urandom(NONCE)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, text.encode(), None)).decode()

    def decrypt(self, text: str) -> str:
        """Decrypt what `encrypt` gave; `EncryptionError` for anything else."""
        for aead in (self._aead, *self._older):
            if (found := _opened(aead, text)) is not None:
                return found
        raise EncryptionError("the value was not encrypted with this key")

    def renewed(self, text: str) -> str | None:
        """What a previous key encrypted, under the present one; None for anything else."""
        for aead in self._older:
            if (found := _opened(aead, text)) is not None and _opened(self._aead, text) is None:
                return self.encrypt(found)
        return None

    def wrap(self, text: str) -> dict[str, str]:
        """The JSON form of an encrypted value."""
        return {"type": ENCRYPTED, "value": self.encrypt(text)}


def _aead(key: str) -> AESGCM:
    try:
        return AESGCM(base64.b64decode(key.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise EncryptionError("the encryption key must be base64 of 16, 24 or 32 bytes") from None


def _opened(aead: AESGCM, text: str) -> str | None:
    try:
        raw = base64.b64decode(text, validate=True)
        return aead.decrypt(raw[:NONCE], raw[NONCE:], None).decode()
    except (binascii.Error, ValueError, InvalidTag):
        return None


def is_encrypted(value: Any) -> bool:
    """Whether a value is the JSON form of an encrypted one."""
    return isinstance(value, Mapping) and value.get("type") == ENCRYPTED and isinstance(value.get("value"), str)


def new_key() -> str:
    """A fresh 256-bit key as base64."""
    return base64.b64encode(os.urandom(32)).decode()


def load_key(home: str | os.PathLike[str], configured: str | None = None) -> str | None:
    """The instance key: configuration (`kestra.encryption.secret-key`) wins over `secret.key`; None when absent."""
    if configured:
        return configured
    try:
        return (Path(home) / "secret.key").read_text().strip() or None
    except FileNotFoundError:
        return None
