"""Registers the console's pages; the only place of `add_page`.

The built frontend never calls the page functions, so every module with a state must be imported from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.pages.administration import (
    AllTriggersState,
    LimitsState,
    ServicesState,
    StatisticsState,
    limits_page,
    services_page,
    statistics_page,
    triggers_page,
)
from app.pages.blueprints import BlueprintsState, blueprint_page, blueprints_page
from app.pages.compare import CompareState, compare_page
from app.pages.dashboards import BoardEditorState, BoardState, board_editor_page, board_page
from app.pages.dashboards.switcher import Boards
from app.pages.documentation import DocsState, docs_page
from app.pages.execution import ExecutionState, execution_page
from app.pages.executions import ExecutionsState, executions_page
from app.pages.flows.editor import new_flow_page
from app.pages.flows.editor_state import EditorState
from app.pages.flows.listing import flows_page
from app.pages.flows.listing_state import FlowsState
from app.pages.flows.page import flow_page
from app.pages.flows.sources import SourcesState, sources_page
from app.pages.flows.state import FlowState
from app.pages.gallery import gallery_page
from app.pages.gate import login_page, setup_page
from app.pages.home import HomeState, StartState, dashboard_page, root_page, start_page
from app.pages.kv import KvState, kv_page
from app.pages.logs import LogsState, logs_page
from app.pages.missing import missing_page
from app.pages.namespaces import (
    FilesState,
    NamespaceDetails,
    NamespaceFlows,
    NamespacesState,
    NamespaceState,
    ScriptState,
    namespace_page,
    namespaces_page,
)
from app.pages.plugins import PluginsState, plugin_page, plugins_page
from app.pages.profile import profile_page
from app.pages.secrets import SecretsState, secrets_page
from app.pages.settings import settings_page
from app.pages.waiting import WaitingState, waiting_page
from app.pages.welcome import WelcomeState, welcome_page
from app.tab import LOADS, Tab
from app.words import Languages
from components.language import Language

app = rx.App(
    stylesheets=[
        "/tokens.css",
        "/mock.css",
        "/console.css",
        "/home.css",
        "/namespaces.css",
        "/logs.css",
        "/flows.css",
        "/screens.css",
    ],
    head_components=[rx.el.link(rel="icon", href="/ui/favicon.svg", type="image/svg+xml")],
    app_wraps={(1, "Language"): lambda _: Language.create()},
    toaster=None,
    reset_style=False,
    html_lang="en",
)
app.add_middleware(Languages())


def screen(page: Callable[[], rx.Component], route: str, title: str, *load: Any) -> None:
    """Register a page below the tenant.

    Args:
        page: draws it.
        route: below the tenant, with arguments `[ns] [flow] [exec] [tab]` only.
        title: document title until the page sets its own.
        load: handlers that run on every visit, after `Tab.enter`.
    """
    LOADS[route or "/"] = load
    app.add_page(page, route=f"/[tenant]{route}", title=f"{title} · flowdeck", on_load=Tab.enter(route or "/"))


app.add_page(root_page, route="/", title="flowdeck")
app.add_page(missing_page, route="/404", title="Not found · flowdeck", on_load=Tab.enter(""))
screen(start_page, "", "Start", StartState.load)
screen(start_page, "/home", "Start", StartState.load)
screen(dashboard_page, "/dashboards", "Dashboard", HomeState.visit, Boards.load)
screen(board_editor_page, "/dashboards/new", "New dashboard", BoardEditorState.load)
screen(board_page, "/dashboards/[dashboard]", "Dashboard", BoardState.load, Boards.load)
screen(board_editor_page, "/dashboards/[dashboard]/edit", "Dashboard", BoardEditorState.load)
screen(login_page, "/login", "Log in")
screen(setup_page, "/setup", "Set up")
screen(welcome_page, "/welcome", "Welcome", WelcomeState.load)
screen(settings_page, "/settings", "Settings")
screen(profile_page, "/profile", "Profile")
screen(gallery_page, "/gallery", "Components")
screen(logs_page, "/logs", "Logs", LogsState.load)
screen(kv_page, "/kv", "KV Store", KvState.load)
screen(secrets_page, "/secrets", "Secrets", SecretsState.load)
screen(blueprints_page, "/blueprints", "Blueprints", BlueprintsState.load)
screen(blueprints_page, "/blueprints/[bkind]/[bsource]", "Blueprints", BlueprintsState.load)
screen(blueprint_page, "/blueprints/[bkind]/[bsource]/[blueprint]", "Blueprint", BlueprintsState.load)
screen(plugins_page, "/plugins", "Plugins", PluginsState.load)
screen(plugin_page, "/plugins/[plugin]", "Plugin", PluginsState.open)
screen(docs_page, "/docs", "Documentation", DocsState.load)
screen(docs_page, "/docs/[docgroup]/[docpage]", "Documentation", DocsState.load)
screen(triggers_page, "/admin/triggers", "Triggers", AllTriggersState.load)
screen(limits_page, "/admin/concurrency-limits", "Concurrency limits", LimitsState.load)
screen(statistics_page, "/admin/stats", "Statistics", StatisticsState.load)
screen(services_page, "/admin/instance", "System overview", ServicesState.load)
screen(services_page, "/admin/instance/[tab]", "System overview", ServicesState.load)
screen(namespaces_page, "/namespaces", "Namespaces", NamespacesState.load)
screen(namespace_page, "/namespaces/edit/[ns]", "Namespace", NamespaceState.load)
screen(
    namespace_page,
    "/namespaces/edit/[ns]/[tab]",
    "Namespace",
    NamespaceState.load,
    FilesState.load,
    ScriptState.load,
    KvState.load,
    SecretsState.load,
    NamespaceDetails.load,
    NamespaceFlows.load,
)
screen(flows_page, "/flows", "Flows", FlowsState.visit)
screen(sources_page, "/flows/search", "Search sources", SourcesState.load)
screen(new_flow_page, "/flows/new", "New flow", EditorState.open_new)
screen(flow_page, "/flows/edit/[ns]/[flow]", "Flow", FlowState.load)
screen(flow_page, "/flows/edit/[ns]/[flow]/[tab]", "Flow", FlowState.load)
screen(waiting_page, "/waiting", "Waiting for me", WaitingState.load)
screen(compare_page, "/executions/compare", "Compare", CompareState.load)
screen(executions_page, "/executions", "Executions", ExecutionsState.load)
screen(execution_page, "/executions/[ns]/[flow]/[exec]/[tab]", "Execution", ExecutionState.load)
screen(execution_page, "/executions/[ns]/[flow]/[exec]", "Execution", ExecutionState.load)
