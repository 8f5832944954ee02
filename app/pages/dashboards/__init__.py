"""Dashboards of the tenant: view, switcher, editor (UI-DB)."""

from __future__ import annotations

from app.pages.dashboards.editor import BoardEditorState, board_editor_page
from app.pages.dashboards.view import BoardState, board_page

__all__ = ["BoardEditorState", "BoardState", "board_editor_page", "board_page"]
