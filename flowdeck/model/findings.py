"""What validation says about a source: one list feeds API, command line and editor markers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; only errors prevent a save."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEPRECATION = "deprecation"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one place of a source.

    `path` is the JSON path (`tasks[0].id`), `line` and `column` count from 1 (0 = unknown), the end is exclusive;
    `rule` is a short stable name such as `unknown-property`.
    """

    severity: Severity
    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    rule: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the source may not be saved."""
        return self.severity is Severity.ERROR
