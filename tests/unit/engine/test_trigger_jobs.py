"""Polling and realtime triggers over a real executor and database: what a report counts, whatever breaks (workflow
components §15.3, §15.8; engine notes §2.3).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.messages import Call, Done, Evaluate, Poll, Started
from flowdeck.engine.scheduler import DUE
from flowdeck.engine.trigger_jobs import is_trigger, seq_of
from flowdeck.model.states import State
from flowdeck.sdk import index
from tests.support.plugins import install
from tests.unit.engine.test_cost import Count
from tests.unit.engine.test_scheduler import Scheduled

MINUTE = 60_000
KEY = ("main", "a.b", "f", "it")


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test plugins, installed."""
    folder = install(tmp_path / "plugins")["PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", folder)  # they are described in a process of their own
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path.parent))
    sys.path.insert(0, folder)
    index.refresh()
    yield
    sys.path.remove(folder)
    index.refresh()


class Jobs(Scheduled):
    """The engine of a test whose worker has jobs of triggers."""

    def work(self) -> bool:
        """End attempts; jobs of triggers are the test's."""
        polls = {k: j for k, j in self.worker.jobs.items() if isinstance(j, Poll)}
        for pair in polls:
            del self.worker.jobs[pair]
        did = super().work()
        self.worker.jobs |= polls
        return did

    @property
    def polls(self) -> list[Poll]:
        return [job for job in self.worker.jobs.values() if isinstance(job, Poll)]

    def job(self) -> Poll:
        """The one job that runs."""
        running = [j for j in self.polls if (j.seq, j.fence) not in self.worker.kills]
        assert len(running) == 1, running
        return running[0]

    def report(self, job: Poll, value: Any = None, error: str | None = None, *, state: State | None = None) -> None:
        """The worker's report."""
        self.worker.jobs.pop((job.seq, job.fence), None)
        ended = state or (State.FAILED if error else State.SUCCESS)
        outputs = {"execution": job.execution, "value": value}
        done = Done(job.seq, job.fence, ended, self.now, self.now, outputs=outputs, error=error)
        self.scheduler.jobs.on_done(done)
        self.turn()

    def hear(self, job: Poll, first: int, *values: Any) -> list[Any]:
        """Send events; the answers."""
        answers: list[Any] = []
        call = Call(1, "trigger.events", {"first": first, "events": list(values)}, job.seq, job.fence)
        self.scheduler.jobs.on_events(call, lambda result, error: answers.append(error or result))
        self.turn()
        return answers

    def row(self, name: str) -> Any:
        return self.one(f"select {name} from trigger_state where trigger_id = 'it'")

    def command_on(self, name: str, **args: Any) -> Any:
        answer = self.command(f"trigger.{name}", namespace="a.b", flow_id="f", trigger_id="it", **args)
        self.turn()
        return answer

    def values(self) -> list[Any]:
        """Trigger variables of all executions in order of creation."""
        return [json.loads(t)["variables"] for (t,) in self.all('select "trigger" from execution order by seq')]

    def restart(self, *, claimed: bool) -> None:
        """Core dies; the worker claims its jobs, or is not heard of again."""
        held = [(j.seq, j.fence) for j in self.polls]
        self.worker.jobs = {}
        super(Scheduled, self).crash()
        self.scheduler.load(["w1"])
        self.scheduler.jobs.on_hello("w1", held if claimed else [])
        self.turn()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Jobs]:
    one = Jobs(tmp_path / "engine.db")
    try:
        yield one
    finally:
        one.close()


def flow(trigger: str, head: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in trigger.strip().splitlines())
    task = "{id: one, type: io.kestra.plugin.core.debug.Return, format: x}"
    return f"id: f\nnamespace: a.b\n{head}\ntasks: [{task}]\ntriggers:\n  - id: it\n{lines}\n"


POLL = "type: test.Content\npath: /nowhere"
LISTEN = "type: test.Lines\npath: /nowhere"


