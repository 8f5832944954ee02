"""Details of one task run beside the Gantt or the graph (``spec/ui.md`` UI-XP-21, picture 05)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.log_view import LogView
from components.net import NET
from components.stream import STREAM
from components.value_tree import ValueTree

_JS = rx.asset("run_panel.jsx", shared=True)
_CSS = rx.asset("run_panel.css", shared=True)
__all__ = ["GLYPHS", "NET", "STREAM", "LogView", "RunPanel", "RunSources", "ValueTree", "run_panel", "run_sources"]


class RunPanel(rx.NoSSRComponent):
    """Facts, attempts, logs, outputs, states and metrics of the task run ``selected``; fills the height of its parent.

    It reads the tab's stream, so its facts are as fresh as the Gantt's. ``api`` is ``/api/v1/{tenant}``. Buttons for
    replay and change of state stand there while ``replayable`` and ``changeable`` hold, lines can be deleted while
    ``deletable`` does; ``on_change`` gives
    ``{id, task, state}``, the other events the id of the task run (``on_child`` that of the started execution,
    ``on_preview`` the URI of a file).
    """

    library = _JS.importable_path
    tag = "RunPanel"
    lib_dependencies: list[str] = ["react-virtuoso@4.18.21", ICONS]
    execution: rx.Var[str]
    api: rx.Var[str]
    selected: rx.Var[str]
    zone: rx.Var[str]
    level: rx.Var[str]
    replayable: rx.Var[bool]
    changeable: rx.Var[bool]
    deletable: rx.Var[bool]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]
    on_replay: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_change: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_logs: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_child: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_preview: rx.EventHandler[rx.event.passthrough_event_spec(str)]


run_panel = RunPanel.create


class RunSources(rx.NoSSRComponent):
    """Task runs of ``execution`` to choose from, with source and rendered properties of the chosen one.

    ``on_go`` gives the id of the task run that shall be shown in the Gantt.
    """

    library = _JS.importable_path
    tag = "RunSources"
    lib_dependencies: list[str] = ["react-virtuoso@4.18.21", ICONS]
    execution: rx.Var[str]
    api: rx.Var[str]
    on_go: rx.EventHandler[rx.event.passthrough_event_spec(str)]


run_sources = RunSources.create
