"""A real cluster for tests: components as processes over one PostgreSQL and one home folder."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from flowdeck.store.driver import Database, open_database
from tests.support.server import Server, eventually, free_port


@dataclass
class Component:
    """A started component with its supervisor; `core` is the process that does the work."""

    name: str
    process: subprocess.Popen[bytes]
    management_port: int

    def children(self, role: str) -> list[psutil.Process]:
        """Child processes named `core`, `web` or `worker`."""
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):
                    if role in child.cmdline():
                        found.append(child)
        return found

    def kill(self) -> None:
        """`kill -9` of the whole component, supervisor first so that nothing is started again."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def signal_child(self, role: str, number: int) -> int:
        """Send a signal to a child; answers its process id."""
        (child,) = eventually(lambda: self.children(role), what=f"{role} of {self.name}")
        child.send_signal(number)
        return child.pid

    def stop(self, seconds: float = 15.0) -> None:
        """Ask politely, then kill."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()


@dataclass
class Cluster:
    """Executors, schedulers, workers and a web server over the database at `url`."""

    home: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    components: list[Component] = field(default_factory=list)
    prefix: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.web = Server(self.home)
        self.database: Database = open_database(self.url)

    def start(self, name: str) -> Component:
        """Start one more component; does not wait for it."""
        command = shlex.split(os.environ.get("FLOWDECK_TEST_COMMAND", "")) or [sys.executable, "-m", "flowdeck"]
        port = self.web.management_port if name == "webserver" else free_port()
        environment = {
            **os.environ,
            "FLOWDECK_HOME": str(self.home),
            "FLOWDECK_PORT": str(self.web.port),
            "FLOWDECK_MANAGEMENT_PORT": str(port),
            "KESTRA_REPOSITORY_TYPE": "postgres",
            "KESTRA_QUEUE_TYPE": "postgres",
            "DATASOURCES_POSTGRES_URL": self.url,
            **self.environment,
        }
        with (self.home / "server.out").open("ab") as out:
            process = subprocess.Popen(
                [*self.prefix, *command, "server", name],
                env=environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        component = Component(name, process, port)
        self.components.append(component)
        if name == "webserver":
            self.web.process = process
        return component

    def ready(self, component: Component, *, seconds: float = 90.0) -> Component:
        """Wait until a component's readiness is green."""

        def probe() -> bool:
            assert component.process.poll() is None, f"{component.name} ended:\n{self.web.output()}"
            with contextlib.suppress(OSError):
                path = "/health/readiness"
                return self.web.call("GET", path, port=component.management_port, auth=False).status == 200
            return False

        try:
            eventually(probe, seconds=seconds, what=f"readiness of {component.name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.web.output()}") from error
        return component

    def start_all(self, *names: str) -> list[Component]:
        """Start components, wait for all, make the first account."""
        made = [self.start(name) for name in names]
        for component in made:
            self.ready(component)
        web = self.web
        if "webserver" in names and not web.call("GET", "/api/v1/configs", auth=False).json["isBasicAuthInitialized"]:
            body = {"username": web.username, "password": web.password}
            assert web.call("POST", "/api/v1/main/basicAuth", json_body=body, auth=False).status == 204
        return made

    def value(self, text: str, *params: Any) -> Any:
        """First value of a query."""
        with self.database.reader() as reader:
            return reader.value(text, *params)

    def rows(self, text: str, *params: Any) -> list[Any]:
        """Rows of a query."""
        with self.database.reader() as reader:
            return [tuple(row) for row in reader.all(text, *params)]

    def until(self, text: str, wanted: Any, *params: Any, seconds: float = 60.0) -> None:
        """Wait until a query answers a value."""
        seen: list[Any] = []

        def probe() -> bool:
            seen[:] = [self.value(text, *params)]
            return seen[0] == wanted

        try:
            eventually(probe, seconds=seconds, what=text)
        except AssertionError as error:
            raise AssertionError(f"{error}; wanted {wanted!r}, saw {seen}\n{self.web.output()}") from error

    def close(self) -> None:
        """End everything."""
        for component in self.components:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                for child in psutil.Process(component.process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        child.send_signal(signal.SIGCONT)
        started = time.monotonic()
        for component in self.components:
            component.stop(max(0.1, 10 - (time.monotonic() - started)))
        self.database.close()
