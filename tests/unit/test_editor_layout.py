"""The short form of the editor's panels in the URL (UI-SH-01)."""

from __future__ import annotations

import pytest

from app.pages.flows import editor, editor_layout
from app.pages.flows.editor_layout import DEFAULT_LAYOUT, VISUAL_LAYOUT, layout_of, panels_of, with_panel, word_of


@pytest.mark.parametrize("word", ["code~docs", "files~code~topology.docs:docs,lastrun", "nocode"])
def test_a_layout_comes_back_from_its_short_form(word: str) -> None:
    assert word_of(layout_of(word)) == word


def test_who_stands_in_front_is_told_where_it_is_not_the_first() -> None:
    assert panels_of(layout_of("code~topology.docs:docs,lastrun")) == ["code", "docs", "lastrun"]
    assert (word_of(DEFAULT_LAYOUT), word_of(VISUAL_LAYOUT)) == ("code~docs", "nocode~topology")


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("", ""),
        ("nothing~<b>", ""),
        ("code.code~code", "code"),
        ("code:docs~docs:code", "code~docs"),
        ("~,.code.:x~", "code"),
    ],
)
def test_what_no_editor_wrote_is_left_out(word: str, read: str) -> None:
    assert word_of(layout_of(word)) == read
    assert bool(layout_of(word)) == bool(read)


def test_the_panels_of_the_url_are_those_of_the_page() -> None:
    assert tuple(one["id"] for one in editor.PANELS) == editor_layout.PANELS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("code", "code~copilot"),
        ("code~docs", "code~docs.copilot:copilot"),
        ("code~topology,docs", "code~topology,docs.copilot:copilot"),
        ("copilot.code:code~docs", "copilot.code~docs"),
    ],
)
def test_a_panel_is_brought_to_the_front_or_to_the_right(before: str, after: str) -> None:
    assert word_of(with_panel(layout_of(before), "copilot")) == after
