"""The parts that every list page has, bound to a `ListPage` state: filter bar and pager."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.filters import filter_bar, refresh
from components.table import pager


def list_filters(
    state: Any, keys: Any, *, placeholder: str, tools: list[rx.Component] | None = None, on_refresh: Any = None
) -> rx.Component:
    """The filter bar of a list, with the refresh button when `on_refresh` (the page's `load`) is given."""
    more = list(tools or [])
    if on_refresh is not None:
        more.insert(0, refresh(on_refresh, seconds=state.refresh_seconds, on_seconds=state.set_refresh))
    return filter_bar(
        keys,
        filters=state.filters,
        on_filters=state.set_filters,
        query=state.search_text,
        on_query=state.set_search,
        placeholder=placeholder,
        tools=more,
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
        ),
        rx.fragment(),
    )
