"""Spares a starting process work that has no use in it; measured with `python -X importtime`.

Everything here stands in for parts of other people's packages while they are imported. Each helper says what it
replaces and when it leaves that alone; without them a start is slower, nothing else changes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any, NamedTuple


def without_httpx_command() -> None:
    """Leave out httpx's command line, which imports click, rich and pygments (a third of httpx's import)."""
    if "httpx" in sys.modules or "httpx._main" in sys.modules:
        return
    stand_in = ModuleType("httpx._main")
    stand_in.main = lambda: sys.exit("the httpx command is not available here")  # type: ignore[attr-defined]
    sys.modules["httpx._main"] = stand_in


def without_redis() -> None:
    """Leave out the Redis client, which the console's framework imports even when no Redis is configured."""
    configured = any(os.environ.get(name) for name in ("REFLEX_REDIS_URL", "REDIS_URL"))
    if configured or "redis" in sys.modules:
        return
    package, exceptions, client = (ModuleType(n) for n in ("redis", "redis.exceptions", "redis.asyncio"))
    package.__path__ = []  # a package without files: anything else of it is an ImportError, as without Redis
    error = type("RedisError", (Exception,), {})
    exceptions.RedisError = error  # type: ignore[attr-defined]
    package.ResponseError = type("ResponseError", (error,), {})  # type: ignore[attr-defined]
    client.Redis = type("Redis", (), {})  # type: ignore[attr-defined]
    package.exceptions, package.asyncio = exceptions, client  # type: ignore[attr-defined]
    sys.modules |= {"redis": package, "redis.exceptions": exceptions, "redis.asyncio": client}


class _Caller(NamedTuple):
    frame: FrameType
    filename: str


class _Frames:
    """As much of `inspect` as finding the file of a caller needs; the real one reads every file of the stack."""

    @staticmethod
    def stack() -> list[_Caller]:
        found: list[_Caller] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            found.append(_Caller(frame, frame.f_code.co_filename))
            frame = frame.f_back
        return found

    @staticmethod
    def getmodule(frame: FrameType) -> ModuleType | None:
        return sys.modules.get(frame.f_globals.get("__name__", ""))


@contextlib.contextmanager
def quick_callers() -> Iterator[None]:
    """While components are imported: `rx.asset` finds its caller without reading sources (30 ms a call else)."""
    import reflex.assets as assets

    module: Any = assets
    real = getattr(module, "inspect", None)
    if real is None:
        yield
        return
    module.inspect = _Frames
    try:
        yield
    finally:
        module.inspect = real
