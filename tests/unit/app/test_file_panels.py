"""Which files stand in which panel (UI-NS-07)."""

from __future__ import annotations

from app.pages.namespaces.panels import (
    Layout,
    Panel,
    beside,
    brought,
    closed,
    drawn_or_not,
    gone,
    moved,
    renamed,
    shown,
)


def told(layout: Layout) -> tuple[list[tuple[str, str]], int]:
    """Each panel as its tabs and the one that is seen, and the place of the one in front."""
    keys = [one.key for one in layout.panels]
    assert len(set(keys)) == len(keys) and all(one.on in one.paths for one in layout.panels)
    assert all(len(set(one.paths)) == len(one.paths) for one in layout.panels)
    front = keys.index(layout.front) if keys else -1
    return [(" ".join(one.paths), one.on) for one in layout.panels], front


def two() -> Layout:
    """a and b at the left, c at the right, which is in front."""
    return Layout((Panel(1, ("a", "b"), "b"), Panel(2, ("c",), "c")), 2)


def test_a_file_opens_in_front_and_is_shown_where_it_is_open() -> None:
    layout = shown(Layout(), "a")
    assert told(layout) == ([("a", "a")], 0)
    assert told(shown(layout, "b")) == ([("a b", "b")], 0)
    assert told(shown(two(), "a")) == ([("a b", "a"), ("c", "c")], 0)
    assert told(shown(two(), "d")) == ([("a b", "b"), ("c d", "d")], 1)
    both = Layout((Panel(1, ("a",), "a"), Panel(2, ("c", "a"), "c")), 2)
    assert told(shown(both, "a")) == ([("a", "a"), ("c a", "a")], 1)


def test_a_file_is_opened_to_the_side_of_its_panel() -> None:
    layout = beside(shown(Layout(), "a"), 1, "a")
    assert told(layout) == ([("a", "a"), ("a", "a")], 1)
    assert told(beside(two(), 1, "a")) == ([("a b", "b"), ("a", "a"), ("c", "c")], 1)
    assert told(beside(two(), 1, "a", left=True)) == ([("a", "a"), ("a b", "b"), ("c", "c")], 0)
    assert told(beside(two(), 1, "a", most=2)) == ([("a b", "b"), ("c a", "a")], 1)
    assert told(beside(two(), 2, "c", most=2)) == ([("a b c", "c"), ("c", "c")], 0)
    assert told(beside(shown(Layout(), "a"), 1, "a", most=1)) == ([("a", "a")], 0)


def test_a_preview_goes_along_to_the_side() -> None:
    layout = beside(drawn_or_not(shown(Layout(), "a"), 1, "a"), 1, "a")
    assert [one.drawn for one in layout.panels] == [("a",), ("a",)]
    layout = drawn_or_not(layout, 1, "a")
    assert [one.drawn for one in layout.panels] == [(), ("a",)]
    assert drawn_or_not(layout, 1, "none") == layout


def test_a_tab_is_carried_to_another_panel_or_to_a_side() -> None:
    assert told(moved(two(), "a", 1, 2, "in")) == ([("b", "b"), ("c a", "a")], 1)
    assert told(moved(two(), "c", 2, 1, "in")) == ([("a b c", "c")], 0)
    assert told(moved(two(), "b", 1, 1, "right")) == ([("a", "a"), ("b", "b"), ("c", "c")], 1)
    assert told(moved(two(), "c", 2, 1, "left")) == ([("c", "c"), ("a b", "b")], 0)
    assert told(moved(two(), "d", 0, 1, "in")) == ([("a b d", "d"), ("c", "c")], 0)
    only = shown(Layout(), "a")
    assert told(moved(only, "a", 1, 1, "right")) == ([("a", "a"), ("a", "a")], 1)
    assert told(moved(only, "a", 1, 1, "in")) == ([("a", "a")], 0)


def test_an_empty_panel_goes_away_and_its_neighbour_comes_to_the_front() -> None:
    assert told(closed(two(), 1, ["b"])) == ([("a", "a"), ("c", "c")], 1)
    assert told(closed(two(), 2, ["c"])) == ([("a b", "b")], 0)
    assert told(closed(two(), 1, ["a", "b"])) == ([("c", "c")], 0)
    assert told(closed(two(), 9, ["a"])) == told(two())
    assert told(gone(two(), ["a", "b", "c"])) == ([], -1)
    middle = Layout((Panel(1, ("a", "b", "c"), "b"),), 1)
    assert told(closed(middle, 1, ["b"])) == ([("a c", "c")], 0)
    assert told(closed(middle, 1, ["b", "c"])) == ([("a", "a")], 0)


def test_paths_change_with_their_files() -> None:
    layout = renamed(drawn_or_not(two(), 1, "b"), lambda path: {"b": "x"}.get(path, path))
    assert told(layout) == ([("a x", "x"), ("c", "c")], 1)
    assert layout.panels[0].drawn == ("x",)
    assert told(brought(two(), 1, "a")) == ([("a b", "a"), ("c", "c")], 0)
    assert told(brought(two(), 7)) == told(two())
