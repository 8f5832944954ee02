"""The editor: code, topology, documentation, problems (UI-ED, picture 03); for an existing flow and for a new one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.flows.editor_dialogs import SCHEMA, dialogs, notices
from app.pages.flows.editor_panels import (
    blueprints_panel,
    context_panel,
    copilot_panel,
    docs_panel,
    last_run_panel,
    namespace_files_panel,
    playground_panel,
    problems_strip,
    topology_panel,
)
from app.pages.flows.editor_state import EditorState
from components.button import button, button_group, icon_button
from components.chrome import allowed
from components.clock import moment
from components.dialog import menu, menu_item, menu_line
from components.editors import editors
from components.flow_source import flow_source
from components.no_code import no_code
from components.stream import stream_host
from components.workbench import panel_toggles, workbench

S: Any = EditorState
MONACO_THEME = rx.color_mode
HOTKEYS = ["mod+e", "mod+s"]
PANELS = [
    {"id": "code", "title": "Code", "icon": "code"},
    {"id": "nocode", "title": "No-code", "icon": "list"},
    {"id": "topology", "title": "Topology", "icon": "workflow"},
    {"id": "docs", "title": "Docs", "icon": "file-text"},
    {"id": "lastrun", "title": "Last run", "icon": "circle-play"},
    {"id": "playground", "title": "Playground", "icon": "play"},
    {"id": "blueprints", "title": "Blueprints", "icon": "layers"},
    {"id": "context", "title": "Context", "icon": "braces"},
    {"id": "files", "title": "Files", "icon": "folder"},
    {"id": "copilot", "title": "Copilot", "icon": "sparkles"},
]
"""In the order of the workbench's children."""
_READING = [one for one in PANELS if one["id"] in ("code", "topology", "docs", "lastrun", "files")]
_READS: Any = ~S.creating & ~S.flow_writable
SHOWN: Any = rx.cond(_READS, _READING, rx.cond(S.features.contains("copilot"), PANELS, PANELS[:-1]))
"""`kestra.ai.enabled: false` leaves no trace of the assistant; who may not save has no panel that changes the text."""


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
    """Save, dead with the reason while nothing changed or the server would refuse the text (UI-ED-21)."""
    refused = S.refusals.length() > 0
    return button_group(
        button(
            rx.cond(S.saving, "Saving …", word),
            icon="save",
            kind=kind,
            on_click=S.press_save,
            disabled=off | refused,
            reason=rx.cond(refused, "Errors keep it from being saved. Line " + S.refusals[0], "Nothing changed"),
            title="Ctrl S",
            test="editor-save",
            after=rx.cond(S.dirty, rx.el.i(class_name="dirty"), rx.fragment()),
        ),
        rx.el.button(
            rx.icon("message-square", size=14),
            class_name="btn pri ic" if kind == "primary" else "btn ic",
            on_click=S.ask_message,
            disabled=off | refused,
            aria_label="Save with a message",
            title="Save with a message",
            custom_attrs={"type": "button", "data-testid": "editor-save-message"},
        ),
    )


def _run_places() -> list[rx.Component]:
    """Where an execution from here is shown (UI-ED-70)."""
    return [
        menu_item(words, on_select=S.choose_run(place), checked=S.run_in == place, test=f"editor-run-{place}")
        for place, words in (
            ("same", "Runs open in this tab"),
            ("tab", "Runs open in a new tab"),
            ("panel", "Runs open beside the code"),
        )
    ]


def _flow_url(part: str) -> Any:
    return "/api/v1/" + S.tenant_id + "/console/flows/" + S.flow_ns + "/" + S.flow_id + "/" + part


