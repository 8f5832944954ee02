"""Tables: head 32, rows 40, 32 or 28, selection with a bulk bar, sort heads, skeleton and pager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import reflex as rx

from components.button import button
from components.chrome import allowed
from components.client import TableFrame
from components.clock import amount
from components.message import skeleton_rows
from components.reactive import Content, Reactive, testid
from components.visit import page_waits

COUNTED = 10_000
"""Where a count stops by one more, it goes no further: it must never delay the rows (UI-LS-04)."""
Density = Literal["comfortable", "normal", "compact"]
_DENSITY: dict[str, str] = {"comfortable": "", "normal": "cpt2", "compact": "cpt"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: the head's words; empty for actions.
        cell: draws the cell of a row (a reactive item of the list).
        sort: the API's field; with it the head sorts.
        numeric: numbers, times and spans stand at the right.
        width: CSS width; the one `fill` column takes the rest and is cut with an ellipsis.
        hide: `m` leaves below 1024 px, `s` below 768.
        key: names the column in the reader's choice; needed where columns can be chosen.
        off: shown only when the reader asks for it.
    """

    title: str
    cell: Callable[[Any], Content]
    sort: str = ""
    numeric: bool = False
    width: str = ""
    fill: bool = False
    mono: bool = False
    hide: Literal["", "m", "s"] = ""
    key: str = ""
    off: bool = False


def keys_of(columns: list[Column]) -> list[str]:
    """Return the keys of the columns that a list shows until its reader chooses."""
    return [one.key for one in columns if one.key and not one.off]


def titles_of(columns: list[Column]) -> list[dict[str, str]]:
    """Return `{key, title}` of the columns that can be chosen."""
    return [{"key": one.key, "title": one.title} for one in columns if one.key]


@dataclass(frozen=True, slots=True)
class Bulk:
    """What stands above the head while rows are selected.

    Attributes:
        actions: buttons (`size="small"`), the destructive one last.
        total: all rows that match the filter, for *Select all n*.
        needs: rights of which a reader needs one to select rows at all; empty where some action is everybody's.
    """

    actions: list[rx.Component] = field(default_factory=list)
    note: Reactive[str] = ""
    on_all: Any = None
    total: Reactive[int] = 0
    everything: Reactive[bool] = False
    needs: str = ""


def _box(on: Any, name: Any, label: str, bulk: Bulk | None) -> rx.Component:
    box = rx.el.button(
        rx.cond(on, rx.icon("check", size=10), rx.fragment()) if isinstance(on, rx.Var) else rx.fragment(),
        class_name=rx.cond(on, "cb on", "cb") if isinstance(on, rx.Var) else "cb",
        role="checkbox",
        aria_checked=on,
        aria_label=label,
        custom_attrs={"type": "button", "data-check": name},
    )
    return allowed(box, needs=bulk.needs) if bulk is not None and bulk.needs else box


def _head(column: Column, sort: Any, on_sort: Any) -> rx.Component:
    classes = " ".join(filter(None, ("num" if column.numeric else "", f"hide-{column.hide}" if column.hide else "")))
    style = {"width": column.width} if column.width else {}
    if not column.sort or on_sort is None:
        return rx.el.th(column.title, class_name=classes, style=style, scope="col", custom_attrs=_named(column))
    up, down = sort == f"{column.sort}:asc", sort == f"{column.sort}:desc"
    return rx.el.th(
        rx.el.button(
            column.title,
            rx.cond(up, rx.icon("arrow-up", size=12), rx.cond(down, rx.icon("arrow-down", size=12), rx.fragment())),
            class_name="thb",
            on_click=on_sort(column.sort),
            custom_attrs={"type": "button"} | testid(f"sort-{column.sort}"),
        ),
        class_name=classes,
        style=style,
        scope="col",
        aria_sort=rx.cond(up, "ascending", rx.cond(down, "descending", "none")),
        custom_attrs=_named(column),
    )


def _named(column: Column) -> dict[str, str]:
    return {"data-col": column.key} if column.key else {}


def _extra_head(key: Any) -> rx.Component:
    return rx.el.th(key.to(str).split(":")[1], scope="col", custom_attrs={"data-col": key})


