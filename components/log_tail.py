"""Log lines of all executions as they come, and grouped by pattern (UI-LG-03, UI-LG-04)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("log_tail.jsx", shared=True)
_CSS = rx.asset("log_tail.css", shared=True)
__all__ = ["GLYPHS", "NET", "LogPatterns", "LogTail", "log_patterns", "log_tail"]


class LogTail(rx.NoSSRComponent):
    """New lines of ``url`` (``logs/search`` with conditions, none on time), at most 2,000 on screen.

    Above 1,000 lines a second it says which share is shown.
    """

    library = _JS.importable_path
    tag = "LogTail"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]


class LogPatterns(rx.NoSSRComponent):
    """Groups of similar messages of ``url`` (``console/logs/patterns``); ``on_pick`` gives the example's line."""

    library = _JS.importable_path
    tag = "LogPatterns"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


log_tail = LogTail.create
log_patterns = LogPatterns.create
