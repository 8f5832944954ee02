"""Triggers on a worker: reports, events in batches, kills and drains (workflow components §15.8)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from flowdeck.engine import worker_tasks, worker_triggers
from flowdeck.engine.messages import Poll
from flowdeck.engine.trigger_jobs import FIRST_SEQ
from flowdeck.model.catalog import Catalog
from flowdeck.model.states import State
from flowdeck.sdk import Expr, PollingTrigger, RealtimeTrigger, RunContext, TaskError, field
from flowdeck.sdk.index import specs
from tests.unit.worker.conftest import Core


class Look(PollingTrigger, type="unit.Look"):
    """Answers what it is told."""

    give: Expr[str] = field(doc="What to do.")

    async def evaluate(self, ctx: RunContext) -> Any:
        text = await ctx.render(self.give)
        ctx.log.info(f"looked at {text}")
        ctx.log.debug("in detail")
        match text:
            case "nothing":
                return None
            case "file":
                ctx.storage.put("left.txt", b"x")
                return None
            case "sleep":
                await asyncio.sleep(60)
            case "large":
                return {"text": "x" * (worker_triggers.LARGEST + 1)}
            case "bug":
                return {"x": 1 / 0}
            case "fail":
                raise TaskError("told to fail")
        return {"text": text}


class Hear(RealtimeTrigger, type="unit.Hear"):
    """Gives events as fast as they are taken."""

    in_flight: ClassVar[int] = 10
    count: int = field(default=1_000_000, doc="How many.")
    seen: ClassVar[list[int]] = []
    acknowledged: ClassVar[list[int]] = []
    closed: ClassVar[list[bool]] = []

    async def listen(self, ctx: RunContext) -> AsyncIterator[dict[str, int]]:
        try:
            for number in range(1, self.count + 1):
                self.seen.append(number)
                yield {"n": number}
                await asyncio.sleep(0)
            if self.count == 3:
                raise TaskError("the source is gone")
        finally:
            self.closed.append(True)

    async def stored(self, event: Any) -> None:
        self.acknowledged.append(event["n"])


@pytest.fixture(autouse=True)
def catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Catalog([*specs(), Look.spec, Hear.spec])
    monkeypatch.setattr(worker_tasks, "load_catalog", lambda: known)
    for kept in (Hear.seen, Hear.acknowledged, Hear.closed):
        kept.clear()


NUMBERS = itertools.count(1)


def job(core: Core, trigger: str, **more: Any) -> Poll:
    number = next(NUMBERS)
    core.flows[number] = (
        "id: flow_1\nnamespace: company.team\ntasks:\n  - {id: one, type: io.kestra.plugin.core.debug.Return}\n"
        f"triggers:\n  - {trigger}\n"
    )
    fields: dict[str, Any] = {
        "seq": FIRST_SEQ - number,
        "fence": 1,
        "tenant": "main",
        "namespace": "company.team",
        "flow_id": "flow_1",
        "flow_key": number,
        "revision": 1,
        "trigger_id": "it",
        "execution": "exec1",
        "context": {"flow": {"id": "flow_1", "namespace": "company.team"}, "trigger": {"id": "it"}},
    }
    return Poll(**{**fields, **more})


def look(give: str, more: str = "") -> str:
    return f'{{id: it, type: unit.Look, give: "{give}"{more}}}'


async def report(core: Core, poll: Poll) -> Any:
    core.gateway.dispatch(poll, process=False)
    return await core.wait(poll)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("give", "state", "value", "error"),
    [
        ("hello", State.SUCCESS, {"text": "hello"}, None),
        ("{{ flow.id }}", State.SUCCESS, {"text": "flow_1"}, None),
        ("nothing", State.SUCCESS, None, None),
        ("fail", State.FAILED, None, "told to fail"),
        ("bug", State.FAILED, None, "ZeroDivisionError"),
        ("{{ nowhere.to.find }}", State.FAILED, None, "nowhere"),
        ("large", State.FAILED, None, "more than the limit"),
    ],
)
async def test_what_an_evaluation_reports(core: Core, give: str, state: State, value: Any, error: str | None) -> None:
    done = await report(core, job(core, look(give)))
    assert done.state == state and done.outputs["execution"] == "exec1"
    assert done.outputs.get("value") == value
    assert (error is None and done.error is None) or error in done.error
    if error is not None:
        assert any(level == "ERROR" and error in text for level, text in core.log())


async def test_lines_belong_to_the_trigger_and_secrets_are_masked(core: Core) -> None:
    core.secrets["KEY"] = "very-secret-value"
    done = await report(core, job(core, look("{{ secret('KEY') }}", ", logLevel: INFO")))
    assert done.outputs["value"] == {"text": "******"}
    assert core.log() == [("INFO", "looked at ******")]
    core.workers[0].logs.flush()
    lines = core.workers[0].logs.kept[0]
    assert (lines.trigger_id, lines.execution_seq, lines.task_run_seq) == ("it", 0, 0)
    first = lines.lines[0][0]
    await report(core, job(core, look("again")))
    core.workers[0].logs.flush()
    assert core.workers[0].logs.kept[-1].lines[0][0] > first  # numbers of later evaluations are higher


@pytest.mark.parametrize("name", ["logLevel", "minLogLevel"])
async def test_a_trigger_keeps_lines_from_its_level_on(core: Core, name: str) -> None:
    """§15.2; the older name counts too."""
    await report(core, job(core, look("quiet", f", {name}: ERROR")))
    await report(core, job(core, look("bug", f", {name}: ERROR")))
    assert {level for level, _ in core.log()} == {"ERROR"}


async def test_files_of_an_evaluation_that_found_nothing_are_removed(core: Core) -> None:
    await report(core, job(core, look("file")))
    assert [p for p in (core.folder / "storage").rglob("*") if p.is_file()] == []


async def test_a_kill_ends_an_evaluation(core: Core) -> None:
    poll = job(core, look("sleep"))
    core.gateway.dispatch(poll, process=False)
    while not core.started:
        await asyncio.sleep(0.005)
    core.gateway.kill(poll.seq, poll.fence)
    done = await core.wait(poll)  # type: ignore[arg-type]
    assert done.state == State.KILLED and done.error is None


HEAR = "{id: it, type: unit.Hear}"


async def test_events_come_in_batches_one_after_the_other(core: Core) -> None:
    batches: list[tuple[int, list[int]]] = []
    failures = iter([True, False, True])

    def events(args: dict[str, Any]) -> Any:
        numbers = [e["n"] for e in args["events"]]
        batches.append((args["first"], numbers))
        if len(batches) < 4 and next(failures, False):
            raise KeyError("not stored")
        return numbers[-1]

    core.calls["trigger.events"] = events
    poll = job(core, HEAR, realtime=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_triggers, "PAUSE", 0.01)
        # "not stored" is told as what may be tried again
        patch.setattr(core, "_call", lambda call, worker, reply: _answer(core, call, reply))
        core.gateway.on_call = core._call
        core.gateway.dispatch(poll, process=False)
        while len(batches) < 20:
            await asyncio.sleep(0.005)
        core.gateway.kill(poll.seq, poll.fence)
        done = await core.wait(poll)  # type: ignore[arg-type]
    assert done.state == State.KILLED
    stored = 0
    for first, numbers in batches:
        assert first == numbers[0] and first <= stored + 1 and len(numbers) <= Hear.in_flight
        stored = max(stored, numbers[-1])
    # what came before was stored before the next batch was sent
    assert Hear.acknowledged == list(range(1, len(Hear.acknowledged) + 1))
    assert max(Hear.seen) <= max(Hear.acknowledged) + Hear.in_flight + 1
    assert Hear.closed == [True]


def _answer(core: Core, call: Any, reply: Any) -> None:
    try:
        reply(core.calls[call.name](call.args), None)
    except KeyError:
        reply(None, ("Unavailable", "not stored", {"retry_after": 1}))


async def test_a_source_that_ends_reports_what_was_wrong_after_its_events(core: Core) -> None:
    stored: list[int] = []
    core.calls["trigger.events"] = lambda args: stored.extend(e["n"] for e in args["events"])
    done = await report(core, job(core, "{id: it, type: unit.Hear, count: 3}", realtime=True))
    assert done.state == State.FAILED and done.error == "the source is gone"
    assert stored == Hear.acknowledged == [1, 2, 3]


async def test_a_draining_worker_hands_its_listeners_on(core: Core) -> None:
    core.calls["trigger.events"] = lambda args: len(args["events"])
    poll = job(core, HEAR, realtime=True)
    core.gateway.dispatch(poll, process=False)
    while len(Hear.acknowledged) < 20:
        await asyncio.sleep(0.005)
    core.workers[0].stop()
    done = await core.wait(poll)  # type: ignore[arg-type]
    assert done.state == State.KILLED and done.error is None
    assert Hear.acknowledged[-1] >= max(Hear.seen) - 1 and Hear.closed == [True]


async def test_a_listener_that_was_replaced_ends_without_an_error(core: Core) -> None:
    poll = job(core, HEAR, realtime=True)
    core.gateway.on_call = lambda call, worker, reply: (
        reply(None, ("Conflict", "another listener took over", {}))
        if call.name == "trigger.events"
        else core._call(call, worker, reply)
    )
    done = await report(core, poll)
    assert done.state == State.KILLED and done.error is None
    assert [line for line in core.log() if line[0] == "ERROR"] == []
    assert Hear.acknowledged == []
