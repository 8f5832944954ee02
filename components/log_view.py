"""Lines of one execution, as many as there are (``spec/ui.md`` §8.4, ``spec/api/extensions.md`` §4, picture 06)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.stream import STREAM

_JS = rx.asset("log_view.jsx", shared=True)
_SOURCE = rx.asset("log_source.jsx", shared=True)
_CSS = rx.asset("log_view.css", shared=True)
__all__ = ["GLYPHS", "NET", "STREAM", "LogView", "log_view"]


class LogView(rx.NoSSRComponent):
    """A virtual list over ranges of lines; search, level filter, follow. Fills the height of its parent.

    ``logs_url`` is ``{C}/executions/{id}/logs``; ``…/at`` and ``…/groups`` lie below it. ``line`` is the number
    of a line to show first (``?log=``). ``grouping`` is ``time``, ``task`` or ``raw``;
    ``folding`` says which groups begin open: all (empty), ``failed`` ones, or ``none``. ``compact`` is the narrow
    form of a side panel. ``on_line`` gives the number of the line that was chosen, ``on_view`` level and grouping.
    """

    library = _JS.importable_path
    tag = "LogView"
    lib_dependencies: list[str] = ["react-virtuoso@4.18.21", ICONS]
    logs_url: rx.Var[str]
    search_url: rx.Var[str]
    download_url: rx.Var[str]
    export_url: rx.Var[str]
    file_url: rx.Var[str]
    execution: rx.Var[str]
    task_run: rx.Var[str]
    attempt: rx.Var[int]
    level: rx.Var[str]
    grouping: rx.Var[str]
    folding: rx.Var[str]
    follow: rx.Var[bool]
    line: rx.Var[int]
    zone: rx.Var[str]
    compact: rx.Var[bool]
    on_line: rx.EventHandler[rx.event.passthrough_event_spec(int)]
    on_view: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


log_view = LogView.create
