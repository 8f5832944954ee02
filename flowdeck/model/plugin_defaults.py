"""Plugin defaults: which values apply to an object of a type (spec: workflow components §13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowdeck.model.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Default:
    """One entry; `level` 0 is the flow, larger numbers are farther away."""

    type: str
    values: Mapping[str, Any]
    forced: bool = False
    ref: str | None = None
    level: int = 0

    def matches(self, names: Iterable[str]) -> bool:
        """Whether one of an object's type names is, or begins with, the entry's type."""
        return any(name.startswith(self.type) for name in names)


class PluginDefaults:
    """Entries of all sources."""

    def __init__(self, entries: Sequence[Default] = ()) -> None:
        self.entries = tuple(entries)
        self._cache: dict[tuple[str, str | None], tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]] = {}

    def __bool__(self) -> bool:
        return bool(self.entries)

    @staticmethod
    def of(flow: Any, outer: Sequence[Mapping[str, Any]] = ()) -> PluginDefaults:
        """From a flow's `pluginDefaults` and those of namespaces and instance, closest source first.

        Entries of `outer` may carry `level` to say that several belong to one source; otherwise each is one of its
        own. Malformed entries are left out: validation reports them.
        """
        entries = []
        for level, group in ((0, flow if isinstance(flow, list) else ()), (1, outer)):
            for number, item in enumerate(group):
                if not isinstance(item, Mapping) or not item.get("type") or not isinstance(item.get("values"), Mapping):
                    continue
                distance = 0 if level == 0 else int(item.get("level", number + 1))
                entries.append(
                    Default(str(item["type"]), item["values"], item.get("forced") is True, item.get("ref"), distance)
                )
        return PluginDefaults(entries)

    def _layers(
        self, type_name: str, aliases: Sequence[str], ref: str | None
    ) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """Values that fill gaps (strongest first) and values that override (strongest first)."""
        key = (type_name, ref)
        if key not in self._cache:
            names = (type_name, *aliases)
            found = [
                (number, entry)
                for number, entry in enumerate(self.entries)
                if entry.matches(names) and (entry.ref is None or entry.ref == ref)
            ]
            gaps = [(n, e) for n, e in found if not e.forced and (ref is None) == (e.ref is None)]
            if ref is not None and not any(e.ref == ref for _, e in found):
                gaps = [(n, e) for n, e in found if not e.forced]
            forced = [(n, e) for n, e in found if e.forced]
            gaps.sort(key=lambda x: (x[1].level, -len(x[1].type), x[0]))
            forced.sort(key=lambda x: (-x[1].level, -len(x[1].type), x[0]))
            self._cache[key] = ([e.values for _, e in gaps], [e.values for _, e in forced])
        return self._cache[key]

    def names(self, type_name: str, aliases: Sequence[str] = (), ref: str | None = None) -> set[str]:
        """Properties that some entry supplies to a type."""
        gaps, forced = self._layers(type_name, aliases, ref)
        return {name for values in (*gaps, *forced) for name in values}

    def forces(self, type_name: str, aliases: Sequence[str]) -> bool:
        """Whether entries without a name override values of a type."""
        return bool(self._layers(type_name, aliases, None)[1])

    def apply(
        self, value: Mapping[str, Any], type_name: str, aliases: Sequence[str], known: Iterable[str]
    ) -> dict[str, Any]:
        """The object with defaults; properties that its type lacks are dropped."""
        ref = value.get("pluginDefaultsRef")
        gaps, forced = self._layers(type_name, aliases, ref if isinstance(ref, str) else None)
        if not gaps and not forced:
            return dict(value)
        names = set(known) - {"id", "type"}
        out = dict(value)
        for values in gaps:
            out = _fill(out, {k: v for k, v in values.items() if k in names})
        for values in reversed(forced):
            out = _override(out, {k: v for k, v in values.items() if k in names})
        return out


def entry_problems(entry: Any, catalog: Catalog) -> list[str]:
    """What is wrong with one entry of plugin defaults (§2.5)."""
    if not isinstance(entry, Mapping):
        return ["an entry is a map of type, forced, ref and values"]
    problems: list[str] = []
    values = entry.get("values")
    if not values or not isinstance(values, Mapping):
        problems.append("No 'values' provided")
        values = {}
    name = entry.get("type")
    if not name or not isinstance(name, str):
        problems.append("No 'type' provided")
        name = ""
    spec = catalog.find(name)
    known = catalog.fields(spec) if spec else None
    for key, value in values.items():
        if value is None:
            problems.append(f"No value provided for key '{key}'")
        elif known is not None and key not in known:
            problems.append(f"No property '{key}' exists in plugin '{name}'")
    return problems


def _fill(target: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Add what is missing; maps merge deeply, lists do not."""
    out = dict(target)
    for key, value in more.items():
        if key not in out or out[key] is None:
            out[key] = deepcopy(value)
        elif isinstance(out[key], Mapping) and isinstance(value, Mapping):
            out[key] = _fill(out[key], value)
    return out


def _override(target: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Replace what is there; maps merge deeply, lists do not."""
    out = dict(target)
    for key, value in more.items():
        if isinstance(out.get(key), Mapping) and isinstance(value, Mapping):
            out[key] = _override(out[key], value)
        else:
            out[key] = deepcopy(value)
    return out
