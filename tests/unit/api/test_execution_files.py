"""Files behind `file://`: only below allowed folders (spec: REST contract §10, quality §3.2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.services import file_previews, files
from flowdeck.services.backend import Backend


@pytest.fixture
def backend(tmp_path: Path, app: Any) -> Backend:
    """A backend whose machine's files are readable below `open`."""
    found: Backend = app.state.backend
    (tmp_path / "open").mkdir()
    found.config = replace(found.config, allowed_paths=(str(tmp_path / "open"),))
    return found


async def test_allowed_folders_are_read_and_no_others(backend: Backend, tmp_path: Path) -> None:
    """§10: links are followed before the place is judged."""
    (tmp_path / "open" / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "open" / "link.txt").symlink_to(tmp_path / "secret.txt")
    uri = f"file://{tmp_path}/open/a.csv"
    assert await files.size(backend, uri) == 8
    assert (await files.preview(backend, uri, None, "UTF-8"))["content"] == [{"a": "1", "b": "2"}]
    for path in (
        f"{tmp_path}/secret.txt",
        f"{tmp_path}/open/../secret.txt",
        f"{tmp_path}/open/link.txt",
        "/etc/passwd",
    ):
        with pytest.raises(IllegalArgument):
            await files.size(backend, f"file://{path}")
        with pytest.raises(IllegalArgument):
            await files.preview(backend, f"file://{path}", None, "UTF-8")
    with pytest.raises(NotFound):
        await files.size(backend, f"file://{tmp_path}/open/none")


@pytest.mark.parametrize(
    ("name", "content", "kind", "rows"),
    [
        ("a.csv", b'a,b\n1,"x, y"\n', "LIST", [{"a": "1", "b": "x, y"}]),
        ("a.csv", b"a,a\n1,2\n", "TEXT", "a,a\n1,2\n"),
        ("a.csv", b'a,b\n"open', "TEXT", 'a,b\n"open'),
        ("a.tsv", b"a\tb\n1\t2\n", "LIST", [{"a": "1", "b": "2"}]),
        ("a.jsonl", b'{"a":1}\n\n{"a":2}\n', "LIST", [{"a": 1}, {"a": 2}]),
        ("a.ion", b'{a:1,b:"x"}\n{a:2}\n', "LIST", [{"a": 1, "b": "x"}, {"a": 2}]),
        ("a.ion", b"{a:1,\n b:2}", "LIST", [{"a": 1, "b": 2}]),
        ("a.json", b'{"a": 1}', "TEXT", '{"a": 1}'),
        ("a.json", b'[{"a": 1}]', "LIST", [{"a": 1}]),
        ("a.json", b"[" * 100_000, "TEXT", "[" * 100_000),
        ("a.txt", b"\xff\xfe", "TEXT", "��"),
        ("a.md", b"# T", "MARKDOWN", "# T"),
        ("a.pdf", b"%PDF", "PDF", "JVBERg=="),
        ("a", b"", "TEXT", ""),
    ],
)
def test_what_a_file_is_shown_as(tmp_path: Path, name: str, content: bytes, kind: str, rows: object) -> None:
    """§10: rows where they can be read, else text; never an error."""
    (tmp_path / name).write_bytes(content)
    found = file_previews.preview(files.LocalFiles((str(tmp_path),)), f"file://{tmp_path}/{name}", 100, "utf-8")
    assert (found["type"], found["content"], found["truncated"]) == (kind, rows, False)
