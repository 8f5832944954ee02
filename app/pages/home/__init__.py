"""Home dashboard (`spec` UI-DB-01…07; picture 01)."""

from __future__ import annotations

from app.pages.home.page import dashboard_page, root_page, start_page
from app.pages.home.state import HomeState, StartState

__all__ = ["HomeState", "StartState", "dashboard_page", "root_page", "start_page"]
