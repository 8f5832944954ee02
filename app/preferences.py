"""How kept settings become what the console does: the reader's own before those of the tenant (`spec` UI-ST-01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXECUTION_TABS = ("gantt", "overview", "logs", "topology", "outputs", "metrics")
FLOW_TABS = ("overview", "topology", "executions", "edit", "revisions", "triggers", "logs", "metrics", "dependencies")
KEPT_APART = ("defaults", "version")


def parted(answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the API's answer into the reader's own settings and the tenant's defaults."""
    own = {key: value for key, value in answer.items() if key not in KEPT_APART and value is not None}
    told = answer.get("defaults")
    return own, dict(told) if isinstance(told, dict) else {}


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings after a change; None takes one away."""
    return {key: value for key, value in {**settings, **changes}.items() if value is not None}


def first_day(settings: Mapping[str, Any]) -> int:
    """The day with which weeks begin; 0 is Monday, 6 Sunday."""
    value = str(settings.get("firstDay") or "0")
    return int(value) if value in "0123456" and len(value) == 1 else 0


def chosen(settings: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    """The value of a choice; the first known one when nothing, or something unknown, was chosen."""
    value = str(settings.get(key) or "")
    return value if value in known else known[0]
