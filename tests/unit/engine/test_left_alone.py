"""Executions that flags of the executor name stay as they are; without the flags they go on (operations notes F45)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flowdeck.engine.left_alone import VARIABLE, LeftAlone, left_alone
from flowdeck.model.errors import IllegalState
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

FLOW = f"""
concurrency: {{limit: 1}}
tasks:
  - {{id: a, {W}, timeout: PT1H}}
  - {{id: b, {W}}}
"""


@pytest.fixture
def restart(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The executor again, with flags."""

    def again(**names: list[str]) -> None:
        monkeypatch.setenv(VARIABLE, json.dumps(names)) if names else monkeypatch.delenv(VARIABLE, raising=False)
        left_alone.cache_clear()
        engine.crash()

    yield again
    left_alone.cache_clear()


@pytest.mark.parametrize("kind", ["executions", "flows", "namespaces", "tenants"])
def test_what_runs_is_frozen_and_goes_on_without_the_flag(engine: Engine, restart, kind: str) -> None:
    engine.save(flow(FLOW))
    engine.save(flow(f"tasks: [{{id: c, {W}}}]", id="other"))
    engine.outcomes["a"] = None  # it runs
    one = engine.start("f")
    engine.steps()
    two = engine.start("f")
    engine.steps()
    assert (engine.state(one), engine.state(two)) == ("RUNNING", "QUEUED")
    names = {"executions": [one, two], "flows": ["main|a.b|f"], "namespaces": ["main|a"], "tenants": ["main"]}[kind]
    restart(**{kind: names})
    (key,) = [key for key in engine.worker.jobs if key[1] > 0]
    engine.end(*key, "SUCCESS")
    engine.steps()
    engine.later(7_200_000)  # also its timeout is not looked at
    engine.steps()
    assert (engine.state(one), engine.state(two)) == ("RUNNING", "QUEUED")
    with pytest.raises(IllegalState, match="left alone"):
        engine.command("execution.kill", tenant="main", id=one)
    free = engine.start("other")
    engine.run()
    assert engine.state(free) == ("CREATED" if kind in ("namespaces", "tenants") else "SUCCESS")
    engine.outcomes.clear()
    restart()
    engine.run()
    assert (engine.state(one), engine.state(two), engine.state(free)) == ("SUCCESS", "SUCCESS", "SUCCESS")
    engine.check()


def test_a_namespace_means_those_below_it_and_no_other() -> None:
    class Live:
        id, tenant, flow_id = "x", "main", "f"

        def __init__(self, namespace: str) -> None:
            self.namespace = namespace

    named = LeftAlone(namespaces={"main|a.b"})
    assert [named(Live(n)) for n in ("a.b", "a.b.c", "a.bc", "a")] == [True, True, False, False]  # type: ignore[arg-type]
