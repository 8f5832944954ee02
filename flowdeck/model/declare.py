"""The declaration kernel: a class with typed fields is validation, JSON schema, form and documentation at once.

```python
class Sleep(Task, type="io.kestra.plugin.core.flow.Sleep"):
    \"\"\"Hold the task run for a fixed time.\"\"\"

    duration: Expr[timedelta] = field(doc="How long to wait.")
```

Subclasses of `Declared` become frozen, slotted records with keyword arguments. Names are snake_case in Python and
camelCase in YAML. Class arguments: `type`, `aliases`, `kind`, `role`, `deprecated`, `process` (see `TypeSpec`). An
inner class `Output` (a `Declared` too) declares outputs, class attributes `examples` and `measures` hold
`Example`s and `MetricSpec`s, the docstring is the documentation.

Hints that fields may have: `str int float bool timedelta datetime date time Any`, `Literal[...]`, string
enumerations, `list[T]`, `dict[str, T]`, `T | None`, unions, `Labels`, another `Declared` without type (nested
object), a base class with a kind (an object with `type`, kept as a plain map), and `Expr[T]` around any of them: an
expression may stand for the value or inside it.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, ClassVar, Generic, NewType, Self, TypeVar, dataclass_transform

from flowdeck.model.coerce import (
    Converter,
    converter_of_scalar,
    list_of,
    map_of,
    one_of,
    optional,
    to_labels,
    to_text,
)
from flowdeck.model.durations import format_duration
from flowdeck.model.shapes import Example, FieldSpec, MetricSpec, Shape, TypeSpec

__all__ = ["Declared", "Example", "Expr", "FieldSpec", "Labels", "MetricSpec", "Shape", "TypeSpec", "camel", "field"]

T = TypeVar("T")
_MISSING: Any = object()

Labels = NewType("Labels", dict)
"""Hint of a property that takes a map or a list of `{key, value}`; its Python value is a dict of texts."""


class Expr(Generic[T]):
    """A dynamic property: the value as written until a run context renders it to a `T`."""

    __slots__ = ("converter", "raw")

    def __init__(self, raw: Any, converter: Converter = to_text) -> None:
        self.raw = raw
        self.converter = converter

    def convert(self, rendered: Any) -> T:
        """The rendered value as `T`; `ConversionError` when it can't be one."""
        return self.converter(rendered)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(repr(self.raw))

    def __repr__(self) -> str:
        return f"Expr({self.raw!r})"


class FieldInfo:
    """What `field()` was told."""

    __slots__ = ("default", "default_factory", "options")

    def __init__(self, default: Any, default_factory: Callable[[], Any] | None, options: dict[str, Any]) -> None:
        self.default = default
        self.default_factory = default_factory
        self.options = options


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    doc: str = "",
    name: str = "",
    aliases: Sequence[str] = (),
    min: float | None = None,
    max: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    enum: Sequence[str] = (),
    secret: bool = False,
    deprecated: str | bool = "",
    dynamic: bool | None = None,
    group: str = "",
    required: bool | None = None,
) -> Any:
    """Describe a field.

    Without `default` and with a hint that excludes None the property is required. `min` and `max` are inclusive;
    `pattern` must match the whole text; `deprecated` says what to use instead; `dynamic` overrides what the hint
    says.
    """
    options = {
        "doc": inspect.cleandoc(doc),
        "name": name,
        "aliases": tuple(aliases),
        "minimum": min,
        "maximum": max,
        "min_length": min_length,
        "max_length": max_length,
        "pattern": pattern,
        "enum": tuple(enum),
        "secret": secret,
        "deprecated": deprecated if isinstance(deprecated, str) else "Deprecated.",
        "dynamic": dynamic,
        "group": group,
        "required": required,
    }
    return FieldInfo(default, default_factory, options)


