"""KV Store: the pairs of all namespaces, or of one; the exemplary page of `docs/howto/add-a-page.md` (UI-KV)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.filter_keys import namespace_filter
from app.frame import page_shell
from app.listing import below_switch, list_filters, list_pager, list_table
from app.pages.kv_state import EXPIRY, EXPIRY_OF_EXISTING, TYPE_ICONS, TYPES, KvState
from backend_client import KvEntry
from components.button import button, copy_button, icon_button, link, raw_link, segmented
from components.chrome import allowed
from components.clock import moment
from components.code_editor import code_editor
from components.dialog import confirm_dialog, dialog, drawer, editor_buttons, menu, menu_item, menu_line, number_to_type
from components.field import field, form, select, text_input
from components.filters import filter_key
from components.message import empty_state, message
from components.table import Bulk, Column, data_table
from components.text_file import text_file

COUNT: Any = rx.Var.create(KvState.deleting).length()
EXPIRING: Any = rx.Var.create(KvState.expiring).length()
CONDITIONS: Any = rx.Var.create(KvState.filters).length()
INHERITED: Any = rx.Var.create(KvState.inherited).length()

FILTERS = [
    namespace_filter(),
    filter_key("type", "type", operators=["IN", "NOT_IN"], kind="choice", options=TYPES),
    filter_key("created", "created", kind="date"),
    filter_key("updated", "updated", kind="date"),
    filter_key("expirationDate", "expires", kind="date"),
]


def _row_menu(row: KvEntry) -> rx.Component:
    return rx.fragment(
        copy_button(f"{{{{ kv('{row.key}') }}}}", "Copy the expression"),
        menu(
            icon_button("ellipsis", "More"),
            allowed(
                menu_item("Edit", icon="pencil", on_select=KvState.open_entry(row.id)),
                needs="KVSTORE:UPDATE",
                namespace=row.namespace,
            ),
            menu_item(
                "Copy the value", icon="clipboard-copy", on_select=KvState.copy_value(row.id), test="kv-copy-value"
            ),
            allowed(
                menu_line(),
                menu_item("Delete", icon="trash-2", danger=True, on_select=KvState.ask_delete([row.id])),
                needs="KVSTORE:DELETE",
                namespace=row.namespace,
            ),
            label="Actions on the key",
        ),
    )


def _small(row: KvEntry) -> rx.Component:
    return rx.el.button(
        rx.el.span(row.key, class_name="mono med ell"),
        rx.el.span(row.preview, class_name="mono sm ell"),
        rx.el.span(row.namespace, " · ", moment(row.updated, mode="relative"), class_name="mut sm ell"),
        class_name="two",
        on_click=KvState.open_entry(row.id),
        custom_attrs={"type": "button"},
    )


def _type(row: KvEntry) -> rx.Component:
    icons = rx.match(row.type, *((name, rx.icon(icon, size=14)) for name, icon in TYPE_ICONS.items()), rx.fragment())
    return rx.el.span(icons, row.type, class_name="row g6 mut sm")


COLUMNS = [
    Column(
        "Key",
        lambda row: rx.el.button(
            row.key,
            class_name="mono med cell-link",
            title=row.key,
            on_click=KvState.open_entry(row.id),
            custom_attrs={"type": "button"},
        ),
        sort="key",
        key="key",
    ),
    Column(
        "Namespace",
        lambda row: link(row.namespace, to=routes.namespace(row.namespace, "kv"), class_name="ns"),
        sort="namespace",
        key="namespace",
    ),
    Column("Type", _type, hide="m", key="type"),
    Column(
        "Value",
        lambda row: rx.el.span(row.preview, class_name="mono mut sm", title=row.description),
        fill=True,
        key="value",
    ),
    Column(
        "Description", lambda row: rx.el.span(row.description, class_name="mut kvd ell"), hide="m", key="description"
    ),
    Column("Version", lambda row: row.version, numeric=True, hide="m", key="version"),
    Column("Updated", lambda row: moment(row.updated, mode="relative"), sort="updateDate", numeric=True, key="updated"),
    Column(
        "Expires",
        lambda row: moment(row.expires, mode="relative", empty="never", warn_within_ms=86_400_000),
        sort="expirationDate",
        numeric=True,
        key="expires",
    ),
]


_KEY_BELOW = Column(
    "Key",
    lambda row: rx.el.span(
        rx.cond(
            row.namespace == KvState.space,
            rx.fragment(),
            link(row.namespace, to=routes.namespace(row.namespace, "kv"), class_name="ns"),
        ),
        COLUMNS[0].cell(row),
        class_name="row g6",
    ),
    sort="key",
    key="key",
)
"""The key, with its namespace where that is one below the page's."""


