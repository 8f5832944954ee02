"""Purges yield to the work of executions (engine notes §2.12)."""

from __future__ import annotations

from flowdeck.model.pacing import LAG, LONGEST_PAUSE, SMALLEST, Pace


def test_quick_batches_hardly_pause() -> None:
    pace = Pace(500)
    assert pace.size == 500 and pace.after(LAG / 2) <= 0.005 and pace.size == 500


def test_slow_answers_make_it_pause_as_long_and_ask_for_less() -> None:
    pace = Pace(500)
    assert pace.after(2 * LAG) == 2 * LAG and pace.size == 500
    assert pace.after(10 * LAG) == 10 * LAG and pace.size == 250
    for _ in range(20):
        assert pace.after(60) == LONGEST_PAUSE
    assert pace.size == SMALLEST
    for _ in range(20):
        pace.after(0)
    assert pace.size == 500


def test_small_batches_stay_as_asked() -> None:
    pace = Pace(5)
    for _ in range(5):
        pace.after(60)
    assert pace.size == 5 and Pace(0).size == 1
