"""Every command line of the documentation is one that flowdeck takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.cli import parser
from flowdeck.cli.parsing import plain_switches, settle

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENDS = {"|", ">", "2>", "&", "&&", ";", "||"}


def lines() -> Iterator[tuple[str, str]]:
    for page in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]):
        for block in FENCE.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"(?:\$ )?(?:\w+=\S+ )*flowdeck (.*)", line.strip())
                if found:
                    yield page.relative_to(ROOT).as_posix(), found[1]


@pytest.mark.parametrize(("page", "line"), list(dict.fromkeys(lines())))
def test_a_documented_command_is_taken(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    end = next((i for i, word in enumerate(words) if word in ENDS or word.startswith((">", "2>"))), len(words))
    words = [word for word in words[:end] if word not in ("…", "...")]
    if words in (["--version"], ["--help"]):
        return
    assert settle(parser().parse_args(plain_switches(words))).run is not None
