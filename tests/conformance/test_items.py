"""ForEachItem on the real server: parts, batches, states, live counts, restarts (spec: workflow components §9.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)

CHILD = """
inputs:
  - {id: file, type: STRING}
  - {id: number, type: INT, defaults: 0}
tasks:
  - {id: look, type: @debug.Return, format: "{{ read(inputs.file) }}"}
outputs:
  - {id: text, type: STRING, value: "{{ outputs.look.value }}"}
  - {id: number, type: INT, value: "{{ inputs.number }}"}
"""


def parent(content: str, more: str = "", batch: str = "{rows: 2}", child: str = "items-child", after: str = "") -> str:
    """A flow that writes a file and goes through it."""
    return f"""
tasks:
  - id: file
    type: @storage.Write
    content: {json.dumps(content)}
    extension: .txt
  - id: each
    type: @flow.ForEachItem
    items: "{{{{ outputs.file.uri }}}}"
    batch: {batch}
    namespace: conformance
    flowId: {child}
    inputs:
      file: "{{{{ taskrun.items }}}}"
      number: "{{{{ taskrun.iteration }}}}"
    labels:
      number: "n{{{{ taskrun.iteration }}}}"
{more}
{after}
"""


def run(server: Server, name: str, body: str, child: str = CHILD, child_id: str = "items-child") -> Any:
    """Save child and parent, run the parent to its end."""
    server.save_flow(flow_text(child_id, child))
    return server.run(flow_text(name, body), seconds=60)


def children(server: Server, execution: Any) -> list[Any]:
    """Executions that one started, in order."""
    path = "/api/v1/main/executions/search?size=100&filters[childFilter][EQUALS]=CHILD"
    found = server.call("GET", f"{path}&filters[triggerExecutionId][EQUALS]={execution['id']}").json["results"]
    return sorted(found, key=lambda e: e["id"])


def test_three_parts_and_merged_outputs(server: Server) -> None:
    after = '  - {id: merged, type: @log.Log, message: "{{ read(outputs.each_merge.subflowOutputs) }}"}'
    done = run(server, "items-parts", parent("a\nb\nc\nd\ne\n", after=after))
    assert states(done) == [
        ("file", "SUCCESS"),
        ("each", "SUCCESS"),
        ("each_split", "SUCCESS"),
        ("each_items", "SUCCESS"),
        ("each_merge", "SUCCESS"),
        ("merged", "SUCCESS"),
    ]
    items = run_of(done, "each_items")
    assert items["outputs"]["numberOfBatches"] == 3
    assert items["outputs"]["iterations"] == {"CREATED": 0, "RUNNING": 0, "SUCCESS": 3}
    assert len(items["attempts"]) == 1
    parts = f"/executions/{done['id']}/tasks/each-items/{items['id']}"
    base = items["outputs"]["subflowOutputsBaseUri"]
    assert base.startswith("kestra:///") and base.endswith(parts), base
    assert run_of(done, "each_split")["outputs"]["splits"].startswith("kestra:///")
    merged = '{text:"a\\nb\\n",number:0}\n{text:"c\\nd\\n",number:1}\n{text:"e\\n",number:2}\n'
    assert messages(server, done["id"], merged)


def test_not_waiting_ends_at_once_without_merged_outputs(server: Server) -> None:
    done = run(server, "items-nowait", parent("a\nb\nc\n", more="    wait: false", batch="{partitions: 2}"))
    assert done["state"]["current"] == "SUCCESS"
    items = run_of(done, "each_items")
    assert items["outputs"]["iterations"] == {"SUCCESS": 2}
    assert "subflowOutputs" not in (run_of(done, "each_merge").get("outputs") or {})


def test_an_empty_file_starts_nothing(server: Server) -> None:
    done = run(server, "items-empty", parent(""))
    assert [s for s in states(done) if s[0].startswith("each")] == [
        ("each", "SUCCESS"),
        ("each_split", "SUCCESS"),
        ("each_items", "SUCCESS"),
        ("each_merge", "SUCCESS"),
    ]
    assert not run_of(done, "each_items").get("outputs")


FRAGILE = """
inputs:
  - {id: file, type: STRING}
  - {id: number, type: INT, defaults: 0}
