"""Header, tabs and the open tab of an execution (UI-XP-01, UI-XP-02, UI-XP-20…53)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.execution.dialogs import dialogs
from app.pages.execution.metrics import metrics_tab
from app.pages.execution.outputs import outputs_tab
from app.pages.execution.overview import overview_tab
from app.pages.execution.source import source_tab
from app.pages.execution.state import ExecutionState
from components.button import button, button_group, copy_button, icon_button, link, link_button
from components.chrome import allowed
from components.clock import moment, run_span
from components.dialog import menu, menu_item, menu_line
from components.frame import crumb
from components.gantt import gantt
from components.graph import flow_graph
from components.log_count import log_count
from components.log_view import log_view
from components.message import label_chip, skeleton_rows
from components.run_family import run_family
from components.run_panel import run_panel
from components.run_watch import run_watch
from components.states import STATES, word
from components.stream import stream_host
from components.tabs import entity_header, tabs

State: Any = ExecutionState
F: Any = ExecutionState.facts
API: Any = f"/api/v1/{State.tenant_id}"
OWN: Any = f"/api/v1/{State.tenant_id}/console/executions/{F.id}"
WHOLE: Any = f"/api/v1/{State.tenant_id}/executions/{F.id}"
KNOWN: Any = F.state != ""
LIVE: Any = ~F.terminal & (F.state != "KILLING")
CREATE: Any = State.may_create
UPDATE: Any = State.may_update


def _badge() -> rx.Component:
    """State, icon and the time it took so far, in one badge (picture 05)."""

    def one(name: str) -> rx.Component:
        family, icon = STATES[name]
        return rx.el.span(
            rx.icon(icon, size=14),
            word(name),
            run_span(F),
            class_name=f"st {family} l",
            custom_attrs={"data-testid": "execution-state", "data-state": name},
        )

    return rx.fragment(rx.match(F.state, *((name, one(name)) for name in STATES), rx.fragment()))


def _identity() -> list[rx.Component]:
    """The id, known as soon as the address names the execution."""
    return [
        rx.el.span(F.id, class_name="mono xs-id ell", custom_attrs={"data-testid": "execution-id"}),
        copy_button(F.id, "Copy the id"),
    ]


def _header() -> rx.Component:
    flow_place = routes.flow(F.namespace, F.flow, "edit")
    neighbours = button_group(
        _step("chevron-left", "Execution above in the list", "Earlier execution of the flow", "earlier"),
        _step("chevron-right", "Execution below in the list", "Later execution of the flow", "later"),
    )
    return entity_header(
        _badge(),
        *_identity(),
        rx.cond(
            State.pending != "",
            rx.el.span(State.pending, " …", class_name="mut sm", role="status"),
            rx.el.span(
                rx.el.span(
                    "rev ", link(F.revision, to=routes.flow(F.namespace, F.flow, "revisions"), class_name="link")
                ),
                rx.cond(
                    F.trigger_id != "",
                    rx.el.span("by ", rx.el.span(F.trigger_id, class_name="mono"), class_name="ell"),
                    rx.fragment(),
                ),
                rx.el.span("started ", moment(F.created), class_name="nw hide-m"),
                class_name="mut row g12 hide-s xs-sub",
            ),
        ),
        rx.el.span(
            rx.foreach(
                F.labels[:3],
                lambda one: label_chip(
                    one["key"], one["value"], on_click=State.open_label(f"{one['key']}:{one['value']}")
                ),
            ),
            rx.cond(F.labels.length() > 3, rx.el.i("+", F.labels.length() - 3, class_name="cnt"), rx.fragment()),
            class_name="row g6 hide-m xs-labels",
        ),
        actions=[
            run_watch(state=F.state, name=F.flow, terminal=F.terminal, key=F.id),
            neighbours,
            rx.cond(
                (State.last_success != "") & F.terminal,
                rx.el.span(
                    link_button(
                        "Compare with last success",
                        f"{routes.EXECUTIONS}/compare?a={State.last_success}&b={F.id}",
                        icon="git-compare",
                        test="execution-compare",
                    ),
                    class_name="hide-m",
                ),
                rx.fragment(),
            ),
            rx.cond(
                State.flow_gone,
                rx.fragment(),
                allowed(
                    rx.el.span(
                        link_button("Edit flow", flow_place, icon="pencil", test="execution-edit"), class_name="hide-s"
                    ),
                    needs="FLOW:UPDATE",
                    namespace=F.namespace,
                ),
            ),
            _menu(),
        ],
    )


def _step(icon: str, in_list: str, of_flow: str, test: str) -> rx.Component:
    place: Any = getattr(State, f"{test}_place")
    words: Any = rx.cond(State.in_list & ~State.by_flow, in_list, of_flow)
    shape = rx.icon(icon, size=14)
    return rx.cond(
        place != "",
        link(shape, to=f"{place}{State.tab_name}", class_name="btn ic", title=words, test=f"execution-{test}"),
        button(icon=icon, title=words, disabled=True, reason="There is none"),
    )


def _menu() -> rx.Component:
    ask = State.open_dialog
    return menu(
        icon_button("ellipsis", "More actions", test="execution-menu"),
        _when(CREATE, F.settled, "Replay", "rewind", State.open_replay(""), "Something still runs", "menu-replay"),
        _when(
            UPDATE,
            F.state == "FAILED",
            "Restart",
            "rotate-ccw",
            ask("restart"),
            "Only after a failure",
            "menu-restart",
        ),
        _when(UPDATE, F.terminal, "Change state", "arrow-left-right", ask("status"), "It has not ended", "menu-status"),
        _when(UPDATE, F.terminal, "Set labels", "tag", ask("labels"), "It has not ended", "menu-labels"),
        _when(
            UPDATE,
            F.state == "QUEUED",
            "Take out of the queue",
            "list-end",
            ask("unqueue"),
            "It is not queued",
            "menu-unqueue",
        ),
        _when(UPDATE, LIVE, "Force run", "fast-forward", ask("force"), "It has ended", "menu-force"),
        rx.cond(CREATE | UPDATE, menu_line(), rx.fragment()),
        rx.cond(
            CREATE,
            menu_item(
                "Execute the flow", icon="play", on_select=ask("execute"), disabled=State.flow_gone, test="menu-execute"
            ),
            rx.fragment(),
        ),
        allowed(
            menu_item("Edit the flow", icon="pencil", to=routes.flow(F.namespace, F.flow, "edit")),
            needs="FLOW:UPDATE",
            namespace=F.namespace,
        ),
        rx.cond(
            State.in_list,
            menu_item(
                "Step through the list",
                icon="list",
                on_select=State.step_by(rx.cond(State.by_flow, "list", "flow")),
                checked=~State.by_flow,
                test="menu-step",
            ),
            rx.fragment(),
        ),
        menu_item("Copy link", icon="link", on_select=State.copy_place, test="menu-link"),
        menu_item("Download everything as ZIP", icon="file-archive", href=f"{OWN}/bundle", test="menu-bundle"),
        menu_item("Open the API's JSON", icon="file-json", href=WHOLE),
        rx.cond(UPDATE | State.may_delete, menu_line(), rx.fragment()),
        _when(UPDATE, LIVE, "Kill", "square", ask("kill"), "It has ended", "menu-kill", danger=True),
        _when(
            State.may_delete,
            State.log_total > 0,
            "Delete the log lines",
            "eraser",
            ask("delete-logs"),
            "There is none",
            "menu-delete-logs",
            danger=True,
        ),
        rx.cond(
            State.may_delete,
            menu_item("Delete", icon="trash-2", on_select=ask("delete"), danger=True, test="menu-delete"),
            rx.fragment(),
        ),
        label="More actions",
        width=232,
    )


def _when(
    right: Any, on: Any, label: str, icon: str, do: Any, reason: str, test: str, *, danger: bool = False
) -> rx.Component:
    """An entry that is absent without the right, and dead with the reason while it can't be done."""
    item = menu_item(label, icon=icon, on_select=do, disabled=~on, reason=reason, danger=danger, test=test)
    return rx.cond(right, item, rx.fragment())


