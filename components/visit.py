"""Whether the page of a visit has what it shows: after the framework's own mark, which knows no background events."""

from __future__ import annotations

from typing import Any

import reflex as rx


class Visit(rx.State):
    """The visit of a page; the application tells when its reads begin and end."""

    reading: bool = False


def page_waits() -> Any:
    """Tell as a var whether the page is still being read."""
    hydrated: Any = rx.State.is_hydrated
    return ~hydrated | Visit.reading


def page_is_here() -> Any:
    """Tell as a var whether everything that the visit reads has come."""
    hydrated: Any = rx.State.is_hydrated
    return hydrated & ~Visit.reading
