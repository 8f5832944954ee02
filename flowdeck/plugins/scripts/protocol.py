"""The line protocol of scripts: `::{"outputs": …, "metrics": …, "logs": …}::` (spec: script plugins §2.3)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.model.coerce import to_duration, to_text
from flowdeck.sdk import Level, RunContext
from flowdeck.sdk.process import STDERR


class OutputReader:
    """Sorts the lines of a running command: protocol lines into outputs, metrics and logs, others into the log."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self.vars: dict[str, Any] = {}
        self.wrote_errors = False

    def lines(self, stream: int, lines: list[str]) -> None:
        """Take lines of one stream, in order."""
        level = Level.ERROR if stream == STDERR else Level.INFO
        log = self._ctx.log
        if not any(line.startswith("::{") for line in lines):
            self.wrote_errors = self.wrote_errors or stream == STDERR
            log.lines(level, lines)
            return
        plain: list[str] = []
        for line in lines:
            if line.startswith("::{") and line.rstrip().endswith("}::"):
                if plain:
                    log.lines(level, plain)
                    plain = []
                self._message(line.rstrip()[2:-2])
            else:
                plain.append(line)
                self.wrote_errors = self.wrote_errors or stream == STDERR
        if plain:
            log.lines(level, plain)

    def _message(self, text: str) -> None:
        try:
            body = json.loads(text)
        except ValueError as error:
            self._ctx.log.warn(f"Invalid outputs '{text[:200]}': {error}")
            return
        outputs = body.get("outputs")
        if isinstance(outputs, dict):
            self.vars.update(outputs)
        elif outputs is not None:
            self._ctx.log.warn("Invalid outputs: 'outputs' is not a map")
        for metric in _items(body.get("metrics")):
            self._metric(metric)
        for line in _items(body.get("logs")):
            self._ctx.log.line(Level.of(str(line.get("level", "INFO")), Level.INFO), to_text(line.get("message")))

    def _metric(self, metric: dict[str, Any]) -> None:
        kind, value = str(metric.get("type", "counter")).lower(), metric.get("value")
        tags = metric.get("tags")
        try:
            if kind == "timer" and isinstance(value, str) and value.strip().upper().startswith("P"):
                value = to_duration(value).total_seconds()
            if isinstance(value, bool) or value is None:
                raise ValueError(f"{value!r} is no number")
            self._ctx.metric(str(metric["name"]), float(value), kind, tags if isinstance(tags, dict) else None)
        except (KeyError, TypeError, ValueError) as error:
            self._ctx.log.warn(f"Invalid metric {json.dumps(metric)[:200]}: {error}")


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
