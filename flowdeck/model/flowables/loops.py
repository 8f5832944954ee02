"""Blocks that repeat their children: for each value, or until a condition holds (spec §8.6, §8.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Declared, Example, Expr, field
from flowdeck.model.flowables.block import Block


class ForEach(Block, type="io.kestra.plugin.core.flow.ForEach"):
    """Run tasks once for each value of a list.

    Values are text in `taskrun.value`; maps and lists become JSON, read them with `fromJson(taskrun.value)`. Equal
    values count once. The tasks of one value run in order; how many values are worked on at once is
    `concurrencyLimit`.
    """

    values: Expr[list[Any]] = field(doc="A list, or an expression that renders to a JSON list.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks that run for each value, in order.")
    concurrency_limit: int = field(default=1, min=0, doc="How many values are worked on at once; 0 means all.")

    examples = (
        Example(
            "Three values, two at a time",
            """\
id: each-one
namespace: company.team
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: ["a", "b", "c"]
    concurrencyLimit: 2
    tasks:
      - id: show
        type: io.kestra.plugin.core.debug.Return
        format: "{{ taskrun.iteration }}: {{ taskrun.value }}"
""",
        ),
    )


class EachSequential(
    Block,
    type="io.kestra.plugin.core.flow.EachSequential",
    deprecated="Use io.kestra.plugin.core.flow.ForEach.",
    aliases=("io.kestra.core.tasks.flows.EachSequential",),
):
    """Run tasks for each value, one value after another."""

    value: Expr[list[Any]] = field(doc="A list, or an expression that renders to a JSON list.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks that run for each value, in order.")


class EachParallel(
    Block,
    type="io.kestra.plugin.core.flow.EachParallel",
    deprecated="Use io.kestra.plugin.core.flow.ForEach.",
    aliases=("io.kestra.core.tasks.flows.EachParallel",),
):
    """Run all tasks of all values at once."""

    value: Expr[list[Any]] = field(doc="A list, or an expression that renders to a JSON list.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks that run for each value.")
    concurrent: int = field(default=0, min=0, doc="How many tasks run at once; 0 means all.")


class CheckFrequency(Declared):
    """How often a `LoopUntil` tries, and for how long."""

    interval: Expr[timedelta] = field(default=timedelta(minutes=1), doc="Pause between two rounds.")
    max_iterations: Expr[int] | None = field(default=None, min=1, doc="Most rounds; without it, any number.")
    max_duration: Expr[timedelta] | None = field(
        default=None, doc="No further round starts when the loop is older than this."
    )


class LoopUntil(
    Block,
    type="io.kestra.plugin.core.flow.LoopUntil",
    aliases=("io.kestra.plugin.core.flow.WaitFor", "io.kestra.core.tasks.flows.WaitFor"),
):
    """Run tasks again and again until a condition holds.

    The condition is evaluated after each round, with the outputs of the round's tasks. Between two rounds the
    execution is paused. Only the last round's task runs and outputs are kept.
    """

    condition: Expr[str] = field(doc="Expression whose text decides whether the loop ends.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks of a round, in the order in which they run.")
    fail_on_max_reached: Expr[bool] = field(
        default=False, doc="Whether the task fails when a maximum is reached before the condition holds."
    )
    check_frequency: CheckFrequency | None = field(default=None, doc="Pause between rounds, and the maxima.")

    class Output(Declared):
        """Outputs of the task."""

        iteration_count: int = field(doc="Rounds so far, from 1.")

    examples = (
        Example(
            "Ask until the answer is there",
            """\
id: until-ready
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{ outputs.wait.iterationCount >= 3 }}"
    checkFrequency:
      interval: PT1S
      maxIterations: 10
    tasks:
      - id: ask
        type: io.kestra.plugin.core.debug.Return
        format: "{{ execution.id }}"
""",
        ),
    )