def _actions() -> list[rx.Component]:
    """Buttons of the top bar: what the state asks for, the likeliest one primary (UI-XP-03)."""
    ask = State.open_dialog
    kill = button("Kill", icon="square", kind="danger", on_click=ask("kill"), test="execution-kill", class_name="ic-s")
    pause = button("Pause", icon="pause", on_click=ask("pause"), test="execution-pause", class_name="ic-s hide-m")
    resume = button(
        "Resume", icon="play", kind="primary", on_click=ask("resume"), test="execution-resume", class_name="ic-s"
    )
    go_on = button(
        "Go on", icon="play", kind="primary", on_click=ask("breakpoint"), test="execution-go-on", class_name="ic-s"
    )
    again = button("Restart", icon="rotate-ccw", on_click=ask("restart"), test="execution-restart", class_name="ic-s")
    replay = button("Replay", icon="rewind", on_click=State.open_replay(""), test="execution-replay", class_name="ic-s")
    replay_first = button(
        "Replay",
        icon="rewind",
        kind="primary",
        on_click=State.open_replay(""),
        test="execution-replay",
        class_name="ic-s",
    )
    leave = button(
        "Take out of the queue", icon="list-end", on_click=ask("unqueue"), test="execution-unqueue", class_name="ic-s"
    )
    run = button(
        "Execute",
        icon="play",
        kind="primary",
        on_click=ask("execute"),
        disabled=State.flow_gone | State.flow_disabled,
        reason="The flow is disabled or deleted",
        test="execution-execute",
        class_name="hide-s",
    )

    def if_may(right: Any, *buttons: rx.Component) -> rx.Component:
        return rx.cond(right, rx.fragment(*buttons), rx.fragment())

    run, replay, replay_first = if_may(CREATE, run), if_may(CREATE, replay), if_may(CREATE, replay_first)
    kill, pause, resume = if_may(UPDATE, kill), if_may(UPDATE, pause), if_may(UPDATE, resume)
    go_on, again, leave = if_may(UPDATE, go_on), if_may(UPDATE, again), if_may(UPDATE, leave)
    live = rx.fragment(pause, kill, run)
    ended = rx.fragment(replay, run)
    chosen = rx.match(
        F.state,
        ("", rx.fragment()),
        ("FAILED", rx.fragment(again, replay_first)),
        ("PAUSED", rx.fragment(kill, resume)),
        ("BREAKPOINT", rx.fragment(kill, go_on)),
        ("QUEUED", rx.fragment(leave, kill)),
        ("CREATED", rx.fragment(kill, run)),
        ("SUBMITTED", rx.fragment(kill, run)),
        ("KILLING", run),
        ("RUNNING", live),
        ("RETRYING", rx.fragment(kill, run)),
        ("RESTARTED", rx.fragment(kill, run)),
        ended,
    )
    return [rx.fragment(chosen)]