def test_an_evaluation_is_one_job_and_its_result_one_execution(engine: Jobs) -> None:
    engine.put(flow(POLL + "\ninterval: PT2M"))
    job = engine.job()
    assert is_trigger(job.seq) and job.seq == seq_of(KEY) and job.fence == engine.row("fence")
    assert job.context["trigger"]["date"] and job.context["flow"]["id"] == "f"
    assert engine.row("evaluating_since") == engine.now and engine.row("worker") is None
    engine.scheduler.jobs.on_started(Started(job.seq, job.fence, engine.now), "w1")
    engine.turn()
    assert engine.row("worker") == "w1"
    engine.now += 5_000
    engine.report(job, {"n": 1})
    assert engine.values() == [{"n": 1}]
    assert engine.row("execution_id") == job.execution == engine.one("select id from execution")
    assert engine.row("evaluating_since") is None and engine.row("next_due") == engine.now + 2 * MINUTE
    assert (job.seq, job.fence) in engine.worker.acks
    # held while the execution runs, due an interval after the evaluation's end
    engine.now += 3 * MINUTE
    engine.turn()
    assert engine.polls == []
    engine.until_rest()
    assert engine.job().fence == job.fence + 1
    engine.report(engine.job(), None)
    assert len(engine.values()) == 1
    engine.now += 2 * MINUTE - 1
    engine.turn()
    assert engine.polls == []
    engine.now += 1
    engine.turn()
    assert len(engine.polls) == 1


def test_a_report_that_is_sent_again_counts_once(engine: Jobs) -> None:
    engine.put(flow(POLL))
    job = engine.job()
    engine.report(job, {"n": 1})
    engine.report(job, {"n": 1})
    assert engine.values() == [{"n": 1}] and engine.worker.acks.count((job.seq, job.fence)) == 2


@pytest.mark.parametrize("what", ["restart", "unlock", "delete", "disable", "edit", "remove", "disable flow"])
def test_what_ends_an_evaluation_makes_its_report_count_for_nothing(engine: Jobs, what: str) -> None:
    engine.put(flow(POLL))
    job = engine.job()
    match what:
        case "disable":
            engine.command_on("set_disabled", disabled=True)
        case "edit":
            engine.put(flow(POLL + "\nlabels: {a: b}"))
        case "remove":
            engine.put(flow(POLL).partition("triggers:")[0])
        case "disable flow":
            engine.put(flow(POLL, head="disabled: true"))
        case _:
            engine.command_on(what)
    assert (job.seq, job.fence) in engine.worker.kills
    engine.report(job, {"n": "old"})
    assert engine.values() == [] and (job.seq, job.fence) in engine.worker.acks
    if what in ("restart", "unlock", "delete", "edit"):
        again = engine.job()
        assert again.fence > job.fence
        engine.report(again, {"n": "new"})
        assert engine.values() == [{"n": "new"}]
    else:
        assert engine.row("evaluating_since") is None and engine.polls == []


def test_errors_and_lost_workers(engine: Jobs) -> None:
    engine.put(flow(POLL))
    job = engine.job()
    engine.scheduler.jobs.on_lost([(job.seq, job.fence)])
    engine.worker.jobs.clear()
    engine.turn()
    second = engine.job()
    assert second.fence == job.fence + 1
    engine.report(second, state=State.KILLED)  # its worker is stopped: another one looks
    third = engine.job()
    engine.report(third, error="broken")
    assert engine.values() == [] and engine.row("next_due") == engine.now + MINUTE
    engine.put(flow(POLL + "\nfailOnTriggerError: true"))
    engine.report(engine.job(), error="broken again")
    assert engine.state(engine.one("select id from execution")) == "FAILED"
    assert any("broken again" in text for _, _, text in engine.lines)


@pytest.mark.parametrize("claimed", [True, False])
def test_core_dies_during_an_evaluation(engine: Jobs, claimed: bool) -> None:
    engine.put(flow(POLL))
    job = engine.job()
    engine.restart(claimed=claimed)
    if claimed:
        assert engine.polls == []  # it goes on where it is
    else:
        assert engine.job().fence == job.fence + 1
    engine.report(job, {"n": 1})
    assert engine.values() == ([{"n": 1}] if claimed else [])


def test_labels_that_need_a_worker(engine: Jobs) -> None:
    """The report is kept by its worker until the execution is stored; resent meanwhile it counts once."""
    engine.put(flow(POLL + "\nlabels: {l: \"{{ kv('k') }}\"}"))
    job = engine.job()
    engine.report(job, {"n": 1})
    assert engine.values() == [] and (job.seq, job.fence) not in engine.worker.acks
    asked = [j for j in engine.worker.jobs.values() if isinstance(j, Evaluate)]
    assert len(asked) == 1
    engine.report(job, {"n": 1})
    del engine.worker.jobs[asked[0].seq, asked[0].fence]
    done = Done(asked[0].seq, asked[0].fence, State.SUCCESS, engine.now, engine.now, outputs={"value": "green"})
    engine.executor.on_done(done, "w1")
    engine.turn()
    assert engine.values() == [{"n": 1}] and (job.seq, job.fence) in engine.worker.acks
    assert engine.all("select value from execution_label where key = 'l'") == [("green",)]


