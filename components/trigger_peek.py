"""What a trigger of a row is: properties, cron in words, next date, on or off (UI-FL-01)."""

from __future__ import annotations

import reflex as rx

from components.client import CLOCK, OVERLAY
from components.net import NET

_JS = rx.asset("trigger_peek.jsx", shared=True)
__all__ = ["CLOCK", "NET", "OVERLAY", "TriggerPeek", "trigger_peek"]


class TriggerPeek(rx.Component):
    """A button with the children as icon; the layer reads the trigger when it opens."""

    library = _JS.importable_path
    tag = "TriggerPeek"
    api: rx.Var[str]
    namespace: rx.Var[str]
    flow: rx.Var[str]
    trigger: rx.Var[str]
    kind: rx.Var[str]


trigger_peek = TriggerPeek.create
