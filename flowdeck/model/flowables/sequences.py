"""Blocks that run their children in order, at once or by dependencies (spec §8.1 to §8.3, §8.8)."""

from __future__ import annotations

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Declared, Example, field
from flowdeck.model.flowables.block import Block


class Sequential(
    Block, type="io.kestra.plugin.core.flow.Sequential", aliases=("io.kestra.core.tasks.flows.Sequential",)
):
    """Run tasks one after another.

    Groups tasks, for instance to give a part of a flow its own error handling.
    """

    tasks: list[TaskBase] = field(min_length=1, doc="Tasks, in the order in which they run.")

    examples = (
        Example(
            "Two tasks in order inside a block",
            """\
id: sequence
namespace: company.team
tasks:
  - id: block
    type: io.kestra.plugin.core.flow.Sequential
    tasks:
      - id: first
        type: io.kestra.plugin.core.debug.Return
        format: one
      - id: second
        type: io.kestra.plugin.core.debug.Return
        format: two
""",
        ),
    )


class Parallel(Block, type="io.kestra.plugin.core.flow.Parallel", aliases=("io.kestra.core.tasks.flows.Parallel",)):
    """Run tasks at the same time.

    A task that fails for good keeps those from starting that have not started; running ones go on.
    """

    tasks: list[TaskBase] = field(min_length=1, doc="Tasks; they start in the order in which they are written.")
    concurrent: int = field(default=0, min=0, doc="How many tasks run at once; 0 means all.")

    examples = (
        Example(
            "Two tasks at once",
            """\
id: side-by-side
namespace: company.team
tasks:
  - id: both
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - id: left
        type: io.kestra.plugin.core.debug.Return
        format: one
      - id: right
        type: io.kestra.plugin.core.debug.Return
        format: two
""",
        ),
    )


class DagTask(Declared):
    """A task of a `Dag` and what it waits for."""

    task: TaskBase = field(doc="The task.")
    depends_on: list[str] | None = field(default=None, doc="Ids of tasks of the same Dag that must have ended.")


class Dag(Block, type="io.kestra.plugin.core.flow.Dag", aliases=("io.kestra.core.tasks.flows.Dag",)):
    """Run tasks as soon as those have ended that they depend on.

    Tasks without dependencies start at once. When a task fails for good, no further one starts.
    """

    tasks: list[DagTask] = field(doc="Tasks with their dependencies.")
    concurrent: int = field(default=0, min=0, doc="How many tasks run at once; 0 means all.")

    examples = (
        Example(
            "Two branches that meet again",
            """\
id: diamond
namespace: company.team
tasks:
  - id: graph
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - task:
          id: first
          type: io.kestra.plugin.core.debug.Return
          format: one
      - task:
          id: left
          type: io.kestra.plugin.core.debug.Return
          format: two
        dependsOn: [first]
      - task:
          id: right
          type: io.kestra.plugin.core.debug.Return
          format: three
        dependsOn: [first]
      - task:
          id: last
          type: io.kestra.plugin.core.debug.Return
          format: four
        dependsOn: [left, right]
""",
        ),
    )


class AllowFailure(
    Block,
    type="io.kestra.plugin.core.flow.AllowFailure",
    aliases=("io.kestra.core.tasks.flows.AllowFailure",),
):
    """Run tasks one after another and let the flow go on when one fails.

    The first failure ends the block; its state is then WARNING instead of FAILED.
    """

    tasks: list[TaskBase] = field(min_length=1, doc="Tasks, in the order in which they run.")

    examples = (
        Example(
            "A failure that does not stop the flow",
            """\
id: tolerant
namespace: company.team
tasks:
  - id: attempt
    type: io.kestra.plugin.core.flow.AllowFailure
    tasks:
      - id: broken
        type: io.kestra.plugin.core.execution.Fail
  - id: after
    type: io.kestra.plugin.core.debug.Return
    format: still here
""",
        ),
    )
