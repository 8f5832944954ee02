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
    commit_date: str = ""
    hidden_labels: tuple[str, ...] = ("system.",)

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
            commit_date=text_of(body.get("commitDate")),
            hidden_labels=tuple(str(one) for one in body.get("hiddenLabelsPrefixes", ["system."]) or ()),
        )


class ConfigsApi(Resource):
    """`/api/v1/configs` and the set-up's findings."""

    async def get(self) -> Configs:
        """Facts of the instance."""
        return Configs.of(await self._c.get("/api/v1/configs") or {})

    async def credential_errors(self) -> list[str]:
        """Why the configured account was refused; empty when there is none."""
        return [str(one) for one in await self._c.get("/api/v1/basicAuthValidationErrors") or []]

    async def create_account(self, username: str, password: str) -> None:
        """Set the first account; 409 when there is one."""
        await self._c.post(self._c.below("basicAuth"), {"username": username, "password": password})

    async def functions(self) -> list[str]:
        """Names of the functions of expressions."""
        return await self._c.get("/api/v1/pebble/functions")

    async def filters(self) -> list[str]:
        """Names of the filters of expressions."""
        return await self._c.get("/api/v1/pebble/filters")

    async def usages(self) -> dict[str, Any]:
        """Counts of flows and executions."""
        return await self._c.get(self._c.below("usages", "all"))

    async def description(self) -> dict[str, Any]:
        """The OpenAPI document of the server."""
        return await self._c.get("/api/v1/openapi.json")

    async def description_yaml(self) -> str:
        """The same as YAML."""
        return (await self._c.send("GET", "/swagger/flowdeck.yml")).text

    async def ping(self) -> str:
        """Whether the server answers."""
        return (await self._c.send("GET", "/ping")).text

    async def enter_maintenance(self) -> None:
        """Start no new executions; running ones end."""
        await self._c.post("/api/v1/instance/maintenance/enter")

    async def exit_maintenance(self) -> None:
        """Go on as usual."""
        await self._c.post("/api/v1/instance/maintenance/exit")
