"""Query parameters of lists: pages, sorts, filters, the older spellings (spec: REST contract §4, §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Request
from pydantic import Field

from flowdeck.model.errors import IllegalArgument, InvalidFilter, InvalidFormat
from flowdeck.store.queries.where import ENUM_NAMES, RESOURCES, Filter, Page, check

MAX_SIZE = 10_000
MOST_SORTS = 10
LARGEST_NUMBER = 2**31 - 1
_KEY = re.compile(r"^filters\[([^\]]*)\]\[([^\]]*)\](?:\[(.*)\])?$")

LEGACY: dict[str, tuple[str, str]] = {
    "q": ("q", "EQUALS"),
    "namespace": ("namespace", "PREFIX"),
    "flowId": ("flowId", "EQUALS"),
    "triggerId": ("triggerId", "EQUALS"),
    "minLevel": ("minLevel", "EQUALS"),
    "startDate": ("startDate", "GREATER_THAN"),
    "endDate": ("endDate", "LESS_THAN"),
    "scope": ("scope", "EQUALS"),
    "timeRange": ("timeRange", "EQUALS"),
    "childFilter": ("childFilter", "EQUALS"),
    "state": ("state", "IN"),
    "workerId": ("workerId", "EQUALS"),
    "triggerExecutionId": ("triggerExecutionId", "EQUALS"),
}


def whole(text: str, name: str) -> int:
    """A number of the query that columns can hold. `InvalidFormat`, `IllegalArgument`."""
    try:
        value = int(text)
    except ValueError:
        raise InvalidFormat(f"{name}: '{text[:32]}' is not a number") from None
    if abs(value) > LARGEST_NUMBER:
        raise IllegalArgument(f"{name}: must be a number of at most {LARGEST_NUMBER}")
    return value


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        raise InvalidFormat(f"{name}: '{text[:32]}' is not a number") from None
    if value < 1:
        raise IllegalArgument(f"{name}: must be greater than or equal to 1")
    if value > LARGEST_NUMBER:
        raise IllegalArgument(f"{name}: must be less than or equal to {LARGEST_NUMBER}")
    return value


def page(request: Request) -> Page:
    """`page`, `size`, `sort` of the query."""
    sorts: list[tuple[str, bool]] = []
    for value in request.query_params.getlist("sort"):
        for part in value.split(","):
            if not part.strip():
                continue
            name, _, direction = part.strip().partition(":")
            if direction.lower() not in ("", "asc", "desc"):
                raise IllegalArgument(f"sort: '{part[:64]}' is not field:asc or field:desc")
            sorts.append((name, direction.lower() == "desc"))
    if len(sorts) > MOST_SORTS:
        raise IllegalArgument(f"sort: at most {MOST_SORTS} fields")
    return Page(_number(request, "page", 1), min(_number(request, "size", 10), MAX_SIZE), tuple(sorts))


def _label_map(values: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        key, colon, text = value.partition(":")
        if not colon or not key or not text:
            raise IllegalArgument(f"labels: '{value[:64]}' is not key:value")
        if key in found:
            raise IllegalArgument(f"labels: the key '{key}' is given twice")
        found[key] = text
    return found


def label_parameters(request: Request) -> list[dict[str, str]]:
    """`labels=key:value` of the query as a list of labels; 422 for malformed ones."""
    return [{"key": k, "value": v} for k, v in _label_map(request.query_params.getlist("labels")).items()]


def filters(request: Request, resource: str) -> list[Filter]:
    """Filters of the query; the older parameters count only when there is no `filters[…]`. `InvalidFilter` (400)."""
    scalars: dict[tuple[str, str], list[str]] = {}
    maps: dict[tuple[str, str], dict[str, Any]] = {}
    for name, value in request.query_params.multi_items():
        if not name.startswith("filters"):
            continue
        if name == "filters" and not value:
            continue
        match = _KEY.match(name)
        if match is None:
            raise InvalidFilter(f"'{name[:100]}' is not filters[field][OPERATION]")
        field = _canonical(match[1])
        if match[3] is not None:
            entries = maps.setdefault((field, match[2]), {})
            entries[match[3]] = (
                [*entries[match[3]], value]
                if isinstance(entries.get(match[3]), list)
                else [entries[match[3]], value]
                if match[3] in entries
                else value
            )
        else:
            scalars.setdefault((field, match[2]), []).append(value)
    found = [Filter(field, op, entries) for (field, op), entries in maps.items()]
    for (field, op), values in scalars.items():
        if field == "labels" and field in RESOURCES[resource]:
            found.append(Filter(field, op, _label_map(values)))
        elif op in ("IN", "NOT_IN"):
            merged = [unquote(part) for value in values for part in Filter(field, op, value).texts()]
            found.append(Filter(field, op, merged))
        else:
            found.append(Filter(field, op, values if len(values) > 1 else values[0]))
    if not found:
        found = _older(request, resource)
    check(resource, found)
    return found


def _older(request: Request, resource: str) -> list[Filter]:
    found: list[Filter] = []
    for name, (field, op) in LEGACY.items():
        values = [v for v in request.query_params.getlist(name) if v != ""]
        if not values:
            continue
        if name == "state":
            values = [part for value in values for part in value.split(",")]
        found.append(Filter(field, op, values if len(values) > 1 or op == "IN" else values[0]))
    labels = request.query_params.getlist("labels")
    if labels:
        found.append(Filter("labels", "EQUALS", _label_map(labels)))
    return [f for f in found if f.field in RESOURCES[resource]]


def _canonical(name: str) -> str:
    name = ENUM_NAMES.get(name, name)
    return {"query": "q", "level": "minLevel"}.get(name, name)


def body_filters(sent: Any, resource: str) -> list[Filter]:
    """Filters of a JSON body: a list of `{field, operation, value}`; the SDK's `{"value": x}` wrapping is undone."""
    if sent is None:
        return []
    if not isinstance(sent, list):
        raise InvalidFilter("filters must be a list")
    found: list[Filter] = []
    for one in sent:
        if not isinstance(one, dict):
            raise InvalidFilter("a filter must be an object")
        value = one.get("value")
        if isinstance(value, dict) and set(value) == {"value"}:
            value = value["value"]
        found.append(Filter(_canonical(str(one.get("field"))), str(one.get("operation") or "EQUALS"), value))
    check(resource, found)
    return found


def flag(request: Request, name: str, default: bool = False) -> bool:
    """A boolean of the query."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise InvalidFormat(f"{name}: '{text[:32]}' is not true or false")


def listed(request: Request, name: str) -> list[str]:
    """A list of the query: the parameter repeated, or joined by commas."""
    return [part for value in request.query_params.getlist(name) for part in value.split(",") if part]


PageDep = Annotated[Page, Depends(page)]

Integer = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
"""A number of the query or the path; what no database column holds is refused (422)."""
