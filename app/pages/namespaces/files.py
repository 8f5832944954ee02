"""The files of a namespace: tree, open files, versions (`spec` UI-NS-07; picture 12)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.listing import below_switch
from app.pages.namespaces.files_state import FilesState
from app.pages.namespaces.finding import FindState, find_button, find_panel
from app.pages.namespaces.opened import FileVersion
from app.pages.namespaces.running import ScriptState, run_beside
from components.button import button, icon_button, link
from components.clock import moment
from components.dialog import confirm_dialog, dialog, menu, menu_item, menu_line, number_to_type
from components.diff_editor import diff_editor
from components.field import field, form, text_input
from components.file_panels import file_panels
from components.file_tree import file_tree
from components.flow_tools import leave_guard
from components.message import empty_state, message
from components.reactive import testid

S: Any = FilesState
ENTRIES: Any = rx.Var.create(FilesState.asked_paths).length()
MANY: Any = ENTRIES > 1


def _versions() -> rx.Component:
    def line(one: FileVersion) -> rx.Component:
        actions = menu(
            icon_button("ellipsis", "Actions on the version", test="files-version-more"),
            menu_item("Compare with the saved text", icon="git-compare", on_select=S.compare(one.number)),
            menu_item("Download", icon="download", href=one.url),
            rx.cond(
                S.writes,
                rx.fragment(
                    menu_line(),
                    menu_item(
                        "Delete this version",
                        icon="trash-2",
                        danger=True,
                        on_select=S.ask_removal(one.number, False),
                        test="files-version-delete",
                    ),
                    menu_item(
                        "Delete this and all older",
                        icon="trash-2",
                        danger=True,
                        on_select=S.ask_removal(one.number, True),
                        disabled=one.older == 0,
                        reason="none is older",
                        test="files-version-delete-older",
                    ),
                ),
                rx.fragment(),
            ),
            label="Actions on the version",
            width=232,
        )
        return rx.el.div(
            rx.el.b("Version ", one.number, class_name="num med"),
            rx.el.span(
                moment(one.date, mode="relative"),
                rx.cond(one.author != "", rx.fragment(", ", one.author), rx.fragment()),
                class_name="mut xs ell",
                title=one.author,
            ),
            rx.el.span(class_name="grow"),
            rx.el.span(one.size, class_name="faint xs num nw"),
            rx.cond(
                one.current,
                rx.el.span("current", class_name="faint sm"),
                rx.fragment(
                    rx.el.button(
                        "Diff",
                        class_name="link sm",
                        on_click=S.compare(one.number),
                        custom_attrs={"type": "button"} | testid("files-diff"),
                    ),
                    actions,
                ),
            ),
            class_name="row vline_",
            custom_attrs=testid("files-version"),
        )

    return rx.cond(
        S.versions.length() > 0,
        rx.el.aside(
            rx.el.header(
                rx.el.h2("Versions", class_name="med grow"),
                icon_button("x", "Close the versions", on_click=S.hide_versions),
                class_name="row vhead",
            ),
            rx.foreach(S.versions, line),
            rx.cond(
                S.versions.length() == 1,
                rx.el.p("Each save keeps the version before.", class_name="mut sm pad0"),
                rx.fragment(),
            ),
            class_name="vers",
            aria_label="Versions",
            custom_attrs=testid("files-version-list"),
        ),
        rx.fragment(),
    )


def _path_dialog() -> rx.Component:
    titles: Any = rx.match(
        S.asked,
        ("new_file", "New file"),
        ("new_folder", "New folder"),
        "Rename or move",
    )
    verb: Any = rx.match(S.asked, ("new_file", "Create file"), ("new_folder", "Create folder"), "Move")
    return dialog(
        titles,
        form(
            field(
                "Path",
                text_input(
                    S.typed,
                    S.set_typed,
                    label="Path",
                    mono=True,
                    placeholder="scripts/clean.py",
                    error=S.fault != "",
                    test="files-path",
                ),
                error=S.fault,
                hint="Folders are made as needed.",
            )
        ),
        open=(S.asked == "new_file") | (S.asked == "new_folder") | (S.asked == "rename"),
        on_close=S.cancel,
        footer=[
            button("Cancel", on_click=S.cancel),
            button(verb, kind="primary", on_click=S.confirm, primary_of_dialog=True, test="files-confirm"),
        ],
        test="files-dialog",
    )


def _dialogs() -> list[rx.Component]:
    return [
        _path_dialog(),
        confirm_dialog(
            rx.cond(
                MANY,
                f"Delete {ENTRIES} entries",
                rx.cond(S.asked_folder, "Delete this folder", "Delete this file"),
            ),
            rx.el.div(
                rx.foreach(S.asked_paths, lambda one: rx.el.p(rx.el.b(one, class_name="mono brk"))),
                class_name="fdel",
            ),
            rx.el.p(
                rx.cond(
                    MANY | S.asked_folder,
                    "Everything in it goes, with all versions. ",
                    "It goes with all its versions. ",
                ),
                "Flows that read it fail from then on. This cannot be undone.",
            ),
            rx.cond(S.fault != "", rx.el.p(S.fault, class_name="fgs bad"), rx.fragment()),
            open=S.asked == "delete",
            on_cancel=S.cancel,
            on_confirm=S.confirm,
            verb=rx.cond(MANY, f"Delete {ENTRIES} entries", rx.cond(S.asked_folder, "Delete folder", "Delete file")),
            expected=number_to_type(ENTRIES),
            test="files-delete-dialog",
        ),
        confirm_dialog(
            rx.cond(S.removing_older, "Delete old versions", "Delete this version"),
            rx.el.p(rx.el.b(S.active, class_name="mono brk")),
            rx.el.p(
                rx.cond(
                    S.removing_older,
                    f"Version {S.removing} and all older ones are gone for good. The current text stays.",
                    f"Version {S.removing} is gone for good. The current text stays.",
                )
            ),
            rx.cond(S.removal_fault != "", message("bad", S.removal_fault), rx.fragment()),
            open=S.removing > 0,
            on_cancel=S.keep_versions,
            on_confirm=S.remove_versions,
            verb=rx.cond(S.removing_older, "Delete versions", "Delete version"),
            test="files-version-removal",
        ),
        confirm_dialog(
            "Close without saving",
            rx.cond(
                S.closing.length() > 1,
                rx.fragment(
                    rx.foreach(S.closing, lambda path: rx.el.p(rx.el.b(path, class_name="mono brk"))),
                    rx.el.p("These files have changes that are not saved. They are lost."),
                ),
                rx.el.p(
                    rx.el.b(S.closing[0], class_name="mono brk"), " has changes that are not saved. They are lost."
                ),
            ),
            open=S.closing.length() > 0,
            on_cancel=S.keep_open,
            on_confirm=S.close_anyway,
            verb="Discard changes",
            icon="x",
            test="files-unsaved",
        ),
        dialog(
            "What changed since the version",
            rx.el.p("Left: version ", S.comparing, ". Right: the saved text.", class_name="mut sm"),
            rx.el.div(
                rx.cond(
                    S.comparing > 0,
                    diff_editor(
                        original_url=S.file_url + "&revision=" + S.comparing.to_string(),
                        modified_url=S.file_url,
                        language="plaintext",
                        side_by_side=True,
                    ),
                    rx.fragment(),
                ),
                class_name="fdiff",
            ),
            open=S.comparing > 0,
            on_close=S.stop_comparing,
            width=1000,
            footer=[
                button("Close", on_click=S.stop_comparing),
                button("Restore this version", icon="undo-2", on_click=S.restore, test="files-restore"),
            ],
            test="files-compare",
        ),
    ]


def _below() -> rx.Component:
    """The switch for the namespaces below, and their files: each leads to the tab of its own namespace."""

    def one(row: Any) -> rx.Component:
        return rx.fragment(
            rx.cond(row["first"] != "", rx.el.h3(row["namespace"], class_name="ns fbn"), rx.fragment()),
            link(
                rx.icon("file", size=14),
                rx.el.span(row["path"], class_name="ell grow"),
                rx.el.span(row["size"], class_name="faint xs num nw"),
                to=row["to"],
                class_name="fi",
                title=row["path"],
            ),
        )

    return rx.el.div(
        below_switch(S, test="files-below", place="row g6 sm fbs"),
        rx.cond(
            S.below,
            rx.el.div(
                rx.foreach(S.below_files, one),
                rx.cond(
                    S.below_files.length() == 0,
                    rx.el.p("The namespaces below have no files.", class_name="mut sm ftn"),
                    rx.cond(
                        S.below_total > S.below_files.length(),
                        rx.el.p(f"{S.below_total} files in all; only the first are listed.", class_name="mut sm ftn"),
                        rx.fragment(),
                    ),
                ),
                class_name="fbl scroll",
                custom_attrs=testid("files-below-list"),
            ),
            rx.fragment(),
        ),
        class_name=rx.cond(S.below, "nfb on", "nfb"),
    )


def _panels() -> rx.Component:
    """The open files; without one what they are for."""
    none = rx.el.div(
        rx.el.div(rx.el.span(class_name="grow"), find_button(), class_name="etabs"),
        rx.el.div(
            empty_state(
                "No file is open",
                hint="Choose one at the left. "
                "Scripts, queries and templates here are read by the flows of the namespace.",
                icon="file-code",
                actions=[
                    button(
                        "New file",
                        icon="plus",
                        on_click=S.act_on({"kind": "new_file", "path": "/", "folder": True}),
                        test="files-first",
                    )
                ],
            ),
            class_name="ednone",
        ),
        class_name="eco",
    )
    open_files = file_panels(
        files=S.open_files,
        panels=S.panels,
        front=S.front,
        namespace=S.files_ns,
        writes=S.writes,
        starting=ScriptState.script_busy,
        finding=FindState.finding,
        on_act=S.act_in,
        on_dirty=S.set_dirty,
        on_saved=lambda path, result: [S.saved(path, result), ScriptState.file_saved(path, result)],
        on_refused=ScriptState.file_refused,
        on_run=ScriptState.run,
        on_find=FindState.toggle,
    )
    return rx.cond(S.panels.length() > 0, open_files, none)


def files_body() -> rx.Component:
    """Tree at the left, the open files at the right."""
    return rx.el.div(
        rx.el.aside(
            file_tree(
                url=S.files_url,
                active=S.active,
                dirty=S.dirty,
                reload=S.reload,
                can_write=S.writes,
                sides=True,
                several=True,
                on_open=S.open_file,
                on_action=S.act_on,
                on_changed=S.changed,
                key=S.files_url,
            ),
            _below(),
            class_name="eft",
            aria_label="Files",
        ),
        rx.el.section(run_beside(_panels()), class_name="eco", aria_label="Open files"),
        _versions(),
        find_panel(),
        leave_guard(dirty=S.dirty.length() > 0, what="A file"),
        *_dialogs(),
        class_name=rx.cond(S.active == "", "ide", rx.cond(S.panels.length() > 1, "ide opened several", "ide opened")),
        custom_attrs=testid("files"),
    )
