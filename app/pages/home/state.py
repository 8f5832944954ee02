"""State of the home dashboard: the range and filters of the URL, and small pages of rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes
from app.list_page import filters_of, pairs_of
from app.pages.home import numbers
from app.pages.home.numbers import Active, Card, Failure, NamespaceRatio
from app.tab import Tab
from backend_client import ApiError, Client, TriggerRow
from components.states import STATES

FAMILIES = {name: family for name, (family, _) in STATES.items()}
SECTIONS = ("numbers", "namespaces", "active", "next", "failures")


def parsed(text: str) -> datetime | None:
    """Return an instant of the URL or of a brush; None when it is none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(instant: datetime) -> str:
    """Return an instant as the API writes it."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StartState(Tab):
    """Decides where a reader without a place begins."""

    @rx.event
    async def load(self) -> None:
        """Go to the dashboard."""
        if self.username:
            self.navigate(routes.DASHBOARDS, replace=True)


class HomeState(Tab):
    """What the dashboard shows."""

    span: str = "PT24H"
    since: str = ""
    until: str = ""
    filters: list[dict[str, str]] = []
    refresh_seconds: int = 10

    figure: dict[str, Any] = {}
    legend: list[dict[str, str]] = []
    cards: list[Card] = [Card(), Card(), Card(), Card()]
    spaces: list[NamespaceRatio] = []
    running: list[Active] = []
    running_total: int = 0
    running_to: str = ""
    failed_to: str = ""
    triggers: list[TriggerRow] = []
    failures: list[Failure] = []
    failed_total: str = ""
    loaded: bool = False
    nothing: bool = False
    faults: dict[str, str] = {}

    # -- the URL --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.clear()
        pairs = self.query_pairs()
        _, self.filters = filters_of(pairs)
        since, until = parsed(self.query("from")), parsed(self.query("to"))
        self.since = iso(since) if since and until else ""
        self.until = iso(until) if since and until else ""
        chosen = self.query("range", str((self.settings.get("dashboard") or {}).get("range") or ""))
        self.span = chosen if chosen in numbers.HOURS else "PT24H"

    def _window(self) -> tuple[datetime, datetime]:
        since, until = parsed(self.since), parsed(self.until)
        if since and until:
            return since, until
        now = datetime.now(UTC)
        return now - timedelta(hours=numbers.HOURS[self.span]), now

    def _go(self, *, filters: list[dict[str, str]] | None = None, more: list[tuple[str, str]] | None = None) -> None:
        kept = more
        if kept is None:
            kept = [("from", self.since), ("to", self.until)] if self.since else [("range", self.span)]
        pairs = [*pairs_of("", self.filters if filters is None else filters), *kept]
        self.navigate(f"{routes.DASHBOARDS}?{urlencode(pairs, safe='[],:')}")

    @rx.event
    async def set_range(self, span: str) -> None:
        """Another span up to now."""
        self._go(more=[("range", span)])

    @rx.event
    async def set_brush(self, chosen: dict[str, Any]) -> None:
        """A part of the chart was chosen, or the choice was cleared."""
        since, until = parsed(str(chosen.get("from") or "")), parsed(str(chosen.get("to") or ""))
        if since and until and until - since >= timedelta(seconds=1):
            self._go(more=[("from", iso(since)), ("to", iso(until))])
        elif self.since:
            self._go(more=[("range", self.span)])

    @rx.event
    async def clear_brush(self) -> None:
        """Back to a span up to now."""
        self._go(more=[("range", self.span)])

    @rx.event
    async def set_filters(self, filters: list[dict[str, str]]) -> None:
        """The conditions changed."""
        self._go(filters=[{k: str(v) for k, v in one.items()} for one in filters])

    @rx.event
    async def set_refresh(self, seconds: int) -> None:
        """Another interval of the automatic refresh."""
        self.refresh_seconds = seconds

    @rx.event
    async def open_bar(self, point: dict[str, Any]) -> None:
        """A bar was pressed: the executions of that state in that bucket."""
        since = parsed(str(point.get("x") or ""))
        name = str(point.get("name") or "")
        if since is None or name not in STATES:
            return
        width = timedelta(milliseconds=int(self.figure.get("bucketMs") or 3_600_000))
        self.navigate(self._list((name,), since, since + width))

    # -- what is shown --------------------------------------------------------------------------------------

    def _list(self, states: tuple[str, ...], since: datetime | None = None, until: datetime | None = None) -> str:
        pairs = [("filters[state][IN]", ",".join(states))] if states else []
        if since and until:
            pairs.append(("filters[startDate][GREATER_THAN_OR_EQUAL_TO]", iso(since)))
            pairs.append(("filters[startDate][LESS_THAN_OR_EQUAL_TO]", iso(until)))
        elif self.since:
            pairs.append(("filters[startDate][GREATER_THAN_OR_EQUAL_TO]", self.since))
            pairs.append(("filters[startDate][LESS_THAN_OR_EQUAL_TO]", self.until))
        else:
            pairs.append(("filters[timeRange][EQUALS]", self.span))
        return numbers.executions_place(pairs, self.filters)

    def _live(self, states: tuple[str, ...]) -> str:
        return numbers.executions_place([("filters[state][IN]", ",".join(states))], self.filters)

    @rx.event
    async def load(self) -> None:
        """Ask for everything that the URL names; a refused part says so in its own place."""
        if not self.username:
            return
        self._read()
        async with self.api() as api:
            if not self.loaded or self.nothing:
                known = await api.flows.search(size=1)
                if not known.total:
                    self.navigate(routes.WELCOME, replace=True)
                    return
            self.faults = {}
            await asyncio.gather(
                self._part("numbers", self._numbers(api)),
                self._part("namespaces", self._namespaces(api)),
                self._part("active", self._active(api)),
                self._part("next", self._next(api)),
                self._part("failures", self._failures(api)),
            )
            self.loaded = True

    async def _part(self, name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except ApiError as error:
            if error.status == 401:
                raise
            words = error.message + (f" Request {error.request_id}" if error.request_id else "")
            self.faults = {**self.faults, name: words}

    async def _numbers(self, api: Client) -> None:
        since, until = self._window()
        window = {"start": iso(since), "end": iso(until)}
        before = {"start": iso(since - (until - since)), "end": iso(since)}
        open_now = [
            *self.filters,
            {"field": "state", "operator": "IN", "value": ",".join(numbers.ACTIVE + numbers.PENDING)},
        ]
        now, then, living = await asyncio.gather(
            api.console.figure("executions-over-time", window, self.filters),
            api.console.figure("totals", before, self.filters),
            api.console.figure("totals", "P3650D", open_now),
        )
        columns, rows = now["columns"], now["rows"]
        states = numbers.sums(columns, rows)
        past = {row[0]: int(row[1]) for row in then["rows"]}
        alive = {row[0]: int(row[1]) for row in living["rows"]}
        words = "the span" if self.since else numbers.WORDS[self.span]
        going = {name: alive.get(name, 0) for name in numbers.ACTIVE}
        pending = {name: alive.get(name, 0) for name in numbers.PENDING}
        failed = numbers.failed_card(columns, rows, past, self._list(numbers.BAD))
        if not failed.change:
            failed = replace(failed, note=f"as in {words} before" if states.get("FAILED") else "none")
        else:
            failed = replace(failed, note=f"on {words} before")
        self.cards = [
            numbers.ratio_card(columns, rows, past, words, self._list(numbers.ENDED)),
            failed,
            Card(
                value=f"{sum(going.values()):,}",
                note=numbers.in_words(going, numbers.ACTIVE) or "nothing runs",
                parts=numbers.parts_of(going, numbers.ACTIVE, FAMILIES),
                place=self._live(numbers.ACTIVE),
            ),
            Card(
                value=f"{sum(pending.values()):,}",
                note=numbers.in_words(pending, numbers.PENDING) or "nothing waits",
                parts=numbers.parts_of(pending, ("QUEUED", "SUBMITTED", "CREATED"), FAMILIES),
                place=self._live(numbers.PENDING),
            ),
        ]
        self.failed_total = failed.value
        figure = now["figure"]
        # The legend stands above the chart, as links to the lists.
        self.figure = {
            "data": figure["data"],
            "layout": {**figure["layout"], "showlegend": False},
            "bucketMs": now.get("bucketMs"),
        }
        self.legend = [
            {"state": name, "family": FAMILIES.get(name, "shut"), "count": f"{count:,}", "to": self._list((name,))}
            for name, count in states.items()
            if count and name in numbers.largest(states, 6)
        ]
        self.nothing = not self.legend

    async def _namespaces(self, api: Client) -> None:
        since, until = self._window()
        found = await api.console.figure(
            "executions-by-namespace", {"start": iso(since), "end": iso(until)}, self.filters
        )

        def place(name: str) -> str:
            only = [one for one in self.filters if one["field"] != "namespace"]
            only.append({"field": "namespace", "operator": "EQUALS", "value": name})
            if self.since:
                return numbers.executions_place(
                    [
                        ("filters[startDate][GREATER_THAN_OR_EQUAL_TO]", self.since),
                        ("filters[startDate][LESS_THAN_OR_EQUAL_TO]", self.until),
                    ],
                    only,
                )
            return numbers.executions_place([("filters[timeRange][EQUALS]", self.span)], only)

        self.spaces = numbers.namespaces(found["columns"], found["rows"], place)

    async def _active(self, api: Client) -> None:
        going = {"field": "state", "operator": "IN", "value": ",".join(numbers.ACTIVE)}
        page = await api.executions.search(size=5, filters=[*self.filters, going])
        flows = sorted({(row.namespace, row.flow) for row in page.rows})
        waiting: dict[str, Any] = {}
        medians: dict[tuple[str, str], float] = {}
        if page.rows:
            waiting, lines = await asyncio.gather(
                api.executions.waiting([row.id for row in page.rows]), api.console.sparklines(flows)
            )
            medians = {(one["namespace"], one["id"]): one["medianMs"] for one in lines if one.get("medianMs")}
        self.running = [
            numbers.active(row, medians.get((row.namespace, row.flow)), waiting.get(row.id), FAMILIES)
            for row in page.rows
        ]
        self.running_total, self.running_to = page.total, self._live(numbers.ACTIVE)

    async def _next(self, api: Client) -> None:
        kept = [one for one in self.filters if one["field"] in ("namespace", "flowId")]
        future = {"field": "startDate", "operator": "GREATER_THAN_OR_EQUAL_TO", "value": iso(datetime.now(UTC))}
        page = await api.triggers.search(size=5, sort="nextExecutionDate:asc", filters=[*kept, future])
        self.triggers = page.rows

    async def _failures(self, api: Client) -> None:
        since, until = self._window()
        when = [
            {"field": "startDate", "operator": "GREATER_THAN_OR_EQUAL_TO", "value": iso(since)},
            {"field": "startDate", "operator": "LESS_THAN", "value": iso(until)},
        ]
        found = await api.console.errors([*self.filters, *when], limit=8)

        def place(namespace: str, flow: str) -> str:
            pairs = [("filters[namespace][EQUALS]", namespace), ("filters[flowId][EQUALS]", flow)]
            return self._list(numbers.BAD) + "&" + urlencode(pairs, safe="[],:")

        self.failures = numbers.failures(found["groups"], place)
        self.failed_to = self._list(numbers.BAD)

    @rx.event
    async def switch_trigger(self, key: str, on: bool) -> None:
        """Switch a trigger on or off from the list of next runs."""
        namespace, flow, identity = key.split("/", 2)
        async with self.api("Could not switch the trigger") as api:
            await api.triggers.update(
                {"namespace": namespace, "flowId": flow, "triggerId": identity, "disabled": not on}
            )
            self.triggers = [replace(row, disabled=not on) if row.key == key else row for row in self.triggers]
            self.toast(
                f"{identity} is on" if on else f"{identity} is off",
                "It fires at its next date." if on else "It does not fire until it is switched on again.",
            )
