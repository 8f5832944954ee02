"""The flows of a namespace: the list of flows without the namespace's column, with revision (UI-NS-03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.in_namespace import InNamespace
from app.list_page import ListPage
from app.listing import below_switch, list_body, list_filters, list_none, list_pager, list_table
from app.pages.flows.execute import ExecuteState, execute_dialog
from app.pages.flows.listing import COLUMNS as ALL
from app.pages.flows.listing_state import FILTERS as KEYS
from app.pages.flows.listing_state import RUNS, FlowLine
from app.tab import Tab
from app.words import say
from backend_client import Page
from components.button import icon_button, link, link_button
from components.chrome import allowed
from components.sparkline import sparkline
from components.states import state_icon
from components.table import Column, keys_of

FILTERS = [one for one in KEYS if one["field"] != "namespace"]
COLUMNS = [
    *(one for one in ALL if one.key not in ("namespace", "revision", "updated", "labels")),
    Column("Revision", lambda line: line.revision, numeric=True, key="revision", hide="s"),
    *(one for one in ALL if one.key in ("updated", "labels")),
    Column(
        "Namespace",
        lambda line: link(line.namespace, to=routes.namespace(line.namespace, "flows"), class_name="ns"),
        key="namespace",
        off=True,
    ),
]


class NamespaceFlows(InNamespace, ListPage, Tab):
    """Rows of the tab; with the namespaces below on wish."""

    list_name: str = "namespaceFlows"
    rows: list[FlowLine] = []

    @turns.reads
    async def load(self):
        """Fetch the page that the URL asks for, then the figures of the runs."""
        if self.arg("tab") != "flows" or not self.username:
            return
        self.enter_namespace()
        self.read_url(sort="id:asc", keys=FILTERS, columns=keys_of(COLUMNS))
        if self.below and "namespace" not in self.columns:
            self.columns = [self.columns[0], "namespace", *self.columns[1:]]
        async with self.listing() as api:
            page = await api.flows.search(**self.wanted_here())
            self.take(Page([FlowLine.of(row) for row in page.rows], page.total))
        if self.list_problem or not self.rows:
            return
        yield
        async with self.api(say("The figures of the runs could not be loaded")) as api:
            found = {
                one.key: one for one in await api.flows.sparklines([(r.namespace, r.id) for r in self.rows], runs=RUNS)
            }
            self.rows = [line.with_figures(found.get(line.key)) for line in self.rows]


S: Any = NamespaceFlows


def _small(line: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(line.last_id != "", state_icon(line.last_state), rx.el.span(class_name="si")),
        link(line.id, to=routes.flow(line.namespace, line.id), class_name="id ell grow"),
        rx.cond(line.last_id != "", sparkline(runs=line.runs, slots=RUNS, width=72, height=20), rx.fragment()),
        class_name="fcard",
    )


def flows_part() -> rx.Component:
    """The tab."""
    new = link_button("New flow", routes.NEW_FLOW + "?namespace=" + S.space, icon="plus", kind="primary")
    none = list_none(
        S,
        what="flow",
        title="No flow here",
        hint="A namespace groups flows, keys and files.",
        icon="workflow",
        actions=[new],
        test="namespace-flows",
    )
    return rx.fragment(
        list_filters(
            S,
            FILTERS,
            placeholder="Flow, label",
            on_refresh=S.load,
            columns=COLUMNS,
            tools=[below_switch(S, test="namespace-below", words="hide-s")],
        ),
        list_body(
            S,
            list_table(
                S,
                COLUMNS,
                label="Flows",
                row_id=lambda line: line.key,
                none=none,
                small=_small,
                actions=lambda line: allowed(
                    icon_button(
                        "play", "Execute", on_click=ExecuteState.open_for(line.namespace, line.id), test="flows-execute"
                    ),
                    needs="EXECUTION:CREATE",
                    namespace=line.namespace,
                ),
                test="namespace-flows",
            ),
            on_retry=S.load,
        ),
        list_pager(S),
        execute_dialog(),
    )
