"""Log files with what writes and what reads them."""

from __future__ import annotations

from pathlib import Path

from flowdeck.store.driver import Database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import LogAppender, LogFiles


class LogPair:
    """An appender and a store over the same files."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.files = LogFiles(folder, database)
        self.appender = LogAppender(self.files)
        self.store = LogStore(folder, database)

    def close(self) -> None:
        self.appender.close()
        self.files.close()
        self.store.close()
