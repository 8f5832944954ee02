"""One execution per batch of a file (spec: workflow components §9.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from flowdeck.model.declare import Declared, Example, Expr, Labels, field
from flowdeck.model.flow import TaskDef, TaskKind
from flowdeck.model.flowables.block import Block

TYPE = "io.kestra.plugin.core.flow.ForEachItem"
SPLIT, ITEMS, MERGE = f"{TYPE}$ForEachItemSplit", f"{TYPE}$ForEachItemExecutable", f"{TYPE}$ForEachItemMergeOutputs"
"""Types of the three parts; no flow may name them."""

_OF_ITEMS = frozenset(
    (
        "namespace",
        "flowId",
        "revision",
        "inputs",
        "labels",
        "wait",
        "transmitFailed",
        "inheritLabels",
        "scheduleDate",
        "restartBehavior",
    )
)
_OF_ALL = ("logLevel", "logToFile", "workerGroup")


class Batch(Declared):
    """How lines of a file are put together; `bytes` goes before `partitions`, this before `rows`."""

    rows: Expr[int] = field(default=1, min=1, doc="Lines in a batch.")
    bytes_: Expr[str] | None = field(
        default=None, name="bytes", doc="A new batch starts when one holds this many bytes (`10MB`); no line is cut."
    )
    partitions: Expr[int] | None = field(default=None, min=1, doc="Number of batches; lines go round.")
    separator: Expr[str] = field(default="\n", doc="Written after each line.")
    regex_pattern: Expr[str] | None = field(
        default=None, doc="Lines with the same text in its first group make a batch; lines without it are left out."
    )


class ForEachItem(Block, type=TYPE, aliases=("io.kestra.core.tasks.flows.ForEachItem",)):
    """Start an execution of another flow for each batch of lines of a file, all at once.

    How many run at a time is limited by the `concurrency` of the started flow. Three task runs show the course:
    `<id>_split` makes the batches, `<id>_items` starts the executions, `<id>_merge` puts their outputs together.
    """

    items: Expr[str] = field(doc="URI of a file in internal storage.")
    batch: Batch | None = field(default=None, doc="How lines are put together; by default one each.")
    namespace: Expr[str] = field(doc="Namespace of the flow.")
    flow_id: Expr[str] = field(doc="Id of the flow.")
    revision: Expr[int] | None = field(default=None, min=1, doc="Revision; without it, the latest.")
    inputs: Expr[dict[str, Any]] | None = field(
        default=None, doc="Inputs of the flow; `taskrun.items` is the URI of the batch, `taskrun.iteration` its number."
    )
    labels: Expr[Labels] | None = field(default=None, doc="Labels of the started executions.")
    inherit_labels: Expr[bool] = field(default=False, doc="Give them the labels of this execution too.")
    wait: bool = field(default=True, doc="Wait for their ends.")
    transmit_failed: bool = field(default=True, doc="Take over the worst state when they fail, are killed or warn.")
    schedule_date: Expr[datetime] | None = field(default=None, doc="When they shall start.")
    restart_behavior: Literal["RETRY_FAILED", "NEW_EXECUTION"] = field(
        default="RETRY_FAILED",
        doc="What a restart of this execution does with failed ones: restart them, or start new ones.",
    )

    examples = (
        Example(
            "An execution for every hundred lines",
            """\
id: batches
namespace: company.team
inputs:
  - id: orders
    type: FILE
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "{{ inputs.orders }}"
    batch:
      rows: 100
    namespace: company.team
    flowId: load-orders
    inputs:
      file: "{{ taskrun.items }}"
""",
        ),
    )


def parts(task: TaskDef, first: int) -> tuple[TaskDef, TaskDef, TaskDef]:
    """The tasks that a ForEachItem consists of; their keys count up from `first`."""
    shared = {name: task.props[name] for name in _OF_ALL if name in task.props}
    split = TaskDef(
        key=first,
        id=f"{task.id}_split",
        type=SPLIT,
        kind=TaskKind.RUNNABLE,
        parent=task.key,
        branch="tasks",
        props={**shared, **{name: task.props[name] for name in ("items", "batch") if name in task.props}},
        log_level=task.log_level,
        line=task.line,
    )
    executable = replace(
        split,
        key=first + 1,
        id=f"{task.id}_items",
        type=ITEMS,
        kind=TaskKind.ITEMS,
        props={**shared, **{name: value for name, value in task.props.items() if name in _OF_ITEMS}},
        allow_failure=task.allow_failure,
        allow_warning=task.allow_warning,
    )
    merge = replace(split, key=first + 2, id=f"{task.id}_merge", type=MERGE, props=shared)
    return split, executable, merge


def is_part(parent: TaskDef, task: TaskDef) -> bool:
    """Whether a task is one of the three parts of a ForEachItem."""
    return parent.type == TYPE and task.branch == "tasks"
