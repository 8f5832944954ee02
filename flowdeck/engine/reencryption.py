"""Rotation of the encryption key: is it the right one, and what previous keys left under the present one (F27)."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from flowdeck.commands.encryption import PLACES
from flowdeck.config import Settings
from flowdeck.storage.encryption import Cipher, EncryptionError, load_key
from flowdeck.store.driver import Database

log = logging.getLogger("flowdeck.core")

CHECK = "flowdeck.encryption.check"
WORD = "flowdeck"
PAGE = 200
_TOKEN = re.compile(r"[A-Za-z0-9+/]{38,}={0,2}")
"""Base64 of a nonce and a tag at least; what is none, or was encrypted by nobody here, does not open and stays."""


def cipher_of(settings: Settings) -> Cipher | None:
    """The instance's keys; None without one. `EncryptionError` for unusable ones."""
    key = load_key(settings.home.path, settings.get("kestra.encryption.secret-key"))
    return Cipher(key, settings.get("kestra.encryption.previous-keys") or ()) if key else None


async def check_key(
    settings: Settings, database: Database, carry_out: Callable[[str, dict[str, Any]], Awaitable[Any]]
) -> bool:
    """Say it when the key is not the one that values were stored with; remember it on a first start."""
    with database.reader() as reader:
        text = reader.value("select value from setting where key = :key", key=CHECK)
    try:
        cipher = cipher_of(settings)
    except EncryptionError as error:
        log.error("%s", error)
        return False
    if cipher is None:
        if text:
            log.error("no encryption key is there, but secrets are stored: name it in kestra.encryption.secret-key")
        return not text
    if text:
        try:
            cipher.decrypt(text)
            return True
        except EncryptionError:
            log.error(
                "the encryption key is not the one that secrets were stored with: they can't be read; bring it back, or"
                " name it in kestra.encryption.previous-keys"
            )
            return False
    await carry_out("settings.put", {"key": CHECK, "value": cipher.encrypt(WORD)})
    return True


def renewed(text: str, cipher: Cipher) -> str:
    """The text with all that previous keys encrypted under the present one."""
    return _TOKEN.sub(lambda match: cipher.renewed(match[0]) or match[0], text)


def changes(database: Database, cipher: Cipher) -> Iterator[list[dict[str, Any]]]:
    """Pages of rows to rewrite: table, column, key, old and new value."""
    for table, (keys, columns) in PLACES.items():
        for column in columns:
            wanted = "1 = 1" if table in ("secret", "setting") else f"{column} like '%aes_encrypted%'"
            with database.reader() as reader:
                # A page of keys first: values may be large, and rows change between pages.
                found = [tuple(row) for row in reader.all(f"select {', '.join(keys)} from {table} where {wanted}")]
            where = " and ".join(f"{name} = :{name}" for name in keys)
            for start in range(0, len(found), PAGE):
                page: list[dict[str, Any]] = []
                for values in found[start : start + PAGE]:
                    key = dict(zip(keys, values, strict=True))
                    with database.reader() as reader:
                        old = reader.value(f"select {column} from {table} where {where}", key)
                    new = renewed(old, cipher) if old else old
                    if new != old:
                        page.append({"table": table, "column": column, "key": key, "old": old, "new": new})
                if page:
                    yield page


def renew_files(database: Database, storage: Any, cipher: Cipher) -> int:
    """Rewrite outputs that lie in storage; how many."""
    with database.reader() as reader:
        uris = [
            row[0]
            for table in ("task_run", "task_cache")
            for row in reader.all(f"select outputs_uri from {table} where outputs_uri is not null")
        ]
    count = 0
    for uri in uris:
        try:
            old = storage.get(uri).decode()
        except (FileNotFoundError, UnicodeDecodeError):
            continue
        new = renewed(old, cipher)
        if new != old:
            storage.put(uri, new.encode())
            count += 1
    return count
