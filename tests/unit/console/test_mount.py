"""Laws of the gate: one origin, own origin only, nothing evaluated, sessions end their sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowdeck.main import console
from flowdeck.main.console import Gate, Sockets, content_security_policy, digest_of, same_origin, source_hash


def scope(path: str, kind: str = "http", method: str = "GET", **headers: str) -> dict[str, Any]:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": kind,
        "path": path,
        "method": method,
        "query_string": b"",
        "headers": [(b"host", b"deck:8080"), *listed],
    }


def named(name: str, calls: list[str]) -> console.Asgi:
    async def app(_: Any, __: Any, send: Any) -> None:
        calls.append(name)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": name.encode()})

    return app


async def ask(gate: Gate, request: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await gate(request, receive, send)
    return sent


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def gate(calls: list[str]) -> Gate:
    policy = content_security_policy(["sha256-abc="])
    return Gate(
        named("api", calls), named("socket", calls), named("files", calls), policy, frozenset({"https://deck.example"})
    )


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("/api/v1/configs", "api"),
        ("/login", "api"),
        ("/swagger/flowdeck.yml", "api"),
        ("/_ui/ping", "socket"),
        ("/ui/main/flows", "files"),
        ("/unknown", "api"),
        ("/uix", "api"),
    ],
)
async def test_a_path_belongs_to_one_application(gate: Gate, calls: list[str], path: str, app: str) -> None:
    await ask(gate, scope(path))
    assert calls == [app]


async def test_the_root_leads_to_the_console(gate: Gate, calls: list[str]) -> None:
    sent = await ask(gate, scope("/"))
    assert sent[0]["status"] == 307
    assert (b"location", b"/ui/") in sent[0]["headers"]
    assert calls == []


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://deck:8080", True),
        ("https://deck.example", True),
        ("http://evil.example", False),
        ("http://deck:9090", False),
        ("null", False),
    ],
)
async def test_a_websocket_is_open_to_the_own_origin_only(
    gate: Gate, calls: list[str], origin: str, allowed: bool
) -> None:
    sent = await ask(gate, scope("/_ui/_event", "websocket", origin=origin))
    if allowed:
        assert calls == ["socket"]
    else:
        assert sent == [{"type": "websocket.close", "code": 4403}]


async def test_a_foreign_upload_is_refused(gate: Gate, calls: list[str]) -> None:
    sent = await ask(gate, scope("/_ui/_upload", method="POST", origin="http://evil.example"))
    assert (sent[0]["status"], calls) == (403, [])


async def test_the_frameworks_upload_is_closed(gate: Gate, calls: list[str]) -> None:
    sent = await ask(gate, scope("/_ui/_upload", method="POST", origin="http://deck:8080"))
    assert (sent[0]["status"], calls) == (404, [])


async def test_every_page_has_the_policy_and_no_page_may_evaluate(gate: Gate) -> None:
    headers = dict((await ask(gate, scope("/ui/")))[0]["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert "script-src 'self' 'sha256-abc='" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_no_origin_is_a_program_not_a_foreign_page() -> None:
    assert same_origin(scope("/x"))
    assert not same_origin(scope("/x", origin="http://other"))


async def test_the_end_of_a_session_closes_its_websockets() -> None:
    sockets, sent = Sockets(), []
    never: asyncio.Event = asyncio.Event()

    async def app(_: Any, receive: Any, __: Any) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def receive() -> dict[str, Any]:
        await never.wait()
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    request = scope("/_ui/_event", "websocket", cookie="a=b; flowdeck_session=s1")
    serving = asyncio.create_task(sockets.serve(app, request, receive, send))
    await asyncio.sleep(0)
    assert sockets.end(digest_of("other")) == 0
    assert sockets.end(digest_of("s1")) == 1
    await asyncio.wait_for(serving, 1)
    assert sent == [{"type": "websocket.close", "code": 4401}]
    assert sockets.end(digest_of("s1")) == 0


async def test_a_session_that_ran_out_closes_its_websockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check 8 of quality §3.2: nobody said that it ended; the sweep finds it."""
    monkeypatch.setattr(console, "SWEEP_SECONDS", 0.01)
    sockets, sent = Sockets(), []
    lasting = {digest_of("s1"): True}

    async def alive(session: str) -> bool:
        return lasting[session]

    async def app(_: Any, receive: Any, __: Any) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    sockets.alive = alive
    request = scope("/_ui/_event", "websocket", cookie="flowdeck_session=s1")
    serving = asyncio.create_task(sockets.serve(app, request, receive, send))
    await asyncio.sleep(0.05)
    assert not sent
    lasting[digest_of("s1")] = False
    await asyncio.wait_for(serving, 2)
    assert sent == [{"type": "websocket.close", "code": 4401}]


async def test_strangers_hold_few_sockets_and_guests_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may load the login page; a cookie that somebody made up is no session."""
    monkeypatch.setattr(console, "MOST_STRANGERS", 3)
    sockets, sent, leave = Sockets(), [], asyncio.Event()

    async def alive(session: str) -> bool:
        return session == digest_of("real")

    async def app(*_: Any) -> None:
        await leave.wait()

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    sockets.alive = alive
    cookies = [
        "",
        "flowdeck_session=made-up",
        "flowdeck_session=other",
        "flowdeck_session=late",
        "flowdeck_session=real",
    ]
    serving = [
        asyncio.create_task(sockets.serve(app, scope("/_ui/_event", "websocket", cookie=cookie), receive, send))
        for cookie in cookies
    ]
    await asyncio.sleep(0.01)
    assert [task.done() for task in serving] == [False, False, False, True, False]
    assert sent == [{"type": "websocket.close", "code": 1013}]
    leave.set()
    await asyncio.wait_for(asyncio.gather(*serving), 1)


def test_the_build_follows_its_sources(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    file = tmp_path / "app" / "app.py"
    file.write_text("a")
    first = source_hash(tmp_path)
    (tmp_path / "app" / "__pycache__").mkdir()
    (tmp_path / "app" / "__pycache__" / "x.pyc").write_text("x")
    assert source_hash(tmp_path) == first
    file.write_text("b")
    assert source_hash(tmp_path) != first


def test_nothing_is_built_when_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("a")
    out = tmp_path / ".web" / "build" / "client"
    (out / "ui").mkdir(parents=True)
    (out / "ui" / "index.html").write_text("x")
    (out / console.HASH_FILE).write_text(source_hash(tmp_path))
    assert console.build_frontend(tmp_path) is False


async def test_lifespans_of_all_applications_start_and_stop() -> None:
    events: list[str] = []

    def app_with(name: str) -> console.Asgi:
        async def app(_: Any, receive: Any, send: Any) -> None:
            await receive()
            events.append(f"start {name}")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            events.append(f"stop {name}")
            await send({"type": "lifespan.shutdown.complete"})

        return app

    gate = Gate(app_with("api"), app_with("socket"), app_with("files"), "", frozenset())
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Any:
        return inbox.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await gate({"type": "lifespan"}, receive, send)
    assert events == ["start api", "start socket", "stop socket", "stop api"]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
