"""The run of one script below its text (UI-NS-07)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.log_view import LogView
from components.stream import STREAM

_JS = rx.asset("script_run.jsx", shared=True)
__all__ = ["GLYPHS", "STREAM", "LogView", "ScriptRun", "script_run"]


class ScriptRun(rx.NoSSRComponent):
    """State, time and lines of ``execution`` as they come by the tab's stream; ``place`` is its page.

    ``on_stop`` is asked for while it runs, ``on_beside`` tells whether the reader wants it ``beside`` the text.
    """

    library = _JS.importable_path
    tag = "ScriptRun"
    lib_dependencies: list[str] = ["react-virtuoso@4.18.21", ICONS]
    api: rx.Var[str]
    execution: rx.Var[str]
    name: rx.Var[str]
    place: rx.Var[str]
    beside: rx.Var[bool]
    on_beside: rx.EventHandler[rx.event.passthrough_event_spec(bool)]
    on_stop: rx.EventHandler[rx.event.no_args_event_spec]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


script_run = ScriptRun.create
