"""Secrets: names of all namespaces, or of one; values are written and never read (UI-SE; picture 11)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.filter_keys import namespace_filter
from app.frame import page_shell
from app.listing import below_switch, list_filters, list_pager, list_table
from app.pages.secrets_state import SecretsState
from components.button import button, copy_button, icon_button, link
from components.chrome import allowed, unless_allowed
from components.clock import moment
from components.dialog import confirm_dialog, drawer, editor_buttons, menu, menu_item, menu_line, number_to_type
from components.field import checkbox, form, text_input
from components.field import field as form_field
from components.filters import filter_key
from components.message import empty_state
from components.table import Bulk, Column, data_table
from components.text_file import text_file

S: Any = SecretsState
COUNT: Any = rx.Var.create(SecretsState.deleting).length()

FILTERS = [
    namespace_filter(),
    filter_key("tags", "tag", operators=["EQUALS", "NOT_EQUALS"], placeholder="key:value, or a key"),
]


def _name(row: Any) -> rx.Component:
    opens = rx.el.button(
        row.key,
        class_name="mono med cell-link",
        title=row.key,
        on_click=S.open_secret(row.id),
        custom_attrs={"type": "button", "data-open": "true"},
    )
    return rx.el.span(
        rx.icon("key-round", size=14, class_name="faint"),
        rx.cond(
            row.own & ~S.read_only,
            rx.fragment(
                allowed(opens, needs="SECRET:UPDATE", namespace=row.namespace),
                unless_allowed(
                    rx.el.span(row.key, class_name="mono med"), needs="SECRET:UPDATE", namespace=row.namespace
                ),
            ),
            rx.el.span(row.key, class_name="mono med"),
        ),
        class_name="row g6",
    )


def _tags(row: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(
            row.tags,
            lambda t: rx.el.span(rx.el.em(t["key"], rx.cond(t["value"] != "", ":", "")), t["value"], class_name="lab"),
        ),
        class_name="row g4",
    )


COLUMNS = [
    Column("Name", _name, sort="key", key="key"),
    Column(
        "Namespace",
        lambda row: rx.cond(
            row.own,
            link(row.namespace, to=routes.namespace(row.namespace, "secrets"), class_name="ns"),
            rx.el.span("all, from the environment", class_name="mut"),
        ),
        sort="namespace",
        key="namespace",
    ),
    Column(
        "Description", lambda row: rx.el.span(row.description, class_name="mut"), fill=True, hide="m", key="description"
    ),
    Column("Tags", _tags, hide="m", key="tags"),
    Column(
        "Used by",
        lambda row: rx.cond(row.uses != "", row.uses, rx.el.span("no flow", class_name="faint")),
        numeric=True,
        hide="s",
        key="uses",
    ),
    Column("Written", lambda row: moment(row.updated, mode="relative"), numeric=True, key="updated"),
]


_NAME_BELOW = Column(
    "Name",
    lambda row: rx.el.span(
        rx.cond(
            row.own & (row.namespace != S.space),
            link(row.namespace, to=routes.namespace(row.namespace, "secrets"), class_name="ns"),
            rx.fragment(),
        ),
        _name(row),
        class_name="row g6",
    ),
    sort="key",
    key="key",
)
"""The name, with its namespace where that is one below the page's."""


def _row_menu(row: Any) -> rx.Component:
    expression = f"{{{{ secret('{row.key}') }}}}"
    return rx.fragment(
        copy_button(expression, "Copy the expression"),
        rx.cond(
            row.own & ~S.read_only,
            allowed(
                menu(
                    icon_button("ellipsis", "More"),
                    allowed(
                        menu_item("Edit, replace the value", icon="pencil", on_select=S.open_secret(row.id)),
                        needs="SECRET:UPDATE",
                        namespace=row.namespace,
                    ),
                    allowed(
                        menu_line(),
                        menu_item("Delete", icon="trash-2", danger=True, on_select=S.ask_delete([row.id])),
                        needs="SECRET:DELETE",
                        namespace=row.namespace,
                    ),
                    label="Actions on the secret",
                ),
                needs="SECRET:UPDATE|SECRET:DELETE",
                namespace=row.namespace,
            ),
            rx.fragment(),
        ),
    )


def _small(row: Any) -> rx.Component:
    return rx.el.button(
        rx.el.span(row.key, class_name="mono med"),
        rx.el.span(
            rx.cond(row.own, row.namespace, "environment"),
            rx.cond(row.uses != "", " · " + row.uses, ""),
            class_name="mut sm",
        ),
        class_name="two",
        on_click=S.open_secret(row.id),
        custom_attrs={"type": "button"},
    )