def _tab_bar() -> rx.Component:
    def to(tab: str) -> str:
        return routes.execution(F.namespace, F.flow, F.id, tab)

    return tabs(
        [
            ("overview", "Overview", to("overview")),
            ("gantt", "Gantt", to("gantt")),
            ("logs", "Logs", to("logs"), log_count(execution=F.id, start=State.log_total)),
            ("topology", "Topology", to("topology")),
            ("outputs", "Outputs", to("outputs")),
            ("metrics", "Metrics", to("metrics")),
            ("dependencies", "Dependencies", to("dependencies"), State.family_count),
            ("source", "Source", to("source")),
        ],
        State.tab_name,
        label="Execution",
    )


def _waiting() -> rx.Component:
    """Why it waits, with the action that ends the wait (UI-XP-12)."""
    act = rx.match(
        State.waiting_kind,
        (
            "subflow",
            rx.cond(
                State.waiting_child != "",
                button("Open the subflow", size="small", on_click=State.open_child(State.waiting_child)),
                rx.fragment(),
            ),
        ),
        ("paused", button("Resume", size="small", on_click=State.open_dialog("resume"), test="waiting-resume")),
        ("breakpoint", button("Go on", size="small", on_click=State.open_dialog("breakpoint"))),
        ("concurrency", button("Take out of the queue", size="small", on_click=State.open_dialog("unqueue"))),
        rx.fragment(),
    )
    return rx.cond(
        (State.waiting_text != "") & ~F.terminal,
        rx.el.div(
            rx.icon("hourglass", size=14),
            rx.el.span(State.waiting_text, class_name="ell"),
            rx.cond(State.waiting_until != "", rx.el.span("until ", moment(State.waiting_until)), rx.fragment()),
            rx.el.span(class_name="grow"),
            rx.cond(UPDATE, act, rx.fragment()),
            class_name="xs-wait",
            role="status",
            custom_attrs={"data-testid": "execution-waiting"},
        ),
        rx.fragment(),
    )


def _panel() -> rx.Component:
    return run_panel(
        execution=F.id,
        api=API,
        selected=State.run_id,
        replayable=F.settled & CREATE,
        changeable=F.settled & UPDATE,
        deletable=State.may_delete,
        on_close=State.close_run,
        on_replay=State.open_replay,
        on_change=State.open_run_state,
        on_logs=State.open_logs,
        on_child=State.open_child,
        on_preview=State.preview,
    )


