"""Another time of day for a server under test: Python loads this file at its start where `PYTHONPATH` names its folder.

`FLOWDECK_TEST_CLOCK_SHIFT` is the number of seconds that the clock of `time` is ahead, by which the engine dates what
happens. Clocks that only measure are left alone, and so is `datetime`, whose class cannot be replaced unnoticed.
"""

from __future__ import annotations

import os
import time

SHIFT = float(os.environ.get("FLOWDECK_TEST_CLOCK_SHIFT") or 0)

if SHIFT:
    _time, _time_ns, _gmtime, _localtime, _strftime = (
        time.time,
        time.time_ns,
        time.gmtime,
        time.localtime,
        time.strftime,
    )
    _nanoseconds = int(SHIFT * 1_000_000_000)
    time.time = lambda: _time() + SHIFT
    time.time_ns = lambda: _time_ns() + _nanoseconds
    time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
    time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
    time.strftime = lambda form, when=None: _strftime(form, time.localtime() if when is None else when)
