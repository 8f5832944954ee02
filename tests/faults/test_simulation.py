"""A few hundred seeds of the simulation; `FLOWDECK_TEST_LEVEL=all` runs thousands (quality §2.2)."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.simulation import memory_folder, simulate, template_in

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
BLOCKS, SEEDS = (40, 100) if LONG else (8, 25)
SECONDS = 600.0 if LONG else 12.0

FOUND = [4, 53, 264, 2568, 3136, 30017, 30559, 40427, 100191]
"""Seeds that failed once, with the flows of their day; what was wrong has tests of its own beside."""


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        yield Path(folder), template_in(Path(folder))


@pytest.mark.timeout(900 if LONG else 120)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_any_seed_ends_well(place: tuple[Path, Path], block: int) -> None:
    until = time.monotonic() + SECONDS / BLOCKS
    for seed in range(1_000 + block * SEEDS, 1_000 + (block + 1) * SEEDS):
        wrong = simulate(seed, *place)
        assert wrong is None, wrong
        if time.monotonic() > until:
            break  # a loaded machine does fewer


@pytest.mark.parametrize("seed", FOUND)
def test_what_once_failed(place: tuple[Path, Path], seed: int) -> None:
    wrong = simulate(seed, *place)
    assert wrong is None, wrong


def test_a_seed_plays_the_same_again(place: tuple[Path, Path]) -> None:
    """A failure can be looked at: the same seed does the same."""
    from tests.faults.simulation import Simulation

    traces: list[list[str]] = []
    for name in ("one", "two"):
        folder = place[0] / name
        folder.mkdir()
        simulation = Simulation(folder, 77, place[1])
        simulation.run()
        simulation.engine.close()
        traces.append(simulation.trace)
    assert traces[0] == traces[1]
