"""The type of a component's argument: a plain value, or a variable that lives in the browser."""

from __future__ import annotations

from typing import TypeVar

import reflex as rx

T = TypeVar("T")

Reactive = rx.Var[T] | T
"""`Reactive[str]` accepts `"KV store"` as well as `KvState.title`."""

Content = rx.Component | rx.Var | str | int | float
"""What may stand inside an element."""


def testid(name: str) -> dict[str, str]:
    """Return the attribute by which browser tests find a control, `<screen>-<control>`."""
    return {"data-testid": name}
