"""HTTP tasks against a real server on this machine."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.model.source import parse_flow
from flowdeck.model.states import State
from flowdeck.sdk.http import CheckedBackend
from flowdeck.sdk.index import load_catalog
from tests.unit.worker.conftest import Core, ok

REQUEST = "io.kestra.plugin.core.http.Request"
DOWNLOAD = "io.kestra.plugin.core.http.Download"


SSE = "io.kestra.plugin.core.http.SseRequest"
EVENTS = """\
: welcome
id: 1
event: message
retry: 500
data: {"delta": "He"}

data: {"delta": "llo"}

data: not
data: json

"""


class Server:
    """Echoes requests as JSON; a few paths answer specially."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[dict[str, Any]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        line, *rest = head.strip().split("\r\n")
        method, path, _ = line.split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (item.partition(":") for item in rest)}
        body = b""
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int((await reader.readline()).strip() or b"0", 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        self.seen.append({"method": method, "path": path, "headers": headers, "body": body.decode("latin-1")})
        status, extra, answer = "200 OK", "Content-Type: application/json\r\n", json.dumps(self.seen[-1]).encode()
        match path.partition("?")[0]:
            case "/missing":
                status, answer = "404 Not Found", b"nothing here"
            case "/empty":
                answer = b""
            case "/file":
                extra, answer = 'Content-Disposition: attachment; filename="../r%65port.csv"\r\n', b"a,b\n" * 1000
            case "/binary":
                answer = b"\xff\xfe\xfd"
            case "/redirect":
                status, extra, answer = "302 Found", "Location: /final\r\n", b""
            case "/to":
                status, extra, answer = "302 Found", f"Location: {path.partition('?')[2]}\r\n", b""
            case "/slow":
                await asyncio.sleep(3)
            case "/latin":
                extra, answer = "Content-Type: text/plain\r\n", "grün".encode("latin-1")
            case "/digest" if "authorization" not in headers:
                status, answer = "401 Unauthorized", b""
                extra = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5\r\n'
            case "/short":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nfew")
                await writer.drain()
                writer.close()
                return
            case "/named":
                extra = "Content-Disposition: attachment; filename*=UTF-8''gr%C3%BCn.csv\r\n"
            case "/events":
                extra, answer = "Content-Type: text/event-stream\r\n", EVENTS.encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n{extra}Connection: close\r\n\r\n".encode() + answer
        )
        await writer.drain()
        writer.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    listening.close()


def request(uri: str, more: str = "", kind: str = REQUEST) -> str:
    return f"- id: h\n  type: {kind}\n  uri: '{uri}'\n{more}"


async def test_a_request_gives_code_headers_and_body(core: Core, server: Server) -> None:
    done = await core.run(
        request(
            f"{server.address}/a b?x=1",
            "  method: post\n  body: '{\"n\": {{ 1 + 1 }}}'\n  headers: {X-A: '{{ flow.id }}'}\n  params: {q: 'ü&'}\n",
        ),
        process=False,
    )
    outputs = ok(done)
    seen = json.loads(outputs["body"])
    assert outputs["code"] == 200 and outputs["headers"]["content-type"] == ["application/json"]
    assert (seen["method"], seen["body"], seen["headers"]["x-a"]) == ("POST", '{"n": 2}', "flow_1")
    assert seen["path"] == "/a%20b?x=1&q=%C3%BC%26" and seen["headers"]["content-type"] == "application/json"
    assert done.metrics[0][0] == "response.length"


async def test_a_failing_status_fails_unless_allowed(core: Core, server: Server) -> None:
    done = await core.run(request(f"{server.address}/missing?token=abc"))
    assert done.state == State.FAILED and "404" in (done.error or "") and "token" not in (done.error or "")
    assert any("nothing here" in text for text in core.texts())
    allowed = await core.run(request(f"{server.address}/missing", "  options: {allowFailed: true}\n"))
    assert ok(allowed)["code"] == 404
    assert (
        ok(await core.run(request(f"{server.address}/missing", "  options: {allowedResponseCodes: [404]}\n")))["code"]
        == 404
    )


