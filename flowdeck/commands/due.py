"""When a trigger is due next: what saving, enabling and restarting write into its state (workflow components §15)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from flowdeck.model.schedule import CronError, ZoneError, parse_cron, zone_of

KINDS_WITH_STATE = frozenset({"schedule", "polling", "realtime"})
"""Kinds that have a row in `trigger_state`."""


def server_zone() -> tzinfo:
    """The zone of schedules that name none: `TZ`, else UTC."""
    try:
        return zone_of(os.environ.get("TZ") or "UTC")
    except ZoneError:
        return UTC


def next_cron_date(props: Mapping[str, Any], after: int) -> int | None:
    """The first date of a schedule after an instant (ms); None when there is none or it can't be read."""
    cron = props.get("cron")
    if not isinstance(cron, str):
        return None
    try:
        zone = zone_of(str(props["timezone"])) if props.get("timezone") else server_zone()
        return parse_cron(cron, bool(props.get("withSeconds"))).next(after, zone)
    except (CronError, ZoneError):
        return None


def _last_past_date(props: Mapping[str, Any], now: int) -> int | None:
    try:
        zone = zone_of(str(props["timezone"])) if props.get("timezone") else server_zone()
        return parse_cron(str(props.get("cron")), bool(props.get("withSeconds"))).previous(now + 1, zone)
    except (CronError, ZoneError):
        return None


def first_due(kind: str, props: Mapping[str, Any], now: int) -> int | None:
    """Due date of a brand-new trigger: it recovers nothing."""
    return next_cron_date(props, now) if kind == "schedule" else now


def due_again(kind: str, props: Mapping[str, Any], last_date: int | None, now: int) -> int | None:
    """Due date of a trigger that is switched on again, by its `recoverMissedSchedules`."""
    if kind != "schedule":
        return now
    recover = str(props.get("recoverMissedSchedules") or "ALL").upper()
    if last_date is not None and recover == "ALL":
        return next_cron_date(props, last_date)
    if last_date is not None and recover == "LAST":
        last = _last_past_date(props, now)
        if last is not None and last > last_date:
            return last
    return next_cron_date(props, now)
