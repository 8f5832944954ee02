"""From a flow's YAML to a `Flow` and to all that is to say about it (spec: workflow components §1, §2).

`parse_flow` never raises on a user's text. Positions count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowdeck.model.catalog import Catalog
from flowdeck.model.checks import read_checks
from flowdeck.model.findings import Finding, Severity
from flowdeck.model.flow import Concurrency, Flow, InputDef, OutputDef, TaskDef, TriggerDef
from flowdeck.model.flow_properties import FlowProperties
from flowdeck.model.flowables import items
from flowdeck.model.plugin_defaults import PluginDefaults
from flowdeck.model.retry import read_retry
from flowdeck.model.rules import FLOW_RULES, check_groups, check_rules
from flowdeck.model.shapes import FieldSpec, Shape, TypeSpec
from flowdeck.model.sla import read_slas
from flowdeck.model.validation import Checker, Typed
from flowdeck.model.yaml_tree import SourceError, load, plain, split_documents

__all__ = ["Parsed", "constraints_text", "parse_flow", "peek", "split_documents", "without_revision"]

_FIELDS: Mapping[str, FieldSpec] = {f.spec.name: f.spec for f in FlowProperties.fields().values()}
_REVISION = re.compile(r"^revision[ \t]*:[^\n]*(\n|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a source.

    `flow` is None as soon as one finding is an error; `draft` is then what could be understood (for a graph beside
    an editor), or None. `document` is the flow as plain JSON, defaults not merged; `id` and `namespace` are "" when
    absent.
    """

    flow: Flow | None
    findings: tuple[Finding, ...]
    document: dict[str, Any] = field(default_factory=dict)
    draft: Flow | None = None

    @property
    def id(self) -> str:
        """The flow's id as written."""
        found = self.document.get("id")
        return found if isinstance(found, str) else ""

    @property
    def namespace(self) -> str:
        """The flow's namespace as written."""
        found = self.document.get("namespace")
        return found if isinstance(found, str) else ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that prevent a save."""
        return tuple(f for f in self.findings if f.is_error)

    @property
    def deprecation_paths(self) -> list[str]:
        """Paths of deprecated properties."""
        return [f.path for f in self.findings if f.severity is Severity.DEPRECATION]

    def texts(self, severity: Severity) -> list[str]:
        """Messages of one severity."""
        return [f.message for f in self.findings if f.severity is severity]


def parse_flow(
    source: str,
    catalog: Catalog,
    *,
    tenant: str = "main",
    revision: int = 1,
    strict: bool = True,
    defaults: Sequence[Mapping[str, Any]] = (),
    groups: frozenset[str] | None = None,
) -> Parsed:
    """Parse and validate one flow.

    Args:
        source: YAML with one document.
        catalog: the known types.
        tenant: what the flow's `tenant` becomes.
        revision: what the flow's `revision` becomes; one in the text is ignored.
        strict: False = reading a stored flow at run time: unknown properties are ignored, advice is left out.
        defaults: plugin defaults of the namespaces and the instance, closest first.
        groups: worker groups that exist; None accepts any.
    """
    try:
        root = load(source)
    except SourceError as error:
        return Parsed(None, (error.finding,))
    entries = PluginDefaults.of(_flow_defaults(root), defaults)
    checker = Checker(source, catalog, strict=strict, defaults=entries)
    document = checker.check_root(root, _FIELDS, "flow")
    if document:
        check_rules(checker, document)
        if strict and groups is not None:
            check_groups(checker, document, groups)
    usable = bool(document.get("tasks")) and "id" in document and "namespace" in document
    flow = _Builder(checker, entries, document).flow(tenant, revision) if usable else None
    findings = sorted(checker.findings, key=lambda f: (f.line, f.column)) if checker.findings else []
    failed = any(f.is_error for f in findings) or flow is None
    return Parsed(None if failed else flow, tuple(findings), document, flow)


def peek(source: str) -> tuple[str, str]:
    """Namespace and id of a source, "" for what can not be found; for listing documents that are otherwise broken."""
    try:
        data = plain(load(source))
    except SourceError:
        data = None
    if not isinstance(data, dict):
        data = {}
        for name in ("id", "namespace"):
            if match := re.search(rf"^{name}:[ \t]*[\"']?([\w.-]+)", source, re.MULTILINE):
                data[name] = match.group(1)
    return str(data.get("namespace") or ""), str(data.get("id") or "")


def without_revision(source: str) -> str:
    """The text to store: a top-level `revision:` line is taken out."""
    return _REVISION.sub("", source, count=1)


def constraints_text(findings: Iterable[Finding]) -> str | None:
    """The errors as one text, the form of the reference's `constraints`; None without errors."""
    own, flow_level = [], []
    for finding in findings:
        if not finding.is_error:
            continue
        if finding.rule in FLOW_RULES:
            flow_level.append(finding.message)
        elif finding.path in ("", "yaml") or finding.rule == "yaml":
            own.append(finding.message)
        else:
            own.append(f"{finding.path}: {finding.message}")
    if flow_level:
        own.insert(0, "Invalid Flow: " + ", ".join(dict.fromkeys(flow_level)))
    return ", ".join(own) or None


