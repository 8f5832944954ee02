"""Namespaces: the list, and a namespace's overview, files and pairs (`spec` UI-NS)."""

from __future__ import annotations

from app.pages.namespaces.details_state import NamespaceDetails
from app.pages.namespaces.files_state import FilesState
from app.pages.namespaces.flows import NamespaceFlows
from app.pages.namespaces.listing import NamespacesState, namespaces_page
from app.pages.namespaces.page import namespace_page
from app.pages.namespaces.running import ScriptState
from app.pages.namespaces.state import NamespaceState

__all__ = [
    "FilesState",
    "NamespaceDetails",
    "NamespaceFlows",
    "NamespaceState",
    "NamespacesState",
    "ScriptState",
    "namespace_page",
    "namespaces_page",
]
