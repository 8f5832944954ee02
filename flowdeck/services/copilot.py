"""The assistant of the editors: a provider writes a proposal, which is checked and never saved here (F70, UI-ED-54)."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from flowdeck.model.errors import IllegalState, InvalidEntity, NotFound
from flowdeck.model.schema import type_schema
from flowdeck.ports.chat_model import ChatModel, ChatModelError
from flowdeck.services import dashboards, flows, kv, namespaces
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.copilot_text import restored, yaml_of

REPAIRS = 2
LONGEST_PROMPT = 20_000
TYPES = 6
"""Types whose properties are told to the model."""

KEPT_TURNS = 6
KEPT_TALKS = 100

_RULES = {
    "flow": "You write flows of a workflow engine that is compatible with Kestra. Answer with the complete YAML of the "
    "flow and nothing else. Change only what is asked for; keep id, namespace, comments and all other parts as they "
    "are. Never write a password, token or key into the text: use {{ secret('NAME') }}. Use only listed types.",
    "dashboard": "You write dashboards of a workflow engine that is compatible with Kestra. Answer with the complete "
    "YAML of the dashboard and nothing else. Change only what is asked for.",
}


_KINDS = {"flow": ("task", "trigger"), "dashboard": ("chart", "data")}
"""Kinds of types that a text may name."""


class Talks:
    """The last turns of each conversation, in the memory of this process alone."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()

    def of(self, key: str) -> list[tuple[str, str]]:
        """Turns so far."""
        return list(self._turns.get(key, ()))

    def add(self, key: str, asked: str, answered: str) -> None:
        """Keep a question and its answer; the oldest conversations go."""
        turns = [*self._turns.pop(key, []), ("user", asked), ("assistant", answered)]
        self._turns[key] = turns[-KEPT_TURNS:]
        while len(self._turns) > KEPT_TALKS:
            self._turns.popitem(last=False)


_talks = Talks()


def providers(backend: Backend) -> list[dict[str, Any]]:
    """`AiProviderResponse` of each configured provider."""
    return [{"id": one.id, "displayName": one.name, "isDefault": one.is_default} for one in backend.chat_models]


def _chosen(backend: Backend, provider: str | None) -> ChatModel:
    if not backend.chat_models:
        raise IllegalState("no AI provider is configured (kestra.ai.providers)")
    if not provider:
        return backend.chat_models[0]
    found = next((one for one in backend.chat_models if one.id == provider), None)
    if found is None:
        raise NotFound(f"AI provider '{provider}'")
    return found


async def generate(backend: Backend, caller: Caller, kind: str, sent: Mapping[str, Any]) -> str:
    """YAML that answers `userPrompt`, given the present `yaml`: checked, with up to two rounds of repair.

    Raises InvalidEntity for an empty prompt, NotFound for an unknown provider, IllegalState without one or when it
    gives no answer.
    """
    for name in ("conversationId", "userPrompt"):
        if not isinstance(sent.get(name), str) or not sent[name].strip():
            raise InvalidEntity(
                f"{name}: must not be empty", violations=[{"path": name, "message": "must not be empty"}]
            )
    model = _chosen(backend, sent.get("providerId"))
    old = str(sent.get("yaml") or "")
    prompt = str(sent["userPrompt"])[:LONGEST_PROMPT]
    system = "\n\n".join([_RULES[kind], *await _context(backend, caller, kind, prompt + "\n" + old, sent)])
    asked = f"{prompt}\n\nThe present text:\n```yaml\n{old}\n```" if old.strip() else prompt
    key = f"{caller.tenant}/{caller.username}/{kind}/{sent['conversationId']}"
    turns = [*_talks.of(key), ("user", asked)]
    text = ""
    for _ in range(1 + REPAIRS):
        try:
            text = yaml_of(await model.answer(system, turns))
        except ChatModelError as error:
            raise IllegalState(str(error)) from None
        wrong = await _problems(backend, caller, kind, text)
        if not wrong:
            break
        repair = "This is not valid:\n" + "\n".join(wrong[:10]) + "\nAnswer with the whole corrected YAML alone."
        turns = [*turns, ("assistant", text), ("user", repair)]
    _talks.add(key, prompt, text)
    return restored(old, text) if old.strip() else text


async def _problems(backend: Backend, caller: Caller, kind: str, text: str) -> list[str]:
    if kind == "dashboard":
        answer = dashboards.violation(dashboards.parsed(backend, text))
        return [str(answer["constraints"])] if answer.get("constraints") else []
    found = await flows.validate(backend, caller, text)
    return [
        f"{f.get('path') or ''}: {f.get('message')}"
        for one in found
        for f in one.get("findings") or ()
        if f.get("severity") == "error"
    ]


async def _context(backend: Backend, caller: Caller, kind: str, words: str, sent: Mapping[str, Any]) -> list[str]:
    """What the model is told beside the question: types that may be meant, and names of the namespace, no values."""
    specs = [s for one in _KINDS[kind] for s in backend.catalog.types(one) if not s.deprecated]
    names = sorted(spec.type for spec in specs)
    parts = ["Types that are installed:\n" + "\n".join(names)]
    wanted = set(words.lower().replace("_", " ").replace(".", " ").split())
    ranked = sorted(specs, key=lambda spec: (-_likeness(spec, wanted), spec.type))[:TYPES]
    for spec in ranked:
        schema = type_schema(backend.catalog, spec)
        properties = {
            name: {k: v for k, v in one.items() if k in ("type", "enum", "description", "format")}
            for name, one in (schema["properties"].get("properties") or {}).items()
        }
        told = {"required": schema["properties"].get("required") or [], "properties": properties}
        parts.append(f"Properties of {spec.type}:\n{json.dumps(told, ensure_ascii=False)[:4000]}")
    namespace = str(sent.get("namespace") or "") if kind == "flow" else ""
    if namespace:
        parts += await _names(backend, caller, namespace)
    return parts


def _likeness(spec: Any, wanted: set[str]) -> int:
    own = set(spec.type.lower().replace(".", " ").split()[3:]) | set(spec.title.lower().split())
    return len(own & wanted)


async def _names(backend: Backend, caller: Caller, namespace: str) -> list[str]:
    variables = await namespaces.inherited_variables(backend, caller, namespace)
    secrets = await namespaces.inherited_secrets(backend, caller, namespace)
    defaults = await namespaces.inherited_defaults(backend, caller, namespace)
    pairs = await kv.of_namespaces(backend, caller, [namespace, *kv.parents(namespace)])
    told = {
        "Variables, read as {{ namespace.NAME }}": sorted(str(name) for name in variables),
        "Secrets, read as {{ secret('NAME') }}": sorted({name for names in secrets.values() for name in names}),
        "KV pairs, read as {{ kv('KEY') }}": sorted({str(one["key"]) for one in pairs}),
        "Types with plugin defaults, whose properties need not be written": sorted({str(d["type"]) for d in defaults}),
    }
    return [f"{words}: {', '.join(names[:200])}" for words, names in told.items() if names]


__all__ = ["generate", "providers"]
