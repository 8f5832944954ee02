"""What a process of ours takes of this machine, as the system tells it (console: UI-AD-04)."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any


def process_numbers(host: str, pid: Any) -> dict[str, float]:
    """Processor time (s), memory (bytes) and threads of a process on this machine; nothing for others."""
    if host != socket.gethostname() or not isinstance(pid, int) or not Path("/proc/self/stat").exists():
        return {}
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return {}
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "cpuSeconds": round((int(stat[11]) + int(stat[12])) / ticks, 2),
        "memoryBytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "threads": int(stat[17]),
    }