def _cell(column: Column, row: Any) -> rx.Component:
    classes = " ".join(
        filter(
            None,
            (
                "num" if column.numeric else "",
                f"hide-{column.hide}" if column.hide else "",
                "fill" if column.fill else "",
                "mono" if column.mono else "",
            ),
        )
    )
    content = column.cell(row)
    return rx.el.td(
        rx.el.span(content, class_name="ell") if column.fill else content,
        class_name=classes,
        custom_attrs=_named(column),
    )


def data_table(
    rows: Any,
    columns: list[Column],
    *,
    label: str,
    row_id: Callable[[Any], Any] = lambda row: row.id,
    selected: Any = (),
    on_select: Any = None,
    sort: Any = "",
    on_sort: Any = None,
    loading: Reactive[bool] = False,
    none: rx.Component | None = None,
    bulk: Bulk | None = None,
    actions: Callable[[Any], rx.Component] | None = None,
    small: Callable[[Any], rx.Component] | None = None,
    density: Density = "comfortable",
    shown: Any = None,
    widths: Any = None,
    on_widths: Any = None,
    extra: Callable[[Any, Any], Content] | None = None,
    test: str = "table",
) -> rx.Component:
    """A table of at most 100 rows (one page of the server's answer).

    Args:
        rows: reactive list of a typed class (`KvState.rows`).
        columns: what is shown; the first link in a row is what Enter and a double click open.
        row_id: the value that selection uses; unique in the list.
        selected, on_select: reactive list of ids, and a handler of the new list. Shift selects a range.
        sort, on_sort: `field:asc|desc` as in the URL, and a handler of a field's name.
        loading: skeleton instead of the first rows; later loads keep the old rows, dimmed after 400 ms (UI-LS-10).
        none: what stands there when the list is empty.
        actions: a row's menu, at the right.
        small: a row of two lines below 768 px; without it the table scrolls in its own box.
        shown: reactive list of the keys of the columns, in order; without it all columns stand as given.
        widths, on_widths: reactive map of px by key, and a handler of a new map: the edge of a head can be drawn.
        extra: draws the cell of a column that `columns` does not name (`label:team`), from row and key.
    """
    choosing = on_select is not None
    heads: list[rx.Component] = []
    if choosing:
        everything = (rows.length() > 0) & (selected.length() >= rows.length())
        heads.append(rx.el.th(_box(everything, "all", "Select all rows of this page", bulk), class_name="tick"))
    if shown is None:
        heads += [_head(column, sort, on_sort) for column in columns]
    else:
        named = [(column.key, _head(column, sort, on_sort)) for column in columns if column.key]
        heads.append(rx.foreach(shown, lambda key: rx.match(key, *named, _extra_head(key))))
    if actions is not None:
        heads.append(rx.el.th(rx.el.span("Actions", class_name="vh"), class_name="acts"))

    def draw(row: Any) -> rx.Component:
        cells: list[rx.Component] = []
        on: Any = False
        if choosing:
            on = selected.contains(row_id(row))
            cells.append(rx.el.td(_box(on, row_id(row), "Select the row", bulk), class_name="tick"))
        if shown is None:
            cells += [_cell(column, row) for column in columns]
        else:
            drawn = [(column.key, _cell(column, row)) for column in columns if column.key]
            cells.append(
                rx.foreach(
                    shown,
                    lambda key: rx.match(
                        key,
                        *drawn,
                        rx.el.td(extra(row, key) if extra else "", custom_attrs={"data-col": key}, class_name="mut"),
                    ),
                )
            )
        if actions is not None:
            cells.append(rx.el.td(rx.el.span(actions(row), class_name="row g4"), class_name="acts"))
        return rx.el.tr(
            *cells,
            class_name=rx.cond(on, "sel", "") if choosing else "",
            custom_attrs={"data-id": row_id(row)},
            key=row_id(row),
        )

    body = rx.el.table(
        rx.el.thead(rx.el.tr(*heads)),
        rx.el.tbody(rx.foreach(rows, draw)),
        class_name=_DENSITY[density] + (" hide-s" if small is not None else ""),
        aria_label=label,
    )
    parts: list[rx.Component] = []
    if choosing and bulk is not None:
        parts.append(rx.cond(selected.length() > 0, _bulk_bar(bulk, selected, on_select), rx.fragment()))
    frame: dict[str, Any] = {"label": label, "testid": test}
    if choosing:
        frame |= {"selected": selected, "on_select": on_select}
    if on_widths is not None:
        frame |= {"widths": widths, "on_widths": on_widths}
    lists: list[rx.Component] = [body]
    if small is not None:
        lists.append(
            rx.el.div(
                rx.foreach(rows, lambda row: rx.el.div(small(row), class_name="two-line", key=row_id(row))),
                class_name="only-s col",
            )
        )
    parts.append(TableFrame.create(*lists, **frame))
    waits = page_waits() if isinstance(loading, bool) else loading | page_waits()
    filled = rx.el.div(*parts, class_name=rx.cond(waits, "tbl waits", "tbl"), aria_busy=waits)
    empty = none if none is not None else rx.fragment()
    return rx.cond(rows.length() > 0, filled, rx.cond(loading, skeleton_rows(), empty))


