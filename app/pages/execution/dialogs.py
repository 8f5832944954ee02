"""The dialogs of the execution page; each names the object and what follows (UI-XP-03, UI-DG-02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.execution.outputs import preview_drawer
from app.pages.execution.state import ExecutionState
from app.resume_form import resume_form
from components.button import button, segmented
from components.client import Dialog
from components.dialog import confirm_dialog, dialog
from components.execute_form import execute_form
from components.field import checkbox, field, form, select, text_input
from components.message import message

State: Any = ExecutionState
F: Any = ExecutionState.facts
NAME: Any = f"{F.flow} {F.short_id}"
BASE: Any = f"/api/v1/{State.tenant_id}/executions"
FLOW_URL: Any = f"/api/v1/{State.tenant_id}/flows/{F.namespace}/{F.flow}"
VALIDATE: Any = f"{BASE}/{F.namespace}/{F.flow}/validate"


def _problem() -> rx.Component:
    return rx.cond(State.dialog_error != "", message("bad", State.dialog_error, test="dialog-error"), rx.fragment())


def _tick(label: str, name: str, test: str) -> rx.Component:
    return checkbox(label, getattr(State, name), lambda on: State.tick(name, on), test=test)


def _revision() -> rx.Component:
    return rx.fragment(
        field(
            "Revision",
            segmented(
                [("same", "The same"), ("latest", "The latest"), ("pick", "Another")],
                State.revision_choice,
                lambda value: State.choose("revision_choice", value),
                label="Revision",
                test="revision",
            ),
            hint=f"It ran with revision {F.revision}; the latest is {State.latest_revision}.",
        ),
        rx.cond(
            State.revision_choice == "pick",
            field(
                "Number of the revision",
                text_input(
                    State.picked_revision,
                    lambda text: State.choose("picked_revision", text),
                    label="Number of the revision",
                    kind="number",
                    test="revision-number",
                ),
            ),
            rx.fragment(),
        ),
    )


def _breakpoints() -> rx.Component:
    return field(
        "Breakpoints",
        text_input(
            State.breakpoints_text,
            lambda text: State.choose("breakpoints_text", text),
            label="Breakpoints",
            placeholder="task, loop_task.value",
            mono=True,
            test="breakpoints",
        ),
        hint="Stops before these tasks.",
    )


def _kill() -> rx.Component:
    return confirm_dialog(
        f"Kill {NAME}",
        _problem(),
        rx.el.p("Running tasks are stopped where they are; nothing after them starts. The execution ends as Killed."),
        _tick("Also stop the executions that it started as subflows", "kill_cascade", "kill-cascade"),
        open=State.ask == "kill",
        on_cancel=State.close_dialog,
        on_confirm=State.kill,
        verb="Kill execution",
        icon="square",
        test="kill",
    )


def _delete() -> rx.Component:
    return confirm_dialog(
        f"Delete {NAME}",
        _problem(),
        rx.cond(
            F.terminal,
            rx.el.p("The execution and its task runs go. The flow and its other executions stay."),
            rx.el.p("It still runs: it is killed first. The execution and its task runs go, the flow stays."),
        ),
        _tick("Its log lines", "delete_logs", "delete-logs"),
        _tick("Its metrics", "delete_metrics", "delete-metrics"),
        _tick("Its files in internal storage", "delete_files", "delete-files"),
        open=State.ask == "delete",
        on_cancel=State.close_dialog,
        on_confirm=State.delete,
        verb="Delete execution",
        test="delete",
    )


def _plain(
    name: str, title: Any, *body: Any, verb: Any, icon: str, do: Any, test: str, blocked: Any = False
) -> rx.Component:
    return dialog(
        title,
        _problem(),
        *body,
        open=State.ask == name,
        on_close=State.close_dialog,
        footer=[
            button("Cancel", on_click=State.close_dialog),
            button(
                verb,
                icon=icon,
                kind="primary",
                on_click=do,
                disabled=blocked,
                primary_of_dialog=True,
                test=f"{test}-confirm",
            ),
        ],
        test=test,
    )


def _labels() -> rx.Component:
    def row(one: Any, place: Any) -> rx.Component:
        return rx.el.div(
            text_input(
                one["key"],
                lambda text: State.put_label(place, "key", text),
                label="Key",
                placeholder="key",
                mono=True,
                disabled=one["old"] != "",
                test="label-key",
            ),
            text_input(
                one["value"],
                lambda text: State.put_label(place, "value", text),
                label="Value",
                placeholder="value",
                mono=True,
                test="label-value",
            ),
            class_name="xs-label",
        )

    return _plain(
        "labels",
        f"Labels of {NAME}",
        rx.el.p("A key that exists gets the new value; labels of the system stay as they are.", class_name="mut sm"),
        rx.el.div(rx.foreach(State.label_rows, row), class_name="col g6"),
        verb="Save labels",
        icon="tag",
        do=State.save_labels,
        test="labels",
    )


def _replay() -> rx.Component:
    """From the start or a task run, with a revision, with the old inputs or changed ones."""
    fields = rx.el.div(
        _problem(),
        rx.el.p("A new execution with a new id. This one stays as it is.", class_name="mut"),
        field(
            "From",
            rx.el.select(
                rx.el.option("The start", value=""),
                rx.foreach(State.replay_runs, lambda one: rx.el.option(one["word"], value=one["id"])),
                value=State.replay_run,
                on_change=lambda value: State.choose("replay_run", value),
                class_name="inp",
                aria_label="From",
                custom_attrs={"data-testid": "replay-from"},
            ),
            hint=rx.cond(
                State.replay_run != "",
                "What ended before this task run is kept; it and all that follows run again.",
                "Every task runs again.",
            ),
        ),
        _revision(),
        _tick("Change the inputs", "replay_edit", "replay-edit"),
        rx.cond(State.replay_edit, rx.fragment(), _breakpoints()),
        class_name="dbody col xs-form",
    )
    revision = rx.cond(
        State.revision_choice == "latest",
        State.latest_revision,
        rx.cond(State.revision_choice == "pick", State.picked_revision.to(int), F.revision),
    )
    target = rx.cond(
        State.replay_run != "",
        f"{BASE}/{F.id}/replay-with-inputs?taskRunId={State.replay_run}",
        f"{BASE}/{F.id}/replay-with-inputs",
    )
    footer = rx.cond(
        State.replay_edit,
        execute_form(
            flow_url=FLOW_URL,
            validate_url=VALIDATE,
            create_url=target,
            defaults=State.form_defaults,
            revision=revision,
            mode="replay",
            submit_label="Replay",
            on_created=State.created,
            on_cancel=State.close_dialog,
            key=f"{State.replay_run}/{State.revision_choice}/{State.picked_revision}",
        ),
        rx.el.div(
            rx.el.span(class_name="grow"),
            button("Cancel", on_click=State.close_dialog),
            button(
                "Replay",
                icon="rewind",
                kind="primary",
                on_click=State.replay,
                primary_of_dialog=True,
                test="replay-confirm",
            ),
            class_name="df",
        ),
    )
    return Dialog.create(
        rx.el.div(fields, footer, class_name="xs-dform"),
        open=State.ask == "replay",
        title=f"Replay {NAME}",
        width=720,
        on_close=State.close_dialog,
        testid="replay",
    )


def _resume() -> rx.Component:
    return Dialog.create(
        resume_form(
            rx.cond(State.waiting_text != "", rx.el.p(State.waiting_text, class_name="mut"), rx.fragment()),
            api=BASE,
            execution=F.id,
            inputs=State.resume_inputs,
            known=State.resume_known,
            problem=State.dialog_error,
            on_reject=State.open_dialog("reject"),
            on_resume=State.resume,
            on_resumed=State.resumed,
            on_cancel=State.close_dialog,
        ),
        open=State.ask == "resume",
        title=f"Resume {NAME}",
        width=rx.cond(State.resume_inputs.length() > 0, 720, 480),
        on_close=State.close_dialog,
        testid="resume",
    )


def _execute() -> rx.Component:
    return Dialog.create(
        rx.el.div(
            execute_form(
                flow_url=FLOW_URL,
                validate_url=VALIDATE,
                create_url=f"{BASE}/{F.namespace}/{F.flow}",
                defaults=State.form_defaults,
                on_created=State.created,
                on_cancel=State.close_dialog,
            ),
            class_name="xs-dform",
        ),
        open=State.ask == "execute",
        title=f"Execute {F.flow}",
        width=720,
        on_close=State.close_dialog,
        testid="execute",
    )


def _run_state(choices: list[tuple[str, str]]) -> rx.Component:
    """The states that a task run can be given; a paused one goes on or fails."""
    return field(
        "State",
        select(
            choices,
            State.status_choice,
            lambda value: State.choose("status_choice", value),
            label="State",
            test="run-state-choice",
        ),
    )


def dialogs() -> list[rx.Component]:
    """All dialogs of the page; `State.ask` opens one."""
    statuses = [("SUCCESS", "Success"), ("WARNING", "Warning"), ("FAILED", "Failed")]
    return [
        _kill(),
        _delete(),
        confirm_dialog(
            f"Reject {NAME}",
            _problem(),
            rx.el.p("The execution is killed where it waits; nothing after the pause runs."),
            open=State.ask == "reject",
            on_cancel=State.close_dialog,
            on_confirm=State.kill,
            verb="Reject and kill",
            icon="square-x",
            test="reject",
        ),
        confirm_dialog(
            f"Delete the log lines of {NAME}",
            _problem(),
            rx.el.p("All ", State.log_total, " lines go for good. The execution, its outputs and metrics stay."),
            open=State.ask == "delete-logs",
            on_cancel=State.close_dialog,
            on_confirm=State.delete_lines,
            verb="Delete log lines",
            test="delete-logs",
        ),
        _plain(
            "pause",
            f"Pause {NAME}",
            rx.el.p("Tasks that run end normally, no new one starts. Resume goes on from there."),
            verb="Pause",
            icon="pause",
            do=State.pause,
            test="pause",
        ),
        _plain(
            "restart",
            f"Restart {NAME}",
            rx.el.p(
                "Successful tasks are kept, failed ones and what follows them run again: under the same id, "
                "or with another revision in an execution of its own."
            ),
            form(_revision()),
            verb="Restart",
            icon="rotate-ccw",
            do=State.restart,
            test="restart",
        ),
        _plain(
            "breakpoint",
            f"Go on with {NAME}",
            rx.el.p("The task at the breakpoint starts now."),
            form(_breakpoints()),
            verb="Go on",
            icon="play",
            do=State.go_on,
            test="go-on",
        ),
        _plain(
            "force",
            f"Force {NAME} to run",
            rx.el.p("It starts regardless of limits and of what it waits for. A task that runs already may run twice."),
            verb="Force run",
            icon="fast-forward",
            do=State.force_run,
            test="force",
        ),
        _plain(
            "unqueue",
            f"Take {NAME} out of the queue",
            field(
                "And then",
                segmented(
                    [("RUNNING", "Run now"), ("CANCELLED", "Cancel it"), ("FAILED", "Let it fail")],
                    State.unqueue_choice,
                    lambda value: State.choose("unqueue_choice", value),
                    label="State",
                    test="unqueue",
                ),
                hint="Run now exceeds the flow's concurrency limit by one.",
            ),
            verb="Take out of the queue",
            icon="list-end",
            do=State.unqueue,
            test="unqueue-dialog",
        ),
        _plain(
            "status",
            f"Change the state of {NAME}",
            rx.el.p("Only the execution's state changes: no task runs again and task runs keep theirs."),
            field(
                "State",
                select(
                    [*statuses, ("CANCELLED", "Cancelled")],
                    State.status_choice,
                    lambda value: State.choose("status_choice", value),
                    label="State",
                    test="status-choice",
                ),
            ),
            verb="Change state",
            icon="arrow-left-right",
            do=State.change_status,
            blocked=State.status_choice == F.state,
            test="status",
        ),
        _plain(
            "run-state",
            f"Change the state of {State.changed_task}",
            rx.cond(
                State.status_choice == "RUNNING",
                rx.el.p("The pause ends as by a resume without inputs; what follows it starts."),
                rx.el.p("What follows this task run goes on as if it had ended so; the execution runs again."),
            ),
            rx.cond(
                State.changed_state == "PAUSED",
                _run_state([("RUNNING", "Running"), ("FAILED", "Failed")]),
                _run_state(statuses),
            ),
            verb="Change state",
            icon="arrow-left-right",
            do=State.change_run_state,
            blocked=State.status_choice == State.changed_state,
            test="run-state-dialog",
        ),
        _labels(),
        _replay(),
        _resume(),
        _execute(),
        preview_drawer(),
    ]
