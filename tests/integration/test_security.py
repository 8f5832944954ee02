"""What an attacker tries first, on a real server: paths, names, archives, eval, modes of files (spec: quality §3.2)."""

from __future__ import annotations

import hmac
import io
import json
import socket
import stat
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import Server, running_server

SECRET = "env-canary-5531"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("security") / "home"
    home.mkdir(mode=0o755)
    with running_server(
        home,
        SECRET_CANARY="ZW52LWNhbmFyeS01NTMx",
        KESTRA_HTTP_BLOCKED_CIDRS="127.0.0.0/8,::1/128",
        KESTRA_HTTP_ALLOWED_CIDRS="127.0.0.9/32",
    ) as running:
        running.save_flow(
            """
id: upload
namespace: security
inputs: [{id: file, type: FILE}]
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.file }}"}]
"""
        )
        yield running


def raw_status(server: Server, target: str, host: str = "localhost") -> int:
    with socket.create_connection(("127.0.0.1", server.port), 10) as link:
        link.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(link.recv(4096).split(b" ")[1])


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/main/flows/search",
        "//api/v1/main/flows/search",
        "/api//v1/main/flows/search",
        "/api/v1/main/flows/search/",
        "/api/v1/main/flows/search/configs",
        "/api/v1/main/flows/search;configs",
        "/api/v1/configs/../main/flows/search",
        "/api/v1/configs/..;/main/flows/search",
        "/api/v1/configs%2f..%2fmain/flows/search",
        "/API/v1/main/flows/search",
        "/api/v1/main%2fflows/search",
        "/api/v1/flows/search",
        "/api/v1/other/flows/search",
        "/ui/../api/v1/main/flows/search",
        "/api/v1/main/executions/webhook/a/b/c/../../../../search",
        "/ui/..%2f..%2f..%2fetc/passwd",
        "/ui/%2e%2e/%2e%2e/secret.key",
        "/_ui/_upload",
    ],
)
def test_no_spelling_of_a_path_opens_it(server: Server, target: str) -> None:
    assert raw_status(server, target) in (401, 404)


def test_the_host_header_says_nothing_about_the_path(server: Server) -> None:
    assert raw_status(server, "/api/v1/main/flows/search", "x/api/v1/configs?") in (400, 401)


def evaluated(server: Server, expression: str) -> dict[str, Any]:
    execution = server.run(
        """
id: variables
namespace: security
variables: {hidden: "{{ secret('CANARY') }}"}
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: hi}]
"""
    )["id"]
    answer = server.call(
        "POST", f"/api/v1/main/executions/{execution}/eval", body=expression, content_type="text/plain"
    )
    assert answer.status == 200
    return answer.json


@pytest.mark.parametrize(
    "expression",
    [
        "{{ secret('CANARY') }}",
        "{{ render(\"{{ secret('CANARY') }}\") }}",
        '{{ render("{{ sec" ~ "ret(\'CANARY\') }}") }}',
        "{{ render(vars.hidden) }}",
        "{{ render(vars.hidden) | base64encode }}",
        "{{ http('http://127.0.0.1:9/?' ~ render(vars.hidden)) }}",
    ],
)
def test_no_expression_of_a_person_reads_a_secret(server: Server, expression: str) -> None:
    answer = evaluated(server, expression)
    assert "can't be evaluated here" in answer["error"]
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize("name", ["..", ".", "a\0b", "../../x", "..\\..\\x", "x" * 300 + ".csv", "é" * 200, "a/.."])
def test_an_uploaded_file_lies_in_its_execution_whatever_its_name(server: Server, name: str) -> None:
    body = (
        f'--BB\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nDATA\r\n--BB--\r\n'
    ).encode()
    answer = server.call(
        "POST", "/api/v1/main/executions/security/upload", body=body, content_type="multipart/form-data; boundary=BB"
    )
    assert answer.status == 200, answer.text
    folder = f"kestra:///security/upload/executions/{answer.json['id']}/inputs/file/"
    rest = answer.json["inputs"]["file"].removeprefix(folder)
    assert rest and "/" not in rest and rest not in (".", ".."), answer.json["inputs"]


def zipped(name: str, data: bytes) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return bytearray(out.getvalue())


def archives(name: str) -> dict[str, bytes]:
    encrypted, broken = zipped(name, b"x"), zipped(name, b"xyz" * 100)
    encrypted[6] |= 1
    encrypted[encrypted.find(b"PK\x01\x02") + 8] |= 1
    broken[41] ^= 0xFF
    return {
        "encrypted": bytes(encrypted),
        "broken": bytes(broken),
        "none": b"none",
        "slip": bytes(zipped("../" + name, b"x")),
    }


