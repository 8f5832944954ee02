"""Counting and telling: names, forms and bounds of metrics (spec: enterprise and operations F58, F59)."""

from __future__ import annotations

import re

import pytest

from flowdeck.engine import measures as module
from flowdeck.engine.exposition import Exposition
from flowdeck.engine.measures import OTHER, Emitted, Measures

LINE = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.e+-]+|NaN|[+-]Inf)')


def parsed(text: str) -> dict[str, str]:
    """Series by name and labels; every line is one, or a comment of its family."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [\w:]+ .*", line)
            continue
        match = LINE.fullmatch(line)
        assert match, line
        assert f"{match[1]}{match[2] or ''}" not in found
        found[f"{match[1]}{match[2] or ''}"] = match[3]
    return found


def test_kinds_have_the_forms_of_prometheus() -> None:
    m = Measures()
    m.counter("executor.execution.end.count", "Ends.", "state").add(("SUCCESS",), 2)
    timer = m.timer("worker.ended.duration", "Spans.", "flow_id")
    timer.add(("a",), 0.5)
    timer.add(("a",), 0.25)
    m.gauge("worker.job.running", "Jobs.", lambda: 3)
    m.gauge("process.cpu.seconds", "Time.", lambda: 1.5, own=False, kind="counter")
    told = Exposition("kestra")
    told.take(m.told(), {"process": "core"})
    text = told.prometheus()
    found = parsed(text)
    assert found['kestra_executor_execution_end_count_total{state="SUCCESS"}'] == "2"
    assert found['kestra_worker_ended_duration_seconds_count{flow_id="a"}'] == "2"
    assert found['kestra_worker_ended_duration_seconds_sum{flow_id="a"}'] == "0.75"
    assert found['kestra_worker_ended_duration_seconds_max{flow_id="a"}'] == "0.5"
    assert found["kestra_worker_job_running"] == "3"
    assert found['process_cpu_seconds_total{process="core"}'] == "1.5"
    for family, kind in (
        ("kestra_executor_execution_end_count_total", "counter"),
        ("kestra_worker_ended_duration_seconds", "summary"),
        ("kestra_worker_ended_duration_seconds_max", "gauge"),
    ):
        assert f"# TYPE {family} {kind}\n" in text


def test_a_number_keeps_all_its_digits() -> None:
    m = Measures()
    m.gauge("disk.total.bytes", "Room.", lambda: 270553174016, own=False)
    m.gauge("half", "Half.", lambda: 123456789.125)
    told = Exposition("kestra")
    told.take(m.told())
    found = parsed(told.prometheus())
    assert (found["disk_total_bytes"], found["kestra_half"]) == ("270553174016", "123456789.125")


def test_values_of_tags_can_break_no_line() -> None:
    m = Measures()
    m.counter("some", "A text\nof \\ two lines.", "flow_id").add(('a"b\\c\nd',))
    told = Exposition("my-prefix.")
    told.take(m.told())
    assert parsed(told.prometheus()) == {'my_prefix_some_total{flow_id="a\\"b\\\\c\\nd"}': "1"}


def test_series_of_one_family_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERIES", 3)
    m = Measures()
    counter, timer = m.counter("c", "", "flow_id"), m.timer("t", "", "flow_id")
    for number in range(10):
        counter.add((f"flow{number}",))
        timer.add((f"flow{number}",), 1.0)
    assert dict(counter.series())[(OTHER,)] == 7
    assert dict(timer.series())[(OTHER,)][0] == 7
    assert len(counter.series()) == len(timer.series()) == 4


def test_the_largest_span_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    timer = Measures().timer("t", "")
    timer.add((), 9.0)
    seen = []
    for second in (0, 61, 121, 300):
        clock[0] = float(second)
        seen.append(timer.series()[0][1][2])
    assert seen == [9.0, 9.0, 0.0, 0.0]
    timer.add((), 1.0)
    assert timer.series() == [((), [2, 10.0, 1.0])]


def test_processes_add_up_and_stay_apart() -> None:
    told = Exposition("kestra")
    for role in ("core", "web"):
        m = Measures()
        m.counter("shared", "").add((), 2)
        m.counter("logback.events", "", "level", own=False).add(("warn",))
        told.take(m.told(), {"process": role})
    found = parsed(told.prometheus())
    assert found["kestra_shared_total"] == "4"
    assert found['logback_events_total{level="warn",process="core"}'] == "1"
    assert found['logback_events_total{level="warn",process="web"}'] == "1"


def test_one_metric_by_name_and_tags() -> None:
    m = Measures()
    ends = m.counter("worker.ended.count", "Ends.", "flow_id", "state")
    ends.add(("a", "SUCCESS"), 2)
    ends.add(("b", "FAILED"))
    told = Exposition("kestra")
    told.take(m.told())
    assert told.names() == ["kestra.worker.ended.count"]
    whole = told.describe("kestra.worker.ended.count")
    assert whole == told.describe("kestra_worker_ended_count_total")
    assert whole is not None
    assert whole["measurements"] == [{"statistic": "COUNT", "value": 3}]
    assert whole["availableTags"][0] == {"tag": "flow_id", "values": ["a", "b"]}
    part = told.describe("kestra.worker.ended.count", [("state", "FAILED")])
    assert part is not None
    assert part["measurements"][0]["value"] == 1
    assert part["availableTags"] == [{"tag": "flow_id", "values": ["b"]}]
    assert told.describe("kestra.nothing") is None
    assert told.describe("kestra.worker.ended.count", [("state", "NONE")]) is None


def test_metrics_of_tasks_keep_their_first_labels() -> None:
    m = Measures()
    emitted = Emitted(m, most=2)
    emitted.take("rows", "counter", 5, {"flow_id": "a", "table": "t"})
    emitted.take("rows", "counter", 2, {"flow_id": "a", "other": "x"})
    emitted.take("rows", "timer", 2, {"flow_id": "a"})
    emitted.take("wait", "timer", 0.5, {"flow_id": "a"})
    emitted.take("third", "counter", 1, {})
    told = Exposition("kestra")
    told.take(m.told())
    found = parsed(told.prometheus())
    assert found['kestra_task_rows_total{flow_id="a",table="t"}'] == "5"
    assert found['kestra_task_rows_total{flow_id="a",table=""}'] == "2"
    assert found['kestra_task_wait_seconds_sum{flow_id="a"}'] == "0.5"
    assert not any("third" in name for name in found)
