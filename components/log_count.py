"""The number of an execution's log lines, live (``spec/ui.md`` UI-LV-01, pictures 05 and 06)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import ICONS
from components.net import NET
from components.stream import STREAM

_JS = rx.asset("log_count.jsx", shared=True)
__all__ = ["NET", "STREAM", "LogCount", "log_count"]


class LogCount(rx.NoSSRComponent):
    """``start`` until the tab's stream tells more; nothing for none."""

    library = _JS.importable_path
    tag = "LogCount"
    lib_dependencies: list[str] = [ICONS]
    execution: rx.Var[str]
    start: rx.Var[int]


log_count = LogCount.create
