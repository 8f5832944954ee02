"""Dashboards as declared types: documents, charts, what they show (spec: core plugins §12); `parsing` reads them."""

from flowdeck.model.dashboards.charts import CHARTS, ChartBase, DashboardProperties
from flowdeck.model.dashboards.data import DATA, DataBase, Source, source_of

DASHBOARD_TYPES = (*CHARTS, *DATA)
"""Types with a full name; they are in every catalog."""
DASHBOARD_SHARED = {"chart": ChartBase, "data": DataBase}

__all__ = ["DASHBOARD_SHARED", "DASHBOARD_TYPES", "DashboardProperties", "Source", "source_of"]
