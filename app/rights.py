"""What a reader may be shown: pure rules over the rights that the API told (`spec` UI-PM-01, UI-PM-02)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from app.words import say

FLOW_TABS = {
    "overview": "EXECUTION:READ",
    "executions": "EXECUTION:READ",
    "logs": "EXECUTION:READ",
    "metrics": "EXECUTION:READ",
    "edit": "FLOW:READ",
    "revisions": "FLOW:READ",
    "triggers": "FLOW:READ",
    "dependencies": "FLOW:READ",
    "concurrency": "FLOW:READ",
}
"""Tab of a flow's page → the right that it needs; `topology` needs none of its own."""
NAMESPACE_TABS = {
    "flows": "FLOW:READ",
    "executions": "EXECUTION:READ",
    "logs": "EXECUTION:READ",
    "dependencies": "FLOW:READ",
    "files": "FLOW:READ",
    "kv": "KVSTORE:READ",
    "secrets": "SECRET:READ",
    "variables": "NAMESPACE:READ",
    "plugin-defaults": "NAMESPACE:READ",
    "edit": "NAMESPACE:UPDATE|NAMESPACE:DELETE",
}
"""Tab of a namespace's page → the right that it needs."""
PLACES = [
    [r"/flows/new", "FLOW:CREATE"],
    [r"/flows(/search)?", "FLOW:READ"],
    *([rf"/namespaces/edit/(?P<ns>[^/]+)/{tab}", right] for tab, right in NAMESPACE_TABS.items()),
    [r"/namespaces(/edit/(?P<ns>[^/]+)(/.*)?)?", "NAMESPACE:READ"],
    [r"/executions(/.*)?", "EXECUTION:READ"],
    [r"/(waiting|logs)", "EXECUTION:READ"],
    [r"/dashboards/new", "DASHBOARD:CREATE"],
    [r"/dashboards/[^/]+/edit", "DASHBOARD:UPDATE"],
    [r"/dashboards(/[^/]+)?", "DASHBOARD:READ"],
    [r"/kv", "KVSTORE:READ"],
    [r"/secrets", "SECRET:READ"],
    [r"/blueprints(/.*)?", "BLUEPRINT:READ"],
    [r"/admin/(triggers|concurrency-limits)", "FLOW:READ"],
    [r"/admin/stats", "NAMESPACE:READ"],
    [r"/admin/instance(/.*)?", "INSTANCE:READ"],
]
"""Pattern of a place below the tenant → the right without which its address gives the 403 page; all that fit count, and
`ns` is the namespace that the right is asked on. The browser judges by the same list (`shell.jsx`). Tabs of a flow are
not here: such a page opens at a tab that the rights allow (UI-PM-02)."""
TRIGGERS = "EXECUTION:UPDATE"
"""What switches, evaluates, restarts, unlocks and backfills triggers: they are of the executions that they start."""


def allows(held: Iterable[str], right: str, namespace: str = "") -> bool:
    """Tell whether rights include one on a namespace.

    Args:
        held: `FLOW:READ`, or `FLOW:READ@company.data` where limited to a namespace and those below; none at all means
            that they are not known yet.
        right: `PERMISSION:ACTION`, or several joined by `|` of which one suffices.
        namespace: empty asks for the right anywhere.
    """
    known, wanted = False, right.split("|")
    for one in held:
        known = True
        name, _, limit = one.partition("@")
        if name in wanted and (not limit or not namespace or namespace == limit or namespace.startswith(limit + ".")):
            return True
    return not known


def barred(place: str, held: Sequence[str]) -> str:
    """The right that a reader lacks for a place below the tenant; empty when it may be opened."""
    for pattern, right in PLACES:
        found = re.fullmatch(pattern, place)
        if found and not allows(held, right, found.groupdict().get("ns") or ""):
            return right
    return ""


def permitted(held: Sequence[str], right: str, places: Mapping[str, str]) -> list[str]:
    """The rows that a bulk action may touch (UI-PM-04).

    Args:
        places: id of each row → its namespace.
    """
    return [identity for identity, namespace in places.items() if allows(held, right, namespace)]


def shortfall(may: int, asked: int, right: str) -> str:
    """Say before a bulk action starts that it concerns some rows only; empty when it concerns all."""
    if may == asked:
        return ""
    return say("{may} of {asked}: on the namespaces of the others you lack {right}.", may=may, asked=asked, right=right)


def open_tab(wanted: str, held: Sequence[str], namespace: str, first: str = "overview") -> str:
    """The tab of a flow's page that opens: the wanted one, else the reader's first, else what the rights leave."""
    for tab in (wanted, first, "overview", "topology"):
        if tab and (tab not in FLOW_TABS or allows(held, FLOW_TABS[tab], namespace)):
            return tab
    return "topology"