def camel(name: str) -> str:
    """`pause_duration` → `pauseDuration`; a trailing underscore (`else_`) falls away."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


class _Field:
    """A resolved field of a class."""

    __slots__ = ("converter", "default", "default_factory", "dynamic", "spec")

    def __init__(self, spec: FieldSpec, converter: Converter, info: FieldInfo, dynamic: bool) -> None:
        self.spec = spec
        self.converter = converter
        self.default = info.default
        self.default_factory = info.default_factory
        self.dynamic = dynamic

    def initial(self) -> Any:
        """The value when nothing is given."""
        if self.default_factory is not None:
            value = self.default_factory()
        elif self.default is _MISSING:
            return None
        else:
            value = self.default
        if self.dynamic and value is not None and not isinstance(value, Expr):
            return Expr(value, self.converter)
        return value


def _own_annotations(namespace: Mapping[str, Any]) -> list[str]:
    """Names annotated in a class body, class variables left out."""
    found = namespace.get("__annotations__")
    if found is None and sys.version_info >= (3, 14):
        import annotationlib  # type: ignore[import-not-found]

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        form = annotationlib.Format.FORWARDREF
        found = annotationlib.call_annotate_function(annotate, form) if annotate else {}
    names = []
    for name, hint in (found or {}).items():
        text = hint if isinstance(hint, str) else ""
        if typing.get_origin(hint) is ClassVar or hint is ClassVar or "ClassVar" in text:
            continue
        names.append(name)
    return names


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class DeclaredMeta(type):
    """Turns annotations into slots and keeps the defaults aside."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> DeclaredMeta:
        names = _own_annotations(namespace)
        infos: dict[str, FieldInfo] = {}
        for attribute in names:
            value = namespace.pop(attribute, _MISSING)
            infos[attribute] = value if isinstance(value, FieldInfo) else FieldInfo(value, None, {})
        inherited = {n for base in bases for k in base.__mro__ for n in k.__dict__.get("__slots__", ())}
        namespace.setdefault("__slots__", tuple(n for n in names if n not in inherited))
        namespace["_infos"] = infos
        namespace["_options"] = options
        namespace["_resolved"] = None
        namespace["_spec"] = None
        return super().__new__(mcls, name, bases, namespace)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> None:
        super().__init__(name, bases, namespace)
        cls.declared()

    def declared(cls) -> None:
        """Hook called once for each new subclass."""

    def option(cls, name: str, default: Any = "") -> Any:
        """A class argument, inherited unless it is `type`, `aliases` or `deprecated`."""
        own = name in ("type", "aliases", "deprecated")
        for klass in cls.__mro__[:1] if own else cls.__mro__:
            if name in klass.__dict__.get("_options", {}):
                return klass.__dict__["_options"][name]
        return default

    def fields(cls) -> dict[str, _Field]:
        """Fields by attribute name, base classes first; hints are resolved at the first call."""
        resolved = cls.__dict__["_resolved"]
        if resolved is None:
            resolved = {}
            for klass in reversed(cls.__mro__):
                infos: dict[str, FieldInfo] = klass.__dict__.get("_infos", {})
                if not infos:
                    continue
                hints = typing.get_type_hints(klass, localns=dict(vars(klass)), include_extras=True)
                for attribute, info in infos.items():
                    resolved.pop(attribute, None)
                    resolved[attribute] = _resolve(attribute, hints[attribute], info)
            cls._resolved = resolved
        return resolved

    @property
    def spec(cls) -> TypeSpec:
        """The declaration as data; base classes that state a kind but no type contribute to the catalog instead."""
        found: TypeSpec | None = cls.__dict__["_spec"]
        if found is None:
            shared: set[str] = set()
            for klass in cls.__mro__[1:]:
                options = klass.__dict__.get("_options", {})
                if options.get("shared"):
                    shared |= set(typing.cast(DeclaredMeta, klass).fields())
            own = {
                n
                for k in cls.__mro__
                if not k.__dict__.get("_options", {}).get("shared")
                for n in k.__dict__.get("_infos", {})
            }
            doc = inspect.cleandoc(cls.__doc__ or "")
            output = getattr(cls, "Output", None)
            found = cls._spec = TypeSpec(
                type=cls.option("type"),
                kind=cls.option("kind"),
                role=cls.option("role"),
                aliases=tuple(cls.option("aliases", ())),
                title=doc.partition("\n")[0],
                doc=doc,
                fields=tuple(f.spec for n, f in cls.fields().items() if n in own or n not in shared),
                outputs=tuple(f.spec for f in output.fields().values()) if isinstance(output, DeclaredMeta) else (),
                examples=tuple(getattr(cls, "examples", ())),
                metrics=tuple(getattr(cls, "measures", ())),
                module=f"{cls.__module__}:{cls.__qualname__}",
                deprecated=cls.option("deprecated"),
                process=bool(cls.option("process", False)),
            )
        return found


