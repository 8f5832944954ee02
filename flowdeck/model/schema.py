"""JSON schemas for editors, forms and documentation, made from declarations (draft 7).

The schema of a flow lists all values of `type` and, by `if`/`then` on that value, the properties of the type. It
describes and completes; whether a source is valid says `model.source` alone, so nothing here is stricter than it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowdeck.model.dashboards import DashboardProperties
from flowdeck.model.flow_properties import FlowProperties
from flowdeck.model.shapes import FieldSpec, Shape, TypeSpec

if TYPE_CHECKING:
    from flowdeck.model.catalog import Catalog

_DRAFT = "http://json-schema.org/draft-07/schema#"
_CHARTS = ("chart", "data")
_KINDS = ("task", "trigger", "condition", "runner", "input", "retry")
_FORMATS = {"duration": "duration", "datetime": "date-time", "date": "date", "time": "time"}
_TYPES = {"text": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def flow_schema(catalog: Catalog) -> dict[str, Any]:
    """Schema of a whole flow."""
    body = _properties(tuple(f.spec for f in FlowProperties.fields().values()))
    hidden = ("tenantId", "revision", "deleted")
    body["properties"] = {k: v for k, v in body["properties"].items() if k not in hidden}
    return {
        "$schema": _DRAFT,
        "title": "Flow",
        "type": "object",
        **body,
        "additionalProperties": False,
        "definitions": _definitions(catalog),
    }


def dashboard_schema(catalog: Catalog) -> dict[str, Any]:
    """Schema of a whole dashboard."""
    hidden = ("tenantId", "deleted", "created", "updated", "sourceCode")
    fields = tuple(f.spec for f in DashboardProperties.fields().values() if f.spec.name not in hidden)
    return {
        "$schema": _DRAFT,
        "title": "Dashboard",
        "type": "object",
        **_properties(fields),
        "additionalProperties": False,
        "definitions": _definitions(catalog, _CHARTS),
    }


def kind_schema(catalog: Catalog, kind: str) -> dict[str, Any]:
    """Schema of any object of one kind, such as a task."""
    return {"$schema": _DRAFT, "$ref": f"#/definitions/{kind}", "definitions": _definitions(catalog)}


def type_schema(catalog: Catalog, spec: TypeSpec, shared: bool = True) -> dict[str, Any]:
    """Schema of one type: `{properties, outputs, definitions}`, each of the first two an object schema.

    `shared` adds the properties that all types of the kind have.
    """
    fields = tuple(dict.fromkeys(catalog.fields(spec).values())) if shared else spec.fields
    used: dict[str, Any] = {}
    properties: dict[str, Any] = {"type": "object", "title": spec.title, **_properties(fields)}
    if spec.doc:
        properties["description"] = spec.doc
    if spec.examples:
        properties["$examples"] = [
            {"title": x.title, "code": x.code, "full": x.full, "lang": "yaml"} for x in spec.examples
        ]
    if spec.metrics:
        properties["$metrics"] = [{"name": x.name, "type": x.kind, "description": x.doc} for x in spec.metrics]
    if spec.deprecated:
        properties["$deprecated"] = True
    for kind in (*_KINDS, *_CHARTS):
        used[kind] = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
    return {
        "properties": properties,
        "outputs": {"type": "object", **_properties(spec.outputs)},
        "definitions": used,
    }


def _definitions(catalog: Catalog, kinds: Sequence[str] = _KINDS) -> dict[str, Any]:
    """One definition a kind, one a type."""
    out: dict[str, Any] = {}
    for kind in kinds:
        specs = catalog.types(kind)
        shared = _properties(catalog.shared(kind))
        names = [spec.type for spec in specs]
        if kind == "trigger" or kind == "task":
            names.sort(key=lambda name: (not name.startswith("io.kestra.plugin.core."), name))
        by_name = {spec.type: spec for spec in specs}
        shared["properties"]["type"] = {
            "description": shared["properties"].get("type", {}).get("description", ""),
            "anyOf": [
                {"type": "string", "enum": names, "markdownEnumDescriptions": [by_name[n].title for n in names]},
                {"type": "string"},
            ]
            if names
            else [{"type": "string"}],
        }
        shared["required"] = [name for name in shared.get("required", ["type"]) if name in ("id", "type")]
        branches = []
        for spec in specs:
            key = f"{kind}:{spec.type}"
            own = _properties(spec.fields)
            own["title"] = spec.type
            own["description"] = spec.doc
            if spec.deprecated:
                own["deprecationMessage"] = spec.deprecated
            out[key] = own
            branches.append(
                {
                    "if": {"properties": {"type": {"const": spec.type}}, "required": ["type"]},
                    "then": {"$ref": f"#/definitions/{key}"},
                }
            )
        out[kind] = {"type": "object", **shared, "allOf": branches} if branches else {"type": "object", **shared}
    return out


def _properties(fields: tuple[FieldSpec, ...]) -> dict[str, Any]:
    """`properties` and `required` of an object."""
    body: dict[str, Any] = {"properties": {field.name: field_schema(field) for field in fields}}
    required = [field.name for field in fields if field.required]
    if required:
        body["required"] = required
    return body


def field_schema(field: FieldSpec) -> dict[str, Any]:
    """Schema of one property."""
    out = shape_schema(field.shape)
    if field.doc:
        out["description"] = field.doc
    if field.default is not None:
        out["default"] = field.default
    if field.deprecated:
        out["deprecationMessage"] = field.deprecated
        out["$deprecated"] = True
    target = out["anyOf"][0] if "anyOf" in out and field.shape.dynamic else out
    limits = {
        "minimum": field.minimum,
        "maximum": field.maximum,
        "maxLength": field.max_length,
        "pattern": field.pattern,
    }
    if field.min_length is not None:
        limits["minItems" if field.shape.name == "list" else "minLength"] = field.min_length
    target.update((name, value) for name, value in limits.items() if value is not None)
    if field.group:
        out["$group"] = field.group
    if field.shape.dynamic:
        out["$dynamic"] = True
    if field.secret:
        out["$secret"] = True
    return out


def shape_schema(shape: Shape) -> dict[str, Any]:
    """Schema of a value; a dynamic one may also be a text."""
    plain = _static(shape)
    if shape.dynamic and plain.get("type") != "string" and plain:
        return {"anyOf": [plain, {"type": "string"}]}
    if shape.dynamic and ("enum" in plain or "format" in plain):
        return {"anyOf": [plain, {"type": "string"}]}
    return plain


def _static(shape: Shape) -> dict[str, Any]:
    match shape.name:
        case "text":
            return {"type": ["string", "number", "boolean"]} if not shape.dynamic else {"type": "string"}
        case "any":
            return {}
        case "integer" | "number" | "boolean":
            return {"type": _TYPES[shape.name]}
        case "duration" | "datetime" | "date" | "time":
            return {"type": "string", "format": _FORMATS[shape.name]}
        case "enum":
            return {"type": "string", "enum": list(shape.values)}
        case "list":
            return {"type": "array", "items": shape_schema(_inherit(shape.of, shape))}
        case "map":
            return {"type": "object", "additionalProperties": shape_schema(_inherit(shape.of, shape))}
        case "object":
            return {"type": "object", **_properties(shape.fields), "additionalProperties": False}
        case "plugin":
            return {"$ref": f"#/definitions/{shape.kind}"}
        case "labels":
            pair = {
                "type": "object",
                "required": ["key", "value"],
                "properties": {"key": {"type": "string"}, "value": {"type": ["string", "number", "boolean"]}},
            }
            values = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
            return {"anyOf": [values, {"type": "array", "items": pair}]}
        case "union":
            return {"anyOf": [shape_schema(_inherit(option, shape)) for option in shape.options]}
    return {}


def _inherit(inner: Shape | None, outer: Shape) -> Shape:
    """Inside a dynamic value everything is dynamic."""
    inner = inner or Shape("any")
    if outer.dynamic and not inner.dynamic:
        return Shape(inner.name, inner.of, inner.options, inner.values, inner.kind, inner.fields, dynamic=True)
    return inner
