"""What stands beside the code of a dashboard: documentation, charts of others, blueprints, assistant (UI-DB-20)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.dashboards import charts
from app.pages.dashboards.editor_state import BoardEditorState
from components.button import button, icon_button, link
from components.copilot import copilot
from components.field import select, text_input
from components.plugin_property import plugin_property
from components.reactive import testid

S: Any = BoardEditorState
TYPES = [
    *((charts.CHART + kind, kind) for kind in charts.TYPES),
    *((charts.DATA + name, f"Data: {name}") for name in charts.SOURCES),
]


def _docs() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            select(TYPES, S.doc.type, S.read_doc, label="Type", test="aside-type"),
            icon_button("pin", "Stay on this page", on_click=S.pin_doc, on=S.doc_pinned),
            class_name="row padb",
        ),
        rx.el.h2(S.doc.name, class_name="semi"),
        rx.el.p(S.doc.type, class_name="mono xs faint brk"),
        rx.html(S.doc.about, class_name="prose"),
        rx.foreach(S.doc.properties, plugin_property),
    )


def _search(label: str) -> rx.Component:
    return rx.el.div(
        text_input(S.find_text, S.find, label=label, placeholder=label, kind="search", test="aside-find"),
        class_name="padb",
    )


def _fits(*words: Any) -> Any:
    """Whether the words hold what is searched for."""
    joined = words[0]
    for word in words[1:]:
        joined = joined + " " + word
    return joined.lower().contains(S.find_text.lower())


def _found(words: list[Any], name: rx.Component, about: Any, insert: rx.Component) -> rx.Component:
    """A row whose words hold what is searched for: name over about, the button at the right."""
    row = rx.el.div(
        rx.el.div(name, about, class_name="grow", style={"minWidth": "0"}),
        insert,
        class_name="row dbsaved",
    )
    return rx.cond(_fits(*words), row, rx.fragment())


def _rows(search: str, things: Any, row: Any, none: str) -> rx.Component:
    """The box of the search over the rows; one sentence where there are none at all."""
    return rx.fragment(
        _search(search),
        rx.cond(things.length() > 0, rx.foreach(things, row), rx.el.p(none, class_name="mut sm")),
    )


def _charts() -> rx.Component:
    row = lambda one: _found(  # noqa: E731
        [one["title"], one["type"], one["from"]],
        rx.el.b(one["title"], class_name="med ell blk"),
        rx.el.span(one["type"], ", ", one["from"], class_name="sm mut ell blk"),
        button("Insert", icon="plus", size="small", on_click=S.insert_chart(one["key"]), test="aside-insert"),
    )
    return _rows("Search saved charts", S.others, row, "No other dashboard has a chart yet.")


def _blueprints() -> rx.Component:
    row = lambda one: _found(  # noqa: E731
        [one["title"], one["text"]],
        link(one["title"], to=routes.blueprints("dashboard", one["id"]), class_name="med ell blk"),
        rx.el.span(one["text"], class_name="sm mut"),
        button("Insert charts", icon="plus", size="small", on_click=S.insert_sample(one["id"]), test="aside-sample"),
    )
    return _rows("Search blueprints", S.samples, row, "There is no blueprint of a dashboard.")


def aside() -> rx.Component:
    """The open panel; nothing when none is."""
    return rx.cond(
        S.aside != "",
        rx.el.aside(
            rx.match(
                S.aside,
                ("docs", _docs()),
                ("charts", _charts()),
                (
                    "copilot",
                    copilot(api="/api/v1/" + S.tenant_id, doc_uri=S.doc_uri, kind="dashboard", on_front=S.front),
                ),
                _blueprints(),
            ),
            class_name=rx.cond(S.aside == "copilot", "dbaside talk", "dbaside scroll"),
            aria_label="Beside the code",
            custom_attrs=testid("dashboard-aside"),
        ),
        rx.fragment(),
    )
