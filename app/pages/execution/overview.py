"""Overview of an execution: failure, history, values, facts, other runs (UI-XP-10…13, picture 19)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.execution.state import ExecutionState
from components.button import button, link
from components.chrome import allowed
from components.clock import duration, moment, run_span
from components.message import flow_name, label_chip
from components.states import state_badge, state_icon, state_text
from components.value_tree import value_tree

State: Any = ExecutionState
F: Any = ExecutionState.facts
DOCUMENT: Any = (
    f"/api/v1/{State.tenant_id}/executions/search?size=1&filters[executionId][EQUALS]={F.id}"
    "&filters[kind][IN]=NORMAL,TEST,PLAYGROUND"
)
PREVIEW: Any = f"/api/v1/{State.tenant_id}/executions/{F.id}/file/preview?maxRows=100"
FILE: Any = f"/api/v1/{State.tenant_id}/executions/{F.id}/file"


def _failure() -> rx.Component:
    """The last error with its lines and what to do about it (UI-XP-11)."""
    similar = rx.cond(
        State.similar > 0,
        rx.el.span(
            State.similar,
            rx.cond(State.similar == 1, " similar failure", " similar failures"),
            " of this flow, the last ",
            moment(State.similar_at, mode="relative"),
        ),
        rx.fragment(),
    )
    lines = rx.foreach(
        State.error_lines,
        lambda one: rx.el.div(
            moment(one["at"], mode="clock"),
            rx.el.b(one["level"], class_name="fgs bad"),
            rx.el.span(one["text"], class_name="brk"),
            class_name="xs-line",
        ),
    )
    return rx.el.section(
        rx.el.h2(
            rx.el.span(rx.icon("octagon-x", size=16), class_name="fgs bad"),
            rx.el.span(rx.cond(F.error_message != "", F.error_message, "The execution failed"), class_name="xs-told"),
            class_name="brk",
        ),
        rx.el.p(
            rx.cond(
                F.error_task != "", rx.el.span("in ", rx.el.b(F.error_task, class_name="mono"), ". "), rx.fragment()
            ),
            similar,
            class_name="mut",
        ),
        rx.cond(State.error_lines.length() > 0, rx.el.div(lines, class_name="xs-lines"), rx.fragment()),
        rx.el.div(
            rx.cond(
                State.error_line_no > 0,
                button("Logs at this line", icon="scroll-text", on_click=State.logs_at_error, test="error-logs"),
                rx.fragment(),
            ),
            rx.cond(
                State.may_repair & ~State.flow_gone,
                button(
                    "Fix with AI",
                    icon="sparkles",
                    on_click=State.repair,
                    title="Opens the flow in its editor. Its source and these error lines are sent to the model.",
                    test="error-repair",
                ),
                rx.fragment(),
            ),
            rx.cond(
                (State.error_run != "") & State.may_create,
                button(
                    rx.cond(F.error_task != "", f"Replay from {F.error_task}", "Replay from here"),
                    icon="rewind",
                    on_click=State.open_replay(State.error_run),
                    test="error-replay",
                ),
                rx.fragment(),
            ),
            rx.cond(
                State.may_update,
                button("Restart", icon="rotate-ccw", on_click=State.open_dialog("restart"), test="error-restart"),
                rx.fragment(),
            ),
            rx.el.span(class_name="grow"),
            rx.cond(
                State.similar > 0,
                link(
                    "Failures of this flow",
                    to=f"{routes.EXECUTIONS}?filters[namespace][EQUALS]={F.namespace}&filters[flowId][EQUALS]={F.flow}"
                    "&filters[state][IN]=FAILED&filters[timeRange][EQUALS]=PT720H",
                    class_name="link",
                    test="error-similar",
                ),
                rx.fragment(),
            ),
            class_name="row wrap",
        ),
        class_name="xs-fail",
        role="alert",
        custom_attrs={"data-testid": "execution-failure"},
    )


def _history() -> rx.Component:
    spent = rx.el.span(
        rx.cond(F.waited_ms > 0, rx.el.span(duration(ms=F.waited_ms), " waited, "), rx.fragment()),
        rx.cond(F.held_ms > 0, rx.el.span(duration(ms=F.held_ms), " held, "), rx.fragment()),
        duration(ms=F.ran_ms),
        " ran",
        class_name="sm mut num",
    )
    bar = rx.foreach(F.history, lambda one: rx.el.i(class_name=one.look, style={"flexGrow": one.weight}, key=one.key))
    steps = rx.foreach(
        F.history,
        lambda one: rx.el.li(
            rx.el.span(state_icon(one.state), rx.el.b(state_text(one.state), class_name="med"), class_name="row g6"),
            moment(one.at, mode="clock"),
            rx.cond(one.gap_ms >= 0, rx.el.span("+", duration(ms=one.gap_ms), class_name="faint"), rx.fragment()),
            key=one.key,
        ),
    )
    return rx.el.section(
        rx.el.div(rx.el.h2("State"), rx.el.span(class_name="grow"), spent, class_name="row"),
        rx.el.div(bar, class_name="xs-bar"),
        rx.el.ol(steps, class_name="xs-steps"),
        class_name="xs-sec",
    )


def _tree(name: str, title: str, none: str) -> rx.Component:
    value: Any = getattr(State, name)
    common: dict[str, Any] = {
        "path": name,
        "preview_url": PREVIEW,
        "download_url": FILE,
        "on_preview": State.preview,
        "filter": False,
        "none": none,
    }
    tool = rx.fragment()
    if name == "outputs":
        tool = allowed(
            link(
                "Debug expression",
                to=routes.execution(F.namespace, F.flow, F.id, "outputs"),
                class_name="link sm",
                test="overview-debug",
            ),
            needs="FLOW:UPDATE",
            namespace=F.namespace,
        )
    elif name == "inputs":
        tool = rx.cond(
            State.has.contains(name) & ~State.large.contains(name),
            rx.el.button(
                "Copy as JSON",
                class_name="link sm",
                on_click=State.copy_values(name),
                custom_attrs={"type": "button", "data-testid": "overview-copy"},
            ),
            rx.fragment(),
        )
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.el.span(class_name="grow"), tool, class_name="row"),
        rx.cond(
            State.large.contains(name),
            value_tree(url=DOCUMENT, pick=f"results.0.{name}", **common),
            value_tree(value=value, **common),
        ),
        class_name="xs-sec",
    )


def _facts() -> rx.Component:
    def row(name: str, *value: Any, when: Any = None) -> rx.Component:
        made = rx.el.div(rx.el.dt(name), rx.el.dd(*value))
        return made if when is None else rx.cond(when, made, rx.fragment())

    return rx.el.section(
        rx.el.h2("Facts"),
        rx.el.dl(
            row("Namespace", link(F.namespace, to=routes.namespace(F.namespace), class_name="ns")),
            row("Flow", link(F.flow, to=routes.flow(F.namespace, F.flow), class_name="med")),
            row(
                "Revision",
                link(F.revision, to=routes.flow(F.namespace, F.flow, "revisions"), class_name="link"),
                rx.cond(State.latest_revision > 0, rx.el.span(" of ", State.latest_revision), rx.fragment()),
            ),
            row("Id", rx.el.span(F.id, class_name="mono")),
            row(
                "Trigger",
                rx.cond(
                    F.trigger_id != "",
                    rx.el.span(
                        rx.el.span(F.trigger_id, class_name="mono"),
                        rx.el.span(" ", F.trigger_type, class_name="faint"),
                        rx.cond(F.trigger_date != "", rx.el.span(" for ", moment(F.trigger_date)), rx.fragment()),
                    ),
                    rx.el.span("started by hand", class_name="mut"),
                ),
            ),
            row("Created", moment(F.created, mode="full")),
            row("Ended", moment(F.ended, mode="full"), when=F.ended != ""),
            row("Scheduled", moment(F.scheduled, mode="full"), when=F.scheduled != ""),
            row("Duration", run_span(F)),
            row("Created by", F.created_by, when=F.created_by != ""),
            row("Kind", rx.el.span(F.kind.lower(), ", attempt ", F.attempt)),
            row(
                "Parent",
                link(
                    rx.el.span(F.parent_flow, " ", rx.el.span(F.parent_id[:8], class_name="mono")),
                    to=routes.execution(F.parent_namespace, F.parent_flow, F.parent_id, "overview"),
                    class_name="link",
                    test="execution-parent",
                ),
                when=F.parent_id != "",
            ),
            row(
                "Replay of",
                link(
                    F.original_id[:8],
                    to=routes.execution(F.namespace, F.flow, F.original_id, "overview"),
                    class_name="link mono",
                    test="execution-original",
                ),
                when=F.original_id != "",
            ),
            row("Breakpoints", rx.el.span(F.breakpoints, class_name="mono"), when=F.breakpoints != ""),
            row(
                "Correlation",
                rx.el.span(F.correlation[:8], class_name="mono", title=F.correlation),
                when=F.correlation != "",
            ),
            class_name="xs-facts",
        ),
        class_name="xs-sec",
    )


def _labels() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Labels"),
            rx.el.span(class_name="grow"),
            rx.cond(
                F.terminal & State.may_update,
                rx.el.button(
                    "Edit",
                    class_name="link sm",
                    on_click=State.open_dialog("labels"),
                    custom_attrs={"type": "button", "data-testid": "overview-labels"},
                ),
                rx.fragment(),
            ),
            class_name="row",
        ),
        rx.cond(
            F.labels.length() > 0,
            rx.el.div(
                rx.foreach(
                    F.labels,
                    lambda one: label_chip(
                        one["key"], one["value"], on_click=State.open_label(f"{one['key']}:{one['value']}")
                    ),
                ),
                class_name="row g6 wrap",
            ),
            rx.el.span("No labels.", class_name="faint"),
        ),
        class_name="xs-sec",
    )


def _children() -> rx.Component:
    return rx.cond(
        State.children_total > 0,
        rx.el.section(
            rx.el.div(
                rx.el.h2("Subflows"),
                rx.el.span(class_name="grow"),
                rx.el.span(State.children_total, class_name="mut sm"),
                class_name="row",
            ),
            rx.foreach(
                State.children,
                lambda one: link(
                    state_icon(one["state"]),
                    rx.el.span(one["flow"], class_name="ell grow"),
                    rx.el.span(one["id"][:8], class_name="mono faint"),
                    to=routes.execution(one["namespace"], one["flow"], one["id"], "overview"),
                    class_name="xs-other",
                ),
            ),
            rx.cond(
                State.children_total > 10,
                link(
                    "Show all",
                    to=f"{routes.EXECUTIONS}?filters[triggerExecutionId][EQUALS]={F.id}",
                    class_name="link sm",
                ),
                rx.fragment(),
            ),
            class_name="xs-sec",
        ),
        rx.fragment(),
    )


def _others() -> rx.Component:
    """Previous executions with bars on one scale; the tab stays (UI-XP-13)."""

    def one(run: Any) -> rx.Component:
        mark = rx.cond(State.median_at != "", rx.el.u(style={"left": State.median_at}), rx.fragment())
        return link(
            state_icon(run.state),
            moment(run.at),
            rx.el.span(rx.el.i(class_name=run.look, style={"width": run.width}), mark, class_name="xs-track"),
            duration(start=run.at, end=run.ended),
            to=routes.execution(F.namespace, F.flow, run.id, State.tab_name),
            class_name=rx.cond(run.id == F.id, "xs-other on", "xs-other"),
        )

    return rx.el.section(
        rx.el.div(
            rx.el.h2("Other runs"),
            rx.el.span(class_name="grow"),
            rx.cond(
                State.median_ms > 0,
                rx.el.span("median ", duration(ms=State.median_ms), class_name="mut sm"),
                rx.fragment(),
            ),
            class_name="row",
        ),
        rx.el.div(rx.foreach(State.others, one)),
        class_name="xs-sec",
    )


def _subject() -> rx.Component:
    """On phones the header has no room for it."""
    return rx.el.section(state_badge(F.state), flow_name(F.namespace, F.flow), class_name="xs-sec row only-s")


def overview_tab() -> rx.Component:
    """Failure first, then history and values; facts at the right."""
    return rx.el.div(
        rx.el.div(
            _subject(),
            rx.cond((F.state == "FAILED"), _failure(), rx.fragment()),
            _history(),
            rx.el.div(
                _tree("inputs", "Inputs", "This execution has no inputs."),
                _tree("outputs", "Outputs", "The flow gave no outputs."),
                class_name="xs-pair",
            ),
            rx.cond(
                State.has.contains("variables") | State.has.contains("trigger"),
                rx.el.div(
                    rx.cond(State.has.contains("variables"), _tree("variables", "Variables", ""), rx.fragment()),
                    rx.cond(State.has.contains("trigger"), _tree("trigger", "Trigger", ""), rx.fragment()),
                    class_name="xs-pair",
                ),
                rx.fragment(),
            ),
            class_name="xs-col",
        ),
        rx.el.aside(_facts(), _labels(), _children(), _others(), class_name="xs-side"),
        class_name="xs-over",
    )
