"""`flowdeck configs properties` (spec: enterprise and operations G3): the merged result, masked, with its sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowdeck.cli import main


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FLOWDECK_HOME", str(tmp_path))
    monkeypatch.setenv("MICRONAUT_SERVER_PORT", "8999")
    path = tmp_path / "application.yml"
    path.write_text(
        "kestra:\n  url: http://here:${micronaut.server.port}/\n  encryption: {secretKey: geheim}\n"
        "  variables: {globals: {token: geheim, region: eu}}\n  heartbeat: {frequency: 1s}\n"
    )
    return str(path)


def test_properties_are_merged_and_masked(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", file, "configs", "properties"]) == 0
    said = capsys.readouterr().out
    assert f"kestra.url = http://here:8999/  ({file}, line 2)" in said
    assert "micronaut.server.port = 8999  (MICRONAUT_SERVER_PORT)" in said
    assert f"kestra.encryption.secret-key = ******  ({file}, line 3)" in said
    assert "warning: without effect here: kestra.heartbeat.frequency" in said
    assert "geheim" not in said


def test_properties_as_json_with_defaults(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs", "properties", "-c", file, "--all", "--output", "json", "kestra."]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["properties"]["kestra.variables.globals"]["value"] == {"token": "******", "region": "eu"}
    assert answer["properties"]["kestra.system-flows.namespace"] == {"value": "system", "source": "default"}
    assert all(name.startswith("kestra.") for name in answer["properties"])


def test_a_wrong_value_is_one_line(file: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("FLOWDECK_LOG_FORMAT", "xml")
    assert main(["-c", file, "configs", "properties"]) == 1
    said = capsys.readouterr().err
    assert said == "flowdeck: flowdeck.log.format = 'xml' (FLOWDECK_LOG_FORMAT): expected text, json, gcp or ecs\n"
