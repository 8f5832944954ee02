"""Log lines of an execution on the terminal: each once, in order, also those that are stored late."""

from __future__ import annotations

import argparse
import io
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from flowdeck.cli import following


def line(number: int, task: str = "t") -> dict[str, Any]:
    return {"timestamp": f"{number}", "level": "INFO", "taskId": task, "message": f"line {number}"}


class Server:
    """An execution that ends at the third look, its lines, and a stream that breaks."""

    def __init__(self, lines: list[dict[str, Any]], streams: list[int], late: int = 0) -> None:
        self.lines, self.streams, self.late = lines, streams, late
        self.looks = self.reads = 0
        self.ended = threading.Event()

    def call(self, method: str, *place: str, **more: Any) -> Any:
        if place[0] == "logs":
            self.reads += 1
            stored = self.lines if self.reads > self.late else self.lines[: len(self.lines) // 2]
            return SimpleNamespace(json=lambda: stored)
        self.looks += 1
        state = "SUCCESS" if self.looks > 2 else "RUNNING"
        document = {"id": "x", "namespace": "n", "flowId": "f", "state": {"current": state}, "taskRunList": []}
        return SimpleNamespace(json=lambda: document)

    def events(self, *_: str, **__: Any) -> Iterator[tuple[str, Any]]:
        yield "start", {}
        many = self.streams.pop(0) if self.streams else 0
        yield from (("progress", one) for one in self.lines[:many])
        if not self.streams:
            self.ended.wait(2)


@pytest.mark.parametrize(
    ("streams", "late"),
    [([5], 0), ([2, 5], 0), ([0], 0), ([3], 2), ([], 3)],
    ids=["all streamed", "stream broken once", "nothing streamed", "rest read", "stored late"],
)
def test_each_line_is_printed_once(
    streams: list[int], late: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "QUIET", 0.05)
    monkeypatch.setattr(following, "FIRST_LINE", 0.1)
    monkeypatch.setattr(following, "LAST_LINES", 0.6)
    server = Server([line(n) for n in range(5)], list(streams), late)
    options = argparse.Namespace(output="text")
    document = following.follow(options, server, "x")  # type: ignore[arg-type]
    server.ended.set()
    assert document["state"]["current"] == "SUCCESS"
    assert [one.rpartition(" ")[2] for one in capsys.readouterr().out.splitlines()] == ["0", "1", "2", "3", "4"]


def test_lines_of_one_task_and_answers_apart_from_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server([line(0), line(1, "u"), line(2)], [3])
    sink = io.StringIO()
    with following.Lines(server, "x", "TRACE", sink, "u") as lines:  # type: ignore[arg-type]
        while not lines.printed:
            lines._over.wait(0.005)
    server.ended.set()
    assert "line 1" in sink.getvalue()
    assert sink.getvalue().count("\n") == 1
    monkeypatch.setattr(following, "QUIET", 0.0)
    silent = Server([line(0)], [1])
    following.follow(argparse.Namespace(output="json"), silent, "x")  # type: ignore[arg-type]
    silent.ended.set()
    said = capsys.readouterr()
    assert (said.out, "line 0" in said.err) == ("", True)


def test_what_does_not_end_in_time_is_told() -> None:
    server = Server([], [])
    server.looks = -1000
    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s, it is RUNNING"):
        following.wait(server, "x", seconds=0.05)  # type: ignore[arg-type]


def test_levels_have_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert (following.coloured(Terminal()), following.coloured(io.StringIO())) == (True, False)
    error = {"timestamp": "t", "level": "ERROR", "message": "m"}
    assert following.line_text(error, colours=True) == "t \x1b[31mERROR\x1b[0m -: m"
    assert following.line_text(error) == "t ERROR -: m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not following.coloured(Terminal())