@pytest.mark.parametrize("kind", ["encrypted", "broken", "none", "slip"])
def test_a_bad_archive_is_refused_in_words(server: Server, kind: str) -> None:
    for path, part, name in (
        ("/api/v1/main/namespaces/security/files?path=/a.zip", "fileContent", "ok.txt"),
        ("/api/v1/main/flows/import?failOnError=true", "fileUpload", "ok.yml"),
    ):
        data = archives(name)[kind]
        head = f'--BB\r\nContent-Disposition: form-data; name="{part}"; filename="a.zip"\r\n\r\n'.encode()
        answer = server.call(
            "POST", path, body=head + data + b"\r\n--BB--\r\n", content_type="multipart/form-data; boundary=BB"
        )
        assert answer.status == 422, (path, answer.status, answer.text)


@pytest.mark.parametrize("path", ["/../x", "..%2fx", "a%00b", "%5c..%5cx", "nsfile:///../x", "z" * 255, "d/" * 900])
def test_a_bad_path_of_a_namespace_file_is_refused_in_words(server: Server, path: str) -> None:
    body = b'--BB\r\nContent-Disposition: form-data; name="fileContent"; filename="f"\r\n\r\nx\r\n--BB--\r\n'
    answer = server.call(
        "POST",
        f"/api/v1/main/namespaces/security/files?path={path}",
        body=body,
        content_type="multipart/form-data; boundary=BB",
    )
    assert answer.status == 422, answer.text


def test_a_value_of_the_kv_store_can_t_upset_the_engine(server: Server) -> None:
    place = "/api/v1/main/namespaces/security/kv/odd"
    for value in ("[" * 100_000, '{"a":' * 100_000, "[" * 900 + "]" * 900):
        assert server.call("PUT", place, body=value, content_type="text/plain").status == 422
    # Half of a surrogate pair is no UTF-8: it must not take other commands of its frame along.
    assert server.call("PUT", place, body='"\\ud800 x"', content_type="text/plain").status == 200
    assert server.call("GET", place).json["value"] == "? x"


def test_nobody_else_reads_what_lies_in_the_home(server: Server) -> None:
    open_folders = {
        path.name
        for path in Path(server.home).iterdir()
        if path.is_dir() and path.name != "console" and stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert not open_folders
    database = () if server.clustered else ("flowdeck.db", "flowdeck.db-wal")
    for name in (*database, "secret.key"):
        assert stat.S_IMODE((Path(server.home) / name).stat().st_mode) == 0o600, name


TYPES = "io.kestra.plugin.core.http"
REFUSED = "may not be reached from here"


def test_tasks_reach_no_blocked_address(server: Server) -> None:
    """Check 20: the same list for tasks, the function and proxies; every spelling of an address; one exception."""
    port = server.management_port
    places = {
        "plain": f"http://127.0.0.1:{port}/health",
        "name": f"http://localhost:{port}/health",
        "decimal": f"http://2130706433:{port}/health",
        "hexadecimal": f"http://0x7f000001:{port}/health",
        "short": f"http://127.1:{port}/health",
        "mapped": f"http://[::ffff:127.0.0.1]:{port}/health",
        "v6": f"http://[::1]:{port}/health",
        "any": f"http://0.0.0.0:{port}/health",
        "credentials": f"http://example.com@127.0.0.1:{port}/health",
    }
    tasks = [{"id": name, "type": f"{TYPES}.Request", "uri": uri, "allowFailure": True} for name, uri in places.items()]
    tasks.append({"id": "download", "type": f"{TYPES}.Download", "uri": places["plain"], "allowFailure": True})
    proxies = (
        {"type": "HTTP", "address": "127.0.0.1", "port": port},
        {"type": "SOCKS", "address": "127.0.0.1", "port": 1},
    )
    for number, proxy in enumerate(proxies):
        task = {
            "id": f"by{number}",
            "type": f"{TYPES}.Request",
            "uri": "http://192.0.2.1/",
            "options": {"proxy": proxy},
        }
        tasks.append(task | {"allowFailure": True})
    log = "io.kestra.plugin.core.log.Log"
    tasks.append(
        {"id": "function", "type": log, "message": "{{ http('" + places["plain"] + "') }}", "allowFailure": True}
    )
    tasks.append({"id": "excepted", "type": f"{TYPES}.Request", "uri": "http://127.0.0.9:1/", "allowFailure": True})
    tasks.append({"id": "octal", "type": f"{TYPES}.Request", "uri": "http://0177.0.0.1/", "allowFailure": True})
    for scheme in ("file:///etc/passwd", "gopher://127.0.0.1:1/_x", "ftp://127.0.0.1/x", "unix:///run/x"):
        name = scheme.partition(":")[0]
        tasks.append({"id": name, "type": f"{TYPES}.Request", "uri": scheme, "allowFailure": True})
    ended = server.run(json.dumps({"id": "forgery", "namespace": "security", "tasks": tasks}), seconds=60)
    states = {run["taskId"]: run["state"]["current"] for run in ended["taskRunList"]}
    assert states == {str(task["id"]): "WARNING" for task in tasks}, states
    errors = {line.get("taskId"): line["message"] for line in server.logs(ended["id"]) if line["level"] == "ERROR"}
    for name in (*places, "download", "by0", "by1", "function"):
        assert REFUSED in errors[name], (name, errors[name])
    assert REFUSED not in errors["excepted"]
    for name in ("file", "gopher", "ftp", "unix"):
        assert "not an http or https URI" in errors[name], errors[name]


PAUSED = """
id: paused
namespace: security
tasks: [{id: wait, type: io.kestra.plugin.core.flow.Pause}]
"""


def login(server: Server) -> dict[str, str]:
    """Headers of a fresh session."""
    body = {"username": server.username, "password": server.password}
    origin = {"Origin": f"http://127.0.0.1:{server.port}"}
    answer = server.call("POST", "/login", json_body=body, headers=origin, auth=False)
    assert answer.status == 200, answer.text
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0], **origin}


