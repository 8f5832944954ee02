"""Laws of an attempt: states, logs, outputs, secrets, timeouts, kills."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.states import State
from flowdeck.sdk.index import specs
from tests.unit.worker.conftest import Core, ok


async def test_a_task_is_rendered_and_run(core: Core) -> None:
    done = await core.run(
        '- id: say\n  type: io.kestra.plugin.core.log.Log\n  message: "hi {{ inputs.name }} {{ task.id }}"',
        {"inputs": {"name": "Ada"}},
        process=False,
    )
    assert done.state == State.SUCCESS and done.error is None and done.started <= done.ended
    assert core.log() == [("INFO", "hi Ada say")]


async def test_an_undefined_variable_fails_the_attempt_and_is_logged(core: Core) -> None:
    done = await core.run('- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: "{{ inputs.nope }}"')
    assert done.state == State.FAILED and done.error and "nope" in done.error
    assert ("ERROR", done.error) in core.log()


async def test_an_unknown_type_fails_the_attempt(core: Core) -> None:
    done = await core.run("- id: x\n  type: io.kestra.plugin.core.log.Logg\n  message: a")
    assert done.state == State.FAILED and done.error


async def test_secrets_are_masked_in_logs_outputs_and_errors(core: Core) -> None:
    core.secrets["PW"] = "hunter-2-secret"
    done = await core.run(
        "- id: r\n  type: io.kestra.plugin.core.debug.Return\n"
        "  format: \"a {{ secret('PW') }} b {{ secret('PW') | upper }} {{ secret('PW') | base64encode }}\""
    )
    assert ok(done)["value"]["shown"] == "a ****** b ****** ******" and "hunter" not in str(done.outputs).lower()
    assert not any("hunter" in t.lower() for t in core.texts())
    done = await core.run(
        "- id: f\n  type: io.kestra.plugin.core.execution.Fail\n  errorMessage: \"no {{ secret('PW') }}\""
    )
    assert done.error == "no ******"


async def test_a_missing_secret_fails(core: Core) -> None:
    done = await core.run("- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: \"{{ secret('NO') }}\"")
    assert done.state == State.FAILED and "Cannot find secret for key 'NO'" in (done.error or "")


async def test_the_store_goes_before_the_environment(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expressions §8: namespaces upwards, the instance's variables last."""
    monkeypatch.setenv("SECRET_TOKEN", "bXktdG9rZW4=")
    monkeypatch.setenv("SECRET_BROKEN", "no base64!")
    text = "{{ secret('TOKEN') }}"
    done = await core.evaluate({"x": text})
    assert done.outputs is not None and done.outputs["value"]["x"] == "my-token"
    core.secrets["TOKEN"] = "of the store"
    done = await core.evaluate({"x": text})
    assert done.outputs is not None and done.outputs["value"]["x"] == "of the store"
    done = await core.evaluate({"x": "{{ secret('BROKEN') }}"})
    assert "SECRET_BROKEN" in str(done.error) and "base64" in str(done.error)
    done = await core.run("- id: l\n  type: io.kestra.plugin.core.log.Log\n  message: \"t={{ secret('TOKEN') }}\"")
    assert done.state == State.SUCCESS and core.log() == [("INFO", "t=******")]


async def test_pairs_made_of_secrets_are_stored_encrypted(core: Core) -> None:
    """Quality §2.2 C9: a pair is stored for all to see, a secret in it is not; who reads it gets it whole."""
    core.secrets["PW"] = "hunter-2-secret"
    done = await core.run(
        "- id: s\n  type: io.kestra.plugin.core.kv.Set\n  key: k\n  kvType: STRING\n  value: \"x {{ secret('PW') }}\""
    )
    assert done.state == State.SUCCESS and "hunter" not in str(core.kv) and core.kv["k"][1]["shown"] == "x ******"
    read = await core.evaluate({"x": "{{ kv('k') }}"})
    assert read.outputs is not None and read.outputs["value"]["x"] == "x hunter-2-secret"
    assert read.outputs["secrets"] == ["hunter-2-secret"]
    done = await core.run("- id: g\n  type: io.kestra.plugin.core.kv.Get\n  key: k")
    assert done.outputs is not None and done.outputs["value"]["shown"] == "x ******"


