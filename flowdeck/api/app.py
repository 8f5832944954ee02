"""The API application: every router under one authentication (spec: REST contract)."""

from __future__ import annotations


from fastapi import Depends, FastAPI

from flowdeck.api import configs, errors, session
from flowdeck.api.middleware import RequestContext
from flowdeck.api.security import authenticate
from flowdeck.services.backend import Backend
from flowdeck.services.credentials import Credentials
from flowdeck.services.sessions import Sessions

ROUTERS = (configs.router, session.router)


def create_api(backend: Backend) -> FastAPI:
    """Build the ASGI application of REST and streams over the adapters of one web process."""
    app = FastAPI(title="flowdeck", version=backend.config.version, openapi_url=None, docs_url=None, redoc_url=None,
                  dependencies=[Depends(authenticate)], redirect_slashes=False)
    app.state.backend = backend
    app.state.credentials = Credentials(backend)
    app.state.sessions = Sessions(backend)
    app.state.plugins_hash = 0
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(RequestContext)
    return app
