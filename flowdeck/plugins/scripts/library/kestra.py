"""What scripts report to the workflow: outputs, metrics, logs. Standard library only; runs on Python 3.8 and later.

Each call prints one line `::{...}::` that the worker reads:

    from kestra import Kestra
    Kestra.outputs({"rows": 42})
    Kestra.counter("rows", 42, {"table": "orders"})
    Kestra.timer("load", 1.5)
    Kestra.logger().info("done")
"""

import json
import logging
import sys
import time
from datetime import UTC, date, datetime


def _plain(value):
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    item = getattr(value, "item", None)  # numbers of numerical libraries
    if callable(item):
        return item()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


class _LineHandler(logging.Handler):
    def emit(self, record):
        level = {"WARNING": "WARN", "CRITICAL": "ERROR"}.get(record.levelname, record.levelname)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat()
        text = f"{moment} - {self.format(record)}"
        stream = sys.stdout if record.levelno <= logging.INFO else sys.stderr
        stream.write(Kestra.format({"logs": [{"level": level, "message": text}]}) + "\n")
        stream.flush()


class Kestra:
    """Functions that print the protocol."""

    @staticmethod
    def format(map_):
        """The line for a map."""
        return "::" + json.dumps(map_, default=_plain) + "::"

    @staticmethod
    def _send(map_):
        sys.stdout.write(Kestra.format(map_) + "\n")
        sys.stdout.flush()

    @staticmethod
    def outputs(map_):
        """Give outputs; they appear under `outputs.<task>.vars`."""
        Kestra._send({"outputs": map_})

    @staticmethod
    def _metric(name, kind, value, tags):
        Kestra._send({"metrics": [{"name": name, "type": kind, "value": value, "tags": tags or {}}]})

    @staticmethod
    def counter(name, value, tags=None):
        """Publish a counter."""
        Kestra._metric(name, "counter", value, tags)

    @staticmethod
    def gauge(name, value, tags=None):
        """Publish a gauge."""
        Kestra._metric(name, "gauge", value, tags)

    @staticmethod
    def timer(name, duration, tags=None):
        """Publish a timer: seconds, or a function that is called and measured."""
        if callable(duration):
            began = time.perf_counter()
            duration()
            duration = time.perf_counter() - began
        Kestra._metric(name, "timer", duration, tags)

    @staticmethod
    def assets(map_):
        """Report assets."""
        Kestra._send({"assets": map_})

    @staticmethod
    def logger():
        """A logger whose lines keep their level."""
        found = logging.getLogger("Kestra")
        if not found.handlers:
            found.addHandler(_LineHandler())
            found.setLevel(logging.DEBUG)
            found.propagate = False
        return found
