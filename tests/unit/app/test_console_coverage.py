"""The table of what the console covers: each id once, known states, tests that exist, a page that is current."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
_PLACES = [os.environ.get("FLOWDECK_SPEC", ""), *(str(p / "shared/spec") for p in Path(__file__).resolve().parents)]
SPEC = next((Path(p) / "ui.md" for p in _PLACES if p and (Path(p) / "ui.md").is_file()), None)
TEST = re.compile(r"^(tests/[\w/]+\.py)::(\w+)$")


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_coverage", ROOT / "scripts" / "console_coverage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


coverage = _script()
ROWS = coverage.rows(coverage.DATA.read_text(encoding="utf-8"))


def test_every_id_stands_once_with_a_known_state() -> None:
    twice = [name for name, n in Counter(row.id for row in ROWS).items() if n > 1]
    assert not twice
    assert {row.state for row in ROWS} <= set(coverage.STATES)
    assert not [row.id for row in ROWS if not row.about]
    assert not [row.id for row in ROWS if row.state != "later" and row.screen not in {*coverage.SCREENS, "W"}]


def test_what_is_not_done_says_what_is_missing() -> None:
    assert not [row.id for row in ROWS if row.state in ("part", "missing") and not row.note]


def test_every_named_test_exists() -> None:
    gone = []
    for row in ROWS:
        for name in row.tests:
            match = TEST.match(name)
            path = ROOT / match[1] if match else ROOT
            if match is None or not path.is_file() or f"def {match[2]}(" not in path.read_text(encoding="utf-8"):
                gone.append(f"{row.id}: {name}")
    assert not gone, "\n".join(gone)


def test_the_page_is_that_of_the_data() -> None:
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(ROWS), "run scripts/console_coverage.py"


def test_the_ids_are_those_of_the_specification() -> None:
    if SPEC is None:
        pytest.skip("no specification beside the repository; FLOWDECK_SPEC may name its folder")
    wanted = set(re.findall(r"^- `(UI-[A-Z0-9]+-\d+)`", SPEC.read_text(encoding="utf-8"), re.MULTILINE))
    assert {row.id for row in ROWS if row.id.startswith("UI-")} == wanted
