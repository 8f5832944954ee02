"""Models of triggers (spec: REST contract, models)."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.common import Condition, Label, Level, QueryFilter, StateType, WorkerGroup
from flowdeck.api.contract.models.scalars import Instant


class AbstractTrigger(TypedDict):
    """A trigger as its flow defines it; every property of its type stands beside these."""

    minLogLevel: NotRequired[Level]
    id: str
    type: str
    version: NotRequired[str]
    pluginDefaultsRef: NotRequired[str]
    description: NotRequired[str]
    conditions: NotRequired[list[Condition]]
    disabled: NotRequired[bool]
    workerGroup: NotRequired[WorkerGroup]
    logLevel: NotRequired[Level]
    labels: NotRequired[list[Label]]
    stopAfter: NotRequired[list[StateType]]
    logToFile: NotRequired[bool]
    failOnTriggerError: NotRequired[bool]
    allowConcurrent: NotRequired[bool]


class Backfill(TypedDict):
    """Past dates that a schedule makes up for."""

    start: Instant
    end: NotRequired[Instant]
    currentDate: NotRequired[Instant]
    paused: NotRequired[bool]
    inputs: NotRequired[dict[str, Any]]
    labels: NotRequired[list[Label]]
    previousNextExecutionDate: NotRequired[Instant]


class TriggerContext(TypedDict):
    """What a trigger knows of its schedule."""

    disabled: NotRequired[bool]
    tenantId: NotRequired[str]
    namespace: str
    flowId: str
    triggerId: str
    date: Instant
    nextExecutionDate: NotRequired[Instant | None]
    backfill: NotRequired[Backfill | None]
    stopAfter: NotRequired[list[StateType] | None]


class Trigger(TriggerContext):
    """State of a trigger."""

    executionId: NotRequired[str | None]
    updatedDate: NotRequired[Instant | None]
    evaluateRunningDate: NotRequired[Instant | None]
    workerId: NotRequired[str | None]


class TriggerControllerTriggers(TypedDict):
    """A trigger with its state."""

    abstractTrigger: NotRequired[AbstractTrigger]
    triggerContext: NotRequired[Trigger]


class PagedResultsTriggerControllerTriggers(TypedDict):
    """A page of results and how many there are in all."""

    results: list[TriggerControllerTriggers]
    total: int


class PagedResultsTrigger(TypedDict):
    """A page of results and how many there are in all."""

    results: list[Trigger]
    total: int


class TriggerControllerSetDisabledRequest(TypedDict):
    """Triggers to switch."""

    triggers: list[Trigger]
    disabled: bool


class TriggerFilters(TypedDict):
    """Triggers by filters."""

    filters: NotRequired[list[QueryFilter]]
