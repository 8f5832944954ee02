"""Triggers of all flows: states, switches, bulk actions, backfills, the week to come (UI-AD-01)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import reflex as rx

from app import routes, turns
from app.filter_keys import flow_filter, namespace_filter
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_body, list_filters, list_none, list_pager, list_table
from app.rights import TRIGGERS, permitted, shortfall
from app.tab import Tab
from app.words import later, say, say_count, spoken
from app.work import Outcome, Work, carry_out, slices
from backend_client import ApiError, Client, Page, TriggerRow
from components.button import button, icon_button, link, link_button
from components.chrome import allowed, unless_allowed
from components.clock import moment
from components.dialog import confirm_dialog, drawer, menu, menu_item, menu_line, number_to_type
from components.field import switch
from components.filters import filter_key
from components.message import count, message
from components.reactive import testid
from components.table import Bulk, Column, keys_of
from components.tabs import tabs
from components.week_grid import week_grid

KEYS = [
    namespace_filter(),
    flow_filter(),
    filter_key("triggerId", "trigger"),
    filter_key("workerId", "worker"),
    filter_key("triggerState", "state", kind="choice", options=["ENABLED", "DISABLED"]),
    filter_key("startDate", "next date", kind="date"),
]
ACTIONS = {
    "enable": (later("Switch on"), later("switched on")),
    "disable": (later("Switch off"), later("switched off")),
    "unlock": (later("Unlock"), later("unlocked")),
    "pause": (later("Pause backfills of"), later("backfills paused")),
    "unpause": (later("Continue backfills of"), later("backfills continued")),
    "drop": (later("Delete backfills of"), later("backfills deleted")),
    "delete": (later("Delete the states of"), later("states deleted")),
}


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """A trigger in the list; `fixed` with a `reason` cannot be switched here."""

    id: str = ""
    namespace: str = ""
    flow: str = ""
    trigger: str = ""
    short: str = ""
    type: str = ""
    cron: str = ""
    words: str = ""
    execution: str = ""
    worker: str = ""
    last: str = ""
    updated: str = ""
    next: str = ""
    locked: str = ""
    on: bool = True
    fixed: bool = False
    reason: str = ""
    gone: bool = False
    held: bool = False
    backfill: str = ""
    fill_start: str = ""
    fill_end: str = ""
    fill_at: str = ""


def line_of(row: TriggerRow, words: str = "") -> TriggerLine:
    """Return a row of the table; `words` tells its cron expression."""
    realtime = row.type.endswith("RealtimeTrigger")
    off = row.disabled or row.source_disabled
    reason = ""
    if row.missing_source:
        reason = say("The flow or the trigger is gone from the source.")
    elif row.source_disabled:
        reason = say("The source says disabled: true.")
    elif realtime:
        reason = say("A realtime trigger is switched in the source.")
    return TriggerLine(
        id=row.key,
        namespace=row.namespace,
        flow=row.flow,
        trigger=row.id,
        short=row.type.rsplit(".", 1)[-1],
        type=row.type,
        cron=row.cron,
        words=words,
        execution=row.execution,
        worker=row.worker,
        last=row.date,
        updated=row.updated,
        next="" if off else row.next,
        locked=row.locked,
        on=not off,
        fixed=reason != "",
        reason=reason,
        gone=row.missing_source,
        held=bool(row.execution or row.locked),
        backfill="" if not row.backfill_start else "paused" if row.backfill_paused else "running",
        fill_start=row.backfill_start,
        fill_end=row.backfill_end,
        fill_at=row.backfill_current,
    )


def key_of(identity: str) -> dict[str, str]:
    """Return what the API calls a trigger from `namespace/flow/trigger`."""
    namespace, flow, trigger = identity.split("/", 2)
    return {"namespace": namespace, "flowId": flow, "triggerId": trigger}


class AllTriggersState(ListPage, Tab):
    """Rows on screen, the open one, the pending action."""

    list_name: str = "triggers"
    rows: list[TriggerLine] = []
    view: str = "list"
    line_shown: TriggerLine = TriggerLine()
    lines: list[dict[str, str]] = []
    asking: str = ""
    asked: list[str] = []
    ask_words: str = ""
    ask_note: str = ""
    week_url: str = ""
    week_seq: int = 0
    csv: str = ""

    @turns.reads
    async def load(self) -> Any:
        """Fetch the page that the URL asks for."""
        if not self.username:
            return None
        self.read_url(sort="", keys=KEYS, columns=keys_of(COLUMNS))
        self.view = "week" if self.query("view") == "week" else "list"
        self.week_url = f"/api/v1/{self.tenant_id}/console/administration/week?days=7"
        self.csv = f"/api/v1/{self.tenant_id}/triggers/export/by-query/csv?{self.csv_query}"
        if self.view == "week":
            self.week_seq += 1
            self.loading = False
            return None
        await self._fetch()
        opened = self.opened()
        if any(row.id == opened for row in self.rows):
            return AllTriggersState.open_line(opened)
        return None

    async def _fetch(self) -> None:
        async with self.api() as api:
            found = await api.triggers.search(**self.wanted())
            crons = sorted({row.cron for row in found.rows if row.cron})
            words = await api.console.words(crons) if crons else {}
            self.take(Page([line_of(row, words.get(row.cron, "")) for row in found.rows], found.total))
            if self.line_shown.id:
                self.line_shown = next((row for row in self.rows if row.id == self.line_shown.id), TriggerLine())

    @turns.opens
    async def open_line(self, identity: str) -> None:
        """Show everything about a trigger, with its last log lines."""
        self.line_shown = next((row for row in self.rows if row.id == identity), TriggerLine())
        self.lines = []
        where = key_of(identity)
        async with self.api(say("Could not read the logs")) as api:
            chosen = [{"field": name, "operator": "EQUALS", "value": value} for name, value in where.items()]
            found = await api.logs.search(size=20, filters=chosen)
            self.lines = [{"at": row.time, "level": row.level, "text": row.message[:300]} for row in found.rows]

    @rx.event
    async def close(self) -> None:
        """Close the details."""
        self.line_shown = TriggerLine()

    @turns.writes
    async def turn(self, identity: str, on: bool) -> None:
        """Switch one; the row shows it at once and goes back when the server refuses."""
        before = self.rows
        self.rows = [row if row.id != identity else replace(row, on=on) for row in self.rows]
        try:
            async with self.api(raising=True) as api:
                await api.triggers.update({**key_of(identity), "disabled": not on})
        except ApiError as error:
            self.rows = before
            self.fail(error, say("Could not switch the trigger"))
            return
        await self._fetch()

    @turns.writes
    async def restart(self, identity: str) -> None:
        """Begin the evaluation anew."""
        where = key_of(identity)
        async with self.api(say("Could not restart the trigger")) as api:
            await api.triggers.restart(where["namespace"], where["flowId"], where["triggerId"])
            self.toast(say("Trigger restarted"), where["triggerId"])
        await self._fetch()

    @rx.event
    async def ask(self, action: str, identities: list[str]) -> None:
        """Ask before an action on one or many."""
        if action in ACTIONS:
            everything = self.select_everything and len(identities) > 1
            mine = permitted(self.permissions, TRIGGERS, {one: one.partition("/")[0] for one in identities})
            self.ask_note = "" if everything else shortfall(len(mine), len(identities), TRIGGERS)
            if not mine and not everything:
                self.toast(say("Nothing to change"), self.ask_note, level="warning")
                return
            self.asking, self.asked = action, identities if everything else mine
            number = self.total if everything else len(mine)
            self.ask_words = say_count(
                number,
                "{action} {number} trigger",
                "{action} {number} triggers",
                action=say(ACTIONS[action][0]),
                number=spoken(number),
            )

    @rx.event
    async def keep(self) -> None:
        """Do nothing."""
        self.asking = ""

    @turns.behind
    async def confirmed(self):
        """Carry out what was asked."""
        async with self:
            action, self.asking, asked = self.asking, "", list(self.asked)
            everything = self.select_everything and len(asked) > 1
            count = self.total if everything else len(asked)
            text, filters = self.search_text, self.wanted()["filters"]
            self.selected, self.select_everything = [], False
        if action not in ACTIONS:
            return

        async def change(api: Client, part: list[str]) -> Outcome:
            keys = None if everything else [key_of(one) for one in part]
            done = await api.triggers.bulk(action, triggers=keys, filters=filters, query=text)
            return Outcome(done, skipped=max(0, (count if everything else len(part)) - done))

        def done(n: int) -> str:
            words = say(ACTIONS[action][1])
            return say_count(n, "{done} trigger: {action}", "{done} triggers: {action}", done=spoken(n), action=words)

        await carry_out(
            self,
            Work(
                say("Changing triggers"),
                done,
                parts=[[]] if everything else slices(asked),
                step=change,
                total=count,
                skipped=say("nothing to change"),
            ),
        )
        yield AllTriggersState.load


S: Any = AllTriggersState
MEANT: Any = rx.cond(S.select_everything & (S.asked.length() > 1), S.total, S.asked.length()).to(int)


def _name(row: Any) -> rx.Component:
    gone = rx.el.span(rx.icon("triangle-alert", size=14), class_name="fgs warn", title=row.reason)
    return rx.el.span(
        rx.cond(row.gone, gone, rx.fragment()),
        rx.el.button(
            row.trigger,
            class_name="mono med cell-link",
            title=row.trigger,
            on_click=S.open_line(row.id),
            custom_attrs={"type": "button"},
        ),
        rx.cond(row.backfill != "", count("backfill " + row.backfill), rx.fragment()),
        class_name="row g6",
    )


def _starts(row: Any) -> rx.Component:
    return rx.cond(
        row.cron != "",
        rx.el.span(row.cron, class_name="mono", title=row.words),
        rx.el.span(row.short, class_name="mut", title=row.type),
    )


def _execution(row: Any) -> rx.Component:
    return rx.cond(
        row.execution != "",
        link(
            row.execution[0:8],
            to=routes.execution(row.namespace, row.flow, row.execution),
            class_name="mono",
            title=row.execution,
        ),
        rx.cond(row.locked != "", count("evaluating"), rx.fragment()),
    )


def _on(row: Any) -> rx.Component:
    control = switch(row.on, lambda on: S.turn(row.id, on), label="On", disabled=row.fixed, test="trigger-switch")
    return rx.el.span(
        allowed(control, needs=TRIGGERS, namespace=row.namespace),
        unless_allowed(rx.cond(row.on, "on", "off"), needs=TRIGGERS, namespace=row.namespace),
        title=row.reason,
    )


COLUMNS = [
    Column("Trigger", _name, sort="triggerId", key="triggerId"),
    Column(
        "Flow",
        lambda row: link(row.flow, to=routes.flow(row.namespace, row.flow, "triggers"), class_name="id"),
        sort="flowId",
        key="flowId",
    ),
    Column(
        "Namespace",
        lambda row: link(row.namespace, to=routes.namespace(row.namespace), class_name="ns"),
        sort="namespace",
        key="namespace",
        hide="m",
    ),
    Column("Starts", _starts, key="starts", hide="m"),
    Column("Execution", _execution, key="execution", hide="m"),
    Column("Worker", lambda row: rx.el.span(row.worker[0:8], class_name="mono"), key="worker", off=True),
    Column("Last", lambda row: moment(row.last, mode="relative", empty="never"), numeric=True, key="date", hide="m"),
    Column("Next", lambda row: moment(row.next), sort="nextExecutionDate", numeric=True, key="next"),
    Column("Updated", lambda row: moment(row.updated, mode="relative"), numeric=True, key="updated", off=True),
    Column("Locked since", lambda row: moment(row.locked, mode="relative"), numeric=True, key="locked", off=True),
    Column("On", _on, key="on"),
]


def _row_menu(row: Any) -> rx.Component:
    steered = lambda *items: allowed(*items, needs=TRIGGERS, namespace=row.namespace)  # noqa: E731
    backfill = rx.fragment(
        rx.cond(
            row.backfill == "paused",
            menu_item("Continue the backfill", icon="play", on_select=S.ask("unpause", [row.id])),
            menu_item("Pause the backfill", icon="pause", on_select=S.ask("pause", [row.id])),
        ),
        menu_item("Delete the backfill", icon="history", danger=True, on_select=S.ask("drop", [row.id])),
    )
    return menu(
        icon_button("ellipsis", "More", test="triggers-more"),
        menu_item("Details and logs", icon="panel-right", on_select=S.open_line(row.id)),
        allowed(
            menu_item("Edit the flow", icon="pencil", to=routes.flow(row.namespace, row.flow, "edit")),
            needs="FLOW:UPDATE",
            namespace=row.namespace,
        ),
        steered(
            menu_item("Restart", icon="rotate-cw", on_select=S.restart(row.id), test="triggers-restart"),
            menu_item(
                "Unlock",
                icon="lock-open",
                on_select=S.ask("unlock", [row.id]),
                disabled=~row.held,
                reason="not locked",
                test="triggers-unlock",
            ),
            rx.cond(row.backfill != "", backfill, rx.fragment()),
            menu_line(),
            menu_item(
                "Delete the state",
                icon="trash-2",
                danger=True,
                on_select=S.ask("delete", [row.id]),
                test="triggers-delete",
            ),
        ),
        label="Actions on the trigger",
    )


def _small(row: Any) -> rx.Component:
    return rx.el.button(
        rx.el.span(row.flow, " · ", row.trigger, class_name="med ell"),
        rx.el.span(
            rx.cond(row.on, rx.fragment("next ", moment(row.next, empty="on event")), "off"),
            rx.cond(row.backfill != "", " · backfill " + row.backfill, ""),
            class_name="mut sm",
        ),
        class_name="two",
        on_click=S.open_line(row.id),
        custom_attrs={"type": "button"},
    )


def fact(word: Any, value: Any) -> rx.Component:
    """A line of a drawer: word and value."""
    return rx.el.div(rx.el.dt(word, class_name="mut"), rx.el.dd(value, class_name="brk"), class_name="factrow")


def _details() -> rx.Component:
    one = S.line_shown
    logs = f"{routes.LOGS}?filters[namespace][EQUALS]={one.namespace}&filters[flowId][EQUALS]={one.flow}"
    span = rx.fragment(
        moment(one.fill_start, mode="full"),
        " to ",
        moment(one.fill_end, mode="full"),
        ", at ",
        moment(one.fill_at, mode="full"),
        ", ",
        one.backfill,
    )
    cron = fact("Cron", rx.fragment(rx.el.span(one.cron, class_name="mono"), " ", one.words))
    line = lambda row: rx.el.div(  # noqa: E731
        moment(row["at"]), rx.el.b(row["level"]), rx.el.span(row["text"], class_name="brk"), class_name="xs-line"
    )
    return drawer(
        one.trigger,
        rx.cond(one.gone, message("warn", rx.el.b("Its source is gone. "), one.reason), rx.fragment()),
        rx.el.dl(
            fact("Flow", link(one.namespace, "/", one.flow, to=routes.flow(one.namespace, one.flow, "triggers"))),
            fact("Type", rx.el.span(one.type, class_name="mono")),
            rx.cond(one.cron != "", cron, rx.fragment()),
            fact("Next", moment(one.next, mode="full", empty="on event, or off")),
            fact("Last date", moment(one.last, mode="full", empty="never")),
            fact("Updated", moment(one.updated, mode="full")),
            fact("Execution", rx.el.span(one.execution, class_name="mono")),
            fact("Evaluated by", rx.el.span(one.worker, class_name="mono")),
            fact("Locked since", moment(one.locked, mode="full", empty="not locked")),
            rx.cond(one.backfill != "", fact("Backfill", span), rx.fragment()),
            class_name="facts",
        ),
        rx.el.header(
            rx.el.h3("Last lines"),
            link("All logs", to=f"{logs}&filters[triggerId][EQUALS]={one.trigger}", class_name="more link"),
            class_name="sec",
        ),
        rx.cond(
            S.lines.length() > 0,
            rx.el.div(rx.foreach(S.lines, line), class_name="xs-lines"),
            rx.el.p("It has written no line.", class_name="mut sm"),
        ),
        open=one.id != "",
        at=one.id,
        on_close=S.close,
        width=520,
        footer=[button("Close", on_click=S.close)],
        test="triggers-details",
    )


def _bulk(action: str, word: str, icon: str, kind: Any = "default") -> rx.Component:
    press = button(
        word, icon=icon, size="small", kind=kind, on_click=S.ask(action, S.selected), test=f"triggers-bulk-{action}"
    )
    return allowed(press, needs=TRIGGERS)


def triggers_page() -> rx.Component:
    """The list, or the calendar of the next seven days."""
    none = list_none(
        AllTriggersState,
        what="trigger",
        title="No trigger yet",
        hint="A trigger starts a flow by the clock, on an event or after another flow. It stands in the source.",
        icon="timer",
        actions=[allowed(link_button("New flow", routes.NEW_FLOW, icon="plus", kind="primary"), needs="FLOW:CREATE")],
        test="triggers",
    )
    bulk = Bulk(
        [
            _bulk("enable", "On", "toggle-right"),
            _bulk("disable", "Off", "toggle-left"),
            _bulk("unlock", "Unlock", "lock-open"),
            _bulk("pause", "Pause backfills", "pause"),
            _bulk("unpause", "Continue", "play"),
            _bulk("drop", "Delete backfills", "history", "danger"),
            _bulk("delete", "Delete", "trash-2", "danger"),
        ],
        on_all=AllTriggersState.set_everything,
        total=S.total,
        everything=S.select_everything,
        needs=TRIGGERS,
    )
    table = list_table(
        S,
        COLUMNS,
        label="Triggers",
        choose=AllTriggersState.set_selected,
        none=none,
        actions=_row_menu,
        small=_small,
        bulk=bulk,
        test="triggers-table",
    )
    week = rx.el.div(
        week_grid(url=S.week_url, reload=S.week_seq), class_name="scroll", custom_attrs=testid("triggers-week")
    )
    filters = list_filters(
        AllTriggersState,
        KEYS,
        placeholder="Trigger, flow or namespace",
        on_refresh=AllTriggersState.load,
        columns=COLUMNS,
        csv=S.csv,
    )
    words = rx.match(
        S.asking,
        ("delete", rx.el.p("What the scheduler keeps is forgotten: last date, lock, backfill. It is made anew.")),
        ("drop", rx.el.p("The dates not yet run stay undone. What ran, stays.")),
        ("disable", rx.el.p("They start nothing until somebody switches them on.")),
        ("unlock", rx.el.p("A lock that a dead evaluation left goes; a running execution may get a twin.")),
        rx.el.p("The action concerns those to which it applies; the others stay as they are."),
    )
    return page_shell(
        "Triggers",
        tabs(
            [("list", "All triggers", routes.TRIGGERS), ("week", "Next 7 days", routes.TRIGGERS + "?view=week")],
            S.view,
            label="Views",
        ),
        rx.cond(
            S.view == "week",
            week,
            rx.fragment(
                filters,
                list_body(AllTriggersState, table, on_retry=AllTriggersState.load),
                list_pager(AllTriggersState),
            ),
        ),
        _details(),
        confirm_dialog(
            S.ask_words,
            words,
            rx.cond(S.ask_note != "", message("warn", S.ask_note), rx.fragment()),
            rx.el.ul(rx.foreach(S.asked[0:10], lambda one: rx.el.li(one, class_name="mono brk"))),
            open=S.asking != "",
            on_cancel=S.keep,
            on_confirm=S.confirmed,
            verb=S.ask_words,
            icon="check",
            expected=rx.cond(S.asking == "delete", number_to_type(MEANT), ""),
            test="triggers-confirm",
        ),
        on_retry=AllTriggersState.load,
    )
