"""Conditions that are tested before an execution is created (spec: workflow components §12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowdeck.expr import ExpressionError, truthy

BLOCK = "BLOCK_EXECUTION"
FAIL = "FAIL_EXECUTION"
CREATE = "CREATE_EXECUTION"
_SEVERITY = (BLOCK, FAIL, CREATE)


@dataclass(frozen=True, slots=True)
class Check:
    """One declared check; the message is shown as it is written."""

    condition: str
    message: str
    style: str = "INFO"  # ERROR | SUCCESS | WARNING | INFO
    behavior: str = BLOCK


@dataclass(frozen=True, slots=True)
class Verdict:
    """The checks that failed, and why those of them failed that could not be rendered."""

    failed: tuple[Check, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def behavior(self) -> str:
        """The most severe behaviour of the failed ones; `CREATE_EXECUTION` when none failed."""
        return next((b for b in _SEVERITY if any(c.behavior == b for c in self.failed)), CREATE)

    @property
    def blocks(self) -> bool:
        """Whether nothing may be created."""
        return self.behavior == BLOCK

    @property
    def messages(self) -> list[str]:
        """Texts of the failed ones that decide: those with the most severe behaviour first, in order."""
        return [c.message for b in _SEVERITY for c in self.failed if c.behavior == b]

    @property
    def failures(self) -> list[str]:
        """What the log of an execution says that is created in FAILED; empty for any other behaviour."""
        if self.behavior != FAIL:
            return []
        return [c.message for c in self.failed if c.behavior == FAIL] + list(self.faults)

    @property
    def wire(self) -> list[dict[str, str]]:
        """The form of `/validate`'s answer, in the order of the flow."""
        return [{"message": c.message, "style": c.style, "behavior": c.behavior} for c in self.failed]


def read_checks(declared: Iterable[Mapping[str, Any]] | None) -> tuple[Check, ...]:
    """The usable ones of a flow's `checks`; what is malformed was reported by validation and is left out."""
    return tuple(
        Check(c["condition"], c["message"], c.get("style") or "INFO", c.get("behavior") or BLOCK)
        for c in declared or ()
        if c.get("condition") and c.get("message")
    )


def judge(
    checks: Sequence[Check],
    evaluate: Callable[[Any, Mapping[str, Any]], Any],
    context: Mapping[str, Any],
    *,
    partial: bool = False,
) -> Verdict:
    """Ask all checks: one that is not truthy, or can't be rendered, has failed.

    `evaluate` may raise `Pending` for what a worker must render first; it passes through, after all were asked. With
    `partial` some inputs have no value yet: checks that can't be rendered are left open.
    """
    from flowdeck.model.inputs import Pending

    failed: list[Check] = []
    faults: list[str] = []
    waiting = False
    for check in checks:
        try:
            found = evaluate(check.condition, context)
        except Pending:
            waiting = True
            continue
        except ExpressionError as error:
            if partial:
                continue
            failed.append(check)
            faults.append(f"The check '{check.message}' can't be evaluated: {error.message}")
            continue
        if not _true(found):
            failed.append(check)
    if waiting:
        raise Pending
    return Verdict(tuple(failed), tuple(faults))


def _true(found: Any) -> bool:
    if found is None or isinstance(found, bool):
        return bool(found)
    return truthy(found if isinstance(found, str) else str(found))
