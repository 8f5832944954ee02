"""Basic credentials: set-up, verification with argon2id, the short cache, the throttle (spec: REST contract §2)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from flowdeck.config.accounts import NAME as ACCOUNTS
from flowdeck.config.passwords import violations
from flowdeck.model.errors import DomainError, IllegalArgument, IllegalState, TooMany, Unavailable
from flowdeck.services.access import EVERYTHING, Grants, of_role
from flowdeck.services.backend import Backend

log = logging.getLogger("flowdeck.api")

SETTING = "kestra.server.basic-auth"
CACHE_SECONDS = 60.0
PARALLEL = 2
QUEUED = 16
FAILURES = 10
WINDOW_SECONDS = 60.0


class InvalidCredentials(DomainError):
    """Credentials sent by the set-up page break the rules; the message joins all of them."""

    status, reason = 400, ""


def password_rules(rule: str | None = None) -> list[dict[str, str]]:
    """The rules of `violations` for a form that checks while somebody types: words, and a pattern to look for."""
    if rule is not None:
        return [{"text": "the rule of this server", "pattern": f"^(?:{rule})$"}]
    return [
        {"text": "8 characters", "pattern": "^.{8,256}$"},
        {"text": "upper and lower case", "pattern": "[a-z].*[A-Z]|[A-Z].*[a-z]"},
        {"text": "a digit", "pattern": "[0-9]"},
        {"text": "no blank at either end", "pattern": r"^\S(.*\S)?$"},
    ]


class Throttle:
    """Counts failures by account and address within a sliding minute."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        most: int = FAILURES,
        words: str = "Too many failed logins, try again later",
    ) -> None:
        self._clock = clock
        self._most = most
        self._words = words
        self._failures: dict[bytes, deque[float]] = {}

    @staticmethod
    def _key(username: str, address: str) -> bytes:
        # Short, whatever was sent: strangers write these names.
        return hashlib.blake2b(f"{len(username)}:{username}{address}".encode(), digest_size=16).digest()

    def check(self, username: str, address: str) -> None:
        """`TooMany` when the account has failed too often from this address."""
        key = self._key(username, address)
        times = self._failures.get(key)
        if times is None:
            return
        now = self._clock()
        while times and now - times[0] > WINDOW_SECONDS:
            times.popleft()
        if not times:
            del self._failures[key]
        elif len(times) >= self._most:
            wait = max(1, round(WINDOW_SECONDS - (now - times[0])))
            raise TooMany(self._words, retry_after=wait)

    def failed(self, username: str, address: str) -> None:
        """Note a failure."""
        if len(self._failures) > 10_000:
            self._failures.pop(next(iter(self._failures)))
        times = self._failures.setdefault(self._key(username, address), deque(maxlen=self._most))
        times.append(self._clock())

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures after a success."""
        self._failures.pop(self._key(username, address), None)


class Credentials:
    """The first account, configured or stored by the set-up page, and further ones of the configuration."""

    def __init__(self, backend: Backend, hasher: PasswordHasher | None = None) -> None:
        self._backend = backend
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
        self._key = os.urandom(32)
        self._cache: dict[bytes, tuple[float, bool]] = {}
        self._flights: dict[bytes, asyncio.Future[bool]] = {}
        self._gate: asyncio.Semaphore | None = None
        self._waiting = 0
        self._stored: dict[str, Any] | None = None
        self._loaded = 0.0
        self.throttle = Throttle()
        config = backend.config
        self.config_errors: list[str] = []
        self._configured: tuple[str, str] | None = None
        self._settled = False
        self._settling = asyncio.Lock()
        self._further = {one.username: one for one in config.accounts}
        self._hashes: dict[str, str] = {}
        """Of further accounts, made when somebody first asks: the configuration is where they are kept."""
        if config.username is not None or config.password is not None:
            self.config_errors = violations(config.username or "", config.password or "", config.password_rule)
            if not self.config_errors:
                self._configured = (config.username or "", config.password or "")

    async def _load(self) -> dict[str, Any] | None:
        if self._settled:  # by the configuration: nothing that is stored later counts
            return self._stored
        if time.monotonic() - self._loaded > 2.0 or self._stored is None:
            text = await self._backend.read(
                lambda r: r.value("select value from setting where key = :key", key=SETTING)
            )
            stored = json.loads(text) if text else None
            if stored != self._stored:
                self._cache.clear()
            self._stored, self._loaded = stored, time.monotonic()
        return self._stored

    async def initialised(self) -> bool:
        """Whether somebody can log in at all."""
        return self._configured is not None or await self._load() is not None

    async def username(self) -> str | None:
        """The account's name."""
        if self._configured:
            return self._configured[0]
        stored = await self._load()
        return stored["username"] if stored else None

    async def grants(self, username: str) -> Grants | None:
        """What an account may do; None for a name that has none, or none any more.

        The first account is asked before those of the configuration: it can't be taken away by one of its name.
        """
        if username == await self.username():
            return EVERYTHING
        further = self._further.get(username)
        return of_role(further.role) if further else None

    async def configured(self, username: str) -> bool:
        """Whether the configuration sets the password of an account: it is changed there."""
        return self._configured is not None or username != await self.username()

    async def changed(self, username: str) -> int | None:
        """When the password of an account was set here, ms; None when that is not known."""
        stored = await self._load()
        return stored.get("changed") if stored and not await self.configured(username) else None

    async def change(self, username: str, current: str, password: str, address: str) -> None:
        """Another password for a caller that knows the present one.

        Raises `IllegalState` when the configuration sets it, `TooMany` after too many wrong ones, `IllegalArgument`
        for a wrong present password and `InvalidCredentials` for a new one against the rules.
        """
        if await self.configured(username):
            raise IllegalState("The credentials are set by the configuration")
        if not await self.verify(username, current, address):
            raise IllegalArgument("current: the present password is wrong")
        if hmac.compare_digest(password.encode(), current.encode()):
            raise InvalidCredentials("The new password must differ from the present one")
        await self.set_up(username, password, replace=True)

    async def set_up(self, username: str, password: str, *, replace: bool) -> None:
        """Store the first account, or a new password. `InvalidCredentials`, `IllegalState` when configuration rules."""
        username = username.strip()
        found = violations(username, password, self._backend.config.password_rule)
        if found:
            raise InvalidCredentials(", ".join(found))
        if username.casefold() in {one.casefold() for one in self._further}:
            raise InvalidCredentials(f"{ACCOUNTS} has an account of this name")
        if self._configured is not None:
            raise IllegalState("The credentials are set by the configuration")
        if not replace and await self._load() is not None:
            raise IllegalState("The credentials are already set")
        hashed = await anyio.to_thread.run_sync(self._hasher.hash, password)
        value = {"username": username, "password": hashed, "changed": self._backend.now()}
        await self._backend.core.send("settings.put", {"key": SETTING, "value": value}, principal=username)
        self._stored, self._loaded = value, time.monotonic()
        self._cache.clear()

    def _digest(self, username: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{len(username)}:{username}{password}".encode(), hashlib.sha256)

    async def verify(self, username: str, password: str, address: str = "") -> bool:
        """Whether the pair is right; one hash for all simultaneous equal questions. `TooMany` when throttled."""
        digest = self._digest(username, password)
        if self._cache:
            await self._load()  # another process may have changed the password: what is remembered then goes
        known = self._cache.get(digest)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        self.throttle.check(username, address)
        await self._settle()
        right = await self._hash_once(digest, username, password)
        if right:
            self.throttle.succeeded(username, address)
            if len(self._cache) > 1000:
                self._cache.clear()
            self._cache[digest] = (time.monotonic() + CACHE_SECONDS, True)
        else:
            self.throttle.failed(username, address)
        return right

    async def _settle(self) -> None:
        """Store what the configuration says, salted and hashed, over what was there: it always wins (F1).

        From then on both ways to an account are checked by the same hash, in the same time.
        """
        if self._configured is None or self._settled:
            return
        async with self._settling:
            if self._settled:
                return
            username, password = self._configured
            stored = await self._load()
            if (
                stored is None
                or stored["username"] != username
                or not await anyio.to_thread.run_sync(self._matches, stored["password"], password)
            ):
                hashed = await anyio.to_thread.run_sync(self._hasher.hash, password)
                stored = {"username": username, "password": hashed}
                try:
                    await self._backend.core.send("settings.put", {"key": SETTING, "value": stored}, principal=username)
                except Unavailable:  # people get in while the engine can't write; the next start stores it
                    log.warning("the configured account could not be stored yet")
                self._cache.clear()
            self._stored, self._loaded = stored, time.monotonic()
            self._settled = True

    async def _hash_once(self, digest: bytes, username: str, password: str) -> bool:
        flight = self._flights.get(digest)
        if flight is None:
            if self._waiting >= QUEUED:
                raise TooMany("Too many logins at once", retry_after=1)
            flight = asyncio.ensure_future(self._hash(username, password))
            self._flights[digest] = flight
            flight.add_done_callback(lambda _: self._flights.pop(digest, None))
        return await asyncio.shield(flight)

    async def _hash(self, username: str, password: str) -> bool:
        stored = await self._load()
        if stored is None and not self._further:
            return False
        if self._gate is None:
            self._gate = asyncio.Semaphore(PARALLEL)
        self._waiting += 1
        try:
            async with self._gate:
                # The hash of another account stands for an unknown name, so that it takes as long as a wrong password.
                own, hashed = await anyio.to_thread.run_sync(self._hash_of, stored, username)
                matches = await anyio.to_thread.run_sync(self._matches, hashed, password[:1024])
        finally:
            self._waiting -= 1
        return matches and hmac.compare_digest(own.encode(), username.encode())

    def _hash_of(self, stored: dict[str, Any] | None, username: str) -> tuple[str, str]:
        """The account of a name with its hash; some other one where there is no such name."""
        for one in self._further.values():  # all at once: the first question of a process costs the same for each name
            if one.username not in self._hashes:
                self._hashes[one.username] = self._hasher.hash(one.password)
        if stored is not None and (stored["username"] == username or username not in self._hashes):
            return stored["username"], stored["password"]
        own = username if username in self._hashes else next(iter(self._hashes))
        return own, self._hashes[own]

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False
