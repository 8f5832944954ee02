"""The page of one flow: head, tabs, the open tab, and the dialogs that belong to all of them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.dashboards.overview import overview_board
from app.pages.flows.concurrency import concurrency_panel
from app.pages.flows.editor import HOTKEYS, editor_panel
from app.pages.flows.editor_state import EditorState
from app.pages.flows.execute import ExecuteState, execute_dialog
from app.pages.flows.metrics import metrics_panel
from app.pages.flows.overview import overview_panel
from app.pages.flows.revisions import revisions_panel
from app.pages.flows.runs import logs_panel, runs_panel
from app.pages.flows.state import READ_ONLY, FlowState
from app.pages.flows.topology import dependencies_panel, topology_panel
from app.pages.flows.triggers import triggers_panel
from app.rights import FLOW_TABS
from components.button import button, icon_button, link_button
from components.chrome import allowed
from components.dialog import confirm_dialog, menu, menu_item, menu_line
from components.message import notice_bar, skeleton_rows
from components.tabs import tabs

S: Any = FlowState


def _deleted() -> rx.Component:
    return notice_bar(
        "warn",
        "trash-2",
        "This flow was deleted. Its revisions and executions are kept.",
        actions=[button("Restore", size="small", icon="undo-2", on_click=S.restore_deleted, test="flow-restore")],
        test="flow-deleted",
    )


def _read_only() -> rx.Component:
    return notice_bar(
        "live",
        "lock",
        "This flow is read-only: its label ",
        rx.el.code(READ_ONLY, class_name="mono"),
        " says so. It can be executed.",
        test="flow-read-only",
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
            ("metrics", "Metrics", place("metrics")),
            ("dependencies", "Dependencies", place("dependencies"), S.link_count),
            ("concurrency", "Concurrency", place("concurrency")),
        ],
        S.flow_tab,
        label="Parts of the flow",
        needs=FLOW_TABS,
        namespace=S.flow_ns,
    )
    more = menu(
        icon_button("ellipsis", "More", test="flow-more"),
        allowed(
            menu_item(
                "Copy the flow",
                icon="copy",
                to=routes.NEW_FLOW + "?copy=true&namespace=" + S.flow_ns + "&flow=" + S.flow_id,
            ),
            needs="FLOW:CREATE",
        ),
        allowed(
            rx.cond(
                S.flow_disabled,
                menu_item("Enable", icon="power", on_select=S.switch(False)),
                menu_item("Disable", icon="power-off", on_select=S.switch(True)),
            ),
            needs="FLOW:UPDATE",
            namespace=S.flow_ns,
        ),
        allowed(
            menu_line(),
            menu_item("Delete", icon="trash-2", danger=True, on_select=S.ask_delete),
            needs="FLOW:DELETE",
            namespace=S.flow_ns,
        ),
        label="Actions on the flow",
    )
    actions = rx.cond(
        S.flow_ready & (S.flow_tab != "edit") & ~S.flow_deleted,
        rx.el.span(
            allowed(
                rx.cond(S.flow_read_only, rx.fragment(), more),
                needs="FLOW:CREATE|FLOW:UPDATE|FLOW:DELETE",
                namespace=S.flow_ns,
            ),
            allowed(
                link_button("Edit", place("edit"), icon="pencil", test="flow-edit"),
                needs="FLOW:UPDATE",
                namespace=S.flow_ns,
            ),
            allowed(
                button(
                    "Execute",
                    icon="play",
                    kind="primary",
                    on_click=ExecuteState.open_for(S.flow_ns, S.flow_id),
                    disabled=S.flow_disabled,
                    reason="The flow is disabled",
                    test="flow-execute",
                ),
                needs="EXECUTION:CREATE",
                namespace=S.flow_ns,
            ),
            class_name="row g8 acts_",
        ),
        rx.fragment(),
    )
    body = rx.cond(
        S.flow_ready,
        rx.match(
            S.flow_tab,
            ("edit", editor_panel()),
            ("topology", topology_panel()),
            ("executions", runs_panel()),
            ("revisions", revisions_panel()),
            ("triggers", triggers_panel()),
            ("logs", logs_panel()),
            ("metrics", metrics_panel()),
            ("dependencies", dependencies_panel()),
            ("concurrency", concurrency_panel()),
            overview_board(overview_panel()),
        ),
        skeleton_rows(),
    )
    return page_shell(
        rx.cond(S.flow_id != "", S.flow_id, "Flow"),
        strip,
        rx.cond(S.flow_deleted, _deleted(), rx.fragment()),
        rx.cond(S.flow_read_only & ~S.flow_deleted, _read_only(), rx.fragment()),
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
