"""Why something waits, in the reader's words: the API says it in English, beside the kind and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.words import later, say, spoken

_KINDS = {
    "retry": later("Waits for the next attempt"),
    "breakpoint": later("Stopped at a breakpoint"),
    "killing": later("Being killed"),
    "slot": later("Waits for a free worker"),
    "scheduled": later("Waits for its date"),
    "subflow": later("Waits for a subflow"),
}


def waits_for(reason: Mapping[str, Any], *, dated: bool = False) -> str:
    """Return why an execution waits, in the reader's language; empty when it does not.

    Args:
        reason: `kind`, `text` and what belongs to the kind (extensions §5); an unknown kind reads as its text.
        dated: the date of its end stands beside the words.
    """
    kind = str(reason.get("kind") or "")
    if kind == "paused":
        if not reason.get("until"):
            return say("Waits for a resume")
        return say("Paused") if dated else say("Paused until a date")
    if kind == "concurrency":
        if not reason.get("position"):
            return say("Waits for a slot")
        return say(
            "Waits for a slot: {running} running, position {place} of {total}",
            running=spoken(reason.get("running") or 0),
            place=spoken(reason["position"]),
            total=spoken(reason.get("total") or 0),
        )
    return say(_KINDS[kind]) if kind in _KINDS else str(reason.get("text") or "")
