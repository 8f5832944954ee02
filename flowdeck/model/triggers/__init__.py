"""Triggers that core and web evaluate themselves."""

from __future__ import annotations

from flowdeck.model.triggers.flow import FlowTrigger
from flowdeck.model.triggers.schedule import Schedule, ScheduleOnDates
from flowdeck.model.triggers.webhook import Webhook

TRIGGERS = (Schedule, ScheduleOnDates, FlowTrigger, Webhook)

__all__ = ["TRIGGERS"]
