"""A network cable between a worker and the engine that tests can cut (quality.md §2.3 row 17).

`Namespace`: the worker lives in a network namespace of its own, joined to ours by a pair of virtual devices. Packets
are lost by addressing them to a card that does not exist: nobody is told, as with a cable that is pulled.
`Proxy`: where namespaces are not allowed, a program that hands bytes on, or does not.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import threading
import uuid
from typing import Protocol

from tests.support.server import free_port

NOBODY = "02:00:00:00:00:99"
"""A hardware address that no device has."""


class CableMissing(Exception):
    """This kind of cable can't be laid here; the message says why."""


class Cable(Protocol):
    """What both kinds can do."""

    listen: str
    """Where the engine listens, `host:port`."""
    connect: str
    """Where the worker connects, `host:port`."""
    prefix: list[str]
    """What stands before the worker's command."""

    def drop(self, *, up: bool = True, down: bool = True) -> None:
        """Lose what the worker sends (`up`), what it is sent (`down`), or both; nobody hears of it."""
        ...

    def reset(self) -> None:
        """Break all connections at once; new ones are possible."""
        ...

    def heal(self) -> None:
        """Carry everything again."""
        ...

    def close(self) -> None:
        """Take it away."""
        ...


def _ip(*words: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10, check=False)
    if check and done.returncode:
        raise CableMissing(f"ip {' '.join(words)}: {done.stderr.strip() or 'failed'}")
    return done.stdout


class Namespace:
    """A namespace with one device; needs the right to make network namespaces, and iproute2."""

    def __init__(self) -> None:
        short = uuid.uuid4().hex[:6]
        self.name, self._near, self._far = f"fd{short}", f"fdn{short}", f"fdf{short}"
        net = f"10.{200 + int(short[:2], 16) % 50}.{int(short[2:4], 16)}"
        self._engine, self._worker = f"{net}.1", f"{net}.2"
        port = free_port()
        self.listen = self.connect = f"{self._engine}:{port}"
        self.prefix = ["ip", "netns", "exec", self.name]
        try:
            _ip("netns", "add", self.name)
            _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self.name)
            _ip("addr", "add", f"{self._engine}/30", "dev", self._near)
            _ip("link", "set", self._near, "up")
            inside = ("-n", self.name)
            _ip(*inside, "addr", "add", f"{self._worker}/30", "dev", self._far)
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "link", "set", self._far, "up")
            self._cards = {True: self._card((), self._near), False: self._card(inside, self._far)}
        except (CableMissing, OSError) as error:
            self.close()
            raise CableMissing(f"network namespaces are not allowed: {error}") from error
        self.heal()

    @staticmethod
    def _card(inside: tuple[str, ...], device: str) -> str:
        words = _ip(*inside, "-o", "link", "show", "dev", device).split()
        return words[words.index("link/ether") + 1]

    def _aim(self, *, near: str, far: str) -> None:
        """Set to which cards packets for the engine (`near`) and for the worker (`far`) go."""
        told = ("nud", "permanent")
        _ip("-n", self.name, "neigh", "replace", self._engine, "lladdr", near, "dev", self._far, *told)
        _ip("neigh", "replace", self._worker, "lladdr", far, "dev", self._near, *told)

    def drop(self, *, up: bool = True, down: bool = True) -> None:
        self._aim(near=NOBODY if up else self._cards[True], far=NOBODY if down else self._cards[False])

    def reset(self) -> None:
        port = self.listen.rpartition(":")[2]
        subprocess.run(
            ["ip", "netns", "exec", self.name, "ss", "-K", "dport", "=", port],
            capture_output=True,
            timeout=10,
            check=True,
        )

    def heal(self) -> None:
        self._aim(near=self._cards[True], far=self._cards[False])

    def close(self) -> None:
        with contextlib.suppress(OSError):
            _ip("link", "del", self._near, check=False)
            _ip("netns", "del", self.name, check=False)


class Proxy:
    """Hands bytes on between a port of its own and the engine's; a thread a direction."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.listen = f"127.0.0.1:{free_port()}"
        self.connect = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.prefix: list[str] = []
        self._up = threading.Event()
        self._down = threading.Event()
        self._resets = 0
        self._over = threading.Event()
        self.heal()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        host, _, port = self.listen.rpartition(":")
        while not self._over.is_set():
            try:
                worker, _ = self._server.accept()
            except OSError:  # a time-out, too
                continue
            try:
                engine = socket.create_connection((host, int(port)), timeout=2)
            except OSError:
                worker.close()
                continue
            for one in (worker, engine):
                one.settimeout(0.05)
            now = self._resets
            for source, target, way in ((worker, engine, self._up), (engine, worker, self._down)):
                threading.Thread(target=self._hand_on, args=(source, target, way, now), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, way: threading.Event, resets: int) -> None:
        data = b""
        with contextlib.suppress(OSError):
            while resets == self._resets and not self._over.is_set():
                if not way.wait(0.05):
                    continue
                with contextlib.suppress(TimeoutError):
                    data = data or source.recv(65536)
                    if not data:
                        break
                    if way.is_set():
                        data = data[target.send(data) :]
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()

    def drop(self, *, up: bool = True, down: bool = True) -> None:
        for way, lost in ((self._up, up), (self._down, down)):
            (way.clear if lost else way.set)()

    def reset(self) -> None:
        self._resets += 1

    def heal(self) -> None:
        self.drop(up=False, down=False)

    def close(self) -> None:
        self._over.set()
        self._server.close()


def lay(kind: str) -> Cable:
    """A cable, `namespace` or `proxy`; `CableMissing` where it can't be."""
    if kind == "proxy":
        return Proxy()
    if os.uname().sysname != "Linux":
        raise CableMissing("network namespaces are a matter of Linux")
    return Namespace()
