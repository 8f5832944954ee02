"""The executable part of ForEachItem: one child execution per batch of a split file (§9.2).

What a `Batches` knows follows from the task run's row (`detail`: how many there are and were made; `outputs`: how many
are in which state) and from the children that are in memory; the addresses of the batches are read again from the file
of the split. Each step costs what it changes, whatever the number of batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowdeck.expr.filters.text import slugify
from flowdeck.model import context as contexts
from flowdeck.model.engine import control, tree
from flowdeck.model.engine.plan import NOTHING
from flowdeck.model.engine.rendering import ask, evaluate, hidden
from flowdeck.model.engine.stages import stage, work
from flowdeck.model.engine.subflow import (
    REFUSALS,
    Preparation,
    child_value,
    create_child,
    failed,
    one_attempt,
    take_over,
)
from flowdeck.model.engine.world import DETAIL, OUTPUTS, Live, Run, World
from flowdeck.model.inputs import Pending
from flowdeck.model.states import State

CHUNK = 100
"""Children made at a time."""

IDLE, CALLED, ASKED = 0, 1, 2
"""Whether properties are being rendered: not, within this call, by a worker."""


class Batches:
    """The batches of one task run that runs."""

    __slots__ = ("counts", "iteration", "made", "opened", "preparation", "redo", "rendering", "run", "total", "uris")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.uris: list[str] | None = None  # None: not read yet
        self.total = 0
        self.made = 0
        self.opened = 0  # children that have not ended
        self.counts: dict[str, int] = {}
        self.rendering = IDLE
        self.preparation: Preparation | None = None
        self.iteration = 0  # the one whose child is being made
        self.redo: list[int] = []  # iterations that a restart makes anew

    @property
    def variables(self) -> dict[str, Any]:
        """What the properties of a child see beside the rest: `taskrun.items` and `taskrun.iteration`."""
        return {"items": self.uris[self.iteration] if self.uris else None, "iteration": self.iteration}

    @property
    def left(self) -> int:
        """Children that are still to be made."""
        return self.total - self.made + len(self.redo)

    def next(self) -> int:
        """The iteration whose child is made next."""
        return self.made if self.made < self.total else self.redo[0]

    def note(self) -> None:
        """Keep in the task run's row how far the making is."""
        self.run.detail["batches"] = [self.total, self.made, *([self.redo] if self.redo else [])]
        self.run.dirty |= DETAIL

    def moved(self, w: World, old: State | None, new: State) -> None:
        """A child changed its state; a state once counted stays with 0."""
        if old is not None and self.counts.get(old.name):
            self.counts[old.name] -= 1
        self.counts[new.name] = self.counts.get(new.name, 0) + 1
        self.show(w)

    def show(self, w: World) -> None:
        """Publish how many children are in which state."""
        run = self.run
        run.outputs = {
            "numberOfBatches": self.total,
            "iterations": self.counts,
            "subflowOutputsBaseUri": base_uri(run),
        }
        w.touch_run(run, OUTPUTS)


def base_uri(run: Run) -> str:
    """Folder of the children's outputs in internal storage; `_merge` writes them there."""
    live = run.execution
    flow, task = slugify(live.flow_id), slugify(run.task.id)
    return f"kestra:///{live.namespace.replace('.', '/')}/{flow}/executions/{live.id}/tasks/{task}/{run.id}"


def batches_of(w: World, run: Run) -> Batches:
    """What is known of a task run's batches, made from its row and its live children when it is not in memory."""
    found = w.batches.get(run.seq)
    if found is None:
        found = run.scratch = w.batches[run.seq] = Batches(run)
        found.total, found.made, *redo = run.detail.get("batches", (0, 0))
        found.redo = list(redo[0]) if redo else []
        found.counts = dict((run.outputs or {}).get("iterations") or {})
        found.opened = sum(1 for child in children(w, run) if not child.state.terminal or _replaced(w, child))
    return found


def children(w: World, run: Run, *, every: bool = False) -> Iterator[Live]:
    """Child executions of a task run that are in memory; with `every` those of earlier tries too."""
    for seq in list(w.children.get(run.execution.id, ())):
        child = w.executions.get(seq)
        if child is not None and child.parent_task_run == run.seq and (every or counts(run, child)):
            yield child


def counts(run: Run, child: Live) -> bool:
    """Whether an execution was made by the present try of the task run; a retry makes all of them anew."""
    return (child.trigger or {}).get("try") == run.detail.get("try")


def _replaced(w: World, child: Live) -> bool:
    return child.state is State.RETRIED and ("recreate", child.seq) in w.timers


# ── birth ───────────────────────────────────────────────────────────────────────────────────────────────────────


@work("items")
def open_items(w: World, run: Run) -> None:
    """The task run starts from the beginning, or (restarted while it made children) where it was."""
    w.batches.pop(run.seq, None)
    if run.state is not State.RESTARTED:
        run.detail.pop("batches", None)
        run.detail["try"] = int(run.detail.get("try") or 0) + 1  # executions of an earlier one count no more
        run.dirty |= DETAIL
        run.outputs = None
    tree.start_run(w, run)
    again(w, run)


@work("items again")
def again(w: World, run: Run) -> None:
    """Go on from the rows: after a restart of the process, or of the execution."""
    if run.state is not State.RUNNING or run.execution.gone:
        return
    batches = batches_of(w, run)
    if "batches" not in run.detail or batches.left:
        _read(w, run)
    else:
        _check(w, run, batches)


