"""Blocks that repeat their children for each value (spec: workflow components §8.6)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Example, Expr, field
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
