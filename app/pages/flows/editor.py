"""The editor: code, topology, documentation, problems (UI-ED, picture 03); for an existing flow and for a new one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.navigation import ENTRIES
from app.pages.flows.editor_state import EditorState
from components.button import button, copy_button, icon_button, link, segmented
from components.client import Dialog
from components.clock import moment
from components.dialog import menu, menu_item, menu_line
from components.diff_editor import diff_editor
from components.flow_tools import leave_guard, split
from components.graph import flow_graph
from components.stream import stream_host
from components.yaml_editor import yaml_editor

S: Any = EditorState
MONACO_THEME = rx.color_mode
HOTKEYS = ["mod+e", "mod+s"]


def _toggle(panel: str, icon: str, word: str, on: Any) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=14),
        rx.el.b(word, class_name="hide-s"),
        class_name=rx.cond(on, "on", ""),
        on_click=S.toggle(panel),
        aria_pressed=on,
        aria_label=word,
        custom_attrs={"type": "button", "data-testid": f"editor-panel-{panel}"},
    )


def _status() -> rx.Component:
    def mark(family: str, icon: str, *words: Any) -> rx.Component:
        return rx.el.button(
            rx.icon(icon, size=14),
            rx.el.span(*words, class_name="num"),
            class_name=f"valid {family}",
            on_click=S.toggle("problems"),
            custom_attrs={"type": "button", "data-testid": "editor-status"},
        )

    return rx.cond(
        S.errors > 0,
        mark("bad", "circle-x", S.errors, rx.cond(S.errors == 1, " error", " errors")),
        rx.cond(
            S.warnings > 0,
            mark("warn", "triangle-alert", S.warnings, rx.cond(S.warnings == 1, " warning", " warnings")),
            mark("ok", "circle-check", "Valid"),
        ),
    )


def _save_button(word: str, kind: Any, off: Any) -> rx.Component:
    return button(
        rx.cond(S.saving, "Saving …", word),
        icon="save",
        kind=kind,
        on_click=S.press_save,
        disabled=off,
        reason="Nothing changed",
        title="Ctrl S",
        test="editor-save",
        after=rx.cond(S.dirty, rx.el.i(class_name="dirty"), rx.fragment()),
    )


def _bar() -> rx.Component:
    save: Any = rx.cond(S.dirty, False, rx.cond(S.creating, False, True))
    run = rx.cond(
        S.creating,
        rx.fragment(),
        button(
            rx.cond(
                S.dirty,
                rx.cond(S.errors > 0, "Execute rev " + S.base_revision.to_string(), "Save and execute"),
                "Execute",
            ),
            icon="play",
            kind="primary",
            on_click=S.press_execute,
            disabled=S.flow_disabled,
            reason="The flow is disabled",
            title="Ctrl E",
            test="editor-execute",
        ),
    )
    more = menu(
        icon_button("ellipsis", "More", test="editor-more"),
        menu_item(
            "Copy the flow",
            icon="copy",
            to=routes.NEW_FLOW + "?copy=true&namespace=" + S.flow_ns + "&flow=" + S.flow_id,
        ),
        menu_item(
            "Open the API's answer",
            icon="braces",
            href="/api/v1/" + S.tenant_id + "/flows/" + S.flow_ns + "/" + S.flow_id + "?source=true",
        ),
        rx.cond(
            S.flow_disabled,
            menu_item("Enable", icon="power", on_select=S.switch(False), test="editor-enable"),
            menu_item("Disable", icon="power-off", on_select=S.switch(True), test="editor-disable"),
        ),
        menu_line(),
        menu_item("Delete", icon="trash-2", danger=True, on_select=S.ask_delete, test="editor-delete"),
        label="Actions on the flow",
    )
    return rx.el.div(
        rx.el.div(
            _toggle("topology", "network", "Topology", S.panel_topology),
            _toggle("docs", "book-open", "Docs", S.panel_docs),
            _toggle("problems", "list-checks", "Problems", S.panel_problems),
            class_name="seg",
            role="group",
            aria_label="Panels",
        ),
        rx.el.span(class_name="grow"),
        _status(),
        rx.el.span(
            rx.cond(S.creating, "new", rx.fragment("rev ", S.base_revision, rx.cond(S.dirty, ", edited", ""))),
            class_name="xs faint num hide-s",
        ),
        rx.cond(S.creating, rx.fragment(), more),
        rx.cond(
            S.creating,
            rx.fragment(),
            rx.el.span(
                button(
                    "Diff",
                    icon="diff",
                    on_click=S.press_diff,
                    disabled=save,
                    title="What you changed",
                    test="editor-diff",
                ),
                class_name="hide-s",
            ),
        ),
        rx.cond(S.creating, _save_button("Create", "primary", save), _save_button("Save", "default", save)),
        run,
        class_name="etb",
    )


def _notices() -> rx.Component:
    draft = rx.el.div(
        rx.icon("file-clock", size=14),
        rx.el.span(
            "A draft of yours is kept",
            rx.cond(S.draft_saved == "now", "", rx.fragment(", from ", moment(S.draft_saved, mode="relative"))),
            ".",
            class_name="grow",
        ),
        button("Restore", size="small", on_click=S.restore_draft, test="draft-restore"),
        button("Diff", size="small", on_click=S.compare_draft, test="draft-diff"),
        button("Discard", size="small", kind="ghost", on_click=S.drop_draft, test="draft-discard"),
        class_name="ebar live",
        role="status",
        custom_attrs={"data-testid": "draft-bar"},
    )
    newer = rx.el.div(
        rx.icon("git-commit-horizontal", size=14),
        rx.el.span("Revision ", S.stale_revision, " was saved meanwhile.", class_name="grow"),
        button("Diff", size="small", on_click=S.compare_newer, test="newer-diff"),
        button("Reload", size="small", on_click=S.reload_saved, test="newer-reload"),
        class_name="ebar warn",
        role="status",
        custom_attrs={"data-testid": "newer-bar"},
    )
    refused = rx.el.div(
        rx.icon("octagon-x", size=14),
        rx.el.div(
            rx.el.b("Not saved. "),
            S.save_problem,
            rx.cond(
                S.save_details.length() > 0,
                rx.el.ul(rx.foreach(S.save_details, lambda one: rx.el.li(one))),
                rx.fragment(),
            ),
            rx.cond(S.save_request != "", rx.el.span("Request ", S.save_request, class_name="mono xs"), rx.fragment()),
            class_name="grow brk",
        ),
        rx.cond(
            S.copy_offered,
            button("Create as a new flow", icon="copy-plus", size="small", on_click=S.save_copy, test="save-copy"),
            rx.fragment(),
        ),
        class_name="ebar bad",
        role="alert",
        custom_attrs={"data-testid": "save-problem"},
    )
    return rx.fragment(
        rx.cond(S.draft_text != "", draft, rx.fragment()),
        rx.cond(S.stale_revision > S.base_revision, newer, rx.fragment()),
        rx.cond(S.save_problem != "", refused, rx.fragment()),
    )


def _code() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.icon("workflow", size=14),
            rx.el.span(rx.cond(S.creating, "new flow", S.flow_id + ".yaml"), class_name="ell"),
            rx.cond(S.dirty, rx.el.i(class_name="dirty"), rx.fragment()),
            rx.el.span(S.cursor_path, class_name="mono xs faint ell grow crumb_"),
            icon_button("wrap-text", "Wrap lines", on_click=S.toggle("wrap"), on=S.word_wrap),
            class_name="eh_",
        ),
        rx.el.div(
            rx.cond(
                S.editor_ready & (S.creating | (S.draft_key == S.tenant_id + "/" + S.flow_ns + "/" + S.flow_id)),
                yaml_editor(
                    key=S.doc_uri,
                    doc_uri=S.doc_uri,
                    value=S.source,
                    schema_url="/api/v1/plugins/schemas/flow",
                    validate_url="/api/v1/" + S.tenant_id + "/flows/validate",
                    draft_key=S.draft_key,
                    read_only=S.flow_deleted,
                    theme=MONACO_THEME,
                    wrap=S.word_wrap,
                    command=S.editor_command,
                    on_dirty=S.mark_dirty,
                    on_save=S.take_text,
                    on_markers=S.take_markers,
                    on_cursor=S.take_cursor,
                    on_draft=S.take_draft,
                ),
                rx.fragment(),
            ),
            class_name="code_",
        ),
        class_name="eco",
    )


def _topology() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.icon("network", size=14), "Topology", class_name="pnh bb"),
        rx.el.div(
            flow_graph(
                graph_url="/api/v1/" + S.tenant_id + "/flows/graph",
                document_uri=S.doc_uri,
                direction="TB",
                toolbar=False,
                on_select=S.jump_to,
            ),
            class_name="fillbox",
        ),
        class_name="epan",
        custom_attrs={"data-testid": "editor-topology"},
    )


def _property(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.code(one.name, class_name="mono med"),
            rx.cond(one.required, rx.el.span("*", class_name="req", title="Required"), rx.fragment()),
            rx.el.span(one.kind, class_name="ptt"),
            rx.cond(one.default != "", rx.el.span("default ", one.default, class_name="ptt end ell"), rx.fragment()),
            class_name="row g6",
        ),
        rx.html(one.text, class_name="prose"),
        class_name="pr",
    )


def _example(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.b(one["title"], class_name="sm med grow"),
            copy_button(one["code"], "Copy the example"),
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
    return [link(icon, to=routes.plugin(S.doc.type), class_name="ib", title="Open the page of the plugin")]


def _docs() -> rx.Component:
    body = rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h2(S.doc.name, class_name="semi"),
                rx.el.span(S.doc.type, class_name="mono xs faint brk"),
                class_name="col grow",
            ),
            *_plugin_page(),
            class_name="row g12",
        ),
        rx.html(S.doc.about, class_name="prose"),
        segmented(
            [("properties", "Properties"), ("outputs", "Outputs"), ("examples", "Examples"), ("common", "Common")],
            S.doc_view,
            S.show_doc,
            label="Part of the documentation",
            test="docs",
        ),
        rx.match(
            S.doc_view,
            (
                "outputs",
                rx.cond(
                    S.doc.outputs.length() > 0,
                    rx.el.div(rx.foreach(S.doc.outputs, _property)),
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
            ("common", rx.el.div(rx.foreach(S.doc.common, _property))),
            rx.cond(
                S.doc.properties.length() > 0,
                rx.el.div(rx.foreach(S.doc.properties, _property)),
                rx.el.p("It has no properties of its own.", class_name="mut sm"),
            ),
        ),
        class_name="dc scroll",
    )
    return rx.el.section(
        rx.el.div(
            rx.icon("book-open", size=14),
            "Documentation",
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


def _problems() -> rx.Component:
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


def _dialogs() -> rx.Component:
    differing = Dialog.create(
        rx.el.div(
            diff_editor(
                original=S.compare_left,
                modified=S.compare_right,
                language="yaml",
                side_by_side=True,
                theme=MONACO_THEME,
            ),
            class_name="diffbox",
        ),
        rx.el.div(rx.el.span(class_name="grow"), button("Close", on_click=S.close_compare), class_name="df"),
        open=S.comparing,
        title=S.compare_title,
        width=1120,
        on_close=S.close_compare,
        testid="compare-dialog",
    )
    conflict = Dialog.create(
        rx.el.p(
            "Left the newer revision, right your text. Nothing is overwritten unless you say so.",
            class_name="dnote mut",
        ),
        rx.el.div(
            diff_editor(original=S.theirs, modified=S.mine, language="yaml", side_by_side=True, theme=MONACO_THEME),
            class_name="diffbox",
        ),
        rx.el.div(
            button("Take theirs", icon="download", on_click=S.take_theirs, test="conflict-theirs"),
            rx.el.span(class_name="grow"),
            button("Keep editing", on_click=S.keep_editing, test="conflict-keep"),
            button("Overwrite", icon="save", kind="danger-solid", on_click=S.overwrite, test="conflict-overwrite"),
            class_name="df",
        ),
        open=S.conflict,
        title=S.conflict_title,
        width=1120,
        on_close=S.keep_editing,
        testid="conflict-dialog",
    )
    return rx.fragment(
        differing, conflict, leave_guard(dirty=S.dirty, what=rx.cond(S.creating, "The new flow", S.flow_id))
    )


def editor_panel() -> rx.Component:
    """Bar, panels, problems and status of the editor."""
    side = split(
        rx.cond(S.panel_topology, _topology(), _docs()),
        rx.cond(S.panel_topology & S.panel_docs, _docs(), rx.fragment()),
        name="editor-side",
        vertical=True,
        start=50,
        one=~(S.panel_topology & S.panel_docs),
    )
    return rx.el.div(
        _bar(),
        _notices(),
        split(
            _code(),
            rx.cond(S.panel_topology | S.panel_docs, side, rx.fragment()),
            name="editor",
            start=64,
            one=~(S.panel_topology | S.panel_docs),
        ),
        rx.cond(S.panel_problems, _problems(), rx.fragment()),
        rx.el.div(
            rx.cond(
                S.creating,
                rx.el.span("not saved yet"),
                rx.el.span("rev ", S.base_revision, ", saved ", moment(S.flow_updated, mode="relative")),
            ),
            rx.el.span(class_name="grow"),
            rx.el.span("Ln ", S.cursor_place, class_name="num"),
            rx.el.span("YAML", class_name="hide-s"),
            class_name="sbar",
        ),
        _dialogs(),
        rx.cond(
            S.creating,
            rx.fragment(),
            stream_host(
                url="/api/v1/" + S.tenant_id + "/console/stream?topics=flow:" + S.flow_ns + "/" + S.flow_id,
                on_topic=S.noticed,
            ),
        ),
        class_name="editor",
        custom_attrs={"data-testid": "editor"},
    )


def new_flow_page() -> rx.Component:
    """`/flows/new`: the editor on a flow that does not exist yet."""
    return page_shell(
        "New flow",
        editor_panel(),
        parts=[("Flows", routes.FLOWS)],
        collapsed=True,
        hotkeys=HOTKEYS,
        on_hotkey=S.take_hotkey,
        commands=[{"title": "Save the flow", "event": "editor-save"}],
        on_retry=S.open_new,
    )
