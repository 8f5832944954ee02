"""Work on many things: progress while it runs, a way to stop it, and what failed in a table (UI-RX-04, UI-LS-06).

A handler that asks the API more than once, or once for many rows, is a background event: it holds the tab's state
only to read what was chosen and to tell what happened, never while it waits. The reader goes on working, on other
pages too.

    @rx.event(background=True)
    async def delete(self):
        async with self:
            chosen, self.deleting = self.deleting, []
        await carry_out(
            self,
            Work("Deleting 12 keys", "12 keys deleted", parts=slices(chosen), step=_delete, total=len(chosen)),
        )
        yield KvState.load

`step(api, part)` does one part and answers an `Outcome`; an `ApiError` of it counts the whole part as failed with the
error's sentence as reason. Parts are done one after the other, so that *Stop* has an effect between them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import reflex as rx

from app.tab import Tab
from app.words import say, spoken
from backend_client import ApiError, Client
from components.button import button, copy_button
from components.dialog import dialog
from components.table import Column, data_table

Part = TypeVar("Part")
SLICE = 50
"""Ids in one request: small enough that progress and *Stop* are felt, large enough to be quick."""
TELL_SECONDS = 0.25
PATIENCE = 600.0
"""Seconds that one request of a work may take: nobody waits before it."""
SHOWN = 200
"""Failures that the table shows; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not done: its id and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part.

    Attributes:
        done: how many things were done.
        failed: those that were refused, with reasons.
        skipped: how many had nothing to do, or a state that does not allow it.
    """

    done: int = 0
    failed: Sequence[Failure] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Work(Generic[Part]):
    """What is to be done.

    Attributes:
        doing: words while it runs: *Deleting 12 keys*.
        done: words for `n` things that were done: `lambda n: f"{n:,} keys deleted"`.
        parts: what `step` gets, one after the other.
        step: does one part.
        size: how many things a part is.
        total: all things; 0 when nobody knows.
        name: of a part in the table of failures when its whole request was refused.
        skipped: why some were left out: *their state does not allow it*.
        undo: `action` of the toast when all went well.
    """

    doing: str
    done: Callable[[int], str]
    parts: Sequence[Part]
    step: Callable[[Client, Part], Awaitable[Outcome]]
    size: Callable[[Part], int] = lambda part: len(part) if isinstance(part, (list, tuple)) else 1
    total: int = 0
    name: Callable[[Part], Sequence[str]] = lambda part: part if isinstance(part, (list, tuple)) else [str(part)]
    skipped: str = ""
    undo: tuple[Any, ...] | None = None


@dataclass(slots=True)
class _Count:
    """Running sums of a work."""

    done: int = 0
    skipped: int = 0
    tried: int = 0
    stopped: bool = False
    failed: list[Failure] = field(default_factory=list)
    fatal: ApiError | None = None


def slices(items: Sequence[Part], size: int = SLICE) -> list[list[Part]]:
    """Return the items in lists of at most `size`."""
    return [list(items[at : at + size]) for at in range(0, len(items), size)]


async def carry_out(state: Any, work: Work[Any]) -> Outcome:
    """Do the work from a background event; a toast tells how far it is, then what came of it.

    The table of failures opens by itself while the reader is still on the page where it began; elsewhere the toast
    has a button for it. A session that ended, and a server that does not answer, end the work.
    """
    key = "work-" + secrets.token_hex(4)
    async with state:
        client: Client = state._client(PATIENCE)
        began_at = str(state.router.url.path or "")
        _tell_progress(state, key, work, 0)
    count = _Count()
    told = time.monotonic()
    try:
        for part in work.parts:
            await _one(client, work, part, count)
            if count.fatal is not None:
                break
            if time.monotonic() - told < TELL_SECONDS and not count.stopped:
                if key in state._stopped:
                    count.stopped = True
                    break
                continue
            told = time.monotonic()
            async with state:
                if key in state._stopped:
                    count.stopped = True
                    break
                _tell_progress(state, key, work, count.tried)
    finally:
        await client.close()
    async with state:
        _conclude(state, key, work, count, here=str(state.router.url.path or "") == began_at)
    return Outcome(count.done, count.failed, count.skipped)


async def _one(client: Client, work: Work[Any], part: Any, count: _Count) -> None:
    size = work.size(part)
    try:
        outcome = await work.step(client, part)
    except ApiError as error:
        if error.status in (0, 401):
            count.fatal = error  # the next part would meet the same
            return
        reason = "; ".join(dict.fromkeys([error.message, *(f"{e.path} {e.message}".strip() for e in error.errors[:3])]))
        names = list(work.name(part))[:SHOWN]
        asked = (" " + say("(request {request_id})", request_id=error.request_id)) if error.request_id else ""
        count.failed += [Failure(one, reason + asked) for one in names]
    else:
        count.done += outcome.done
        count.skipped += outcome.skipped
        count.failed += outcome.failed
    count.tried += size


def _tell_progress(state: Any, key: str, work: Work[Any], tried: int) -> None:
    several = len(work.parts) > 1
    text = say("{tried} of {total}", tried=spoken(tried), total=spoken(work.total)) if several and work.total else ""
    stop = {"action": (say("Stop"), Stops.stop, key)} if several and not tried else {}
    state.toast(work.doing, text, level="work", id=key, done=tried, total=work.total if several else 0, **stop)


def _conclude(state: Any, key: str, work: Work[Any], count: _Count, *, here: bool) -> None:
    state._stopped = [one for one in state._stopped if one != key]
    rest = max(0, work.total - count.tried)
    notes: list[str] = []
    if count.skipped:
        why = work.skipped or say("nothing to change")
        notes.append(say("{skipped} left out: {why}.", skipped=spoken(count.skipped), why=why))
    if count.failed:
        notes.append(say("{failed} failed.", failed=spoken(len(count.failed))))
    if count.stopped and rest:
        notes.append(say("Stopped: {rest} were not tried.", rest=spoken(rest)))
    if count.fatal is not None:
        if count.fatal.status == 401:
            state._ask_login()
        error = count.fatal
        what = f"{work.done(count.done)}. " if count.done else ""
        details = [say("{rest} were not tried.", rest=spoken(rest))] if rest and work.total > 1 else []
        about = {"status": error.status, "path": error.path, "requestId": error.request_id, "details": details}
        state._tell(
            "toast",
            id=key,
            level="error",
            title=say("{what}{doing} ended", what=what, doing=work.doing),
            text=error.message,
            **about,
        )
        return
    bad = bool(count.failed or count.skipped or (count.stopped and rest))
    action = work.undo if not bad else None
    if count.failed:
        title = say("{doing}: {failed} failed", doing=work.doing, failed=spoken(len(count.failed)))
        state.failed_title = title if here else ""
        state.failed_rows = [{"id": one.id, "reason": one.reason} for one in count.failed[:SHOWN]]
        state.failed_more = max(0, len(count.failed) - SHOWN)
        action = (say("Show what failed"), Stops.show_failures, title, state.failed_rows, state.failed_more)
    level = "warning" if bad else "success"
    state.toast(work.done(count.done), " ".join(notes), level=level, id=key, action=action)


class Stops(Tab):
    """What the buttons of work's toasts do."""

    @rx.event
    async def stop(self, key: str) -> None:
        """End a work after the part that is being done."""
        self._stopped = [*self._stopped[-19:], key]

    @rx.event
    async def show_failures(self, title: str, rows: list[dict[str, str]], more: int) -> None:
        """Open the table of what failed."""
        self.failed_title, self.failed_rows, self.failed_more = title, rows, more

    @rx.event
    async def close_failures(self) -> None:
        """Close the table of what failed."""
        self.failed_title, self.failed_rows, self.failed_more = "", [], 0

    @rx.var
    def failures_as_text(self) -> str:
        """The table as lines, to be copied."""
        return "\n".join(f"{one['id']}\t{one['reason']}" for one in self.failed_rows)


