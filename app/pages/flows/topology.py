"""Tasks of a flow as a graph, painted by the last run, and the flows around it (UI-FP-02, UI-FP-41)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.state import FlowState, openers
from app.words import say
from components.button import link
from components.clock import moment
from components.field import checkbox
from components.flow_links import flow_links
from components.graph import flow_graph
from components.states import state_badge
from components.stream import stream_host


class FlowTopologyState(FlowState):
    """The last run of the flow, and whether its states are painted over the tasks."""

    painted: bool = True
    run_id: str = ""
    run_state: str = ""
    run_started: str = ""
    run_revision: int = 0

    @turns.reads
    async def open_topology(self):
        """Find the last run."""
        self.painted = self.settings.get("topologyRun", True) is not False
        await self._newest()

    @turns.reads
    async def changed(self, change: dict[str, Any]):
        """An execution of the flow came or changed."""
        if self.flow_tab == "topology":
            await self._newest()

    async def _newest(self) -> None:
        async with self.api(say("Could not read the last run")) as api:
            page = await api.executions.search(
                size=1,
                sort="state.startDate:desc",
                filters=[
                    {"field": "namespace", "operator": "EQUALS", "value": self.flow_ns},
                    {"field": "flowId", "operator": "EQUALS", "value": self.flow_id},
                ],
            )
            last = page.rows[0] if page.rows else None
            self.run_id, self.run_state = (last.id, last.state) if last else ("", "")
            self.run_started, self.run_revision = (last.started, last.revision) if last else ("", 0)

    @rx.event
    async def paint(self, on: bool):
        """Show or hide the states of the last run; kept."""
        self.painted = on
        return FlowTopologyState.keep_settings({"topologyRun": on})

    @rx.event
    async def open_task(self, run: str):
        """A task was opened: its run in the Gantt where it ran, else its lines in the code."""
        if self.run_id and self.painted:
            self.navigate(routes.execution(self.flow_ns, self.flow_id, self.run_id, "gantt") + f"?taskRun={run}")
        else:
            self.navigate(routes.flow(self.flow_ns, self.flow_id, "edit"))


def topology_panel() -> rx.Component:
    """The tab *Topology*."""
    s: Any = FlowTopologyState
    last = rx.cond(
        s.run_id != "",
        rx.el.span(
            checkbox("Colour by the last run", s.painted, FlowTopologyState.paint, test="topology-paint"),
            link(
                state_badge(s.run_state),
                moment(s.run_started, mode="relative"),
                to=routes.execution(s.flow_ns, s.flow_id, s.run_id),
                class_name="row g6 sm",
                test="topology-run",
            ),
            rx.cond(
                s.run_revision != s.flow_revision,
                rx.el.span("of revision ", s.run_revision, class_name="sm mut num"),
                rx.fragment(),
            ),
            class_name="row g12 wrapped",
        ),
        rx.el.span("This flow has not run yet.", class_name="mut sm"),
    )
    shown = rx.cond(s.painted, s.run_id, "")
    flow = s.flow_ns + "/" + s.flow_id
    return rx.el.div(
        rx.el.div(last, class_name="fb"),
        rx.el.div(
            flow_graph(
                key=flow + "#" + s.flow_revision.to_string(),
                graph_url="/api/v1/" + s.tenant_id + "/flows/" + flow + "/graph",
                execution=shown,
                direction="LR",
                toolbar=True,
                on_open=FlowTopologyState.open_task,
            ),
            stream_host(
                url="/api/v1/"
                + s.tenant_id
                + "/console/stream?topics=flow:"
                + flow
                + rx.cond(shown != "", "&execution=" + shown, ""),
                on_topic=FlowTopologyState.changed,
            ),
            class_name="fillbox grow",
            custom_attrs={"data-testid": "flow-topology"},
        ),
        class_name="editor",
    )


def dependencies_panel() -> rx.Component:
    """The tab *Dependencies*."""
    s: Any = FlowState
    return rx.el.div(
        flow_links(
            key=s.flow_ns + "/" + s.flow_id,
            api="/api/v1/" + s.tenant_id,
            namespace=s.flow_ns,
            flow=s.flow_id,
            on_open=FlowState.open_neighbour,
            on_count=FlowState.count_links,
        ),
        class_name="fillbox grow",
    )


openers["topology"] = FlowTopologyState.open_topology
