"""The execute dialog (UI-FP-10 to UI-FP-15, picture 04); a page opens it with `ExecuteState.open_for(ns, flow)`."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.tab import Tab
from app.words import say
from components.client import Dialog
from components.execute_form import execute_form
from components.message import message

KEPT_REVISIONS = 20


followers: dict[str, Any] = {}
"""Place → the handler that shows a new execution there; filled by the modules of the places."""


class ExecuteState(Tab):
    """Which flow is about to be started, and with what prefilled."""

    executing: bool = False
    exec_namespace: str = ""
    exec_flow: str = ""
    exec_revision: int = 0
    exec_revisions: list[int] = []
    exec_reason: str = ""
    exec_defaults: dict[str, Any] = {}
    exec_turn: int = 0
    exec_breakpoints: str = ""
    exec_place: str = "same"

    @turns.opens
    async def open_for(self, namespace: str, flow_id: str):
        """Open the dialog on the newest revision of a flow."""
        await self._open(namespace, flow_id, 0)

    @turns.opens
    async def open_revision(self, namespace: str, flow_id: str, revision: int):
        """Open the dialog on a chosen revision."""
        await self._open(namespace, flow_id, revision)

    @turns.opens
    async def open_with(self, namespace: str, flow_id: str, breakpoints: list[str], place: str = "same"):
        """Open the dialog on the newest revision with breakpoints set; the execution is shown at `place`."""
        await self._open(namespace, flow_id, 0)
        self.exec_breakpoints, self.exec_place = ", ".join(breakpoints), place

    async def _open(self, namespace: str, flow_id: str, revision: int) -> None:
        async with self.api(say("Could not open the form")) as api:
            flow = await api.flows.get(namespace, flow_id, source=False)
            newest = int(flow.get("revision") or 1)
            self.exec_namespace, self.exec_flow = namespace, flow_id
            self.exec_revision = revision or newest
            self.exec_revisions = list(range(newest, max(0, newest - KEPT_REVISIONS), -1))
            self.exec_reason = say("The flow is disabled.") if flow.get("disabled") else ""
            self.exec_defaults, self.exec_breakpoints = {}, ""
            self.exec_place = "tab" if self.settings.get("executeIn") == "new" else "same"
            self.exec_turn += 1
            self.executing = True

    @rx.event
    async def close_form(self):
        """Close without starting."""
        self.executing = False

    @rx.event
    async def created(self, answer: dict[str, Any]):
        """An execution was made: show it as it runs."""
        self.executing = False
        identity = str(answer.get("id") or "")
        if not identity:
            return None
        if self.exec_place in followers:
            self.toast(say("Execution started"), identity, action=(say("Open"), self._page_of(identity)))
            return followers[self.exec_place](identity)
        self.navigate(self._page_of(identity), tab=self.exec_place == "tab")
        return None

    def _page_of(self, execution: str) -> str:
        return routes.execution(self.exec_namespace, self.exec_flow, execution, self.execution_tab)


def execute_dialog() -> rx.Component:
    """The dialog; put it once into the body of a page that opens it."""
    state: Any = ExecuteState
    base = "/api/v1/" + state.tenant_id + "/"
    target = base + "executions/" + state.exec_namespace + "/" + state.exec_flow
    head = rx.el.div(
        rx.el.span(state.exec_namespace, class_name="ns ell"),
        rx.el.span(class_name="grow"),
        class_name="xhead",
    )
    return Dialog.create(
        head,
        rx.cond(
            state.exec_reason != "",
            rx.el.div(message("warn", state.exec_reason), class_name="xwarn"),
            rx.fragment(),
        ),
        execute_form(
            key=state.exec_namespace + "/" + state.exec_flow + "#" + state.exec_turn.to_string(),
            flow_url=base + "flows/" + state.exec_namespace + "/" + state.exec_flow,
            validate_url=target + "/validate",
            create_url=target,
            defaults=state.exec_defaults,
            revision=state.exec_revision,
            revisions=state.exec_revisions,
            breakpoints=state.exec_breakpoints,
            presets_url=base + "console/flows/" + state.exec_namespace + "/" + state.exec_flow + "/presets",
            runs_url=base
            + "executions/search?size=10&sort=state.startDate:desc&filters[namespace][EQUALS]="
            + state.exec_namespace
            + "&filters[flowId][EQUALS]="
            + state.exec_flow,
            disabled_reason=state.exec_reason,
            on_created=state.created,
            on_cancel=state.close_form,
        ),
        open=state.executing,
        title="Execute " + state.exec_flow,
        width=720,
        on_close=state.close_form,
        testid="execute-dialog",
    )
