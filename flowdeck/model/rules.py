"""Rules about a whole flow and about single types, checked after the shapes (spec: workflow components §2.4, §2.5)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flowdeck.model import retry
from flowdeck.model.findings import Severity
from flowdeck.model.input_rules import check_inputs
from flowdeck.model.labels import READ_ONLY, offending
from flowdeck.model.plugin_defaults import entry_problems
from flowdeck.model.trigger_rules import TRIGGER_RULES, check_trigger
from flowdeck.model.validation import Checker, Typed

FLOW_RULES = frozenset(
    (
        "duplicate-task",
        "duplicate-trigger",
        "duplicate-input",
        "duplicate-output",
        "input-prefix",
        "depends-on",
        "depends-on-cycle",
        "recursive-flow",
        "system-label",
        "dash-reference",
        "duplicate-precondition",
    )
)
"""Rules whose messages are joined behind `Invalid Flow: `."""

_NOT_YET: tuple[str, ...] = ()
_NOT_YET_OF_TYPES = ("assets",)
_FLOW = "io.kestra.plugin.core."


def check_rules(checker: Checker, document: Mapping[str, Any]) -> None:
    """Report what breaks a rule; on a lenient reading only what the engine could not live with."""
    _unique(checker, document)
    check_inputs(checker, document.get("inputs") or (), "inputs")
    for typed in list(checker.typed.values()):
        rule = _BY_TYPE.get(typed.spec.type)
        if rule:
            rule(checker, typed, document)
        if typed.spec.kind == "trigger":
            check_trigger(checker, typed)
        if typed.spec.kind == "retry":
            for message in retry.problems(typed.value):
                checker.report(message, typed.path, checker.at(typed.path), "retry")
        if typed.spec.kind == "task" and "onResume" in typed.value:
            check_inputs(checker, typed.value["onResume"], f"{typed.path}.onResume")
    if not checker.strict:
        return
    message = offending(((x["key"], x["value"]) for x in document.get("labels") or ()), allowed=(READ_ONLY,))
    if message:
        checker.report(message, "labels", checker.at("labels"), "system-label")
    _user_labels(checker)
    _slas(checker, document)
    _plugin_defaults(checker, document)
    _dashes(checker, document)
    unused = [name for name in _NOT_YET if name in document]
    for typed in checker.typed.values():
        if typed.spec.kind in ("task", "trigger"):
            unused += [f"{typed.path}.{name}" for name in _NOT_YET_OF_TYPES if typed.value.get(name)]
    for path in unused:
        text = f"'{path.rpartition('.')[2]}' is accepted, but this release does not act upon it"
        checker.report(text, path, checker.at(path), "not-yet", Severity.WARNING)


def check_groups(checker: Checker, document: Mapping[str, Any], groups: frozenset[str]) -> None:
    """Report worker groups that are named as they are and do not exist (§7.5)."""
    places: list[tuple[str, Any]] = [("workerGroup", document.get("workerGroup"))]
    places += [(f"{t.path}.workerGroup", t.value.get("workerGroup")) for t in checker.typed.values()]
    for path, group in places:
        key = group.get("key") if isinstance(group, Mapping) else None
        if isinstance(key, str) and key.strip() and "{{" not in key and "{%" not in key and key not in groups:
            text = f"No worker group exist for key '{key}'."
            checker.report(text, f"{path}.key", checker.at(f"{path}.key"), "worker-group")


def _unique(checker: Checker, document: Mapping[str, Any]) -> None:
    def repeated(pairs: Iterable[tuple[str, str]], text: str, rule: str, word: str = "name") -> None:
        places = list(pairs)
        counts = Counter(name for name, _ in places)
        names = [name for name, count in counts.items() if count > 1]
        if names:
            last = next(path for name, path in reversed(places) if name == names[0])
            checker.report(f"{text} with {word} [{', '.join(names)}]", last, checker.at(last), rule)

    tasks = [
        (t.value["id"], f"{t.path}.id") for t in checker.typed.values() if t.spec.kind == "task" and "id" in t.value
    ]
    repeated(tasks, "Duplicate task id", "duplicate-task")
    for name, text in (("triggers", "trigger id"), ("inputs", "input"), ("outputs", "output")):
        pairs = [
            (x["id"], f"{t.path if (t := checker.typed.get(id(x))) else f'{name}[{i}]'}.id")
            for i, x in enumerate(document.get(name) or ())
            if "id" in x
        ]
        repeated(pairs, f"Duplicate {text}", f"duplicate-{name[:-1]}")
    repeated(
        [
            (t.value["preconditions"]["id"], f"{t.path}.preconditions.id")
            for t in checker.typed.values()
            if t.spec.kind == "trigger" and "id" in (t.value.get("preconditions") or {})
        ],
        "Duplicate preconditions",
        "duplicate-precondition",
        "id",
    )


def _user_labels(checker: Checker) -> None:
    for typed in checker.typed.values():
        labels: Any = typed.value.get("labels")
        if typed.spec.kind == "input" or not isinstance(labels, list):
            continue
        message = offending((x["key"], x["value"]) for x in labels if isinstance(x, dict) and "key" in x)
        if message and typed.spec.type != f"{_FLOW}execution.Labels":
            path = f"{typed.path}.labels"
            checker.report(message + ".", path, checker.at(path), "label")


def _slas(checker: Checker, document: Mapping[str, Any]) -> None:
    """What an SLA's type asks for, and labels that it may set (§11.4, §2.5)."""
    declared: list[dict[str, Any]] = document.get("sla") or []
    for number, sla in enumerate(declared):
        path = f"sla[{number}]"
        member = {"MAX_DURATION": "duration", "EXECUTION_ASSERTION": "assert"}.get(str(sla.get("type")))
        if member is not None and member not in sla:
            checker.report("must not be null", f"{path}.{member}", checker.at(path), "required")
        message = offending((x["key"], x["value"]) for x in sla.get("labels") or ())
        if message:
            checker.report(message + ".", f"{path}.labels", checker.at(f"{path}.labels"), "label")


