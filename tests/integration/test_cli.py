"""The commands that talk to a server, and the one that needs none (operations notes G3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, running_server

FLOW = """
id: {id}
namespace: {namespace}
inputs:
  - {{id: n, type: INT, defaults: 1}}
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "n is {{{{ inputs.n }}}}"}}
outputs:
  - {{id: double, type: INT, value: "{{{{ inputs.n * 2 }}}}"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own."""
    with running_server(tmp_path_factory.mktemp("cli"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        yield started


class Command:
    """`flowdeck` with the flags of a server."""

    def __init__(self, server: Server) -> None:
        self.flags = ["--server", server.url, "--user", f"{server.username}:{server.password}"]

    def __call__(self, *words: str, flags: bool = True) -> subprocess.CompletedProcess[str]:
        more = self.flags if flags else []
        return subprocess.run(
            [sys.executable, "-m", "flowdeck", *words, *more], capture_output=True, text=True, timeout=90, check=False
        )


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
    assert flowdeck("namespace", "kv", "update", "cli.kv", "nothing").returncode == 1


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
    done = flowdeck("flow", "run", path, "n=21", flags=False)
    assert done.returncode == 0, done.stderr
    assert "n is 21" in done.stdout
    assert "double: 42" in done.stdout
    assert not [p for p in Path(os.environ.get("TMPDIR", "/tmp")).glob("flowdeck-run-*/flowdeck.db") if p.exists()]
    wrong = flowdeck("flow", "test", path, "n", "x", flags=False)
    assert wrong.returncode == 1
    assert "not a valid `INT`" in wrong.stderr
