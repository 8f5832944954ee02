"""`.kestraignore` has the rules of a `.gitignore` (operations notes G3 `namespace files update`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdeck.cli.ignore import Ignored, chosen


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("*.env", ["a.env", "sub/b.env"], ["a.envs", "env"]),
        ("# remark\n\nbuild/", ["build/x", "sub/build/y"], ["build", "sub/builds/z"]),
        ("/only.txt", ["only.txt"], ["sub/only.txt"]),
        ("docs/*.md", ["docs/a.md"], ["docs/sub/a.md", "sub/docs/a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/x/y/a.md"], ["docs/a.txt"]),
        ("**/cache", ["cache/a", "x/cache/b"], ["cached/a"]),
        ("*.txt\n!keep.txt", ["a.txt"], ["keep.txt", "sub/keep.txt"]),
        ("secret/\n!secret/keep.txt", ["secret/keep.txt"], ["other"]),
        ("a?.[ch]\n[!x]y", ["ab.c", "zy"], ["abc.c", "xy"]),
        ("\\#odd\n\\!odd", ["#odd", "!odd"], ["odd"]),
    ],
)
def test_the_last_rule_that_matches_decides(rules: str, ignored: list[str], kept: list[str]) -> None:
    rule = Ignored(rules)
    assert [name for name in ignored if not rule(name)] == []
    assert [name for name in kept if rule(name)] == []


def test_files_are_chosen_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.env", "sub/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".kestraignore").write_text("*.env\n")
    assert [path.relative_to(tmp_path).as_posix() for path in chosen(tmp_path)] == ["a.txt", "b.txt", "sub/d.txt"]
