"""The menu, in the order of `spec` UI-SH-11: one line an entry. An entry stands here once its page exists."""

from __future__ import annotations

from app import routes
from components.frame import Entry

ADMINISTRATION = "Tenant administration"

ENTRIES: list[Entry] = [
    # Entry(word, place, icon, group=…, key=<letter after g>, also=(<further prefixes>,), bottom=<word on phones>)
    Entry("Dashboards", routes.DASHBOARDS, "layout-dashboard", key="d", bottom="Home"),
    Entry("Flows", routes.FLOWS, "workflow", key="f", bottom="Flows"),
    Entry("Executions", routes.EXECUTIONS, "activity", key="e", bottom="Runs"),
    Entry("Logs", routes.LOGS, "scroll-text", key="l"),
    Entry("Namespaces", routes.NAMESPACES, "folder-tree", key="n"),
    Entry("KV Store", routes.KV, "database", key="k", bottom="Keys"),
]
