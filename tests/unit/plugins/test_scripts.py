"""Script tasks with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from flowdeck.model.states import State
from tests.unit.worker.conftest import Core, ok

SHELL = "io.kestra.plugin.scripts.shell"
PYTHON = "io.kestra.plugin.scripts.python"


def shell(*commands: str, more: str = "") -> str:
    lines = "\n".join(f"    - {json.dumps(command)}" for command in commands)
    return f"- id: sh\n  type: {SHELL}.Commands\n{more}  commands:\n{lines}"


async def test_output_streams_become_lines_with_levels(core: Core) -> None:
    done = await core.run(shell("echo one", "echo two >&2", "printf three"))
    assert done.state == State.WARNING  # something on the error stream
    assert sorted(line for line in core.log() if line[0] != "DEBUG") == [
        ("ERROR", "two"),
        ("INFO", "one"),
        ("INFO", "three"),
    ]
    assert done.outputs == {"vars": {}, "exitCode": 0, "outputFiles": {}}


async def test_errors_on_the_stream_may_be_no_warning(core: Core) -> None:
    assert (await core.run(shell("echo two >&2", more="  warningOnStdErr: false\n"))).state == State.SUCCESS


async def test_the_protocol_gives_outputs_metrics_and_logs(core: Core) -> None:
    done = await core.run(
        f"- id: sh\n  type: {SHELL}.Script\n  script: |\n"
        '    echo \'::{"outputs":{"rows":42,"file":"a.csv"}}::\'\n'
        '    echo \'::{"outputs":{"rows":43}}::\'\n'
        '    echo \'::{"metrics":[{"name":"rows","type":"counter","value":42,"tags":{"t":"o"}}]}::\'\n'
        '    echo \'::{"metrics":[{"name":"load","type":"timer","value":1.5}]}::\'\n'
        '    echo \'::{"logs":[{"level":"WARN","message":"late"}]}::\'\n'
        "    echo '::{\"broken\": }::'\n"
        '    echo \'plain ::{"outputs":{"rows":1}}::\'\n'
    )
    assert ok(done)["vars"] == {"rows": 43, "file": "a.csv"}
    assert done.metrics == [("rows", "counter", 42.0, {"t": "o"}), ("load", "timer", 1500.0, {})]
    log = core.log()
    assert ("WARN", "late") in log and ("INFO", 'plain ::{"outputs":{"rows":1}}::') in log
    assert any(level == "WARN" and "Invalid outputs" in text for level, text in log)


async def test_an_exit_code_fails_the_attempt_and_keeps_outputs(core: Core) -> None:
    done = await core.run(
        shell("echo x > a.txt", 'echo \'::{"outputs":{"n":1}}::\'', "exit 3", more='  outputFiles: ["*.txt"]\n')
    )
    assert done.state == State.FAILED and done.error == "Command failed with exit code 3"
    assert done.outputs and done.outputs["vars"] == {"n": 1} and "a.txt" in done.outputs["outputFiles"]
    assert done.exit_info == {"exitCode": 3}


async def test_fail_fast_stops_at_the_first_failure(core: Core) -> None:
    done = await core.run(shell("false", "echo never"))
    assert done.state == State.FAILED and "never" not in core.texts()
    done = await core.run(shell("false", "echo later", more="  failFast: false\n"))
    assert done.state == State.SUCCESS and "later" in core.texts()


async def test_commands_share_one_shell(core: Core) -> None:
    await core.run(shell("cd /", "X=1", "echo $X $PWD", more='  beforeCommands: ["export Y=2"]\n'))
    assert "1 /" in core.texts()


async def test_files_go_in_and_out(core: Core) -> None:
    storage = core.workers[0].facts.storage
    uri = storage.put("/company/team/flow-1/executions/exec1/in.txt", b"stored\n")  # type: ignore[attr-defined]
    core.files.append({"path": "/lib/n.txt", "size": 3, "uri": storage.put("/f/n.txt", b"nsf\n")})  # type: ignore[attr-defined]
    done = await core.run(
        shell(
            "cat sub/a.txt b.txt lib/n.txt {{ inputs.f }}",
            "mkdir -p out/deep",
            "cp b.txt out/deep/c.csv",
            "test ! -s empty",
            more="  namespaceFiles: {enabled: true}\n  inputFiles:\n    sub/a.txt: 'text {{ flow.id }}'\n"
            "    b.txt: '{{ inputs.f }}'\n    empty: null\n  outputFiles: ['out/**', '*.none']\n",
        ),
        {"inputs": {"f": uri}},
    )
    files = ok(done)["outputFiles"]
    assert list(files) == ["out/deep/c.csv"]
    assert storage.get(files["out/deep/c.csv"]) == b"stored\n"  # type: ignore[attr-defined]
    assert [t for t in core.texts() if "container" not in t] == ["text flow_1stored", "nsf", "stored"]
    assert "/tasks/sh/run" in files["out/deep/c.csv"]


async def test_input_files_stay_in_the_working_directory(core: Core) -> None:
    done = await core.run(shell("true", more="  inputFiles:\n    ../evil.txt: x\n"))
    assert done.state == State.FAILED and "working directory" in (done.error or "")


async def test_the_working_directory_is_deleted(core: Core) -> None:
    await core.run(shell("pwd", "echo $WORKING_DIR", "echo {{ workingDir }}"))
    paths = {text for text in core.texts() if text.startswith("/")}
    assert len(paths) == 1 and not os.path.exists(paths.pop())


async def test_environment_reaches_the_child_without_the_servers_secrets(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_X", "eA==")
    done = await core.run(shell('echo "$A-$SECRET_X-$KESTRA_TASKRUN_ID"', more="  env: {A: '{{ 1 + 1 }}'}\n"))
    assert done.state == State.SUCCESS and any(t.startswith("2--run") for t in core.texts())


async def test_docker_falls_back_and_says_so(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    done = await core.run(
        shell(
            "echo ran",
            more="  containerImage: alpine\n  taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}\n",
        )
    )
    assert done.state == State.SUCCESS
    assert core.log() == [
        ("INFO", "No container engine answers: the command runs as a process of the worker"),
        ("INFO", "ran"),
    ]


async def test_a_missing_program_fails_clearly(core: Core) -> None:
    done = await core.run(shell("x", more="  interpreter: [nope-nope]\n"))
    assert done.state == State.FAILED and "nope-nope" in (done.error or "")


async def test_kill_ends_the_whole_process_group(core: Core, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    job = core.job(
        shell(f"sleep 60 & echo $! >> {mark}", f"echo $$ >> {mark}", "trap '' TERM", "echo ready", "wait; sleep 60")
    )
    core.gateway.dispatch(job, process=True)
    while "ready" not in core.texts():
        await asyncio.sleep(0.01)
    core.gateway.kill(job.seq, job.fence)
    assert (await core.wait(job, 5)).state == State.KILLED
    for pid in mark.read_text().split():
        assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()


async def test_a_background_grandchild_does_not_hold_the_task(core: Core) -> None:
    done = await asyncio.wait_for(core.run(shell("sleep 30 &", "echo gone")), 6)
    assert done.state == State.SUCCESS and "gone" in core.texts()


async def test_a_flood_of_lines_is_complete(core: Core) -> None:
    await core.run(shell("seq 1 50000"))
    assert [t for t in core.texts() if t.isdigit()] == [str(n) for n in range(1, 50_001)]


async def test_a_long_script_goes_through_a_file(core: Core) -> None:
    done = await core.run(
        f"- id: s\n  type: {SHELL}.Script\n  script: |\n"
        + "    echo 1234567890 > /dev/null\n" * 5000
        + "    echo end\n"
    )
    assert done.state == State.SUCCESS and "end" in core.texts()


@pytest.mark.skipif(not shutil.which("python3"), reason="needs python3")
async def test_python_with_the_library(core: Core) -> None:
    done = await core.run(
        f"- id: py\n  type: {PYTHON}.Script\n  env: {{WHO: you}}\n  script: |\n"
        "    import os\n    from kestra import Kestra\n"
        "    Kestra.outputs({'rows': 42, 'who': os.environ['WHO'], 'flow': '{{ flow.id }}'})\n"
        "    Kestra.counter('c', 2, {'a': 'b'})\n    Kestra.timer('t', 0.25)\n    Kestra.timer('u', lambda: None)\n"
        "    Kestra.logger().warning('careful')\n    Kestra.logger().info('fine')\n    print('plain')\n"
    )
    assert ok(done)["vars"] == {"rows": 42, "who": "you", "flow": "flow_1"}
    assert [m[:3] for m in done.metrics[:2]] == [("c", "counter", 2.0), ("t", "timer", 250.0)]
    log = core.log()
    assert ("INFO", "plain") in log
    assert any(level == "WARN" and text.endswith(" - careful") for level, text in log)
    assert any(level == "INFO" and text.endswith(" - fine") for level, text in log)


@pytest.mark.skipif(not shutil.which("python3"), reason="needs python3")
async def test_python_failure_and_before_commands(core: Core) -> None:
    done = await core.run(f"- id: py\n  type: {PYTHON}.Script\n  script: raise SystemExit(7)\n")
    assert done.state == State.FAILED and done.error == "Command failed with exit code 7"
    done = await core.run(
        f"- id: py\n  type: {PYTHON}.Script\n  beforeCommands: ['echo before']\n  outputFiles: ['*.py', '*.out']\n"
        "  script: open('x.out', 'w').write('x')\n"
    )
    assert "before" in core.texts() and list(ok(done)["outputFiles"]) == ["x.out"]
    done = await core.run(
        f"- id: py\n  type: {PYTHON}.Commands\n  inputFiles: {{m.py: 'print(6 * 7)'}}\n  commands: [python3 m.py]\n"
    )
    assert done.state == State.SUCCESS and "42" in core.texts()


async def test_deprecated_runner_and_output_directory(core: Core) -> None:
    done = await core.run(shell("echo hi > {{ outputDir }}/x.txt", more="  runner: PROCESS\n"))
    uri = ok(done)["outputDir"]
    assert core.workers[0].facts.storage.get(f"{uri}x.txt") == b"hi\n"  # type: ignore[attr-defined]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
async def test_another_language(core: Core) -> None:
    done = await core.run("- id: n\n  type: io.kestra.plugin.scripts.node.Script\n  script: console.log(6 * 7)\n")
    assert done.state == State.SUCCESS and "42" in core.texts()


@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid")
async def test_a_kill_reaches_descendants_that_left_the_group(core: Core) -> None:
    """Core plugins §9: descendants first, then the process; its exit code is no output."""
    job = core.job(shell("setsid sleep 300 & echo $! ; setsid sh -c 'trap \"\" TERM; echo $$; sleep 300' & wait"))
    core.gateway.dispatch(job, process=True)
    pids: list[int] = []
    while len(pids) < 2:
        await asyncio.sleep(0.02)
        pids = [int(text) for level, text in core.log() if level == "INFO" and text.isdigit()]
    core.gateway.kill(job.seq, job.fence)
    done = await core.wait(job)
    assert done.state == State.KILLED and "exitCode" not in (done.outputs or {})

    def lives(pid: int) -> bool:
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(") ")[2][0] != "Z"

    async with asyncio.timeout(3):  # SIGKILL was sent; the kernel may take its time
        while any(map(lives, pids)):
            await asyncio.sleep(0.02)


async def test_the_environment_of_a_child(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core plugins §9: the worker's variables less the server's secrets, WORKING_DIR, OUTPUT_DIR, the task's own."""
    monkeypatch.setenv("PLAIN_OF_THE_WORKER", "inherited")
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hidden")
    done = await core.run(
        shell(
            'echo $PLAIN_OF_THE_WORKER,$SECRET_OF_THE_SERVER,$OWN,$( [ "$WORKING_DIR" = "$(pwd)" ] && echo same)',
            "echo x > $OUTPUT_DIR/x.txt; echo {{ workingDir }} | grep -q $WORKING_DIR && echo rendered",
            more="  outputDirectory: true\n  env: {OWN: mine}\n  taskRunner: {type: io.kestra.plugin.core.runner.Process}\n",
        )
    )
    outputs = ok(done)
    assert outputs["exitCode"] == 0 and str(outputs["outputDir"]).startswith("kestra://")
    assert ("INFO", "inherited,,mine,same") in core.log() and ("INFO", "rendered") in core.log()
