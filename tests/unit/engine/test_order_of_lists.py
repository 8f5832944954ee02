"""errors, finally, afterExecution: their order (§10.1, a row each) and what they do to states (§10.2); §6, §8, §21."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

SEQ = "type: io.kestra.plugin.core.flow.Sequential"
RETRY = "retry: {type: constant, interval: PT10S, maxAttempts: 2}"


def lists(*names: str) -> str:
    """A flow's side lists of two tasks each: e1, e2, f1, f2, z1, z2."""
    letters = {"errors": "e", "finally": "f", "afterExecution": "z"}
    return "\n".join(f"{n}: [{{id: {letters[n]}1, {W}}}, {{id: {letters[n]}2, {W}}}]" for n in names)


ROWS: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    (
        "failed child, errors and finally: errors first, then finally, then what follows the end",
        f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n" + lists("errors", "finally", "afterExecution"),
        {"a": "FAILED"},
        "FAILED",
        ["a FAILED", "e1 SUCCESS", "e2 SUCCESS", "f1 SUCCESS", "f2 SUCCESS", "z1 SUCCESS", "z2 SUCCESS"],
    ),
    (
        "failed child, no errors, finally",
        f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n" + lists("finally"),
        {"a": "FAILED"},
        "FAILED",
        ["a FAILED", "f1 SUCCESS", "f2 SUCCESS"],
    ),
    (
        "failed child, neither errors nor finally",
        f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]",
        {"a": "FAILED"},
        "FAILED",
        ["a FAILED"],
    ),
    (
        "all ended, finally",
        f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n" + lists("errors", "finally"),
        {},
        "SUCCESS",
        ["a SUCCESS", "b SUCCESS", "f1 SUCCESS", "f2 SUCCESS"],
    ),
    (
        "a warning is no failure",
        f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n" + lists("errors", "finally"),
        {"a": "WARNING"},
        "WARNING",
        ["a WARNING", "b SUCCESS", "f1 SUCCESS", "f2 SUCCESS"],
    ),
    (
        "a failing finally or afterExecution does not worsen, and does not stop its list",
        f"tasks: [{{id: a, {W}}}]\n" + lists("finally", "afterExecution"),
        {"f1": "FAILED", "z1": "FAILED"},
        "SUCCESS",
        ["a SUCCESS", "f1 FAILED", "f2 SUCCESS", "z1 FAILED", "z2 SUCCESS"],
    ),
    (
        "a failing error task stops nothing and has no handling of its own",
        f"tasks: [{{id: a, {W}}}]\n" + lists("errors", "finally"),
        {"a": "FAILED", "e1": "FAILED"},
        "FAILED",
        ["a FAILED", "e1 FAILED", "e2 SUCCESS", "f1 SUCCESS", "f2 SUCCESS"],
    ),
    (
        "a block among the errors reacts inside itself",
        f"tasks: [{{id: a, {W}}}]\nerrors:\n  - id: s\n    {SEQ}\n    tasks: [{{id: e1, {W}}}, {{id: e2, {W}}}]\n"
        f"    errors: [{{id: ee, {W}}}]\n  - {{id: e3, {W}}}",
        {"a": "FAILED", "e1": "FAILED"},
        "FAILED",
        ["a FAILED", "s FAILED", "e1 FAILED", "ee SUCCESS", "e3 SUCCESS"],
    ),
    (
        "a local errors list does not repair its block: the flow's own follows",
        f"tasks:\n  - id: s\n    {SEQ}\n    tasks: [{{id: a, {W}}}]\n    errors: [{{id: le, {W}}}]\n"
        f"    finally: [{{id: lf, {W}}}]\n  - {{id: b, {W}}}\n" + lists("errors", "finally"),
        {"a": "FAILED"},
        "FAILED",
        ["s FAILED", "a FAILED", "le SUCCESS", "lf SUCCESS", "e1 SUCCESS", "e2 SUCCESS", "f1 SUCCESS", "f2 SUCCESS"],
    ),
    (
        "allowFailure on the block swallows: local lists run, the flow's errors do not",
        f"tasks:\n  - id: s\n    {SEQ}\n    allowFailure: true\n    tasks: [{{id: a, {W}}}, {{id: n, {W}}}]\n"
        f"    errors: [{{id: le, {W}}}]\n  - {{id: b, {W}}}\n" + lists("errors"),
        {"a": "FAILED"},
        "WARNING",
        ["s WARNING", "a FAILED", "le SUCCESS", "b SUCCESS"],
    ),
    (
        "AllowFailure: the first failure ends the block, local errors run, the flow goes on",
        f"tasks:\n  - id: s\n    type: io.kestra.plugin.core.flow.AllowFailure\n    tasks: [{{id: a, {W}}}, {{id: n, {W}}}]\n"
        f"    errors: [{{id: le, {W}}}]\n  - {{id: b, {W}}}\n" + lists("errors"),
        {"a": "FAILED"},
        "WARNING",
        ["s WARNING", "a FAILED", "le SUCCESS", "b SUCCESS"],
    ),
    (
        "AllowFailure with allowWarning is a success",
        f"tasks:\n  - id: s\n    type: io.kestra.plugin.core.flow.AllowFailure\n    allowWarning: true\n"
        f"    tasks: [{{id: a, {W}}}]\n  - {{id: b, {W}}}",
        {"a": "FAILED"},
        "SUCCESS",
        ["s SUCCESS", "a FAILED", "b SUCCESS"],
    ),
    (
        "the state of a block looks at its children, not at errors and finally",
        f"tasks:\n  - id: s\n    {SEQ}\n    tasks: [{{id: a, {W}}}]\n    finally: [{{id: lf, {W}}}]\n",
        {"lf": "FAILED"},
        "SUCCESS",
        ["s SUCCESS", "a SUCCESS", "lf FAILED"],
    ),
    (
        "the worst child counts",
        "tasks:\n  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n"
        f"    tasks: [{{id: a, {W}}}, {{id: b, {W}}}, {{id: c, {W}, allowFailure: true}}]",
        {"b": "WARNING", "c": "FAILED"},
        "WARNING",
        ["p WARNING", "a SUCCESS", "b WARNING", "c WARNING"],
    ),
    (
        "after a failure in Parallel nothing more starts, local errors start at once",
        "tasks:\n  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n    concurrent: 1\n"
        f"    tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n    errors: [{{id: le, {W}}}]",
        {"a": "FAILED"},
        "FAILED",
        ["p FAILED", "a FAILED", "le SUCCESS"],
    ),
    (
        "disabled tasks are absent everywhere",
        f"tasks: [{{id: a, {W}, disabled: true}}, {{id: b, {W}}}]\nerrors: [{{id: e1, {W}, disabled: true}}]\n"
        f"finally: [{{id: f1, {W}, disabled: true}}, {{id: f2, {W}}}]\nafterExecution: [{{id: z1, {W}, disabled: true}}]",
        {"b": "FAILED"},
        "FAILED",
        ["b FAILED", "f2 SUCCESS"],
    ),
    (
        "a block whose tasks are all disabled is a success",
        f"tasks:\n  - id: s\n    {SEQ}\n    tasks: [{{id: a, {W}, disabled: true}}]\n  - id: d\n"
        "    type: io.kestra.plugin.core.flow.Dag\n"
        f"    tasks: [{{task: {{id: c, {W}, disabled: true}}}}]\n  - id: l\n"
        "    type: io.kestra.plugin.core.flow.LoopUntil\n    condition: 'false'\n"
        f"    tasks: [{{id: x, {W}, disabled: true}}]",
        {},
        "SUCCESS",
        ["s SUCCESS", "d SUCCESS", "l SUCCESS"],
    ),
    (
        "runIf works in every list and on every kind of task",
        f"tasks:\n  - {{id: a, {W}}}\n  - id: s\n    {SEQ}\n    runIf: 'false'\n    tasks: [{{id: n, {W}}}]\n"
        "  - {id: u, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: x, runIf: 'false'}\n"
        "  - {id: p, type: io.kestra.plugin.core.flow.Pause, runIf: 'false'}\n"
        "  - {id: x, type: io.kestra.plugin.core.execution.Exit, runIf: 'false'}\n"
        f"  - {{id: b, {W}}}\nerrors: [{{id: e1, {W}, runIf: 'false'}}, {{id: e2, {W}}}]\n"
        f"finally: [{{id: f1, {W}, runIf: 'false'}}]\nafterExecution: [{{id: z1, {W}, runIf: 'false'}}]",
        {"b": "FAILED"},
        "FAILED",
        [
            "a SUCCESS",
            "s SKIPPED",
            "u SKIPPED",
            "p SKIPPED",
            "x SKIPPED",
            "b FAILED",
            "e1 SKIPPED",
            "e2 SUCCESS",
            "f1 SKIPPED",
            "z1 SKIPPED",
        ],
    ),
    (
        "a runIf that can't be rendered fails its task",
        f"tasks: [{{id: a, {W}, runIf: '{{{{ nope }}}}'}}, {{id: b, {W}}}]\n" + lists("errors"),
        {},
        "FAILED",
        ["a FAILED", "e1 SUCCESS", "e2 SUCCESS"],
    ),
]


