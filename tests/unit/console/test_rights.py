"""What a reader is shown follows the rights that the API told (UI-PM-01, UI-PM-02, UI-PM-04), and what settings do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import preferences
from app.conditions import resolved
from app.navigation import ENTRIES
from app.pages.executions.state import ExecutionsState
from app.pages.flows.listing_state import FlowsState
from app.pages.kv_state import KvState
from app.pages.secrets_state import SecretsState
from app.rights import FLOW_TABS, NAMESPACE_TABS, PLACES, allows, barred, open_tab, permitted, shortfall
from app.shortcuts import KEYS
from flowdeck.services.access import EVERYTHING, of_role

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)


@given(NAMES, NAMES)
def test_a_limited_right_holds_below_its_namespace_only(limit: str, namespace: str) -> None:
    holds = namespace.split(".")[: len(limit.split("."))] == limit.split(".")
    assert allows([f"FLOW:READ@{limit}"], "FLOW:READ", namespace) == holds
    assert allows([f"FLOW:READ@{limit}"], "FLOW:READ")


def test_every_entry_of_the_menu_names_a_right_that_the_api_tells() -> None:
    known = rights("")
    needed = {entry.needs for entry in ENTRIES if entry.needs}
    assert needed <= known and set(FLOW_TABS.values()) <= known
    assert {one for _, needs in PLACES for one in needs.split("|")} <= known
    assert {entry.label for entry in ENTRIES if not entry.needs} == {"Plugins"}


@pytest.mark.parametrize(
    ("role", "place", "lacks"),
    [
        ("Viewer", "/flows/new", "FLOW:CREATE"),
        ("Viewer", "/dashboards/new", "DASHBOARD:CREATE"),
        ("Viewer", "/dashboards/mine/edit", "DASHBOARD:UPDATE"),
        ("Viewer", "/dashboards/mine", ""),
        ("Viewer", "/secrets", "SECRET:READ"),
        ("Viewer", "/namespaces/edit/company.team/secrets", "SECRET:READ"),
        ("Viewer", "/namespaces/edit/company.team/edit", NAMESPACE_TABS["edit"]),
        ("Viewer", "/namespaces/edit/company.team/kv", ""),
        ("Viewer", "/flows/edit/company.team/orders/edit", ""),
        ("Viewer", "/admin/instance/workers", "INSTANCE:READ"),
        ("Launcher", "/kv", "KVSTORE:READ"),
        ("Launcher", "/executions/company.team/orders/1/gantt", ""),
        ("Editor", "/namespaces/edit/company.team/edit", NAMESPACE_TABS["edit"]),
        ("Developer", "/namespaces/edit/company.team/edit", ""),
        ("Admin", "/admin/instance", "INSTANCE:READ"),
        ("", "/admin/instance", ""),
    ],
)
def test_a_place_names_the_right_that_a_reader_lacks(role: str, place: str, lacks: str) -> None:
    """§1.9, 403: what stands in the address of a page decides, before anything is asked."""
    assert barred(place, sorted(rights(role))) == lacks
    assert barred(place, []) == ""  # not known yet


def rights(role: str) -> set[str]:
    """What the API tells the holder of a role; the first account without one."""
    return {":".join(one) for one in (of_role(role) if role else EVERYTHING)}


def test_an_entry_below_another_names_a_place_of_the_menu() -> None:
    places = {entry.to for entry in ENTRIES}
    assert all(entry.below in places for entry in ENTRIES if entry.below)


@pytest.mark.parametrize(
    ("held", "wanted", "opens"),
    [
        (["FLOW:READ"], "overview", "topology"),
        (["FLOW:READ"], "logs", "topology"),
        (["FLOW:READ"], "edit", "edit"),
        (["EXECUTION:READ"], "edit", "overview"),
        (["EXECUTION:READ"], "topology", "topology"),
        (["FLOW:READ", "EXECUTION:READ@other"], "executions", "topology"),
        ([], "executions", "executions"),
    ],
)
def test_a_flow_opens_at_a_tab_that_the_rights_allow(held: list[str], wanted: str, opens: str) -> None:
    """UI-PM-02: without EXECUTION:READ at its topology, without FLOW:READ never in the editor."""
    assert open_tab(wanted, held, "company.team") == opens


def test_one_of_several_rights_suffices() -> None:
    held = ["NAMESPACE:DELETE@mine"]
    assert allows(held, "NAMESPACE:UPDATE|NAMESPACE:DELETE", "mine.too")
    assert not allows(held, "NAMESPACE:UPDATE|NAMESPACE:DELETE", "theirs")


def test_the_readers_own_first_tab_comes_before_the_overview() -> None:
    assert open_tab("metrics", ["FLOW:READ"], "a", first="revisions") == "revisions"


HALF = ["EXECUTION:DELETE@mine", "FLOW:DELETE@mine", "KVSTORE:DELETE@mine", "SECRET:DELETE@mine"]


def test_rows_of_other_namespaces_are_counted_before_a_bulk_action_starts() -> None:
    places = {"1": "mine", "2": "mine.too", "3": "theirs"}
    assert permitted(HALF, "EXECUTION:DELETE", places) == ["1", "2"]
    assert shortfall(2, 3, "EXECUTION:DELETE").startswith("2 of 3")
    assert shortfall(3, 3, "EXECUTION:DELETE") == ""


async def test_deleting_executions_says_how_many_by_right() -> None:
    """UI-PM-04: *12 of 15* before it starts, beside what their states do not allow."""
    page = ExecutionsState()  # type: ignore[call-arg]
    page.permissions = HALF
    page.selected = ["a", "b", "c"]
    page._states = {"a": "SUCCESS", "b": "FAILED", "c": "RUNNING"}
    page._flows = {"a": "mine/one", "b": "theirs/two", "c": "mine/three"}
    await ExecutionsState.event_handlers["ask"].fn(page, "delete", "")
    assert page.deed_ids == ["a"] and page.deed_count == 1
    assert "1 of the 3" in page.deed_note and "1 of 2" in page.deed_note and "EXECUTION:DELETE" in page.deed_note


async def test_deleting_flows_says_how_many_by_right() -> None:
    page = FlowsState()  # type: ignore[call-arg]
    page.permissions = HALF
    await FlowsState.event_handlers["ask_delete"].fn(page, ["mine/one", "theirs/two"])
    assert page.deleting and page.selected == ["mine/one"] and page.delete_note.startswith("1 of 2")
    page.deleting = False
    await FlowsState.event_handlers["ask_delete"].fn(page, ["theirs/two"])
    assert not page.deleting and page.command[-1]["level"] == "warning"


@pytest.mark.parametrize("state", [KvState, SecretsState])
async def test_deleting_keys_and_secrets_says_how_many_by_right(state: type) -> None:
    page = state()
    page.permissions = HALF
    await state.event_handlers["ask_delete"].fn(page, ["mine/a", "theirs/b", "mine/c"])
    assert page.deleting == ["mine/a", "mine/c"] and page.delete_note.startswith("2 of 3")


# ── settings (UI-ST-01) ───────────────────────────────────────────────────────────────────────────


def test_own_settings_come_before_those_of_the_tenant() -> None:
    own, defaults = preferences.parted({"logLevel": "WARN", "theme": None, "defaults": {"theme": "dark"}, "version": 3})
    assert own == {"logLevel": "WARN"} and defaults == {"theme": "dark"}
    assert preferences.changed(own, {"logLevel": None, "density": "compact"}) == {"density": "compact"}


def test_an_unknown_choice_is_the_first_one() -> None:
    assert preferences.chosen({"executionTab": "logs"}, "executionTab", preferences.EXECUTION_TABS) == "logs"
    assert preferences.chosen({"executionTab": "nothing"}, "executionTab", preferences.EXECUTION_TABS) == "gantt"


@pytest.mark.parametrize(
    ("first", "begin"), [("", "2026-11-16"), ("6", "2026-11-15"), ("5", "2026-11-14"), ("x", "2026-11-16")]
)
def test_this_week_begins_with_the_readers_day(first: str, begin: str) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    day = preferences.first_day({"firstDay": first})
    found = resolved([{"field": "timeRange", "operator": "EQUALS", "value": "WEEK@UTC"}], now, day)
    assert found[0]["value"].startswith(begin)


# ── keys (W-02) ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "groups"),
    [
        ("/executions", {"This list"}),
        ("/executions/a/b/c/gantt", {"This page", "This execution"}),
        ("/executions/a/b/c/logs", {"This page", "This execution", "Log lines"}),
        ("/executions/compare", set()),
        ("/flows/new", {"Editor", "Files"}),
        ("/flows/edit/a/b/edit", {"This page", "Editor", "Files"}),
        ("/logs", {"This list", "Log lines"}),
        ("/settings", set()),
    ],
)
def test_the_list_of_keys_is_that_of_the_page(place: str, groups: set[str]) -> None:
    import re

    shown = {one["title"] for one in KEYS if "at" in one and re.search(one["at"], place)}
    assert shown == groups
