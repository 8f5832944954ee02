"""State of the list of what waits for somebody: rows, the open one with its form, what was decided (UI-XP-80)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.list_page import ListPage
from app.pages.execution.facts import small
from app.pages.waiting.keys import FILTERS
from app.tab import Tab
from app.words import say
from backend_client import ApiError, HeldRow

OLDEST_FIRST = "state.startDate:asc"
NONE = HeldRow()


class WaitingState(ListPage, Tab):
    """One page of executions that go on when their reader says so."""

    list_name: str = "waiting"
    rows: list[HeldRow] = []
    chosen: HeldRow = NONE
    rejecting: HeldRow = NONE
    inputs: list[dict[str, Any]] = []
    inputs_known: bool = False
    started_with: dict[str, Any] = {}
    has_inputs: bool = False
    problem: str = ""
    may_update: bool = False
    busy: bool = False

    @rx.event
    async def load(self):
        """Enter the list: close what was open, fetch the page that the URL asks for."""
        self.chosen, self.rejecting = NONE, NONE
        return WaitingState.again

    @turns.reads
    async def again(self):
        """Fetch the page of rows that the URL asks for; `?execution=` opens one."""
        self.read_url(sort=OLDEST_FIRST, keys=FILTERS)
        self.may_update = self.may("EXECUTION", "UPDATE")
        async with self.listing() as api:
            self.take(await api.executions.resumable(**self.wanted()))
            yield
            if self.total == 0:
                await self.explain(api.executions.resumable, "since")
        asked = self.query("execution")
        row = next((one for one in self.rows if one.id == asked), None)
        if row is not None and self.chosen.id != asked:
            await self._open_row(row)

    @turns.reads
    async def changed(self, change: dict[str, Any]) -> None:
        """Executions came or changed: read the page again; a form that is open stays."""
        if self.loading or self.list_problem:
            return
        async with self.api(say("Could not refresh the list")) as api:
            self.take(await api.executions.resumable(**self.wanted()))

    # -- one of them --------------------------------------------------------------------------------------

    def _row(self, identity: str) -> HeldRow:
        return next((one for one in self.rows if one.id == identity), NONE)

    def _place(self, identity: str) -> None:
        """The open one stands in the URL (UI-DG-03)."""
        pairs = [(k, v) for k, v in self.query_pairs() if k != "execution"]
        self.replace_url([*pairs, ("execution", identity)] if identity else pairs)

    @turns.opens
    async def open_row(self, identity: str):
        """Show what one waits for, with its form."""
        row = self._row(identity)
        if not row.id:
            return
        self.chosen, self.inputs, self.inputs_known, self.problem = row, [], False, ""
        self.started_with, self.has_inputs = {}, False
        self._place(row.id)
        yield
        await self._open_row(row)

    async def _open_row(self, row: HeldRow) -> None:
        self.chosen, self.problem = row, ""
        self.inputs, self.inputs_known = [], False
        try:
            async with self.api(raising=True) as api:
                if row.asks:
                    self.inputs = await api.executions.resume_inputs(row.id)
                told = (await api.executions.head(row.id)).get("inputs") or {}
                self.started_with = told if small(told) else {}
                self.has_inputs = bool(self.started_with)
        except ApiError as error:
            self.problem = error.message
        self.inputs_known = True

    @rx.event
    async def close(self) -> None:
        """Decide nothing."""
        self._place("")
        self.chosen, self.problem = NONE, ""

    @turns.writes
    async def resume(self, identity: str):
        """Let one go on that asks for nothing."""
        row = self._row(identity)
        if not row.id or self.busy:
            return
        self.busy, self.problem = True, ""
        yield
        try:
            async with self.api(raising=True) as api:
                action = "resume-from-breakpoint" if row.state == "BREAKPOINT" else "resume"
                await api.executions.act(action, row.id)
            await self._gone(row, say("Resumed"))
        except ApiError as error:
            self._refused(error, say("The execution was not resumed"))
        finally:
            self.busy = False

    @turns.asks
    async def resumed(self, made: dict[str, Any]) -> None:
        """The form resumed the open one."""
        await self._gone(self.chosen, say("Resumed"))

    @rx.event
    async def ask_reject(self, identity: str) -> None:
        """Ask whether one shall be rejected."""
        self.rejecting, self.problem = self._row(identity), ""

    @rx.event
    async def keep(self) -> None:
        """Reject nothing."""
        self.rejecting, self.problem = NONE, ""

    @turns.writes
    async def reject(self) -> None:
        """Kill the execution where it waits."""
        row = self.rejecting
        try:
            async with self.api(raising=True) as api:
                await api.executions.kill(row.id, cascade=True)
            self.rejecting = NONE
            await self._gone(row, say("Rejected"))
        except ApiError as error:
            self._refused(error, say("The execution was not rejected"))

    def _refused(self, error: ApiError, title: str) -> None:
        if self.chosen.id or self.rejecting.id:
            told = (" " + say("(request {request_id})", request_id=error.request_id)) if error.request_id else ""
            self.problem = error.message + told
        else:
            self.fail(error, title)

    async def _gone(self, row: HeldRow, word: str) -> None:
        place = routes.execution(row.namespace, row.flow, row.id)
        self.toast(word, f"{row.flow} {row.short_id}", action=(say("Open"), place))
        self._place("")
        self.chosen, self.problem = NONE, ""
        self.rows = [one for one in self.rows if one.id != row.id]
        self.total = max(0, self.total - 1)
        async with self.api(say("Could not refresh the list")) as api:
            page = await api.executions.resumable(**self.wanted())
            # A resume is a command: for a moment the row may still be there.
            self.take(type(page)([one for one in page.rows if one.id != row.id], page.total))
