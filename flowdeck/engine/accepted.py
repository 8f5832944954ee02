"""Whether the database still has what callers were told is stored (quality.md §2.2 C1, §2.3 fault 14).

A standby that is behind its primary lacks the last transactions when it is promoted. Each command that was answered
with success has left its answer in the database, in its own transaction; a process that answers callers remembers the
keys of the last ones and looks after each lost connection whether the answers are there.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from flowdeck.store.driver import Reader
from flowdeck.store.inbox import known

log = logging.getLogger("flowdeck.cluster")

REMEMBERED = 20_000
"""Most commands that are remembered."""
REMEMBERED_SECONDS = 900.0
"""A standby that is further behind than this loses more than is told."""
TOLD = 50
"""Most commands that the log names."""
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that was answered with success."""

    key: str
    what: str
    at: float


class AcceptedCommands:
    """The last commands that this process promised to its callers; used from several threads.

    `lost` counts those that were not there after a lost connection.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        self._clock = clock
        self._kept: deque[Accepted] = deque(maxlen=REMEMBERED)
        self._lock = Lock()

    def add(self, key: str, what: str) -> None:
        """A command is answered; `what` names it in the log and holds no values."""
        with self._lock:
            self._kept.append(Accepted(key, what, self._clock()))

    def compare(self, reader: Reader) -> list[Accepted]:
        """Those whose answers the database lacks, oldest first; they are forgotten and told in the log.

        Raises StoreError; everything is remembered then.
        """
        now = self._clock()
        with self._lock:
            while self._kept and now - self._kept[0].at > REMEMBERED_SECONDS:
                self._kept.popleft()
            asked = list(self._kept)
        found: set[str] = set()
        for start in range(0, len(asked), PAGE):
            found |= known(reader, [one.key for one in asked[start : start + PAGE]])
        gone = [one for one in asked if one.key not in found]
        if gone:
            missing = {one.key for one in gone}
            with self._lock:
                self._kept = deque((one for one in self._kept if one.key not in missing), maxlen=REMEMBERED)
            self.lost += len(gone)
            names = ", ".join(one.what for one in gone[:TOLD]) + (", …" if len(gone) > TOLD else "")
            log.error(
                "the database lost %d accepted commands of the last %.0f s: a standby took over that was behind its"
                " primary, or a copy was put in its place. Callers believe that these were carried out: %s",
                len(gone),
                now - gone[0].at,
                names,
            )
        return gone
