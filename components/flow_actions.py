"""What the editor's menu does to the text of a flow (``spec/ui.md`` §5.7, UI-ED-65)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.no_code import NoCode
from components.yaml_document import DOCUMENT, PACKAGE

_JS = rx.asset("flow_actions.jsx", shared=True)
__all__ = ["DOCUMENT", "FlowActions", "NoCode", "flow_actions"]


class FlowActions(rx.NoSSRComponent):
    """Dialogs over the ``yaml_editor`` with the same ``doc_uri``.

    ``command`` ({seq, kind}): ``trigger`` and ``error`` choose a type and insert it with its required properties,
    ``about`` edits description and labels, ``link`` copies the address of the line at the cursor.
    """

    library = _JS.importable_path
    tag = "FlowActions"
    lib_dependencies: list[str] = [PACKAGE]
    doc_uri: rx.Var[str]
    schema_url: rx.Var[str]
    command: rx.Var[dict[str, Any]]


flow_actions = FlowActions.create
