"""Rules about single triggers and conditions (spec: workflow components §2.5, §15)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date
from typing import Any

from flowdeck.model.coerce import ConversionError
from flowdeck.model.conditions import about_dates
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.findings import Severity
from flowdeck.model.public_holidays import UnknownCountry, is_public_holiday
from flowdeck.model.schedule import CronError, ZoneError, parse_cron, zone_of
from flowdeck.model.schedule_dates import read_dates
from flowdeck.model.validation import Checker, Typed

CORE = "io.kestra.plugin.core."


def _schedule(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    value = typed.value
    if "cron" in value:
        try:
            parse_cron(value["cron"], value.get("withSeconds") is True)
        except CronError as error:
            checker.report(str(error), f"{typed.path}.cron", checker.at(f"{typed.path}.cron"), "cron")
    if "timezone" in value:
        try:
            zone_of(value["timezone"])
        except ZoneError as error:
            checker.report(str(error), f"{typed.path}.timezone", checker.at(f"{typed.path}.timezone"), "timezone")
    for number, condition in enumerate(value.get("conditions") or ()):
        if checker.strict and not about_dates(condition):
            path = f"{typed.path}.conditions[{number}]"
            text = "This condition is not about dates; a Schedule does not consider it"
            checker.report(text, path, checker.at(path), "schedule-condition", Severity.WARNING)
    _inputs(checker, typed, document)


def _inputs(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """Say which of the flow's inputs a schedule leaves without value."""
    value = typed.value
    given = value.get("inputs") or {}
    missing = [
        x["id"]
        for x in document.get("inputs") or ()
        if "id" in x
        and x.get("required", True)
        and "defaults" not in x
        and isinstance(given, dict)
        and x["id"] not in given
        and x["id"].split(".")[0] not in given
        and "dependsOn" not in x
        and not x.get("autoSelectFirst")
    ]
    if missing and checker.strict:
        text = f"Missing inputs for Schedule Trigger '{value.get('id')}', missing inputs: '{' | '.join(missing)}'"
        checker.report(text, typed.path, checker.at(typed.path), "schedule-inputs", Severity.WARNING)