def _value_control() -> rx.Component:
    fault = KvState.faults["value"]
    change = lambda text: KvState.put("form_value", text)  # noqa: E731
    line = text_input(
        KvState.form_value, change, label="Value", mono=True, error=rx.cond(fault, True, False), test="kv-value"
    )
    area = text_input(
        KvState.form_value,
        change,
        label="Value",
        rows=10,
        mono=True,
        error=rx.cond(fault, True, False),
        test="kv-value",
    )
    json_area = rx.el.div(
        code_editor(value=KvState.form_start, language="json", on_change=change),
        class_name=rx.cond(fault, "kvjson err", "kvjson"),
        custom_attrs={"data-testid": "kv-json"},
    )
    choice = segmented(
        [("true", "true"), ("false", "false")],
        KvState.form_value,
        lambda v: KvState.put("form_value", v),
        label="Value",
    )
    picker = lambda kind, value, on_change: rx.el.input(  # noqa: E731
        type=kind,
        value=value,
        step="1" if kind == "datetime-local" else None,
        on_change=on_change,
        class_name=rx.cond(fault, "inp err", "inp"),
        aria_label="Value",
        aria_invalid=rx.cond(fault, "true", "false"),
        custom_attrs={"data-testid": "kv-value"},
    )
    instant = rx.el.div(
        picker("datetime-local", KvState.form_picked, KvState.pick),
        rx.el.span("UTC: ", rx.el.span(KvState.form_value, class_name="mono"), class_name="xs mut"),
        class_name="col g4",
    )
    part = lambda unit, words: rx.el.label(  # noqa: E731
        rx.el.input(
            value=KvState.form_span[unit],
            on_change=lambda text: KvState.put_span(unit, text),
            class_name="inp num",
            input_mode="decimal",
            custom_attrs={"data-testid": f"kv-span-{unit}"},
        ),
        rx.el.span(words, class_name="xs mut"),
        class_name="col g4",
    )
    duration = rx.el.div(
        rx.el.div(
            part("D", "days"), part("H", "hours"), part("M", "minutes"), part("S", "seconds"), class_name="kvspan"
        ),
        line,
        class_name="col g6",
    )
    shown = rx.match(
        KvState.form_type,
        ("BOOLEAN", choice),
        ("STRING", area),
        ("JSON", json_area),
        ("DATE", picker("date", KvState.form_value, change)),
        ("DATETIME", instant),
        ("DURATION", duration),
        line,
    )
    away = rx.el.div(
        rx.el.p(
            "The value has ",
            rx.el.b(KvState.form_size, class_name="num"),
            " characters and was not loaded.",
            class_name="mut",
        ),
        button("Load the value", icon="download", size="small", on_click=KvState.load_value, test="kv-load"),
        class_name="row",
    )
    return rx.fragment(rx.cond(KvState.form_size > 0, away, shown))


def _expiry(options: list[tuple[str, str]]) -> rx.Component:
    return select(
        options, KvState.form_expiry, lambda t: KvState.put("form_expiry", t), label="Expires", test="kv-expiry"
    )


