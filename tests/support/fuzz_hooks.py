"""Hooks of schemathesis: filters in their wire form, ids that exist, and nothing that would end the run.

`FLOWDECK_FUZZ_THINGS` holds JSON: names of path parameters, each with values that exist on the server.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

import schemathesis

THINGS: dict[str, list[str]] = json.loads(os.environ.get("FLOWDECK_FUZZ_THINGS", "{}"))
KEPT = "io.kept"
"""A namespace that nothing is in."""


def _chance(value: Any) -> int:
    """A number that follows from a value: runs with the same seed send the same."""
    return zlib.crc32(repr(value).encode())


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Two of three parameters name something that exists."""
    found = dict(path_parameters or {})
    for name, value in found.items():
        values = THINGS.get(name)
        chance = _chance(value)
        if values and chance % 3:
            found[name] = values[chance // 3 % len(values)]
    return found


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Write filters as clients do; bulk calls without any touch nothing."""
    query = dict(case.query or {})
    filters = query.get("filters")
    if isinstance(filters, list):
        del query["filters"]
        for one in filters:
            if isinstance(one, dict):
                field, operation, value = (one.get(k) for k in ("field", "operation", "value"))
                query[f"filters[{field}][{operation}]"] = value if isinstance(value, str) else json.dumps(value)
    method, path = case.operation.method.upper(), case.operation.path
    if path.endswith("/by-query") and method != "GET" and not any(k.startswith("filters[") for k in query):
        query["filters[namespace][EQUALS]"] = KEPT
    if query.get("wait") not in (None, "false", False):
        query["wait"] = "false"
    case.query = query
    if path in ("/api/v1/{tenant}/flows/bulk", "/api/v1/{tenant}/flows/{namespace}"):
        case.query = {**query, "delete": "false"}
