"""The worker process: attempts, user code (design §1)."""

from __future__ import annotations

import asyncio

from flowdeck.config import Settings
from flowdeck.engine.introspection import Introspection
from flowdeck.engine.serverlog import set_up_logging
from flowdeck.engine.snapshots import Reporter, die_with_supervisor
from flowdeck.main.quick_start import without_httpx_command


def run(settings: Settings) -> int:
    """Work until told to stop; answers the exit status."""
    die_with_supervisor()
    set_up_logging(settings, "worker")
    without_httpx_command()
    from flowdeck.engine.worker import Worker, run_worker

    reporter = Reporter("worker")

    def begun(worker: Worker) -> None:
        loop = asyncio.get_running_loop()
        meter = worker.attempts.meter
        reporter.answers = {**Introspection(meter.measures, lambda: loop).answers(), "jobs": meter.jobs}
        reporter.start()
        reporter.ready()

    asyncio.run(run_worker(settings, begun))
    return 0
