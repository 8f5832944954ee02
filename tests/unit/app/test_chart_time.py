"""What a chart's time axis says: whole hours and days of the reader's zone, values in UTC."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).parents[3] / "components" / "chart_time.jsx"


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None:
        pytest.skip("no node")
    return found


def asked(node: str, folder: Path, expression: str) -> Any:
    (folder / "chart_time.mjs").write_text(MODULE.read_text())
    (folder / "ask.mjs").write_text(
        f'import {{ ticks, told, timeAxis }} from "./chart_time.mjs";\nconsole.log(JSON.stringify({expression}));\n'
    )
    ran = subprocess.run([node, folder / "ask.mjs"], capture_output=True, text=True, timeout=20, check=True)
    return json.loads(ran.stdout)


def test_ticks_are_whole_hours_of_the_zone(node: str, tmp_path: Path) -> None:
    found = asked(
        node, tmp_path, 'ticks(Date.UTC(2026, 10, 19, 10, 20), Date.UTC(2026, 10, 20, 10, 20), "Asia/Kolkata")'
    )
    assert found["ticktext"] == ["18:00", "21:00", "20 Nov", "03:00", "06:00", "09:00", "12:00", "15:00"]
    assert found["tickvals"][2] == "2026-11-19T18:30:00.000Z"


def test_ticks_keep_to_the_clock_when_it_is_set_back(node: str, tmp_path: Path) -> None:
    found = asked(
        node, tmp_path, 'ticks(Date.UTC(2026, 9, 24, 10, 20), Date.UTC(2026, 9, 26, 10, 20), "Europe/Berlin")'
    )
    assert found["ticktext"][1:4] == ["25 Oct", "06:00", "12:00"]
    assert found["tickvals"][1:3] == ["2026-10-24T22:00:00.000Z", "2026-10-25T05:00:00.000Z"]


def test_instants_are_told_in_the_zone_and_other_values_stay(node: str, tmp_path: Path) -> None:
    found = asked(
        node, tmp_path, '[told("2026-11-20T10:00:00.000Z", "Europe/Berlin"), told("a.b"), timeAxis([{x: ["a"]}])]'
    )
    assert found == ["20 Nov 2026, 11:00", "a.b", {}]
