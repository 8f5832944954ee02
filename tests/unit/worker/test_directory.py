"""A WorkingDirectory in a worker, and limits of a result (spec: workflow components §7.1, §8.9)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowdeck.model.states import State
from tests.unit.worker.conftest import Core

SHELL = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}"
CHILDREN = [(1, 1_001, "child1"), (2, 1_002, "child2"), (3, 1_003, "child3")]


def directory(*children: str, more: str = "") -> str:
    """The YAML of a WorkingDirectory."""
    tasks = "\n".join(f"    - {child}" for child in children)
    return f"- id: wd\n  type: io.kestra.plugin.core.flow.WorkingDirectory\n{more}  tasks:\n{tasks}"


async def run(core: Core, source: str, count: int, **more: Any) -> list[tuple[int, str]]:
    """Reports of the children and of the whole, in order: (seq, state)."""
    job = core.job(source, children=CHILDREN[:count], **more)
    core.gateway.dispatch(job, process=True)
    done = await core.wait(job)
    assert done is core.reports[-1]
    return [(0 if report.seq == job.seq else report.seq, State(report.state).name) for report in core.reports]


async def test_children_are_reported_before_the_whole(core: Core) -> None:
    """Each is acknowledged by itself; the folder is gone afterwards."""
    said = await run(
        core,
        directory(
            f'{{id: a, {SHELL}, commands: ["echo one > x.txt"]}}',
            f'{{id: b, {SHELL}, commands: ["cat x.txt; pwd"]}}',
            "{id: c, type: io.kestra.plugin.core.log.Log, runIf: \"{{ tasks.a.state == 'FAILED' }}\", message: x}",
        ),
        3,
    )
    assert said == [(1_001, "SUCCESS"), (1_002, "SUCCESS"), (1_003, "SKIPPED"), (0, "SUCCESS")]
    texts = core.texts()
    assert texts[0] == "one"
    from pathlib import Path

    assert not Path(texts[1]).exists()
    async with asyncio.timeout(5):
        while len(core.workers[0].link.kept):
            await asyncio.sleep(0.01)


async def test_a_failure_stops_the_rest(core: Core) -> None:
    said = await run(
        core,
        directory(
            "{id: a, type: io.kestra.plugin.core.execution.Fail, allowFailure: true}",
            "{id: b, type: io.kestra.plugin.core.execution.Fail, errorMessage: broke}",
            "{id: c, type: io.kestra.plugin.core.log.Log, message: x}",
        ),
        3,
    )
    assert said == [(1_001, "FAILED"), (1_002, "FAILED"), (0, "FAILED")]
    assert core.reports[-1].error == "Task b of the working directory failed"
    assert [text for level, text in core.log() if level == "ERROR"] == ["Task failure", "broke"]  # each told once


async def test_a_kill_stops_the_child_that_runs(core: Core) -> None:
    job = core.job(
        directory(
            "{id: a, type: io.kestra.plugin.core.flow.Sleep, duration: PT1M}",
            "{id: b, type: io.kestra.plugin.core.log.Log, message: x}",
        ),
        children=CHILDREN[:2],
    )
    core.gateway.dispatch(job, process=True)
    async with asyncio.timeout(5):
        while not any(one.seq == 1_001 for one in core.started):
            await asyncio.sleep(0.005)
    core.gateway.kill(job.seq, job.fence)
    assert (await core.wait(job, 3)).state == State.KILLED
    assert [(r.seq, r.state) for r in core.reports[:-1]] == [(1_001, State.KILLED)]


async def test_reports_survive_a_broken_connection(core: Core) -> None:
    """Children's results are kept until they are acknowledged, as all results are."""
    core.auto_ack = False
    job = core.job(
        directory(
            "{id: a, type: io.kestra.plugin.core.log.Log, message: x}",
            "{id: b, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.3S}",
        ),
        children=CHILDREN[:2],
    )
    core.gateway.dispatch(job, process=True)
    async with asyncio.timeout(5):
        while not core.reports:
            await asyncio.sleep(0.005)
    core.workers[0].link.cut()
    await core.wait(job, 5)
    assert {r.seq for r in core.reports} == {1_001, 1_002, job.seq}
    assert len(core.workers[0].link.kept) == 3
    core.reports.clear()
    core.workers[0].link.cut()
    async with asyncio.timeout(5):
        while len(core.reports) < 3:
            await asyncio.sleep(0.005)
    assert [r.seq for r in core.reports] == [1_001, 1_002, job.seq]  # the whole never overtakes its parts
    for report in list(core.reports):
        core.gateway.ack(report.seq, report.fence)
    async with asyncio.timeout(5):
        while len(core.workers[0].link.kept):
            await asyncio.sleep(0.01)


async def test_outputs_of_a_child_that_lie_in_storage_are_seen_by_the_next(core: Core) -> None:
    core.kv["big"] = ("STRING", "y" * 100_000)
    await run(
        core,
        directory(
            "{id: a, type: io.kestra.plugin.core.debug.Return, format: \"{{ kv('big') }}\"}",
            '{id: b, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.a.value | length }}"}',
        ),
        2,
    )
    assert core.reports[0].outputs_uri is not None
    assert "100000" in core.texts()


async def test_a_result_beyond_the_limit_fails_its_task_run_only(bare: Core) -> None:
    """§7.1: `message-protection`; no outputs are left."""
    await bare.open()
    await bare.worker(options={"message-limit": 1_000})
    bare.kv["big"] = ("STRING", "y" * 2_000)
    done = await bare.run("- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: \"{{ kv('big') }}\"")
    assert done.state == State.FAILED and done.outputs is None and done.outputs_uri is None
    assert done.error is not None and "bytes of outputs are more than the limit of 1,000" in done.error
    small = await bare.run("- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: x")
    assert small.state == State.SUCCESS


async def test_a_task_tells_of_its_parts(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """§7.1: dynamic task runs come with the result, secrets masked."""
    from flowdeck.plugins.core.debug import Return

    original = Return.run

    async def run_it(self: Any, ctx: Any) -> Any:
        ctx.add_secret("hush-hush")
        ctx.part("model hush-hush", State.WARNING)
        return await original(self, ctx)

    monkeypatch.setattr(Return, "run", run_it)
    done = await core.run("- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: x")
    assert [(name, state) for name, state, _, _ in done.dynamic] == [("model ******", State.WARNING)]
