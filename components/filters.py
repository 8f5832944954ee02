"""The filter bar of lists (`spec` UI-FI): a search box, one chip per condition, refresh and further tools."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.client import FilterBar, Refresh
from components.reactive import Reactive

Kind = Literal["text", "number", "choice", "labels", "date", "period"]
TEXT_OPERATORS = ["EQUALS", "NOT_EQUALS", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEX", "IN", "NOT_IN"]


def filter_key(
    field: str,
    label: str,
    *,
    operators: list[str] | None = None,
    kind: Kind = "text",
    options: list[str] | None = None,
    options_url: str = "",
    fixed: bool = False,
    placeholder: str = "",
) -> dict[str, Any]:
    """One condition that a list offers.

    Args:
        field: wire name in `filters[field][OPERATOR]`.
        operators: the API's names, first one is the default.
        kind: the editor: text, a choice (of `options` or of what `options_url` answers), `key:value`,
            an instant, a number, or a period like the last 24 hours, a day of the calendar or a range from and until.
        options_url: path of this server that answers a list of strings; asked with `q`; `{tenant}` is filled in.
        fixed: shown and editable, but not removable.
    """
    defaults = {
        "labels": ["EQUALS", "NOT_EQUALS"],
        "date": ["GREATER_THAN_OR_EQUAL_TO", "LESS_THAN_OR_EQUAL_TO"],
        "period": ["EQUALS"],
    }
    return {
        "field": field,
        "label": label,
        "operators": operators or defaults.get(kind) or (["IN", "NOT_IN"] if kind == "choice" else TEXT_OPERATORS),
        "kind": kind,
        "options": options or [],
        "optionsUrl": options_url,
        "fixed": fixed,
        "placeholder": placeholder,
    }


def filter_bar(
    keys: Reactive[list[dict[str, Any]]],
    *,
    filters: Reactive[list[dict[str, str]]],
    on_filters: Any,
    query: Reactive[str] = "",
    on_query: Any = None,
    placeholder: str = "Search",
    tools: list[rx.Component] | None = None,
    name: Reactive[str] = "",
    list_query: Reactive[str] = "",
    default_view: Reactive[str] = "",
    on_reset: Any = None,
    on_open: Any = None,
    on_default: Any = None,
    test: str = "filters",
) -> rx.Component:
    """Search box, chips edited in place, *Filter*, *Reset*, saved views, then `tools` at the right.

    Args:
        keys: conditions from `filter_key`.
        filters: `[{field, operator, value}]`; `on_filters` gets the whole new list.
        query: the free text; `on_query` gets it 300 ms after the last key.
        name: of the list, under which views and earlier searches are kept; without it there are none.
        list_query: query string of what is on screen, as a view keeps it.
        default_view: query of the view that the list opens with; `on_default` gets another one, or an empty text.
        on_reset: *Reset*; without it all conditions go.
        on_open: gets the query string of a view, an earlier search or the text form.
    """
    props: dict[str, Any] = {
        "keys": keys,
        "value": filters,
        "on_change": on_filters,
        "query": query,
        "placeholder": placeholder,
        "searchable": on_query is not None,
        "testid": test,
    }
    if on_query is not None:
        props["on_query"] = on_query
    if on_reset is not None:
        props["on_reset"] = on_reset
    if on_open is not None:
        props |= {"list_name": name, "list_query": list_query, "default_view": default_view, "on_open": on_open}
    if on_default is not None:
        props["on_default"] = on_default
    return FilterBar.create(*(tools or []), **props)


def refresh(
    on_refresh: Any, *, seconds: Reactive[int] = 0, on_seconds: Any = None, busy: Reactive[bool] = False
) -> rx.Component:
    """Refresh now, or every few seconds while the tab is looked at and the last one has ended (`busy`)."""
    props: dict[str, Any] = {"on_refresh": on_refresh, "seconds": seconds, "busy": busy}
    if on_seconds is not None:
        props["on_seconds"] = on_seconds
    return Refresh.create(rx.icon("refresh-cw", size=14), **props)
