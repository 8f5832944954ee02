"""All operations of one API, and what follows for routes of the console that name nothing themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fastapi.routing import APIRoute

from flowdeck.api.contract import (
    dashboards,
    executions,
    executions_bulk,
    flows,
    instance,
    logs_metrics,
    namespaces,
    plugins,
    triggers,
)
from flowdeck.api.contract.operation import Answer, Operation, Permission, Query, anonymised

OPERATIONS: tuple[Operation, ...] = (
    *flows.OPERATIONS,
    *executions.OPERATIONS,
    *executions_bulk.OPERATIONS,
    *logs_metrics.OPERATIONS,
    *triggers.OPERATIONS,
    *namespaces.OPERATIONS,
    *dashboards.OPERATIONS,
    *plugins.OPERATIONS,
    *instance.OPERATIONS,
)

_BY_KEY = {one.key: one for one in OPERATIONS}
CONSOLE = "/api/v1/{tenant}/console/"

_CONSOLE_PERMISSIONS: tuple[tuple[str, Permission], ...] = (
    (r"executions/|errors|stream$|flows/sparklines|flows/days", ("EXECUTION", "READ")),
    (r"figures", ("DASHBOARD", "READ")),
    (r"flows/\{\}/\{\}/concurrency", ("EXECUTION", "READ")),
    (r"flows/\{\}/\{\}/logs", ("EXECUTION", "DELETE")),
    (r"schedules/preview|flows/\{\}/\{\}/baselines", ("FLOW", "READ")),
    (r"flows/\{\}/\{\}/(presets|triggers|pins|playground)", ("EXECUTION", "CREATE")),
)


def console_permission(path: str) -> Permission:
    """What a route of the console needs; None: its own rows are chosen by what the caller may read."""
    below = anonymised(path).partition("/console/")[2]
    return next((needs for pattern, needs in _CONSOLE_PERMISSIONS if re.match(pattern, below)), None)


def _console(route: APIRoute, method: str) -> Operation:
    """Read from the handler: extensions of the console change with it, clients get no promise."""
    words = re.findall(r"[A-Za-z0-9]+", anonymised(route.path).partition("/console/")[2])
    name = "".join(w[:1].upper() + w[1:] for w in words)
    return Operation(
        method,
        route.path,
        f"console{method.capitalize()}{name}{route.path.count('{') - 1 or ''}",
        console_permission(route.path),
        query=tuple(read_query(route)),
        answers={200: Answer(None, "*")},
        errors=(400, 409, 415, 422),
        ours=True,
    )


def read_query(route: APIRoute) -> Iterator[Query]:
    """Parameters that the handler's signature declares."""
    for one in route.dependant.query_params:
        info = one.field_info
        required = info.is_required()
        yield Query(one.alias, info.annotation, required, None if required else info.default)


def operations(routes: Iterable[object]) -> Iterator[tuple[APIRoute, Operation]]:
    """Every route with each of its operations. `LookupError` for one that nothing describes."""
    for route in routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in sorted(route.methods or ()):
            found = _BY_KEY.get((method, anonymised(route.path)))
            if found is None and route.path.startswith(CONSOLE):
                found = _console(route, method)
            if found is None:
                raise LookupError(f"{method} {route.path} has no entry in flowdeck.api.contract")
            yield route, found
