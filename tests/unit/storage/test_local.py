"""Laws of the local storage and of encryption."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowdeck.storage.encryption import Cipher, EncryptionError, is_encrypted, load_key, new_key
from flowdeck.storage.local import TEMPORARY, LocalStorage
from flowdeck.storage.paths import path_of, slug, task_run_folder


def test_what_was_written_is_read_under_its_uri(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    uri = storage.put("/company/team/a.txt", b"hello")
    assert uri == "kestra:///company/team/a.txt"
    assert storage.get(uri) == b"hello"
    assert storage.size(uri) == 5 and storage.exists(uri)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with pytest.raises(RuntimeError), storage.open_write("/a/b.txt") as out:
        out.write(b"x")
        raise RuntimeError
    assert not storage.exists("/a/b.txt") and list(storage.list("/")) == []
    assert list((tmp_path / "main" / "a").iterdir()) == []


def test_a_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("/a.txt", b"old")
    with pytest.raises(RuntimeError), storage.open_write("/a.txt") as out:
        out.write(b"new")
        raise RuntimeError
    assert storage.get("/a.txt") == b"old"


@pytest.mark.parametrize("place", ["kestra:///../x", "/a/../../x", "file:///etc/passwd", "/a/..", "/a\0b"])
def test_no_place_outside_the_root(tmp_path: Path, place: str) -> None:
    with pytest.raises(ValueError):
        LocalStorage(tmp_path).open_read(place)


def test_a_link_out_of_the_storage_is_refused(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "s")
    storage.put("/a.txt", b"")
    (tmp_path / "s" / "main" / "link").symlink_to("/etc")
    with pytest.raises(ValueError):
        storage.open_read("/link/passwd")


def test_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("/a.txt", b"1")
    with pytest.raises(FileNotFoundError):
        storage.for_tenant("other").open_read("/a.txt")


def test_listing_and_deleting_a_prefix(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for name in ("/x/b/2", "/x/a", "/y"):
        storage.put(name, b"1")
    assert [f.path for f in storage.list("/x")] == ["/x/a", "/x/b/2"]
    assert [(f.path, f.directory) for f in storage.list("/x", recursive=False)] == [("/x/a", False), ("/x/b", True)]
    assert storage.delete_prefix("/x") == ["kestra:///x/a", "kestra:///x/b/2"]
    assert storage.delete_prefix("/x") == []
    assert storage.delete("/y") and not storage.delete("/y")


def test_the_layout_of_a_task_run() -> None:
    assert slug("Each_split") == "each-split"
    assert task_run_folder("a.b", "My_Flow", "e1", "t_1", "r1") == "/a/b/my-flow/executions/e1/tasks/t-1/r1"
    assert path_of("kestra:///a//b/./c") == "/a/b/c"


def test_encryption_round_trip_and_refusal(tmp_path: Path) -> None:
    cipher = Cipher(new_key())
    assert cipher.decrypt(cipher.encrypt("päss")) == "päss"
    assert cipher.encrypt("a") != cipher.encrypt("a")
    assert is_encrypted(cipher.wrap("a"))
    for text in ("", "???", cipher.encrypt("a")[:-4]):
        with pytest.raises(EncryptionError):
            cipher.decrypt(text)
    with pytest.raises(EncryptionError):
        Cipher(new_key()).decrypt(cipher.encrypt("a"))
    with pytest.raises(EncryptionError):
        Cipher("short")
    assert load_key(tmp_path) is None and load_key(tmp_path, "k") == "k"


def test_what_broken_uploads_left_is_swept_a_day_later(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    kept = storage.put("/a/b/file.csv", b"x")
    base = storage.local_path("/a/b")
    old, young = base / f"{TEMPORARY}old", base / f"{TEMPORARY}young"
    storage.put("/_uploads/old.zip", b"x")
    storage.put("/_uploads/young.zip", b"x")
    uploads = storage.local_path("/_uploads")
    for path in (old, young):
        path.write_bytes(b"x")
    for path in (old, uploads / "old.zip", storage.local_path(kept)):
        os.utime(path, (1000, 1000))
    assert storage.sweep(2_000_000) == 2
    assert young.exists() and not old.exists() and storage.exists(kept)
    assert [one.name for one in uploads.iterdir()] == ["young.zip"]
