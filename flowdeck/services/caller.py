"""Who asks: an argument of every service call (design detail 7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal within a tenant.

    `via` tells how it proved itself: `session`, `cookie` (the reference's BASIC_AUTH), `basic`, `anonymous` (webhooks).
    `session` is the hash of the session id, when there is one.
    """

    username: str
    tenant: str = "main"
    via: str = "basic"
    session: str | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody logged in (webhooks: the key is the credential)."""
        return self.via == "anonymous"
