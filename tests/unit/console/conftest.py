"""The console's framework writes links for shared assets unless it serves a finished build."""

from __future__ import annotations

import os

os.environ.setdefault("REFLEX_BACKEND_ONLY", "true")
os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
