"""Scripts and files from end to end: what goes into the working directory, what comes out (spec: §7.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)

T = "/api/v1/main"
SHELL = "type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {type: @runner.Process}"


def shell(id: str, *lines: str) -> str:
    """A shell task whose further lines are given, below `tasks:`."""
    return "\n".join([f"  - id: {id}", f"    {SHELL}", *(f"    {line}" for line in lines)])


def ran(server: Server, name: str, *tasks: str, head: str = "") -> Any:
    return server.run(flow_text(name, "\n".join([head, "tasks:", *tasks])))


def content(server: Server, execution: str, uri: str) -> str:
    answer = server.call("GET", f"{T}/executions/{execution}/file?path={quote(uri, safe='')}")
    assert answer.status == 200, answer.text
    return answer.text


def test_files_go_in_and_come_out(server: Server) -> None:
    put_file(server, "conformance", "/lib/a.txt", "namespace a")
    put_file(server, "conformance", "/lib/b.txt", "namespace b")
    put_file(server, "conformance", "/other/c.txt", "namespace c")
    ended = ran(
        server,
        "in_and_out",
        "  - {id: w, type: @storage.Write, content: written, extension: .txt}",
        shell(
            "s",
            "namespaceFiles: {enabled: true, include: ['lib/**']}",
            "inputFiles:",
            '  sub/uri.txt: "{{ outputs.w.uri }}"',
            '  text.txt: "text of {{ flow.id }}"',
            "  lib/b.txt: input wins",
            "  far.txt: nsfile:///other/c.txt",
            "outputFiles: ['out/**', '*.log']",
            "commands:",
            "  - mkdir -p out/deep",
            "  - cat sub/uri.txt text.txt lib/a.txt lib/b.txt far.txt > out/deep/all.txt",
            "  - test ! -e other",
            "  - echo log > x.log",
            "  - 'cat {{ outputs.w.uri }} > out/replaced.txt'",
            "  - 'pwd > out/pwd.txt; echo {{ workingDir }} $WORKING_DIR >> out/pwd.txt'",
        ),
        "  - {id: r, type: @log.Log, message: \"{{ read(outputs.s.outputFiles['out/deep/all.txt']) }}\"}",
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    files = run_of(ended, "s")["outputs"]["outputFiles"]
    assert sorted(files) == ["out/deep/all.txt", "out/pwd.txt", "out/replaced.txt", "x.log"]
    run = run_of(ended, "s")["id"]
    prefix = f"kestra:///conformance/in-and-out/executions/{ended['id']}/tasks/s/{run}/"
    assert all(uri.startswith(prefix) for uri in files.values())
    assert (
        content(server, ended["id"], files["out/deep/all.txt"])
        == "writtentext of in_and_outnamespace ainput winsnamespace c"
    )
    assert content(server, ended["id"], files["out/replaced.txt"]) == "written"
    here, told = content(server, ended["id"], files["out/pwd.txt"]).splitlines()
    assert told == f"{here} {here}"


def test_the_line_protocol(server: Server) -> None:
    ended = ran(
        server,
        "protocol",
        shell(
            "s",
            "commands:",
            """  - echo '::{"outputs":{"n":42,"list":[1,2],"nested":{"a":null}}}::'""",
            """  - echo '::{"outputs":{"n":43}}::'""",
            """  - echo '::{"metrics":[{"name":"rows","type":"counter","value":42,"tags":{"t":"x"}}]}::'""",
            """  - echo '::{"metrics":[{"name":"load","type":"timer","value":1.5}]}::'""",
            """  - echo '::{"logs":[{"level":"WARN","message":"late data"}]}::'""",
            """  - echo 'not ::{"outputs":{"no":1}}::'""",
            """  - printf 'no newline'""",
        ),
        '  - {id: r, type: @debug.Return, format: "{{ outputs.s.vars.n + 1 }} {{ outputs.s.vars.list[1] }}"}',
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    outputs = run_of(ended, "s")["outputs"]
    assert outputs["vars"] == {"n": 43, "list": [1, 2], "nested": {"a": None}} and outputs["exitCode"] == 0
    assert run_of(ended, "r")["outputs"]["value"] == "44 2"
    messages(server, ended["id"], "late data", 'not ::{"outputs":{"no":1}}::', "no newline")
    assert next(one["level"] for one in server.logs(ended["id"]) if one["message"] == "late data") == "WARN"
    metrics = {one["name"]: one for one in server.call("GET", f"{T}/metrics/{ended['id']}").json["results"]}
    assert metrics["rows"]["value"] == 42 and metrics["rows"]["tags"]["t"] == "x"
    assert metrics["load"]["type"] == "timer" and metrics["load"]["value"] == 1500


def test_exit_codes_and_stderr(server: Server) -> None:
    ended = ran(
        server,
        "exit_codes",
        shell("warned", "commands: ['echo oops >&2']"),
        shell("silent", "warningOnStdErr: false", "commands: ['echo oops >&2']"),
        shell("lax", "failFast: false", "commands: ['false', 'echo went on']"),
        shell("strict", "allowFailure: true", "commands: ['false', 'echo never']"),
        shell(
            "code",
            "outputFiles: [left.txt]",
            "commands: ['echo left > left.txt', 'exit 7']",
        ),
        head="errors: [{id: e, type: @log.Log, message: \"code {{ outputs.code.exitCode ?? 'none' }}\"}]",
    )
    assert ended["state"]["current"] == "FAILED"
    assert states(ended) == [
        ("warned", "WARNING"),
        ("silent", "SUCCESS"),
        ("lax", "SUCCESS"),
        ("strict", "WARNING"),
        ("code", "FAILED"),
        ("e", "SUCCESS"),
    ]
    said = messages(server, ended["id"], "went on", "Command failed with exit code 7")
    assert "never" not in said
    outputs = run_of(ended, "code")["outputs"]
    assert outputs["exitCode"] == 7
    assert content(server, ended["id"], outputs["outputFiles"]["left.txt"]) == "left\n"


def test_python_with_its_client(server: Server) -> None:
    ended = server.run(
        flow_text(
            "python_client",
            """
            inputs: [{id: names, type: JSON, defaults: '["ada", "bob"]'}]
            tasks:
              - id: py
                type: io.kestra.plugin.scripts.python.Script
                taskRunner: {type: @runner.Process}
                env: {GREETING: "hi {{ inputs.names[0] }}"}
                outputFiles: [result.json]
                script: |
                  import json, os
                  from kestra import Kestra
                  names = {{ inputs.names | toJson }}
                  with open("result.json", "w") as file:
                      json.dump({"count": len(names), "greeting": os.environ["GREETING"]}, file)
                  Kestra.outputs({"upper": [name.upper() for name in names]})
                  Kestra.counter("names", len(names), {"kind": "test"})
                  Kestra.timer("took", 0.25)
              - id: show
                type: @log.Log
                message: >-
                  {{ outputs.py.vars.upper[1] }}
                  {{ fromJson(read(outputs.py.outputFiles['result.json'])).greeting }}
            """,
        )
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    messages(server, ended["id"], "BOB hi ada")
    metrics = {one["name"]: one["value"] for one in server.call("GET", f"{T}/metrics/{ended['id']}").json["results"]}
    assert metrics["names"] == 2 and metrics["took"] == 250


def test_files_outside_the_working_directory_are_refused(server: Server) -> None:
    for name in ("../up.txt", "/tmp/abs.txt"):
        ended = ran(server, "escape", shell("s", f"inputFiles: {{'{name}': x}}", "commands: ['true']"))
        assert ended["state"]["current"] == "FAILED"
    ended = ran(server, "outside", "  - {id: r, type: @log.Log, message: \"{{ read('file:///etc/passwd') }}\"}")
    assert ended["state"]["current"] == "FAILED"
    ended = ran(server, "up", "  - {id: r, type: @log.Log, message: \"{{ read('kestra:///../../../etc/passwd') }}\"}")
    assert ended["state"]["current"] == "FAILED"


def test_tasks_of_internal_storage(server: Server) -> None:
    ended = ran(
        server,
        "storage_tasks",
        '  - {id: w, type: @storage.Write, content: "1\\n2\\n3\\n4\\n5\\n", extension: .txt}',
        '  - {id: size, type: @storage.Size, uri: "{{ outputs.w.uri }}"}',
        '  - {id: rows, type: @storage.Split, from: "{{ outputs.w.uri }}", rows: 2}',
        '  - {id: parts, type: @storage.Split, from: "{{ outputs.w.uri }}", partitions: 2}',
        '  - {id: rev, type: @storage.Reverse, from: "{{ outputs.w.uri }}"}',
        '  - {id: cat, type: @storage.Concat, files: "{{ outputs.rows.uris }}", separator: "-"}',
        '  - {id: del, type: @storage.Delete, uri: "{{ outputs.w.uri }}"}',
        '  - {id: del2, type: @storage.Delete, uri: "{{ outputs.w.uri }}", errorOnMissing: true, allowFailure: true}',
    )
    assert ended["state"]["current"] == "WARNING", messages(server, ended["id"])
    out = {run["taskId"]: run["outputs"] for run in ended["taskRunList"]}
    read = [content(server, ended["id"], uri) for uri in out["rows"]["uris"]]
    assert out["size"]["size"] == 10 and read == ["1\n2\n", "3\n4\n", "5\n"]
    assert [content(server, ended["id"], uri) for uri in out["parts"]["uris"]] == ["1\n3\n5\n", "2\n4\n"]
    assert content(server, ended["id"], out["rev"]["uri"]) == "5\n4\n3\n2\n1\n"
    assert content(server, ended["id"], out["cat"]["uri"]) == "1\n2\n-3\n4\n-5\n-"
    assert out["del"]["deleted"] is True


def test_tasks_of_namespace_files(server: Server) -> None:
    ended = ran(
        server,
        "namespace_tasks",
        "  - {id: w, type: @storage.Write, content: uploaded}",
        "  - id: up",
        "    type: @namespace.UploadFiles",
        '    namespace: "{{ flow.namespace }}"',
        '    filesMap: {"up/one.txt": "{{ outputs.w.uri }}"}',
        "  - id: down",
        "    type: @namespace.DownloadFiles",
        '    namespace: "{{ flow.namespace }}"',
        "    files: ['**up/*.txt']",
        "  - {id: read, type: @debug.Return, format: \"{{ read('up/one.txt') }} {{ fileExists('up/two.txt') }}\"}",
        "  - id: del",
        "    type: @namespace.DeleteFiles",
        '    namespace: "{{ flow.namespace }}"',
        "    files: ['**up/one.txt']",
        "  - {id: gone, type: @debug.Return, format: \"{{ read('up/one.txt') }}\", allowFailure: true}",
    )
    assert ended["state"]["current"] == "WARNING", messages(server, ended["id"])
    assert run_of(ended, "read")["outputs"]["value"] == "uploaded false"
    assert run_of(ended, "gone")["state"]["current"] == "WARNING"
    assert list(run_of(ended, "down")["outputs"]["files"]) == ["/up/one.txt"]


def test_large_outputs_are_read_like_small_ones(server: Server) -> None:
    ended = ran(
        server,
        "large_outputs",
        shell(
            "big",
            "commands:",
            """  - head -c 200000 /dev/zero | tr '\\0' x | sed 's/^/::{"outputs":{"text":"/; s/$/"}}::/'""",
        ),
        '  - {id: n, type: @debug.Return, format: "{{ outputs.big.vars.text | length }}"}',
        "  - id: which",
        "    type: @flow.If",
        '    condition: "{{ (outputs.big.vars.text | length) == 200000 }}"',
        "    then: [{id: yes, type: @log.Log, message: 'yes'}]",
        head='outputs: [{id: n, type: INT, value: "{{ outputs.big.vars.text | length }}"}]',
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert ended["outputs"] == {"n": 200000} and run_of(ended, "n")["outputs"]["value"] == "200000"
    assert ("yes", "SUCCESS") in states(ended)
    assert len(run_of(ended, "big")["outputs"]["vars"]["text"]) == 200000


def test_lines_are_kept_in_order_and_split_when_long(server: Server) -> None:
    ended = ran(
        server,
        "many_lines",
        shell(
            "s",
            "commands:",
            "  - for i in $(seq 3000); do echo line $i; done",
            "  - head -c 100000 /dev/zero | tr '\\0' y",
        ),
    )
    assert ended["state"]["current"] == "SUCCESS"

    def lines() -> list[str]:
        return [one["message"] for one in server.logs(ended["id"]) if one.get("taskId") == "s"]

    found = eventually(lambda: (f := lines()) and "".join(f[3000:]) == "y" * 100000 and f, what="all lines")
    assert found[:3000] == [f"line {n}" for n in range(1, 3001)]
    assert len(found) > 3001
