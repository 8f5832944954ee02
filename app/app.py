"""Registers the console's pages; the only place of `add_page`.

The built frontend never calls the page functions, so every module with a state must be imported from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.pages.execution import ExecutionState, execution_page
from app.pages.executions import ExecutionsState, executions_page
from app.pages.flows.editor import new_flow_page
from app.pages.flows.editor_state import EditorState
from app.pages.flows.listing import FlowsState, flows_page
from app.pages.flows.page import flow_page
from app.pages.flows.sources import SourcesState, sources_page
from app.pages.flows.state import FlowState
from app.pages.gallery import gallery_page
from app.pages.gate import login_page, setup_page
from app.pages.home import HomeState, StartState, dashboard_page, root_page, start_page
from app.pages.kv import KvState, kv_page
from app.pages.logs import LogsState, logs_page
from app.pages.missing import missing_page
from app.pages.namespaces import FilesState, NamespacesState, NamespaceState, namespace_page, namespaces_page
from app.pages.settings import settings_page
from app.pages.welcome import WelcomeState, welcome_page
from app.tab import Tab

app = rx.App(
    stylesheets=["/tokens.css", "/mock.css", "/console.css", "/home.css", "/namespaces.css", "/logs.css", "/flows.css"],
    head_components=[rx.el.link(rel="icon", href="/ui/favicon.svg", type="image/svg+xml")],
    app_wraps={},
    toaster=None,
    reset_style=False,
    html_lang="en",
)


def screen(page: Callable[[], rx.Component], route: str, title: str, *load: Any) -> None:
    """Register a page below the tenant.

    Args:
        page: draws it.
        route: below the tenant, with arguments `[ns] [flow] [exec] [tab]` only.
        title: document title until the page sets its own.
        load: handlers that run on every visit, after `Tab.enter`.
    """
    app.add_page(page, route=f"/[tenant]{route}", title=f"{title} · flowdeck", on_load=[Tab.enter, *load])


app.add_page(root_page, route="/", title="flowdeck")
app.add_page(missing_page, route="/404", title="Not found · flowdeck", on_load=Tab.enter)
screen(start_page, "", "Start", StartState.load)
screen(start_page, "/home", "Start", StartState.load)
screen(dashboard_page, "/dashboards", "Dashboard", HomeState.load)
screen(login_page, "/login", "Log in")
screen(setup_page, "/setup", "Set up")
screen(welcome_page, "/welcome", "Welcome", WelcomeState.load)
screen(settings_page, "/settings", "Settings")
screen(gallery_page, "/gallery", "Components")
screen(logs_page, "/logs", "Logs", LogsState.load)
screen(kv_page, "/kv", "KV Store", KvState.load)
screen(namespaces_page, "/namespaces", "Namespaces", NamespacesState.load)
screen(namespace_page, "/namespaces/edit/[ns]", "Namespace", NamespaceState.load)
screen(
    namespace_page,
    "/namespaces/edit/[ns]/[tab]",
    "Namespace",
    NamespaceState.load,
    FilesState.load,
    KvState.load,
)
screen(flows_page, "/flows", "Flows", FlowsState.visit)
screen(sources_page, "/flows/search", "Search sources", SourcesState.load)
screen(new_flow_page, "/flows/new", "New flow", EditorState.open_new)
screen(flow_page, "/flows/edit/[ns]/[flow]", "Flow", FlowState.load)
screen(flow_page, "/flows/edit/[ns]/[flow]/[tab]", "Flow", FlowState.load)
screen(executions_page, "/executions", "Executions", ExecutionsState.load)
screen(execution_page, "/executions/[ns]/[flow]/[exec]/[tab]", "Execution", ExecutionState.load)
screen(execution_page, "/executions/[ns]/[flow]/[exec]", "Execution", ExecutionState.load)
