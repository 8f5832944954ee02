"""The tab's one event stream and the store it feeds (``spec/api/extensions.md`` §3)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import ICONS
from components.net import NET

STREAM = rx.asset("stream.jsx", shared=True)
_SHARE = rx.asset("stream_share.jsx", shared=True)
__all__ = ["ICONS", "NET", "STREAM", "StreamHost", "stream_host"]


class StreamHost(rx.NoSSRComponent):
    """Opens the stream at ``url`` and keeps it open; renders nothing. One of it a page, in the shell or the page.

    The stream is closed while the tab is hidden, resumed with the last cursor, shared with tabs of the same page, and
    opened again with jitter after a failure; a loss is told below the top bar, after five failures the page is read
    anew every 5 s. Gantt, log view and graph read what it brings from the store of ``stream.jsx``.
    """

    library = STREAM.importable_path
    tag = "StreamHost"
    url: rx.Var[str]
    on_state: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_topic: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_end: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


stream_host = StreamHost.create
