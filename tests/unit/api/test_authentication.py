"""Nobody gets past the door without a credential (spec: REST contract §2, extensions §2)."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest
import yaml
from fastapi.routing import iter_route_contexts

from flowdeck.api.contract.operation import anonymised
from flowdeck.api.security import OPEN, OPEN_UNTIL_SET_UP

ORIGIN = {"Origin": "http://test"}
GOOD = {"username": "ada@example.com", "password": "Secret123"}


def routes(app: Any) -> list[tuple[str, str]]:
    return [
        (method, str(context.path)) for context in iter_route_contexts(app.routes) for method in context.methods or ()
    ]


async def test_every_route_but_a_literal_list_answers_401(app: Any, stranger: httpx.AsyncClient) -> None:
    places = routes(app)
    assert len(places) > 4
    for method, path in places:
        if (method, path) in OPEN:
            continue
        url = re.sub(r"\{tenant\}", "main", path)
        url = re.sub(r"\{[^}]+\}", "x", url)
        answer = await stranger.request(method, url)
        assert answer.status_code == 401, (method, path)
        assert answer.content == b""
        assert answer.headers["www-authenticate"] == "Basic"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1"),
        ("GET", "/api/v1/main/nothing/here"),
        ("GET", "/api/v1/configs/x"),
        ("GET", "/api/v1/main/nothing/"),
        ("GET", "/api/v1/configs;x"),
        ("POST", "/api/v1/main/executions/webhook/a.b"),
        ("GET", "/api/v2"),
        ("DELETE", "/api/v1/main/flows/validate/a/b/c/d"),
    ],
)
async def test_what_is_not_there_is_told_to_known_callers_only(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, method: str, path: str
) -> None:
    refused = await stranger.request(method, path)
    assert refused.status_code == 401 and refused.content == b"" and refused.headers["www-authenticate"] == "Basic"
    missing = await client.request(method, path)
    assert missing.status_code == 404 and missing.json()["message"].startswith("Not Found")
    # Methods that a path does not know say just as little.
    assert (await stranger.request("PATCH", "/api/v1/main/flows/search")).status_code == 401
    assert (await client.request("PATCH", "/api/v1/main/flows/search")).status_code == 405
    assert (await stranger.get("/elsewhere")).status_code == 404
    assert (await stranger.get("/login")).status_code == 405


def test_the_open_list_names_only_routes_that_exist(app: Any) -> None:
    places = set(routes(app))
    assert places >= OPEN | OPEN_UNTIL_SET_UP


async def test_the_console_gets_no_browser_dialog(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/api/v1/main/console/me", headers={"X-Flowdeck-Console": "1"})
    assert answer.status_code == 401 and "www-authenticate" not in answer.headers
    for page in ("/ui/main/login", "/ui/main/flows/edit/company/first/edit?x=1", "/below/ui/main/home"):
        answer = await stranger.get("/api/v1/main/console/me", headers={"Referer": f"http://test{page}"})
        assert answer.status_code == 401 and "www-authenticate" not in answer.headers
    answer = await stranger.get("/api/v1/main/console/me", headers={"Referer": "http://test/elsewhere?/ui/"})
    assert "www-authenticate" in answer.headers


async def test_set_up_stores_the_first_account_once(fresh: Any) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fresh), base_url="http://test") as client:
        assert (await client.get("/api/v1/configs")).json()["isBasicAuthInitialized"] is False
        weak = await client.post("/api/v1/main/basicAuth", json={"username": "ada", "password": "short"})
        assert weak.status_code == 400
        assert "e-mail" in weak.json()["message"] and "8 characters" in weak.json()["message"]
        assert (await client.post("/api/v1/main/basicAuth", json=GOOD)).status_code == 204
        assert (await client.get("/api/v1/configs")).json()["isBasicAuthInitialized"] is True
        assert (await client.post("/api/v1/main/basicAuth", json=GOOD)).status_code == 401
        login = await client.post("/login", json=GOOD, headers=ORIGIN)
        assert login.status_code == 200
        stored = await fresh.state.backend.read(lambda r: r.value("select value from setting"))
        assert "Secret123" not in stored and "argon2id" in stored


async def test_a_session_opens_lives_and_ends(stranger: httpx.AsyncClient) -> None:
    login = await stranger.post("/login", json=GOOD | {"remember": True}, headers=ORIGIN)
    assert login.status_code == 200
    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Max-Age" in cookie
    me = await stranger.get("/api/v1/main/console/me")
    assert me.json()["user"]["username"] == GOOD["username"]
    sessions = (await stranger.get("/api/v1/main/console/sessions")).json()
    assert [s["current"] for s in sessions] == [True]
    assert (await stranger.post("/logout", headers=ORIGIN)).status_code == 204
    stranger.cookies.set("flowdeck_session", login.cookies["flowdeck_session"])
    assert (await stranger.get("/api/v1/main/console/me")).status_code == 401


async def test_wrong_logins_look_alike_and_are_throttled(stranger: httpx.AsyncClient) -> None:
    for i in range(10):
        wrong = {"username": GOOD["username"], "password": f"no{i}"}
        assert (await stranger.post("/login", json=wrong, headers=ORIGIN)).status_code == 401
    limited = await stranger.post("/login", json=GOOD | {"password": "no"}, headers=ORIGIN)
    assert limited.status_code == 429 and int(limited.headers["retry-after"]) > 0


async def test_a_foreign_origin_can_not_use_the_cookie(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.post("/login", json=GOOD, headers={"Origin": "http://evil"})).status_code == 403
    await stranger.post("/login", json=GOOD, headers=ORIGIN)
    path = "/api/v1/main/console/sessions/x"
    assert (await stranger.delete(path)).status_code == 403
    assert (await stranger.delete(path, headers={"Origin": "http://evil"})).status_code == 403
    assert (await stranger.delete(path, headers=ORIGIN)).status_code == 404
    assert (await stranger.delete(path, headers={"X-Flowdeck-Console": "1"})).status_code == 404


async def test_basic_and_the_reference_cookie_are_read(stranger: httpx.AsyncClient) -> None:
    value = base64.b64encode(f"{GOOD['username']}:{GOOD['password']}".encode()).decode()
    path = "/api/v1/main/console/me"
    assert (await stranger.get(path, headers={"Authorization": f"Basic {value}"})).status_code == 200
    assert (await stranger.get(path, headers={"Cookie": f"BASIC_AUTH={value}"})).status_code == 200
    assert (await stranger.get(path, headers={"Authorization": "Basic !!"})).status_code == 401


async def test_other_tenants_are_unknown_and_tenantless_paths_mean_main(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/other/console/me")).status_code == 404
    assert (await client.get("/api/v1/console/me")).status_code == 200


async def test_errors_have_the_one_body_and_the_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/main/nothing", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 404
    assert answer.json() == {
        "message": "Not Found",
        "requestId": "abc-1",
        "_links": {"self": [{"href": "/api/v1/main/nothing", "templated": False}]},
    }
    assert answer.headers["x-request-id"] == "abc-1"
    assert (await client.post("/api/v1/configs")).json()["message"] == "Method Not Allowed"


async def test_the_description_names_every_route(stranger: httpx.AsyncClient, app: Any) -> None:
    answer = await stranger.get("/swagger/flowdeck.yml")
    assert answer.status_code == 200
    described = {anonymised(path) for path in yaml.safe_load(answer.text)["paths"]}
    assert {anonymised(path) for _, path in routes(app)} <= described
    as_json = await stranger.get("/api/v1/openapi.json")
    assert {anonymised(path) for path in as_json.json()["paths"]} == described
