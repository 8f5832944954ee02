"""The open files of a namespace in panels beside each other (``spec/ui.md`` UI-NS-07; picture 12)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import BRIDGE, OVERLAY, SHELL
from components.code_editor import CodeEditor
from components.file_tree import FileTree
from components.flow_tools import Split
from components.glyphs import GLYPHS, ICONS
from components.monaco import PACKAGES
from components.pdf_view import PDFJS, PdfView
from components.text_preview import TextPreview

_JS = rx.asset("file_panels.jsx", shared=True)
_TABS = rx.asset("file_tabs.jsx", shared=True)
_CSS = rx.asset("file_panels.css", shared=True)
__all__ = [
    "BRIDGE",
    "GLYPHS",
    "OVERLAY",
    "SHELL",
    "CodeEditor",
    "FilePanels",
    "FileTree",
    "PdfView",
    "Split",
    "TextPreview",
    "file_panels",
]


def _saved(path: rx.Var[str], result: rx.Var[dict[str, Any]]) -> tuple[rx.Var[str], rx.Var[dict[str, Any]]]:
    return path, result


def _switched(path: rx.Var[str], on: rx.Var[bool]) -> tuple[rx.Var[str], rx.Var[bool]]:
    return path, on


class FilePanels(rx.NoSSRComponent):
    """One to three panels from left to right, each with its tabs and one open file; narrower places show fewer.

    ``files`` are the open files as the page describes them, ``panels`` ``{key, paths, on, drawn}``, ``front`` the key
    of the one that has the reader's attention: its file is what Save saves. A file that several show is one text.
    ``starting`` and ``finding`` are the states of the buttons that run a script and look in all files.

    ``on_act`` gives ``{kind, panel, path, most}``, kind ``show``, ``front``, ``side``, ``drop`` (with ``from`` and
    ``side``), ``close`` (with ``tabs`` ``[[key, path]]``), ``preview``, ``versions``, ``save``, ``save_all`` or
    ``leave``; ``most`` is for how many panels there is room.
    """

    library = _JS.importable_path
    tag = "FilePanels"
    lib_dependencies: list[str] = [*PACKAGES, PDFJS, ICONS]
    files: rx.Var[list[Any]]
    panels: rx.Var[list[Any]]
    front: rx.Var[int]
    namespace: rx.Var[str]
    writes: rx.Var[bool]
    starting: rx.Var[bool]
    finding: rx.Var[bool]
    on_act: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_dirty: rx.EventHandler[_switched]
    on_saved: rx.EventHandler[_saved]
    on_refused: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_run: rx.EventHandler[_switched]
    on_find: rx.EventHandler[rx.event.no_args_event_spec]


file_panels = FilePanels.create
