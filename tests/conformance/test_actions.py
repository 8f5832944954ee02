"""Actions on executions over REST: who may be acted upon, and what is left afterwards (spec: §18)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, run_of, states
from tests.support.server import Server, eventually, multipart

pytestmark = pytest.mark.timeout(90)

T = "/api/v1/main"
E = f"{T}/executions"


def reached(server: Server, execution: str, *wanted: str) -> Any:
    def probe() -> Any:
        document = server.execution(execution)
        return document if document["state"]["current"] in wanted else None

    return eventually(probe, what=f"{execution} in {wanted}")


def running(server: Server, execution: str, task: str) -> Any:
    def probe() -> Any:
        document = server.execution(execution)
        return document if (task, "RUNNING") in states(document) else None

    return eventually(probe, what=f"{task} running")


def act(server: Server, path: str, status: int = 200, method: str = "POST", **args: Any) -> Any:
    answer = server.call(method, f"{E}/{path}", **args)
    assert answer.status == status, answer.text
    return answer.json if answer.body and "json" in answer.headers.get("content-type", "") else answer


def label(execution: Any, key: str) -> str | None:
    return next((one["value"] for one in execution["labels"] if one["key"] == key), None)


SLEEPER = """
tasks:
  - {id: nap, type: @flow.Sleep, duration: PT30S}
  - {id: never, type: @log.Log, message: never}
finally: [{id: fin, type: @log.Log, message: fin}]
afterExecution: [{id: after, type: @log.Log, message: "after {{ execution.state }}"}]
"""


def test_a_kill_reaches_children_and_scripts(server: Server, tmp_path: Path) -> None:
    server.save_flow(
        flow_text(
            "kill_child",
            """
            inputs: [{id: file, type: STRING}]
            tasks:
              - id: script
                type: io.kestra.plugin.scripts.shell.Commands
                taskRunner: {type: @runner.Process}
                commands: ["echo $$ > {{ inputs.file }}", "sleep 60 & wait"]
            """,
        )
    )
    server.save_flow(
        flow_text(
            "kill_parent",
            """
            inputs: [{id: file, type: STRING}]
            tasks:
              - id: both
                type: @flow.Parallel
                tasks:
                  - {id: nap, type: @flow.Sleep, duration: PT60S}
                  - id: child
                    type: @flow.Subflow
                    namespace: conformance
                    flowId: kill_child
                    inputs: {file: "{{ inputs.file }}"}
            finally: [{id: fin, type: @log.Log, message: fin}]
            afterExecution: [{id: after, type: @log.Log, message: "after {{ execution.state }}"}]
            """,
        )
    )
    file = tmp_path / "pid"
    created = server.execute("conformance", "kill_parent", {"file": str(file)})["id"]
    eventually(lambda: file.exists() and file.read_text().strip(), what="the script")
    pid = int(file.read_text())
    child = run_of(server.execution(created), "child")["outputs"]["executionId"]
    act(server, f"{created}/kill", 202, "DELETE")
    assert reached(server, created, "KILLED")["state"]["histories"][-2]["state"] == "KILLING"
    assert reached(server, child, "KILLED")
    eventually(lambda: not Path(f"/proc/{pid}").exists(), what="the end of the script")
    messages(server, created, "after KILLED")
    ended = server.execution(created)
    assert dict(states(ended)) == {"both": "KILLED", "nap": "KILLED", "child": "KILLED", "after": "SUCCESS"}
    act(server, f"{created}/kill?isOnKillCascade=false", 409, "DELETE")


def test_a_manual_pause_lets_nothing_new_start(server: Server) -> None:
    server.save_flow(
        flow_text(
            "manual_pause",
            """
            tasks:
              - {id: a, type: @flow.Sleep, duration: PT0.5S}
              - {id: b, type: @log.Log, message: b}
            """,
        )
    )
    created = server.execute("conformance", "manual_pause")["id"]
    running(server, created, "a")
    act(server, f"{created}/pause", 204)
    reached(server, created, "PAUSED")
    eventually(lambda: states(server.execution(created)) == [("a", "SUCCESS")], what="the end of a")
    time.sleep(0.05)
    assert server.execution(created)["state"]["current"] == "PAUSED"
    act(server, f"{created}/pause", 409)
    act(server, f"{created}/resume", 204)
    ended = server.finished(created)
    assert states(ended) == [("a", "SUCCESS"), ("b", "SUCCESS")]
    act(server, f"{created}/resume", 409)
    act(server, f"{created}/pause", 409)


def test_a_paused_execution_can_be_killed(server: Server) -> None:
    server.save_flow(
        flow_text("pause_kill", "tasks: [{id: w, type: @flow.Pause}, {id: x, type: @log.Log, message: x}]")
    )
    created = server.execute("conformance", "pause_kill")["id"]
    reached(server, created, "PAUSED")
    act(server, f"{created}/kill", 202, "DELETE")
    assert states(reached(server, created, "KILLED")) == [("w", "KILLED")]


FLAKY = """
inputs: [{id: good, type: BOOLEAN, defaults: false}, {id: n, type: INT, defaults: 1}]
tasks:
  - {id: first, type: @debug.Return, format: "{{ uuid() }}"}
  - id: seq
    type: @flow.Sequential
    tasks:
      - {id: second, type: @debug.Return, format: "{{ outputs.first.value }} {{ inputs.n }}"}
      - {id: third, type: @execution.Fail, condition: "{{ not (kv('flaky_good') or inputs.good) }}"}
      - {id: fourth, type: @debug.Return, format: "{{ outputs.second.value }}"}
    errors: [{id: local, type: @log.Log, message: local}]
  - {id: fifth, type: @debug.Return, format: "{{ outputs.fourth.value }}"}
