"""`InNamespace`: a list that stands on a page of its own and in the tab of a namespace, with those below on wish."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.list_page import OWN
from app.tab import internal


class InNamespace(rx.State, mixin=True):
    """Mixin of the state of such a list (UI-NS-02). Put it before `ListPage` among the bases."""

    space: str = ""
    """The namespace of the tab; empty on the page over all namespaces."""
    below: bool = False

    @internal
    def enter_namespace(self) -> bool:
        """Take the namespace from the address; rows of another one leave the screen.

        Returns:
            whether it is another one: what was open beside the list belongs to the page before.
        """
        space = self.arg("ns")  # type: ignore[attr-defined]
        other = self.space != space
        if other:
            self.rows, self.total, self.loading = [], 0, True
        self.space = space
        self.below = bool(space) and self.query("below") == "1"  # type: ignore[attr-defined]
        return other

    @internal
    def wanted_here(self) -> dict[str, Any]:
        """Return the arguments of the resource's `search`, within the namespace when the page is that of one."""
        wanted: dict[str, Any] = self.wanted()  # type: ignore[attr-defined]
        if not self.space:
            return wanted
        own = {"field": "namespace", "operator": "PREFIX" if self.below else "EQUALS", "value": self.space}
        return {**wanted, "filters": [*wanted["filters"], own]}

    @rx.event
    async def set_below(self, on: bool) -> None:
        """With the rows of the namespaces below, or without."""
        pairs = [(k, v) for k, v in self.query_pairs() if k not in ("below", "page")] or [(OWN, "1")]  # type: ignore[attr-defined]
        self._open(pairs + ([("below", "1")] if on else []))  # type: ignore[attr-defined]
