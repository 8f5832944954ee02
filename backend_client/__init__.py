"""Typed client of the REST API: one file a resource. Knows neither the console's framework nor the server's code.

`Client` is the entry: `async with Client(transport, tenant="main") as api: await api.kv.search(...)`.
"""

from __future__ import annotations

from backend_client.client import ApiError, Client, FieldError, Page, Unreachable, query_of
from backend_client.configs import Configs
from backend_client.executions import ExecutionRow
from backend_client.files import FileEntry
from backend_client.flows import FlowRow, Revision
from backend_client.kv import KvEntry, KvValue
from backend_client.logs import LogRow
from backend_client.namespaces import NamespaceRow, SecretRow
from backend_client.plugins import PluginElement, PluginGroup
from backend_client.session import Me
from backend_client.triggers import TriggerRow

__all__ = [
    "ApiError",
    "Client",
    "Configs",
    "ExecutionRow",
    "FieldError",
    "FileEntry",
    "FlowRow",
    "KvEntry",
    "KvValue",
    "LogRow",
    "Me",
    "NamespaceRow",
    "Page",
    "PluginElement",
    "PluginGroup",
    "Revision",
    "SecretRow",
    "TriggerRow",
    "Unreachable",
    "query_of",
]
