"""Saving from the editor: the browser sends the text, what became of it is decided here (UI-ED-22, UI-ED-60, UI-ED-61).

A press orders the editor to save (`_order`); it tells what became of the text, which never comes here (UI-RX-02).
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.execute import ExecuteState
from app.words import say

MOST_DETAILS = 20


class Saving(rx.State, mixin=True):
    """What is being saved, what was refused, and what follows a save."""

    saving: bool = False
    save_problem: str = ""
    save_details: list[str] = []
    save_request: str = ""
    copy_offered: bool = False
    saying: bool = False
    said: str = ""
    _then: str = ""
    """What follows the save that was ordered: `execute`, or `play:` and a task."""

    def _forget_saves(self: Any) -> None:
        self.saving = self.saying = self.copy_offered = False
        self.said = self._then = ""
        self._forget_problem()

    def _forget_problem(self: Any) -> None:
        self.save_problem, self.save_details, self.save_request = "", [], ""

    # -- orders -------------------------------------------------------------------------------------------

    def _order_save(self: Any, then: str = "", message: str = "") -> None:
        self._then = then
        self._order("save", message=message)

    @rx.event
    async def press_save(self: Any):
        """The Save button."""
        self._order_save()

    @rx.event
    async def ask_message(self: Any):
        """Save with words on the revision (UI-ED-60)."""
        self.said, self.saying = "", True

    @rx.event
    async def set_message(self: Any, words: str):
        """What the revision is about."""
        self.said = words

    @rx.event
    async def keep_quiet(self: Any):
        """Do not save."""
        self.saying, self.said = False, ""

    @rx.event
    async def save_with_message(self: Any):
        """Save; the words stay with the revision."""
        message, self.said, self.saying = self.said, "", False
        self._order_save(message=message)

    @rx.event
    async def press_execute(self: Any):
        """Execute the saved revision; unsaved text is saved first when it is valid (UI-ED-70)."""
        if self.dirty and not self.errors:
            self._order_save("execute")
            return None
        return self._execute()

    def _execute(self: Any) -> Any:
        return ExecuteState.open_with(self.flow_ns, self.flow_id, self.breakpoints, self.run_in)

    @rx.event
    async def copy_moved(self: Any):
        """Make a flow of its own of the text whose names were changed."""
        self._order("copy")

    @rx.event
    async def save_copy(self: Any):
        """Save the text that was refused for its names as a flow of its own (UI-ED-22)."""
        self._order("copy", of="mine")

    # -- what became of the text --------------------------------------------------------------------------

    @rx.event
    async def take_saving(self: Any, document: str):
        """The text is on its way to the API."""
        if document == self.doc_uri:
            self.saving, self.copy_offered = True, False
            self._forget_problem()

    @rx.event
    async def take_saved(self: Any, done: dict[str, Any]):
        """The API took the text, or (`same`) there was nothing to save."""
        revision, name = int(done.get("revision") or 1), str(done.get("id") or "")
        if str(done.get("document")) != self.doc_uri:
            self.toast(say("Flow saved"), say("{id} in {namespace}", id=name, namespace=done.get("namespace")))
            return None  # the reader is in another editor by now
        self.saving = False
        then, self._then = self._then, ""
        if done.get("same"):
            if not then:
                self.toast(
                    say("Nothing to save"),
                    say("The text is that of revision {base_revision}.", base_revision=self.base_revision),
                    level="info",
                )
            return self._go_on(then)
        self._stored(revision)
        self.dirty = bool(done.get("dirty"))
        if self.creating:
            self.creating = self.dirty = False
            self.toast(
                say("Flow saved") if done.get("over") else say("Flow created"),
                say("{id} in {namespace}", id=name, namespace=done.get("namespace")),
            )
            if str(self.router.url.path or "").rstrip("/").endswith(routes.NEW_FLOW):
                self.navigate(routes.flow(str(done.get("namespace")), name, "edit"), replace=True)
            return None
        self.base_author, self.base_message = self.username, str(done.get("said") or "")
        self.toast(say("Flow saved"), say("Revision {base_revision}", base_revision=self.base_revision))
        return [type(self).look_at_saved, *self._go_on(then)]

    def _go_on(self: Any, then: str) -> list[Any]:
        if then.startswith("play:"):
            self._play(then.removeprefix("play:"))
        return [self._execute()] if then == "execute" else []

    @turns.asks
    async def look_at_saved(self: Any):
        """Read the head of the flow whose text was saved."""
        async with self.api(say("Could not read the flow's revision")) as api:
            await self.read_head(api)

    @rx.event
    async def take_refused(self: Any, why: dict[str, Any]):
        """The text was not saved: told in a bar, or asked what to do where another text is stored."""
        if str(why.get("document")) != self.doc_uri:
            return None
        self.saving, self._then = False, ""
        if why.get("moved"):
            self._forget_problem()
            self.save_problem = say(
                "Id and namespace of {flow_ns}/{flow_id} cannot change.", flow_ns=self.flow_ns, flow_id=self.flow_id
            )
            self.copy_offered = True
            return None
        status, message = int(why.get("status") or 0), str(why.get("message") or "")
        if status == 401:
            return None  # the browser asks for the login over the page, then saves again (§1.9)
        errors = [(str(one.get("path") or ""), str(one.get("message") or "")) for one in why.get("errors") or []]
        taken = any("already exists" in words for words in (message, *(words for _, words in errors)))
        if not why.get("copy") and (taken if self.creating else taken or status in (404, 409)):
            self.said = str(why.get("said") or "")
            if taken:
                return type(self).meet_taken_name(str(why.get("namespace") or ""), str(why.get("id") or ""))
            return type(self).meet_conflict
        self.save_problem, self.save_request, self.copy_offered = message, str(why.get("requestId") or ""), False
        self.save_details = [f"{path}: {words}" if path else words for path, words in errors][:MOST_DETAILS]
        return None

    @rx.event
    async def take_copied(self: Any, done: dict[str, Any]):
        """The text is a flow of its own now."""
        name, namespace = str(done.get("id") or ""), str(done.get("namespace") or "")
        self.toast(say("Flow created"), say("{id} in {namespace}", id=name, namespace=namespace))
        if str(done.get("document")) == self.doc_uri:
            self._forget_problem()
            self.copy_offered = self.dirty = False
            self.navigate(routes.flow(namespace, name, "edit"))
