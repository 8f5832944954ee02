"""KV pairs, secrets and namespace files as flows and callers meet them (spec: concepts of KV store, secrets, namespace
files; REST contract §12, §13; expressions §8)."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, put_kv, refused, run_of
from tests.support.server import Server, eventually, multipart

ROOT, NAMESPACE = "stores", "stores.team.part"


def kv(server: Server, method: str, path: str, body: str | None = None, **headers: str) -> Any:
    return server.call(
        method,
        f"/api/v1/main/namespaces/{path}",
        body=body,
        content_type="text/plain" if body else None,
        headers=headers,
    )


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ('"text"', "STRING", "text"),
        ('"PT1H"', "DURATION", "PT1H"),
        ("P1DT2H", "DURATION", "P1DT2H"),
        ("42", "NUMBER", 42),
        ("-1.5", "NUMBER", -1.5),
        ("true", "BOOLEAN", True),
        ("2026-01-31", "DATE", "2026-01-31"),
        ('"2026-01-31"', "DATE", "2026-01-31"),
        ("2026-01-31T10:00:00Z", "DATETIME", "2026-01-31T10:00:00Z"),
        ('{"a": [1, null]}', "JSON", {"a": [1, None]}),
        ("[1]", "JSON", [1]),
    ],
)
def test_a_value_has_the_type_that_its_text_shows(server: Server, body: str, kind: str, value: Any) -> None:
    assert kv(server, "PUT", f"{ROOT}/kv/typed", body).status == 200
    told = kv(server, "GET", f"{ROOT}/kv/typed").json
    assert (told["type"], told["value"]) == (kind, value)


def test_pairs_have_versions_descriptions_and_an_end(server: Server) -> None:
    for number in (1, 2, 3):
        assert kv(server, "PUT", f"{ROOT}/kv/life", str(number), description=f"no {number}").status == 200
    told = kv(server, "GET", f"{ROOT}/kv/life/detail").json
    assert (told["version"], told["revision"], told["description"]) == (3, 3, "no 3")
    assert "expirationDate" not in told and told["creationDate"] < told["updateDate"]
    assert kv(server, "PUT", f"{ROOT}/kv/life", "4", ttl="PT1S").status == 200
    told = kv(server, "GET", f"{ROOT}/kv/life/detail").json
    assert told["version"] == 4 and told["expirationDate"] > told["updateDate"]
    assert told["description"] == "no 3"  # what is not said stays
    eventually(lambda: kv(server, "GET", f"{ROOT}/kv/life").status == 410, seconds=5, what="the pair's end")
    listed = server.call("GET", f"/api/v1/main/kv?filters[namespace][EQUALS]={ROOT}&size=100").json["results"]
    assert "life" not in [one["key"] for one in listed]
    assert kv(server, "DELETE", f"{ROOT}/kv/life").json is False
    for ttl in ("soon", "PT-1S"):
        assert kv(server, "PUT", f"{ROOT}/kv/life", "5", ttl=ttl).status == 422
    for key in ("-x", ".x", "a%20b", "a%2Fb"):
        assert kv(server, "PUT", f"{ROOT}/kv/{key}", "1").status in (404, 422)
    for body in ("plain words", "{", ""):
        assert kv(server, "PUT", f"{ROOT}/kv/bad", body or " ").status == 422


def test_expressions_walk_up_the_namespaces(server: Server) -> None:
    """Expressions §8: without namespace upwards from the flow's, with one only there."""
    put_kv(server, ROOT, "a", "root")
    put_kv(server, ROOT, "b", "root")
    put_kv(server, "stores.team", "b", {"of": "team"})
    put_kv(server, NAMESPACE, "c", [1, 2.5, None])
    put_kv(server, NAMESPACE, "when", "2026-01-31")
    cases = {
        "{{ kv('a') }}": "root",
        "{{ kv('b').of }}": "team",
        "{{ kv('c')[1] + kv('c') | length }}": "5.5",
        "{{ kv('when') | dateAdd(1, 'DAYS', 'yyyy-MM-dd') }}": "2026-02-01",
        "{{ kv('b', 'stores') }}": "root",
        "{{ kv(key='b', namespace='stores', errorOnMissing=true) }}": "root",
        "{{ kv('c', namespace='stores.team', errorOnMissing=false) ?? 'not there' }}": "not there",
        "{{ kv('none', errorOnMissing=false) is null }}": "true",
    }
    tasks = [f"  - {{id: t{n}, type: @debug.Return, format: {json.dumps(text)}}}" for n, text in enumerate(cases)]
    wrong = """
  - {id: none, type: @debug.Return, format: "{{ kv('none') }}", allowFailure: true}
  - {id: there, type: @debug.Return, format: "{{ kv('c', 'stores') }}", allowFailure: true}
"""
    ended = server.run(flow_text("walks", "\n".join(["tasks:", *tasks]) + wrong, NAMESPACE))
    assert {text: run_of(ended, f"t{n}")["outputs"]["value"] for n, text in enumerate(cases)} == cases
    said = "\n".join(messages(server, ended["id"]))
    assert f"The key 'none' does not exist in the namespace '{NAMESPACE}'." in said
    assert "The key 'c' does not exist in the namespace 'stores'." in said
    inherited = kv(server, "GET", f"{NAMESPACE}/kv/inheritance").json
    assert {(one["namespace"], one["key"]) for one in inherited} >= {("stores", "a"), ("stores.team", "b")}


