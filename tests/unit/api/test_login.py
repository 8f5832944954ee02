"""Login: one hash for every account, one message and time for every mistake, limits, and sessions that end (F1, F2).

Checks 14 to 16 and 19 of quality §3.2.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from flowdeck.api.app import create_api
from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.services.credentials import SETTING, Credentials, violations
from tests.unit.api.conftest import PASSWORD, USER, quick

ORIGIN = {"Origin": "http://test"}


def browser(app: Any, address: str = "192.0.2.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def login(password: str, username: str = USER) -> dict[str, Any]:
    return {"json": {"username": username, "password": password}, "headers": ORIGIN}


async def stored(backend: Backend) -> Any:
    text = await backend.read(lambda r: r.value("select value from setting where key = :key", key=SETTING))
    return json.loads(text) if text else None


async def test_the_configured_account_is_stored_hashed_and_wins(backend: Backend) -> None:
    """F1, order at start."""
    backend.config = ApiConfig()
    fresh = quick(create_api(backend))
    async with browser(fresh) as person:
        body = {"username": "old@example.com", "password": "Older1234"}
        assert (await person.post("/api/v1/main/basicAuth", json=body)).status_code == 204
    before = await stored(backend)
    backend.config = ApiConfig(username=USER, password=PASSWORD)
    configured = quick(create_api(backend))
    async with browser(configured) as person:
        assert (await person.post("/login", **login("Older1234", "old@example.com"))).status_code == 401
        assert (await person.post("/login", **login(PASSWORD))).status_code == 200
    now = await stored(backend)
    assert now["username"] == USER and now["password"].startswith("$argon2id$") and now != before
    assert PASSWORD not in json.dumps(now)
    again = quick(create_api(backend))
    async with browser(again) as person:
        assert (await person.post("/login", **login(PASSWORD))).status_code == 200
    assert await stored(backend) == now  # the same password is not hashed anew
    backend.config = ApiConfig()  # the keys are gone: the stored account is used
    async with browser(quick(create_api(backend))) as person:
        assert (await person.post("/login", **login(PASSWORD))).status_code == 200


def test_the_hash_costs_what_it_should(backend: Backend) -> None:
    hasher = Credentials(backend)._hasher
    assert (hasher.type.name, hasher.time_cost, hasher.memory_cost) == ("ID", 3, 65_536)


class Counting(PasswordHasher):
    """Counts how often a password is checked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.checked = 0

    def verify(self, hash: Any, password: Any) -> Any:
        self.checked += 1
        return super().verify(hash, password)


@pytest.mark.parametrize(
    ("username", "password"),
    [(USER, "wrong"), ("nobody@example.com", PASSWORD), (USER.upper(), PASSWORD), ("", ""), (USER, "x" * 5000)],
)
async def test_every_mistake_takes_one_hash_and_answers_the_same(app: Any, username: str, password: str) -> None:
    async with browser(app) as person:
        await person.post("/login", **login("first"))
        counting = Counting()
        app.state.credentials._hasher = counting
        answer = await person.post("/login", **login(password, username))
    assert answer.status_code == 401
    assert answer.json() == {"message": "Wrong user name or password"}
    assert counting.checked == 1


async def test_failures_count_by_account_and_address(app: Any) -> None:
    async with browser(app) as attacker, browser(app, "192.0.2.2") as owner:
        statuses = [(await attacker.post("/login", **login(f"wrong{n}"))).status_code for n in range(11)]
        assert statuses == [401] * 10 + [429]
        late = await attacker.post("/login", **login(PASSWORD))
        assert late.status_code == 429 and int(late.headers["retry-after"]) >= 1
        assert (await attacker.get("/api/v1/main/flows/search", auth=(USER, "wrong"))).status_code == 429
        assert (await owner.post("/login", **login(PASSWORD))).status_code == 200
        assert (await attacker.post("/login", **login("x", "other@example.com"))).status_code == 401


async def test_a_session_is_new_at_each_login_and_the_old_one_is_over(app: Any) -> None:
    """Check 16: no id that somebody else set survives a login."""
    async with browser(app) as person:
        person.cookies.set("flowdeck_session", "chosen-by-somebody-else")
        first = await person.post("/login", **login(PASSWORD))
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Secure" not in cookie
        old = first.cookies["flowdeck_session"]
        assert old != "chosen-by-somebody-else" and len(old) >= 22
        second = await person.post("/login", **login(PASSWORD))
        assert second.cookies["flowdeck_session"] != old
    async with browser(app) as thief:
        thief.cookies.set("flowdeck_session", old)
        assert (await thief.get("/api/v1/main/console/me")).status_code == 401