async def test_authentication(core: Core, server: Server) -> None:
    core.secrets["PW"] = "open-sesame"
    auth = "  options:\n    auth: {type: BASIC, username: me, password: \"{{ secret('PW') }}\"}\n"
    done = await core.run(request(server.address, auth))
    assert server.seen[-1]["headers"]["authorization"] == "Basic bWU6b3Blbi1zZXNhbWU="
    assert done.state == State.SUCCESS
    await core.run(request(server.address, "  options: {auth: {type: BEARER, token: t0ken}}\n"))
    assert server.seen[-1]["headers"]["authorization"] == "Bearer t0ken"
    await core.run(request(server.address, "  options: {basicAuthUser: a, basicAuthPassword: b}\n"))
    assert server.seen[-1]["headers"]["authorization"].startswith("Basic ")


async def test_forms(core: Core, server: Server) -> None:
    await core.run(
        request(
            server.address,
            "  method: POST\n  contentType: application/x-www-form-urlencoded\n  formData: {a: '1 2', b: ü}\n",
        )
    )
    assert server.seen[-1]["body"] == "a=1+2&b=%C3%BC"
    uri = core.workers[0].facts.storage.put("/x/data.txt", b"file content")  # type: ignore[attr-defined]
    await core.run(
        request(
            server.address,
            f"  method: POST\n  contentType: multipart/form-data\n  formData:\n    a: text\n    f: {uri}\n"
            f"    g: {{name: other.csv, content: '{uri}'}}\n",
        )
    )
    body = server.seen[-1]["body"]
    assert 'name="a"\r\n\r\ntext' in body and 'filename="data.txt"' in body and 'filename="other.csv"' in body
    assert body.count("file content") == 2


async def test_redirects_and_timeouts(core: Core, server: Server) -> None:
    assert ok(await core.run(request(f"{server.address}/redirect")))["uri"].endswith("/final")
    assert (
        ok(await core.run(request(f"{server.address}/redirect", "  options: {followRedirects: false}\n")))["code"]
        == 302
    )
    done = await core.run(request(f"{server.address}/slow", "  options: {timeout: {readIdleTimeout: PT0.05S}}\n"))
    assert done.state == State.FAILED and "no answer in time" in (done.error or "")


async def test_binary_bodies_need_a_download(core: Core, server: Server) -> None:
    done = await core.run(request(f"{server.address}/binary"))
    assert done.state == State.FAILED and "Download" in (done.error or "")
    done = await core.run(request(f"{server.address}/file", "  options: {maxContentLength: 100}\n"))
    assert done.state == State.FAILED and "larger than 100 bytes" in (done.error or "")


async def test_an_encrypted_body(core: Core, server: Server) -> None:
    outputs = ok(await core.run(request(server.address, "  encryptBody: true\n")))
    assert outputs["body"] is None and outputs["encryptedBody"]["type"] == "io.kestra.datatype:aes_encrypted"


async def test_a_download_is_stored(core: Core, server: Server) -> None:
    outputs = ok(await core.run(request(f"{server.address}/file", kind=DOWNLOAD)))
    storage = core.workers[0].facts.storage
    assert outputs["length"] == 4000 and outputs["uri"].endswith("/r%65port.csv")
    assert storage.get(outputs["uri"]) == b"a,b\n" * 1000  # type: ignore[attr-defined]
    done = await core.run(request(f"{server.address}/empty", kind=DOWNLOAD))
    assert done.state == State.FAILED and done.error == "No response from server"
    assert (
        ok(await core.run(request(f"{server.address}/empty", "  failOnEmptyResponse: false\n", DOWNLOAD)))["length"]
        == 0
    )
    done = await core.run(request(f"{server.address}/missing", kind=DOWNLOAD))
    assert done.state == State.FAILED


@pytest.mark.parametrize("uri", ["ftp://x/y", "file:///etc/passwd", "http://", "http://127.0.0.1:1/", "nonsense"])
async def test_unusable_addresses_fail_clearly(core: Core, uri: str) -> None:
    done = await core.run(request(uri))
    assert done.state == State.FAILED and done.error