def _value() -> rx.Component:
    wrong = rx.cond(S.faults["value"], True, False)
    change = lambda text: S.put("form_value", text)  # noqa: E731
    hidden = text_input(
        S.form_value, change, label="Value", kind="password", mono=True, error=wrong, test="secrets-value"
    )
    shown = text_input(S.form_value, change, label="Value", rows=8, mono=True, error=wrong, test="secrets-value")
    length = S.form_value.length()
    return rx.el.div(
        rx.cond(S.form_lines, shown, hidden),
        rx.el.div(
            checkbox("Several lines, shown while typing", S.form_lines, S.set_lines, test="secrets-lines"),
            rx.el.span(class_name="grow"),
            rx.cond(length > 0, rx.el.span(length, " characters", class_name="num mut sm"), rx.fragment()),
            class_name="row",
        ),
        class_name="col g6",
    )


def _editor() -> rx.Component:
    return drawer(
        rx.cond(S.is_new, "New secret", "New value for " + S.form_key),
        rx.cond(
            S.form_problem != "",
            rx.el.div(rx.icon("octagon-x", size=16), S.form_problem, class_name="al bad", role="alert"),
            rx.fragment(),
        ),
        form(
            rx.cond(
                S.is_new,
                rx.fragment(),
                rx.el.p(
                    "The old value is overwritten and cannot be read again. Leave the value empty to keep it. "
                    "Running executions keep what they already rendered.",
                    class_name="mut",
                ),
            ),
            rx.cond(
                S.is_new & (S.space == ""),
                form_field(
                    "Namespace",
                    text_input(
                        S.form_namespace,
                        lambda t: S.put("form_namespace", t),
                        label="Namespace",
                        placeholder="company.team",
                        test="secrets-namespace",
                    ),
                    error=S.faults["namespace"],
                    required=True,
                ),
                rx.fragment(),
            ),
            rx.cond(
                S.is_new,
                form_field(
                    "Name",
                    text_input(S.form_key, lambda t: S.put("form_key", t), label="Name", mono=True, test="secrets-key"),
                    error=S.faults["key"],
                    required=True,
                ),
                rx.fragment(),
            ),
            form_field(
                "Value",
                _value(),
                error=S.faults["value"],
                hint="Blanks at both ends are kept. A JSON value is read by secret('NAME', subkey='…').",
            ),
            text_file("Take the value from a file", on_text=S.take_file, most=1_000_000, test="secrets-file"),
            form_field(
                "Description",
                text_input(
                    S.form_description,
                    lambda t: S.put("form_description", t),
                    label="Description",
                    test="secrets-description",
                ),
            ),
            form_field(
                "Tags",
                text_input(
                    S.form_tags,
                    lambda t: S.put("form_tags", t),
                    label="Tags",
                    placeholder="team: data, aws",
                    test="secrets-tags",
                ),
                error=S.faults["tags"],
                hint="key: value, parted by commas.",
            ),
            rx.el.div(
                rx.el.span("In a flow", class_name="xs mut"),
                rx.el.div(
                    rx.el.span(f"{{{{ secret('{S.form_key}') }}}}", class_name="mono ce ell grow"),
                    copy_button(f"{{{{ secret('{S.form_key}') }}}}"),
                    class_name="expr row",
                ),
                class_name="col g4",
            ),
            rx.cond(
                S.users.length() > 0,
                rx.el.div(
                    rx.el.span("Used by", class_name="xs mut"),
                    rx.foreach(
                        S.users,
                        lambda one: link(
                            rx.el.span(
                                rx.el.span(one["namespace"], "/", class_name="ns"),
                                rx.el.span(one["flow"], class_name="id"),
                                class_name="ell grow",
                            ),
                            rx.el.span(one["lines"], class_name="mono faint"),
                            to=one["place"],
                            class_name="row userow",
                        ),
                    ),
                    class_name="col g4",
                ),
                rx.fragment(),
            ),
        ),
        open=S.editing,
        at=rx.cond(S.is_new, "", S.form_namespace + "/" + S.form_key),
        on_close=S.close,
        width=440,
        footer=editor_buttons(
            S.is_new,
            S.ask_delete([S.form_namespace + "/" + S.form_key]),
            S.close,
            S.save,
            test="secrets-save",
        ),
        test="secrets-editor",
    )


