"""Plugin types: lists, documentation, schemas, icons (spec: REST contract §15)."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import flowdeck
from flowdeck.model.errors import NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.wire import compact

LISTS = {
    "task": "tasks",
    "trigger": "triggers",
    "condition": "conditions",
    "runner": "taskRunners",
    "chart": "charts",
    "data": "dataFilters",
}
KPI = "dataFiltersKPI"
TINTS = {"task": "#5b6cb8", "trigger": "#2f8f6f", "condition": "#9a7d2e", "runner": "#7a5a9e"}


def group_of(type_name: str) -> str:
    """The folder of a type."""
    return type_name.rpartition(".")[0]


def groups(backend: Backend) -> list[dict[str, Any]]:
    """`Plugin` of each folder of types."""
    found: dict[str, dict[str, Any]] = {}
    for spec in backend.catalog.types():
        kind = LISTS.get(spec.kind)
        if kind is None:
            continue
        name = group_of(spec.type)
        group = found.setdefault(
            name,
            {
                "name": name.removeprefix("io.kestra."),
                "title": name.rpartition(".")[2],
                "group": name,
                "subGroup": name,
                "version": backend.config.version,
                **{one: [] for one in LISTS.values()},
                KPI: [],
                "categories": ["CORE"],
            },
        )
        group[KPI if kind == "dataFilters" and spec.type.endswith("KPI") else kind].append(
            compact(
                {
                    "cls": spec.type,
                    "title": spec.title or None,
                    "description": spec.doc or None,
                    "deprecated": bool(spec.deprecated),
                }
            )
        )
    return [found[name] for name in sorted(found)]


@cache
def _known_elsewhere() -> tuple[str, ...]:
    place = Path(flowdeck.__file__).parent / "plugins" / "absent.json"
    return tuple(json.loads(place.read_text(encoding="utf-8")))


def absent(backend: Backend) -> list[dict[str, str]]:
    """Types that published flows use and nothing here provides, by group (UI-PL-01): `{type, group}`."""
    return [
        {"type": name, "group": group_of(name)} for name in _known_elsewhere() if backend.catalog.find(name) is None
    ]


def _shape(shape: dict[str, Any]) -> str:
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_shape(one) for one in shape["anyOf"]))
    kind = shape.get("type", "any")
    if isinstance(kind, list):
        return "text"
    if kind == "array":
        return f"list of {_shape(shape.get('items') or {})}"
    if "enum" in shape:
        return "one of " + ", ".join(f"`{one}`" for one in shape["enum"])
    return str(shape.get("format") or kind) if "$ref" not in shape else str(shape["$ref"]).rpartition("/")[2]


def _table(properties: dict[str, Any], required: list[str]) -> list[str]:
    lines = ["| Property | Type | Default | |", "|---|---|---|---|"]
    for name, shape in properties.items():
        if name == "type":
            continue
        default = shape.get("default")
        text = str(shape.get("description") or "").replace("|", "\\|").replace("\n", " ")
        mark = " *(required)*" if name in required else ""
        lines.append(f"| `{name}`{mark} | {_shape(shape)} | {'' if default is None else f'`{default}`'} | {text} |")
    return lines


def markdown(spec: Any, schema: dict[str, Any], *, whole: bool) -> str:
    """The documentation page of a type."""
    lines = [f"# {spec.name}", "", f"`{spec.type}`", ""]
    if spec.doc:
        lines += [spec.doc.strip(), ""]
    for example in spec.examples:
        lines += [f"**{example.title}**" if example.title else "", "", "```yaml", example.code.rstrip(), "```", ""]
    own = {f.name for f in spec.fields}
    properties = schema.get("properties", {}).get("properties", {})
    required = schema.get("properties", {}).get("required", [])
    shown = {k: v for k, v in properties.items() if whole or k in own}
    if shown:
        lines += ["## Properties", "", *_table(shown, required), ""]
    outputs = schema.get("outputs", {}).get("properties", {})
    if outputs:
        lines += ["## Outputs", "", *_table(outputs, []), ""]
    if spec.aliases:
        lines += ["## Former names", "", *(f"- `{one}`" for one in spec.aliases), ""]
    return "\n".join(lines)


def documentation(backend: Backend, type_name: str, *, whole: bool) -> dict[str, Any]:
    """`DocumentationWithSchema`; with `whole` the properties that all types of this kind have too. `NotFound`."""
    spec = backend.catalog.find(type_name)
    if spec is None:
        raise NotFound(f"plugin '{type_name}'")
    schema = backend.catalog.schema(spec.type)
    text = markdown(spec, schema, whole=whole)
    if not whole:
        declared = schema.get("properties") or {}
        own = {k: v for k, v in (declared.get("properties") or {}).items() if v.get("$group") != "core"}
        schema = {**schema, "properties": {**declared, "properties": own}}
    return {"markdown": text, "schema": schema, "type": spec.type, "title": spec.title}


def schema(backend: Backend, kind: str, *, array: bool) -> dict[str, Any]:
    """JSON schema of `flow`, `task`, `trigger`, … in any case. `NotFound`."""
    name = kind.lower()
    if name == "flow":
        found = backend.catalog.flow_schema()
    elif name in ("task", "trigger"):
        from flowdeck.model.schema import kind_schema

        found = kind_schema(backend.catalog, name)
    elif name == "dashboard":
        from flowdeck.model.schema import dashboard_schema

        found = dashboard_schema(backend.catalog)
    elif name == "plugindefault":
        members = {"type": {"type": "string"}, "forced": {"type": "boolean"}, "values": {"type": "object"}}
        found = {"type": "object", "properties": members, "required": ["type", "values"]}
    elif name in ("template", "apps", "testsuites"):
        found = {"type": "object"}
    else:
        raise NotFound(f"schema '{kind}'")
    return {"type": "array", "items": found} if array else found


def icon(spec: Any) -> dict[str, Any]:
    """`PluginIcon`: the first letter of the type on its kind's colour."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="4" '
        f'fill="{TINTS.get(spec.kind, "#6b7280")}"/><text x="12" y="16.5" font-family="sans-serif" font-size="13" '
        f'text-anchor="middle" fill="#fff">{spec.name[:1]}</text></svg>'
    )
    return {"name": spec.name, "icon": base64.b64encode(svg.encode()).decode(), "flowable": spec.role == "flowable"}


def search(backend: Backend, text: str) -> list[dict[str, Any]]:
    """Types with every word in their name, title, documentation or properties, the nearest first (UI-PL-01)."""
    words = text.lower().split()
    ranked: list[tuple[int, str, dict[str, Any]]] = []
    for spec in backend.catalog.types():
        if spec.kind not in LISTS:
            continue
        name, told = spec.type.lower(), f"{spec.title} {spec.doc}".lower()
        fields = [f.wire if hasattr(f, "wire") else f.name for f in spec.fields]
        met = [one for one in fields if any(word in one.lower() for word in words)]
        properties = " ".join(fields).lower()
        if not all(word in name or word in told or word in properties for word in words):
            continue
        if all(word in spec.name.lower() for word in words):
            rank, why = 0, ""
        elif all(word in name for word in words):
            rank, why = 1, ""
        elif all(word in told or word in name for word in words):
            rank, why = 2, ""
        else:
            rank, why = 3 if words[0] in properties.split() else 4, "property " + ", ".join(met[:3])
        ranked.append((rank, spec.type, compact({"type": spec.type, "kind": LISTS[spec.kind], "why": why or None})))
    return [one for _, _, one in sorted(ranked, key=lambda one: one[:2])]
