"""A small file chosen by the reader, given as text; it travels through state and so stays small."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("text_file.jsx", shared=True)
__all__ = ["GLYPHS", "NET", "TextFile", "text_file"]


class TextFile(rx.Component):
    """A button that opens the browser's file dialog; `on_text` gives `{name, text}`."""

    library = _JS.importable_path
    tag = "TextFile"
    lib_dependencies: list[str] = [ICONS]
    label: rx.Var[str]
    accept: rx.Var[str]
    most: rx.Var[int]
    testid: rx.Var[str]
    on_text: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


def text_file(label: str, *, on_text: Any, accept: str = "", most: int = 1_000_000, test: str = "") -> rx.Component:
    """A button for one text file.

    Args:
        most: bytes.
        on_text: handler of `{name, text}`.
    """
    return TextFile.create(label=label, accept=accept, most=most, testid=test, on_text=on_text)
