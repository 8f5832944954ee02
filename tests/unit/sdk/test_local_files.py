"""Which files of the machine `file://` reaches (spec: workflow components §3.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdeck.sdk.local_files import local_path, permitted


def test_only_files_below_an_allowed_folder_are_permitted(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a b.txt").write_text("x")
    (tmp_path / "in2").mkdir()
    (tmp_path / "in2" / "b.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "in2" / "b.txt")
    allowed = [str(folder)]
    assert local_path(f"file://{folder}/a%20b.txt", allowed) == folder / "a b.txt"
    for uri in (
        f"file://{folder}/link.txt",
        f"file://{folder}/../in2/b.txt",
        f"file://{folder}/%2e%2e/in2/b.txt",
        f"file://{folder}2/b.txt",
        f"file://{folder}/a%00.txt",
        "file://[/a.txt",
        "file:///etc/passwd",
    ):
        assert permitted(uri, allowed) is None, uri
        with pytest.raises(PermissionError):
            local_path(uri, allowed)
    assert permitted(f"file://{folder}/later.txt", allowed)
    with pytest.raises(FileNotFoundError):
        local_path(f"file://{folder}/later.txt", allowed)
