"""Stored dashboards (spec: REST contract §14); the data of their charts: `services.charts`."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flowdeck.expr import ExpressionError, yamltext
from flowdeck.model.dashboards.parsing import ParsedDashboard, parse_chart, parse_dashboard
from flowdeck.model.errors import IllegalArgument, InvalidEntity, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant, told
from flowdeck.store.queries.where import Page

KIND = "dashboard"
OWNER = ""


def parsed(backend: Backend, source: str) -> ParsedDashboard:
    """A dashboard's document and all that is to say about it."""
    return parse_dashboard(source, backend.catalog)


def parsed_chart(backend: Backend, source: str) -> ParsedDashboard:
    """The same of one chart."""
    return parse_chart(source, backend.catalog)


def violation(found: ParsedDashboard) -> dict[str, Any]:
    """`ValidateConstraintViolation` of a dashboard or chart, with the place of each finding."""
    return compact(
        {
            "index": 0,
            "constraints": ", ".join(found.texts) or None,
            "outdated": False,
            **told(found.findings),
        }
    )


def _document(source: str) -> dict[str, Any]:
    """A stored dashboard as it was saved, whatever today's rules say."""
    try:
        found = yamltext.load(source)
    except ExpressionError:
        return {}
    return found if isinstance(found, dict) else {}


def _shaped(row: Any) -> dict[str, Any]:
    stored = json.loads(row["body"])
    document = _document(stored["source"])
    return compact(
        {
            "tenantId": row["tenant"],
            "id": row["key"],
            "title": document.get("title"),
            "description": document.get("description"),
            "timeWindow": document.get("timeWindow"),
            "charts": document.get("charts") or [],
            "deleted": False,
            "created": instant(stored["created"]),
            "updated": instant(row["updated"]),
            "sourceCode": stored["source"],
        }
    )


async def _row(backend: Backend, caller: Caller, dashboard: str) -> Any:
    return await backend.read(
        lambda r: r.one(
            "select * from user_data where tenant = :t and owner = :o and kind = :k and key = :key",
            t=caller.tenant,
            o=OWNER,
            k=KIND,
            key=dashboard,
        )
    )


async def get(backend: Backend, caller: Caller, dashboard: str) -> dict[str, Any]:
    """`DashboardResponse`. `NotFound`."""
    row = await _row(backend, caller, dashboard)
    if row is None:
        raise NotFound(f"dashboard '{dashboard}'")
    return _shaped(row)


async def search(backend: Backend, caller: Caller, text: str, page: Page) -> tuple[list[dict[str, Any]], int]:
    """One page by title."""
    rows = await backend.read(
        lambda r: r.all(
            "select * from user_data where tenant = :t and owner = :o and kind = :k order by key",
            t=caller.tenant,
            o=OWNER,
            k=KIND,
        )
    )
    found = [d for d in map(_shaped, rows) if text.lower() in str(d.get("title", "")).lower()]
    found.sort(key=lambda d: str(d.get("title", "")).lower())
    for name, descending in reversed(page.sorts):
        if name not in ("title", "created", "updated", "id"):
            raise IllegalArgument(f"unknown sort field '{name}'; known are title, created, updated, id")
        found.sort(key=lambda d, name=name: str(d.get(name, "")), reverse=descending)
    return found[page.offset : page.offset + page.size], len(found)


async def save(backend: Backend, caller: Caller, source: str, dashboard: str | None = None) -> dict[str, Any]:
    """Create, or update the one named. `InvalidEntity`, `NotFound`."""
    found = parsed(backend, source)
    if found.errors:
        raise InvalidEntity(
            ", ".join(found.texts),
            violations=[{"path": f.path or "source", "message": f.message, "line": f.line} for f in found.errors],
        )
    document = found.document
    given = str(document["id"]) if document.get("id") is not None else None
    created = backend.now()
    if dashboard is None:
        dashboard = given or secrets.token_hex(11)
        if await _row(backend, caller, dashboard) is not None:
            raise InvalidEntity(f"dashboard.id: '{dashboard}' already exists")
    else:
        if given is not None and given != dashboard:
            raise InvalidEntity("dashboard.id: Illegal dashboard id update")
        row = await _row(backend, caller, dashboard)
        if row is None:
            raise NotFound(f"dashboard '{dashboard}'")
        created = json.loads(row["body"])["created"]
    await backend.send(
        caller,
        "userdata.put",
        owner=OWNER,
        kind=KIND,
        key=dashboard,
        shared=True,
        body={"source": source, "created": created},
    )
    return await get(backend, caller, dashboard)


async def delete(backend: Backend, caller: Caller, dashboard: str) -> None:
    """Delete. `NotFound`."""
    await get(backend, caller, dashboard)
    await backend.send(caller, "userdata.delete", owner=OWNER, kind=KIND, key=dashboard)


async def chart_of(backend: Backend, caller: Caller, dashboard: str, chart: str) -> tuple[Any, Any]:
    """One chart of a stored dashboard, and the dashboard's time window.

    `NotFound`; `IllegalArgument` for a chart that today's rules refuse.
    """
    found = parsed(backend, (await get(backend, caller, dashboard))["sourceCode"])
    for n, one in enumerate(found.document.get("charts") or ()):
        if isinstance(one, dict) and one.get("id") == chart:
            wrong = [f.message for f in found.errors if f.path.startswith(f"charts[{n}]")]
            if wrong:
                raise IllegalArgument(f"chart '{chart}': {', '.join(wrong)}")
            return one, found.document.get("timeWindow")
    raise NotFound(f"chart '{chart}'")
