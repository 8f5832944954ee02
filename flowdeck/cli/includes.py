"""`[[> file]]` in a flow's source: the text of another file stands there (operations notes G3)."""

from __future__ import annotations

import re
from pathlib import Path

_INCLUDE = re.compile(r"^(?P<indent>[ \t]*)(?P<before>.*?)\[\[>\s*(?P<name>[^\]\s]+)\s*\]\]", re.MULTILINE)
DEEPEST = 10
SUFFIXES = (".yml", ".yaml")


def text_of(path: Path) -> str:
    """A file's text; `ValueError` names one that can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def flow_files(folder: Path) -> list[Path]:
    """All flow sources below a folder, in order."""
    return sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file())


def expand(text: str, folder: Path, depth: int = 0) -> str:
    """The text with the named files in place of what names them.

    Names are relative to `folder`; further lines of a file take the indentation of the line that names it.

    Raises:
        ValueError: a file can't be read, or files name each other.
    """
    if depth > DEEPEST:
        raise ValueError(f"files include each other more than {DEEPEST} deep")

    def put(match: re.Match[str]) -> str:
        path = folder / match["name"]
        found = text_of(path).rstrip("\n")
        first, *rest = expand(found, path.parent, depth + 1).split("\n")
        lines = [f"{match['indent']}{match['before']}{first}", *(f"{match['indent']}{line}" for line in rest)]
        return "\n".join(lines)

    return _INCLUDE.sub(put, text)