async def test_a_session_over_https_is_secure(app: Any) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://flow.example.com") as person:
        answer = await person.post(
            "/login", json={"username": USER, "password": PASSWORD}, headers={"Origin": "https://flow.example.com"}
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_a_session_ends_idle_and_in_any_case(app: Any, backend: Any) -> None:
    config = backend.config
    now = [backend.now()]
    backend.now = lambda: now[0]
    begin = backend.core._writer.transaction
    backend.core._writer.transaction = lambda: begin(now=now[0])

    async def alive() -> bool:
        app.state.sessions._cache.clear()
        return (await person.get("/api/v1/main/console/me")).status_code == 200

    async with browser(app) as person:
        await person.post("/login", **login(PASSWORD))
        now[0] += config.session_idle_ms
        assert await alive()
        now[0] += config.session_idle_ms + 1
        assert not await alive()
        await person.post("/login", **login(PASSWORD))
        began = now[0]
        while now[0] + config.session_idle_ms < began + config.session_absolute_ms:
            now[0] += config.session_idle_ms
            assert await alive()
        now[0] = began + config.session_absolute_ms
        assert not await alive()


async def test_ids_of_sessions_are_stored_hashed(app: Any, backend: Backend) -> None:
    async with browser(app) as person:
        cookie = (await person.post("/login", **login(PASSWORD))).cookies["flowdeck_session"]
    rows = await backend.read(lambda r: r.all("select * from session"))
    assert rows and all(cookie not in str(dict(row)) for row in rows)


async def test_long_names_are_not_kept(app: Any) -> None:
    """What strangers send is not stored at its length."""
    async with browser(app) as attacker:
        for number in range(3):
            await attacker.post("/login", **login("x", f"{number}" + "y" * 10_000))
    assert all(len(key) == 16 for key in app.state.credentials.throttle._failures)


async def test_every_answer_has_the_headers(app: Any, client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    """Check 35: data that is opened by itself runs and loads nothing; errors and refusals included."""

    async def broken() -> None:
        raise RuntimeError("never told")

    app.router.add_api_route("/api/v1/broken", broken)
    for answer in (
        await client.get("/api/v1/main/flows/search"),
        await client.get("/api/v1/main/flows/a/b"),
        await client.get("/api/v1/broken"),
        await stranger.get("/api/v1/main/flows/search"),
        await stranger.get("/api/v1/configs"),
        await stranger.get("/elsewhere"),
    ):
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin" and answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers and "never told" not in answer.text
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("username", "password", "words"),
    [
        ("a@example.com", "Abcdefg1", ""),
        ("a@example.com\n", "Abcdefg1", "e-mail"),
        ("nobody", "Abcdefg1", "e-mail"),
        ("", "Abcdefg1", "must not be empty"),
        ("a@" + "x" * 260 + ".com", "Abcdefg1", "256"),
        ("a@example.com", "Abcdef1", "at least 8"),
        ("a@example.com", "abcdefg1", "upper-case"),
        ("a@example.com", "ABCDEFG1", "lower-case"),
        ("a@example.com", "Abcdefgh", "digit"),
        ("a@example.com", " Abcdefg1", "blank"),
        ("a@example.com", "Abcdefg1\n", "blank"),
        ("a@example.com", "Aa1" + "x" * 260, "256"),
    ],
)
def test_rules_of_names_and_passwords(username: str, password: str, words: str) -> None:
    """F1."""
    found = violations(username, password)
    assert (words in "; ".join(found)) if words else not found


def test_a_configured_rule_decides_alone() -> None:
    assert not violations("a@example.com", "simple", ".{4,}")
    assert "password-regexp" in violations("a@example.com", "Abcdefg1", "[0-9]+")[0]


async def test_a_new_password_is_known_to_every_process(backend: Backend) -> None:
    """What a process remembers of a credential ends with a change that another one made."""
    backend.config = ApiConfig()
    here, there = (quick(create_api(backend)).state.credentials for _ in range(2))
    await here.set_up("a@example.com", "Abcdefg1", replace=False)
    assert await there.verify("a@example.com", "Abcdefg1")
    await here.set_up("a@example.com", "Abcdefg2", replace=True)
    there._loaded = 0.0  # two seconds later
    assert not await there.verify("a@example.com", "Abcdefg1")
    assert await there.verify("a@example.com", "Abcdefg2")


async def test_a_further_public_address_is_the_own_origin(backend: Backend) -> None:
    """`flowdeck.server.origins`: a proxy that hands on another `Host`; exact, scheme and port included."""
    backend.config = ApiConfig(username=USER, password=PASSWORD, origins=frozenset({"https://flow.example.com"}))
    body = {"username": USER, "password": PASSWORD}
    async with browser(quick(create_api(backend))) as person:
        for origin in ("http://flow.example.com", "https://flow.example.com.evil.com", "https://evil.com", "null", ""):
            assert (await person.post("/login", json=body, headers={"Origin": origin})).status_code == 403
        assert (
            await person.post("/login", json=body, headers={"Origin": "https://flow.example.com"})
        ).status_code == 200
