"""Models of plugins, blueprints and the instance (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.dashboards import DashboardGenerationPrompt
from flowdeck.api.contract.models.scalars import Instant


class BlueprintControllerApiBlueprintItem(TypedDict):
    """A blueprint."""

    id: NotRequired[str]
    title: NotRequired[str]
    description: NotRequired[str]
    includedTasks: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    publishedAt: NotRequired[Instant]


class PagedResultsBlueprintControllerApiBlueprintItem(TypedDict):
    """A page of results and how many there are in all."""

    results: list[BlueprintControllerApiBlueprintItem]
    total: int


class DailyExecutionStatisticsDuration(TypedDict):
    """Durations of the executions of a day, in seconds."""

    min: str
    avg: str
    max: str
    sum: str
    count: int


class DailyExecutionStatistics(TypedDict):
    """Executions of a day."""

    startDate: Instant
    duration: DailyExecutionStatisticsDuration
    executionCounts: NotRequired[dict[str, int]]
    groupBy: NotRequired[str]


class ExecutionUsage(TypedDict):
    """Executions by day."""

    dailyExecutionsCount: NotRequired[list[DailyExecutionStatistics]]


class FlowGenerationPrompt(TypedDict):
    """What a flow should be written from."""

    conversationId: str
    userPrompt: str
    yaml: NotRequired[str]
    namespace: NotRequired[str]


class FlowUsage(TypedDict):
    """Counts of flows."""

    count: NotRequired[int]
    namespacesCount: NotRequired[int]
    taskTypeCount: NotRequired[dict[str, int]]
    triggerTypeCount: NotRequired[dict[str, int]]
    taskRunnerTypeCount: NotRequired[dict[str, int]]


class AiControllerAiProviderResponse(TypedDict):
    """A provider of language models."""

    id: NotRequired[str]
    displayName: NotRequired[str]
    isDefault: NotRequired[bool]


class AiControllerDashboardGenerationPrompt(DashboardGenerationPrompt):
    """What a dashboard should be written from, and by which provider."""

    providerId: NotRequired[str]


class AiControllerFlowGenerationPrompt(FlowGenerationPrompt):
    """What a flow should be written from, and by which provider."""

    providerId: NotRequired[str]


class BasicAuthCredentials(TypedDict):
    """The account to make."""

    uid: NotRequired[str]
    username: NotRequired[str]
    password: NotRequired[str]


class BlueprintControllerKind(StrEnum):
    """Kinds of blueprints."""

    APP = "APP"
    DASHBOARD = "DASHBOARD"
    FLOW = "FLOW"


class BlueprintControllerApiBlueprintItemWithSource(BlueprintControllerApiBlueprintItem):
    """A blueprint with its source."""

    source: NotRequired[str]
    kind: NotRequired[BlueprintControllerKind]


class BlueprintControllerApiBlueprintTagItem(TypedDict):
    """A tag of blueprints."""

    id: NotRequired[str]
    name: NotRequired[str]
    publishedAt: NotRequired[Instant]


class PluginSchema(TypedDict):
    """JSON schema of a type."""

    properties: NotRequired[dict[str, Any]]
    outputs: NotRequired[dict[str, Any]]
    definitions: NotRequired[dict[str, Any]]


class DocumentationWithSchema(TypedDict):
    """Documentation of a type and the schema of its properties."""

    markdown: NotRequired[str]
    schema: NotRequired[PluginSchema]


class EditionProviderEdition(StrEnum):
    """Editions."""

    OSS = "OSS"
    EE = "EE"


class InputType(TypedDict):
    """A type of input."""

    type: NotRequired[str]
    cls: NotRequired[str]


class MiscControllerApiUsage(TypedDict):
    """Counts of flows and executions."""

    flows: NotRequired[FlowUsage]
    executions: NotRequired[ExecutionUsage]


class MiscControllerEnvironment(TypedDict):
    """Name and colour of the environment."""

    name: NotRequired[str]
    color: NotRequired[str]


class MiscControllerPreview(TypedDict):
    """Rows of a preview."""

    initial: NotRequired[int]
    max: NotRequired[int]


class MiscControllerConfiguration(TypedDict):
    """What everybody may know of this instance."""

    uuid: NotRequired[str]
    version: NotRequired[str]
    edition: NotRequired[EditionProviderEdition]
    commitId: NotRequired[str]
    chartDefaultDuration: NotRequired[str]
    commitDate: NotRequired[Instant]
    isCustomDashboardsEnabled: NotRequired[bool]
    isAnonymousUsageEnabled: NotRequired[bool]
    isUiAnonymousUsageEnabled: NotRequired[bool]
    isTemplateEnabled: NotRequired[bool]
    environment: NotRequired[MiscControllerEnvironment]
    url: NotRequired[str]
    preview: NotRequired[MiscControllerPreview]
    systemNamespace: NotRequired[str]
    hiddenLabelsPrefixes: NotRequired[list[str]]
    isAiEnabled: NotRequired[bool]
    isAiApiKeyConfigured: NotRequired[bool]
    isBasicAuthInitialized: NotRequired[bool]
    pluginsHash: NotRequired[int]
    isConcurrencyViewEnabled: NotRequired[bool]


class PluginPluginElementMetadata(TypedDict):
    """A type of a group."""

    cls: NotRequired[str]
    deprecated: NotRequired[bool]
    title: NotRequired[str]
    description: NotRequired[str]


class PluginSubGroupPluginCategory(StrEnum):
    """Categories of plugins."""

    DATABASE = "DATABASE"
    MESSAGING = "MESSAGING"
    SCRIPT = "SCRIPT"
    TRANSFORMATION = "TRANSFORMATION"
    BATCH = "BATCH"
    ALERTING = "ALERTING"
    CLOUD = "CLOUD"
    STORAGE = "STORAGE"
    OTHER = "OTHER"
    TOOL = "TOOL"
    AI = "AI"
    CORE = "CORE"
    INGESTION = "INGESTION"
    BI = "BI"
    BUSINESS = "BUSINESS"
    DATA = "DATA"
    INFRASTRUCTURE = "INFRASTRUCTURE"


class Plugin(TypedDict):
    """A group of plugins with its types."""

    name: NotRequired[str]
    title: NotRequired[str]
    description: NotRequired[str]
    license: NotRequired[str]
    longDescription: NotRequired[str]
    group: NotRequired[str]
    version: NotRequired[str]
    manifest: NotRequired[dict[str, str]]
    guides: NotRequired[list[str]]
    aliases: NotRequired[list[str]]
    tasks: NotRequired[list[PluginPluginElementMetadata]]
    triggers: NotRequired[list[PluginPluginElementMetadata]]
    conditions: NotRequired[list[PluginPluginElementMetadata]]
    controllers: NotRequired[list[PluginPluginElementMetadata]]
    storages: NotRequired[list[PluginPluginElementMetadata]]
    secrets: NotRequired[list[PluginPluginElementMetadata]]
    taskRunners: NotRequired[list[PluginPluginElementMetadata]]
    apps: NotRequired[list[PluginPluginElementMetadata]]
    appBlocks: NotRequired[list[PluginPluginElementMetadata]]
    charts: NotRequired[list[PluginPluginElementMetadata]]
    dataFilters: NotRequired[list[PluginPluginElementMetadata]]
    dataFiltersKPI: NotRequired[list[PluginPluginElementMetadata]]
    logExporters: NotRequired[list[PluginPluginElementMetadata]]
    additionalPlugins: NotRequired[list[PluginPluginElementMetadata]]
    categories: NotRequired[list[PluginSubGroupPluginCategory]]
    subGroup: NotRequired[str]


class PluginControllerApiPluginVersions(TypedDict):
    """Versions of a type."""

    type: NotRequired[str]
    versions: NotRequired[list[str]]


class PluginIcon(TypedDict):
    """Icon of a type, base64."""

    name: NotRequired[str]
    icon: NotRequired[str]
    flowable: NotRequired[bool]


class Login(TypedDict):
    """Who logs in; `remember` keeps the session when the browser closes."""

    username: str
    password: str
    remember: NotRequired[bool]


class User(TypedDict):
    """Who is logged in."""

    id: str
    username: str
    name: str


class LoggedIn(TypedDict):
    """The session that was opened; its id is in the cookie."""

    user: User
    expires: Instant