def _plugin_defaults(checker: Checker, document: Mapping[str, Any]) -> None:
    for name in ("pluginDefaults", "taskDefaults"):
        entries: list[dict[str, Any]] = document.get(name) or []
        for number, entry in enumerate(entries):
            path = f"{name}[{number}]"
            problems = entry_problems(entry, checker.catalog)
            if problems:
                text = "Invalid Plugin Default: " + ", ".join(problems)
                checker.report(text, path, checker.at(path), "plugin-default")
    refs = {e.get("ref") for e in document.get("pluginDefaults") or () if e.get("ref")}
    refs |= {e.ref for e in checker.defaults.entries} if checker.defaults else set()
    for typed in checker.typed.values():
        ref = typed.value.get("pluginDefaultsRef")
        if ref and ref not in refs:
            path = f"{typed.path}.pluginDefaultsRef"
            checker.report(
                f"No plugin default is named '{ref}'", path, checker.at(path), "plugin-default", Severity.WARNING
            )
        if typed.value.get("taskCache") and typed.spec.role not in ("runnable", ""):
            path = f"{typed.path}.taskCache"
            checker.report(
                "taskCache has no effect on this type", path, checker.at(path), "task-cache", Severity.WARNING
            )


def _dashes(checker: Checker, document: Mapping[str, Any]) -> None:
    """`inputs.my-key` reads as a subtraction."""
    names = [("inputs", x["id"]) for x in document.get("inputs") or () if "-" in x.get("id", "")]
    tasks = [t for t in checker.typed.values() if t.spec.kind == "task" and "id" in t.value]
    names += [("outputs", t.value["id"]) for t in tasks if "-" in t.value["id"]]
    if not names:
        return
    pattern = {
        kind: re.compile(rf"\b{kind}\.({'|'.join(re.escape(n) for k, n in names if k == kind)})(?![\w-])")
        for kind in {k for k, _ in names}
    }
    places: list[tuple[str, str, Any]] = [
        (t.value["id"], t.path, {k: v for k, v in t.value.items() if not _holds_tasks(v)}) for t in tasks
    ]
    places += [
        (o["id"], f"outputs[{n}]", o.get("value")) for n, o in enumerate(document.get("outputs") or ()) if "id" in o
    ]
    for kind, found in pattern.items():
        offending_tasks = [(name, path) for name, path, value in places if _mentions(value, found)]
        if offending_tasks:
            singular = "input" if kind == "inputs" else "output"
            example = (
                "inputs[key-name] instead of inputs.key-name"
                if kind == "inputs"
                else ("outputs[task-id] instead of outputs.task-id")
            )
            text = (
                f"Invalid {singular} reference: use {example} — keys with dashes require bracket notation, "
                f"offending tasks: [{', '.join(name for name, _ in offending_tasks)}]"
            )
            checker.report(text, offending_tasks[0][1], checker.at(offending_tasks[0][1]), "dash-reference")


