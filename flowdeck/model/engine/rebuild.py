"""Live executions from stored ones: after a restart of the process, and for actions on ended executions.

Everything a level knows follows from its task runs in order of creation: positions, counters, the list that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowdeck.model.engine import dynamic, tree
from flowdeck.model.engine.control import root_level
from flowdeck.model.engine.plan import AFTER, LOOPS, SIDE_BRANCHES, Plan
from flowdeck.model.engine.tasks import level_shape, loop_shape
from flowdeck.model.engine.world import Level, Live, Run
from flowdeck.model.flow import TaskKind
from flowdeck.model.states import State


def live_from(plan: Plan, row: Mapping[str, Any]) -> Live:
    """An execution without its task runs; JSON columns are decoded already."""
    if asked := (row["trigger"] or {}).get("outputs"):
        plan = plan.answering(asked)
    live = Live(plan, row["seq"], row["id"], row["created"])
    live.tenant, live.namespace, live.flow_id = row["tenant"], row["namespace"], row["flow_id"]
    live.flow_key, live.flow_rev = row["flow_key"], row["flow_rev"]
    live.state = State(row["state"])
    live.version = live.stored_version = row["version"]
    live.stored_state = State(row["state"])
    live.inputs = row["inputs"] or {}
    live.breakpoints = row["breakpoints"] or []
    live.fixtures = row["fixtures"] or []
    live.variables = row["variables"] or {}
    live.labels = [(x["key"], x["value"]) for x in row["labels"] or []]
    for name in (
        "kind",
        "started",
        "ended",
        "schedule_date",
        "trigger_id",
        "trigger",
        "parent_id",
        "original_id",
        "original_created",
        "attempt_number",
        "parent_execution",
        "parent_task_run",
        "outputs",
        "error",
        "task_count",
        "shard",
    ):
        setattr(live, name, row[name])
    return live


def run_from(live: Live, row: Mapping[str, Any]) -> Run:
    """A task run; its parent is set by `connect`."""
    run = Run(live, live.plan.flow.tasks[row["task_key"]], row["seq"], row["id"], row["ord"], row["created"])
    run.state = State(row["state"])
    run.version = run.stored_version = row["version"]
    run.after = bool(row["after_execution"])
    run.child = row["child_execution"]
    run.detail = row["detail"] or {}
    run.counts = row["children"]
    for name in (
        "iteration",
        "value",
        "fence",
        "attempts",
        "started",
        "ended",
        "worker",
        "outputs",
        "outputs_uri",
        "outputs_size",
    ):
        setattr(run, name, row[name])
    run.first_started = run.started
    return run


def connect(live: Live, runs: Iterable[tuple[Run, int]]) -> None:
    """Join task runs (with the seq of their parents, 0 = none; in order of creation) into the tree of an execution."""
    by_seq: dict[int, Run] = {}
    children: dict[int, list[Run]] = {}
    live.open = {}
    live.by_task = {}
    count = live.task_count
    plan = live.plan
    for run, parent_seq in runs:
        if run.detail.get(dynamic.MARK):
            count = max(count, run.ord + 1)
            continue
        by_seq[run.seq] = run
        run.parent = by_seq.get(parent_seq) if parent_seq else None
        above = run.parent.path if run.parent is not None else ()
        run.path = (*above, run.value) if run.value is not None else above
        children.setdefault(parent_seq, []).append(run)
        if not run.state.terminal:
            live.open[run.seq] = run
        count = max(count, run.ord + 1)
        name = run.task.id
        keeps = plan.keeps_outputs is None or name in plan.keeps_outputs
        if keeps or plan.keeps_states is None or name in plan.keeps_states:
            live.by_task.setdefault(run.task.key, {})[run.path] = run
        if not keeps and run.task.kind is TaskKind.RUNNABLE and not run.dirty:  # else they are still to be written
            run.outputs = None
    live.task_count = count
    if live.state is not State.CREATED and (live.started is not None or children):
        live.root = root_level(live)
        _fill(live.root, children.get(0, []))
        if live.state is State.RETRIED or (live.state.terminal and AFTER not in live.root.side):
            live.root.ended = True
        elif live.state.terminal:
            live.root.phase = AFTER
            mine = [r for r in children.get(0, []) if r.task.branch == AFTER]
            live.root.pos = len(mine)
            live.root.open = {r.seq: r for r in mine if not r.state.terminal}
            live.root.current = next((r for r in mine if not r.state.terminal), None)
    rounds = plan.has_rounds
    for run in by_seq.values():
        if rounds:
            _into_round(run)
        if run.state.terminal:
            continue
        # A worker may have it; who knows better says so afterwards.
        run.begun = run.state not in (State.CREATED, State.RESTARTED)
        if run.state is State.KILLING:
            run.killing = True
        waits = run.state in (State.CREATED, State.RESTARTED)
        sent = run.task.kind is TaskKind.DIRECTORY and waits and "reserved" in run.detail
        if run.state in (State.RUNNING, State.KILLING) or (run.state is State.PAUSED and run.seq in children) or sent:
            level = level_of(run)
            if level is not None:
                run.level = level
                _fill(level, children.get(run.seq, []))
                if run.task.kind is TaskKind.DIRECTORY:
                    level.reported = frozenset(r.seq for r in children.get(run.seq, []))
                if run.task.kind is TaskKind.DIRECTORY and not level.job:
                    result = State[run.detail["job"]]
                    level.counts, level.failed = {result: 1}, result is State.FAILED


def _into_round(run: Run) -> None:
    """Note a task run with the nearest LoopUntil around it that still runs."""
    above = run.parent
    while above is not None:
        if above.level is not None and above.level.made is not None:
            above.level.made[run.seq] = run
            return
        above = above.parent


def level_of(run: Run) -> Level | None:
    """The empty level of a flowable that runs."""
    task, live = run.task, run.execution
    if task.kind is TaskKind.PAUSE:
        if run.state is State.PAUSED:
            level = Level(live, run, (), {})
            level.phase = "onPause"
            return level
        keys = tree.branch_keys(task, "tasks")
        return tree.level_for(run, keys) if keys else None
    if task.kind is TaskKind.DIRECTORY:
        level = tree.level_for(run, ())
        level.job = "job" not in run.detail
        return level
    if task.kind is not TaskKind.FLOWABLE:
        return None
    if task.type in LOOPS:
        return tree.level_for(
            run, tree.branch_keys(task, "tasks"), **loop_shape(run, list(run.detail.get("values") or []))
        )
    if "branch" in run.detail:
        return tree.level_for(run, tree.branch_keys(task, run.detail["branch"]))
    return tree.level_for(run, tree.branch_keys(task, "tasks"), **level_shape(run))


def _fill(level: Level, children: list[Run]) -> None:
    groups: dict[int, list[Run]] = {}
    index = {key: i for i, key in enumerate(level.keys)}
    side: dict[str, int] = {}
    ended_keys: list[int] = []
    for run in children:
        branch = run.task.branch
        if not run.state.terminal:
            level.open[run.seq] = run
        else:
            level.total[run.state.name] = level.total.get(run.state.name, 0) + 1
        if branch in SIDE_BRANCHES:
            side[branch] = side.get(branch, 0) + 1
            if not run.state.terminal:
                level.current = run
            continue
        if run.task.key not in index:
            continue
        if run.state.terminal:
            level.counts[run.state] = level.counts.get(run.state, 0) + 1
            if run.state is State.FAILED:
                level.failed = True
        group = _group(level, run, index)
        if level.followers is not None:
            level.waits[group] = -1
            if run.state.terminal:
                ended_keys.append(run.task.key)
        level.next = max(level.next, group + 1)
        groups.setdefault(group, []).append(run)
    if level.followers is not None:
        for key in ended_keys:
            for follower in level.followers[key]:
                level.waits[follower] -= 1
        level.startable = [group for group, waits in enumerate(level.waits) if not waits]
        level.alive = sum(1 for run in level.open.values() if run.task.key in index)
        groups.clear()
    for group, runs in groups.items():
        open_runs = [run for run in runs if not run.state.terminal]
        furthest = max((index[run.task.key] for run in runs), default=0)
        if open_runs:
            level.alive += 1
            if level.loop and (len(open_runs) > 1 or index[open_runs[0].task.key] < furthest):
                level.again[group] = [len(open_runs), furthest]
        elif not level.loop or level.flat or any(run.state is State.FAILED for run in runs):
            continue
        elif furthest + 1 < len(level.keys):
            level.ready.append((group, furthest + 1))
            level.alive += 1
    level.ready = type(level.ready)(sorted(level.ready))
    if level.phase == "tasks":
        for name in ("finally", "errors"):
            if name in side:
                level.phase = name
                level.pos = side[name]
                break


def _group(level: Level, run: Run, index: Mapping[int, int]) -> int:
    if not level.loop:
        return index[run.task.key]
    if level.flat:
        return run.iteration * len(level.keys) + index[run.task.key]
    return run.iteration


def whole(runs: list[tuple[Run, int]], chosen: Run) -> Run:
    """The WorkingDirectory or Pause that a task run is a part of, else the task run: no part runs again alone."""
    by_seq = {run.seq: run for run, _ in runs}
    above = by_seq.get(next((parent for run, parent in runs if run is chosen), 0))
    inner = above is not None and above.task.kind is TaskKind.DIRECTORY and chosen.task.branch == "tasks"
    inner = inner or chosen.task.branch == "onPause"
    return above if inner and above is not None else chosen


def successors(runs: list[tuple[Run, int]], chosen: Run) -> set[int]:
    """Seqs of what comes after a task run, and of what lies below it: a replay from it starts without them."""
    parents = {run.seq: parent for run, parent in runs}
    by_seq = {run.seq: run for run, _ in runs}
    gone: set[int] = set()
    chain: list[Run] = [chosen]
    while parents[chain[-1].seq]:
        chain.append(by_seq[parents[chain[-1].seq]])
    for node in chain:
        above = parents[node.seq]
        parent = by_seq.get(above)
        sequence = parent is None or not _side_by_side(parent)
        depends = _dependents(parent, node) if parent is not None and parent.task.type.endswith(".Dag") else None
        for run, parent_seq in runs:
            if parent_seq != above or run is node:
                continue
            if depends is not None and run.task.branch == node.task.branch == "tasks":
                if run.task.id in depends or not run.state.terminal:
                    gone.add(run.seq)
            elif (
                (run.task.branch in SIDE_BRANCHES and run.task.branch != node.task.branch)
                or (run.ord > node.ord and (sequence or (run.iteration == node.iteration and node.value is not None)))
                or not run.state.terminal
            ):
                gone.add(run.seq)
    below = {chosen.seq}
    for run, parent_seq in runs:
        if parent_seq in below or parent_seq in gone:
            gone.add(run.seq)
            if parent_seq in below:
                below.add(run.seq)
    return gone


def before(runs: list[tuple[Run, int]], chosen: Run) -> set[int]:
    """Seqs of a task run, its ancestors, and of what errors and finally lists around it had run before it."""
    parents = {run.seq: parent for run, parent in runs}
    by_seq = {run.seq: run for run, _ in runs}
    kept: set[int] = set()
    node: Run | None = chosen
    while node is not None:
        kept.add(node.seq)
        above = parents[node.seq]
        if node.task.branch in SIDE_BRANCHES:
            whole_ones: set[int] = set()
            for run, parent in runs:
                earlier = parent == above and run.task.branch in SIDE_BRANCHES and run.ord < node.ord
                if earlier or parent in whole_ones:
                    whole_ones.add(run.seq)
            kept |= whole_ones
        node = by_seq.get(above)
    return kept


def _dependents(parent: Run, node: Run) -> set[str]:
    """Ids of the tasks of a Dag that wait for one, directly or not."""
    graph: Mapping[str, list[str]] = parent.task.props.get("dependsOn") or {}
    found: set[str] = set()
    todo = [node.task.id]
    while todo:
        name = todo.pop()
        more = [other for other, wanted in graph.items() if name in wanted and other not in found]
        found.update(more)
        todo += more
    return found


def _side_by_side(parent: Run) -> bool:
    task = parent.task
    if task.type in LOOPS:
        return loop_shape(parent, []).get("limit") != 1
    return task.type.endswith(".Parallel") and int(task.props.get("concurrent") or 0) != 1


def to_restart(runs: list[tuple[Run, int]]) -> tuple[set[int], set[int], set[int]]:
    """What a restart does: seqs that start again, ancestors that run again, task runs that go (§18)."""
    by_seq = {run.seq: run for run, _ in runs}
    parents = {run.seq: parent for run, parent in runs}
    gone: set[int] = set()
    wanted = (State.FAILED, State.KILLED, State.PAUSED, State.CANCELLED, State.RETRIED)
    for run, parent_seq in runs:
        above = by_seq.get(parent_seq)
        anew = above is not None and above.task.kind is TaskKind.DIRECTORY and above.state in wanted
        if run.task.branch in SIDE_BRANCHES or run.after or parent_seq in gone or anew:
            gone.add(run.seq)
    told = {run.seq for run, _ in runs if run.task.branch == "onPause"}  # they have no say in how a pause ends
    told |= {run.seq for run, _ in runs if run.detail.get(dynamic.MARK)}
    for run, parent_seq in runs:
        above = by_seq.get(parent_seq)
        if above is not None and above.task.kind is TaskKind.DIRECTORY and run.task.branch == "tasks":
            told.add(run.seq)  # the job that is out speaks for it
    failed = [run for run, _ in runs if run.seq not in gone and run.seq not in told and run.state in wanted]
    ancestors: set[int] = set()
    for run in failed:
        above = parents[run.seq]
        while above and above not in ancestors:
            ancestors.add(above)
            above = parents[above]
    # A flowable that was ended from outside goes on with the children it has; one without starts from its beginning.
    with_children = {parent for run, parent in runs if run.seq not in gone and run.seq not in told}
    ancestors |= {run.seq for run in failed if run.seq in with_children}
    again = {run.seq for run in failed if run.seq not in ancestors}
    for run in failed:
        if run.task.type == tree.UNTIL and run.detail.get("ends") == State.FAILED.name and run.seq not in again:
            # it failed at its maximum, not by a task: from the first round again
            again.add(run.seq)
            below = {run.seq}
            for other, parent_seq in runs:
                if parent_seq in below:
                    below.add(other.seq)
                    gone.add(other.seq)
    again -= gone
    ancestors -= gone | again
    for seq in list(ancestors):
        if not by_seq[seq].state.terminal and by_seq[seq].task.type != tree.UNTIL:
            ancestors.discard(seq)
    return again, ancestors, gone
