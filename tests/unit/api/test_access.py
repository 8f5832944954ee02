"""Roles: every operation of the API against the table of managed roles, and what hangs on data (F12, F16)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import Response
from fastapi.routing import APIRoute

from flowdeck.api.app import create_api
from flowdeck.api.contract.operation import Operation
from flowdeck.api.contract.tables import console_needs, operations
from flowdeck.config.accounts import ROLES, Account
from flowdeck.model.errors import Conflict, Forbidden
from flowdeck.services import kv
from flowdeck.services.access import EVERYTHING, Grants, allows, lacking, of_role
from flowdeck.services.access import ROLES as RIGHTS
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from tests.unit.api.conftest import PASSWORD, USER, quick

T = "/api/v1/main"
ACCOUNTS = tuple(Account(f"{role.lower()}@example.com", f"{role}Pass1", role) for role in ROLES)


def pair(role: str) -> tuple[str, str]:
    """Credentials of the account with a role."""
    return f"{role.lower()}@example.com", f"{role}Pass1"


@pytest.fixture
def several(backend: Backend) -> Any:
    """The application with an account for each managed role beside the first one."""
    backend.config = replace(backend.config, accounts=ACCOUNTS)
    return quick(create_api(backend))


@pytest.fixture
async def anybody(several: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(several, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


# ── every operation ───────────────────────────────────────────────────────────────────────────────


async def reached(**_: Any) -> Response:
    """Stands for every handler: what passes the gate comes here, whatever it would have done."""
    return Response(status_code=299)


def described(app: Any) -> list[tuple[APIRoute, Operation]]:
    """Routes that need a credential, with their operations."""
    return [(route, one) for route, one in operations(app.routes) if not one.anonymous]


@pytest.mark.parametrize("role", ROLES)
async def test_every_operation_is_refused_exactly_without_its_rights(several: Any, role: str) -> None:
    """F16: the router is walked, so that no route is forgotten; a stream and a download are routes as others."""
    found = described(several)
    assert len(found) > 270
    transport = httpx.ASGITransport(several, raise_app_exceptions=False)
    wrong = []
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=pair(role)) as client:
        for route, operation in found:
            route.dependant.call = reached
            path = re.sub(r"\{[^}]*\}", "1", route.path.replace("{tenant}", "main"))
            answer = await client.request(operation.method, path)
            missing = lacking(of_role(role), operation.needs)
            if (answer.status_code == 403) != (missing is not None):
                wrong.append((operation.method, path, answer.status_code, missing))
            elif missing is not None and missing[0] not in answer.json()["message"]:
                wrong.append((operation.method, path, answer.text, missing))
    assert wrong == []


async def test_the_first_account_may_do_everything(several: Any) -> None:
    """The account of basic-auth stays Admin, and master of the instance."""
    transport = httpx.ASGITransport(several, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=(USER, PASSWORD)) as client:
        for route, operation in described(several):
            route.dependant.call = reached
            path = re.sub(r"\{[^}]*\}", "1", route.path.replace("{tenant}", "main"))
            assert (await client.request(operation.method, path)).status_code != 403, path


def writes(role: str, app: Any) -> set[str]:
    """What a role may send otherwise than by GET."""
    return {
        f"{one.method} {route.path.removeprefix('/api/v1/{tenant}')}"
        for route, one in described(app)
        if one.method != "GET" and lacking(of_role(role), one.needs) is None
    }


OWN = {
    "PATCH /console/profile",
    "PUT /console/password",
    "DELETE /console/sessions",
    "DELETE /console/sessions/{session_id}",
    "PATCH /console/settings",
    "DELETE /console/settings",
    "PUT /console/views/{view_id}",
    "DELETE /console/views/{view_id}",
    "PUT /console/drafts/{kind}/{key:path}",  # asked again in the service: see below
    "DELETE /console/drafts/{kind}/{key:path}",
}
QUESTIONS = {
    "POST /console/dashboards/outline",
    "POST /console/figures",
    "POST /console/flows/days",
    "POST /console/flows/sparklines",
    "POST /console/schedules/preview",
    "POST /console/schedules/words",
    "POST /dashboards/charts/export/to-csv",
    "POST /dashboards/charts/preview",
    "POST /dashboards/validate",
    "POST /dashboards/validate/chart",
    "POST /dashboards/{dashboard_id}/charts/{chart_id}",
    "POST /dashboards/{dashboard_id}/charts/{chart_id}/export/to-csv",
    "POST /executions/latest",
    "POST /executions/{execution_id}/resume/validate",
    "POST /executions/{namespace}/{flow_id}/validate",
    "POST /flows/export/by-ids",
    "POST /flows/graph",
    "POST /flows/validate",
    "POST /flows/validate/task",
    "POST /flows/validate/trigger",
    "POST /namespaces/autocomplete",
}
"""Calls that ask, in a body because it is long."""


def test_a_viewer_writes_nothing_but_its_own_things(several: Any) -> None:
    """Written by hand, so that a wrong declaration shows."""
    assert writes("Viewer", several) == OWN | QUESTIONS


def test_a_launcher_starts_and_steers_and_changes_no_flow(several: Any) -> None:
    """F12: CREATE, READ and UPDATE of executions, and nothing else that writes."""
    more = writes("Launcher", several) - OWN - QUESTIONS
    assert {"POST /executions/{namespace}/{flow_id}", "DELETE /executions/{execution_id}/kill"} <= more
    assert "POST /executions/{execution_id}/replay" in more and "PUT /triggers" in more
    for one in more:
        assert re.search(
            r" (/executions/|/triggers|/console/flows/\{namespace\}/\{flow_id\}/(presets|pins|playground|tr))", one
        )
    assert not {one for one in more if one.startswith("DELETE /executions/") and "kill" not in one}


def test_a_console_route_without_a_right_of_its_own_is_an_error() -> None:
    """A new route of the console names what it needs before it runs."""
    assert console_needs("GET", "/api/v1/{tenant}/console/me") == ()
    for method, path in (("GET", "news"), ("POST", "flows/lines"), ("PUT", "news"), ("POST", "executions/{id}/again")):
        with pytest.raises(LookupError):
            console_needs(method, f"/api/v1/{{tenant}}/console/{path}")


async def test_a_route_without_an_operation_is_refused(several: Any, anybody: httpx.AsyncClient) -> None:
    """What nobody described is nobody's, the first account's neither."""
    del several.state.operations["GET", "/api/v1/{tenant}/kv"]
    assert (await anybody.get(f"{T}/kv", auth=(USER, PASSWORD))).status_code == 403


# ── coming in ─────────────────────────────────────────────────────────────────────────────────────


async def test_all_ways_in_give_the_rights_of_the_role(anybody: httpx.AsyncClient) -> None:
    """Session, header, and the reference's cookie."""
    import base64

    name, password = pair("Viewer")
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    for how in ({"Authorization": f"Basic {basic}"}, {"Cookie": f"BASIC_AUTH={basic}", "Origin": "http://test"}):
        assert (await anybody.get(f"{T}/flows/search", headers=how)).status_code == 200
        refused = await anybody.post(f"{T}/flows", headers=how, content="id: a")
        assert refused.status_code == 403
        assert refused.json()["message"] == "Forbidden: You need FLOW:CREATE"
        assert refused.json()["_links"]["self"][0]["href"] == f"{T}/flows"
    entered = await anybody.post(
        "/login", json={"username": name, "password": password}, headers={"Origin": "http://test"}
    )
    assert entered.status_code == 200
    me = (await anybody.get(f"{T}/console/me")).json()
    assert me["user"]["username"] == name and me["role"] == "Viewer"
    assert {(one["permission"], one["action"]) for one in me["permissions"]} == RIGHTS["Viewer"]
    refused = await anybody.delete(f"{T}/flows/company.team/hello", headers={"Origin": "http://test"})
    assert refused.json()["message"] == "Forbidden: You need FLOW:DELETE on company.team"


