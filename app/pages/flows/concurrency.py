"""The concurrency limit of a flow: places in use, the queue, executions let past it (UI-FP-42)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import routes, turns
from app.limit_form import BEHAVIOURS, limit_dialog, limit_fault, limit_met, save_limit
from app.pages.flows.state import FlowState, openers
from app.words import say
from backend_client import ApiError
from components.button import button, copy_button, link, link_button
from components.clock import duration, moment
from components.dialog import dialog
from components.field import field, form, select, text_input
from components.message import empty_state, skeleton_rows
from components.states import state_badge
from components.stream import stream_host
from components.table import Bulk, Column, data_table

SAMPLE = "concurrency:\n  limit: 2\n  behavior: QUEUE"
OUTCOMES = [
    ("RUNNING", "run, above the limit"),
    ("CANCELLED", "are cancelled"),
    ("FAILED", "fail"),
]


@dataclass(frozen=True, slots=True)
class Holder:
    """An execution that holds a place."""

    id: str = ""
    short: str = ""
    state: str = ""
    started: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """An execution that waits."""

    id: str = ""
    short: str = ""
    position: int = 0
    since: str = ""


class FlowLimitState(FlowState):
    """Limit, places and queue; which dialog is open."""

    limit_of: str = ""
    limit_ready: bool = False
    limit_refused: str = ""
    limit: int = 0
    behaviour: str = ""
    running: int = 0
    queued: int = 0
    used: str = "0%"
    holders: list[Holder] = []
    waiting: list[Queued] = []
    chosen: list[str] = []
    may_steer: bool = False
    may_edit: bool = False

    limit_editing: bool = False
    limit_text: str = ""
    behaviour_chosen: str = "QUEUE"
    limit_fault: str = ""
    _limit_seen: tuple[int, str] = (0, "QUEUE")
    """The limit that the form began with."""

    leaving: list[str] = []
    outcome: str = "RUNNING"

    correcting: bool = False
    count_text: str = ""
    count_fault: str = ""

    @turns.reads
    async def open_limit(self):
        """Read the limit of the flow."""
        if self.limit_of != f"{self.flow_ns}/{self.flow_id}":
            self.limit_of, self.limit_ready, self.chosen = f"{self.flow_ns}/{self.flow_id}", False, []
        self.limit_editing, self.correcting, self.leaving = False, False, []
        self.may_steer = self.may("EXECUTION", "UPDATE", self.flow_ns)
        self.may_edit = self.may("FLOW", "UPDATE", self.flow_ns) and not self.flow_read_only
        await self._read()

    @turns.reads
    async def changed(self, change: dict[str, Any]):
        """An execution of the flow came or changed."""
        if self.flow_tab == "concurrency" and self.limit_ready:
            await self._read()

    async def _read(self) -> None:
        try:
            async with self.api(raising=True) as api:
                found = await api.console.flow_concurrency(self.flow_ns, self.flow_id)
        except ApiError as error:
            self.limit_refused, self.limit_ready = error.message or say("The server did not say why."), True
            return
        self.limit_refused = ""
        self.limit, self.behaviour = int(found.get("limit") or 0), str(found.get("behavior") or "")
        self.running, self.queued = int(found["running"]), int(found["queued"])
        self.used = f"{min(100, round(self.running * 100 / max(1, self.limit)))}%"
        self.holders = [
            Holder(one["id"], one["id"][:8], one["state"], one.get("started") or one["created"])
            for one in found["holders"]
        ]
        self.waiting = [Queued(one["id"], one["id"][:8], one["position"], one["since"]) for one in found["waiting"]]
        here = {one.id for one in self.waiting}
        self.chosen = [one for one in self.chosen if one in here]
        self.limit_ready = True

    # -- the limit in the source --------------------------------------------------------------------------

    @rx.event
    async def edit_limit(self):
        """Open the form of the limit."""
        self.limit_text, self.behaviour_chosen = str(self.limit or 2), self.behaviour or "QUEUE"
        self.limit_editing, self.limit_fault = True, ""
        self._limit_seen = (self.limit, self.behaviour or "QUEUE")

    @rx.event
    async def close_limit(self):
        """Change no limit."""
        self.limit_editing = False

    @rx.event
    async def type_limit(self, text: str):
        """Another limit was typed."""
        self.limit_text, self.limit_fault = text, ""

    @rx.event
    async def choose_behaviour(self, behaviour: str):
        """What happens above the limit."""
        self.behaviour_chosen = behaviour

    @turns.writes
    async def save_limit(self):
        """Write the limit into the source: a new revision."""
        self.limit_fault = limit_fault(self.limit_text)
        if self.limit_fault:
            return
        try:
            async with self.api(raising=True) as api:
                wanted = (int(self.limit_text), self.behaviour_chosen)
                if other := await save_limit(api, self.flow_ns, self.flow_id, self._limit_seen, wanted):
                    self._limit_seen, self.limit_fault = other, limit_met(other)
                    return
                self.limit_editing = False
                await self.read_head(api)
                self.toast(say("Limit saved"), say("Revision {flow_revision}", flow_revision=self.flow_revision))
        except ValueError as error:
            self.limit_fault = say("Edit the flow: {error}.", error=error)
            return
        except ApiError as error:
            self.limit_fault = error.message
            return
        await self._read()

    # -- the queue ----------------------------------------------------------------------------------------

    @rx.event
    async def choose(self, ids: list[str]):
        """Other rows of the queue were chosen."""
        self.chosen = ids

    @rx.event
    async def ask_leave(self, identity: str):
        """Ask what becomes of one execution, or (empty) of the chosen ones."""
        self.leaving, self.outcome = [identity] if identity else list(self.chosen), "RUNNING"

    @rx.event
    async def stay(self):
        """Leave the queue as it is."""
        self.leaving = []

    @rx.event
    async def choose_outcome(self, state: str):
        """What becomes of them."""
        self.outcome = state

    @turns.writes
    async def leave_queue(self):
        """Take the executions out of the queue."""
        ids, self.leaving, self.chosen = self.leaving, [], []
        async with self.api(say("Could not take them out of the queue")) as api:
            told = await api.executions.bulk_told("unqueue", ids, state=self.outcome, newState=self.outcome)
            count, failed = int(told.get("count") or 0), len(told.get("failures") or [])
            words = (
                say("1 execution left the queue")
                if count == 1
                else say("{count} executions left the queue", count=count)
            )
            rest = say("{ids} had left it before or failed.", ids=len(ids) - count) if count < len(ids) else ""
            self.toast(words, rest, level="warning" if failed or rest else "success")
        await self._read()

    # -- the counter --------------------------------------------------------------------------------------

    @rx.event
    async def ask_count(self):
        """Open the form of the counter."""
        self.correcting, self.count_text, self.count_fault = True, str(self.running), ""

    @rx.event
    async def close_count(self):
        """Leave the counter as it is."""
        self.correcting = False

    @rx.event
    async def type_count(self, text: str):
        """Another number was typed."""
        self.count_text, self.count_fault = text, ""

    @turns.writes
    async def save_count(self):
        """Count fewer executions as running."""
        text = self.count_text.strip()
        if not text.isdigit() or int(text) > self.running:
            self.count_fault = say(
                "A whole number from 0 to {running}: a place is always an execution's.", running=self.running
            )
            return
        try:
            async with self.api(raising=True) as api:
                await api.flows.set_concurrency(self.flow_ns, self.flow_id, int(text))
        except ApiError as error:
            self.count_fault = error.message
            return
        self.correcting = False
        self.toast(say("Counter corrected"), say("{text} count as running", text=text))
        await self._read()


S: Any = FlowLimitState


LEAVE_WORD: Any = rx.match(
    S.outcome, ("RUNNING", "Run anyway"), ("CANCELLED", "Cancel the executions"), "Let them fail"
)


def _place(row: Any) -> Any:
    return routes.execution(S.flow_ns, S.flow_id, row.id)


HOLDERS = [
    Column("State", lambda row: state_badge(row.state)),
    Column("Id", lambda row: link(row.short, to=_place(row), class_name="mono med", title=row.id)),
    Column("Started", lambda row: moment(row.started, mode="relative"), numeric=True, hide="s"),
    Column("Holds its place for", lambda row: duration(start=row.started), numeric=True, fill=True),
]
QUEUE = [
    Column("Position", lambda row: row.position, numeric=True, width="84px"),
    Column("Id", lambda row: link(row.short, to=_place(row), class_name="mono med", title=row.id)),
    Column("Queued", lambda row: moment(row.since, mode="relative"), numeric=True, hide="s"),
    Column("Waits for", lambda row: duration(start=row.since), numeric=True, fill=True),
]


def _without() -> rx.Component:
    sample = rx.el.div(
        rx.el.pre(SAMPLE, class_name="mono limsample"),
        copy_button(SAMPLE, "Copy the sample"),
        class_name="row g6 limcode",
    )
    return empty_state(
        "No limit",
        hint="Any number of executions of this flow run at the same time. A limit keeps further ones waiting, "
        "cancels them or lets them fail. In the source it reads:",
        icon="gauge",
        actions=[
            rx.el.div(
                sample,
                rx.el.div(
                    rx.cond(
                        S.may_edit,
                        rx.fragment(
                            button(
                                "Set a limit",
                                icon="gauge",
                                kind="primary",
                                on_click=S.edit_limit,
                                test="concurrency-set",
                            ),
                            link_button("Edit the flow", routes.flow(S.flow_ns, S.flow_id, "edit"), icon="pencil"),
                        ),
                        rx.fragment(),
                    ),
                    class_name="row g8 limacts",
                ),
                class_name="col g12",
            )
        ],
    )


def _gauge() -> rx.Component:
    full = S.running >= S.limit
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.span("Running", class_name="xs faint"),
                rx.el.span(
                    rx.el.b(S.running, " / ", S.limit, class_name="fkpi num"),
                    rx.el.span(
                        rx.el.i(style={"width": S.used}, class_name=rx.cond(full, "warn", "live")),
                        class_name="limbar",
                        role="progressbar",
                        aria_label="Places in use",
                        aria_valuenow=S.running,
                        aria_valuemin=0,
                        aria_valuemax=S.limit,
                    ),
                    class_name="row g12",
                ),
                class_name="col",
            ),
            rx.el.div(
                rx.el.span("Waiting", class_name="xs faint"), rx.el.b(S.queued, class_name="fkpi num"), class_name="col"
            ),
            rx.el.div(
                rx.el.span("One above the limit", class_name="xs faint"),
                rx.el.b(
                    rx.match(S.behaviour, *BEHAVIOURS, ""),
                    class_name="fkpi",
                ),
                class_name="col",
            ),
            rx.el.span(class_name="grow"),
            rx.el.div(
                rx.cond(
                    S.may_steer & (S.running > 0),
                    button("Correct the counter", icon="list-restart", on_click=S.ask_count, test="concurrency-count"),
                    rx.fragment(),
                ),
                rx.cond(
                    S.may_edit,
                    button("Change the limit", icon="pencil", on_click=S.edit_limit, test="concurrency-edit"),
                    rx.fragment(),
                ),
                class_name="row g8 wrapped",
            ),
            class_name="fkpis",
        ),
        class_name="ovs",
        custom_attrs={"data-testid": "concurrency-gauge"},
    )


def _tables() -> rx.Component:
    head = lambda title, number, shown: rx.el.div(  # noqa: E731
        rx.el.h2(title, class_name="semi"),
        rx.el.i(number, class_name="cnt num"),
        rx.cond(number > shown, rx.el.span("the first ", shown, class_name="xs faint"), rx.fragment()),
        class_name="row g6 limhead",
    )
    return rx.el.div(
        rx.el.section(
            head("Hold a place", S.running, S.holders.length()),
            data_table(
                S.holders,
                HOLDERS,
                label="Executions that hold a place",
                row_id=lambda row: row.id,
                none=rx.el.p("No execution holds a place.", class_name="mut sm limnone"),
                test="concurrency-holders",
            ),
            class_name="limcol",
        ),
        rx.el.section(
            head("Wait for one", S.queued, S.waiting.length()),
            data_table(
                S.waiting,
                QUEUE,
                label="Executions that wait",
                row_id=lambda row: row.id,
                selected=S.chosen,
                on_select=S.choose,
                none=rx.el.p("No execution waits.", class_name="mut sm limnone"),
                actions=lambda row: rx.cond(
                    S.may_steer,
                    button(
                        "Run anyway",
                        icon="fast-forward",
                        size="small",
                        on_click=S.ask_leave(row.id),
                        test="concurrency-run",
                        class_name="ic-s",
                    ),
                    rx.fragment(),
                ),
                bulk=Bulk(
                    [
                        button(
                            "Unqueue",
                            icon="list-end",
                            size="small",
                            on_click=S.ask_leave(""),
                            disabled=~S.may_steer,
                            reason="You may not steer executions here",
                            test="concurrency-unqueue",
                        )
                    ]
                ),
                test="concurrency-queue",
            ),
            class_name="limcol",
        ),
        class_name="limcols grow",
    )


def _dialogs() -> rx.Component:
    number = S.leaving.length()
    return rx.fragment(
        limit_dialog(
            "The limit of the flow",
            limit=S.limit_text,
            on_limit=S.type_limit,
            behaviour=S.behaviour_chosen,
            on_behaviour=S.choose_behaviour,
            fault=S.limit_fault,
            open=S.limit_editing,
            on_close=S.close_limit,
            on_save=S.save_limit,
            test="concurrency",
        ),
        dialog(
            rx.cond(number == 1, "Take it out of the queue", f"Take {number} executions out of the queue"),
            form(
                rx.el.p("They leave the queue at once. Those that run exceed the limit of the flow.", class_name="mut"),
                field(
                    "They", select(OUTCOMES, S.outcome, S.choose_outcome, label="Outcome", test="concurrency-outcome")
                ),
            ),
            open=number > 0,
            on_close=S.stay,
            footer=[
                button("Cancel", on_click=S.stay),
                button(
                    LEAVE_WORD,
                    kind="primary",
                    on_click=S.leave_queue,
                    primary_of_dialog=True,
                    test="concurrency-leave",
                ),
            ],
            test="concurrency-leaving",
        ),
        dialog(
            "Correct the counter",
            form(
                rx.el.p(
                    "For a counter that is wrong only. The oldest executions lose their places and run on, so that "
                    "more than the limit may run at the same time; those that wait start in their places.",
                    class_name="al warn",
                ),
                field(
                    "Count as running",
                    text_input(S.count_text, S.type_count, label="Count as running", test="concurrency-number"),
                    error=S.count_fault,
                ),
            ),
            open=S.correcting,
            on_close=S.close_count,
            footer=[
                button("Cancel", on_click=S.close_count),
                button("Correct", kind="danger", on_click=S.save_count, test="concurrency-correct"),
            ],
            test="concurrency-correcting",
        ),
    )


def concurrency_panel() -> rx.Component:
    """The tab *Concurrency*."""
    refused = empty_state(
        "The limit could not be read",
        hint=S.limit_refused,
        icon="octagon-x",
        actions=[button("Retry", icon="rotate-cw", on_click=S.open_limit, test="concurrency-retry")],
    )
    body = rx.cond(
        S.limit_refused != "",
        refused,
        rx.cond((S.limit > 0) | (S.running > 0) | (S.queued > 0), rx.fragment(_gauge(), _tables()), _without()),
    )
    return rx.el.div(
        rx.cond(S.limit_ready, body, skeleton_rows()),
        stream_host(
            url="/api/v1/" + S.tenant_id + "/console/stream?topics=flow:" + S.flow_ns + "/" + S.flow_id,
            on_topic=S.changed,
        ),
        _dialogs(),
        class_name="editor",
        custom_attrs={"data-testid": "flow-concurrency"},
    )


openers["concurrency"] = FlowLimitState.open_limit
