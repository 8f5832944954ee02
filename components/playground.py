"""Runs beside the editor: the last execution and the playground (``spec/ui.md`` §5.1, §5.8, §5.9)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import BRIDGE, OVERLAY
from components.execute_form import ExecuteForm
from components.gantt import Gantt
from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.run_panel import RunPanel
from components.stream import STREAM
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("playground.jsx", shared=True)
_TASKS = rx.asset("playground_tasks.jsx", shared=True)
_CSS = rx.asset("playground.css", shared=True)
__all__ = ["BRIDGE", "DOCUMENT", "GLYPHS", "NET", "OVERLAY", "STREAM", "ExecuteForm", "Gantt", "RunPanel"]
__all__ += ["last_run", "playground"]

_TEXT = rx.event.passthrough_event_spec(str)


class _Runs(rx.NoSSRComponent):
    library = _JS.importable_path
    lib_dependencies: list[str] = ["react-virtuoso@4.18.21", PACKAGE, ICONS]
    api: rx.Var[str]
    namespace: rx.Var[str]
    flow: rx.Var[str]
    on_follow: rx.EventHandler[_TEXT]


class LastRun(_Runs):
    """Tasks, outputs and logs of the newest execution, or of one of the ten before it.

    ``on_follow`` gives the execution that the page's stream shall follow, ``on_open`` the one to show as a page.
    """

    tag = "LastRun"
    on_open: rx.EventHandler[_TEXT]


class Playground(_Runs):
    """Single tasks of the saved flow, run on what earlier ones gave; executions of kind PLAYGROUND, the ten newest.

    ``play`` (``{seq, task}``) runs a task; ``on_play`` asks for it (the page saves the text first). A task is named by
    its id; ``up:`` before it runs what is missing too, ``down:`` all that follow, ``all:`` alone all tasks.
    """

    tag = "Playground"
    doc_uri: rx.Var[str]
    play: rx.Var[dict[str, Any]]
    on_play: rx.EventHandler[_TEXT]


last_run = LastRun.create
playground = Playground.create