def test_conditions_before_an_evaluation(engine: Jobs) -> None:
    expression = "{{ trigger.date | date('mm') == '31' }}"
    condition = f'conditions: [{{type: io.kestra.plugin.core.condition.Expression, expression: "{expression}"}}]'
    engine.put(flow(f"{POLL}\n{condition}"))
    assert engine.polls == [] and engine.row("next_due") == engine.now + MINUTE
    engine.now += MINUTE
    engine.turn()
    assert len(engine.polls) == 1


@pytest.mark.parametrize("kind", [POLL, LISTEN])
def test_conditions_know_the_trigger_that_is_evaluated(engine: Jobs, kind: str) -> None:
    """§20: `trigger` is `{id, type}` and its own variables."""
    expression = "{{ trigger.id == 'it' and trigger.type is defined and trigger.date is defined }}"
    condition = f'conditions: [{{type: io.kestra.plugin.core.condition.Expression, expression: "{expression}"}}]'
    engine.put(flow(f"{kind}\n{condition}\nlabels: {{of: '{{{{ trigger.id }}}}'}}"))
    assert len(engine.polls) == 1
    if kind == LISTEN:
        engine.hear(engine.job(), 1, {"line": "a"})
        assert [v["line"] for v in engine.values()] == ["a"]
        assert engine.all("select value from execution_label where key = 'of'") == [("it",)]


def test_events_are_stored_once_and_in_order(engine: Jobs) -> None:
    engine.put(flow(LISTEN))
    job = engine.job()
    assert job.realtime
    assert engine.hear(job, 1, {"line": "a"}, {"line": "b"}) == [2]
    assert engine.hear(job, 1, {"line": "a"}, {"line": "b"}) == [2]
    assert engine.hear(job, 2, {"line": "b"}, {"line": "c"}) == [3]
    engine.restart(claimed=True)
    assert engine.polls == []
    assert engine.hear(job, 3, {"line": "c"}, {"line": "d"}) == [4]
    assert [v["line"] for v in engine.values()] == ["a", "b", "c", "d"]
    assert engine.row("execution_id") is None  # no lock
    engine.restart(claimed=False)
    other = engine.job()
    assert engine.hear(job, 5, {"line": "late"})[0][0] == "Conflict"
    assert engine.hear(other, 1, {"line": "e"}) == [1]
    assert [v["line"] for v in engine.values()] == ["a", "b", "c", "d", "e"]


def test_events_whose_labels_need_a_worker_wait_in_order(engine: Jobs) -> None:
    engine.put(flow(LISTEN + '\nlabels: {l: "{{ kv(trigger.line) }}"}'))
    job = engine.job()
    answers = engine.hear(job, 1, {"line": "a"}, {"line": "b"})
    assert answers == [] and engine.hear(job, 1, {"line": "a"}, {"line": "b"})[0][0] == "Unavailable"
    for _ in range(2):
        asked = next(j for j in engine.worker.jobs.values() if isinstance(j, Evaluate))
        del engine.worker.jobs[asked.seq, asked.fence]
        value = asked.context["trigger"]["line"].upper()
        done = Done(asked.seq, asked.fence, State.SUCCESS, engine.now, engine.now, outputs={"value": value})
        engine.executor.on_done(done, "w1")
        engine.turn()
    assert [v["line"] for v in engine.values()] == ["a", "b"]
    labels = engine.all("select value from execution_label where key = 'l' order by execution_seq")
    assert labels == [("A",), ("B",)]


def test_a_listener_that_ends_rests_longer_each_time(engine: Jobs) -> None:
    engine.put(flow(LISTEN))
    rests: list[int] = []
    for _ in range(8):
        engine.report(engine.job(), error="broken")
        rests.append(engine.row("next_due") - engine.now)
        engine.now = engine.row("next_due")
        engine.turn()
    assert rests == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    engine.now += 2 * MINUTE
    engine.report(engine.job(), error="broken")
    assert engine.row("next_due") - engine.now == 1_000


def test_stop_after_ends_a_listener(engine: Jobs) -> None:
    engine.put(flow(LISTEN + "\nstopAfter: [SUCCESS]"))
    job = engine.job()
    engine.hear(job, 1, {"line": "a"})
    engine.until_rest()
    assert engine.row("disabled") and engine.row("evaluating_since") is None
    assert (job.seq, job.fence) in engine.worker.kills


