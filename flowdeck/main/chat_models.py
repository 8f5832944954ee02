"""Providers of the assistant from `kestra.ai.*`: formats of OpenAI, Azure, Anthropic, Gemini and Bedrock (F70)."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from flowdeck.config.settings import Settings
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.ports.chat_model import ChatModelError

log = logging.getLogger("flowdeck.assistant")

OPENAI_LIKE = {
    "openai": "https://api.openai.com/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "mistralai": "https://api.mistral.ai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "ollama": "http://localhost:11434/v1",
}
"""Types that speak OpenAI's chat completions, with their usual address."""

USUAL = {
    **OPENAI_LIKE,
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "anthropic": "https://api.anthropic.com/v1",
    "azure-openai": "",
    "bedrock": "https://bedrock-runtime.{region}.amazonaws.com",
    "googlevertexai": "https://aiplatform.googleapis.com/v1",
}
"""All types; an address that is empty must be configured."""

ANTHROPIC_VERSION = "2023-06-01"
ANTHROPIC_TOKENS = 8192
"""Tokens of an answer when none are configured: this provider wants a number."""

KEYED = {
    "azure-openai": "a login by client-id is not known",
    "bedrock": "a key of Bedrock is needed: access-key-id and secret-access-key are not known",
    "googlevertexai": "a key of Vertex is needed: a login by a service account is not known",
}
"""Types that are asked with a key alone, though their makers know other ways."""

AZURE_VERSION = "2024-10-21"
SECONDS = 60.0
LONGEST = 2_000_000
"""Bytes of an answer that are read at most."""


