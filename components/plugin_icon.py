"""The picture of a plugin class."""

from __future__ import annotations

import reflex as rx

from components.net import NET
from components.reactive import Reactive

_JS = rx.asset("plugin_icon.jsx", shared=True)
__all__ = ["NET", "PluginIcon", "plugin_icon"]


class PluginIcon(rx.Component):
    """The icon that the server tells for `type`; its title is the short name."""

    library = _JS.importable_path
    tag = "PluginIcon"
    type: rx.Var[str]
    size: rx.Var[int]


def plugin_icon(cls: Reactive[str], *, size: int = 20) -> rx.Component:
    """The icon of a class, `size` px wide."""
    return PluginIcon.create(type=cls, size=size)
