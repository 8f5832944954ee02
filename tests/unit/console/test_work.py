"""Laws of work on many things (UI-RX-04, UI-LS-06) and of a toast's button (UI-DG-04, UI-DG-05)."""

from __future__ import annotations

import asyncio
from typing import Any

from app.tab import Tab
from app.work import SHOWN, Failure, Outcome, Stops, Work, carry_out, slices
from backend_client import ApiError


class Held(Tab):
    """A tab whose lock counts how often and when it is held."""


class Proxy:
    """What a background event has: the state, writable inside `async with` only."""

    def __init__(self, state: Tab) -> None:
        object.__setattr__(self, "state", state)
        object.__setattr__(self, "held", 0)

    async def __aenter__(self) -> Proxy:
        object.__setattr__(self, "held", self.held + 1)
        return self

    async def __aexit__(self, *_: object) -> None:
        object.__setattr__(self, "held", self.held - 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        assert self.held, f"{name} was set outside the lock"
        setattr(self.state, name, value)


def _done(number: int) -> str:
    return f"{number} done"


def _toasts(tab: Tab) -> list[dict[str, Any]]:
    return [one for one in tab.command if one["kind"] == "toast"]


def _run(work: Work[Any], tab: Tab | None = None) -> tuple[Tab, Outcome, Proxy]:
    state = tab or Held()  # type: ignore[call-arg]
    proxy = Proxy(state)
    return state, asyncio.run(carry_out(proxy, work)), proxy


def test_parts_are_done_without_the_lock_and_summed() -> None:
    """§19 UI-RX-04: other events of the tab are not held while a part is done."""
    tab = Held()  # type: ignore[call-arg]
    proxy = Proxy(tab)
    held: list[int] = []

    async def step(_api: Any, part: list[int]) -> Outcome:
        held.append(proxy.held)
        return Outcome(len(part))

    parts = slices(list(range(120)))
    assert [len(one) for one in parts] == [50, 50, 20]
    outcome = asyncio.run(carry_out(proxy, Work("Doing", _done, parts=parts, step=step, total=120)))
    assert outcome.done == 120 and held == [0, 0, 0]
    last = _toasts(tab)[-1]
    assert (last["level"], last["title"]) == ("success", "120 done") and last["id"] == _toasts(tab)[0]["id"]


def test_what_fails_is_listed_with_its_reason_and_the_rest_goes_on() -> None:
    async def step(_api: Any, part: list[str]) -> Outcome:
        if "b" in part:
            raise ApiError(409, "held by another", "r7")
        return Outcome(1, [Failure("x", "refused")] if "c" in part else [])

    tab, outcome, _ = _run(Work("Doing", _done, parts=[["a"], ["b"], ["c"]], step=step, total=3))
    assert outcome.done == 2
    assert tab.failed_rows == [{"id": "b", "reason": "held by another (request r7)"}, {"id": "x", "reason": "refused"}]
    last = _toasts(tab)[-1]
    assert last["level"] == "warning" and last["action"]["label"] == "Show what failed" and "key" in last["action"]


def test_the_table_of_failures_is_bounded() -> None:
    async def step(_api: Any, _part: int) -> Outcome:
        return Outcome(failed=[Failure(str(n), "no") for n in range(SHOWN + 30)])

    tab, _, _ = _run(Work("Doing", _done, parts=[1], step=step, total=1))
    assert len(tab.failed_rows) == SHOWN and tab.failed_more == 30


def test_a_stop_ends_the_work_after_the_part_that_is_done() -> None:
    tab = Held()  # type: ignore[call-arg]
    seen: list[int] = []

    async def step(_api: Any, part: int) -> Outcome:
        seen.append(part)
        if part == 2:
            tab._stopped = [_toasts(tab)[0]["id"]]
        return Outcome(1)

    _run(Work("Doing", _done, parts=[1, 2, 3, 4], step=step, total=4), tab)
    assert seen == [1, 2]
    assert "2 were not tried" in _toasts(tab)[-1]["text"] and not tab._stopped


def test_a_server_that_is_away_ends_the_work_and_a_lost_session_asks_for_the_login() -> None:
    for status, kinds in ((0, {"toast"}), (401, {"toast", "login"})):
        calls: list[int] = []

        async def step(_api: Any, part: int, status: int = status, calls: list[int] = calls) -> Outcome:
            calls.append(part)
            raise ApiError(status, "away")

        tab, outcome, _ = _run(Work("Doing", _done, parts=[1, 2, 3], step=step, total=3))
        assert calls == [1] and outcome.done == 0
        assert {one["kind"] for one in tab.command} == kinds and _toasts(tab)[-1]["level"] == "error"


def test_the_button_of_a_toast_acts_once_and_only_by_its_key() -> None:
    """The browser gets a key; a handler's name or arguments from it would be foreign ones."""
    tab = Held()  # type: ignore[call-arg]
    tab.toast("Flow deleted", action=("Undo", Stops.show_failures, "title", [], 3))
    action = _toasts(tab)[-1]["action"]
    assert set(action) == {"label", "key"}

    async def press(key: str) -> Any:
        return await Tab.event_handlers["act"].fn(tab, key)

    spec = asyncio.run(press(action["key"]))
    assert spec.handler.fn.__name__ == "show_failures" and len(spec.args) == 3
    assert asyncio.run(press(action["key"])) is None
    assert asyncio.run(press("stop")) is None


def test_a_refusal_tells_status_and_path() -> None:
    tab = Held()  # type: ignore[call-arg]
    tab.fail(ApiError(409, "held", "r1", path="DELETE /api/v1/main/x"), "Could not delete")
    told = _toasts(tab)[-1]
    assert (told["status"], told["path"], told["requestId"]) == (409, "DELETE /api/v1/main/x", "r1")
