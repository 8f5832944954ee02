"""What two revisions of a flow mean differently: tasks, triggers and inputs by id, then the other properties."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.words import say

NESTED = ("tasks", "then", "else", "errors", "finally", "afterExecution", "defaults")
LISTED = (("tasks", "Tasks"), ("triggers", "Triggers"), ("inputs", "Inputs"))
HIDDEN = {"revision", "updated", "source", "deleted", "tenantId", "id", "namespace"}


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is `added`, `removed` or `changed`."""

    group: str = ""
    kind: str = ""
    name: str = ""
    what: str = ""
    detail: str = ""


def _short(value: Any, limit: int = 48) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(str(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _tasks(items: Any, depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(items, list) or depth > 20:
        return
    for one in items:
        if not isinstance(one, dict):
            continue
        inner = one.get("task") if isinstance(one.get("task"), dict) and "id" not in one else one
        if isinstance(inner, dict) and inner.get("id"):
            yield str(inner["id"]), {k: v for k, v in inner.items() if k not in NESTED and k != "cases"}
        for key in NESTED:
            yield from _tasks(one.get(key), depth + 1)
        cases = one.get("cases")
        for case in cases.values() if isinstance(cases, dict) else ():
            yield from _tasks(case, depth + 1)


def _by_id(document: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    if key == "tasks":
        found: dict[str, dict[str, Any]] = {}
        for part in ("tasks", "errors", "finally", "afterExecution"):
            found.update(_tasks(document.get(part)))
        return found
    return {str(one.get("id")): one for one in document.get(key) or [] if isinstance(one, dict)}


def _between(before: Any, after: Any) -> str:
    """From one value to the other; of two maps only the keys that differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return say("{before} to {after}", before=_short(before, 32), after=_short(after, 32))
    parts: list[str] = []
    for key in dict.fromkeys([*after, *before]):
        if key not in before:
            parts.append(say("{key} added: {after}", key=key, after=_short(after[key], 32)))
        elif key not in after:
            parts.append(say("{key} removed, was {before}", key=key, before=_short(before[key], 32)))
        elif before[key] != after[key]:
            parts.append(
                say("{key}: {before} to {after}", key=key, before=_short(before[key], 32), after=_short(after[key], 32))
            )
    return "; ".join(parts[:4]) + (say("; {parts} more", parts=len(parts) - 4) if len(parts) > 4 else "")


def _properties(group: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if before is None:
            yield Change(group, "added", name, say("{key} added", key=key) if name else "added", _short(after))
        elif after is None:
            yield Change(
                group,
                "removed",
                name,
                say("{key} removed", key=key) if name else "removed",
                say("was {before}", before=_short(before)),
            )
        else:
            yield Change(group, "changed", name, say("{key} changed", key=key), _between(before, after))


def changes_of(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return the differences between two flows as the API tells them, in the order of the newer one."""
    found: list[Change] = []
    for key, group in LISTED:
        before, after = _by_id(old, key), _by_id(new, key)
        for name in dict.fromkeys([*after, *before]):
            if name not in before:
                found.append(Change(group, "added", name, "added", _short(after[name].get("type") or "")))
            elif name not in after:
                found.append(Change(group, "removed", name, "removed", _short(before[name].get("type") or "")))
            else:
                found += _properties(group, name, before[name], after[name])
    taken = {key for key, _ in LISTED} | {"errors", "finally", "afterExecution"} | HIDDEN
    for key in dict.fromkeys([*new, *old]):
        if key not in taken and old.get(key) != new.get(key):
            found += _properties(say("Flow"), key, {"": old.get(key)}, {"": new.get(key)})
    return [Change(c.group, c.kind, c.name, c.what.strip(), c.detail) for c in found]
