"""What the flow screens need of the browser: a guard before leaving, import and export of sources, split panes."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import BRIDGE, OVERLAY
from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("flow_tools.jsx", shared=True)
__all__ = [
    "BRIDGE",
    "GLYPHS",
    "NET",
    "OVERLAY",
    "export_button",
    "flow_import",
    "instant_input",
    "leave_guard",
    "split",
]

_OBJECT = rx.event.passthrough_event_spec(dict[str, Any])


class _Tool(rx.Component):
    library = _JS.importable_path
    lib_dependencies: list[str] = [ICONS]


class LeaveGuard(_Tool):
    """Ask before unsaved text is left (UI-ER-02, UI-ED-64); a draft exists anyway."""

    tag = "LeaveGuard"
    dirty: rx.Var[bool]
    what: rx.Var[str]


class ExportButton(_Tool):
    """POST the chosen `namespace/id` to `url` and keep the answer as a file."""

    tag = "ExportButton"
    url: rx.Var[str]
    items: rx.Var[list[str]]
    name: rx.Var[str]
    label: rx.Var[str]
    testid: rx.Var[str]


class FlowImport(_Tool):
    """Body and footer of the import dialog (UI-FL-06): files, what the server finds in them, the import.

    `on_done` gives `{files, refused}`: the number of files sent and the names that were not imported.
    """

    tag = "FlowImport"
    judge_url: rx.Var[str]
    import_url: rx.Var[str]
    on_done: rx.EventHandler[_OBJECT]
    on_cancel: rx.EventHandler[rx.event.no_args_event_spec]


class Split(_Tool):
    """Two panes with a bar that pointer and arrow keys move (UI-ED-02); `one` shows the first alone.

    `name` names the place in the browser's storage, `start` is the first pane's share in per cent.
    """

    tag = "Split"
    name: rx.Var[str]
    vertical: rx.Var[bool]
    start: rx.Var[int]
    least: rx.Var[int]
    one: rx.Var[bool]


class InstantInput(_Tool):
    """An instant (ISO, UTC), written as date and time of the browser's zone; `on_change` gives the instant."""

    tag = "InstantInput"
    value: rx.Var[str]
    label: rx.Var[str]
    error: rx.Var[bool]
    testid: rx.Var[str]
    on_change: rx.EventHandler[rx.event.passthrough_event_spec(str)]


leave_guard = LeaveGuard.create
export_button = ExportButton.create
flow_import = FlowImport.create
split = Split.create
instant_input = InstantInput.create
