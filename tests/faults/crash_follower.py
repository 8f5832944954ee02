"""A follower of the crash harness: one execution's stream, resumed after every cut, held against its final document."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.support.server import Server


class Follower(threading.Thread):
    """Replays the changes of one execution's stream until it says that the execution has ended."""

    def __init__(self, server: Server, execution: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.execution = execution
        self.stopped = stop
        self.rows: dict[str, dict[str, Any]] = {}
        self.state: str | None = None
        self.last_line = 0
        self.wrong: list[str] = []
        self.ended = False
        self.cuts = 0
        self._cursor: str | None = None

    def run(self) -> None:
        """Connect, and again, until the end is told."""
        while not self.ended and not self.stopped.is_set():
            try:
                self._follow()
            except (OSError, ValueError, http.client.HTTPException):
                pass
            self.cuts += not self.ended
            time.sleep(0.2)

    def _follow(self) -> None:
        login = base64.b64encode(f"{self.server.username}:{self.server.password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        if self._cursor:
            headers["Last-Event-ID"] = self._cursor
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            link.request("GET", f"/api/v1/main/console/stream?execution={self.execution}&logs=TRACE", headers=headers)
            answer = link.getresponse()
            if answer.status == 200:
                for name, data in self._events(answer):
                    self._apply(name, data)
                    if self.ended:
                        return
        finally:
            link.close()

    def _events(self, answer: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        name, cursor = "", None
        while line := answer.readline():
            text = line.decode().rstrip("\r\n")
            field, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "id":
                cursor = value
            elif field == "data":
                data = json.loads(value)
                yield name, data
                self._cursor = cursor or self._cursor

    def _apply(self, name: str, data: dict[str, Any]) -> None:
        if name == "snapshot":
            self.rows = {row["id"]: row for row in data["taskRuns"]}
            self.state = data["execution"]["state"]
            self.last_line = data["logTotal"]
        elif name == "taskrun":
            for row in data["rows"]:
                self.rows[row["id"]] = {**self.rows.get(row["id"], {}), **row}
        elif name == "execution" and data.get("state"):
            self.state = data["state"]
        elif name == "log":
            for line in data["lines"]:
                if line["no"] <= self.last_line:
                    self.wrong.append(f"the follower of {self.execution} got line {line['no']} twice")
                elif line["no"] > self.last_line + 1:
                    self.wrong.append(
                        f"the follower of {self.execution} got line {line['no']} after line {self.last_line}"
                    )
                self.last_line = line["no"]
        elif name == "end" and data.get("reason") == "terminal":
            self.ended = True

    def judge(self) -> Iterator[str]:
        """What differs from the document."""
        yield from self.wrong[:1]
        if not self.ended:
            yield f"the follower of {self.execution} was not told its end"
            return
        document = self.server.execution(self.execution)
        shown = {run["id"]: run["state"]["current"] for run in document["taskRunList"]}
        seen = {row["id"]: row["state"] for row in self.rows.values()}
        if seen != shown or self.state != document["state"]["current"]:
            differing = [i for i in shown.keys() | seen.keys() if shown.get(i) != seen.get(i)]
            yield (
                f"the follower of {self.execution} saw {self.state} and {len(seen)} task runs, the document says "
                f"{document['state']['current']} and {len(shown)}; differing: {differing[:3]}"
            )
