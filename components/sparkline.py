"""The last runs of a flow as bars (``ui-mock/README.md`` §7, picture 02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS

_JS = rx.asset("sparkline.jsx", shared=True)
__all__ = ["GLYPHS", "Sparkline", "sparkline"]


class Sparkline(rx.NoSSRComponent):
    """Own SVG. ``runs`` is ``[[id, state, startedMs, durationMs], …]``, newest last, as ``flows/sparklines`` answers.

    Height is the duration on the flow's own scale; failures wear a cap. ``on_pick`` gives an execution id.
    """

    library = _JS.importable_path
    tag = "Sparkline"
    lib_dependencies: list[str] = [ICONS]
    runs: rx.Var[list[list[Any]]]
    slots: rx.Var[int]
    width: rx.Var[int]
    height: rx.Var[int]
    label: rx.Var[str]
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(str)]


sparkline = Sparkline.create
