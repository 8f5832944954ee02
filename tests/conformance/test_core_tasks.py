"""Core tasks on the real server: items, states, history, purges, old script tasks (spec: core plugins §2–§8, §14)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowdeck.expr import ion
from tests.conformance.conftest import flow_text, messages, put_file, put_kv, run_of
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)


@dataclass
class Case:
    """A flow's body, its final state, outputs by task (those named), and errors that must be in the log."""

    body: str
    state: str = "SUCCESS"
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: tuple[str, ...] = ()


ROWS = """
          - id: rows
            type: @storage.Write
            extension: .ion
            content: |
              {id: 1, v: "a", n: 5}
              {"id": 2, "v": "b", "n": null}
              {id: 1, v: "c", n: 7}
"""

CASES: dict[str, Case] = {
    # §7
    "deduplicate_keeps_the_last_row_in_its_place": Case(
        f"""
        tasks:{ROWS}
          - {{id: d, type: io.kestra.core.tasks.storages.DeduplicateItems, from: "{{{{ outputs.rows.uri }}}}", expr: "{{{{ id }}}}"}}
          - {{id: r, type: @debug.Return, format: "{{{{ read(outputs.d.uri) }}}}"}}
        """,
        outputs={
            "d": {"numKeys": 2, "processedItemsTotal": 3, "droppedItemsTotal": 1},
            "r": {"value": '{"id": 2, "v": "b", "n": null}\n{id: 1, v: "c", n: 7}\n'},
        },
    ),
    "filter_keeps_rows_whose_condition_holds": Case(
        f"""
        tasks:{ROWS}
          - id: f
            type: @storage.FilterItems
            from: "{{{{ outputs.rows.uri }}}}"
            filterCondition: " {{{{ id == 1 }}}} "
          - id: x
            type: @storage.FilterItems
            from: "{{{{ outputs.rows.uri }}}}"
            filterCondition: "{{{{ n > 5 }}}}"
            filterType: EXCLUDE
            errorOrNullBehavior: INCLUDE
          - id: n
            type: @storage.FilterItems
            from: "{{{{ outputs.rows.uri }}}}"
            filterCondition: "{{{{ n }}}}"
            errorOrNullBehavior: EXCLUDE
        """,
        outputs={
            "f": {"processedItemsTotal": 3, "droppedItemsTotal": 1},
            "x": {"processedItemsTotal": 3, "droppedItemsTotal": 1},
            "n": {"processedItemsTotal": 3, "droppedItemsTotal": 1},
        },
    ),
    "filter_fails_on_null_by_default": Case(
        f"""
        tasks:{ROWS}
          - id: f
            type: @storage.FilterItems
            from: "{{{{ outputs.rows.uri }}}}"
            filterCondition: "{{{{ n }}}}"
        """,
        "FAILED",
        said=("filterCondition gives null, for the row in line 2",),
    ),
    "split_by_the_first_group_of_a_pattern": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: "a 1\\nb 2\\na 3\\nnone\\n"}
          - {id: s, type: @storage.Split, from: "{{ outputs.w.uri }}", regexPattern: "^(\\\\w) \\\\d"}
          - {id: n, type: @debug.Return, format: "{{ outputs.s.uris | length }} {{ read(outputs.s.uris[0]) }}"}
        """,
        outputs={"n": {"value": "2 a 1\na 3\n"}},
    ),
    "split_needs_to_know_how": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: "a"}
          - {id: s, type: @storage.Split, from: "{{ outputs.w.uri }}"}
        """,
        "FAILED",
        said=("One of bytes, partitions, rows and regexPattern is needed",),
    ),
    "bytes_win_over_partitions_over_rows": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: "1\\n2\\n3\\n4\\n"}
          - {id: a, type: @storage.Split, from: "{{ outputs.w.uri }}", bytes: 1KB, partitions: 2, rows: 1}
          - {id: b, type: @storage.Split, from: "{{ outputs.w.uri }}", partitions: 2, rows: 1}
          - {id: n, type: @debug.Return, format: "{{ outputs.a.uris | length }} {{ outputs.b.uris | length }}"}
        """,
        outputs={"n": {"value": "1 2"}},
    ),
    "concat_writes_the_separator_after_the_last_file_too": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: "x"}
          - {id: c, type: @storage.Concat, files: '["{{ outputs.w.uri }}", "{{ outputs.w.uri }}"]', separator: "-"}
          - {id: r, type: @storage.Reverse, from: "{{ outputs.c.uri }}", separator: "-"}
          - {id: n, type: @debug.Return, format: "{{ read(outputs.c.uri) }}"}
        """,
        outputs={"n": {"value": "x-x-"}},
    ),
    "deleting_a_missing_file": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: "x"}
          - {id: a, type: @storage.Delete, uri: "{{ outputs.w.uri }}"}
          - {id: b, type: @storage.Delete, uri: "{{ outputs.w.uri }}"}
          - {id: c, type: @storage.Delete, uri: "{{ outputs.w.uri }}", errorOnMissing: true}
        """,
        "FAILED",
        {"a": {"deleted": True}, "b": {"deleted": False}},
    ),
    "local_files_are_put_and_taken": Case(
        """
        tasks:
          - id: l
            type: io.kestra.core.tasks.storages.LocalFiles
            inputs: {a.txt: hello, sub/b.txt: there}
            outputs: ["**/*.txt"]
          - {id: n, type: @debug.Return, format: "{{ outputs.l.uris | keys | sort | join(',') }} {{ read(outputs.l.uris['a.txt']) }}"}
        """,
        outputs={"n": {"value": "a.txt,sub/b.txt hello"}},
    ),
    # §8
    "states_merge_and_are_kept_apart_by_loop_value": Case(
        """
        tasks:
          - {id: a, type: @state.Set, name: merge, data: {x: {one: 1}, y: 1}}
          - {id: b, type: io.kestra.core.tasks.states.Set, name: merge, data: {x: {two: 2}}}
          - {id: g, type: @state.Get, name: merge}
          - id: each
            type: @flow.ForEach
            values: [p, q]
            tasks:
              - {id: s, type: @state.Set, name: loop, data: {v: "{{ taskrun.value }}"}}
          - {id: none, type: @state.Get, name: loop}
          - {id: d, type: @state.Delete, name: merge}
          - {id: d2, type: @state.Delete, name: merge}
          - {id: shared, type: @state.Set, namespace: true, name: merge, data: '{"k": 1}'}
          - {id: miss, type: @state.Get, name: merge, errorOnMissing: true}
        """,
        "FAILED",
        {
            "a": {"count": 2},
            "b": {"count": 2},
            "g": {"count": 2, "data": {"x": {"one": 1, "two": 2}, "y": 1}},
            "none": {"count": 0, "data": {}},
            "d": {"deleted": True},
            "d2": {"deleted": False},
            "shared": {"count": 1},
        },
        ("State 'merge' was not found",),
    ),
    # §2
    "fetch_stores_lines_as_ion": Case(
        """
        tasks:
          - {id: a, type: @log.Log, message: [one, two]}
          - {id: b, type: @log.Log, message: three, level: WARN}
          - {id: all, type: io.kestra.core.tasks.log.Fetch}
          - {id: mine, type: @log.Fetch, tasksId: [b], level: WARN, executionId: "{{ execution.id }}"}
        """,
        outputs={"mine": {"size": 1}},
    ),
    "fetch_takes_flow_and_namespace_only_together": Case(
        """
        tasks:
          - {id: a, type: @log.Fetch, executionId: "{{ execution.id }}", flowId: "{{ flow.id }}"}
        """,
        "FAILED",
        said=("namespace and flowId are given both or not at all",),
    ),
    "fetch_needs_an_execution_with_its_flow": Case(
        """
        tasks:
          - {id: a, type: @log.Fetch, namespace: a.b, flowId: "{{ flow.id }}"}
        """,
        "FAILED",
        said=("namespace and flowId need an executionId",),
    ),
    "fetch_finds_only_executions_of_the_flow": Case(
        """
        tasks:
          - {id: a, type: @log.Fetch, executionId: "{{ execution.id }}", flowId: other, namespace: "{{ flow.namespace }}"}
        """,
        "FAILED",
    ),
    # §3
    "count_needs_flows_or_namespaces": Case(
        """
        tasks: [{id: c, type: @execution.Count, expression: "{{ count > 0 }}"}]
        """,
        "FAILED",
        said=("One of flows and namespaces is needed",),
    ),
    "count_keeps_rows_whose_expression_is_true": Case(
        """
        tasks:
          - id: c
            type: io.kestra.core.tasks.executions.Counts
            flows:
              - {namespace: "{{ flow.namespace }}", flowId: "{{ flow.id }}"}
              - {namespace: no.such, flowId: flow}
            namespaces: [also.none]
            expression: "{{ count < 5 }}"
        """,
        outputs={
            "c": {
                "results": [
                    {"namespace": "conformance", "flowId": "count_keeps_rows_whose_expression_is_true", "count": 1},
                    {"namespace": "no.such", "flowId": "flow", "count": 0},
                    {"namespace": "also.none", "flowId": None, "count": 0},
                ],
                "total": 1,
            }
        },
    ),
    "dates_need_a_zone": Case(
        """
        tasks:
          - {id: c, type: @execution.Count, namespaces: [x], startDate: "2030-01-01T00:00:00", expression: "true"}
        """,
        "FAILED",
    ),
    "resume_fails_when_nothing_is_paused": Case(
        """
        tasks: [{id: r, type: @execution.Resume, executionId: "{{ execution.id }}"}]
        """,
        "FAILED",
    ),
    # §14: script tasks of old flows
    "old_bash": Case(
        """
        tasks:
          - id: b
            type: io.kestra.core.tasks.scripts.Bash
            outputFiles: [out]
            inputFiles: {in.txt: hello}
            commands:
              - cat in.txt > {{ outputFiles.out }}
              - 'echo ''::{"outputs":{"n":1}}::'''
          - {id: n, type: @debug.Return, format: "{{ read(outputs.b.files.out) }} {{ outputs.b.vars.n }}"}
        """,
        outputs={"n": {"value": "hello 1"}},
    ),
    "old_python": Case(
        """
        tasks:
          - id: p
            type: io.kestra.core.tasks.scripts.Python
            inputFiles: {main.py: "print('::{\\"outputs\\": {\\"x\\": 2}}::')"}
            commands: ["./bin/python main.py"]
          - {id: n, type: @debug.Return, format: "{{ outputs.p.vars.x }}"}
        """,
        outputs={"n": {"value": "2"}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_tasks(server: Server, name: str) -> None:
    """State, outputs and failure texts, task by task."""
    case = CASES[name]
    done = server.run(flow_text(name, case.body))
    texts = messages(server, done["id"], *case.said)
    assert done["state"]["current"] == case.state, texts
    for task, wanted in case.outputs.items():
        found = run_of(done, task)["outputs"]
        assert {key: found.get(key) for key in wanted} == wanted


def test_fetched_rows_are_log_entries(server: Server) -> None:
    """§2 Fetch, workflow components §7.6: the members of an entry."""
    done = server.run(
        flow_text(
            "fetched_rows",
            """
            tasks:
              - {id: a, type: @log.Log, message: "line\\nbreak"}
              - {id: all, type: @log.Fetch, level: INFO, tasksId: [a]}
              - {id: r, type: @debug.Return, format: "{{ read(outputs.all.uri) }}"}
            """,
        )
    )
    rows = ion.load(run_of(done, "r")["outputs"]["value"])
    assert len(rows) == run_of(done, "all")["outputs"]["size"] == 1
    (row,) = rows
    assert {k: row[k] for k in ("namespace", "flowId", "taskId", "executionId", "level", "message")} == {
        "namespace": "conformance",
        "flowId": "fetched_rows",
        "taskId": "a",
        "executionId": done["id"],
        "level": "INFO",
        "message": "line\nbreak",
    }


def _later() -> str:
    return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()


def test_purging_executions_takes_rows_logs_metrics_and_files(server: Server) -> None:
    """§3 PurgeExecutions: counts, files and logs go; `states` and the prefix of the namespace choose."""
    flow = flow_text(
        "purged",
        """
        tasks:
          - {id: w, type: @storage.Write, content: hello}
          - {id: m, type: @metric.Publish, metrics: [{type: counter, name: n, value: 1}, {type: counter, name: o, value: 2}]}
          - {id: l, type: @log.Log, message: [a, b, c]}
          - {id: f, type: @execution.Fail, condition: "{{ inputs.bad }}"}
        inputs: [{id: bad, type: BOOL, defaults: false}]
        """,
        namespace="purging.deep",
    )
    good = [server.run(flow)["id"] for _ in range(3)]
    bad = server.run(flow, {"bad": "true"})["id"]
    eventually(lambda: len(server.logs(good[-1])) >= 3, what="log lines")

    def purge(name: str, more: str) -> Any:
        done = server.run(
            flow_text(
                name,
                f"""
                tasks:
                  - id: p
                    type: io.kestra.plugin.core.storage.Purge
                    endDate: "{_later()}"
                    {more}
                """,
            )
        )
        assert done["state"]["current"] == "SUCCESS", server.logs(done["id"])
        return run_of(done, "p")["outputs"]

    found = purge("purge_none", "namespace: purging.other")
    assert found == {"executionsCount": 0, "logsCount": 0, "storagesCount": 0, "metricsCount": 0}
    found = purge("purge_good", "namespace: purging\n                    states: [SUCCESS]")
    assert found["executionsCount"] == 3 and found["metricsCount"] >= 6 and found["storagesCount"] == 3
    assert found["logsCount"] >= 9
    assert server.call("GET", f"/api/v1/main/executions/{good[0]}").status == 404
    assert server.execution(bad)["state"]["current"] == "FAILED"
    folder = server.home / "storage"
    eventually(lambda: not [p for p in folder.rglob(f"{good[0]}/**/*") if p.is_file()], what="files to go")
    found = purge("purge_logs_only", "namespace: purging\n                    purgeExecution: false")
    assert found["executionsCount"] == 0 and found["logsCount"] >= 3
    assert server.execution(bad)["id"] == bad
    eventually(lambda: not server.logs(bad), what="log lines to go")


def test_purging_logs_by_level_and_time(server: Server) -> None:
    """§2 PurgeLogs: only the named levels of the flow before the end date."""
    body = """
        tasks:
          - {id: a, type: @log.Log, message: [one, two]}
          - {id: b, type: @log.Log, message: three, level: ERROR}
        """
    done = server.run(flow_text("lines", body, namespace="purging.logs"))
    eventually(lambda: len(server.logs(done["id"])) >= 3, what="log lines")

    def purge(more: str) -> int:
        run = server.run(
            flow_text(
                "purge_lines",
                f"""
                tasks:
                  - id: p
                    type: @log.PurgeLogs
                    namespace: purging.logs
                    {more}
                """,
            )
        )
        assert run["state"]["current"] == "SUCCESS", server.logs(run["id"])
        return run_of(run, "p")["outputs"]["count"]

    assert purge('endDate: "2020-01-01T00:00:00Z"') == 0
    assert purge(f'endDate: "{_later()}"\n                    logLevels: [INFO]') >= 2
    assert [line["message"] for line in server.logs(done["id"]) if line["level"] == "ERROR"] == ["three"]
    assert not {"one", "two"} & {line["message"] for line in server.logs(done["id"])}
    assert purge(f'endDate: "{_later()}"\n                    flowId: lines') >= 1
    assert "three" not in {line["message"] for line in server.logs(done["id"])}


def test_purging_pairs(server: Server) -> None:
    """§5 PurgeKV: expired pairs only, or all that a glob matches; child namespaces unless told otherwise."""
    for namespace in ("pairs", "pairs.child"):
        for key in ("a.1", "a.2", "b.1"):
            put_kv(server, namespace, key, 1)
        answer = server.call(
            "PUT",
            f"/api/v1/main/namespaces/{namespace}/kv/short",
            body=json.dumps(1),
            content_type="text/plain",
            headers={"ttl": "PT0.05S"},
        )
        assert answer.status == 200, answer.text
    time.sleep(0.1)

    def purge(more: str) -> Any:
        run = server.run(flow_text("purge_pairs", f"tasks:\n  - id: p\n    type: @kv.PurgeKV\n    {more}\n"))
        assert run["state"]["current"] == "SUCCESS", server.logs(run["id"])
        return run_of(run, "p")["outputs"]["size"]

    assert purge("namespaces: [pairs]\n    includeChildNamespaces: false") == 1
    assert purge("namespacePattern: 'pair*'") == 1
    assert purge("namespaces: [pairs]\n    keyPattern: 'a.*'\n    behavior: {type: key, expiredOnly: false}") == 4
    for number in range(4):  # versions 2 to 5
        put_kv(server, "pairs.child", "b.1", number)
    assert purge("namespaces: [pairs]\n    behavior: {type: version, before: '2020-01-01T00:00:00Z'}") == 0
    assert purge("namespaces: [pairs]\n    behavior: {type: version, keepAmount: 2}") == 3
    assert purge("namespaces: [pairs]\n    behavior: {type: version, before: '{{ now() }}'}") == 1
    told = server.call("GET", "/api/v1/main/namespaces/pairs.child/kv/b.1/detail").json
    assert (told["version"], told["value"]) == (5, 3)
    assert purge("namespaces: [pairs]\n    expiredOnly: false\n    behavior: {type: version, keepAmount: 1}") == 2


def test_purging_revisions_keeps_the_newest(server: Server) -> None:
    """§1 PurgeFlows."""
    for number in range(4):
        server.save_flow(flow_text("many", f"tasks: [{{id: a, type: @log.Log, message: m{number}}}]", "revisions"))
    run = server.run(
        flow_text(
            "purge_revisions",
            """
            tasks:
              - {id: p, type: @flow.PurgeFlows, namespaces: [revisions], flowPattern: "ma*", behavior: {keepAmount: 2}}
            """,
        )
    )
    assert run_of(run, "p")["outputs"] == {"size": 2}
    answer = server.call("GET", "/api/v1/main/flows/revisions/many/revisions")
    assert [one["revision"] for one in answer.json] == [3, 4]


def test_a_task_resumes_another_execution_with_checked_inputs(server: Server) -> None:
    """§3 Resume, workflow components §8.10: values are typed by `onResume`, a missing one fails the task."""
    flow = server.save_flow(
        flow_text(
            "paused_for_a_task",
            """
            tasks:
              - id: wait
                type: @flow.Pause
                onResume: [{id: n, type: INT}, {id: why, type: STRING, defaults: because}]
              - {id: after, type: @debug.Return, format: "{{ outputs.wait.onResume.n + 1 }} {{ outputs.wait.onResume.why }}"}
            """,
        )
    )
    paused = server.execute(flow["namespace"], flow["id"])["id"]
    eventually(lambda: server.execution(paused)["state"]["current"] == "PAUSED", what="the pause")
    body = f"""
        tasks:
          - id: r
            type: @execution.Resume
            executionId: {paused}
            namespace: conformance
            flowId: paused_for_a_task
            inputs: %s
        """
    done = server.run(flow_text("resumer", body % "{why: x}"))
    assert done["state"]["current"] == "FAILED" and server.execution(paused)["state"]["current"] == "PAUSED"
    done = server.run(flow_text("resumer", body % '\'{"n": "41"}\''))
    assert done["state"]["current"] == "SUCCESS", server.logs(done["id"])
    ended = server.finished(paused)
    assert run_of(ended, "after")["outputs"] == {"value": "42 because"}


def test_purging_revisions_of_files(server: Server) -> None:
    """§6 PurgeFiles: the newest revision stays; globs choose; UploadFiles adds revisions."""
    for n in range(4):
        put_file(server, "fileversions.deep", "/a/q.sql", f"select {n}")
        put_file(server, "fileversions.deep", "/b.txt", f"text {n}")
    body = """
        tasks:
          - {id: w, type: @storage.Write, content: newest}
          - {id: u, type: @namespace.UploadFiles, namespace: fileversions.deep, files: {b.txt: "{{ outputs.w.uri }}"}}
          - id: p
            type: @namespace.PurgeFiles
            namespaces: [fileversions]
            %s
        """

    def purge(more: str) -> Any:
        done = server.run(flow_text("purge_files", body % more))
        assert done["state"]["current"] == "SUCCESS", server.logs(done["id"])
        return run_of(done, "p")["outputs"]["size"]

    def revisions(path: str) -> list[int]:
        answer = server.call("GET", f"/api/v1/main/namespaces/fileversions.deep/files/revisions?path={path}")
        return [one["revision"] for one in answer.json]

    assert purge("includeChildNamespaces: false") == 0 and revisions("/b.txt") == [1, 2, 3, 4, 5]
    assert purge('behavior: {type: version, before: "2020-01-01T00:00:00Z"}') == 0
    assert purge('filePattern: "**/*.sql"\n            behavior: {type: version, keepAmount: 2}') == 2
    assert revisions("/a/q.sql") == [3, 4] and revisions("/b.txt") == [1, 2, 3, 4, 5, 6, 7]
    assert purge(f'behavior: {{type: version, keepAmount: 3, before: "{_later()}"}}') == 5
    assert revisions("/b.txt") == [6, 7, 8]
