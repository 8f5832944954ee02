"""Bars and dialogs of the editor: draft, newer revision, refusal, comparison, conflict, message (UI-ED-60 to 66)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.flows.editor_state import EditorState
from components.button import button, segmented
from components.client import Dialog
from components.clock import moment
from components.diff_editor import diff_editor
from components.field import field, text_input
from components.flow_actions import flow_actions
from components.flow_tools import leave_guard
from components.held_texts import held
from components.message import notice_bar
from components.three_way import three_way

S: Any = EditorState
SCHEMA = "/api/v1/plugins/schemas/flow"


def _said(words: Any) -> rx.Component:
    """What the author said of a revision, after a colon."""
    return rx.cond(words != "", rx.el.span(": ", rx.el.q(words)), rx.fragment())


def _draft() -> rx.Component:
    old = (S.draft_revision > 0) & (S.draft_revision < S.base_revision)
    return notice_bar(
        rx.cond(old, "warn", "live"),
        "file-clock",
        rx.cond(S.draft_elsewhere, "A draft of yours is kept, written in another browser", "A draft of yours is kept"),
        rx.cond(S.draft_saved == "now", "", rx.fragment(", from ", moment(S.draft_saved, mode="relative"))),
        ".",
        rx.cond(
            old,
            rx.el.b(
                " It is older than what is stored: it began with revision ",
                S.draft_revision,
                ", revision ",
                S.base_revision,
                " came since.",
                class_name="med",
                custom_attrs={"data-testid": "draft-old"},
            ),
            rx.fragment(),
        ),
        actions=[
            button("Restore", size="small", on_click=S.restore_draft, test="draft-restore"),
            button("Diff", size="small", on_click=S.compare_draft, test="draft-diff"),
            button("Discard", size="small", kind="ghost", on_click=S.drop_draft, test="draft-discard"),
        ],
        test="draft-bar",
    )


def _newer() -> rx.Component:
    return notice_bar(
        "warn",
        "git-commit-horizontal",
        "Revision ",
        S.stale_revision,
        " was saved meanwhile",
        rx.cond(S.stale_author != "", rx.fragment(" by ", rx.el.b(S.stale_author, class_name="med")), rx.fragment()),
        rx.cond(S.stale_at != "", rx.fragment(", ", moment(S.stale_at, mode="relative")), rx.fragment()),
        _said(S.stale_message),
        actions=[
            button("Diff", size="small", on_click=S.compare_newer, test="newer-diff"),
            button("Reload", size="small", on_click=S.reload_saved, test="newer-reload"),
        ],
        test="newer-bar",
    )


def _moved() -> rx.Component:
    return notice_bar(
        "warn",
        "lock",
        "Id and namespace of a stored flow stay. ",
        rx.el.b(S.moved, class_name="mono"),
        " can be a flow of its own.",
        actions=[
            button("Create a copy", icon="copy-plus", size="small", on_click=S.copy_moved, test="moved-copy"),
            button("Put back", icon="undo-2", size="small", on_click=S.put_names, test="moved-back"),
        ],
        test="moved-bar",
    )


def _refused() -> rx.Component:
    return notice_bar(
        "bad",
        "octagon-x",
        rx.el.b("Not saved. "),
        S.save_problem,
        rx.cond(
            S.save_details.length() > 0,
            rx.el.ul(rx.foreach(S.save_details, lambda one: rx.el.li(one))),
            rx.fragment(),
        ),
        rx.cond(S.save_request != "", rx.el.span("Request ", S.save_request, class_name="mono xs"), rx.fragment()),
        actions=[
            rx.cond(
                S.copy_offered,
                button("Create as a new flow", icon="copy-plus", size="small", on_click=S.save_copy, test="save-copy"),
                rx.fragment(),
            ),
        ],
        test="save-problem",
    )


def notices() -> rx.Component:
    """What stands between the bar and the panels."""
    return rx.fragment(
        rx.cond(S.draft_saved != "", _draft(), rx.fragment()),
        rx.cond((S.stale_revision > S.base_revision) & ~S.creating & ~S.flow_deleted, _newer(), rx.fragment()),
        rx.cond((S.moved != "") & ~S.copy_offered & ~S.creating, _moved(), rx.fragment()),
        rx.cond(S.save_problem != "", _refused(), rx.fragment()),
    )


def _compared_with() -> rx.Component:
    """Revision, another flow, or a file of the namespace, as the other side of the difference."""
    revision = rx.el.select(
        rx.foreach(S.compare_with, lambda n: rx.el.option("Revision ", n, value=n)),
        value=S.compare_revision,
        on_change=S.compare_to,
        class_name="btn s",
        aria_label="Revision",
        custom_attrs={"data-testid": "compare-revision"},
    )
    place = rx.el.select(
        rx.el.option(rx.cond(S.compare_kind == "flow", "Choose a flow", "Choose a file"), value=""),
        rx.foreach(S.compare_places, lambda one: rx.el.option(one, value=one)),
        value=S.compare_place,
        on_change=S.compare_place_to,
        class_name="btn s ell cmpp",
        aria_label=rx.cond(S.compare_kind == "flow", "Flow", "File"),
        custom_attrs={"data-testid": "compare-place"},
    )
    return rx.cond(
        S.compare_kind != "",
        rx.el.div(
            rx.el.span("Against", class_name="sm mut hide-s"),
            segmented(
                [("revision", "Revision"), ("flow", "Flow"), ("file", "File")],
                S.compare_kind,
                S.compare_by,
                label="Compare with",
                test="compare-by",
            ),
            rx.cond(S.compare_kind == "revision", revision, place),
            rx.cond(
                (S.compare_kind != "revision") & (S.compare_places.length() == 0),
                rx.el.span(
                    rx.cond(
                        S.compare_kind == "flow",
                        "There is no other flow.",
                        "The namespace has no file with YAML.",
                    ),
                    class_name="sm mut",
                ),
                rx.fragment(),
            ),
            class_name="row g6 wrap",
        ),
        rx.fragment(),
    )


def _comparison() -> rx.Component:
    return Dialog.create(
        rx.el.div(
            diff_editor(
                original_url=S.compare_left,
                modified_url=S.compare_right,
                language="yaml",
                side_by_side=True,
                theme=rx.color_mode,
            ),
            class_name="diffbox",
        ),
        rx.el.div(
            _compared_with(),
            rx.el.span(class_name="grow"),
            button("Close", on_click=S.close_compare),
            class_name="df",
        ),
        open=S.comparing,
        title=S.compare_title,
        width=1120,
        on_close=S.close_compare,
        testid="compare-dialog",
    )


def _conflict() -> rx.Component:
    who = rx.el.p(
        rx.cond(S.stale_author != "", rx.el.b(S.stale_author, class_name="med"), "Somebody"),
        rx.match(
            S.conflict_kind,
            ("deleted", rx.el.span(" deleted this flow")),
            ("created", rx.el.span(" has a flow of this name already")),
            rx.el.span(" saved revision ", S.stale_revision),
        ),
        rx.cond(S.stale_at != "", rx.fragment(", ", moment(S.stale_at, mode="relative")), rx.fragment()),
        _said(S.stale_message),
        ". Nothing is overwritten unless you say so.",
        class_name="dnote mut",
        custom_attrs={"data-testid": "conflict-who"},
    )
    texts = three_way(
        doc_uri=S.doc_uri,
        base_url=rx.cond(S.conflict_kind == "created", S.theirs_url, held(S.doc_uri, "saved")),
        theirs_url=S.theirs_url,
        mine_url=held(S.doc_uri, "mine"),
        their_name=rx.match(
            S.conflict_kind,
            ("deleted", "Theirs: deleted"),
            "Theirs: revision " + S.stale_revision.to_string(),
        ),
        base_name=rx.cond(
            S.conflict_kind == "created",
            "As it is stored",
            "Where both began: revision " + S.base_revision.to_string(),
        ),
        mine_name="Yours",
        on_merge=S.merge,
    )
    return Dialog.create(
        who,
        rx.el.div(texts, class_name="diffbox"),
        rx.el.div(
            button("Take theirs", icon="download", on_click=S.take_theirs, test="conflict-theirs"),
            button("Save as copy", icon="copy-plus", on_click=S.copy_mine, test="conflict-copy"),
            rx.el.span(class_name="grow"),
            button("Keep editing", on_click=S.keep_editing, test="conflict-keep"),
            button(
                rx.cond(S.conflict_kind == "deleted", "Bring it back with yours", "Overwrite"),
                icon="save",
                kind="danger-solid",
                on_click=S.overwrite,
                test="conflict-overwrite",
            ),
            class_name="df wrap",
        ),
        open=S.conflict,
        title=rx.match(
            S.conflict_kind,
            ("deleted", "The flow was deleted meanwhile"),
            ("created", "A flow of this name is stored"),
            "The flow was saved meanwhile",
        ),
        width=1180,
        on_close=S.keep_editing,
        testid="conflict-dialog",
    )


def _message() -> rx.Component:
    return Dialog.create(
        rx.el.div(
            field(
                "What changed, and why",
                text_input(
                    S.said,
                    S.set_message,
                    label="What changed, and why",
                    placeholder="Shown with the revision",
                    rows=3,
                    test="message-text",
                ),
            ),
            class_name="dbody",
        ),
        rx.el.div(
            rx.el.span(class_name="grow"),
            button("Cancel", on_click=S.keep_quiet),
            button(
                "Save",
                icon="save",
                kind="primary",
                on_click=S.save_with_message,
                primary_of_dialog=True,
                test="message-save",
            ),
            class_name="df",
        ),
        open=S.saying,
        title="Save with a message",
        width=480,
        on_close=S.keep_quiet,
        testid="message-dialog",
    )


def dialogs() -> rx.Component:
    """What opens over the editor."""
    return rx.fragment(
        _comparison(),
        _conflict(),
        _message(),
        flow_actions(doc_uri=S.doc_uri, schema_url=SCHEMA, command=S.adding),
        leave_guard(dirty=S.dirty | S.files_dirty, what=rx.cond(S.creating, "The new flow", S.flow_id)),
    )
