"""The encryption key changes and nothing is lost (F27; quality §3.2, check 31)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands.encryption import PLACES, renew
from flowdeck.commands.metadata import put_setting
from flowdeck.config.settings import load_settings
from flowdeck.engine.reencryption import CHECK, changes, check_key, renew_files, renewed
from flowdeck.model.errors import IllegalArgument
from flowdeck.storage.encryption import Cipher, EncryptionError, new_key
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database
from flowdeck.store.tables import SQLModel

OLD, NEW = new_key(), new_key()


def texts(database: Database, table: str, column: str) -> list[str]:
    with database.reader() as reader:
        return [row[0] for row in reader.all(f"select {column} from {table} order by 1")]


def test_a_key_of_before_still_opens_and_nobody_else_does() -> None:
    text = Cipher(OLD).encrypt("word")
    assert Cipher(NEW, [OLD]).decrypt(text) == "word"
    with pytest.raises(EncryptionError):
        Cipher(NEW).decrypt(text)
    new = Cipher(NEW, [OLD]).renewed(text)
    assert new and Cipher(NEW).decrypt(new) == "word"
    assert Cipher(NEW, [OLD]).renewed(new) is None and Cipher(NEW, [OLD]).renewed("x" * 60) is None
    assert Cipher(OLD).encrypt("word") != text  # a nonce of its own for each value


def test_only_what_was_encrypted_changes() -> None:
    old = Cipher(OLD)
    text = json.dumps({"a": old.wrap("one"), "b": ["x" * 60, {"deep": old.wrap("zwei ü")}], "c": new_key()})
    new = json.loads(renewed(text, Cipher(NEW, [OLD])))
    assert Cipher(NEW).decrypt(new["a"]["value"]) == "one"
    assert Cipher(NEW).decrypt(new["b"][1]["deep"]["value"]) == "zwei ü"
    told = json.loads(text)
    assert (new["b"][0], new["c"]) == (told["b"][0], told["c"])


def test_the_places_are_tables_and_columns_that_exist() -> None:
    for table, (keys, columns) in PLACES.items():
        assert {*keys, *columns} <= set(SQLModel.metadata.tables[table].columns.keys()), table


def test_every_row_is_put_under_the_new_key(database: Database, tmp_path: Path) -> None:
    old = Cipher(OLD)
    storage = LocalStorage(tmp_path)
    writer = database.writer()
    with writer.transaction(now=1) as tx:
        for number in range(3):
            where = {"tenant": "main", "namespace": "a", "key": f"k{number}"}
            tx.insert("secret", **where, value=old.encrypt(f"s{number}"), updated=1)
            value = json.dumps(old.wrap("kv"))
            tx.insert("kv", **where, type="JSON", value=value, version=1, created=1, updated=1)
        tx.insert(
            "kv", tenant="main", namespace="a", key="plain", type="STRING", value='"x"', version=1, created=1, updated=1
        )
        uri = storage.put("/a/outputs.json", json.dumps({"o": old.wrap("file")}).encode())
        tx.insert(
            "task_cache",
            key="c",
            tenant="main",
            namespace="a",
            flow_id="f",
            task_id="t",
            state=1,
            outputs_size=1,
            at=1,
            outputs_uri=uri,
        )
        put_setting(tx, {"key": CHECK, "value": old.encrypt("flowdeck")})
    cipher = Cipher(NEW, [OLD])
    total = 0
    for page in changes(database, cipher):
        with writer.transaction(now=2) as tx:
            total += renew(tx, {"rows": page})
    assert total == 7 and renew_files(database, storage, cipher) == 1
    now = Cipher(NEW)
    assert sorted(now.decrypt(text) for text in texts(database, "secret", "value")) == ["s0", "s1", "s2"]
    kept = [json.loads(text) for text in texts(database, "kv", "value")]
    assert sorted(now.decrypt(one["value"]) for one in kept if isinstance(one, dict)) == ["kv"] * 3 and "x" in kept
    assert now.decrypt(json.loads(storage.get(uri))["o"]["value"]) == "file"
    assert not list(changes(database, cipher))
    with writer.transaction(now=3) as tx, pytest.raises(IllegalArgument):
        renew(tx, {"rows": [{"table": "session", "column": "id", "key": {"id": "x"}, "old": "", "new": ""}]})
    writer.close()


async def test_a_wrong_key_is_noticed_at_the_start(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def carry_out(name: str, args: dict[str, Any]) -> None:
        assert name == "settings.put"
        writer = database.writer()
        with writer.transaction(now=1) as tx:
            put_setting(tx, args)
        writer.close()

    async def start(key: str, *previous: str) -> bool:
        flags = {"kestra.encryption.secret-key": key, "kestra.encryption.previous-keys": list(previous)}
        settings = load_settings(flags, environment={"FLOWDECK_HOME": str(tmp_path)})
        return await check_key(settings, database, carry_out)

    assert await start(OLD) and await start(OLD)
    assert not await start(NEW)
    assert "is not the one" in caplog.text and NEW not in caplog.text
    assert await start(NEW, OLD)
