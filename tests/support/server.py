"""A real flowdeck for tests: the command, its processes, a home of its own, free ports."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.postgres import database_for_tests

USERNAME = "admin@example.com"
PASSWORD = "Flowdeck1"
TERMINAL = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"})


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(probe: Any, *, seconds: float = 15.0, what: str = "condition") -> Any:
    """Call `probe` until it answers something true; AssertionError names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not reached within {seconds} s, last answer {answer!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when empty."""
        return json.loads(self.body) if self.body else None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


@dataclass
class Server:
    """`flowdeck server standalone` with a home and ports of its own."""

    home: Path
    port: int = field(default_factory=free_port)
    management_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    username: str = USERNAME
    password: str = PASSWORD
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of API and console."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        """Where its rows are."""
        return self._database().get("DATASOURCES_POSTGRES_URL") or f"sqlite:///{self.home / 'flowdeck.db'}"

    def start(self, *, seconds: float = 90.0, setup: bool = True) -> Server:
        """Start the command and wait until it is ready; `setup` creates the first account when there is none."""
        command = shlex.split(os.environ.get("FLOWDECK_TEST_COMMAND", "")) or [sys.executable, "-m", "flowdeck"]
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "server.out").open("ab") as out:
            self.process = subprocess.Popen(
                [*command, "server", "standalone"], env=self.variables(), stdout=out, stderr=out, start_new_session=True
            )
        self.wait_ready(seconds=seconds)
        if setup and not self.call("GET", "/api/v1/configs", auth=False).json.get("isBasicAuthInitialized"):
            body = {"username": self.username, "password": self.password}
            assert self.call("POST", "/api/v1/main/basicAuth", json_body=body, auth=False).status == 204
        return self

    def variables(self) -> dict[str, str]:
        """The environment of the command, also for further components of the same instance."""
        return {
            **os.environ,
            "FLOWDECK_HOME": str(self.home),
            "FLOWDECK_PORT": str(self.port),
            "FLOWDECK_MANAGEMENT_PORT": str(self.management_port),
            **self._database(),
            **self.environment,
        }

    @property
    def clustered(self) -> bool:
        """Whether the rows are in a PostgreSQL."""
        return bool(self._database())

    def _database(self) -> dict[str, str]:
        """Settings of the database that `FLOWDECK_TEST_DATABASE` asks for: one a home, also over restarts."""
        url = database_for_tests("home_" + hashlib.sha256(str(self.home).encode()).hexdigest()[:16])
        if url is None:
            return {}
        return {
            "KESTRA_REPOSITORY_TYPE": "postgres",
            "KESTRA_QUEUE_TYPE": "postgres",
            "DATASOURCES_POSTGRES_URL": url,
        }

    def wait_ready(self, *, seconds: float = 90.0) -> None:
        """Until readiness is green; AssertionError shows the server's output."""

        def ready() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"server ended with {self.process.returncode}:\n{self.output()}")
            with contextlib.suppress(OSError):
                if self.call("GET", "/health/readiness", port=self.management_port, auth=False).status != 200:
                    return False
                return self.call("GET", "/api/v1/configs", auth=False).status == 200
            return False

        try:
            eventually(ready, seconds=seconds, what="readiness")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from error

    def output(self) -> str:
        """What the command printed, last 4 kB."""
        return (self.home / "server.out").read_text(errors="replace")[-4000:]

    def pids(self, role: str) -> list[int]:
        """Process ids of the children named `core`, `web` or `worker`."""
        assert self.process is not None
        import psutil

        found: list[int] = []
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children(recursive=False):
                with contextlib.suppress(psutil.Error):
                    if role in " ".join(child.cmdline()).split():
                        found.append(child.pid)
        return found

    def stop(self, *, seconds: float = 15.0) -> None:
        """Ask politely, then kill the whole session."""
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.process = None

    def discard(self) -> None:
        """The end of a test module: what still runs is not waited for."""
        self.stop(seconds=4.0)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | str | None = None,
        json_body: Any = None,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
        auth: bool = True,
        port: int | None = None,
        seconds: float = 30.0,
    ) -> Answer:
        """One request; statuses above 399 are answers too, only transport failures raise OSError."""
        sent = dict(headers or {})
        if json_body is not None:
            body, content_type = json.dumps(json_body), "application/json"
        if isinstance(body, str):
            body = body.encode()
        if content_type:
            sent["Content-Type"] = content_type
        if auth:
            sent["Authorization"] = "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    # ---- the few calls that nearly every test needs -------------------------------------------------------------

    def save_flow(self, source: str) -> Any:
        """Create the flow, or update it when it exists; the parsed answer."""
        answer = self.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml")
        if answer.status == 422 and "already exists" in answer.text:
            import yaml

            flow = yaml.safe_load(source)
            path = f"/api/v1/main/flows/{flow['namespace']}/{flow['id']}"
            answer = self.call("PUT", path, body=source, content_type="application/x-yaml")
        assert answer.status == 200, answer.text
        return answer.json

    def execute(self, namespace: str, flow: str, inputs: dict[str, Any] | None = None, *, query: str = "") -> Any:
        """Create an execution with text inputs (bytes become uploads); the parsed answer."""
        body, content_type = multipart(inputs) if inputs else (None, None)
        path = f"/api/v1/main/executions/{namespace}/{flow}{query}"
        answer = self.call("POST", path, body=body, content_type=content_type)
        assert answer.status == 200, answer.text
        return answer.json

    def execution(self, execution_id: str) -> Any:
        """The execution's document."""
        answer = self.call("GET", f"/api/v1/main/executions/{execution_id}")
        assert answer.status == 200, answer.text
        return answer.json

    def finished(self, execution_id: str, *, seconds: float = 30.0) -> Any:
        """Wait for a terminal state; the final document."""

        def probe() -> Any:
            document = self.execution(execution_id)
            return document if document["state"]["current"] in TERMINAL else None

        return eventually(probe, seconds=seconds, what=f"end of execution {execution_id}")

    def run(self, source: str, inputs: dict[str, Any] | None = None, *, seconds: float = 30.0) -> Any:
        """Save, execute, wait; the final document."""
        flow = self.save_flow(source)
        return self.finished(self.execute(flow["namespace"], flow["id"], inputs)["id"], seconds=seconds)

    def logs(self, execution_id: str) -> list[Any]:
        """All log entries of an execution."""
        answer = self.call("GET", f"/api/v1/main/logs/{execution_id}")
        assert answer.status == 200, answer.text
        return answer.json


def multipart(values: dict[str, Any]) -> tuple[bytes, str]:
    """A multipart body: text parts, and bytes as uploads named like their input."""
    boundary = "flowdeck-test-boundary"
    out = bytearray()
    for name, value in values.items():
        out += f"--{boundary}\r\n".encode()
        if isinstance(value, bytes):
            out += f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode()
            out += value
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            out += f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()
        out += b"\r\n"
    out += f"--{boundary}--\r\n".encode()
    return bytes(out), f"multipart/form-data; boundary={boundary}"


@contextlib.contextmanager
def running_server(home: Path, **environment: str) -> Iterator[Server]:
    """A started server that is stopped at the end, whatever happens."""
    server = Server(home, environment=environment)
    try:
        yield server.start()
    finally:
        server.discard()
