"""Files that a folder's `.kestraignore` leaves out: patterns as in a `.gitignore` (operations notes G3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

IGNORE = ".kestraignore"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: what it matches, whether it takes back, whether it means folders only."""

    regex: re.Pattern[str]
    taken_back: bool
    folders: bool

    @classmethod
    def of(cls, line: str) -> Pattern | None:
        """Read a line; None for an empty one and a remark."""
        text = line.rstrip("\r\n")
        text = text if text.endswith("\\ ") else text.rstrip()
        if not text or text.startswith("#"):
            return None
        taken_back = text.startswith("!")
        text = text.removeprefix("!").removeprefix("\\")
        folders = text.endswith("/")
        text = text.rstrip("/")
        # A pattern with a separator within is meant from the folder of the file; others at any depth.
        anchored = "/" in text
        body = _translated(text.lstrip("/"))
        return cls(re.compile(body if anchored else f"(?:.*/)?{body}"), taken_back, folders)


def _translated(text: str) -> str:
    out: list[str] = []
    i = 0
    while i < len(text):
        if text.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif text.startswith("**", i):
            out.append(".*")
            i += 2
        elif text[i] == "*":
            out.append("[^/]*")
            i += 1
        elif text[i] == "?":
            out.append("[^/]")
            i += 1
        elif text[i] == "[" and (end := text.find("]", i + 2)) > 0:
            inner = text[i + 1 : end].replace("\\", "\\\\")
            out.append(f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]")
            i = end + 1
        else:
            i += text[i] == "\\" and i + 1 < len(text)
            out.append(re.escape(text[i]))
            i += 1
    return "".join(out)


class Ignored:
    """The rules of one folder; the last that matches decides, and nothing below an ignored folder comes back."""

    def __init__(self, text: str) -> None:
        self.patterns = [one for one in map(Pattern.of, text.splitlines()) if one is not None]

    def __call__(self, name: str) -> bool:
        """Whether a file, by its path below the folder, is left out."""
        parts = name.split("/")
        return any(
            self._matches("/".join(parts[:depth]), folder=depth < len(parts)) for depth in range(1, len(parts) + 1)
        )

    def _matches(self, name: str, *, folder: bool) -> bool:
        for pattern in reversed(self.patterns):
            if (folder or not pattern.folders) and pattern.regex.fullmatch(name):
                return not pattern.taken_back
        return False


def chosen(folder: Path) -> list[Path]:
    """Files below a folder that its ignore file does not leave out, in order; the ignore file itself never."""
    file = folder / IGNORE
    ignored = Ignored(file.read_text(encoding="utf-8") if file.is_file() else "")
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != IGNORE and not ignored(path.relative_to(folder).as_posix())
    ]
