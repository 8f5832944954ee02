"""Search in the sources of all flows (UI-FL-08): the browser asks for the lines itself."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.tab import Tab
from components.source_search import source_search


class SourcesState(Tab):
    """Who searches."""

    may_save: bool = False

    @rx.event
    async def load(self) -> None:
        """Learn whether the reader may replace; what is looked for stands in the URL."""
        self.clear()
        self.may_save = self.may("FLOW", "UPDATE")


def sources_page() -> rx.Component:
    """`/flows/search`."""
    state: Any = SourcesState
    return page_shell(
        "Search sources",
        source_search(api=f"/api/v1/{state.tenant_id}", may_replace=state.may_save),
        parts=[("Flows", routes.FLOWS)],
        on_retry=SourcesState.load,
    )