async def test_encrypted_inputs_are_readable_and_masked(core: Core) -> None:
    value = core.workers[0].facts.cryptor.wrap("s3cr3t-input")  # type: ignore[union-attr]
    done = await core.run(
        "- id: c\n  type: io.kestra.plugin.scripts.shell.Commands\n"
        "  taskRunner: {type: io.kestra.plugin.core.runner.Process}\n"
        '  commands: ["test \'{{ inputs.pw }}\' = s3cr3t-input", "echo {{ inputs.pw }}"]',
        {"inputs": {"pw": value}},
    )
    assert done.state == State.SUCCESS and core.texts() == ["******"]


async def test_a_timeout_fails_and_says_when(core: Core) -> None:
    done = await core.run("- id: s\n  type: io.kestra.plugin.core.flow.Sleep\n  duration: PT1M", timeout_ms=50)
    assert done.state == State.FAILED and done.error == "Timeout after 00:00:00.050"


async def test_a_kill_ends_a_running_attempt(core: Core) -> None:
    job = core.job("- id: s\n  type: io.kestra.plugin.core.flow.Sleep\n  duration: PT1M")
    core.gateway.dispatch(job, process=False)
    while not core.started:
        await asyncio.sleep(0.005)
    core.gateway.kill(job.seq, job.fence)
    assert (await core.wait(job, 2)).state == State.KILLED


async def test_a_short_attempt_reports_once(core: Core) -> None:
    await core.run("- id: w\n  type: io.kestra.plugin.core.log.Log\n  message: warm")
    core.started.clear()
    await core.run("- id: l\n  type: io.kestra.plugin.core.flow.Sleep\n  duration: PT0.03S")
    assert len(core.started) == 1


async def test_large_outputs_go_to_storage_and_come_back(core: Core) -> None:
    done = await core.run(
        '- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: "{{ inputs.big }}"',
        {"inputs": {"big": "x" * 70_000}},
    )
    assert done.outputs is None and done.outputs_uri and done.outputs_size > 70_000
    storage = core.workers[0].facts.storage
    with storage.open_read(done.outputs_uri) as file:
        assert json.load(file)["value"] == "x" * 70_000
    again = await core.run(
        '- id: r\n  type: io.kestra.plugin.core.debug.Return\n  format: "{{ outputs.before.value | length }}"',
        {"outputs": {"before": {"$outputs": done.outputs_uri}}},
    )
    assert ok(again)["value"] == "70000"


async def test_the_lowest_level_of_a_task_is_respected(core: Core) -> None:
    await core.run("- id: l\n  type: io.kestra.plugin.core.log.Log\n  logLevel: WARN\n  message: quiet")
    assert core.log() == []


async def test_long_lines_are_split_at_32_kb(core: Core) -> None:
    await core.run(
        '- id: l\n  type: io.kestra.plugin.core.log.Log\n  message: "{{ inputs.t }}"', {"inputs": {"t": "ü" * 40_000}}
    )
    texts = core.texts()
    assert len(texts) == 3 and "".join(texts) == "ü" * 40_000 and all(len(t.encode()) <= 32 * 1024 for t in texts)


async def test_evaluation_gives_native_values_and_errors(core: Core) -> None:
    core.kv["n"] = ("NUMBER", 7)
    value = {"a": "{{ kv('n') }}", "b": ["{{ 1 + 1 }}"], "c": "x{{ kv('n') }}"}
    assert ok(await core.evaluate(value)) == {"value": {"a": 7, "b": [2], "c": "x7"}}
    assert ok(await core.evaluate("{{ kv('n') }}", native=False)) == {"value": "7"}
    done = await core.evaluate("{{ kv('absent') }}")
    assert done.state == State.FAILED and "does not exist" in (done.outputs or {})["error"]
    core.secrets["S"] = "topsecret"
    assert ok(await core.evaluate("{{ secret('S') }}", masked=True)) == {"value": "******"}
    assert ok(await core.evaluate("{{ errorLogs() }}"))["value"] == [{"message": "boom"}]


async def test_namespace_files_can_be_read(core: Core) -> None:
    uri = core.workers[0].facts.storage.put("/company/team/_files/a.txt", b"content")  # type: ignore[attr-defined]
    core.files.append({"path": "/a.txt", "size": 7, "uri": uri})
    assert ok(await core.evaluate("{{ read('a.txt') }} {{ fileSize('a.txt') }} {{ fileExists('b.txt') }}")) == {
        "value": "content 7 false"
    }
    assert (await core.evaluate("{{ read('../../etc/passwd') }}")).state == State.FAILED
    assert (await core.evaluate("{{ read('file:///etc/passwd') }}")).state == State.FAILED


