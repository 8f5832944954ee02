"""Models of executions (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.common import ExecutionKind, Label, State, StateType
from flowdeck.api.contract.models.flows import CheckBehavior, CheckStyle, InputObject
from flowdeck.api.contract.models.scalars import Instant


class AbstractMetricEntryObject(TypedDict):
    """A metric of an attempt."""

    type: NotRequired[str]
    value: NotRequired[Any]
    name: str
    description: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    timestamp: NotRequired[Instant]


class TaskRunAttempt(TypedDict):
    """One attempt of a task run."""

    metrics: NotRequired[list[AbstractMetricEntryObject]]
    state: State
    workerId: NotRequired[str | None]
    logFile: NotRequired[str | None]


class TaskRun(TypedDict):
    """One run of a task."""

    items: NotRequired[str]
    id: str
    executionId: str
    namespace: str
    flowId: str
    taskId: str
    parentTaskRunId: NotRequired[str]
    value: NotRequired[str]
    attempts: NotRequired[list[TaskRunAttempt]]
    outputs: NotRequired[Any]
    state: State
    iteration: NotRequired[int]
    dynamic: NotRequired[bool]
    forceExecution: NotRequired[bool]


class ExecutionTrigger(TypedDict):
    """What started an execution."""

    id: str
    type: str
    variables: NotRequired[dict[str, Any]]
    logFile: NotRequired[str]


class ExecutionMetadata(TypedDict):
    """How often an execution began, and when first."""

    attemptNumber: NotRequired[int]
    originalCreatedDate: NotRequired[Instant]


class Breakpoint(TypedDict):
    """A task before which an execution stops; with `value`, one round of a loop."""

    id: str
    value: NotRequired[str | None]


class Execution(TypedDict):
    """An execution with its task runs."""

    labels: NotRequired[list[Label]]
    id: str
    namespace: str
    flowId: str
    flowRevision: int
    taskRunList: NotRequired[list[TaskRun]]
    inputs: NotRequired[dict[str, Any]]
    outputs: NotRequired[dict[str, Any]]
    variables: NotRequired[dict[str, Any]]
    state: State
    parentId: NotRequired[str]
    originalId: NotRequired[str]
    trigger: NotRequired[ExecutionTrigger]
    deleted: bool
    metadata: NotRequired[ExecutionMetadata]
    scheduleDate: NotRequired[Instant | None]
    traceParent: NotRequired[str]
    kind: NotRequired[ExecutionKind | None]
    breakpoints: NotRequired[list[Breakpoint] | None]


class PagedResultsExecution(TypedDict):
    """A page of results and how many there are in all."""

    results: list[Execution]
    total: int


class ExecutionControllerApiValidateExecutionInputsResponseApiInputError(TypedDict):
    """What is wrong with the value of an input."""

    message: str
    renderError: NotRequired[bool]


class ExecutionControllerApiValidateExecutionInputsResponseApiInputAndValue(TypedDict):
    """One input with its value and errors."""

    input: NotRequired[InputObject]
    value: NotRequired[Any]
    enabled: NotRequired[bool]
    isDefault: NotRequired[bool]
    errors: NotRequired[list[ExecutionControllerApiValidateExecutionInputsResponseApiInputError]]


class ExecutionControllerApiValidateExecutionInputsResponseApiCheckFailure(TypedDict):
    """A check of the flow that does not hold."""

    message: NotRequired[str]
    style: NotRequired[CheckStyle]
    behavior: NotRequired[CheckBehavior]


class ExecutionControllerApiValidateExecutionInputsResponse(TypedDict):
    """What the inputs of a form amount to."""

    id: NotRequired[str]
    namespace: NotRequired[str]
    inputs: NotRequired[list[ExecutionControllerApiValidateExecutionInputsResponseApiInputAndValue]]
    checks: NotRequired[list[ExecutionControllerApiValidateExecutionInputsResponseApiCheckFailure]]


class ExecutionControllerEvalResult(TypedDict):
    """A rendered expression, or the error."""

    result: NotRequired[str]
    error: NotRequired[str]
    stackTrace: NotRequired[str]


class ExecutionControllerExecutionResponse(Execution):
    """A created execution with its address in the console."""

    url: NotRequired[str]


class ExecutionControllerLastExecutionResponse(TypedDict):
    """The newest execution of a flow."""

    id: NotRequired[str]
    flowId: NotRequired[str]
    namespace: NotRequired[str]
    startDate: NotRequired[Instant]
    status: NotRequired[StateType]


class ExecutionControllerSetLabelsByIdsRequest(TypedDict):
    """Labels for several executions."""

    executionsId: NotRequired[list[str]]
    executionLabels: NotRequired[list[Label]]


class ExecutionControllerStateRequest(TypedDict):
    """Another state of a task run."""

    taskRunId: NotRequired[str]
    state: NotRequired[StateType]


class ExecutionRepositoryInterfaceChildFilter(StrEnum):
    """Executions with or without a parent."""

    CHILD = "CHILD"
    MAIN = "MAIN"


class ExecutionRepositoryInterfaceDateFilter(StrEnum):
    """The date that an interval is about."""

    START_DATE = "START_DATE"
    END_DATE = "END_DATE"
    START_OR_END_DATE = "START_OR_END_DATE"


class ExecutionRepositoryInterfaceFlowFilter(TypedDict):
    """A flow whose newest execution is asked for."""

    namespace: str
    id: str


class ExecutionStatusEvent(TypedDict):
    """State of an execution that another one waits for."""

    executionId: NotRequired[str]
    tenantId: NotRequired[str]
    namespace: NotRequired[str]
    flowId: NotRequired[str]
    state: NotRequired[State]


class WebhookResponse(TypedDict):
    """The execution that a webhook started."""

    tenantId: NotRequired[str]
    id: NotRequired[str]
    namespace: NotRequired[str]
    flowId: NotRequired[str]
    flowRevision: NotRequired[int]
    trigger: NotRequired[ExecutionTrigger]
    outputs: NotRequired[dict[str, Any]]
    labels: NotRequired[list[Label]]
    state: NotRequired[State]
    url: NotRequired[str]
