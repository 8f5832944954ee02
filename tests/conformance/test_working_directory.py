"""WorkingDirectory on the real server: one folder, files, cache, failures, kills (spec: workflow components §8.9)."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)
SHELL = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}"


def test_children_share_a_folder_and_see_each_other(server: Server) -> None:
    put_file(server, "conformance", "wd/lib.txt", "from the namespace")
    done = server.run(
        flow_text(
            "wd-shared",
            f"""
            inputs: [{{id: who, type: STRING, defaults: world}}]
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                inputFiles: {{hello.txt: "hello {{{{ inputs.who }}}}"}}
                namespaceFiles: {{enabled: true, include: ["wd/**"]}}
                outputFiles: ["*.out"]
                tasks:
                  - {{id: one, {SHELL}, commands: ["cat hello.txt wd/lib.txt > made.out", "echo '::{{\\"outputs\\": {{\\"n\\": 7}}}}::'"]}}
                  - {{id: two, {SHELL}, commands: ["cat made.out; echo", "echo n={{{{ outputs.one.vars.n }}}} {{{{ tasks.one.state }}}}"]}}
                  - {{id: no, type: @log.Log, runIf: "false", message: never}}
              - {{id: after, type: @log.Log, message: "{{{{ read(outputs.wd.outputFiles['made.out']) }}}}|{{{{ outputs.one.vars.n }}}}"}}
            """,
        )
    )
    assert states(done) == [
        ("wd", "SUCCESS"),
        ("one", "SUCCESS"),
        ("two", "SUCCESS"),
        ("no", "SKIPPED"),
        ("after", "SUCCESS"),
    ]
    assert run_of(done, "one")["parentTaskRunId"] == run_of(done, "wd")["id"]
    assert messages(
        server, done["id"], "hello worldfrom the namespace", "n=7 SUCCESS", "hello worldfrom the namespace|7"
    )


def test_a_failed_child_stops_the_rest_and_errors_run_outside(server: Server) -> None:
    done = server.run(
        flow_text(
            "wd-fails",
            """
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                tasks:
                  - {id: mild, type: @execution.Fail, allowFailure: true}
                  - {id: bad, type: @execution.Fail, errorMessage: broke}
                  - {id: never, type: @log.Log, message: never}
                errors:
                  - {id: mend, type: @log.Log, message: "because {{ error.taskId }}"}
              - {id: after, type: @log.Log, message: never}
            """,
        )
    )
    assert states(done) == [("wd", "FAILED"), ("mild", "WARNING"), ("bad", "FAILED"), ("mend", "SUCCESS")]
    assert messages(server, done["id"], "broke")
    server.call("POST", f"/api/v1/main/executions/{done['id']}/restart")
    eventually(lambda: len(server.execution(done["id"])["state"]["histories"]) > 4, what="the restart")
    again = server.finished(done["id"])
    assert states(again) == [("wd", "FAILED"), ("mild", "WARNING"), ("bad", "FAILED"), ("mend", "SUCCESS")]
    assert run_of(again, "mild")["id"] != run_of(done, "mild")["id"]  # all children run again


def test_only_runnable_tasks_are_allowed(server: Server) -> None:
    source = flow_text(
        "wd-invalid",
        """
        tasks:
          - id: wd
            type: @flow.WorkingDirectory
            tasks: [{id: s, type: @flow.Sequential, tasks: [{id: l, type: @log.Log, message: x}]}]
        """,
    )
    answer = server.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml")
    assert answer.status == 422
    assert "tasks[0].tasks[0]: Only runnable tasks are allowed as children of a WorkingDirectory task" in answer.text


def test_a_cache_is_kept_for_the_next_execution(server: Server) -> None:
    source = flow_text(
        "wd-cache",
        f"""
        tasks:
          - id: wd
            type: @flow.WorkingDirectory
            cache: {{patterns: ["kept/**"], ttl: PT1H}}
            tasks:
              - {{id: look, {SHELL}, commands: ["cat kept/file 2>/dev/null || echo nothing", "mkdir -p kept; date +%N >> kept/file"]}}
        """,
    )
    first = server.run(source)
    assert messages(server, first["id"], "nothing")
    second = server.run(source)
    assert second["state"]["current"] == "SUCCESS"
    assert "nothing" not in messages(server, second["id"])


def test_inside_a_loop(server: Server) -> None:
    done = server.run(
        flow_text(
            "wd-loop",
            """
            tasks:
              - id: each
                type: @flow.ForEach
                values: [a, b]
                concurrencyLimit: 0
                tasks:
                  - id: wd
                    type: @flow.WorkingDirectory
                    tasks:
                      - {id: one, type: @debug.Return, format: "{{ taskrun.value }}1"}
                      - {id: two, type: @debug.Return, format: "{{ outputs.one[taskrun.value].value }}{{ parent.taskrun.value }}2"}
              - {id: after, type: @log.Log, message: "{{ outputs.two['a'].value }} {{ outputs.two['b'].value }}"}
            """,
        )
    )
    assert done["state"]["current"] == "SUCCESS", states(done)
    assert messages(server, done["id"], "a1a2 b1b2")


def test_timeouts_and_retries_of_children(server: Server) -> None:
    done = server.run(
        flow_text(
            "wd-retry",
            f"""
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                tasks:
                  - {{id: again, {SHELL}, commands: ["ls tried || (touch tried; exit 1)"],
                      retry: {{type: constant, interval: PT0.1S, maxAttempts: 3}}}}
                  - {{id: slow, type: @flow.Sleep, duration: PT30S, timeout: "PT{{{{ 0.3 }}}}S"}}
            """,
        )
    )
    assert states(done) == [("wd", "FAILED"), ("again", "SUCCESS"), ("slow", "FAILED")]
    assert [a["state"]["current"] for a in run_of(done, "again")["attempts"]] == ["FAILED", "SUCCESS"]
    history = [h["state"] for h in run_of(done, "again")["state"]["histories"]]
    assert history == ["CREATED", "RUNNING", "RETRYING", "RUNNING", "SUCCESS"]


def test_a_kill_stops_the_child_that_runs(server: Server) -> None:
    server.save_flow(
        flow_text(
            "wd-kill",
            """
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                tasks:
                  - {id: quick, type: @log.Log, message: x}
                  - {id: nap, type: @flow.Sleep, duration: PT60S}
                  - {id: never, type: @log.Log, message: x}
            """,
        )
    )
    started = server.execute("conformance", "wd-kill")
    eventually(lambda: ("nap", "RUNNING") in states(server.execution(started["id"])), what="the nap")
    server.call("DELETE", f"/api/v1/main/executions/{started['id']}/kill")
    done = server.finished(started["id"])
    assert done["state"]["current"] == "KILLED"
    assert states(done) == [("wd", "KILLED"), ("quick", "SUCCESS"), ("nap", "KILLED")]


def test_a_lost_worker_has_all_of_it_run_again(server: Server) -> None:
    server.save_flow(
        flow_text(
            "wd-lost",
            """
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                tasks:
                  - {id: quick, type: @log.Log, message: x}
                  - {id: nap, type: @flow.Sleep, duration: PT3S}
            """,
        )
    )
    started = server.execute("conformance", "wd-lost")
    eventually(lambda: ("nap", "RUNNING") in states(server.execution(started["id"])), what="the nap")
    for pid in server.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    done = server.finished(started["id"], seconds=60)
    assert done["state"]["current"] == "SUCCESS"
    assert states(done) == [("wd", "SUCCESS"), ("quick", "SUCCESS"), ("nap", "SUCCESS")]
    assert [a["state"]["current"] for a in run_of(done, "wd")["attempts"]] == ["KILLED", "SUCCESS"]