async def test_refused_addresses_are_not_reached(core: Core, server: Server) -> None:
    core.workers[0].facts.options = {"refused-addresses": ("127.0.0.0/8",)}
    done = await core.run(request(server.address))
    assert done.state == State.FAILED and "may not be reached" in (done.error or "") and not server.seen


def test_addresses_are_judged_in_every_spelling() -> None:
    backend = CheckedBackend(None, ["169.254.0.0/16", "fe80::/10"])  # type: ignore[arg-type]
    assert not backend.allowed("169.254.169.254")
    assert not backend.allowed("::ffff:169.254.169.254")
    assert not backend.allowed("fe80::1%eth0")
    assert backend.allowed("127.0.0.1") and backend.allowed("2001:db8::1")


def test_exceptions_and_the_own_machine() -> None:
    backend = CheckedBackend(None, ["127.0.0.1/8", "::1/128", "10.0.0.0/8", "!10.1.2.3/32"])  # type: ignore[arg-type]
    assert backend.allowed("10.1.2.3") and not backend.allowed("10.1.2.4")
    assert not backend.allowed("0.0.0.0") and not backend.allowed("::") and not backend.allowed("127.9.9.9")


def test_the_default_is_one_list() -> None:
    from flowdeck.config.settings import load_settings
    from flowdeck.sdk.http import REFUSED_ADDRESSES

    assert tuple(load_settings(environment={}).get("kestra.http.blocked-cidrs")) == REFUSED_ADDRESSES


async def test_a_redirect_and_a_proxy_lead_to_no_refused_address(core: Core, server: Server) -> None:
    """The address is judged where the connection is made: whatever leads there."""
    core.workers[0].facts.options = {"refused-addresses": ("127.0.0.2/32", "192.0.2.0/24")}
    done = await core.run(request(f"{server.address}/to?http://127.0.0.2:1/"))
    assert done.state == State.FAILED and "may not be reached" in (done.error or ""), done.error
    done = await core.run(request(f"{server.address}/to?file:///etc/passwd"))
    assert done.state == State.FAILED and "root" not in str(done.outputs)
    port = server.address.rpartition(":")[2]
    proxy = f"  options: {{proxy: {{type: HTTP, address: 127.0.0.1, port: {port}}}}}\n"
    done = await core.run(request("http://192.0.2.7/x", proxy))
    assert done.state == State.FAILED and "may not be reached" in (done.error or ""), done.error


async def test_the_function(core: Core, server: Server) -> None:
    done = await core.evaluate(
        f"{{{{ http(uri='{server.address}/x', query={{'a': '1'}}, headers={{'K': 'v'}}).path }}}}"
    )
    assert ok(done)["value"] == "/x?a=1" and server.seen[-1]["headers"]["k"] == "v"
    done = await core.evaluate(f"{{{{ http('{server.address}/missing') }}}}")
    assert "404 : Not Found" in (done.outputs or {})["error"]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "2001:0:a9fe:a9fe::1",
        "64:ff9b:1::a9fe:a9fe",
        "100.100.100.200",
    ],
)
def test_no_spelling_of_an_address_reaches_the_machine_s_credentials(address: str) -> None:
    from flowdeck.sdk.http import REFUSED_ADDRESSES, CheckedBackend

    backend = CheckedBackend(None, REFUSED_ADDRESSES)  # type: ignore[arg-type]
    assert not backend.allowed(address)
    assert backend.allowed("93.184.216.34") and backend.allowed("::1") and backend.allowed("64:ff9b::5db8:d822")


