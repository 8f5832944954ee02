"""The reference page says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from flowdeck.config.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "python -m flowdeck.config.reference > docs/reference/configuration.md"
    )
