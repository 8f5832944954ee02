"""Concurrency limits of flows: limit, behaviour, what runs and waits (UI-AD-02)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.limit_form import BEHAVIOURS, limit_dialog, limit_fault, limit_met, save_limit
from app.tab import Tab
from app.words import say
from backend_client import ApiError
from components.button import button, icon_button, link, link_button
from components.chrome import allowed
from components.clock import moment
from components.dialog import dialog
from components.field import field, form, text_input
from components.filters import refresh
from components.message import empty_state
from components.table import Column, data_table


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A flow with a limit."""

    id: str = ""
    namespace: str = ""
    flow: str = ""
    limit: int = 0
    behaviour: str = ""
    running: int = 0
    queued: int = 0
    since: str = ""
    width: str = "0%"
    full: bool = False


def line_of(body: dict[str, Any]) -> LimitLine:
    """Read one element of the answer."""
    limit, running = int(body["limit"]), int(body["running"])
    return LimitLine(
        id=f"{body['namespace']}/{body['flowId']}",
        namespace=str(body["namespace"]),
        flow=str(body["flowId"]),
        limit=limit,
        behaviour=str(body["behavior"]),
        running=running,
        queued=int(body["queued"]),
        since=str(body.get("since") or ""),
        width=f"{min(100, round(running * 100 / max(1, limit)))}%",
        full=running >= limit,
    )


class LimitsState(Tab):
    """The flows with a limit, and the one being changed."""

    rows: list[LimitLine] = []
    loading: bool = True
    seconds: int = 0
    editing: str = ""
    form_limit: str = ""
    form_behaviour: str = "QUEUE"
    fault: str = ""
    counting: str = ""
    counted: int = 0
    form_running: str = ""
    count_fault: str = ""
    _seen: tuple[int, str] = (0, "")
    """The limit that the form began with."""

    @turns.reads
    async def load(self) -> None:
        """Fetch the limits."""
        self.clear()
        if self.username:
            await self._fetch()

    async def _fetch(self) -> None:
        async with self.api() as api:
            self.rows = [line_of(one) for one in await api.console.get("administration", "limits")]
        self.loading = False

    @rx.event
    async def set_seconds(self, seconds: int) -> None:
        """Another interval of the refresh."""
        self.seconds = seconds

    @rx.event
    async def edit(self, identity: str) -> None:
        """Open the form."""
        row = next((one for one in self.rows if one.id == identity), None)
        if row is not None:
            self.editing, self.form_limit, self.form_behaviour = identity, str(row.limit), row.behaviour
            self.fault, self._seen = "", (row.limit, row.behaviour)

    @rx.event
    async def close(self) -> None:
        """Change nothing."""
        self.editing = ""

    @rx.event
    async def set_limit(self, text: str) -> None:
        """Another limit was typed."""
        self.form_limit, self.fault = text, ""

    @rx.event
    async def set_behaviour(self, behaviour: str) -> None:
        """Another behaviour was chosen."""
        self.form_behaviour = behaviour

    @turns.writes
    async def save(self) -> None:
        """Write the limit into the flow's source: a new revision."""
        self.fault = limit_fault(self.form_limit)
        if self.fault:
            return
        namespace, _, flow = self.editing.partition("/")
        try:
            async with self.api(raising=True) as api:
                wanted = (int(self.form_limit), self.form_behaviour)
                if other := await save_limit(api, namespace, flow, self._seen, wanted):
                    self._seen, self.fault = other, limit_met(other)
                    return
                self.editing = ""
                self.toast(
                    say("Limit saved"), say("{flow} in {namespace}, as a new revision", flow=flow, namespace=namespace)
                )
        except ValueError as error:
            self.fault = say("Edit the flow: {error}.", error=error)
            return
        except ApiError as error:
            self.fault = error.message
            return
        await self._fetch()

    # -- the counter ----------------------------------------------------------------------------------------

    @rx.event
    async def count(self, identity: str) -> None:
        """Ask for another number of executions that count as running."""
        row = next((one for one in self.rows if one.id == identity), None)
        if row is not None:
            self.counting, self.counted, self.form_running = identity, row.running, str(max(0, row.running - 1))
            self.count_fault = ""

    @rx.event
    async def keep_count(self) -> None:
        """Leave the counter."""
        self.counting = ""

    @rx.event
    async def set_running(self, text: str) -> None:
        """Another number was typed."""
        self.form_running, self.count_fault = text, ""

    @turns.writes
    async def save_count(self) -> None:
        """Correct the counter: the oldest executions give their places to those that wait."""
        text = self.form_running.strip()
        if not text.isdigit() or int(text) >= self.counted:
            self.count_fault = say("A whole number below {counted}.", counted=self.counted)
            return
        namespace, _, flow = self.counting.partition("/")
        try:
            async with self.api(raising=True) as api:
                await api.flows.set_concurrency(namespace, flow, int(text))
        except ApiError as error:
            self.count_fault = error.message
            return
        self.counting = ""
        self.toast(say("Counter corrected"), say("{flow} in {namespace}", flow=flow, namespace=namespace))
        await self._fetch()


