"""`ListPage`: page, size, sort, search, filters and selection of a list, kept in the URL (UI-SH-01, UI-LS, UI-FI).

The URL is the truth: every handler navigates to the changed query, the page's `load` reads it and fetches.

    class KvState(ListPage, Tab):
        rows: list[KvEntry] = []

        @rx.event
        async def load(self) -> None:
            self.read_url()
            async with self.api() as api:
                self.take(await api.kv.search(**self.wanted()))
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app.tab import internal
from backend_client import Page

_FILTER = re.compile(r"^filters\[([^\]]+)\]\[([A-Z_]+)\](?:\[(.+)\])?$")
_SIZES = (10, 25, 50, 100)


def filters_of(pairs: list[tuple[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """Return free text and conditions of a query, as `query_pairs` gives it."""
    text, found = "", []
    for name, value in pairs:
        match = _FILTER.match(name)
        if not match:
            continue
        field, operator, key = match.groups()
        if field == "q":
            text = value
        else:
            found.append({"field": field, "operator": operator, "value": f"{key}:{value}" if key else value})
    return text, found


def pairs_of(text: str, filters: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return the query of free text and conditions; inverse of `filters_of`."""
    pairs = [("filters[q][EQUALS]", text)] if text else []
    for one in filters:
        field, operator, value = one["field"], one["operator"], one["value"]
        if field == "labels":
            key, _, word = value.partition(":")
            pairs.append((f"filters[labels][{operator}][{key}]", word))
        else:
            pairs.append((f"filters[{field}][{operator}]", value))
    return pairs


class ListPage(rx.State, mixin=True):
    """Mixin of a list's state; each list has its own values. Put it before `Tab` among the bases."""

    total: int = 0
    page_number: int = 1
    page_size: int = 25
    sort_by: str = ""
    search_text: str = ""
    filters: list[dict[str, str]] = []
    selected: list[str] = []
    select_everything: bool = False
    loading: bool = True
    refresh_seconds: int = 0

    @internal
    def read_url(self, *, sort: str = "", filters: list[dict[str, str]] | None = None) -> None:
        """Take page, size, sort, search and conditions from the URL.

        Args:
            sort: the list's own order.
            filters: conditions that hold while the URL names none.
        """
        self.clear()  # type: ignore[attr-defined]
        pairs = self.query_pairs()  # type: ignore[attr-defined]
        values = dict(pairs)
        number, size = values.get("page", "1"), values.get("size", "")
        self.page_number = max(1, int(number)) if number.isdigit() else 1
        if size.isdigit() and int(size) in _SIZES:
            self.page_size = int(size)
        self.sort_by = values.get("sort", sort)
        text, found = filters_of(pairs)
        chosen = found if found or values.get("reset") else list(filters or [])
        if (text, chosen) != (self.search_text, self.filters):
            self.selected, self.select_everything = [], False
        self.search_text = text
        self.filters = chosen

    @internal
    def wanted(self) -> dict[str, Any]:
        """Return the arguments of the resource's `search`."""
        return {
            "page": self.page_number,
            "size": self.page_size,
            "sort": self.sort_by,
            "query": self.search_text,
            "filters": self.filters,
        }

    @internal
    def take(self, page: Page[Any]) -> None:
        """Show a fetched page: sets `rows`, `total`, and drops what is no longer selected."""
        self.rows = page.rows
        self.total = page.total
        self.loading = False

    def _go(
        self,
        *,
        page: int = 1,
        size: int | None = None,
        sort: str | None = None,
        text: str | None = None,
        filters: list[dict[str, str]] | None = None,
        replace: bool = False,
    ) -> None:
        chosen = self.filters if filters is None else filters
        pairs = pairs_of(self.search_text if text is None else text, chosen)
        order = self.sort_by if sort is None else sort
        pairs += [("sort", order)] if order else []
        pairs += [("page", str(page))] if page > 1 else []
        pairs += [("size", str(size or self.page_size))] if (size or self.page_size) != 25 else []
        if filters is not None and not filters:
            pairs.append(("reset", "1"))
        pairs += [(k, v) for k, v in self.query_pairs() if k == "tab"]  # type: ignore[attr-defined]
        path = str(self.router.url.path or "").removeprefix("/ui").rstrip("/")
        self._tell("navigate", path=path + ("?" + urlencode(pairs, safe="[],:") if pairs else ""), replace=replace)  # type: ignore[attr-defined]

    @rx.event
    async def set_filters(self, filters: list[dict[str, str]]) -> None:
        """The conditions changed."""
        self._go(filters=[{k: str(v) for k, v in one.items()} for one in filters])

    @rx.event
    async def set_search(self, text: str) -> None:
        """The free text changed; typing replaces the history entry."""
        self._go(text=text, replace=True)

    @rx.event
    async def set_sort(self, field: str) -> None:
        """A head was pressed: ascending, descending, the list's own order."""
        turn = {f"{field}:asc": f"{field}:desc", f"{field}:desc": ""}
        self._go(sort=turn.get(self.sort_by, f"{field}:asc"))

    @rx.event
    async def set_page(self, number: int) -> None:
        """Another page."""
        self._go(page=max(1, number))

    @rx.event
    async def set_size(self, size: str) -> None:
        """Another page size."""
        self._go(size=int(size))

    @rx.event
    async def set_selected(self, ids: list[str]) -> None:
        """The selection changed."""
        self.selected = ids
        self.select_everything = False

    @rx.event
    async def set_everything(self) -> None:
        """All rows that match are meant, also those of other pages."""
        self.select_everything = True

    @rx.event
    async def set_refresh(self, seconds: int) -> None:
        """Another interval of the automatic refresh."""
        self.refresh_seconds = seconds
