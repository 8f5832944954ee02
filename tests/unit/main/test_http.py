"""Around the web server: access log, origins, a path of its own, certificates, management (spec: operations F61, F62, F63)."""

from __future__ import annotations

import asyncio
import base64
import datetime
import hashlib
import json
import logging
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from flowdeck.config import Settings, load_settings
from flowdeck.engine.management import Management, Unanswered
from flowdeck.engine.measures import Measures
from flowdeck.main.console_below import relocated
from flowdeck.main.context_path import ContextPath
from flowdeck.main.cors import with_cors
from flowdeck.main.host_resolution import HostResolution
from flowdeck.main.http_access import AccessFile, HttpAccess, LineFormat, Noted
from flowdeck.main.read_once import hand_over
from flowdeck.main.shared_management import SharedManagement
from flowdeck.main.tls import server_context


def settings_of(folder: Path, text: str = "", **environment: str) -> Settings:
    return load_settings(
        environment={"FLOWDECK_HOME": str(folder), **({"KESTRA_CONFIGURATION": text} if text else {}), **environment}
    )


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers what it was asked."""
    if scope["type"] != "http":
        return
    if scope["path"].startswith("/api/"):
        scope["state"]["route"] = "/api/v1/{tenant}/flows"
    status = 307 if scope["path"] == "/away" else 200
    headers = [(b"location", b"/ui/")] if status == 307 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def asked(app: Any, method: str, path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=("10.1.2.3", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


# ---- access log ----------------------------------------------------------------------------------------------------


def scope_of(path: str) -> dict[str, Any]:
    return {"method": "GET", "path": path, "http_version": "1.1", "client": ("10.1.2.3", 4711)}


def test_tokens_of_an_access_line() -> None:
    line = LineFormat("%t %r %s %a %b %D %% %x %{X}h").line(Noted(scope_of("/a"), "/a?b=1", 404, 17, 12.6))
    assert line.split("] ", 1)[1] == '"GET /a?b=1 HTTP/1.1" 404 10.1.2.3 17 13 % - 10.1.2.3'


def test_the_reference_s_form_with_places() -> None:
    text = "[Date: {}] [Duration: {} ms] [Method: {}] [Url: {}] [Status: {}] [Length: {}] [Ip: {}] [Port: {}]"
    line = LineFormat(text).line(Noted(scope_of("/a"), "/a", 200, 5, 3.0))
    assert line.endswith(
        "[Duration: 3 ms] [Method: GET] [Url: /a] [Status: 200] [Length: 5] [Ip: 10.1.2.3] [Port: 4711]"
    )


def test_requests_are_noted_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("io.kestra.webserver.access"), "level", logging.INFO)
    logging.getLogger("io.kestra.webserver.access").manager._clear_cache()  # type: ignore[attr-defined]
    settings = settings_of(tmp_path)
    settings.home.prepare()
    measures = Measures()
    app = HttpAccess(hello, settings, measures)

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app, client=("10.1.2.3", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            await client.get("/api/v1/main/flows")
            await client.get("/ui/flows")
            await client.get("/health")
            await client.post("/api/v1/main/executions/webhook/ns/flow/a-secret-key?x=1")
            await client.get("/odd%0Apath")
        await asyncio.sleep(0.6)

    asyncio.run(ask())
    lines = (tmp_path / "log/access.log").read_text().splitlines()
    assert [line.split('"')[1] for line in lines] == [
        "GET /api/v1/main/flows HTTP/1.1",
        "POST /api/v1/main/executions/webhook/ns/flow/***?x=1 HTTP/1.1",
        "GET /odd%0Apath HTTP/1.1",
    ]
    assert (tmp_path / "log/access.log").stat().st_mode & 0o077 == 0
    (told,) = [one for one in measures.told() if one["name"] == "http.server.requests"]
    counts = {tuple(tags): value[0] for tags, value in told["series"]}
    assert counts[("GET", "200", "/api/v1/{tenant}/flows")] == 1
    assert counts[("GET", "200", "/ui/**")] == 1
    assert counts[("GET", "200", "UNKNOWN")] == 2


def test_no_access_log_when_it_is_switched_off(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "micronaut.server.netty.access-logger.enabled: false")
    settings.home.prepare()
    asked(HttpAccess(hello, settings, Measures()), "GET", "/a")
    assert not (tmp_path / "log/access.log").exists()


def test_access_files_are_put_aside(tmp_path: Path) -> None:
    async def write() -> None:
        file = AccessFile(tmp_path / "access.log", largest=10, kept=2)
        for number in range(4):
            file.add(f"line {number}, long enough")
            file.write()

    asyncio.run(write())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["access.log.1", "access.log.2"]
    assert (tmp_path / "access.log.1").read_text().startswith("line 3")


# ---- other origins (F62) ----------------------------------------------------------------------------------------------


def test_no_other_origin_by_default(tmp_path: Path) -> None:
    app = with_cors(hello, settings_of(tmp_path))
    assert app is hello


def test_exact_origins(tmp_path: Path) -> None:
    text = """
        micronaut: {server: {cors: {enabled: true, configurations: {
            web: {allowedOrigins: ['https://a.site'], allowCredentials: true, maxAge: 60, exposedHeaders: [X-A]},
            more: {allowedOriginsRegex: 'https://[a-z]+[.]b[.]site', allowedMethods: [GET]}}}}}
    """
    app = with_cors(hello, settings_of(tmp_path, text))
    answer = asked(app, "GET", "/x", Origin="https://a.site")
    assert answer.headers["access-control-allow-origin"] == "https://a.site"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == "X-A"
    assert "access-control-allow-origin" not in asked(app, "GET", "/x", Origin="https://a.site.evil").headers
    assert "access-control-allow-origin" not in asked(app, "GET", "/x").headers
    preflight = {"Origin": "https://www.b.site", "Access-Control-Request-Method": "POST"}
    assert asked(app, "OPTIONS", "/x", **preflight).status_code == 400
    preflight["Access-Control-Request-Method"] = "GET"
    answer = asked(app, "OPTIONS", "/x", **preflight)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://www.b.site")
    assert "access-control-allow-credentials" not in answer.headers


def test_all_origins_without_credentials(tmp_path: Path) -> None:
    app = with_cors(hello, settings_of(tmp_path, "micronaut: {server: {cors: {enabled: true}}}"))
    answer = asked(app, "GET", "/x", Origin="https://any.site")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


# ---- a path of its own (F63) -------------------------------------------------------------------------------------------


def test_paths_below_a_prefix() -> None:
    app = ContextPath(hello, "/tools/flows")
    assert asked(app, "GET", "/tools/flows/a/b?c=1").text == "/a/b"
    assert asked(app, "GET", "/tools/flows").text == "/"
    assert asked(app, "GET", "/ping").text == "/ping"
    assert asked(app, "GET", "/tools/flowsy").status_code == 404
    assert asked(app, "GET", "/a").status_code == 404
    assert asked(app, "GET", "/tools/flows/away").headers["location"] == "/tools/flows/ui/"
    assert asked(app, "GET", "/").headers["location"] == "/tools/flows/ui/"


async def told(scope: Any, receive: Any, send: Any) -> None:
    """Answers the host and scheme that it sees."""
    host = next(value for name, value in scope["headers"] if name == b"host")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['scheme']}://{host.decode()}".encode()})


def test_the_name_that_callers_used_comes_from_trusted_proxies() -> None:
    headers = {"X-Forwarded-Host": "flows.example.com, inner", "X-Scheme": "https"}
    app = HostResolution(told, "X-Forwarded-Host", "X-Scheme", ["10.0.0.0/8"])
    assert asked(app, "GET", "/", **headers).text == "https://flows.example.com"
    app = HostResolution(told, "X-Forwarded-Host", "X-Scheme", ["192.168.0.0/16"])
    assert asked(app, "GET", "/", **headers).text == "http://here"
    app = HostResolution(told, "Host", "", ["10.0.0.0/8"])
    assert asked(app, "GET", "/", **headers).text == "http://here"
    app = HostResolution(told, "X-Forwarded-Host", "X-Scheme", ["10.0.0.0/8"])
    odd = {"X-Forwarded-Host": "a b/../c", "X-Scheme": "gopher"}
    assert asked(app, "GET", "/", **odd).text == "http://here"


# ---- certificates (F62) -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(plain + public)
    (folder / "ca.pem").write_bytes(public)
    locked = serialization.BestAvailableEncryption(b"changeit")
    (folder / "server.p12").write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, locked))
    return folder


def tls_settings(folder: Path, store: str, **more: str) -> Settings:
    told = {
        "MICRONAUT_SERVER_SSL_ENABLED": "true",
        "MICRONAUT_SERVER_SSL_KEY_STORE_PATH": store,
        "MICRONAUT_SERVER_SSL_KEY_STORE_PASSWORD": "changeit",
        **more,
    }
    return settings_of(folder, **told)


async def _shake(context: ssl.SSLContext, client: ssl.SSLContext) -> str:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"hello")
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="localhost")
        text = (await reader.read(5)).decode()
        writer.close()
        return text
    finally:
        server.close()


@pytest.mark.parametrize("store", ["server.p12", "server.pem"])
def test_a_store_opens(stores: Path, tmp_path: Path, store: str) -> None:
    context = server_context(tls_settings(tmp_path, f"file:{stores / store}"))
    assert context is not None
    client = ssl.create_default_context(cafile=str(stores / "ca.pem"))
    assert asyncio.run(_shake(context, client)) == "hello"
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_callers_show_a_certificate(stores: Path, tmp_path: Path) -> None:
    more = {
        "MICRONAUT_SERVER_SSL_CLIENT_AUTHENTICATION": "need",
        "MICRONAUT_SERVER_SSL_TRUST_STORE_PATH": str(stores / "ca.pem"),
    }
    context = server_context(tls_settings(tmp_path, str(stores / "server.pem"), **more))
    assert context is not None
    client = ssl.create_default_context(cafile=str(stores / "ca.pem"))
    client.load_cert_chain(stores / "server.pem")
    assert asyncio.run(_shake(context, client)) == "hello"
    stranger = ssl.create_default_context(cafile=str(stores / "ca.pem"))
    try:
        said = asyncio.run(_shake(context, stranger))
    except (ssl.SSLError, ConnectionError):
        said = ""
    assert said == ""


def test_a_store_that_can_t_be_read_is_named_without_its_password(stores: Path, tmp_path: Path) -> None:
    wrong = {"MICRONAUT_SERVER_SSL_KEY_STORE_PASSWORD": "geheim"}
    with pytest.raises(ValueError, match="the password does not fit") as caught:
        server_context(tls_settings(tmp_path, str(stores / "server.p12"), **wrong))
    assert "geheim" not in str(caught.value)
    with pytest.raises(ValueError, match=r"micronaut\.server\.ssl\.key-store\.path = '/nowhere': No such file"):
        server_context(tls_settings(tmp_path, "/nowhere"))
    assert server_context(settings_of(tmp_path)) is None


# ---- files that are read once (F64) ------------------------------------------------------------------------------------


def test_files_are_deleted_once_read(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text("kestra: {url: 'http://x/', configurations: {deleteFilesOnStart: true}}")
    settings = load_settings(files=[file], environment={"FLOWDECK_HOME": str(tmp_path)})
    words, kept, delete = hand_over(settings, ("--home", "h", "--config", str(file), "-v"))
    assert file.exists()  # a port may be taken: nobody has to write it again
    delete()
    assert not file.exists()
    assert words[:3] == ("--home", "h", "-v")
    assert len(kept) == 1
    again = load_settings(files=[Path(words[-1])], environment={"FLOWDECK_HOME": str(tmp_path)})
    assert again.get("kestra.url") == "http://x/"


# ---- the management port on the main one (F58) ---------------------------------------------------------------------------


@dataclass
class Part:
    """A child that is well."""

    role: str = "core"
    pid: int | None = 1
    ready: bool = True
    restarts: int = 0
    snapshot: dict[str, Any] = field(default_factory=dict)
    down_since: float | None = None


async def _nobody(role: str, question: str, args: dict[str, Any]) -> Any:
    raise Unanswered(role)


def shared(folder: Path, text: str, requests: list[tuple[str, str, dict[str, str]]]) -> list[httpx.Response]:
    """Answers to requests for a server whose management port is its own one."""
    settings = settings_of(folder, text)
    settings.home.prepare()

    async def run() -> list[httpx.Response]:
        place = settings.home.run / "management.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place))
        management = Management(settings, "1", lambda: [Part()], lambda: True, _nobody)
        await management.start(listener)
        guarded = bool(settings.get("endpoints.all.basic-auth.username"))
        app: Any = SharedManagement(hello, place, guarded=guarded)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:
            answers = [await client.request(m, path, headers=headers) for m, path, headers in requests]
        await management.stop()
        return answers

    return asyncio.run(run())


def test_only_harmless_endpoints_are_shared_without_an_account(tmp_path: Path) -> None:
    paths = ["/health", "/prometheus", "/metrics/system.cpu.count?tag=a:b", "/env", "/loggers/ROOT", "/healthy", "/x"]
    answers = shared(tmp_path, "endpoints: {all: {port: -1}}", [("GET", path, {}) for path in paths])
    assert [a.status_code for a in answers] == [200, 200, 404, 200, 200, 200, 200]
    assert answers[0].json()["status"] == "UP"
    assert "system_cpu_count" in answers[1].text
    assert [a.text for a in answers[3:]] == ["/env", "/loggers/ROOT", "/healthy", "/x"]  # the API's own answers


def test_all_endpoints_are_shared_with_an_account(tmp_path: Path) -> None:
    text = "endpoints: {all: {port: 8080, basicAuth: {username: u, password: p}}}"
    right = {"Authorization": "Basic dTpw"}
    level = {**right, "content-type": "application/json"}
    answers = shared(
        tmp_path, text, [("GET", "/env", {}), ("GET", "/env", right), ("POST", "/loggers/some.one", level)]
    )
    assert [a.status_code for a in answers] == [401, 200, 200]
    assert answers[0].headers["www-authenticate"].startswith("Basic")


def test_where_the_management_port_is(tmp_path: Path) -> None:
    for told, own, shares in (("8081", 8081, False), ("-1", -1, True), ("8080", -1, True)):
        settings = settings_of(tmp_path, ENDPOINTS_ALL_PORT=told)
        assert (settings.management_port, settings.shares_port) == (own, shares)
    settings = settings_of(tmp_path, ENDPOINTS_ALL_ENABLED="false")
    assert (settings.management_port, settings.shares_port) == (-1, False)


def test_a_built_console_moves_below_a_prefix(tmp_path: Path) -> None:
    ui = tmp_path / "built" / "ui"
    (ui / "assets").mkdir(parents=True)
    page = '<html><head><script>boot("/ui/")</script><link href="/ui/assets/a.css"/></head><body></body></html>'
    (ui / "index.html").write_text(page)
    (ui / "index.html.gz").write_bytes(b"old")
    script = 'import"/ui/assets/b.js";var e=function(e){return"/ui/"+e};go("/uint");go("/api/v1");keep("/ui/"+tenant)'
    (ui / "assets" / "a.js").write_text(script)
    (ui / "assets" / "b.png").write_bytes(b"\x89PNG")
    (ui / "csp-hashes.json").write_text("[]")
    moved = relocated(tmp_path / "built", tmp_path / "data", "/tools")
    text = (moved / "ui" / "index.html").read_text()
    assert 'boot("/tools/ui/")' in text
    assert 'href="/tools/ui/assets/a.css"' in text
    assert '<script src="/tools/ui/base-path.js" data-base="/tools"></script></head>' in text
    assert not (moved / "ui" / "index.html.gz").exists()
    assert (moved / "ui" / "assets" / "a.js").read_text() == (
        'import"/tools/ui/assets/b.js";var e=function(e){return"/tools/ui/"+e};'
        'go("/uint");go("/api/v1");keep("/ui/"+tenant)'
    )
    assert (moved / "ui" / "assets" / "b.png").read_bytes() == b"\x89PNG"
    digest = base64.b64encode(hashlib.sha256(b'boot("/tools/ui/")').digest()).decode()
    assert json.loads((moved / "ui" / "csp-hashes.json").read_text()) == [f"sha256-{digest}"]
    made = (moved / "mark").stat().st_mtime_ns
    assert relocated(tmp_path / "built", tmp_path / "data", "/tools") == moved
    assert (moved / "mark").stat().st_mtime_ns == made
    assert (ui / "index.html").read_text() == page


def test_pages_carry_what_the_configuration_adds(tmp_path: Path) -> None:
    """G1: `kestra.webserver.html-head`; its own scripts are allowed by their hashes."""
    ui = tmp_path / "built" / "ui"
    ui.mkdir(parents=True)
    (ui / "index.html").write_text('<html><head><link href="/ui/a.css"/></head><body></body></html>')
    (ui / "a.css").write_text("a{}")
    (ui / "csp-hashes.json").write_text("[]")
    text = "kestra: {webserver: {htmlHead: ['<style>b{}</style>', '<script>banner()</script>']}}"
    head = settings_of(tmp_path, text).html_head
    moved = relocated(tmp_path / "built", tmp_path / "data", "", head)
    page = (moved / "ui" / "index.html").read_text()
    assert page.startswith('<html><head><link href="/ui/a.css"/><style>b{}</style>\n<script>banner()</script></head>')
    digest = base64.b64encode(hashlib.sha256(b"banner()").digest()).decode()
    assert json.loads((moved / "ui" / "csp-hashes.json").read_text()) == [f"sha256-{digest}"]
    assert settings_of(tmp_path, "kestra: {webserver: {html-head: '<meta/>'}}").html_head == "<meta/>"
