"""Rules among the inputs of a flow or a pause, and within one (spec: workflow components §2.4, §2.5, §3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flowdeck.model.expression_check import has_expression
from flowdeck.model.findings import Severity
from flowdeck.model.input_values import InputValueError, parse_value
from flowdeck.model.validation import Checker


def check_inputs(checker: Checker, inputs: Iterable[dict[str, Any]], base: str) -> None:
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
        spec = checker.catalog.find(str(value.get("type")), "input")
        kind = spec.type if spec else None
        _one_input(value, kind, lambda *a, n=number, **k: report(n, *a, **k), checker.strict)


def _one_input(value: Mapping[str, Any], kind: str | None, report: Callable[..., None], strict: bool) -> None:
    name = value["id"]
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
    if strict and kind is not None:
        _default_fits(value, kind, report)
    if value.get("itemType") == "ARRAY" or (kind == "MULTISELECT" and value.get("itemType") == "MULTISELECT"):
        report(f"`itemType` cannot be `{value['itemType']}`", "item-type", part=".itemType")


def _default_fits(value: Mapping[str, Any], kind: str, report: Callable[..., None]) -> None:
    """A default without expressions that the input itself would refuse can never be used (§3.3, §3.4)."""
    default = value.get("defaults")
    if default in (None, "") or kind == "FILE" or has_expression(default):
        return
    props = {k: v for k, v in value.items() if not has_expression(v)}
    if any(not _compiles(p) for p in (props.get("validator"), *(props.get("values") or ())) if p):
        return  # told already
    try:
        parse_value(kind, default, props, value["id"])
    except InputValueError as error:
        text = f"Invalid value for input `{value['id']}`. Cause: {error}"
        report(text, "input-default-value", part=".defaults")


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
