"""The command line without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowdeck.cli import main

GOOD = """\
id: hello
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
"""


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("flowdeck 0.")


def test_wrong_usage_has_its_own_status() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["server"])
    assert caught.value.code == 2


def test_a_good_flow_is_ok_and_a_bad_one_is_placed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.yml"
    good.write_text(GOOD)
    assert main(["flow", "validate", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: ok (company.team.hello)\n"
    bad = tmp_path / "sub" / "bad.yaml"
    bad.parent.mkdir()
    bad.write_text(GOOD + "nonsense: 1\n")
    assert main(["flow", "validate", str(tmp_path)]) == 1
    assert f"{bad}:6:1: error: " in capsys.readouterr().out
    assert main(["flow", "validate", "--output", "json", str(bad)]) == 1
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["rule"]
    assert main(["flow", "validate", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_all_types_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list"]) == 0
    assert "io.kestra.plugin.core.flow.Pause" in capsys.readouterr().out


def test_configuration_is_shown_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KESTRA_SERVER_BASIC_AUTH_PASSWORD", "Hidden123")
    assert main(["--home", str(tmp_path), "configs", "properties"]) == 0
    out = capsys.readouterr().out
    assert "kestra.server.basic-auth.password = ******  (KESTRA_SERVER_BASIC_AUTH_PASSWORD)" in out
    assert "Hidden123" not in out


def test_the_schema_is_brought_up_to_date_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "sys", "database", "migrate"]) == 0
    assert "was brought" in capsys.readouterr().out
    assert main(["--home", str(tmp_path), "sys", "database", "migrate"]) == 0
    assert "is up to date" in capsys.readouterr().out


def test_an_invalid_flow_is_refused_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(GOOD + "nonsense: 1\n")
    assert main(["flow", "run", str(bad)]) == 1
    assert f"{bad}:6:1: " in capsys.readouterr().err
    assert main(["flow", "run", "/nowhere.yml"]) == 1
    assert "/nowhere.yml: No such file" in capsys.readouterr().err


def test_inputs_come_from_words_flags_and_files(tmp_path: Path) -> None:
    from flowdeck.cli import parser
    from flowdeck.cli.following import inputs_of

    (tmp_path / "in.yml").write_text("a: 1\nb: text\nc: [1, 2]\n")
    options = parser(["flow"]).parse_args(
        ["flow", "run", "f.yml", "a=2", "-i", "d=x=y", "--inputs-file", str(tmp_path / "in.yml")]
    )
    assert inputs_of(options) == {"a": "2", "b": "text", "c": "[1, 2]", "d": "x=y"}


def test_types_are_found_by_words_and_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "search", "flow.pause", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["type"] == "io.kestra.plugin.core.flow.Pause"
    assert main(["plugins", "search", "no", "such", "thing", "anywhere"]) == 1
    assert main(["plugins", "doc", str(tmp_path / "docs"), "--core", "--schema", "--icons"]) == 0
    folder = tmp_path / "docs"
    assert (folder / "io.kestra.plugin.core.flow.Pause.md").read_text().startswith("# Pause")
    assert json.loads((folder / "io.kestra.plugin.core.flow.Pause.json").read_text())
    assert (folder / "io.kestra.plugin.core.flow.Pause.svg").exists()


def test_java_archives_are_built_in_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Images that were built with the reference's commands go on to build (G3 `plugins install`)."""
    assert main(["plugins", "install", "io.kestra.plugin:plugin-script-python:LATEST"]) == 0
    assert "built in" in capsys.readouterr().out
    assert main(["plugins", "install", "io.kestra.plugin:plugin-nowhere:LATEST"]) == 1
    assert "Java archive" in capsys.readouterr().err


def test_a_dump_tells_facts_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    monkeypatch.setenv("KESTRA_SERVER_BASIC_AUTH_PASSWORD", "Hidden123")
    home = str(tmp_path / "home")
    assert main(["--home", home, "sys", "database", "migrate"]) == 0
    assert main(["--home", home, "dump", str(tmp_path / "dump.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "dump.zip") as archive:
        text = archive.read("facts.json").decode()
    assert (tmp_path / "dump.zip").stat().st_mode & 0o077 == 0
    facts = json.loads(text)
    assert facts["rows"]["flow"] == 0
    assert "Hidden123" not in text


def test_flows_are_read_again_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """G3 `sys reindex`: what is kept of a flow follows from its source."""
    from flowdeck.cli.engine_link import EngineLink
    from flowdeck.config import load_settings

    home = str(tmp_path)
    assert main(["--home", home, "sys", "database", "migrate"]) == 0
    settings = load_settings({"flowdeck.home": home})
    with EngineLink(settings) as link:
        assert not link.running
        saved = link.send("flow.save", {"tenant": "main", "source": GOOD + "labels: {a: b}\n"})
        with pytest.raises(ValueError, match="no server runs"):
            link.send("execution.unqueue", {"tenant": "main", "id": "x"})
        writer = link._writer
        with writer.transaction() as tx:
            tx.sql("delete from flow_label")
            tx.sql("update flow set summary = '{}', labels = '[]'")
    assert main(["--home", home, "sys", "reindex", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2]) == {"flows": 1, "invalid": []}
    with EngineLink(settings) as link, link.database.reader() as reader:
        assert reader.value("select value from flow_label where flow_key = ?", saved["flow_key"]) == "b"
        assert reader.value("select revision from flow") == 1
        assert reader.value("select summary from flow") != "{}"


def test_wrong_inputs_are_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowdeck.cli import flow_run

    def never(*_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr(flow_run, "instance", never)
    (tmp_path / "f.yml").write_text(GOOD + "inputs:\n  - {id: n, type: INT}\n  - {id: f, type: FILE}\n")
    assert main(["flow", "test", str(tmp_path / "f.yml"), "n", "x"]) == 1
    assert "not a valid `INT`" in capsys.readouterr().err
    assert main(["flow", "run", str(tmp_path / "f.yml"), "f=@/nowhere"]) == 1
    assert "input 'f': /nowhere: no such file" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="was started"):
        main(["flow", "run", str(tmp_path / "f.yml"), "n=1", "typo=2"])
    assert "no input 'typo'" in capsys.readouterr().err


def test_text_of_others_cannot_steer_the_terminal() -> None:
    from flowdeck.cli.parsing import table

    assert table([{"a": "x\x1b[2Jy\nz"}], ("a",)) == "A\nx\\x1b[2Jy z"
