"""The commands that talk to a server, and the one that needs none (operations notes G3)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.cli import main
from tests.support.server import Server, eventually, running_server

FLOW = """
id: {id}
namespace: {namespace}
inputs:
  - {{id: n, type: INT, defaults: 1}}
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "n is {{{{ inputs.n }}}}"}}
  - {{id: keep, type: io.kestra.plugin.core.storage.Write, content: kept, extension: .txt}}
outputs:
  - {{id: double, type: INT, value: "{{{{ inputs.n * 2 }}}}"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own."""
    with running_server(tmp_path_factory.mktemp("cli"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        yield started


@pytest.fixture
def instance(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, and an environment in which commands without server flags work on its rows."""
    for name, value in server.variables().items():
        monkeypatch.setenv(name, value)
    return server


class Command:
    """`flowdeck` with the flags of a server."""

    def __init__(self, server: Server) -> None:
        self.flags = ["--server", server.url, "--user", f"{server.username}:{server.password}"]

    def __call__(self, *words: str, flags: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command within this process, which spares the imports."""
        out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main([*words, *(self.flags if flags else [])])
            except SystemExit as end:
                status = int(end.code or 0)
        for text in (out, err):
            text.flush()
        said = [text.buffer.getvalue().decode() for text in (out, err)]  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(words, status, *said)


@pytest.fixture(scope="module")
def flowdeck(server: Server) -> Command:
    """The command."""
    return Command(server)


def _flow(folder: Path, id: str, namespace: str = "cli.test", more: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{id}.yaml"
    path.write_text(FLOW.format(id=id, namespace=namespace) + more)
    return path


def test_create_update_delete(flowdeck: Command, server: Server, tmp_path: Path) -> None:
    path = _flow(tmp_path, "one")
    done = flowdeck("flow", "create", str(path))
    assert (done.returncode, done.stdout) == (0, "created cli.test.one, revision 1\n")
    again = flowdeck("flow", "create", str(path))
    assert again.returncode == 1
    assert "Flow id already exists" in again.stderr
    path = _flow(tmp_path, "one", more="description: new\n")
    saved = flowdeck("flow", "update", str(path), "cli.test", "one", "--output", "json")
    assert json.loads(saved.stdout)["revision"] == 2
    assert flowdeck("flow", "delete", "cli.test", "one").returncode == 0
    assert server.call("GET", "/api/v1/main/flows/cli.test/one").status == 404


def test_a_folder_becomes_the_flows_of_a_namespace(flowdeck: Command, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    _flow(folder, "a", "cli.folder")
    _flow(folder, "b", "cli.folder")
    (folder / "text.txt").write_text("from a file")
    (folder / "b.yaml").write_text((folder / "b.yaml").read_text().replace('"n is {{ inputs.n }}"', '"[[> text.txt]]"'))
    done = flowdeck("flow", "namespace", "update", "cli.folder", str(folder))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "2 flows")
    assert "from a file" in server.call("GET", "/api/v1/main/flows/cli.folder/b?source=true").json["source"]
    (folder / "a.yaml").unlink()
    assert flowdeck("flow", "namespace", "update", "cli.folder", str(folder), "--delete").returncode == 0
    assert server.call("GET", "/api/v1/main/flows/cli.folder/a").status == 404
    assert flowdeck("flow", "updates", str(folder)).returncode == 0
    exported = flowdeck("flow", "export", str(tmp_path / "out"), "--namespace", "cli.folder")
    assert exported.returncode == 0, exported.stderr
    with zipfile.ZipFile(tmp_path / "out" / "flows.zip") as archive:
        assert [Path(name).name for name in archive.namelist()] == ["cli.folder-b.yml"] or len(archive.namelist()) == 1


def test_files_of_a_namespace(flowdeck: Command, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("first")
    (folder / "sub" / "b.txt").write_text("second")
    (folder / "secret.env").write_text("left out")
    (folder / ".kestraignore").write_text("# never\n*.env\n")
    done = flowdeck("namespace", "files", "update", "cli.files", str(folder), "/scripts")
    assert done.returncode == 0, done.stderr
    assert "2 files" in done.stdout

    def content(path: str) -> tuple[int, str]:
        answer = server.call("GET", f"/api/v1/main/namespaces/cli.files/files?path={path}")
        return answer.status, answer.text

    assert content("/scripts/sub/b.txt") == (200, "second")
    assert content("/scripts/secret.env")[0] == 404
    (folder / "a.txt").unlink()
    assert flowdeck("namespace", "files", "update", "cli.files", str(folder), "/scripts", "--delete").returncode == 0
    assert content("/scripts/a.txt")[0] == 404
    assert content("/scripts/sub/b.txt")[0] == 200


def test_pairs_have_types_and_ends(flowdeck: Command, server: Server, tmp_path: Path) -> None:
    assert flowdeck("namespace", "kv", "update", "cli.kv", "text", "42").returncode == 0
    assert flowdeck("namespace", "kv", "update", "cli.kv", "number", "42", "-t", "number", "-e", "PT1H").returncode == 0
    path = "/api/v1/main/namespaces/cli.kv/kv"
    assert server.call("GET", f"{path}/text").json["type"] == "STRING"
    number = server.call("GET", f"{path}/number").json
    assert (number["type"], number["value"]) == ("NUMBER", 42)
    (tmp_path / "value.json").write_text('{"a": [1, 2]}')
    done = flowdeck("namespace", "kv", "update", "cli.kv", "doc", "-t", "JSON", "-f", str(tmp_path / "value.json"))
    assert done.returncode == 0, done.stderr
    assert server.call("GET", f"{path}/doc").json["value"] == {"a": [1, 2]}
    assert flowdeck("namespace", "kv", "update", "cli.kv", "nothing").returncode == 2


def test_refusals_say_why(flowdeck: Command, tmp_path: Path) -> None:
    stranger = Command.__call__
    path = str(_flow(tmp_path, "x"))
    nobody = stranger(flowdeck, "flow", "create", path, "--server", flowdeck.flags[1], flags=False)
    assert nobody.returncode == 1
    assert "401" in nobody.stderr
    assert "--user" in nobody.stderr
    away = stranger(flowdeck, "flow", "create", path, "--server", "http://127.0.0.1:9", flags=False)
    assert away.returncode == 1
    assert "can't be reached" in away.stderr
    assert flowdeck("flow", "create", str(tmp_path / "nope.yaml")).returncode == 1
    assert flowdeck("flow", "create").returncode == 2


def test_a_flow_runs_without_a_server(flowdeck: Command, tmp_path: Path) -> None:
    path = str(_flow(tmp_path, "here"))
    rich = tmp_path / "rich.yaml"
    rich.write_text(
        FLOW.format(id="rich", namespace="cli.test")
        + """  - {id: all, type: STRING, value: "{{ kv('k') }} {{ read('sub/x.txt') }} {{ secret('S') | length }}"}
"""
    )
    (tmp_path / "files" / "sub").mkdir(parents=True)
    (tmp_path / "files" / "sub" / "x.txt").write_text("file")
    given = ["--kv", "k=pair", "--files", str(tmp_path / "files"), "--secret", "S=hidden", "--label", "a=b"]
    done = flowdeck("flow", "run", str(rich), "n=21", *given, "--output", "json", flags=False)
    assert done.returncode == 0, done.stderr
    assert "n is 21" in done.stderr
    answer = json.loads(done.stdout)
    assert (answer["state"], answer["outputs"]) == ("SUCCESS", {"double": 42, "all": "pair file 6"})
    assert {"key": "a", "value": "b"} in answer["execution"]["labels"]
    assert not [p for p in Path(os.environ.get("TMPDIR", "/tmp")).glob("flowdeck-run-*/flowdeck.db") if p.exists()]
    wrong = flowdeck("flow", "test", path, "n", "x", flags=False)
    assert wrong.returncode == 1
    assert "not a valid `INT`" in wrong.stderr


def test_executions_are_started_followed_and_told(flowdeck: Command, tmp_path: Path) -> None:
    path = _flow(tmp_path, "go", "cli.go")
    assert flowdeck("flow", "create", str(path)).returncode == 0
    (tmp_path / "in.yml").write_text("n: 4\n")
    followed = flowdeck(
        "execution", "run", "cli.go", "go", "--inputs-file", str(tmp_path / "in.yml"), "--label", "a=b", "--follow"
    )
    assert followed.returncode == 0, followed.stderr
    lines = followed.stdout.splitlines()
    assert lines[0].startswith("started ")
    assert sum("n is 4" in line for line in lines) == 1
    assert lines[-2:] == ["cli.go.go SUCCESS", "  double: 8"]
    identity = lines[0].removeprefix("started ")
    waited = flowdeck("execution", "run", "cli.go", "go", "n=5", "--save", str(tmp_path / "out"), "--output", "json")
    answer = json.loads(waited.stdout)
    assert answer["outputs"] == {"double": 10}
    (saved,) = answer["files"].values()
    assert Path(saved).read_text() == "kept"
    listed = flowdeck("execution", "list", "--namespace", "cli.go", "--label", "a=b", "--output", "yaml")
    assert f"id: {identity}" in listed.stdout
    assert flowdeck("execution", "get", identity).stdout.startswith(f"id: {identity}")
    assert "n is 4" in flowdeck("execution", "logs", identity, "--task", "say").stdout
    told = flowdeck("execution", "logs", identity, "--task", "say", "--follow").stdout.splitlines()
    assert ["n is 4" in line for line in told] == [True, False, False]
    again = flowdeck("execution", "replay", identity, "--output", "json")
    assert json.loads(again.stdout)[0]["execution"] != identity
    refused = flowdeck("execution", "kill", identity, "nobody")
    assert refused.returncode == 1
    assert "already finished" in refused.stdout
    assert "not found" in refused.stdout.lower()


def test_flows_are_checked_by_the_server_and_read_again(flowdeck: Command, instance: Server, tmp_path: Path) -> None:
    good = _flow(tmp_path, "checked", "cli.check")
    bad = tmp_path / "bad.yml"
    bad.write_text("id: bad\nnamespace: cli.check\ntasks: 1\n")
    done = flowdeck("flow", "validate", str(tmp_path), "--output", "json")
    assert done.returncode == 1
    assert [(Path(one["file"]).name, one["valid"]) for one in json.loads(done.stdout)] == [
        ("bad.yml", False),
        ("checked.yaml", True),
    ]
    assert f"{bad}: 422" in flowdeck("flow", "create", str(bad)).stderr
    assert flowdeck("flow", "create", str(good)).returncode == 0
    assert flowdeck("flow", "get", "cli.check", "checked").stdout.strip() == good.read_text().strip()
    assert "checked" in flowdeck("flow", "list", "--namespace", "cli.check").stdout
    read = flowdeck("flow", "sync-from-source", "--namespace", "cli.check", "--output", "json")
    assert json.loads(read.stdout) == {"read": 1, "refused": []}
    derived = flowdeck("sys", "reindex", "--output", "json", flags=False)
    assert json.loads(derived.stdout)["invalid"] == []
    assert json.loads(flowdeck("sys", "submit-queued-execution", "-o", "json", flags=False).stdout) == {
        "started": [],
        "refused": [],
    }


def test_an_instance_is_copied_by_its_api(flowdeck: Command, server: Server, tmp_path: Path) -> None:
    """The same server twice is enough: what is there stays as it is, and everything is read and written once."""
    assert flowdeck("flow", "create", str(_flow(tmp_path, "copied", "cli.copy"))).returncode == 0
    (tmp_path / "a.txt").write_text("content")
    assert flowdeck("namespace", "files", "update", "cli.copy", str(tmp_path / "a.txt")).returncode == 0
    assert flowdeck("namespace", "kv", "update", "cli.copy", "k", "v", "-d", "said").returncode == 0
    origin = ["--from", server.url, "--from-user", f"{server.username}:{server.password}"]
    done = flowdeck("sys", "import", *origin, "--namespace", "cli.copy", "--output", "json")
    assert json.loads(done.stdout) == {"copied": {"flows": 1, "files": 1, "pairs": 1}, "refused": []}
    assert flowdeck("namespace", "files", "get", "cli.copy", "/a.txt").stdout == "content"
    assert flowdeck("namespace", "files", "list", "cli.copy").stdout == "/a.txt\n"
    assert flowdeck("namespace", "kv", "get", "cli.copy", "k").stdout == "v\n"
    assert "said" in flowdeck("namespace", "kv", "list", "cli.copy").stdout
    gone = flowdeck("namespace", "kv", "delete", "cli.copy", "k", "none")
    assert (gone.returncode, gone.stdout) == (1, "deleted k\nthere is no none\n")


def test_queued_executions_are_started_whatever_the_limit(flowdeck: Command, instance: Server, tmp_path: Path) -> None:
    """G3 `sys submit-queued-execution`."""
    path = tmp_path / "limited.yaml"
    path.write_text(
        "id: limited\nnamespace: cli.limit\nconcurrency: {limit: 1}\n"
        "tasks: [{id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT20S}]\n"
    )
    assert flowdeck("flow", "create", str(path)).returncode == 0
    started = [flowdeck("execution", "run", "cli.limit", "limited", "-o", "json") for _ in range(2)]
    ids = [json.loads(one.stdout)["id"] for one in started]

    def states() -> list[str]:
        return [instance.execution(identity)["state"]["current"] for identity in ids]

    eventually(lambda: states() == ["RUNNING", "QUEUED"], what="one waits")
    done = flowdeck("sys", "submit-queued-execution", "-o", "json", flags=False)
    assert json.loads(done.stdout) == {"started": [ids[1]], "refused": []}
    eventually(lambda: states() == ["RUNNING", "RUNNING"], what="both run")
    assert flowdeck("execution", "kill", *ids).returncode == 0


async def test_flows_of_a_folder_are_saved_at_start(instance: Server, tmp_path: Path) -> None:
    """G3 `server standalone --flow-path`: what is not valid is left out, what is stored makes no revision."""
    from flowdeck.cli.flow_folder import save
    from flowdeck.config import load_settings

    _flow(tmp_path, "first", "cli.start")
    (tmp_path / "bad.yml").write_text("id: bad\n")
    settings = load_settings()
    assert [await save(settings, tmp_path), await save(settings, tmp_path)] == [1, 0]
    assert instance.call("GET", "/api/v1/main/flows/cli.start/first").json["revision"] == 1
