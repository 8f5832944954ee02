"""The parts that every list page has, bound to a `ListPage` state: filter bar, chooser, body, empty states, pager."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.button import button, raw_link
from components.client import ColumnChooser
from components.field import switch
from components.filters import filter_bar, refresh
from components.message import empty_state
from components.reactive import Reactive
from components.table import Column, data_table, keys_of, pager, titles_of


def list_filters(
    state: Any,
    keys: Any,
    *,
    placeholder: str,
    tools: list[rx.Component] | None = None,
    on_refresh: Any = None,
    columns: list[Column] | None = None,
    label_columns: bool = False,
    csv: Reactive[str] = "",
    csv_list: str = "",
    kept: bool = True,
) -> rx.Component:
    """The filter bar of a list: search, chips, saved views, refresh, columns, export.

    Args:
        on_refresh: the page's `load`; with it there is a refresh button with intervals.
        columns: with it the reader chooses columns (`Column.key`; `data_table(shown=state.columns)`).
        label_columns: any label's key can become a column (`data_table(extra=…)`).
        csv: path of the API that streams the filtered rows; empty for none.
        csv_list: instead of `csv`: the resource (`flows`, `triggers`) whose filtered rows are exported.
        kept: views and earlier searches are offered; needs `list_name` in the state.
    """
    more: list[rx.Component] = []
    if on_refresh is not None:
        more.append(
            refresh(
                [state.mark_loading, on_refresh, state.mark_loaded],
                seconds=state.refresh_seconds,
                on_seconds=state.set_refresh,
                busy=state.loading,
            )
        )
    more += tools or []
    if columns is not None:
        more.append(chooser(state, columns, labels=label_columns))
    if csv_list:
        csv = f"/api/v1/{state.tenant_id}/{csv_list}/export/by-query/csv?{state.csv_query}"
    if isinstance(csv, rx.Var) or csv:
        if columns is not None:
            csv = rx.Var.create(csv).to(str) + "&columns=" + state.columns.join(",")
        more.append(
            raw_link(
                rx.icon("download", size=14),
                href=csv,
                class_name="ib hide-s",
                download=True,
                title="Export the filtered rows as CSV",
                test="list-csv",
            )
        )
    views: dict[str, Any] = {}
    if kept:
        views = {
            "name": state.list_name,
            "list_query": state.list_query,
            "default_view": state.default_view,
            "on_open": state.open_query,
            "on_default": state.set_default_view,
        }
    return filter_bar(
        keys,
        filters=state.filters,
        on_filters=state.set_filters,
        query=state.search_text,
        on_query=state.set_search,
        on_reset=state.reset_filters,
        placeholder=placeholder,
        tools=more,
        **views,
    )


def chooser(state: Any, columns: list[Column], *, labels: bool = False) -> rx.Component:
    """The button that chooses columns and their order."""
    return ColumnChooser.create(
        all=titles_of(columns),
        value=state.columns,
        own=keys_of(columns),
        custom=labels,
        on_change=state.set_columns,
        testid="columns",
    )


def below_switch(state: Any, *, test: str, words: str = "", place: str = "row g6 sm") -> rx.Component:
    """The switch of a namespace's tab that adds what the namespaces below have; needs `below` in the state.

    Args:
        words, place: classes of its words, and of the whole.
    """
    return rx.el.label(
        switch(state.below, state.set_below, label="Include the namespaces below", test=test),
        rx.el.span("Include children", class_name=words),
        class_name=place,
    )


def list_table(state: Any, columns: list[Column], *, label: str, choose: Any = None, **more: Any) -> rx.Component:
    """The table of a list whose columns the reader chooses, orders and draws wider.

    Args:
        columns: all that can be shown; `list_filters` gets the same.
        choose: handler of a new selection; without it rows can't be selected.
        more: further arguments of `data_table`.
    """
    if choose is not None:
        more |= {"selected": state.selected, "on_select": choose}
    return data_table(
        state.rows,
        columns,
        label=label,
        sort=state.sort_by,
        on_sort=state.set_sort,
        loading=state.loading,
        shown=state.columns,
        widths=state.column_widths,
        on_widths=state.set_column_widths,
        **more,
    )


def list_body(state: Any, body: rx.Component, *, on_retry: Any) -> rx.Component:
    """The rows, or in their place why they could not be read; the filters stay (UI-LS-12)."""
    problem = rx.el.div(
        rx.el.div(
            rx.icon("octagon-x", size=16),
            rx.el.div(
                rx.el.b("The rows could not be loaded. "),
                state.list_problem,
                rx.foreach(state.list_problem_more, lambda line: rx.el.p(line, class_name="sm brk")),
                rx.cond(
                    state.list_request != "",
                    rx.el.p("Request ", state.list_request, class_name="mono xs"),
                    rx.fragment(),
                ),
                class_name="grow brk",
            ),
            button("Retry", icon="rotate-cw", size="small", on_click=on_retry, test="list-retry"),
            class_name="al bad",
            role="alert",
            custom_attrs={"data-testid": "list-problem"},
        ),
        class_name="pad scroll",
    )
    return rx.cond(state.list_problem != "", problem, body)


def list_none(
    state: Any,
    *,
    what: str,
    title: str,
    hint: str,
    icon: str,
    actions: list[rx.Component] | None = None,
    test: str = "list",
) -> rx.Component:
    """The two kinds of empty list (UI-LS-11); the page calls `ListPage.explain` after a read without rows.

    Args:
        what: singular of the rows, *execution*.
        title, hint, icon, actions: for a list in which nothing exists yet.
    """
    near = rx.cond(
        state.near_count > 0,
        button(
            f"Show {state.near_words} ({state.near_count})",
            kind="primary",
            on_click=state.show_near,
            test=f"{test}-near",
        ),
        rx.fragment(),
    )
    return rx.cond(
        state.none_words != "",
        empty_state(
            "Nothing matches",
            hint=f"No {what} fits: {state.none_words}.",
            icon="search-x",
            actions=[near, button("Reset filters", on_click=state.reset_filters, test=f"{test}-reset")],
        ),
        empty_state(title, hint=hint, icon=icon, actions=actions or []),
    )


def list_pager(state: Any) -> rx.Component:
    """The pager of a list."""
    return rx.cond(
        state.total > 0,
        pager(
            page=state.page_number,
            size=state.page_size,
            total=state.total,
            shown=state.rows.length(),
            on_page=state.set_page,
            on_size=state.set_size,
            exact=state.exact_total,
            on_count=state.count_exactly,
        ),
        rx.fragment(),
    )
