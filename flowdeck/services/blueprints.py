"""Blueprints that come with the product: flows to start from (API contract §14). Nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from flowdeck.model.errors import InvalidFormat, NotFound

KINDS = ("flow", "dashboard", "app")
PUBLISHED = "2026-11-20T00:00:00Z"
"""The day of this release: blueprints come with it."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A flow or dashboard to start from; `types` are all types that it uses, in order."""

    id: str
    title: str
    description: str
    tags: tuple[str, ...]
    types: tuple[str, ...]
    source: str
    kind: str = "flow"

    def item(self) -> dict[str, Any]:
        """As lists show it."""
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "includedTasks": list(self.types),
            "tags": list(self.tags),
            "publishedAt": PUBLISHED,
        }


def _types(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        found = node.get("type")
        if isinstance(found, str) and found.startswith("io.kestra."):
            yield found
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list):
        for value in node:
            yield from _types(value)


@cache
def bundled(kind: str = "flow") -> dict[str, Blueprint]:
    """All blueprints of a kind by id, in the order of their titles."""
    found: list[Blueprint] = []
    for file in files("flowdeck.blueprints").iterdir():
        if not file.name.endswith(".yaml"):
            continue
        head, _, source = file.read_text(encoding="utf-8").partition("\n---\n")
        told = yaml.safe_load(head)
        if told.get("kind", "flow") != kind:
            continue
        types = tuple(dict.fromkeys(_types(yaml.safe_load(source))))
        found.append(
            Blueprint(
                file.name.removesuffix(".yaml"),
                told["title"],
                told["description"],
                tuple(told["tags"]),
                types,
                source,
                kind,
            )
        )
    return {one.id: one for one in sorted(found, key=lambda one: one.title.lower())}


def _of(kind: str) -> dict[str, Blueprint]:
    if kind.lower() not in KINDS:
        raise InvalidFormat(f"kind: '{kind[:32]}' is unknown; known are {', '.join(KINDS)}")
    return bundled(kind.lower())


def search(kind: str, text: str, tags: Sequence[str], sort: str) -> list[Blueprint]:
    """Blueprints of a kind with every word in title, description, tags or types, and one of the tags.

    `sort` is `title:asc`, `title:desc` or empty. Raises InvalidFormat for an unknown kind.
    """
    wanted = {tag.lower() for tag in tags}
    found = [
        one
        for one in _of(kind).values()
        if all(
            word in " ".join((one.id, one.title, one.description, *one.tags, *one.types)).lower()
            for word in text.lower().split()
        )
        and (not wanted or wanted & set(one.tags))
    ]
    if sort.partition(":")[2].lower() == "desc":
        found.reverse()
    return found


def get(kind: str, id: str) -> Blueprint:
    """One blueprint; raises NotFound."""
    found = _of(kind).get(id)
    if found is None:
        raise NotFound(f"blueprint '{id[:64]}'")
    return found


def tags(kind: str, text: str) -> list[str]:
    """All tags of a kind that have a text in them."""
    return sorted({tag for one in _of(kind).values() for tag in one.tags if text.lower() in tag})
