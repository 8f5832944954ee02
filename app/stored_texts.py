"""Where the API keeps texts that the browser reads by itself: they do not travel through state (`spec` UI-RX-02)."""

from __future__ import annotations

from urllib.parse import quote


def flow_source(tenant: str, namespace: str, flow_id: str) -> str:
    """The source of a flow; its newest revision unless `?revision=` is added."""
    return f"/api/v1/{tenant}/console/flows/{quote(namespace)}/{quote(flow_id)}/source.yaml"


def flow_sources(tenant: str, namespace: str, flow_id: str) -> str:
    """The sources of all revisions of a flow, up to the number."""
    return f"{flow_source(tenant, namespace, flow_id)}?revision="


def namespace_file(tenant: str, namespace: str, path: str) -> str:
    """A file of a namespace; its newest version unless `&revision=` is added."""
    return f"/api/v1/{tenant}/namespaces/{quote(namespace)}/files?path={quote(path, safe='')}"


def blueprint_source(tenant: str, identity: str) -> str:
    """The source of a blueprint of a flow."""
    return f"/api/v1/{tenant}/blueprints/community/flow/{quote(identity, safe='')}/source"


def plugin_page(cls: str) -> str:
    """What is known of a plugin's class, its examples included."""
    return f"/api/v1/plugins/{quote(cls, safe='')}?all=false"
