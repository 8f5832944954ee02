"""Reads of namespaces: a namespace's own row and those above it (spec: workflow components §1.6, §13, §20)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

INSTANCE_LEVEL = 1_000
"""Level of the instance's plugin defaults: farther away than those of any namespace."""


def lineage(namespace: str) -> list[str]:
    """A namespace and its ancestors, closest first."""
    parts = namespace.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def chain(reader: Any, tenant: str, namespace: str) -> list[Any]:
    """Rows of a namespace and of its ancestors, closest first; those without a row are left out."""
    names = lineage(namespace)
    marks = ", ".join("?" * len(names))
    rows = reader.all(f"select * from namespace where tenant = ? and id in ({marks})", tenant, *names)
    return sorted(rows, key=lambda row: -len(row["id"]))


def variables_of(rows: Sequence[Any]) -> dict[str, Any]:
    """Variables of a chain: those of a namespace over those of its ancestors, maps merged deeply."""
    merged: dict[str, Any] = {}
    for row in reversed(rows):
        if row["variables"]:
            merged = _over(merged, json.loads(row["variables"]))
    return merged


def _over(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        out[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def defaults_of(rows: Sequence[Any], instance: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Plugin defaults of a chain and of the instance, with `level`, closest first."""
    found: list[dict[str, Any]] = []
    for level, row in enumerate(rows, 1):
        if row["plugin_defaults"]:
            found += [{**entry, "level": level} for entry in json.loads(row["plugin_defaults"])]
    return found + [{**entry, "level": INSTANCE_LEVEL} for entry in instance]
