"""Properties of a flow itself (spec: workflow components §1.1, §11.3, §13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.component import ConditionBase, RetryPolicy, TaskBase, TriggerBase, WorkerGroup
from flowdeck.model.declare import Declared, Labels, field
from flowdeck.model.input_types import FlowOutput, InputBase

FLOW_ID_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9._-]*"
NAMESPACE_PATTERN = "^[a-z0-9][a-z0-9._-]*"


class ConcurrencyLimit(Declared):
    """How many executions of the flow run at the same time."""

    limit: int = field(min=1, doc="Most executions at a time.")
    behavior: Literal["QUEUE", "CANCEL", "FAIL"] = field(
        default="QUEUE", doc="What happens to an execution above the limit."
    )


class PluginDefault(Declared):
    """Values for properties that objects of a type do not state."""

    type: str | None = field(default=None, doc="Full type, or the beginning of several.")
    forced: bool = field(default=False, doc="Whether the values replace those that are stated.")
    ref: str | None = field(default=None, doc="Name by which tasks ask for these defaults.")
    values: dict[str, Any] | None = field(default=None, doc="Property names and values.")


class Sla(Declared):
    """An expectation about each execution."""

    id: str = field(min_length=1, doc="Unique name.")
    type: Literal["MAX_DURATION", "EXECUTION_ASSERTION"] = field(doc="What is expected.")
    duration: timedelta | None = field(default=None, doc="Longest duration of the execution.")
    assert_: str | None = field(default=None, dynamic=True, doc="Expression that must stay true.")
    behavior: Literal["FAIL", "CANCEL", "NONE"] = field(doc="What happens to the execution otherwise.")
    labels: Labels | None = field(default=None, doc="Labels that it gets then.")


class Check(Declared):
    """A condition that is tested before an execution is created."""

    condition: str = field(dynamic=True, min_length=1, doc="Expression that must be true.")
    message: str = field(min_length=1, doc="What is said otherwise.")
    style: Literal["ERROR", "SUCCESS", "WARNING", "INFO"] = field(default="INFO", doc="Colour of the message.")
    behavior: Literal["BLOCK_EXECUTION", "FAIL_EXECUTION", "CREATE_EXECUTION"] = field(
        default="BLOCK_EXECUTION", doc="What happens to the execution otherwise."
    )


class Listener(Declared):
    """Tasks after the end of an execution, under conditions."""

    description: str | None = field(default=None, doc="Markdown.")
    conditions: list[ConditionBase] | None = field(default=None, doc="All of them must hold.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks to run.")


class FlowProperties(Declared):
    """A flow."""

    id: str = field(pattern=FLOW_ID_PATTERN, min_length=1, max_length=100, doc="Name of the flow in its namespace.")
    namespace: str = field(
        pattern=NAMESPACE_PATTERN, min_length=1, max_length=150, doc="Dotted path, such as `company.team`."
    )
    tenant_id: str | None = field(default=None, doc="Set by the server.")
    revision: int | None = field(default=None, doc="Set by the server.")
    deleted: bool = field(default=False, doc="Set by the server.")
    description: str | None = field(default=None, doc="Markdown shown beside the flow.")
    disabled: bool = field(default=False, doc="No execution can be started.")
    labels: Labels | None = field(default=None, doc="Labels of the flow and of its executions.")
    variables: dict[str, Any] | None = field(default=None, doc="Values that expressions read as `vars`.")
    inputs: list[InputBase] | None = field(default=None, doc="Typed parameters.")
    outputs: list[FlowOutput] | None = field(default=None, doc="Typed results.")
    tasks: list[TaskBase] = field(min_length=1, doc="Tasks, in the order in which they run.")
    errors: list[TaskBase] | None = field(default=None, doc="Tasks that run when a task has failed for good.")
    finally_: list[TaskBase] | None = field(default=None, doc="Tasks that run after all others, whatever happened.")
    after_execution: list[TaskBase] | None = field(default=None, doc="Tasks that run after the end state is set.")
    listeners: list[Listener] | None = field(
        default=None, deprecated="Use afterExecution.", doc="Tasks after the end, under conditions."
    )
    triggers: list[TriggerBase] | None = field(default=None, doc="What starts executions.")
    plugin_defaults: list[PluginDefault] | None = field(
        default=None, doc="Values for properties that tasks of a type do not state."
    )
    task_defaults: list[PluginDefault] | None = field(
        default=None, deprecated="Use pluginDefaults.", doc="Former name of pluginDefaults."
    )
    concurrency: ConcurrencyLimit | None = field(default=None, doc="How many executions run at the same time.")
    retry: RetryPolicy | None = field(default=None, doc="Retry of tasks without their own, or of the whole flow.")
    sla: list[Sla] | None = field(default=None, doc="Expectations about each execution.")
    checks: list[Check] | None = field(default=None, doc="Conditions tested before an execution is created.")
    worker_group: WorkerGroup | None = field(default=None, doc="Pool of workers of the flow's tasks.")
