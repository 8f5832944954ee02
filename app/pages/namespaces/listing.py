"""The namespaces of a tenant (`spec` UI-NS-01)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_filters, list_pager
from app.tab import Tab
from components.button import link, link_button
from components.message import count, empty_state
from components.table import Column, data_table


@dataclass(frozen=True, slots=True)
class NamespaceLine:
    """A namespace and what happened in it during the last day; `indent` is a CSS width."""

    id: str = ""
    parent: str = ""
    last: str = ""
    indent: str = "0px"
    system: bool = False
    flows: str = ""
    runs: str = ""
    failed: str = ""
    running: str = ""


class NamespacesState(ListPage, Tab):
    """Rows on screen."""

    rows: list[NamespaceLine] = []

    @rx.event
    async def load(self) -> None:
        """Fetch a page of namespaces, their flows and what ran in them."""
        self.read_url(sort="id:asc")
        async with self.api() as api:
            page = await api.namespaces.search(
                page=self.page_number, size=self.page_size, sort=self.sort_by, query=self.search_text
            )
            counts, day = await asyncio.gather(
                asyncio.gather(
                    *(
                        api.flows.search(
                            size=1, filters=[{"field": "namespace", "operator": "EQUALS", "value": row.id}]
                        )
                        for row in page.rows
                    )
                ),
                api.console.figure("executions-by-namespace", "P1D"),
            )
            cells = {row[0]: dict(zip(day["columns"], row, strict=False)) for row in day["rows"]}
            self.rows = [
                line_of(row.id, found.total, cells.get(row.id, {}))
                for row, found in zip(page.rows, counts, strict=True)
            ]
            self.total = page.total
            self.loading = False


def line_of(name: str, flows: int, cells: dict[str, Any]) -> NamespaceLine:
    """Return a row from the name, its number of flows and the cells of the day's figure."""
    parent, _, last = name.rpartition(".")
    running = sum(int(cells.get(state) or 0) for state in ("RUNNING", "RETRYING", "RESTARTED", "KILLING"))
    failed = int(cells.get("FAILED") or 0)
    return NamespaceLine(
        id=name,
        parent=f"{parent}." if parent else "",
        last=last,
        indent=f"{name.count('.') * 16}px",
        system=name == "system",
        flows=f"{flows:,}" if flows else "",
        runs=f"{int(cells.get('total') or 0):,}" if cells.get("total") else "",
        failed=f"{failed:,}" if failed else "",
        running=f"{running:,}" if running else "",
    )


def _name(row: NamespaceLine) -> rx.Component:
    return rx.el.span(
        rx.icon("folder-tree", size=14),
        link(
            rx.el.span(row.parent, class_name="ns"),
            rx.el.span(row.last, class_name="id"),
            to=routes.namespace(row.id),
        ),
        rx.cond(row.system, count("system"), rx.fragment()),
        class_name="row g6 nsn",
        style={"paddingLeft": row.indent},
    )


def _number(value: Any, to: Any, class_name: str = "") -> Any:
    """A number as a link; nothing for none, because an empty link has no name."""
    return rx.cond(value != "", link(value, to=to, class_name=class_name), rx.fragment())


def _filtered(place: str, row: NamespaceLine, *more: str) -> Any:
    return f"{place}?filters[namespace][EQUALS]={row.id}" + "".join(f"&{one}" for one in more)


COLUMNS = [
    Column("Namespace", _name, sort="id", fill=True),
    Column("Flows", lambda row: _number(row.flows, to=_filtered(routes.FLOWS, row)), numeric=True),
    Column(
        "Ran today",
        lambda row: _number(row.runs, to=_filtered(routes.EXECUTIONS, row, "filters[timeRange][EQUALS]=PT24H")),
        numeric=True,
        hide="m",
    ),
    Column(
        "Running",
        lambda row: _number(row.running, to=_filtered(routes.EXECUTIONS, row, "filters[state][IN]=RUNNING,RETRYING")),
        numeric=True,
        hide="m",
    ),
    Column(
        "Failed today",
        lambda row: _number(
            row.failed,
            to=_filtered(routes.EXECUTIONS, row, "filters[state][IN]=FAILED", "filters[timeRange][EQUALS]=PT24H"),
            class_name="fgs bad",
        ),
        numeric=True,
    ),
    Column(
        "",
        lambda row: rx.el.span(
            link("Files", to=routes.namespace(row.id, "files"), class_name="link sm"),
            link("Keys", to=routes.namespace(row.id, "kv"), class_name="link sm"),
            class_name="row g12",
        ),
        hide="s",
    ),
]


def _small(row: NamespaceLine) -> rx.Component:
    return link(
        rx.el.span(row.id, class_name="med"),
        rx.el.span(rx.cond(row.flows != "", row.flows, "0"), " flows", class_name="mut sm"),
        to=routes.namespace(row.id),
        class_name="two",
    )


def namespaces_page() -> rx.Component:
    """The list."""
    return page_shell(
        "Namespaces",
        list_filters(NamespacesState, [], placeholder="Namespace", on_refresh=NamespacesState.load),
        data_table(
            NamespacesState.rows,
            COLUMNS,
            label="Namespaces",
            loading=NamespacesState.loading,
            sort=NamespacesState.sort_by,
            on_sort=NamespacesState.set_sort,
            small=_small,
            none=empty_state(
                "No namespace matches",
                hint="A namespace exists as soon as a flow, a key or a file lies in it.",
                icon="folder-tree",
                actions=[link_button("All namespaces", f"{routes.NAMESPACES}?reset=1", kind="primary")],
            ),
        ),
        list_pager(NamespacesState),
        actions=[link_button("New flow", routes.NEW_FLOW, icon="plus", test="namespaces-new-flow")],
        on_retry=NamespacesState.load,
    )
