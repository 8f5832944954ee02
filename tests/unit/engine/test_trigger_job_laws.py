"""Whatever order things happen in, each event of a source becomes exactly one execution, in order, as long as the
source repeats only what it was not told to be stored (workflow components §15.8; quality §2.2, C1).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdeck.engine.messages import Call, Poll
from flowdeck.sdk import index
from tests.support.plugins import install
from tests.unit.engine.test_trigger_jobs import LISTEN, Jobs, flow

pytestmark = pytest.mark.timeout(120)


class Source:
    """A source with its listener on a worker: what was stored is never read again."""

    def __init__(self) -> None:
        self.stored = 0  # events that the source was told to be stored
        self.job: Poll | None = None
        self.base = 0  # events that were stored before this listener began
        self.sent: list[tuple[int, int]] = []  # (first number, how many) on the way

    def listen(self, job: Poll) -> None:
        """A listener begins where the source stands."""
        self.job, self.base, self.sent = job, self.stored, []

    def next(self, count: int) -> tuple[int, list[dict[str, int]]]:
        """The next batch: numbers within this listener, and events."""
        first = self.stored - self.base + 1
        return first, [{"n": self.base + first + n - 1} for n in range(count)]


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.just("send, answer lost"), st.integers(1, 4)),
        st.tuples(st.just("send, core dies"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["step", "core dies", "worker dies", "edit", "restart"]), st.just(0)),
    ),
    max_size=14,
)


@given(moves=MOVES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_event_becomes_one_execution_in_order(moves: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Jobs(Path(folder) / "engine.db")
        try:
            engine.put(flow(LISTEN))
            stored = play(engine, moves)
            assert [v["n"] for v in engine.values()] == list(range(stored)) and stored >= 2
        finally:
            engine.close()


def send(engine: Jobs, source: Source, count: int) -> list[Any]:
    """Send a batch, apply nothing yet; where its answer will be."""
    first, events = source.next(count)
    assert source.job is not None
    answers: list[Any] = []
    call = Call(1, "trigger.events", {"first": first, "events": events}, source.job.seq, source.job.fence)
    engine.scheduler.jobs.on_events(call, lambda result, error: answers.append((result, error)))
    return answers


def hear(engine: Jobs, source: Source) -> None:
    """The worker begins the newest job, and ends those that it is told to."""
    running = [j for j in engine.polls if (j.seq, j.fence) not in engine.worker.kills]
    if running and (source.job is None or running[-1].fence != source.job.fence):
        source.listen(running[-1])


def play(engine: Jobs, moves: list[tuple[str, int]]) -> int:
    """Carry the moves out; how many events the source was told to be stored."""
    source = Source()
    edits = 0
    for move, count in [*moves, ("send", 2)]:
        engine.turn()
        hear(engine, source)
        match move:
            case "send" | "send, answer lost" | "send, core dies":
                # A batch is sent until it is answered: core may have stored it and not have said so.
                answers = send(engine, source, count)
                if move == "send, core dies":
                    engine.restart(claimed=True)
                    engine.turn()
                    answers = send(engine, source, count)
                engine.turn()
                if move == "send, answer lost":
                    answers = send(engine, source, count)
                    engine.turn()
                if answers and answers[0][1] is None:
                    source.stored += count
            case "step":
                engine.executor.step()
            case "core dies":
                engine.restart(claimed=True)
            case "worker dies":
                job = source.job
                engine.worker.jobs.clear()
                if job is not None:
                    engine.scheduler.jobs.on_lost([(job.seq, job.fence)])
            case "edit":
                edits += 1
                engine.put(flow(f"{LISTEN}\ndescription: edit {edits}"))
            case _:
                engine.command_on("restart")
    return source.stored


@pytest.fixture(autouse=True, scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The test plugins, installed for all examples."""
    folder = tmp_path_factory.mktemp("plugins")
    path = install(folder)["PYTHONPATH"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("FLOWDECK_HOME", str(folder))
        sys.path.insert(0, path)
        index.refresh()
        yield
        sys.path.remove(path)
    index.refresh()
