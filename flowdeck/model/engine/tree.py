"""Levels of task runs: which child comes next, when a level ends, and with which state (§8, §10).

Every function here costs the same whatever the number of siblings.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Mapping
from typing import Any

from flowdeck.model.engine.plan import AFTER, FLOW, SIDE_BRANCHES
from flowdeck.model.engine.stages import WORK, work
from flowdeck.model.engine.world import FAR, NEW, OUTPUTS, STATE, KillAttempt, Level, Live, Run, World
from flowdeck.model.flow import TaskDef, TaskKind
from flowdeck.model.states import State

TIMERS = ("retry", "pause", "pause-timeout", "timeout", "loop")
"""Timers of task runs that go with the end of the task run."""
UNTIL = FLOW + "LoopUntil"

CHUNK = 500
"""Most children created at a time: a level of 30,000 children must not hold the loop."""

_WORST = (State.KILLED, State.FAILED, State.CANCELLED, State.WARNING, State.PAUSED)
_NOISE = re.compile(r"\d+|\b[0-9A-Za-z]{20,}\b")
_STOPPING = (State.KILLED, State.CANCELLED, State.RETRIED)


def settle(state: State, task: TaskDef) -> State:
    """Apply `allowFailure` and `allowWarning` to a final state."""
    if state is State.FAILED and task.allow_failure:
        state = State.WARNING
    if state is State.WARNING and task.allow_warning:
        state = State.SUCCESS
    return state


def worst(level: Level) -> State:
    """The state that the main children give their parent."""
    return next((s for s in _WORST if level.counts.get(s)), State.SUCCESS)


def held(live: Live, after: bool) -> bool:
    """Whether nothing new may start now."""
    return not after and (
        live.state in (State.PAUSED, State.BREAKPOINT, State.QUEUED, State.RESTARTED)
        or live.state.terminal
        or live.finishing
    )


def aside(run: Run) -> bool:
    """Whether a task run belongs to errors, finally or what follows the end, its own or that of a block around it."""
    node: Run | None = run
    while node is not None:
        if node.task.branch in SIDE_BRANCHES:
            return True
        node = node.parent
    return False


def dying(live: Live, after: bool) -> bool:
    """Whether a kill is under way for this part of the tree."""
    return live.state is State.KILLING and not after


# ── birth ───────────────────────────────────────────────────────────────────────────────────────────────────────


def create_run(
    w: World,
    live: Live,
    level: Level,
    key: int,
    iteration: int = -1,
    value: str | None = None,
    *,
    given: tuple[int, str, int] | None = None,
) -> Run:
    """Create a task run and have it begun; one that a worker has begun has its number, id and beginning `given`."""
    task = live.plan.flow.tasks[key]
    if given is None:
        w.last_run += 1
        given = (w.last_run, w.new_id(w.now), w.now)
        w.later("begin", run := Run(live, task, given[0], given[1], live.task_count, given[2]))
    else:
        run = Run(live, task, given[0], given[1], live.task_count, given[2])
        run.begun = True
    live.task_count += 1
    parent = level.run
    run.parent = parent
    run.value = value
    run.iteration = iteration if iteration >= 0 or parent is None else parent.iteration
    above = parent.path if parent is not None else ()
    run.path = (*above, value) if value is not None else above
    run.after = (parent is not None and parent.after) or task.branch == AFTER
    run.dirty = NEW
    level.open[run.seq] = run
    live.open[run.seq] = run
    holder = level if level.made is not None else level.around
    if holder is not None and holder.made is not None:
        holder.made[run.seq] = run
    w.runs[run.seq] = run
    w.keep(run)
    w.run_event(run, State.CREATED, run.created)
    if task.type == UNTIL:
        run.detail["from"] = run.version  # where its history begins: what goes with a round is found quickly
    return run


def open_level(
    w: World,
    run: Run,
    keys: tuple[int, ...],
    *,
    limit: int = 1,
    values: list[str] | None = None,
    flat: bool = False,
    depends: Mapping[str, list[str]] | None = None,
) -> None:
    """Give a flowable its children; it runs from now on."""
    run.level = level_for(run, keys, limit=limit, values=values, flat=flat, depends=depends)
    if run.state is not State.RUNNING:
        start_run(w, run)
    w.later("advance", run.level)


def level_for(
    run: Run,
    keys: tuple[int, ...],
    *,
    limit: int = 1,
    values: list[str] | None = None,
    flat: bool = False,
    depends: Mapping[str, list[str]] | None = None,
) -> Level:
    """The empty level of a flowable; `depends` gives, by task id, the ids that a task of a Dag waits for (§8.3)."""
    children = run.task.children
    side = {name: children[name] for name in ("errors", "finally") if children.get(name)}
    level = Level(run.execution, run, keys, side, limit, values, flat)
    if depends is not None:
        tasks = run.execution.plan.flow.tasks
        groups = {tasks[key].id: group for group, key in enumerate(keys)}
        followers: dict[int, list[int]] = {key: [] for key in keys}
        for name, group in groups.items():
            wanted = {groups[d] for d in depends.get(name, ()) if d in groups}  # disabled ones are absent
            level.waits.append(len(wanted))
            for other in wanted:
                followers[keys[other]].append(group)
        level.followers = followers
        level.startable = [group for group, waits in enumerate(level.waits) if not waits]
    if run.task.type == UNTIL:
        level.made = {}
    return level


def start_run(w: World, run: Run) -> None:
    """A task run without a worker begins to run."""
    run.started = run.started or w.now
    run.first_started = run.first_started or w.now
    w.run_event(run, State.RUNNING)


# ── death ───────────────────────────────────────────────────────────────────────────────────────────────────────


def set_outputs(w: World, run: Run, outputs: Any, uri: str | None = None, size: int = 0) -> None:
    """Store a task run's outputs; the executor's own ones are small."""
    run.outputs = outputs
    run.outputs_uri = uri
    run.outputs_size = size
    run.dirty |= OUTPUTS
    w.changes.runs[run.seq] = run


def note_error(w: World, run: Run, message: str | None) -> None:
    """Remember why a task run failed; the first of an execution is the execution's error."""
    text = (message or "").strip() or f"Task {run.task.id} failed"
    run.detail["error"] = text[:2000]
    run.dirty |= 4
    live = run.execution
    if live.error is None and run.task.branch not in SIDE_BRANCHES and not run.task.allow_failure:
        key = hashlib.sha1(
            f"{live.tenant}/{live.namespace}/{live.flow_id}/{run.task.id}/{_NOISE.sub('#', text)}".encode()
        ).hexdigest()[:16]
        live.error = {"taskId": run.task.id, "message": text[:2000], "key": key}