@dataclass
class _Provider:
    id: str
    name: str
    is_default: bool
    model: str
    base: str
    key: str = field(repr=False, default="")
    options: Mapping[str, Any] = field(repr=False, default_factory=dict)
    seconds: float = SECONDS

    async def _post(self, address: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        own = {str(k): str(v) for k, v in (self.options.get("customHeaders") or {}).items()}
        try:
            async with httpx.AsyncClient(timeout=self.seconds, verify=_tls(self.options), trust_env=True) as client:
                answer = await client.post(address, headers={**headers, **own}, json=body)
        except httpx.TimeoutException:
            raise ChatModelError(f"{self.name} gave no answer within {self.seconds:g} s") from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise ChatModelError(f"{self.name} cannot be reached: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise ChatModelError(f"{self.name} refused the request: {_refusal(answer, self.key)}")
        if len(answer.content) > LONGEST:
            raise ChatModelError(f"{self.name}: the answer is too long")
        try:
            return answer.json()
        except ValueError:
            raise ChatModelError(f"{self.name} answered something that is no JSON") from None


class OpenAiModel(_Provider):
    """`POST {base}/chat/completions`."""

    async def answer(self, system: str, turns: Sequence[tuple[str, str]]) -> str:
        """The text of the first choice. `ChatModelError`."""
        messages = [{"role": "system", "content": system}, *({"role": role, "content": text} for role, text in turns)]
        named = (("temperature", "temperature"), ("topP", "top_p"), ("maxOutputTokens", "max_tokens"))
        body = {"model": self.model, "messages": messages, **_given(self.options, named)}
        found = await self._post(self._address(), self._credentials(), body)
        try:
            return str(found["choices"][0]["message"]["content"] or "")
        except (KeyError, IndexError, TypeError):
            raise ChatModelError(f"{self.name} answered without a choice") from None

    def _address(self) -> str:
        return f"{self.base}/chat/completions"

    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


class AzureOpenAiModel(OpenAiModel):
    """The same, below a deployment that bears the model's name, with the key in a header of its own."""

    def _address(self) -> str:
        version = str(self.options.get("serviceVersion") or AZURE_VERSION)
        return (
            f"{self.base}/openai/deployments/{quote(self.model, safe='')}/chat/completions?api-version={quote(version)}"
        )

    def _credentials(self) -> dict[str, str]:
        return {"api-key": self.key}


class AnthropicModel(_Provider):
    """`POST {base}/messages`."""

    async def answer(self, system: str, turns: Sequence[tuple[str, str]]) -> str:
        """The text blocks of the message, thoughts left out. `ChatModelError`, also for an answer that was cut off."""
        named = (("temperature",) * 2, ("topP", "top_p"), ("topK", "top_k"), ("maxOutputTokens", "max_tokens"))
        body = {
            "model": self.model,
            "max_tokens": ANTHROPIC_TOKENS,
            "system": system,
            "messages": [{"role": role, "content": text or "(nothing)"} for role, text in turns],  # empty: refused
            **_given(self.options, named),
        }
        headers = {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": self.key} if self.key else {})}
        found = await self._post(f"{self.base}/messages", headers, body)
        try:
            text = "".join(str(part["text"]) for part in found["content"] if part.get("type") == "text")
        except (KeyError, TypeError, AttributeError):
            raise ChatModelError(f"{self.name} answered without content") from None
        if found.get("stop_reason") == "max_tokens":
            raise ChatModelError(f"{self.name}: the answer is longer than max-output-tokens ({body['max_tokens']})")
        return text


class GeminiModel(_Provider):
    """`POST {base}/models/{model}:generateContent`."""

    async def answer(self, system: str, turns: Sequence[tuple[str, str]]) -> str:
        """The text parts of the first candidate, thoughts left out. `ChatModelError`."""
        roles = {"assistant": "model"}
        named = (("temperature",) * 2, ("topP",) * 2, ("topK",) * 2, ("maxOutputTokens",) * 2)
        body = {
            "system_instruction": {"parts": [{"text": system}]},
            "contents": [{"role": roles.get(role, role), "parts": [{"text": text}]} for role, text in turns],
            "generationConfig": _given(self.options, named),
        }
        address = f"{self.base}/models/{self.model}:generateContent"
        found = await self._post(address, {"x-goog-api-key": self.key} if self.key else {}, body)
        try:
            parts = found["candidates"][0]["content"]["parts"]
            return "".join(str(part.get("text") or "") for part in parts if not part.get("thought"))
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ChatModelError(f"{self.name} answered without a candidate") from None


class BedrockModel(_Provider):
    """`POST {base}/model/{model}/converse`, with a key of Bedrock as bearer."""

    async def answer(self, system: str, turns: Sequence[tuple[str, str]]) -> str:
        """The text blocks of the message, thoughts left out. `ChatModelError`, also for an answer that was cut off."""
        named = (("temperature",) * 2, ("topP",) * 2, ("maxOutputTokens", "maxTokens"))
        body = {
            "system": [{"text": system}],
            "messages": [{"role": role, "content": [{"text": text or "(nothing)"}]} for role, text in turns],
            "inferenceConfig": _given(self.options, named),
        }
        address = f"{self.base}/model/{quote(self.model, safe='')}/converse"
        found = await self._post(address, {"Authorization": f"Bearer {self.key}"}, body)
        try:
            text = "".join(str(part.get("text") or "") for part in found["output"]["message"]["content"])
        except (KeyError, TypeError, AttributeError):
            raise ChatModelError(f"{self.name} answered without content") from None
        if found.get("stopReason") == "max_tokens":
            raise ChatModelError(f"{self.name}: the answer is longer than max-output-tokens")
        return text


Model = BedrockModel | OpenAiModel | AnthropicModel | GeminiModel
_CLASSES: Mapping[str, type[Model]] = {
    "gemini": GeminiModel,
    "anthropic": AnthropicModel,
    "azure-openai": AzureOpenAiModel,
    "bedrock": BedrockModel,
    "googlevertexai": GeminiModel,  # the same format below another address
}


def chat_models(settings: Settings) -> tuple[Model, ...]:
    """The configured providers, the default one first; none when `kestra.ai.enabled` is false."""
    if settings.get("kestra.ai.enabled") is False:
        return ()
    given = [one for one in settings.get("kestra.ai.providers") or () if isinstance(one, Mapping)]
    legacy = settings.get("kestra.ai.type")
    if not given and legacy:
        block = settings.values.get(f"kestra.ai.{legacy}")
        given = [{"id": legacy, "type": legacy, "configuration": block if isinstance(block, Mapping) else {}}]
    found = [model for model in (_model(_camel(one)) for one in given) if model is not None]
    if found and not any(one.is_default for one in found):
        found[0].is_default = True
    return tuple(sorted(found, key=lambda one: not one.is_default))


def _model(one: Mapping[str, Any]) -> Model | None:
    kind = str(one.get("type") or "").lower()
    options = _camel(one.get("configuration") or {})
    identity = str(one.get("id") or kind)
    base = str(options.get("baseUrl") or options.get("baseURL") or options.get("endpoint") or "").rstrip("/")
    model = str(options.get("modelName") or "")
    if kind not in USUAL:
        known = ", ".join(USUAL)
        log.warning("kestra.ai.providers: type '%s' of '%s' is not supported; known: %s", kind, identity, known)
        return None
    if not model:
        log.warning("kestra.ai.providers: '%s' has no configuration.model-name", identity)
        return None
    base = base or _usual(kind, options)
    if not base:
        name = "region" if kind == "bedrock" else "endpoint"
        log.warning("kestra.ai.providers: '%s' has no configuration.%s", identity, name)
        return None
    if kind in KEYED and not options.get("apiKey"):
        log.warning("kestra.ai.providers: '%s' has no configuration.api-key; %s", identity, KEYED[kind])
        return None
    if kind == "ollama" and not base.endswith("/v1"):
        base += "/v1"
    return _CLASSES.get(kind, OpenAiModel)(
        id=identity,
        name=str(one.get("displayName") or identity),
        is_default=one.get("isDefault") in (True, "true"),
        model=model,
        base=base,
        key=str(options.get("apiKey") or ""),
        options=options,
        seconds=_seconds(options.get("timeout")),
    )


def _usual(kind: str, options: Mapping[str, Any]) -> str:
    """Where a type is asked without a `base-url`; empty when its configuration does not tell enough."""
    base = USUAL[kind]
    if kind == "bedrock":
        region = str(options.get("region") or "")
        return base.format(region=region) if re.fullmatch(r"[a-z0-9-]+", region) else ""
    if kind == "googlevertexai":
        project, location = (quote(str(options.get(name) or ""), safe="") for name in ("project", "location"))
        place = f"/projects/{project}/locations/{location}" if project and location else ""
        if place and location != "global":
            base = base.replace("https://", f"https://{location}-")
        return f"{base}{place}/publishers/google"
    return base


def _camel(given: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub(r"-(\w)", lambda m: m.group(1).upper(), str(name)): value for name, value in given.items()}


def _given(options: Mapping[str, Any], named: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for own, theirs in named:
        if options.get(own) is not None:
            number = float(options[own])
            out[theirs] = int(number) if number.is_integer() and own in ("topK", "maxOutputTokens") else number
    return out


def _seconds(text: Any) -> float:
    try:
        return parse_duration(str(text)) / 1000 if text else SECONDS
    except DurationError:
        return SECONDS


def _tls(options: Mapping[str, Any]) -> ssl.SSLContext | bool:
    authority, client = options.get("caPem"), options.get("clientPem")
    if not authority and not client:
        return True
    context = ssl.create_default_context()
    if authority:
        text = str(authority)
        context.load_verify_locations(**({"cadata": text} if "BEGIN" in text else {"cafile": text}))
    if client:
        context.load_cert_chain(str(client))
    return context


def _refusal(answer: httpx.Response, key: str) -> str:
    try:
        body = answer.json()
        error = body.get("error") if isinstance(body, dict) else None
        text = str(error.get("message") if isinstance(error, dict) else error or "")
    except ValueError:
        text = ""
    text = text.replace(key, "******") if key else text
    words = {401: "the key is not accepted", 403: "the key is not allowed", 429: "the quota is used up"}
    return ", ".join(x for x in (f"status {answer.status_code}", words.get(answer.status_code), text[:300]) if x)


__all__ = ["AnthropicModel", "AzureOpenAiModel", "BedrockModel", "GeminiModel", "OpenAiModel", "chat_models"]
