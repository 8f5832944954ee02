"""What the documentation panel shows of a plugin: words, properties, outputs and an example (UI-ED-50)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.pages.flows.prose import html_of
from app.words import say
from backend_client import Client

COMMON = ("core", "reliability")
FLOW = "flow"
"""Stands for a type where the page is about the flow itself."""


@dataclass(frozen=True)
class Property:
    """One property of a plugin."""

    name: str = ""
    kind: str = ""
    text: str = ""
    default: str = ""
    required: bool = False


@dataclass(frozen=True)
class Documentation:
    """The page of one plugin, ready to draw."""

    type: str = ""
    name: str = ""
    about: str = ""
    properties: list[Property] = field(default_factory=list)
    common: list[Property] = field(default_factory=list)
    outputs: list[Property] = field(default_factory=list)
    metrics: list[Property] = field(default_factory=list)
    examples: list[dict[str, str]] = field(default_factory=list)
    deprecated: bool = False


def kind_of(schema: Any) -> str:
    """Return a JSON schema's type in words: `string`, `list of task`, `enum`, `expression`."""
    if not isinstance(schema, dict):
        return "any"
    if schema.get("enum"):
        return "enum"
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            words = list(dict.fromkeys(kind_of(one) for one in schema[key]))
            if schema.get("$dynamic") and len(words) > 1 and "string" in words:
                words.remove("string")
            return f" {say('or')} ".join(words[:3])
    kind = schema.get("type")
    if kind == "array":
        return say("list of {items}", items=kind_of(schema.get("items")))
    if isinstance(kind, list):
        return "text" if "string" in kind else " or ".join(str(one) for one in kind)
    if schema.get("format") == "duration":
        return "duration"
    return {"object": "map", None: "any"}.get(kind, str(kind))


def _described(name: str, schema: Any, required: bool) -> Property:
    known = schema if isinstance(schema, dict) else {}
    words = [str(known.get("description") or known.get("title") or "")]
    if known.get("enum"):
        words.append((say("One of") + " ") + ", ".join(str(one) for one in known["enum"]) + ".")
    default = known.get("default")
    return Property(
        name=name,
        kind=kind_of(schema) + (", expression" if known.get("$dynamic") and kind_of(schema) != "expression" else ""),
        text=html_of("\n\n".join(word for word in words if word)),
        default=""
        if default is None or default == ""
        else str(default).lower()
        if isinstance(default, bool)
        else str(default),
        required=required,
    )


def _listed(schema: Any) -> list[Property]:
    known = schema if isinstance(schema, dict) else {}
    required = set(known.get("required") or [])
    found = [_described(str(k), v, k in required) for k, v in (known.get("properties") or {}).items()]
    return sorted(found, key=lambda one: not one.required)


def metrics_of(own: Any) -> list[Property]:
    """Return the metrics that a plugin's schema declares."""
    return [
        Property(
            name=str(one.get("name") or ""), kind=str(one.get("type") or ""), text=html_of(one.get("description") or "")
        )
        for one in (own if isinstance(own, dict) else {}).get("$metrics") or []
        if isinstance(one, dict)
    ]


def flow_documentation(properties: dict[str, Any]) -> Documentation:
    """Read the answer of `GET plugins/properties/flow`: what stands at the top of a flow."""
    first = ("id", "namespace", "tasks")
    rank = {name: n for n, name in enumerate((*first, "inputs", "triggers"))}
    found = [_described(name, schema, name in first) for name, schema in properties.items()]
    current = [one for one in found if one.name not in ("listeners", "taskDefaults")]
    return Documentation(
        type=FLOW,
        name=say("Flow"),
        about=html_of(
            say("What may stand at the top of a flow. Put the cursor into a task or trigger to read about it.")
        ),
        properties=sorted(current, key=lambda one: rank.get(one.name, len(rank))),
    )


def documentation_of(cls: str, answer: dict[str, Any]) -> Documentation:
    """Read the answer of `GET plugins/{cls}`."""
    schema = answer.get("schema") or {}
    own = schema.get("properties") or {}
    groups = {str(k): (v or {}).get("$group") for k, v in (own.get("properties") or {}).items() if isinstance(v, dict)}
    everything = [one for one in _listed(own) if one.name not in ("id", "type")]
    about = str(own.get("description") or own.get("title") or "")
    return Documentation(
        type=cls,
        name=cls.rsplit(".", 1)[-1],
        about=html_of(about),
        properties=[one for one in everything if groups.get(one.name) not in COMMON],
        common=[one for one in everything if groups.get(one.name) in COMMON],
        outputs=_listed(schema.get("outputs")),
        metrics=metrics_of(own),
        examples=[
            {"title": str(one.get("title") or say("Example")), "code": str(one.get("code") or "").rstrip()}
            for one in own.get("$examples") or []
            if isinstance(one, dict)
        ][:6],
        deprecated=bool(own.get("$deprecated")),
    )


async def page_of(api: Client, cls: str) -> Documentation:
    """Ask for the page of a type, or of the flow itself. `ApiError`."""
    if cls == FLOW:
        return flow_documentation(await api.plugins.properties("flow"))
    return documentation_of(cls, await api.plugins.documentation(cls))