tasks:
  - {id: fail, type: @execution.Fail, condition: "{{ inputs.number == 1 and (kv('items-mended', 'conformance', false) ?? '') != 'yes' }}"}
"""


@pytest.mark.parametrize(
    ("more", "state", "parts"),
    [
        ("", "FAILED", ["each FAILED", "each_split SUCCESS", "each_items FAILED"]),
        ("    allowFailure: true", "WARNING", ["each WARNING", "each_split SUCCESS", "each_items WARNING",
                                               "each_merge SUCCESS"]),
        ("    transmitFailed: false", "SUCCESS", ["each SUCCESS", "each_split SUCCESS", "each_items SUCCESS",
                                                  "each_merge SUCCESS"]),
    ],
)  # fmt: skip
def test_failures_of_batches(server: Server, more: str, state: str, parts: list[str]) -> None:
    name = f"items-fails-{state.lower()}"
    body = parent("a\nb\nc\n", more=more, batch="{rows: 1}", child="items-fragile")
    done = run(server, name, body, FRAGILE, "items-fragile")
    assert done["state"]["current"] == state
    assert [f"{t} {s}" for t, s in states(done) if t.startswith("each")] == parts
    counted = run_of(done, "each_items")["outputs"]["iterations"]
    assert (counted["SUCCESS"], counted["FAILED"]) == (2, 1)


@pytest.mark.parametrize("behavior", ["RETRY_FAILED", "NEW_EXECUTION"])
def test_a_restart_repeats_the_failed_batches_only(server: Server, behavior: str) -> None:
    from tests.conformance.conftest import put_kv

    name = f"items-restart-{behavior[:3].lower()}"
    put_kv(server, "conformance", "items-mended", "no")
    body = parent("a\nb\nc\n", f"    restartBehavior: {behavior}", "{rows: 1}", "items-fragile")
    done = run(server, name, body, FRAGILE, "items-fragile")
    assert done["state"]["current"] == "FAILED"
    put_kv(server, "conformance", "items-mended", "yes")
    server.call("POST", f"/api/v1/main/executions/{done['id']}/restart")
    done = server.finished(done["id"], seconds=60)
    assert done["state"]["current"] == "SUCCESS", states(done)
    counted = run_of(done, "each_items")["outputs"]["iterations"]
    assert (counted["SUCCESS"], counted["FAILED"]) == (3, 0)
    assert len(children(server, done)) == (3 if behavior == "RETRY_FAILED" else 4)


def test_items_outside_internal_storage_are_refused(server: Server) -> None:
    server.save_flow(flow_text("items-child", CHILD))
    body = """
    tasks:
      - {id: each, type: @flow.ForEachItem, items: "file:///x", namespace: conformance, flowId: items-child}
    """
    done = server.run(flow_text("items-bad", body), seconds=60)
    assert done["state"]["current"] == "FAILED"
    assert messages(
        server, done["id"], "Unable to split the items from file:///x, this is not an internal storage URI!"
    )


def test_a_kill_ends_the_children_too(server: Server) -> None:
    sleeper = """
    inputs: [{id: file, type: STRING}, {id: number, type: INT}]
    tasks: [{id: nap, type: @flow.Sleep, duration: PT60S}]
    """
    server.save_flow(flow_text("items-sleeper", sleeper))
    server.save_flow(flow_text("items-kill", parent("a\nb\nc\n", batch="{bytes: '1'}", child="items-sleeper")))
    started = server.execute("conformance", "items-kill")

    def running() -> bool:
        found = server.execution(started["id"])
        items = [r for r in found.get("taskRunList") or [] if r["taskId"] == "each_items"]
        return bool(items) and (items[0].get("outputs") or {}).get("iterations", {}).get("RUNNING") == 3

    eventually(running, what="three running children")
    server.call("DELETE", f"/api/v1/main/executions/{started['id']}/kill")
    done = server.finished(started["id"], seconds=60)
    assert done["state"]["current"] == "KILLED"
    assert {c["state"]["current"] for c in children(server, done)} == {"KILLED"}
    assert run_of(done, "each_items")["outputs"]["iterations"]["KILLED"] == 3


@pytest.mark.parametrize(
    ("name", "batch", "texts"),
    [
        ("rows", "{rows: 3}", ["a1\nb1\na2\n", "c1\n\n"]),
        ("none", "{}", ["a1\n", "b1\n", "a2\n", "c1\n", "\n"]),
        ("bytes", "{bytes: '5', rows: 1}", ["a1\nb1\n", "a2\nc1\n", "\n"]),
        ("partitions", "{partitions: 2, rows: 1}", ["a1\na2\n\n", "b1\nc1\n"]),
        ("more_partitions", "{partitions: 9}", ["a1\n", "b1\n", "a2\n", "c1\n", "\n"]),
        ("separator", "{rows: 2, separator: '|'}", ["a1|b1|", "a2|c1|", "|"]),
        ("pattern", "{regexPattern: '^([a-z])'}", ["a1\na2\n", "b1\n", "c1\n"]),
    ],
)
def test_how_lines_are_put_together(server: Server, name: str, batch: str, texts: list[str]) -> None:
    """`bytes` wins over `partitions` over `rows`; a line is never cut; the separator ends each line."""
    after = '  - {id: merged, type: @log.Log, message: "{{ read(outputs.each_merge.subflowOutputs) }}"}'
    done = run(server, f"items-batch-{name}", parent("a1\nb1\na2\nc1\n\n", batch=batch, after=after))
    assert run_of(done, "each_items")["outputs"]["numberOfBatches"] == len(texts)
    rows = "".join(f"{{text:{json.dumps(text)},number:{n}}}\n" for n, text in enumerate(texts))
    assert messages(server, done["id"], rows)


def test_inside_a_loop_and_with_inputs_that_need_a_worker(server: Server) -> None:
    """Outputs are under the outer value; inputs may read the batch."""
    server.save_flow(
        flow_text(
            "items-echo",
            """
    inputs: [{id: text, type: STRING}]
    tasks: [{id: t, type: @debug.Return, format: x}]
    outputs: [{id: text, type: STRING, value: "{{ inputs.text }}"}]
    """,
        )
    )
    done = server.run(
        flow_text(
            "items-loop",
            """
            tasks:
              - id: outer
                type: @flow.ForEach
                values: [p, q]
                concurrencyLimit: 0
                tasks:
                  - {id: file, type: @storage.Write, content: "{{ taskrun.value }}1\\n{{ taskrun.value }}2\\n"}
                  - id: each
                    type: @flow.ForEachItem
                    items: "{{ outputs.file[taskrun.value].uri }}"
                    namespace: conformance
                    flowId: items-echo
                    inputs: {text: "{{ read(taskrun.items) | trim }}"}
              - id: tell
                type: @log.Log
                message: "{{ read(outputs.each_merge.p.subflowOutputs) }}|{{ outputs.each_items.q.numberOfBatches }}"
            """,
        ),
        seconds=60,
    )
    assert done["state"]["current"] == "SUCCESS", states(done)
    assert messages(server, done["id"], '{text:"p1"}\n{text:"p2"}\n|2')


def test_a_missing_flow_fails_the_task(server: Server) -> None:
    done = server.run(flow_text("items-nowhere", parent("a\n", child="items-not-there")), seconds=60)
    assert [s for s in states(done) if s[0] == "each_items"] == [("each_items", "FAILED")]
    text = "Unable to find flow 'conformance'.'items-not-there' with revision 'latest'"
    assert messages(server, done["id"], text)
