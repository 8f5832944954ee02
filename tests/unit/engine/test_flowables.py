"""Flow text and outcomes of workers in; states out."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from tests.unit.engine.harness import Engine


def flow(body: str, id: str = "f") -> str:
    return f"id: {id}\nnamespace: a.b\n" + textwrap.dedent(body)


W = "type: test.Work"

CASES: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    (
        "sequence",
        f"""
        tasks:
          - {{id: a, {W}}}
          - {{id: b, {W}}}
     """,
        {},
        "SUCCESS",
        ["a SUCCESS", "b SUCCESS"],
    ),
    (
        "a failure ends the sequence",
        f"""
        tasks:
          - {{id: a, {W}}}
          - {{id: b, {W}}}
     """,
        {"a": "FAILED"},
        "FAILED",
        ["a FAILED"],
    ),
    (
        "a warning goes on",
        f"""
        tasks:
          - {{id: a, {W}}}
          - {{id: b, {W}}}
     """,
        {"a": "WARNING"},
        "WARNING",
        ["a WARNING", "b SUCCESS"],
    ),
    (
        "allowFailure",
        f"""
        tasks:
          - {{id: a, {W}, allowFailure: true}}
          - {{id: b, {W}}}
     """,
        {"a": "FAILED"},
        "WARNING",
        ["a WARNING", "b SUCCESS"],
    ),
    (
        "allowFailure and allowWarning",
        f"""
        tasks:
          - {{id: a, {W}, allowFailure: true, allowWarning: true}}
          - {{id: b, {W}}}
     """,
        {"a": "FAILED"},
        "SUCCESS",
        ["a SUCCESS", "b SUCCESS"],
    ),
    (
        "disabled leaves no task run",
        f"""
        tasks:
          - {{id: a, {W}, disabled: true}}
          - {{id: b, {W}}}
     """,
        {},
        "SUCCESS",
        ["b SUCCESS"],
    ),
    (
        "runIf false skips",
        f"""
        tasks:
          - {{id: a, {W}, runIf: "{{{{ 1 == 2 }}}}"}}
          - {{id: b, {W}, runIf: "{{{{ tasks.a.state == 'SKIPPED' }}}}"}}
     """,
        {},
        "SUCCESS",
        ["a SKIPPED", "b SUCCESS"],
    ),
    (
        "runIf that can't be rendered fails",
        f"""
        tasks:
          - {{id: a, {W}, runIf: "{{{{ nothing.here }}}}"}}
     """,
        {},
        "FAILED",
        ["a FAILED"],
    ),
    (
        "errors and finally in order",
        f"""
        tasks:
          - {{id: a, {W}}}
          - {{id: b, {W}}}
        errors:
          - {{id: e1, {W}}}
          - {{id: e2, {W}}}
        finally:
          - {{id: z1, {W}}}
          - {{id: z2, {W}}}
     """,
        {"a": "FAILED", "e1": "FAILED", "z1": "FAILED"},
        "FAILED",
        ["a FAILED", "e1 FAILED", "e2 SUCCESS", "z1 FAILED", "z2 SUCCESS"],
    ),
    (
        "finally without errors, state of the tasks",
        f"""
        tasks:
          - {{id: a, {W}}}
        finally:
          - {{id: z, {W}}}
     """,
        {"z": "FAILED"},
        "SUCCESS",
        ["a SUCCESS", "z FAILED"],
    ),
    (
        "afterExecution sees the final state",
        f"""
        tasks:
          - {{id: a, {W}}}
        afterExecution:
          - {{id: x, {W}, runIf: "{{{{ execution.state == 'FAILED' }}}}"}}
          - {{id: y, {W}, runIf: "{{{{ execution.state == 'SUCCESS' }}}}"}}
     """,
        {"a": "FAILED", "x": "FAILED"},
        "FAILED",
        ["a FAILED", "x FAILED", "y SKIPPED"],
    ),
    (
        "local errors do not repair",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.Sequential
            tasks:
              - {{id: a, {W}}}
            errors:
              - {{id: le, {W}}}
            finally:
              - {{id: lf, {W}}}
          - {{id: b, {W}}}
        errors:
          - {{id: ge, {W}}}
     """,
        {"a": "FAILED"},
        "FAILED",
        ["s FAILED", "a FAILED", "le SUCCESS", "lf SUCCESS", "ge SUCCESS"],
    ),
    (
        "AllowFailure",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.AllowFailure
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
            errors:
              - {{id: e, {W}}}
          - {{id: c, {W}}}
     """,
        {"a": "FAILED"},
        "WARNING",
        ["s WARNING", "a FAILED", "e SUCCESS", "c SUCCESS"],
    ),
    (
        "parallel",
        f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
          - {{id: c, {W}}}
     """,
        {},
        "SUCCESS",
        ["p SUCCESS", "a SUCCESS", "b SUCCESS", "c SUCCESS"],
    ),
    (
        "parallel, failure: siblings take the state",
        f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
     """,
        {"a": "FAILED", "b": None},
        "FAILED",
        ["p FAILED", "a FAILED", "b FAILED"],
    ),
    (
        "parallel with a limit starts nothing after a failure",
        f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            concurrent: 1
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
     """,
        {"a": "FAILED"},
        "FAILED",
        ["p FAILED", "a FAILED"],
    ),
    (
        "if then",
        f"""
        tasks:
          - {{id: a, {W}}}
          - id: i
            type: io.kestra.plugin.core.flow.If
            condition: "{{{{ outputs.a.n > 1 }}}}"
            then:
              - {{id: t, {W}}}
            else:
              - {{id: e, {W}}}
          - {{id: b, {W}, runIf: "{{{{ outputs.i.evaluationResult }}}}"}}
     """,
        {"a": {"n": 2}},
        "SUCCESS",
        ["a SUCCESS", "i SUCCESS", "t SUCCESS", "b SUCCESS"],
    ),
    (
        "if else without else",
        f"""
        tasks:
          - id: i
            type: io.kestra.plugin.core.flow.If
            condition: "0"
            then:
              - {{id: t, {W}}}
     """,
        {},
        "SUCCESS",
        ["i SUCCESS"],
    ),
    (
        "switch case",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.Switch
            value: "{{{{ 1 + 1 }}}}"
            cases:
              2:
                - {{id: two, {W}}}
              3:
                - {{id: three, {W}}}
     """,
        {},
        "SUCCESS",
        ["s SUCCESS", "two SUCCESS"],
    ),
    (
        "switch defaults",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.Switch
            value: x
            cases:
              y:
                - {{id: two, {W}}}
            defaults:
              - {{id: d, {W}}}
     """,
        {},
        "SUCCESS",
        ["s SUCCESS", "d SUCCESS"],
    ),
    (
        "switch without a match fails",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.Switch
            value: x
            cases:
              y:
                - {{id: two, {W}}}
     """,
        {},
        "FAILED",
        ["s FAILED"],
    ),
    (
        "for each, one after the other",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: '["x", 1, "x", {{"k": true}}]'
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}, format: "{{{{ outputs.a[taskrun.value].v }}}}"}}
     """,
        {"a": {"v": 7}},
        "SUCCESS",
        [
            "l SUCCESS",
            "a[x] SUCCESS",
            "b[x] SUCCESS",
            "a[1] SUCCESS",
            "b[1] SUCCESS",
            'a[{"k":true}] SUCCESS',
            'b[{"k":true}] SUCCESS',
        ],
    ),
    (
        "for each stops at a failure",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: [x, z]
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
     """,
        {"a[x]": "FAILED"},
        "FAILED",
        ["l FAILED", "a[x] FAILED"],
    ),
    (
        "for each, all at once",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: [x, z]
            concurrencyLimit: 0
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
     """,
        {},
        "SUCCESS",
        ["l SUCCESS", "a[x] SUCCESS", "a[z] SUCCESS", "b[x] SUCCESS", "b[z] SUCCESS"],
    ),
    (
        "for each over nothing",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: []
            tasks:
              - {{id: a, {W}}}
     """,
        {},
        "SUCCESS",
        ["l SUCCESS"],
    ),
    (
        "for each with null fails",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: "[null]"
            tasks:
              - {{id: a, {W}}}
     """,
        {},
        "FAILED",
        ["l FAILED"],
    ),
    (
        "nested loops",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: [x, z]
            tasks:
              - id: m
                type: io.kestra.plugin.core.flow.ForEach
                values: ["{{{{ taskrun.value }}}}1"]
                tasks:
                  - {{id: a, {W}}}
     """,
        {},
        "SUCCESS",
        ["l SUCCESS", "m[x] SUCCESS", "a[x1] SUCCESS", "m[z] SUCCESS", "a[z1] SUCCESS"],
    ),
    (
        "each parallel",
        f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.EachParallel
            value: [x, z]
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
     """,
        {},
        "SUCCESS",
        ["l SUCCESS", "a[x] SUCCESS", "b[x] SUCCESS", "a[z] SUCCESS", "b[z] SUCCESS"],
    ),
    (
        "exit",
        f"""
        tasks:
          - id: s
            type: io.kestra.plugin.core.flow.Sequential
            tasks:
              - {{id: x, type: io.kestra.plugin.core.execution.Exit, state: WARNING}}
              - {{id: a, {W}}}
          - {{id: b, {W}}}
        afterExecution:
          - {{id: z, {W}}}
     """,
        {},
        "WARNING",
        ["s WARNING", "x WARNING", "z SUCCESS"],
    ),
]


@pytest.mark.parametrize(("source", "outcomes", "state", "tasks"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_flow_ends_as_its_tasks_say(
    engine: Engine, source: str, outcomes: dict[str, Any], state: str, tasks: list[str]
) -> None:
    engine.save(flow(source))
    engine.outcomes = outcomes
    execution = engine.start("f")
    engine.run()
    assert engine.tasks(execution) == tasks
    assert engine.state(execution) == state
    engine.check()
    assert not engine.executor.world.executions
    assert not engine.executor.world.runs


def test_a_switch_without_a_match_says_so_once(engine: Engine) -> None:
    """§8.5: an ERROR line that names the value and the cases."""
    engine.save(
        flow(f"tasks: [{{id: s, type: io.kestra.plugin.core.flow.Switch, value: x, cases: {{y: [{{id: two, {W}}}]}}}}]")
    )
    execution = engine.start("f")
    engine.run()
    assert [text for id, level, text in engine.lines if (id, level) == (execution, "ERROR")] == [
        "No case matches the value 'x' and there are no defaults; cases: y"
    ]