def end_run(w: World, run: Run, state: State, *, cause: str | None = None) -> None:
    """A task run has its final state; `allowFailure` and `allowWarning` are applied here, its level goes on."""
    if run.state.terminal:
        return
    if state in (State.FAILED, State.WARNING):
        state = settle(state, run.task)
    run.ended = w.now if run.ended is None or run.ended < run.created else run.ended
    if run.level is not None:
        run.counts = {"total": sum(run.level.total.values()), **run.level.total}
    _leave(w, run)
    w.run_event(run, state, run.ended, cause)
    w.later("child ended", run)


def _leave(w: World, run: Run) -> None:
    live = run.execution
    live.open.pop(run.seq, None)
    w.runs.pop(run.seq, None)
    w.evaluations.pop(run.seq, None)
    w.batches.pop(run.seq, None)
    if run.task.kind is TaskKind.DIRECTORY:
        for _, seq, _ in run.detail.get("reserved") or ():
            w.reserved.pop(seq, None)
    for kind in TIMERS:
        if (kind, run.seq) in w.timers:
            w.cancel(kind, run.seq)


def close_open(w: World, level: Level, state: State, *, stop: bool | None = None) -> None:
    """A level has ended while some children still ran: they take its state until their own result arrives (§8.2)."""
    for run in list(level.open.values()):
        if run.level is not None and not run.level.ended:
            run.level.ended = True
            close_open(w, run.level, state, stop=stop)
        abandon(w, run, state, stop=stop)
    level.open.clear()


