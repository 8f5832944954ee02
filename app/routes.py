"""Places of the console below the tenant. Links and `Tab.navigate` add `/{tenant}`; arguments may be reactive."""

from __future__ import annotations

import reflex as rx
from reflex.config import get_config

from components.reactive import Reactive

HOME = "/home"
DASHBOARDS = "/dashboards"
FLOWS = "/flows"
NEW_FLOW = "/flows/new"
EXECUTIONS = "/executions"
WAITING = "/waiting"
LOGS = "/logs"
NAMESPACES = "/namespaces"
KV = "/kv"
SECRETS = "/secrets"
BLUEPRINTS = "/blueprints"
PLUGINS = "/plugins"
TRIGGERS = "/admin/triggers"
CONCURRENCY = "/admin/concurrency-limits"
STATISTICS = "/admin/stats"
SERVICES = "/admin/instance"
NEW_DASHBOARD = "/dashboards/new"
DOCS = "/docs"
SETTINGS = "/settings"
PROFILE = "/profile"
WELCOME = "/welcome"
LOGIN = "/login"
SETUP = "/setup"

Part = Reactive[str]


def root() -> str:
    """Where the console is on its server: `/ui`, or below the path that the server was given."""
    return get_config().frontend_path.rstrip("/")


def within(path: str) -> str:
    """A browser's path without the console's own place."""
    return path.removeprefix(root())


def flow(namespace: Part, flow_id: Part, tab: Part = "overview") -> str:
    """A flow's page."""
    return f"/flows/edit/{namespace}/{flow_id}/{tab}"


def execution(namespace: Part, flow_id: Part, execution_id: Part, tab: Part = "gantt") -> str:
    """An execution's page."""
    return f"/executions/{namespace}/{flow_id}/{execution_id}/{tab}"


def namespace(name: Part, tab: Part = "overview") -> str:
    """A namespace's page."""
    return f"/namespaces/edit/{name}/{tab}"


def plugin(cls: Part) -> str:
    """A plugin's documentation."""
    return f"/plugins/{cls}"


def dashboard(identity: Part) -> str:
    """A dashboard."""
    return f"/dashboards/{identity}"


def dashboard_editor(identity: Part) -> str:
    """A dashboard's editor."""
    return f"/dashboards/{identity}/edit"


def blueprints(kind: Part = "flow", identity: Part = "") -> str:
    """The bundled blueprints of a kind, or one of them."""
    place = f"/blueprints/{kind}/community"
    return f"{place}/{identity}" if isinstance(identity, rx.Var) or identity else place


def new_flow_from(blueprint: Part) -> str:
    """The editor with a blueprint's source."""
    return f"/flows/new?blueprintId={blueprint}&blueprintSource=community"


def docs(path: Part) -> str:
    """A page of the bundled documentation."""
    return f"/docs/{path}"
