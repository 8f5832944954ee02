"""The reader's own account: name, password, sessions, rights (UI-ST-02)."""

from __future__ import annotations

import reflex as rx

from components.client import CLOCK, SESSION
from components.net import NET

_JS = rx.asset("profile.jsx", shared=True)
__all__ = ["CLOCK", "NET", "SESSION", "Profile"]


class Profile(rx.Component):
    """Reads and writes `profile`, `password` and `sessions` below `url` (`/api/v1/{tenant}/console`).

    `rights` are `PERMISSION:ACTION` texts, with `@namespace` where limited; `on_name` tells a new name.
    """

    library = _JS.importable_path
    tag = "Profile"
    url: rx.Var[str]
    tenant: rx.Var[str]
    rights: rx.Var[list[str]]
    on_name: rx.EventHandler[rx.event.passthrough_event_spec(str)]