def _beside(main: rx.Component) -> rx.Component:
    """A chart with the chosen task run's details at the right, below it on narrow screens."""
    return rx.el.div(
        rx.el.div(main, class_name="xs-main"),
        rx.cond(State.run_id != "", rx.el.aside(_panel(), class_name="xs-aside"), rx.fragment()),
        class_name=rx.cond(State.run_id != "", "xs-split open", "xs-split"),
    )


def _gantt_tab() -> rx.Component:
    return _beside(
        gantt(
            execution=F.id,
            rows_url=f"{OWN}/taskruns",
            baselines_url=f"{API}/console/flows/{F.namespace}/{F.flow}/baselines?before={F.id}",
            critical_path_url=f"{OWN}/critical-path",
            selected=State.run_id,
            on_select=State.choose_run,
            on_open_logs=State.open_logs,
            key=F.id,
        )
    )


def _logs_tab() -> rx.Component:
    shown = rx.cond(
        State.run_id != "",
        rx.el.div(
            rx.el.span("Lines of one task run", class_name="mut"),
            rx.el.span(State.run_id, class_name="mono"),
            rx.el.span(class_name="grow"),
            button("All lines", size="small", on_click=State.all_lines, test="logs-all"),
            class_name="xs-wait",
        ),
        rx.fragment(),
    )
    return rx.el.div(
        shown,
        rx.el.div(
            log_view(
                execution=F.id,
                logs_url=f"{OWN}/logs",
                search_url=f"{OWN}/logs/search",
                download_url=f"{API}/logs/{F.id}/download",
                export_url=f"{OWN}/log-lines.jsonl",
                file_url=f"{WHOLE}/file",
                task_run=State.run_id,
                level=State.log_level,
                grouping=State.log_grouping,
                folding=State.log_folding,
                line=State.log_line,
                follow=~F.terminal,
                on_line=State.choose_line,
                on_view=State.choose_view,
                key=f"{F.id}/{State.run_id}",
            ),
            class_name="xs-main",
        ),
        class_name="xs-fill",
    )


def _topology_tab() -> rx.Component:
    return _beside(
        flow_graph(
            graph_url=f"{WHOLE}/graph",
            execution=F.id,
            on_select=State.choose_node,
            on_open=State.open_node,
            key=F.id,
        )
    )


def execution_page() -> rx.Component:
    """The screen."""
    body = rx.fragment(
        _waiting(),
        rx.match(
            State.tab_name,
            ("overview", overview_tab()),
            ("logs", _logs_tab()),
            ("topology", _topology_tab()),
            ("outputs", outputs_tab()),
            ("metrics", metrics_tab()),
            ("dependencies", run_family(api=API, execution=F.id, correlation=F.family, key=F.id)),
            ("source", source_tab()),
            _gantt_tab(),
        ),
    )
    rows = rx.el.div(skeleton_rows(10), class_name="xs-fill")
    # Header and tabs belong to the execution of the address, also while its facts are on their way.
    head = rx.fragment(rx.cond(KNOWN, _header(), entity_header(*_identity())), _tab_bar())
    empty = rx.fragment(rx.el.div(class_name="eh"), rx.el.div(class_name="tabs"))
    return page_shell(
        rx.cond(F.id != "", F.short_id, "Execution"),
        rx.cond(F.id != "", head, empty),
        rx.cond(KNOWN, body, rows),
        rx.cond(
            KNOWN,
            stream_host(
                url=f"{API}/console/stream?execution={F.id}&logs=TRACE&turn={State.stream_turn}",
                on_state=State.follow,
                on_end=State.stream_ended,
            ),
            rx.fragment(),
        ),
        *dialogs(),
        parts=[
            rx.cond(
                F.id != "",
                rx.fragment(
                    crumb("Flows", routes.FLOWS),
                    crumb(f"{F.namespace}.{F.flow}", routes.flow(F.namespace, F.flow, ExecutionState.flow_first)),
                    crumb("Executions", routes.flow(F.namespace, F.flow, "executions")),
                ),
                crumb("Executions", routes.EXECUTIONS),
            ),
        ],
        actions=_actions(),
        commands=[
            {"title": "Replay this execution", "event": "execution-replay"},
            {"title": "Kill this execution", "event": "execution-kill"},
            {"title": "Resume this execution", "event": "execution-resume"},
            {"title": "Compare with the last success", "event": "execution-compare"},
        ],
        on_retry=State.load,
        collapsed=True,
        hotkeys=["n", "p"],
        on_hotkey=State.step,
    )
