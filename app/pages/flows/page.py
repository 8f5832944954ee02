"""The page of one flow: head, tabs, the open tab, and the dialogs that belong to all of them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.flows.editor import HOTKEYS, editor_panel
from app.pages.flows.editor_state import EditorState
from app.pages.flows.execute import ExecuteState, execute_dialog
from app.pages.flows.overview import overview_panel
from app.pages.flows.revisions import revisions_panel
from app.pages.flows.runs import logs_panel, runs_panel
from app.pages.flows.state import FlowState
from app.pages.flows.triggers import triggers_panel
from components.button import button, icon_button, link_button
from components.dialog import confirm_dialog, menu, menu_item, menu_line
from components.graph import flow_graph
from components.message import skeleton_rows
from components.tabs import tabs

S: Any = FlowState


def _topology() -> rx.Component:
    return rx.el.div(
        flow_graph(
            key=S.flow_ns + "/" + S.flow_id + "#" + S.flow_revision.to_string(),
            graph_url="/api/v1/" + S.tenant_id + "/flows/" + S.flow_ns + "/" + S.flow_id + "/graph",
            direction="LR",
            toolbar=True,
        ),
        class_name="fillbox grow",
        custom_attrs={"data-testid": "flow-topology"},
    )


def _dependencies() -> rx.Component:
    return rx.el.div(
        flow_graph(
            key=S.flow_ns + "/" + S.flow_id + "#dependencies",
            graph_url="/api/v1/"
            + S.tenant_id
            + "/flows/"
            + S.flow_ns
            + "/"
            + S.flow_id
            + "/dependencies?expandAll=true",
            direction="LR",
            selected=S.flow_id,
            toolbar=True,
            on_open=FlowState.open_neighbour,
        ),
        class_name="fillbox grow",
        custom_attrs={"data-testid": "flow-dependencies"},
    )


def _deleted() -> rx.Component:
    return rx.el.div(
        rx.icon("trash-2", size=14),
        rx.el.span("This flow was deleted. Its revisions and executions are kept.", class_name="grow"),
        button("Restore", size="small", icon="undo-2", on_click=S.restore_deleted, test="flow-restore"),
        class_name="ebar warn",
        role="status",
        custom_attrs={"data-testid": "flow-deleted"},
    )


def delete_dialog() -> rx.Component:
    """Ask before deleting the flow of the page."""
    return confirm_dialog(
        "Delete this flow",
        rx.el.p(
            rx.el.b(S.flow_id, class_name="mono"),
            " in ",
            S.flow_ns,
            " is deleted, its triggers stop. It can be restored.",
        ),
        rx.el.ul(rx.foreach(S.delete_facts, lambda one: rx.el.li(one))),
        open=S.asking_delete,
        on_cancel=S.keep_flow,
        on_confirm=S.delete_flow,
        verb="Delete flow",
        test="flow-delete",
    )


def flow_page() -> rx.Component:
    """`/flows/edit/{namespace}/{id}/{tab}`."""
    place = lambda tab: routes.flow(S.flow_ns, S.flow_id, tab)  # noqa: E731
    strip = tabs(
        [
            ("overview", "Overview", place("overview")),
            ("topology", "Topology", place("topology")),
            ("executions", "Executions", place("executions"), S.running_count),
            ("edit", "Edit", place("edit")),
            ("revisions", "Revisions", place("revisions"), S.flow_revision.to_string()),
            ("triggers", "Triggers", place("triggers"), S.trigger_count),
            ("logs", "Logs", place("logs")),
            ("dependencies", "Dependencies", place("dependencies")),
        ],
        S.flow_tab,
        label="Parts of the flow",
    )
    more = menu(
        icon_button("ellipsis", "More", test="flow-more"),
        menu_item(
            "Copy the flow",
            icon="copy",
            to=routes.NEW_FLOW + "?copy=true&namespace=" + S.flow_ns + "&flow=" + S.flow_id,
        ),
        rx.cond(
            S.flow_disabled,
            menu_item("Enable", icon="power", on_select=S.switch(False)),
            menu_item("Disable", icon="power-off", on_select=S.switch(True)),
        ),
        menu_line(),
        menu_item("Delete", icon="trash-2", danger=True, on_select=S.ask_delete),
        label="Actions on the flow",
    )
    actions = rx.cond(
        S.flow_ready & (S.flow_tab != "edit") & ~S.flow_deleted,
        rx.el.span(
            more,
            link_button("Edit", place("edit"), icon="pencil", test="flow-edit"),
            button(
                "Execute",
                icon="play",
                kind="primary",
                on_click=ExecuteState.open_for(S.flow_ns, S.flow_id),
                disabled=S.flow_disabled,
                reason="The flow is disabled",
                test="flow-execute",
            ),
            class_name="row g8 facts",
        ),
        rx.fragment(),
    )
    body = rx.cond(
        S.flow_ready,
        rx.match(
            S.flow_tab,
            ("edit", editor_panel()),
            ("topology", _topology()),
            ("executions", runs_panel()),
            ("revisions", revisions_panel()),
            ("triggers", triggers_panel()),
            ("logs", logs_panel()),
            ("dependencies", _dependencies()),
            overview_panel(),
        ),
        skeleton_rows(),
    )
    return page_shell(
        rx.cond(S.flow_id != "", S.flow_id, "Flow"),
        strip,
        rx.cond(S.flow_deleted, _deleted(), rx.fragment()),
        body,
        delete_dialog(),
        execute_dialog(),
        parts=[("Flows", routes.FLOWS), (S.flow_ns, routes.namespace(S.flow_ns, "overview"))],
        actions=[rx.cond(S.flow_disabled, rx.el.i("disabled", class_name="cnt"), rx.fragment()), actions],
        commands=[
            {"title": "Execute this flow", "event": "flow-execute"},
            {"title": "Save the flow", "event": "editor-save"},
        ],
        collapsed=True,
        hotkeys=HOTKEYS,
        on_hotkey=EditorState.take_hotkey,
        on_retry=S.load,
    )
