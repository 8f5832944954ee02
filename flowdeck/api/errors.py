"""Errors of the domain and of the framework in the one body of the wire (spec: REST contract §3)."""

from __future__ import annotations

import logging
import re
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from flowdeck.api.answers import Json
from flowdeck.api.middleware import DATA_HEADERS, request_id
from flowdeck.model.errors import BulkRefused, Conflict, DomainError, Unavailable
from flowdeck.services.executions import BareMessage
from flowdeck.store.driver import StoreUnavailable

log = logging.getLogger("flowdeck.api")

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Illegal argument",
    429: "Too Many Requests",
}


_DATA_HEADERS = {name.decode(): value.decode() for name, value in DATA_HEADERS}


class Unauthorised(Exception):
    """No credential, or a wrong one; answered with an empty body."""

    def __init__(self, *, challenge: bool) -> None:
        super().__init__("unauthorised")
        self.challenge = challenge


class UnsupportedMediaType(DomainError):
    """The route can't read this content type."""

    status, reason = 415, "Unsupported Media Type"


class BadRequest(DomainError):
    """A required parameter is missing."""

    status, reason = 400, "Bad Request"


def place(request: Request) -> str:
    """The route's pattern, for log lines: paths hold what callers wrote, and the keys of webhooks."""
    return getattr(request.scope.get("route"), "path", "?")


def body(request: Request, status: int, message: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The HAL body."""
    answer: dict[str, Any] = {
        "message": message,
        "_links": {"self": [{"href": request.scope["path"], "templated": False}]},
        "requestId": request_id(),
    }
    if errors:
        answer["_embedded"] = {"errors": errors}
    return answer


def answer(request: Request, error: DomainError) -> Response:
    """The response of a domain error."""
    if isinstance(error, BulkRefused):
        return Json(
            {"message": error.message, "invalids": error.detail.get("invalids", []), "requestId": request_id()},
            status_code=400,
        )
    if isinstance(error, BareMessage):
        return Json(error.message, status_code=error.status)
    message = ": ".join(part for part in (error.reason, error.message) if part)
    headers: dict[str, str] = {}
    if error.status in (429, 503):
        headers["Retry-After"] = str(int(error.detail.get("retry_after", 1)) or 1)
    if error.status >= 500 and error.status != 503:
        log.error("%s %s failed: %s", request.method, place(request), error.message)
    found = [
        {
            "message": str(v.get("message", "")),
            "path": str(v.get("path", "")),
            **{k: v[k] for k in ("line", "column", "position") if isinstance(v.get(k), int)},
        }
        for v in error.detail.get("violations", ())
    ]
    content = body(request, error.status, message, found)
    if isinstance(error, Conflict):
        # What is stored, so that the client can show both.
        content |= {k: error.detail[k] for k in ("stored", "version", "revision") if error.detail.get(k) is not None}
    return Json(content, status_code=error.status, headers=headers)


def _challenge(request: Request) -> dict[str, str]:
    realm = request.app.state.backend.config.realm
    quoted = re.sub(r'(["\\])', r"\\\1", re.sub(r"[^ -~]", "", realm)) if realm else ""
    return {"WWW-Authenticate": f'Basic realm="{quoted}"' if realm else "Basic"}


def install(app: FastAPI) -> None:
    """Register the handlers."""

    @app.exception_handler(DomainError)
    async def domain(request: Request, error: DomainError) -> Response:
        return answer(request, error)

    @app.exception_handler(StoreUnavailable)
    async def unavailable(request: Request, error: StoreUnavailable) -> Response:
        log.warning("%s %s: the database is out of reach: %s", request.method, place(request), error)
        return answer(request, Unavailable("the database is out of reach at the moment", retry_after=2))

    @app.exception_handler(Unauthorised)
    async def unauthorised(request: Request, error: Unauthorised) -> Response:
        return Response(status_code=401, headers=_challenge(request) if error.challenge else {})

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it: the client hung up in the middle of its body

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        reason = REASONS.get(error.status_code, "Internal server error")
        detail = error.detail if error.detail not in (reason, "Not Found", "Method Not Allowed") else ""
        message = f"{reason}: {detail}" if detail else reason
        return Json(
            body(request, error.status_code, message), status_code=error.status_code, headers=dict(error.headers or {})
        )

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        missing = [e for e in found if e["type"] == "missing"]
        if missing:
            names = ", ".join(str(e["loc"][-1]) for e in missing)
            return Json(body(request, 400, f"Bad Request: Required parameter [{names}] not specified"), status_code=400)
        errors = [{"message": f"'{str(e['input'])[:64]}': {e['msg']}", "path": str(e["loc"][-1])} for e in found]
        message = "Invalid format: " + "; ".join(f"{e['path']}: {e['message']}" for e in errors)
        return Json(body(request, 422, message, errors), status_code=422)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.exception("%s %s failed", request.method, place(request), exc_info=error)
        # This handler runs outside the request's context: the id is in its scope.
        identity = request.scope.get("state", {}).get("request_id", "")
        content = body(request, 500, "Internal server error") | {"requestId": identity}
        return Json(content, status_code=500, headers={"X-Request-Id": identity, **_DATA_HEADERS})