def _on_dates(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """Dates and zone that are no expressions can be read (§15.6)."""
    value = typed.value
    zone = value.get("timezone")
    if isinstance(zone, str) and "{" not in zone:
        try:
            zone_of(zone)
        except ZoneError as error:
            checker.report(str(error), f"{typed.path}.timezone", checker.at(f"{typed.path}.timezone"), "timezone")
    dates = value.get("dates")
    for number, one in enumerate(dates if isinstance(dates, list) else ()):
        if isinstance(one, str) and "{" in one:
            continue
        try:
            read_dates([one], UTC)
        except ConversionError as error:
            path = f"{typed.path}.dates[{number}]"
            checker.report(str(error), path, checker.at(path), "dates")
    _inputs(checker, typed, document)


_NEEDED = {"returnOutputs": ("wait",), "responseContentType": ("wait", "returnOutputs"), "responseCode": ("wait",)}


SHORTEST_KEY = 16
"""Characters of a key that nobody guesses in time."""


def _webhook(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    key = typed.value.get("key")
    short = isinstance(key, str) and "{" not in key and len(key) < SHORTEST_KEY
    if checker.strict and short and not typed.value.get("signature"):
        path = f"{typed.path}.key"
        text = f"whoever guesses the key starts the flow: take at least {SHORTEST_KEY} characters, or a `signature`"
        checker.report(text, path, checker.at(path), "webhook-key", Severity.WARNING)
    for name, needed in _NEEDED.items():
        missing = [other for other in needed if typed.value.get(other) is not True]
        if checker.strict and typed.value.get(name) and missing:
            path = f"{typed.path}.{name}"
            text = f"`{name}` has no effect without {' and '.join(f'`{m}: true`' for m in missing)}"
            checker.report(text, path, checker.at(path), "webhook", Severity.WARNING)
    for number, condition in enumerate(typed.value.get("conditions") or ()):
        inner = checker.typed.get(id(condition))
        if inner and inner.spec.type == f"{CORE}condition.MultipleCondition":
            path = f"{typed.path}.conditions[{number}]"
            text = "invalid webhook: conditions of type MultipleCondition are not supported"
            checker.report(text, path, checker.at(path), "webhook")


_WINDOW_MEMBERS = {
    "window": "window",
    "windowAdvance": "window advance",
    "deadline": "deadline",
    "startTime": "start time",
    "endTime": "end time",
}
_WINDOWS: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "DURATION_WINDOW": (frozenset(("window", "windowAdvance")), ()),
    "SLIDING_WINDOW": (frozenset(("window",)), ()),
    "DAILY_TIME_DEADLINE": (frozenset(("deadline",)), ("deadline",)),
    "DAILY_TIME_WINDOW": (frozenset(("startTime", "endTime")), ("startTime", "endTime")),
}
_NO_VALUE = frozenset(("IS_TRUE", "IS_FALSE", "IS_NULL", "IS_NOT_NULL"))


def _window(checker: Checker, window: Mapping[str, Any], path: str) -> None:
    kind = window.get("type", "DURATION_WINDOW")
    allowed, required = _WINDOWS[kind]
    for name, words in _WINDOW_MEMBERS.items():
        if name in window and name not in allowed:
            text = f"Time window of type `{kind}` cannot have a {words}."
            checker.report(text, f"{path}.{name}", checker.at(f"{path}.{name}"), "time-window")
        elif name in required and name not in window:
            checker.report(f"Time window of type `{kind}` must have a {words}.", path, checker.at(path), "time-window")


def _flow_trigger(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    value = typed.value
    preconditions = value.get("preconditions")
    if not value.get("conditions") and not preconditions and checker.strict:
        text = "This trigger has neither conditions nor preconditions: the flow starts on every execution of every flow"
        checker.report(text, typed.path, checker.at(typed.path), "flow-trigger", Severity.WARNING)
    if not preconditions:
        return
    path = f"{typed.path}.preconditions"
    if "timeWindow" in preconditions:
        _window(checker, preconditions["timeWindow"], f"{path}.timeWindow")
    for number, where in enumerate(preconditions.get("where") or ()):
        for index, item in enumerate(where.get("filters") or ()):
            _filter(checker, item, f"{path}.where[{number}].filters[{index}]")


def _filter(checker: Checker, item: Mapping[str, Any], path: str) -> None:
    kind = item.get("type")
    if kind is None:
        return

    def report(member: str, must: str) -> None:
        checker.report(f"`{member}` {must} be null for type {kind}", path, checker.at(path), "filter")

    if kind in ("IN", "NOT_IN"):
        if "value" in item and item.get("field") != "EXPRESSION":
            report("value", "must")
        if "values" not in item:
            report("values", "cannot")
        return
    if "values" in item:
        report("values", "must")
    if kind in _NO_VALUE:
        if item.get("field") == "EXPRESSION" and "value" not in item:
            report("value", "cannot")
    elif "value" not in item:
        report("value", "cannot")


def _multiple(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    if "timeWindow" in typed.value:
        _window(checker, typed.value["timeWindow"], f"{typed.path}.timeWindow")


def _public_holiday(checker: Checker, typed: Typed, document: Mapping[str, Any]) -> None:
    """A calendar of the country is known (§15.9)."""
    country, part = typed.value.get("country"), typed.value.get("subDivision")
    if any("{" in str(x) for x in (country, part)):
        return
    try:
        is_public_holiday(date(2024, 1, 1), country, part)
    except UnknownCountry as error:
        checker.report(str(error), f"{typed.path}.country", checker.at(f"{typed.path}.country"), "public-holiday")


def check_trigger(checker: Checker, typed: Typed) -> None:
    """What holds for triggers of all types: an interval is longer than nothing."""
    interval = typed.value.get("interval")
    if typed.spec.role == "polling" and isinstance(interval, str):
        try:
            positive = parse_duration(interval) > 0
        except DurationError:
            return  # reported with the shape
        if not positive:
            path = f"{typed.path}.interval"
            checker.report("must be greater than PT0S", path, checker.at(path), "interval")


Rule = Callable[[Checker, Typed, Mapping[str, Any]], None]
TRIGGER_RULES: dict[str, Rule] = {
    f"{CORE}trigger.Schedule": _schedule,
    f"{CORE}trigger.ScheduleOnDates": _on_dates,
    f"{CORE}trigger.Webhook": _webhook,
    f"{CORE}trigger.Flow": _flow_trigger,
    f"{CORE}condition.MultipleCondition": _multiple,
    f"{CORE}condition.PublicHoliday": _public_holiday,
}
"""The rule of each type that has one."""
