"""How many executions wait for somebody, as a count in the menu (``spec/ui.md`` UI-XP-80)."""

from __future__ import annotations

import reflex as rx

from components.net import NET

_JS = rx.asset("held_count.jsx", shared=True)
__all__ = ["NET", "HeldCount", "held_count"]


class HeldCount(rx.NoSSRComponent):
    """The number, nothing for none. Read once a page, then when executions change and each minute while visible."""

    library = _JS.importable_path
    tag = "HeldCount"


held_count = HeldCount.create
