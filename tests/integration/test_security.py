"""What an attacker tries first, on a real server: paths, names, archives, eval, modes of files (spec: quality §3.2)."""

from __future__ import annotations

import io
import json
import socket
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, running_server

SECRET = "env-canary-5531"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("security") / "home"
    home.mkdir(mode=0o755)
    with running_server(home, SECRET_CANARY="ZW52LWNhbmFyeS01NTMx") as running:
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