def abandon(w: World, run: Run, state: State, *, cause: str | None = "abandoned", stop: bool | None = None) -> None:
    """End a task run from outside, without its level taking notice; `stop` says whether its attempt is killed."""
    if run.state.terminal:
        return
    # What runs beside a failed branch goes on without effect (§8.2); what has not begun is taken back.
    stops = (state in _STOPPING if stop is None else stop) or run.attempt_started is None
    if run.task.kind in (TaskKind.RUNNABLE, TaskKind.DIRECTORY) and run.fence and stops:
        if run.parent is None or run.parent.task.kind is not TaskKind.DIRECTORY or run.task.branch != "tasks":
            w.effect(KillAttempt(run.seq, run.fence))
    elif not stops or (
        run.task.kind is TaskKind.SUBFLOW and run.child and (stop is False or (stop is None and state not in _STOPPING))
    ):
        run.stray = True
        w.strays[run.seq] = run
        w.timer("stray", run.seq, FAR)  # says to the next process that a result may come
    close_attempt(w, run, state)
    run.ended = w.now
    _leave(w, run)
    w.run_event(run, state, None, cause)


def close_attempt(w: World, run: Run, state: State, at: int | None = None, exit_info: Any = None) -> None:
    """Close the attempt that runs, if any."""
    if run.attempt_started is None:
        return
    w.changes.attempts[run.seq, run.attempts] = {
        "fence": run.fence,
        "state": int(state),
        "started": run.attempt_started,
        "ended": at or w.now,
        "worker": run.worker,
        "exit_info": exit_info,
    }
    run.attempt_started = None


def forget_stray(w: World, run: Run) -> None:
    """No result of this task run is waited for any more."""
    w.strays.pop(run.seq, None)
    w.cancel("stray", run.seq)


def forget_strays(w: World, live: Live) -> None:
    """The execution begins again, or goes: late results of its task runs no longer count."""
    for run in [run for run in w.strays.values() if run.execution.seq == live.seq]:
        forget_stray(w, run)


def stray_ended(w: World, run: Run, state: State, ended: int, cause: str = "late") -> None:
    """The result of a task run that was ended from outside: visible in its own row and history only (§8.2)."""
    forget_stray(w, run)
    if state in (State.FAILED, State.WARNING):
        state = settle(state, run.task)
    run.ended = ended
    if state is run.state:
        w.touch_run(run, STATE)
    else:
        w.run_event(run, state, ended, cause)


@work("child ended")
def child_ended(w: World, run: Run) -> None:
    """Count an ended child in its level and go on there."""
    level = run.parent.level if run.parent is not None else run.execution.root
    if level is None or run.seq not in level.open:
        return
    del level.open[run.seq]
    count_child(level, run)
    if not level.ended:
        w.later("advance", level)


def count_child(level: Level, run: Run) -> None:
    """Take an ended child into the counters of its level."""
    level.total[run.state.name] = level.total.get(run.state.name, 0) + 1
    if run.task.branch in SIDE_BRANCHES:
        if level.current is run:
            level.current = None
        return
    if level.run is not None and level.run.task.kind is TaskKind.DIRECTORY:
        return  # the result of the job says how it ended
    level.counts[run.state] = level.counts.get(run.state, 0) + 1
    group, position = place_of(level, run)
    again = level.again.get(group) if level.again else None
    if again is not None:
        again[0] -= 1
        level.failed = level.failed or run.state is State.FAILED
        if again[0]:
            return
        del level.again[group]
        position = max(position, again[1])  # what came after it had run before the restart
    if run.state is State.FAILED:
        level.failed = True
        level.alive -= 1
        return
    if level.followers is not None:
        level.alive -= 1
        _release(level, run.task.key)
        return
    if position + 1 < level.group_length():
        level.ready.append((group, position + 1))
    else:
        level.alive -= 1


def _release(level: Level, key: int) -> None:
    """A task of a Dag has ended: those may start that waited for nothing else."""
    assert level.followers is not None
    for follower in level.followers[key]:
        level.waits[follower] -= 1
        if level.waits[follower] == 0:
            heapq.heappush(level.startable, follower)


