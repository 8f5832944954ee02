"""A slow expression delays itself only: the loop of its process goes on (spec: expressions §1)."""

from __future__ import annotations

import asyncio
import time

import pytest

from flowdeck import expr
from flowdeck.expr.limits import Limits
from flowdeck.sdk.context import render_soon

SLOW_PATTERN = "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | replace({'(a|a)*$': 'b'}, regexp=true) }}"
SLOW_LOOP = "{% for i in range(0, 999) %}{% for j in range(0, 9999) %}x{% endfor %}{% endfor %}"


@pytest.mark.parametrize("expression", [SLOW_PATTERN, SLOW_LOOP])
async def test_a_slow_render_leaves_the_loop_alone(expression: str) -> None:
    longest, last, over = 0.0, time.monotonic(), False

    async def tick() -> None:
        nonlocal longest, last
        while not over:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    environment = expr.Environment(limits=Limits(seconds=1.0, regex_seconds=1.0))
    with pytest.raises(expr.ExpressionError, match="limit of"):
        await render_soon(expr.render, expression, {}, environment)
    over = True
    await ticking
    assert longest < 0.6, longest


async def test_a_quick_error_is_told_at_once_and_a_result_is_a_result() -> None:
    environment = expr.Environment()
    with pytest.raises(expr.ExpressionError):
        await render_soon(expr.render, "{{ nothing.here }}", {}, environment)
    assert await render_soon(expr.render_value, "{{ 1 + 1 }}", {}, environment) == 2
