"""Rows of the benchmarks' tables: what was measured, against what, the target and whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ["Measured", "flowdeck", "Compared", "Target", "Met"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing."""

    what: str
    value: str
    compared: str = ""
    target: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        """The row of the table."""
        mark = {True: "yes", False: "**no**", None: ""}[self.met]
        return [self.what, self.value, self.compared, self.target, mark]

    def __str__(self) -> str:
        return " | ".join(cell for cell in self.cells() if cell)


def at_least(what: str, rate: float, unit: str, name: str, other: float, ratio: float, factor: float) -> Row:
    """A rate that must be a multiple of another one; `ratio` is the median of pairs measured side by side."""
    return Row(
        what, f"{rate:,.0f} {unit}", f"{ratio:.3g} × {name} ({other:,.0f}/s)", f"≥ {factor:g} ×", ratio >= factor
    )


def at_most(what: str, value: float, unit: str, limit: float, more: str = "") -> Row:
    """A value with an upper bound."""
    return Row(what, f"{value:.3g} {unit}", more, f"≤ {limit:.3g} {unit}", value <= limit)


def markdown(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))
