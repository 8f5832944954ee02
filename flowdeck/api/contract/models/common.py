"""Models that several resources share (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.scalars import Instant


class BulkFailure(TypedDict):
    """One that a bulk action could not change."""

    id: str
    message: str


class BulkResponse(TypedDict):
    """How many objects a bulk action changed; `failures` are those whose state changed meanwhile (ours)."""

    failures: NotRequired[list[BulkFailure]]
    count: NotRequired[int]


class BulkErrorResponseInvalid(TypedDict):
    """An id that a bulk action can not take."""

    message: str
    invalidValue: NotRequired[Any]
    propertyPath: NotRequired[str]


class BulkErrorResponse(TypedDict):
    """Why a bulk action changed nothing: each invalid id with its reason."""

    message: NotRequired[str]
    invalids: NotRequired[list[BulkErrorResponseInvalid]]


class QueryFilterField(StrEnum):
    """What a filter looks at."""

    QUERY = "QUERY"
    SCOPE = "SCOPE"
    NAMESPACE = "NAMESPACE"
    KIND = "KIND"
    LABELS = "LABELS"
    METADATA = "METADATA"
    FLOW_ID = "FLOW_ID"
    FLOW_REVISION = "FLOW_REVISION"
    ID = "ID"
    ASSET_ID = "ASSET_ID"
    TYPE = "TYPE"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    START_DATE = "START_DATE"
    END_DATE = "END_DATE"
    EXPIRATION_DATE = "EXPIRATION_DATE"
    STATE = "STATE"
    TIME_RANGE = "TIME_RANGE"
    TRIGGER_EXECUTION_ID = "TRIGGER_EXECUTION_ID"
    TRIGGER_ID = "TRIGGER_ID"
    TRIGGER_STATE = "TRIGGER_STATE"
    EXECUTION_ID = "EXECUTION_ID"
    TASK_ID = "TASK_ID"
    TASK_RUN_ID = "TASK_RUN_ID"
    CHILD_FILTER = "CHILD_FILTER"
    WORKER_ID = "WORKER_ID"
    EXISTING_ONLY = "EXISTING_ONLY"
    MIN_LEVEL = "MIN_LEVEL"
    PATH = "PATH"
    PARENT_PATH = "PARENT_PATH"
    VERSION = "VERSION"
    USERNAME = "USERNAME"


class QueryFilterOp(StrEnum):
    """How a filter compares."""

    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    GREATER_THAN_OR_EQUAL_TO = "GREATER_THAN_OR_EQUAL_TO"
    LESS_THAN_OR_EQUAL_TO = "LESS_THAN_OR_EQUAL_TO"
    IN = "IN"
    NOT_IN = "NOT_IN"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    CONTAINS = "CONTAINS"
    REGEX = "REGEX"
    PREFIX = "PREFIX"


class QueryFilter(TypedDict):
    """A filter in a JSON body."""

    field: NotRequired[QueryFilterField]
    operation: NotRequired[QueryFilterOp]
    value: NotRequired[Any]


class Label(TypedDict):
    """A label."""

    key: str
    value: str


class FlowScope(StrEnum):
    """Flows of users or of the system namespace."""

    USER = "USER"
    SYSTEM = "SYSTEM"


class Level(StrEnum):
    """Levels of log lines, the worst first."""

    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"
    TRACE = "TRACE"


class ValidateConstraintViolation(TypedDict):
    """What is wrong with one document; valid when `constraints` is absent."""

    index: int
    filename: NotRequired[str]
    namespace: NotRequired[str]
    flow: NotRequired[str]
    constraints: NotRequired[str]
    outdated: NotRequired[bool]
    deprecationPaths: NotRequired[list[str]]
    warnings: NotRequired[list[str]]
    infos: NotRequired[list[str]]


class IdWithNamespace(TypedDict):
    """The name of a flow."""

    namespace: NotRequired[str]
    id: NotRequired[str]


class ExecutionKind(StrEnum):
    """Kinds of executions."""

    NORMAL = "NORMAL"
    TEST = "TEST"
    PLAYGROUND = "PLAYGROUND"


class StateType(StrEnum):
    """States of executions and task runs."""

    CREATED = "CREATED"
    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RESTARTED = "RESTARTED"
    KILLING = "KILLING"
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    KILLED = "KILLED"
    CANCELLED = "CANCELLED"
    QUEUED = "QUEUED"
    RETRYING = "RETRYING"
    RETRIED = "RETRIED"
    SKIPPED = "SKIPPED"
    BREAKPOINT = "BREAKPOINT"
    RESUBMITTED = "RESUBMITTED"


class StateHistory(TypedDict):
    """When a state began."""

    state: StateType
    date: Instant


class State(TypedDict):
    """Present state and all earlier ones."""

    duration: NotRequired[str | None]
    startDate: NotRequired[Instant]
    endDate: NotRequired[Instant | None]
    current: StateType
    histories: NotRequired[list[StateHistory]]


class Condition(TypedDict):
    """A condition of a trigger."""

    type: str


class PluginDefault(TypedDict):
    """Defaults of the properties of a type."""

    type: str
    forced: NotRequired[bool]
    ref: NotRequired[str]
    values: NotRequired[dict[str, Any]]


class WorkerGroupFallback(StrEnum):
    """What happens without such a worker."""

    FAIL = "FAIL"
    WAIT = "WAIT"
    CANCEL = "CANCEL"


class WorkerGroup(TypedDict):
    """Workers that run a task."""

    key: NotRequired[str]
    fallback: NotRequired[WorkerGroupFallback]


class ErrorDetail(TypedDict):
    """One thing that is wrong: what, and where in the body or in the parameters."""

    message: str
    path: str
    line: NotRequired[int]
    column: NotRequired[int]
    position: NotRequired[int]


class ErrorDetails(TypedDict):
    """All that is wrong."""

    errors: list[ErrorDetail]


class ErrorLink(TypedDict):
    """A path of this server."""

    href: str
    templated: bool


class ErrorLinks(TypedDict):
    """The path that was called."""

    self: list[ErrorLink]


class Error(TypedDict("Error", {"_links": NotRequired[ErrorLinks], "_embedded": NotRequired[ErrorDetails]})):
    """Why a call failed (§3)."""

    message: str
    requestId: NotRequired[str]
