"""What everybody may know of the instance, and the first account (spec: REST contract §2, §15)."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty
from flowdeck.api.bodies import json_object
from flowdeck.api.security import CallerDep, check_host, check_origin, from_console
from flowdeck.model.errors import Forbidden
from flowdeck.services import profile
from flowdeck.services.maintenance import in_maintenance
from flowdeck.services.origin import origin
from flowdeck.services.wire import compact

router = APIRouter(tags=["Misc"])


def same_token(sent: object, token: str) -> bool:
    """Whether the set-up token is right, in a time that says nothing about how far."""
    return isinstance(sent, str) and hmac.compare_digest(sent.encode("utf-8", "replace"), token.encode())


@router.get("/api/v1/configs")
async def configuration(request: Request) -> Response:
    """`Configuration` of models.md; open to everybody."""
    config = request.app.state.backend.config
    built = await request.app.state.backend.thread(origin)
    environment = compact({"name": config.environment_name, "color": config.environment_color})
    return Json(
        compact(
            {
                "uuid": config.instance_uuid,
                "version": config.version,
                "edition": "OSS",
                "commitId": built.commit or None,
                "commitDate": built.date or None,
                "chartDefaultDuration": "P30D",
                "isCustomDashboardsEnabled": True,
                "isAnonymousUsageEnabled": False,
                "isUiAnonymousUsageEnabled": False,
                "isTemplateEnabled": False,
                "environment": environment or None,
                "url": config.url,
                "preview": {"initial": config.preview_initial, "max": config.preview_max},
                "systemNamespace": config.system_namespace,
                "hiddenLabelsPrefixes": list(config.hidden_label_prefixes),
                "isAiEnabled": config.ai_enabled,
                "isAiApiKeyConfigured": bool(request.app.state.backend.chat_models),
                "isBasicAuthInitialized": await request.app.state.credentials.initialised(),
                "pluginsHash": request.app.state.plugins_hash,
                "isConcurrencyViewEnabled": True,
                "inMaintenance": await in_maintenance(request.app.state.backend),
            }
        )
    )


@router.get("/api/v1/basicAuthValidationErrors")
async def configuration_errors(request: Request) -> Response:
    """What is wrong with configured credentials."""
    return Json(request.app.state.credentials.config_errors)


@router.post("/api/v1/{tenant}/basicAuth")
async def set_up(request: Request, caller: CallerDep) -> Response:
    """Store the first account, or change the password of a logged-in caller; 204."""
    if caller.anonymous and not from_console(request) and request.headers.get("origin"):
        check_origin(request)
    token = request.app.state.backend.config.setup_token
    if caller.anonymous and not token and request.headers.get("origin"):
        check_host(request, request.app.state.backend.config.url)
    sent = await json_object(request, 16_384)
    if (
        caller.anonymous
        and token
        and not same_token(sent.get("token") or request.headers.get("x-flowdeck-token"), token)
    ):
        raise Forbidden("the one-time set-up token printed at start is needed")
    username = str(sent.get("username") or "").strip()
    await request.app.state.credentials.set_up(username, str(sent.get("password") or ""), replace=not caller.anonymous)
    if any(sent.get(name) for name in profile.NAMES):
        await profile.keep_names(request.app.state.backend, username, sent)
    if not caller.anonymous:
        await request.app.state.sessions.close_others(caller)
    return empty()


@router.get("/ping")
async def ping() -> Response:
    """`pong`."""
    return Response("pong", media_type="text/plain")
