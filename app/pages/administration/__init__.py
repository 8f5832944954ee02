"""Administration of a tenant and of the instance: triggers, limits, statistics, services (UI-AD)."""

from __future__ import annotations

from app.pages.administration.limits import LimitsState, limits_page
from app.pages.administration.services import ServicesState, services_page
from app.pages.administration.statistics import StatisticsState, statistics_page
from app.pages.administration.triggers import AllTriggersState, triggers_page

__all__ = [
    "AllTriggersState",
    "LimitsState",
    "ServicesState",
    "StatisticsState",
    "limits_page",
    "services_page",
    "statistics_page",
    "triggers_page",
]