async def test_options_of_an_exchange(core: Core, server: Server) -> None:
    """§4: charsets, headers without body, lists of headers, logs, DIGEST, the alias of `options.auth`."""
    plain = ok(await core.run(request(f"{server.address}/latin", "  options: {defaultCharset: ISO-8859-1}\n")))
    assert plain["body"] == "grün"
    await core.run(request(server.address, "  contentType: text/csv\n  headers: {X: [a, b], Content-Type: text/x}\n"))
    assert server.seen[-1]["headers"]["x"] == "a, b" and server.seen[-1]["headers"]["content-type"] == "text/x"
    await core.run(
        request(
            server.address,
            "  body: sent\n  method: PUT\n  options: {auth: {type: BEARER, token: hidden-token},"
            " logs: [REQUEST_HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY]}\n",
        )
    )
    text = "\n".join(core.texts())
    assert "request headers:" in text and "request body:\nsent" in text and "response body:" in text
    assert "hidden-token" not in text
    login = "{type: DIGEST, username: me, password: pw}"
    for more in (f"  options: {{auth: {login}}}\n", f"  auth: {login}\n"):
        ok(await core.run(request(f"{server.address}/digest", more)))
        assert server.seen[-1]["headers"]["authorization"].startswith('Digest username="me", realm="r"')
    done = await core.run(request(server.address, "  options: {auth: {type: MAGIC}}\n"))
    assert done.state == State.FAILED and "known: BASIC, BEARER, DIGEST" in (done.error or "")
    assert ok(await core.run(request(f"{server.address}/missing", "  allowFailed: true\n")))["code"] == 404


async def test_downloads_check_their_length_and_keep_names(core: Core, server: Server) -> None:
    """§4 Download."""
    done = await core.run(request(f"{server.address}/short", kind=DOWNLOAD))
    assert done.state == State.FAILED
    assert ok(await core.run(request(f"{server.address}/named", kind=DOWNLOAD)))["uri"].endswith("/grün.csv")
    assert ok(await core.run(request(f"{server.address}/x.parquet", kind=DOWNLOAD)))["uri"].endswith(".parquet")
    assert ok(await core.run(request(server.address, "  saveAs: mine.bin\n", DOWNLOAD)))["uri"].endswith("/mine.bin")
    allowed = await core.run(request(f"{server.address}/empty", "  options: {allowFailed: true}\n", DOWNLOAD))
    assert ok(allowed)["length"] == 0


async def test_events_are_read_to_the_end(core: Core, server: Server) -> None:
    """§4 SseRequest: events with parsed data, or joined results of a jq program; counter `size`."""
    done = await core.run(request(f"{server.address}/events", kind=SSE))
    outputs = ok(done)
    assert outputs["size"] == 3 and outputs["result"] is None and ("size", "counter", 3.0, {}) in done.metrics
    assert outputs["events"][0] == {
        "id": "1",
        "event": "message",
        "data": {"delta": "He"},
        "comment": "welcome",
        "retry": 500,
    }
    assert [e["data"] for e in outputs["events"]] == [{"delta": "He"}, {"delta": "llo"}, "not\njson"]
    jq = "  concatJqExpression: .data.delta?\n"
    joined = ok(await core.run(request(f"{server.address}/events", f"{jq}  failedOnMissingJq: false\n", SSE)))
    assert joined["result"] == "Hello" and joined["events"] is None
    done = await core.run(request(f"{server.address}/events", jq, SSE))
    assert done.state == State.FAILED and "concatJqExpression" in (done.error or "")
    done = await core.run(request(f"{server.address}/missing", kind=SSE))
    assert done.state == State.FAILED and "404" in (done.error or "")


async def test_http_proxies(core: Core, server: Server) -> None:
    """§4: both spellings of the options, with a login whose characters mean nothing."""
    for options in (
        f"{{proxy: {{type: HTTP, address: 127.0.0.1, port: {server.port}, username: 'u:s', password: 'p@w'}}}}",
        f"{{proxyType: HTTP, proxyAddress: 127.0.0.1, proxyPort: {server.port}, proxyUsername: 'u:s', proxyPassword: 'p@w'}}",
    ):
        ok(await core.run(request("http://somewhere.test/x", f"  options: {options}\n")))
        assert server.seen[-1]["path"] == "http://somewhere.test/x"
        login = base64.b64decode(server.seen[-1]["headers"]["proxy-authorization"].partition(" ")[2])
        assert login == b"u:s:p@w"
    direct = "  options: {proxy: {type: DIRECT, address: 127.0.0.1, port: 1}}\n"
    assert ok(await core.run(request(server.address, direct)))["code"] == 200
    done = await core.run(request(server.address, "  options: {proxy: {type: MAGIC, address: x}}\n"))
    assert done.state == State.FAILED and "known: DIRECT, HTTP, SOCKS" in (done.error or "")


