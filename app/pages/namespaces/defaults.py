"""Plugin defaults of a namespace: own, inherited, by fields or YAML (UI-NS-06)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.namespaces.details import writer
from app.pages.namespaces.details_state import NamespaceDetails
from components.button import button, icon_button, segmented
from components.dialog import drawer
from components.field import checkbox, field, form, text_input
from components.message import count, empty_state, message, skeleton_rows
from components.reactive import testid
from components.text_file import text_file

S: Any = NamespaceDetails


def _default(row: Any, *, own: bool) -> rx.Component:
    acts = (
        writer(
            rx.el.span(
                icon_button("pencil", "Edit", on_click=S.edit_default(row.place), test="default-edit"),
                icon_button("trash-2", "Delete", on_click=S.drop_default(row.place), test="default-delete"),
                class_name="row g4",
            )
        )
        if own
        else rx.el.span(row.origin, class_name="ns sm")
    )
    return rx.el.div(
        rx.el.div(
            rx.el.code(row.type, class_name="mono med brk"),
            rx.cond(row.forced, count("forced"), rx.fragment()),
            rx.el.span(class_name="grow"),
            acts,
            class_name="row",
        ),
        rx.el.pre(rx.el.code(row.text), class_name="sample mono"),
        class_name="defl" if own else "defl above",
    )


def _property_fields() -> rx.Component:
    """A field for each property of the class: those that tasks must have first."""

    def one(row: Any) -> rx.Component:
        return field(
            row.name,
            text_input(
                rx.cond(S.form_texts.contains(row.name), S.form_texts[row.name], ""),
                lambda text: S.put_property(row.name, text),
                label=row.name,
                mono=True,
                placeholder=row.default,
                test=f"default-{row.name}",
            ),
            kind=row.kind,
        )

    def fits(row: Any) -> rx.Component:
        wanted = (S.form_find == "") | row.name.lower().contains(S.form_find.lower())
        return rx.cond(wanted | S.form_texts.contains(row.name), one(row), rx.fragment())

    return rx.el.div(
        rx.cond(
            S.form_required.length() > 0,
            rx.fragment(rx.el.h3("Required by the class", class_name="sec"), rx.foreach(S.form_required, one)),
            rx.fragment(),
        ),
        rx.el.div(
            rx.el.h3("Optional", class_name="sec grow"),
            text_input(
                S.form_find,
                S.set_find,
                label="Search properties",
                placeholder="Search",
                kind="search",
                test="default-find",
            ),
            class_name="row",
        ),
        rx.foreach(S.form_optional, fits),
        rx.cond(S.form_fault != "", message("bad", S.form_fault), rx.fragment()),
        class_name="col g12",
    )


def defaults_part() -> rx.Component:
    """Plugin defaults: own, and those of the namespaces above."""
    none = empty_state(
        "No plugin defaults yet",
        hint="Properties that tasks and triggers of a type get in all flows of the namespace and below.",
        icon="settings-2",
        actions=[writer(button("Add plugin default", icon="plus", kind="primary", on_click=S.edit_default(-1)))],
    )
    options = rx.el.datalist(rx.foreach(S.types, lambda one: rx.el.option(value=one)), id="plugin-types")
    return rx.el.div(
        rx.el.div(
            writer(
                button(
                    "Add plugin default", icon="plus", size="small", on_click=S.edit_default(-1), test="default-add"
                ),
                text_file("Import YAML", on_text=S.import_defaults, accept=".yml,.yaml", test="default-import"),
            ),
            button("Copy all as YAML", icon="copy", size="small", kind="ghost", on_click=S.copy_defaults),
            class_name="toolbar",
        ),
        rx.cond(
            S.ready_,
            rx.el.div(
                rx.cond(
                    S.plugin_defaults.length() > 0,
                    rx.foreach(S.plugin_defaults, lambda row: _default(row, own=True)),
                    rx.fragment(),
                ),
                rx.cond(
                    S.inherited_defaults.length() > 0,
                    rx.fragment(
                        rx.el.header(rx.el.h2("Inherited"), class_name="sec"),
                        rx.foreach(S.inherited_defaults, lambda row: _default(row, own=False)),
                    ),
                    rx.cond(S.plugin_defaults.length() == 0, none, rx.fragment()),
                ),
                class_name="scroll deflist",
            ),
            skeleton_rows(),
        ),
        drawer(
            rx.cond(S.editing >= 0, "Plugin default", "New plugin default"),
            options,
            form(
                field(
                    "Plugin",
                    rx.el.input(
                        value=S.form_type,
                        on_change=S.set_type,
                        list="plugin-types",
                        class_name="inp mono",
                        aria_label="Plugin",
                        spell_check=False,
                        custom_attrs=testid("default-type"),
                    ),
                    hint="A class, or the begin of several.",
                    required=True,
                ),
                rx.cond(
                    S.form_known != "",
                    segmented(
                        [("", "Fields"), ("1", "YAML")],
                        rx.cond(S.form_yaml, "1", ""),
                        lambda value: S.set_form_yaml(value == "1"),
                        label="Form of the properties",
                        test="default-form",
                    ),
                    rx.fragment(),
                ),
                rx.cond(
                    (S.form_known != "") & ~S.form_yaml,
                    _property_fields(),
                    field(
                        "Properties",
                        text_input(
                            S.form_values, S.set_values, label="Properties", rows=10, mono=True, test="default-values"
                        ),
                        hint="YAML: property: value.",
                        error=S.form_fault,
                    ),
                ),
                checkbox("Forced: flows cannot say otherwise", S.form_forced, S.set_forced, test="default-forced"),
            ),
            open=S.editing > -2,
            at=rx.cond(S.editing >= 0, S.editing.to_string(), ""),
            on_close=S.close_form,
            width=480,
            footer=[
                button("Cancel", on_click=S.close_form),
                button("Save", icon="save", kind="primary", on_click=S.save_default, test="default-save"),
            ],
            test="default-editor",
        ),
        class_name="col fillcol",
    )
