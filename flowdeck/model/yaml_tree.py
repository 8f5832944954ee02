"""YAML text to marked nodes, and plain scalars to values (spec: workflow components §1.2; quality §3.1).

The loader resolves nothing: every scalar keeps the text as written until the type of its property is known.
Explicit tags are refused, nesting and the growth by aliases are limited, so that a small text can't make much work.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flowdeck.model.findings import Finding, Severity

MAX_SOURCE = 5 * 1024 * 1024
"""Longest source in characters."""

MAX_DEPTH = 100
"""Deepest nesting of maps and lists."""

_DEEP = re.compile(r"^[ ]{120}[ ]*[^\s]|^[ ]*(?:[-?:][ ]+){40}", re.MULTILINE)
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "yes", "on", "y"))
_FALSE = frozenset(("false", "no", "off", "n"))
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_DEFAULT_TAGS = {
    ScalarNode: "tag:yaml.org,2002:str",
    MappingNode: "tag:yaml.org,2002:map",
    SequenceNode: "tag:yaml.org,2002:seq",
}
_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Loader(_Base):
    """Composes nodes without resolving scalars."""


class SourceError(ValueError):
    """The text is no usable YAML; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def _broken(message: str, line: int = 1, column: int = 1) -> SourceError:
    return SourceError(
        Finding(Severity.ERROR, f"Illegal flow yaml: {message}", "yaml", line, column, line, column + 1, rule="yaml")
    )


def load(source: str) -> Node | None:
    """Nodes of a text that holds one document; None for an empty one. `SourceError` for anything that is no YAML."""
    if len(source) > MAX_SOURCE:
        raise _broken(f"the text is longer than {MAX_SOURCE} characters")
    try:
        if source.count("[") + source.count("{") > 300 or _DEEP.search(source):
            _check_depth(source)
        return yaml.compose(source, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part) or "can not be read"
        if mark is None:
            raise _broken(problem) from None
        place = f" (line {mark.line + 1}, column {mark.column + 1})"
        raise _broken(problem + place, mark.line + 1, mark.column + 1) from None
    except yaml.reader.ReaderError as error:
        line, column = _place(source, error.position) if isinstance(error.position, int) else (1, 1)
        raise _broken(f"{error.reason} (line {line}, column {column})", line, column) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, SourceError):
            raise
        raise _broken(str(error).split("\n")[0] or "can not be read") from None


def _place(source: str, position: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    before = source[:position]
    return before.count("\n") + 1, position - before.rfind("\n")


def _check_depth(source: str) -> None:
    """Refuse deep nesting before the composer, which recurses in C, sees it."""
    loader = _Loader(source)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark = event.start_mark
                    raise _broken(f"nesting is deeper than {MAX_DEPTH}", mark.line + 1, mark.column + 1)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    finally:
        loader.dispose()


def has_tag(node: Node) -> bool:
    """Whether the node has an explicit tag."""
    return node.tag != _DEFAULT_TAGS.get(type(node))


def is_null(node: Node) -> bool:
    """Whether a node is an unquoted null or nothing."""
    return isinstance(node, ScalarNode) and node.value in _NULLS and not node.style


def resolve(node: ScalarNode) -> Any:
    """Value of a scalar of an untyped property: booleans, numbers and null by YAML 1.1; dates, octal and
    sexagesimal numbers stay text."""
    return node.value if node.style else resolve_text(node.value)


def resolve_text(text: str) -> Any:
    """The same for a text that was written without quotes."""
    if text in _NULLS:
        return None
    first = text[0]
    if first in "tTfFyYnNoO":
        lower = text.lower() if len(text) <= 5 else ""
        if lower in _TRUE:
            return True
        return False if lower in _FALSE else text
    if first in "0123456789+-." and len(text) <= 40:
        if _INTEGER.fullmatch(text):
            return int(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            number = float(text.replace("_", ""))
            return number if abs(number) < 1e308 else text
    return text


def plain(node: Node | None, limit: int = 200_000) -> Any:
    """Nodes as untyped JSON values (for YAML inputs and the like); `SourceError` beyond `limit` values or for tags."""
    count = 0

    def walk(node: Node, depth: int) -> Any:
        nonlocal count
        count += 1
        mark = node.start_mark
        if count > limit or depth > MAX_DEPTH:
            raise _broken("too many values or too deep", mark.line + 1, mark.column + 1)
        if has_tag(node):
            raise _broken("tags are not allowed", mark.line + 1, mark.column + 1)
        if isinstance(node, ScalarNode):
            return resolve(node)
        if isinstance(node, SequenceNode):
            return [walk(x, depth + 1) for x in node.value]
        out = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise _broken("keys must be texts", key.start_mark.line + 1, key.start_mark.column + 1)
            if key.value in out:
                raise _broken(f"key '{key.value}' is given twice", key.start_mark.line + 1, key.start_mark.column + 1)
            out[key.value] = walk(value, depth + 1)
        return out

    return None if node is None else walk(node, 0)


def load_plain(source: str) -> Any:
    """One document as untyped JSON values; `SourceError` when it is no usable YAML."""
    return plain(load(source))


def split_documents(source: str) -> list[tuple[str, int]]:
    """Parts of a text with several documents, each with the number of lines before it; empty parts are left out."""
    parts: list[tuple[list[str], int]] = [([], 0)]
    for number, line in enumerate(source.splitlines(keepends=True)):
        if re.match(r"---(\s|$)", line):
            parts.append(([], number + 1))
        else:
            parts[-1][0].append(line)
    joined = [("".join(lines), start) for lines, start in parts]
    return [(text, start) for text, start in joined if re.search(r"^\s*[^#\s]", text, re.MULTILINE)]
