"""The caller's own account: its name in words, its password (spec: extensions §2, UI-ST-02)."""

from __future__ import annotations

import json
import logging
from typing import Any

from flowdeck.model.errors import IllegalArgument
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.credentials import Credentials, password_rules
from flowdeck.services.sessions import Sessions
from flowdeck.services.wire import compact, instant

log = logging.getLogger("flowdeck.api")

LONGEST = 100
NAMES = ("firstName", "lastName")


def _key(username: str) -> str:
    return f"flowdeck.profile.{username}"


async def names(backend: Backend, username: str) -> dict[str, str]:
    """First and last name of an account, as far as it told them."""
    text = await backend.read(lambda r: r.value("select value from setting where key = :key", key=_key(username)))
    stored = json.loads(text) if text else {}
    return {name: str(stored[name]) for name in NAMES if stored.get(name)}


def shown(username: str, known: dict[str, str]) -> str:
    """The name that the console shows: first and last name, else what stands before the @."""
    return " ".join(known[name] for name in NAMES if name in known) or username.partition("@")[0]


async def keep_names(backend: Backend, username: str, sent: dict[str, Any]) -> dict[str, str]:
    """Store first and last name; an absent one stays, an empty one goes. `IllegalArgument` names what is wrong."""
    known = await names(backend, username)
    for name in NAMES:
        if name not in sent:
            continue
        value = sent[name]
        if value is not None and not isinstance(value, str):
            raise IllegalArgument(f"{name}: must be a text")
        text = (value or "").strip()
        if len(text) > LONGEST:
            raise IllegalArgument(f"{name}: at most {LONGEST} characters, got {len(text)}")
        if not text.isprintable():
            raise IllegalArgument(f"{name}: must not hold control characters")
        known.pop(name, None)
        if text:
            known[name] = text
    await backend.core.send("settings.put", {"key": _key(username), "value": known or None}, principal=username)
    return known


async def profile(backend: Backend, credentials: Credentials, caller: Caller) -> dict[str, Any]:
    """Who the caller is, and whether and by which rules its password can be changed here."""
    known = await names(backend, caller.username)
    changed = await credentials.changed(caller.username)
    return {
        "username": caller.username,
        "email": caller.username,
        "name": shown(caller.username, known),
        **known,
        "password": compact(
            {
                "changeable": not await credentials.configured(caller.username),
                "changed": instant(changed) if changed else None,
                "rules": password_rules(backend.config.password_rule),
            }
        ),
    }


async def change_password(
    credentials: Credentials, sessions: Sessions, caller: Caller, current: str, password: str, address: str
) -> int:
    """Give the caller's account another password and end its other sessions; answers how many ended.

    Raises `IllegalArgument` for a wrong current password, `InvalidCredentials` for a broken rule, `IllegalState` when
    the configuration sets the password, `TooMany` after too many wrong ones: guessing costs the same as a login.
    """
    await credentials.change(caller.username, current, password, address)
    ended = await sessions.close_others(caller)
    log.info("the password of %s was changed; %d other sessions ended", caller.username, ended)
    return ended
