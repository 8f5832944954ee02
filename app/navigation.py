"""The menu, in the order of `spec` UI-SH-11: one line an entry. An entry stands here once its page exists."""

from __future__ import annotations

from app import routes
from components.frame import Entry
from components.held_count import held_count

ADMINISTRATION = "Tenant administration"
INSTANCE = "Instance"

ENTRIES: list[Entry] = [
    # Entry(word, place, icon, group=…, key=<letter after g>, also=(<further prefixes>,), bottom=<word on phones>,
    #       needs=<right without which it is absent>, below=<place of the entry that shows it while open>)
    Entry("Dashboards", routes.DASHBOARDS, "layout-dashboard", key="d", bottom="Home", needs="DASHBOARD:READ"),
    Entry("Flows", routes.FLOWS, "workflow", key="f", bottom="Flows", needs="FLOW:READ"),
    Entry("Executions", routes.EXECUTIONS, "activity", key="e", bottom="Runs", needs="EXECUTION:READ"),
    Entry("Waiting for me", routes.WAITING, "hourglass", badge=held_count, needs="EXECUTION:READ"),
    Entry("Logs", routes.LOGS, "scroll-text", key="l", needs="EXECUTION:READ"),
    Entry("Namespaces", routes.NAMESPACES, "folder-tree", key="n", needs="NAMESPACE:READ"),
    Entry("KV Store", routes.KV, "database", key="k", bottom="Keys", needs="KVSTORE:READ"),
    Entry("Secrets", routes.SECRETS, "key-round", needs="SECRET:READ"),
    Entry("Blueprints", routes.BLUEPRINTS, "library", key="b", needs="BLUEPRINT:READ"),
    Entry("Flow blueprints", routes.blueprints("flow"), "workflow", needs="BLUEPRINT:READ", below=routes.BLUEPRINTS),
    Entry(
        "Dashboard blueprints",
        routes.blueprints("dashboard"),
        "layout-dashboard",
        needs="BLUEPRINT:READ",
        below=routes.BLUEPRINTS,
    ),
    Entry("Plugins", routes.PLUGINS, "puzzle", key="p"),
    Entry("Triggers", routes.TRIGGERS, "timer", group=ADMINISTRATION, needs="FLOW:READ"),
    Entry("Concurrency limits", routes.CONCURRENCY, "gauge", group=ADMINISTRATION, needs="FLOW:READ"),
    Entry("Statistics", routes.STATISTICS, "chart-column", group=ADMINISTRATION, needs="NAMESPACE:READ"),
    Entry("System overview", routes.SERVICES, "server", group=INSTANCE, needs="INSTANCE:READ"),
]
