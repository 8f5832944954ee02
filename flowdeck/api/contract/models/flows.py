"""Models of flows (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.common import Label, Level, PluginDefault, WorkerGroup
from flowdeck.api.contract.models.scalars import Dynamic, Instant
from flowdeck.api.contract.models.triggers import AbstractTrigger


class Type(StrEnum):
    """Types of inputs and outputs."""

    STRING = "STRING"
    ENUM = "ENUM"
    SELECT = "SELECT"
    INT = "INT"
    FLOAT = "FLOAT"
    BOOLEAN = "BOOLEAN"
    BOOL = "BOOL"
    DATETIME = "DATETIME"
    DATE = "DATE"
    TIME = "TIME"
    DURATION = "DURATION"
    FILE = "FILE"
    JSON = "JSON"
    URI = "URI"
    SECRET = "SECRET"
    ARRAY = "ARRAY"
    MULTISELECT = "MULTISELECT"
    YAML = "YAML"
    EMAIL = "EMAIL"
    FORM = "FORM"


class DependsOn(TypedDict):
    """Inputs that another one depends on."""

    inputs: NotRequired[list[str] | None]
    condition: NotRequired[str | None]


class InputObject(TypedDict):
    """An input; every property of its type stands beside these."""

    name: NotRequired[str]
    id: str
    type: Type
    description: NotRequired[str]
    dependsOn: NotRequired[DependsOn]
    required: NotRequired[bool]
    defaults: NotRequired[Dynamic]
    prefill: NotRequired[Dynamic]
    displayName: NotRequired[str]


class Output(TypedDict):
    """An output of a flow."""

    id: str
    description: NotRequired[str]
    value: Any
    type: Type
    displayName: NotRequired[str]
    required: NotRequired[bool]


class AbstractFlow(TypedDict):
    """What all shapes of a flow have."""

    id: str
    namespace: str
    revision: NotRequired[int]
    updated: NotRequired[Instant]
    description: NotRequired[str]
    inputs: NotRequired[list[InputObject]]
    outputs: NotRequired[list[Output]]
    disabled: bool
    labels: NotRequired[list[Label]]
    variables: NotRequired[dict[str, Any]]
    workerGroup: NotRequired[WorkerGroup]
    deleted: bool


class Cache(TypedDict):
    """Cache of a task."""

    enabled: bool
    ttl: NotRequired[str]


class Task(TypedDict):
    """A task; every property of its type stands beside these."""

    id: str
    type: str
    version: NotRequired[str]
    pluginDefaultsRef: NotRequired[str]
    description: NotRequired[str]
    retry: NotRequired[dict[str, Any]]
    timeout: NotRequired[Dynamic]
    disabled: NotRequired[bool]
    workerGroup: NotRequired[WorkerGroup]
    logLevel: NotRequired[Level]
    allowFailure: NotRequired[bool]
    logToFile: NotRequired[bool]
    runIf: NotRequired[str]
    allowWarning: NotRequired[bool]
    taskCache: NotRequired[Cache]


class ConcurrencyBehavior(StrEnum):
    """What happens to executions beyond the limit."""

    QUEUE = "QUEUE"
    CANCEL = "CANCEL"
    FAIL = "FAIL"


class Concurrency(TypedDict):
    """How many executions of a flow run at once."""

    limit: int
    behavior: ConcurrencyBehavior


class SLAType(StrEnum):
    """Kinds of such promises."""

    MAX_DURATION = "MAX_DURATION"
    EXECUTION_ASSERTION = "EXECUTION_ASSERTION"


class SLABehavior(StrEnum):
    """What a broken one does."""

    FAIL = "FAIL"
    CANCEL = "CANCEL"
    NONE = "NONE"


class SLA(TypedDict):
    """What an execution has to keep."""

    id: str
    type: SLAType
    behavior: SLABehavior
    labels: NotRequired[list[Label]]


class CheckStyle(StrEnum):
    """How a failed check looks."""

    ERROR = "ERROR"
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    INFO = "INFO"


class CheckBehavior(StrEnum):
    """What a failed check does."""

    BLOCK_EXECUTION = "BLOCK_EXECUTION"
    FAIL_EXECUTION = "FAIL_EXECUTION"
    CREATE_EXECUTION = "CREATE_EXECUTION"


class Check(TypedDict):
    """A condition on inputs."""

    condition: str
    message: str
    style: NotRequired[CheckStyle]
    behavior: NotRequired[CheckBehavior]


_FlowKeywords = TypedDict("_FlowKeywords", {"finally": "NotRequired[list[Task]]"})


class Flow(AbstractFlow, _FlowKeywords):
    """A flow."""

    tasks: list[Task]
    errors: NotRequired[list[Task]]
    afterExecution: NotRequired[list[Task]]
    triggers: NotRequired[list[AbstractTrigger]]
    pluginDefaults: NotRequired[list[PluginDefault]]
    concurrency: NotRequired[Concurrency]
    retry: NotRequired[dict[str, Any]]
    sla: NotRequired[list[SLA]]
    checks: NotRequired[list[Check]]


class PagedResultsFlow(TypedDict):
    """A page of results and how many there are in all."""

    results: list[Flow]
    total: int


class SearchResultFlow(TypedDict):
    """A flow with the places of its source that match."""

    model: NotRequired[Flow]
    fragments: NotRequired[list[str]]


class PagedResultsSearchResultFlow(TypedDict):
    """A page of results and how many there are in all."""

    results: list[SearchResultFlow]
    total: int


class AbstractTriggerForExecution(TypedDict):
    """A trigger, trimmed."""

    id: str
    type: str
    version: NotRequired[str]


class ExecutableTaskSubflowId(TypedDict):
    """The flow that a task calls."""

    namespace: NotRequired[str]
    flowId: NotRequired[str]
    revision: NotRequired[int | None]


class FlowServiceTaskDeprecation(TypedDict):
    """A task of a deprecated type."""

    taskId: NotRequired[str]
    taskType: NotRequired[str]
    replacement: NotRequired[str | None]


class FlowControllerFlowWithDeprecatedTasks(TypedDict):
    """A flow that uses deprecated types."""

    namespace: NotRequired[str]
    flowId: NotRequired[str]
    revision: NotRequired[int]
    deprecatedTasks: NotRequired[list[FlowServiceTaskDeprecation]]


class FlowControllerTaskValidationType(StrEnum):
    """Where a task stands."""

    TASKS = "TASKS"
    TRIGGERS = "TRIGGERS"


class TaskForExecution(TypedDict):
    """A task, trimmed."""

    id: str
    type: str
    version: NotRequired[str]
    tasks: NotRequired[list[TaskForExecution]]
    inputs: NotRequired[list[InputObject]]
    subflowId: NotRequired[ExecutableTaskSubflowId]


_FlowForExecutionKeywords = TypedDict("_FlowForExecutionKeywords", {"finally": "NotRequired[list[TaskForExecution]]"})


class FlowForExecution(AbstractFlow, _FlowForExecutionKeywords):
    """A flow, trimmed to what a form of inputs needs."""

    tasks: list[TaskForExecution]
    errors: NotRequired[list[TaskForExecution]]
    afterExecution: NotRequired[list[TaskForExecution]]
    triggers: NotRequired[list[AbstractTriggerForExecution]]


class FlowInterface(TypedDict):
    """A written flow."""

    id: str
    namespace: str
    revision: NotRequired[int]
    tenantId: NotRequired[str]
    description: NotRequired[str]
    disabled: NotRequired[bool]
    deleted: NotRequired[bool]
    labels: NotRequired[list[Label]]
    inputs: NotRequired[list[InputObject]]
    outputs: NotRequired[list[Output]]
    variables: NotRequired[dict[str, Any]]
    workerGroup: NotRequired[WorkerGroup]
    concurrency: NotRequired[Concurrency]
    sla: NotRequired[list[SLA]]
    source: NotRequired[str]


class FlowWithSource(Flow):
    """A flow with its source."""

    source: NotRequired[str]
