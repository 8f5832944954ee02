"""State of the home dashboard: the range and filters of the URL, and small pages of rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.list_page import filters_of, pairs_of
from app.pages.home import numbers
from app.pages.home.numbers import Active, Card, Failure, NamespaceRatio
from app.tab import Tab
from app.words import say, spoken
from backend_client import ApiError, Client, TriggerRow
from components.states import STATES

FAMILIES = {name: family for name, (family, _) in STATES.items()}
PAGES = {"flows": routes.FLOWS, "executions": routes.EXECUTIONS, "logs": routes.LOGS, "namespaces": routes.NAMESPACES}
AT_ONCE = 4
"""Parts that are asked for at the same time (UI-DB-04)."""


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
        """Go to the page that the reader chose as home; the default dashboard without a choice."""
        if not self.username:
            return
        page = str(self.settings.get("homePage") or "")
        own = str((self.settings.get("dashboard") or {}).get("home") or "")
        if page in PAGES:
            self.navigate(PAGES[page], replace=True)
        else:
            self.navigate(routes.dashboard(own) if own else routes.DASHBOARDS, replace=True)


class HomeState(Tab):
    """What the dashboard shows."""

    span: str = "PT24H"
    since: str = ""
    until: str = ""
    filters: list[dict[str, str]] = []
    refresh_seconds: int = 10

    figures_url: str = ""
    charted: dict[str, str] | str = "PT24H"
    turn: int = 0
    cards: list[Card] = [Card(), Card(), Card(), Card()]
    spaces: list[NamespaceRatio] = []
    running: list[Active] = []
    running_total: int = 0
    running_to: str = ""
    failed_to: str = ""
    triggers: list[TriggerRow] = []
    failures: list[Failure] = []
    failed_total: str = ""
    came: list[str] = []
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
        self.charted = {"start": self.since, "end": self.until} if self.since else self.span
        self.figures_url = f"/api/v1/{self.tenant_id}/console/figures"
        self.turn += 1

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
    async def visit(self) -> Any:
        """Begin after `Tab.enter`: a background handler of `on_load` runs at once, before the reader is known."""
        return HomeState.load

    @rx.event(background=True)
    async def load(self) -> None:
        """Ask for everything that the URL names; each part is shown when it came, a refused one says so.

        Nothing waits for it: a reader who goes on meanwhile is not held, and what is still asked then ends (UI-DB-04).
        """
        async with self:
            if not self.username:
                return
            self._read()
            self.faults = {}
            first, turn, api = "numbers" not in self.came or self.nothing, self.turn, self._client()
            # The questions only read: of the state itself, since what its proxy gives cannot be sent.
            state: HomeState = getattr(self, "__wrapped__", self)
            turns = asyncio.Semaphore(AT_ONCE)
            parts: list[asyncio.Task[tuple[str, dict[str, Any], str]]] = []
        try:
            if first and not (await api.flows.search(size=1)).total:
                async with self:
                    self.navigate(routes.WELCOME, replace=True)
                return
            parts += [
                asyncio.create_task(state._part(name, turns, api, work))
                for name, work in (
                    ("numbers", state._numbers),
                    ("active", state._active),
                    ("next", state._next),
                    ("namespaces", state._namespaces),
                    ("failures", state._failures),
                )
            ]
            async with self:
                self.hold_asked(parts)
            for part in asyncio.as_completed(parts):
                name, found, fault = await part
                async with self:
                    if turn != self.turn:
                        return
                    for one, value in found.items():
                        setattr(self, one, value)
                    self.faults = {**self.faults, name: fault} if fault else self.faults
                    self.came = [*self.came, name] if name not in self.came else self.came
        except ApiError as error:
            async with self:
                self.refused(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the event itself was cancelled, not only what it asks
        finally:
            for part in parts:
                part.cancel()
            await api.close()

    async def _part(
        self, name: str, turns: asyncio.Semaphore, api: Client, work: Callable[[Client], Awaitable[dict[str, Any]]]
    ) -> tuple[str, dict[str, Any], str]:
        """A part's name, what it found by fields of the state, and why it was refused."""
        try:
            async with turns:
                return name, await work(api), ""
        except ApiError as error:
            if error.status == 401:
                raise
            return (
                name,
                {},
                error.message
                + ((" " + say("Request {request_id}", request_id=error.request_id)) if error.request_id else ""),
            )

    async def _numbers(self, api: Client) -> dict[str, Any]:
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
        words = say("the span") if self.since else say(numbers.WORDS[self.span])
        going = {name: alive.get(name, 0) for name in numbers.ACTIVE}
        pending = {name: alive.get(name, 0) for name in numbers.PENDING}
        failed = numbers.failed_card(columns, rows, past, self._list(numbers.BAD))
        if not failed.change:
            failed = replace(
                failed, note=say("as in {words} before", words=words) if states.get("FAILED") else say("none")
            )
        else:
            failed = replace(failed, note=say("on {words} before", words=words))
        cards = [
            numbers.ratio_card(columns, rows, past, words, self._list(numbers.ENDED)),
            failed,
            Card(
                value=spoken(sum(going.values())),
                note=numbers.in_words(going, numbers.ACTIVE) or say("nothing runs"),
                parts=numbers.parts_of(going, numbers.ACTIVE, FAMILIES),
                place=self._live(numbers.ACTIVE),
            ),
            Card(
                value=spoken(sum(pending.values())),
                note=numbers.in_words(pending, numbers.PENDING) or say("nothing waits"),
                parts=numbers.parts_of(pending, ("QUEUED", "SUBMITTED", "CREATED"), FAMILIES),
                place=self._live(numbers.PENDING),
            ),
        ]
        return {"cards": cards, "failed_total": failed.value, "nothing": not any(states.values())}

    async def _namespaces(self, api: Client) -> dict[str, Any]:
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

        return {"spaces": numbers.namespaces(found["columns"], found["rows"], place)}

    async def _active(self, api: Client) -> dict[str, Any]:
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
        running = [
            numbers.active(row, medians.get((row.namespace, row.flow)), waiting.get(row.id), FAMILIES)
            for row in page.rows
        ]
        return {"running": running, "running_total": page.total, "running_to": self._live(numbers.ACTIVE)}

    async def _next(self, api: Client) -> dict[str, Any]:
        kept = [one for one in self.filters if one["field"] in ("namespace", "flowId")]
        future = {"field": "startDate", "operator": "GREATER_THAN_OR_EQUAL_TO", "value": iso(datetime.now(UTC))}
        page = await api.triggers.search(size=5, sort="nextExecutionDate:asc", filters=[*kept, future])
        return {"triggers": page.rows}

    async def _failures(self, api: Client) -> dict[str, Any]:
        since, until = self._window()
        when = [
            {"field": "startDate", "operator": "GREATER_THAN_OR_EQUAL_TO", "value": iso(since)},
            {"field": "startDate", "operator": "LESS_THAN", "value": iso(until)},
        ]
        found = await api.console.errors([*self.filters, *when], limit=8)

        def place(namespace: str, flow: str) -> str:
            pairs = [("filters[namespace][EQUALS]", namespace), ("filters[flowId][EQUALS]", flow)]
            return self._list(numbers.BAD) + "&" + urlencode(pairs, safe="[],:")

        return {"failures": numbers.failures(found["groups"], place), "failed_to": self._list(numbers.BAD)}

    @turns.writes
    async def switch_trigger(self, key: str, on: bool) -> None:
        """Switch a trigger on or off from the list of next runs."""
        namespace, flow, identity = key.split("/", 2)
        async with self.api(say("Could not switch the trigger")) as api:
            await api.triggers.update(
                {"namespace": namespace, "flowId": flow, "triggerId": identity, "disabled": not on}
            )
            self.triggers = [replace(row, disabled=not on) if row.key == key else row for row in self.triggers]
            self.toast(
                say("{identity} is on", identity=identity) if on else say("{identity} is off", identity=identity),
                say("It fires at its next date.") if on else say("It does not fire until it is switched on again."),
            )
