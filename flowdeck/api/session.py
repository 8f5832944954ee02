"""Login, logout, who am I (spec: extensions §2)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty
from flowdeck.api.bodies import json_object
from flowdeck.api.errors import Unauthorised
from flowdeck.api.security import CallerDep, address, check_origin
from flowdeck.services import keepsakes, profile
from flowdeck.services.maintenance import in_maintenance
from flowdeck.services.sessions import COOKIE, hashed
from flowdeck.services.wire import instant

router = APIRouter(tags=["Session"])


@router.post("/login")
async def login(request: Request) -> Response:
    """Open a session; 401 with one message for every cause."""
    check_origin(request)
    sent = await json_object(request, 16_384)
    username = str(sent.get("username") or "").strip()
    remember = str(sent.get("remember", "")).lower() in ("true", "1", "on", "yes")
    if not await request.app.state.credentials.verify(username, str(sent.get("password") or ""), address(request)):
        return Json({"message": "Wrong user name or password"}, status_code=401)
    previous = request.cookies.get(COOKIE)
    if previous:
        await request.app.state.sessions.close(hashed(previous))
    cookie, session = await request.app.state.sessions.open(
        username, remember=remember, address=address(request), browser=request.headers.get("user-agent", "")
    )
    answer = Json(
        {
            "user": {"id": username, "username": username, "name": username.partition("@")[0]},
            "expires": instant(session.expires),
        }
    )
    config = request.app.state.backend.config
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    answer.set_cookie(
        COOKIE,
        cookie,
        httponly=True,
        samesite="lax",
        path="/",
        secure=secure,
        max_age=config.session_absolute_ms // 1000 if remember else None,
    )
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Close the session of the cookie; always 204."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        check_origin(request)
        await request.app.state.sessions.close(hashed(cookie))
    answer = empty()
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/api/v1/{tenant}/console/me")
async def me(request: Request, caller: CallerDep) -> Response:
    """The caller, its rights and what it keeps."""
    backend = request.app.state.backend
    now = backend.now()
    session = {}
    cookie = request.cookies.get(COOKIE)
    if caller.session and cookie:
        found = await request.app.state.sessions.find(cookie)
        if found is None:
            raise Unauthorised(challenge=False)
        session = {
            "session": {"id": found.id[:16], "created": instant(found.created), "expires": instant(found.expires)}
        }
    return Json(
        {
            "user": {
                "id": caller.username,
                "username": caller.username,
                "name": profile.shown(caller.username, await profile.names(backend, caller.username)),
            },
            "tenants": [{"id": "main", "name": "main"}],
            "permissions": [{"permission": kind, "action": action} for kind, action in caller.grants],
            "role": caller.grants.role,
            **session,
            "settings": await keepsakes.settings(backend, caller),
            "serverTime": instant(now),
            "zone": backend.config.zone,
            "version": backend.config.version,
            "features": ["copilot"] if backend.config.ai_enabled else [],
            "disabledMenus": list(backend.config.disabled_menus),
            "links": [{"title": title, "url": url} for title, url in backend.config.custom_links],
            "inMaintenance": await in_maintenance(backend),
        }
    )


@router.get("/api/v1/{tenant}/console/sessions")
async def sessions(request: Request, caller: CallerDep) -> Response:
    """The caller's sessions."""
    return Json(await request.app.state.sessions.own(caller))


@router.delete("/api/v1/{tenant}/console/sessions/{session_id}")
async def close_session(request: Request, caller: CallerDep, session_id: str) -> Response:
    """End one of the caller's sessions."""
    await request.app.state.sessions.close_own(caller, session_id)
    return empty()


@router.delete("/api/v1/{tenant}/console/sessions")
async def close_other_sessions(request: Request, caller: CallerDep) -> Response:
    """End all of the caller's sessions but the one that asks."""
    return Json({"ended": await request.app.state.sessions.close_others(caller)})


@router.get("/api/v1/{tenant}/console/profile")
async def own_profile(request: Request, caller: CallerDep) -> Response:
    """The caller's name, and the rules of its password."""
    state = request.app.state
    return Json(await profile.profile(state.backend, state.credentials, caller))


@router.patch("/api/v1/{tenant}/console/profile")
async def rename(request: Request, caller: CallerDep) -> Response:
    """Store the caller's first and last name."""
    state = request.app.state
    await profile.keep_names(state.backend, caller.username, await json_object(request, 16_384))
    return Json(await profile.profile(state.backend, state.credentials, caller))


@router.put("/api/v1/{tenant}/console/password")
async def change_password(request: Request, caller: CallerDep) -> Response:
    """Change the caller's password, which must be known; its other sessions end."""
    sent = await json_object(request, 16_384)
    state = request.app.state
    current, password = str(sent.get("current") or ""), str(sent.get("password") or "")
    ended = await profile.change_password(
        state.credentials, state.sessions, caller, current, password, address(request)
    )
    return Json({"ended": ended})
