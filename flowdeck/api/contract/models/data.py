"""Models of logs, metrics, KV pairs, files, namespaces and secrets (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.common import ExecutionKind, Level, PluginDefault
from flowdeck.api.contract.models.scalars import Instant


class ConcurrencyLimit(TypedDict):
    """Running executions of a flow with a limit."""

    tenantId: str
    namespace: str
    flowId: str
    running: NotRequired[int]


class PagedResultsConcurrencyLimit(TypedDict):
    """A page of results and how many there are in all."""

    results: list[ConcurrencyLimit]
    total: int


class KVEntry(TypedDict):
    """A pair without its value; `preview` is the begin of its text (ours)."""

    namespace: NotRequired[str]
    key: NotRequired[str]
    version: NotRequired[int]
    description: NotRequired[str | None]
    creationDate: NotRequired[Instant]
    updateDate: NotRequired[Instant]
    expirationDate: NotRequired[Instant | None]
    type: NotRequired[KVType]
    preview: NotRequired[str]


class PagedResultsKVEntry(TypedDict):
    """A page of results and how many there are in all."""

    results: list[KVEntry]
    total: int


class LogEntry(TypedDict):
    """A log line."""

    namespace: str
    flowId: str
    taskId: NotRequired[str | None]
    executionId: NotRequired[str | None]
    taskRunId: NotRequired[str | None]
    attemptNumber: NotRequired[int | None]
    triggerId: NotRequired[str | None]
    timestamp: NotRequired[Instant]
    level: NotRequired[Level]
    thread: NotRequired[str]
    message: NotRequired[str]
    executionKind: NotRequired[ExecutionKind | None]


class PagedResultsLogEntry(TypedDict):
    """A page of results and how many there are in all."""

    results: list[LogEntry]
    total: int


class MetricEntry(TypedDict):
    """A metric that a task recorded."""

    namespace: str
    flowId: str
    taskId: NotRequired[str | None]
    executionId: NotRequired[str | None]
    taskRunId: NotRequired[str | None]
    type: str
    name: str
    value: float
    timestamp: Instant
    tags: NotRequired[dict[str, str] | None]
    executionKind: NotRequired[ExecutionKind | None]


class PagedResultsMetricEntry(TypedDict):
    """A page of results and how many there are in all."""

    results: list[MetricEntry]
    total: int


class NamespaceLight(TypedDict):
    """Name of a namespace."""

    id: str


class Namespace(NamespaceLight):
    """A namespace."""

    deleted: bool
    description: NotRequired[str]
    variables: NotRequired[dict[str, Any]]
    pluginDefaults: NotRequired[list[PluginDefault]]


class PagedResultsNamespace(TypedDict):
    """A page of results and how many there are in all."""

    results: list[Namespace]
    total: int


class ApiAutocomplete(TypedDict):
    """What to complete."""

    q: NotRequired[str | None]
    ids: NotRequired[list[str] | None]
    existingOnly: NotRequired[bool]


class ApiSecretMeta(TypedDict):
    """Name of a secret."""

    key: str


class ApiSecretTag(TypedDict):
    """A tag of a secret."""

    key: str
    value: str


class ApiSecretMetaEE(ApiSecretMeta):
    """What may be told of a secret; never its value."""

    namespace: NotRequired[str]
    description: NotRequired[str]
    tags: list[ApiSecretTag]


class ApiSecretListResponseApiSecretMeta(TypedDict):
    """Names of secrets."""

    readOnly: bool
    results: list[ApiSecretMetaEE]
    total: NotRequired[int]


class FileAttributesFileType(StrEnum):
    """File or directory."""

    FILE = "File"
    DIRECTORY = "Directory"


class FileAttributes(TypedDict):
    """A file or directory; times in epoch milliseconds, size in bytes."""

    fileName: NotRequired[str]
    lastModifiedTime: NotRequired[int]
    creationTime: NotRequired[int]
    type: NotRequired[FileAttributesFileType]
    size: NotRequired[int]
    metadata: NotRequired[dict[str, str]]
    version: NotRequired[int]


class FileMetas(TypedDict):
    """Size of a file in bytes."""

    size: int


class KVControllerApiDeleteBulkRequest(TypedDict):
    """Keys to delete."""

    keys: NotRequired[list[str]]


class KVControllerApiDeleteBulkResponse(TypedDict):
    """Keys that were deleted."""

    keys: NotRequired[list[str]]


class KVType(StrEnum):
    """Types of values."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATETIME = "DATETIME"
    DATE = "DATE"
    DURATION = "DURATION"
    JSON = "JSON"


class KVControllerKvDetail(TypedDict):
    """A value with its type."""

    type: NotRequired[KVType]
    value: NotRequired[Any]
    revision: NotRequired[int]
    updated: NotRequired[Instant]


class MetricAggregation(TypedDict):
    """A metric at a date."""

    name: str
    value: NotRequired[float]
    date: Instant


class MetricAggregations(TypedDict):
    """A metric over time."""

    groupBy: str
    aggregations: list[MetricAggregation]


class NamespaceFileRevision(TypedDict):
    """A revision of a file."""

    revision: NotRequired[int]


class ApiSecretValue(TypedDict):
    """A secret to write."""

    tags: NotRequired[list[ApiSecretTag]]
    key: str
    value: str
    description: NotRequired[str]


class NamespaceControllerApiInheritedPluginDefaultFromNamespace(TypedDict):
    """Plugin defaults with the namespace that they come from."""

    type: str
    forced: NotRequired[bool]
    ref: NotRequired[str]
    values: NotRequired[dict[str, Any]]
    namespace: NotRequired[str]


class KeyValueDetail(KVEntry):
    """A pair with its value."""

    value: Any
    revision: int
    updated: Instant
