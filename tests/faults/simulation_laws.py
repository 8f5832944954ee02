"""The checker of the simulation: what must hold in the rows after any run (quality §2.2, C1 to C7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flowdeck.model.states import State
from tests.unit.engine.harness import invariants

if TYPE_CHECKING:
    from tests.faults.simulation import Simulation

S = State
ENDS = {S.SUCCESS, S.WARNING, S.FAILED, S.KILLED, S.CANCELLED, S.RETRIED, S.SKIPPED}
AGAIN = {S.RESTARTED, S.QUEUED}

EXECUTION: dict[State | None, set[State]] = {
    None: {S.CREATED},
    S.CREATED: {S.RUNNING, S.QUEUED, S.CANCELLED, S.FAILED, S.KILLED, S.RESTARTED, S.SUCCESS},
    S.QUEUED: {S.RUNNING, S.RESTARTED} | ENDS,
    S.RUNNING: {S.PAUSED, S.RETRYING, S.KILLING, S.BREAKPOINT} | ENDS,
    S.BREAKPOINT: {S.RUNNING, S.KILLING, S.FAILED, S.CANCELLED, S.PAUSED, S.RESTARTED, S.KILLED, S.RETRIED},
    S.PAUSED: {S.RESTARTED, S.RUNNING, S.KILLING, S.QUEUED} | ENDS,
    S.RETRYING: {S.RUNNING, S.KILLING, S.PAUSED, S.BREAKPOINT} | ENDS,
    S.KILLING: {S.KILLED},
    S.RESTARTED: {S.RUNNING, S.KILLING, S.KILLED, S.QUEUED},
}
"""§16.2; a terminal state is left by restart and by hand only."""

TASK_RUN: dict[State | None, set[State]] = {
    None: {S.CREATED},
    S.CREATED: {S.RUNNING, S.BREAKPOINT, S.RETRYING} | ENDS,
    S.BREAKPOINT: {S.CREATED} | ENDS,
    S.RUNNING: {S.PAUSED, S.RETRYING, S.KILLING, S.CREATED} | ENDS,
    S.PAUSED: {S.RUNNING, S.RESTARTED} | ENDS,
    S.RETRYING: {S.CREATED, S.RESTARTED} | ENDS,
    S.KILLING: ENDS,
    S.RESTARTED: {S.RUNNING, S.CREATED, S.BREAKPOINT} | ENDS,
}
"""§16.3; a lost attempt goes back to CREATED."""


def problems(simulation: Simulation) -> list[str]:
    """Everything that is wrong."""
    engine = simulation.engine
    out = invariants(engine)
    out += _accepted(simulation)
    out += _quiet(simulation)
    out += _histories(simulation)
    out += _results(simulation)
    out += _after_kill(simulation)
    out += _states(simulation)
    out += _batches(simulation)
    return out


def _accepted(simulation: Simulation) -> list[str]:
    """C1."""
    stored = {row[0] for row in simulation.engine.all("select id from execution")}
    return [f"execution {id} was accepted and is gone" for id in simulation.accepted - simulation.deleted - stored]


def _quiet(simulation: Simulation) -> list[str]:
    """C2: nothing is left that waits for something."""
    engine = simulation.engine
    out = [
        f"{count} rows are left in {table}"
        for table in ("slot", "waiting", "timer")
        if (count := engine.one(f"select count(*) from {table}"))
    ]
    world = engine.executor.world
    names = ("executions", "runs", "slots", "waiting", "timers", "strays", "evaluations", "children")
    out += [f"memory still holds {name}: {getattr(world, name)}" for name in names if getattr(world, name)]
    for seq, number, total in engine.all(
        "select e.seq, e.task_count, (select count(*) from task_run t where t.execution_seq = e.seq) from execution e"
    ):
        if number < total:
            out.append(f"execution {seq} counts {number} task runs and has {total}")
    for (seq,) in engine.all("select task_run_seq from attempt where task_run_seq not in (select seq from task_run)"):
        out.append(f"an attempt of the missing task run {seq}")
    for (seq,) in engine.all(
        "select distinct task_run_seq from event where task_run_seq > 0 and task_run_seq not in "
        "(select seq from task_run)"
    ):
        out.append(f"history of the missing task run {seq}")
    return out


def _histories(simulation: Simulation) -> list[str]:
    """C4: every change of state is one of the tables; none steps back in time."""
    engine = simulation.engine
    out: list[str] = []
    last: dict[tuple[int, int], tuple[State, int]] = {}
    for execution, run, state, at, cause in engine.all(
        "select execution_seq, task_run_seq, state, at, cause from event order by seq"
    ):
        key, new = (execution, run), State(state)
        before = last.get(key)
        old = before[0] if before else None
        last[key] = (new, at)
        if cause and cause.startswith("change"):
            continue
        if old is not None and old.terminal:
            legal = new in AGAIN if not run else cause in ("restart", "late") or new is S.RESTARTED
        elif run:
            legal = new in TASK_RUN[old] or cause == "restart"
        else:
            legal = new in EXECUTION[old]
        if not legal:
            told = old.name if old else "nothing"
            out.append(
                f"{'task run ' + str(run) if run else 'execution ' + str(execution)}: {told} → {new.name} ({cause})"
            )
    return out


def _results(simulation: Simulation) -> list[str]:
    """C3: a fence is used by one attempt; outputs are those of the last attempt."""
    engine = simulation.engine
    out = [
        f"task run {seq} has {count} attempts with fence {fence}"
        for seq, fence, count in engine.all(
            "select a.task_run_seq, a.fence, count(*) from attempt a where a.fence > 0 "
            "group by a.task_run_seq, a.fence having count(*) > 1"
        )
        if engine.one("select child_execution from task_run where seq = ?", seq) is None
    ]
    copies = {row[0] for row in engine.all("select seq from execution where parent_id is not null")}
    for seq, execution, outputs, fence in engine.all(
        "select t.seq, t.execution_seq, t.outputs, a.fence from task_run t join attempt a on a.task_run_seq = t.seq "
        "and a.no = t.attempts where t.outputs like '%token%'"
    ):
        token = json.loads(outputs).get("token")
        if execution not in copies and simulation.tokens.get(token) != (seq, fence):
            out.append(
                f"task run {seq} has outputs of {simulation.tokens.get(token)}, its last attempt has fence {fence}"
            )
    return out


def _after_kill(simulation: Simulation) -> list[str]:
    """C7: once a kill is under way no task run is created but those of afterExecution."""
    engine = simulation.engine
    out: list[str] = []
    after = {row[0] for row in engine.all("select seq from task_run where after_execution")}
    for seq, key, flow, revision in engine.all(
        "select t.seq, t.task_key, e.flow_key, e.flow_rev from task_run t join execution e on e.seq = t.execution_seq"
    ):
        task = engine.plans.by_key(flow, revision, "main").flow.tasks
        above = task[key].parent
        if above is not None and task[above].type.endswith(".WorkingDirectory"):
            after.add(seq)  # it has its row when its worker has told of it
    killed: set[int] = set()
    seen: set[int] = set()
    for execution, run, state in engine.all("select execution_seq, task_run_seq, state from event order by seq"):
        if not run:
            if state in (S.KILLING, S.KILLED):
                killed.add(execution)
            elif state in AGAIN or state == S.RUNNING:
                killed.discard(execution)
        elif run not in seen:
            seen.add(run)
            if execution in killed and run not in after:
                out.append(f"task run {run} was created after the kill of execution {execution}")
    return out


def _batches(simulation: Simulation) -> list[str]:
    """§9.2: every batch of a ForEachItem has its execution, and never two that run."""
    engine = simulation.engine
    out: list[str] = []
    copies = {row[0] for row in engine.all("select seq from execution where parent_id is not null")}
    for seq, task, state, outputs, execution, id in engine.all(
        "select t.seq, t.task_id, t.state, t.outputs, e.seq, e.id from task_run t join execution e"
        " on e.seq = t.execution_seq where t.task_id like '%\\_items' escape '\\'"
    ):
        if execution in copies or id in simulation.touched:
            continue  # copies have no executions of their own
        made: list[int] = []
        running: list[int] = []
        for trigger, child in engine.all('select "trigger", state from execution where parent_task_run = ?', seq):
            number = json.loads(trigger)["variables"]["taskRunIteration"]
            made.append(number)
            if child < 20:
                running.append(number)
        if len(running) != len(set(running)):
            out.append(f"batches of {task} ({seq}) run twice: {sorted(running)}")
        told = json.loads(outputs) if outputs else {}
        waited = "CREATED" in (told.get("iterations") or {})
        attempts = engine.all("select state from attempt where task_run_seq = ? order by no desc limit 1", seq)
        if attempts and attempts[0][0] != S.SUCCESS:
            continue  # allowFailure and allowWarning together: what failed on the way ends as SUCCESS
        if state == S.SUCCESS and waited and not simulation.deleted and set(made) != {0, 1, 2}:
            out.append(f"{task} ({seq}) ended with executions of {sorted(made)}")
        if state == S.SUCCESS and waited and sum(n for s, n in told["iterations"].items() if s != "RETRIED") != 3:
            out.append(f"{task} ({seq}) ended with counts {told['iterations']}")
    return out


def _states(simulation: Simulation) -> list[str]:
    """§10.2: the state of an execution is the worst of its own `tasks`; nothing else worsens or repairs it."""
    engine = simulation.engine
    out: list[str] = []
    worst = (S.KILLED, S.FAILED, S.CANCELLED, S.WARNING)
    for seq, id, state, flow, revision in engine.all("select seq, id, state, flow_key, flow_rev from execution"):
        plan = engine.plans.by_key(flow, revision, "main")
        if state in (S.KILLED, S.CANCELLED, S.RETRIED) or id in simulation.touched:
            continue
        if any(t.type.endswith(".Exit") or t.type.endswith(".Pause") for t in plan.flow.tasks) or plan.flow.outputs:
            continue
        mine = {
            State(row[0])
            for row in engine.all(
                "select state, task_key from task_run where execution_seq = ? and parent_seq = 0", seq
            )
            if plan.flow.tasks[row[1]].branch == "tasks"
        }
        expected = next((s for s in worst if s in mine), S.SUCCESS)
        limited = plan.flow.concurrency is not None and not mine
        if not limited and expected is not State(state):
            out.append(f"execution {id} is {State(state).name}, its tasks are {sorted(s.name for s in mine)}")
    return out