def place_of(level: Level, run: Run) -> tuple[int, int]:
    """Group and position of a main child."""
    if not level.loop:
        return 0, 0
    index = level.keys.index(run.task.key) if len(level.keys) > 1 else 0
    if level.flat:
        return run.iteration * len(level.keys) + index, 0
    return run.iteration, index


# ── going on ────────────────────────────────────────────────────────────────────────────────────────────────────


@work("advance")
def advance(w: World, level: Level) -> None:
    """Start whatever may start now; end the level when nothing is left (§10.1). Harmless when called too often."""
    live = level.execution
    if level.ended or live.gone or level.job:
        return
    after = level.phase == AFTER or (level.run is not None and level.run.after)
    if dying(live, after):
        if not level.open:
            _end(w, level, State.KILLED)
        return
    if held(live, after) or level.phase == "check" or (level.run is not None and level.run.state is not State.RUNNING):
        return
    while True:
        if level.phase == "tasks":
            if not level.failed:
                if not _fill(w, level):
                    return
                if level.made is not None and level.keys and level.run is not None and "ends" not in level.run.detail:
                    level.phase = "check"
                    w.later("round ended", level)
                    return
                level.phase = "finally" if level.side.get("finally") else "end"
            else:
                level.phase = next((n for n in ("errors", "finally") if level.side.get(n)), "end")
            level.pos = 0
        elif level.phase == "end":
            _end(w, level, worst(level))
            return
        else:
            if level.current is not None:
                return
            keys = level.side[level.phase]
            if level.pos < len(keys):
                key = keys[level.pos]
                level.pos += 1
                level.current = create_run(w, live, level, key)
                return
            level.phase = "finally" if level.phase == "errors" and level.side.get("finally") else "end"
            level.pos = 0


def _fill(w: World, level: Level) -> bool:
    """Create main children as far as the limit allows; true when all have ended."""
    live = level.execution
    made = 0
    while level.ready and made < CHUNK:
        group, position = level.ready.popleft()
        key, iteration, value = level.place(group, position)
        create_run(w, live, level, key, iteration, value)
        made += 1
    if level.followers is not None:
        while level.startable and (not level.limit or level.alive < level.limit):
            if made >= CHUNK:
                w.later("advance", level)
                return False
            group = heapq.heappop(level.startable)
            level.waits[group] = -1
            level.alive += 1
            create_run(w, live, level, level.keys[group])
            made += 1
        return level.alive == 0 and not level.startable
    while level.next < level.width and (not level.limit or level.alive < level.limit):
        if made >= CHUNK:
            w.later("advance", level)
            return False
        key, iteration, value = level.place(level.next, 0)
        level.next += 1
        level.alive += 1
        create_run(w, live, level, key, iteration, value)
        made += 1
    return level.alive == 0 and level.next >= level.width and not level.ready


def _end(w: World, level: Level, state: State) -> None:
    level.ended = True
    if level.run is None:
        WORK["root ended"](w, (level, state))
        return
    run = level.run
    if state is not State.KILLED and run.detail.get("ends") == State.FAILED.name:
        state = State.FAILED  # a LoopUntil at its maximum
    if state is State.FAILED and run.task.type == FLOW + "AllowFailure":
        state = State.WARNING
    if level.open:
        close_open(w, level, settle(state, run.task))
    end_run(w, run, state)


def branch_keys(task: TaskDef, name: str) -> tuple[int, ...]:
    """Keys of a branch; none when it is missing."""
    children: Mapping[str, tuple[int, ...]] = task.children
    return tuple(children.get(name, ()))


__all__ = [
    "CHUNK",
    "STATE",
    "abandon",
    "advance",
    "branch_keys",
    "child_ended",
    "close_attempt",
    "close_open",
    "count_child",
    "create_run",
    "dying",
    "end_run",
    "held",
    "note_error",
    "open_level",
    "place_of",
    "set_outputs",
    "settle",
    "start_run",
    "worst",
]
