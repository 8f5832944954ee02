"""Calls that other sites make a browser send (spec: quality §3.2, REST contract §2)."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

GOOD = {"username": "ada@example.com", "password": "Secret123"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"ada@example.com:Secret123").decode()}


def client(app: Any, host: str = "test") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


@pytest.mark.parametrize(
    "host", ["evil.example.com", "evil.example.com:8080", "127.0.0.1.evil.com", "localhost.evil.com"]
)
async def test_the_first_account_is_not_made_under_a_name_of_somebody_else(fresh: Any, host: str) -> None:
    async with client(fresh, host) as browser:
        for more in ({}, {"X-Flowdeck-Console": "1"}):
            headers = {"Origin": f"http://{host}", **more}
            answer = await browser.post("/api/v1/main/basicAuth", json=GOOD, headers=headers)
            assert answer.status_code == 403
        assert (await browser.get("/api/v1/configs")).json()["isBasicAuthInitialized"] is False


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7", "nas", "a.localhost"]
)
async def test_the_first_account_is_made_under_a_name_of_ours(fresh: Any, host: str) -> None:
    async with client(fresh, host) as browser:
        headers = {"Origin": f"http://{host}"}
        assert (await browser.post("/api/v1/main/basicAuth", json=GOOD, headers=headers)).status_code == 204


async def test_a_password_that_the_browser_adds_does_not_write_for_other_sites(fresh: Any) -> None:
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        path = "/api/v1/main/namespaces/a/kv/x"
        foreign = {**BASIC, "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example.com"}
        assert (await browser.put(path, content="1", headers=foreign)).status_code == 403
        assert (
            await browser.put(path, content="1", headers={**BASIC, "Sec-Fetch-Site": "same-site"})
        ).status_code == 403
        assert (
            await browser.put(path, content="1", headers={**BASIC, "Sec-Fetch-Site": "same-origin"})
        ).status_code == 200
        assert (await browser.put(path, content="1", headers=BASIC)).status_code == 200


async def test_a_page_beyond_all_numbers_is_refused_in_words(fresh: Any) -> None:
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        for place in ("flows", "executions", "logs", "triggers"):
            for page in ("9223372036854775807", "9" * 40, "9" * 5000):
                answer = await browser.get(f"/api/v1/main/{place}/search?page={page}&size=10000", headers=BASIC)
                assert answer.status_code == 422, (place, page[:20], answer.status_code)


async def test_a_new_password_ends_the_other_sessions_and_says_so(fresh: Any) -> None:
    async with client(fresh) as first, client(fresh) as second:
        await first.post("/api/v1/main/basicAuth", json=GOOD)
        for browser in (first, second):
            answer = await browser.post("/login", json=GOOD, headers={"Origin": "http://test"})
            assert answer.status_code == 200
        ended: list[str] = []
        fresh.state.sessions.ended.append(ended.append)
        new = {**GOOD, "password": "Secret456"}
        answer = await first.post("/api/v1/main/basicAuth", json=new, headers={"Origin": "http://test"})
        assert answer.status_code == 204
        assert len(ended) == 1
        assert (await first.get("/api/v1/main/console/me")).status_code == 200
        assert (await second.get("/api/v1/main/console/me")).status_code == 401
        assert not await fresh.state.sessions.alive(ended[0])


async def test_a_yaml_bomb_is_refused_in_words(fresh: Any) -> None:
    names = "abcdefghi"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in itertools.pairwise(names)
    )
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        for source in (bomb, "[" * 20_000, "a: !!python/object/apply:os.system [id]"):
            for place in ("dashboards", "dashboards/validate", "dashboards/validate/chart", "flows/validate/task"):
                answer = await browser.post(f"/api/v1/main/{place}", content=source, headers=BASIC)
                assert answer.status_code < 500 and len(answer.content) < 10_000, (place, answer.status_code)
            sent = {"chart": source}
            answer = await browser.post("/api/v1/main/dashboards/charts/preview", json=sent, headers=BASIC)
            assert answer.status_code == 422
        answer = await browser.post("/api/v1/main/dashboards", content="x" * 2_000_000, headers=BASIC)
        assert answer.status_code == 413


async def test_keys_of_webhooks_are_not_guessed_for_long(fresh: Any) -> None:
    async with client(fresh) as browser:
        statuses = [
            (await browser.post(f"/api/v1/main/executions/webhook/a/b/{number}")).status_code for number in range(62)
        ]
        assert statuses[:60] == [404] * 60 and statuses[60:] == [429] * 2
        assert (await browser.post("/api/v1/main/executions/webhook/a/other/1")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "filters[namespace][REGEX]=" + "(" * 4000 + ")" * 4000,
        "filters[namespace][REGEX]=" + "a" * 20_000,
        "filters[flowId][REGEX]=(",
        "filters[q][EQUALS]=" + "x" * 60_000,
        "q=" + "%25_" * 15_000,
        "&".join(f"filters[labels][EQUALS][k{n}]=v" for n in range(1500)),
        "&".join(f"filters[namespace][CONTAINS]=v{n}" for n in range(1500)),
        "filters[namespace][IN]=" + ",".join(f"n{n}" for n in range(9000)),
        "&".join("sort=id:asc" for _ in range(3000)),
        "filters[labels][EQUALS][a'\"\\%00]=x'\"",
        "filters[q][EQUALS]=%00%27--",
        "sort=id;drop%20table%20flow:asc",
    ],
)
async def test_no_filter_upsets_the_database(fresh: Any, query: str) -> None:
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        for place in ("flows", "executions", "logs", "triggers"):
            answer = await browser.get(f"/api/v1/main/{place}/search?{query}", headers=BASIC)
            assert answer.status_code in (200, 400, 422), (place, query[:40], answer.status_code, answer.text[:200])


async def untouched() -> AsyncIterator[bytes]:
    """A body that fails when it is read."""
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/main/executions/webhook/a/b/wrong", 404),
        ("PUT", "/api/v1/main/executions/webhook/a/b/wrong/path", 404),
        ("POST", "/api/v1/main/flows", 401),
        ("POST", "/api/v1/main/executions/a/b", 401),
        ("POST", "/api/v1/main/namespaces/a/files?path=/x", 401),
        ("POST", "/api/v1/nothing", 401),
    ],
)
async def test_bodies_of_strangers_stay_outside(fresh: Any, method: str, path: str, status: int) -> None:
    """Nobody fills the memory who has neither account nor key."""
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        answer = await browser.request(method, path, content=untouched())
        assert answer.status_code == status


def test_no_route_reads_its_body_before_it_asks_who_calls(fresh: Any) -> None:
    """The framework reads declared bodies first: none is declared."""
    assert not [route.path for route in fresh.routes if getattr(route, "body_field", None) is not None]


async def test_what_is_said_to_be_too_large_is_not_read(fresh: Any) -> None:
    async with client(fresh) as browser:
        await browser.post("/api/v1/main/basicAuth", json=GOOD)
        form = {"Content-Type": "multipart/form-data; boundary=B", "Content-Length": str(11 * 1024**3)}
        for method, path, headers in (
            ("POST", "/api/v1/main/namespaces/a/files?path=/x", form),
            ("POST", "/api/v1/main/flows/import", form),
            ("POST", "/api/v1/main/flows", {"Content-Length": "99999999"}),
            ("PUT", "/api/v1/main/namespaces/a/kv/x", {"Content-Length": "99999999"}),
            ("POST", "/login", {"Content-Length": "20000", "Origin": "http://test"}),
        ):
            answer = await browser.request(method, path, content=untouched(), headers={**BASIC, **headers})
            assert answer.status_code == 413, (path, answer.text)
            assert answer.json()["message"].startswith("Request Entity Too Large")
