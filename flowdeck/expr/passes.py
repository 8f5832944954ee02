"""Rendering in several passes: `render()` and recursive rendering."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.runtime import Runtime

MAX_PASSES = 100
_RAW = re.compile("\x00raw(\\d+)\x00")


def stable(text: str, context: Mapping[str, Any], rt: Runtime) -> str:
    """Render `text` until it no longer changes. Raises ExpressionError after 100 passes."""
    for _ in range(MAX_PASSES):
        template = rt.compile(text)
        if template.is_literal:
            return text
        result = template.run(context, rt)
        if result == text:
            return text
        text = result
    raise ExpressionError("Too many rendering attempts")


def restore(text: str, raws: list[str]) -> str:
    """`text` with its `raw` marks replaced by what they stand for."""

    def put_back(mark: re.Match[str]) -> str:
        index = int(mark.group(1))
        return raws[index] if index < len(raws) else mark.group()

    return _RAW.sub(put_back, text) if raws else text


def nested(value: Any, context: Mapping[str, Any], rt: Runtime, recursive: bool) -> Any:
    """`render()` and `renderOnce()`: texts, lists and maps with the current context."""
    if isinstance(value, str):
        if not recursive:
            return rt.compile(value).run(context, rt)
        outermost = rt.raws is None
        if outermost:
            rt.raws = []
        try:
            text = stable(value, context, rt)
            return restore(text, rt.raws or []) if outermost else text
        finally:
            if outermost:
                rt.raws = None
    if isinstance(value, Mapping):
        return {nested(k, context, rt, recursive): nested(v, context, rt, recursive) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [nested(item, context, rt, recursive) for item in value]
    return value
