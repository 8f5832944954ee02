"""Properties that every task has, on the real server: cache, log to file, files (spec: workflow components §6, §7)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, run_of, states
from tests.support.server import Server

pytestmark = pytest.mark.timeout(90)
SHELL = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}"


def test_a_cached_result_is_used_for_equal_rendered_properties(server: Server) -> None:
    """§7.4: the key is made of rendered properties, not of the revision; only runs that were made refresh it."""
    body = """
    inputs: [{{id: who, type: STRING, defaults: ada}}]
    tasks:
      - {{id: once, {shell}, taskCache: {{enabled: true, ttl: {ttl}}},
          commands: ["echo {{{{ inputs.who }}}} ran", "echo '::{{\\"outputs\\": {{\\"at\\": \\"'$(date +%s%N)'\\"}}}}::'"]}}
      - {{id: free, {shell}, taskCache: {{enabled: false}}, commands: ["echo free"]}}
    """
    source = flow_text("cached", body.format(shell=SHELL, ttl="PT1H"))
    first = server.run(source)
    second = server.run(source + "description: another revision\n")
    other = server.run(source, {"who": "grace"})
    at = [run_of(one, "once")["outputs"]["vars"]["at"] for one in (first, second, other)]
    assert at[0] == at[1] != at[2]
    assert messages(server, first["id"], "ada ran")
    said = messages(server, second["id"])
    assert "ada ran" not in said
    assert any(line.startswith("The cached result of ") for line in said)
    assert len(run_of(second, "once")["attempts"]) == 1
    third = server.run(flow_text("cached", body.format(shell=SHELL, ttl="PT0.001S")))  # age is looked at when read
    assert run_of(third, "once")["outputs"]["vars"]["at"] != at[0]


def test_failures_are_not_cached(server: Server) -> None:
    source = flow_text(
        "cached-failure",
        f"""
        tasks: [{{id: bad, {SHELL}, taskCache: {{enabled: true}}, commands: ["echo ran", "exit 3"]}}]
        """,
    )
    for _ in range(2):
        done = server.run(source)
        assert done["state"]["current"] == "FAILED"
        assert messages(server, done["id"], "ran")


def test_lines_go_to_a_file_instead_of_the_store(server: Server) -> None:
    """§6: `logToFile`; the attempt tells where the file is."""
    done = server.run(
        flow_text(
            "to-file",
            """
            tasks:
              - {id: quiet, type: @log.Log, logToFile: true, message: only in the file}
              - {id: loud, type: @log.Log, message: "in the store"}
            """,
        )
    )
    said = messages(server, done["id"], "in the store")
    assert "only in the file" not in said
    uri = run_of(done, "quiet")["attempts"][0]["logFile"]
    answer = server.call("GET", f"/api/v1/main/executions/{done['id']}/file?path={uri}")
    assert answer.text.endswith(" INFO only in the file\n")
    assert "logFile" not in run_of(done, "loud")["attempts"][0]


def test_the_lowest_level_that_is_kept(server: Server) -> None:
    done = server.run(
        flow_text(
            "levels",
            """
            tasks:
              - {id: a, type: @log.Log, logLevel: WARN, message: [one, two], level: INFO}
              - {id: b, type: @log.Log, logLevel: WARN, message: three, level: WARN}
            """,
        )
    )
    said = messages(server, done["id"], "three")
    assert not {"one", "two"} & set(said)


def test_a_timeout_may_be_an_expression(server: Server) -> None:
    done = server.run(
        flow_text(
            "timeouts",
            """
            inputs: [{id: span, type: STRING, defaults: PT0.2S}]
            tasks: [{id: nap, type: @flow.Sleep, duration: PT30S, timeout: "{{ inputs.span }}", version: 1.2.3,
                     assets: {inputs: [{id: x}]}}]
            """,
        )
    )
    assert states(done) == [("nap", "FAILED")]
    assert messages(server, done["id"], "Timeout after 00:00:00.200")


@pytest.mark.parametrize(
    ("behavior", "state", "seen"),
    [("OVERWRITE", "SUCCESS", "two"), ("IGNORE", "SUCCESS", "one"), ("WARN", "WARNING", "one"), ("FAIL", "FAILED", "")],
)
def test_namespace_files_that_exist_already(server: Server, behavior: str, state: str, seen: str) -> None:
    """§7.2: two namespaces with one path."""
    put_file(server, "conformance.nsa", "same/x.txt", "one")
    put_file(server, "conformance.nsb", "same/x.txt", "two")
    done = server.run(
        flow_text(
            f"ns-files-{behavior.lower()}",
            f"""
            tasks:
              - {{id: look, {SHELL}, commands: ["cat same/x.txt; echo"],
                  namespaceFiles: {{enabled: true, namespaces: [conformance.nsa, conformance.nsb],
                                    ifExists: {behavior}}}}}
            """,
        )
    )
    assert done["state"]["current"] in (state, "SUCCESS" if state == "WARNING" else state)
    if seen:
        assert messages(server, done["id"], seen)


def test_namespace_files_in_folders_with_globs_and_input_files_win(server: Server) -> None:
    """§7.2: include, exclude, folderPerNamespace; `inputFiles` overwrite namespace files."""
    for path in ("pick/a.txt", "pick/b.sql", "pick/deep/c.txt", "other.txt"):
        put_file(server, "conformance.pick", path, path)
    done = server.run(
        flow_text(
            "ns-files-globs",
            f"""
            tasks:
              - {{id: apart, {SHELL}, commands: ["find . -type f | sort | tr '\\\\n' ' '; echo"],
                  namespaceFiles: {{enabled: true, namespaces: [conformance.pick], folderPerNamespace: true,
                                    include: ["pick/**"], exclude: ["**/*.sql"]}}}}
              - {{id: wins, {SHELL}, inputFiles: {{pick/a.txt: mine}}, commands: ["cat pick/a.txt; echo"],
                  namespaceFiles: {{enabled: true, namespaces: [conformance.pick]}}}}
            """,
        )
    )
    assert done["state"]["current"] == "SUCCESS"
    listing = "./conformance.pick/pick/a.txt ./conformance.pick/pick/deep/c.txt "
    assert messages(server, done["id"], listing, "mine")


def test_outputs_carried_by_a_failure_are_kept(server: Server) -> None:
    """§7.1: outputs of an exception."""
    done = server.run(
        flow_text(
            "failed-outputs",
            f"""
            tasks:
              - {{id: bad, {SHELL}, commands: ["echo '::{{\\"outputs\\": {{\\"n\\": 1}}}}::'", "exit 7"]}}
            errors:
              - {{id: tell, type: @log.Log, message: "n={{{{ outputs.bad.vars.n }}}}"}}
            """,
        )
    )
    assert done["state"]["current"] == "FAILED"
    assert messages(server, done["id"], "n=1")
