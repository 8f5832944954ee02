"""When a trigger is due next: what saving, enabling and restarting write into its state (workflow components §15)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import CronError, ZoneError, zone_of
from flowdeck.model.schedule_trigger import SchedulePlan, ScheduleState

KINDS_WITH_STATE = frozenset({"schedule", "polling", "realtime"})
"""Kinds that have a row in `trigger_state`."""


RECOVERY: dict[str, str] = {}
"""What schedules of a type do about missed dates that do not say it themselves; set once a process."""


def configure_recovery(configurations: Any) -> None:
    """Take `recoverMissedSchedules` from `kestra.plugins.configurations` (§15.4)."""
    for entry in configurations if isinstance(configurations, list | tuple) else ():
        if isinstance(entry, dict):
            value = (entry.get("values") or {}).get("recoverMissedSchedules")
            if value in ("ALL", "LAST", "NONE"):
                RECOVERY[str(entry.get("type", "")).rpartition(".")[2]] = value


def recovery_of(type_name: str, default: str = "ALL") -> str:
    """What a schedule of this type does about missed dates unless it says it itself: ALL, LAST or NONE."""
    return RECOVERY.get(type_name.rpartition(".")[2], default)


def server_zone() -> tzinfo:
    """The zone of schedules that name none: `TZ`, else UTC."""
    try:
        return zone_of(os.environ.get("TZ") or "UTC")
    except ZoneError:
        return UTC


def _plan(props: Mapping[str, Any]) -> SchedulePlan | None:
    """The schedule of a stored definition; None when it can't be read."""
    trigger = TriggerDef(str(props.get("id", "")), str(props.get("type", "")), "schedule", props)
    try:
        return SchedulePlan(trigger, zone=server_zone(), recover=recovery_of(trigger.type))
    except (CronError, ZoneError, ValueError, KeyError, TypeError, AttributeError):
        return None


def next_cron_date(props: Mapping[str, Any], after: int) -> int | None:
    """The first date of a schedule after an instant (ms), whatever its conditions; None without any."""
    plan = _plan(props)
    return plan.cron.next(after, plan.zone) if plan is not None else None


def first_due(kind: str, props: Mapping[str, Any], now: int) -> int | None:
    """Due date of a brand-new trigger: it recovers nothing.

    The dates of a ScheduleOnDates that only the flow's context can tell are looked at now.
    """
    if kind != "schedule":
        return now
    plan = _plan(props)
    return plan.begin(now).next_due if plan is not None else None


def due_again(kind: str, props: Mapping[str, Any], last_date: int | None, now: int) -> int | None:
    """Due date of a trigger that is switched on again, by its `recoverMissedSchedules`."""
    if kind != "schedule":
        return now
    plan = _plan(props)
    if plan is None:
        return None
    return plan.set_disabled(ScheduleState(last_date=last_date, disabled=True), False, now).next_due
