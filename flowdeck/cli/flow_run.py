"""`flowdeck flow run` and `flow test`: run a flow with nothing started before; the exit status is its state."""

from __future__ import annotations

import argparse
import base64
import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowdeck.cli.following import add_inputs, create, finish, follow, inputs_of, save_files, span_seconds, wait
from flowdeck.cli.parsing import LEVELS, Usage, add_output, words_of
from flowdeck.cli.server import LOCAL

READY_SECONDS = 60.0
KILL_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


def register(below: Any) -> None:
    """Add the commands to `flow`."""
    for name, told in (
        ("run", "run a flow here, without a server"),
        ("test", "the same; inputs are words: input value input value …"),
    ):
        parser = below.add_parser(
            name,
            help=told,
            description="Run a flow in an instance of its own that is gone afterwards. Exit status 0: the execution "
            "ended as SUCCESS or WARNING; 1: in any other state, or the flow is not valid.",
        )
        parser.add_argument("file", metavar="FILE")
        add_inputs(parser)
        parser.add_argument(
            "--with", dest="others", action="append", default=[], metavar="FILE", help="a flow that it calls"
        )
        parser.add_argument("--files", metavar="FOLDER", help="namespace files of the flow's namespace")
        parser.add_argument(
            "--kv", action="append", default=[], metavar="KEY=VALUE", help="a KV pair of its namespace; JSON or a text"
        )
        parser.add_argument(
            "--secret",
            action="append",
            default=[],
            metavar="NAME[=VALUE]",
            help="a secret; without VALUE that of the environment",
        )
        parser.add_argument("--timeout", metavar="SPAN", help="seconds, or PT5M; then it is killed")
        parser.add_argument("-q", "--quiet", action="store_true", help="no log lines")
        parser.add_argument("--min-level", type=str.upper, choices=LEVELS, default="TRACE", help="of log lines")
        add_output(parser)
        parser.set_defaults(run=run)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _environment(folder: str, ports: tuple[int, int], password: str, values: Mapping[str, str]) -> dict[str, str]:
    hidden = {f"SECRET_{name.upper()}": base64.b64encode(text.encode()).decode() for name, text in values.items()}
    return {
        **os.environ,
        **hidden,
        "FLOWDECK_HOME": folder,
        "FLOWDECK_PORT": str(ports[0]),
        "FLOWDECK_MANAGEMENT_PORT": str(ports[1]),
        "FLOWDECK_CONSOLE_ENABLED": "false",
        # Whatever the configuration says: never another instance's rows and files.
        **LOCAL,
        "KESTRA_STORAGE_LOCAL_BASE_PATH": str(Path(folder) / "storage"),
        "KESTRA_TUTORIAL_FLOWS_ENABLED": "false",
        "KESTRA_SERVER_BASIC_AUTH_USERNAME": "run@flowdeck.local",
        "KESTRA_SERVER_BASIC_AUTH_PASSWORD": password,
    }


@contextlib.contextmanager
def instance(options: argparse.Namespace, hidden: Mapping[str, str]) -> Iterator[Any]:
    """A server of its own in a temporary folder, gone afterwards; secrets and configuration are the caller's."""
    from flowdeck.cli.options import repeated
    from flowdeck.cli.remote import Remote

    ports = _free_ports()
    password = f"A1{secrets.token_hex(12)}"
    plugins = os.environ.get("KESTRA_PLUGINS_PATH") or str(_plugins(options))
    with tempfile.TemporaryDirectory(prefix="flowdeck-run-", ignore_cleanup_errors=True) as folder:
        environment = {**_environment(folder, ports, password, hidden), "KESTRA_PLUGINS_PATH": plugins}
        asked = argparse.Namespace(**{**vars(options), "home": None})
        words = [sys.executable, "-m", "flowdeck", *repeated(asked), "server", "standalone"]
        out = Path(folder) / "server.out"
        with out.open("wb") as sink:
            server = subprocess.Popen(
                words, env=environment, stdout=sink, stderr=sink, start_new_session=True, preexec_fn=_die_with_us
            )
        try:
            flags = argparse.Namespace(
                server=f"http://127.0.0.1:{ports[0]}",
                user=f"run@flowdeck.local:{password}",
                api_token=None,
                tenant="main",
                headers=[],
            )
            with Remote(flags) as remote:
                _wait_ready(remote, server, out)
                yield remote
        finally:
            _stop(server)


def _die_with_us() -> None:
    """In the new process: end when the command does, however it ends (Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@contextlib.contextmanager
def _ended_politely() -> Iterator[None]:
    """A request to end is taken as an interrupt, so that what was started is cleaned away."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, interrupt) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _plugins(options: argparse.Namespace) -> Path:
    from flowdeck.cli.plugin_folder import folder_of

    return folder_of(options.plugins, options.home)