def failure_table() -> rx.Component:
    """The layer with id and reason of what failed; part of every page."""
    rows: Any = Tab.failed_rows
    return dialog(
        Tab.failed_title,
        rx.el.div(
            data_table(
                rows,
                [
                    Column("Id", lambda row: row["id"], mono=True),
                    Column("Reason", lambda row: rx.el.span(row["reason"], class_name="brk wrap")),
                ],
                label="What failed",
                row_id=lambda row: row["id"],
                test="failures-table",
            ),
            class_name="failtbl",
        ),
        rx.cond(Tab.failed_more > 0, rx.el.p(Tab.failed_more, " more are not shown.", class_name="mut sm")),
        open=Tab.failed_title != "",
        on_close=Stops.close_failures,
        width=720,
        footer=[
            copy_button(Stops.failures_as_text, "Copy the table"),
            button(
                "Close", kind="primary", on_click=Stops.close_failures, primary_of_dialog=True, test="failures-close"
            ),
        ],
        test="failures",
    )


def failures_of(found: Iterator[Any] | Sequence[Any]) -> list[Failure]:
    """Return what a bulk call of the API tells under `failures`."""
    rows = (one for one in found if isinstance(one, dict))
    return [
        Failure(str(one.get("id") or one.get("value") or ""), str(one.get("reason") or one.get("message") or ""))
        for one in rows
    ]


__all__ = ["Failure", "Outcome", "Stops", "Work", "carry_out", "failure_table", "failures_of", "slices"]
