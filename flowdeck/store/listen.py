"""PostgreSQL's notifications: one listening connection a process (engine notes §2.3, §2.9).

A notification is a hint, never the truth: the rows are. One that is lost costs a slow poll, one that comes twice
costs a look at rows that are gone. The connection is a direct one: a pooler that shares server connections between
transactions loses LISTEN.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import re
import select
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flowdeck.store.driver import Tx

log = logging.getLogger("flowdeck.store")

CHANNEL = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
PROBE_SECONDS = 15.0
"""A silent connection is asked after this time whether it lives."""
RETRY_FIRST, RETRY_LAST = 0.05, 2.0
PAYLOAD_BYTES = 7999
"""Longest payload that PostgreSQL takes."""


class Listener:
    """Hands notifications of some channels to a function; reconnects for ever.

    Args:
        url: of the database, `postgresql://…`; must lead to the server itself or to a session pooler.
        channels: names in small letters, digits and underscores.
        on_notify: called with channel and payload, in the listener's thread.
        on_gap: called in that thread after each connection but the first: notifications may have been missed.
    Raises:
        ValueError: a channel's name.
    """

    def __init__(
        self,
        url: str,
        channels: Iterable[str],
        on_notify: Callable[[str, str], None],
        on_gap: Callable[[], None],
    ) -> None:
        self.url = url
        self.channels = tuple(channels)
        for name in self.channels:
            if not CHANNEL.match(name):
                raise ValueError(f"channel {name!r}: small letters, digits and underscores only")
        self._on_notify = on_notify
        self._on_gap = on_gap
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self.connected = threading.Event()

    def start(self) -> Listener:
        """Connect in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the connection; no function is called once this has returned (unless from such a call)."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._wake_write, b"x")
        if self._thread is None or self._thread is threading.current_thread():
            return
        self._thread.join(5)
        if not self._thread.is_alive():
            os.close(self._wake_read)
            os.close(self._wake_write)

    # ── the thread ──────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        import psycopg

        pause, first = RETRY_FIRST, True
        while not self._stopping.is_set():
            try:
                connection: Any = psycopg.connect(
                    self.url,
                    autocommit=True,
                    connect_timeout=10,
                    application_name="flowdeck listen",
                    keepalives_idle=10,
                    keepalives_interval=5,
                    keepalives_count=3,
                )
            except psycopg.Error as error:
                if pause == RETRY_FIRST:
                    log.warning("notifications can't be heard: %s", str(error).strip().splitlines()[-1:])
                self._stopping.wait(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, RETRY_LAST)
                continue
            try:
                for name in self.channels:
                    connection.execute(f"listen {name}")  # a checked name
                pause = RETRY_FIRST
                self.connected.set()
                if not first:
                    self._call(self._on_gap)
                first = False
                self._hear(connection)
            except psycopg.Error as error:
                log.warning("the listening connection broke: %s", str(error).strip().splitlines()[-1:])
            finally:
                self.connected.clear()
                with contextlib.suppress(psycopg.Error):
                    connection.close()

    def _hear(self, connection: Any) -> None:
        """Until the connection breaks (`psycopg.Error`) or `stop`."""
        probed = time.monotonic()
        raw = connection.pgconn
        while not self._stopping.is_set():
            self._deliver(raw)
            readable, _, _ = select.select([raw.socket, self._wake_read], [], [], PROBE_SECONDS)
            if self._wake_read in readable:
                return
            if readable:
                raw.consume_input()
            if not readable or time.monotonic() - probed > PROBE_SECONDS:
                connection.execute("select 1")
                probed = time.monotonic()

    def _deliver(self, raw: Any) -> None:
        while (notice := raw.notifies()) is not None:
            self._call(self._on_notify, notice.relname.decode(), notice.extra.decode())

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        try:
            function(*args)
        except Exception:
            log.exception("a notification was not taken")


def notify(tx: Tx, channel: str, payload: str = "") -> None:
    """Tell all listeners of a channel, once the open transaction commits; on SQLite nothing listens.

    Raises:
        ValueError: the payload has more than 7,999 bytes.
    """
    if tx.dialect != "postgresql":
        return
    if len(payload.encode()) > PAYLOAD_BYTES:
        raise ValueError("a notification's payload may have 7999 bytes")
    tx.send("select pg_notify(?, ?)", [(channel, payload)])
