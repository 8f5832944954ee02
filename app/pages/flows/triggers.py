"""Triggers of a flow: table, details of one, backfill (UI-FP-30 to UI-FP-34, pictures 09 and 09b)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.flows.backfill import backfill_drawer, backfill_row
from app.pages.flows.trial import trial_dialog
from app.pages.flows.trigger_form import add_bar, add_button, add_dialog
from app.pages.flows.trigger_state import TriggersState
from app.rights import TRIGGERS
from components.button import button, icon_button, link, link_button
from components.chrome import allowed, unless_allowed
from components.clock import moment
from components.dialog import confirm_dialog, menu, menu_item, menu_line
from components.field import switch
from components.message import empty_state, message, skeleton_rows
from components.stream import stream_host

S: Any = TriggersState

SNIPPET = """triggers:
  - id: every_morning
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 6 * * *"
"""


def _steered(*children: Any) -> rx.Component:
    """Actions on a trigger, for those who may steer what it starts (UI-PM-01)."""
    return allowed(*children, needs=TRIGGERS, namespace=S.flow_ns)


def _icon(kind: Any) -> rx.Component:
    return rx.el.span(
        rx.match(
            kind,
            ("schedule", rx.icon("clock", size=14)),
            ("dates", rx.icon("calendar-days", size=14)),
            ("webhook", rx.icon("webhook", size=14)),
            ("flow", rx.icon("workflow", size=14)),
            ("realtime", rx.icon("radio", size=14)),
            rx.icon("activity", size=14),
        ),
        class_name="mut icf",
    )


def _menu(line: Any) -> rx.Component:
    return menu(
        icon_button("ellipsis", "More", test="trigger-more"),
        rx.cond(
            line.kind == "schedule",
            _steered(
                menu_item(
                    "Backfill",
                    icon="history",
                    on_select=S.plan(line.id),
                    disabled=~line.on | line.backfill,
                    reason=rx.cond(line.backfill, "one is running", "the trigger is off"),
                    test="trigger-backfill",
                )
            ),
            rx.fragment(),
        ),
        rx.cond(
            line.kind == "webhook",
            rx.fragment(
                menu_item(
                    "Copy the address", icon="link", on_select=S.copy_webhook(line.id, True), test="trigger-webhook"
                ),
                menu_item("Copy without the key", icon="link", on_select=S.copy_webhook(line.id, False)),
            ),
            rx.fragment(),
        ),
        rx.cond(
            line.kept & (line.kind == "polling"),
            _steered(
                menu_item(
                    "Evaluate now",
                    icon="play",
                    on_select=S.evaluate(line.id),
                    disabled=~line.on | line.locked,
                    reason=rx.cond(line.on, "it is being evaluated", "the trigger is off"),
                    test="trigger-evaluate",
                )
            ),
            rx.fragment(),
        ),
        rx.cond(
            line.kind == "polling",
            _steered(menu_item("Dry run", icon="flask-conical", on_select=S.ask_try(line.id), test="trigger-try")),
            rx.fragment(),
        ),
        allowed(
            menu_item("Logs", icon="scroll-text", on_select=S.toggle_lines(line.id), test="trigger-logs"),
            needs="EXECUTION:READ",
            namespace=S.flow_ns,
        ),
        allowed(
            menu_item("Edit in code", icon="pencil", to=routes.flow(S.flow_ns, S.flow_id, "edit")),
            needs="FLOW:UPDATE",
            namespace=S.flow_ns,
        ),
        rx.cond(
            line.kept,
            _steered(
                menu_item("Restart", icon="rotate-cw", on_select=S.restart_trigger(line.id), test="trigger-restart"),
                menu_item(
                    "Unlock",
                    icon="lock-open",
                    on_select=S.ask("unlock", line.id),
                    disabled=~line.locked,
                    reason="not locked",
                    test="trigger-unlock",
                ),
                menu_line(),
                menu_item(
                    "Delete the state",
                    icon="trash-2",
                    danger=True,
                    on_select=S.ask("delete", line.id),
                    test="trigger-delete",
                ),
            ),
            rx.fragment(),
        ),
        label="Actions on the trigger",
    )


def _row(line: Any) -> rx.Component:
    on = line.id == S.chosen
    return rx.fragment(
        rx.el.tr(
            rx.el.td(
                rx.el.button(
                    _icon(line.kind),
                    rx.el.b(line.id, class_name="mono med"),
                    on_click=S.choose(line.id),
                    class_name="row g6",
                    aria_pressed=on,
                    custom_attrs={"type": "button"},
                )
            ),
            rx.el.td(rx.el.span(line.short, class_name="mut", title=line.type), class_name="hide-m"),
            rx.el.td(rx.el.span(line.starts, class_name="ell"), class_name="fill"),
            rx.el.td(
                rx.cond(
                    line.next != "",
                    rx.fragment(
                        moment(line.next),
                        " ",
                        rx.el.span(moment(line.next, mode="relative"), class_name="faint hide-s"),
                    ),
                    rx.el.span(line.next_word, class_name="faint"),
                ),
                class_name="num",
            ),
            rx.el.td(
                rx.cond(line.kept, moment(line.last, mode="relative", empty="never"), ""), class_name="num hide-m"
            ),
            rx.el.td(
                rx.cond(
                    line.execution != "",
                    link(
                        line.execution[:8],
                        to=routes.execution(S.flow_ns, S.flow_id, line.execution),
                        class_name="mono mut",
                        title=line.execution,
                    ),
                    rx.cond(line.locked, rx.el.i("evaluating", class_name="cnt"), rx.fragment()),
                ),
                class_name="hide-m",
            ),
            rx.el.td(
                rx.cond(
                    line.kept & (line.kind != "realtime"),
                    rx.fragment(
                        _steered(
                            switch(
                                line.on,
                                lambda value: S.switch_trigger(line.id, value),
                                label=rx.cond(
                                    line.fixed_off,
                                    "Off in the source",
                                    rx.cond(line.on, "Disable " + line.id, "Enable " + line.id),
                                ),
                                disabled=line.fixed_off | (S.pending == line.id),
                                test="trigger-switch",
                            )
                        ),
                        unless_allowed(
                            rx.el.span(rx.cond(line.on, "on", "off"), class_name="xs faint"),
                            needs=TRIGGERS,
                            namespace=S.flow_ns,
                        ),
                    ),
                    rx.el.span(
                        rx.cond(line.on, "always", "off"),
                        class_name="xs faint",
                        title="Switched by `disabled` in the source",
                    ),
                ),
                class_name="onc",
            ),
            rx.el.td(_menu(line), class_name="acts"),
            class_name=rx.cond(on, "sel", ""),
            custom_attrs={"data-id": line.id, "data-testid": "trigger-row"},
        ),
        rx.cond(line.backfill, backfill_row(line), rx.fragment()),
        rx.cond(S.lines_for == line.id, _lines(line), rx.fragment()),
    )


def _lines(line: Any) -> rx.Component:
    one = lambda row: rx.el.div(  # noqa: E731
        moment(row.time, mode="auto"),
        rx.el.span(row.level, class_name=rx.match(row.level, ("ERROR", "fgs bad"), ("WARN", "fgs warn"), "faint")),
        rx.el.span(row.message, class_name="msg"),
        class_name="lgr three",
        key=row.key,
    )
    none = rx.el.p(
        "Nothing yet. What its evaluations say, and why they fail, stands here.", class_name="mut sm limnone"
    )
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                rx.el.div(
                    rx.el.b("Log of ", line.id, class_name="med"),
                    rx.el.span(class_name="grow"),
                    link(
                        "All lines",
                        to=routes.flow(S.flow_ns, S.flow_id, "logs")
                        + "?filters[triggerId][EQUALS]="
                        + line.id
                        + "&filters[level][EQUALS]=TRACE",
                        class_name="link sm",
                    ),
                    icon_button("x", "Close the log", on_click=S.toggle_lines(line.id), test="trigger-logs-close"),
                    class_name="row sm",
                ),
                rx.cond(
                    S.lines.length() > 0,
                    rx.el.div(rx.foreach(S.lines, one), class_name="lgb mono trglog"),
                    rx.cond(S.lines_ready, none, rx.el.p("Reading …", class_name="mut sm limnone")),
                ),
                class_name="bfr",
            ),
            col_span=9,
        ),
        class_name="xr",
        custom_attrs={"data-testid": "trigger-log-row"},
    )


def _table() -> rx.Component:
    head = lambda word, more="": rx.el.th(word, scope="col", class_name=more)  # noqa: E731
    return rx.el.div(
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    head("Trigger"),
                    head("Type", "hide-m"),
                    head("Starts"),
                    head("Next", "num"),
                    head("Last", "num hide-m"),
                    head("Execution", "hide-m"),
                    head("On"),
                    rx.el.th(rx.el.span("Actions", class_name="vh"), scope="col", class_name="acts"),
                )
            ),
            rx.el.tbody(rx.foreach(S.triggers, _row)),
            class_name="trgt",
            aria_label="Triggers",
        ),
        class_name="scroll",
        custom_attrs={"data-testid": "triggers-table"},
    )


def _detail() -> rx.Component:
    one = S.chosen_line
    words = ("min", "hour", "day", "month", "week")
    fact = lambda word, value: rx.el.div(rx.el.dt(word), rx.el.dd(value))  # noqa: E731
    schedule = rx.fragment(
        rx.cond(
            S.chosen_fields.length() == 5,
            rx.el.div(
                *(
                    rx.el.div(rx.el.span(S.chosen_fields[i], class_name="mono"), rx.el.i(word, class_name="xs faint"))
                    for i, word in enumerate(words)
                ),
                class_name="crn",
            ),
            rx.el.p(one.cron, class_name="mono"),
        ),
        rx.cond(
            S.chosen_fault != "",
            message("bad", S.chosen_fault),
            rx.el.p(S.chosen_words, rx.cond(one.timezone != "", ", " + one.timezone, "")),
        ),
        rx.cond(
            one.on & ~S.flow_disabled, rx.fragment(), message("warn", "The trigger is off; these dates would be next.")
        ),
        rx.el.div(
            rx.el.span("Next 10", class_name="xs faint"),
            rx.foreach(
                S.chosen_dates,
                lambda date: rx.el.div(
                    moment(date, mode="full"),
                    rx.el.span(moment(date, mode="relative"), class_name="mut"),
                    class_name="nxt",
                ),
            ),
        ),
        rx.foreach(S.chosen_notes, lambda note: message("live", note)),
        rx.cond(
            one.backfill,
            rx.fragment(),
            _steered(
                button(
                    "Backfill",
                    icon="history",
                    on_click=S.plan(one.id),
                    disabled=~one.on,
                    reason="The trigger is off",
                    test="backfill-open",
                )
            ),
        ),
    )
    hook = rx.fragment(
        rx.el.p("A request to its address starts the flow; the body is `trigger.body`.", class_name="mut"),
        rx.el.div(
            rx.el.span(
                "/executions/webhook/" + S.flow_ns + "/" + S.flow_id + "/" + rx.cond(S.key_shown, one.webhook, "•••"),
                class_name="mono ell grow",
                custom_attrs={"data-testid": "webhook-address"},
            ),
            rx.cond(
                S.key_shown,
                icon_button("eye-off", "Hide the key", on_click=S.show_key, test="webhook-key"),
                icon_button("eye", "Show the key", on_click=S.show_key, test="webhook-key"),
            ),
            icon_button("copy", "Copy the address", on_click=S.copy_webhook(one.id, True), test="webhook-copy"),
            icon_button("link", "Copy without the key", on_click=S.copy_webhook(one.id, False)),
            class_name="expr row",
        ),
    )
    return rx.el.aside(
        rx.el.div(
            rx.el.b(one.id, class_name="semi mono grow ell"),
            allowed(
                link("Edit in code", to=routes.flow(S.flow_ns, S.flow_id, "edit"), class_name="link sm"),
                needs="FLOW:UPDATE",
                namespace=S.flow_ns,
            ),
            class_name="row",
        ),
        rx.cond(one.about != "", rx.el.p(one.about, class_name="mut"), rx.fragment()),
        rx.match(one.kind, ("schedule", schedule), ("webhook", hook), rx.el.p(one.starts, class_name="mut")),
        rx.el.dl(
            fact("Type", rx.el.span(one.type, class_name="mono xs brk")),
            rx.cond(one.kept, fact("Last", moment(one.last, empty="never")), rx.fragment()),
            rx.cond(one.kept, fact("Updated", moment(one.updated, empty="never")), rx.fragment()),
            rx.cond(one.worker != "", fact("Worker", rx.el.span(one.worker, class_name="mono xs brk")), rx.fragment()),
            class_name="dls",
        ),
        class_name="crond scroll",
        aria_label="Details of the trigger",
        custom_attrs={"data-testid": "trigger-detail"},
    )


def triggers_panel() -> rx.Component:
    """The tab."""
    none = rx.el.div(
        empty_state(
            "No triggers",
            hint="A trigger starts the flow: by a schedule, a request, another flow or an event elsewhere.",
            icon="clock",
            actions=[
                add_button(),
                allowed(
                    link_button("Add one in the code", routes.flow(S.flow_ns, S.flow_id, "edit"), icon="pencil"),
                    needs="FLOW:UPDATE",
                    namespace=S.flow_ns,
                ),
            ],
        ),
        rx.el.pre(rx.el.code(SNIPPET), class_name="sample mono snip"),
        class_name="scroll col",
    )
    title: Any = rx.match(
        S.asking,
        ("unlock", "Unlock this trigger"),
        ("drop", "Delete this backfill"),
        "Delete the state of this trigger",
    )
    verb: Any = rx.match(S.asking, ("unlock", "Unlock"), ("drop", "Delete backfill"), "Delete state")
    return rx.cond(
        S.triggers_ready,
        rx.el.div(
            rx.cond(
                S.triggers.length() > 0,
                rx.fragment(
                    add_bar(),
                    rx.el.div(_table(), _detail(), class_name="cg2"),
                ),
                none,
            ),
            backfill_drawer(),
            trial_dialog(),
            add_dialog(),
            confirm_dialog(
                title,
                rx.el.p(
                    rx.el.b(S.asked, class_name="mono"),
                    rx.match(
                        S.asking,
                        (
                            "unlock",
                            " is held by an evaluation or an execution. If that still runs, two may run at once.",
                        ),
                        ("drop", " makes no more executions of the past. Those that it made stay."),
                        " forgets its last and next date; the scheduler begins anew from now.",
                    ),
                ),
                open=S.asking != "",
                on_cancel=S.keep,
                on_confirm=S.confirm,
                verb=verb,
                icon="check",
                test="trigger-ask",
            ),
            stream_host(
                url="/api/v1/"
                + S.tenant_id
                + "/console/stream?topics=flow:"
                + S.flow_ns
                + "/"
                + S.flow_id
                + ",triggers:"
                + S.flow_ns
                + "/"
                + S.flow_id,
                on_topic=S.moved,
            ),
            class_name="editor",
        ),
        skeleton_rows(),
    )