def _notice() -> rx.Component:
    hint = rx.el.div(
        rx.icon("shield-check", size=14),
        rx.el.span("Values can be written here, never read. Flows use them as"),
        rx.el.code("{{ secret('NAME') }}", class_name="mono ce"),
        rx.el.span("and logs mask them."),
        rx.el.span(class_name="grow"),
        rx.el.span("Backend: ", S.store, class_name="nw hide-m"),
        class_name="row hintbar mut sm",
    )
    closed = rx.el.div(
        rx.icon("lock", size=14),
        rx.el.span(
            "This server writes no secrets: it has no encryption key (kestra.encryption.secret-key). Names below come "
            "from variables SECRET_NAME of its environment, whose values are Base64."
        ),
        class_name="row hintbar mut sm",
        custom_attrs={"data-testid": "secrets-read-only"},
    )
    return rx.cond(S.loading, rx.fragment(), rx.cond(S.read_only, closed, hint))


def _nothing() -> rx.Component:
    return rx.cond(
        (S.filters.length() > 0) | (S.search_text != ""),
        empty_state(
            "Nothing matches",
            hint="No secret fits the search and the conditions above.",
            icon="search-x",
            actions=[button("Reset filters", on_click=S.reset_conditions, test="secrets-reset")],
        ),
        rx.cond(
            S.read_only,
            empty_state(
                "No secrets",
                hint="Start the server with SECRET_MY_TOKEN=<Base64 of the value> and flows read it as "
                "{{ secret('MY_TOKEN') }}.",
                icon="key-round",
            ),
            empty_state(
                "No secrets yet",
                hint="A password or token that flows of a namespace use and nobody reads.",
                icon="key-round",
                actions=[button("New secret", icon="plus", kind="primary", on_click=S.open_new)],
            ),
        ),
    )


def _inherited() -> rx.Component:
    return rx.cond(
        S.inherited.length() > 0,
        rx.el.section(
            rx.el.header(
                rx.el.h2("Inherited"),
                rx.el.span("from parents; a secret of the same name here comes first", class_name="mut sm"),
                class_name="sec kvi",
            ),
            data_table(S.inherited, COLUMNS, label="Inherited secrets", small=_small, test="secrets-inherited"),
        ),
        rx.fragment(),
    )


def secrets_body(*, one: bool = False) -> rx.Component:
    """Filters, table, pager, and the editor and confirmation over them.

    Args:
        one: the page is that of one namespace: no namespace column, and the secrets of its parents below.
    """
    return rx.fragment(
        list_filters(
            SecretsState,
            FILTERS[1:] if one else FILTERS,
            placeholder="Name or description",
            on_refresh=SecretsState.load,
            columns=[_NAME_BELOW, *COLUMNS[2:]] if one else COLUMNS,
            tools=[below_switch(S, test="secrets-below", words="hide-s")] if one else None,
        ),
        _notice(),
        rx.el.div(
            list_table(
                S,
                [_NAME_BELOW, *COLUMNS[2:]] if one else COLUMNS,
                label="Secrets",
                choose=SecretsState.set_selected,
                none=_nothing(),
                actions=_row_menu,
                small=_small,
                bulk=Bulk(
                    [
                        button(
                            "Delete",
                            icon="trash-2",
                            kind="danger",
                            size="small",
                            on_click=S.ask_delete(S.selected),
                            test="secrets-delete-selected",
                        )
                    ],
                    needs="SECRET:DELETE",
                ),
                test="secrets-table",
            ),
            *([_inherited()] if one else []),
            class_name="kvb" if one else "kvb all",
        ),
        list_pager(SecretsState),
        _editor(),
        confirm_dialog(
            rx.cond(COUNT == 1, "Delete this secret", f"Delete {COUNT} secrets"),
            rx.el.p("Flows that read it fail from then on. The value is gone for good."),
            rx.el.ul(rx.foreach(S.deleting, lambda one: rx.el.li(one, class_name="mono"))),
            rx.cond(S.delete_note != "", rx.el.p(rx.el.b(S.delete_note)), rx.fragment()),
            open=COUNT > 0,
            on_cancel=S.keep,
            on_confirm=S.delete,
            verb=rx.cond(COUNT == 1, "Delete secret", f"Delete {COUNT} secrets"),
            expected=number_to_type(COUNT),
            test="secrets-delete",
        ),
    )


def new_secret() -> rx.Component:
    """The button that opens an empty editor."""
    return rx.cond(
        S.read_only,
        rx.fragment(),
        allowed(
            button(
                "New secret", icon="plus", kind="primary", on_click=S.open_new, test="secrets-create", class_name="ic-s"
            ),
            needs="SECRET:CREATE|SECRET:UPDATE",
        ),
    )


def secrets_page() -> rx.Component:
    """The screen over all namespaces."""
    return page_shell(
        "Secrets",
        secrets_body(),
        actions=[new_secret()],
        commands=[{"title": "New secret", "event": "secrets-create"}],
        on_retry=SecretsState.load,
    )


__all__ = ["SecretsState", "new_secret", "secrets_body", "secrets_page"]