def _bar() -> rx.Component:
    save: Any = rx.cond(S.dirty, False, rx.cond(S.creating, False, True))
    own = lambda right, *parts: allowed(*parts, needs=right, namespace=S.flow_ns)  # noqa: E731
    run = rx.cond(
        S.creating,
        rx.fragment(),
        own(
            "EXECUTION:CREATE",
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
        ),
    )
    more = menu(
        icon_button("ellipsis", "More", test="editor-more"),
        rx.cond(
            _READS,
            rx.fragment(),
            menu_item("Format", icon="align-left", on_select=S.format_text, test="editor-format"),
        ),
        menu_item("Go to a task", icon="list-tree", on_select=S.show_outline, test="editor-outline"),
        menu_item("Overview of the text", on_select=S.toggle("minimap"), checked=S.minimap, test="editor-minimap"),
        menu_item("Vim keys", on_select=S.toggle("vim"), checked=S.vim_keys, test="editor-vim"),
        menu_line(),
        own(
            "FLOW:UPDATE",
            menu_item(
                "Add a trigger", icon="alarm-clock", on_select=S.add_element("trigger"), test="editor-add-trigger"
            ),
            menu_item("Add an error handler", icon="shield", on_select=S.add_element("error"), test="editor-add-error"),
            menu_item("Description and labels", icon="tag", on_select=S.add_element("about"), test="editor-about"),
            menu_line(),
        ),
        *_run_places(),
        menu_line(),
        menu_item("Copy the link", icon="link", on_select=S.add_element("link"), test="editor-link"),
        menu_item("Export as YAML", icon="download", on_select=S.export_text, test="editor-export"),
        allowed(
            menu_item(
                "Copy the flow",
                icon="copy",
                to=routes.NEW_FLOW + "?copy=true&namespace=" + S.flow_ns + "&flow=" + S.flow_id,
            ),
            needs="FLOW:CREATE",
        ),
        menu_item(
            "Open the API's answer",
            icon="braces",
            href="/api/v1/" + S.tenant_id + "/flows/" + S.flow_ns + "/" + S.flow_id + "?source=true",
        ),
        own(
            "FLOW:UPDATE",
            rx.cond(
                S.flow_disabled,
                menu_item("Enable", icon="power", on_select=S.switch(False), test="editor-enable"),
                menu_item("Disable", icon="power-off", on_select=S.switch(True), test="editor-disable"),
            ),
        ),
        own(
            "FLOW:DELETE",
            menu_line(),
            menu_item("Delete", icon="trash-2", danger=True, on_select=S.ask_delete, test="editor-delete"),
        ),
        label="Actions on the flow",
    )
    return rx.el.div(
        panel_toggles(panels=SHOWN),
        rx.el.span(class_name="grow"),
        rx.cond(
            S.creating | S.flow_deleted | S.flow_read_only | (S.flow_id == "") | ~S.flow_writable,
            rx.fragment(),
            editors(url=_flow_url("editing"), dirty=S.dirty, turn=S.others_turn),
        ),
        _status(),
        rx.el.span(
            rx.cond(S.creating, "new", rx.fragment("rev ", S.base_revision, rx.cond(S.dirty, ", edited", ""))),
            class_name="xs faint num hide-s",
        ),
        rx.cond(S.creating | S.flow_read_only, rx.fragment(), more),
        rx.cond(
            S.creating | _READS,
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
        rx.cond(
            S.creating,
            allowed(_save_button("Create", "primary", save), needs="FLOW:CREATE"),
            own("FLOW:UPDATE", _save_button("Save", "default", save)),
        ),
        run,
        class_name="etb",
    )


def _code() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.cond(S.dirty, rx.el.i(class_name="dirty"), rx.fragment()),
            rx.el.span(S.cursor_path, class_name="mono xs faint ell grow crumb_"),
            icon_button("wrap-text", "Wrap lines", on_click=S.toggle("wrap"), on=S.word_wrap),
            class_name="eh_",
        ),
        rx.el.div(
            rx.cond(
                S.editor_ready & (S.creating | (S.draft_key == S.tenant_id + "/" + S.flow_ns + "/" + S.flow_id)),
                flow_source(
                    key=S.doc_uri,
                    doc_uri=S.doc_uri,
                    begin=S.begin,
                    load=S.text_load,
                    creating=S.creating,
                    flows_url="/api/v1/" + S.tenant_id + "/flows",
                    flow_url="/api/v1/" + S.tenant_id + "/flows/" + S.flow_ns + "/" + S.flow_id,
                    schema_url=SCHEMA,
                    validate_url="/api/v1/" + S.tenant_id + "/flows/validate",
                    api="/api/v1/" + S.tenant_id,
                    breakpoints=S.breakpoints,
                    playable=S.playing & ~S.creating & S.flow_writable,
                    on_breakpoints=S.take_breakpoints,
                    on_run=S.take_play,
                    draft_key=S.draft_key,
                    draft_url="/api/v1/"
                    + S.tenant_id
                    + "/console/drafts/flow/"
                    + rx.cond(S.creating, "new", S.flow_ns + "/" + S.flow_id),
                    base_revision=S.base_revision,
                    fixed=rx.cond(S.creating, "", S.flow_ns + "/" + S.flow_id),
                    # Unsaved text can still be saved.
                    read_only=(S.flow_deleted & ~S.dirty) | S.flow_read_only | (~S.creating & ~S.flow_writable),
                    theme=MONACO_THEME,
                    wrap=S.word_wrap,
                    minimap=S.minimap,
                    vim=S.vim_keys,
                    command=S.editor_command,
                    on_dirty=S.mark_dirty,
                    on_unread=S.take_unread,
                    on_base=S.take_base,
                    on_saving=S.take_saving,
                    on_saved=S.take_saved,
                    on_refused=S.take_refused,
                    on_copied=S.take_copied,
                    on_markers=S.take_markers,
                    on_cursor=S.take_cursor,
                    on_draft=S.take_draft,
                    on_kept=S.take_kept,
                    on_moved=S.take_moved,
                ),
                rx.fragment(),
            ),
            class_name="code_",
        ),
        class_name="eco",
    )


