"""The quick seed of the crash harness; `make crash` runs it for longer."""

from __future__ import annotations

import os

import pytest

from tests.faults.crash import crash
from tests.support.server import free_port

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_killing_any_process_at_any_moment_breaks_no_law() -> None:
    wrong, harness = crash(120 if LONG else 20, 1, port=free_port())
    assert not wrong, "\n".join([harness.story(), *wrong])
    assert sum(harness.kills.values()) >= 5 and harness.accepted, harness.story()
