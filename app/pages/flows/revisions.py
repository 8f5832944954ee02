"""Revisions of a flow: the list, the difference of two, one source, restore, deletion (UI-FP-20 to 22, picture 08)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.flows.execute import ExecuteState
from app.pages.flows.revisions_state import RevisionsState
from components.button import button, button_group, icon_button, segmented
from components.chrome import allowed
from components.clock import moment
from components.code_editor import code_editor
from components.dialog import confirm_dialog, drawer, menu, menu_item, menu_line
from components.diff_editor import diff_editor
from components.field import checkbox
from components.message import empty_state, message, skeleton_rows

S: Any = RevisionsState


def _choice(value: Any, on_change: Any, label: str, test: str) -> rx.Component:
    """A side of the pair: number, who, what for."""
    return rx.el.select(
        rx.foreach(S.revision_options, lambda one: rx.el.option(one["word"], value=one["value"])),
        value=value,
        on_change=on_change,
        class_name="inp sel s rvsel",
        aria_label=label,
        custom_attrs={"data-testid": test},
    )


def _facts(line: Any) -> rx.Component:
    """Who made it, how much changed, what ran from it."""
    runs = rx.fragment(
        rx.el.span(line.runs, rx.cond(line.runs == 1, " run", " runs")),
        rx.cond(line.share != "", rx.el.span(line.share, class_name=rx.cond(line.poor, "fgs bad", "")), rx.fragment()),
    )
    return rx.el.span(
        rx.cond(
            line.author != "",
            rx.el.span(line.initials, class_name="av", title=line.author, role="img", aria_label=line.author),
            rx.fragment(),
        ),
        rx.cond(line.runs > 0, runs, rx.el.span("no runs")),
        rx.el.span(class_name="grow"),
        rx.cond(line.lines != "", rx.el.span(line.lines, class_name="faint"), rx.fragment()),
        class_name="row g6 xs mut num rvf",
    )


def _list() -> rx.Component:
    def one(line: Any) -> rx.Component:
        side = rx.cond(
            line.number == S.right,
            rx.el.i("right", class_name="cnt"),
            rx.cond(line.number == S.left, rx.el.i("left", class_name="cnt"), rx.fragment()),
        )
        press = rx.el.button(
            rx.el.span(
                rx.el.b(line.number, class_name="num semi"),
                side,
                rx.cond(line.deleted, rx.el.i("deleted", class_name="cnt"), rx.fragment()),
                rx.cond(
                    line.exception != "",
                    rx.el.span(rx.icon("triangle-alert", size=12), class_name="fgs warn", title=line.exception),
                    rx.fragment(),
                ),
                rx.el.span(class_name="grow"),
                moment(line.updated, mode="relative"),
                class_name="row g6",
            ),
            rx.cond(
                line.message != "", rx.el.span(line.message, class_name="sm rvm", title=line.message), rx.fragment()
            ),
            _facts(line),
            class_name=rx.cond(line.number == S.right, "rv to", rx.cond(line.number == S.left, "rv from", "rv")),
            on_click=S.pick(line.number),
            custom_attrs={"type": "button", "data-testid": "revision"},
        )
        box = rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=line.chosen,
                disabled=line.newest,
                on_change=lambda _: S.turn(line.number),
                custom_attrs={"data-testid": "revision-choose"},
            ),
            rx.el.span("Choose revision ", line.number, class_name="vh"),
            class_name="rvc",
            title=rx.cond(line.newest, "The newest revision stays", ""),
        )
        return rx.el.div(rx.cond(S.choosing, box, rx.fragment()), press, class_name="row rvr")

    foot = rx.el.div(
        button(
            "Older",
            size="small",
            on_click=S.choose_older,
            title="Choose all that are older",
            test="revisions-older",
        ),
        rx.el.span(class_name="grow"),
        button("Cancel", size="small", kind="ghost", on_click=S.choose(False)),
        button(
            "Delete " + S.chosen.length().to_string(),
            size="small",
            kind="danger",
            on_click=S.ask_removal(0),
            disabled=S.chosen.length() == 0,
            reason="Choose revisions first",
            test="revisions-delete",
        ),
        class_name="row g4 rvfoot",
    )
    return rx.el.aside(
        rx.el.div(
            rx.foreach(S.revision_lines, one),
            rx.cond(
                S.revision_more > 0,
                rx.el.p(S.revision_more, " older ones are not listed.", class_name="sm mut dc"),
                rx.fragment(),
            ),
            class_name="scroll grow",
        ),
        rx.cond(S.choosing, foot, rx.fragment()),
        class_name="rl_ hide-m",
        aria_label="Revisions",
    )


def _more() -> rx.Component:
    def entries(word: Any, number: Any, side: str) -> list[rx.Component]:
        return [
            menu_item("Source of " + word, icon="file-text", on_select=S.see(number), test=f"revision-source-{side}"),
            menu_item(
                "Executions of " + word,
                icon="list",
                to=routes.flow(S.flow_ns, S.flow_id, "executions") + "?filters[flowRevision][EQUALS]=" + word,
                test=f"revision-runs-{side}",
            ),
            rx.cond(
                S.may_remove,
                menu_item(
                    "Delete " + word,
                    icon="trash-2",
                    danger=True,
                    on_select=S.ask_removal(number),
                    disabled=(number == S.flow_revision) | S.flow_deleted,
                    reason="The newest revision stays",
                    test=f"revision-delete-{side}",
                ),
                rx.fragment(),
            ),
        ]

    return menu(
        icon_button("ellipsis", "More", test="revisions-more"),
        *entries(S.left.to_string(), S.left, "left"),
        menu_line(),
        *entries(S.right.to_string(), S.right, "right"),
        rx.cond(
            S.may_remove,
            rx.el.div(  # the list that one chooses from has no place on narrow screens
                menu_line(),
                menu_item(
                    "Choose several to delete", icon="list-checks", on_select=S.choose(True), test="revisions-choose"
                ),
                class_name="hide-m",
                role="none",
            ),
            rx.fragment(),
        ),
        label="Actions on the revisions",
    )


def _effect() -> rx.Component:
    """How the runs of the newer side compare."""

    def fact(word: str, value: Any, beside: Any) -> rx.Component:
        return rx.el.div(
            rx.el.div(word, class_name="sm mut"),
            rx.el.div(value, class_name="semi num rve"),
            rx.el.div(beside, class_name="sm num"),
        )

    return rx.cond(
        S.effect["share"] != "",
        rx.el.section(
            rx.el.h3("Effect since", class_name="sm mut"),
            rx.el.div(
                fact(
                    "Success",
                    S.effect["share"],
                    rx.cond(
                        S.effect["points"] != "",
                        rx.el.span(
                            S.effect["points"], " pt", class_name=rx.cond(S.effect["worse"] != "", "fgs bad", "fgs ok")
                        ),
                        rx.fragment(),
                    ),
                ),
                fact("Runs", S.effect["runs"], rx.el.span("before ", S.effect["before"], class_name="mut")),
                class_name="row g12 rvx",
            ),
            class_name="dc",
            custom_attrs={"data-testid": "revisions-effect"},
        ),
        rx.fragment(),
    )


def _source() -> rx.Component:
    return drawer(
        "Revision " + S.seen.to_string(),
        rx.cond(
            S.seen_problem != "",
            message("warn", rx.el.b("It is no longer valid. "), S.seen_problem, test="revision-invalid"),
            rx.fragment(),
        ),
        rx.cond(
            S.seen > 0,
            rx.el.div(
                code_editor(
                    load_url=S.sources_url + S.seen.to_string(),
                    language="yaml",
                    read_only=True,
                    theme=rx.color_mode,
                    wrap=True,
                ),
                class_name="rvsrc",
            ),
            rx.fragment(),
        ),
        open=S.seen > 0,
        at=rx.cond(S.seen > 0, S.seen.to_string(), ""),
        on_close=S.see_no_more,
        width=760,
        footer=[
            button("Download", icon="download", on_click=S.keep_source, test="revision-download"),
            button("Close", on_click=S.see_no_more),
        ],
        test="revision-source",
    )


def _removal() -> rx.Component:
    return confirm_dialog(
        "Delete revisions",
        rx.el.p(
            rx.cond(
                S.chosen.length() == 1,
                f"Revision {S.chosen.join(', ')} of {S.flow_id} is gone for ever.",
                f"Revisions {S.chosen.join(', ')} of {S.flow_id} are gone for ever.",
            ),
            " ",
            "Executions that ran from them stay, without their source.",
        ),
        rx.cond(S.removal_problem != "", message("bad", S.removal_problem), rx.fragment()),
        open=S.asking_removal,
        on_cancel=S.keep_all,
        on_confirm=S.remove,
        verb=rx.cond(S.chosen.length() == 1, "Delete revision", "Delete revisions"),
        test="revision-remove",
    )


def _bar() -> rx.Component:
    return rx.el.div(
        rx.el.span("Revision", class_name="sm mut hide-s"),
        _choice(S.left.to_string(), S.pick_left, "Older side", "revision-left"),
        rx.icon("arrow-right", size=14),
        _choice(S.right.to_string(), S.pick_right, "Newer side", "revision-right"),
        icon_button("arrow-left-right", "Change the sides", on_click=S.swap),
        rx.el.span(class_name="vline"),
        rx.el.span(
            rx.el.span("+", S.added, class_name="fgs ok med"),
            rx.el.span("−", S.removed, class_name="fgs bad med"),
            class_name="row g4 sm num",
        ),
        button_group(
            rx.el.button(
                rx.icon("chevron-up", size=14),
                class_name="btn s ic",
                on_click=S.go(-1),
                aria_label="Previous change",
                custom_attrs={"type": "button"},
            ),
            rx.el.button(
                rx.icon("chevron-down", size=14),
                class_name="btn s ic",
                on_click=S.go(1),
                aria_label="Next change",
                custom_attrs={"type": "button"},
            ),
        ),
        rx.el.span(S.change_count, rx.cond(S.change_count == 1, " change", " changes"), class_name="sm mut num hide-s"),
        rx.el.span(class_name="grow"),
        rx.el.span(checkbox("Ignore white space", S.ignore_space, S.set_ignore), class_name="sm mut hide-m"),
        rx.el.span(
            segmented(
                [("line", "Unified"), ("side", "Side by side")],
                rx.cond(S.side_by_side, "side", "line"),
                S.set_view,
                label="View of the difference",
                test="revisions-view",
            ),
            class_name="hide-s",
        ),
        rx.cond(
            S.flow_deleted,
            rx.fragment(),
            rx.fragment(
                allowed(
                    button(
                        "Execute " + S.left.to_string(),
                        icon="play",
                        on_click=ExecuteState.open_revision(S.flow_ns, S.flow_id, S.left),
                        disabled=S.flow_disabled,
                        reason="The flow is disabled",
                        test="revision-execute",
                    ),
                    needs="EXECUTION:CREATE",
                    namespace=S.flow_ns,
                ),
                rx.cond(
                    S.may_restore & ~S.flow_read_only,
                    button(
                        "Restore " + S.left.to_string(),
                        icon="history",
                        on_click=S.ask_restore,
                        disabled=S.left == S.flow_revision,
                        reason="This is the current revision",
                        test="revision-restore",
                    ),
                    rx.fragment(),
                ),
            ),
        ),
        _more(),
        class_name="rtb",
    )


def _changes() -> rx.Component:
    def one(change: Any) -> rx.Component:
        return rx.el.div(
            rx.match(
                change.kind,
                ("added", rx.el.span(rx.icon("circle-plus", size=14), class_name="fgs ok")),
                ("removed", rx.el.span(rx.icon("circle-minus", size=14), class_name="fgs bad")),
                rx.el.span(rx.icon("pencil", size=14), class_name="fgs live"),
            ),
            rx.el.div(
                rx.el.div(rx.el.b(change.name, class_name="mono med"), " ", change.what),
                rx.el.div(change.detail, class_name="sm mut brk"),
                class_name="grow",
            ),
            rx.el.span(change.group, class_name="xs faint"),
            class_name="chg_",
        )

    return rx.el.aside(
        rx.el.div(
            "What changed",
            rx.el.span(S.left, " to ", S.right, class_name="r sm mut num"),
            class_name="pnh bb",
        ),
        rx.cond(
            S.differences.length() > 0,
            rx.el.div(
                rx.foreach(S.differences, one), class_name="scroll", tab_index=0, role="group", aria_label="Changes"
            ),
            rx.el.p("Both mean the same.", class_name="mut sm dc"),
        ),
        _effect(),
        class_name="sem hide-m",
        aria_label="What changed",
    )


def revisions_panel() -> rx.Component:
    """The tab."""
    return rx.cond(
        S.pair_ready,
        rx.el.div(
            _bar(),
            rx.cond(
                S.revision_lines.length() > 1,
                rx.el.div(
                    _list(),
                    rx.el.div(
                        diff_editor(
                            original_url=S.sources_url + S.left.to_string(),
                            modified_url=S.sources_url + S.right.to_string(),
                            language="yaml",
                            side_by_side=S.side_by_side,
                            ignore_space=S.ignore_space,
                            fold=True,
                            theme=rx.color_mode,
                            step=S.step,
                            on_stats=S.take_stats,
                        ),
                        class_name="fillbox",
                        custom_attrs={"data-testid": "revisions-diff"},
                    ),
                    _changes(),
                    class_name="rg",
                ),
                empty_state(
                    "One revision so far",
                    hint="Each save that changes the source makes another; here two of them are compared.",
                    icon="git-commit-horizontal",
                ),
            ),
            _source(),
            _removal(),
            confirm_dialog(
                "Restore revision " + S.left.to_string(),
                rx.el.p(
                    "The source of revision ",
                    S.left,
                    " becomes a new revision of ",
                    rx.el.b(S.flow_id, class_name="mono"),
                    ". Nothing is lost: all revisions stay.",
                ),
                rx.cond(S.restore_problem != "", message("bad", S.restore_problem), rx.fragment()),
                open=S.restoring,
                on_cancel=S.keep_current,
                on_confirm=S.restore,
                verb="Restore",
                icon="history",
                test="revision-ask",
            ),
            class_name="editor",
        ),
        skeleton_rows(),
    )
