"""`FlowState`: what all tabs of a flow share: its head, its revision, whether it is there, off or deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.execute import ExecuteState
from app.pages.flows.prose import html_of
from app.rights import open_tab
from app.tab import Tab, internal
from app.words import say, spoken
from backend_client import ApiError, Client
from backend_client.flows import label_list

TABS = (
    "overview",
    "topology",
    "executions",
    "edit",
    "revisions",
    "triggers",
    "logs",
    "metrics",
    "dependencies",
    "concurrency",
)

READ_ONLY = "system.readOnly"
"""Label that keeps a flow from being edited in the console (UI-PM-03)."""

openers: dict[str, Callable[[], Any]] = {}
"""Tab → the handler that loads it; filled by the modules of the tabs, read after the head was loaded."""


class FlowState(Tab):
    """The flow of the page; tabs derive their states from it."""

    flow_ns: str = ""
    flow_id: str = ""
    flow_tab: str = "overview"
    flow_revision: int = 0
    flow_updated: str = ""
    flow_disabled: bool = False
    flow_deleted: bool = False
    flow_read_only: bool = False
    flow_writable: bool = True
    """The reader may change it."""
    flow_about: str = ""
    flow_labels: list[dict[str, str]] = []
    flow_inputs: list[dict[str, Any]] = []
    trigger_count: str = ""
    running_count: str = ""
    link_count: str = ""
    flow_ready: bool = False

    asking_delete: bool = False
    delete_facts: list[str] = []

    @turns.reads
    async def load(self):
        """Read the head of the flow that the URL names, then let the open tab load."""
        self.clear()
        namespace, flow_id = self.arg("ns"), self.arg("flow")
        tab = self.arg("tab") or self.flow_first
        self.flow_tab = open_tab(tab if tab in TABS else "overview", self.permissions, namespace, self.flow_first)
        if (namespace, flow_id) != (self.flow_ns, self.flow_id):
            self.flow_ns, self.flow_id, self.flow_ready = namespace, flow_id, False
            self.trigger_count = self.running_count = self.link_count = ""
        self.asking_delete = False
        (await self.get_state(ExecuteState)).executing = False  # state outlives a reload; a dialog does not
        async with self.api() as api:
            await self._read_head(api)
        if self.problem_title:
            return None
        steps: list[Any] = []
        if self.query("execute") and not self.flow_deleted:
            self.replace_url([(k, v) for k, v in self.query_pairs() if k != "execute"])
            steps.append(ExecuteState.open_for(namespace, flow_id))
        if self.flow_tab in openers:
            steps.append(openers[self.flow_tab])
        return steps

    @internal
    async def read_head(self, api: Client) -> dict[str, Any]:
        """Read the flow again; the tabs call it after they changed it."""
        return await self._read_head(api)

    async def _read_head(self, api: Client) -> dict[str, Any]:
        try:
            flow = await api.flows.get(self.flow_ns, self.flow_id, source=False)
        except ApiError as error:
            if error.status != 404:
                raise
            flow = await api.flows.get(self.flow_ns, self.flow_id, source=False, deleted=True)
        self.flow_revision = int(flow.get("revision") or 0)
        self.flow_updated = str(flow.get("updated") or "")
        self.flow_disabled = bool(flow.get("disabled"))
        self.flow_deleted = bool(flow.get("deleted"))
        self.flow_about = html_of(str(flow.get("description") or ""))
        self.flow_labels = label_list(flow.get("labels"))
        self.flow_read_only = {"key": READ_ONLY, "value": "true"} in self.flow_labels
        self.flow_writable = self.may("FLOW", "UPDATE", self.flow_ns)
        self.flow_inputs = [dict(one) for one in flow.get("inputs") or [] if isinstance(one, dict)]
        self.trigger_count = str(len(flow.get("triggers") or [])) if flow.get("triggers") else ""
        running = await api.executions.search(
            size=1,
            filters=[
                {"field": "namespace", "operator": "EQUALS", "value": self.flow_ns},
                {"field": "flowId", "operator": "EQUALS", "value": self.flow_id},
                {"field": "state", "operator": "IN", "value": "RUNNING"},
            ],
        )
        self.running_count = say("{total} running", total=running.total) if running.total else ""
        self.flow_ready = True
        return flow

    @rx.event
    async def open_neighbour(self, name: str):
        """A flow of the dependencies was opened: `namespace/id`."""
        namespace, _, flow_id = name.rpartition("/")
        self.navigate(routes.flow(namespace, flow_id, "dependencies"))

    @rx.event
    async def count_links(self, number: int):
        """The dependencies tell how many other flows there are."""
        self.link_count = str(number) if number else ""

    @turns.writes
    async def switch(self, disabled: bool):
        """Disable or enable the flow: a new revision of it."""
        words = say("Could not disable the flow") if disabled else say("Could not enable the flow")
        async with self.api(words) as api:
            await api.flows.bulk("disable" if disabled else "enable", [(self.flow_ns, self.flow_id)])
            await self._read_head(api)
            self.toast(
                say("Flow disabled") if disabled else say("Flow enabled"),
                say("Revision {flow_revision}", flow_revision=self.flow_revision),
            )
        if self.flow_tab in openers:
            return openers[self.flow_tab]
        return None

    @turns.opens
    async def ask_delete(self):
        """Ask before deleting, with what depends on the flow."""
        self.delete_facts = []
        self.asking_delete = True
        async with self.api(say("Could not read what depends on the flow")) as api:
            kept = await api.executions.search(
                size=1,
                filters=[
                    {"field": "namespace", "operator": "EQUALS", "value": self.flow_ns},
                    {"field": "flowId", "operator": "EQUALS", "value": self.flow_id},
                ],
            )
            graph = await api.flows.dependencies(self.flow_ns, self.flow_id)
            own = f"{self.flow_ns}_{self.flow_id}"
            others = sorted(
                f"{node.get('namespace')}/{node.get('id')}"
                for node in graph.get("nodes") or []
                if (node.get("namespace"), node.get("id")) != (self.flow_ns, self.flow_id) and node.get("uid") != own
            )
            facts = (
                [
                    say("{total} executions stay", total=spoken(kept.total))
                    if kept.total != 1
                    else say("1 execution stays")
                ]
                if kept.total
                else []
            )
            self.delete_facts = facts + [say("{one} is linked with it", one=one) for one in others[:8]]

    @rx.event
    async def keep_flow(self):
        """Do not delete."""
        self.asking_delete = False

    @turns.writes
    async def delete_flow(self):
        """Delete the flow and lead to the list."""
        self.asking_delete = False
        async with self.api(say("Could not delete the flow")) as api:
            await api.flows.delete(self.flow_ns, self.flow_id)
            self.flow_ready = False
            undo = (say("Undo"), FlowState.undo_delete, self.flow_ns, self.flow_id)
            words = say("{flow_id} in {flow_ns}", flow_id=self.flow_id, flow_ns=self.flow_ns)
            self.toast(say("Flow deleted"), words, action=undo)
            self.navigate(routes.FLOWS)

    @turns.writes
    async def undo_delete(self, namespace: str, flow_id: str):
        """Bring back the flow that was deleted a moment ago, and show it (UI-DG-05)."""
        async with self.api(say("Could not restore the flow")) as api:
            flow = await api.flows.restore(namespace, flow_id)
            self.toast(say("Flow restored"), say("Revision {flow_revision}", flow_revision=flow.get("revision")))
            self.navigate(routes.flow(namespace, flow_id))

    @turns.writes
    async def restore_deleted(self):
        """Bring a deleted flow back with its last source."""
        async with self.api(say("Could not restore the flow")) as api:
            await api.flows.restore(self.flow_ns, self.flow_id)
            await self._read_head(api)
            self.toast(say("Flow restored"), say("Revision {flow_revision}", flow_revision=self.flow_revision))
        return openers.get(self.flow_tab)
