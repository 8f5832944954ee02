"""Values of keys in forms and files (spec: ui UI-KV-01, UI-KV-02)."""

from __future__ import annotations

import pytest

from app.pages import kv_forms


@pytest.mark.parametrize(
    ("kind", "other", "text", "result"),
    [
        ("STRING", "NUMBER", " 42 ", "42"),
        ("STRING", "NUMBER", "forty", None),
        ("STRING", "BOOLEAN", "Yes", "true"),
        ("STRING", "JSON", "a b", '"a b"'),
        ("STRING", "JSON", '{"a": 1}', '{"a": 1}'),
        ("JSON", "STRING", '"a b"', "a b"),
        ("JSON", "STRING", "[1]", "[1]"),
        ("JSON", "NUMBER", "[1]", None),
        ("JSON", "NUMBER", "7", "7"),
        ("NUMBER", "DURATION", "90061", "P1DT1H1M1S"),
        ("DURATION", "NUMBER", "PT15M", "900"),
        ("DATE", "DATETIME", "2026-11-20", "2026-11-20T00:00:00Z"),
        ("DATETIME", "DATE", "2026-11-20T06:00:00Z", "2026-11-20"),
        ("DATETIME", "NUMBER", "2026-11-20T06:00:00Z", None),
        ("BOOLEAN", "NUMBER", "true", "1"),
        ("STRING", "DATE", "", ""),
    ],
)
def test_another_type_converts_where_that_can_be(kind: str, other: str, text: str, result: str | None) -> None:
    """UI-KV-02."""
    assert kv_forms.converted(kind, other, text) == result


def test_durations_are_numbers_by_unit() -> None:
    """UI-KV-02: days, hours, minutes, seconds are fields; empty and zero ones are left out."""
    assert kv_forms.span_parts("P1DT2H") == {"D": "1", "H": "2", "M": "", "S": ""}
    assert kv_forms.with_part("P1DT2H", "M", "30") == "P1DT2H30M"
    assert kv_forms.with_part("PT2H", "H", "") == ""
    assert kv_forms.value_fault("DURATION", kv_forms.with_part("PT2H", "H", "x"))
    assert all(kv_forms.seconds_of(kv_forms.span_of(n)) == n for n in (0, 1, 60, 86_400, 90_061))


def test_instants_come_from_a_control_in_utc() -> None:
    assert kv_forms.to_picker("2026-11-20T06:00:00+02:00") == "2026-11-20T04:00:00"
    assert kv_forms.from_picker("2026-11-20T04:00") == "2026-11-20T04:00:00Z"
    assert kv_forms.to_picker("nonsense") == "" and kv_forms.from_picker("") == ""
    assert kv_forms.value_fault("DATE", "2026-02-30") and not kv_forms.value_fault("DATE", "2026-02-28")


def test_a_csv_of_keys_is_read_with_its_types() -> None:
    """UI-KV-01: what the export writes comes back; a file without keys is refused."""
    text = 'namespace,key,type,value,description\r\na.b,n,NUMBER,42,"x, y"\r\na.b,s,STRING,\'=1+1,\r\na.b,j,JSON,"{""a"": 1}",\r\n'
    found = kv_forms.pairs_of_csv(text)
    assert found == [
        {"namespace": "a.b", "key": "n", "type": "NUMBER", "value": 42, "description": "x, y"},
        {"namespace": "a.b", "key": "s", "type": "STRING", "value": "=1+1"},
        {"namespace": "a.b", "key": "j", "type": "JSON", "value": {"a": 1}},
    ]
    assert kv_forms.pairs_of_csv("a,b\n1,2\n") is None