def _editor() -> rx.Component:
    locked: Any = rx.cond(KvState.is_new, False, True)
    return drawer(
        rx.cond(KvState.is_new, "New key", KvState.form_key),
        rx.cond(KvState.form_problem != "", message("warn", KvState.form_problem), rx.fragment()),
        rx.el.fieldset(
            form(
                field(
                    "Namespace",
                    text_input(
                        KvState.form_namespace,
                        lambda t: KvState.put("form_namespace", t),
                        label="Namespace",
                        placeholder="company.team",
                        disabled=locked,
                        test="kv-namespace",
                    ),
                    error=KvState.faults["namespace"],
                    required=True,
                ),
                field(
                    "Key",
                    text_input(
                        KvState.form_key,
                        lambda t: KvState.put("form_key", t),
                        label="Key",
                        mono=True,
                        disabled=locked,
                        test="kv-key",
                    ),
                    error=KvState.faults["key"],
                    required=True,
                ),
                field(
                    "Type",
                    select(
                        TYPES,
                        KvState.form_type,
                        KvState.set_type,
                        label="Type",
                        disabled=locked,
                        test="kv-type",
                    ),
                ),
                field("Value", _value_control(), error=KvState.faults["value"], kind=KvState.form_type),
                field(
                    "Expires",
                    rx.cond(KvState.is_new, _expiry(EXPIRY), _expiry(EXPIRY_OF_EXISTING)),
                    hint="Counted from now, each time the key is saved.",
                ),
                rx.cond(
                    KvState.form_expiry == "custom",
                    field(
                        "Duration",
                        text_input(
                            KvState.form_ttl,
                            lambda t: KvState.put("form_ttl", t),
                            label="Duration",
                            placeholder="PT15M",
                            mono=True,
                            test="kv-ttl",
                        ),
                        error=KvState.faults["ttl"],
                    ),
                    rx.fragment(),
                ),
                rx.cond(
                    KvState.form_expiry == "date",
                    field(
                        "Until (UTC)",
                        rx.el.input(
                            type="datetime-local",
                            value=KvState.form_until,
                            on_change=lambda t: KvState.put("form_until", t),
                            class_name="inp",
                            aria_label="Until",
                            custom_attrs={"data-testid": "kv-until"},
                        ),
                        error=KvState.faults["until"],
                    ),
                    rx.fragment(),
                ),
                field(
                    "Description",
                    text_input(
                        KvState.form_description,
                        lambda t: KvState.put("form_description", t),
                        label="Description",
                        test="kv-description",
                    ),
                ),
                rx.el.div(
                    rx.el.span("In a flow", class_name="xs mut"),
                    rx.el.div(
                        rx.el.span(f"{{{{ kv('{KvState.form_key}') }}}}", class_name="mono ce ell grow"),
                        copy_button(f"{{{{ kv('{KvState.form_key}') }}}}"),
                        class_name="expr row",
                    ),
                    class_name="col g4",
                ),
            ),
            disabled=rx.cond(KvState.may_save, False, True),
            class_name="plain",
        ),
        open=KvState.editing,
        at=rx.cond(KvState.is_new, "", KvState.form_namespace + "/" + KvState.form_key),
        on_close=KvState.close,
        width=440,
        footer=[
            rx.cond(
                KvState.may_save,
                rx.fragment(
                    *editor_buttons(
                        KvState.is_new,
                        KvState.ask_delete([KvState.form_namespace + "/" + KvState.form_key]),
                        KvState.close,
                        KvState.save,
                        test="kv-save",
                    )
                ),
                button("Close", on_click=KvState.close),
            )
        ],
        test="kv-editor",
    )


def _inherited() -> rx.Component:
    """The pairs of the parents, read only by way of their own namespace."""
    columns = [
        COLUMNS[0],
        Column("From", lambda row: link(row.namespace, to=routes.namespace(row.namespace, "kv"), class_name="ns")),
        *COLUMNS[2:4],
        *COLUMNS[6:],
    ]
    return rx.cond(
        INHERITED > 0,
        rx.el.section(
            rx.el.header(
                rx.el.h2("Inherited"),
                rx.el.span("from parents; a key of the same name here comes first", class_name="mut sm"),
                class_name="sec kvi",
            ),
            data_table(KvState.inherited, columns, label="Inherited keys", small=_small, test="kv-inherited"),
            custom_attrs={"data-testid": "kv-inherited-part"},
        ),
        rx.fragment(),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        (CONDITIONS > 0) | (KvState.search_text != ""),
        empty_state(
            "Nothing matches",
            hint="No key fits the search and the conditions above.",
            icon="search-x",
            actions=[button("Reset filters", on_click=KvState.reset_conditions, test="kv-reset")],
        ),
        empty_state(
            "No keys yet",
            hint="A key keeps a value for the flows of a namespace, from one execution to the next.",
            icon="database",
            actions=[
                allowed(
                    button("New key", icon="plus", kind="primary", on_click=KvState.open_new),
                    needs="KVSTORE:CREATE|KVSTORE:UPDATE",
                )
            ],
        ),
    )


