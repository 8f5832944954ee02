"""The namespaces of a tenant (`spec` UI-NS-01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_filters
from app.tab import Tab
from app.words import say
from backend_client import ApiError
from components.button import button, link_button
from components.chrome import allowed
from components.dialog import dialog
from components.field import field, form, text_input
from components.namespace_tree import namespace_tree


class NamespacesState(ListPage, Tab):
    """Rows on screen."""

    tree_url: str = ""
    turn: int = 0
    making: bool = False
    new_name: str = ""
    new_about: str = ""
    new_fault: str = ""

    @rx.event
    async def ask_new(self) -> None:
        """Open the form of a new namespace."""
        self.making, self.new_name, self.new_about, self.new_fault = True, "", "", ""

    @rx.event
    async def close_new(self) -> None:
        """Make none."""
        self.making = False

    @rx.event
    async def set_name(self, text: str) -> None:
        """Its name."""
        self.new_name, self.new_fault = text.strip(), ""

    @rx.event
    async def set_about(self, text: str) -> None:
        """What it is for."""
        self.new_about = text

    @turns.writes
    async def make(self) -> None:
        """Create it and go there."""
        try:
            async with self.api(raising=True) as api:
                await api.namespaces.create({"id": self.new_name, "description": self.new_about.strip() or None})
        except ApiError as error:
            self.new_fault = "; ".join(one.message for one in error.errors) or error.message
            return
        self.making = False
        self.toast(say("Namespace created"), self.new_name)
        self.navigate(routes.namespace(self.new_name))

    @rx.event
    async def load(self) -> None:
        """Read the words of the search; the tree asks for itself."""
        self.read_url()
        self.tree_url = f"/api/v1/{self.tenant_id}/console/namespaces" if self.username else ""
        self.turn += 1
        self.loading = False


STATE: Any = NamespacesState


def namespaces_page() -> rx.Component:
    """The list."""
    return page_shell(
        "Namespaces",
        list_filters(NamespacesState, [], placeholder="Namespace", on_refresh=NamespacesState.load),
        namespace_tree(url=STATE.tree_url, query=STATE.search_text, reload=STATE.turn),
        dialog(
            "New namespace",
            form(
                field(
                    "Name",
                    text_input(
                        STATE.new_name,
                        STATE.set_name,
                        label="Name",
                        mono=True,
                        placeholder="company.team",
                        test="namespaces-name",
                    ),
                    hint="Parts are joined by dots; those above come by themselves.",
                    error=STATE.new_fault,
                    required=True,
                ),
                field(
                    "Description",
                    text_input(STATE.new_about, STATE.set_about, label="Description", test="namespaces-about"),
                ),
            ),
            open=STATE.making,
            on_close=STATE.close_new,
            footer=[
                button("Cancel", on_click=STATE.close_new),
                button("Create", kind="primary", on_click=STATE.make, primary_of_dialog=True, test="namespaces-make"),
            ],
            test="namespaces-new",
        ),
        actions=[
            allowed(
                button("New namespace", icon="plus", on_click=STATE.ask_new, test="namespaces-create"),
                needs="NAMESPACE:CREATE",
            ),
            allowed(
                link_button("New flow", routes.NEW_FLOW, icon="plus", test="namespaces-new-flow"),
                needs="FLOW:CREATE",
            ),
        ],
        on_retry=NamespacesState.load,
    )
