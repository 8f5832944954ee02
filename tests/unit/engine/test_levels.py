"""Levels of loggers and forms of lines (spec: enterprise and operations F58, F61)."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from flowdeck.engine.introspection import threads
from flowdeck.engine.levels import LoggerLevels, configure, flat, level_name, level_of, ours
from flowdeck.engine.serverlog import FORMS


@pytest.fixture(autouse=True)
def levels_as_before() -> Iterator[None]:
    names = ["", "flowdeck", "flowdeck.executor", "flowdeck.worker", "flowdeck.gateway", "flowdeck.core"]
    names += ["execution", "task", "trigger", "task.one", "io.kestra.core.runners", "uvicorn", "io.micronaut"]
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("name", "number"),
    [("TRACE", 5), ("debug", 10), ("Info", 20), ("WARN", 30), ("ERROR", 40), ("OFF", 51), (False, 51), ("ALL", 1)],
)
def test_words_for_levels(name: str, number: int) -> None:
    assert level_of(name) == number
    if name is not False:
        assert level_name(number) == str(name).upper()


def test_a_word_that_is_no_level_is_none() -> None:
    assert level_of("LOUD") is None
    assert level_of("NOT_SPECIFIED") is None


def test_names_of_the_reference_mean_our_modules() -> None:
    assert "flowdeck.executor" in ours("io.kestra.core.runners")
    assert ours("io.kestra.core.runners.Executor") == (
        *ours("io.kestra.core.runners")[:-1],
        "io.kestra.core.runners.Executor",
    )
    assert ours("io.kestra")[0] == "flowdeck"
    assert ours("flow.hello") == ("execution.hello", "flow.hello")
    assert ours("anything.else") == ("anything.else",)


def test_narrow_names_win_over_broad_ones() -> None:
    configure(flat({"io": {"kestra": {"core": {"runners": "TRACE"}}}, "io.kestra": "ERROR", "task.one": "INFO"}))
    assert logging.getLogger("flowdeck").level == logging.ERROR
    assert logging.getLogger("flowdeck.executor").level == 5
    assert not logging.getLogger("task").isEnabledFor(logging.INFO)
    assert logging.getLogger("task.one").isEnabledFor(logging.INFO)
    assert not logging.getLogger("execution.hello").isEnabledFor(logging.INFO)


def test_a_level_is_set_and_taken_back() -> None:
    levels = LoggerLevels()
    assert levels.change("flowdeck.worker", "TRACE") == {"configuredLevel": "TRACE", "effectiveLevel": "TRACE"}
    assert levels.told()["flowdeck.worker"]["configuredLevel"] == "TRACE"
    assert levels.change("flowdeck.worker", None)["configuredLevel"] == "NOT_SPECIFIED"
    root = logging.getLogger().level
    assert levels.change("ROOT", "ERROR")["effectiveLevel"] == "ERROR"
    levels.change("ROOT", "NOT_SPECIFIED")
    assert logging.getLogger().level == root


def record() -> logging.LogRecord:
    try:
        raise KeyError("x")
    except KeyError:
        made = logging.getLogger("flowdeck.web").makeRecord(
            "flowdeck.web", logging.WARNING, __file__, 1, "hot %s", ("stuff",), sys.exc_info(), extra={"job": 7}
        )
    made.request_id = "r1"
    return made


def test_lines_for_collectors() -> None:
    plain = json.loads(FORMS["json"]("web").format(record()))
    assert (plain["level"], plain["text"], plain["request"], plain["job"]) == ("WARNING", "hot stuff", "r1", 7)
    google = json.loads(FORMS["gcp"]("web").format(record()))
    assert google["severity"] == "WARNING"
    assert google["message"].startswith("hot stuff\nTraceback")
    elastic = json.loads(FORMS["ecs"]("web").format(record()))
    assert elastic["log.level"] == "WARNING"
    assert elastic["error.type"] == "KeyError"
    assert elastic["http.request.id"] == "r1"
    assert elastic["@timestamp"].endswith("Z")


def test_threads_tell_places_not_values() -> None:
    secret = "geheim-1234"
    found = threads()
    main = next(thread for thread in found if thread["threadName"] == "MainThread")
    assert any(frame["methodName"].endswith("test_threads_tell_places_not_values") for frame in main["stackTrace"])
    assert secret not in json.dumps(found)
