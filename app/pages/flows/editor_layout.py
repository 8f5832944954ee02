"""How the editor's panels are arranged: for the reader (UI-ED-02), and in a short form in the URL (UI-SH-01)."""

from __future__ import annotations

from typing import Any

Layout = list[dict[str, Any]]

PANELS = (
    "code",
    "nocode",
    "topology",
    "docs",
    "lastrun",
    "playground",
    "blueprints",
    "context",
    "files",
    "copilot",
)
"""In the order of the workbench's children."""

DEFAULT_LAYOUT: Layout = [
    {"w": 64, "cells": [{"h": 1, "tabs": ["code"], "on": "code"}]},
    {"w": 36, "cells": [{"h": 1, "tabs": ["docs"], "on": "docs"}]},
]
VISUAL_LAYOUT: Layout = [
    {"w": 58, "cells": [{"h": 1, "tabs": ["nocode"], "on": "nocode"}]},
    {"w": 42, "cells": [{"h": 1, "tabs": ["topology"], "on": "topology"}]},
]
WIDTHS = {"files": 22, "code": 60, "nocode": 60}
"""Share of a column that begins with this panel; others have 40."""


def _cells(layout: Layout) -> list[list[dict[str, Any]]]:
    columns = [column.get("cells") or [] for column in layout if isinstance(column, dict)]
    return [[cell for cell in cells if isinstance(cell, dict)] for cells in columns]


def panels_of(layout: Layout) -> list[str]:
    """Return the panels that are seen in a layout."""
    return [str(cell.get("on")) for cells in _cells(layout) for cell in cells if cell.get("on")]


def holds(layout: Layout, panel: str) -> bool:
    """Whether a panel has a place in a layout, in front or behind another."""
    return any(panel in (cell.get("tabs") or ()) for cells in _cells(layout) for cell in cells)


def word_of(layout: Layout) -> str:
    """Return the short form of a layout, which panels stand where and in front, without sizes.

    Columns are parted by `~`, the cells of a column by `,`, the panels of a cell by `.`; after `:` comes the panel in
    front where it is not the first: `code~topology.docs:docs,lastrun`.
    """
    columns = []
    for cells in _cells(layout):
        words = []
        for cell in cells:
            tabs = [str(one) for one in cell.get("tabs") or () if one in PANELS]
            front = str(cell.get("on") or "")
            if tabs:
                words.append(".".join(tabs) + (f":{front}" if front in tabs[1:] else ""))
        if words:
            columns.append(",".join(words))
    return "~".join(columns)


def layout_of(word: str) -> Layout:
    """Return the layout of a short form; unknown and repeated panels are left out, empty when nothing remains."""
    seen: set[str] = set()
    columns: Layout = []
    for part in word.split("~"):
        cells = []
        for text in part.split(","):
            names, _, front = text.partition(":")
            tabs = [one for one in dict.fromkeys(names.split(".")) if one in PANELS and one not in seen]
            seen.update(tabs)
            if tabs:
                cells.append({"h": 1, "tabs": tabs, "on": front if front in tabs else tabs[0]})
        if cells:
            columns.append({"w": WIDTHS.get(cells[0]["tabs"][0], 40), "cells": cells})
    return columns


def with_panel(layout: Layout, panel: str) -> Layout:
    """Return a layout in which a panel is seen: in its place, or at the right."""
    if holds(layout, panel):
        return [
            {**column, "cells": [{**c, "on": panel} if panel in c["tabs"] else c for c in column["cells"]]}
            for column in layout
        ]
    if len(layout) < 2:
        return [
            *layout,
            {"w": 0.6 * sum(one["w"] for one in layout), "cells": [{"h": 1, "tabs": [panel], "on": panel}]},
        ]
    *others, last = layout
    *above, lowest = last["cells"]
    cell = {**lowest, "tabs": [*lowest["tabs"], panel], "on": panel}
    return [*others, {**last, "cells": [*above, cell]}]


__all__ = [
    "DEFAULT_LAYOUT",
    "PANELS",
    "VISUAL_LAYOUT",
    "Layout",
    "holds",
    "layout_of",
    "panels_of",
    "with_panel",
    "word_of",
]
