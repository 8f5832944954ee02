"""The generated page of flow properties is current."""

from __future__ import annotations

from pathlib import Path

from flowdeck.model.flow_reference import markdown

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "flows.md"


def test_the_reference_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()
