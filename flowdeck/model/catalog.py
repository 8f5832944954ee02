"""All types that an instance knows, as data (spec: design, detail 5)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from flowdeck.model.component import SHARED, ConstantRetry, ExponentialRetry, RandomRetry
from flowdeck.model.dashboards import DASHBOARD_SHARED, DASHBOARD_TYPES
from flowdeck.model.flow import TaskKind
from flowdeck.model.flowables import FLOWABLES
from flowdeck.model.input_types import INPUT_TYPES, InputBase
from flowdeck.model.shapes import FieldSpec, TypeSpec
from flowdeck.model.triggers import TRIGGERS
from flowdeck.model.triggers.conditions import CONDITIONS

OWN_TYPES = (*FLOWABLES, *TRIGGERS, *CONDITIONS, *DASHBOARD_TYPES)
"""Types with a full name that the model declares itself; they are in every catalog."""

_SHARED = {**SHARED, **DASHBOARD_SHARED, "input": InputBase}
_INTERNAL = {
    (cls.option("kind"), name): cls.spec
    for cls in (*INPUT_TYPES, ConstantRetry, ExponentialRetry, RandomRetry)
    for name in (cls.spec.type, *cls.spec.aliases)
}


class Catalog:
    """Known types by name. Immutable; build one a process."""

    def __init__(self, specs: Iterable[TypeSpec] = ()) -> None:
        """`specs` are the plugins' types; the model's own ones are added. A later spec of the same type wins."""
        self._specs: dict[str, TypeSpec] = {cls.spec.type: cls.spec for cls in OWN_TYPES}
        self._specs.update((spec.type, spec) for spec in specs)
        self._names: dict[str, TypeSpec] = {}
        for spec in self._specs.values():
            for alias in spec.aliases:
                self._names[alias] = spec
        self._names.update(self._specs)
        self._fields: dict[tuple[str, str], Mapping[str, FieldSpec]] = {}
        self._names_of: dict[int, Mapping[str, FieldSpec]] = {}

    def find(self, type_name: str, kind: str = "") -> TypeSpec | None:
        """The declaration of a type or alias; with `kind`, only if it is of that kind."""
        spec = _INTERNAL.get((kind, type_name)) if kind in ("input", "retry") else self._names.get(type_name)
        if "$" in type_name:
            return None  # a part of a task, which the parser puts in by itself
        return spec if spec is None or not kind or spec.kind == kind else None

    def canonical(self, type_name: str) -> str:
        """Today's name of a type; an unknown name stays as it is."""
        spec = self._names.get(type_name)
        return spec.type if spec else type_name

    def types(self, kind: str = "") -> tuple[TypeSpec, ...]:
        """Declarations of a kind, or all, in alphabetical order of the type."""
        if kind in ("input", "retry"):
            return tuple({s.type: s for (k, _), s in _INTERNAL.items() if k == kind}.values())
        return tuple(s for t, s in sorted(self._specs.items()) if (not kind or s.kind == kind) and "$" not in t)

    def task_kind(self, type_name: str) -> TaskKind:
        """Who carries out tasks of this type; unknown types are a worker's."""
        spec = self._names.get(type_name)
        return TaskKind(spec.role) if spec and spec.kind == "task" and spec.role else TaskKind.RUNNABLE

    def fields(self, spec: TypeSpec) -> Mapping[str, FieldSpec]:
        """All properties of a type by YAML name, former names included, shared ones first."""
        key = (spec.kind, spec.type)
        found = self._fields.get(key)
        if found is None:
            names: dict[str, FieldSpec] = {}
            for field in (*self.shared(spec.kind), *spec.fields):
                names[field.name] = field
                for alias in field.aliases:
                    names.setdefault(alias, field)
            found = self._fields[key] = names
        return found

    def shared(self, kind: str) -> tuple[FieldSpec, ...]:
        """Properties that all types of a kind have."""
        base = _SHARED.get(kind)
        return tuple(f.spec for f in base.fields().values()) if base else ()

    def nearest(self, type_name: str, kind: str = "") -> str | None:
        """The known type that a misspelt one probably means."""
        names = [s.type for s in self.types(kind)]
        last = type_name.rpartition(".")[2].lower()
        same = [n for n in names if n.rpartition(".")[2].lower() == last]
        if same:
            return max(same, key=lambda n: difflib.SequenceMatcher(None, n, type_name).ratio())
        close = difflib.get_close_matches(type_name, names, n=1, cutoff=0.75)
        return close[0] if close else None

    def schema(self, type_name: str) -> dict[str, Any]:
        """JSON schema of one type; KeyError for an unknown one."""
        from flowdeck.model.schema import type_schema

        return type_schema(self, self._names[type_name])

    def flow_schema(self) -> dict[str, Any]:
        """JSON schema of a whole flow, for editors; made once."""
        return self._flow_schema

    @cached_property
    def _flow_schema(self) -> dict[str, Any]:
        from flowdeck.model.schema import flow_schema

        return flow_schema(self)
