"""Rules about a whole flow and about single types, checked after the shapes (spec: workflow components §2.4, §2.5)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flowdeck.model import retry
from flowdeck.model.conditions import about_dates
from flowdeck.model.findings import Severity
from flowdeck.model.labels import READ_ONLY, offending
from flowdeck.model.schedule import CronError, ZoneError, parse_cron, zone_of
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

_NOT_YET = ("sla", "checks", "listeners", "workerGroup")
_NOT_YET_OF_TYPES = ("taskCache", "logToFile", "workerGroup", "assets")
_FLOW = "io.kestra.plugin.core."


def check_rules(checker: Checker, document: Mapping[str, Any]) -> None:
    """Report what breaks a rule; on a lenient reading only what the engine could not live with."""
    _unique(checker, document)
    _inputs(checker, document.get("inputs") or (), "inputs")
    for typed in list(checker.typed.values()):
        rule = _BY_TYPE.get(typed.spec.type)
        if rule:
            rule(checker, typed, document)
        if typed.spec.kind == "retry":
            for message in retry.problems(typed.value):
                checker.report(message, typed.path, checker.at(typed.path), "retry")
        if typed.spec.kind == "task" and "onResume" in typed.value:
            _inputs(checker, typed.value["onResume"], f"{typed.path}.onResume")
    if not checker.strict:
        return
    message = offending(((x["key"], x["value"]) for x in document.get("labels") or ()), allowed=(READ_ONLY,))
    if message:
        checker.report(message, "labels", checker.at("labels"), "system-label")
    _user_labels(checker)
    _plugin_defaults(checker, document)
    _dashes(checker, document)
    unused = [name for name in _NOT_YET if name in document]
    for typed in checker.typed.values():
        if typed.spec.kind in ("task", "trigger"):
            unused += [f"{typed.path}.{name}" for name in _NOT_YET_OF_TYPES if typed.value.get(name)]
    for path in unused:
        text = f"'{path.rpartition('.')[2]}' is accepted, but this release does not act upon it"
        checker.report(text, path, checker.at(path), "not-yet", Severity.WARNING)


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


def _inputs(checker: Checker, inputs: Iterable[dict[str, Any]], base: str) -> None:
    """Rules among inputs and within one."""
    known = [x for x in inputs if "id" in x]
    paths = [t.path if (t := checker.typed.get(id(x))) else base for x in known]
    ids = {x["id"]: number for number, x in enumerate(known)}

    def report(number: int, message: str, rule: str, severity: Severity = Severity.ERROR, part: str = "") -> None:
        path = paths[number]
        checker.report(message, path + part, checker.at(path + part), rule, severity)

    for name, number in ids.items():
        pieces = name.split(".")
        for size in range(1, len(pieces)):
            outer = ".".join(pieces[:size])
            if outer in ids:
                report(
                    number,
                    f"Input path '{outer}' conflicts with '{name}'; one cannot be nested under the other.",
                    "input-prefix",
                )
    graph = {x["id"]: tuple((x.get("dependsOn") or {}).get("inputs") or ()) for x in known}
    for name, number in ids.items():
        for other in graph[name]:
            if other not in ids:
                report(number, f"Input with id '{name}' depends on a non-existent input '{other}'.", "depends-on")
        cycle = _cycle(graph, name)
        if cycle:
            text = f"Cycle dependency detected for input with id '{name}': [{', '.join(cycle)}]"
            report(number, text, "depends-on-cycle")
    for number, value in enumerate(known):
        _one_input(value, lambda *a, n=number, **k: report(n, *a, **k), checker.strict)


def _one_input(value: Mapping[str, Any], report: Callable[..., None], strict: bool) -> None:
    kind, name = value.get("type"), value["id"]
    if "defaults" in value and "prefill" in value:
        report("Inputs with a default value cannot also have a prefill.", "input-prefill", part=".prefill")
    if strict and "defaults" in value and value.get("required") is False:
        report(
            "Inputs with a default value must be required, since the default is always applied.",
            "input-default",
            Severity.WARNING,
            part=".required",
        )
    if strict and len(value.get("displayName") or "") > 64:
        report("displayName is longer than 64 characters", "length", Severity.WARNING, part=".displayName")
    patterns = [(value.get("validator"), ".validator")] + [(text, ".values") for text in value.get("values") or ()]
    for pattern, part in patterns:
        if pattern is not None and not _compiles(pattern):
            report(f"invalid pattern [{pattern}]", "pattern", part=part)
    if kind in ("SELECT", "MULTISELECT"):
        if "values" in value and "options" in value:
            report("you can't define both `values` and `options`", "input-values", part=".options")
        chosen = ("values" in value or "options" in value) + ("expression" in value)
        if chosen == 0:
            report(f"{kind} input '{name}' needs values or expression", "input-values")
        elif chosen == 2:
            report(f"{kind} input '{name}' can't have both values and expression", "input-values", part=".expression")
    if value.get("itemType") == "ARRAY" or (kind == "MULTISELECT" and value.get("itemType") == "MULTISELECT"):
        report(f"`itemType` cannot be `{value['itemType']}`", "item-type", part=".itemType")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _cycle(graph: Mapping[str, tuple[str, ...]], start: str) -> list[str] | None:
    """A way from `start` back to it."""
    stack: list[tuple[str, list[str]]] = [(start, [start])]
    seen: set[str] = set()
    while stack:
        here, path = stack.pop()
        for other in graph.get(here, ()):
            if other == start:
                return path
            if other not in seen:
                seen.add(other)
                stack.append((other, [*path, other]))
    return None


def _user_labels(checker: Checker) -> None:
    for typed in checker.typed.values():
        labels: Any = typed.value.get("labels")
        if typed.spec.kind == "input" or not isinstance(labels, list):
            continue
        message = offending((x["key"], x["value"]) for x in labels if isinstance(x, dict) and "key" in x)
        if message and typed.spec.type != f"{_FLOW}execution.Labels":
            path = f"{typed.path}.labels"
            checker.report(message + ".", path, checker.at(path), "label")


def _plugin_defaults(checker: Checker, document: Mapping[str, Any]) -> None:
    for name in ("pluginDefaults", "taskDefaults"):
        entries: list[dict[str, Any]] = document.get(name) or []
        for number, entry in enumerate(entries):
            path = f"{name}[{number}]"
            problems: list[str] = []
            if not entry.get("values"):
                problems.append("No 'values' provided")
            if not entry.get("type"):
                problems.append("No 'type' provided")
            spec = checker.catalog.find(entry.get("type") or "")
            known = checker.catalog.fields(spec) if spec else None
            for key, value in (entry.get("values") or {}).items():
                if value is None:
                    problems.append(f"No value provided for key '{key}'")
                elif known is not None and key not in known:
                    problems.append(f"No property '{key}' exists in plugin '{entry['type']}'")
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


def _subflow(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    target = (typed.value.get("namespace"), typed.value.get("flowId"))
    if target == (document.get("namespace"), document.get("id")) and checker.strict:
        text = f"Recursive call to flow [{target[0]}.{target[1]}]"
        checker.report(text, typed.path, checker.at(typed.path), "recursive-flow")


def _schedule(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    value = typed.value
    if "cron" in value:
        try:
            parse_cron(value["cron"], value.get("withSeconds") is True)
        except CronError as error:
            checker.report(str(error), f"{typed.path}.cron", checker.at(f"{typed.path}.cron"), "cron")
    if "timezone" in value:
        try:
            zone_of(value["timezone"])
        except ZoneError as error:
            checker.report(str(error), f"{typed.path}.timezone", checker.at(f"{typed.path}.timezone"), "timezone")
    for number, condition in enumerate(value.get("conditions") or ()):
        if checker.strict and not about_dates(condition):
            path = f"{typed.path}.conditions[{number}]"
            text = "This condition is not about dates; a Schedule does not consider it"
            checker.report(text, path, checker.at(path), "schedule-condition", Severity.WARNING)
    given = value.get("inputs") or {}
    missing = [
        x["id"]
        for x in document.get("inputs") or ()
        if "id" in x
        and x.get("required", True)
        and "defaults" not in x
        and isinstance(given, dict)
        and x["id"] not in given
        and x["id"].split(".")[0] not in given
        and "dependsOn" not in x
        and not x.get("autoSelectFirst")
    ]
    if missing and checker.strict:
        text = f"Missing inputs for Schedule Trigger '{value.get('id')}', missing inputs: '{' | '.join(missing)}'"
        checker.report(text, typed.path, checker.at(typed.path), "schedule-inputs", Severity.WARNING)


def _webhook(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    for number, condition in enumerate(typed.value.get("conditions") or ()):
        inner = checker.typed.get(id(condition))
        if inner and inner.spec.type == f"{_FLOW}condition.MultipleCondition":
            path = f"{typed.path}.conditions[{number}]"
            text = "invalid webhook: conditions of type MultipleCondition are not supported"
            checker.report(text, path, checker.at(path), "webhook")


_WINDOW_MEMBERS = {
    "window": "window",
    "windowAdvance": "window advance",
    "deadline": "deadline",
    "startTime": "start time",
    "endTime": "end time",
}
_WINDOWS: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "DURATION_WINDOW": (frozenset(("window", "windowAdvance")), ()),
    "SLIDING_WINDOW": (frozenset(("window",)), ()),
    "DAILY_TIME_DEADLINE": (frozenset(("deadline",)), ("deadline",)),
    "DAILY_TIME_WINDOW": (frozenset(("startTime", "endTime")), ("startTime", "endTime")),
}
_NO_VALUE = frozenset(("IS_TRUE", "IS_FALSE", "IS_NULL", "IS_NOT_NULL"))


def _window(checker: Checker, window: Mapping[str, Any], path: str) -> None:
    kind = window.get("type", "DURATION_WINDOW")
    allowed, required = _WINDOWS[kind]
    for name, words in _WINDOW_MEMBERS.items():
        if name in window and name not in allowed:
            text = f"Time window of type `{kind}` cannot have a {words}."
            checker.report(text, f"{path}.{name}", checker.at(f"{path}.{name}"), "time-window")
        elif name in required and name not in window:
            checker.report(f"Time window of type `{kind}` must have a {words}.", path, checker.at(path), "time-window")


def _flow_trigger(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    value = typed.value
    preconditions = value.get("preconditions")
    if not value.get("conditions") and not preconditions and checker.strict:
        text = "This trigger has neither conditions nor preconditions: the flow starts on every execution of every flow"
        checker.report(text, typed.path, checker.at(typed.path), "flow-trigger", Severity.WARNING)
    if not preconditions:
        return
    path = f"{typed.path}.preconditions"
    if "timeWindow" in preconditions:
        _window(checker, preconditions["timeWindow"], f"{path}.timeWindow")
    for number, where in enumerate(preconditions.get("where") or ()):
        for index, item in enumerate(where.get("filters") or ()):
            _filter(checker, item, f"{path}.where[{number}].filters[{index}]")


def _filter(checker: Checker, item: Mapping[str, Any], path: str) -> None:
    kind = item.get("type")
    if kind is None:
        return

    def report(member: str, must: str) -> None:
        checker.report(f"`{member}` {must} be null for type {kind}", path, checker.at(path), "filter")

    if kind in ("IN", "NOT_IN"):
        if "value" in item and item.get("field") != "EXPRESSION":
            report("value", "must")
        if "values" not in item:
            report("values", "cannot")
        return
    if "values" in item:
        report("values", "must")
    if kind in _NO_VALUE:
        if item.get("field") == "EXPRESSION" and "value" not in item:
            report("value", "cannot")
    elif "value" not in item:
        report("value", "cannot")


def _multiple(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    if "timeWindow" in typed.value:
        _window(checker, typed.value["timeWindow"], f"{typed.path}.timeWindow")


_Rule = Callable[[Checker, Typed, Mapping[str, Any]], None]
_BY_TYPE: dict[str, _Rule] = {
    f"{_FLOW}flow.Switch": _switch,
    f"{_FLOW}flow.Subflow": _subflow,
    f"{_FLOW}trigger.Schedule": _schedule,
    f"{_FLOW}trigger.Webhook": _webhook,
    f"{_FLOW}trigger.Flow": _flow_trigger,
    f"{_FLOW}condition.MultipleCondition": _multiple,
}
