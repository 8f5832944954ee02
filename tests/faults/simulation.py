"""A seeded simulation of the engine: random flows, users, workers, clocks and crashes, and what must hold all the same.

The executor's loop, its transitions and its rows are the real ones; clock, randomness, files and transport are given
by the seed. A run ends with the checker of the contract (accepted executions are there, everything ends, results count
once, histories are legal, limits hold, nothing starts after a kill). A seed that fails is printed; it replays:

    python -m tests.faults.simulation --seeds 10000
    python -m tests.faults.simulation --seed 4711 --verbose
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from flowdeck.engine.messages import Done, Evaluate, Run, Started
from flowdeck.model.engine.world import Changes
from flowdeck.model.errors import DomainError
from flowdeck.model.states import State
from tests.faults.simulated_flows import CHILD, LIMITED, make_flow
from tests.faults.simulation_laws import problems
from tests.unit.engine.harness import Engine

STEPS = 80
"""Random things that happen before everybody leaves the engine alone."""
QUIET_ROUNDS = 600
"""Rounds of one second in which everything has to come to its end by itself."""


class _Raised(logging.Handler):
    """Gathers what the executor reports as raised within it: never expected here."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(
            "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else record.getMessage()
        )


class Simulation:
    """One run: an engine, a worker that may fail in every way, a user who does everything."""

    def __init__(self, folder: Path, seed: int, template: Path | None = None) -> None:
        self.seed = seed
        self.rand = random.Random(seed)
        path = folder / "x.db"
        if template is not None:
            shutil.copy(template, path)
        self.engine = Engine(path, seed)
        self.trace: list[str] = []
        self.accepted: set[str] = set()
        self.deleted: set[str] = set()
        self.forced: set[str] = set()
        self.touched: set[str] = set()  # a user has set states by hand
        self.kept: dict[tuple[int, int], Done] = {}  # reports that the worker keeps until they are acknowledged
        self.stale: list[Done] = []  # reports of workers that counted as lost
        self.tokens: dict[str, tuple[int, int]] = {}  # outputs → the attempt that made them
        self.revision = 1
        self.limits = {"main/a.b/limited": 1}
        self.raised = _Raised()

    # ── the run ─────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Play and check; AssertionError with everything that is wrong."""
        engine, rand = self.engine, self.rand
        flow = make_flow(rand)
        self.limit(flow)
        for source in (CHILD, LIMITED, flow):
            engine.save(json.dumps(source))
        self.note("flow", json.dumps(flow))
        for _ in range(rand.randint(1, 2)):
            self.command("create", namespace="a.b", flow_id="f")
        for _ in range(STEPS):
            self.act()
            if rand.random() < 0.5:
                self.step()
            self.watch()
        self.settle()
        assert not self.raised.found, self.raised.found[0]
        found = problems(self)
        assert not found, "\n".join(found)
        self.repeat()

    def limit(self, flow: dict[str, Any]) -> None:
        """What a revision says about the limit: those that run keep their places when it is lowered."""
        scope = "main/a.b/f"
        if "concurrency" not in flow:
            self.limits[scope] = 1_000
        else:
            self.limits[scope] = max(self.limits.get(scope, 0), flow["concurrency"]["limit"])

    def note(self, *what: Any) -> None:
        """Remember what happened."""
        self.trace.append(" ".join(str(x) for x in what))

    def step(self) -> None:
        """One turn of the loop; what was acknowledged is forgotten by the worker."""
        self.engine.executor.step()
        self.hear()

    def hear(self) -> None:
        """The worker reads what the engine has told it."""
        worker = self.engine.worker
        for key in worker.acks:
            self.kept.pop(key, None)
        worker.acks.clear()

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────────

    def act(self) -> None:
        """One random thing."""
        rand = self.rand
        what = rand.random()
        if what < 0.5:
            self.work()
        elif what < 0.56:
            self.report_again()
        elif what < 0.60:
            self.lose_worker()
        elif what < 0.72:
            self.user()
        elif what < 0.78:
            self.crash()
        else:
            self.engine.later(rand.choice([0, 0, 100, 1_000, 5_000]))
            self.step()

    def work(self) -> None:
        """A job starts or ends."""
        engine, rand = self.engine, self.rand
        jobs = list(engine.worker.jobs.items())
        if not jobs:
            return
        (seq, fence), job = rand.choice(jobs)
        if isinstance(job, Run) and rand.random() < 0.25:
            self.note("started", seq, fence)
            engine.executor.on_started(Started(seq, fence, engine.now), "w1")
            return
        self.end(seq, fence, job)
        if rand.random() < 0.85:
            self.deliver((seq, fence))

    def end(self, seq: int, fence: int, job: Any) -> None:
        """A job ends on the worker; its report waits to be sent."""
        engine, rand = self.engine, self.rand
        engine.worker.jobs.pop((seq, fence), None)
        if isinstance(job, Run) and job.children:
            self.end_directory(seq, fence, job)
            return
        if isinstance(job, Evaluate):
            wrong = rand.random() < 0.1
            outputs: dict[str, Any] = (
                {"error": "it can't be rendered"} if wrong else {"value": self.rendered(job.value)}
            )
            self.kept[seq, fence] = Done(seq, fence, State.SUCCESS, engine.now, engine.now, outputs=outputs)
            return
        killed = (seq, fence) in engine.worker.kills
        state = State.KILLED if killed else State[rand.choice(["SUCCESS"] * 6 + ["FAILED", "FAILED", "WARNING"])]
        token = f"{seq}.{fence}.{rand.getrandbits(32)}"
        self.tokens[token] = (seq, fence)
        self.kept[seq, fence] = Done(
            seq,
            fence,
            state,
            engine.now - rand.choice([0, 0, 50]),
            engine.now,
            outputs={"token": token, "splits": "kestra:///list"} if state is not State.KILLED else None,
            error="it broke" if state is State.FAILED else None,
        )

    def end_directory(self, seq: int, fence: int, job: Run) -> None:
        """The job of a WorkingDirectory: its children are reported first, one after the other (§8.9)."""
        engine, rand = self.engine, self.rand
        killed = (seq, fence) in engine.worker.kills
        worst = State.KILLED if killed else State.SUCCESS
        reported = rand.random() < 0.8  # else the connection is gone: all comes later, and not all of it
        for _, child, _ in job.children:
            if killed and rand.random() < 0.5:
                break
            state = State.KILLED if killed else State[rand.choice(["SUCCESS"] * 5 + ["FAILED", "WARNING"])]
            token = f"{child}.{fence}.{rand.getrandbits(32)}"
            self.tokens[token] = (child, fence)
            outputs = {"token": token} if state is not State.KILLED else None
            done = Done(child, fence, state, engine.now, engine.now, outputs=outputs)
            if reported:
                if rand.random() < 0.7:
                    engine.executor.on_started(Started(child, fence, engine.now), "w1")
                    if rand.random() < 0.3:
                        self.step()
                engine.executor.on_done(done, "w1")
            elif rand.random() < 0.7:
                self.kept[child, fence] = done
            worst = max(worst, state, key=[State.SUCCESS, State.WARNING, State.FAILED, State.KILLED].index)
            if state in (State.FAILED, State.KILLED):
                break
        error = "it broke" if worst is State.FAILED else None
        self.kept[seq, fence] = Done(seq, fence, worst, engine.now, engine.now, error=error)

    def rendered(self, value: Any) -> Any:
        """What a worker might make of templates."""
        if value == {"text": "{{ read(uri) }}"}:
            return {"text": "".join(f"kestra:///batch-{n}\n" for n in range(3))}
        if isinstance(value, str):
            return self.rand.choice(["x", "", "false"]) if "{{" in value else value
        if isinstance(value, list):
            return [self.rendered(v) for v in value]
        return {k: self.rendered(v) for k, v in value.items()} if isinstance(value, dict) else value

    def deliver(self, key: tuple[int, int]) -> None:
        """Send a report; it is kept until it is acknowledged."""
        if key in self.kept:
            self.note("done", *key, State(self.kept[key].state).name)
            self.engine.executor.on_done(self.kept[key], "w1")

    def report_again(self) -> None:
        """Duplicates, in any order; reports of workers that were thought dead."""
        rand = self.rand
        keys = list(self.kept)
        rand.shuffle(keys)
        for key in keys[:3]:
            self.deliver(key)
        if self.stale and rand.random() < 0.5:
            late = rand.choice(self.stale)
            self.note("stale", late.seq, late.fence, State(late.state).name)
            self.engine.executor.on_done(late, "w0")

    def lose_worker(self) -> None:
        """A worker's lease ends; it may have done its work all the same and say so later."""
        worker = self.engine.worker
        held = [*worker.jobs, *self.kept]
        self.note("lost", held)
        for key, job in list(worker.jobs.items()):
            if isinstance(job, Run):
                self.end(*key, job)
        self.stale += [done for key, done in self.kept.items() if key[1] > 0]
        held += [key for key in worker.jobs if key not in held]  # sent to it meanwhile
        worker.jobs.clear()
        self.kept.clear()
        self.engine.executor.on_lost("w1", held)

    def crash(self) -> None:
        """The process dies: between two steps, with inputs that were not applied, or after a commit before its effects."""
        engine, rand = self.engine, self.rand
        how = rand.random()
        if how < 0.3:
            batch = engine.executor._apply()
            if batch is not None and batch.step.open:
                engine.executor.writer.commit()
            self.note("crash after a commit")
        elif how < 0.5:
            engine.executor._apply()
            if engine.executor.writer is not None:
                engine.executor.world.changes = Changes()
                engine.executor.writer.rollback()
            self.note("crash before a commit")
        else:
            self.note("crash")
        keep = rand.random() < 0.7
        if not keep:
            self.stale += [done for key, done in self.kept.items() if key[1] > 0]
            self.kept.clear()
        engine.crash(
            keep_worker=keep, hello=[k for k in [*engine.worker.jobs, *self.kept] if k[1] > 0] if keep else None
        )

    def user(self) -> None:
        """A user does something with one of the executions."""
        rand = self.rand
        name = rand.choice(
            [
                "kill",
                "pause",
                "resume",
                "resume",
                "restart",
                "restart",
                "replay",
                "replay+from",
                "force_run",
                "unqueue",
                "create",
                "change_task_state",
                "change_status",
                "delete",
                "breakpoint",
                "revise",
            ]
        )
        if name in ("create", "breakpoint"):
            if len(self.accepted) < 6:
                more: dict[str, Any] = {}
                if name == "breakpoint":
                    more["breakpoints"] = [{"id": f"t{rand.randint(1, 6)}"}]
                self.command("create", namespace="a.b", flow_id=rand.choice(["f", "f", "limited"]), **more)
            return
        if name == "revise":
            if self.revision < 4:
                self.revision += 1
                flow = make_flow(rand)
                self.note("revise", self.revision, json.dumps(flow))
                self.limit(flow)
                self.engine.save(json.dumps(flow), self.revision)
            return
        ids = [row[0] for row in self.engine.all("select id from execution order by seq")]
        if not ids:
            return
        chosen = rand.choice(ids)
        args: dict[str, Any] = {"id": chosen}
        if name in ("change_task_state", "replay+from"):
            runs = self.engine.all(
                "select t.id from task_run t join execution e on e.seq = t.execution_seq where e.id = ? order by t.seq",
                chosen,
            )
            if not runs:
                return
            args["task_run"] = rand.choice(runs)[0]
        if name in ("change_task_state", "change_status"):
            args["state"] = rand.choice(["SUCCESS", "FAILED", "WARNING", "KILLED"])
            self.touched.add(chosen)
        if name in ("restart", "replay", "replay+from") and rand.random() < 0.3:
            args["revision"] = rand.randint(1, self.revision)
        if name in ("replay", "replay+from") and len(self.accepted) >= 8:
            return
        self.command(name.removesuffix("+from"), **args)

    def command(self, name: str, **args: Any) -> Any:
        """Send a command; what it answers is accepted for good."""
        self.note(name, args)
        try:
            answer = self.engine.command(f"execution.{name}", **args)
        except DomainError as refused:
            self.note("  refused:", refused)
            return None
        self.hear()
        self.accepted.add(answer["id"])
        if name == "delete":
            self.deleted.add(answer["id"])
        if name in ("force_run", "unqueue"):
            self.forced.add(answer["id"])
        return answer

    def watch(self) -> None:
        """What holds at any time: no limit is exceeded, but by those whom a user let in."""
        world = self.engine.executor.world
        for scope, limit in self.limits.items():
            held = [world.executions.get(seq) for seq in world.slots.get(scope, ())]
            inside = [x for x in held if x is not None and x.id not in self.forced]
            assert len(inside) <= limit, f"{scope}: {len(inside)} executions hold places, the limit is {limit}"

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Everybody does their work, pauses are resumed: all has to end."""
        engine = self.engine
        self.note("quiet")
        if self.rand.random() < 0.5:
            engine.crash(keep_worker=True, hello=[k for k in [*engine.worker.jobs, *self.kept] if k[1] > 0])
        for _ in range(QUIET_ROUNDS):
            for _ in range(2_000):
                engine.steps()
                self.hear()
                for key, job in list(engine.worker.jobs.items()):
                    self.end(*key, job)
                if not self.kept:
                    break
                for key in list(self.kept):
                    self.deliver(key)
            else:
                raise AssertionError("work without end")
            held = engine.all(
                "select id from execution where state in (?, ?)", int(State.PAUSED), int(State.BREAKPOINT)
            )
            after = engine.all(
                "select distinct e.id from execution e join task_run t on t.execution_seq = e.seq "
                "where e.state >= 20 and t.state = ?",
                int(State.PAUSED),
            )
            for (execution,) in [*held, *after]:
                self.command("resume", id=execution)
            if (
                not held
                and not after
                and engine.one("select count(*) from execution where state < 20") == 0
                and not engine.executor.world.timers
            ):
                return
            engine.later(1_000)
        raise AssertionError(f"not all has ended:\n{self.describe()}")

    def repeat(self) -> None:
        """What has ended does not change any more, neither by a new process nor by old reports."""
        engine = self.engine
        before = engine.all("select seq, state, version from execution order by seq")
        engine.crash(keep_worker=False)
        for done in self.stale:
            engine.executor.on_done(done, "w0")
        engine.run()
        after = engine.all("select seq, state, version from execution order by seq")
        assert before == after, f"ended executions have changed: {before} → {after}"

    def describe(self) -> str:
        """Executions and task runs as they are."""
        engine = self.engine
        lines = [
            f"{id} {State(state).name} {engine.tasks(id)}"
            for id, state in engine.all("select id, state from execution")
        ]
        world = engine.executor.world
        return "\n".join([*lines, str(world.executions), str(world.timers), str(list(engine.worker.jobs))])


def simulate(seed: int, folder: Path, template: Path | None = None, verbose: bool = False) -> str | None:
    """Run one seed; answers what went wrong with the way there, None when all is well."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        simulation = Simulation(Path(own), seed, template)
        log = logging.getLogger("flowdeck.executor")
        log.addHandler(simulation.raised)
        log.propagate = verbose
        try:
            simulation.run()
            return None
        except Exception:
            error = traceback.format_exc()
            trace = "\n".join(simulation.trace if verbose else simulation.trace[-40:])
            return f"seed {seed}\n{trace}\n{simulation.describe()}\n{error}"
        finally:
            if verbose:
                print("\n".join(simulation.trace))
            log.removeHandler(simulation.raised)
            log.propagate = True
            simulation.engine.close()


def template_in(folder: Path) -> Path:
    """An empty database to copy."""
    path = folder / "template.db"
    engine = Engine(path)
    engine.close()
    return path


def memory_folder() -> str | None:
    """A file system in memory, if there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep-going", action="store_true", help="all seeds, whatever fails")
    args = parser.parse_args()
    began = time.monotonic()
    seeds = [args.seed] if args.seed is not None else range(args.start, args.start + args.seeds)
    failed: list[int] = []
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        template = template_in(Path(folder))
        for seed in seeds:
            wrong = simulate(seed, Path(folder), template, args.verbose)
            if wrong:
                failed.append(seed)
                print(wrong if not args.keep_going else f"seed {seed}: {wrong.strip().splitlines()[-1]}", flush=True)
                if not args.keep_going:
                    break
    print(f"{len(seeds)} seeds in {time.monotonic() - began:.0f} s, failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
