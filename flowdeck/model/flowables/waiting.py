"""Tasks that wait: for a person, a span of time or another execution (spec: workflow components §8.10, §9.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from flowdeck.model.component import StateName, TaskBase
from flowdeck.model.declare import Declared, Example, Expr, Labels, field
from flowdeck.model.flowables.block import Block
from flowdeck.model.input_types import InputBase


class Pause(
    Block,
    type="io.kestra.plugin.core.flow.Pause",
    role="pause",
    aliases=("io.kestra.core.tasks.flows.Pause",),
):
    """Stop the execution until somebody resumes it or a time is over.

    Running branches finish what they do; nothing new starts. Without `pauseDuration` and `timeout` the pause has no
    end of its own.
    """

    pause_duration: Expr[timedelta] | None = field(
        default=None,
        aliases=("delay",),
        doc="After this the execution goes on by itself, as `behavior` says.",
    )
    behavior: Expr[Literal["RESUME", "WARN", "FAIL", "CANCEL"]] = field(
        default="RESUME",
        doc="What the end of `pauseDuration` does: go on, go on with a warning, fail, or cancel the execution.",
    )
    on_pause: TaskBase | None = field(default=None, doc="A task that runs when the pause begins.")
    on_resume: list[InputBase] | None = field(default=None, doc="Inputs that are asked for on resume.")
    tasks: list[TaskBase] | None = field(
        default=None, deprecated="Put the tasks after the Pause.", doc="Tasks that run after the resume."
    )

    class Output(Declared):
        """Outputs of the task."""

        on_resume: dict[str, Any] = field(doc="Values of the inputs given on resume.")
        resumed: dict[str, Any] = field(doc="Who resumed (`by`), when (`on`), to which state (`to`).")

    examples = (
        Example(
            "Wait for an approval",
            """\
id: approval
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - id: reason
        type: STRING
        defaults: none given
  - id: after
    type: io.kestra.plugin.core.log.Log
    message: "approved: {{ outputs.wait.onResume.reason }}"
""",
        ),
    )


class Subflow(
    TaskBase,
    type="io.kestra.plugin.core.flow.Subflow",
    role="subflow",
    aliases=("io.kestra.core.tasks.flows.Subflow", "io.kestra.core.tasks.flows.Flow"),
):
    """Start an execution of another flow and wait for it.

    Its flow outputs are `outputs.<task>.outputs.<id>`.
    """

    namespace: Expr[str] = field(doc="Namespace of the flow.")
    flow_id: Expr[str] = field(doc="Id of the flow.")
    revision: Expr[int] | None = field(default=None, min=1, doc="Revision; without it, the latest.")
    inputs: Expr[dict[str, Any]] | None = field(default=None, doc="Inputs of the flow.")
    labels: Expr[Labels] | None = field(default=None, doc="Labels of the started execution.")
    inherit_labels: Expr[bool] = field(default=False, doc="Give it the labels of this execution too.")
    wait: bool = field(default=True, doc="Wait for its end.")
    transmit_failed: bool = field(default=True, doc="Take over its state when it fails, is killed or warns.")
    schedule_date: Expr[datetime] | None = field(default=None, doc="When it shall start.")
    restart_behavior: Literal["RETRY_FAILED", "NEW_EXECUTION"] = field(
        default="RETRY_FAILED",
        doc="What a restart of this execution does with a failed one: restart it, or start a new one.",
    )
    outputs: Expr[dict[str, Any]] | None = field(
        default=None,
        deprecated="Declare outputs in the started flow.",
        doc="Outputs rendered in its context.",
    )

    class Output(Declared):
        """Outputs of the task."""

        execution_id: str = field(doc="Id of the started execution.")
        state: StateName | None = field(default=None, doc="Its end state, when waited for.")
        outputs: dict[str, Any] | None = field(default=None, doc="Its flow outputs.")

    examples = (
        Example(
            "Start another flow with an input",
            """\
id: parent
namespace: company.team
tasks:
  - id: child
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: load-orders
    inputs:
      day: "2026-01-31"
""",
        ),
    )
