"""Pages of other origins, when they are let in: `micronaut.server.cors` (spec: operations F62)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.middleware.cors import CORSMiddleware

from flowdeck.config import Settings
from flowdeck.config.rules import cors

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_AGE = 1800


class Cors:
    """Answers preflights and names allowed origins; by the first configuration whose origins fit.

    Args:
        app: the API; its `state` is this one's too.
    """

    def __init__(self, app: Any, told: list[dict[str, Any]]) -> None:
        self._app = app
        self.state = getattr(app, "state", None)
        self._choices = [(_fits(one), _middleware(app, one)) for one in told or [{}]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "http":
            origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)
            if origin is not None:
                for fits, middleware in self._choices:
                    if fits(origin):
                        await middleware(scope, receive, send)
                        return
        await self._app(scope, receive, send)


def _all(one: Mapping[str, Any]) -> bool:
    origins = one.get("allowed-origins") or []
    return "*" in origins or not (origins or one.get("allowed-origins-regex"))


def _fits(one: Mapping[str, Any]) -> Any:
    if _all(one):
        return lambda origin: True
    exact = frozenset(one.get("allowed-origins") or ())
    pattern = re.compile(one["allowed-origins-regex"]) if one.get("allowed-origins-regex") else None
    return lambda origin: origin in exact or (pattern is not None and pattern.fullmatch(origin) is not None)


def _middleware(app: Any, one: Mapping[str, Any]) -> CORSMiddleware:
    methods = [str(method).upper() for method in one.get("allowed-methods") or METHODS]
    return CORSMiddleware(
        app,
        allow_origins=["*"] if _all(one) else list(one.get("allowed-origins") or ()),
        allow_origin_regex=None if _all(one) else one.get("allowed-origins-regex"),
        allow_methods=METHODS if "*" in methods else methods,
        allow_headers=one.get("allowed-headers") or ["*"],
        allow_credentials=bool(one.get("allow-credentials")),
        expose_headers=one.get("exposed-headers") or (),
        max_age=one.get("max-age", MAX_AGE),
    )


def with_cors(app: Any, settings: Settings) -> Any:
    """The API as it is, or with other origins let in."""
    if not settings.get("micronaut.server.cors.enabled"):
        return app
    return Cors(app, cors(settings.values))