def test_an_expired_pair_is_missing(server: Server) -> None:
    assert kv(server, "PUT", f"{NAMESPACE}/kv/gone", "1", ttl="PT0.2S").status == 200
    put_kv(server, ROOT, "gone", "of the root")
    time.sleep(0.3)
    ended = server.run(
        flow_text(
            "expired",
            """
            tasks:
              - {id: up, type: @debug.Return, format: "{{ kv('gone') }}"}
              - {id: here, type: @debug.Return, format: "{{ kv('gone', 'stores.team.part', false) ?? 'none' }}"}
            """,
            NAMESPACE,
        )
    )
    assert [run_of(ended, task)["outputs"]["value"] for task in ("up", "here")] == ["of the root", "none"]


def secret(server: Server, namespace: str, key: str, value: str, **more: Any) -> Any:
    body = {"key": key, "value": value, **more}
    return server.call("PUT", f"/api/v1/main/namespaces/{namespace}/secrets", json_body=body)


def test_secrets_are_found_upwards_and_never_told(server: Server) -> None:
    """REST contract §13, enterprise and operations F22: namespace, its parents, the instance's variables last."""
    assert (
        secret(
            server, ROOT, "ABOVE", "value-of-the-root", description="above", tags=[{"key": "team", "value": "a"}]
        ).status
        == 200
    )
    assert secret(server, "stores.team", "BOTH", "value-of-the-team").status == 200
    assert secret(server, ROOT, "BOTH", "value-of-the-root-2").status == 200
    assert secret(server, NAMESPACE, "CONFORMANCE_TOKEN", "value-in-place-of-the-variable").status == 200
    ended = server.run(
        flow_text(
            "finds_secrets",
            """
            tasks:
              - id: right
                type: @execution.Assert
                conditions:
                  - "{{ (secret('ABOVE') | sha256) == ('value-of-the-root' | sha256) }}"
                  - "{{ (secret('BOTH') | sha256) == ('value-of-the-team' | sha256) }}"
                  - "{{ (secret('BOTH', namespace='stores') | sha256) == ('value-of-the-root-2' | sha256) }}"
                  - "{{ (secret('CONFORMANCE_TOKEN') | sha256) == ('value-in-place-of-the-variable' | sha256) }}"
                  - "{{ (secret('CONFORMANCE_TOKEN', 'stores') | sha256) == ('hush-8-hush-token' | sha256) }}"
                  - "{{ secret('CONFORMANCE_JSON', subkey='user') == 'ada' }}"
              - {id: no, type: @log.Log, message: "{{ secret('ABOVE', 'elsewhere') }}", allowFailure: true}
            """,
            NAMESPACE,
        )
    )
    assert run_of(ended, "right")["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert any("Cannot find secret for key 'ABOVE'" in line for line in messages(server, ended["id"]))
    listed = server.call("GET", "/api/v1/main/namespaces/stores/secrets").json
    assert listed["readOnly"] is False
    above = next(one for one in listed["results"] if one["key"] == "ABOVE")
    assert above == {"key": "ABOVE", "namespace": ROOT, "description": "above", "tags": [{"key": "team", "value": "a"}]}
    patch = {"description": "changed", "tags": []}
    assert server.call("PATCH", "/api/v1/main/namespaces/stores/secrets/ABOVE", json_body=patch).status == 200
    listed = server.call("GET", "/api/v1/main/secrets?size=100").json
    changed = next(one for one in listed["results"] if one["key"] == "ABOVE")
    assert changed == {"key": "ABOVE", "namespace": ROOT, "description": "changed", "tags": []}
    assert any(one["key"] == "CONFORMANCE_TOKEN" and "namespace" not in one for one in listed["results"])
    assert secret(server, ROOT, "EMPTY", "").status == 422 and secret(server, ROOT, "X", "x", tags="t").status == 422
    inherited = server.call("GET", f"/api/v1/main/namespaces/{NAMESPACE}/inherited-secrets").json
    assert "BOTH" in inherited["stores.team"] and set(inherited["stores"]) >= {"ABOVE", "BOTH"}
    path = f"/api/v1/main/namespaces/{NAMESPACE}/secrets/CONFORMANCE_TOKEN"
    assert server.call("DELETE", path).status == 204
    assert server.call("DELETE", path).status == 404


def test_files_of_namespaces_are_read_where_they_are(server: Server) -> None:
    """File access: `nsfile:///` is the own namespace alone, `nsfile://other/` another one; revisions stay readable."""
    put_file(server, ROOT, "/q/one.sql", "select 1")
    put_file(server, NAMESPACE, "/q/two.sql", "select 2")
    put_file(server, NAMESPACE, "/empty.txt", "")
    put_file(server, NAMESPACE, quote("/ü ber/a b.txt"), "umlaut")
    cases = {
        "{{ read('q/two.sql') }}": "select 2",
        "{{ read('/q/two.sql') }}": "select 2",
        "{{ read('nsfile:///q/two.sql') }}": "select 2",
        "{{ read('nsfile://stores/q/one.sql') }}": "select 1",
        "{{ read('q/one.sql', namespace='stores') }}": "select 1",
        "{{ read('ü ber/a b.txt') }}": "umlaut",
        "{{ fileSize('q/two.sql') }} {{ fileSize('q/one.sql', 'stores') }}": "8 8",
        "{{ fileExists('q/two.sql') }} {{ fileExists('q/one.sql') }} {{ fileExists('q') }}": "true false false",
        "{{ isFileEmpty('empty.txt') }} {{ isFileEmpty('q/two.sql') }}": "true false",
        "{{ fileURI('q/two.sql') }}": "kestra:///stores/team/part/_files/q/two.sql",
        "{{ fileURI('x.txt', namespace='stores') }}": "kestra:///stores/_files/x.txt",
    }
    fails = {
        "{{ read('q/one.sql') }}": "q/one.sql (File not found)",  # no look upwards
        "{{ read('nsfile:///q/one.sql') }}": "q/one.sql (File not found)",
        "{{ read('../secret.key') }}": "",
        "{{ read('nsfile:///../../x') }}": "",
        "{{ fileURI('../x') }}": "",
        "{{ read('s3://bucket/x') }}": "scheme not supported",
        "{{ read('file:///etc/passwd') }}": "",
        "{{ fileSize('none.txt') }}": "none.txt (File not found)",
    }
    tasks = [f"  - {{id: t{n}, type: @debug.Return, format: {json.dumps(text)}}}" for n, text in enumerate(cases)]
    tasks += [
        f"  - {{id: f{n}, type: @debug.Return, format: {json.dumps(text)}, allowFailure: true}}"
        for n, text in enumerate(fails)
    ]
    ended = server.run(flow_text("reads_files", "\n".join(["tasks:", *tasks]), NAMESPACE))
    said = messages(server, ended["id"])
    assert {text: run_of(ended, f"t{n}")["outputs"]["value"] for n, text in enumerate(cases)} == cases, said
    for n, (text, words) in enumerate(fails.items()):
        assert run_of(ended, f"f{n}")["state"]["current"] == "WARNING", text
        assert any(words in line for line in said), (text, said)


def test_a_file_keeps_its_revisions(server: Server) -> None:
    base = "/api/v1/main/namespaces/stores.files/files"
    for number in (1, 2, 3):
        put_file(server, "stores.files", "/deep/r.txt", f"content {number}")
    assert server.call("GET", f"{base}/revisions?path=/deep/r.txt").json == [{"revision": n} for n in (1, 2, 3)]
    for number in (1, 2, 3):
        assert server.call("GET", f"{base}?path=/deep/r.txt&revision={number}").text == f"content {number}"
    assert server.call("GET", f"{base}?path=/deep/r.txt&revision=9").status == 404
    assert server.call("PUT", f"{base}?from=/deep/r.txt&to=/other/s.txt").status == 200
    assert server.call("GET", f"{base}?path=/other/s.txt").text == "content 3"
    assert server.call("GET", f"{base}?path=/deep/r.txt").status == 404
    assert [one["fileName"] for one in server.call("GET", f"{base}/directory?path=/other").json] == ["s.txt"]
    assert server.call("DELETE", f"{base}?path=/other").status == 200
    assert server.call("GET", f"{base}/directory?path=/other").status == 404


def archive(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A multipart body with a zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    body, kind = multipart({"fileContent": packed.getvalue()})
    return body.replace(b'filename="fileContent"', b'filename="files.zip"'), kind


def test_an_archive_is_unpacked_unless_it_is_a_bomb(server: Server) -> None:
    """REST contract §13; quality §2.3, fault 24: zip bombs and paths that climb."""
    base = "/api/v1/main/namespaces/stores.zip/files?path=/in/files.zip"
    flow = flow_text("zipped", "tasks: [{id: a, type: @log.Log, message: hi}]", "stores.zip").encode()
    body, kind = archive({"a.txt": b"one", "deep/b.bin": bytes(3_000_000), "../c.txt": b"x"})
    assert server.call("POST", base, body=body, content_type=kind).status == 422
    body, kind = archive({"a.txt": b"one", "deep/b.bin": bytes(3_000_000)})
    assert server.call("POST", base, body=body, content_type=kind).status == 200
    found = server.call("GET", "/api/v1/main/namespaces/stores.zip/files/search?q=").json
    assert {path.rpartition("/")[2] for path in found} >= {"a.txt", "b.bin"}
    body, kind = archive({"bomb.bin": bytes(200_000_000)})
    assert len(body) < 1_000_000
    began = time.monotonic()
    answer = server.call("POST", base, body=body, content_type=kind)
    assert answer.status == 413 and time.monotonic() - began < 5, answer.text
    body, kind = archive({"zipped.yaml": flow})
    path = "/api/v1/main/namespaces/stores.zip/files?path=/_flows/flows.zip"
    assert server.call("POST", path, body=body, content_type=kind).status == 200
    assert server.call("GET", "/api/v1/main/flows/stores.zip/zipped").status == 200


def test_namespaces_come_by_themselves_with_their_parents(server: Server) -> None:
    """REST contract §13: by flows, pairs, files or secrets; all ancestors and the system namespace besides."""
    put_kv(server, "implicit.by.pair", "k", 1)
    put_file(server, "implicit.by.file", "/x", "x")
    assert secret(server, "implicit.by.secret", "K", "some-value").status == 200
    listed = server.call("GET", "/api/v1/main/namespaces/search?size=500").json["results"]
    names = {one["id"] for one in listed}
    assert {"implicit", "implicit.by", "implicit.by.pair", "implicit.by.file", "implicit.by.secret", "system"} <= names
    assert all(one["deleted"] is False for one in listed)
    assert server.call("GET", "/api/v1/main/namespaces/not.there.yet").status == 200


def test_variables_of_the_environment_are_lower_case(server: Server) -> None:
    """Workflow components §20: `ENV_` in `envs`; the server's own variables are no business of flows."""
    ended = server.run(
        flow_text(
            "environment",
            """
            tasks:
              - {id: one, type: @debug.Return, format: "{{ envs.conformance }} {{ envs.path ?? 'none' }}"}
            """,
        )
    )
    assert run_of(ended, "one")["outputs"]["value"] == "of the environment none"


def test_a_selection_may_be_made_of_pairs(server: Server) -> None:
    """Inputs may ask a worker: pairs, and maps as they are."""
    put_kv(server, ROOT, "choices", ["red", "green"])
    put_kv(server, ROOT, "preset", {"n": 5})
    server.save_flow(
        flow_text(
            "chosen",
            """
            inputs:
              - {id: colour, type: SELECT, expression: "{{ kv('choices') }}"}
              - {id: preset, type: JSON, defaults: "{{ kv('preset') }}"}
            tasks:
              - {id: one, type: @debug.Return, format: "{{ inputs.colour }} {{ inputs.preset.n + 1 }}"}
            """,
            ROOT,
        )
    )
    ended = server.finished(server.execute(ROOT, "chosen", {"colour": "green"})["id"])
    assert run_of(ended, "one")["outputs"]["value"] == "green 6"
    assert refused(server, ROOT, "chosen", {"colour": "blue"})[0] == 422
