"""Typed client of the REST API: one file a resource. Knows neither the console's framework nor the server's code.

`Client` is the entry, `BlockingClient` the same without asyncio:

    async with Client(base_url="http://localhost:8080", auth=("me@example.com", "secret")) as api:
        execution = await api.executions.start("company.team", "daily", {"day": "2026-01-31"})
        async for line in api.logs.follow(execution["id"]):
            print(line["level"], line["message"])
"""

from __future__ import annotations

from backend_client.blocking import BlockingClient
from backend_client.client import ApiError, Client, FieldError, Page, Unreachable, query_of
from backend_client.configs import Configs
from backend_client.events import Event
from backend_client.executions import ExecutionRow, HeldRow
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
    "BlockingClient",
    "Client",
    "Configs",
    "Event",
    "ExecutionRow",
    "FieldError",
    "FileEntry",
    "FlowRow",
    "HeldRow",
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
