"""Validation of YAML nodes against declared shapes, with positions (spec: workflow components §2.2, §2.3)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flowdeck.model import coerce
from flowdeck.model.catalog import Catalog
from flowdeck.model.durations import is_duration
from flowdeck.model.expression_check import check_expression
from flowdeck.model.findings import Finding, Severity
from flowdeck.model.labels import KEY_PATTERN, is_key
from flowdeck.model.plugin_defaults import PluginDefaults
from flowdeck.model.shapes import FieldSpec, Shape, TypeSpec
from flowdeck.model.yaml_tree import MAX_DEPTH, has_tag, is_null, resolve

_WORDS = {
    "text": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean (true or false)",
    "duration": "an ISO-8601 duration such as PT30S",
    "datetime": "a date and time such as 2042-04-02T04:20:42Z",
    "date": "a date such as 2042-12-03",
    "time": "a time such as 10:15:30",
    "list": "a list",
    "map": "a map",
    "object": "a map",
    "labels": "labels (a map, or a list of key and value)",
}
_PRIMITIVE = frozenset({"boolean", "integer", "number"})
"""Shapes whose static properties with a default take no null (spec: core plugins §0)."""
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")


MAX_FINDINGS = 300
"""Most errors, and most hints, that one source is told about."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What is known about a validated object with a `type`."""

    spec: TypeSpec
    path: str
    line: int
    value: dict[str, Any]


class _Stop(Exception):
    """Too much to look at: the source grows by aliases."""