STUBBORN = """
from flowdeck.sdk import RunContext, Task
import asyncio, time

class Stubborn(Task, type="test.Stubborn"):
    async def run(self, ctx: RunContext):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return {"x": 1}

class Threaded(Task, type="test.Threaded", process=True):
    def run(self, ctx: RunContext):
        ctx.log.info("in thread")
        while not ctx.killed:
            time.sleep(0.005)
        return {"noticed": True}

class Wrong(Task, type="test.Wrong"):
    async def run(self, ctx: RunContext):
        return 42

class Broken(Task, type="test.Broken"):
    def run(self, ctx: RunContext):
        return {"a": object()}

class Crash(Task, type="test.Crash"):
    async def run(self, ctx: RunContext):
        return {}["nope"]
"""


@pytest.fixture
def odd_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "odd"}
    exec(compile(STUBBORN, "odd", "exec"), names)
    own = [c.spec for c in names.values() if getattr(c, "__module__", "") == "odd"]
    monkeypatch.setattr("flowdeck.engine.worker_tasks.load_catalog", lambda: Catalog([*specs(), *own]))


@pytest.mark.parametrize("kind", ["Stubborn", "Threaded"])
async def test_a_killed_attempt_is_killed_whatever_it_answers(core: Core, odd_tasks: None, kind: str) -> None:
    job = core.job(f"- id: s\n  type: test.{kind}")
    core.gateway.dispatch(job, process=True)
    while not core.started:
        await asyncio.sleep(0.005)
    core.gateway.kill(job.seq, 1)
    assert (await core.wait(job, 3)).state == State.KILLED
    done = await core.run(f"- id: s\n  type: test.{kind}", timeout_ms=30)
    assert done.state == State.FAILED and (done.error or "").startswith("Timeout")


@pytest.mark.parametrize(
    ("kind", "error"),
    [("Wrong", "int instead of outputs"), ("Broken", "can't be stored"), ("Crash", "KeyError: 'nope'")],
)
async def test_a_faulty_plugin_fails_its_attempt_alone(core: Core, odd_tasks: None, kind: str, error: str) -> None:
    done = await core.run(f"- id: s\n  type: test.{kind}")
    assert done.state == State.FAILED and error in (done.error or "")


async def test_local_files_only_below_allowed_folders(core: Core, tmp_path: Path) -> None:
    (tmp_path / "ok").mkdir()
    (tmp_path / "ok" / "a b.txt").write_text("local")
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "ok" / "link").symlink_to(tmp_path / "secret.txt")
    core.workers[0].facts.options = {"allowed-paths": (str(tmp_path / "ok"),)}
    base = f"file://{tmp_path}"
    assert ok(await core.evaluate(f"{{{{ read('{base}/ok/a%20b.txt') }}}}"))["value"] == "local"
    assert ok(await core.evaluate(f"{{{{ fileExists('{base}/ok/none') }}}}"))["value"] is False
    for bad in ("/secret.txt", "/ok/../secret.txt", "/ok/link"):
        assert "not allowed" in ((await core.evaluate(f"{{{{ read('{base}{bad}') }}}}")).outputs or {})["error"]
    task = (
        "- id: s\n  type: io.kestra.plugin.scripts.shell.Commands\n  inputFiles: {x.txt: '%s'}\n  commands: [cat x.txt]"
    )
    assert (await core.run(task % f"{base}/ok/a%20b.txt")).state == State.SUCCESS and "local" in core.texts()
    assert (await core.run(task % f"{base}/secret.txt")).state == State.FAILED


async def test_a_users_map_is_not_taken_for_stored_outputs(core: Core) -> None:
    mine = {"$outputs": "kestra:///company/team/_files/x.json"}
    for name in ("inputs", "trigger", "outputs"):
        done = await core.evaluate(f"{{{{ {name}.a }}}}", {name: {"a": mine}})
        assert ok(done)["value"] == mine
    assert ok(await core.evaluate("{{ inputs.a }}", {"inputs": {"a": {"$outputs": 5}}}))["value"] == {"$outputs": 5}
