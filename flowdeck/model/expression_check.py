"""Expressions inside a source: syntax, and where in the YAML text an error lies."""

from __future__ import annotations

from typing import Any

from yaml.nodes import ScalarNode

from flowdeck.expr import ExpressionError, compile
from flowdeck.model.findings import Finding, Severity


def has_expression(value: Any) -> bool:
    """Whether anything in a nested value has to be rendered."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, dict):
        return any(has_expression(k) or has_expression(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(has_expression(v) for v in value)
    return False


def check_expression(node: ScalarNode, path: str, source: str) -> list[Finding]:
    """An error when a template does not parse, else a warning for each filter, function and test that nobody knows.

    Unknown names fail when they are rendered, if ever (spec: expressions §4).
    """

    def finding(severity: Severity, message: str, line: int, column: int, rule: str) -> Finding:
        line, column = locate(node, source, line, column)
        return Finding(severity, message, path, line, column, line, column + 1, rule)

    try:
        template = compile(node.value)
    except ExpressionError as error:
        message = f"Invalid expression: {error.message}"
        if error.hint:
            message += f" ({error.hint})"
        return [finding(Severity.ERROR, message, error.line, error.column, "expression")]
    return [finding(Severity.WARNING, *problem, "unknown-name") for problem in template.problems]


def locate(node: ScalarNode, source: str, line: int, column: int) -> tuple[int, int]:
    """Line and column in the source of a place in a scalar's text, all from 1.

    Exact for block scalars that keep their lines, and for texts without escapes or folding; otherwise the line is
    found by looking for the text of the line, and failing that the scalar's begin is told.
    """
    start = node.start_mark
    if node.style == "|":
        lines = source.split("\n")
        first = start.line + 1
        indent = next((len(x) - len(x.lstrip(" ")) for x in lines[first:] if x.strip()), 0)
        return first + line, indent + column
    quote = 1 if node.style in ("'", '"') else 0
    if start.line == node.end_mark.line:
        return start.line + 1, start.column + quote + column
    wanted = node.value.split("\n")[line - 1] if line <= node.value.count("\n") + 1 else ""
    probe = wanted[max(column - 12, 0) : column + 4].strip()
    for number, text in enumerate(source.split("\n")[start.line : node.end_mark.line + 1]):
        place = text.find(probe) if probe else -1
        if place >= 0:
            return start.line + number + 1, place + min(column, 12)
    return start.line + 1, start.column + 1
