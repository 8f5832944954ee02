"""The generated page of the language is current."""

from __future__ import annotations

from pathlib import Path

from flowdeck.expr.filters import FILTERS
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.reference import markdown
from flowdeck.expr.tests import TESTS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "expressions.md"


def test_the_reference_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_every_entry_has_a_summary() -> None:
    for table in (FILTERS, FUNCTIONS, TESTS):
        assert [name for name, spec in table.items() if not spec.summary.endswith(".")] == []