def _bulk_bar(bulk: Bulk, selected: Any, on_select: Any) -> rx.Component:
    parts: list[rx.Component] = [
        rx.el.b(selected.length(), " selected", class_name="semi num"),
        rx.el.span(bulk.note, class_name="mut sm hide-m"),
    ]
    if bulk.on_all is not None:
        parts.append(
            rx.cond(
                bulk.everything,
                rx.el.span("all that match", class_name="sm mut"),
                rx.el.button(
                    "Select all ",
                    bulk.total,
                    class_name="link sm",
                    on_click=bulk.on_all,
                    custom_attrs={"type": "button"} | testid("select-all"),
                ),
            )
        )
    return rx.el.div(
        *parts,
        rx.el.span(class_name="grow"),
        *bulk.actions,
        rx.el.span(class_name="vline"),
        button("Clear", kind="ghost", size="small", on_click=on_select([]), test="select-none"),
        class_name="bulk",
        role="toolbar",
        aria_label="Actions on the selection",
    )


def pager(
    *,
    page: Any,
    size: Any,
    total: Any,
    shown: Any,
    on_page: Any,
    on_size: Any = None,
    exact: Any = 0,
    on_count: Any = None,
) -> rx.Component:
    """`1 to 25 of 1,116`, page size and the two arrows; the first four arguments are reactive numbers.

    Args:
        exact: what an exact count gave, 0 for none yet; `on_count` asks for it where the total stops (UI-LS-04).
    """
    first = (page - 1) * size + 1
    last = (page - 1) * size + shown
    many: Any = rx.Var.create(total).to(int) == COUNTED + 1
    more: Any = "10,000+"
    if on_count is not None:
        more = rx.cond(
            exact > 0,
            amount(exact),
            rx.el.button(
                "10,000+",
                class_name="link num",
                on_click=on_count,
                title="Count them all",
                custom_attrs={"type": "button"} | testid("pager-count"),
            ),
        )
    sizes: list[rx.Component] = []
    if on_size is not None:
        sizes.append(
            rx.el.select(
                *(rx.el.option(f"{n} rows", value=str(n)) for n in (10, 25, 50, 100)),
                value=rx.Var.create(size).to(str),
                on_change=on_size,
                class_name="btn s hide-s",
                aria_label="Rows a page",
                custom_attrs=testid("page-size"),
            )
        )
    return rx.el.div(
        rx.el.span(
            amount(first),
            " to ",
            amount(last),
            " of ",
            rx.cond(many, more, amount(total)),
            class_name="num",
            custom_attrs=testid("pager-total"),
        ),
        *sizes,
        rx.el.span(class_name="grow"),
        rx.el.span(
            rx.el.button(
                rx.icon("chevron-left", size=14),
                class_name="btn s ic",
                disabled=page <= 1,
                on_click=on_page(page - 1),
                aria_label="Previous page",
                custom_attrs={"type": "button", "data-page": "previous"},
            ),
            rx.el.button(
                rx.icon("chevron-right", size=14),
                class_name="btn s ic",
                disabled=last >= total,
                on_click=on_page(page + 1),
                aria_label="Next page",
                custom_attrs={"type": "button", "data-page": "next"},
            ),
            class_name="grp",
        ),
        class_name="pager",
    )