async def test_the_proxy_of_the_environment(core: Core, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations F63: HTTP_PROXY and NO_PROXY hold for calls that name no proxy; this machine is reached directly."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    port = server.address.rpartition(":")[2]
    monkeypatch.setenv("HTTP_PROXY", f"http://u:p@127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "198.51.100.9,.own.test")
    core.workers[0].facts.options = {"refused-addresses": ("203.0.113.9/32", "198.51.100.0/24")}
    assert ok(await core.run(request("http://203.0.113.7/x")))["code"] == 200
    assert server.seen[-1]["headers"]["host"] == "203.0.113.7"
    assert server.seen[-1]["headers"]["proxy-authorization"].startswith("Basic ")
    assert ok(await core.run(request(server.address + "/y")))["code"] == 200
    assert "proxy-authorization" not in server.seen[-1]["headers"]
    seen = len(server.seen)
    for address in ("203.0.113.9", "198.51.100.9"):  # refused behind the proxy; refused without it
        done = await core.run(request(f"http://{address}/z"))
        assert done.state == State.FAILED and "may not be reached" in (done.error or ""), done.error
    assert len(server.seen) == seen


async def test_socks_proxies(core: Core, server: Server) -> None:
    """§4: the proxy resolves names; its refusals are told."""
    asked: list[Any] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = (await reader.readexactly(2))[1]
        methods = await reader.readexactly(count)
        login = None
        writer.write(b"\x05\x02" if 2 in methods else b"\x05\x00")
        if 2 in methods:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            login = (user, password)
            writer.write(b"\x01\x00" if password == b"right" else b"\x01\x01")
        try:
            head = await reader.readexactly(4)
            name = await reader.readexactly((await reader.readexactly(1))[0])
        except asyncio.IncompleteReadError:
            writer.close()
            return
        await reader.readexactly(2)
        asked.append((head[3], name, login))
        if name == b"closed.test":
            writer.write(b"\x05\x05\x00\x01" + bytes(6))
            writer.close()
            return
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await server.handle(reader, writer)

    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    def through(more: str = "") -> str:
        return f"  options: {{proxy: {{type: SOCKS, address: 127.0.0.1, port: {port}{more}}}}}\n"

    try:
        assert ok(await core.run(request("http://hidden.test/y", through())))["code"] == 200
        assert asked == [(3, b"hidden.test", None)] and server.seen[-1]["path"] == "/y"
        ok(await core.run(request("http://hidden.test/", through(", username: me, password: right"))))
        assert asked[-1][2] == (b"me", b"right")
        done = await core.run(request("http://closed.test/", through()))
        assert done.state == State.FAILED and "connection refused" in (done.error or "")
        done = await core.run(request("http://hidden.test/", through(", username: me, password: wrong")))
        assert done.state == State.FAILED and "refused the login" in (done.error or "")
    finally:
        listening.close()


async def test_certificates_are_checked_unless_told_otherwise(core: Core, tmp_path: Path) -> None:
    """§4: options.ssl and the older sslOptions."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    made = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k.pem", "-out",
        tmp_path / "c.pem", "-days", "2", "-subj", "/CN=localhost", stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    found = Server()
    listening = await asyncio.start_server(found.handle, "127.0.0.1", 0, ssl=context)
    address = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        done = await core.run(request(address))
        assert done.state == State.FAILED and "certificate" in (done.error or "").lower()
        for more in (
            "  options: {ssl: {insecureTrustAllCertificates: true}}\n",
            "  sslOptions: {insecureTrustAllCertificates: true}\n",
        ):
            assert ok(await core.run(request(address, more)))["code"] == 200
    finally:
        listening.close()


def test_auth_outside_of_options_is_told() -> None:
    """§4, decision: it is an alias, the validation gives an info."""
    source = f"id: f\nnamespace: a\ntasks:\n  - id: h\n    type: {REQUEST}\n    uri: x\n    auth: {{type: BEARER, token: t}}\n"
    parsed = parse_flow(source, load_catalog())
    assert parsed.flow is not None
    assert [(f.severity, f.path, f.line) for f in parsed.findings] == [("info", "tasks[0].auth", 7)]
