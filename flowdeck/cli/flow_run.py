"""`flowdeck flow run` and `flow test`: run a flow with nothing started before; the exit status is its state."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowdeck.cli.flow_remote import YAML, source
from flowdeck.cli.remote import Remote, show

READY_SECONDS = 60.0
ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"})
GOOD = frozenset({"SUCCESS", "WARNING"})


def register(commands: Any) -> None:
    """Add the commands to `flow`."""
    for name, told in (
        ("run", "run a flow here, without a server"),
        ("test", "the same, with inputs as words: input value input value …"),
    ):
        parser = commands.add_parser(name, help=told)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("inputs", metavar="INPUT", nargs="*", help="name=value, or name and value in turn")
        parser.add_argument(
            "--with", dest="others", action="append", default=[], metavar="FILE", help="subflows it calls"
        )
        parser.add_argument("--output", choices=("text", "json"), default="text")
        parser.set_defaults(run=run)


def pairs(words: list[str]) -> dict[str, str]:
    """Inputs from `name=value` words, or from names and values in turn; `ValueError` for a value without name."""
    if words and all("=" in word for word in words):
        return dict(word.split("=", 1) for word in words)
    if len(words) % 2:
        raise ValueError(f"input '{words[-1]}' has no value")
    return dict(zip(words[::2], words[1::2], strict=True))


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@contextlib.contextmanager
def _instance(options: argparse.Namespace) -> Iterator[Remote]:
    """A server of its own in a temporary folder, gone afterwards; secrets and configuration are the caller's."""
    port, management = _free_ports()
    password = f"A1{secrets.token_hex(12)}"
    with tempfile.TemporaryDirectory(prefix="flowdeck-run-") as folder:
        environment = {
            **os.environ,
            "FLOWDECK_HOME": folder,
            "FLOWDECK_PORT": str(port),
            "FLOWDECK_MANAGEMENT_PORT": str(management),
            "FLOWDECK_CONSOLE_ENABLED": "false",
            "KESTRA_SERVER_BASIC_AUTH_USERNAME": "run@flowdeck.local",
            "KESTRA_SERVER_BASIC_AUTH_PASSWORD": password,
        }
        words = [sys.executable, "-m", "flowdeck"]
        for file in options.config:
            words += ["--config", str(Path(file).absolute())]
        out = Path(folder) / "server.out"
        with out.open("wb") as sink:
            server = subprocess.Popen(
                [*words, "server", "standalone"], env=environment, stdout=sink, stderr=sink, start_new_session=True
            )
        try:
            asked = argparse.Namespace(
                server=f"http://127.0.0.1:{port}",
                user=f"run@flowdeck.local:{password}",
                api_token=None,
                tenant="main",
                headers=[],
            )
            with Remote(asked) as remote:
                until = time.monotonic() + READY_SECONDS
                while True:
                    with contextlib.suppress(ValueError):
                        remote.call("GET", "flows", "search", params={"size": "1"})
                        break
                    if server.poll() is not None or time.monotonic() > until:
                        raise ValueError(f"the engine did not start:\n{out.read_text(errors='replace')[-2000:]}")
                    time.sleep(0.05)
                yield remote
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def run(options: argparse.Namespace) -> int:
    """Save, execute, print log lines as they come, end with the state: 0 for SUCCESS and WARNING, else 1."""
    given = pairs(options.inputs)
    texts = [source(file) for file in (*options.others, options.file)]
    with _instance(options) as remote:
        flow: Any = None
        for text in texts:
            flow = remote.call("POST", "flows", content=text, headers=YAML).json()
        parts: dict[str, Any] = {
            name: (Path(value[1:]).name, Path(value[1:]).read_bytes()) if value.startswith("@") else (None, value)
            for name, value in given.items()
        }
        made = remote.call("POST", "executions", flow["namespace"], flow["id"], files=parts or None).json()
        seen = 0
        while True:
            document = remote.call("GET", "executions", made["id"]).json()
            lines = remote.call("GET", "logs", made["id"]).json()
            if options.output == "text":
                for line in lines[seen:]:
                    print(
                        f"{line['timestamp']} {line['level']:5} {line.get('taskId') or '-'}: {line['message']}",
                        flush=True,
                    )
            seen = len(lines)
            state = document["state"]["current"]
            if state in ENDED:
                break
            if state == "PAUSED" and not any(r["state"]["current"] == "RUNNING" for r in document["taskRunList"]):
                print("flowdeck: the execution is paused; nobody resumes it here", file=sys.stderr)
                break
            time.sleep(0.1)
    outputs = document.get("outputs") or {}
    text = "\n".join([f"{flow['namespace']}.{flow['id']} {state}", *(f"  {k}: {v}" for k, v in outputs.items())])
    show(options, {"state": state, "outputs": outputs, "execution": document}, text)
    return 0 if state in GOOD else 1