S: Any = LimitsState


def _executions(row: Any, *states: str) -> Any:
    place = f"{routes.EXECUTIONS}?filters[namespace][EQUALS]={row.namespace}&filters[flowId][EQUALS]={row.flow}"
    return f"{place}&filters[state][IN]={','.join(states)}"


def _used(row: Any) -> rx.Component:
    bar = rx.el.i(style={"width": row.width}, class_name=rx.cond(row.full, "warn", "live"))
    return rx.el.span(
        rx.el.span(bar, class_name="limbar"),
        link(row.running, " running", to=_executions(row, "RUNNING", "RETRYING", "PAUSED"), class_name="num"),
        class_name="row g12",
    )


COLUMNS = [
    Column("Flow", lambda row: link(row.flow, to=routes.flow(row.namespace, row.flow), class_name="id")),
    Column("Namespace", lambda row: link(row.namespace, to=routes.namespace(row.namespace), class_name="ns"), hide="s"),
    Column("Limit", lambda row: row.limit, numeric=True),
    Column(
        "Above it",
        lambda row: rx.match(row.behaviour, *BEHAVIOURS, "?"),
        hide="m",
    ),
    Column("In use", _used),
    Column(
        "Waiting",
        lambda row: rx.cond(
            row.queued > 0,
            link(row.queued, to=_executions(row, "QUEUED"), class_name="num"),
            rx.el.span("none", class_name="faint"),
        ),
        numeric=True,
    ),
    Column("First since", lambda row: moment(row.since, mode="relative"), numeric=True, hide="m"),
]


def limits_page() -> rx.Component:
    """The table."""
    return page_shell(
        "Concurrency limits",
        rx.el.div(
            rx.el.span("Flows whose source names a limit of simultaneous executions.", class_name="mut sm"),
            rx.el.span(class_name="grow"),
            refresh(LimitsState.load, seconds=S.seconds, on_seconds=LimitsState.set_seconds),
            class_name="toolbar",
        ),
        data_table(
            S.rows,
            COLUMNS,
            label="Concurrency limits",
            loading=S.loading,
            none=empty_state(
                "No flow has a limit",
                hint="concurrency: {limit: 2} in a flow keeps further executions waiting.",
                icon="gauge",
                actions=[link_button("Flows", routes.FLOWS, kind="primary")],
            ),
            actions=lambda row: allowed(
                rx.cond(
                    row.running > 0,
                    icon_button("list-restart", "Correct the counter", on_click=S.count(row.id), test="limit-count"),
                    rx.fragment(),
                ),
                icon_button("pencil", "Change the limit", on_click=S.edit(row.id), test="limit-edit"),
                needs="FLOW:UPDATE",
                namespace=row.namespace,
            ),
            test="limits-table",
        ),
        dialog(
            "Correct the counter",
            rx.el.p(
                rx.el.b(S.counting, class_name="mono"),
                " counts ",
                rx.el.b(S.counted, class_name="num"),
                " executions as running. A lower number gives the places of the oldest ones to those that wait: more "
                "than the limit may then run at once. The executions themselves go on.",
                class_name="brk",
            ),
            form(
                field(
                    "Running",
                    text_input(S.form_running, S.set_running, label="Running", test="limit-running"),
                    error=S.count_fault,
                ),
            ),
            open=S.counting != "",
            on_close=S.keep_count,
            footer=[
                button("Cancel", on_click=S.keep_count),
                button(
                    "Correct the counter",
                    kind="danger",
                    on_click=S.save_count,
                    primary_of_dialog=True,
                    test="limit-count-save",
                ),
            ],
            test="limit-counter",
        ),
        limit_dialog(
            "Change the limit",
            rx.el.p(rx.el.b(S.editing, class_name="mono"), class_name="brk"),
            limit=S.form_limit,
            on_limit=S.set_limit,
            behaviour=S.form_behaviour,
            on_behaviour=S.set_behaviour,
            fault=S.fault,
            open=S.editing != "",
            on_close=S.close,
            on_save=S.save,
            test="limit",
        ),
        on_retry=LimitsState.load,
    )
