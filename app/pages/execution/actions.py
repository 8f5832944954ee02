"""What one does to an execution: which dialog is open, what was chosen in it, the calls (UI-XP-03, UI-XP-04)."""

from __future__ import annotations

import re
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.execution.facts import unmasked
from app.words import say, state_word
from backend_client import ApiError
from backend_client.client import text_of

STATUSES = ("SUCCESS", "WARNING", "FAILED", "CANCELLED")
LABEL_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
SIMPLE = {
    "kill": "Stopping",
    "pause": "Pausing",
    "restart": "Restarting",
    "resume": "Resuming",
    "force-run": "Starting",
    "unqueue": "Leaving the queue",
    "change-status": "Changing the state",
    "resume-from-breakpoint": "Going on",
}


class Actions(rx.State, mixin=True):
    """Dialogs and calls; `ask` names the open dialog."""

    ask: str = ""
    pending: str = ""
    dialog_error: str = ""

    kill_cascade: bool = True
    delete_logs: bool = True
    delete_metrics: bool = True
    delete_files: bool = True
    revision_choice: str = "same"
    picked_revision: str = ""
    status_choice: str = ""
    unqueue_choice: str = "RUNNING"
    label_rows: list[dict[str, str]] = []

    replay_run: str = ""
    replay_edit: bool = False
    replay_runs: list[dict[str, str]] = []
    breakpoints_text: str = ""
    form_defaults: dict[str, Any] = {}
    resume_inputs: list[dict[str, Any]] = []
    resume_known: bool = False
    changed_run: str = ""
    changed_task: str = ""
    changed_state: str = ""

    # -- opening and choosing -------------------------------------------------------------------------------

    @turns.opens
    async def open_dialog(self: Any, name: str):
        """Open a dialog and fetch what it needs."""
        self.dialog_error = ""
        self.revision_choice, self.picked_revision = "same", str(self.facts.revision)
        self.kill_cascade, self.unqueue_choice = True, "RUNNING"
        self.delete_logs = self.delete_metrics = self.delete_files = True
        self.breakpoints_text = self.facts.breakpoints
        self.status_choice = next(one for one in STATUSES if one != self.facts.state)
        self.label_rows = [{"key": one["key"], "value": one["value"], "old": "1"} for one in self.facts.labels]
        self.label_rows = [*self.label_rows, {"key": "", "value": "", "old": ""}]
        if name == "resume":
            self.resume_inputs, self.resume_known = [], False
        self.ask = name
        yield
        if name == "resume":
            try:
                async with self.api(raising=True) as api:
                    self.resume_inputs = await api.executions.resume_inputs(self.facts.id)
            except ApiError as error:
                self.dialog_error = error.message
            self.resume_known = True
        elif name == "execute":
            await self._read_defaults()
        elif name == "restart":
            await self._newest()

    @turns.opens
    async def open_replay(self: Any, task_run: str):
        """Open the replay dialog, from the start or from a task run."""
        self.dialog_error, self.replay_run, self.replay_edit = "", task_run, False
        self.revision_choice, self.picked_revision = "same", str(self.facts.revision)
        self.breakpoints_text = ""
        self.replay_runs = []
        self.ask = "replay"
        yield
        await self._newest()
        await self._read_defaults()

    async def _newest(self: Any) -> None:
        """Read the latest revision again: the failure may have been mended since the page was opened."""
        try:
            async with self.api(raising=True) as api:
                await self._flow(api, self.facts)
        except ApiError as error:
            self.dialog_error = error.message

    async def _read_defaults(self: Any) -> None:
        """Fetch the inputs for prefilling and the task runs that one can replay from."""
        try:
            async with self.api(raising=True) as api:
                body = await api.executions.head(self.facts.id)
                self.form_defaults = unmasked(body.get("inputs"))
                runs = [
                    {
                        "id": text_of(one.get("id")),
                        "task": text_of(one.get("taskId")),
                        "value": text_of(one.get("value")),
                        "state": text_of((one.get("state") or {}).get("current")),
                    }
                    for one in body.get("taskRunList") or []
                ]
                if not runs:
                    page = await api.executions.task_runs(self.facts.id, limit=100)
                    runs = [
                        {"id": o["id"], "task": o["taskId"], "value": text_of(o.get("value")), "state": o["state"]}
                        for o in page["rows"]
                    ]
                if self.replay_run and all(one["id"] != self.replay_run for one in runs):
                    one = await api.executions.task_run(self.facts.id, self.replay_run)
                    value = text_of(one.get("value"))
                    runs.insert(0, {"id": one["id"], "task": one["taskId"], "value": value, "state": one["state"]})
                self.replay_runs = [one | {"word": _word(one)} for one in runs[:200]]
        except ApiError as error:
            self.dialog_error = error.message

    @rx.event
    async def open_run_state(self: Any, chosen: dict[str, Any]) -> None:
        """Open the dialog that sets the state of a task run."""
        self.dialog_error = ""
        self.changed_run, self.changed_task = text_of(chosen.get("id")), text_of(chosen.get("task"))
        self.changed_state = text_of(chosen.get("state"))
        self.status_choice = {"SUCCESS": "FAILED", "PAUSED": "RUNNING"}.get(self.changed_state, "SUCCESS")
        self.ask = "run-state"

    @rx.event
    async def close_dialog(self: Any) -> None:
        """Close without doing anything."""
        self.ask, self.dialog_error = "", ""

    @rx.event
    async def choose(self: Any, name: str, value: str) -> None:
        """A choice in a dialog."""
        if name in {"revision_choice", "picked_revision", "status_choice", "unqueue_choice", "breakpoints_text"}:
            setattr(self, name, value)
        elif name == "replay_run":
            self.replay_run = value

    @rx.event
    async def tick(self: Any, name: str, on: bool) -> None:
        """A box in a dialog."""
        if name in {"kill_cascade", "delete_logs", "delete_metrics", "delete_files", "replay_edit"}:
            setattr(self, name, on)

    @rx.event
    async def put_label(self: Any, place: int, part: str, text: str) -> None:
        """A field of the labels changed; a row begun asks for one more."""
        rows = [dict(one) for one in self.label_rows]
        if part not in ("key", "value") or not 0 <= place < len(rows):
            return
        rows[place][part] = text
        if rows[-1]["key"].strip():
            rows.append({"key": "", "value": "", "old": ""})
        self.label_rows, self.dialog_error = rows, ""

    # -- doing ----------------------------------------------------------------------------------------------

    def _chosen_revision(self: Any) -> int | None:
        if self.revision_choice == "latest":
            return int(self.latest_revision)
        if self.revision_choice == "pick" and str(self.picked_revision).isdigit():
            return int(self.picked_revision)
        return None

    async def _send(self: Any, action: str, **parameters: Any) -> Any:
        """Carry out an action; a refusal stands in the dialog, else the page waits for the new state."""
        try:
            async with self.api(raising=True) as api:
                if action == "kill":
                    answer = await api.executions.kill(self.facts.id, cascade=self.kill_cascade)
                else:
                    answer = await api.executions.act(action, self.facts.id, **parameters)
                before = self.facts.state
                self.ask, self.dialog_error = "", ""
                self.pending = SIMPLE[action]
                await self._read(api, self.facts.id)
                if self.facts.state != before:
                    self.pending = ""
                return answer
        except ApiError as error:
            self._refused(error)
            return None

    def _refused(self: Any, error: ApiError) -> None:
        details = "; ".join(one.message for one in error.errors)
        text = error.message + (f" {details}" if details and details not in error.message else "")
        asked = (" " + say("(request {request_id})", request_id=error.request_id)) if error.request_id else ""
        if self.ask:
            self.dialog_error = text + asked
        else:
            self.fail(error, say("The execution was not changed"))

    @turns.writes
    async def kill(self: Any) -> None:
        """Stop the execution."""
        await self._send("kill")

    @turns.writes
    async def pause(self: Any) -> None:
        """Let running tasks end and start no new one."""
        await self._send("pause")

    @turns.writes
    async def force_run(self: Any) -> None:
        """Start although something holds it back."""
        await self._send("force-run")

    @turns.writes
    async def unqueue(self: Any) -> None:
        """Take it out of the queue into the chosen state."""
        await self._send("unqueue", state=self.unqueue_choice)

    @turns.writes
    async def restart(self: Any) -> None:
        """Run failed tasks again under the same id; on another revision they run in an execution of their own."""
        made = await self._send("restart", revision=self._chosen_revision())
        if isinstance(made, dict) and made.get("id") not in (None, self.facts.id):
            self.pending = ""
            self._go_to_new(made)

    @turns.writes
    async def change_status(self: Any) -> None:
        """Give the ended execution another state."""
        await self._send("change-status", status=self.status_choice)

    @turns.writes
    async def resume(self: Any) -> None:
        """Go on after a pause that asks for nothing."""
        await self._send("resume")

    @turns.asks
    async def resumed(self: Any, made: dict[str, Any]) -> None:
        """The form resumed the execution."""
        self.ask, self.pending = "", SIMPLE["resume"]
        async with self.api(say("Could not refresh the execution")) as api:
            before = self.facts.state
            await self._read(api, self.facts.id)
            if self.facts.state != before:
                self.pending = ""

    @turns.writes
    async def go_on(self: Any) -> None:
        """Go on from a breakpoint, with the breakpoints of the dialog."""
        marks = ",".join(part.strip() for part in self.breakpoints_text.split(",") if part.strip())
        await self._send("resume-from-breakpoint", breakpoints=marks or None)

    @turns.writes
    async def replay(self: Any) -> None:
        """Make a new execution from this one, with the same inputs."""
        marks = ",".join(part.strip() for part in self.breakpoints_text.split(",") if part.strip())
        try:
            async with self.api(raising=True) as api:
                made = await api.executions.act(
                    "replay",
                    self.facts.id,
                    taskRunId=self.replay_run or None,
                    revision=self._chosen_revision(),
                    breakpoints=marks or None,
                )
                self._go_to_new(made)
        except ApiError as error:
            self._refused(error)

    @rx.event
    async def created(self: Any, made: dict[str, Any]) -> None:
        """A form started or replayed an execution: go there."""
        self._go_to_new(made)

    def _go_to_new(self: Any, made: dict[str, Any]) -> None:
        word = say("Replay started") if self.ask == "replay" else say("Execution started")
        self.ask = ""
        identity = text_of(made.get("id"))
        self.toast(word, f"{made.get('flowId') or self.facts.flow} {identity[:8]}")
        namespace = text_of(made.get("namespace")) or self.facts.namespace
        flow = text_of(made.get("flowId")) or self.facts.flow
        tab = self.tab_name if self.tab_name in ("gantt", "logs", "topology") else "gantt"
        self.navigate(routes.execution(namespace, flow, identity, tab))

    @turns.writes
    async def delete(self: Any) -> None:
        """Delete the execution with what was ticked, then show the list."""
        try:
            async with self.api(raising=True) as api:
                await api.executions.delete(
                    self.facts.id, logs=self.delete_logs, metrics=self.delete_metrics, storage=self.delete_files
                )
                self.ask = ""
                self.toast(say("Execution deleted"), f"{self.facts.flow} {self.facts.short_id}")
                self.navigate(routes.EXECUTIONS)
        except ApiError as error:
            self._refused(error)

    @turns.writes
    async def delete_lines(self: Any) -> None:
        """Delete the log lines of the execution."""
        try:
            async with self.api(raising=True) as api:
                await api.logs.delete(self.facts.id)
                self.ask, self.log_total, self.error_lines = "", 0, []
                self.stream_turn += 1
                self.toast(say("Log lines deleted"), f"{self.facts.flow} {self.facts.short_id}")
        except ApiError as error:
            self._refused(error)

    @turns.writes
    async def save_labels(self: Any) -> None:
        """Set the labels of the dialog."""
        rows = [one for one in self.label_rows if one["key"].strip() or one["value"].strip()]
        for one in rows:
            key = one["key"].strip()
            if not LABEL_KEY.match(key):
                self.dialog_error = say("'{key}' is no key: letters, digits, dot, dash, underscore and slash.", key=key)
                return
            if key.startswith("system."):
                self.dialog_error = say("Keys that begin with system. are set by the system only.")
                return
            if not one["value"].strip():
                self.dialog_error = say("Give '{key}' a value.", key=key)
                return
        labels = [{"key": one["key"].strip(), "value": one["value"].strip()} for one in rows]
        if len({one["key"] for one in labels}) < len(labels):
            self.dialog_error = say("A key stands here twice.")
            return
        try:
            async with self.api(raising=True) as api:
                await api.executions.labels(self.facts.id, labels)
                self.ask = ""
                self.toast(say("Labels saved"))
                await self._read(api, self.facts.id)
        except ApiError as error:
            self._refused(error)

    @turns.writes
    async def change_run_state(self: Any) -> None:
        """Set the state of one task run; what follows it runs again."""
        try:
            async with self.api(raising=True) as api:
                await api.executions.change_task_run(self.facts.id, self.changed_run, self.status_choice)
                self.ask = ""
                await self._read(api, self.facts.id)
        except ApiError as error:
            self._refused(error)


def _word(run: dict[str, str]) -> str:
    value = f" [{run['value']}]" if run["value"] else ""
    return f"{run['task']}{value}, {state_word(run['state'])}"
