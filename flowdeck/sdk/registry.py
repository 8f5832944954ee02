"""Types that are loaded in this process, and loading by type name."""

from __future__ import annotations

import importlib
from typing import Any

_loaded: dict[str, Any] = {}


def register(cls: Any) -> None:
    """Enter a declared class under its type and aliases; classes without type are bases."""
    name = cls.option("type")
    if name:
        for known in (name, *cls.option("aliases", ())):
            _loaded[known] = cls


def resolve(type_name: str) -> Any:
    """The class of a type or alias; its module is imported when a plugin index names it.

    Raises `LookupError` for a type that is not installed or whose module can't be imported.
    """
    found = _loaded.get(type_name)
    if found is not None:
        return found
    from flowdeck.sdk.index import module_of

    place = module_of(type_name)
    if place is None:
        raise LookupError(f"Invalid type: {type_name}")
    module, _, name = place.partition(":")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"Invalid type: {type_name} ({error})") from error
    _loaded[type_name] = found
    return found


def loaded() -> list[Any]:
    """All classes registered so far, each once."""
    return list(dict.fromkeys(_loaded.values()))
