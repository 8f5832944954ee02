"""Which attempts workers hold: those that are out, and after a start those that may still run somewhere.

A process that starts, or that takes shards over, finds attempts in the rows that a worker may have. It waits until all
workers that were alive have said what they hold, at most `HELLO_WAIT`; what nobody claims by then is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowdeck.engine import recovery
from flowdeck.engine.executor_step import ExecutorStep
from flowdeck.model import engine as pure
from flowdeck.model.engine import Live, directory, tasks
from flowdeck.model.engine.world import KillAttempt
from flowdeck.model.states import State

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor

HELLO_WAIT = 10.0
"""Seconds that a restarted executor waits for workers that were alive before, as a closed socket is waited for."""


class Claims:
    """The attempts of one executor that are out, by task run, with their fences."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.out: dict[int, int] = {}
        self.resends = True  # attempts that no worker claims after a start are sent again
        self._unclaimed: dict[int, int] = {}
        self._awaited: set[str] = set()
        self._patience: asyncio.TimerHandle | None = None
        self._announced = 0

    def begun(self, seq: int) -> None:
        """A worker reported about the attempt: nobody needs to claim it."""
        self._unclaimed.pop(seq, None)

    def lost(self, seq: int) -> None:
        """The worker of the attempt is gone."""
        self.out.pop(seq, None)

    def forget(self, seqs: set[int]) -> None:
        """Task runs are another executor's business from now on."""
        for seq in seqs:
            self.out.pop(seq, None)
            self._unclaimed.pop(seq, None)

    def claimed(self, step: ExecutorStep, worker: str, keys: Iterable[tuple[int, int]]) -> None:
        """A worker holds these attempts; those that nobody wants any more are killed."""
        evaluations = self._executor.commands.evaluations
        for seq, fence in keys:
            run = step.world.runs.get(seq)
            if run is not None and run.fence == fence:
                self._unclaimed.pop(seq, None)
                self.out[seq] = fence
                run.begun = True
                if run.worker is None:
                    run.worker = worker
                if tasks.tree.dying(run.execution, run.after):
                    step.world.effect(KillAttempt(seq, fence))
            elif seq in step.world.strays and step.world.strays[seq].fence == fence:
                self._unclaimed.pop(seq, None)
                self.out[seq] = fence
            elif (seq, fence) not in evaluations and seq not in step.world.evaluations:
                step.world.effect(KillAttempt(seq, fence))

    def heard(self, step: ExecutorStep, worker: str, number: int | None = None) -> None:
        """A worker has said all that it holds, of the shards that were announced with this number."""
        if number is not None and number < self._announced:
            return
        self._awaited.discard(worker)
        if not self._awaited and self._unclaimed:
            self._send_again(step)

    # ── after a start ───────────────────────────────────────────────────────────────────────────────────────────

    def reloaded(self) -> None:
        """Memory was read anew while attempts are out: they stay out."""
        world = self._executor.world
        for seq, fence in self.out.items():
            run = world.runs.get(seq)
            if run is not None and run.fence == fence:
                run.begun = True
        recovery.set_going(world, self.out.keys() | self._unclaimed.keys())

    def recover(self, workers: Iterable[str]) -> None:
        """Executions were read at a start: their attempts wait for the hellos of `workers`."""
        world = self._executor.world
        self._unclaimed = _may_run(world.runs.values())
        self._unclaimed.update((seq, run.fence) for seq, run in world.strays.items())
        self._awaited = set(workers)
        recovery.set_going(world, set(self._unclaimed))
        if not self._awaited:
            self._send_again_soon()

    def announce(self) -> None:
        """Tell the workers which shards are ours; they answer with what they hold of new ones."""
        sharing = self._executor.sharing
        if sharing is not None:
            self._announced = sharing.transport.announce(sharing.held)

    def took(self, lives: list[Live], workers: Iterable[str]) -> None:
        """Executions that another executor worked on have come into memory: they go on as after a start.

        `workers` may run attempts of theirs: what they do not claim is sent again.
        """
        fresh = _may_run(run for live in lives for run in live.open.values())
        world = self._executor.world
        fresh.update((seq, r.fence) for seq, r in world.strays.items() if seq not in self.out)
        self._unclaimed.update(fresh)
        recovery.set_going(world, set(fresh), lives)
        if not fresh:
            return
        self._awaited |= set(workers)
        if self._awaited:
            self._be_patient()
        else:
            self._send_again_soon()

    def expect(self) -> None:
        """The loop begins: the span of waiting for workers does too."""
        if self._unclaimed and self._awaited:
            self._be_patient()

    def _send_again_soon(self) -> None:
        self._executor.put(lambda step, _: self._send_again(step), None)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(HELLO_WAIT, self._send_again_soon)

    def _send_again(self, step: ExecutorStep) -> None:
        """All workers that were alive have spoken, or had their time: what nobody holds is sent again."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        unclaimed, self._unclaimed = self._unclaimed, {}
        for seq, fence in unclaimed.items():
            run = step.world.runs.get(seq)
            if not self.resends and run is not None and run.state is State.RUNNING and not run.killing:
                continue  # its worker may hold it for ever; a kill ends it
            if run is None and seq in step.world.strays:
                tasks.lost(step.world, seq, fence)
            if run is None or run.fence != fence:
                continue
            if run.state is State.RUNNING or run.killing or tasks.tree.dying(run.execution, run.after):
                tasks.lost(step.world, seq, fence)
            else:
                run.begun = False
                step.world.later("begin", run)


def _may_run(runs: Iterable[pure.Run]) -> dict[int, int]:
    """Attempts that a worker may have: fences by task run."""
    return {
        run.seq: run.fence
        for run in runs
        if run.task.kind in tasks.BY_WORKERS
        and "job" not in run.detail
        and not directory.inside(run)
        and run.fence
        and run.state in (State.CREATED, State.RUNNING, State.RESTARTED, State.KILLING)
    }
