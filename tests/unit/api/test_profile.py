"""The caller's own account: its name, its password, its sessions (UI-ST-02, extensions §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from flowdeck.services.credentials import password_rules
from tests.unit.api.conftest import PASSWORD, USER
from tests.unit.api.test_login import ORIGIN, browser, login

ME, PROFILE, WORD = "/api/v1/main/console/me", "/api/v1/main/console/profile", "/api/v1/main/console/password"
SESSIONS = "/api/v1/main/console/sessions"
NEW = "Another456"


@pytest.fixture
async def person(fresh: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an account of the set-up page, logged in."""
    async with browser(fresh) as person:
        body = {"username": USER, "password": PASSWORD, "firstName": "Ada", "lastName": "Byron"}
        assert (await person.post("/api/v1/main/basicAuth", json=body, headers=ORIGIN)).status_code == 204
        person.headers.update(ORIGIN)
        assert (await person.post("/login", **login(PASSWORD))).status_code == 200
        yield person


async def test_the_names_of_the_set_up_are_shown_and_can_be_changed(person: httpx.AsyncClient) -> None:
    """UI-AC-02, UI-ST-02."""
    assert (await person.get(ME)).json()["user"]["name"] == "Ada Byron"
    answer = await person.patch(PROFILE, json={"firstName": " Augusta ", "unknown": 1})
    assert (answer.json()["firstName"], answer.json()["lastName"]) == ("Augusta", "Byron")
    await person.patch(PROFILE, json={"firstName": "", "lastName": None})
    assert (await person.get(ME)).json()["user"]["name"] == "ada"
    for wrong in ("x" * 101, 7, "a\nb"):
        answer = await person.patch(PROFILE, json={"lastName": wrong})
        assert answer.status_code == 422 and "lastName" in answer.json()["message"]


async def test_a_new_password_needs_the_present_one_and_ends_other_sessions(
    fresh: Any, person: httpx.AsyncClient
) -> None:
    async with browser(fresh, "192.0.2.7") as other:
        await other.post("/login", **login(PASSWORD))
        assert len((await person.get(SESSIONS)).json()) == 2
        for current, password, status, word in (
            ("wrong", NEW, 422, "present password"),
            (PASSWORD, "short", 400, "8 characters"),
            (PASSWORD, PASSWORD, 400, "differ"),
        ):
            answer = await person.put(WORD, json={"current": current, "password": password})
            assert answer.status_code == status and word in answer.json()["message"]
        assert (await other.get(ME)).status_code == 200
        answer = await person.put(WORD, json={"current": PASSWORD, "password": NEW})
        assert (answer.status_code, answer.json()) == (200, {"ended": 1})
        assert (await other.get(ME)).status_code == 401
        assert (await person.get(ME)).status_code == 200
        assert (await other.post("/login", **login(PASSWORD))).status_code == 401
        assert (await other.post("/login", **login(NEW))).status_code == 200
    assert (await person.get(PROFILE)).json()["password"]["changed"]


async def test_guessing_the_present_password_is_limited_as_a_login_is(person: httpx.AsyncClient) -> None:
    sent = [(await person.put(WORD, json={"current": f"x{n}", "password": NEW})).status_code for n in range(11)]
    assert sent == [422] * 10 + [429]


async def test_a_password_of_the_configuration_is_changed_there(client: httpx.AsyncClient) -> None:
    assert (await client.get(PROFILE)).json()["password"]["changeable"] is False
    answer = await client.put(WORD, json={"current": PASSWORD, "password": NEW})
    assert answer.status_code == 409 and "configuration" in answer.json()["message"]


async def test_all_other_sessions_end_at_once_and_idle_ones_are_not_listed(
    fresh: Any, backend: Any, person: httpx.AsyncClient
) -> None:
    async with browser(fresh) as other:
        await other.post("/login", **login(PASSWORD))
        assert (await person.delete(SESSIONS)).json() == {"ended": 1}
        assert (await other.get(ME)).status_code == 401
        await other.post("/login", **login(PASSWORD))
    later = backend.now() + backend.config.session_idle_ms + 1
    backend.now = lambda: later
    fresh.state.sessions._cache.clear()
    assert (await person.get(SESSIONS)).status_code == 401


async def test_another_origin_changes_nothing(person: httpx.AsyncClient) -> None:
    foreign = {"Origin": "https://evil.example"}
    for answer in (
        await person.put(WORD, json={"current": PASSWORD, "password": NEW}, headers=foreign),
        await person.patch(PROFILE, json={"firstName": "Eve"}, headers=foreign),
        await person.delete(SESSIONS, headers=foreign),
    ):
        assert answer.status_code == 403


def test_the_rules_that_a_form_shows_are_those_that_count() -> None:
    import re

    from flowdeck.services.credentials import violations

    for rule in (None, "[a-z]{4}"):
        for word in (PASSWORD, "short", "alllower1", "ALLUPPER1", "NoDigits", " Blank123", "Blank123 ", "abcd", ""):
            shown = all(re.search(one["pattern"], word) for one in password_rules(rule))
            assert shown == (violations(USER, word, rule) == []), (rule, word)


async def test_what_an_administrator_chose_holds_until_somebody_chooses(client: httpx.AsyncClient) -> None:
    """UI-ST-01: defaults of the tenant stand beside the own settings."""
    place = "/api/v1/main/console/settings"
    await client.patch(f"{place}/defaults", json={"logLevel": "DEBUG", "density": "compact", "version": 9})
    await client.patch(place, json={"logLevel": "WARN"})
    settings = (await client.get(ME)).json()["settings"]
    assert settings["logLevel"] == "WARN" and settings["defaults"] == {"logLevel": "DEBUG", "density": "compact"}
    assert (await client.patch(f"{place}/defaults", json={"logLevel": None})).json() == {"density": "compact"}
    answer = await client.patch(f"{place}/defaults", json={"x": "y" * 66_000})
    assert answer.status_code == 413


async def test_the_menu_of_the_installation_is_told_to_the_console(backend: Any, client: httpx.AsyncClient) -> None:
    """UI-SH-12, UI-SH-17, UI-SH-19."""
    backend.config = replace(backend.config, disabled_menus=("Plugins",), custom_links=(("Wiki", "https://w.example"),))
    told = (await client.get(ME)).json()
    assert told["disabledMenus"] == ["Plugins"] and told["links"] == [{"title": "Wiki", "url": "https://w.example"}]
    assert told["inMaintenance"] is False