@pytest.mark.parametrize("count", [30, 300])
def test_the_start_reads_all_triggers_at_once(engine: Jobs, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Start is O(n) with a fixed number of statements (engine notes §2.11)."""
    with engine.executor.writer.transaction(engine.now) as tx:
        for number in range(count):
            tx.insert(
                "trigger_state",
                tenant="main",
                namespace="a.b",
                flow_id=f"f{number}",
                trigger_id="t",
                type="io.kestra.plugin.core.trigger.Schedule",
                kind="schedule",
                definition='{"cron":"@daily"}',
                next_due=engine.now + MINUTE,
                disabled=False,
                fence=0,
                updated=engine.now,
            )
    counter = Count(monkeypatch)
    engine.scheduler.load()
    assert counter.take()[0] <= 3
    assert len(engine.all(DUE)) == count and len(engine.scheduler._heap) == count


# ---- conditions that ask a worker (engine notes §2.7)

KV = "conditions: [{type: io.kestra.plugin.core.condition.Expression, expression: \"{{ kv('open') }}\"}]"


def answer(engine: Jobs, value: Any, error: str | None = None) -> None:
    """A worker renders the one thing that it was asked."""
    asked = [j for j in engine.worker.jobs.values() if isinstance(j, Evaluate)]
    assert len(asked) == 1, asked
    del engine.worker.jobs[asked[0].seq, asked[0].fence]
    outputs = {"error": error} if error else {"value": value}
    state = State.FAILED if error else State.SUCCESS
    engine.executor.on_done(
        Done(asked[0].seq, asked[0].fence, state, engine.now, engine.now, outputs=outputs, error=error), "w1"
    )
    engine.turn()


def test_conditions_of_a_schedule_may_ask_a_worker(engine: Jobs) -> None:
    engine.put(flow(f"type: io.kestra.plugin.core.trigger.Schedule\ncron: '* * * * *'\n{KV}"))
    due = engine.row("next_due")
    engine.now = due
    engine.turn()
    assert engine.dates() == []
    answer(engine, "false")
    assert engine.dates() == [] and engine.row("next_due") == due + MINUTE
    engine.now = due + MINUTE
    engine.turn()
    answer(engine, "true")
    assert len(engine.dates()) == 1 and engine.row("last_date") == due + MINUTE
    engine.until_rest()
    engine.now = due + 2 * MINUTE
    engine.turn()
    engine.restart(claimed=True)  # the question is lost with core, the date is not
    answer(engine, None, error="The key 'open' does not exist")
    assert len(engine.dates()) == 2
    assert engine.state(engine.all("select id from execution order by seq")[-1][0]) == "FAILED"


def test_dates_may_ask_a_worker(engine: Jobs) -> None:
    engine.put(flow("type: io.kestra.plugin.core.trigger.ScheduleOnDates\ndates: \"{{ kv('days') }}\""))
    answer(engine, ["2025-03-11T00:00:00Z", "2020-01-01T00:00:00Z"])
    assert engine.dates() == [] and engine.row("next_due") - engine.now < 24 * 60 * MINUTE
    engine.now = engine.row("next_due")
    engine.turn()
    assert engine.dates() == ["2025-03-11T00:00:00Z"]


def test_conditions_of_jobs_may_ask_a_worker(engine: Jobs) -> None:
    engine.put(flow(f"{POLL}\n{KV}"))
    assert engine.polls == []
    answer(engine, "false")
    assert engine.polls == [] and engine.row("next_due") == engine.now + MINUTE
    engine.now += MINUTE
    engine.turn()
    answer(engine, "true")
    assert len(engine.polls) == 1
    engine.put(flow(LISTEN + "\n" + KV.replace("kv('open')", "kv(trigger.line)")))
    job = engine.job()
    replies = engine.hear(job, 1, {"line": "a"}, {"line": "b"})
    assert replies == []
    answer(engine, "false")
    answer(engine, "true")
    assert [v["line"] for v in engine.values()] == ["b"] and replies == [2]


def test_conditions_of_flow_triggers_may_ask_a_worker(engine: Jobs) -> None:
    upstream = "id: up\nnamespace: a.b\ntasks: [{id: one, type: io.kestra.plugin.core.debug.Return, format: x}]\n"
    engine.put(upstream)
    engine.put(flow(f"type: io.kestra.plugin.core.trigger.Flow\nstates: [SUCCESS]\n{KV}"))
    for value, expected in (("false", 0), ("true", 1)):
        engine.start("up")
        while not any(isinstance(j, Evaluate) for j in engine.worker.jobs.values()):
            engine.turn()
            for pair, job in list(engine.worker.jobs.items()):
                if not isinstance(job, Evaluate):
                    engine.end(*pair, {})
        engine.turn()
        engine.restart(claimed=True)  # what was to be judged is a row
        answer(engine, value)
        assert engine.one("select count(*) from execution where flow_id = 'f'") == expected
        assert engine.one("select count(*) from outbox where kind = 'trigger.start'") == 0
