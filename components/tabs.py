"""Tabs of an entity and its header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx

from components.button import link
from components.chrome import TabStrip, allowed
from components.message import count
from components.reactive import Content, Reactive


def tabs(
    items: list[tuple[Reactive[str], str, Reactive[str]]] | list[Any],
    active: Reactive[str],
    *,
    label: str,
    needs: Mapping[str, str] | None = None,
    namespace: Reactive[str] = "",
) -> rx.Component:
    """Tabs that are links, so that each has a URL and the keys 1 to 9 reach them.

    Args:
        items: `(key, word, to)` or `(key, word, to, count)`; `to` from `app.routes`.
        active: the key of the open one.
        needs: key of a tab → the right without which it is absent, judged on `namespace` (UI-PM-02).
    """
    rows: list[rx.Component] = []
    for item in items:
        key, text, to = item[0], item[1], item[2]
        on: Any = active == key
        inner: list[Any] = [text]
        if len(item) > 3:
            number = item[3]
            inner.append(
                rx.cond(number != "", count(number), rx.fragment()) if isinstance(number, rx.Var) else count(number)
            )
        tab = link(
            *inner,
            to=to,
            class_name=rx.cond(on, "tab on", "tab") if isinstance(on, rx.Var) else ("tab on" if on else "tab"),
            test=f"tab-{key}",
        )
        right = (needs or {}).get(str(key), "")
        rows.append(allowed(tab, needs=right, namespace=namespace) if right else tab)
    return TabStrip.create(*rows, label=label)


def entity_header(*facts: Content, actions: list[rx.Component] | None = None) -> rx.Component:
    """48 px: state, id and facts of one entity, actions at the right."""
    return rx.el.div(*facts, rx.el.span(class_name="grow"), *(actions or []), class_name="eh")
