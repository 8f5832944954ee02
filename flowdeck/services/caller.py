"""Who asks: an argument of every service call (design detail 7)."""

from __future__ import annotations

from dataclasses import dataclass

from flowdeck.model.errors import Forbidden
from flowdeck.services.access import NOTHING, Grants, Need, allows, in_words, lacking


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal within a tenant.

    `via` tells how it proved itself: `session`, `cookie` (the reference's BASIC_AUTH), `basic`, `anonymous` (webhooks).
    `session` is the hash of the session id, when there is one. `grants` is what the principal may do; the API looks at
    them before a route runs, services where a right hangs on what they find.
    """

    username: str
    tenant: str = "main"
    via: str = "basic"
    session: str | None = None
    grants: Grants = NOTHING

    @property
    def anonymous(self) -> bool:
        """Whether nobody logged in (webhooks: the key is the credential)."""
        return self.via == "anonymous"

    def may(self, permission: str, action: str) -> bool:
        """Whether the caller holds a right; `action` as `access.allows` takes it."""
        return allows(self.grants, permission, action)

    def must(self, *needs: Need) -> None:
        """`Forbidden` that names the first of these rights that the caller lacks."""
        missing = lacking(self.grants, needs)
        if missing is not None:
            raise Forbidden(f"You need {in_words(missing)}")