def _read(w: World, run: Run) -> None:
    """Have a worker read the list that the split made."""
    split = run.execution.by_task.get(run.task.key - 1, {}).get(run.path)
    uri = (split.outputs or {}).get("splits") if split is not None else None
    if uri is None:
        failed(w, run, "The split of the items has no outputs")
        return
    context, _ = contexts.build(run.execution, run, NOTHING, w.globals)
    ask(w, run, "items", {"text": "{{ read(uri) }}"}, {**context, "uri": uri})


@stage("items")
def items_known(w: World, run: Run, result: Any, error: str | None) -> None:
    """The batches are known: make one child each, or end when there is none."""
    if error is not None:
        failed(w, run, error)
        return
    batches = batches_of(w, run)
    batches.uris = [line for line in str(result["text"]).splitlines() if line]
    batches.total = len(batches.uris)
    if not batches.total:
        one_attempt(w, run, State.SUCCESS)
        run.outputs = None
        tree.end_run(w, run, State.SUCCESS)
        return
    batches.note()
    batches.show(w)
    w.later("make batches", run)


@work("make batches")
def make_batches(w: World, run: Run) -> None:
    """Create the next children; what needs a worker's rendering comes one by one."""
    batches = w.batches.get(run.seq)
    if batches is None or batches.uris is None or run.state is not State.RUNNING or run.execution.gone:
        return
    for _ in range(CHUNK):
        if batches.rendering or not batches.left or run.state is not State.RUNNING:
            return
        batches.iteration = batches.next()
        batches.rendering = CALLED
        evaluate(w, run, "batch", child_value(run), run.execution.plan.body(run.task.key))
        if batches.rendering:
            batches.rendering = ASKED
    w.later("make batches", run)


@stage("batch")
def start_batch(w: World, run: Run, result: Any, error: str | None) -> None:
    """The properties of one child are rendered."""
    batches = w.batches.get(run.seq)
    if batches is None:
        return
    if error is None and batches.preparation is None:
        batches.preparation = Preparation({**result["props"], "labels": result.get("labels")})
    _make(w, run, batches, error)


@stage("batch input")
def batch_input(w: World, run: Run, result: Any, error: str | None) -> None:
    """A worker has rendered a default or condition of one child's inputs."""
    batches = w.batches.get(run.seq)
    if batches is None or batches.preparation is None:
        return
    if error is None:
        batches.preparation.known[batches.preparation.asked] = result["value"]
    _make(w, run, batches, error)


def _make(w: World, run: Run, batches: Batches, error: str | None) -> None:
    if error is None:
        assert batches.preparation is not None
        try:
            child = create_child(w, run, batches.preparation, "batch input", iteration=batches.iteration)
        except Pending:
            return
        except REFUSALS as problem:
            error = hidden(w, str(problem.args[0] if problem.args else problem))
        else:
            if batches.made < batches.total:
                batches.made += 1
            else:
                batches.redo.pop(0)
            batches.note()
            if child.parent_task_run is None:
                batches.moved(w, None, State.SUCCESS)
            else:
                batches.opened += 1
    asked = batches.rendering == ASKED
    batches.rendering, batches.preparation = IDLE, None
    if error is not None:
        failed(w, run, error)
    elif not batches.left:
        _check(w, run, batches)
    elif asked:
        w.later("make batches", run)


# ── death ───────────────────────────────────────────────────────────────────────────────────────────────────────


@work("batch ended")
def batch_ended(w: World, ended: tuple[Run, Live, State]) -> None:
    """A child has its final state."""
    run, child, _ = ended
    if not counts(run, child):
        return
    batches = batches_of(w, run)
    batches.opened = max(0, batches.opened - 1)
    _check(w, run, batches)


@work("child moved")
def child_moved(w: World, moved: tuple[Run, Live, State | None, State]) -> None:
    """A child has another state."""
    run, child, old, new = moved
    if run.state.terminal or not counts(run, child):
        return
    fresh = run.seq not in w.batches
    batches = batches_of(w, run)
    ended = old is not None and old.terminal
    if fresh and new.terminal and not ended:
        batches.opened += 1  # it is not among the open ones any more, and its end is still to be told
    elif not fresh and ended and not new.terminal:
        batches.opened += 1  # a user has restarted it: it ends once more
    batches.moved(w, old, new)


def _check(w: World, run: Run, batches: Batches) -> None:
    """End the task run when all children have ended: with the worst of their states (§9.2)."""
    if batches.opened or (batches.left and not run.killing):
        return
    if run.state is not State.RUNNING and not run.killing:
        return
    states = batches.counts
    order = (State.FAILED, State.KILLED, State.CANCELLED, State.WARNING)
    state = next((s for s in order if states.get(s.name)), State.SUCCESS)
    batches.show(w)
    take_over(w, run, state, f"{states.get('FAILED', 0)} of {batches.total} executions failed")


@work("kill items")
def kill_items(w: World, run: Run) -> None:
    """Stop a task run: no more children, and those that live are killed with it."""
    run.killing = True
    batches = batches_of(w, run)
    w.evaluations.pop(run.seq, None)
    for child in list(children(w, run, every=True)):
        control.kill(w, child, cascade=True)
    if not run.state.terminal:
        _check(w, run, batches)


__all__ = ["Batches", "again", "batches_of", "children", "open_items"]
