"""Bundled blueprints are flows that this release accepts without a word of complaint."""

from __future__ import annotations

import pytest

from flowdeck.model.dashboards.parsing import parse_dashboard
from flowdeck.model.errors import InvalidFormat, NotFound
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog
from flowdeck.services import blueprints


@pytest.mark.parametrize("name", sorted(blueprints.bundled()))
def test_a_blueprint_is_a_valid_flow(name: str) -> None:
    parsed = parse_flow(blueprints.bundled()[name].source, load_catalog())
    assert parsed.flow is not None
    assert not [(one.line, one.message) for one in parsed.findings]


@pytest.mark.parametrize("name", sorted(blueprints.bundled()))
def test_a_blueprint_says_what_it_is_for(name: str) -> None:
    one = blueprints.bundled()[name]
    assert one.title and one.description.endswith(".") and one.tags and one.types
    assert all(known in one.source for known in one.types)


@pytest.mark.parametrize("name", sorted(blueprints.bundled("dashboard")))
def test_a_blueprint_is_a_valid_dashboard(name: str) -> None:
    found = parse_dashboard(blueprints.bundled("dashboard")[name].source, load_catalog())
    assert not [(one.line, one.message) for one in found.findings]


def test_search_looks_into_texts_tags_and_types() -> None:
    assert [one.id for one in blueprints.search("flow", "python script", (), "")] == ["python-script"]
    assert {one.id for one in blueprints.search("FLOW", "", ("system",), "")} == {"keep-house", "tell-about-failures"}
    assert "after-another-flow" in {one.id for one in blueprints.search("flow", "trigger.Flow", (), "")}
    titles = [one.title.lower() for one in blueprints.search("flow", "", (), "title:desc")]
    assert titles == sorted(titles, reverse=True)
    assert [one.id for one in blueprints.search("dashboard", "", ("logs",), "")] == ["dashboard-logs"]
    assert blueprints.search("app", "", (), "") == []


def test_unknown_kinds_and_names_are_refused() -> None:
    with pytest.raises(InvalidFormat, match="known are"):
        blueprints.search("nope", "", (), "")
    with pytest.raises(NotFound):
        blueprints.get("flow", "nope")
