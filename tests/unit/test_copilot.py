"""The assistant: providers of the configuration, their wire formats, what stays of the text (F70, UI-ED-54)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowdeck.config.home import Home
from flowdeck.config.settings import Settings
from flowdeck.main.chat_models import chat_models
from flowdeck.ports.chat_model import ChatModelError
from flowdeck.services.copilot_text import restored, sections, yaml_of


class Provider:
    """A local provider: keeps what it was asked and answers what it was told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[tuple[int, Any]] = []
        own = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                own.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, answer = own.answers.pop(0)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


def settings(**values: Any) -> Settings:
    return Settings(Home(Path("/nowhere")), {f"kestra.ai.{k}": v for k, v in values.items()})


def one(url: str, kind: str, **options: Any) -> list[dict[str, Any]]:
    configuration = {"model-name": "m1", "api-key": "k-1", "base-url": url, **options}
    return [{"id": "p", "display-name": "Mine", "type": kind, "isDefault": True, "configuration": configuration}]


def test_the_openai_format(provider: Provider) -> None:
    provider.answers = [(200, {"choices": [{"message": {"content": "id: f"}}]})]
    (model,) = chat_models(
        settings(providers=one(provider.url, "openai", temperature=0.1, **{"custom-headers": {"X-Route": "a"}}))
    )
    assert asyncio.run(model.answer("rules", [("user", "hello")])) == "id: f"
    path, headers, body = provider.asked[0]
    assert path == "/chat/completions" and headers["authorization"] == "Bearer k-1" and headers["x-route"] == "a"
    assert body["model"] == "m1" and body["temperature"] == 0.1
    assert [m["role"] for m in body["messages"]] == ["system", "user"]


def test_the_gemini_format_leaves_thoughts_out(provider: Provider) -> None:
    parts = [{"text": "hm", "thought": True}, {"text": "id: g"}]
    provider.answers = [(200, {"candidates": [{"content": {"parts": parts}}]})]
    (model,) = chat_models(settings(providers=one(provider.url, "gemini", **{"max-output-tokens": "100"})))
    turns = [("user", "a"), ("assistant", "b"), ("user", "c")]
    assert asyncio.run(model.answer("rules", turns)) == "id: g"
    path, headers, body = provider.asked[0]
    assert path == "/models/m1:generateContent" and headers["x-goog-api-key"] == "k-1"
    assert [c["role"] for c in body["contents"]] == ["user", "model", "user"]
    assert body["generationConfig"] == {"maxOutputTokens": 100}


def test_the_anthropic_format_leaves_thoughts_out(provider: Provider) -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "id: c"}]
    provider.answers = [(200, {"content": parts, "stop_reason": "end_turn"})]
    (model,) = chat_models(settings(providers=one(provider.url, "anthropic", **{"top-k": "5", "temperature": 0.2})))
    turns = [("user", "a"), ("assistant", ""), ("user", "c")]
    assert asyncio.run(model.answer("rules", turns)) == "id: c"
    path, headers, body = provider.asked[0]
    assert path == "/messages" and headers["x-api-key"] == "k-1" and headers["anthropic-version"]
    assert "authorization" not in headers
    assert body["system"] == "rules" and body["model"] == "m1" and body["top_k"] == 5 and body["temperature"] == 0.2
    assert body["max_tokens"] > 0 and [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert all(m["content"] for m in body["messages"]), "the provider refuses empty content"


def test_an_answer_of_anthropic_that_is_cut_off_is_no_proposal(provider: Provider) -> None:
    provider.answers = [(200, {"content": [{"type": "text", "text": "id: c"}], "stop_reason": "max_tokens"}), (200, {})]
    (model,) = chat_models(settings(providers=one(provider.url, "anthropic", **{"max-output-tokens": 7})))
    with pytest.raises(ChatModelError, match="longer than max-output-tokens"):
        asyncio.run(model.answer("rules", [("user", "hello")]))
    assert provider.asked[0][2]["max_tokens"] == 7
    with pytest.raises(ChatModelError, match="without content"):
        asyncio.run(model.answer("rules", [("user", "hello")]))


def test_azure_asks_the_deployment_with_its_own_header(provider: Provider) -> None:
    provider.answers = [(200, {"choices": [{"message": {"content": "id: z"}}]})]
    options = {"model-name": "own model", "api-key": "k-1", "endpoint": provider.url + "/"}
    given = [{"id": "p", "type": "azure-openai", "configuration": options}]
    (model,) = chat_models(settings(providers=given))
    assert asyncio.run(model.answer("rules", [("user", "hello")])) == "id: z"
    path, headers, body = provider.asked[0]
    assert path.startswith("/openai/deployments/own%20model/chat/completions?api-version=20")
    assert headers["api-key"] == "k-1" and "authorization" not in headers
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    for missing in ("api-key", "endpoint"):
        rest = {k: v for k, v in options.items() if k != missing}
        assert chat_models(settings(providers=[{"id": "p", "type": "azure-openai", "configuration": rest}])) == ()


def test_bedrock_is_asked_with_its_key_as_bearer(provider: Provider) -> None:
    parts = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "id: b"}]
    cut = {"output": {"message": {"content": [{"text": "id"}]}}, "stopReason": "max_tokens"}
    provider.answers = [(200, {"output": {"message": {"content": parts}}, "stopReason": "end_turn"}), (200, cut)]
    options = {"max-output-tokens": 70, "model-name": "eu.maker.model-v1:0"}
    (model,) = chat_models(settings(providers=one(provider.url, "bedrock", **options)))
    assert asyncio.run(model.answer("rules", [("user", "a"), ("assistant", ""), ("user", "c")])) == "id: b"
    path, headers, body = provider.asked[0]
    assert path == "/model/eu.maker.model-v1%3A0/converse" and headers["authorization"] == "Bearer k-1"
    assert body["system"] == [{"text": "rules"}] and body["inferenceConfig"] == {"maxTokens": 70}
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert all(m["content"][0]["text"] for m in body["messages"])
    with pytest.raises(ChatModelError, match="longer than max-output-tokens"):
        asyncio.run(model.answer("rules", [("user", "a")]))


