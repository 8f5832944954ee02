"""The API application: every router under one authentication (spec: REST contract)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI

from flowdeck.api import (
    blueprints,
    configs,
    console,
    dashboards,
    errors,
    execution_files,
    executions,
    executions_bulk,
    flow_editing,
    flows,
    follow,
    instance,
    kv,
    logs,
    metrics,
    namespace_files,
    namespaces,
    playground,
    plugins,
    reference,
    screens,
    session,
    stream,
    triggers,
    webhooks,
)
from flowdeck.api.contract.tables import operations
from flowdeck.api.middleware import RequestContext
from flowdeck.api.routes import include
from flowdeck.api.security import UnknownPlace, authorise
from flowdeck.services.backend import Backend
from flowdeck.services.credentials import Credentials, Throttle
from flowdeck.services.following import Following
from flowdeck.services.hub import Hub
from flowdeck.services.rooms import Rooms
from flowdeck.services.sessions import Sessions

ROUTERS = (
    instance.router,
    configs.router,
    session.router,
    stream.router,
    console.pairs,
    logs.console,
    flow_editing.router,
    playground.router,
    console.router,
    console.usage,
    screens.router,
    plugins.router,
    metrics.router,
    blueprints.router,
    reference.router,
    dashboards.router,
    flows.router,
    # Literal segments before parameters: the order matters within executions, logs, triggers and namespaces.
    webhooks.router,
    follow.router,
    execution_files.router,
    executions_bulk.router,
    executions.router,
    logs.router,
    triggers.router,
    kv.router,
    namespace_files.router,
    namespaces.router,
)


def _plugins_hash(catalog: Any) -> int:
    try:
        return zlib.crc32("\n".join(sorted(spec.type for spec in catalog.types())).encode())
    except AttributeError:
        return 0


def create_api(backend: Backend) -> FastAPI:
    """Build the ASGI application of REST and streams over the adapters of one web process."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.start()
        yield
        rooms.stop()
        await hub.stop()

    app = FastAPI(
        title="flowdeck",
        version=backend.config.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(authorise)],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    hub = Hub(backend.core)
    app.state.backend = backend
    rooms = Rooms(backend, hub)
    app.state.hub = hub
    app.state.rooms = rooms
    app.state.following = Following(backend, hub)
    app.state.credentials = Credentials(backend)
    app.state.sessions = Sessions(backend)
    # Keys are guessed by many calls; a sender with a wrong key may stay wrong for a while without harm.
    app.state.webhook_throttle = Throttle(most=60, words="Too many calls with a wrong key, try again later")
    app.state.sessions.ended.append(rooms.session_ended)
    app.state.plugins_hash = _plugins_hash(backend.catalog)
    errors.install(app)
    include(app, ROUTERS)
    app.state.operations = {(one.method, route.path): one for route, one in operations(app.routes)}
    app.router.default = UnknownPlace()
    app.add_middleware(RequestContext)
    return app
