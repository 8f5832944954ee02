"""Executions (grows below)."""

from flowdeck.model.errors import DomainError


class BareMessage(DomainError):
    """An error whose body is a bare JSON string (labels on a live execution)."""

    status, reason = 400, ""