async def test_wrong_passwords_and_unknown_names_stay_out(anybody: httpx.AsyncClient) -> None:
    """An account's password opens that account alone."""
    for auth in ((pair("Viewer")[0], "LauncherPass1"), (USER, "ViewerPass1"), ("x@example.com", "ViewerPass1")):
        assert (await anybody.get(f"{T}/flows/search", auth=auth)).status_code == 401
    assert (await anybody.get(f"{T}/flows/search", auth=(USER, PASSWORD))).status_code == 200


async def test_a_removed_account_is_out_with_its_sessions(several: Any, anybody: httpx.AsyncClient) -> None:
    """The next start knows the name no more; the cookie of before opens nothing."""
    name, password = pair("Editor")
    origin = {"Origin": "http://test"}
    await anybody.post("/login", json={"username": name, "password": password}, headers=origin)
    assert (await anybody.get(f"{T}/console/me")).status_code == 200
    del several.state.credentials._further[name]
    assert (await anybody.get(f"{T}/console/me")).status_code == 401


async def test_own_things_are_kept_apart(anybody: httpx.AsyncClient) -> None:
    """Profile, settings, views and sessions are everybody's own and writable for everybody."""
    for role in ("Viewer", "Launcher"):
        auth = pair(role)
        changed = await anybody.patch(f"{T}/console/profile", auth=auth, json={"firstName": role})
        assert changed.status_code == 200
        profile = (await anybody.get(f"{T}/console/profile", auth=auth)).json()
        assert profile["firstName"] == role and profile["password"]["changeable"] is False
        assert (await anybody.patch(f"{T}/console/settings", auth=auth, json={"theme": role})).status_code == 200
        view = {"list": "executions", "name": "mine", "query": ""}
        assert (await anybody.put(f"{T}/console/views/v1", auth=auth, json=view)).status_code == 200
        assert (await anybody.get(f"{T}/console/settings", auth=auth)).json()["theme"] == role
        shared = await anybody.put(f"{T}/console/views/v2", auth=auth, json={**view, "name": "b", "shared": True})
        assert shared.status_code == 403 and "DASHBOARD:UPDATE" in shared.json()["message"]
    password = {"current": "ViewerPass1", "password": "Another1Pass"}
    assert (await anybody.put(f"{T}/console/password", auth=pair("Viewer"), json=password)).status_code == 409


