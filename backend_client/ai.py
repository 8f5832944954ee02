"""Sources written by a language model; 404 or 422 where none is configured."""

from __future__ import annotations

from typing import Any

from backend_client.client import Resource


class AiApi(Resource):
    """`{T}/ai`."""

    async def providers(self) -> list[dict[str, Any]]:
        """The models that are configured."""
        return await self._c.get(self._c.below("ai", "providers"))

    async def flow(self, prompt: str, *, source: str = "", conversation: str = "", provider: str = "") -> str:
        """A flow's source after a wish in words; `source` is what to change."""
        return await self._generate("flow", prompt, source, conversation, provider)

    async def dashboard(self, prompt: str, *, source: str = "", conversation: str = "", provider: str = "") -> str:
        """A dashboard's source after a wish in words."""
        return await self._generate("dashboard", prompt, source, conversation, provider)

    async def _generate(self, kind: str, prompt: str, source: str, conversation: str, provider: str) -> str:
        body = {"userPrompt": prompt, "yaml": source, "conversationId": conversation}
        if provider:
            body["providerId"] = provider
        return await self._c.post(self._c.below("ai", "generate", kind), body)