@lru_cache(maxsize=256)
def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Checker:
    """Turns nodes into plain values and gathers findings.

    Attributes:
        findings: what was found, in the order of the source.
        typed: by `id()` of the value, the objects that have a type; they live as long as the result does.
        nodes: position by JSON path.
    """

    def __init__(
        self, source: str, catalog: Catalog, *, strict: bool = True, defaults: PluginDefaults | None = None
    ) -> None:
        """`strict` False ignores unknown properties and skips all that is advice; `defaults` count for required
        properties.
        """
        self.source = source
        self.catalog = catalog
        self.strict = strict
        self.defaults = defaults
        self.findings: list[Finding] = []
        self.typed: dict[int, Typed] = {}
        self.nodes: dict[str, Node] = {}
        self._reported: set[str] = set()
        self._errors = 0
        self._hints = 0
        self._budget = len(source) + 10_000
        self._depth = 0

    # ---- findings

    def report(
        self, message: str, path: str, node: Node | None, rule: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Add a finding about a node; beyond `MAX_FINDINGS` errors, or as many hints, more of them are left out."""
        self._reported.add(path)
        if severity is Severity.ERROR:
            self._errors += 1
        else:
            self._hints += 1
        if self._full(severity):
            return
        if node is None:
            self.findings.append(Finding(severity, message, path, rule=rule))
            return
        start, end = node.start_mark, node.end_mark
        line, column = end.line + 1, end.column + 1
        if line > start.line + 1 and not isinstance(node, ScalarNode):
            line, column = start.line + 1, start.column + 2
        self.findings.append(Finding(severity, message, path, start.line + 1, start.column + 1, line, column, rule))

    def _full(self, severity: Severity = Severity.ERROR) -> bool:
        return (self._errors if severity is Severity.ERROR else self._hints) > MAX_FINDINGS

    def at(self, path: str) -> Node | None:
        """Node of a path, or of its nearest parent."""
        while path and path not in self.nodes:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.nodes.get(path)

    # ---- entry

    def check_root(self, node: Node | None, fields: Mapping[str, FieldSpec], title: str) -> dict[str, Any]:
        """Validate a whole document as an object with the given properties."""
        if node is None:
            self.report("Illegal flow yaml: the document is empty", "yaml", None, "yaml")
            return {}
        self.nodes[""] = node
        try:
            if not isinstance(node, MappingNode):
                self._mismatch(node, "", Shape("object"))
                return {}
            return self._object(node, fields, "", title, None)
        except _Stop:
            self.report("Illegal flow yaml: aliases make the document too large", "yaml", node, "alias-bomb")
            return {}

    # ---- walking

    def value(self, node: Node, shape: Shape, path: str, dynamic: bool = False) -> Any:
        """Value of a node that shall have a shape; None when it is null or was reported."""
        self._budget -= 1
        if self._budget < 0:
            raise _Stop
        if has_tag(node):
            self.report(f"tag '{node.tag}' is not allowed", path, node, "yaml-tag")
            return None
        if is_null(node):
            return None
        if self._depth > MAX_DEPTH:
            self.report(f"nesting is deeper than {MAX_DEPTH}", path, node, "depth")
            return None
        self._depth += 1
        try:
            return self._dispatch(node, shape, path, dynamic or shape.dynamic)
        finally:
            self._depth -= 1

    def _dispatch(self, node: Node, shape: Shape, path: str, dynamic: bool) -> Any:
        name = shape.name
        if isinstance(node, ScalarNode):
            return self._scalar(node, shape, path, dynamic)
        if name == "any":
            return self._untyped(node, path, dynamic)
        if name == "list" and isinstance(node, SequenceNode):
            assert shape.of is not None
            return self._list(node, shape.of, path, dynamic)
        if name == "union" and (option := _option_for(node, shape)) is not shape:
            return self._dispatch(node, option, path, dynamic)
        if name == "labels":
            return self._labels(node, path, dynamic)
        if isinstance(node, MappingNode):
            match name:
                case "map":
                    assert shape.of is not None
                    return self._map(node, shape.of, path, dynamic)
                case "object":
                    return self._object(node, _by_name(shape.fields), path, "", None)
                case "plugin":
                    return self._plugin(node, shape.kind, path)
        self._mismatch(node, path, shape)
        return None

    def _mismatch(self, node: Node, path: str, shape: Shape) -> None:
        named = [_WORDS.get(o.name) or f"a {o.title}" for o in (shape.options if shape.name == "union" else (shape,))]
        expected = " or ".join(dict.fromkeys(named))
        if isinstance(node, ScalarNode):
            shown = node.value if len(node.value) <= 80 else node.value[:77] + "..."
            got = f"from '{shown}'"
        else:
            got = "from a list" if isinstance(node, SequenceNode) else "from a map"
        last = path.rpartition(".")[2] or "flow"
        self.report(
            f"Cannot deserialize value of type `{shape.title}` {got}: '{last}' must be {expected}", path, node, "type"
        )

    def _scalar(self, node: ScalarNode, shape: Shape, path: str, dynamic: bool) -> Any:
        text: str = node.value
        if dynamic and "{" in text and ("{{" in text or "{%" in text):
            self._expression(node, path)
            return text
        name = shape.name
        match name:
            case "text":
                return text
            case "any":
                return resolve(node)
            case "boolean":
                lower = text.lower()
                if lower in ("true", "false"):
                    return lower == "true"
                if not node.style and isinstance(found := resolve(node), bool):
                    return found
            case "integer":
                if _INTEGER.fullmatch(text):
                    return int(text)
            case "number":
                if _NUMBER.fullmatch(text):
                    return int(text) if _INTEGER.fullmatch(text) else float(text)
            case "duration":
                if is_duration(text):
                    return text
            case "datetime" | "date" | "time":
                try:
                    coerce.converter_of_scalar(name)(text)
                    return text
                except ValueError:
                    pass
            case "enum":
                if text in shape.values:
                    return text
                if text.upper() in shape.values:
                    return text.upper()
                self._not_in(node, path, shape.values)
                return None
            case "union":
                return self._union_scalar(node, shape, path, dynamic)
            case "list" | "map" | "labels" if dynamic and text.lstrip()[:1] in ("[", "{"):
                return text
        self._mismatch(node, path, shape)
        return None

    def _not_in(self, node: ScalarNode, path: str, values: Sequence[str]) -> None:
        near = () if self._full() else difflib.get_close_matches(node.value.upper()[:100], values, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        last = path.rpartition(".")[2]
        self.report(
            f"Cannot deserialize value of type `enum` from '{node.value[:80]}': '{last}' must be one of "
            f"{', '.join(values)}{hint}",
            path,
            node,
            "enum",
        )

    def _union_scalar(self, node: ScalarNode, shape: Shape, path: str, dynamic: bool) -> Any:
        """First option that takes the scalar, text last."""
        options = sorted(shape.options, key=lambda o: o.name in ("text", "any"))
        kept, errors, told = len(self.findings), self._errors, path in self._reported
        for option in options:
            found = self._scalar(node, option, path, dynamic)
            if self._errors == errors:
                return found
            del self.findings[kept:]
            self._errors = errors
            if not told:
                self._reported.discard(path)
        self._mismatch(node, path, shape)
        return None

    def _expression(self, node: ScalarNode, path: str) -> None:
        if not self.strict:
            return
        for finding in check_expression(node, path, self.source):
            if finding.severity is Severity.ERROR:
                self._errors += 1
            else:
                self._hints += 1
            if not self._full(finding.severity):
                self.findings.append(finding)

    def _untyped(self, node: Node, path: str, dynamic: bool) -> Any:
        if isinstance(node, SequenceNode):
            return self._list(node, Shape("any"), path, dynamic)
        assert isinstance(node, MappingNode)
        return self._map(node, Shape("any"), path, dynamic)

    def _list(self, node: SequenceNode, of: Shape, path: str, dynamic: bool) -> list[Any]:
        out = []
        objects = of.name in ("plugin", "object")
        for number, item in enumerate(node.value):
            place = f"{path}[{number}]"
            self.nodes[place] = item
            found = self.value(item, of, place, dynamic)
            if found is None and objects:
                if is_null(item):
                    self.report("must not be null", place, item, "required")
                continue
            out.append(found)
        return out

    def _members(self, node: MappingNode, path: str) -> Iterable[tuple[str, ScalarNode, Node]]:
        """Members of a map with text keys; other keys and repeated ones are reported."""
        seen: set[str] = set()
        for key, member in node.value:
            if not isinstance(key, ScalarNode):
                self.report("keys must be texts", path, key, "key")
                continue
            name = key.value
            if name in seen:
                place = f"(line {key.start_mark.line + 1}, column {key.start_mark.column + 1})"
                text = f"Illegal flow yaml: Duplicate field '{name}' {place}"
                self.report(text, path or "yaml", key, "duplicate-key")
                continue
            seen.add(name)
            yield name, key, member

    def _map(self, node: MappingNode, of: Shape, path: str, dynamic: bool) -> dict[str, Any]:
        out = {}
        for name, key, member in self._members(node, path):
            place = f"{path}.{name}" if path else name
            self.nodes[place] = key
            if dynamic and "{{" in name:
                self._expression(key, place)
            out[name] = self.value(member, of, place, dynamic)
        return out

    def _labels(self, node: Node, path: str, dynamic: bool) -> list[dict[str, str]] | None:
        """Labels in their wire form; a map and a list of key and value are accepted."""
        pairs: list[tuple[str, Node, Node]] = []
        if isinstance(node, MappingNode):
            pairs = list(self._members(node, path))
        elif isinstance(node, SequenceNode):
            for number, item in enumerate(node.value):
                members = (
                    {name: (key, m) for name, key, m in self._members(item, path)}
                    if isinstance(item, MappingNode)
                    else {}
                )
                if set(members) != {"key", "value"} or not isinstance(members["key"][1], ScalarNode):
                    self.report("a label is a map with key and value", f"{path}[{number}]", item, "label")
                    continue
                pairs.append((members["key"][1].value, members["key"][1], members["value"][1]))
        else:
            self._mismatch(node, path, Shape("labels"))
            return None
        out: dict[str, str] = {}
        for name, key, member in pairs:
            place = f"{path}.{name}"
            self.nodes[place] = key
            if not name or (not is_key(name) and "{{" not in name):
                self.report(f"label key '{name}' must match \"{KEY_PATTERN}\"", place, key, "label-key")
            if not isinstance(member, ScalarNode):
                self.report(f"the value of label '{name}' must be a text", place, member, "label-value")
                continue
            text = member.value
            if is_null(member) or not text:
                self.report(f"the value of label '{name}' must not be empty", place, key, "label-value")
                continue
            if dynamic and ("{{" in text or "{%" in text):
                self._expression(member, place)
            out[name] = text
        return [{"key": k, "value": v} for k, v in out.items()]

    def _object(
        self, node: MappingNode, fields: Mapping[str, FieldSpec], path: str, title: str, spec: TypeSpec | None
    ) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, key, member in self._members(node, path):
            field = fields.get(name)
            place = f"{path}.{name}" if path else name
            self.nodes[place] = key if not isinstance(member, ScalarNode) else member
            if field is None:
                if self.strict:
                    self._unknown(name, key, fields, path, title)
                continue
            if self.strict and (field.deprecated or field.name != name):
                instead = field.deprecated or f"Use {field.name}."
                self.report(f"'{name}' is deprecated. {instead}", place, key, "deprecated", Severity.DEPRECATION)
            found = self.value(member, field.shape, place)
            if found is None:
                if self.strict and field.shape.name in _PRIMITIVE and field.default is not None and is_null(member):
                    self.report(f"Cannot map `null` into type `{field.shape.name}`", place, member, "null")
                continue
            if field.name != name and field.name in out:
                continue
            self._limits(field, found, member, place)
            out[field.name] = found
        ref = out.get("pluginDefaultsRef")
        given = self.defaults.names(spec.type, spec.aliases, ref) if self.defaults and spec else ()
        for name, field in fields.items():
            if field.required and name == field.name and name not in out and name not in given:
                place = f"{path}.{name}" if path else name
                if place not in self._reported and f"{place}.type" not in self._reported:
                    self.report("must not be null", place, self.nodes.get(place, node), "required")
        return out

    def _unknown(self, name: str, key: ScalarNode, fields: Mapping[str, FieldSpec], path: str, title: str) -> None:
        if self._full():
            return
        known = sorted({field.name for field in fields.values()})
        near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        on = f" on type {title}" if title else ""
        self.report(
            f'Unrecognized field "{name[:200]}"{on} (known properties: {", ".join(known)}).{hint}',
            path,
            key,
            "unknown-property",
        )

    def _limits(self, field: FieldSpec, found: Any, node: Node, path: str) -> None:
        """Range, length and pattern of one property."""
        if isinstance(found, bool):
            return
        if isinstance(found, int | float):
            if field.minimum is not None and found < field.minimum:
                self.report(f"must be greater than or equal to {_number(field.minimum)}", path, node, "min")
            if field.maximum is not None and found > field.maximum:
                self.report(f"must be less than or equal to {_number(field.maximum)}", path, node, "max")
        elif isinstance(found, str):
            if field.pattern and not _whole(field.pattern).fullmatch(found):
                self.report(f'must match "{field.pattern}"', path, node, "pattern")
            low, high = field.min_length or 0, field.max_length
            if high is not None and len(found) > high:
                if not path.startswith("triggers") and path.endswith(".id") and high == 256:
                    self.report("Task id must be at most 256 characters", path, node, "length")
                else:
                    self.report(f"length must be between {low} and {high}", path, node, "length")
            elif len(found) < low:
                self.report("must not be empty", path, node, "length")
        elif isinstance(found, list | dict) and field.min_length and len(found) < field.min_length:
            items = node.value if isinstance(node, SequenceNode | MappingNode) else ()
            if len(items) < field.min_length:
                self.report("must not be empty", path, node, "length")

    def _plugin(self, node: MappingNode, kind: str, path: str) -> Any:
        """An object whose properties its `type` decides."""
        type_node = next(
            (member for key, member in node.value if isinstance(key, ScalarNode) and key.value == "type"), None
        )
        place = f"{path}.type"
        if type_node is None or is_null(type_node):
            self.report("must not be null", place, type_node or node, "required")
            return None
        if not isinstance(type_node, ScalarNode):
            self._mismatch(type_node, place, Shape("text"))
            return None
        name = type_node.value
        spec = self.catalog.find(name, kind)
        if spec is None:
            self._unknown_type(name, kind, type_node, place)
            return None
        fields = self.catalog.fields(spec)
        if self.strict:
            if name != spec.type:
                self.report(f"{name} is replaced by {spec.type}", place, type_node, "alias", Severity.INFO)
            if spec.deprecated:
                self.report(
                    f"{spec.type} is deprecated. {spec.deprecated}",
                    place,
                    type_node,
                    "deprecated",
                    Severity.DEPRECATION,
                )
        out = self._object(node, fields, path, name, spec)
        out["type"] = name
        self.typed[id(out)] = Typed(spec, path, node.start_mark.line + 1, out)
        return out

    def _unknown_type(self, name: str, kind: str, node: Node, place: str) -> None:
        self.report(f"Invalid type: {name[:200]}", place, node, "unknown-type")
        if self._full():
            return
        name = name[:200]
        other = self.catalog.find(name)
        near = self.catalog.nearest(name, kind) if other is None else None
        if other is not None:
            more = f"it is a {other.kind}, here stands a {kind}"
        elif kind in ("input", "retry"):
            more = "known are " + ", ".join(s.type for s in self.catalog.types(kind))
        else:
            more = f"no {kind} of that type is installed" + (f"; did you mean {near}?" if near else "")
        self.report(f"Could not resolve type id '{name}': {more}", place, node, "unknown-type")


def _option_for(node: Node, shape: Shape) -> Shape:
    """The option of a union that fits the kind of a list or map node."""
    wanted = (
        ("list", "labels", "any") if isinstance(node, SequenceNode) else ("plugin", "object", "map", "labels", "any")
    )
    for name in wanted:
        for option in shape.options:
            if option.name == name:
                return option
    return shape


_NAMES: dict[int, tuple[tuple[FieldSpec, ...], Mapping[str, FieldSpec]]] = {}


def _by_name(fields: tuple[FieldSpec, ...]) -> Mapping[str, FieldSpec]:
    """Properties of a nested object by YAML name, former names included; remembered by identity of the declaration."""
    entry = _NAMES.get(id(fields))
    if entry is not None and entry[0] is fields:
        return entry[1]
    names: dict[str, FieldSpec] = {}
    for field in fields:
        names[field.name] = field
        for alias in field.aliases:
            names.setdefault(alias, field)
    if len(_NAMES) > 4096:
        _NAMES.clear()
    _NAMES[id(fields)] = (fields, names)
    return names


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
