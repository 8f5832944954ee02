"""The list of executions (UI-EX)."""

from __future__ import annotations

from app.pages.executions.page import executions_page
from app.pages.executions.state import ExecutionsState

__all__ = ["ExecutionsState", "executions_page"]
