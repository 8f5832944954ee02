"""Retry policies (spec: workflow components §11.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowdeck.model.durations import parse_duration
from flowdeck.model.flow import Retry

_LONGEST_DELAY = 10**13


def read_retry(value: Mapping[str, Any] | None) -> Retry | None:
    """A policy from its validated properties; None for nothing."""
    if not value:
        return None

    def span(name: str) -> int | None:
        text = value.get(name)
        return None if text is None else parse_duration(str(text))

    attempts = value.get("maxAttempts", value.get("maxAttempt"))
    return Retry(
        kind=str(value["type"]),
        interval_ms=span("interval") or 0,
        min_interval_ms=span("minInterval") or 0,
        max_interval_ms=span("maxInterval"),
        delay_factor=float(value.get("delayFactor") or 2.0),
        max_attempts=None if attempts is None else int(attempts),
        max_duration_ms=span("maxDuration"),
        warning_on_retry=bool(value.get("warningOnRetry", False)),
        new_execution=value.get("behavior") == "CREATE_NEW_EXECUTION",
    )


def delay(policy: Retry, attempts: int, rand: Callable[[], float]) -> int:
    """Ms between the end of attempt number `attempts` and the next one; `rand` gives [0, 1)."""
    if policy.kind == "constant":
        return policy.interval_ms
    if policy.kind == "exponential":
        longest = _LONGEST_DELAY if policy.max_interval_ms is None else policy.max_interval_ms
        try:
            return round(min(policy.interval_ms * policy.delay_factor ** (attempts - 1), longest))
        except OverflowError:
            return longest
    longest = policy.min_interval_ms if policy.max_interval_ms is None else policy.max_interval_ms
    return policy.min_interval_ms + int((longest - policy.min_interval_ms) * rand())


def next_retry(
    policy: Retry | None, attempts: int, first_started: int, now: int, rand: Callable[[], float]
) -> int | None:
    """When the next attempt starts, as ms since the epoch; None when there is none.

    `attempts` were made so far, the first started at `first_started`, the last ended at `now` (both ms).
    """
    if policy is None or (policy.max_attempts is not None and attempts >= policy.max_attempts):
        return None
    due = now + delay(policy, attempts, rand)
    if policy.max_duration_ms is not None and due > first_started + policy.max_duration_ms:
        return None
    return due


def problems(value: Mapping[str, Any]) -> list[str]:
    """Rules between the spans of a policy that its properties break."""

    def span(name: str) -> int | None:
        text = value.get(name)
        try:
            return None if text is None else parse_duration(str(text))
        except ValueError:
            return None

    out: list[str] = []

    def below(name: str, limit: str) -> None:
        low, high = span(name), span(limit)
        if low is not None and high is not None and low >= high:
            out.append(f"'{name}' must be less than '{limit}' but is {value[name]}")

    match value.get("type"):
        case "constant":
            below("interval", "maxDuration")
        case "exponential":
            below("interval", "maxDuration")
            below("interval", "maxInterval")
        case "random":
            below("minInterval", "maxDuration")
            below("maxInterval", "maxDuration")
            below("minInterval", "maxInterval")
    return out
