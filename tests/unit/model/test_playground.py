"""Which results stand for tasks in a play (`spec/ui.md` §5.9: UI-ED-80, UI-ED-81, UI-ED-83)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.flow import Flow
from flowdeck.model.playground import Played, fixtures, following, missing, standing
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog

SOURCE = """
id: f
namespace: n
tasks:
  - {id: a, type: io.kestra.plugin.core.debug.Return, format: a}
  - id: side
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {id: b1, type: io.kestra.plugin.core.debug.Return, format: b}
      - id: seq
        type: io.kestra.plugin.core.flow.Sequential
        tasks:
          - {id: b2, type: io.kestra.plugin.core.debug.Return, format: b}
          - {id: b3, type: io.kestra.plugin.core.debug.Return, format: b}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [x, y]
    tasks:
      - {id: c1, type: io.kestra.plugin.core.debug.Return, format: c}
      - {id: c2, type: io.kestra.plugin.core.debug.Return, format: c}
  - id: dag
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - task: {id: d1, type: io.kestra.plugin.core.debug.Return, format: d}
      - task: {id: d2, type: io.kestra.plugin.core.debug.Return, format: d}
        dependsOn: [d1]
      - task: {id: d3, type: io.kestra.plugin.core.debug.Return, format: d}
  - id: dir
    type: io.kestra.plugin.core.flow.WorkingDirectory
    tasks:
      - {id: w, type: io.kestra.plugin.core.debug.Return, format: w}
errors:
  - {id: oops, type: io.kestra.plugin.core.debug.Return, format: o}
finally:
  - {id: last, type: io.kestra.plugin.core.debug.Return, format: l}
"""


def flow() -> Flow:
    found = parse_flow(SOURCE, load_catalog())
    assert found.flow is not None, found.findings
    return found.flow


def one(flow: Flow, name: str) -> Any:
    found = flow.task(name)
    assert found is not None
    return found


def states(made: list[dict[str, Any]]) -> dict[str, str]:
    return {f"{one['id']}{'/' + one['value'] if 'value' in one else ''}": one["state"] for one in made}


def ran(task: str, value: str | None = None, state: str = "SUCCESS", **more: Any) -> Played:
    return Played(f"run-{task}", task, state, value, "before", {"v": task}, **more)


def test_what_follows_goes_by_the_order_of_the_blocks() -> None:
    made = flow()

    def after(name: str) -> set[str]:
        return {made.tasks[key].id for key in following(made, one(made, name))}

    rest = {"each", "c1", "c2", "dag", "d1", "d2", "d3", "dir", "w", "oops", "last"}
    assert after("b1") == rest
    assert after("b2") == rest | {"b3"}
    assert after("c1") == (rest - {"each", "c1"})
    assert after("d1") == {"d2", "dir", "w", "oops", "last"}
    assert after("oops") == {"last"}


def test_only_the_wanted_task_runs_and_what_was_played_before_it_stays() -> None:
    made = flow()
    played = [ran("a"), ran("b1"), ran("b2"), ran("c1", "x"), ran("d3")]
    found = fixtures(made, [one(made, "b3")], played, {})
    assert states(found) == {
        "a": "SUCCESS",
        "b1": "SUCCESS",
        "b2": "SUCCESS",
        **dict.fromkeys(["c1", "c2", "d1", "d2", "d3", "dir", "oops", "last"], "SKIPPED"),  # it may change them
    }
    kept = next(fixture for fixture in found if fixture["id"] == "a")
    assert kept["from"] == {"execution": "before", "taskRun": "run-a"} and kept["outputs"] == {"v": "a"}


def test_iterations_keep_their_own_results_and_the_others_are_left_out() -> None:
    made = flow()
    found = fixtures(made, [one(made, "c2")], [ran("c1", "x"), ran("c1", "y", "FAILED"), ran("a")], {})
    assert {k: v for k, v in states(found).items() if k.startswith("c")} == {"c1/x": "SUCCESS", "c1": "SKIPPED"}


def test_all_tasks_run_without_a_choice_but_pins_stand() -> None:
    made = flow()
    pins = {"a": {"outputs": {"v": 1}}, "w": {"outputs": {}}}
    assert fixtures(made, [], [], pins) == [{"id": "a", "state": "SUCCESS", "outputs": {"v": 1}, "pinned": True}]


def test_a_pinned_task_runs_when_it_is_played_itself() -> None:
    made = flow()
    assert "a" not in states(fixtures(made, [one(made, "a")], [], {"a": {"outputs": {}}}))
    assert states(fixtures(made, [one(made, "side")], [], {"b1": {"state": "FAILED"}}))["b1"] == "FAILED"


def test_what_comes_before_must_have_been_played() -> None:
    made = flow()
    assert missing(made, one(made, "a"), []) == []
    assert missing(made, one(made, "b1"), []) == ["a"]
    assert missing(made, one(made, "b3"), [ran("a")]) == ["b2"]
    assert missing(made, one(made, "d2"), [ran(x) for x in ("a", "side", "each", "d3")]) == ["d1"]
    partly = [ran("a"), ran("side"), ran("b1"), ran("b2", state="SKIPPED", left_out=True)]
    assert missing(made, one(made, "c1"), partly) == ["side"]
    assert missing(made, one(made, "a"), [ran("a", state="FAILED")]) == []
    assert missing(made, one(made, "b1"), [ran("a", state="FAILED")]) == ["a"]


def test_a_part_of_a_working_directory_is_played_with_all_of_it() -> None:
    made = flow()
    assert standing(made, one(made, "w")).id == "dir" and standing(made, one(made, "b2")).id == "b2"
