"""The process dies before and after every single commit of an execution (quality §2.3, row 6).

One flow with a bit of everything is run to its end once to count its commits. Then it is run again for each of them,
with the process dying right before and right after it; the worker goes on and says what it holds, as a real one does.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.messages import Done, Run
from flowdeck.model.states import State
from tests.faults.crash_laws import COUNTS
from tests.faults.simulation import memory_folder, template_in
from tests.unit.engine.harness import Engine

CHILD = """
id: child
namespace: a.b
tasks:
  - {id: inner, type: test.Work}
outputs:
  - {id: gave, type: STRING, value: "{{ execution.id }}"}
"""
FLOW = """
id: everything
namespace: a.b
concurrency: {limit: 1}
tasks:
  - {id: first, type: test.Work}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [a, b, c]
    concurrencyLimit: 2
    tasks:
      - {id: part, type: test.Work, format: "{{ taskrun.value }}"}
  - id: which
    type: io.kestra.plugin.core.flow.If
    condition: "{{ true }}"
    then:
      - id: flaky
        type: test.Work
        retry: {type: constant, interval: PT1S, maxAttempts: 3}
  - {id: below, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child, wait: true}
  - id: may_fail
    type: io.kestra.plugin.core.flow.AllowFailure
    tasks:
      - {id: broken, type: test.Work}
    errors:
      - {id: tell, type: test.Work}
finally:
  - {id: tidy, type: test.Work}
afterExecution:
  - {id: after, type: test.Work}
outputs:
  - {id: o, type: STRING, value: done}
"""


class Died(BaseException):
    """The process is gone; nothing in it may catch this."""


class Play:
    """One run of the flow with one death.

    Args:
        at: number of the commit, from 1; 0 = nobody dies.
        after: whether the commit still happens.
    """

    def __init__(self, folder: Path, template: Path, at: int, after: bool) -> None:
        path = folder / "x.db"
        path.write_bytes(template.read_bytes())
        self.engine = Engine(path, 1)
        self.at, self.after = at, after
        self.commits = 0
        self.kept: dict[tuple[int, int], Done] = {}
        self.ended: Counter[tuple[str, int]] = Counter()
        self.accepted: list[str] = []
        self.result: dict[str, Any] = {}

    def _arm(self) -> None:
        writer = self.engine.executor.writer
        commit = writer.commit

        def counted(full: bool = False) -> None:
            self.commits += 1
            if self.commits == self.at and not self.after:
                raise Died
            commit(full)
            if self.commits == self.at:
                raise Died

        writer.commit = counted  # type: ignore[method-assign]

    def _guarded(self, work: Any) -> Any:
        try:
            return work()
        except Died:
            engine = self.engine
            if engine.executor.writer is not None:
                engine.executor.writer.rollback()
            held = [k for k in [*engine.worker.jobs, *self.kept] if k[1] > 0]
            engine.crash(keep_worker=True, hello=held)
            return None

    def run(self) -> None:
        """Create two executions, the second waits for the first; everything ends."""
        engine = self.engine
        for source in (CHILD, FLOW):
            engine.save(source)
        self._arm()
        while len(self.accepted) < 2:  # a client whose request was not answered asks again with its own id
            made = self._guarded(
                lambda: engine.command("execution.create", namespace="a.b", flow_id="everything", id=self._id())
            )
            if made is not None or self._stored(self._id()):
                self.accepted.append(self._id())
        for _ in range(400):
            self._guarded(engine.steps)
            for key in engine.worker.acks:
                self.kept.pop(key, None)
            engine.worker.acks.clear()
            for key, job in list(engine.worker.jobs.items()):
                self._work(key, job)
            for done in list(self.kept.values()):
                engine.executor.on_done(done, "w1")
            if not self.kept and not engine.worker.jobs:
                waiting = engine.one("select count(*) from execution where state < 20")
                if not (waiting or engine.executor.inputs or engine.executor.world.timers):
                    return
                engine.later(1_000)
        raise AssertionError(f"not all has ended: {engine.all('select id, state from execution')}")

    def _id(self) -> str:
        return f"execution{len(self.accepted):013d}"

    def _stored(self, id: str) -> bool:
        return bool(self.engine.all("select 1 from execution where id = ?", id))

    def _work(self, key: tuple[int, int], job: Any) -> None:
        """The worker ends a job and keeps its report until it is acknowledged."""
        del self.engine.worker.jobs[key]
        if not isinstance(job, Run):
            return
        task = job.context.get("task", {}).get("id") or self._task_of(job.seq)
        self.ended[task, job.attempt] += 1
        fails = task == "broken" or (task == "flaky" and job.attempt < 3)
        self.kept[key] = Done(
            seq=job.seq,
            fence=job.fence,
            state=State.FAILED if fails else State.SUCCESS,
            started=self.engine.now,
            ended=self.engine.now,
            outputs=None if fails else {"value": task},
            error="as told" if fails else None,
        )

    def _task_of(self, seq: int) -> str:
        found = self.engine.all("select task_id from task_run where seq = ?", seq)
        return found[0][0] if found else "?"

    def outcome(self) -> dict[str, Any]:
        """What must be the same whenever the process died."""
        engine = self.engine
        rows = engine.all(
            "select e.flow_id, t.task_id, coalesce(t.value, ''), t.state, t.attempts from task_run t "
            "join execution e on e.seq = t.execution_seq order by 1, 2, 3, 4, 5"
        )
        return {
            "executions": sorted(tuple(r) for r in engine.all("select flow_id, state, task_count from execution")),
            "task runs": [tuple(r) for r in rows],
            "laws": {what: n for what, text in COUNTS.items() if (n := engine.one(text))},
        }


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        yield Path(folder), template_in(Path(folder))


def play(place: tuple[Path, Path], at: int = 0, after: bool = False) -> Play:
    """One run to its end."""
    with tempfile.TemporaryDirectory(dir=place[0]) as folder:
        made = Play(Path(folder), place[1], at, after)
        try:
            made.run()
            made.result = made.outcome()
        finally:
            made.engine.close()
        return made


@pytest.mark.timeout(240)
def test_dying_before_or_after_any_commit_changes_no_outcome(place: tuple[Path, Path]) -> None:
    whole = play(place)
    assert whole.result["laws"] == {}
    assert {state for _, state, _ in whole.result["executions"]} == {int(State.WARNING), int(State.SUCCESS)}
    assert whole.commits > 20
    for at in range(1, whole.commits + 1):
        for after in (False, True):
            died = play(place, at, after)
            where = f"{'after' if after else 'before'} commit {at} of {whole.commits}"
            assert died.result == whole.result, where