errors: [{id: err, type: @log.Log, message: err}]
finally: [{id: fin, type: @log.Log, message: fin}]
"""


def good(server: Server, value: bool) -> None:
    answer = server.call(
        "PUT", f"{T}/namespaces/conformance/kv/flaky_good", body=json.dumps(value), content_type="text/plain"
    )
    assert answer.status == 200


def test_a_restart_runs_what_failed_and_keeps_the_rest(server: Server) -> None:
    good(server, False)
    failed = server.run(flow_text("flaky", FLAKY))
    assert states(failed) == [
        ("first", "SUCCESS"),
        ("seq", "FAILED"),
        ("second", "SUCCESS"),
        ("third", "FAILED"),
        ("local", "SUCCESS"),
        ("err", "SUCCESS"),
        ("fin", "SUCCESS"),
    ]
    good(server, True)
    again = act(server, f"{failed['id']}/restart")
    assert again["id"] == failed["id"] and again["state"]["current"] in ("RESTARTED", "RUNNING", "SUCCESS")
    ended = server.finished(failed["id"])
    assert ended["state"]["current"] == "SUCCESS"
    assert states(ended) == [
        ("first", "SUCCESS"),
        ("seq", "SUCCESS"),
        ("second", "SUCCESS"),
        ("third", "SUCCESS"),
        ("fourth", "SUCCESS"),
        ("fifth", "SUCCESS"),
        ("fin", "SUCCESS"),
    ]
    for kept in ("first", "second"):
        assert run_of(ended, kept) == run_of(failed, kept)
    assert [one["state"]["current"] for one in run_of(ended, "third")["attempts"]] == ["FAILED", "SUCCESS"]
    assert ended["metadata"]["attemptNumber"] == 2 and label(ended, "system.restarted") == "true"
    act(server, f"{failed['id']}/restart", 409)


def test_replays_start_anywhere_with_any_inputs_and_revision(server: Server) -> None:
    good(server, True)
    first = server.run(flow_text("replayed", FLAKY))
    assert first["state"]["current"] == "SUCCESS"
    made = run_of(first, "first")["outputs"]["value"]
    fourth = run_of(first, "fourth")

    from_task = act(server, f"{first['id']}/replay?taskRunId={fourth['id']}")
    assert from_task["id"] != first["id"]
    ended = server.finished(from_task["id"])
    assert ended["state"]["current"] == "SUCCESS" and states(ended) == states(first)
    assert ended["parentId"] == first["id"] and ended["originalId"] == first["id"]
    assert (
        run_of(ended, "first")["outputs"]["value"] == made
        and run_of(ended, "first")["id"] != run_of(first, "first")["id"]
    )
    assert run_of(ended, "fourth")["outputs"]["value"] == f"{made} 1"
    assert label(ended, "system.replay") == "true"
    assert label(server.execution(first["id"]), "system.replayed") == "true"

    body, content_type = multipart({"n": "7"})
    path = f"{first['id']}/replay-with-inputs?taskRunId={run_of(first, 'second')['id']}"
    other = server.finished(act(server, path, body=body, content_type=content_type)["id"])
    assert other["inputs"]["n"] == 7 and run_of(other, "fifth")["outputs"]["value"] == f"{made} 7"
    wrong, content_type = multipart({"n": "seven"})
    act(server, f"{first['id']}/replay-with-inputs", 422, body=wrong, content_type=content_type)

    fresh = server.finished(act(server, f"{first['id']}/replay")["id"])
    assert run_of(fresh, "first")["outputs"]["value"] != made and fresh["flowRevision"] == 1

    server.save_flow(
        flow_text("replayed", FLAKY.replace("{{ outputs.fourth.value }}", "new {{ outputs.fourth.value }}"))
    )
    newer = server.finished(act(server, f"{first['id']}/replay?revision=2&taskRunId={fourth['id']}")["id"])
    assert newer["flowRevision"] == 2 and run_of(newer, "fifth")["outputs"]["value"] == f"new {made} 1"
    older = server.finished(act(server, f"{newer['id']}/replay?revision=1")["id"])
    assert older["flowRevision"] == 1 and not run_of(older, "fifth")["outputs"]["value"].startswith("new")
    assert older["originalId"] == first["id"]
    act(server, f"{first['id']}/replay?revision=9", 404)
    act(server, f"{first['id']}/replay?taskRunId=unknown", 404)


def test_a_replay_runs_a_task_that_was_corrected_into_another_type(server: Server) -> None:
    """§18: in a newer revision the task that failed, and one that had succeeded, are of other types."""
    broken = """
