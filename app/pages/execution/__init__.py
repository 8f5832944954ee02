"""The page of one execution (UI-XP): header and actions, overview, Gantt, logs, topology, outputs, metrics."""

from __future__ import annotations

from app.pages.execution.page import execution_page
from app.pages.execution.state import ExecutionState

__all__ = ["ExecutionState", "execution_page"]
