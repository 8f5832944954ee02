"""*Run this script*: a playground execution of the flow of a script, its state and lines below the text (UI-NS-07)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.namespaces.files_state import FilesState
from app.pages.namespaces.scripts import flow_ids, is_for, script_flow
from app.tab import Tab
from app.words import say
from backend_client import ApiError, Client
from components.button import button, link_button
from components.flow_tools import split
from components.message import message
from components.reactive import testid
from components.script_run import script_run
from components.stream import stream_host


class ScriptState(Tab):
    """The run that stands below the text, and what waits for its save."""

    script_ns: str = ""
    script_path: str = ""
    script_flow: str = ""
    script_run: str = ""
    script_fault: str = ""
    script_busy: bool = False
    saving: str = ""
    """The file that is run once it is saved."""
    beside: bool = False
    """The run stands at the side of the text, not below it."""

    @rx.event
    async def load(self) -> None:
        """Another namespace: nothing runs there yet."""
        if self.arg("ns") != self.script_ns:
            self._forget()

    def _forget(self) -> None:
        self.script_ns = self.arg("ns")
        self.script_path = self.script_flow = self.script_run = self.script_fault = self.saving = ""
        self.script_busy = False

    @rx.event
    async def close(self) -> None:
        """Put the panel away; what runs goes on."""
        self._forget()

    @rx.event
    async def run(self, path: str, dirty: bool) -> Any:
        """Run a file; one with unsaved text is saved before."""
        self._forget()
        self.script_path, self.script_busy = path, True
        if dirty:
            self.saving = path
            return FilesState.save_one(path)
        return ScriptState.start(path)

    @rx.event
    async def file_saved(self, path: str, result: dict[str, Any]) -> Any:
        """The save that a run waits for is done; others start nothing."""
        if path != self.saving or not result.get("ordered"):
            return None
        self.saving = ""
        return ScriptState.start(path)

    @rx.event
    async def file_refused(self, path: str) -> None:
        """The file was not saved: it tells why itself, and nothing runs."""
        if path == self.saving:
            self._forget()

    @rx.event
    async def set_beside(self, on: bool) -> None:
        """Put the run at the side of the text, or below it."""
        self.beside = on

    @turns.writes
    async def start(self, path: str) -> None:
        """Make the flow of the file where there is none, and run it."""
        namespace = self.arg("ns")
        try:
            async with self.api(raising=True) as api:
                self.script_flow = await _flow_of(api, namespace, path)
                made = await api.executions.start(namespace, self.script_flow, kind="PLAYGROUND")
                self.script_run = made.get("id", "")
        except ApiError as error:
            self.script_fault = error.message
        self.script_busy = False

    @turns.writes
    async def stop(self) -> None:
        """Kill the run."""
        async with self.api(say("Could not stop the script")) as api:
            await api.executions.kill(self.script_run)


async def _flow_of(api: Client, namespace: str, path: str) -> str:
    """The id of the flow that runs a file; it is made where there is none, and left as it is where there is one."""
    first, other = flow_ids(path)
    for flow_id in (first, other):
        try:
            source = str((await api.flows.get(namespace, flow_id)).get("source") or "")
        except ApiError as error:
            if error.status != 404:
                raise
            await api.flows.create(script_flow(flow_id, namespace, path))
            return flow_id
        if is_for(source, path):
            return flow_id
    raise ApiError(409, say("The flows {first} and {other} run something else.", first=first, other=other))


S: Any = ScriptState


def run_beside(files: rx.Component) -> rx.Component:
    """The open files with what came of the run, below them or at their side; a bar between them is moved."""
    api = "/api/v1/" + S.tenant_id
    run = rx.fragment(
        script_run(
            api=api,
            execution=S.script_run,
            name=S.script_path,
            place="/" + S.tenant_id + routes.execution(S.script_ns, S.script_flow, S.script_run, "logs"),
            beside=S.beside,
            on_beside=S.set_beside,
            on_stop=S.stop,
            on_close=S.close,
            key=S.script_run,
        ),
        stream_host(url=api + "/console/stream?logs=TRACE&execution=" + S.script_run),
    )
    fault = message(
        "bad",
        rx.el.b("The script was not run. "),
        S.script_fault,
        rx.cond(
            S.script_flow != "",
            link_button("Its flow", routes.flow(S.script_ns, S.script_flow, "edit"), size="small"),
            rx.fragment(),
        ),
        button("Close", size="small", on_click=S.close),
        test="files-run-fault",
    )
    panel = rx.el.section(
        run, class_name="nsrun", aria_label="Run of the script", custom_attrs=testid("files-run-panel")
    )
    return rx.fragment(
        split(
            files,
            panel,
            name="files-run",
            start=60,
            vertical=~S.beside,
            one=S.script_run == "",
        ),
        rx.cond((S.script_run == "") & (S.script_fault != ""), fault, rx.fragment()),
    )
