"""Overview of a flow: how it runs, what comes next, why it failed last (UI-FP-01)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.conditions import pairs_of
from app.pages.dashboards.overview import OverviewBoard
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from app.rights import TRIGGERS, allows
from app.words import say
from backend_client import ApiError, ExecutionRow, LogRow, TriggerRow
from backend_client.flows import FlowFigures
from components.button import button, link, link_button
from components.chart import chart
from components.clock import duration, moment, run_span
from components.field import switch
from components.message import empty_state, label_chip, skeleton_rows
from components.sparkline import sparkline
from components.states import state_badge, state_icon
from components.stream import stream_host

RUNS = 30
RECENT = 8
SHOWN = 5
"""Executions in progress, failed ones and error lines that are listed."""
ALIVE = "CREATED,QUEUED,RUNNING,PAUSED,BREAKPOINT,RETRYING,RESTARTED,KILLING"
CHART = {"chart": "executions-over-time", "timeRange": "PT720H", "format": "json"}


@dataclass(frozen=True, slots=True)
class Coming:
    """A trigger with its next date, and whether it is switched on."""

    id: str = ""
    next: str = ""
    on: bool = True
    fixed: bool = False


def coming(states: list[TriggerRow]) -> list[Coming]:
    """Return the triggers with dates, the next one first and those that are off last."""
    dated = [one for one in states if one.next or one.disabled]
    ordered = sorted(dated, key=lambda one: (one.disabled or one.source_disabled, one.next or "9"))
    return [
        Coming(one.id, "" if one.disabled else one.next, not (one.disabled or one.source_disabled), one.source_disabled)
        for one in ordered
    ]


class OverviewState(FlowState):
    """What the overview shows."""

    overview_of: str = ""
    overview_ready: bool = False
    figures: FlowFigures = FlowFigures()
    success_word: str = ""
    run_total: int = 0
    recent: list[ExecutionRow] = []
    alive: list[ExecutionRow] = []
    alive_total: int = 0
    failed: list[ExecutionRow] = []
    failed_total: int = 0
    error_lines: list[LogRow] = []
    chart_url: str = ""
    chart_turn: int = 0
    upcoming: list[Coming] = []
    may_switch: bool = False
    failed_id: str = ""
    failed_at: str = ""
    failed_message: str = ""
    failed_task: str = ""
    failed_lines: list[dict[str, str]] = []
    failed_similar: int = 0

    @turns.reads
    async def open_overview(self):
        """Load figures, last runs, next dates and the last failure."""
        if self.overview_of != f"{self.flow_ns}/{self.flow_id}":
            self.overview_ready = False
            self.overview_of = f"{self.flow_ns}/{self.flow_id}"
        await self._read()
        return OverviewBoard.load

    @turns.reads
    async def changed(self, change: dict[str, Any]):
        """An execution of the flow came or changed."""
        if self.flow_tab == "overview" and self.overview_ready:
            await self._read()

    @rx.event
    async def open_run(self, execution: str):
        """A bar was pressed: its execution."""
        self.navigate(routes.execution(self.flow_ns, self.flow_id, execution, self.execution_tab))

    @turns.writes
    async def switch_trigger(self, name: str, on: bool):
        """Disable or enable a trigger."""
        async with self.api(say("Could not enable the trigger") if on else say("Could not disable the trigger")) as api:
            key = {"namespace": self.flow_ns, "flowId": self.flow_id, "triggerId": name}
            await api.triggers.update({**key, "disabled": not on})
            self.upcoming = coming((await api.triggers.of_flow(self.flow_ns, self.flow_id)).rows)[:6]

    async def _read(self) -> None:
        own = [
            {"field": "namespace", "operator": "EQUALS", "value": self.flow_ns},
            {"field": "flowId", "operator": "EQUALS", "value": self.flow_id},
        ]
        async with self.api(say("Could not read the figures of the flow")) as api:
            page = await api.executions.search(size=RECENT, filters=own)
            self.recent, self.run_total = page.rows, page.total
            found = await api.flows.sparklines([(self.flow_ns, self.flow_id)], runs=RUNS)
            self.figures = found[0] if found else FlowFigures()
            self.success_word = f"{self.figures.success * 100:.1f} %" if self.figures.success >= 0 else "–"
            self.upcoming = coming((await api.triggers.of_flow(self.flow_ns, self.flow_id)).rows)[:6]
            self.may_switch = allows(self.permissions, TRIGGERS, self.flow_ns)
            self.chart_url = f"/api/v1/{self.tenant_id}/console/figures?{urlencode(pairs_of('', own), safe='[],:')}"
            self.chart_turn += 1
            going = await api.executions.search(
                size=SHOWN, filters=[*own, {"field": "state", "operator": "IN", "value": ALIVE}]
            )
            self.alive, self.alive_total = going.rows, going.total
            failed = await api.executions.search(
                size=SHOWN, filters=[*own, {"field": "state", "operator": "IN", "value": "FAILED"}]
            )
            self.failed, self.failed_total = failed.rows, failed.total
            try:
                wanted = [*own, {"field": "level", "operator": "EQUALS", "value": "ERROR"}]
                self.error_lines = (await api.logs.search(size=SHOWN, sort="timestamp:desc", filters=wanted)).rows
            except ApiError:
                self.error_lines = []  # the figures are worth more than the lines
            self.failed_id = failed.rows[0].id if failed.rows else ""
            if failed.rows:
                row = failed.rows[0]
                self.failed_at = row.ended or row.started
                try:
                    group = await api.console.get("executions", row.id, "errors") or {}
                except ApiError:
                    group = {}
                self.failed_message = str(group.get("message") or say("It failed without a message."))
                self.failed_task = str(group.get("taskId") or "")
                self.failed_similar = int((group.get("similar") or {}).get("count") or 0)
                self.failed_lines = [
                    {
                        "at": str(one.get("at") or ""),
                        "level": str(one.get("level") or ""),
                        "text": str(one.get("text") or "")[:2000],
                    }
                    for one in group.get("lines") or []
                ][:3]
            self.overview_ready = True


S: Any = OverviewState


def _fact(word: str, *value: Any) -> rx.Component:
    return rx.el.div(rx.el.span(word, class_name="xs faint"), rx.el.b(*value, class_name="fkpi num"), class_name="col")


def _failure() -> rx.Component:
    line = lambda one: rx.el.div(  # noqa: E731
        moment(one["at"], mode="clock"),
        rx.el.span(one["level"], class_name=rx.cond(one["level"] == "ERROR", "fgs bad", "faint")),
        rx.el.span(one["text"], class_name="msg"),
        class_name="lgr three",
    )
    return rx.el.section(
        rx.el.div(
            rx.el.span(rx.icon("octagon-x", size=16), class_name="fgs bad"),
            rx.el.b("Last failure", class_name="semi"),
            moment(S.failed_at, mode="relative"),
            rx.el.span(class_name="grow"),
            link(
                "Open",
                to=routes.execution(S.flow_ns, S.flow_id, S.failed_id, "overview"),
                class_name="link sm",
                test="overview-failed",
            ),
            class_name="row",
        ),
        rx.el.div(
            rx.el.span(S.failed_message, class_name="med brk"),
            rx.cond(
                S.failed_task != "",
                rx.el.span(" in ", rx.el.b(S.failed_task, class_name="mono med")),
                rx.fragment(),
            ),
            rx.cond(
                S.failed_similar > 0, rx.el.span(", ", S.failed_similar, " more like it in 30 days"), rx.fragment()
            ),
            class_name="mut",
        ),
        rx.cond(
            S.failed_lines.length() > 0,
            rx.el.div(rx.foreach(S.failed_lines, line), class_name="lgb mono"),
            rx.fragment(),
        ),
        class_name="ovs fail bad",
    )


def _run(row: Any) -> rx.Component:
    return link(
        state_icon(row.state),
        rx.el.span(row.short_id, class_name="mono med"),
        rx.el.span(moment(row.started, mode="relative"), class_name="mut"),
        rx.el.span(
            rx.cond(row.note != "", row.note, rx.cond(row.trigger != "", row.trigger, "manual")),
            class_name="faint ell grow",
        ),
        rx.el.span(run_span(row), class_name="num mut"),
        to=routes.execution(row.namespace, row.flow, row.id, S.execution_tab),
        class_name="orow",
    )


def _listed(title: str, rows: Any, total: Any, states: str, test: str) -> rx.Component:
    """Executions below a title, with the way to all of them."""
    place = routes.flow(S.flow_ns, S.flow_id, "executions") + (f"?filters[state][IN]={states}" if states else "")
    return rx.el.section(
        rx.el.div(
            rx.el.b(title, class_name="semi"),
            rx.el.span(class_name="grow"),
            link("All ", total, to=place, class_name="link sm"),
            class_name="row",
        ),
        rx.el.div(rx.foreach(rows, _run), class_name="col"),
        class_name="ovs",
        custom_attrs={"data-testid": test},
    )


def _errors() -> rx.Component:
    line = lambda one: link(  # noqa: E731
        moment(one.time, mode="auto"),
        rx.el.span(one.level, class_name="fgs bad"),
        rx.el.span(one.message, class_name="msg"),
        to=routes.execution(one.namespace, one.flow, one.execution, "logs"),
        class_name="lgr three",
        title=one.task,
    )
    place = routes.flow(S.flow_ns, S.flow_id, "logs") + "?filters[level][EQUALS]=ERROR"
    return rx.el.section(
        rx.el.div(
            rx.el.b("Error lines", class_name="semi"),
            rx.el.span(class_name="grow"),
            link("All", to=place, class_name="link sm"),
            class_name="row",
        ),
        rx.el.div(rx.foreach(S.error_lines, line), class_name="lgb mono"),
        class_name="ovs",
        custom_attrs={"data-testid": "overview-errors"},
    )


def _side() -> rx.Component:
    def planned(one: Any) -> rx.Component:
        return rx.el.div(
            rx.cond(
                S.may_switch,
                switch(
                    one.on,
                    lambda value: S.switch_trigger(one.id, value),
                    label=rx.cond(
                        one.fixed, "Off in the source", rx.cond(one.on, "Disable " + one.id, "Enable " + one.id)
                    ),
                    disabled=one.fixed,
                    test="overview-switch",
                ),
                rx.fragment(),
            ),
            link(one.id, to=routes.flow(S.flow_ns, S.flow_id, "triggers"), class_name="mono med ell grow"),
            rx.cond(
                one.next != "",
                rx.fragment(moment(one.next), rx.el.span(moment(one.next, mode="relative"), class_name="faint")),
                rx.el.span("off", class_name="faint"),
            ),
            class_name="orow",
        )

    return rx.el.aside(
        rx.el.section(
            rx.el.b("Next", class_name="semi"),
            rx.cond(
                S.upcoming.length() > 0,
                rx.el.div(rx.foreach(S.upcoming, planned), class_name="col"),
                rx.el.p(
                    rx.cond(S.flow_disabled, "The flow is disabled; nothing starts.", "No date is planned."),
                    class_name="mut sm",
                ),
            ),
            class_name="ovs",
        ),
        rx.el.section(
            rx.el.b("About", class_name="semi"),
            rx.cond(
                S.flow_about != "",
                rx.html(S.flow_about, class_name="prose"),
                rx.el.p("The flow has no description.", class_name="mut sm"),
            ),
            rx.el.div(
                rx.foreach(S.flow_labels, lambda one: label_chip(one["key"], one["value"])), class_name="row g4 wrapped"
            ),
            rx.el.dl(
                rx.el.div(rx.el.dt("Revision"), rx.el.dd(S.flow_revision, class_name="num")),
                rx.el.div(rx.el.dt("Saved"), rx.el.dd(moment(S.flow_updated, mode="relative"))),
                rx.el.div(rx.el.dt("Inputs"), rx.el.dd(S.flow_inputs.length(), class_name="num")),
                class_name="dls",
            ),
            class_name="ovs",
        ),
        class_name="ovside scroll",
    )


def overview_panel() -> rx.Component:
    """The tab."""
    nothing = rx.el.section(
        empty_state(
            "Not executed yet",
            hint="Start it now, or let a trigger do it. What its runs say stands here then.",
            icon="play",
            actions=[
                button(
                    "Execute",
                    icon="play",
                    kind="primary",
                    on_click=ExecuteState.open_for(S.flow_ns, S.flow_id),
                    disabled=S.flow_disabled,
                    reason="The flow is disabled",
                ),
                link_button("How flows run", routes.DOCS),
            ],
        ),
        class_name="ovs grow",
    )
    last = S.recent[0]
    facts = rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.span("Last run", class_name="xs faint"),
                rx.el.span(
                    state_badge(last.state, large=True), moment(last.started, mode="relative"), class_name="row g6"
                ),
                class_name="col",
            ),
            _fact("Success", S.success_word),
            _fact("Median", duration(ms=S.figures.median_ms, empty="–")),
            _fact("Executions", S.run_total),
            class_name="fkpis",
        ),
        rx.el.div(
            sparkline(
                runs=S.figures.runs,
                slots=S.figures.runs.length(),
                width=S.figures.runs.length() * 14,
                height=56,
                label="Last runs",
                on_pick=lambda execution: OverviewState.open_run(execution),
            ),
            class_name="bigspark",
        ),
        class_name="ovs",
    )
    over_time = rx.el.div(
        rx.el.h2("Executions of the last 30 days", class_name="xs mut xl-head"),
        chart(
            figure_url=S.chart_url,
            body=CHART,
            height=128,
            label="Executions of the last 30 days",
            reload=S.chart_turn,
            legend=False,
        ),
        class_name="xl-chart ovchart",
        custom_attrs={"data-testid": "overview-chart"},
    )
    main = rx.cond(
        S.run_total > 0,
        rx.fragment(
            facts,
            over_time,
            rx.cond(
                S.alive_total > 0,
                _listed("In progress", S.alive, S.alive_total, ALIVE, "overview-alive"),
                rx.fragment(),
            ),
            rx.cond(S.failed_id != "", _failure(), rx.fragment()),
            rx.cond(
                S.failed_total > 1,
                _listed("Failed", S.failed, S.failed_total, "FAILED", "overview-failures"),
                rx.fragment(),
            ),
            rx.cond(S.error_lines.length() > 0, _errors(), rx.fragment()),
            _listed("Last executions", S.recent, S.run_total, "", "overview-recent"),
        ),
        nothing,
    )
    return rx.cond(
        S.overview_ready,
        rx.el.div(
            rx.el.div(main, class_name="ovmain scroll"),
            _side(),
            stream_host(
                url="/api/v1/" + S.tenant_id + "/console/stream?topics=flow:" + S.flow_ns + "/" + S.flow_id,
                on_topic=S.changed,
            ),
            class_name="ov",
            custom_attrs={"data-testid": "flow-overview"},
        ),
        skeleton_rows(),
    )


openers["overview"] = OverviewState.open_overview
