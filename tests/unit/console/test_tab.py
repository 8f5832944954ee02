"""Laws of a tab: commands, problems, filters in the URL, colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import routes
from app.list_page import filters_of, pairs_of
from app.pages.kv_forms import value_fault
from app.pages.kv_state import KvState
from app.tab import KEPT_COMMANDS, Tab, initials_of, ink_on, problem_of
from backend_client import ApiError

WORDS = st.text(alphabet="abcXYZ019._- :äß", min_size=1, max_size=12).map(str.strip).filter(bool)
CONDITIONS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "field": st.sampled_from(["namespace", "state"]),
                "operator": st.sampled_from(["IN", "PREFIX"]),
                "value": WORDS,
            }
        ),
        st.fixed_dictionaries(
            {
                "field": st.just("labels"),
                "operator": st.just("EQUALS"),
                "value": st.tuples(st.sampled_from(["team", "a.b"]), WORDS).map(":".join),
            }
        ),
    ),
    max_size=4,
)


@given(WORDS, CONDITIONS)
def test_conditions_survive_the_way_through_the_url(text: str, conditions: list[dict[str, str]]) -> None:
    assert filters_of(pairs_of(text, conditions)) == (text, conditions)


def test_commands_are_numbered_upwards_and_only_the_last_are_kept() -> None:
    tab = Tab()  # type: ignore[call-arg]
    for number in range(KEPT_COMMANDS + 3):
        tab.toast(f"saved {number}")
    numbers = [one["seq"] for one in tab.command]
    assert len(numbers) == KEPT_COMMANDS
    assert numbers == sorted(set(numbers))
    assert tab.command[-1]["title"] == f"saved {KEPT_COMMANDS + 2}"


def test_helpers_of_a_tab_cannot_be_called_by_the_browser() -> None:
    for name in ("api", "toast", "navigate", "download", "copy_text", "to_login", "show", "fail", "query", "may"):
        assert name not in Tab.event_handlers
        assert name not in KvState.event_handlers
    assert {"enter", "keep_settings"} <= set(Tab.event_handlers)
    assert {"read_url", "wanted", "take"}.isdisjoint(KvState.event_handlers)


def test_a_limited_right_holds_for_its_namespace_and_those_below() -> None:
    tab = Tab()  # type: ignore[call-arg]
    tab.permissions = ["FLOW:READ", "FLOW:UPDATE@company.data"]
    assert tab.may("FLOW", "READ", "any")
    assert tab.may("FLOW", "UPDATE", "company.data.dbt")
    assert not tab.may("FLOW", "UPDATE", "company.database")
    assert not tab.may("FLOW", "DELETE")


def test_a_problem_names_what_failed_and_the_request() -> None:
    problem = problem_of(ApiError(500, "Internal server error", "r9"))
    assert (problem.title, problem.text, problem.request_id) == (
        "This could not be loaded",
        "Internal server error",
        "r9",
    )
    assert problem_of(ApiError(404, "gone")).title == "Not found or deleted"


@given(st.integers(0, 0xFFFFFF))
def test_text_on_any_environment_colour_is_readable(number: int) -> None:
    colour = f"#{number:06x}"

    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(colour), luminance(ink_on(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("name", "letters"), [("ana.kovac@company.example", "AK"), ("admin", "AD"), ("", "?"), ("Ana Kovač", "AK")]
)
def test_initials(name: str, letters: str) -> None:
    assert initials_of(name) == letters


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("NUMBER", "1.5", "one"),
        ("BOOLEAN", "true", "yes"),
        ("DATETIME", "2026-11-20T06:00:00Z", "2026-11-20"),
        ("DATE", "2026-11-20", "20.11.2026"),
        ("DURATION", "PT15M", "P"),
        ("JSON", '{"a": 1}', "{a}"),
    ],
)
def test_a_typed_value_is_checked_by_its_type(kind: str, good: str, bad: str) -> None:
    assert value_fault(kind, good) == ""
    assert value_fault(kind, bad)


def test_places_begin_below_the_tenant() -> None:
    assert routes.flow("company.team", "hello", "edit") == "/flows/edit/company.team/hello/edit"
    assert routes.execution("a", "b", "c") == "/executions/a/b/c/gantt"
