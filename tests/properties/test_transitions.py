"""Random flows, random workers, kills, pauses, crashes: what must hold all the same."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdeck.model.errors import DomainError
from flowdeck.model.states import State
from tests.unit.engine.harness import Engine

CORE = "io.kestra.plugin.core.flow."


class Names:
    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        self.count += 1
        return f"t{self.count}"


def tasks(rand: random.Random, names: Names, depth: int, most: int = 3) -> list[dict[str, Any]]:
    return [task(rand, names, depth) for _ in range(rand.randint(1, most))]


def task(rand: random.Random, names: Names, depth: int) -> dict[str, Any]:
    kind = (
        rand.choice(["work", "work", "work", "seq", "par", "if", "switch", "each", "allow", "pause", "sub"])
        if depth
        else "work"
    )
    out: dict[str, Any] = {"id": names.next()}
    if rand.random() < 0.1:
        out["allowFailure"] = True
    if rand.random() < 0.1:
        out["allowWarning"] = True
    if rand.random() < 0.08:
        out["disabled"] = True
    if rand.random() < 0.1:
        out["runIf"] = rand.choice(["{{ 1 == 1 }}", "{{ false }}", "{{ nope.x }}", "{{ kv('a') }}"])
    if kind == "work":
        out["type"] = "test.Work"
        if rand.random() < 0.2:
            out["retry"] = {"type": "constant", "interval": "PT1S", "maxAttempts": rand.randint(1, 3)}
        return out
    if kind == "pause":
        return out | {
            "type": CORE + "Pause",
            "pauseDuration": "PT2S",
            "behavior": rand.choice(["RESUME", "WARN", "FAIL", "CANCEL"]),
        }
    if kind == "sub":
        return out | {
            "type": CORE + "Subflow",
            "namespace": "a.b",
            "flowId": "child",
            "wait": rand.random() < 0.8,
            "transmitFailed": rand.random() < 0.7,
        }
    if rand.random() < 0.3:
        out["errors"] = tasks(rand, names, depth - 1, 2)
    if rand.random() < 0.2:
        out["finally"] = tasks(rand, names, depth - 1, 2)
    inner = tasks(rand, names, depth - 1)
    if kind == "if":
        return out | {"type": CORE + "If", "condition": rand.choice(["true", "{{ false }}"]), "then": inner}
    if kind == "switch":
        return out | {"type": CORE + "Switch", "value": rand.choice(["one", "other"]), "cases": {"one": inner}}
    if kind == "each":
        return out | {
            "type": CORE + "ForEach",
            "values": list("uvw")[: rand.randint(0, 3)],
            "concurrencyLimit": rand.randint(0, 2),
            "tasks": inner,
        }
    out["tasks"] = inner
    if kind == "par":
        return out | {"type": CORE + "Parallel", "concurrent": rand.randint(0, 2)}
    return out | {"type": CORE + ("Sequential" if kind == "seq" else "AllowFailure")}


def make_flow(rand: random.Random) -> dict[str, Any]:
    names = Names()
    flow: dict[str, Any] = {"id": "f", "namespace": "a.b", "tasks": tasks(rand, names, 3)}
    for part, chance in (("errors", 0.4), ("finally", 0.3), ("afterExecution", 0.3)):
        if rand.random() < chance:
            flow[part] = tasks(rand, names, 1, 2)
    if rand.random() < 0.3:
        flow["concurrency"] = {"limit": 1, "behavior": rand.choice(["QUEUE", "QUEUE", "CANCEL", "FAIL"])}
    if rand.random() < 0.15:
        flow["retry"] = {
            "type": "constant",
            "interval": "PT1S",
            "maxAttempts": 2,
            "behavior": rand.choice(["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"]),
        }
    return flow


def rendered(value: Any, rand: random.Random) -> Any:
    """What a worker might make of templates."""
    if isinstance(value, str):
        return rand.choice(["x", "", "false"]) if "{{" in value else value
    if isinstance(value, list):
        return [rendered(v, rand) for v in value]
    return {k: rendered(v, rand) for k, v in value.items()} if isinstance(value, dict) else value


CHILD = {
    "id": "child",
    "namespace": "a.b",
    "tasks": [{"id": "c1", "type": "test.Work"}, {"id": "c2", "type": "test.Work"}],
}


def act(engine: Engine, rand: random.Random, executions: list[str], crashes: bool) -> None:
    """One random thing that happens."""
    what = rand.random()
    jobs = list(engine.worker.jobs.items())
    if what < 0.6 and jobs:
        (seq, fence), job = rand.choice(jobs)
        if fence < 0:
            engine.end(seq, fence, {"value": rendered(getattr(job, "value", None), rand)})
        elif rand.random() < 0.2:
            from flowdeck.engine.messages import Started

            engine.executor.on_started(Started(seq, fence, engine.now))
        else:
            state = (
                "KILLED"
                if (seq, fence) in engine.worker.kills
                else rand.choice(["SUCCESS"] * 6 + ["FAILED", "FAILED", "WARNING"])
            )
            engine.end(seq, fence, state)
    elif what < 0.64 and jobs:
        engine.executor.on_lost("w1", [key for key, _ in jobs])
        engine.worker.jobs.clear()
    elif what < 0.72:
        name, args = rand.choice(
            [
                ("kill", {}),
                ("pause", {}),
                ("resume", {}),
                ("resume", {}),
                ("restart", {}),
                ("replay", {}),
                ("force_run", {}),
                ("unqueue", {}),
            ]
        )
        try:
            answer = engine.command(f"execution.{name}", id=rand.choice(executions), **args)
        except DomainError:
            return
        if answer["id"] not in executions and len(executions) < 5:
            executions.append(answer["id"])
    elif what < 0.78 and crashes:
        engine.crash(keep_worker=rand.random() < 0.7)
    else:
        engine.later(rand.choice([0, 100, 1000]))
        engine.executor.step()


def last_states(engine: Engine) -> dict[int, int]:
    return dict(engine.all("select seq, state from execution where state >= 20"))  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.integers(0, 2**32))
def test_any_order_of_things_ends_well(seed: int) -> None:
    rand = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        engine = Engine(Path(folder) / "x.db", seed)
        try:
            run_once(engine, rand)
        finally:
            engine.close()


def run_once(engine: Engine, rand: random.Random) -> None:
    engine.save(json.dumps(CHILD))
    engine.save(json.dumps(make_flow(rand)))
    executions = [engine.start("f") for _ in range(rand.randint(1, 2))]
    ended: dict[int, int] = {}
    for _ in range(60):
        act(engine, rand, executions, crashes=True)
        if rand.random() < 0.5:
            engine.executor.step()
    # Quiet now: everything has to come to its end by itself.
    engine.crash(keep_worker=rand.random() < 0.5)
    for _ in range(400):
        engine.run()
        paused = [e for (e,) in engine.all("select id from execution where state = ?", int(State.PAUSED))]
        for e in paused:
            engine.command("execution.resume", id=e)
        if (
            not paused
            and engine.one("select count(*) from execution where state < 20") == 0
            and not engine.executor.world.timers
        ):
            break
        engine.later(1_000)
    engine.check()
    assert engine.all("select id, state from execution where state < 20") == [], describe(engine)
    for table in ("slot", "waiting", "timer"):
        assert engine.one(f"select count(*) from {table}") == 0, table
    assert not engine.executor.world.executions
    assert not engine.executor.world.runs
    # What has ended does not change any more.
    ended = last_states(engine)
    engine.crash(keep_worker=False)
    engine.run()
    assert last_states(engine) == ended
    for _seq, number, total in engine.all(
        "select e.seq, e.task_count, (select count(*) from task_run t where t.execution_seq = e.seq) from execution e"
    ):
        assert number >= total


def describe(engine: Engine) -> str:
    lines = []
    for id, state in engine.all("select id, state from execution"):
        lines.append(f"{id} {State(state).name} {engine.tasks(id)}")
    lines.append(str(engine.executor.world.executions))
    lines.append(str(engine.worker.jobs.keys()))
    return "\n".join(lines)
