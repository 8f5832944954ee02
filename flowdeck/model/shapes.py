"""What a declaration says, as plain data: shapes of values, fields, types (spec: design law 9).

Shapes are made from type hints by `model.declare`, travel as JSON in the plugin index, and are all that validation,
JSON schema and documentation read; whoever holds a `TypeSpec` need not import the plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCALARS = frozenset({"text", "integer", "number", "boolean", "duration", "datetime", "date", "time", "any"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a value.

    `name` is one of `SCALARS` or `enum` (`values`), `list` and `map` (`of`), `object` (`fields`), `union`
    (`options`), `plugin` (an object with a `type` of the given `kind`), `labels` (map or list of key and value).
    `dynamic`: an expression may stand for the value or for any scalar inside it.
    """

    name: str
    of: Shape | None = None
    options: tuple[Shape, ...] = ()
    values: tuple[str, ...] = ()
    kind: str = ""
    fields: tuple[FieldSpec, ...] = ()
    dynamic: bool = False

    @property
    def title(self) -> str:
        """How messages and documentation call it: `list of integer`."""
        match self.name:
            case "list" | "map" if self.of is not None:
                return f"{self.name} of {self.of.title}"
            case "union":
                return " or ".join(dict.fromkeys(option.title for option in self.options))
            case "enum":
                return "one of " + ", ".join(self.values)
            case "plugin":
                return self.kind
            case name:
                return name

    def to_json(self) -> Any:
        """Compact JSON: a bare name for a static scalar, else an object without empty members."""
        if self.name in SCALARS and not self.dynamic:
            return self.name
        out: dict[str, Any] = {"name": self.name}
        if self.of is not None:
            out["of"] = self.of.to_json()
        if self.options:
            out["options"] = [option.to_json() for option in self.options]
        if self.values:
            out["values"] = list(self.values)
        if self.kind:
            out["kind"] = self.kind
        if self.fields:
            out["fields"] = [spec.to_json() for spec in self.fields]
        if self.dynamic:
            out["dynamic"] = True
        return out

    @staticmethod
    def from_json(data: Any) -> Shape:
        """Inverse of `to_json`."""
        if isinstance(data, str):
            return Shape(data)
        return Shape(
            name=data["name"],
            of=Shape.from_json(data["of"]) if "of" in data else None,
            options=tuple(Shape.from_json(x) for x in data.get("options", ())),
            values=tuple(data.get("values", ())),
            kind=data.get("kind", ""),
            fields=tuple(FieldSpec.from_json(x) for x in data.get("fields", ())),
            dynamic=bool(data.get("dynamic", False)),
        )


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One property: `name` as in YAML (camelCase), `attribute` as in Python."""

    name: str
    attribute: str
    shape: Shape
    required: bool = False
    default: Any = None  # JSON; None = none
    doc: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    secret: bool = False
    deprecated: str = ""  # what to use instead
    aliases: tuple[str, ...] = ()  # former names, accepted and reported
    group: str = ""  # heading in forms and documentation

    def to_json(self) -> dict[str, Any]:
        """JSON without empty members."""
        out: dict[str, Any] = {"name": self.name, "attribute": self.attribute, "shape": self.shape.to_json()}
        for key in ("required", "doc", "secret", "deprecated", "group", "pattern"):
            if value := getattr(self, key):
                out[key] = value
        for key in ("default", "minimum", "maximum", "min_length", "max_length"):
            if (value := getattr(self, key)) is not None:
                out[key] = value
        if self.aliases:
            out["aliases"] = list(self.aliases)
        return out

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> FieldSpec:
        """Inverse of `to_json`."""
        rest = {k: v for k, v in data.items() if k not in ("shape", "aliases")}
        return FieldSpec(shape=Shape.from_json(data["shape"]), aliases=tuple(data.get("aliases", ())), **rest)


@dataclass(frozen=True, slots=True)
class Example:
    """A YAML example; `full` = a whole flow that can be run."""

    title: str
    code: str
    full: bool = True


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric that a task publishes; `kind` is counter or timer."""

    name: str
    doc: str
    kind: str = "counter"


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """One declared type.

    `kind`: task, trigger, condition, runner, input, retry, …. `role` says who carries it out: for tasks a
    `TaskKind` value, for triggers schedule, polling, realtime, flow or webhook. `fields` are its own ones; those
    that all types of the kind share are added by the catalog. `process`: an attempt occupies a process credit of a
    worker.
    """

    type: str
    kind: str
    role: str = ""
    aliases: tuple[str, ...] = ()
    title: str = ""
    doc: str = ""
    fields: tuple[FieldSpec, ...] = ()
    outputs: tuple[FieldSpec, ...] = ()
    examples: tuple[Example, ...] = ()
    metrics: tuple[MetricSpec, ...] = ()
    module: str = ""  # "package.module:Class"
    deprecated: str = ""
    process: bool = False

    @property
    def name(self) -> str:
        """Last part of the type."""
        return self.type.rpartition(".")[2]

    def to_json(self) -> dict[str, Any]:
        """JSON of the plugin index."""
        out: dict[str, Any] = {"type": self.type, "kind": self.kind}
        for key in ("role", "title", "doc", "module", "deprecated", "process"):
            if value := getattr(self, key):
                out[key] = value
        if self.aliases:
            out["aliases"] = list(self.aliases)
        if self.fields:
            out["fields"] = [spec.to_json() for spec in self.fields]
        if self.outputs:
            out["outputs"] = [spec.to_json() for spec in self.outputs]
        if self.examples:
            out["examples"] = [{"title": x.title, "code": x.code, "full": x.full} for x in self.examples]
        if self.metrics:
            out["metrics"] = [{"name": x.name, "doc": x.doc, "kind": x.kind} for x in self.metrics]
        return out

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> TypeSpec:
        """Inverse of `to_json`."""
        lists = ("aliases", "fields", "outputs", "examples", "metrics")
        rest = {k: v for k, v in data.items() if k not in lists}
        return TypeSpec(
            aliases=tuple(data.get("aliases", ())),
            fields=tuple(FieldSpec.from_json(x) for x in data.get("fields", ())),
            outputs=tuple(FieldSpec.from_json(x) for x in data.get("outputs", ())),
            examples=tuple(Example(**x) for x in data.get("examples", ())),
            metrics=tuple(MetricSpec(**x) for x in data.get("metrics", ())),
            **rest,
        )
