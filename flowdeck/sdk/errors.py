"""What a task raises to fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class TaskError(Exception):
    """The attempt failed for a reason that its author should read.

    Args:
        message: one line or more; logged at ERROR and shown as the task run's error.
        outputs: kept on the failed task run.
        exit_code: of a child process.
    """

    def __init__(self, message: str, *, outputs: Mapping[str, Any] | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.outputs = outputs
        self.exit_code = exit_code
