"""What settings give to every flow: variables of the expression context, plugin defaults."""

from __future__ import annotations

import os
from typing import Any

from flowdeck.config.settings import Settings

RECURSIVE = "kestra.variables.recursive-rendering"
"""Key: whether results of expressions are rendered again (spec: expressions §1)."""


def instance_defaults(settings: Settings) -> list[dict[str, Any]]:
    """Plugin defaults of the configuration, the deprecated key included (spec: workflow components §13)."""
    for name in ("kestra.plugins.defaults", "kestra.tasks.defaults"):
        value = settings.get(name)
        if value:
            return list(value)
    return []


def context_variables(settings: Settings) -> dict[str, Any]:
    """What every expression sees, whatever its execution (§20)."""
    prefix = settings.get("kestra.variables.env-vars-prefix") or "ENV_"
    return {
        "envs": {k[len(prefix) :].lower(): v for k, v in os.environ.items() if k.startswith(prefix)},
        "globals": settings.get("kestra.variables.globals") or settings.below("kestra.variables.globals"),
        "kestra": {"environment": settings.get("kestra.environment.name"), "url": settings.get("kestra.url")},
    }
