"""The panels beside the editor's code: topology, documentation, problems (UI-ED-40 to UI-ED-50, UI-ED-20)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.navigation import ENTRIES
from app.pages.flows.documentation import FLOW
from app.pages.flows.editor_state import EditorState
from components.button import button, copy_button, icon_button, link, segmented
from components.context_panel import blueprint_panel, namespace_context
from components.copilot import copilot
from components.field import text_input
from components.files_panel import files_panel
from components.graph import flow_graph
from components.playground import last_run, playground
from components.plugin_property import plugin_property

S: Any = EditorState


def topology_panel() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            flow_graph(
                graph_url="/api/v1/" + S.tenant_id + "/flows/graph",
                document_uri=S.doc_uri,
                direction="TB",
                toolbar=False,
                editable=~S.flow_deleted & (S.creating | S.flow_writable),
                playable=S.playing & ~S.creating & S.flow_writable,
                on_select=S.jump_to,
                on_run=S.take_play,
            ),
            class_name="fillbox",
        ),
        class_name="epan",
        custom_attrs={"data-testid": "editor-topology"},
    )


def _example(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.b(one["title"], class_name="sm med grow"),
            copy_button(one["code"], "Copy the example"),
            rx.cond(
                S.creating | S.flow_writable,
                button("Insert", size="small", icon="plus", on_click=S.insert_example(one["code"]), test="docs-insert"),
                rx.fragment(),
            ),
            class_name="row",
        ),
        rx.el.pre(rx.el.code(one["code"]), class_name="sample mono"),
        class_name="col g4",
    )


def _plugin_page() -> list[rx.Component]:
    """A link to the plugin's own page, where the console has such pages."""
    if not any(entry.to == routes.PLUGINS for entry in ENTRIES):
        return []
    icon = rx.icon("external-link", size=14)
    page = link(icon, to=routes.plugin(S.doc.type), class_name="ib", title="Open the page of the plugin")
    return [rx.cond(S.doc.type == FLOW, rx.fragment(), page)]


def docs_panel() -> rx.Component:
    body = rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h2(S.doc.name, class_name="semi"),
                rx.cond(S.doc.type == FLOW, rx.fragment(), rx.el.span(S.doc.type, class_name="mono xs faint brk")),
                class_name="col grow",
            ),
            *_plugin_page(),
            class_name="row g12",
        ),
        rx.html(S.doc.about, class_name="prose"),
        rx.cond(
            S.doc.type == FLOW,
            rx.fragment(),
            segmented(
                [
                    ("properties", "Properties"),
                    ("outputs", "Outputs"),
                    ("examples", "Examples"),
                    ("common", "Common"),
                    ("metrics", "Metrics"),
                ],
                S.doc_view,
                S.show_doc,
                label="Part of the documentation",
                test="docs",
            ),
        ),
        rx.match(
            S.doc_view,
            (
                "outputs",
                rx.cond(
                    S.doc.outputs.length() > 0,
                    rx.el.div(rx.foreach(S.doc.outputs, plugin_property)),
                    rx.el.p("It has no outputs.", class_name="mut sm"),
                ),
            ),
            (
                "examples",
                rx.cond(
                    S.doc.examples.length() > 0,
                    rx.el.div(rx.foreach(S.doc.examples, _example), class_name="col g12"),
                    rx.el.p("There is no example.", class_name="mut sm"),
                ),
            ),
            ("common", rx.el.div(rx.foreach(S.doc.common, plugin_property))),
            (
                "metrics",
                rx.cond(
                    S.doc.metrics.length() > 0,
                    rx.el.div(rx.foreach(S.doc.metrics, plugin_property)),
                    rx.el.p("It publishes no metrics of its own.", class_name="mut sm"),
                ),
            ),
            rx.cond(
                S.doc.properties.length() > 0,
                rx.el.div(rx.foreach(S.doc.properties, plugin_property)),
                rx.el.p("It has no properties of its own.", class_name="mut sm"),
            ),
        ),
        class_name="dc scroll",
        tab_index=0,
        role="group",
        aria_label="Documentation",
    )
    return rx.el.section(
        rx.el.div(
            icon_button("arrow-left", "Page before", on_click=S.doc_step(-1), test="docs-back"),
            icon_button("arrow-right", "Page after", on_click=S.doc_step(1)),
            text_input(
                S.doc_query,
                S.find_doc,
                placeholder="Search plugins",
                label="Search the documentation",
                test="docs-find",
            ),
            rx.el.span(class_name="grow"),
            icon_button("pin", "Stay on this page", on_click=S.pin_doc, on=S.doc_pinned, test="docs-pin"),
            class_name="pnh bb",
        ),
        rx.cond(
            S.doc.type != "",
            body,
            rx.el.div(
                rx.el.p("Put the cursor into a task or trigger to read about it.", class_name="mut sm"), class_name="dc"
            ),
        ),
        class_name="epan",
        custom_attrs={"data-testid": "editor-docs"},
    )


