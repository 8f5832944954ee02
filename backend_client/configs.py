"""Instance-wide facts: version, environment, set-up state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backend_client.client import Resource, text_of


@dataclass(frozen=True, slots=True)
class Configs:
    """What the console needs before anyone is logged in."""

    version: str = ""
    initialized: bool = True
    environment: str = ""
    environment_colour: str = ""
    chart_default_duration: str = "PT24H"
    system_namespace: str = "system"
    commit: str = ""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Configs:
        """Read the answer of `GET /api/v1/configs`."""
        environment = body.get("environment") or {}
        return cls(
            version=text_of(body.get("version")),
            initialized=body.get("isBasicAuthInitialized", True) is not False,
            environment=text_of(environment.get("name")),
            environment_colour=text_of(environment.get("color")),
            chart_default_duration=text_of(body.get("chartDefaultDuration")) or "PT24H",
            system_namespace=text_of(body.get("systemNamespace")) or "system",
            commit=text_of(body.get("commitId")),
        )


class ConfigsApi(Resource):
    """`/api/v1/configs` and the set-up's findings."""

    async def get(self) -> Configs:
        """Facts of the instance."""
        return Configs.of(await self._c.get("/api/v1/configs") or {})

    async def credential_errors(self) -> list[str]:
        """Why the configured account was refused; empty when there is none."""
        return [str(one) for one in await self._c.get("/api/v1/basicAuthValidationErrors") or []]
