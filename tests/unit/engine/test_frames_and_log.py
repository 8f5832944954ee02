"""What a message or a log line holds never harms its neighbours (spec: quality §3.2)."""

from __future__ import annotations

import logging

from flowdeck.engine.frames import _encoded, valid
from flowdeck.engine.messages import Command, decode
from flowdeck.engine.serverlog import Readable


def test_a_text_that_is_no_utf8_is_sent_with_a_question_mark() -> None:
    frame = _encoded(Command(id=1, name="kv.put", args={"value": ["a\ud800b"], "k\udfff": 1}))
    assert frame is not None
    assert decode(frame[4:])[0].args == {"value": ["a?b"], "k?": 1}
    assert valid(("x", 1, None)) == ["x", 1, None]


def test_a_message_that_can_t_be_encoded_is_dropped_alone() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    try:
        assert _encoded(Command(id=1, name="kv.put", args={"value": deep})) is None
    finally:
        while deep:  # a deep list is taken apart by hand: its own end would recurse
            deep = deep.pop()  # type: ignore[assignment]


def test_a_log_line_stays_one_line_and_steers_no_terminal() -> None:
    record = logging.LogRecord("x", 20, "", 0, "path %s", ("/a\r\n12:00:00 INFO forged \x1b[31mred\x9b1m",), None)
    text = Readable("web").format(record)
    assert "\x1b" not in text and "\r" not in text and "\x9b" not in text
    assert all(line.startswith("    ") for line in text.split("\n")[1:])
