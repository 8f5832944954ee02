"""Editor of a dashboard: YAML, charts by form, preview that follows the text (UI-DB-20…24)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.dashboards import charts
from app.pages.dashboards.aside import aside
from app.pages.dashboards.editor_state import BoardEditorState
from app.pages.dashboards.removal import Removal, removal_dialog
from components.button import button, icon_button, segmented
from components.dashboard_grid import dashboard_grid
from components.dialog import drawer, menu, menu_item, menu_line
from components.field import field, form, select, text_input
from components.flow_tools import leave_guard, split
from components.message import count, empty_state, skeleton_rows
from components.reactive import testid
from components.yaml_editor import yaml_editor

S: Any = BoardEditorState
F: Any = BoardEditorState.form


def _text(name: str, label: str, *, hint: str = "", rows: int = 0, mono: bool = False) -> rx.Component:
    box = text_input(
        F[name], lambda text: S.put(name, text), label=label, rows=rows, mono=mono, test=f"chart-form-{name}"
    )
    return field(label, box, hint=hint, error=S.faults[name])


def _choice(name: str, label: str, options: Any, *, hint: str = "") -> rx.Component:
    control = select(options, F[name], lambda text: S.put(name, text), label=label, test=f"chart-form-{name}")
    return field(label, control, hint=hint)


def _fields(name: str, label: str, *, none: str = "", hint: str = "") -> rx.Component:
    empty = [rx.el.option(none, value="")] if none else []
    control = rx.el.select(
        *empty,
        rx.foreach(S.fields, lambda one: rx.el.option(one, value=one)),
        value=F[name],
        on_change=lambda text: S.put(name, text),
        class_name="inp",
        aria_label=label,
        custom_attrs=testid(f"chart-form-{name}"),
    )
    return field(label, control, hint=hint)


def _rules(member: str, rules: Any, label: str, hint: str) -> rx.Component:
    """Conditions, one a row: field, comparison, value."""

    def row(rule: Any, place: Any) -> rx.Component:
        chosen = lambda values, name, words: rx.el.select(  # noqa: E731
            values,
            value=rule[name],
            on_change=lambda text: S.put_rule(member, place, name, text),
            class_name="inp",
            aria_label=words,
            custom_attrs=testid(f"rule-{name}"),
        )
        fields = rx.foreach(S.fields, lambda one: rx.el.option(one, value=one))
        kinds = rx.fragment(*(rx.el.option(words, value=kind) for kind, words in charts.OPERATORS.items()))
        typed = lambda name, words, more: rx.el.input(  # noqa: E731
            value=rule[name],
            on_change=lambda text: S.put_rule(member, place, name, text),
            class_name="inp mono",
            placeholder=more,
            aria_label=words,
            custom_attrs=testid(f"rule-{name}"),
        )
        return rx.el.div(
            chosen(fields, "field", "Field"),
            rx.cond(rule["field"] == "LABELS", typed("key", "Label", rx.Var.create("label")), rx.fragment()),
            chosen(kinds, "type", "Comparison"),
            rx.cond(
                rx.Var.create(list(charts.BARE)).contains(rule["type"]),
                rx.el.span(),
                typed(
                    "value",
                    "Value",
                    rx.cond(rx.Var.create(list(charts.MANY)).contains(rule["type"]), "FAILED, WARNING", ""),
                ),
            ),
            icon_button("trash-2", "Remove the condition", on_click=S.drop_rule(member, place)),
            class_name="dbrule",
            custom_attrs=testid(f"rule-{member}"),
        )

    return rx.el.div(
        rx.el.span(label, class_name="lbl"),
        rx.foreach(rules, row),
        rx.el.div(
            button("Add condition", icon="plus", size="small", on_click=S.add_rule(member), test=f"rule-add-{member}"),
            rx.el.span(hint, class_name="xs faint"),
            class_name="row",
        ),
        class_name="col g6",
    )


def _chart_form() -> rx.Component:
    kind = F["type"]
    shown = lambda *kinds: rx.Var.create(list(kinds)).contains(kind)  # noqa: E731
    return drawer(
        rx.cond(S.form_new, "New chart", "Chart " + S.form_of),
        form(
            _choice("type", "Type", charts.TYPES),
            rx.el.div(_text("title", "Title"), _text("id", "Id", mono=True), class_name="pairf"),
            _text("description", "Description"),
            rx.cond(
                kind == "Markdown",
                _text("content", "Text", rows=8, hint="Markdown."),
                rx.fragment(
                    _choice("data", "Data", charts.SOURCES),
                    rx.cond(shown("TimeSeries"), _fields("column", "Date column"), rx.fragment()),
                    rx.cond(shown("Bar"), _fields("column", "A bar for each"), rx.fragment()),
                    rx.cond(shown("Pie"), _fields("column", "A slice for each"), rx.fragment()),
                    rx.cond(
                        shown("Table"),
                        _text("column", "Columns", mono=True, hint="Fields, parted by commas."),
                        rx.fragment(),
                    ),
                    rx.cond(
                        shown("TimeSeries", "Bar"), _fields("group", "Coloured by", none="one colour"), rx.fragment()
                    ),
                    rx.cond(
                        shown("TimeSeries", "Bar", "Pie", "KPI"),
                        rx.el.div(
                            _choice("agg", "Number", charts.AGGREGATES),
                            _fields("field", "Of field", none="rows"),
                            class_name="pairf",
                        ),
                        rx.fragment(),
                    ),
                    _rules("where", S.where, "Conditions", "Only rows that fit all of them count."),
                    rx.cond(
                        shown("KPI"),
                        _rules(
                            "numerator", S.numerator, "Share of", "Makes a percentage of the rows that fit these too."
                        ),
                        rx.fragment(),
                    ),
                ),
            ),
            _choice("width", "Width", [(str(n), f"{n} of 12 columns") for n in range(1, 13)]),
        ),
        open=S.form_open,
        at=rx.cond(S.form_new, "", S.form_of),
        on_close=S.close_form,
        width=440,
        footer=[
            button("Cancel", on_click=S.close_form),
            button("Apply", kind="primary", on_click=S.apply, primary_of_dialog=True, test="chart-form-apply"),
        ],
        test="chart-form",
    )


def _add() -> rx.Component:
    icons = {"TimeSeries": "chart-line", "Bar": "chart-column", "Pie": "chart-pie", "Table": "table-2"}
    icons |= {"KPI": "hash", "Markdown": "text"}
    return menu(
        button("Add chart", icon="plus", size="small", test="chart-add"),
        *(
            menu_item(kind, icon=icons[kind], on_select=S.add(kind), test=f"chart-add-{kind.lower()}")
            for kind in charts.TYPES
        ),
        label="Types of charts",
    )


def _code() -> rx.Component:
    return rx.el.section(
        rx.cond(
            S.ready_,
            yaml_editor(
                doc_uri=S.doc_uri,
                value=S.source,
                schema_url="/api/v1/plugins/schemas/dashboard",
                validate_url="/api/v1/" + S.tenant_id + "/dashboards/validate",
                command=S.order,
                on_change=S.take,
                on_save=S.save_text,
                on_cursor=S.follow,
                key=S.doc_uri,
            ),
            skeleton_rows(),
        ),
        class_name="dbcode",
        aria_label="Source",
        custom_attrs=testid("dashboard-code"),
    )


def _preview() -> rx.Component:
    problem = lambda one: rx.el.button(  # noqa: E731
        rx.el.span("line ", one["line"], class_name="num med nw"),
        rx.el.span(one["message"], class_name="ell"),
        class_name="row dberr sm",
        on_click=S.reveal(one["line"]),
        custom_attrs={"type": "button"} | testid("dashboard-problem"),
    )
    none = empty_state(
        "No chart yet",
        hint="Add one by form, or write it under charts: in the code.",
        icon="chart-column",
    )
    grid = dashboard_grid(
        cards=S.cards, url=S.figures_url, source=S.source, editable=True, on_edit=S.edit_chart, key=S.doc_uri
    )
    return rx.el.section(
        rx.cond(S.errors.length() > 0, rx.el.div(rx.foreach(S.errors, problem), class_name="dberrs"), rx.fragment()),
        rx.el.div(rx.cond(S.cards.length() > 0, grid, none), class_name="scroll"),
        class_name="dbprev",
        aria_label="Preview",
        custom_attrs=testid("dashboard-preview"),
    )


def board_editor_page() -> rx.Component:
    """The screen."""
    new = S.board_id == ""
    return page_shell(
        rx.cond(new, "New dashboard", rx.cond(S.title != "", S.title, "Dashboard")),
        rx.el.div(
            segmented(
                [("code", "Code"), ("both", "Both"), ("preview", "Preview")],
                S.panel,
                S.set_panel,
                label="Panels",
                test="dashboard-panel",
            ),
            _add(),
            rx.el.span(class_name="grow"),
            rx.el.span(
                icon_button(
                    "book-open", "Documentation", on_click=S.show_aside("docs"), on=S.aside == "docs", test="aside-docs"
                ),
                icon_button(
                    "layout-grid",
                    "Saved charts",
                    on_click=S.show_aside("charts"),
                    on=S.aside == "charts",
                    test="aside-charts",
                ),
                icon_button(
                    "library",
                    "Blueprints",
                    on_click=S.show_aside("blueprints"),
                    on=S.aside == "blueprints",
                    test="aside-blueprints",
                ),
                rx.cond(
                    S.features.contains("copilot"),
                    icon_button(
                        "sparkles",
                        "Copilot",
                        on_click=S.show_aside("copilot"),
                        on=S.aside == "copilot",
                        test="aside-copilot",
                    ),
                    rx.fragment(),
                ),
                class_name="row g4",
            ),
            rx.cond(
                S.errors.length() > 0,
                rx.el.span(rx.icon("octagon-x", size=14), count(S.errors.length()), class_name="row g4 fgs bad sm"),
                rx.el.span(rx.icon("circle-check", size=14), "Valid", class_name="row g4 fgs ok sm"),
            ),
            rx.cond(S.dirty, rx.el.i(class_name="dirty", title="Not saved"), rx.fragment()),
            class_name="toolbar",
        ),
        rx.cond(
            S.fault != "",
            rx.el.div(
                rx.icon("octagon-x", size=16),
                rx.el.span(rx.el.b("Not saved. "), S.fault, class_name="brk"),
                class_name="al bad dbfault",
                role="alert",
                custom_attrs=testid("dashboard-fault"),
            ),
            rx.fragment(),
        ),
        rx.el.div(
            rx.match(
                S.panel,
                ("code", rx.el.div(_code(), class_name="dbone")),
                ("preview", rx.el.div(_preview(), class_name="dbone")),
                rx.el.div(split(_code(), _preview(), name="dashboard", start=42), class_name="dbone"),
            ),
            aside(),
            class_name="dbwork",
        ),
        _chart_form(),
        leave_guard(dirty=S.dirty, what="The dashboard"),
        removal_dialog(),
        parts=[("Dashboards", routes.DASHBOARDS + "?default=1")],
        actions=[
            menu(
                icon_button("ellipsis", "More", test="dashboard-more"),
                menu_item("Copy the source", icon="copy", on_select=S.copy_source),
                menu_item("Export as YAML", icon="download", on_select=S.export_source, test="dashboard-export"),
                menu_line(),
                menu_item(
                    "Delete",
                    icon="trash-2",
                    danger=True,
                    on_select=Removal.ask(S.board_id, S.title),
                    disabled=new,
                    reason="not saved yet",
                ),
                label="Actions on the dashboard",
            ),
            button(
                rx.cond(new, "Create", "Save"),
                icon="save",
                kind="primary",
                on_click=S.save,
                disabled=(~S.dirty & ~new) | (S.errors.length() > 0) | S.saving,
                reason="Nothing to save, or an error in the source",
                test="dashboard-save",
            ),
        ],
        collapsed=True,
        on_retry=BoardEditorState.load,
    )


__all__ = ["BoardEditorState", "board_editor_page"]
