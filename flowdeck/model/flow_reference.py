"""Prints the properties of flows and inputs as Markdown: `python -m flowdeck.model.flow_reference`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from flowdeck.model.declare import Declared
from flowdeck.model.flow_properties import Check, ConcurrencyLimit, FlowProperties, Listener, PluginDefault, Sla
from flowdeck.model.input_types import INPUT_TYPES, DependsOn, FlowOutput, InputBase
from flowdeck.model.shapes import FieldSpec

_PARTS: tuple[tuple[str, type[Declared]], ...] = (
    ("concurrency", ConcurrencyLimit),
    ("sla[]", Sla),
    ("checks[]", Check),
    ("pluginDefaults[]", PluginDefault),
    ("listeners[]", Listener),
    ("outputs[]", FlowOutput),
    ("inputs[], all types", InputBase),
    ("inputs[].dependsOn", DependsOn),
)


def _limits(field: FieldSpec) -> str:
    parts: list[str] = []
    if field.pattern:
        parts.append(f"must match `{field.pattern}`")
    if field.minimum is not None:
        parts.append(f"at least {field.minimum:g}")
    if field.maximum is not None:
        parts.append(f"at most {field.maximum:g}")
    if field.max_length is not None:
        parts.append(f"at most {field.max_length} characters")
    elif field.min_length:
        parts.append("not empty")
    return f" ({', '.join(parts)})" if parts else ""


def _row(field: FieldSpec) -> str:
    default = "required" if field.required else "" if field.default is None else f"`{json.dumps(field.default)}`"
    text = field.doc + _limits(field)
    if field.deprecated:
        text += f" Deprecated: {field.deprecated}"
    if field.aliases:
        text += f" Former names: {', '.join(f'`{name}`' for name in field.aliases)}."
    kind = field.shape.title + (", expression" if field.shape.dynamic else "")
    return f"| `{field.name}` | {kind} | {default} | {text} |"


def _table(title: str, fields: Iterable[FieldSpec], doc: str = "") -> list[str]:
    lines = [f"## {title}", ""]
    if doc:
        lines += [doc, ""]
    lines += ["| Property | Type | Default | Meaning |", "|---|---|---|---|"]
    return [*lines, *(_row(field) for field in fields), ""]


def markdown() -> str:
    """The whole reference."""
    lines = [
        "# Flows",
        "",
        "Written by `python -m flowdeck.model.flow_reference`; change the code, not this page. How the parts work",
        "together: [Flows, inputs and what guards them](../explanation/flows.md). Properties of tasks and triggers",
        "stand in the documentation of their types.",
        "",
    ]
    lines += _table("A flow", (f.spec for f in FlowProperties.fields().values()))
    for title, declared in _PARTS:
        lines += _table(title, (f.spec for f in declared.fields().values()), (declared.__doc__ or "").strip())
    shared = set(InputBase.fields())
    lines += ["## Types of inputs", "", "| Type | Value | Own properties |", "|---|---|---|"]
    for declared in INPUT_TYPES:
        spec = declared.spec
        names = ", ".join(f"`{f.spec.name}`" for n, f in declared.fields().items() if n not in shared)
        note = f" Deprecated: {spec.deprecated}" if spec.deprecated else ""
        also = f" Also `{'`, `'.join(spec.aliases)}`." if spec.aliases else ""
        lines.append(f"| `{spec.type}` | {(declared.__doc__ or '').strip()}{also}{note} | {names} |")
    return "\n".join([*lines, ""]).rstrip() + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown())
