"""`ListPage`: page, size, sort, search, filters, columns and selection of a list (UI-SH-01, UI-LS, UI-FI, UI-TR).

The URL is the truth: every handler navigates to the changed query, the page's `load` reads it and fetches. What a
reader likes (columns, widths, size, refresh, chart, default view) is kept on the server under the list's name.

    class KvState(ListPage, Tab):
        list_name: str = "kv"
        rows: list[KvEntry] = []

        @turns.reads
        async def load(self) -> None:
            self.read_url(sort="key:asc", keys=FILTERS, columns=keys_of(COLUMNS))
            async with self.listing() as api:
                self.take(await api.kv.search(**self.wanted()))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import reflex as rx

from app import preferences, routes, turns
from app.conditions import filters_of, in_words, known, nearest_range, one_time, pairs_of, resolved, without_time
from app.tab import internal
from app.words import say
from backend_client import ApiError, Client, Page

__all__ = ["ListPage", "filters_of", "pairs_of"]

SIZES = (10, 25, 50, 100)
REFRESHES = (0, 5, 10, 30, 60, 300)
OWN = "own"
"""Parameter that asks for the list's own conditions, whatever was looked at before."""


class ListPage(rx.State, mixin=True):
    """Mixin of a list's state; each list has its own values. Put it before `Tab` among the bases."""

    list_name: str = ""
    """Under which name the reader's columns, views and searches are kept; every list names itself."""

    total: int = 0
    exact_total: int = 0
    csv_query: str = ""
    page_number: int = 1
    page_size: int = 25
    sort_by: str = ""
    search_text: str = ""
    filters: list[dict[str, str]] = []
    selected: list[str] = []
    select_everything: bool = False
    loading: bool = True
    refresh_seconds: int = 0
    columns: list[str] = []
    column_widths: dict[str, int] = {}
    list_query: str = ""
    default_view: str = ""
    list_problem: str = ""
    list_problem_more: list[str] = []
    list_request: str = ""
    none_words: str = ""
    near_words: str = ""
    near_count: int = 0

    _known: list[str] = []
    _own_columns: list[str] = []
    _near_range: str = ""
    _kept: str = ""
    _kept_at: str = ""
    _restored: bool = False
    _opened: str = ""

    # -- reading the URL ----------------------------------------------------------------------------------

    @internal
    def read_url(
        self,
        *,
        sort: str = "",
        filters: list[dict[str, str]] | None = None,
        keys: Sequence[dict[str, Any]] = (),
        columns: Sequence[str] = (),
    ) -> None:
        """Take page, size, sort, search and conditions from the URL.

        A URL without any query asks for what was looked at last in this session, else for the reader's default
        view, else for the list's own conditions (UI-SH-02, UI-FI-05).

        Args:
            sort: the list's own order.
            filters: conditions that hold while the URL names none.
            keys: what the list can filter by (`filter_key`); others in a URL are shown as a warning and not sent.
            columns: keys of the columns shown until the reader chooses (`keys_of`).
        """
        self.clear()  # type: ignore[attr-defined]
        self.list_problem, self.list_request, self.list_problem_more = "", "", []
        timed = any(one.get("kind") == "period" for one in keys)
        self._known = [one["field"] for one in keys] + (["startDate", "endDate"] if timed else [])
        self._take_preferences(list(columns))
        pairs = self.query_pairs()  # type: ignore[attr-defined]
        shown = [(k, v) for k, v in pairs if k not in ("tab", "open")]
        if not shown:
            here = str(self.router.url.path or "")
            instead = (self._kept if self._kept_at == here else "") or str(self._preference("defaultViews") or "")
            pairs = pairs + parse_qsl(instead, keep_blank_values=True)
            if instead:
                self.replace_url(pairs)  # type: ignore[attr-defined]
        values = dict(pairs)
        number, size = values.get("page", "1"), values.get("size", "")
        self.page_number = max(1, int(number)) if number.isdigit() and len(number) < 9 else 1
        if size.isdigit() and int(size) in SIZES:
            self.page_size = int(size)
        self.sort_by = values.get("sort", sort)
        text, found = filters_of(pairs)
        chosen = found if found or values.get("reset") else list(filters or [])
        if (text, chosen) != (self.search_text, self.filters):
            self.selected, self.select_everything = [], False
        self.search_text = text
        self.filters = chosen
        self.exact_total = 0
        self.csv_query = urlencode(pairs_of(text, self.conditions()), safe="[],:")
        self._kept_at = str(self.router.url.path or "")
        self._kept = urlencode([(k, v) for k, v in pairs if k not in ("tab", "open", OWN)], safe="[],:@")
        self.list_query = urlencode(
            [*pairs_of(text, chosen), *([("sort", self.sort_by)] if self.sort_by not in ("", sort) else [])],
            safe="[],:@",
        )

    def _read_list(self, columns: list[str]) -> None:
        """Read the URL of a list that stands on a page of its own and, without the namespace, in a namespace's tab.

        Args:
            columns: the tab's columns, the name first; the page has the namespace after it.
        """
        name = self.list_name.partition("-")[0]
        self.list_name = f"{name}-namespace" if self.arg("ns") else name  # type: ignore[attr-defined]
        self.read_url(columns=columns if self.arg("ns") else [columns[0], "namespace", *columns[1:]])  # type: ignore[attr-defined]

    def _preference(self, group: str) -> Any:
        held = self.settings.get(group)  # type: ignore[attr-defined]
        return held.get(self.list_name) if isinstance(held, dict) else None

    def _take_preferences(self, columns: list[str]) -> None:
        """Columns, widths, size and refresh as the reader left them."""
        self._own_columns = columns
        self.default_view = str(self._preference("defaultViews") or "")
        kept = self._preference("columns")
        self.columns = [str(one) for one in kept] if isinstance(kept, list) and kept and columns else columns
        widths = self._preference("widths")
        self.column_widths = {str(k): int(v) for k, v in widths.items()} if isinstance(widths, dict) else {}
        if self._restored:
            return
        self._restored = True
        size, seconds = self._preference("pageSizes"), self._preference("refresh")
        self.page_size = size if size in SIZES else self.page_size
        first = self.settings.get("refreshSeconds")  # type: ignore[attr-defined]
        self.refresh_seconds = next((one for one in (seconds, first) if one in REFRESHES), self.refresh_seconds)

    @internal
    def opened(self) -> str:
        """Return what the address asks to open beside the list, once for each address (UI-DG-03)."""
        wanted = self.query("open")  # type: ignore[attr-defined]
        fresh, self._opened = wanted != self._opened, wanted
        return wanted if fresh else ""

    # -- asking -------------------------------------------------------------------------------------------

    @internal
    def conditions(self) -> list[dict[str, str]]:
        """Return the conditions as the API takes them: known ones, ranges of the calendar as instants."""
        first_day = preferences.first_day(self.settings)  # type: ignore[attr-defined]
        return resolved(known(self.filters, self._known), first_day=first_day)

    @internal
    def wanted(self) -> dict[str, Any]:
        """Return the arguments of the resource's `search`."""
        return {
            "page": self.page_number,
            "size": self.page_size,
            "sort": self.sort_by,
            "query": self.search_text,
            "filters": self.conditions(),
        }

    @internal
    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Client]:
        """Give a client that reads the rows; a refusal stands in the place of the rows, the filters stay (UI-LS-12).

        Rows that are on screen stay when the server is away or failed: then a toast tells it.
        """
        try:
            async with self.api(raising=True) as api:  # type: ignore[attr-defined]
                yield api
        except ApiError as error:
            if getattr(self, "rows", None) and (error.status == 0 or error.status >= 500):
                self.fail(error, say("Could not refresh; the rows on screen are older"))  # type: ignore[attr-defined]
                return
            self.total = 0
            self.list_problem = error.message or say("The server did not say why.")
            self.list_request = error.request_id
            self.list_problem_more = [f"{e.path}: {e.message}" if e.path else e.message for e in error.errors]
        finally:
            self.loading = False

    @internal
    def take(self, page: Page[Any]) -> None:
        """Show a fetched page: sets `rows`, `total`, and drops what is no longer selected."""
        self.rows = page.rows
        self.total = page.total
        self.loading = False

    @internal
    async def explain(self, search: Callable[..., Awaitable[Page[Any]]], instant: str, **more: Any) -> None:
        """Say why the list is empty, and which range of time would show how many (UI-LS-11).

        Args:
            search: the resource's search.
            instant: attribute of its rows that the ranges count from.
        """
        self.none_words, self.near_words, self.near_count, self._near_range = "", "", 0, ""
        if self.total or self.list_problem:
            return
        self.none_words = in_words(self.search_text, self.filters)
        all_known = known(self.filters, self._known)
        rest = without_time(all_known)
        if len(rest) == len(all_known):
            return
        ever = await search(size=1, query=self.search_text, filters=rest, **more)
        if not ever.rows:
            if not rest and not self.search_text:
                self.none_words = ""  # there is none at all: the range is not to blame
            return
        self._near_range, self.near_words = nearest_range(str(getattr(ever.rows[0], instant)))
        if not self._near_range:
            self.near_words, self.near_count = say("all time"), ever.total
            return
        period = {"field": "timeRange", "operator": "EQUALS", "value": self._near_range}
        self.near_count = (await search(size=1, query=self.search_text, filters=[*rest, period], **more)).total

    @rx.event
    async def mark_loading(self) -> None:
        """A refresh begins: the rows stay and dim when it takes long (UI-LS-10)."""
        self.loading = True

    @turns.reads
    async def mark_loaded(self) -> None:
        """The refresh has ended, whatever came of it."""
        self.loading = False

    @rx.event(background=True)
    async def count_exactly(self) -> None:
        """Count executions that match to the last one; the total of their lists stops at 10,000 (UI-LS-04)."""
        async with self:
            client, asked = self._client(), self.wanted()  # type: ignore[attr-defined]
        try:
            total = await client.executions.count(query=asked["query"], filters=asked["filters"])
        except ApiError as error:
            async with self:
                self.fail(error, say("Could not count the executions"))  # type: ignore[attr-defined]
        else:
            async with self:
                if asked == self.wanted():
                    self.exact_total = total
        finally:
            await client.close()

    # -- changing the URL ---------------------------------------------------------------------------------

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
        if not chosen and (filters is not None or self.query("reset")):  # type: ignore[attr-defined]
            pairs.append(("reset", "1"))
        pairs += [(k, v) for k, v in self.query_pairs() if k in ("tab", "view")]  # type: ignore[attr-defined]
        self._open(pairs or [(OWN, "1")], replace=replace)

    def _open(self, pairs: list[tuple[str, str]], *, replace: bool = False) -> None:
        path = routes.within(str(self.router.url.path or "")).rstrip("/")
        self._tell("navigate", path=path + "?" + urlencode(pairs, safe="[],:@"), replace=replace)  # type: ignore[attr-defined]

    @rx.event
    async def set_filters(self, filters: list[dict[str, str]]) -> None:
        """The conditions changed; a period and dates exclude each other."""
        self._go(filters=one_time(self.filters, [{k: str(v) for k, v in one.items()} for one in filters]))

    @rx.event
    async def reset_filters(self) -> None:
        """Back to the list's own conditions (UI-FI-01)."""
        self._kept = ""
        self._open([(k, v) for k, v in self.query_pairs() if k in ("tab", "view")] + [(OWN, "1")])  # type: ignore[attr-defined]

    @rx.event
    async def open_query(self, query: str) -> None:
        """A saved view, an earlier search or the text form: conditions, search and sort at once."""
        pairs = [(k, v) for k, v in parse_qsl(query.lstrip("?"), keep_blank_values=True) if k != "page"]
        keep = [(k, v) for k, v in self.query_pairs() if k == "tab"]  # type: ignore[attr-defined]
        if not filters_of(pairs)[1]:
            pairs.append(("reset", "1"))
        self._open(pairs + keep)

    @rx.event
    async def show_near(self) -> None:
        """Take the nearest range that shows something."""
        rest = without_time(self.filters)
        if self._near_range:
            rest.append({"field": "timeRange", "operator": "EQUALS", "value": self._near_range})
        self._go(filters=rest)

    @rx.event
    async def toggle_label(self, label: str) -> None:
        """A label (`key:value`) was pressed: its condition comes or goes (UI-LS-09)."""
        condition = {"field": "labels", "operator": "EQUALS", "value": label}
        rest = [one for one in self.filters if one != condition]
        self._go(filters=rest if len(rest) < len(self.filters) else [*rest, condition])

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

    # -- selection ----------------------------------------------------------------------------------------

    @rx.event
    async def set_selected(self, ids: list[str]) -> None:
        """The selection changed."""
        self.selected = ids
        self.select_everything = False

    @rx.event
    async def set_everything(self) -> None:
        """All rows that match are meant, also those of other pages."""
        self.select_everything = True

    # -- what the reader likes ----------------------------------------------------------------------------

    async def _keep(self, group: str, value: Any) -> None:
        """Store one preference of this list; None forgets it."""
        if not self.list_name:
            return
        before = self.settings.get(group)  # type: ignore[attr-defined]
        held = {**(before if isinstance(before, dict) else {}), self.list_name: value}
        self.settings = {**self.settings, group: {k: v for k, v in held.items() if v is not None}}  # type: ignore[attr-defined]
        async with self.api(say("Could not save the setting")) as api:  # type: ignore[attr-defined]
            await api.console.patch_settings({group: {self.list_name: value}})

    @turns.keeps
    async def set_size(self, size: str) -> None:
        """Another page size; kept."""
        self.page_size = int(size) if int(size) in SIZES else 25
        self._go(size=self.page_size)
        await self._keep("pageSizes", self.page_size)

    @turns.keeps
    async def set_columns(self, columns: list[str]) -> None:
        """Other columns or another order; none brings back the list's own (UI-LS-02)."""
        self.columns = columns or list(self._own_columns)
        await self._keep("columns", columns if columns and columns != self._own_columns else None)

    @turns.keeps
    async def set_column_widths(self, widths: dict[str, Any]) -> None:
        """Columns were drawn wider or narrower, in px."""
        self.column_widths = {str(k): max(40, min(1200, int(v))) for k, v in widths.items()}
        await self._keep("widths", None)  # the answer of a merge would keep columns that lost their width
        await self._keep("widths", self.column_widths or None)

    @turns.keeps
    async def set_refresh(self, seconds: int) -> None:
        """Another interval of the automatic refresh; kept (UI-TR-03)."""
        self.refresh_seconds = seconds if seconds in REFRESHES else 0
        await self._keep("refresh", self.refresh_seconds or None)

    @turns.keeps
    async def set_default_view(self, query: str) -> None:
        """The view that a URL without query opens; an empty one forgets it (UI-FI-05)."""
        self.default_view = query
        await self._keep("defaultViews", query or None)
