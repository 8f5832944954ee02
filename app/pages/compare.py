"""Two executions side by side (UI-XP-90, picture 18): the ids stand in the URL, the browser reads the rest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes
from app.frame import page_shell
from app.tab import Tab
from components.run_compare import run_compare


class CompareState(Tab):
    """Which two are compared."""

    left_id: str = ""
    right_id: str = ""

    @rx.event
    async def load(self) -> None:
        """Take both ids from the URL."""
        self.clear()
        self.left_id, self.right_id = self.query("a"), self.query("b")

    @rx.event
    async def pick(self, chosen: dict[str, str]) -> None:
        """Another one, or both swapped."""
        pairs = [(name, str(chosen.get(name) or "")) for name in ("a", "b")]
        self.navigate(f"{routes.EXECUTIONS}/compare?{urlencode(pairs)}")


def compare_page() -> rx.Component:
    """The screen."""
    state: Any = CompareState
    base = f"/api/v1/{state.tenant_id}"
    return page_shell(
        "Compare",
        run_compare(
            url=f"{base}/console/executions/compare",
            search_url=f"{base}/executions/search",
            a=state.left_id,
            b=state.right_id,
            on_pick=CompareState.pick,
            key=f"{state.left_id}/{state.right_id}",
        ),
        parts=[("Executions", routes.EXECUTIONS)],
        on_retry=CompareState.load,
        collapsed=True,
    )
