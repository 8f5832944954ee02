"""Places of the console below the tenant. Links and `Tab.navigate` add `/{tenant}`; arguments may be reactive."""

from __future__ import annotations

from components.reactive import Reactive

HOME = "/home"
DASHBOARDS = "/dashboards"
FLOWS = "/flows"
NEW_FLOW = "/flows/new"
EXECUTIONS = "/executions"
LOGS = "/logs"
NAMESPACES = "/namespaces"
KV = "/kv"
SECRETS = "/secrets"
BLUEPRINTS = "/blueprints"
PLUGINS = "/plugins"
TRIGGERS = "/admin/triggers"
CONCURRENCY = "/admin/concurrency-limits"
STATISTICS = "/admin/stats"
SETTINGS = "/settings"
WELCOME = "/welcome"
LOGIN = "/login"
SETUP = "/setup"

Part = Reactive[str]


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