@pytest.mark.parametrize(
    ("kind", "options", "base"),
    [
        ("bedrock", {"region": "eu-central-1"}, "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        ("bedrock", {"region": "evil.example/"}, None),
        ("bedrock", {}, None),
        ("bedrock", {"region": "eu-central-1", "api-key": ""}, None),
        ("googlevertexai", {}, "https://aiplatform.googleapis.com/v1/publishers/google"),
        (
            "googlevertexai",
            {"project": "p 1", "location": "europe-west1"},
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/p%201/locations/europe-west1/publishers/google",
        ),
        ("googlevertexai", {"api-key": ""}, None),
    ],
)
def test_where_providers_of_a_cloud_are_asked(kind: str, options: dict[str, str], base: str | None) -> None:
    found = chat_models(settings(providers=one("", kind, **options)))
    assert [model.base for model in found] == ([base] if base else [])


def test_a_refusal_says_why_and_never_shows_the_key(provider: Provider) -> None:
    provider.answers = [(401, {"error": {"message": "bad key k-1"}})]
    (model,) = chat_models(settings(providers=one(provider.url, "openai")))
    with pytest.raises(ChatModelError, match="the key is not accepted") as caught:
        asyncio.run(model.answer("rules", [("user", "hello")]))
    assert "k-1" not in str(caught.value) and "k-1" not in repr(model)


def test_which_providers_there_are() -> None:
    assert chat_models(settings()) == ()
    assert chat_models(settings(enabled=False, providers=one("http://x", "openai"))) == ()
    assert chat_models(settings(providers=[{"id": "b", "type": "bedrock", "configuration": {"model-name": "m"}}])) == ()
    legacy = chat_models(settings(type="gemini", gemini={"model-name": "m", "api-key": "k"}))
    assert [(x.id, x.is_default) for x in legacy] == [("gemini", True)]


OLD = """# my flow
id: f   # keep
namespace: n

tasks:
  - id: a   # first
    type: io.kestra.plugin.core.log.Log
    message: 'hi'
# why
labels: {team: data}
"""


def test_what_was_not_meant_stays_byte_for_byte() -> None:
    new = """id: f
namespace: n
labels:
  team: data
tasks:
- id: a
  type: io.kestra.plugin.core.log.Log
  message: hi
- id: b
  type: io.kestra.plugin.core.log.Log
  message: more
"""
    text = restored(OLD, new)
    assert text.startswith("# my flow\nid: f   # keep\nnamespace: n\n")
    assert "# why\nlabels: {team: data}\n" in text and "- id: b" in text
    assert restored(OLD, OLD.replace("'hi'", '"hi"')) == OLD
    assert restored(OLD, "not: [yaml") == "not: [yaml"
    assert [name for name, _ in sections(OLD)[1]] == ["id", "namespace", "tasks", "labels"]


def test_words_fences_and_thoughts_around_the_yaml_go() -> None:
    assert yaml_of("Sure!\n```yaml\nid: f\ntasks: []\n```\nDone.") == "id: f\ntasks: []\n"
    assert yaml_of("<think>id: wrong</think>\nid: f") == "id: f\n"