def problems_strip() -> rx.Component:
    def one(marker: Any) -> rx.Component:
        return rx.el.button(
            rx.match(
                marker["severity"],
                ("error", rx.el.span(rx.icon("circle-x", size=14), class_name="fgs bad")),
                ("warning", rx.el.span(rx.icon("triangle-alert", size=14), class_name="fgs warn")),
                rx.el.span(rx.icon("info", size=14), class_name="fgs live"),
            ),
            rx.el.span(marker["line"], ":", marker["column"], class_name="mono xs faint at_"),
            rx.el.span(marker["message"], class_name="ell grow", title=marker["message"]),
            rx.el.span(marker["source"], class_name="xs faint"),
            class_name="pi",
            on_click=S.jump(marker["line"].to(int), marker["column"].to(int)),
            custom_attrs={"type": "button", "data-testid": "problem-row"},
        )

    return rx.el.section(
        rx.el.div(
            rx.el.span("Problems", class_name="med sm"),
            rx.el.i(S.markers.length(), class_name="cnt"),
            rx.el.span(class_name="grow"),
            icon_button("chevron-down", "Hide the problems", on_click=S.toggle("problems")),
            class_name="row prh",
        ),
        rx.cond(
            S.markers.length() > 0,
            rx.el.div(rx.foreach(S.markers, one), class_name="pil"),
            rx.el.p("Schema and server find nothing wrong.", class_name="mut sm pin_"),
        ),
        class_name="prb",
        aria_label="Problems",
        custom_attrs={"data-testid": "editor-problems"},
    )


def _of_saved(panel: rx.Component, words: str) -> rx.Component:
    """A panel that needs a saved flow."""
    return rx.cond(S.creating, rx.el.div(rx.el.p(words, class_name="mut sm"), class_name="dc"), panel)


def last_run_panel() -> rx.Component:
    """The newest execution beside the text (UI-ED-01, UI-ED-70)."""
    return _of_saved(
        last_run(
            key="last " + S.flow_ns + "/" + S.flow_id,
            api="/api/v1/" + S.tenant_id,
            namespace=S.flow_ns,
            flow=S.flow_id,
            on_follow=S.follow,
            on_open=S.open_execution,
        ),
        "The flow has no runs before it is saved.",
    )


def playground_panel() -> rx.Component:
    """Single tasks of the flow, run on what earlier ones gave (UI-ED-80)."""
    return _of_saved(
        playground(
            key="play " + S.flow_ns + "/" + S.flow_id,
            api="/api/v1/" + S.tenant_id,
            namespace=S.flow_ns,
            flow=S.flow_id,
            doc_uri=S.doc_uri,
            play=S.play,
            on_follow=S.follow,
            on_play=S.take_play,
        ),
        "Save the flow first, then its tasks can be played one by one.",
    )


def copilot_panel() -> rx.Component:
    """The assistant (UI-ED-54)."""
    return copilot(api="/api/v1/" + S.tenant_id, doc_uri=S.doc_uri, namespace=S.flow_ns, kind="flow", wish=S.wish)


def blueprints_panel() -> rx.Component:
    """Blueprints to copy, insert or use (UI-ED-51)."""
    own = rx.cond(S.creating, "", S.flow_ns + "/" + S.flow_id)
    return blueprint_panel(api="/api/v1/" + S.tenant_id, doc_uri=S.doc_uri, dirty=S.dirty, fixed=own)


def context_panel() -> rx.Component:
    """What the namespace gives to expressions (UI-ED-53)."""
    return namespace_context(api="/api/v1/" + S.tenant_id, namespace=S.flow_ns, flow=S.flow_id, doc_uri=S.doc_uri)


def namespace_files_panel() -> rx.Component:
    """The files of the flow's namespace (UI-ED-52)."""
    return _of_saved(
        files_panel(
            api="/api/v1/" + S.tenant_id,
            namespace=S.flow_ns,
            can_write=S.files_writable,
            on_dirty=S.mark_files,
        ),
        "The files of its namespace stand here once the flow is saved.",
    )
