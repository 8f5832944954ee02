"""Routes of one flat list: what `include_router` would nest is matched once, by one pattern each."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from flowdeck.api.security import only_known

_KEPT = (
    "response_model",
    "status_code",
    "tags",
    "dependencies",
    "summary",
    "description",
    "response_description",
    "responses",
    "deprecated",
    "methods",
    "operation_id",
    "response_model_include",
    "response_model_exclude",
    "response_model_by_alias",
    "response_model_exclude_unset",
    "response_model_exclude_defaults",
    "response_model_exclude_none",
    "include_in_schema",
    "response_class",
    "name",
    "callbacks",
    "openapi_extra",
    "generate_unique_id_function",
    "strict_content_type",
)


NO_HEAD = re.compile(r"/webhook/|/(follow|follow-dependencies|stream)$")
"""GET routes that HEAD does not reach: a webhook starts something, and a stream has no end."""


class QuickRoute(APIRoute):
    """A route that says no after one look at the path, and answers HEAD as GET without its content."""

    def _is_head(self, scope: Scope) -> bool:
        return scope.get("method") == "HEAD" and "GET" in (self.methods or ()) and not NO_HEAD.search(self.path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's; most routes are asked in vain."""
        if scope["type"] == "http" and not scope.get("root_path") and not self.path_regex.match(scope["path"]):
            return Match.NONE, {}
        if self._is_head(scope):
            scope = {**scope, "method": "GET"}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As Starlette's; that the path knows other methods is told to known callers only."""
        if self._is_head(scope):

            async def bare(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.body":
                    message = {**message, "body": b""}
                await send(message)

            await super().handle({**scope, "method": "GET"}, receive, bare)
            return
        if self.methods and scope["method"] not in self.methods:
            await only_known(scope, receive)
        await super().handle(scope, receive, send)


def include(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Add all routes of the routers to the application, in order, under the application's own dependencies."""
    for router in routers:
        for route in router.routes:
            assert type(route) is APIRoute, f"{route} would need a place of its own"
            kept = {name: getattr(route, name) for name in _KEPT}
            app.router.add_api_route(route.path, route.endpoint, route_class_override=QuickRoute, **kept)
