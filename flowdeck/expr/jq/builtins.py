"""All jq builtins that are written in Python."""

from __future__ import annotations

from flowdeck.expr.jq import collections, numbers, streams, text
from flowdeck.expr.jq.natives import NATIVE

__all__ = ["NATIVE", "collections", "numbers", "streams", "text"]