def _flow_defaults(root: Any) -> Any:
    """The flow's own plugin defaults as plain values, before anything is validated."""
    found: Any = None  # of two names the last one wins
    for key, member in root.value if root is not None and root.id == "mapping" else ():
        if key.id == "scalar" and key.value in ("pluginDefaults", "taskDefaults"):
            try:
                found = plain(member)
            except SourceError:
                return None
            if isinstance(found, list):
                for entry, node in zip(found, member.value, strict=True):
                    for name, text in node.value if isinstance(entry, dict) else ():
                        if name.value in ("type", "ref") and text.id == "scalar" and name.value in entry:
                            entry[name.value] = text.value  # texts as written
    return found


class _Builder:
    """Makes the `Flow` of validated values."""

    def __init__(self, checker: Checker, defaults: PluginDefaults, document: dict[str, Any]) -> None:
        self.checker = checker
        self.catalog = checker.catalog
        self.defaults = defaults
        self.document = document
        self.tasks: list[TaskDef | None] = []

    def flow(self, tenant: str, revision: int) -> Flow:
        document = self.document
        branches = {}
        for name in document:
            if name in ("tasks", "errors", "finally", "afterExecution") and document[name]:
                branches[name] = self._branch(document[name], None, name)
        for number, listener in enumerate(document.get("listeners") or ()):
            branches[f"listeners.{number}"] = self._branch(listener.get("tasks") or (), None, "afterExecution")
        limit = document.get("concurrency") or {}
        return Flow(
            tenant=tenant,
            namespace=document["namespace"],
            id=document["id"],
            revision=revision,
            tasks=tuple(task for task in self.tasks if task is not None),
            branches=branches,
            inputs=tuple(x for x in map(self._input, document.get("inputs") or ()) if x),
            outputs=tuple(
                OutputDef(
                    o["id"],
                    o["type"],
                    o.get("value"),
                    o.get("required", True),
                    o.get("displayName"),
                    o.get("description"),
                    {k: v for k, v in o.items() if k == "itemType"},
                )
                for o in document.get("outputs") or ()
                if "id" in o and "type" in o
            ),
            triggers=tuple(x for x in map(self._trigger, document.get("triggers") or ()) if x),
            variables=document.get("variables") or {},
            labels=tuple((x["key"], x["value"]) for x in document.get("labels") or ()),
            concurrency=Concurrency(limit["limit"], limit.get("behavior", "QUEUE")) if "limit" in limit else None,
            retry=_retry(document.get("retry")),
            slas=read_slas(document.get("sla")),
            checks=read_checks(document.get("checks")),
            description=document.get("description"),
            disabled=document.get("disabled", False),
            document=document,
        )

    # ---- tasks

    def _branch(self, values: Iterable[dict[str, Any]], parent: int | None, branch: str) -> tuple[int, ...]:
        """Keys of the enabled tasks of one list; disabled ones are made too."""
        keys = [self._task(value, parent, branch) for value in values]
        return tuple(k for k in keys if k is not None and not self._at(k).disabled)

    def _at(self, key: int) -> TaskDef:
        task = self.tasks[key]
        assert task is not None
        return task

    def _task(self, value: dict[str, Any], parent: int | None, branch: str) -> int | None:
        typed = self.checker.typed.get(id(value))
        if typed is None or "id" not in value:
            return None
        key = len(self.tasks)
        self.tasks.append(None)
        spec = typed.spec
        children: dict[str, tuple[int, ...]] = {}
        depends: dict[str, list[str]] = {}
        names = []
        fields = self.catalog.fields(spec)
        for name in value:
            field_spec = fields[name]
            kind = children_of(field_spec.shape)
            if not kind:
                continue
            names.append(field_spec.name)
            found = value[field_spec.name]
            if kind == "list":
                children[field_spec.name] = self._branch(found, key, field_spec.name)
            elif kind == "graph":
                entries = [entry for entry in found if "task" in entry]
                children[field_spec.name] = self._branch([e["task"] for e in entries], key, field_spec.name)
                depends = {e["task"]["id"]: e.get("dependsOn") or [] for e in entries if "id" in e["task"]}
            elif kind == "one":
                children[field_spec.name] = self._branch([found], key, field_spec.name)
            else:
                for case, members in found.items():
                    branch_name = f"{field_spec.name}.{case}"
                    children[branch_name] = self._branch(members or (), key, branch_name)
        props = self._merged(value, typed, skip=names)
        if depends:
            props["dependsOn"] = depends
        self.tasks[key] = TaskDef(
            key=key,
            id=value["id"],
            type=spec.type,
            kind=self.catalog.task_kind(spec.type),
            parent=parent,
            branch=branch,
            props=props,
            children=children,
            disabled=props.get("disabled") is True,
            run_if=props.get("runIf"),
            retry=_retry(props.get("retry")),
            timeout=props.get("timeout"),
            allow_failure=props.get("allowFailure") is True,
            allow_warning=props.get("allowWarning") is True,
            log_level=props.get("logLevel"),
            line=typed.line,
        )
        if spec.type == items.TYPE:
            self._expand(key)
        return key

    def _expand(self, key: int) -> None:
        """Put the three parts of a ForEachItem in as its children (§9.2)."""
        task = self._at(key)
        made = items.parts(task, len(self.tasks))
        self.tasks += made
        self.tasks[key] = replace(task, children={**task.children, "tasks": tuple(part.key for part in made)})

    def _merged(self, value: dict[str, Any], typed: Typed, skip: Sequence[str] = ()) -> dict[str, Any]:
        """Properties with plugin defaults, nested objects with a type included."""
        props = {name: item for name, item in value.items() if name not in skip}
        if not self.defaults:
            return props
        fields = self.catalog.fields(typed.spec)
        merged = self.defaults.apply(props, typed.spec.type, typed.spec.aliases, set(fields) - set(skip))
        if "pluginDefaultsRef" in props and self.defaults.forces(typed.spec.type, typed.spec.aliases):
            path = f"{typed.path}.pluginDefaultsRef"
            text = "pluginDefaultsRef leaves defaults out, but those forced for this type are applied all the same"
            self.checker.report(text, path, self.checker.at(path), "plugin-default-forced", Severity.WARNING)
        for name, item in merged.items():
            if name in props and merged[name] is props[name]:
                merged[name] = self._inner(item)
            elif name in fields and name not in ("id", "type"):
                merged[name] = self._typed_text(self._inner(item), fields[name].shape)
        return merged

    def _inner(self, item: Any) -> Any:
        """Defaults inside a property: task runners, conditions, whatever has a type, at any depth."""
        if isinstance(item, dict):
            typed = self.checker.typed.get(id(item))
            if typed is not None:
                return self._merged(item, typed)
            name = item.get("type")
            spec = self.catalog.find(name) if isinstance(name, str) and "." in name else None
            if spec is not None:
                item = self.defaults.apply(item, spec.type, spec.aliases, self.catalog.fields(spec))
            return {k: self._inner(v) for k, v in item.items()}
        if isinstance(item, list):
            return [self._inner(v) for v in item]
        return item

    @staticmethod
    def _typed_text(item: Any, shape: Shape) -> Any:
        """A default's value for a text property is text, whatever YAML made of it."""
        if shape.name == "text" and isinstance(item, bool | int | float):
            return str(item).lower() if isinstance(item, bool) else str(item)
        return item

    # ---- the rest

    def _input(self, value: dict[str, Any]) -> InputDef | None:
        return read_input(value, self.catalog)

    def _trigger(self, value: dict[str, Any]) -> TriggerDef | None:
        typed = self.checker.typed.get(id(value))
        if typed is None or "id" not in value:
            return None
        props = self._merged(value, typed)
        if extra := props.pop("scheduleConditions", None):
            props["conditions"] = [*(props.get("conditions") or ()), *extra]
        return TriggerDef(
            value["id"], typed.spec.type, typed.spec.role, props, props.get("disabled") is True, typed.line
        )


