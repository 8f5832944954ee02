"""Families of measures of several processes, as Prometheus and as `/metrics` show them (spec: F58, F59)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_NO_NAME = re.compile(r"[^a-zA-Z0-9_:]")
_STATISTICS = ("COUNT", "TOTAL_TIME", "MAX")


class Exposition:
    """What one look at all processes found.

    Args:
        prefix: of our own families, without dot.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.strip("._")
        self._families: dict[str, tuple[str, str, dict[tuple[tuple[str, str], ...], Any]]] = {}

    def take(self, families: Iterable[Mapping[str, Any]], more: Mapping[str, str] | None = None) -> None:
        """Add families as `Measures.told` gives them; `more` are tags of those that each process has."""
        for family in families:
            name = f"{self._prefix}.{family['name']}" if family["own"] and self._prefix else str(family["name"])
            known = self._families.setdefault(name, (family["text"], family["kind"], {}))
            if known[1] != family["kind"]:
                continue
            labels = family["labels"]
            extra = tuple((more or {}).items()) if not family["own"] else ()
            for tags, value in family["series"]:
                key = (*zip(labels, tags, strict=True), *extra)
                known[2][key] = _sum(known[2].get(key), value)

    def alias(self, name: str, other: str) -> None:
        """Tell a family under a second name too."""
        if name in self._families:
            self._families.setdefault(other, self._families[name])

    def names(self) -> list[str]:
        """The dotted names, sorted."""
        return sorted(self._families)

    def describe(self, name: str, wanted: Iterable[tuple[str, str]] = ()) -> dict[str, Any] | None:
        """One family by its dotted or its Prometheus name; None when there is none with these tags."""
        found = next((n for n in self._families if n == name or _plain(n, self._families[n][1]) == name), None)
        if found is None:
            return None
        text, kind, series = self._families[found]
        want = set(wanted)
        matching = [(dict(tags), value) for tags, value in series.items() if want <= set(tags)]
        if want and not matching:
            return None
        tags: dict[str, set[str]] = {}
        for one, _ in matching:
            for label, value in one.items():
                tags.setdefault(label, set()).add(value)
        if kind == "timer":
            sums = [sum(v[0] for _, v in matching), sum(v[1] for _, v in matching)]
            values = [*sums, max((v[2] for _, v in matching), default=0.0)]
            measurements = [{"statistic": s, "value": v} for s, v in zip(_STATISTICS, values, strict=True)]
        else:
            total = sum(value for _, value in matching)
            measurements = [{"statistic": "COUNT" if kind == "counter" else "VALUE", "value": total}]
        return {
            "name": found,
            "description": text,
            "baseUnit": "seconds" if kind == "timer" else None,
            "measurements": measurements,
            "availableTags": [
                {"tag": label, "values": sorted(values)}
                for label, values in sorted(tags.items())
                if label not in dict(want)
            ],
        }

    def prometheus(self) -> str:
        """All families in the text form of Prometheus 0.0.4."""
        lines: list[str] = []
        for name in self.names():
            text, kind, series = self._families[name]
            plain = _plain(name, kind)
            if kind == "timer":
                _head(lines, plain, text, "summary")
                for tags, (count, total, _) in series.items():
                    labels = _labels(tags)
                    lines += [f"{plain}_count{labels} {count}", f"{plain}_sum{labels} {_number(total)}"]
                _head(lines, f"{plain}_max", text, "gauge")
                lines += [f"{plain}_max{_labels(tags)} {_number(value[2])}" for tags, value in series.items()]
            else:
                _head(lines, plain, text, kind)
                lines += [f"{plain}{_labels(tags)} {_number(value)}" for tags, value in series.items()]
        return "\n".join(lines) + "\n"


def _sum(known: Any, value: Any) -> Any:
    if known is None:
        return value
    if isinstance(known, list):
        return [known[0] + value[0], known[1] + value[1], max(known[2], value[2])]
    return known + value


def _plain(name: str, kind: str) -> str:
    plain = _NO_NAME.sub("_", name)
    if plain[:1].isdigit():
        plain = f"_{plain}"
    if kind == "counter" and not plain.endswith("_total"):
        return f"{plain}_total"
    if kind == "timer" and not plain.endswith("_seconds"):
        return f"{plain}_seconds"
    return plain


def _head(lines: list[str], name: str, text: str, kind: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    lines += [f"# HELP {name} {escaped}", f"# TYPE {name} {kind}"]


def _labels(tags: tuple[tuple[str, str], ...]) -> str:
    if not tags:
        return ""
    told: list[str] = []
    for label, value in tags:
        text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        told.append(f'{_NO_NAME.sub("_", label).replace(":", "_")}="{text}"')
    return "{" + ",".join(told) + "}"


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