def kv_body(*, one: bool = False) -> rx.Component:
    """Filters, table, pager, and the editor and confirmation over them.

    Args:
        one: the page is that of one namespace: no namespace column, and the pairs of its parents below.
    """
    return rx.fragment(
        list_filters(
            KvState,
            FILTERS[1:] if one else FILTERS,
            placeholder="Key" if one else "Key or namespace",
            on_refresh=KvState.load,
            columns=[_KEY_BELOW, *COLUMNS[2:]] if one else COLUMNS,
            tools=[
                allowed(
                    rx.el.span(
                        text_file("Import", on_text=KvState.take_file, accept=".json,.csv", test="kv-import"),
                        class_name="hide-s",
                    ),
                    needs="KVSTORE:CREATE|KVSTORE:UPDATE",
                ),
                raw_link(
                    rx.icon("download", size=14),
                    "Export",
                    href=KvState.export_url,
                    class_name="btn s hide-s",
                    download=True,
                    title="The filtered keys with their values, as JSON",
                    test="kv-export",
                ),
                raw_link(
                    rx.icon("file-spreadsheet", size=14),
                    href=KvState.csv_url,
                    class_name="ib hide-s",
                    download=True,
                    title="The filtered keys with their values, as CSV",
                    test="kv-csv",
                ),
                *([below_switch(KvState, test="kv-below", words="hide-s")] if one else []),
            ],
        ),
        rx.el.div(
            list_table(
                KvState,
                [_KEY_BELOW, *COLUMNS[2:]] if one else COLUMNS,
                label="Keys",
                choose=KvState.set_selected,
                none=_nothing(),
                actions=_row_menu,
                small=_small,
                bulk=Bulk(
                    [
                        allowed(
                            button(
                                "Change expiry",
                                icon="hourglass",
                                size="small",
                                on_click=KvState.ask_expiry(KvState.selected),
                                test="kv-expiry-selected",
                            ),
                            needs="KVSTORE:UPDATE",
                        ),
                        allowed(
                            button(
                                "Delete",
                                icon="trash-2",
                                kind="danger",
                                size="small",
                                on_click=KvState.ask_delete(KvState.selected),
                                test="kv-delete-selected",
                            ),
                            needs="KVSTORE:DELETE",
                        ),
                    ],
                    needs="KVSTORE:UPDATE|KVSTORE:DELETE",
                ),
                test="kv-table",
            ),
            *([_inherited()] if one else []),
            class_name="kvb" if one else "kvb all",
        ),
        list_pager(KvState),
        _editor(),
        confirm_dialog(
            "Change the type",
            rx.el.p("The value cannot become a ", rx.el.b(KvState.type_wanted, class_name="mono"), ". It is cleared."),
            open=KvState.type_wanted != "",
            on_cancel=KvState.keep_type,
            on_confirm=KvState.drop_value,
            verb="Clear the value",
            test="kv-type-change",
        ),
        dialog(
            "Change the expiry",
            field(
                "Expires",
                select(
                    [one for one in EXPIRY if one[0] not in ("custom", "date")],
                    KvState.bulk_expiry,
                    KvState.set_bulk_expiry,
                    label="Expires",
                    test="kv-bulk-expiry",
                ),
                hint="Counted from now. Values and types stay; each key gets a new version.",
            ),
            open=EXPIRING > 0,
            on_close=KvState.keep_expiry,
            footer=[
                button("Cancel", on_click=KvState.keep_expiry),
                button(
                    "Change",
                    kind="primary",
                    on_click=KvState.change_expiry,
                    primary_of_dialog=True,
                    test="kv-expiry-confirm",
                ),
            ],
            test="kv-expiry",
        ),
        confirm_dialog(
            rx.cond(COUNT == 1, "Delete this key", f"Delete {COUNT} keys"),
            rx.el.p("Flows that read it get nothing, or fail where they ask without a default. This cannot be undone."),
            rx.el.ul(rx.foreach(KvState.deleting, lambda one: rx.el.li(one, class_name="mono"))),
            rx.cond(KvState.delete_note != "", rx.el.p(rx.el.b(KvState.delete_note)), rx.fragment()),
            open=COUNT > 0,
            on_cancel=KvState.keep,
            on_confirm=KvState.delete,
            verb=rx.cond(COUNT == 1, "Delete key", f"Delete {COUNT} keys"),
            expected=number_to_type(COUNT),
            test="kv-delete",
        ),
    )


def new_key() -> rx.Component:
    """The button that opens an empty editor."""
    new = button("New key", icon="plus", kind="primary", on_click=KvState.open_new, test="kv-create", class_name="ic-s")
    return allowed(new, needs="KVSTORE:CREATE|KVSTORE:UPDATE")


def kv_page() -> rx.Component:
    """The screen over all namespaces."""
    return page_shell(
        "KV Store",
        kv_body(),
        actions=[new_key()],
        commands=[{"title": "New key", "event": "kv-create"}],
        on_retry=KvState.load,
    )


__all__ = ["KvState", "kv_body", "kv_page", "new_key"]