def _form() -> rx.Component:
    return no_code(
        doc_uri=S.doc_uri,
        schema_url=SCHEMA,
        api="/api/v1/" + S.tenant_id,
        existing=~S.creating,
        playground=S.playing & ~S.creating,
        on_type=S.take_type,
        on_run=S.take_play,
    )


def editor_panel() -> rx.Component:
    """Bar, panels, problems and status of the editor."""
    return rx.el.div(
        _bar(),
        notices(),
        rx.cond(
            S.layout.length() > 0,
            workbench(
                _code(),
                _form(),
                topology_panel(),
                docs_panel(),
                last_run_panel(),
                playground_panel(),
                blueprints_panel(),
                context_panel(),
                namespace_files_panel(),
                copilot_panel(),
                panels=SHOWN,
                layout=S.layout,
                turn=S.layout_turn,
                stay="code",
                show=S.show_panel,
                front=S.front_panel,
                on_layout=S.take_layout,
            ),
            rx.fragment(),
        ),
        rx.cond(S.panel_problems, problems_strip(), rx.fragment()),
        rx.el.div(
            rx.cond(
                S.creating,
                rx.el.span("not saved yet"),
                rx.el.span(
                    "rev ",
                    S.base_revision,
                    rx.cond(S.base_author != "", " by " + S.base_author, ""),
                    ", ",
                    moment(S.flow_updated, mode="relative"),
                    rx.cond(S.base_message != "", rx.el.span(": ", rx.el.q(S.base_message)), rx.fragment()),
                    class_name="ell",
                ),
            ),
            rx.cond(
                S.draft_kept != "",
                rx.el.span("Draft kept ", moment(S.draft_kept, mode="relative"), class_name="nw"),
                rx.fragment(),
            ),
            rx.el.span(class_name="grow"),
            rx.el.span("Ln ", S.cursor_place, class_name="num"),
            rx.el.span("YAML", class_name="hide-s"),
            class_name="sbar",
        ),
        dialogs(),
        rx.cond(
            S.creating,
            rx.fragment(),
            stream_host(
                url="/api/v1/"
                + S.tenant_id
                + "/console/stream?topics=flow:"
                + S.flow_ns
                + "/"
                + S.flow_id
                + ",editing:"
                + S.flow_ns
                + "/"
                + S.flow_id
                + rx.cond(S.followed != "", "&logs=TRACE&execution=" + S.followed, ""),
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