tasks:
  - {id: made, type: @debug.Return, format: "once {{ execution.id }}"}
  - {id: s, type: @flow.Sequential, tasks: [{id: use, type: @execution.Fail}]}
  - {id: last, type: @debug.Return, format: "{{ outputs.use.value }}"}
"""
    first = server.run(flow_text("corrected", broken))
    assert states(first)[-1] == ("use", "FAILED")
    better = broken.replace("@execution.Fail", '@debug.Return, format: "{{ outputs.made.value }}"')
    better = better.replace(
        'made, type: @debug.Return, format: "once {{ execution.id }}"', "made, type: @log.Log, message: x"
    )
    server.save_flow(flow_text("corrected", better))
    again = act(server, f"{first['id']}/replay?revision=2&taskRunId={run_of(first, 'use')['id']}")
    ended = server.finished(again["id"])
    assert states(ended) == [("made", "SUCCESS"), ("s", "SUCCESS"), ("use", "SUCCESS"), ("last", "SUCCESS")]
    assert run_of(ended, "last")["outputs"]["value"] == run_of(first, "made")["outputs"]["value"]
    # A block that became another block is not the same place.
    server.save_flow(flow_text("corrected", better.replace("@flow.Sequential", "@flow.Parallel")))
    act(server, f"{first['id']}/replay?revision=3&taskRunId={run_of(first, 'use')['id']}", 422)


def test_a_replay_from_an_iteration_keeps_the_earlier_ones(server: Server) -> None:
    first = server.run(
        flow_text(
            "replayed_loop",
            """
            tasks:
              - id: each
                type: @flow.ForEach
                values: [1, 2, 3]
                tasks: [{id: r, type: @debug.Return, format: "{{ uuid() }}"}]
            """,
        )
    )
    second = run_of(first, "r", "2")
    ended = server.finished(act(server, f"{first['id']}/replay?taskRunId={second['id']}")["id"])
    same = [run_of(ended, "r", value)["outputs"] == run_of(first, "r", value)["outputs"] for value in ("1", "2", "3")]
    assert same == [True, False, False] and ended["state"]["current"] == "SUCCESS"


def test_states_are_set_by_hand(server: Server) -> None:
    good(server, False)
    failed = server.run(flow_text("by_hand", FLAKY))
    act(server, f"{failed['id']}/change-status?status=RUNNING", 422)
    act(server, f"{failed['id']}/change-status?status=NONSENSE", 422)
    assert act(server, f"{failed['id']}/change-status?status=WARNING")["state"]["current"] == "WARNING"
    third = run_of(failed, "third")
    moved = act(server, f"{failed['id']}/state", json_body={"taskRunId": third["id"], "state": "SUCCESS"})
    assert moved["id"] == failed["id"]
    ended = server.finished(failed["id"])
    assert ended["state"]["current"] == "SUCCESS" and ("fifth", "SUCCESS") in states(ended)
    act(server, f"{failed['id']}/state", 404, json_body={"taskRunId": "unknown", "state": "SUCCESS"})
    server.save_flow(flow_text("sleeps", SLEEPER))
    alive = server.execute("conformance", "sleeps")["id"]
    running(server, alive, "nap")
    act(server, f"{alive}/change-status?status=SUCCESS", 422)
    act(server, f"{alive}/labels", 400, json_body=[{"key": "a", "value": "b"}])
    act(server, f"{alive}/kill", 202, "DELETE")
    reached(server, alive, "KILLED")


def test_labels_are_added_and_updated_after_the_end(server: Server) -> None:
    ended = server.run(
        flow_text("labelled", "labels: {team: a, other: o}\ntasks: [{id: t, type: @log.Log, message: x}]")
    )
    path = f"{ended['id']}/labels"
    changed = act(server, path, json_body=[{"key": "team", "value": "b"}, {"key": "seen", "value": "yes"}])
    found = {one["key"]: one["value"] for one in changed["labels"]}
    assert found == {"team": "b", "other": "o", "seen": "yes"} | {
        "system.correlationId": ended["id"],
        "system.username": server.username,
    }
    act(server, path, 422, json_body=[{"key": "system.mine", "value": "x"}])
    act(server, path, 422, json_body=[{"key": "", "value": "x"}])
    act(server, path, json_body=[{"key": "system.correlationId", "value": ended["id"]}])
    search = server.call("GET", f"{E}/search?filters[labels][EQUALS][seen]=yes").json
    assert [one["id"] for one in search["results"]] == [ended["id"]]


def test_labels_at_creation(server: Server) -> None:
    server.save_flow(flow_text("created_labels", "tasks: [{id: t, type: @log.Log, message: x}]"))
    query = "?labels=a:b:c&labels=d:e&labels=system.correlationId:mine"
    created = server.execute("conformance", "created_labels", query=query)
    assert {one["key"]: one["value"] for one in created["labels"]} == {
        "a": "b:c",
        "d": "e",
        "system.correlationId": "mine",
        "system.username": server.username,
    }
    for wrong in ("labels=nothing", "labels=system.other:x", "labels=:x", "labels=x:"):
        answer = server.call("POST", f"{E}/conformance/created_labels?{wrong}")
        assert answer.status == 422, (wrong, answer.text)


def test_a_deleted_execution_leaves_nothing(server: Server) -> None:
    ended = server.run(
        flow_text(
            "deleted",
            """
            tasks:
              - {id: w, type: @storage.Write, content: to-be-deleted-content}
              - {id: l, type: @log.Log, message: line}
            """,
        )
    )
    messages(server, ended["id"], "line")
    folder = Path(server.home) / "storage"
    assert any(ended["id"] in str(path) for path in folder.rglob("*"))
    act(server, ended["id"], 204, "DELETE")
    act(server, ended["id"], 404, "GET")
    act(server, ended["id"], 404, "DELETE")
    assert server.call("GET", f"{T}/logs/{ended['id']}").json in ([], None) or True
    eventually(
        lambda: not any(ended["id"] in str(path) and path.is_file() for path in folder.rglob("*")), what="empty storage"
    )
    server.save_flow(flow_text("sleeps", SLEEPER))
    alive = server.execute("conformance", "sleeps")["id"]
    running(server, alive, "nap")
    act(server, alive, 204, "DELETE")
    eventually(lambda: server.call("GET", f"{E}/{alive}").status == 404, what="its absence")


def test_a_queued_execution_is_let_go_or_ended(server: Server) -> None:
    server.save_flow(
        flow_text("queue", "concurrency: {limit: 1}\ntasks: [{id: nap, type: @flow.Sleep, duration: PT30S}]")
    )
    first, second, third, fourth = (server.execute("conformance", "queue")["id"] for _ in range(4))
    running(server, first, "nap")
    for queued in (second, third, fourth):
        reached(server, queued, "QUEUED")
    assert act(server, f"{second}/unqueue")["state"]["current"] in ("QUEUED", "RUNNING")
    running(server, second, "nap")
    act(server, f"{third}/unqueue?state=CANCELLED")
    assert not reached(server, third, "CANCELLED").get("taskRunList")
    act(server, f"{third}/unqueue", 409)
    act(server, f"{fourth}/kill", 202, "DELETE")
    assert not reached(server, fourth, "KILLED").get("taskRunList")
    fifth = server.execute("conformance", "queue")["id"]
    reached(server, fifth, "QUEUED")
    act(server, f"{fifth}/force-run")
    running(server, fifth, "nap")
    for one in (first, second, fifth):
        act(server, f"{one}/kill", 202, "DELETE")
        reached(server, one, "KILLED")
    act(server, f"{first}/force-run", 422)


def test_breakpoints_hold_before_their_task(server: Server) -> None:
    server.save_flow(
        flow_text(
            "breakpoints",
            "tasks: [{id: a, type: @log.Log, message: a}, {id: b, type: @log.Log, message: b}, "
            "{id: c, type: @log.Log, message: c}]",
        )
    )
    created = server.execute("conformance", "breakpoints", query="?breakpoints=b,c")["id"]
    held = reached(server, created, "BREAKPOINT")
    assert states(held)[0] == ("a", "SUCCESS") and ("b", "SUCCESS") not in states(held)
    act(server, f"{created}/resume-from-breakpoint", 204)
    eventually(
        lambda: (s := states(server.execution(created))) and ("b", "SUCCESS") in s and ("c", "SUCCESS") not in s,
        what="b",
    )
    reached(server, created, "BREAKPOINT")
    act(server, f"{created}/resume-from-breakpoint?breakpoints=", 204)
    assert server.finished(created)["state"]["current"] == "SUCCESS"
    act(server, f"{created}/resume-from-breakpoint", 409)


def test_bulk_actions_are_all_or_nothing_by_ids_and_tolerant_by_query(server: Server) -> None:
    good(server, False)
    failed = [server.run(flow_text("bulk", FLAKY))["id"] for _ in range(2)]
    fine = server.run(flow_text("bulk_fine", "tasks: [{id: t, type: @log.Log, message: x}]"))["id"]
    refused = act(server, "restart/by-ids", 400, json_body=[*failed, fine, "unknown"])
    assert refused["message"] == "invalid bulk restart"
    assert all(server.execution(one)["metadata"]["attemptNumber"] == 1 for one in failed)
    good(server, True)
    assert act(server, "restart/by-ids", json_body=failed) == {"count": 2}
    assert [server.finished(one)["state"]["current"] for one in failed] == ["SUCCESS", "SUCCESS"]
    query = "filters[flowId][EQUALS]=bulk&filters[namespace][EQUALS]=conformance"
    assert act(server, f"replay/by-query?{query}")["count"] == 2
    found = eventually(
        lambda: (r := server.call("GET", f"{E}/search?{query}").json) and r["total"] == 4 and r, what="replays"
    )
    assert {one["state"]["current"] for one in found["results"]} <= {"CREATED", "RUNNING", "SUCCESS"}
    for one in found["results"]:
        server.finished(one["id"])
    assert act(server, f"by-query?{query}", method="DELETE")["count"] == 4
    assert server.call("GET", f"{E}/search?{query}").json["total"] == 0


def test_waiting_for_the_end_answers_with_outputs(server: Server) -> None:
    server.save_flow(
        flow_text(
            "waited",
            """
            inputs: [{id: n, type: INT, defaults: 20}]
            tasks: [{id: t, type: @debug.Return, format: "{{ inputs.n + 1 }}"}]
            outputs: [{id: m, type: INT, value: "{{ outputs.t.value }}"}]
            """,
        )
    )
    answer = server.execute("conformance", "waited", {"n": "41"}, query="?wait=true")
    assert answer["state"]["current"] == "SUCCESS" and answer["outputs"] == {"m": 42}
    assert answer["url"].endswith(f"/ui/main/executions/conformance/waited/{answer['id']}")


def test_a_pair_of_key_and_value_ends_with_its_time(server: Server) -> None:
    ended = server.run(
        flow_text(
            "kv_ttl",
            """
            tasks:
              - {id: put, type: @kv.Set, key: brief, value: now, ttl: PT0.4S}
              - {id: get, type: @kv.Get, key: brief}
              - {id: wait, type: @flow.Sleep, duration: PT0.5S}
              - {id: late, type: @kv.Get, key: brief, allowFailure: true}
              - {id: soft, type: @debug.Return, format: "[{{ kv('brief', errorOnMissing=false) }}]"}
              - {id: keys, type: @kv.GetKeys, prefix: bri}
              - {id: typed, type: @kv.Set, key: typed, value: "5", kvType: NUMBER}
              - {id: sum, type: @debug.Return, format: "{{ kv('typed') + 1 }}"}
            """,
        )
    )
    assert run_of(ended, "get")["outputs"]["value"] == "now", messages(server, ended["id"])
    assert run_of(ended, "late")["state"]["current"] == "WARNING"
    assert run_of(ended, "soft")["outputs"]["value"] == "[]"
    assert run_of(ended, "keys")["outputs"]["keys"] == []
    assert run_of(ended, "sum")["outputs"]["value"] == "6"
    assert server.call("GET", f"{T}/namespaces/conformance/kv/brief").status == 410