def _holds_tasks(value: Any) -> bool:
    """Whether a property's value is a branch (its tasks are looked at on their own)."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and "id" in value[0] and "type" in value[0]
    return isinstance(value, dict) and any(_holds_tasks(v) for v in value.values() if isinstance(v, list))


_BRACES = re.compile(r"\{\{|\}\}|\{%|%\}")


def _inside(text: str) -> Iterator[str]:
    """Parts of a text between expression or tag braces, in one pass."""
    start = -1
    for found in _BRACES.finditer(text):
        if found.group()[0] == "{":
            if start < 0:
                start = found.end()
        elif start >= 0:
            yield text[start : found.start()]
            start = -1


def _mentions(value: Any, pattern: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return "{{" in value and any(pattern.search(part) for part in _inside(value))
    if isinstance(value, dict):
        return any(_mentions(v, pattern) for v in value.values())
    return isinstance(value, list) and any(_mentions(v, pattern) for v in value)


# ---- single types


def _switch(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    if any(f.path.startswith(f"{typed.path}.") for f in checker.findings):
        return  # what is wrong inside a branch is told already
    if not any((typed.value.get("cases") or {}).values()) and not typed.value.get("defaults"):
        text = "No task defined, neither cases or default have any tasks"
        checker.report(text, typed.path, checker.at(typed.path), "switch")


def _dag(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """Dependencies of a Dag (§2.5)."""
    entries = [e for e in typed.value.get("tasks") or () if isinstance(e.get("task"), dict) and "id" in e["task"]]
    path = f"{typed.path}.tasks"

    def report(text: str) -> None:
        checker.report(text, path, checker.at(path), "dag")

    if not entries:
        if not any(f.path.startswith(f"{typed.path}.") for f in checker.findings):
            report("No task defined")
        return
    graph = {e["task"]["id"]: tuple(e.get("dependsOn") or ()) for e in entries}
    unknown = list(dict.fromkeys(d for wanted in graph.values() for d in wanted if d not in graph))
    if unknown:
        report(f"Not existing task id in dependency: {', '.join(unknown)}")
    if circle := _in_cycles(graph):
        report(f"Cyclic dependency detected: {', '.join(circle)}")


def _in_cycles(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
    """All members of cycles, in the order of the graph: strongly connected parts of more than one, and self loops."""
    numbers: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: set[str] = set()
    for start in graph:
        if start in numbers:
            continue
        walk: list[tuple[str, Iterator[str]]] = [(start, iter(graph[start]))]
        numbers[start] = low[start] = len(numbers)
        stack.append(start)
        on_stack.add(start)
        while walk:
            here, others = walk[-1]
            for other in others:
                if other not in graph:
                    continue
                if other not in numbers:
                    numbers[other] = low[other] = len(numbers)
                    stack.append(other)
                    on_stack.add(other)
                    walk.append((other, iter(graph[other])))
                    break
                if other in on_stack:
                    low[here] = min(low[here], numbers[other])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[here])
                if low[here] == numbers[here]:
                    part: list[str] = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        part.append(member)
                        if member == here:
                            break
                    if len(part) > 1 or here in graph[here]:
                        found.update(part)
    return [name for name in graph if name in found]


def _directory(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """Children of a WorkingDirectory run on one worker: the one that its own group gives (§2.5)."""
    children = typed.value.get("tasks")
    path = f"{typed.path}.tasks"
    if children == [] and not any(finding.path.startswith(f"{path}[") for finding in checker.findings):
        checker.report("The 'tasks' property cannot be empty", path, checker.at(path), "length")
    for value in children or ():
        child = checker.typed.get(id(value))
        if child is None:
            continue
        if child.spec.role not in ("runnable", ""):
            text = "Only runnable tasks are allowed as children of a WorkingDirectory task"
            checker.report(text, child.path, checker.at(child.path), "runnable-only")
        if value.get("workerGroup") and checker.strict:
            text = (
                "Cannot set a Worker Group in any WorkingDirectory sub-tasks, it is only supported at the "
                "WorkingDirectory level"
            )
            path = f"{child.path}.workerGroup"
            checker.report(text, path, checker.at(path), "directory-group")


def _subflow(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    target = (typed.value.get("namespace"), typed.value.get("flowId"))
    if target == (document.get("namespace"), document.get("id")) and checker.strict:
        text = f"Recursive call to flow [{target[0]}.{target[1]}]"
        checker.report(text, typed.path, checker.at(typed.path), "recursive-flow")


_Rule = Callable[[Checker, Typed, Mapping[str, Any]], None]


def _http(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """The reference takes `auth` below `options` only; here it may stand outside, too (core plugins §4)."""
    if checker.strict and "auth" in typed.value:
        path = f"{typed.path}.auth"
        checker.report("'auth' is read as 'options.auth'", path, checker.at(path), "alias", Severity.INFO)


_BY_TYPE: dict[str, _Rule] = {
    **{f"{_FLOW}http.{name}": _http for name in ("Request", "Download", "SseRequest", "Trigger")},
    f"{_FLOW}flow.Switch": _switch,
    f"{_FLOW}flow.Dag": _dag,
    f"{_FLOW}flow.Subflow": _subflow,
    f"{_FLOW}flow.ForEachItem": _subflow,
    f"{_FLOW}flow.WorkingDirectory": _directory,
    **TRIGGER_RULES,
}
