"""What the page of all logs works out by itself."""

from __future__ import annotations

from app.pages.logs import LogsState, _place
from backend_client import LogRow


def test_a_line_leads_to_its_place_in_the_execution() -> None:
    assert LogRow.of({"no": 17}).no == "17" and LogRow.of({"triggerId": "t"}).no == ""
    place = str(_place(LogsState.rows[0]))
    assert '"/logs?log="' in place and '["no"]' in place
