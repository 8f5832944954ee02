"""Peers on the same workloads in the same run; their programs lie beside the project, in ../shared/bench/peers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "shared" / "bench" / "peers" / "run_peers.py"
WORKLOADS = (("chain", 1000), ("many", 100), ("fan", 1000))
# What a slower peer can end in reasonable time; steps a second are compared, not seconds.
SMALLER = {"prefect": {"chain": 100, "many": 20, "fan": 100}, "dagster": {"chain": 100, "many": 10, "fan": 100}}


@dataclass(frozen=True, slots=True)
class Peer:
    """What one peer reached."""

    name: str
    version: str
    rates: dict[str, float]
    """Steps a second by workload."""


def measure(name: str, runs: int = 1) -> Peer | str:
    """Run all workloads on a peer; a sentence when that is impossible here."""
    if not PROGRAM.is_file():
        return f"{name} was not measured: its program is not beside the project (../shared/bench/peers)."
    rates: dict[str, float] = {}
    version = ""
    for workload, count in WORKLOADS:
        count = SMALLER.get(name, {}).get(workload, count)
        try:
            done = subprocess.run(
                [sys.executable, str(PROGRAM), name, workload, str(count), "--runs", str(runs)],
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
                env={k: v for k, v in os.environ.items() if not k.startswith(("FLOWDECK_", "KESTRA_"))},
            )
        except subprocess.TimeoutExpired:
            return f"{name} was not measured: {workload} {count} took more than ten minutes."
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["no word"])[-1]
            return f"{name} was not measured: {words[:200]}"
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        version = found[0]["version"]
        rates[workload] = statistics.median(entry["steps_per_s"] for entry in found)
    return Peer(name, version, rates)
