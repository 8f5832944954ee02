"""The reader's own account (`spec` UI-ST-02)."""

from __future__ import annotations

import reflex as rx

from app import routes
from app.frame import page_shell
from app.tab import Tab, initials_of
from components.profile import Profile


class ProfileState(Tab):
    """What the frame shows of a name that was just changed."""

    @rx.event
    async def renamed(self, name: str) -> None:
        """The initials beside the menu follow at once."""
        self.initials = initials_of(name[:200] or self.username)


def profile_page() -> rx.Component:
    """The screen."""
    return page_shell(
        "Profile",
        Profile.create(
            url=f"/api/v1/{Tab.tenant_id}/console",
            tenant=Tab.tenant_id,
            rights=Tab.permissions,
            on_name=ProfileState.renamed,
        ),
        parts=[("Settings", routes.SETTINGS)],
    )
