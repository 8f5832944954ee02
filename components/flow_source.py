"""The editor of a flow: it reads the flow's text from the API and saves it there by itself (UI-RX-02, UI-ED-60)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS
from components.held_texts import HELD
from components.net import NET
from components.yaml_editor import DOCUMENT, YamlEditor

_JS = rx.asset("flow_source.jsx", shared=True)
STARTERS = rx.asset("flow_starters.mjs", shared=True)
__all__ = ["DOCUMENT", "GLYPHS", "HELD", "NET", "STARTERS", "FlowSource", "flow_source"]


class FlowSource(YamlEditor):
    """A `YamlEditor` whose text never travels through the page's state.

    ``begin`` says what the text is: ``{kind, url}`` with the kind ``stored`` (in ``base_revision``), ``copy``,
    ``blueprint``, ``plugin`` or ``sample``; new flows add ``name``, ``namespace``, ``origin``, ``cls``, ``example``.
    What cannot be read is told by ``on_unread({kind, status, message, requestId, errors})``, and a sample shown.
    ``load`` ({turn, force}) reads again at each new turn; text typed meanwhile stays unless it is forced, then
    ``on_base`` tells the revision that it began with.

    Ctrl S and the order ``save`` (``message``) send the text: ``on_saving(doc_uri)``, then
    ``on_saved({document, same | revision, namespace, id, dirty, said, over})`` or ``on_refused({document, status,
    message, requestId, errors, namespace, id, said, moved, copy})``; a refused text is held as ``mine``. Further
    orders: ``store`` saves what was refused once more, ``over`` what is ``changed``, ``deleted`` or ``created``;
    ``copy`` saves the text, or what is held as ``of``, as a flow of its own, with the id ``name``: ``on_copied``;
    ``replace`` takes what is held as ``of``; ``keep`` keeps ``mine`` as draft, with ``put`` beside the saved text.
    Other orders are those of `YamlEditor`. All wait for the text.
    """

    library = _JS.importable_path
    tag = "FlowSource"
    begin: rx.Var[dict[str, Any]]
    load: rx.Var[dict[str, Any]]
    creating: rx.Var[bool]
    flow_url: rx.Var[str]
    flows_url: rx.Var[str]
    on_unread: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_base: rx.EventHandler[rx.event.passthrough_event_spec(int)]
    on_saving: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_saved: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_refused: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_copied: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


flow_source = FlowSource.create
