"""The files of a namespace as a tree with upload and drag (``spec/ui.md`` UI-NS-07; picture 12)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import OVERLAY
from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("file_tree.jsx", shared=True)
_CSS = rx.asset("file_tree.css", shared=True)
__all__ = ["GLYPHS", "NET", "OVERLAY", "FileTree", "file_tree"]


class FileTree(rx.Component):
    """Folders are read when they open; files are uploaded by the browser itself.

    ``url`` is the namespace's files (``/api/v1/{tenant}/namespaces/{ns}/files``), ``active`` the open file, ``dirty``
    the paths with unsaved text, ``reload`` any number: a change reads the open folders again.

    ``on_open`` gives a path. ``on_action`` gives ``{kind, path, folder}`` with kind ``new_file``, ``new_folder``,
    ``rename`` or ``delete``, where the page has ``sides`` also ``side``; where ``several`` can be chosen, ``delete`` of
    more than one has ``paths``. ``on_changed`` gives
    ``{kind: "uploaded", count, faults, folder}`` after an upload and ``{kind: "move", from, to}``
    when an entry was dragged to another folder (the page moves it).
    """

    library = _JS.importable_path
    tag = "FileTree"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    active: rx.Var[str]
    dirty: rx.Var[list[str]]
    reload: rx.Var[int]
    can_write: rx.Var[bool]
    sides: rx.Var[bool]
    several: rx.Var[bool]
    on_open: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_action: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_changed: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


file_tree = FileTree.create
