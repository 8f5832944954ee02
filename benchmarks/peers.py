"""Peers on the same workloads in the same run; their programs lie beside the project, in ../shared/bench/peers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "shared" / "bench" / "peers" / "run_peers.py"
WORKLOADS = (("chain", 1000), ("many", 100), ("fan", 1000))
# What a slower peer can end in reasonable time; steps a second are compared, not seconds.
SMALLER = {"prefect": {"chain": 100, "many": 20, "fan": 100}, "dagster": {"chain": 100, "many": 10, "fan": 100}}


class NotMeasured(Exception):
    """Why a peer has no figure here; the message is a sentence."""


@dataclass(slots=True)
class Peer:
    """A peer and its figures so far: steps a second by workload."""

    name: str
    version: str = ""
    rates: dict[str, list[float]] = field(default_factory=dict)

    def once(self, workload: str) -> float:
        """Run a workload once; steps a second. Raises NotMeasured."""
        if not PROGRAM.is_file():
            raise NotMeasured(f"{self.name}: its program is not beside the project (../shared/bench/peers).")
        count = SMALLER.get(self.name, {}).get(workload, dict(WORKLOADS)[workload])
        try:
            done = subprocess.run(
                [sys.executable, str(PROGRAM), self.name, workload, str(count)],
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
                env={k: v for k, v in os.environ.items() if not k.startswith(("FLOWDECK_", "KESTRA_"))},
            )
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"{self.name}: {workload} {count} took more than ten minutes.") from None
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
            raise NotMeasured(f"{self.name}: {words[:200]}")
        found = json.loads(done.stdout.strip().splitlines()[-1])
        self.version = found["version"]
        self.rates.setdefault(workload, []).append(found["steps_per_s"])
        return found["steps_per_s"]

    def rate(self, workload: str) -> float:
        """Median of a workload so far."""
        return statistics.median(self.rates[workload])