class Declared(metaclass=DeclaredMeta):
    """Base of everything declared; see the module."""

    def __init__(self, **values: Any) -> None:
        fields = type(self).fields()
        for attribute, known in fields.items():
            if attribute in values:
                value = values.pop(attribute)
                if known.dynamic and value is not None and not isinstance(value, Expr):
                    value = Expr(value, known.converter)
            elif known.spec.required:
                raise TypeError(f"{type(self).__name__}: missing '{attribute}'")
            else:
                value = known.initial()
            object.__setattr__(self, attribute, value)
        if values:
            raise TypeError(f"{type(self).__name__}: unknown {', '.join(values)}")

    @classmethod
    def build(cls, props: Mapping[str, Any]) -> Self:
        """Make a record from a map with YAML names; unknown members are ignored.

        Raises `ConversionError` (a ValueError) that names property and value.
        """
        self = cls.__new__(cls)
        for attribute, known in cls.fields().items():
            spec = known.spec
            raw = props.get(spec.name, _MISSING)
            if raw is _MISSING or raw is None:
                raw = next((props[a] for a in spec.aliases if props.get(a) is not None), _MISSING)
            if raw is _MISSING:
                if spec.required:
                    raise ValueError(f"{spec.name}: must not be null")
                value = known.initial()
            elif known.dynamic:
                value = Expr(raw, known.converter)
            else:
                try:
                    value = known.converter(raw)
                except ValueError as error:
                    raise type(error)(f"{spec.name}: {error}") from None
            object.__setattr__(self, attribute, value)
        return self

    def to_json(self) -> dict[str, Any]:
        """The record as a map with YAML names, absent values left out."""
        out = {}
        for attribute, known in type(self).fields().items():
            if (value := _plain(getattr(self, attribute))) is not None:
                out[known.spec.name] = value
        return out

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, n) == getattr(other, n) for n in type(self).fields())

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        values = ", ".join(
            f"{n}={'***' if f.spec.secret else repr(getattr(self, n, None))}" for n, f in type(self).fields().items()
        )
        return f"{type(self).__name__}({values})"


def _plain(value: Any) -> Any:
    """A field's value as JSON."""
    match value:
        case Expr():
            return _plain(value.raw)
        case Declared():
            return value.to_json()
        case Enum():
            return value.value
        case timedelta():
            return format_duration(round(value.total_seconds() * 1000))
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(v) for v in value]
        case _:
            return value


def _resolve(attribute: str, hint: Any, info: FieldInfo) -> _Field:
    """Field description and converter from a hint."""
    options = dict(info.options)
    hint, nullable = _without_none(hint)
    dynamic = typing.get_origin(hint) is Expr or hint is Expr
    if dynamic:
        hint = (typing.get_args(hint) or (Any,))[0]
        hint, _ = _without_none(hint)
    shape, converter = _shape(hint)
    if options.pop("dynamic", None) or dynamic:
        shape = _as_dynamic(shape)
    if enum := options.pop("enum", ()):
        shape = Shape("enum", values=tuple(enum), dynamic=shape.dynamic)
    required = options.pop("required", None)
    if required is None:
        required = info.default is _MISSING and info.default_factory is None and not nullable
    name = options.pop("name", "") or camel(attribute)
    default = None if info.default is _MISSING else _plain(info.default)
    spec = FieldSpec(name=name, attribute=attribute, shape=shape, required=required, default=default, **options)
    return _Field(spec, converter, info, dynamic)


def _as_dynamic(shape: Shape) -> Shape:
    """The same shape, expressions allowed."""
    return Shape(shape.name, shape.of, shape.options, shape.values, shape.kind, shape.fields, dynamic=True)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """A hint less its None, and whether it had one."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [x for x in typing.get_args(hint) if x is not type(None)]
        if len(rest) < len(typing.get_args(hint)):
            return (rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]), True  # noqa: UP007
    return hint, False


_SCALARS: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    timedelta: "duration",
    datetime: "datetime",
    date: "date",
    time: "time",
    Any: "any",
    object: "any",
}


def _shape(hint: Any) -> tuple[Shape, Converter]:
    """Shape and converter of a hint; `TypeError` for hints that have none."""
    if hint in _SCALARS:
        name = _SCALARS[hint]
        return Shape(name), converter_of_scalar(name)
    if hint is Labels:
        return Shape("labels"), to_labels
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Expr:
        shape, converter = _shape(args[0])
        return _as_dynamic(shape), converter
    if origin is typing.Literal:
        values = tuple(str(x) for x in args)
        return Shape("enum", values=values), one_of(values)
    if origin in (list, tuple, Sequence, set, frozenset) or hint in (list, tuple):
        shape, converter = _shape(args[0]) if args else (Shape("any"), converter_of_scalar("any"))
        return Shape("list", of=shape), list_of(converter)
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        shape, converter = _shape(args[1]) if args else (Shape("any"), converter_of_scalar("any"))
        return Shape("map", of=shape), map_of(converter)
    if origin in (typing.Union, types.UnionType):
        parts = [_shape(x) for x in args if x is not type(None)]
        if len(parts) == 1:
            return parts[0]
        return Shape("union", options=tuple(s for s, _ in parts)), optional([c for _, c in parts])
    if isinstance(hint, DeclaredMeta):
        if hint.option("kind") and not hint.option("type"):
            return Shape("plugin", kind=hint.option("kind")), converter_of_scalar("any")
        fields = tuple(f.spec for f in hint.fields().values())
        return Shape("object", fields=fields), typing.cast("type[Declared]", hint).build
    if isinstance(hint, type) and issubclass(hint, Enum):
        values = tuple(str(x.value) for x in hint)
        return Shape("enum", values=values), one_of(values, hint)
    raise TypeError(f"no shape for the hint {hint!r}")