async def test_only_the_first_account_sets_the_first_account(anybody: httpx.AsyncClient) -> None:
    """POST basicAuth would be a way up."""
    body = {"username": "boss@example.com", "password": "Secret1234"}
    for role in ROLES:
        assert (await anybody.post(f"{T}/basicAuth", auth=pair(role), json=body)).status_code == 403


async def test_the_set_up_page_takes_no_name_of_the_configuration(backend: Backend) -> None:
    """Whose name it is would otherwise depend on who asks first."""
    backend.config = replace(backend.config, username=None, password=None, accounts=ACCOUNTS)
    transport = httpx.ASGITransport(quick(create_api(backend)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        body = {"username": "Viewer@example.com", "password": "Secret1234"}
        refused = await client.post(f"{T}/basicAuth", json=body)
        assert refused.status_code == 400 and "flowdeck.security.accounts" in refused.text
        assert (await client.get(f"{T}/flows/search", auth=pair("Viewer"))).status_code == 200


# ── what hangs on data ────────────────────────────────────────────────────────────────────────────


async def test_a_key_is_created_by_one_right_and_changed_by_another(backend: Backend) -> None:
    """F16: CREATE when absent, UPDATE when present."""
    creator = Caller("c", grants=Grants(frozenset({("KVSTORE", "CREATE")})))
    changer = Caller("u", grants=Grants(frozenset({("KVSTORE", "UPDATE")})))

    async def put(caller: Caller, key: str) -> None:
        await kv.put(backend, caller, "a", key, '"x"', ttl=None, description=None, kind=None)

    with pytest.raises(Forbidden, match="KVSTORE:CREATE"):
        await put(changer, "one")
    await put(creator, "one")
    await put(changer, "one")
    with pytest.raises((Forbidden, Conflict)):
        await put(creator, "one")


async def test_drafts_are_for_those_who_may_save(anybody: httpx.AsyncClient) -> None:
    """Extensions §8: UPDATE or CREATE of what the draft is of."""
    draft = {"text": "id: a", "baseRevision": None}
    for kind, right in (("flow", "FLOW"), ("dashboard", "DASHBOARD"), ("file", "FLOW")):
        refused = await anybody.put(f"{T}/console/drafts/{kind}/a/b", auth=pair("Launcher"), json=draft)
        assert refused.status_code == 403 and f"{right}:CREATE or {right}:UPDATE" in refused.json()["message"]
        assert (await anybody.put(f"{T}/console/drafts/{kind}/a/b", auth=pair("Editor"), json=draft)).status_code == 200


async def test_the_palette_finds_what_the_reader_may_read(anybody: httpx.AsyncClient) -> None:
    """Extensions §9: READ of each kind, and no action that is not theirs."""
    stored = await anybody.put(f"{T}/namespaces/company/kv/findme", auth=pair("Editor"), content='"1"')
    assert stored.status_code == 200

    async def kinds(role: str) -> set[str]:
        found = (await anybody.get(f"{T}/console/search", auth=pair(role), params={"q": "findme"})).json()
        return {group["kind"] for group in found["groups"]}

    assert "kv" in await kinds("Viewer") and "kv" not in await kinds("Launcher")


async def test_a_topic_needs_its_kind(anybody: httpx.AsyncClient) -> None:
    """Extensions §3."""
    refused = await anybody.get(f"{T}/console/stream", auth=pair("Launcher"), params={"topics": "kv:company"})
    assert refused.status_code == 403 and "KVSTORE:READ" in refused.json()["message"]


# ── the pure table ────────────────────────────────────────────────────────────────────────────────


def test_what_allows_means() -> None:
    """One action, any action, one of several."""
    viewer = of_role("Viewer")
    assert allows(viewer, "FLOW", "READ") and not allows(viewer, "FLOW", "UPDATE")
    assert allows(viewer, "FLOW", "ANY") and not allows(viewer, "SECRET", "ANY")
    assert not allows(viewer, "FLOW", "CREATE|UPDATE") and allows(of_role("Editor"), "FLOW", "CREATE|UPDATE")
    assert lacking(viewer, [("FLOW", "READ"), ("FLOW", "DELETE"), ("KVSTORE", "DELETE")]) == ("FLOW", "DELETE")
    assert lacking(viewer, []) is None


def test_the_managed_roles() -> None:
    """F12: each row of its table, told in another way."""
    crud = {"CREATE", "READ", "UPDATE", "DELETE"}

    def actions(role: str, kind: str) -> set[str]:
        return {action for permission, action in RIGHTS[role] if permission == kind}

    assert all(
        actions("Admin", kind) == crud for kind in ("FLOW", "USER", "ROLE", "SETTING", "AUDITLOG", "IMPERSONATE")
    )
    assert actions("Developer", "SECRET") == crud and actions("Developer", "NAMESPACE") == {"READ", "UPDATE"}
    assert actions("Editor", "SECRET") == {"READ"} and actions("Editor", "TEMPLATE") == set()
    assert actions("Launcher", "EXECUTION") == crud - {"DELETE"} and actions("Launcher", "KVSTORE") == set()
    assert actions("Launcher", "APPEXECUTION") == {"READ", "UPDATE"} and actions("Viewer", "SECRET") == set()
    assert {action for _, action in RIGHTS["Viewer"]} == {"READ"}
    assert [len(RIGHTS[role]) for role in ROLES] == [100, 52, 33, 11, 10]
    assert not any(kind == "INSTANCE" for role in ROLES for kind, _ in RIGHTS[role])
    assert ("INSTANCE", "UPDATE") in EVERYTHING.pairs
