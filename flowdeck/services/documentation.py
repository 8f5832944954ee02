"""The documentation that comes with the product: pages by path, and a search (console: UI-SH-17)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import flowdeck
from flowdeck.model.errors import NotFound

GROUPS = {
    "tutorial": "Tutorial",
    "howto": "How to",
    "explanation": "Explanation",
    "reference": "Reference",
    "about": "About",
}
_TITLE = re.compile(r"^#\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page; `path` is its group and name without ending."""

    path: str
    title: str
    group: str
    text: str


@cache
def pages() -> dict[str, Page]:
    """All pages by path, group by group; none when an installation left them out."""
    home = Path(flowdeck.__file__).parent
    root = next((one for one in (home / "documentation", home.parent / "docs") if one.is_dir()), None)
    found: dict[str, Page] = {}
    if root is not None:
        for folder, group in GROUPS.items():
            for file in sorted((root / folder).glob("*.md")):
                text = file.read_text(encoding="utf-8")
                title = _TITLE.search(text)
                path = f"{folder}/{file.stem}"
                found[path] = Page(path, title[1].strip() if title else file.stem, group, text)
        changes = root.parent / "CHANGELOG.md"  # in a wheel it lies among the pages
        if "about/changelog" not in found and root.name == "docs" and changes.is_file():
            text = changes.read_text(encoding="utf-8")
            found["about/changelog"] = Page("about/changelog", "Changelog", GROUPS["about"], text)
    return found


def listed() -> list[dict[str, Any]]:
    """Paths and titles."""
    return [{"path": one.path, "title": one.title, "group": one.group} for one in pages().values()]


def page(path: str) -> dict[str, Any]:
    """One page as Markdown. `NotFound`."""
    one = pages().get(path.removesuffix(".md"))
    if one is None:
        raise NotFound(f"page '{path[:100]}'")
    return {"path": one.path, "title": one.title, "group": one.group, "text": one.text}


def search(text: str, most: int = 20) -> list[dict[str, Any]]:
    """Pages with every word, those with the words in their title first, each with a line that has one of them."""
    words = text.lower().split()
    ranked: list[tuple[int, str, dict[str, Any]]] = []
    for one in pages().values():
        title, body = one.title.lower(), one.text.lower()
        if not words or not all(word in body or word in title for word in words):
            continue
        line = next(
            (line.strip(" #|-*`") for line in one.text.splitlines()[1:] if any(w in line.lower() for w in words)), ""
        )
        rank = 0 if all(word in title for word in words) else 1
        ranked.append(
            (rank, one.path, {"path": one.path, "title": one.title, "group": one.group, "excerpt": line[:160]})
        )
    return [found for _, _, found in sorted(ranked, key=lambda hit: hit[:2])[:most]]
