"""Blocks that choose among branches (spec: workflow components §8.4, §8.5)."""

from __future__ import annotations

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Declared, Example, Expr, field
from flowdeck.model.flowables.block import Block


class If(Block, type="io.kestra.plugin.core.flow.If", aliases=("io.kestra.core.tasks.flows.If",)):
    """Run one of two lists of tasks.

    The condition is evaluated once, when the task starts. Empty text, `0`, `-0`, `false` and nothing count as
    false.
    """

    condition: Expr[str] = field(doc="Expression whose text decides.")
    then: list[TaskBase] = field(min_length=1, doc="Tasks for a true condition.")
    else_: list[TaskBase] | None = field(default=None, doc="Tasks for a false condition.")

    class Output(Declared):
        """Outputs of the task."""

        evaluation_result: bool = field(doc="Which way the condition went.")

    examples = (
        Example(
            "Ask an input which way to go",
            """\
id: choice
namespace: company.team
inputs:
  - id: full
    type: BOOLEAN
    defaults: false
tasks:
  - id: which
    type: io.kestra.plugin.core.flow.If
    condition: "{{ inputs.full }}"
    then:
      - id: everything
        type: io.kestra.plugin.core.log.Log
        message: all of it
    else:
      - id: part
        type: io.kestra.plugin.core.log.Log
        message: a part
""",
        ),
    )


class Switch(Block, type="io.kestra.plugin.core.flow.Switch", aliases=("io.kestra.core.tasks.flows.Switch",)):
    """Run the list of tasks whose key equals a value.

    Values are compared as text. Without a matching case `defaults` runs; without that the task fails.
    """

    value: Expr[str] = field(doc="Expression whose text is looked up among the cases.")
    cases: dict[str, list[TaskBase]] | None = field(default=None, doc="Tasks by value.")
    defaults: list[TaskBase] | None = field(default=None, doc="Tasks when no case matches.")

    class Output(Declared):
        """Outputs of the task."""

        value: str = field(doc="The value that was looked up.")
        defaults: bool = field(doc="Whether no case matched.")

    examples = (
        Example(
            "One branch for each country",
            """\
id: by-country
namespace: company.team
inputs:
  - id: country
    type: SELECT
    values: [FR, DE]
    defaults: FR
tasks:
  - id: greet
    type: io.kestra.plugin.core.flow.Switch
    value: "{{ inputs.country }}"
    cases:
      FR:
        - id: french
          type: io.kestra.plugin.core.log.Log
          message: Bonjour
    defaults:
      - id: others
        type: io.kestra.plugin.core.log.Log
        message: Hello
""",
        ),
    )
