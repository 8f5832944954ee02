"""Triggers that core and web evaluate themselves."""

from __future__ import annotations

from flowdeck.model.triggers.flow import FlowTrigger
from flowdeck.model.triggers.schedule import Schedule
from flowdeck.model.triggers.webhook import Webhook

TRIGGERS = (Schedule, FlowTrigger, Webhook)

__all__ = ["TRIGGERS"]
