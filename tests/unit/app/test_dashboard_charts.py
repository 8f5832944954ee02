"""Edits of charts leave the rest of the source byte for byte (spec: ui UI-DB-23)."""

from __future__ import annotations

import pytest
import yaml

from app.pages.dashboards import charts

SOURCE = """# mine
title: "Kept  as is"   # and this
charts:
  # first
  - id: a
    type: io.kestra.plugin.core.dashboard.chart.KPI
    chartOptions: {displayName: A, width: 3}
    data:
      type: io.kestra.plugin.core.dashboard.data.ExecutionsKPI
      columns: {field: ID, agg: COUNT}

  - id: b   # second
    type: io.kestra.plugin.core.dashboard.chart.Markdown
    chartOptions:
      displayName: B
    source:
      type: Text
      content: |
        words

        more words
timeWindow: {default: P1D}
"""


def ids(source: str) -> list[str]:
    return [one["id"] for one in yaml.safe_load(source).get("charts") or []]


def test_moves_copies_and_deletions_touch_one_chart() -> None:
    assert ids(charts.moved(SOURCE, "b", -1)) == ["b", "a"]
    assert charts.moved(charts.moved(SOURCE, "b", -1), "b", 1) == SOURCE
    assert ids(charts.duplicated(SOURCE, "a")) == ["a", "a_2", "b"]
    assert ids(charts.without(SOURCE, "a")) == ["b"]
    for text in (charts.moved(SOURCE, "a", 1), charts.duplicated(SOURCE, "b"), charts.without(SOURCE, "b")):
        assert text.startswith('# mine\ntitle: "Kept  as is"   # and this\n') and "timeWindow: {default: P1D}\n" in text
    with pytest.raises(ValueError, match="no chart c"):
        charts.without(SOURCE, "c")


def test_widths_are_written_where_they_are_missing() -> None:
    for name in ("a", "b"):
        wide = yaml.safe_load(charts.with_width(SOURCE, name, 9))
        assert next(one for one in wide["charts"] if one["id"] == name)["chartOptions"]["width"] == 9


@pytest.mark.parametrize("kind", charts.TYPES)
def test_a_form_makes_a_chart_and_comes_back(kind: str) -> None:
    form = {"id": "new", "type": kind, "title": "Ä: title", "width": "4", "data": "Executions", "agg": "COUNT"}
    form |= {"column": "START_DATE" if kind == "TimeSeries" else "NAMESPACE", "group": "STATE", "content": "hi\nyou"}
    text = charts.with_chart(SOURCE, form)
    assert ids(text) == ["a", "b", "new"]
    assert text.endswith("timeWindow: {default: P1D}\n")
    back = charts.form_of(text, "new")
    assert back["type"] == kind and back["title"] == "Ä: title" and back["width"] == "4"
    assert ids(charts.with_chart(text, {**form, "id": "other"}, replacing="new")) == ["a", "b", "other"]
    assert ids(charts.with_chart("title: x\n", form)) == ["new"]


def test_conditions_are_rows_and_come_back() -> None:
    """UI-DB-23: every comparison but OR is a row of the form; `OR` is refused, not lost."""
    form = {
        "id": "new",
        "type": "KPI",
        "title": "Share",
        "width": "4",
        "data": "Executions",
        "agg": "COUNT",
        "field": "ID",
    }
    where = [
        {"field": "NAMESPACE", "type": "STARTS_WITH", "value": "company.", "key": ""},
        {"field": "STATE", "type": "IN", "value": "FAILED, WARNING", "key": ""},
        {"field": "LABELS", "type": "EQUAL_TO", "value": "yes: no", "key": "team"},
        {"field": "DURATION", "type": "GREATER_THAN", "value": "12", "key": ""},
        {"field": "END_DATE", "type": "IS_NULL", "value": "", "key": ""},
    ]
    share = [{"field": "STATE", "type": "IN", "value": "FAILED", "key": ""}]
    text = charts.with_chart(SOURCE, form, where=[*where, {"field": "ID", "type": "IN", "value": ""}], numerator=share)
    assert charts.conditions_of(text, "new") == where
    assert charts.conditions_of(text, "new", "numerator") == share
    chart = yaml.safe_load(text)["charts"][2]
    assert chart["chartOptions"]["numberType"] == "PERCENTAGE" and chart["data"]["where"][3]["value"] == 12
    with pytest.raises(ValueError, match="OR is edited as text"):
        charts.conditions_of(text.replace("type: STARTS_WITH", "type: OR"), "new")


def test_a_chart_takes_the_place_of_another_and_one_of_another_dashboard_joins() -> None:
    three = charts.duplicated(SOURCE, "a")
    assert ids(charts.placed(three, "b", "a")) == ["b", "a", "a_2"]
    assert ids(charts.placed(three, "a", "b")) == ["a_2", "b", "a"]
    joined = charts.with_block(three, charts.block_text(SOURCE, "b"))
    assert ids(joined) == ["a", "a_2", "b", "b_2"] and joined.endswith("timeWindow: {default: P1D}\n")
    assert ids(charts.with_block("title: x\n", charts.block_text(SOURCE, "a"))) == ["a"]
