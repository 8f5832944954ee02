"""Links of the installation in the console's context bar (UI-SH-17, F48)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flowdeck.config.settings import Settings

NAMES = ("kestra.ee.right-sidebar.custom-links", "kestra.ee.custom-links")


def custom_links(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Title and address of each link, in the order of their keys; what is no web address is left out."""
    found: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        told: dict[str, Any] = {}
        whole = settings.values.get(name)
        for key, value in (whole if isinstance(whole, dict) else {}).items():
            told[str(key)] = dict(value) if isinstance(value, dict) else {}
        for rest, value in settings.below(name).items():
            key, _, part = rest.partition(".")
            if part:
                told.setdefault(key, {})[part] = value
            elif isinstance(value, dict):
                told.setdefault(key, {}).update(value)
        found = {**told, **found}
    links: list[tuple[str, str]] = []
    for key, told in sorted(found.items()):
        address = str(told.get("url") or "")
        if urlsplit(address).scheme in ("http", "https") and urlsplit(address).netloc:
            links.append((str(told.get("title") or key), address))
    return tuple(links)
