"""Certificates of the server: `micronaut.server.ssl` (spec: operations F62)."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flowdeck.config import Settings

STORE = "micronaut.server.ssl"


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """What the server's socket speaks; None without TLS.

    Raises:
        ValueError: a store can't be read; the message names its key and path, never its password.
    """
    if not settings.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    name = f"{STORE}.key-store"
    path = _path(settings, name)
    password = settings.get(f"{name}.password")
    try:
        with _pem(settings, name, path, password) as file:
            context.load_cert_chain(file, password=lambda: str(password or ""))
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ValueError(f"{name}.path = {str(path)!r}: {_reason(error)}") from None
    need = settings.get(f"{STORE}.client-authentication") or settings.get(f"{STORE}.client-auth")
    if need in ("want", "need"):
        name = f"{STORE}.trust-store"
        path = _path(settings, name)
        try:
            context.load_verify_locations(cadata=_certificates(settings, name, path))
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ValueError(f"{name}.path = {str(path)!r}: {_reason(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED if need == "need" else ssl.CERT_OPTIONAL
    return context


def _path(settings: Settings, name: str) -> Path:
    told = str(settings.get(f"{name}.path") or "")
    if told.startswith("classpath:"):  # beside the configuration that names it
        folder = settings.files[-1].parent if settings.files else settings.home.path
        return folder / told.removeprefix("classpath:").lstrip("/")
    return Path(told.removeprefix("file:")).expanduser()


def _is_pkcs12(settings: Settings, name: str, path: Path) -> bool:
    kind = settings.get(f"{name}.type")
    if kind:
        return kind == "PKCS12"
    return b"-----BEGIN" not in path.read_bytes()


@contextlib.contextmanager
def _pem(settings: Settings, name: str, path: Path, password: str | None) -> Iterator[str]:
    """The certificate and key of a store as a PEM file, for as long as it is read."""
    if not _is_pkcs12(settings, name, path):
        yield str(path)
        return
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, certificate, more = pkcs12.load_key_and_certificates(path.read_bytes(), str(password or "").encode() or None)
    if key is None or certificate is None:
        raise ValueError("it holds no certificate with its key")
    locked: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(str(password).encode()) if password else serialization.NoEncryption()
    )
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    for one in (certificate, *more):
        text += one.public_bytes(serialization.Encoding.PEM)
    handle, copy = tempfile.mkstemp(prefix="flowdeck-", suffix=".pem")  # mode 0600
    try:
        os.write(handle, text)
        os.close(handle)
        yield copy
    finally:
        os.unlink(copy)


def _certificates(settings: Settings, name: str, path: Path) -> str:
    if not _is_pkcs12(settings, name, path):
        return path.read_text()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    password = settings.get(f"{name}.password")
    _, certificate, more = pkcs12.load_key_and_certificates(path.read_bytes(), str(password or "").encode() or None)
    found = [one for one in (certificate, *more) if one is not None]
    if not found:
        raise ValueError("it holds no certificate")
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in found)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror
    text = " ".join(str(error).split())
    return "the password does not fit, or the file is damaged" if "assword" in text or "BAD_DECRYPT" in text else text