@pytest.mark.parametrize(("source", "outcomes", "state", "tasks"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_order_and_states(engine: Engine, source: str, outcomes: dict[str, Any], state: str, tasks: list[str]) -> None:
    engine.save(flow(source))
    engine.outcomes = outcomes
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == tasks
    assert engine.state(e) == state
    engine.check()
    assert not engine.executor.world.executions


def test_while_a_retry_is_pending_nothing_starts(engine: Engine) -> None:
    """§10.1, second row: the errors list waits until no retry is left."""
    engine.save(flow(f"tasks: [{{id: a, {W}, {RETRY}}}]\n" + lists("errors", "finally")))
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["a RETRYING"]
    assert engine.state(e) == "RETRYING"
    engine.later(10_000)
    engine.run()
    assert engine.tasks(e) == ["a FAILED", "e1 SUCCESS", "e2 SUCCESS", "f1 SUCCESS", "f2 SUCCESS"]


def test_once_finally_has_begun_nothing_else_of_the_level_starts(engine: Engine) -> None:
    """§10.1, first row."""
    engine.save(flow(f"tasks: [{{id: a, {W}}}]\n" + lists("errors", "finally")))
    engine.outcomes = {"f1": None}
    e = engine.start("f")
    engine.run()
    engine.crash()
    engine.outcomes = {"f1": "FAILED"}
    engine.run()
    assert engine.tasks(e) == ["a SUCCESS", "f1 FAILED", "f2 SUCCESS"]
    assert engine.state(e) == "SUCCESS"


def test_a_kill_runs_neither_errors_nor_finally(engine: Engine) -> None:
    """§10.2; what follows the end runs."""
    engine.save(
        flow(
            f"tasks:\n  - id: s\n    {SEQ}\n    tasks: [{{id: a, {W}}}]\n    finally: [{{id: lf, {W}}}]\n"
            + lists("errors", "finally", "afterExecution")
        )
    )
    engine.outcomes = {"a": None}
    e = engine.start("f")
    engine.run()
    engine.started("a")
    engine.steps()
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.tasks(e) == ["s KILLED", "a KILLED", "z1 SUCCESS", "z2 SUCCESS"]
    assert engine.state(e) == "KILLED"
    assert engine.history(e, "s") == ["CREATED", "RUNNING", "KILLING", "KILLED"]


ALLOW = [
    ("FAILED", False, False, "FAILED"),
    ("FAILED", True, False, "WARNING"),
    ("FAILED", False, True, "FAILED"),
    ("FAILED", True, True, "SUCCESS"),
    ("WARNING", False, False, "WARNING"),
    ("WARNING", True, False, "WARNING"),
    ("WARNING", False, True, "SUCCESS"),
    ("WARNING", True, True, "SUCCESS"),
    ("SUCCESS", True, True, "SUCCESS"),
]


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize(("ends", "failure", "warning", "counts"), ALLOW)
def test_what_is_allowed(engine: Engine, block: bool, ends: str, failure: bool, warning: bool, counts: str) -> None:
    """§6: after all retries; on a block as on a task."""
    allowed = f"allowFailure: {str(failure).lower()}, allowWarning: {str(warning).lower()}"
    inner = f"tasks: [{{id: a, {W}}}]" if block else RETRY
    engine.save(flow(f"tasks: [{{id: s, {SEQ if block else W}, {allowed}, {inner}}}, {{id: b, {W}}}]"))
    engine.outcomes = {"a" if block else "s": ends}
    e = engine.start("f")
    engine.run()
    if ends == "FAILED" and not block:
        assert engine.tasks(e) == ["s RETRYING"]
        engine.later(10_000)
        engine.run()
    assert engine.tasks(e)[0] == f"s {counts}"
    assert ("b SUCCESS" in engine.tasks(e)) == (counts != "FAILED")
    assert engine.state(e) == counts


@pytest.mark.parametrize(
    ("written", "state", "beside"),
    [
        ("SUCCESS", "SUCCESS", "SUCCESS"),
        ("WARNING", "WARNING", "SUCCESS"),
        ("FAILED", "FAILED", "SUCCESS"),
        ("CANCELED", "CANCELLED", "SUCCESS"),
        ("KILLED", "KILLED", "KILLED"),
    ],
)
def test_exit_in_every_state(engine: Engine, written: str, state: str, beside: str) -> None:
    """§7.3, core plugins §3 and §15.8: the execution ends at once; what runs beside goes on but for KILLED."""
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: long, {W}}}
              - id: s
                {SEQ}
                tasks:
                  - {{id: first, {W}}}
                  - {{id: x, type: io.kestra.plugin.core.execution.Exit, state: {written}}}
                  - {{id: n, {W}}}
          - {{id: n2, {W}}}
        errors: [{{id: e, {W}}}]
        finally: [{{id: f, {W}}}]
        afterExecution: [{{id: z, {W}}}]
        """)
    )
    engine.outcomes = {"long": None, "first": None}
    e = engine.start("f")
    engine.run()
    engine.started("long")
    engine.steps()
    engine.outcomes = {"long": None}
    engine.run()
    assert engine.state(e) == state
    engine.outcomes = {}
    engine.run()
    found = engine.tasks(e)
    assert found[0] == f"p {state}"
    assert f"x {state}" in found
    assert f"s {state}" in found
    assert "first SUCCESS" in found
    assert not {"n SUCCESS", "n2 SUCCESS", "e SUCCESS", "f SUCCESS"} & set(found)
    assert f"long {beside}" in found
    assert found[-1] == "z SUCCESS"
    engine.check()


def test_an_input_that_always_raises_does_not_turn_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error within the executor fails its execution alone, again after a restart of the process."""
    from flowdeck.model.engine import tasks

    engine.save(flow(f"tasks: [{{id: first, {W}}}, {{id: a, {W}}}]"))
    engine.save(flow(f"tasks: [{{id: good, {W}}}]", id="g"))
    real = tasks.dispatch

    def broken(w: Any, run: Any, cause: str | None = None) -> None:
        if run.task.id == "a":
            raise ZeroDivisionError("always")
        real(w, run, cause)

    engine.outcomes = {"good": None}
    good = engine.start("g")
    engine.run()
    monkeypatch.setattr(tasks, "dispatch", broken)
    bad = engine.start("f")
    for _ in range(3):
        engine.run()
        engine.steps(50)
        engine.crash()
    engine.outcomes = {}
    engine.run()
    assert engine.state(bad) == "FAILED"
    assert engine.state(good) == "SUCCESS"
    assert any(id == bad and "ZeroDivisionError" in text for id, _, text in engine.lines)
    engine.check()


@pytest.mark.parametrize("where", ["tasks", "afterExecution", "both"])
def test_an_error_within_what_follows_the_end_does_not_turn_for_ever(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from flowdeck.model.engine import tasks

    engine.save(flow(f"tasks: [{{id: first, {W}}}, {{id: a, {W}}}]\nafterExecution: [{{id: z, {W}}}]"))
    real = tasks.dispatch
    bad = {"tasks": {"a"}, "afterExecution": {"z"}, "both": {"a", "z"}}[where]

    def broken(w: Any, run: Any, cause: str | None = None) -> None:
        if run.task.id in bad:
            raise ZeroDivisionError("always")
        real(w, run, cause)

    monkeypatch.setattr(tasks, "dispatch", broken)
    e = engine.start("f")
    engine.run()
    engine.crash()
    engine.run()
    assert engine.state(e) == "FAILED"
    assert engine.one("select count(*) from task_run where state < 20") == 0
    assert engine.one("select count(*) from timer") == 0
    assert not engine.executor.world.executions
