"""Followers of an execution through faults: each sees in the end what the document says (extensions §3)."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.faults.crash_follower import Follower
from tests.support.server import Server, eventually, free_port

FLOW = """
id: pauses
namespace: company.team
tasks:
  - {id: pause, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT0.5S}
  - {id: between, type: io.kestra.plugin.core.debug.Return, format: x}
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT2S}
"""


@pytest.mark.fault
@pytest.mark.timeout(180)
def test_nothing_is_missed_while_a_new_web_process_and_core_find_each_other(tmp_path: Path) -> None:
    """Web reads an execution while core stands still; core commits changes before it hears of the new subscriber."""
    environment = {"FLOWDECK_CONSOLE_ENABLED": "false"}
    server = Server(tmp_path / "home", port=free_port(), management_port=free_port(), environment=environment)
    server.start()
    over = threading.Event()
    try:
        server.save_flow(FLOW)
        follower = Follower(server, server.execute("company.team", "pauses")["id"], over)
        follower.start()
        eventually(lambda: "PAUSED" in [row["state"] for row in follower.rows.values()], what="the pause")
        (core,) = server.pids("core")
        os.kill(core, signal.SIGSTOP)
        try:
            os.kill(server.pids("web")[0], signal.SIGKILL)
            # The stream says at its first frame how it is: the pause, which core will end as soon as it goes on.
            follower.rows.clear()
            eventually(lambda: follower.rows, what="the stream of the new web process", seconds=60)
        finally:
            os.kill(core, signal.SIGCONT)
        follower.join(60)
        assert list(follower.judge()) == []
    finally:
        over.set()
        server.stop()