@pytest.mark.parametrize("kind", ["follow", "follow-dependencies", "logs", "stream", "stream of topics"])
def test_streams_end_with_their_session(server: Server, kind: str) -> None:
    """Check 8: at the logout, in good form, for every kind of stream."""
    server.save_flow(PAUSED)
    execution = server.execute("security", "paused")["id"]
    paths = {
        "follow": f"/api/v1/main/executions/{execution}/follow",
        "follow-dependencies": f"/api/v1/main/executions/{execution}/follow-dependencies",
        "logs": f"/api/v1/main/logs/{execution}/follow",
        "stream": f"/api/v1/main/console/stream?execution={execution}&logs=INFO",
        "stream of topics": "/api/v1/main/console/stream?topics=executions",
    }
    mine, other = login(server), login(server)
    with httpx.Client(base_url=server.url, timeout=20) as client:
        with (
            client.stream("GET", paths[kind], headers=mine) as stream,
            client.stream("GET", paths[kind], headers=other) as rest,
        ):
            source, others = stream.iter_raw(), rest.iter_raw()
            if kind != "stream of topics":  # nothing has happened yet
                assert next(source) and next(others)
            began = time.monotonic()
            assert server.call("POST", "/logout", headers=mine, auth=False).status == 204
            for _ in source:
                pass
            assert time.monotonic() - began < 10
            assert not rest.is_closed
        assert client.get("/api/v1/main/flows/search", headers=mine).status_code == 401
        assert client.get("/api/v1/main/flows/search", headers=other).status_code == 200
    assert "without completing response" not in server.output()


SIGNED = """
id: signed
namespace: security
tasks: [{id: show, type: io.kestra.plugin.core.log.Log, message: "{{ trigger.body }}"}]
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: signed-key-0123456789
    signature: {header: X-Hub-Signature-256, prefix: sha256=, secret: "{{ secret('CANARY') }}"}
"""


def test_a_signed_webhook_takes_signed_calls_only(server: Server) -> None:
    """Check 12: an HMAC over the raw bytes, by a secret of the instance, before anything is made of the call."""
    server.save_flow(SIGNED)
    place, body = "/api/v1/main/executions/webhook/security/signed/signed-key-0123456789", b'{"a":  1}'
    right = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    answer = server.call("POST", place, body=body, headers={"X-Hub-Signature-256": right}, auth=False)
    assert answer.status == 200, answer.text
    assert answer.json["trigger"]["variables"]["body"] == {"a": 1}
    for sent, headers in (
        (body, {}),
        (b'{"a": 1}', {"X-Hub-Signature-256": right}),
        (body, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
    ):
        refused = server.call("POST", place, body=sent, headers=headers, auth=False)
        assert refused.status == 403 and SECRET not in refused.text, refused.text
    found = server.call("GET", "/api/v1/main/executions/search?filters[flowId][EQUALS]=signed").json
    assert found["total"] == 1
