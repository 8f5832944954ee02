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
from flowdeck.api.contract.operation import Action, Answer, Operation, Query, anonymised

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

_READS = (
    (
        r"executions/.*|errors|stream|logs/(patterns|export)|flows/(sparklines|days)|flows/{}/{}/concurrency",
        "EXECUTION",
    ),
    (r"figures", "DASHBOARD"),
    (r"flows/(lines|{}/{}/(history|source\.yaml|editing))|schedules/(preview|words)|plugins/(absent|{}/uses)", "FLOW"),
    (r"namespaces/{}/(dependencies|lines|files/(below|versions))|administration/(limits|week)", "FLOW"),
    (r"namespaces|administration/statistics", "NAMESPACE"),
    (r"secrets|secrets/inherited", "SECRET"),
    (r"kv/.*", "KVSTORE"),
    (r"services|administration/(services|about|bundle)", "INSTANCE"),
)
"""Routes of the console that read → what they need READ of; those that POST a question read too."""
_OTHERS: tuple[tuple[str, str, tuple[tuple[str, Action], ...]], ...] = (
    ("GET", r"flows/{}/{}/baselines", (("FLOW", "READ"), ("EXECUTION", "READ"))),
    ("GET", r"secrets/{}/uses", (("SECRET", "READ"), ("FLOW", "READ"))),
    ("GET PUT DELETE", r"flows/{}/{}/(presets.*|pins)", (("EXECUTION", "CREATE"),)),
    ("POST", r"flows/{}/{}/(triggers/{}/.*|playground)", (("EXECUTION", "CREATE"),)),
    ("POST", r"flows/{}/{}/(restore|replaced)|namespaces/{}/lines/replace", (("FLOW", "UPDATE"),)),
    ("PUT DELETE", r"flows/{}/{}/editing/{}", (("FLOW", "UPDATE"),)),
    ("DELETE", r"flows/{}/{}/logs", (("EXECUTION", "DELETE"),)),
    ("POST", r"flows/import(/judge)?", (("FLOW", "CREATE"), ("FLOW", "UPDATE"))),
    ("POST", r"dashboards/outline", (("DASHBOARD", "ANY"),)),
    ("PATCH", r"settings/defaults", (("SETTING", "UPDATE"),)),
    # The caller's own things, and what is of nobody. Rights on a kind are asked for by the service: what is found
    # (search), whose draft it is, whether a view is shared.
    ("GET PUT PATCH DELETE", r"me|profile|password|sessions(/{})?|settings|views(/{})?|drafts(/{}/{})?", ()),
    ("GET", r"settings/defaults|search|plugins/search|docs(/{})?", ()),
)


def console_needs(method: str, path: str) -> tuple[tuple[str, Action], ...]:
    """What a route of the console needs; none: whoever is logged in. `LookupError` for one that no entry names."""
    below = anonymised(path).partition("/console/")[2]
    if method in ("GET", "POST"):
        asks = method == "GET" or re.fullmatch(r"schedules/.*|figures|flows/(sparklines|days)", below)
        for pattern, kind in _READS if asks else ():
            if re.fullmatch(_literal(pattern), below):
                return ((kind, "READ"),)
    for methods, pattern, needs in _OTHERS:
        if method in methods.split() and re.fullmatch(_literal(pattern), below):
            return needs
    raise LookupError(f"{method} {path} has no permission in flowdeck.api.contract.tables")


def _literal(pattern: str) -> str:
    return pattern.replace("{}", r"\{\}")


def _console(route: APIRoute, method: str) -> Operation:
    """Read from the handler: extensions of the console change with it, clients get no promise."""
    words = re.findall(r"[A-Za-z0-9]+", anonymised(route.path).partition("/console/")[2])
    name = "".join(w[:1].upper() + w[1:] for w in words)
    permission, *also = console_needs(method, route.path) or (None,)
    return Operation(
        method,
        route.path,
        f"console{method.capitalize()}{name}{route.path.count('{') - 1 or ''}",
        permission,
        also=tuple(one for one in also if one),
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
