"""The files of a namespace: tree, open files, versions (`spec` UI-NS-07; picture 12)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.namespaces.files_state import FilesState, FileVersion, OpenFile
from app.pages.namespaces.finding import find_button, find_panel
from app.pages.namespaces.running import ScriptState, run_button, run_panel
from components.button import button, copy_button, icon_button, link, raw_link
from components.clock import moment
from components.code_editor import code_editor
from components.dialog import confirm_dialog, dialog, menu, menu_item, menu_line
from components.diff_editor import diff_editor
from components.field import field, form, switch, text_input
from components.file_tree import file_tree
from components.flow_tools import leave_guard
from components.message import empty_state, message
from components.pdf_view import pdf_view
from components.reactive import testid
from components.text_preview import text_preview

S: Any = FilesState


def _tab(one: OpenFile) -> rx.Component:
    on = one.path == S.active
    return rx.el.span(
        rx.el.button(
            rx.icon("file", size=12),
            one.name,
            on_click=S.open_file(one.path),
            title=one.path,
            custom_attrs={"type": "button", "aria-current": rx.cond(on, "true", "false")},
        ),
        rx.cond(one.dirty, rx.el.i(class_name="dirty", title="Not saved"), rx.fragment()),
        rx.el.button(
            rx.icon("x", size=12),
            class_name="x",
            on_click=S.ask_close(one.path),
            aria_label="Close the tab",
            custom_attrs={"type": "button"} | testid("files-close"),
        ),
        class_name=rx.cond(on, "on", ""),
    )


def _editor(one: OpenFile) -> rx.Component:
    text = code_editor(
        load_url=one.url,
        save_url=one.url,
        save_method="POST",
        stats_url=one.stats,
        language=one.name,
        read_only=~S.writes,
        command={"seq": one.order, "kind": "save"},
        on_dirty=lambda on: FilesState.set_dirty(one.path, on),
        on_saved=lambda result: [FilesState.saved(one.path, result), ScriptState.file_saved(one.path, result)],
        on_error=lambda _: ScriptState.file_refused(one.path),
    )
    other = empty_state(
        one.name,
        hint=one.why + " " + one.size,
        icon="file",
        actions=[raw_link(rx.icon("download", size=14), "Download", href=one.url, class_name="btn pri", download=True)],
    )
    picture = rx.el.div(rx.el.img(src=one.url, alt=one.name), class_name="imgview")
    pdf = rx.el.div(pdf_view(url=one.url, name=one.name), class_name="pdfview")
    return rx.el.div(
        rx.cond(one.plain, text, rx.cond(one.picture, picture, rx.cond(one.pdf, pdf, other))),
        rx.cond(one.previewed, rx.el.div(text_preview(url=one.url, kind=one.drawn), class_name="fprev"), rx.fragment()),
        class_name=rx.cond(one.path == S.active, "edone on", "edone"),
        key=one.key,
    )


def _bar(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            rx.icon("chevron-left", size=14),
            "Files",
            class_name="btn s only-s",
            on_click=S.open_file(""),
            custom_attrs={"type": "button"},
        ),
        rx.el.span(S.active, class_name="mono ell grow crumb"),
        rx.cond(
            S.writes,
            rx.foreach(
                S.open_files,
                lambda file: rx.cond((file.path == S.active) & file.script, run_button(file), rx.fragment()),
            ),
            rx.fragment(),
        ),
        copy_button(f"{{{{ read('{S.active[1:]}') }}}}", "Copy as read('…')"),
        rx.foreach(
            S.open_files,
            lambda file: rx.cond(
                (file.path == S.active) & (file.drawn != ""),
                icon_button("eye", "Preview", on_click=S.preview, on=file.previewed, test="files-preview"),
                rx.fragment(),
            ),
        ),
        icon_button("history", "Versions", on_click=S.show_versions, test="files-versions"),
        raw_link(
            rx.icon("download", size=14),
            href=one,
            class_name="ib",
            download=True,
            title="Download",
            test="files-download",
        ),
        class_name="edbar",
    )


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
            rx.cond(S.asked_folder, "Delete this folder", "Delete this file"),
            rx.el.p(rx.el.b(S.asked_path, class_name="mono brk")),
            rx.el.p(
                rx.cond(
                    S.asked_folder, "Everything in it goes, with all versions. ", "It goes with all its versions. "
                ),
                "Flows that read it fail from then on. This cannot be undone.",
            ),
            rx.cond(S.fault != "", rx.el.p(S.fault, class_name="fgs bad"), rx.fragment()),
            open=S.asked == "delete",
            on_cancel=S.cancel,
            on_confirm=S.confirm,
            verb=rx.cond(S.asked_folder, "Delete folder", "Delete file"),
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
            rx.el.p(rx.el.b(S.closing, class_name="mono brk"), " has changes that are not saved. They are lost."),
            open=S.closing != "",
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
        rx.el.label(
            switch(S.below, S.set_below, label="Include the namespaces below", test="files-below"),
            rx.el.span("Include children"),
            class_name="row g6 sm fbs",
        ),
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


def files_body() -> rx.Component:
    """Tree at the left, the open files at the right."""
    active_url = S.files_url + "?path=" + S.active
    none = rx.el.div(
        empty_state(
            "No file is open",
            hint="Choose one at the left. Scripts, queries and templates here are read by the flows of the namespace.",
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
        class_name=rx.cond(S.active == "", "ednone", "ednone off"),
    )
    return rx.el.div(
        rx.el.aside(
            file_tree(
                url=S.files_url,
                active=S.active,
                dirty=S.dirty,
                reload=S.reload,
                can_write=S.writes,
                on_open=S.open_file,
                on_action=S.act_on,
                on_changed=S.changed,
                key=S.files_url,
            ),
            _below(),
            class_name="eft",
            aria_label="Files",
        ),
        rx.el.section(
            rx.cond(
                S.open_files.length() > 0,
                rx.el.div(
                    rx.el.div(rx.foreach(S.open_files, _tab), class_name="etl", role="group", aria_label="Open files"),
                    rx.el.span(class_name="grow"),
                    find_button(),
                    rx.cond(
                        S.writes,
                        button(
                            rx.cond(S.dirty.length() > 1, "Save all (" + S.dirty.length().to_string() + ")", "Save"),
                            icon="save",
                            size="small",
                            kind="primary",
                            on_click=S.save,
                            disabled=S.dirty.length() == 0,
                            reason="Nothing to save",
                            test="files-save",
                        ),
                        rx.fragment(),
                    ),
                    class_name="etabs",
                ),
                rx.el.div(rx.el.span(class_name="grow"), find_button(), class_name="etabs"),
            ),
            rx.cond(S.active != "", _bar(active_url), rx.fragment()),
            rx.el.div(rx.foreach(S.open_files, _editor), none, class_name="edall"),
            run_panel(),
            class_name="eco",
        ),
        _versions(),
        find_panel(),
        leave_guard(dirty=S.dirty.length() > 0, what="A file"),
        *_dialogs(),
        class_name=rx.cond(S.active == "", "ide", "ide opened"),
        custom_attrs=testid("files"),
    )