_COMMON_INPUT = frozenset(("id", "type", "required", "defaults", "prefill", "displayName", "description", "dependsOn"))


def read_input(value: Mapping[str, Any], catalog: Catalog) -> InputDef | None:
    """An input from its validated properties (also those of `onResume`); None when id or type is missing."""
    spec: TypeSpec | None = catalog.find(str(value.get("type")), "input")
    if spec is None or "id" not in value:
        return None
    depends = value.get("dependsOn") or {}
    return InputDef(
        id=value["id"],
        type=spec.type,
        required=value.get("required", True),
        defaults=value.get("defaults"),
        prefill=value.get("prefill"),
        display_name=value.get("displayName"),
        description=value.get("description"),
        depends_on=tuple(depends.get("inputs") or ()),
        condition=depends.get("condition"),
        props={k: v for k, v in value.items() if k not in _COMMON_INPUT},
    )


def children_of(shape: Shape) -> str:
    """Whether a property holds tasks: "list", "map" (of lists), "one", "graph" (tasks with dependencies) or ""."""
    match shape:
        case Shape(name="list", of=Shape(name="object", fields=fields)) if any(
            f.name == "task" and f.shape.kind == "task" for f in fields
        ):
            return "graph"
        case Shape(name="plugin", kind="task"):
            return "one"
        case Shape(name="list", of=Shape(name="plugin", kind="task")):
            return "list"
        case Shape(name="map", of=Shape(name="list", of=Shape(name="plugin", kind="task"))):
            return "map"
    return ""


def _retry(value: Any) -> Any:
    """A retry policy, None when its spans are no durations (reported elsewhere)."""
    if not isinstance(value, Mapping) or "type" not in value:
        return None
    try:
        return read_retry(value)
    except ValueError:
        return None
