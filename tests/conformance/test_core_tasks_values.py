"""Core tasks about values: debug, metrics, templates, judgement, keys, namespace files (core plugins §2, §3, §5, §6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, run_of
from tests.conformance.test_core_tasks import Case
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)

CASES: dict[str, Case] = {
    # §2
    "return_and_echo": Case(
        """
        tasks:
          - {id: r, type: io.kestra.core.tasks.debugs.Return, format: "{{ 1 + 1 }}"}
          - {id: none, type: @debug.Return}
          - {id: e, type: io.kestra.core.tasks.debugs.Echo, format: "echo {{ outputs.r.value }}", level: WARN}
        """,
        outputs={"r": {"value": "2"}, "none": {"value": None}},
        said=("echo 2",),
    ),
    "log_takes_lists_and_leaves_the_state_alone": Case(
        """
        tasks:
          - {id: l, type: io.kestra.core.tasks.log.Log, level: ERROR, message: ["a {{ flow.id }}", 2, {k: 1}]}
        """,
        said=("a log_takes_lists_and_leaves_the_state_alone", "2", '{"k":1}'),
    ),
    "output_values_keep_text": Case(
        """
        tasks:
          - id: o
            type: @output.OutputValues
            values: {sum: "{{ 1 + 1 }}", deep: {list: ["{{ 2 }}", 3, true]}, json: "{{ {'a': 1} | toJson }}"}
        """,
        outputs={"o": {"values": {"sum": "2", "deep": {"list": ["2", 3, True]}, "json": '{"a":1}'}}},
    ),
    "a_template_runs_a_task": Case(
        """
        tasks:
          - id: t
            type: io.kestra.core.tasks.templating.TemplatedTask
            spec: |
              id: inner
              type: io.kestra.plugin.core.debug.Return
              format: "from {{ flow.id }}"
        """,
        outputs={"t": {"value": "from a_template_runs_a_task"}},
    ),
    "a_template_is_no_template_and_no_flowable": Case(
        """
        tasks:
          - {id: t, type: @templating.TemplatedTask, allowFailure: true, spec: "type: io.kestra.plugin.core.templating.TemplatedTask"}
          - {id: f, type: @templating.TemplatedTask, allowFailure: true, spec: "type: io.kestra.plugin.core.flow.Sequential"}
          - {id: y, type: @templating.TemplatedTask, spec: "[1"}
        """,
        "FAILED",
        said=("The templated task cannot be of type TemplatedTask",),
    ),
    "publishing_metrics": Case(
        """
        tasks:
          - id: m
            type: @metric.Publish
            metrics:
              - {type: counter, name: "n_{{ flow.revision }}", value: "{{ 2 * 21 }}", tags: {t: "{{ flow.id }}"}}
              - {type: timer, name: t, value: PT1.5S}
          - {id: bad, type: @metric.Publish, metrics: [{type: counter, name: x, value: many}]}
        """,
        "FAILED",
    ),
    # §3
    "fail_texts": Case(
        """
        tasks:
          - {id: a, type: io.kestra.core.tasks.executions.Fail, allowFailure: true}
          - {id: b, type: @execution.Fail, condition: "{{ 1 }}", errorMessage: "told {{ flow.id }}", allowFailure: true}
          - {id: c, type: @execution.Fail, condition: "0"}
          - {id: d, type: @execution.Fail, errorMessage: "because {{ flow.id }}"}
        """,
        "FAILED",
        said=("Task failure", "told fail_texts", "Fail on a condition", "because fail_texts"),
    ),
    "assert_evaluates_all": Case(
        """
        tasks:
          - id: a
            type: @execution.Assert
            conditions: ["{{ 1 == 1 }}", "{{ 1 == 2 }}", "{{ no.such.thing }}", "0"]
            errorMessage: "in {{ flow.id }}"
        """,
        "FAILED",
        said=("3 assertions failed!\nin assert_evaluates_all",),
    ),
    # §5
    "keys_keep_their_types": Case(
        """
        tasks:
          - {id: s1, type: @kv.Set, key: number, value: "{{ 1 + 1 }}"}
          - {id: s2, type: @kv.Set, key: text, value: "a {{ 1 }}"}
          - {id: s3, type: @kv.Set, key: list, value: [1, "{{ 2 }}"]}
          - {id: s4, type: @kv.Set, key: json, value: '{"a": [1]}', kvType: JSON}
          - {id: s5, type: @kv.Set, key: duration, value: PT5M, kvType: DURATION}
          - {id: s6, type: @kv.Set, key: day, value: "2026-01-31", kvType: DATE}
          - {id: s7, type: @kv.Set, key: moment, value: "2026-01-31T10:00:00Z", kvType: DATETIME}
          - {id: s8, type: @kv.Set, key: flag, value: "true", kvType: BOOLEAN, kvDescription: "by {{ flow.id }}"}
          - {id: s9, type: @kv.Set, key: as_text, value: "{{ 1 + 1 }}", kvType: STRING}
          - {id: g1, type: @kv.Get, key: number}
          - {id: g3, type: @kv.Get, key: list}
          - {id: g4, type: @kv.Get, key: json}
          - {id: g5, type: @kv.Get, key: duration}
          - {id: g8, type: @kv.Get, key: flag}
          - {id: g9, type: @kv.Get, key: as_text}
          - {id: miss, type: @kv.Get, key: absent}
          - {id: keys, type: @kv.GetKeys, prefix: d}
          - {id: del, type: @kv.Delete, key: text}
          - {id: again, type: @kv.Delete, key: text}
          - {id: strict, type: @kv.Delete, key: text, errorOnMissing: true}
        """,
        "FAILED",
        {
            "g1": {"value": 2},
            "g4": {"value": {"a": [1]}},
            "g5": {"value": "PT5M"},
            "g8": {"value": True},
            "g9": {"value": "2"},
            "miss": {"value": None},
            "keys": {"keys": ["day", "duration"]},
            "del": {"deleted": True},
            "again": {"deleted": False},
        },
    ),
    "keys_expire": Case(
        """
        tasks:
          - {id: s, type: @kv.Set, key: short, value: 1, ttl: PT0.05S}
          - {id: z, type: @flow.Sleep, duration: PT0.2S}
          - {id: k, type: @kv.GetKeys, prefix: short}
          - {id: again, type: @kv.Set, key: short, value: 2, overwrite: false, ttl: PT0.05S}
          - {id: z2, type: @flow.Sleep, duration: PT0.2S}
          - {id: g, type: @kv.Get, key: short}
        """,
        "FAILED",
        {"k": {"keys": []}},
        ("The requested value has expired",),
    ),
    "keys_are_not_overwritten_unless_allowed": Case(
        """
        tasks:
          - {id: a, type: @kv.Set, key: once, value: 1}
          - {id: b, type: @kv.Set, key: once, value: 2, overwrite: false}
        """,
        "FAILED",
    ),
    "a_value_must_be_of_its_type": Case(
        """
        tasks: [{id: a, type: @kv.Set, key: bad, value: many, kvType: NUMBER}]
        """,
        "FAILED",
        said=("The value can't be read as NUMBER",),
    ),
    "get_looks_in_one_namespace_only": Case(
        """
        tasks:
          - {id: s, type: @kv.Set, key: above, value: 1}
          - {id: g, type: @kv.Get, key: above, namespace: conformance.below, errorOnMissing: true}
        """,
        "FAILED",
        said=("No value found for key 'above' in namespace 'conformance.below'",),
    ),
    # §6
    "namespace_files_by_globs": Case(
        """
        tasks:
          - {id: w, type: @storage.Write, content: x, extension: sql}
          - id: u
            type: @namespace.UploadFiles
            namespace: values.files
            files: {q/one.sql: "{{ outputs.w.uri }}", q/deep/two.sql: "{{ outputs.w.uri }}", three.txt: "{{ outputs.w.uri }}"}
            destination: /up
          - {id: skipped, type: @namespace.UploadFiles, namespace: values.files, filesMap: {gone.txt: "kestra:///no/such.txt"}}
          - {id: skip, type: @namespace.UploadFiles, namespace: values.files, files: {three.txt: "{{ outputs.w.uri }}"}, destination: up, conflict: SKIP}
          - {id: d, type: @namespace.DownloadFiles, namespace: values.files, files: ["**/*.sql", "glob:**/three.*"], destination: got/}
          - {id: none, type: @namespace.DownloadFiles, namespace: values.files, files: "*.none"}
          - {id: rx, type: @namespace.DownloadFiles, namespace: values.files, files: "regex:.*/two[.]sql"}
          - {id: del, type: @namespace.DeleteFiles, namespace: values.files, files: "up/q/**", deleteParentFolder: true}
          - {id: clash, type: @namespace.UploadFiles, namespace: values.files, files: {three.txt: "{{ outputs.w.uri }}"}, destination: up, conflict: ERROR}
        """,
        "FAILED",
        {"skipped": {"files": {}}, "skip": {"files": {}}, "none": {"files": {}}},
        ("The file /up/three.txt exists already in the namespace values.files",),
    ),
    "uploading_needs_files": Case(
        """
        tasks: [{id: u, type: @namespace.UploadFiles}]
        """,
        "FAILED",
        said=("One of files and filesMap is needed",),
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


def test_files_of_a_namespace_after_the_tasks(server: Server) -> None:
    """§6: outputs are maps of path to URI; deleting leaves no empty folder when that is asked."""
    put_file(server, "values.after", "/a/b/c.txt", "x")
    put_file(server, "values.after", "/keep.txt", "y")
    done = server.run(
        flow_text(
            "after_files",
            """
            tasks:
              - {id: d, type: @namespace.DownloadFiles, namespace: values.after, files: "**", destination: in/}
              - {id: r, type: @debug.Return, format: "{{ read(outputs.d.files['/keep.txt']) }}"}
              - {id: x, type: @namespace.DeleteFiles, namespace: values.after, files: [a/**], deleteParentFolder: true}
            """,
        )
    )
    assert done["state"]["current"] == "SUCCESS", server.logs(done["id"])
    assert sorted(run_of(done, "d")["outputs"]["files"]) == ["/a/b/c.txt", "/keep.txt"]
    assert run_of(done, "r")["outputs"] == {"value": "y"} and run_of(done, "x")["outputs"] == {"files": ["/a/b/c.txt"]}
    answer = server.call("GET", "/api/v1/main/namespaces/values.after/files/directory?path=/")
    assert "keep.txt" in json.dumps(answer.json) and "c.txt" not in json.dumps(answer.json)


def test_metrics_of_core_tasks(server: Server) -> None:
    """The counters and timers that the tables name, with their tags."""
    done = server.run(
        flow_text(
            "measured_tasks",
            """
            tasks:
              - {id: r, type: @debug.Return, format: four}
              - {id: a, type: @execution.Assert, conditions: ["true", "1"]}
              - {id: d, type: @namespace.DownloadFiles, namespace: no.files, files: "**"}
              - {id: x, type: @namespace.DeleteFiles, namespace: no.files, files: "**"}
              - {id: m, type: @metric.Publish, metrics: [{type: timer, name: t, value: 2, tags: {k: v}}]}
            """,
        )
    )
    assert done["state"]["current"] == "SUCCESS"

    def found() -> Any:
        answer = server.call("GET", f"/api/v1/main/metrics/{done['id']}?size=100")
        rows = {(m["taskId"], m["name"]): m for m in answer.json["results"]}
        return rows if len(rows) >= 7 else None

    metrics = eventually(found, what="metrics")
    assert metrics["r", "length"]["value"] == 4 and metrics["r", "length"]["tags"] == {"format": "four"}
    assert metrics["r", "duration"]["type"] == "timer"
    assert (metrics["a", "success"]["value"], metrics["a", "failed"]["value"]) == (2, 0)
    assert metrics["d", "downloaded"]["value"] == metrics["x", "deleted"]["value"] == 0
    assert (metrics["m", "t"]["value"], metrics["m", "t"]["tags"]) == (2000, {"k": "v"})
