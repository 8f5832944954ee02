"""Tasks that change their own execution; the executor applies them in place (spec: workflow components §7.3)."""

from __future__ import annotations

from typing import Any, Literal

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Example, Expr, Labels, field


class LabelsTask(
    TaskBase,
    type="io.kestra.plugin.core.execution.Labels",
    role="engine",
    aliases=("io.kestra.core.tasks.executions.Labels",),
):
    """Add labels to the execution; an existing key gets the new value."""

    labels: Expr[Labels] = field(doc="A map, a list of key and value, or text that renders to a JSON map.")

    examples = (
        Example(
            "Label the execution with an input",
            """\
id: labelled
namespace: company.team
inputs:
  - id: customer
    type: STRING
    defaults: acme
tasks:
  - id: mark
    type: io.kestra.plugin.core.execution.Labels
    labels:
      customer: "{{ inputs.customer }}"
""",
        ),
    )


class SetVariables(TaskBase, type="io.kestra.plugin.core.execution.SetVariables", role="engine"):
    """Set variables of the execution; maps are merged deeply."""

    variables: Expr[dict[str, Any]] = field(doc="Variables and their values.")
    overwrite: Expr[bool] = field(default=True, doc="Whether existing variables may change; otherwise the task fails.")


class UnsetVariables(TaskBase, type="io.kestra.plugin.core.execution.UnsetVariables", role="engine"):
    """Remove variables of the execution."""

    variables: Expr[list[str]] = field(doc="Names; dots lead into nested maps.")
    ignore_missing: Expr[bool] = field(default=False, doc="Whether a missing variable is no error.")


class Exit(TaskBase, type="io.kestra.plugin.core.execution.Exit", role="engine"):
    """End the execution at once in the given state."""

    state: Expr[Literal["SUCCESS", "WARNING", "FAILED", "CANCELED", "KILLED"]] = field(
        default="SUCCESS", doc="State in which the execution ends."
    )

    examples = (
        Example(
            "Stop early",
            """\
id: early
namespace: company.team
tasks:
  - id: stop
    type: io.kestra.plugin.core.execution.Exit
    state: WARNING
""",
        ),
    )
