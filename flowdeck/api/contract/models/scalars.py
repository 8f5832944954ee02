"""Texts of the wire with a form of their own."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A point in time, ISO 8601 with zone."""

Dynamic = str | dict[str, Any]
"""A property that may be an expression: its text, or an object."""
