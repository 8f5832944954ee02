"""What waits for somebody: paused executions with their forms (UI-XP-80)."""

from __future__ import annotations

from app.pages.waiting.page import waiting_page
from app.pages.waiting.state import WaitingState

__all__ = ["WaitingState", "waiting_page"]
