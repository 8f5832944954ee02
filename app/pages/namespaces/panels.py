"""Which files stand in which panel of the files of a namespace (`spec` UI-NS-07): pure, nothing is read or shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

MOST_PANELS = 3


@dataclass(frozen=True, slots=True)
class Panel:
    """Tabs beside each other and the one that is seen; a panel is never empty."""

    key: int = 0
    """Its own for as long as it stands."""
    paths: tuple[str, ...] = ()
    on: str = ""
    drawn: tuple[str, ...] = ()
    """Files that are seen as a page or a table here instead of as text."""


class Layout(NamedTuple):
    """All panels from left to right, and the key of the one that has the reader's attention."""

    panels: tuple[Panel, ...] = ()
    front: int = 0

    def panel(self, key: int) -> Panel | None:
        """The panel of a key."""
        return next((one for one in self.panels if one.key == key), None)

    def holds(self, path: str) -> int:
        """How many panels have a file among their tabs."""
        return sum(path in one.paths for one in self.panels)

    def seen(self) -> str:
        """The file that the panel in front shows; empty without panels."""
        found = self.panel(self.front)
        return found.on if found else ""


def _with(layout: Layout, panel: Panel) -> Layout:
    return layout._replace(panels=tuple(panel if one.key == panel.key else one for one in layout.panels))


def _fresh(layout: Layout) -> int:
    return max((one.key for one in layout.panels), default=0) + 1


def shown(layout: Layout, path: str) -> Layout:
    """Show a file where it is open, in front first; else as a new tab of the panel in front."""
    if not layout.panels:
        return Layout((Panel(1, (path,), path),), 1)
    front = layout.panel(layout.front) or layout.panels[0]
    found = next((one for one in (front, *layout.panels) if path in one.paths), None)
    if found is None:
        found = replace(front, paths=(*front.paths, path))
    return _with(layout, replace(found, on=path))._replace(front=found.key)


def brought(layout: Layout, key: int, path: str = "") -> Layout:
    """Bring a panel to the front, with one of its tabs; as it is when there is no such panel."""
    found = layout.panel(key)
    if found is None:
        return layout
    return _with(layout, replace(found, on=path) if path in found.paths else found)._replace(front=key)


def _joined(layout: Layout, key: int, path: str) -> Layout:
    found = layout.panel(key)
    if found is None:
        return layout
    paths = found.paths if path in found.paths else (*found.paths, path)
    return _with(layout, replace(found, paths=paths, on=path))._replace(front=key)


def beside(layout: Layout, key: int, path: str, *, left: bool = False, most: int = MOST_PANELS) -> Layout:
    """Show a file beside a panel as well: in a panel of its own, or in the neighbour when there are `most`."""
    places = [one.key for one in layout.panels]
    if key not in places:
        return shown(layout, path)
    at = places.index(key)
    if len(places) >= min(most, MOST_PANELS):
        near = at - 1 if (left and at > 0) or at == len(places) - 1 else at + 1
        return _joined(layout, places[near], path) if len(places) > 1 else shown(layout, path)
    drawn = next(one.drawn for one in layout.panels if one.key == key)
    made = Panel(_fresh(layout), (path,), path, tuple(one for one in drawn if one == path))
    at += 0 if left else 1
    return Layout((*layout.panels[:at], made, *layout.panels[at:]), made.key)


def moved(layout: Layout, path: str, source: int, target: int, side: str, *, most: int = MOST_PANELS) -> Layout:
    """Carry a tab to another place.

    Args:
        layout: as it stands.
        path: the file.
        source: key of the panel that it leaves; 0 for a file that comes from the tree.
        target: key of the panel on which it is let go.
        side: `left` or `right` of it for a panel of its own, anything else among its tabs.
        most: how many panels may stand.

    The only tab of a panel that is carried to a side stays as well: else nothing would change.
    """
    if side not in ("left", "right"):
        after = _joined(layout, target, path)
        return after if source in (0, target) else closed(after, source, (path,))._replace(front=target)
    after = beside(layout, target, path, left=side == "left", most=most)
    own = layout.panel(source)
    if own is None or (len(own.paths) == 1 and source == target) or after.front == source:
        return after
    front = after.front
    return closed(after, source, (path,))._replace(front=front)


def closed(layout: Layout, key: int, paths: Collection[str]) -> Layout:
    """Close tabs of a panel; the neighbour of the one that was seen is seen next, and an empty panel goes away."""
    found = layout.panel(key)
    if found is None:
        return layout
    left = tuple(one for one in found.paths if one not in paths)
    if left:
        on = found.on if found.on in left else _neighbour(found.paths, found.on, left)
        drawn = tuple(one for one in found.drawn if one in left)
        return _with(layout, replace(found, paths=left, on=on, drawn=drawn))
    at = layout.panels.index(found)
    rest = (*layout.panels[:at], *layout.panels[at + 1 :])
    front = layout.front if layout.front != key else rest[min(at, len(rest) - 1)].key if rest else 0
    return Layout(rest, front)


def _neighbour(before: Sequence[str], path: str, left: Sequence[str]) -> str:
    at = before.index(path)
    return next((one for one in (*before[at:], *reversed(before[:at])) if one in left), left[0])


def gone(layout: Layout, paths: Collection[str]) -> Layout:
    """Close files wherever they are open."""
    for key in [one.key for one in layout.panels]:
        layout = closed(layout, key, paths)
    return layout


def renamed(layout: Layout, after: Callable[[str], str]) -> Layout:
    """The same with other paths."""
    panels = (
        replace(
            one,
            paths=tuple(after(path) for path in one.paths),
            on=after(one.on),
            drawn=tuple(after(path) for path in one.drawn),
        )
        for one in layout.panels
    )
    return layout._replace(panels=tuple(panels))


def drawn_or_not(layout: Layout, key: int, path: str) -> Layout:
    """Show a file of a panel as a page or table, or as text again."""
    found = layout.panel(key)
    if found is None or path not in found.paths:
        return layout
    drawn = tuple(one for one in found.drawn if one != path) if path in found.drawn else (*found.drawn, path)
    return _with(layout, replace(found, drawn=drawn))