def _wait_ready(remote: Any, server: subprocess.Popen[bytes], out: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(ValueError):
            remote.call("GET", "flows", "search", params={"size": "1"})
            return
        if server.poll() is not None or time.monotonic() > until:
            raise ValueError(f"the engine did not start:\n{out.read_text(errors='replace')[-2000:]}")
        time.sleep(0.03)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End all processes: what ran has ended or was killed, and nothing of the instance is kept."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def checked(file: str) -> tuple[str, Any]:
    """The source of a file, and its flow; `ValueError` places what is wrong in it."""
    from flowdeck.cli.flow import source
    from flowdeck.model.source import parse_flow
    from flowdeck.sdk.index import load_catalog

    text = source(file)
    parsed = parse_flow(text, load_catalog())
    if parsed.flow is None:
        told = [
            f"{file}:{one.line}:{one.column}: {f'{one.path}: ' if one.path else ''}{one.message}"
            for one in parsed.findings
            if str(one.severity) == "error"
        ]
        raise ValueError("the flow is not valid\n" + "\n".join(told))
    return text, parsed.flow


def check_inputs(flow: Any, given: Mapping[str, str]) -> None:
    """Say before anything starts what is wrong with the inputs that were given; the rest the engine checks.

    Raises:
        ValueError: one line an input.
    """
    from flowdeck.model.input_values import Upload
    from flowdeck.model.inputs import resolve_inputs

    files = {name: Path(value[1:]) for name, value in given.items() if value.startswith("@")}
    for name, path in files.items():
        if not path.is_file():
            raise ValueError(f"input '{name}': {path}: no such file")
    uploads = {name: Upload("kestra:///upload", path.name, path.stat().st_size) for name, path in files.items()}
    texts = {name: value for name, value in given.items() if name not in files}
    found = resolve_inputs(flow, texts, files=uploads, encrypt=lambda value: value)
    wrong = [one.message for one in found.errors if one.input in given]
    if wrong:
        raise ValueError("\n".join(wrong))
    known = {one["input"]["id"] for one in found.details}
    for name in given:
        if name not in known and not any(one.startswith(f"{name}.") for one in known):
            print(f"flowdeck: the flow has no input '{name}'", file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    """Save, execute, print log lines as they come, end with the state: 0 for SUCCESS and WARNING, else 1."""
    given = inputs_of(options)
    seconds = span_seconds(options.timeout, "--timeout")
    hidden, values = _secrets(options.secret), words_of(options.kv, "--kv")
    sources = [checked(file) for file in (*options.others, options.file)]
    check_inputs(sources[-1][1], given)
    files = _files(options.files)
    with _ended_politely(), instance(options, hidden) as remote:
        flow: Any = None
        for text, _ in sources:
            flow = remote.call(
                "POST", "flows", content=text.encode(), headers={"Content-Type": "application/x-yaml"}
            ).json()
        namespace = flow["namespace"]
        for path, file in files.items():
            with file.open("rb") as content:
                body = {"fileContent": (file.name, content)}
                remote.call("POST", "namespaces", namespace, "files", params={"path": path}, files=body)
        for key, value in values.items():
            body = {"content": _wire(value).encode(), "headers": {"Content-Type": "text/plain"}}
            remote.call("PUT", "namespaces", namespace, "kv", key, **body)
        labels = [f"{key}:{value}" for key, value in words_of(options.label, "--label").items()]
        made = create(remote, namespace, flow["id"], given, labels=labels)
        try:
            document = follow(
                options,
                remote,
                made["id"],
                seconds=seconds,
                quiet=options.quiet,
                level=options.min_level,
                paused=True,
            )
        except (TimeoutError, KeyboardInterrupt) as error:
            with contextlib.suppress(ValueError, TimeoutError):
                remote.call("DELETE", "executions", made["id"], "kill")
                wait(remote, made["id"], seconds=KILL_SECONDS)  # its processes shall not outlive it
            if isinstance(error, KeyboardInterrupt):
                raise
            raise ValueError(str(error)) from None
        if document["state"]["current"] == "PAUSED":
            print("flowdeck: the execution is paused; nobody resumes it here", file=sys.stderr)
        saved = save_files(remote, document, Path(options.save)) if options.save else None
        return finish(options, document, saved)


def _secrets(pairs: list[str]) -> dict[str, str]:
    """Secrets by name; a name alone takes the variable's value, which no list of processes shows."""
    for name in pairs:
        if "=" not in name and name not in os.environ:
            raise Usage(f"--secret {name}: there is no such variable")
    return words_of([one if "=" in one else f"{one}={os.environ[one]}" for one in pairs], "--secret")


def _wire(value: str) -> str:
    """A pair's value as the API takes it: what is JSON stays, everything else is a text."""
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value)
    return value


def _files(folder: str | None) -> dict[str, Path]:
    """Paths of namespace files by what they shall be called."""
    if folder is None:
        return {}
    from flowdeck.cli.ignore import chosen

    root = Path(folder)
    if not root.is_dir():
        raise Usage(f"--files {root}: a folder is expected")
    return {f"/{path.relative_to(root).as_posix()}": path for path in chosen(root)}
