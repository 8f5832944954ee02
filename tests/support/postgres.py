"""A private PostgreSQL for tests: one a test run, on a unix socket, a database of its own for whoever asks."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from flowdeck.store.driver import StoreError, open_database

BIN = Path(os.environ.get("FLOWDECK_TEST_POSTGRES_BIN") or "/usr/lib/postgresql/15/bin")
PORT = "18390"
"""Only names the socket's file: nothing listens on TCP."""


class PostgresMissing(Exception):
    """There is no PostgreSQL to run tests on; the message says why."""


class Postgres:
    """A cluster in a temporary folder; `start`, `database`, `stop`."""

    def __init__(self, settings: Sequence[str] = ()) -> None:
        self.settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="fdpg-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        root = os.getuid() == 0
        self.own()
        user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if root else []
        self._as = ["setpriv", *user] if root else []
        self._die_with_us = ["setpriv", *user, "--pdeathsig", "INT"]

    def own(self) -> None:
        """Give the folder to the user that the server runs as."""
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    def url(self, name: str = "postgres") -> str:
        """URL of a database."""
        return f"postgresql://flowdeck@/{name}?host={self.folder}&port={PORT}"

    def create(self) -> Postgres:
        """Make the files; `PostgresMissing` when that fails."""
        if not (BIN / "initdb").exists():
            raise PostgresMissing("PostgreSQL is not installed")
        words = ["-D", str(self.folder / "data"), "-A", "trust", "-U", "flowdeck", "-N", "-E", "UTF8"]
        done = subprocess.run(
            [*self._as, str(BIN / "initdb"), *words], capture_output=True, text=True, timeout=60, cwd="/", check=False
        )
        if done.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise PostgresMissing(f"PostgreSQL can't be set up: {done.stderr.strip().splitlines()[-1:]}")
        return self

    def follow(self, primary: Postgres, name: str) -> Postgres:
        """Make the files as a copy of a running server, which this one follows as the standby `name`."""
        told = f"host={primary.folder} port={PORT} user=flowdeck application_name={name}"
        words = ["-D", str(self.folder / "data"), "-d", told, "-R", "-X", "stream", "-c", "fast", "-N"]
        done = subprocess.run(
            [*self._as, str(BIN / "pg_basebackup"), *words],
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self

    def promote(self) -> None:
        """Let a standby take over; waits until it takes writes."""
        words = ["-D", str(self.folder / "data"), "-w", "-t", "20", "promote"]
        done = subprocess.run([*self._as, str(BIN / "pg_ctl"), *words], capture_output=True, cwd="/", check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self) -> None:
        """`kill -9` of the server with all its processes, as the end of a machine."""
        assert self.process is not None
        head = psutil.Process(self.process.pid)
        family = [head, *head.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.process.wait(10)
        self.process = None

    def start(self, *, seconds: float = 30.0) -> Postgres:
        """Start the server and wait for it; it flushes to disk only when `FLOWDECK_TEST_POSTGRES_FLUSH` is set."""
        words = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-p", PORT, "-h", ""]
        if not os.environ.get("FLOWDECK_TEST_POSTGRES_FLUSH"):
            words.append("-F")
        with (self.folder / "server.log").open("ab") as out:
            self.process = subprocess.Popen(
                [*self._die_with_us, str(BIN / "postgres"), *words, "-c", "max_connections=300", *self._told()],
                stdout=out,
                stderr=out,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        probe = [str(BIN / "pg_isready"), "-q", "-h", str(self.folder), "-p", PORT]
        while subprocess.run(probe, check=False).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"PostgreSQL did not start:\n{(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def _told(self) -> list[str]:
        return [word for setting in self.settings for word in ("-c", setting)]

    def stop(self, how: str = "fast") -> None:
        """Stop the server: `smart`, `fast` or `immediate` (as a crash would)."""
        if self.process is not None and self.process.poll() is None:
            words = ["-D", str(self.folder / "data"), "-m", how, "-w", "stop"]
            subprocess.run([*self._as, str(BIN / "pg_ctl"), *words], capture_output=True, cwd="/", check=False)
            self.process.wait(20)
        self.process = None

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str) -> str:
        """URL of a database, which is made when it does not exist."""
        make_database(self.url(), name)
        return self.url(name)


def make_database(admin: str, name: str) -> None:
    """Make an empty database unless it exists; `admin` is the URL of another one on that server."""
    writer = open_database(admin).writer()
    try:
        writer._link.run(f"create database {name}", ())
    except StoreError as error:
        if "already exists" not in str(error):
            raise
    finally:
        writer.close()


_shared: list[Postgres] = []


def shared() -> Postgres:
    """The one server of this test run, started on first use and removed at its end."""
    if not _shared:
        server = Postgres().create()
        atexit.register(server.remove)
        _shared.append(server.start())
    return _shared[0]


def database_for_tests(name: str) -> str | None:
    """URL of the database that `FLOWDECK_TEST_DATABASE` asks for; None = SQLite.

    `postgres` means a private server; anything else is the URL of a database on a server where others may be made.
    """
    told = os.environ.get("FLOWDECK_TEST_DATABASE")
    if not told or told == "sqlite":
        return None
    if told == "postgres":
        return shared().database(name)
    make_database(told, name)
    parts = urlsplit(told)
    return urlunsplit(parts._replace(path=f"/{name}"))
