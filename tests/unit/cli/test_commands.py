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
