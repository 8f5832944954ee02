"""Places the store of texts that stay in the browser, and names them (``spec/ui.md`` UI-RX-02).

One module for all components of a page, hence the single address
``$/public/external/components/held_texts/held_texts.jsx``.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

HELD = rx.asset("held_texts.jsx", shared=True)


def held(document: Any, name: str) -> Any:
    """The address of a text that the editor of a document holds.

    Args:
        document: the editor's ``doc_uri``, a text or a var of one.
        name: ``now`` (as it is typed), ``saved``, ``draft``, ``mine`` (what could not be saved) or ``merged``.
    """
    return "held:" + document + f"#{name}"
